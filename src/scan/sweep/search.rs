//! Bytes to raw hits: a file in overlapping windows, and what is packed inside of it.

use std::io::{self, Read};
use std::sync::Arc;

use super::hits::{Found, Raw};
use super::packed::{self, Packing};
use super::spot;
use crate::format::ReadAt;
use crate::format::sqlite::{self, Part};
use crate::indicator::{Matcher, Sweeper};

/// Bytes searched at a time.
const WINDOW: usize = 1 << 20;
/// Bytes looked at on either side of where a value goes on on another page.
const ACROSS: usize = 1024;
/// Bytes shown on either side of a hit.
const AROUND: usize = 96;
/// How often content is unpacked inside of unpacked content.
const DEPTH: usize = 3;
/// Packed content up to this size is held while it is searched, so that what is packed inside of it is seen too.
const HELD: u64 = 64 << 20;
/// What all that is packed in one file may unpack to.
const UNPACKED: u64 = 1 << 30;
/// Members of an archive that are unpacked.
const MEMBERS: usize = 100_000;

/// Opens the same content again and again.
pub(super) type Open<'r> = dyn Fn() -> io::Result<Box<dyn ReadAt + 'r>> + Sync + 'r;

/// The search of one file.
pub(super) struct Search<'m> {
    matcher: &'m Matcher,
    sweeper: Sweeper<'m>,
    pub found: Found,
    /// Bytes that may still be unpacked.
    room: u64,
    /// What could not be unpacked to its end.
    pub damages: Vec<String>,
    buffer: Vec<u8>,
}

