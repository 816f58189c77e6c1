//! Walks a `tracev3` file chunk by chunk without holding it, and finds its way past damage.

use std::io::Read;

use jiff::Timestamp;

use super::bytes::{Fields, Uuid};
use super::catalog::{self, Catalog};
use super::{Damages, chunkset};

const HEADER: u32 = 0x1000;
const CATALOG: u32 = 0x600B;
const CHUNKSET: u32 = 0x600D;
const PREAMBLE_LEN: usize = 16;
const MAX_HEADER_LEN: u64 = 64 << 10;
const MAX_CHUNK_LEN: u64 = 64 << 20;
/// How much is asked of the reader at once.
const STEP: usize = 256 << 10;

/// The first chunk of a file: its boot, its clock and the device. Live data may come without.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Nanoseconds of a tick, as numerator and denominator.
    pub timebase: (u32, u32),
    /// When the file was begun, in ticks since boot, sleep included.
    pub continuous: u64,
    /// When the file was begun.
    pub wall: Option<Timestamp>,
    /// Minutes west of UTC.
    pub minutes_west: i32,
    pub boot: Uuid,
    /// Build of the system, such as `21A559`.
    pub build: String,
    /// Hardware model, such as `iPhone14,2`.
    pub model: String,
    /// The zone's file, such as `/var/db/timezone/zoneinfo/Europe/Berlin`.
    pub zone: String,
}

impl Header {
    fn read(bytes: &[u8]) -> Option<Header> {
        let mut fields = Fields(bytes);
        let timebase = (fields.u32()?, fields.u32()?);
        let continuous = fields.u64()?;
        let (seconds, micros) = (fields.i64()?, fields.u32()?);
        let minutes_west = fields.i32()?;
        let (_daylight, _flags) = (fields.u32()?, fields.u32()?);
        let nanos = i32::try_from(micros).ok().and_then(|micros| micros.checked_mul(1000));
        let wall = nanos.and_then(|nanos| Timestamp::new(seconds, nanos).ok());
        let (build, model, zone) = <(String, String, String)>::default();
        let mut header =
            Header { timebase, continuous, wall, minutes_west, boot: Uuid(0), build, model, zone };
        while let (Some(tag), Some(len)) = (fields.u32(), fields.u32()) {
            let mut part = Fields(fields.bytes(len.try_into().ok()?)?);
            match tag {
                0x6101 => {
                    part.bytes(8)?;
                    header.build = part.text(16)?;
                    header.model = part.text(32)?;
                }
                0x6102 => header.boot = part.uuid()?,
                0x6103 => header.zone = part.text(len as usize)?,
                _ => {}
            }
        }
        Some(header)
    }
}

/// A chunk of a file, unpacked.
#[derive(Debug)]
pub enum Chunk {
    Header(Header),
    Catalog(Catalog),
    /// The unpacked log data of a chunkset.
    Chunkset(Vec<u8>),
}

/// The chunks of a file with their offsets; what is damaged is skipped and told by [`Chunks::damages`].
pub struct Chunks<R> {
    reader: R,
    buffer: Vec<u8>,
    /// Where in the buffer the next chunk begins.
    start: usize,
    /// Where in the file the next chunk begins.
    offset: u64,
    ended: bool,
    damages: Damages,
}

impl<R: Read> Chunks<R> {
    pub fn new(reader: R) -> Chunks<R> {
        Chunks { reader, buffer: Vec::new(), start: 0, offset: 0, ended: false, damages: Damages::default() }
    }

    /// What could not be read so far.
    pub fn damages(&self) -> &Damages {
        &self.damages
    }

    fn ahead(&self) -> &[u8] {
        self.buffer.get(self.start..).unwrap_or_default()
    }

