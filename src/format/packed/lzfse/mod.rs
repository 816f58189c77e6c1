//! LZFSE, Apple's own packing: blocks of literals and of triples (how many literals, how many bytes repeated, from how far back), both
//! entropy-coded, or of LZVN, or stored. The layout is that of Apple's published reference implementation.

mod fse;
mod lzvn;

use std::io::Read;

use super::blocks::{Broken, CUT, NO_END, Step, append, array, repeat, u32};
use fse::{Bits, Table};

/// What a block can hold.
const LITERALS: u32 = 40_000;
const TRIPLES: u32 = 10_000;
/// The longest run of literals and the longest match.
const MOST_EACH: u32 = 315 + 2359;
const MAX_RAW: u32 = TRIPLES * MOST_EACH;
/// A literal takes at most 10 bits, a triple 54.
const MAX_PAYLOAD: u32 = 128 << 10;
/// Bytes of frequencies: each is at most 14 bits.
const MAX_FREQUENCIES: u32 = (SYMBOLS as u32 * 14).div_ceil(8);
/// LZVN has no bound of its own; LZFSE uses it below 4 KiB.
const MAX_LZVN: u32 = 32 << 20;
/// LZVN cannot make more than 271 bytes of two.
const LZVN_RATIO: u32 = 136;

/// Symbols of literal runs, matches, distances and literals.
const COUNTS: [usize; 4] = [20, 20, 64, 256];
const SYMBOLS: usize = 360;
/// States of each, a power of two.
const STATES: [u32; 4] = [64, 64, 256, 1024];

const NOT_LZFSE: Broken = Broken::Form("has a block that is not LZFSE");

/// Unpacks one block.
pub(super) fn block(input: &mut dyn Read, out: &mut Vec<u8>) -> Result<Step, Broken> {
    let head = match &array::<4>(input, NO_END)? {
        b"bvx$" => return Ok(Step::End),
        b"bvx-" => return Ok(Step::Stored(u64::from(u32(input)?))),
        b"bvxn" => return lzvn_block(input, out),
        b"bvx1" => Head::long(&array(input, CUT)?),
        b"bvx2" => {
            let (head, frequencies) = Head::short(&array(input, CUT)?).ok_or(NOT_LZFSE)?;
            let mut packed = Vec::new();
            if !append(input, u64::from(frequencies), &mut packed)? {
                return Err(CUT);
            }
            head.with_frequencies(&packed)
        }
        _ => return Err(Broken::Form("is compressed in an unknown way")),
    };
    let head = head.filter(Head::can_be).ok_or(NOT_LZFSE)?;
    let literals = head.literals(&payload(input, head.literal_payload)?).ok_or(NOT_LZFSE)?;
    head.triples(&payload(input, head.triple_payload)?, &literals, out).ok_or(NOT_LZFSE)?;
    Ok(Step::Done)
}

/// Whether bytes can be the head of a block.
pub(super) fn begins(head: &[u8]) -> bool {
    let number = |at: usize| {
        let bytes = head.get(at..).and_then(|bytes| bytes.first_chunk());
        bytes.map(|bytes| u32::from_le_bytes(*bytes))
    };
    let behind = head.get(4..).unwrap_or_default();
    match head.first_chunk() {
        Some(b"bvx-") => number(4).is_some_and(|len| len > 0 && len >> 30 == 0),
        Some(b"bvxn") => number(4).zip(number(8)).is_some_and(|(raw, packed)| can_be_lzvn(raw, packed)),
        Some(b"bvx1") => {
            number(4).zip(number(12)).zip(number(16)).is_some_and(|((raw, literals), triples)| {
                (1..=MAX_RAW).contains(&raw) && literals <= LITERALS && triples <= TRIPLES
            })
        }
        Some(b"bvx2") => {
            let head = behind.first_chunk().and_then(Head::short);
            head.is_some_and(|(head, _)| head.raw > 0 && head.can_be())
        }
        _ => false,
    }
}

fn can_be_lzvn(raw: u32, packed: u32) -> bool {
    let most = raw.saturating_add(raw / 128 + 64);
    (1..=MAX_LZVN).contains(&raw) && (8..=most).contains(&packed) && raw / LZVN_RATIO <= packed
}

