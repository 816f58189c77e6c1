//! The filter for hosts that the other one cannot hold: too short for a window, or too many. It looks at every dot: the label before
//! it and the two characters after it are looked up. The label is whole there, so ordinary hosts hardly ever pass.

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;
const FOLDS: u64 = 0x2020_2020_2020_2020;

#[derive(Clone, Copy, Default)]
struct Slot {
    /// Of the hash, what does not follow from the slot's place.
    check: u32,
    /// The indicator, counted from 1; zero where the slot is free.
    indicator: u32,
}

/// Bits of the table of what stands right beside dots, as a power of two: it stays in the nearest cache.
const BESIDE_BITS: u32 = 17;

/// Dots that are looked at together.
const BATCH: usize = 256;

pub(super) struct Dots {
    /// Two characters before a dot and two after it; most dots end here.
    beside: Vec<u64>,
    bits: Vec<u64>,
    bits_shift: u32,
    slots: Vec<Slot>,
    slots_shift: u32,
}

/// The label that ends before a dot: its last eight bytes at most, the nearest in the highest place.
struct Label {
    folded: u64,
    length: u32,
}

impl Label {
    fn before(eight: [u8; 8]) -> Label {
        let raw = u64::from_le_bytes(eight);
        let plain = raw & !HIGHS;
        let folded = plain | FOLDS;
        // Bytes from `low` to `high` get their highest bit; none of the sums carries into the next byte.
        let within = |bytes: u64, low: u8, high: u8| {
            (bytes + ONES * u64::from(0x80 - low)) & !(bytes + ONES * u64::from(0x7f - high))
        };
        let letters = within(folded, b'a', b'z');
        let others = within(plain, b'0', b'9') | within(plain, b'-', b'-') | within(plain, b'_', b'_');
        let label = (letters | others) & HIGHS & !raw;
        let length = (!label & HIGHS).leading_zeros() / 8;
        Label { folded, length: length.min(8) }
    }

    fn key(&self, length: u32, after: [u8; 2]) -> u64 {
        let label = self.folded & u64::MAX.checked_shl(64 - 8 * length).unwrap_or(0);
        let after = u64::from(u16::from_le_bytes(after) | 0x2020);
        let mixed = (label ^ u64::from(length)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (mixed ^ mixed >> 32 ^ after << 40).wrapping_mul(0xD6E8_FEB8_6659_FD93)
    }
}

/// The eight bytes that end before `end`; zeros stand for what is not there.
fn eight_before(bytes: &[u8], end: usize) -> [u8; 8] {
    if let Some(eight) = bytes.get(..end).and_then(|before| before.last_chunk()) {
        return *eight;
    }
    let mut eight = [0; 8];
    let before = bytes.get(..end).unwrap_or_default();
    for (to, from) in eight.iter_mut().rev().zip(before.iter().rev()) {
        *to = *from;
    }
    eight
}

/// The length of a label without what an escape leaves before it, which looks like a part of it.
fn unescaped(bytes: &[u8], dot: usize, label: &Label) -> Option<u32> {
    let byte_before = |back: usize| dot.checked_sub(back).and_then(|at| bytes.get(at)).copied();
    let length = label.length as usize;
    let escaped = match byte_before(length + 1) {
        Some(b'%') => 2,
        Some(b'\\') => 1,
        _ if length == 8 && byte_before(10) == Some(b'%') => 1,
        _ => return None,
    };
    label.length.checked_sub(escaped).filter(|length| *length > 0)
}

/// A bit for each of the bytes that is a dot.
fn dots_in(chunk: &[u8; 64]) -> u64 {
    let mut flags = [0; 64];
    for (flag, byte) in flags.iter_mut().zip(chunk) {
        *flag = u8::from(*byte == b'.');
    }
    let eights = flags.as_chunks::<8>().0.iter().enumerate();
    // The product has the lowest bits of eight bytes in its highest byte.
    eights.fold(0, |dots, (number, eight)| {
        dots | u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080) >> 56 << (8 * number)
    })
}

/// Adds the places of `bits`; returns how many there are now.
#[inline(always)]
fn list(bits: u64, start: usize, dots: &mut [usize; BATCH], count: usize) -> usize {
    let end = count + bits.count_ones() as usize;
    let (mut bits, mut count) = (bits, count);
    while bits != 0 {
        // Whatever there is more than one of: a few too many cost less than to find out.
        for _ in 0..4 {
            if let Some(dot) = dots.get_mut(count) {
                *dot = start + bits.trailing_zeros() as usize;
            }
            bits &= bits.wrapping_sub(1);
            count += 1;
        }
    }
    end
}

/// By what a word is found at one of its dots.
#[derive(Clone, Copy)]
pub(super) struct Key {
    hash: u64,
    /// Two characters before the dot, zero where there is none, and two after it.
    beside: [u8; 4],
    indicator: u32,
}

impl Key {
    pub fn new(indicator: u32, word: &[u8], dot: usize) -> Option<Key> {
        let after = word.get(dot + 1..)?.first_chunk::<2>()?;
        let before = eight_before(word, dot);
        let label = Label::before(before);
        let [.., first, second] = before;
        let first = if label.length > 1 { first } else { 0 };
        let hash = label.key(label.length, *after);
        Some(Key { hash, beside: [first, second, after[0], after[1]], indicator })
    }
}

