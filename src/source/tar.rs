//! Members of a tar, by their place in the file or by their number in a stream.

use std::{
    cell::Cell,
    collections::{BTreeSet, HashMap},
    io::{self, BufReader, Read},
    rc::Rc,
};

use flate2::bufread::MultiGzDecoder;
use jiff::Timestamp;
use tar::{Archive, Entry, EntryType};

use super::{
    FileKind,
    archive::{Index, Place},
    container::{Cursor, EachWithBytes, FileAt, Member, Shared},
};
use crate::{
    format::ReadAt,
    record::Value,
    time::{Clock, Epoch},
};

/// Long names and PAX records of one member; the `tar` crate keeps them in memory whatever their size.
const MAX_HEADERS: u64 = 1 << 20;
/// A phone is mostly pictures and compresses two to one; a gzip that swells more than this is a bomb.
const MAX_SWELLING: u64 = 100;
/// What may be inflated in any case.
const ALWAYS_INFLATED: u64 = 1 << 30;

/// An inflated stream that ends in an error where no phone's would go on.
pub(super) struct Inflated {
    decoder: MultiGzDecoder<BufReader<Cursor<FileAt>>>,
    left: u64,
}

pub(super) fn inflate(file: &FileAt) -> Inflated {
    let reader = BufReader::with_capacity(256 << 10, Cursor { reader: file.clone(), position: 0 });
    let left = file.len().saturating_mul(MAX_SWELLING).saturating_add(ALWAYS_INFLATED);
    Inflated { decoder: MultiGzDecoder::new(reader), left }
}

impl Read for Inflated {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.decoder.read(buffer)?;
        self.left = self.left.checked_sub(read as u64).ok_or_else(|| {
            io::Error::other(format!("it inflates to more than {MAX_SWELLING} times its size"))
        })?;
        Ok(read)
    }
}

/// How far an archive may be read until its next member is there.
#[derive(Clone)]
struct Limit(Rc<Cell<u64>>);

impl Limit {
    fn new() -> Limit {
        Limit(Rc::new(Cell::new(MAX_HEADERS)))
    }

    /// The member is there: its content may be read or skipped, and then the headers of the next.
    fn pass<R: Read>(&self, entry: &Entry<'_, R>) {
        // A sparse member states its unfolded size.
        let sparse = entry.header().entry_type() == EntryType::GNUSparse;
        let stored = if sparse { entry.header().entry_size().unwrap_or(0) } else { entry.size() };
        self.0.set(entry.raw_file_position().saturating_add(stored).saturating_add(MAX_HEADERS));
    }
}

/// Ends in an error at a [`Limit`].
struct Limited<R> {
    inner: R,
    position: u64,
    limit: Limit,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.limit.0.get().saturating_sub(self.position)).unwrap_or(usize::MAX);
        if left == 0 && !buffer.is_empty() {
            return Err(io::Error::other(format!(
                "the headers of a member are longer than {MAX_HEADERS} bytes"
            )));
        }
        let within = left.min(buffer.len());
        let read = self.inner.read(buffer.get_mut(..within).unwrap_or_default())?;
        self.position += read as u64;
        Ok(read)
    }
}

impl<R: io::Seek> io::Seek for Limited<R> {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        self.position = self.inner.seek(to)?;
        Ok(self.position)
    }
}

/// The members of a tar whose bytes can be read at any place.
pub(super) fn index<R: ReadAt>(reader: R) -> Index {
    let mut index = Index::default();
    let len = reader.len();
    let limit = Limit::new();
    let inner = Cursor { reader, position: 0 };
    let mut archive = Archive::new(Limited { inner, position: 0, limit: limit.clone() });
    match archive.entries_with_seek() {
        Ok(entries) => {
            for entry in entries {
                entry.iter().for_each(|entry| limit.pass(entry));
                let at = |entry: &Entry<'_, _>| Place::At(entry.raw_file_position());
                if !add(&mut index, entry, at, Some(len), &mut |_, _| ()) {
                    break;
                }
            }
        }
        Err(error) => index.problem(ends_early(&error)),
    }
    index
}