fn lzvn_block(input: &mut dyn Read, out: &mut Vec<u8>) -> Result<Step, Broken> {
    const WRONG: Broken = Broken::Form("has a block that is not LZVN");
    let (raw, len) = (u32(input)?, u32(input)?);
    if !can_be_lzvn(raw, len) {
        return Err(WRONG);
    }
    let mut packed = Vec::new();
    let is_whole = append(input, u64::from(len), &mut packed)?;
    let expected = out.len().saturating_add(raw as usize);
    let ended = lzvn::unpack(&packed, out, raw as usize);
    match is_whole {
        false => Err(CUT),
        true if ended && out.len() == expected => Ok(Step::Done),
        true => Err(WRONG),
    }
}

/// A payload with the padding that reading its bits needs.
fn payload(input: &mut dyn Read, len: u32) -> Result<Vec<u8>, Broken> {
    let mut payload = Vec::with_capacity(len as usize + Bits::PADDING);
    if !append(input, u64::from(len), &mut payload)? {
        return Err(CUT);
    }
    payload.resize(payload.len() + Bits::PADDING, 0);
    Ok(payload)
}

/// What stands before the payloads of a block, in either form.
#[derive(Clone, Debug)]
struct Head {
    /// Bytes that the block unpacks to.
    raw: u32,
    literals: u32,
    triples: u32,
    literal_payload: u32,
    triple_payload: u32,
    /// Bits at the end of each payload that mean nothing.
    literal_unused: u32,
    triple_unused: u32,
    /// Literals take turns with four states.
    literal_states: [u16; 4],
    /// Of literal runs, matches and distances.
    triple_states: [u16; 3],
    frequencies: [u16; SYMBOLS],
}