/// The place for four characters of which the lowest five bits count, the same for both cases of a letter.
fn beside(four: [u8; 4]) -> (usize, u32) {
    let hash = (u32::from_le_bytes(four) & 0x1f1f_1f1f).wrapping_mul(0x9E37_79B1) >> (32 - BESIDE_BITS);
    ((hash >> 6) as usize, hash & 63)
}

impl Dots {
    /// Of the keys of words, each with its indicator.
    pub fn new(keys: &[Key]) -> Dots {
        if keys.is_empty() {
            return Dots {
                beside: Vec::new(),
                bits: Vec::new(),
                bits_shift: 0,
                slots: Vec::new(),
                slots_shift: 0,
            };
        }
        let bits_power = (keys.len() * 32).next_power_of_two().clamp(1 << 12, 1 << 25).trailing_zeros();
        let slots_power = (keys.len() * 2).next_power_of_two().max(16).trailing_zeros();
        let mut dots = Dots {
            beside: vec![0; 1 << (BESIDE_BITS - 6)],
            bits: vec![0; 1 << (bits_power - 6)],
            bits_shift: 64 - bits_power,
            slots: vec![Slot::default(); 1 << slots_power],
            slots_shift: 64 - slots_power,
        };
        for key in keys {
            dots.add(key.hash, key.indicator);
            // What stands before a label of one character may be anything.
            let firsts = if key.beside[0] == 0 { 0..=31 } else { key.beside[0]..=key.beside[0] };
            for first in firsts {
                let [_, second, third, fourth] = key.beside;
                let (word, bit) = beside([first, second, third, fourth]);
                if let Some(bits) = dots.beside.get_mut(word) {
                    *bits |= 1 << bit;
                }
            }
        }
        dots
    }

    fn add(&mut self, key: u64, id: u32) {
        let (at, bit) = self.place(key);
        if let Some(bits) = self.bits.get_mut(at) {
            *bits |= bit;
        }
        let last = self.slots.len() - 1;
        let mut at = (key >> self.slots_shift) as usize;
        // Half of the slots stay free.
        while let Some(slot) = self.slots.get_mut(at) {
            if slot.indicator == 0 {
                *slot = Slot { check: key as u32, indicator: id + 1 };
                return;
            }
            at = (at + 1) & last;
        }
    }

    fn place(&self, key: u64) -> (usize, u64) {
        let bit = key >> self.bits_shift;
        ((bit >> 6) as usize, 1 << (bit & 63))
    }

    /// Calls `each` with an indicator and the place of a dot in `from..to` where its word may stand.
    #[inline(never)]
    pub fn scan(&self, bytes: &[u8], from: usize, to: usize, each: &mut dyn FnMut(u32, usize)) {
        if self.slots.is_empty() {
            return;
        }
        let (chunks, rest) = bytes.get(from..to).unwrap_or_default().as_chunks();
        let mut dots = [0; BATCH];
        let mut count = 0;
        for (chunk, start) in chunks.iter().zip((from..).step_by(64)) {
            count = list(dots_in(chunk), start, &mut dots, count);
            if count > BATCH - 64 {
                self.look(bytes, &mut dots, count, each);
                count = 0;
            }
        }
        let mut last = [0; 64];
        if let Some(last) = last.get_mut(..rest.len()) {
            last.copy_from_slice(rest);
        }
        count = list(dots_in(&last), from + chunks.len() * 64, &mut dots, count);
        self.look(bytes, &mut dots, count, each);
    }

    /// In several passes, so that the looks into the tables do not wait for each other.
    fn look(&self, bytes: &[u8], dots: &mut [usize; BATCH], count: usize, each: &mut dyn FnMut(u32, usize)) {
        let mut near = 0;
        for number in 0..count.min(BATCH) {
            let dot = dots[number];
            let is_near = self.is_near(bytes, dot);
            dots[near] = dot;
            near += usize::from(is_near);
        }
        if near == 0 {
            return;
        }
        let mut keys = [(0, 0); BATCH];
        let mut count = 0;
        for &dot in dots.iter().take(near) {
            let Some(after) = bytes.get(dot + 1..).and_then(|rest| rest.first_chunk()) else { continue };
            let label = Label::before(eight_before(bytes, dot));
            if let Some(key) = keys.get_mut(count) {
                *key = (label.key(label.length, *after), dot);
            }
            count += usize::from(label.length > 0);
            if let Some(length) = unescaped(bytes, dot, &label) {
                self.look_up(label.key(length, *after), dot, each);
            }
        }
        for &(key, dot) in keys.iter().take(count) {
            self.look_up(key, dot, each);
        }
    }

    /// Whether a word has those characters beside its dot.
    #[inline(always)]
    fn is_near(&self, bytes: &[u8], dot: usize) -> bool {
        let five = dot.checked_sub(2).and_then(|start| bytes.get(start..)).and_then(<[u8]>::first_chunk);
        let Some([first, second, _, third, fourth]) = five else { return true };
        let (word, bit) = beside([*first, *second, *third, *fourth]);
        self.beside.get(word).is_none_or(|bits| bits >> bit & 1 == 1)
    }

    #[inline(always)]
    fn look_up(&self, key: u64, dot: usize, each: &mut dyn FnMut(u32, usize)) {
        let (at, bit) = self.place(key);
        if self.bits.get(at).is_none_or(|bits| bits & bit == 0) {
            return;
        }
        let mut at = (key >> self.slots_shift) as usize;
        while let Some(slot) = self.slots.get(at).filter(|slot| slot.indicator != 0) {
            if slot.check == key as u32 {
                each(slot.indicator - 1, dot);
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }
}
