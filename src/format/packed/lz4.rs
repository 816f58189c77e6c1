//! LZ4 in Apple's frames (`bv41`) and in the standard ones (magic 04 22 4D 18; lz4 project, "LZ4 Frame Format Description" 1.6).

use std::io::Read;

use lz4_flex::block::decompress_into_with_dict;

use super::blocks::{Broken, CUT, NO_END, Step, append, array, repeat, u32};

/// No block of Apple's frames unpacks to more; in practice they hold 64 KiB.
const MAX_BLOCK: usize = 64 << 20;
/// No block is packed into more: the decoder counts the lengths that one can spell in 32 bits.
const MAX_PACKED: usize = 16 << 20;
/// LZ4 cannot make more than 255 bytes of one.
const MAX_RATIO: usize = 255;
/// How far back a block may refer.
const WINDOW: usize = 64 << 10;

const NOT_LZ4: Broken = Broken::Form("has a block that is not LZ4");

/// Unpacks one block of Apple's frame: `bv41` (possibly referring to the blocks before), `bv4-` (stored) or `bv4$` (end).
pub(in crate::format) fn apple_block(input: &mut dyn Read, out: &mut Vec<u8>) -> Result<Step, Broken> {
    match &array::<4>(input, NO_END)? {
        b"bv4$" => Ok(Step::End),
        b"bv4-" => Ok(Step::Stored(u64::from(u32(input)?))),
        b"bv41" => {
            let (len, packed_len) = (u32(input)? as usize, u32(input)? as usize);
            if !can_be(len, packed_len) {
                return Err(Broken::Form("claims more than its bytes can hold"));
            }
            unpack(input, packed_len, len, out)
        }
        _ => Err(Broken::Form("is compressed in an unknown way")),
    }
}

fn can_be(len: usize, packed_len: usize) -> bool {
    len <= MAX_BLOCK && packed_len <= MAX_PACKED && len / MAX_RATIO <= packed_len
}

/// Whether bytes can be the head of a block in Apple's frame.
pub(super) fn begins_apple_frame(head: &[u8]) -> bool {
    let number = |at: usize| {
        let bytes = head.get(at..).and_then(|bytes| bytes.first_chunk());
        bytes.map(|bytes| u32::from_le_bytes(*bytes) as usize)
    };
    match (head.first_chunk(), number(4), number(8)) {
        (Some(b"bv41"), Some(len), Some(packed_len)) => {
            // A block that cannot be packed is stored.
            can_be(len, packed_len) && (1..=len.saturating_add(len / MAX_RATIO + 16)).contains(&packed_len)
        }
        (Some(b"bv4-"), Some(len), _) => (1..=MAX_BLOCK).contains(&len),
        _ => false,
    }
}

/// How the blocks of a standard frame are laid out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    /// What a block can unpack to.
    most: usize,
    block_checksums: bool,
    content_checksum: bool,
}

pub(super) const MAGIC: &[u8] = b"\x04\x22\x4d\x18";

impl Frame {
    /// Reads the head of a frame.
    pub fn read(input: &mut dyn Read) -> Result<Frame, Broken> {
        let [magic @ .., flags, sizes] = array::<6>(input, CUT)?;
        if magic != *MAGIC {
            return Err(Broken::Form("is no LZ4 frame"));
        }
        let (frame, further) =
            Frame::of(flags, sizes).ok_or(Broken::Form("is an LZ4 frame of an unknown kind"))?;
        let mut skipped = Vec::new();
        if append(input, further, &mut skipped)? { Ok(frame) } else { Err(CUT) }
    }

    /// From its two bytes of flags, with the length of the rest of the head: sizes, a dictionary's number, the head's checksum.
    fn of(flags: u8, sizes: u8) -> Option<(Frame, u64)> {
        let flag = |bit: u8| flags >> bit & 1 == 1;
        let is_known = flags >> 6 == 1 && !flag(1) && sizes & 0b1000_1111 == 0;
        let shift = match sizes >> 4 {
            shift @ 4..=7 if is_known => shift,
            _ => return None,
        };
        let frame = Frame { most: 1 << (8 + 2 * shift), block_checksums: flag(4), content_checksum: flag(2) };
        Some((frame, 1 + 8 * u64::from(flag(3)) + 4 * u64::from(flag(0))))
    }

    /// Whether bytes can be the head of a frame.
    pub fn begins(head: &[u8]) -> bool {
        matches!(head.strip_prefix(MAGIC), Some([flags, sizes, ..]) if Frame::of(*flags, *sizes).is_some())
    }

    pub fn block(self, input: &mut dyn Read, out: &mut Vec<u8>) -> Result<Step, Broken> {
        let head = array(input, NO_END).map(u32::from_le_bytes)?;
        if head == 0 {
            if self.content_checksum {
                array::<4>(input, CUT)?;
            }
            return Ok(Step::End);
        }
        let len = (head & !(1 << 31)) as usize;
        if len > self.most {
            return Err(Broken::Form("has a block that is larger than its frame allows"));
        }
        if head >> 31 == 0 {
            unpack(input, len, self.most, out)?;
        } else if !append(input, len as u64, out)? {
            return Err(CUT);
        }
        if self.block_checksums {
            array::<4>(input, CUT)?;
        }
        Ok(Step::Done)
    }
}

