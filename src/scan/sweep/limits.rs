//! What unpacking may cost: bytes of a file and of the whole acquisition, and pieces that are tried.

use std::collections::BTreeSet;
use std::io::{self, Read};
use std::sync::atomic::{AtomicU64, Ordering};

/// What all that is packed in one file, or 64 MiB of a large one, may unpack to.
const UNPACKED: u64 = 1 << 30;
/// What all that is packed in an acquisition may unpack to: minutes on one core, where archives made to be unpacked forever would take days.
const ALL_UNPACKED: u64 = 64 << 30;
/// Places that look packed and are tried, of as much. Small values packed one by one stand closer to each other in no known database.
pub(super) const PIECES: u32 = 100_000;

const FULL: &str = "of what is packed in it only the first 1073741824 bytes were searched";
const ALL_FULL: &str =
    "what is packed in it was not searched, or in part: 68719476736 bytes of the whole acquisition were";
const MANY: &str = "more places in it look packed than are tried (100000 in 64 MiB)";

/// What may still be unpacked of an acquisition; all its searches draw on it.
pub(in crate::scan) struct Budget(AtomicU64);

impl Default for Budget {
    fn default() -> Budget {
        Budget::of(ALL_UNPACKED)
    }
}

impl Budget {
    pub(super) fn of(bytes: u64) -> Budget {
        Budget(AtomicU64::new(bytes))
    }

    fn left(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn spend(&self, bytes: u64) {
        // It never fails: the closure always gives a number.
        let _ = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| Some(left.saturating_sub(bytes)));
    }
}

/// What one search may still do.
pub(super) struct Limits<'b> {
    budget: &'b Budget,
    room: u64,
    pieces: u32,
    exceeded: BTreeSet<&'static str>,
}

impl<'b> Limits<'b> {
    pub fn new(budget: &'b Budget) -> Limits<'b> {
        Limits { budget, room: UNPACKED, pieces: PIECES, exceeded: BTreeSet::new() }
    }

    /// Counts a piece; false if there were too many.
    pub fn may_try_piece(&mut self) -> bool {
        match self.pieces.checked_sub(1) {
            Some(left) => self.pieces = left,
            None => {
                self.has_too_many_pieces();
                return false;
            }
        }
        true
    }

    /// Notes that not all places that look packed are tried.
    pub fn has_too_many_pieces(&mut self) {
        self.exceeded.insert(MANY);
    }

    /// Whether nothing more may be unpacked, which is noted.
    pub fn is_used_up(&mut self) -> bool {
        if self.room == 0 {
            self.exceeded.insert(FULL);
        }
        if self.budget.left() == 0 {
            self.exceeded.insert(ALL_FULL);
        }
        self.room == 0 || self.budget.left() == 0
    }

    /// Takes over what a meter has counted.
    pub fn settle<R>(&mut self, meter: &Meter<'_, R>) {
        self.room = meter.room;
    }

    /// Which limits were exceeded.
    pub fn exceeded(&self) -> impl Iterator<Item = &str> {
        self.exceeded.iter().copied()
    }

    pub fn take(&mut self, other: &Limits<'_>) {
        self.exceeded.extend(&other.exceeded);
    }
}

/// Unpacked content as far as it may be read.
pub(super) struct Meter<'b, R> {
    inner: R,
    room: u64,
    budget: &'b Budget,
}

impl<'b, R> Meter<'b, R> {
    pub fn new(inner: R, limits: &Limits<'b>) -> Meter<'b, R> {
        Meter { inner, room: limits.room, budget: limits.budget }
    }
}

impl<R: Read> Read for Meter<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = self.room.min(self.budget.left()).min(buffer.len() as u64) as usize;
        let read = self.inner.read(buffer.get_mut(..most).unwrap_or_default())?;
        self.room -= read as u64;
        self.budget.spend(read as u64);
        Ok(read)
    }
}