/// The members of a tar.gz, read through once; each member is given with its bytes on the way.
pub(super) fn index_stream(file: &FileAt, each: EachWithBytes<'_>) -> Index {
    let mut index = Index::default();
    let limit = Limit::new();
    let mut archive = Archive::new(Limited { inner: inflate(file), position: 0, limit: limit.clone() });
    match archive.entries() {
        Ok(entries) => {
            for (number, entry) in entries.enumerate() {
                entry.iter().for_each(|entry| limit.pass(entry));
                if !add(&mut index, entry, |_| Place::Nth(number), None, each) {
                    break;
                }
            }
        }
        Err(error) => index.problem(ends_early(&error)),
    }
    index
}

/// The content of the wanted members, as far as they fit into `budget` bytes together; cut ones are left out.
pub(super) fn load(file: &FileAt, wanted: &[usize], budget: u64) -> io::Result<HashMap<usize, Shared>> {
    let mut wanted: BTreeSet<usize> = wanted.iter().copied().collect();
    let mut loaded = HashMap::new();
    let mut left = budget;
    if wanted.is_empty() {
        return Ok(loaded);
    }
    let limit = Limit::new();
    let mut archive = Archive::new(Limited { inner: inflate(file), position: 0, limit: limit.clone() });
    for (number, entry) in archive.entries()?.enumerate() {
        // The listing has told where the stream breaks.
        let Ok(mut entry) = entry else { break };
        limit.pass(&entry);
        if wanted.remove(&number) && entry.size() <= left {
            let size = entry.size();
            let mut bytes = Vec::new();
            let read = (&mut entry).take(size).read_to_end(&mut bytes);
            left -= size;
            if read.is_err() && bytes.is_empty() {
                break;
            }
            loaded.insert(number, Shared::new(bytes));
        }
        if wanted.is_empty() {
            break;
        }
    }
    Ok(loaded)
}

fn ends_early(error: &io::Error) -> String {
    format!("the archive ends early ({error}); what was before counts")
}