    /// Makes `count` bytes available unless the file ends before.
    fn fill(&mut self, count: usize) -> bool {
        if self.ahead().len() >= count || self.ended {
            return self.ahead().len() >= count;
        }
        self.buffer.drain(..self.start);
        self.start = 0;
        while self.buffer.len() < count && !self.ended {
            let before = self.buffer.len();
            let want = (count - before).max(STEP) as u64;
            match self.reader.by_ref().take(want).read_to_end(&mut self.buffer) {
                Ok(0) => self.ended = true,
                Ok(_) => {}
                Err(error) => {
                    self.damages
                        .add(self.offset + self.buffer.len() as u64, format!("failed to read on: {error}"));
                    self.ended = true;
                }
            }
        }
        self.buffer.len() >= count
    }

    fn skip(&mut self, count: usize) {
        let count = count.min(self.ahead().len());
        self.start += count;
        self.offset += count as u64;
    }

    /// The chunk that begins here, if what stands here can be one: its tag and the length of its data.
    fn preamble(&self, at: usize) -> Option<(u32, usize)> {
        let mut fields = Fields(self.ahead().get(at..)?);
        let (tag, subtag, len) = (fields.u32()?, fields.u32()?, fields.u64()?);
        let most = match tag {
            HEADER => MAX_HEADER_LEN,
            CATALOG => catalog::MAX_LEN,
            CHUNKSET => MAX_CHUNK_LEN,
            _ => return None,
        };
        // The subtag is 0x11 in all files seen.
        (len <= most && subtag <= 0xFFFF).then_some((tag, len as usize))
    }

    /// Whether a chunk begins at `at`, or the file ends there.
    fn goes_on(&mut self, at: usize) -> bool {
        if !self.fill(at.saturating_add(PREAMBLE_LEN)) && self.ahead().len() <= at {
            return true;
        }
        self.preamble(at).is_some()
    }

    /// Goes to the next place where a chunk can begin, at least `least` bytes on.
    fn seek_chunk(&mut self, least: usize) {
        self.skip(least);
        while self.fill(PREAMBLE_LEN + 4) {
            let found = self.preamble(0).is_some_and(|(tag, _)| {
                // Chance makes a tag now and then; what must follow in a chunkset tells.
                let body = self.ahead().get(PREAMBLE_LEN..).unwrap_or_default();
                tag != CHUNKSET || body.starts_with(b"bv4") || body.starts_with(b"ZBM")
            });
            if found {
                return;
            }
            // The bytes at hand are searched before more are asked for.
            let ahead = self.ahead();
            let next = ahead
                .windows(4)
                .skip(1)
                .position(|word| matches!(word, [0x00, 0x10, 0, 0] | [0x0B | 0x0D, 0x60, 0, 0]));
            let step = next.map_or(ahead.len() - 3, |next| next + 1);
            self.skip(step);
        }
        let left = self.ahead().len();
        self.skip(left);
    }

    /// The chunk at the front; `None` if it is not to be used, with the cursor moved on.
    fn chunk(&mut self) -> Option<(u64, Chunk)> {
        let offset = self.offset;
        let Some((tag, len)) = self.preamble(0) else {
            self.damages.add(offset, "no chunk begins here");
            self.seek_chunk(1);
            return None;
        };
        let whole = PREAMBLE_LEN + len;
        if !self.fill(whole) {
            self.damages.add(offset, format!("chunk of {len} bytes is cut short"));
            self.seek_chunk(PREAMBLE_LEN);
            return None;
        }
        let body = self.ahead().get(PREAMBLE_LEN..whole).unwrap_or_default();
        let (chunk, used, damage) = match tag {
            HEADER => (Header::read(body).map(Chunk::Header), len, Some("header is cut short")),
            CATALOG => match Catalog::read(body.to_vec()) {
                Ok((catalog, damage)) => (Some(Chunk::Catalog(catalog)), len, damage),
                Err(damage) => (None, len, Some(damage)),
            },
            _ => {
                let unpacked = chunkset::unpack(body);
                let kept = unpacked.damage.is_none() || !unpacked.data.is_empty();
                (kept.then_some(Chunk::Chunkset(unpacked.data)), unpacked.used, unpacked.damage)
            }
        };
        let damage = damage.filter(|_| tag != HEADER || chunk.is_none());
        self.leave(offset, len, used, damage, tag);
        chunk.map(|chunk| (offset, chunk))
    }

