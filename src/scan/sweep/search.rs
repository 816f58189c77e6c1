//! Bytes to raw hits: a file in overlapping windows, and what is packed inside of it.

use std::io::{self, Read};
use std::sync::Arc;

use super::hits::{Found, Raw};
use super::limits::{Budget, Limits, Meter};
use super::spot;
use crate::format::ReadAt;
use crate::format::packed::{self, Finder, Packing, Unpacker};
use crate::format::sqlite::{self, Part, Sheets};
use crate::indicator::{Matcher, Sweeper};

/// Bytes searched at a time.
const WINDOW: usize = 1 << 20;
/// Bytes looked at on either side of where a value goes on on another page.
const ACROSS: usize = 1024;
/// Words of a database that are looked at as parts of their values.
const WORDS: usize = 10_000;
/// Bytes shown on either side of a hit.
const AROUND: usize = 96;
/// Bytes by which a file is told to be packed.
const HEAD: u64 = 100;
/// How often content is unpacked inside of unpacked content.
const DEPTH: usize = 3;
/// Packed content up to this size is held while it is searched, so that what is packed inside of it is seen too.
const HELD: u64 = 64 << 20;
/// Members of an archive that are unpacked.
const MEMBERS: usize = 100_000;

/// Opens the same content again and again.
pub(super) type Open<'r> = dyn Fn() -> io::Result<Box<dyn ReadAt + 'r>> + Sync + 'r;

/// The search of one file, or of a piece of a large one.
pub(super) struct Search<'m> {
    sweeper: Sweeper<'m>,
    pub found: Found,
    limits: Limits<'m>,
    /// How far the file is packed as a whole and was unpacked.
    pub unpacked_to: u64,
    /// What could not be unpacked to its end.
    damages: Vec<String>,
    finder: Finder,
    buffer: Vec<u8>,
}

impl<'m> Search<'m> {
    pub fn new(matcher: &'m Matcher, budget: &'m Budget) -> Search<'m> {
        Search {
            sweeper: matcher.sweeper(),
            found: Found::new(),
            limits: Limits::new(budget),
            unpacked_to: 0,
            damages: Vec::new(),
            finder: Finder::default(),
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
        let packing = packed::of_file(&head(&*reader)?).filter(|_| from == 0 && depth < DEPTH);
        match packing {
            None => self.plain(open, from, to, inner, depth),
            Some(Packing::Zip) => {
                if self.members(open, inner, depth)? {
                    return Ok(());
                }
                // Its members can still be seen, one by one.
                self.plain(open, from, to, inner, depth)
            }
            Some(packing) => {
                let mut whole = Unpacker::file(packing, packed::From::new(&*reader, 0));
                let name = below(inner, packing.name());
                let ended = self.unpacked(&mut whole, &name, depth)?;
                let from = if ended { whole.used() } else { 0 };
                if depth == 0 {
                    self.unpacked_to = from;
                }
                // What was not unpacked is searched as it is.
                self.plain(open, from, to, inner, depth)
            }
        }
    }