impl<'m> Search<'m> {
    pub fn new(matcher: &'m Matcher) -> Search<'m> {
        Search {
            matcher,
            sweeper: matcher.sweeper(),
            found: Found::new(),
            room: UNPACKED,
            damages: Vec::new(),
            buffer: Vec::new(),
        }
    }

    /// Searches `from..to` of a file, and from its beginning also what is packed in it.
    pub fn file(&mut self, open: &Open<'_>, from: u64, to: u64) -> io::Result<()> {
        self.content(open, from, to, &"".into(), 0)
    }

    fn content(
        &mut self,
        open: &Open<'_>,
        from: u64,
        to: u64,
        inner: &Arc<str>,
        depth: usize,
    ) -> io::Result<()> {
        let reader = open()?;
        let reader = &*reader;
        let head = head(reader)?;
        if from == 0 && depth < DEPTH {
            match packed::of_file(&head) {
                Some(Packing::Zip) => return self.members(open, inner, depth),
                Some(packing) => {
                    let whole = packed::open(packing, reader, 0);
                    let name = below(inner, packing.name());
                    return self.unpacked(whole, &name, depth);
                }
                None => {}
            }
        }
        // Pictures and films hold no blobs of other programs.
        let may_hold_blobs = depth < DEPTH && !packed::is_medium(&head);
        let mut blobs = Vec::new();
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut at = from;
        while at < to {
            let begin = at.saturating_sub(Sweeper::CONTEXT as u64);
            let end = (at + WINDOW as u64).min(to);
            let wanted = (end - begin) as usize + Sweeper::CONTEXT;
            buffer.resize(wanted, 0);
            let read = reader.read_at(begin, &mut buffer)?;
            let bytes = buffer.get(..read).unwrap_or_default();
            let (first, last) = ((at - begin) as usize, ((end - begin) as usize).min(bytes.len()));
            self.window(bytes, first, last, begin, inner);
            if may_hold_blobs {
                packed::blobs(bytes, first, last, &mut |packing, offset| {
                    blobs.push((packing, begin + offset as u64));
                });
            }
            if read < (end - begin) as usize {
                break;
            }
            at = end;
        }
        self.buffer = buffer;
        if from == 0 && sqlite::is_database(&head) {
            self.seams(open, inner)?;
        }
        for (packing, offset) in blobs {
            // A file that is packed as a whole was unpacked above.
            if offset > 0 {
                let name = below(inner, &format!("{} at {offset}", packing.name()));
                // Bytes that only look like it give an error at once, which is no damage.
                let damages = self.damages.len();
                self.unpacked(packed::open(packing, reader, offset), &name, depth)?;
                self.damages.truncate(damages);
            }
        }
        if depth > 0 {
            let mut raws = self.unexplained();
            raws.retain(|raw| raw.inner == *inner);
            spot::explain(open, None, raws);
        }
        Ok(())
    }

    fn window(&mut self, bytes: &[u8], from: usize, to: usize, begin: u64, inner: &Arc<str>) {
        let found = &mut self.found;
        self.sweeper.sweep(bytes, from, to, &mut |at, hit| {
            let (offset, length) = (begin + at as u64, hit.matched.len());
            found.entry(hit.indicator).or_default().add(|| Raw {
                inner: Arc::clone(inner),
                offset,
                part: Part::Main,
                around: around(bytes, at, length),
                spot: None,
                hit,
            });
        });
    }

    /// Text that a database keeps on several pages.
    fn seams(&mut self, open: &Open<'_>, inner: &Arc<str>) -> io::Result<()> {
        let (sweeper, found) = (self.sweeper, &mut self.found);
        let seams = sqlite::seams(open()?, None, ACROSS, &mut |seam, joined| {
            // Only what lies on both sides was not seen before.
            sweeper.sweep(joined, 0, seam.joint, &mut |at, hit| {
                let length = hit.matched.len();
                if at + length > seam.joint {
                    found.entry(hit.indicator).or_default().add(|| Raw {
                        inner: Arc::clone(inner),
                        part: seam.part,
                        offset: seam.offset + at as u64,
                        around: around(joined, at, length),
                        spot: None,
                        hit,
                    });
                }
            });
        });
        if let Err(error) = seams {
            self.damages.push(format!("values that go over several pages were not searched: {error}"));
        }
        Ok(())
    }

    /// What comes out of packed content: held and looked into, or searched while it goes by.
    fn unpacked(&mut self, content: Box<dyn Read + '_>, name: &Arc<str>, depth: usize) -> io::Result<()> {
        let mut held = Vec::new();
        let mut content = content.take(self.room);
        let mut damage = (&mut content).take(HELD).read_to_end(&mut held).err();
        self.room -= held.len() as u64;
        if (held.len() as u64) < HELD {
            if !held.is_empty() {
                let len = held.len() as u64;
                let held = Arc::new(held);
                let open = || Ok(Box::new(Arc::clone(&held)) as Box<dyn ReadAt>);
                self.content(&open, 0, len, name, depth + 1)?;
            }
        } else {
            damage = self.stream(held, &mut content, name).err();
        }
        if let Some(error) = damage {
            self.damages.push(format!("{name}: it stops unpacking: {error}"));
        }
        if self.room == 0 {
            self.damages
                .push(format!("{name}: only the first {UNPACKED} bytes of what is packed were searched"));
        }
        Ok(())
    }

    /// Content that is too long to be held. Its beginning is in `held`.
    fn stream(&mut self, mut held: Vec<u8>, rest: &mut dyn Read, name: &Arc<str>) -> io::Result<()> {
        let (mut begin, mut first) = (0_u64, 0);
        loop {
            // The last bytes wait for what comes behind them.
            let last = held.len().saturating_sub(Sweeper::CONTEXT);
            self.window(&held, first, last, begin, name);
            let keep = last.saturating_sub(Sweeper::CONTEXT);
            held.drain(..keep);
            begin += keep as u64;
            first = last - keep;
            let before = held.len();
            let result = rest.take(HELD).read_to_end(&mut held);
            self.room = self.room.saturating_sub((held.len() - before) as u64);
            if held.len() == before || result.is_err() {
                let len = held.len();
                self.window(&held, first, len, begin, name);
                return result.map(drop);
            }
        }
    }

    fn members(&mut self, open: &Open<'_>, inner: &Arc<str>, depth: usize) -> io::Result<()> {
        let reader = open()?;
        let mut archive = match packed::Zip::open(&*reader) {
            Ok(archive) => archive,
            Err(error) => {
                self.damages.push(format!("{inner}: the zip cannot be read: {error}"));
                // Whatever is stored unpacked can still be seen.
                let mut bytes = Search::new(self.matcher);
                bytes.content(open, 0, reader.len(), inner, DEPTH)?;
                self.take(bytes);
                return Ok(());
            }
        };
        for number in 0..archive.len().min(MEMBERS) {
            if self.room == 0 {
                break;
            }
            match archive.member(number) {
                Ok(Some((name, content))) => {
                    let name = below(inner, &name);
                    self.unpacked(content, &name, depth)?;
                }
                Ok(None) => {}
                Err(error) => self.damages.push(format!("{inner}: member {number}: {error}")),
            }
        }
        Ok(())
    }

    /// The hits of which nobody knows yet what stands there.
    pub fn unexplained(&mut self) -> Vec<&mut Raw> {
        let raws = self.found.values_mut().flat_map(|hits| &mut hits.places);
        raws.filter(|raw| raw.spot.is_none()).collect()
    }

    /// Adds what another search of the same file found.
    pub fn take(&mut self, other: Search<'_>) {
        for (indicator, hits) in other.found {
            self.found.entry(indicator).or_default().take(hits);
        }
        self.damages.extend(other.damages);
    }

    /// Searches content that goes by and is too long to be held.
    pub fn passing(&mut self, content: &mut dyn Read) -> io::Result<()> {
        self.stream(Vec::new(), content, &"".into())
    }
}

fn head(reader: &dyn ReadAt) -> io::Result<Vec<u8>> {
    let mut head = vec![0; 64];
    let read = reader.read_at(0, &mut head)?;
    head.truncate(read);
    Ok(head)
}

fn below(inner: &str, name: &str) -> Arc<str> {
    if inner.is_empty() { name.into() } else { format!("{inner} > {name}").into() }
}

/// The text around a hit, as far as it can be printed; zero bytes of two-byte characters are left out.
fn around(bytes: &[u8], at: usize, length: usize) -> String {
    let from = at.saturating_sub(AROUND);
    let to = (at + length + AROUND).min(bytes.len());
    let bytes: Vec<u8> =
        bytes.get(from..to).unwrap_or_default().iter().copied().filter(|byte| *byte != 0).collect();
    let text = String::from_utf8_lossy(&bytes);
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        let c = if c.is_control() || c == char::REPLACEMENT_CHARACTER { ' ' } else { c };
        if c != ' ' || !shown.ends_with(' ') {
            shown.push(c);
        }
    }
    shown.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{GzEncoder, ZlibEncoder};