/// Unpacks `packed_len` bytes to at most `most`.
fn unpack(input: &mut dyn Read, packed_len: usize, most: usize, out: &mut Vec<u8>) -> Result<Step, Broken> {
    let mut packed = Vec::new();
    if !append(input, packed_len as u64, &mut packed)? {
        careful(&packed, out, most);
        return Err(CUT);
    }
    let start = out.len();
    // A byte of LZ4 gives at most 255, so a claimed size costs no more than what stands for it.
    out.resize(start + most.min(packed_len.saturating_mul(MAX_RATIO)), 0);
    let (before, fresh) = out.split_at_mut(start);
    let window = before.get(before.len().saturating_sub(WINDOW)..).unwrap_or_default();
    if let Ok(count) = decompress_into_with_dict(&packed, fresh, window) {
        out.truncate(start.saturating_add(count));
        return Ok(Step::Done);
    }
    out.truncate(start);
    careful(&packed, out, most);
    Err(NOT_LZ4)
}

/// Appends what a damaged block gives up to the damage.
fn careful(packed: &[u8], out: &mut Vec<u8>, most: usize) {
    let end = out.len().saturating_add(most);
    let mut rest = packed;
    while let Some(repetition) = sequence(&mut rest, out, end) {
        let (distance, count) = repetition;
        if repeat(out, distance, count.min(end.saturating_sub(out.len()))).is_none() {
            return;
        }
    }
}

/// Appends the literals of a sequence, and tells the match behind them if there is one.
fn sequence(rest: &mut &[u8], out: &mut Vec<u8>, end: usize) -> Option<(usize, usize)> {
    let token = next(rest)?;
    let count = length(rest, token >> 4)?.min(end.checked_sub(out.len())?);
    let literals = rest.get(..count).unwrap_or(rest);
    out.extend_from_slice(literals);
    *rest = rest.get(count..)?;
    let distance = usize::from(next(rest)?) | usize::from(next(rest)?) << 8;
    Some((distance, length(rest, token & 15)?.checked_add(4)?))
}

fn next(rest: &mut &[u8]) -> Option<u8> {
    let (first, behind) = rest.split_first()?;
    *rest = behind;
    Some(*first)
}

/// A length of 15 goes on in further bytes for as long as they are 255.
fn length(rest: &mut &[u8], nibble: u8) -> Option<usize> {
    let mut length = usize::from(nibble);
    let mut goes_on = nibble == 15;
    while goes_on {
        let more = next(rest)?;
        length = length.checked_add(usize::from(more))?;
        goes_on = more == 255;
    }
    Some(length)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{all, lz4_apple, lz4_frame, text};
    use super::super::{Packing, Unpacker};
    use super::*;

    fn unpacked(packing: Packing, bytes: &[u8]) -> (Vec<u8>, Option<String>) {
        all(Unpacker::piece(packing, bytes))
    }

    #[test]
    fn frames_of_both_kinds_unpack() {
        for length in [0, 1, 100, 5000, 300_000, 5_000_000] {
            let text = text(length);
            assert_eq!(unpacked(Packing::AppleLz4, &lz4_apple(&text)), (text.clone(), None));
            for flags in [0x40, 0x60, 0x44, 0x50, 0x5c] {
                for size in 4..=7 {
                    assert!(unpacked(Packing::Lz4, &lz4_frame(&text, flags, size)) == (text.clone(), None));
                }
            }
        }
    }

    #[test]
    fn heads_are_told_from_other_bytes() {
        assert!(Frame::begins(&lz4_frame(b"text", 0x40, 4)) && begins_apple_frame(&lz4_apple(b"text")));
        assert!(!Frame::begins(b"\x04\x22\x4d\x18\x00\x40") && !Frame::begins(b"\x04\x22\x4d\x18\x40\x30"));
        assert!(!begins_apple_frame(b"bv41 is the mark of a block") && !begins_apple_frame(b"bv4-, too"));
        assert!(!begins_apple_frame(b"bv41\x10\0\0\0\xff\0\0\0"));
    }

    #[test]
    fn what_stands_before_a_cut_inside_of_a_block_is_kept() {
        let text = text(3000);
        for whole in [lz4_apple(&text), lz4_frame(&text, 0x40, 4)] {
            let packing = if whole.starts_with(b"bv4") { Packing::AppleLz4 } else { Packing::Lz4 };
            let mut longest = 0;
            for cut in 0..whole.len() {
                let (bytes, damage) = unpacked(packing, &whole[..cut]);
                assert!(damage.is_some() && text.starts_with(&bytes), "{cut}");
                assert!(bytes.len() >= longest);
                longest = bytes.len();
            }
            assert_eq!(longest, text.len());
        }
    }

    #[test]
    fn flipped_bits_do_no_harm() {
        let text = text(600);
        for whole in [lz4_apple(&text), lz4_frame(&text, 0x5c, 4)] {
            let packing = if whole.starts_with(b"bv4") { Packing::AppleLz4 } else { Packing::Lz4 };
            for bit in 0..whole.len() * 8 {
                let mut flipped = whole.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                assert!(unpacked(packing, &flipped).0.len() <= 4 << 20);
            }
        }
    }
}
