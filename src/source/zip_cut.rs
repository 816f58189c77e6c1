//! A zip without the list of members at its end, as a cut transfer leaves it: members are read one after the other by what stands
//! before each of them, as far as each surely leads to the next.

use std::io;

use flate2::{Decompress, FlushDecompress, Status};
use memchr::memmem;

use super::{
    FileKind,
    archive::{Index, Place},
    container::{FileAt, Member, clean},
    zip::dos_time,
};
use crate::{
    format::ReadAt,
    record::Value,
    time::{Clock, Epoch},
};

const HEADER: &[u8] = b"PK\x03\x04";
const DESCRIPTOR: &[u8] = b"PK\x07\x08";
/// The list of members, or what stands before and behind it.
const BEHIND: [&[u8]; 5] = [b"PK\x01\x02", b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07", b"PK\x06\x08"];
const HEADER_BYTES: u64 = 30;
const CHUNK: usize = 256 << 10;
/// Read of a member at first: there may be millions of small ones.
const FIRST_CHUNK: usize = 4 << 10;
/// Inflated to find where members end; what inflates to more is a bomb.
const MOST_INFLATED: u64 = 64 << 30;

/// What a walk from header to header found.
pub(super) enum Recovered {
    Members(Index),
    /// The first member is encrypted with a password of the zip's own.
    Encrypted,
    Nothing,
}

/// Reads members from the beginning of the file. `why` is what is wrong with the list at its end.
pub(super) fn recover(file: &FileAt, why: &str) -> Recovered {
    let mut index = Index::default();
    let mut walk = Walk {
        file,
        inflated: 0,
        decompress: Decompress::new(false),
        input: vec![0; CHUNK],
        output: vec![0; CHUNK],
    };
    let mut at = 0;
    let end = loop {
        match walk.member(at) {
            Ok(Found::Member(found)) => {
                let cut = found.cut.clone();
                let next = found.next;
                if !walk.add(&mut index, *found) {
                    break String::new();
                }
                match (cut, next) {
                    (Some(words), _) => break words,
                    (None, Some(next)) => at = next,
                    (None, None) => break "behind it nothing more can be told apart".into(),
                }
            }
            Ok(Found::Encrypted) if index.len() == 0 => return Recovered::Encrypted,
            Ok(Found::Encrypted) => break "the next member is encrypted".into(),
            Ok(Found::List) => break "no member is missing".into(),
            Ok(Found::Cut) => break "the next member is missing".into(),
            Ok(Found::Nothing) => break format!("what follows at byte {at} is no member"),
            Err(error) => break format!("what follows at byte {at} cannot be read: {error}"),
        }
    };
    if index.len() == 0 {
        return Recovered::Nothing;
    }
    let count = match index.len() {
        1 => "its only member".to_owned(),
        count => format!("{count} members"),
    };
    index.problem(format!(
        "the zip has no usable list of members at its end ({why}), as if it was cut short: {count} were read from its beginning on; {end}"
    ));
    Recovered::Members(index)
}

enum Found {
    Member(Box<Local>),
    Encrypted,
    /// The list of members begins here.
    List,
    /// The file ends here.
    Cut,
    Nothing,
}

/// A member as its own header tells it.
struct Local {
    name: Vec<u8>,
    size: u64,
    compressed: u64,
    method: u16,
    modified: Option<jiff::Timestamp>,
    header: u64,
    /// Where the next one begins, if that is sure.
    next: Option<u64>,
    /// Why it is not whole.
    cut: Option<String>,
}

struct Walk<'a> {
    file: &'a FileAt,
    /// Bytes so far.
    inflated: u64,
    decompress: Decompress,
    input: Vec<u8>,
    output: Vec<u8>,
}