    use super::*;
    use crate::indicator::{Platform, load};

    const HOST: &str = "evilhost-updates.net";

    fn matcher() -> Matcher {
        let mut list = tempfile::Builder::new().suffix(".txt").tempfile().unwrap();
        writeln!(list, "{HOST}").unwrap();
        Matcher::new(load(&[list.path().to_owned()], false).unwrap(), Platform::Ios)
    }

    /// Where hits are, as `inner: offset`.
    fn places(bytes: Vec<u8>) -> Vec<String> {
        let matcher = matcher();
        let mut search = Search::new(&matcher);
        let (len, bytes) = (bytes.len() as u64, Arc::new(bytes));
        search.file(&|| Ok(Box::new(Arc::clone(&bytes))), 0, len).unwrap();
        let raws = search.found.values().flat_map(|hits| &hits.places);
        raws.map(|raw| format!("{}: {}", raw.inner, raw.offset)).collect()
    }

    fn text() -> Vec<u8> {
        format!("lorem ipsum https://{HOST}/x dolor sit amet").into_bytes()
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(bytes).unwrap();
        gzip.finish().unwrap()
    }

    fn zip(name: &str, bytes: &[u8]) -> Vec<u8> {
        let mut zip = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
        zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
        zip.finish().unwrap().into_inner()
    }

