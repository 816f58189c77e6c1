//! The write-ahead log: which of its frames are committed, and where each page's newest version lies.
//!
//! Reads only; laying the pages over the database is `image`'s business. The format is section 4 of SQLite's `fileformat2`.

use std::collections::HashMap;
use std::io;

use super::image::Chunks;

pub(super) const HEADER_LEN: usize = 32;
pub(super) const FRAME_HEADER_LEN: usize = 24;
/// More distinct pages than this are not kept in the map (16 GiB of log at the usual page size).
const MAX_PAGES: usize = 4 << 20;

/// The committed content of a write-ahead log.
#[derive(Debug, Default, PartialEq)]
pub struct Wal {
    /// In bytes.
    pub page_size: u32,
    /// Size of the database after the last commit, in pages; 0 when nothing was committed.
    pub pages: u32,
    /// Frames up to and with the last commit.
    pub frames: u64,
    /// Whole frames after it, which SQLite would not read either.
    pub ignored: u64,
    /// Why reading stopped before the end of the file.
    pub stopped: Option<Stop>,
    /// Page number to the place of its newest committed content in the log.
    pub(super) map: HashMap<u32, u64>,
}

/// Why the frames of a log end before its file does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The salt is not that of the header: left over from before the log was started again.
    OtherGeneration,
    /// The checksum does not fit the content.
    Checksum,
    /// Valid frames that no commit follows.
    Uncommitted,
    /// More distinct pages than are kept in memory.
    TooManyPages,
    /// The file could not be read further.
    Unreadable,
}

impl Stop {
    fn reason(self) -> &'static str {
        match self {
            Stop::OtherGeneration => "left over from an earlier generation of the log",
            Stop::Checksum => "a checksum does not fit",
            Stop::Uncommitted => "never committed",
            Stop::TooManyPages => "the log holds more pages than are kept",
            Stop::Unreadable => "the file cannot be read there",
        }
    }
}

impl Wal {
    /// Reads the log once from start to end.
    ///
    /// `Err`: not a log at all (then nothing of it can be used), or its first bytes cannot be read; as a sentence fragment.
    pub(super) fn parse(log: &mut Chunks<'_>) -> Result<Wal, String> {
        let mut header = [0; HEADER_LEN];
        let read = log.read(0, &mut header).map_err(|error| format!("cannot be read: {error}"))?;
        if read < HEADER_LEN {
            return Err(format!("is only {read} bytes long"));
        }
        let big_endian = match word(&header, 0) {
            0x377f_0682 => false,
            0x377f_0683 => true,
            _ => return Err("is not a write-ahead log (or is encrypted)".into()),
        };
        if word(&header, 4) != 3_007_000 {
            return Err(format!("has the unknown format version {}", word(&header, 4)));
        }
        let page_size = word(&header, 8);
        if !page_size.is_power_of_two() || !(512..=65536).contains(&page_size) {
            return Err(format!("has the impossible page size {page_size}"));
        }
        let mut sum = Checksum { big_endian, sums: (0, 0) };
        sum.add(&header[..24]);
        if sum.sums != (word(&header, 24), word(&header, 28)) {
            return Err("has a damaged header (its checksum does not fit)".into());
        }
        let mut wal = Wal { page_size, ..Wal::default() };
        if wal.frames(log, &header, sum).is_err() {
            // What was committed before the unreadable place stays usable, as it would after a crash.
            wal.stopped = Some(Stop::Unreadable);
        }
        Ok(wal)
    }

    fn frames(
        &mut self,
        log: &mut Chunks<'_>,
        header: &[u8; HEADER_LEN],
        mut sum: Checksum,
    ) -> io::Result<()> {
        let frame_len = FRAME_HEADER_LEN as u64 + u64::from(self.page_size);
        let total = log.len().saturating_sub(HEADER_LEN as u64) / frame_len;
        let mut frame = vec![0; frame_len as usize];
        // Pages since the last commit; they count only when the next commit is reached.
        let mut pending: HashMap<u32, u64> = HashMap::new();
        self.ignored = total;
        for number in 0..total {
            let offset = HEADER_LEN as u64 + number * frame_len;
            if log.read(offset, &mut frame)? < frame.len() {
                self.stopped = Some(Stop::Unreadable);
                return Ok(());
            }
            let (page, size_after) = (word(&frame, 0), word(&frame, 4));
            if page == 0 || frame[8..16] != header[16..24] {
                self.stopped = Some(Stop::OtherGeneration);
                return Ok(());
            }
            sum.add(&frame[..8]);
            sum.add(&frame[FRAME_HEADER_LEN..]);
            if sum.sums != (word(&frame, 16), word(&frame, 20)) {
                self.stopped = Some(Stop::Checksum);
                return Ok(());
            }
            if self.map.len() + pending.len() >= MAX_PAGES {
                self.stopped = Some(Stop::TooManyPages);
                return Ok(());
            }
            pending.insert(page, offset + FRAME_HEADER_LEN as u64);
            if size_after != 0 {
                self.map.extend(pending.drain());
                self.pages = size_after;
                self.frames = number + 1;
                self.ignored = total - self.frames;
            }
        }
        if !pending.is_empty() {
            self.stopped = Some(Stop::Uncommitted);
        }
        Ok(())
    }

    /// What a user should know about frames that were not used. `None` if all were, or if the rest is only what SQLite leaves behind
    /// each time it starts the log again: nearly every phone has some, and nothing of the database is missing.
    pub fn note(&self) -> Option<String> {
        let stopped = self.stopped.filter(|stopped| *stopped != Stop::OtherGeneration)?;
        let reason = stopped.reason();
        Some(format!(
            "{} of {} frames of the -wal are not used: {reason}",
            self.ignored,
            self.frames + self.ignored
        ))
    }
}

/// The running checksum of header and frames, in the byte order that the magic number states.
struct Checksum {
    big_endian: bool,
    sums: (u32, u32),
}

impl Checksum {
    fn add(&mut self, bytes: &[u8]) {
        let (mut first, mut second) = self.sums;
        let (pairs, _) = bytes.as_chunks::<8>();
        for &[a, b, c, d, e, f, g, h] in pairs {
            let (x, y) = if self.big_endian {
                (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]))
            } else {
                (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]))
            };
            first = first.wrapping_add(x).wrapping_add(second);
            second = second.wrapping_add(y).wrapping_add(first);
        }
        self.sums = (first, second);
    }
}

/// The big-endian word at `offset` of a buffer of known length.
fn word(bytes: &[u8], offset: usize) -> u32 {
    bytes.get(offset..).and_then(|rest| rest.first_chunk()).map_or(0, |bytes| u32::from_be_bytes(*bytes))
}
