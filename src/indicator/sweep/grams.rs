//! The filter: one look into a table of bits for each few bytes, none of which depends on another.
//!
//! Of each word a window of [`WINDOW`] bytes is taken that hardly stands anywhere by chance, and all its stretches of [`GRAM`] bytes
//! are noted. Whoever looks at every [`STRIDE`]th stretch of the data meets one of them wherever the word stands. What one bit lets
//! through, three more hold back; hardly anything is looked up.

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
/// Words of the table of bits: half of a usual second-level cache. Of each line of the cache the one half is looked at first, and
/// the other where that lets something through: it is near by then.
const WORDS: usize = 1 << 16;
const OTHER_HALF: usize = 4;
const AT_ONCE: usize = 8;
const STEP: usize = STRIDE * AT_ONCE;
const BLOCK: usize = STRIDE * (AT_ONCE - 1) + 8;
/// A bit of a number for each stretch.
const BLOCKS: usize = 64 / AT_ONCE;
const STRIP: usize = STEP * (BLOCKS - 1) + BLOCK;

/// A stretch of a word's window.
struct Entry {
    gram: u64,
    /// The rest of the window.
    rest: u32,
    literal: u32,
    /// The next one of the same place in the table, counted from 1.
    next: u32,
    /// Where it begins in the word.
    at: u16,
    /// Where it begins in the window.
    in_window: u8,
}

pub(super) struct Grams {
    bits: Box<[u64; WORDS]>,
    /// The first entry of a place, counted from 1.
    heads: Vec<u32>,
    shift: u32,
    entries: Vec<Entry>,
}

fn hash(gram: u64) -> u64 {
    gram.wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// The number of a word in the first halves of lines, and a bit in it.
fn place(hash: u64) -> (usize, u32) {
    ((hash >> 48) as usize & !OTHER_HALF, (hash >> 42) as u32 & 63)
}

/// Independent of the first.
fn second_hash(hash: u64) -> u64 {
    let mixed = (hash ^ hash >> 29).wrapping_mul(0xD6E8_FEB8_6659_FD93);
    mixed ^ mixed >> 32
}

/// The number of a word in the second half of the same line, and three bits in it.
fn second_place(hash: u64, second: u64) -> (usize, u64) {
    let word = (hash >> 48) as usize & !3 | OTHER_HALF | second as usize & 3;
    (word, 1 << (second >> 2 & 63) | 1 << (second >> 8 & 63) | 1 << (second >> 14 & 63))
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

/// A whole window.
fn window_at(bytes: &[u8], at: usize) -> Option<u128> {
    let window = bytes.get(at..)?.first_chunk::<WINDOW>()?;
    let mut wide = [0; 16];
    wide.first_chunk_mut::<WINDOW>()?.copy_from_slice(window);
    Some(u128::from_le_bytes(wide) | u128::from_le_bytes([FOLD; 16]) >> (8 * (16 - WINDOW)))
}

/// What a window holds before and after its stretch.
fn rest_of(window: u128, in_window: usize) -> u32 {
    let before = window & ((1 << (8 * in_window)) - 1);
    (before | window >> (8 * (GRAM + in_window)) << (8 * in_window)) as u32
}

impl Grams {
    pub fn new(literals: &[Literal]) -> Grams {
        let mut entries = Vec::with_capacity(literals.len() * STRIDE);
        for (number, literal) in (0_u32..).zip(literals) {
            let Some(window) = window_at(&literal.word, literal.window) else { continue };
            for in_window in 0..STRIDE {
                let Ok(at) = u16::try_from(literal.window + in_window) else { break };
                let gram = (window >> (8 * in_window)) as u64 & MASK;
                let rest = rest_of(window, in_window);
                entries.push(Entry { gram, rest, literal: number, next: 0, at, in_window: in_window as u8 });
            }
        }
        let power = (entries.len() * 2).next_power_of_two().max(16).trailing_zeros();
        let mut heads = vec![0_u32; 1 << power];
        let shift = 64 - power;
        let mut bits = vec![0_u64; WORDS];
        // Backward, so that each place lists its entries in order.
        for (number, entry) in entries.iter_mut().enumerate().rev() {
            let hash = hash(entry.gram);
            let (word, bit) = place(hash);
            let again = second_hash(hash);
            let (second_word, three) = second_place(hash, again);
            if let Some(bits) = bits.get_mut(word) {
                *bits |= 1 << bit;
            }
            if let Some(bits) = bits.get_mut(second_word) {
                *bits |= three;
            }
            if let Some(head) = heads.get_mut((again >> shift) as usize) {
                entry.next = std::mem::replace(head, number as u32 + 1);
            }
        }
        Grams {
            bits: bits.into_boxed_slice().try_into().expect("the table has as many words"),
            heads,
            shift,
            entries,
        }
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
            let Some(strip) = bytes.get(at..).and_then(|rest| rest.first_chunk::<STRIP>()) else { break };
            let mut hits = 0;
            for number in 0..BLOCKS {
                let block =
                    strip[STEP * number..][..BLOCK].try_into().expect("the strip holds the last of them");
                hits |= u64::from(self.block(block)) << (AT_ONCE * number);
            }
            if hits != 0 {
                self.look(bytes, at, hits, each);
            }
            at += STEP * BLOCKS;
        }
        // The rest is too short for as many at once.
        while at < to {
            let Some(block) = bytes.get(at..).and_then(|rest| rest.first_chunk::<BLOCK>()) else { break };
            let hits = self.block(block);
            if hits != 0 {
                self.look(bytes, at, u64::from(hits), each);
            }
            at += STEP;
        }
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
            let (word, bit) = place(hash(gram(eight)));
            hits |= ((self.bits[word] >> bit & 1) as u32) << number;
        }
        hits
    }

    #[inline(never)]
    fn look(&self, bytes: &[u8], at: usize, hits: u64, each: &mut dyn FnMut(u32, usize, usize)) {
        let mut hits = hits;
        while hits != 0 {
            let at = at + STRIDE * hits.trailing_zeros() as usize;
            hits &= hits - 1;
            let eight = bytes.get(at..).and_then(<[u8]>::first_chunk);
            if let Some(gram) = eight.map(|eight| gram(*eight)) {
                self.confirm(bytes, gram, at, each);
            }
        }
    }

    #[inline(always)]
    fn confirm(&self, bytes: &[u8], gram: u64, at: usize, each: &mut dyn FnMut(u32, usize, usize)) {
        let hash = hash(gram);
        let second = second_hash(hash);
        let (word, three) = second_place(hash, second);
        if self.bits.get(word).is_some_and(|bits| bits & three == three) {
            self.look_up(bytes, gram, second, at, each);
        }
    }

    #[inline(never)]
    fn look_up(
        &self,
        bytes: &[u8],
        gram: u64,
        second: u64,
        at: usize,
        each: &mut dyn FnMut(u32, usize, usize),
    ) {
        let mut number = self.heads.get((second >> self.shift) as usize).copied().unwrap_or(0);
        while let Some(entry) = number.checked_sub(1).and_then(|at| self.entries.get(at as usize)) {
            number = entry.next;
            if entry.gram != gram {
                continue;
            }
            let in_window = usize::from(entry.in_window);
            let window = at.checked_sub(in_window).and_then(|window| window_at(bytes, window));
            if window.is_some_and(|window| rest_of(window, in_window) == entry.rest) {
                each(entry.literal, at, usize::from(entry.at));
            }
        }
    }
}