impl Head {
    /// `bvx1`: fields of two and four bytes, then the frequencies as they are, then two bytes of padding.
    fn long(bytes: &[u8; 768]) -> Option<Head> {
        let number = |at: usize| bytes.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes));
        let short = |at: usize| bytes.get(at..)?.first_chunk().map(|bytes| u16::from_le_bytes(*bytes));
        let mut head = Head {
            raw: number(0)?,
            literals: number(8)?,
            triples: number(12)?,
            literal_payload: number(16)?,
            triple_payload: number(20)?,
            // Numbers from -7 to 0.
            literal_unused: number(24)?.wrapping_neg(),
            triple_unused: number(36)?.wrapping_neg(),
            literal_states: [short(28)?, short(30)?, short(32)?, short(34)?],
            triple_states: [short(40)?, short(42)?, short(44)?],
            frequencies: [0; SYMBOLS],
        };
        for (index, frequency) in head.frequencies.iter_mut().enumerate() {
            *frequency = short(46 + 2 * index)?;
        }
        Some(head)
    }

    /// `bvx2`: three words of bit fields, behind which the frequencies are packed into so many bytes.
    fn short(bytes: &[u8; 28]) -> Option<(Head, u32)> {
        let word = |at: usize| bytes.get(at..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes));
        let field = |word: u64, shift: u32, bits: u32| (word >> shift & ((1 << bits) - 1)) as u32;
        let state = |word: u64, shift: u32| field(word, shift, 10) as u16;
        let (first, second, third) = (word(4)?, word(12)?, word(20)?);
        let frequencies = field(third, 0, 32).checked_sub(32).filter(|len| *len <= MAX_FREQUENCIES)?;
        let head = Head {
            raw: u32::from_le_bytes(*bytes.first_chunk()?),
            literals: field(first, 0, 20),
            triples: field(first, 40, 20),
            literal_payload: field(first, 20, 20),
            triple_payload: field(second, 40, 20),
            literal_unused: 7 - field(first, 60, 3),
            triple_unused: 7 - field(second, 60, 3),
            literal_states: [state(second, 0), state(second, 10), state(second, 20), state(second, 30)],
            triple_states: [state(third, 32), state(third, 42), state(third, 52)],
            frequencies: [0; SYMBOLS],
        };
        Some((head, frequencies))
    }

    fn with_frequencies(mut self, packed: &[u8]) -> Option<Head> {
        if packed.is_empty() {
            return Some(self);
        }
        let (mut bits, mut count) = (0_u32, 0_u32);
        let mut bytes = packed.iter();
        for frequency in &mut self.frequencies {
            while count <= 24
                && let Some(byte) = bytes.next()
            {
                bits |= u32::from(*byte) << count;
                count += 8;
            }
            let (value, length) = frequency_code(bits);
            count = count.checked_sub(length)?;
            bits >>= length;
            *frequency = value;
        }
        (count < 8 && bytes.next().is_none()).then_some(self)
    }

    fn can_be(&self) -> bool {
        self.raw <= MAX_RAW
            && self.literals <= LITERALS
            && self.triples <= TRIPLES
            && self.literal_payload <= MAX_PAYLOAD
            && self.triple_payload <= MAX_PAYLOAD
            && self.literal_unused < 8
            && self.triple_unused < 8
    }

    /// The frequencies of one of the four kinds of symbols, as its states.
    fn table(&self, kind: usize, extra: impl Fn(usize) -> u8) -> Option<Table> {
        let before: usize = COUNTS.get(..kind)?.iter().sum();
        let frequencies = self.frequencies.get(before..before + COUNTS.get(kind)?)?;
        Table::new(frequencies, *STATES.get(kind)?, extra)
    }

    fn literals(&self, payload: &[u8]) -> Option<Vec<u8>> {
        let table = self.table(3, |_| 0)?;
        let mut literals = Vec::with_capacity(self.literals as usize + 4);
        if self.literals == 0 {
            return Some(literals);
        }
        let mut bits = Bits::new(payload, self.literal_unused as usize)?;
        let mut states = self.literal_states;
        while literals.len() < self.literals as usize {
            for state in &mut states {
                literals.push(table.value(state, &mut bits)? as u8);
            }
        }
        Some(literals)
    }

    fn triples(&self, payload: &[u8], literals: &[u8], out: &mut Vec<u8>) -> Option<()> {
        const RUN_BITS: [u8; 4] = [2, 3, 5, 8];
        const MATCH_BITS: [u8; 4] = [3, 5, 8, 11];
        // The first sixteen symbols stand for themselves.
        let last = |bits: [u8; 4], symbol: usize| {
            symbol.checked_sub(16).and_then(|index| bits.get(index).copied()).unwrap_or(0)
        };
        let runs = self.table(0, |symbol| last(RUN_BITS, symbol))?;
        let matches = self.table(1, |symbol| last(MATCH_BITS, symbol))?;
        let distances = self.table(2, |symbol| (symbol / 4) as u8)?;
        let end = out.len().checked_add(self.raw as usize)?;
        if self.triples == 0 {
            return (self.raw == 0).then_some(());
        }
        let mut bits = Bits::new(payload, self.triple_unused as usize)?;
        let [mut run_state, mut match_state, mut distance_state] = self.triple_states;
        let (mut literals, mut distance) = (literals, 0);
        for _ in 0..self.triples {
            let run = runs.value(&mut run_state, &mut bits)? as usize;
            let repeated = matches.value(&mut match_state, &mut bits)? as usize;
            let (copied, rest) = literals.split_at_checked(run)?;
            literals = rest;
            // 0 means the distance of the triple before.
            match distances.value(&mut distance_state, &mut bits)? as usize {
                0 => {}
                new => distance = new,
            }
            if end.checked_sub(out.len())? < run + repeated {
                return None;
            }
            out.extend_from_slice(copied);
            if repeated > 0 {
                repeat(out, distance, repeated)?;
            }
        }
        (out.len() == end).then_some(())
    }
}

/// A frequency at the low end of `bits`, and how many of them it takes: the more ones they begin with, the larger it is.
fn frequency_code(bits: u32) -> (u16, u32) {
    let field = |shift: u32, count: u32| (bits >> shift & ((1 << count) - 1)) as u16;
    match bits.trailing_ones() {
        0 => (field(1, 1), 2),
        1 => (2 + field(2, 1), 3),
        2 => (4 + field(3, 2), 5),
        3 => (8 + field(4, 4), 8),
        _ => (24 + field(4, 10), 14),
    }
}

#[cfg(test)]
mod tests;
