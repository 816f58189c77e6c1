//! Text of two bytes a character, in either byte order: found by its zeros, and told as text of one byte a character.

use crate::indicator::bytes::{is_printable, is_wide_letter};

/// Shorter runs are not seen: only these hold four characters at a multiple of eight wherever they begin.
const SHORTEST_RUN: usize = 8;

const BLOCK: usize = 64;
const HIGHS: u64 = 0xFF80_FF80_FF80_FF80;
const BLANKS: u64 = 0x0060_0060_0060_0060;
const PRINTABLE: u64 = 0x0080_0080_0080_0080;

/// A run of printable characters.
pub(super) struct Run {
    /// Where its first character stands.
    pub start: usize,
    pub text: Vec<u8>,
    /// A letter of another script belongs to the first, or last, word.
    pub cut_left: bool,
    pub cut_right: bool,
}

/// Whether eight of these may be four characters, the zeros after or before them. Zeros alone are none.
fn may_hold_wide(block: &[u8; BLOCK]) -> bool {
    let words = block.as_chunks().0.iter().map(|word| u64::from_le_bytes(*word));
    // The highest bit is set by what is zero, and by nothing else.
    let zero = |bits: u64| bits.wrapping_sub(1) & !bits;
    let found = words.fold(0, |found, word| found | zero(word & HIGHS) | zero(word & HIGHS.swap_bytes()));
    found >> 63 == 1 && *block != [0; BLOCK]
}

fn is_wide(eight: u64) -> bool {
    // The sum cannot overflow: the first test leaves seven bits a character.
    let printable = |eight: u64| eight & HIGHS == 0 && (eight + BLANKS) & PRINTABLE == PRINTABLE;
    printable(eight) || printable(eight.swap_bytes())
}

/// Calls `each` with every run that has a part in `from..to` and was not told before `done`. Returns up to where runs are told.
pub(super) fn each_run(
    bytes: &[u8],
    from: usize,
    to: usize,
    done: usize,
    each: &mut dyn FnMut(Run),
) -> usize {
    let mut done = done;
    let part = bytes.get(from..to).unwrap_or_default();
    for (block, start) in part.chunks(BLOCK).zip((from..).step_by(BLOCK)) {
        if block.first_chunk().is_some_and(|block| !may_hold_wide(block)) {
            continue;
        }
        for (word, at) in block.as_chunks().0.iter().zip((start..).step_by(8)) {
            if at >= done && is_wide(u64::from_le_bytes(*word)) {
                let run = run_around(bytes, at);
                done = run.start + run.text.len() * 2;
                if run.text.len() >= SHORTEST_RUN {
                    each(run);
                }
            }
        }
    }
    done
}

fn run_around(bytes: &[u8], at: usize) -> Run {
    let is_character = |at: usize| bytes.get(at).copied().is_some_and(is_printable);
    let is_zero = |at: usize| bytes.get(at) == Some(&0);
    let first = if is_zero(at) { at + 1 } else { at };
    let mut start = first;
    while let Some(before) = start.checked_sub(2)
        && is_zero(before + 1)
        && is_character(before)
    {
        start = before;
    }
    let mut text = Vec::new();
    let mut end = start;
    while let Some(byte) = bytes.get(end).copied().filter(|byte| is_printable(*byte)) {
        text.push(byte);
        end += 1;
        if !is_zero(end) {
            break;
        }
        end += 1;
    }
    let before = |back: usize| start.checked_sub(back).and_then(|at| bytes.get(at));
    let cut_left = is_wide_letter(before(2), before(1));
    let cut_right = is_wide_letter(bytes.get(end), bytes.get(end + 1));
    Run { start, text, cut_left, cut_right }
}
