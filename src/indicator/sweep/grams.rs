//! The filter: one look into a table of bits for each few bytes, none of which depends on another.
//!
//! Of each word a window of [`WINDOW`] bytes is taken that hardly stands anywhere by chance, and all its stretches of [`GRAM`] bytes
//! are noted. Whoever looks at every [`STRIDE`]th stretch of the data meets one of them wherever the word stands.

use super::Literal;

/// Bytes of a stretch; at most eight are read at once.
pub(super) const GRAM: usize = 6;
/// How far apart the stretches that are looked at begin.
pub(super) const STRIDE: usize = 5;
pub(super) const WINDOW: usize = GRAM + STRIDE - 1;
/// Letters become lower case; what that does to other bytes is done to both sides.
pub(super) const FOLD: u8 = 0x20;
const FOLDS: u64 = 0x2020_2020_2020_2020;
const MASK: u64 = u64::MAX >> (64 - 8 * GRAM);
/// Words of the table of bits: half of a usual second-level cache.
const WORDS: usize = 1 << 16;
const AT_ONCE: usize = 8;
const BLOCK: usize = STRIDE * (AT_ONCE - 1) + 8;

/// A stretch of a word's window.
struct Entry {
    gram: u64,
    /// The rest of the window.
    rest: u32,
    literal: u32,
    /// Where it begins in the word.
    at: u16,
    /// Where it begins in the window.
    in_window: u8,
}

pub(super) struct Grams {
    bits: Box<[u64; WORDS]>,
    /// Open addressing: the first entry of a stretch, counted from 1.
    slots: Vec<u32>,
    shift: u32,
    /// Sorted by stretch.
    entries: Vec<Entry>,
}

fn hash(gram: u64) -> u64 {
    gram.wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// The number of the word for a hash, of 16 bits, and three bits in it: together they hold back far more than one, for one load.
fn place(hash: u64) -> (usize, u32, u32, u32) {
    ((hash >> 48) as usize, (hash >> 42) as u32 & 63, (hash >> 36) as u32 & 63, (hash >> 30) as u32 & 63)
}

fn gram(eight: [u8; 8]) -> u64 {
    (u64::from_le_bytes(eight) | FOLDS) & MASK
}

fn gram_at(bytes: &[u8], at: usize) -> Option<u64> {
    let stretch = bytes.get(at..at.checked_add(GRAM)?)?;
    let mut eight = [0; 8];
    eight.get_mut(..GRAM)?.copy_from_slice(stretch);
    Some(gram(eight))
}

/// What the window holds before and after its stretch.
fn rest_at(bytes: &[u8], window: usize, in_window: usize) -> Option<u32> {
    let window = bytes.get(window..)?.first_chunk::<WINDOW>()?;
    let mut rest = [0; STRIDE - 1];
    for (at, byte) in rest.iter_mut().enumerate() {
        *byte = window.get(if at < in_window { at } else { at + GRAM })? | FOLD;
    }
    Some(u32::from_le_bytes(rest))
}

impl Grams {
    pub fn new(literals: &[Literal]) -> Grams {
        let mut entries = Vec::with_capacity(literals.len() * STRIDE);
        for (number, literal) in (0_u32..).zip(literals) {
            for in_window in 0..STRIDE {
                let at = literal.window + in_window;
                if let Some(gram) = gram_at(&literal.word, at)
                    && let Some(rest) = rest_at(&literal.word, literal.window, in_window)
                    && let Ok(place) = u16::try_from(at)
                {
                    let in_window = in_window as u8;
                    entries.push(Entry { gram, rest, literal: number, at: place, in_window });
                }
            }
        }
        entries.sort_unstable_by_key(|entry| (entry.gram, entry.literal, entry.at));
        let power = (entries.len() * 2).next_power_of_two().max(16).trailing_zeros();
        let mut grams = Grams {
            bits: vec![0; WORDS].into_boxed_slice().try_into().expect("the table has as many words"),
            slots: vec![0; 1 << power],
            shift: 64 - power,
            entries,
        };
        let mut last = None;
        for number in 0..grams.entries.len() {
            let Some(gram) = grams.entries.get(number).map(|entry| entry.gram) else { break };
            if last.replace(gram) == Some(gram) {
                continue;
            }
            let hash = hash(gram);
            let (word, one, other, third) = place(hash);
            if let Some(bits) = grams.bits.get_mut(word) {
                *bits |= 1 << one | 1 << other | 1 << third;
            }
            let last_slot = grams.slots.len() - 1;
            let mut slot = (hash >> grams.shift) as usize;
            // Half of the slots stay empty.
            while let Some(taken) = grams.slots.get_mut(slot) {
                if *taken == 0 {
                    *taken = number as u32 + 1;
                    break;
                }
                slot = (slot + 1) & last_slot;
            }
        }
        grams
    }

    /// Calls `each` with the number of a literal, a place and where that is in its word, for all stretches of its window that are
    /// met at `from..to`; a few more follow.
    #[inline(never)]
    pub fn scan(&self, bytes: &[u8], from: usize, to: usize, each: &mut dyn FnMut(u32, usize, usize)) {
        if self.entries.is_empty() {
            return;
        }
        let mut at = from;
        while at < to {
            let Some(block) = bytes.get(at..).and_then(|rest| rest.first_chunk::<BLOCK>()) else { break };
            let hits = self.block(block);
            if hits != 0 {
                self.look(bytes, at, hits, each);
            }
            at += STRIDE * AT_ONCE;
        }
        // The rest is too short for a block.
        while at < to
            && let Some(gram) = gram_at(bytes, at)
        {
            self.confirm(bytes, gram, at, each);
            at += STRIDE;
        }
    }

    /// A bit for each of the stretches of a block that may be known.
    #[inline(always)]
    fn block(&self, block: &[u8; BLOCK]) -> u32 {
        let mut hits = 0;
        for number in 0..AT_ONCE {
            let start = number * STRIDE;
            let eight = block[start..start + 8].try_into().expect("the block holds the last of them");
            let (word, one, other, third) = place(hash(gram(eight)));
            let word = self.bits[word];
            hits |= ((word >> one & word >> other & word >> third & 1) as u32) << number;
        }
        hits
    }

    #[inline(never)]
    fn look(&self, bytes: &[u8], at: usize, hits: u32, each: &mut dyn FnMut(u32, usize, usize)) {
        let mut hits = hits;
        while hits != 0 {
            let at = at + STRIDE * hits.trailing_zeros() as usize;
            hits &= hits - 1;
            if let Some(gram) = gram_at(bytes, at) {
                self.confirm(bytes, gram, at, each);
            }
        }
    }

    fn confirm(&self, bytes: &[u8], gram: u64, at: usize, each: &mut dyn FnMut(u32, usize, usize)) {
        let mut slot = (hash(gram) >> self.shift) as usize;
        while let Some(first) = self.slots.get(slot).and_then(|number| number.checked_sub(1)) {
            let entries = self.entries.get(first as usize..).unwrap_or_default();
            if entries.first().is_some_and(|entry| entry.gram == gram) {
                for entry in entries.iter().take_while(|entry| entry.gram == gram) {
                    let in_window = usize::from(entry.in_window);
                    let window = at.checked_sub(in_window);
                    if window.and_then(|window| rest_at(bytes, window, in_window)) == Some(entry.rest) {
                        each(entry.literal, at, usize::from(entry.at));
                    }
                }
                return;
            }
            slot = (slot + 1) & (self.slots.len() - 1);
        }
    }
}