fn add<R: Read>(
    index: &mut Index,
    entry: io::Result<Entry<'_, R>>,
    place: impl Fn(&Entry<'_, R>) -> Place,
    len: Option<u64>,
    each: EachWithBytes<'_>,
) -> bool {
    let mut entry = match entry {
        Ok(entry) => entry,
        Err(error) => {
            index.problem(ends_early(&error));
            return false;
        }
    };
    let header = entry.header();
    let kind = match header.entry_type() {
        EntryType::Regular | EntryType::Continuous | EntryType::Link => FileKind::File,
        EntryType::Directory => FileKind::Directory,
        EntryType::Symlink => FileKind::Link,
        EntryType::XGlobalHeader => return true,
        _ => FileKind::Other,
    };
    let hard_link = header.entry_type() == EntryType::Link;
    let mut member = Member {
        kind,
        mode: header.mode().ok(),
        uid: header.uid().ok().and_then(|uid| u32::try_from(uid).ok()),
        modified: header.mtime().ok().and_then(|time| decode(Value::from(time))),
        size: if kind == FileKind::File { entry.size() } else { 0 },
        ..Member::default()
    };
    let mut place = place(&entry);
    if header.entry_type() == EntryType::GNUSparse {
        place = Place::Nowhere;
        index.problem(format!(
            "the sparse member {:?} was not read",
            String::from_utf8_lossy(&entry.path_bytes()).chars().take(200).collect::<String>()
        ));
    }
    if let (Place::At(start), Some(len)) = (place, len)
        && kind == FileKind::File
        && start.saturating_add(member.size) > len
    {
        member.odd = Some("the archive ends before the end of this file".into());
        member.size = len.saturating_sub(start);
        index.problem(format!(
            "the archive ends inside of {:?}; what was before counts",
            String::from_utf8_lossy(&entry.path_bytes()).chars().take(200).collect::<String>()
        ));
    }
    let link = entry.link_name_bytes().map(|name| name.into_owned());
    if kind == FileKind::Link || hard_link {
        member.target = link.as_ref().map(|target| String::from_utf8_lossy(target).into_owned());
    }
    if let Ok(Some(extensions)) = entry.pax_extensions() {
        for extension in extensions.flatten() {
            let (Ok(key), Ok(value)) = (extension.key(), extension.value()) else { continue };
            // PAX keeps fractions of a second, the plain header does not.
            let time = || decode(Value::from(value));
            match key {
                "mtime" => member.modified = time().or(member.modified),
                "ctime" => member.changed = time(),
                "LIBARCHIVE.creationtime" => member.created = time(),
                _ => {}
            }
        }
    }
    let before = index.len();
    let more = index.add(&entry.path_bytes(), member, place);
    if let Some(mut member) = index.added_since(before) {
        if hard_link {
            // On the way through, what it has the content of may be long gone.
            member.kind = FileKind::Link;
        }
        each(member, &mut entry);
    }
    if hard_link && let Some(target) = link {
        index.hard_link(&target);
    }
    more
}

fn decode(value: Value<'_>) -> Option<Timestamp> {
    Epoch::Unix.decode(&value, &Clock::NONE).ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(kind: EntryType, size: u64) -> tar::Header {
        let mut header = tar::Header::new_gnu();
        header.set_path("a").unwrap();
        header.set_entry_type(kind);
        header.set_size(size);
        header.set_cksum();
        header
    }

    /// A tar of headers and contents.
    fn archive(members: &[(EntryType, Vec<u8>)]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (kind, content) in members {
            bytes.extend_from_slice(header(*kind, content.len() as u64).as_bytes());
            bytes.extend_from_slice(content);
            bytes.resize(bytes.len().next_multiple_of(512), 0);
        }
        bytes.resize(bytes.len() + 1024, 0);
        bytes
    }

    /// Both ways to read it: at places, and as a stream.
    fn listed(bytes: &[u8]) -> [(usize, Vec<String>); 2] {
        let mut file = tempfile::tempfile().unwrap();
        let mut gzip = flate2::write::GzEncoder::new(&mut file, flate2::Compression::fast());
        io::Write::write_all(&mut gzip, bytes).unwrap();
        gzip.finish().unwrap();
        [index(bytes.to_vec()), index_stream(&FileAt::of(file).unwrap(), &mut |_, _| ())]
            .map(|index| index.counted())
    }

    #[test]
    fn headers_that_would_fill_the_memory_end_the_listing_and_say_so() {
        for kind in [EntryType::GNULongName, EntryType::GNULongLink, EntryType::XHeader] {
            let members = [
                (EntryType::Regular, vec![b'x'; 3 << 20]),
                (kind, vec![b'n'; 3 << 20]),
                (EntryType::Regular, vec![]),
            ];
            for (members, problems) in listed(&archive(&members)) {
                assert_eq!(members, 1);
                assert!(problems.concat().contains("headers of a member"), "{problems:?}");
            }
        }
    }

    #[test]
    fn large_members_and_ordinary_long_names_are_read() {
        let long = (EntryType::GNULongName, vec![b'n'; 900]);
        let large = (EntryType::Regular, vec![b'x'; 3 << 20]);
        let members = [long.clone(), large.clone(), long, large];
        for (members, problems) in listed(&archive(&members)) {
            assert_eq!((members, problems), (2, Vec::new()));
        }
    }

    #[test]
    fn damaged_headers_never_panic() {
        let whole = archive(&[
            (EntryType::GNULongName, vec![b'n'; 200]),
            (EntryType::GNUSparse, vec![b'x'; 600]),
            (EntryType::XHeader, b"18 size=999999999\n".to_vec()),
            (EntryType::Regular, vec![b'x'; 600]),
        ]);
        for at in 0..whole.len() {
            for value in [0, b'7', 0x80, 0xff] {
                let mut bytes = whole.clone();
                bytes[at] = value;
                // The sums are set right again, or every change would end at them.
                for block in bytes.chunks_exact_mut(512).filter(|block| block.starts_with(b"a\0")) {
                    let mut header = tar::Header::from_byte_slice(block).clone();
                    header.set_cksum();
                    block.copy_from_slice(header.as_bytes());
                }
                index(bytes);
            }
        }
    }

    #[test]
    fn a_gzip_that_swells_beyond_measure_ends() {
        let mut file = tempfile::tempfile().unwrap();
        io::Write::write_all(&mut file, b"x").unwrap();
        let mut inflated = inflate(&FileAt::of(file).unwrap());
        assert_eq!(inflated.left, ALWAYS_INFLATED + MAX_SWELLING);
        let mut gzip =
            flate2::write::GzEncoder::new(tempfile::tempfile().unwrap(), flate2::Compression::fast());
        io::Write::write_all(&mut gzip, &[0; 4096]).unwrap();
        inflated = inflate(&FileAt::of(gzip.finish().unwrap()).unwrap());
        inflated.left = 4000;
        let error = io::copy(&mut inflated, &mut io::sink()).unwrap_err();
        assert!(error.to_string().contains("100 times"), "{error}");
    }
}
