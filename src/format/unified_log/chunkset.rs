//! The chunkset: a frame of compressed blocks around log data, and the parts inside that data.

use super::bytes::Fields;
use super::lzbitmap;
use crate::format::packed::{self, Broken, Step};

/// No chunkset is larger than some 64 KiB in practice.
const MAX_OUTPUT: usize = 64 << 20;

pub(super) struct Unpacked {
    pub data: Vec<u8>,
    /// Bytes of the frame, to tell a wrong chunk size from a right one.
    pub used: usize,
    /// Why the frame ended early, with the blocks before that place in `data`.
    pub damage: Option<&'static str>,
}

/// Unpacks a frame: blocks `bv41` (LZ4, possibly referring to the block before) and `bv4-` (as they are) up to `bv4$`, or one `ZBM`
/// stream (iOS 27).
pub(super) fn unpack(frame: &[u8]) -> Unpacked {
    if frame.starts_with(lzbitmap::MAGIC) {
        let (data, used, damage) = lzbitmap::unpack(frame, MAX_OUTPUT);
        return Unpacked { data, used, damage };
    }
    let mut rest = frame;
    let mut data = Vec::new();
    let damage = loop {
        match block(&mut rest, &mut data) {
            Ok(true) => {}
            Ok(false) => break None,
            Err(damage) => break Some(damage),
        }
    };
    Unpacked { data, used: frame.len() - rest.len(), damage }
}

/// Unpacks one block; false at the end.
fn block(frame: &mut &[u8], data: &mut Vec<u8>) -> Result<bool, &'static str> {
    // A block says behind its mark what it unpacks to.
    if let (Some(b"bv41" | b"bv4-"), Some(len)) =
        (frame.get(..4), frame.get(4..).and_then(<[u8]>::first_chunk))
    {
        room(data, u32::from_le_bytes(*len) as usize)?;
    }
    match packed::apple_block(frame, data) {
        Ok(Step::End) => Ok(false),
        Ok(Step::Done) => Ok(true),
        Ok(Step::Stored(len)) => {
            let (stored, rest) =
                frame.split_at_checked(len as usize).ok_or("has a block that is cut short")?;
            data.extend_from_slice(stored);
            *frame = rest;
            Ok(true)
        }
        Err(Broken::Form(damage)) => Err(damage),
        Err(Broken::Read(_)) => Err("cannot be read"),
    }
}

fn room(data: &[u8], more: usize) -> Result<(), &'static str> {
    let fits = data.len().checked_add(more).is_some_and(|len| len <= MAX_OUTPUT);
    if fits { Ok(()) } else { Err("unpacks to more than 64 MiB") }
}

/// What a part of a chunkset holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Messages, activities and signposts of one process.
    Firehose,
    /// The values of a message that did not fit its record.
    Oversize,
    Statedump,
    Simpledump,
}

/// One part of a chunkset.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part<'d> {
    pub kind: Kind,
    /// With its preamble of 16 bytes, without padding.
    pub bytes: &'d [u8],
}

pub(super) const PREAMBLE_LEN: usize = 16;

impl<'d> Part<'d> {
    /// The bytes behind the preamble.
    pub fn body(&self) -> &'d [u8] {
        self.bytes.get(PREAMBLE_LEN..).unwrap_or_default()
    }
}

/// Calls `each` with the parts of unpacked log data, and says why they ended early.
pub(super) fn parts<'d>(data: &'d [u8], mut each: impl FnMut(Part<'d>)) -> Option<&'static str> {
    let mut rest = data;
    loop {
        // Parts are padded with zeros; no tag begins with one.
        let zeros = rest.iter().take_while(|byte| **byte == 0).count();
        rest = rest.get(zeros..).unwrap_or_default();
        if rest.is_empty() {
            return None;
        }
        let mut fields = Fields(rest);
        let (Some(tag), Some(_), Some(len)) = (fields.u32(), fields.u32(), fields.u64()) else {
            return Some("ends within a part");
        };
        let kind = match tag {
            0x6001 => Kind::Firehose,
            0x6002 => Kind::Oversize,
            0x6003 => Kind::Statedump,
            0x6004 => Kind::Simpledump,
            _ => return Some("holds a part of an unknown kind"),
        };
        let len = usize::try_from(len).ok().and_then(|len| len.checked_add(PREAMBLE_LEN));
        let Some((bytes, after)) = len.and_then(|len| rest.split_at_checked(len)) else {
            return Some("ends within a part");
        };
        each(Part { kind, bytes });
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::super::writer;
    use super::*;

    fn frame(chunk: &[u8]) -> &[u8] {
        let len = u64::from_le_bytes(chunk[8..16].try_into().unwrap()) as usize;
        &chunk[16..16 + len]
    }

    #[test]
    fn stored_and_compressed_blocks_unpack_alike() {
        let text = "the same words, the same words, the same words again".repeat(50).into_bytes();
        for chunk in [writer::stored(&text), writer::compressed(&text)] {
            let unpacked = unpack(frame(&chunk));
            assert_eq!((unpacked.data.as_slice(), unpacked.damage), (text.as_slice(), None));
            assert_eq!(unpacked.used, frame(&chunk).len());
        }
        assert!(writer::compressed(&text).len() < text.len() / 4);
    }

    #[test]
    fn several_blocks_follow_each_other() {
        let mut blocks = writer::block_compressed(b"first first first first ");
        blocks.extend(writer::block_stored(b"second"));
        blocks.extend(b"bv4$");
        assert_eq!(unpack(&blocks).data, b"first first first first second");
    }

    #[test]
    fn blocks_before_the_damage_are_kept() {
        let mut blocks = writer::block_stored(b"kept");
        blocks.extend(b"bv4?");
        let unpacked = unpack(&blocks);
        assert_eq!(
            (unpacked.data.as_slice(), unpacked.damage),
            (&b"kept"[..], Some("is compressed in an unknown way"))
        );
    }

    #[test]
    fn sizes_that_cannot_be_are_refused() {
        for claimed in [u32::MAX, 60 << 20] {
            let mut frame = b"bv41".to_vec();
            frame.extend(claimed.to_le_bytes());
            frame.extend(4u32.to_le_bytes());
            frame.extend([0; 8]);
            assert!(unpack(&frame).damage.is_some());
        }
    }

    #[test]
    fn broken_frames_do_not_panic() {
        let chunk = writer::compressed("text that repeats, text that repeats".repeat(9).as_bytes());
        let whole = frame(&chunk);
        for len in 0..whole.len() {
            assert!(unpack(&whole[..len]).damage.is_some());
        }
        for bit in 0..whole.len() * 8 {
            let mut flipped = whole.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let _ = parts(&unpack(&flipped).data, |_| ());
        }
    }
}
