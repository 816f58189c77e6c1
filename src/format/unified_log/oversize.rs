//! The values of messages that did not fit their records. They lie anywhere in the same file, before or after.

use std::collections::{HashSet, VecDeque};

use macos_unifiedlogs::unified_log::UnifiedLogData;

use super::bytes::Fields;
use super::chunkset::{Kind, Part, parts};
use super::resolve::read_part;

/// They are looked up by going through all.
const MAX_COUNT: usize = 2048;
const MAX_BYTES: usize = 16 << 20;

/// What messages call one by: their process and a number.
type Key = ((u64, u32), u32);

/// The oversize values of one file. A first walk over the file that collects them lets the second find those that come late.
#[derive(Default)]
pub struct Oversize {
    /// Only its `oversize` is used.
    pub(super) data: UnifiedLogData,
    known: HashSet<Key>,
    order: VecDeque<(Key, usize)>,
    bytes: usize,
    /// Values given up for newer ones, and values that could not be read.
    pub lost: u64,
}

impl Oversize {
    /// Collects from the unpacked data of a chunkset.
    pub fn collect(&mut self, data: &[u8]) {
        parts(data, |part| {
            if part.kind == Kind::Oversize {
                self.add(part);
            }
        });
    }

    fn add(&mut self, part: Part<'_>) {
        let Some(key) = key(part.body()) else {
            self.lost += 1;
            return;
        };
        if self.known.contains(&key) {
            return;
        }
        let Some(mut read) = read_part(part).filter(|read| read.oversize.len() == 1) else {
            self.lost += 1;
            return;
        };
        self.data.oversize.append(&mut read.oversize);
        self.known.insert(key);
        self.order.push_back((key, part.bytes.len()));
        self.bytes += part.bytes.len();
        if self.order.len() > MAX_COUNT || self.bytes > MAX_BYTES {
            self.forget(self.order.len().div_ceil(2));
        }
    }

    fn forget(&mut self, count: usize) {
        self.data.oversize.drain(..count.min(self.data.oversize.len()));
        for (key, bytes) in self.order.drain(..count.min(self.order.len())) {
            self.known.remove(&key);
            self.bytes -= bytes;
        }
        self.lost += count as u64;
    }
}

/// The name of an oversize part; none for one whose lengths the crate cannot add up.
fn key(body: &[u8]) -> Option<Key> {
    let mut fields = Fields(body);
    let ids = (fields.u64()?, fields.u32()?);
    let (_ttl, _continuous) = (fields.u32()?, fields.u64()?);
    let number = fields.u32()?;
    fields.u16()?.checked_add(fields.u16()?)?;
    Some((ids, number))
}

#[cfg(test)]
mod tests {
    use super::super::writer::{self, Item};
    use super::*;

    #[test]
    fn the_newest_values_are_kept() {
        let mut oversize = Oversize::default();
        for number in 0..3000 {
            let value = writer::oversize((1, 1), 0, number, &[Item::Text("value")]);
            oversize.collect(&value);
            oversize.collect(&value);
        }
        assert!(oversize.data.oversize.len() <= MAX_COUNT);
        assert_eq!(oversize.data.oversize.len() as u64 + oversize.lost, 3000);
        assert_eq!(oversize.data.oversize.last().map(|last| last.data_ref_index), Some(2999));
    }

    #[test]
    fn broken_values_do_not_panic() {
        let whole = writer::oversize((1, 1), 0, 7, &[Item::Text("value"), Item::Number(4)]);
        for bit in 0..whole.len() * 8 {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            Oversize::default().collect(&flipped);
        }
    }
}