    #[test]
    fn a_hit_is_found_once_wherever_windows_end() {
        for before in [0, 1, WINDOW - 40, WINDOW - 21, WINDOW - 5, WINDOW, 2 * WINDOW - 10] {
            let mut bytes = vec![b' '; before];
            bytes.extend(HOST.as_bytes());
            assert_eq!(places(bytes.clone()), [format!(": {before}")]);
            bytes.extend(vec![0; 3 * WINDOW]);
            assert_eq!(places(bytes), [format!(": {before}")]);
        }
    }

    #[test]
    fn what_is_packed_is_unpacked_within_what_is_packed() {
        assert_eq!(places(gzip(&text())), ["gzip: 20"]);
        assert_eq!(places(zip("a/b.txt", &text())), ["a/b.txt: 20"]);
        assert_eq!(places(zip("log.gz", &gzip(&text()))), ["log.gz > gzip: 20"]);
        assert_eq!(places(gzip(&zip("inner.txt", &text()))), ["gzip > inner.txt: 20"]);
        // Four deep is deeper than anybody looks.
        let deep = zip("1", &zip("2", &zip("3", &gzip(&text()))));
        assert_eq!(places(deep), Vec::<String>::new());
    }

    #[test]
    fn packed_pieces_in_the_middle_of_a_file_are_seen() {
        let mut bytes = b"some header\0\x01\x02 \x1f\x8b\x08 and \x78\x9c what only looks like it ".to_vec();
        let at = bytes.len();
        bytes.extend(gzip(&text()));
        assert_eq!(places(bytes.clone()), [format!("gzip at {at}: 20")]);
        bytes.extend([0; 100]);
        let at = bytes.len();
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
        let long = [text(), (0..4000_u32).flat_map(|n| (n * n).to_string().into_bytes()).collect()].concat();
        zlib.write_all(&long).unwrap();
        bytes.extend(zlib.finish().unwrap());
        bytes.extend(b"and more");
        assert!(places(bytes).contains(&format!("zlib at {at}: 20")));
    }

    #[test]
    fn cut_and_false_archives_give_what_they_hold_and_say_so() {
        let matcher = matcher();
        for whole in [gzip(&text().repeat(50)), zip("a", &text().repeat(50))] {
            for cut in 0..whole.len() {
                let bytes = Arc::new(whole[..cut].to_vec());
                let mut search = Search::new(&matcher);
                search.file(&|| Ok(Box::new(Arc::clone(&bytes))), 0, cut as u64).unwrap();
                assert!(cut < 20 || !search.damages.is_empty(), "{cut}");
            }
        }
        // Stored, not packed: the zip's directory is missing, the bytes are there.
        let mut stored = b"PK\x03\x04".to_vec();
        stored.extend(text());
        assert_eq!(places(stored).len(), 1);
    }

    #[test]
    fn content_too_long_to_be_held_is_searched_while_it_passes() {
        let matcher = matcher();
        let held = HELD as usize;
        for at in [0, held - 4100, held - 10, held, held + 5000] {
            let mut bytes = vec![b'x'; at];
            bytes.extend(format!(" {HOST} ").into_bytes());
            bytes.resize(held + 20_000, b'y');
            let mut search = Search::new(&matcher);
            search.passing(&mut &*bytes).unwrap();
            let raws: Vec<u64> =
                search.found.values().flat_map(|hits| &hits.places).map(|raw| raw.offset).collect();
            assert_eq!(raws, [at as u64 + 1]);
        }
    }

    #[test]
    fn the_text_around_a_hit_can_be_printed() {
        let bytes = b"\x00\x1b[31mred\x07 \xff e\0v\0i\0l\0 tail";
        assert_eq!(around(bytes, 12, 4), "[31mred evil tail");
    }
}