impl Walk<'_> {
    fn bytes<const N: usize>(&self, at: u64) -> io::Result<Option<[u8; N]>> {
        let mut bytes = [0; N];
        let read = self.file.read_at(at, &mut bytes)?;
        Ok((read == N).then_some(bytes))
    }

    fn member(&mut self, at: u64) -> io::Result<Found> {
        let Some(mark) = self.bytes::<4>(at)? else { return Ok(Found::Cut) };
        if BEHIND.iter().any(|behind| **behind == mark) {
            return Ok(Found::List);
        }
        if mark != *HEADER {
            return Ok(Found::Nothing);
        }
        let Some(header) = self.bytes::<{ HEADER_BYTES as usize }>(at)? else { return Ok(Found::Cut) };
        let short = |place: usize| u16::from_le_bytes([header[place], header[place + 1]]);
        let long = |place: usize| {
            u32::from_le_bytes([header[place], header[place + 1], header[place + 2], header[place + 3]])
        };
        let flags = short(6);
        if flags & 1 != 0 {
            return Ok(Found::Encrypted);
        }
        let (name_len, extra_len) = (usize::from(short(26)), usize::from(short(28)));
        let mut texts = vec![0; name_len + extra_len];
        if self.file.read_at(at + HEADER_BYTES, &mut texts)? < texts.len() {
            return Ok(Found::Cut);
        }
        let (name, extra) = texts.split_at_checked(name_len).unwrap_or_default();
        let extra = Extra::read(extra, long(22) == u32::MAX, long(18) == u32::MAX);
        let mut local = Local {
            name: name.to_vec(),
            size: extra.size.unwrap_or(long(22).into()),
            compressed: extra.compressed.unwrap_or(long(18).into()),
            method: short(8),
            modified: extra
                .modified
                .or_else(|| dos_time(zip::DateTime::try_from_msdos(short(12), short(10)).ok()?)),
            header: at,
            next: None,
            cut: None,
        };
        let start = at + HEADER_BYTES + texts.len() as u64;
        // Written before the sizes were known: they stand behind the bytes.
        let told_behind = flags & 8 != 0 && local.compressed == 0;
        match local.method {
            _ if !told_behind => self.sized(&mut local, start)?,
            8 => self.inflated_to_its_end(&mut local, start)?,
            0 => self.stored_until_its_sizes(&mut local, start)?,
            _ => {
                local.cut =
                    Some("where a member ends that is compressed in an unknown way cannot be told".into())
            }
        }
        Ok(Found::Member(Box::new(local)))
    }

    fn sized(&mut self, local: &mut Local, start: u64) -> io::Result<()> {
        let there = self.file.len().saturating_sub(start);
        let stated = local.compressed;
        if stated <= there {
            local.next = start.checked_add(stated);
            return Ok(());
        }
        local.compressed = there;
        local.size = match local.method {
            8 => self.inflate(start)?.size,
            _ => there,
        };
        local.cut = Some(format!("the last one has {there} of {stated} bytes"));
        Ok(())
    }

    fn inflated_to_its_end(&mut self, local: &mut Local, start: u64) -> io::Result<()> {
        let found = self.inflate(start)?;
        (local.size, local.compressed) = (found.size, found.compressed);
        if let Some(words) = found.damage {
            local.cut = Some(words);
            return Ok(());
        }
        local.next = self.behind_descriptor(start + found.compressed, &found)?;
        Ok(())
    }

    /// Behind the sizes that follow a member, where they are those that were found.
    fn behind_descriptor(&self, at: u64, found: &Inflated) -> io::Result<Option<u64>> {
        let mut bytes = [0; 24];
        let read = self.file.read_at(at, &mut bytes)?;
        let bytes = bytes.get(..read).unwrap_or_default();
        let marked = u64::from(bytes.starts_with(DESCRIPTOR)) * 4;
        let narrow = |place: u64| {
            let bytes = bytes.get(usize::try_from(place).ok()?..)?.first_chunk()?;
            Some(u64::from(u32::from_le_bytes(*bytes)))
        };
        let wide = |place: u64| {
            let bytes = bytes.get(usize::try_from(place).ok()?..)?.first_chunk()?;
            Some(u64::from_le_bytes(*bytes))
        };
        let sizes = (Some(found.compressed), Some(found.size));
        let is_narrow = (narrow(marked + 4), narrow(marked + 8)) == sizes;
        let is_wide = (wide(marked + 4), wide(marked + 12)) == sizes;
        Ok(match (is_narrow, is_wide) {
            (true, _) => Some(at + marked + 12),
            (false, true) => Some(at + marked + 20),
            // Cut inside of these sizes, the member itself is whole.
            (false, false) if read < 24 => Some(self.file.len()),
            (false, false) => None,
        })
    }

    /// A stored member ends where its own length is written and another begins.
    fn stored_until_its_sizes(&mut self, local: &mut Local, start: u64) -> io::Result<()> {
        let mut at = start;
        let mut wanted = FIRST_CHUNK;
        loop {
            let buffer = self.input.get_mut(..wanted).unwrap_or_default();
            let read = self.file.read_at(at, buffer)?;
            let bytes = self.input.get(..read).unwrap_or_default();
            for place in memmem::find_iter(bytes, DESCRIPTOR) {
                let end = at + place as u64;
                let found = Inflated { size: end - start, compressed: end - start, damage: None };
                if let Some(next) = self.behind_descriptor(end, &found)?
                    && next < self.file.len()
                    && self
                        .bytes::<4>(next)?
                        .is_none_or(|mark| mark == *HEADER || BEHIND.iter().any(|behind| **behind == mark))
                {
                    (local.size, local.compressed, local.next) = (found.size, found.size, Some(next));
                    return Ok(());
                }
            }
            if read < wanted {
                break;
            }
            wanted = (wanted * 4).min(CHUNK);
            // A mark may go over the end of what was read.
            at += (read - (DESCRIPTOR.len() - 1)) as u64;
        }
        let there = self.file.len().saturating_sub(start);
        (local.size, local.compressed) = (there, there);
        local.cut = Some("where the last one ends is not told: all that follows was taken for it".into());
        Ok(())
    }

    /// Inflates what begins there, to learn how long it is.
    fn inflate(&mut self, start: u64) -> io::Result<Inflated> {
        self.decompress.reset(false);
        let decompress = &mut self.decompress;
        let mut wanted = FIRST_CHUNK;
        let damage = loop {
            let input = self.input.get_mut(..wanted).unwrap_or_default();
            wanted = (wanted * 4).min(CHUNK);
            let read = match self.file.read_at(start.saturating_add(decompress.total_in()), input) {
                Ok(read) => read,
                Err(error) => break Some(format!("the last one cannot be read to its end: {error}")),
            };
            let before = (decompress.total_in(), decompress.total_out());
            let given = input.get(..read).unwrap_or_default();
            let status = decompress.decompress(given, &mut self.output, FlushDecompress::None);
            let out = decompress.total_out() - before.1;
            self.inflated = self.inflated.saturating_add(out);
            match status {
                Ok(Status::StreamEnd) => break None,
                Err(error) => break Some(format!("the last one is damaged: {error}")),
                Ok(_) if self.inflated > MOST_INFLATED => {
                    break Some(format!(
                        "the last one inflates to more than the {MOST_INFLATED} bytes that are looked through"
                    ));
                }
                Ok(_) if out == 0 && decompress.total_in() == before.0 => {
                    break Some("the last one is cut".into());
                }
                Ok(_) => {}
            }
        };
        Ok(Inflated { size: decompress.total_out(), compressed: decompress.total_in(), damage })
    }

    /// False once there are too many members.
    fn add(&self, index: &mut Index, local: Local) -> bool {
        let is_directory = local.name.ends_with(b"/");
        let deflated = match local.method {
            0 => Some(false),
            8 => Some(true),
            _ => None,
        };
        let kind = if is_directory { FileKind::Directory } else { FileKind::File };
        let path = String::from_utf8_lossy(&local.name).into_owned();
        // Of a member whose bytes did not come at all there is nothing to read.
        if local.cut.is_some() && local.size == 0 {
            index.problem(format!("of {:?} nothing was transferred", clean(&path).unwrap_or_default()));
            return true;
        }
        if deflated.is_none() && !is_directory {
            index.problem(format!("{path:?} is compressed in a way that is not supported"));
        }
        let place = deflated.map_or(Place::Nowhere, |deflated| Place::Zip {
            header: local.header,
            compressed: local.compressed,
            deflated,
            cut: local.cut.is_some(),
        });
        let member = Member {
            path,
            size: if is_directory { 0 } else { local.size },
            kind,
            modified: local.modified,
            odd: local.cut.map(|_| "the archive ends in the middle of it".into()),
            ..Member::default()
        };
        index.add(&local.name, member, place)
    }
}