    /// Moves on to the next chunk; a length that does not lead to one is not believed.
    fn leave(&mut self, offset: u64, len: usize, used: usize, damage: Option<&'static str>, tag: u32) {
        let name = match tag {
            HEADER => "header",
            CATALOG => "catalog",
            _ => "chunkset",
        };
        if let Some(damage) = damage {
            self.damages.add(offset, format!("{name} {damage}"));
        }
        let next = (PREAMBLE_LEN + len).next_multiple_of(8);
        // A frame that ends long before its chunk has swallowed its neighbours.
        let swallowed = damage.is_none() && used + PREAMBLE_LEN < len;
        if swallowed {
            self.damages.add(offset, format!("{name} is longer than what it holds"));
            self.seek_chunk(PREAMBLE_LEN + used);
        } else if damage.is_none() || self.goes_on(next) {
            // The last chunk may lack its padding.
            self.fill(next);
            self.skip(next);
        } else {
            self.seek_chunk(PREAMBLE_LEN);
        }
    }
}

impl<R: Read> Iterator for Chunks<R> {
    type Item = (u64, Chunk);

    fn next(&mut self) -> Option<(u64, Chunk)> {
        loop {
            if !self.fill(PREAMBLE_LEN) {
                let left = self.ahead().len();
                if self.ahead().iter().any(|byte| *byte != 0) {
                    self.damages.add(self.offset, format!("{left} bytes are left over"));
                }
                self.skip(left);
                return None;
            }
            if let Some(chunk) = self.chunk() {
                return Some(chunk);
            }
        }
    }
}

/// A chunkset with what is needed to understand it.
#[derive(Clone, Copy, Debug)]
pub struct Chunkset<'f> {
    /// `None` in live data that begins without.
    pub header: Option<&'f Header>,
    /// The last one before it; empty if there was none.
    pub catalog: &'f Catalog,
    /// How many catalogs came before that one.
    pub catalogs: usize,
    /// Its number in the file, from 0.
    pub index: usize,
    /// Where its chunk begins, in bytes from the start of the file.
    pub offset: u64,
    /// Unpacked, at most 64 MiB.
    pub data: &'f [u8],
}

impl Chunkset<'_> {
    /// The boot whose ticks its times count.
    pub fn boot(&self) -> Option<Uuid> {
        self.header.map(|header| header.boot).filter(|boot| boot.0 != 0)
    }
}

/// What a walk over a file leaves behind.
#[derive(Debug, Default)]
pub struct Walked {
    pub header: Option<Header>,
    pub chunksets: usize,
    /// Unpacked bytes of all chunksets.
    pub unpacked: u64,
    pub damages: Damages,
}