    /// Searches bytes as they are, and what is packed in their middle.
    fn plain(
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
        let may_hold_pieces = depth < DEPTH && !packed::is_medium(&head);
        let mut pieces = Vec::new();
        let sheets = Sheets::of(&head);
        let mut words = Vec::new();
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
            if sheets.is_some() {
                self.sweeper.words(bytes, first, last, &mut |span, _| {
                    if words.len() < WORDS {
                        words.push((begin + span.start as u64, span.len()));
                    }
                });
            }
            if may_hold_pieces {
                let limits = &mut self.limits;
                let all = self.finder.find(bytes, first, last, &mut |packing, offset| {
                    let may = limits.may_try_piece();
                    if may {
                        pieces.push((packing, begin + offset as u64));
                    }
                    may
                });
                if !all {
                    limits.has_too_many_pieces();
                }
            }
            if read < (end - begin) as usize {
                break;
            }
            at = end;
        }
        self.buffer = buffer;
        if let Some(sheets) = sheets {
            self.values(reader, &sheets, &words, inner)?;
        }
        if from == 0 && sqlite::is_database(&head) {
            self.seams(open, inner)?;
        }
        self.pieces(reader, &pieces, inner, depth)?;
        if depth > 0 {
            let mut raws = self.unexplained();
            raws.retain(|raw| raw.inner == *inner);
            spot::explain(open, None, raws);
        }
        Ok(())
    }

    /// What is packed at these places, as far as it is.
    fn pieces(
        &mut self,
        reader: &dyn ReadAt,
        pieces: &[(Packing, u64)],
        inner: &Arc<str>,
        depth: usize,
    ) -> io::Result<()> {
        let tried = packed::of_file(&head(reader)?);
        let mut done = 0;
        for (packing, offset) in pieces.iter().copied() {
            // Blocks of a stream look like beginnings of their own.
            let is_new = offset >= done && (offset > 0 || tried != Some(packing));
            if !is_new || self.limits.is_used_up() {
                continue;
            }
            let name = match offset {
                0 => below(inner, packing.name()),
                _ => below(inner, &format!("{} at {offset}", packing.name())),
            };
            let mut piece = Unpacker::piece(packing, packed::From::new(reader, offset));
            // Bytes that only look like it give an error at once, which is no damage.
            let damages = self.damages.len();
            if self.unpacked(&mut piece, &name, depth)? {
                done = offset + piece.used();
            }
            self.damages.truncate(damages);
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

    /// Looks at words in databases again, as parts of the values that hold them: what stands right before and behind these is no text.
    fn values(
        &mut self,
        reader: &dyn ReadAt,
        sheets: &Sheets,
        words: &[(u64, usize)],
        inner: &Arc<str>,
    ) -> io::Result<()> {
        let (sweeper, found) = (self.sweeper, &mut self.found);
        let mut page = vec![0; sheets.page_size()];
        let mut held = None;
        for &(offset, length) in words {
            let Some(start) = sheets.page_of(offset) else { continue };
            if held.replace(start) != Some(start) {
                page.resize(sheets.page_size(), 0);
                let read = reader.read_at(start, &mut page)?;
                page.truncate(read);
            }
            let within = (offset - start) as usize;
            let value = sheets.value(&page, start, within);
            let value = value.or_else(|| sqlite::orphan(&page, within, length));
            let Some(value) = value else { continue };
            let text = page.get(value.clone()).unwrap_or_default();
            sweeper.sweep(text, 0, text.len(), &mut |at, hit| {
                let offset = start + (value.start + at) as u64;
                found.entry(hit.indicator).or_default().add_new(Raw {
                    inner: Arc::clone(inner),
                    offset,
                    part: Part::Main,
                    around: around(text, at, hit.matched.len()),
                    spot: None,
                    hit,
                });
            });
        }
        Ok(())
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

    /// What comes out of packed content: held and looked into, or searched while it goes by. True if that was all of it.
    fn unpacked(&mut self, content: &mut dyn Read, name: &Arc<str>, depth: usize) -> io::Result<bool> {
        let mut held = Vec::new();
        let mut content = Meter::new(content, &self.limits);
        let mut damage = (&mut content).take(HELD).read_to_end(&mut held).err();
        if held.len() as u64 == HELD {
            damage = self.stream(held, &mut content, name).err();
            self.limits.settle(&content);
        } else {
            self.limits.settle(&content);
            if !held.is_empty() {
                let len = held.len() as u64;
                let held = Arc::new(held);
                let open = || Ok(Box::new(Arc::clone(&held)) as Box<dyn ReadAt>);
                self.content(&open, 0, len, name, depth + 1)?;
            }
        }
        let ended = damage.is_none() && !self.limits.is_used_up();
        if let Some(error) = damage {
            self.damages.push(format!("{name}: it stops unpacking: {error}"));
        }
        Ok(ended)
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
            if held.len() == before || result.is_err() {
                let len = held.len();
                self.window(&held, first, len, begin, name);
                return result.map(drop);
            }
        }
    }

    /// The members of an archive; false if it is broken.
    fn members(&mut self, open: &Open<'_>, inner: &Arc<str>, depth: usize) -> io::Result<bool> {
        let reader = open()?;
        let mut archive = match packed::Zip::open(&*reader) {
            Ok(archive) => archive,
            Err(error) => {
                self.damages.push(format!("{inner}: the zip cannot be read: {error}"));
                return Ok(false);
            }
        };
        for number in 0..archive.len().min(MEMBERS) {
            if self.limits.is_used_up() {
                break;
            }
            match archive.member(number) {
                Ok(Some((name, mut content))) => {
                    let name = below(inner, &name);
                    self.unpacked(&mut content, &name, depth)?;
                }
                Ok(None) => {}
                Err(error) => self.damages.push(format!("{inner}: member {number}: {error}")),
            }
        }
        Ok(true)
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
        self.limits.take(&other.limits);
        self.damages.extend(other.damages);
    }

    /// Searches content that goes by and is too long to be held.
    pub fn passing(&mut self, content: &mut dyn Read) -> io::Result<()> {
        let mut head = Vec::new();
        (&mut *content).take(HEAD).read_to_end(&mut head)?;
        match packed::of_file(&head) {
            // These marks are long enough to be believed.
            Some(packing @ (Packing::Gzip | Packing::AppleLz4 | Packing::Lz4 | Packing::Lzfse)) => {
                let mut whole = Unpacker::file(packing, head.as_slice().chain(content));
                self.unpacked(&mut whole, &packing.name().into(), 0).map(drop)
            }
            _ => self.stream(Vec::new(), &mut head.as_slice().chain(content), &"".into()),
        }
    }

    /// What is wrong with the file: what was left out first, then what could not be read.
    pub fn problems(&self) -> impl Iterator<Item = &str> {
        self.limits.exceeded().chain(self.damages.iter().map(String::as_str))
    }

    /// Adds something that is wrong with the file.
    pub fn damaged(&mut self, what: String) {
        self.damages.push(what);
    }
}

fn head(reader: &dyn ReadAt) -> io::Result<Vec<u8>> {
    let mut head = vec![0; HEAD as usize];
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

    use super::super::limits;
    use super::*;
    use crate::format::packed::testing::{self, gzip, zip};
    use crate::indicator::{Platform, load};

    const HOST: &str = "evilhost-updates.net";

    fn matcher() -> Matcher {
        let mut list = tempfile::Builder::new().suffix(".txt").tempfile().unwrap();
        writeln!(list, "{HOST}").unwrap();
        Matcher::new(load(&[list.path().to_owned()], false).unwrap(), Platform::Ios)
    }

    /// Where hits are, as `inner: offset`.
    fn places(bytes: Vec<u8>) -> Vec<String> {
        searched(bytes).0
    }

    /// The same, and what is told to be wrong.
    fn searched(bytes: Vec<u8>) -> (Vec<String>, Vec<String>) {
        let (matcher, budget) = (matcher(), Budget::default());
        let mut search = Search::new(&matcher, &budget);
        let (len, bytes) = (bytes.len() as u64, Arc::new(bytes));
        search.file(&|| Ok(Box::new(Arc::clone(&bytes))), 0, len).unwrap();
        let raws = search.found.values().flat_map(|hits| &hits.places);
        let places = raws.map(|raw| format!("{}: {}", raw.inner, raw.offset)).collect();
        (places, search.problems().map(str::to_owned).collect())
    }

    fn text() -> Vec<u8> {
        format!("lorem ipsum https://{HOST}/x dolor sit amet").into_bytes()
    }

    /// Text that is long enough for every packing to pack it, with the host once.
    fn long() -> Vec<u8> {
        [text(), b" and ".to_vec(), testing::text(6000)].concat()
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

    fn every_packing(text: &[u8]) -> [(&'static str, Vec<u8>); 6] {
        [
            ("gzip", gzip(text)),
            ("zlib", testing::zlib(text)),
            ("zip", zip("a.txt", text)),
            ("LZ4", testing::lz4_apple(text)),
            ("LZ4", testing::lz4_frame(text, 0x44, 4)),
            ("LZFSE", testing::lzfse(text)),
        ]
    }

    /// Only those within pieces: what LZ4 cannot pack it leaves as it is, where it is seen too.
    fn within(mut places: Vec<String>) -> Vec<String> {
        places.retain(|place| place.contains(" at "));
        places
    }

    #[test]
    fn packed_pieces_in_the_middle_of_a_file_are_seen() {
        let before = b"some header\0\x01\x02 \x1f\x8b\x08 and \x78\x9c what only looks like it, bvx2, bv41 ";
        for (name, packed) in every_packing(&long()) {
            for before in [&before[..], b"-", &vec![0; WINDOW - 1], &vec![b'b'; WINDOW - 2000]] {
                let bytes = [before, &packed, b"and more"].concat();
                let place = format!("{name} at {}: 20", before.len());
                assert_eq!(within(places(zip("b.bin", &bytes))), [format!("b.bin > {place}")]);
                assert_eq!(within(places(bytes)), [place]);
            }
        }
    }

    #[test]
    fn files_of_every_packing_are_unpacked_with_what_follows() {
        for (name, packed) in every_packing(&long()) {
            let member = if name == "zip" { "a.txt" } else { name };
            assert_eq!(places(packed.clone()), [format!("{member}: 20")]);
            assert_eq!(places(zip("b", &packed)), [format!("b > {member}: 20")]);
            if name != "zip" {
                let both = [packed.clone(), b" with ".to_vec(), text()].concat();
                let expected = [format!(": {}", packed.len() + 26), format!("{name}: 20")];
                let mut places = places(both);
                places.sort();
                assert_eq!(places, expected);
            }
        }
    }

    #[test]
    fn blocks_of_one_stream_are_no_pieces_of_their_own() {
        let text = [testing::text(300_000), text()].concat();
        for (name, packed) in every_packing(&text) {
            let places = within(places([b"before ".to_vec(), packed].concat()));
            assert_eq!(places, [format!("{name} at 7: 300020")]);
        }
    }

    #[test]
    fn a_text_of_a_few_words_is_seen_too() {
        assert_eq!(places([b"-", &testing::zlib(&text())[..]].concat()), ["zlib at 1: 20"]);
    }

    #[test]
    fn cut_and_broken_pieces_give_what_they_hold() {
        for (name, packed) in every_packing(&text().repeat(40)) {
            let mut most = 0;
            for cut in (0..packed.len()).step_by(5) {
                most = most.max(places([b"-", &packed[..cut]].concat()).len());
                let mut flipped = packed.clone();
                flipped[cut] ^= 1 << (cut % 8);
                places([b"-", &flipped[..]].concat());
            }
            // The blocks of LZFSE are read from their end.
            assert!(most > 0 || name == "LZFSE", "{name}");
        }
    }

    #[test]
    fn members_of_a_zip_without_its_directory_are_seen() {
        let whole = zip("a.txt", &long());
        let (places, problems) = searched(whole[..whole.len() - 30].to_vec());
        assert_eq!((places, problems.len()), (vec!["zip: 20".to_owned()], 1));
    }

    #[test]
    fn limits_are_kept_and_told() {
        let many = testing::zlib(b"text").repeat(limits::PIECES as usize + 1);
        let (_, problems) = searched(many);
        assert!(problems.iter().any(|problem| problem.contains("look packed")), "{problems:?}");
        let (matcher, budget) = (matcher(), Budget::of(1000));
        let mut search = Search::new(&matcher, &budget);
        let bytes = Arc::new(gzip(&[testing::text(3000), text()].concat()));
        search.file(&|| Ok(Box::new(Arc::clone(&bytes))), 0, bytes.len()).unwrap();
        assert!(search.found.is_empty());
        assert!(search.problems().any(|problem| problem.contains("of the whole acquisition")));
    }

    #[test]
    fn cut_and_false_archives_give_what_they_hold_and_say_so() {
        for whole in [gzip(&text().repeat(50)), zip("a", &text().repeat(50))] {
            for cut in 0..whole.len() {
                let (_, problems) = searched(whole[..cut].to_vec());
                assert!(cut < 20 || !problems.is_empty(), "{cut}");
            }
        }
        // Stored, not packed: the zip's directory is missing, the bytes are there.
        let mut stored = b"PK\x03\x04".to_vec();
        stored.extend(text());
        assert_eq!(places(stored).len(), 1);
    }

    #[test]
    fn content_too_long_to_be_held_is_searched_while_it_passes() {
        let (matcher, budget) = (matcher(), Budget::default());
        let held = HELD as usize;
        for at in [0, held - 4100, held - 10, held, held + 5000] {
            let mut bytes = vec![b'x'; at];
            bytes.extend(format!(" {HOST} ").into_bytes());
            bytes.resize(held + 20_000, b'y');
            let mut search = Search::new(&matcher, &budget);
            search.passing(&mut &*bytes).unwrap();
            let raws: Vec<u64> =
                search.found.values().flat_map(|hits| &hits.places).map(|raw| raw.offset).collect();
            assert_eq!(raws, [at as u64 + 1]);
        }
        let mut search = Search::new(&matcher, &budget);
        search.passing(&mut &*gzip(&text())).unwrap();
        assert_eq!(search.found.len(), 1);
    }

    #[test]
    fn the_text_around_a_hit_can_be_printed() {
        let bytes = b"\x00\x1b[31mred\x07 \xff e\0v\0i\0l\0 tail";
        assert_eq!(around(bytes, 12, 4), "[31mred evil tail");
    }
}