/// How long a member is, and why its end was not found.
struct Inflated {
    size: u64,
    compressed: u64,
    damage: Option<String>,
}

/// What fields behind the name tell.
#[derive(Default)]
struct Extra {
    size: Option<u64>,
    compressed: Option<u64>,
    modified: Option<jiff::Timestamp>,
}

impl Extra {
    fn read(mut bytes: &[u8], size_is_wide: bool, compressed_is_wide: bool) -> Extra {
        let mut extra = Extra::default();
        while let Some((head, rest)) = bytes.split_first_chunk::<4>() {
            let [id, id_high, len, len_high] = *head;
            let len = usize::from(u16::from_le_bytes([len, len_high]));
            let Some((field, after)) = rest.split_at_checked(len) else { break };
            bytes = after;
            match u16::from_le_bytes([id, id_high]) {
                1 => {
                    let mut wide = field.as_chunks::<8>().0.iter().map(|bytes| u64::from_le_bytes(*bytes));
                    extra.size = if size_is_wide { wide.next() } else { None };
                    extra.compressed = if compressed_is_wide { wide.next() } else { None };
                }
                // Absolute, unlike the two-second local time of the plain header.
                0x5455 if field.first().is_some_and(|which| which & 1 != 0) => {
                    let seconds = field.get(1..).and_then(|rest| rest.first_chunk());
                    let seconds = seconds.map(|bytes| i64::from(u32::from_le_bytes(*bytes)));
                    extra.modified = seconds.and_then(|seconds| {
                        Epoch::Unix.decode(&Value::Int(seconds), &Clock::NONE).ok().flatten()
                    });
                }
                _ => {}
            }
        }
        extra
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use ::zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

    use super::super::{archive::Bytes, container::Container};
    use super::*;

    const MEMBERS: [(&str, usize); 4] =
        [("a.txt", 300), ("folder/b.txt", 5_000), ("empty", 0), ("c.txt", 700)];

    fn content(name: &str, len: usize) -> Vec<u8> {
        name.bytes()
            .cycle()
            .zip(0_u32..)
            .map(|(byte, at)| byte ^ (at.wrapping_mul(2_654_435_761) >> 28) as u8)
            .take(len)
            .collect()
    }

    /// Streamed, sizes stand behind each member; else before.
    fn whole(method: CompressionMethod, streamed: bool) -> Vec<u8> {
        fn fill<W: Write + io::Seek>(mut writer: ZipWriter<W>, method: CompressionMethod) -> W {
            for (name, len) in MEMBERS {
                writer.start_file(name, SimpleFileOptions::default().compression_method(method)).unwrap();
                writer.write_all(&content(name, len)).unwrap();
            }
            writer.finish().unwrap()
        }
        match streamed {
            false => fill(ZipWriter::new(io::Cursor::new(Vec::new())), method).into_inner(),
            true => {
                let mut writer = ZipWriter::new_stream(Vec::new());
                for (name, len) in MEMBERS {
                    writer.start_file(name, SimpleFileOptions::default().compression_method(method)).unwrap();
                    writer.write_all(&content(name, len)).unwrap();
                }
                writer.finish().unwrap().into_inner()
            }
        }
    }

    /// Names with contents and whether they are told to be damaged; and the problems.
    fn read(bytes: &[u8]) -> (Vec<(String, Vec<u8>, bool)>, String) {
        let file = FileAt::of_bytes(bytes.to_vec());
        let Recovered::Members(index) = recover(&file, "x") else { return (Vec::new(), String::new()) };
        let archive = index.finish("a zip", Bytes::File(file), 1 << 20);
        let (mut files, mut problems) = (Vec::new(), String::new());
        let mut members = Vec::new();
        let problem = &mut |error: super::super::SourceError| problems.push_str(&error.to_string());
        archive.walk("", &mut |member| members.push(member.path), problem).unwrap();
        for path in members {
            let opened = archive.open(&path).unwrap();
            files.push((path, opened.read_all(1 << 20).unwrap(), opened.damage().is_some()));
        }
        (files, problems)
    }

    #[test]
    fn members_are_whole_up_to_the_cut_and_the_cut_one_is_told_wherever_it_is() {
        for (method, streamed) in [
            (CompressionMethod::Stored, false),
            (CompressionMethod::Deflated, false),
            (CompressionMethod::Stored, true),
            (CompressionMethod::Deflated, true),
        ] {
            let zip = whole(method, streamed);
            let list = memmem::find(&zip, b"PK\x01\x02").unwrap();
            let mut most = 0;
            for end in 30..zip.len() {
                let (files, problems) = read(&zip[..end]);
                assert!(files.is_empty() || problems.contains("as if it was cut short"), "{end}: {problems}");
                let good = files.iter().filter(|(_, _, damaged)| !damaged).count();
                assert!(files.len() - good <= 1, "{end}");
                for ((path, bytes, damaged), (name, len)) in files.iter().zip(MEMBERS) {
                    assert_eq!(path, name);
                    let expected = content(name, len);
                    let fits = if *damaged {
                        bytes.starts_with(&expected) || expected.starts_with(bytes)
                    } else {
                        *bytes == expected
                    };
                    assert!(fits, "{method:?} {streamed} {end} {path}");
                }
                assert!(good >= most || end < list, "{end}");
                most = most.max(good);
            }
            assert_eq!(most, MEMBERS.len(), "{method:?} {streamed}");
            assert!(read(&zip[..list + 4]).1.contains("no member is missing"));
        }
    }

    #[test]
    fn hostile_headers_cost_nothing_and_never_panic() {
        let zip = whole(CompressionMethod::Deflated, true);
        for bit in 0..zip.len().min(400) * 8 {
            let mut flipped = zip.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            read(&flipped);
        }
        // Lengths that no file has, plain and wide.
        let mut header = [HEADER, &[20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]].concat();
        header.extend([0xff; 8]);
        header.extend([1, 0, 20, 0]);
        header.extend(b"x");
        header.extend([1, 0, 16, 0]);
        header.extend([0xff; 16]);
        header.extend(b"rest");
        let (files, problems) = read(&header);
        assert_eq!(files, [("x".to_owned(), b"rest".to_vec(), true)], "{problems}");
        assert!(problems.contains("has 4 of 18446744073709551615 bytes"), "{problems}");
        let mut locked = whole(CompressionMethod::Stored, false);
        locked[6] |= 1;
        assert!(matches!(recover(&FileAt::of_bytes(locked), "x"), Recovered::Encrypted));
        assert!(matches!(recover(&FileAt::of_bytes(b"PK\x03\x04".to_vec()), "x"), Recovered::Nothing));
    }
}