/// Calls `visit` with each chunkset of a `tracev3` file, holding one chunk at a time.
pub fn for_each_decompressed(reader: impl Read, visit: &mut dyn FnMut(&Chunkset<'_>)) -> Walked {
    let mut walked = Walked::default();
    let mut catalog = Catalog::default();
    let mut catalogs = 0;
    let mut chunks = Chunks::new(reader);
    for (offset, chunk) in chunks.by_ref() {
        match chunk {
            // Later headers of a file repeat the first.
            Chunk::Header(header) => {
                walked.header.get_or_insert(header);
            }
            Chunk::Catalog(next) => (catalog, catalogs) = (next, catalogs + 1),
            Chunk::Chunkset(data) => {
                let header = walked.header.as_ref();
                let index = walked.chunksets;
                visit(&Chunkset { header, catalog: &catalog, catalogs, index, offset, data: &data });
                walked.chunksets += 1;
                walked.unpacked += data.len() as u64;
            }
        }
    }
    walked.damages = chunks.damages;
    walked
}

#[cfg(test)]
mod tests {
    use super::super::writer;
    use super::*;

    fn sample() -> (Vec<u8>, Vec<usize>) {
        let chunks = [
            writer::header(&writer::Boot::default()),
            writer::catalog(1, &[], &[]),
            writer::compressed(&b"first ".repeat(30)),
            writer::stored(b"second"),
            writer::catalog(2, &[], &[]),
            writer::compressed(&b"third ".repeat(30)),
        ];
        let starts = chunks.iter().scan(0, |at, chunk| {
            *at += chunk.len();
            Some(*at - chunk.len())
        });
        (chunks.concat(), starts.collect())
    }

    fn words(bytes: &[u8]) -> (Vec<String>, Walked) {
        let mut words = Vec::new();
        let walked = for_each_decompressed(bytes, &mut |chunkset| {
            words.push(String::from_utf8_lossy(&chunkset.data[..5]).trim().to_owned());
        });
        (words, walked)
    }

    #[test]
    fn chunksets_come_with_their_header_and_catalog() {
        let (bytes, starts) = sample();
        let mut seen = Vec::new();
        let walked = for_each_decompressed(bytes.as_slice(), &mut |chunkset| {
            seen.push((chunkset.index, chunkset.offset as usize, chunkset.catalog.earliest));
        });
        assert_eq!(seen, [(0, starts[2], 1), (1, starts[3], 1), (2, starts[5], 2)]);
        assert!(walked.damages.is_empty(), "{:?}", walked.damages);
        let header = walked.header.unwrap();
        assert_eq!((header.timebase, header.minutes_west), ((125, 3), -60));
        assert_eq!((header.build.as_str(), header.model.as_str()), ("21A559", "iPhone14,2"));
        assert_eq!(header.zone, "/var/db/timezone/zoneinfo/Europe/Berlin");
        assert_eq!(header.boot.to_string(), "B0070000000000000000000000000001");
        assert_eq!(header.wall.unwrap().to_string(), "2024-03-01T08:00:00.5Z");
    }

    /// Gives its bytes in pieces, as a decompressor does.
    struct Pieces<'b>(&'b [u8], usize);

    impl Read for Pieces<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let len = self.1.min(buffer.len());
            self.0.read(&mut buffer[..len])
        }
    }

    #[test]
    fn any_reader_will_do() {
        let (bytes, _) = sample();
        for size in [1, 7, 4096] {
            let mut count = 0;
            let walked = for_each_decompressed(Pieces(&bytes, size), &mut |_| count += 1);
            assert_eq!((count, walked.damages.is_empty()), (3, true));
        }
    }

    #[test]
    fn what_follows_damage_is_still_read() {
        let (bytes, starts) = sample();
        let mut wrong_tag = bytes.clone();
        wrong_tag[starts[2]] = 0x77;
        let mut wrong_block = bytes.clone();
        wrong_block[starts[2] + 16] = b'x';
        let mut too_long = bytes.clone();
        too_long[starts[2] + 10] = 0x40;
        let mut swallows = bytes.clone();
        let reach = starts[5] - starts[2] - 16;
        swallows[starts[2] + 8..starts[2] + 16].copy_from_slice(&(reach as u64).to_le_bytes());
        let garbage =
            [&bytes[..starts[2]], &b"\x0d\x60\x00\x00 what is this"[..], &bytes[starts[3]..]].concat();
        for damaged in [&wrong_tag, &wrong_block, &too_long, &garbage] {
            let (words, walked) = words(damaged);
            assert_eq!(words, ["secon", "third"], "{:?}", walked.damages);
            assert_eq!(walked.damages.places[0].offset, starts[2] as u64);
        }
        assert_eq!(words(&swallows).0, ["first", "secon", "third"]);
    }

    #[test]
    fn a_file_that_ends_early_gives_what_came_before() {
        let (bytes, starts) = sample();
        let (words, walked) = words(&bytes[..starts[5] + 20]);
        assert_eq!(words, ["first", "secon"]);
        assert_eq!(walked.damages.places[0].reason, "chunk of 32 bytes is cut short");
    }

    #[test]
    fn broken_files_do_not_panic() {
        let (bytes, _) = sample();
        for len in 0..bytes.len() {
            words_of_any(&bytes[..len]);
        }
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            words_of_any(&flipped);
        }
    }

    fn words_of_any(bytes: &[u8]) {
        let walked = for_each_decompressed(bytes, &mut |_| ());
        assert!(walked.chunksets <= 3);
    }
}
