//! How packed content begins: told by marks, and where a mark is short, by what follows it.

use flate2::{Decompress, FlushDecompress, Status};

use super::{Packing, lz4, lzfse, zip};
use crate::format::zlib;

const GZIP: &[u8] = b"\x1f\x8b\x08";

/// How a file that begins like this is packed as a whole. Some 64 bytes are needed to tell.
pub fn of_file(head: &[u8]) -> Option<Packing> {
    match head {
        _ if head.starts_with(GZIP) => Some(Packing::Gzip),
        _ if head.starts_with(zip::MAGIC) => Some(Packing::Zip),
        _ if zlib::is_zlib(head) && begins_with_codes(head.get(2..).unwrap_or_default()) => {
            Some(Packing::Zlib)
        }
        _ if lz4::begins_apple_frame(head) => Some(Packing::AppleLz4),
        _ if lz4::Frame::begins(head) => Some(Packing::Lz4),
        _ if lzfse::begins(head) => Some(Packing::Lzfse),
        _ => None,
    }
}

/// Pictures, films and sounds, which are packed already and in no way of these.
pub fn is_medium(head: &[u8]) -> bool {
    head.starts_with(b"\xff\xd8\xff")
        || head.starts_with(b"\x89PNG")
        || head.get(4..8) == Some(b"ftyp")
        || head.starts_with(b"ID3")
        || head.starts_with(b"OggS")
}

/// Bytes looked at together.
const STEP: usize = 64;
/// Content that is packed with the fixed codes is short; up to so many packed bytes of it are tried.
const SHORT: usize = 1024;

/// Finds pieces of packed content in the middle of bytes.
pub struct Finder {
    inflater: Decompress,
    scratch: Vec<u8>,
}

impl Default for Finder {
    fn default() -> Finder {
        Finder { inflater: Decompress::new(true), scratch: vec![0; 4096] }
    }
}

impl Finder {
    /// Bytes behind the part looked at that should be there, so that what begins in it can be told.
    pub const CONTEXT: usize = SHORT;

    /// Calls `each` with where in `from..to` packed content seems to begin, until it says false.
    pub fn find(
        &mut self,
        bytes: &[u8],
        from: usize,
        to: usize,
        each: &mut dyn FnMut(Packing, usize) -> bool,
    ) {
        let mut at = from;
        while at < to {
            let rest = bytes.get(at..).unwrap_or_default();
            let end = (at + STEP).min(to);
            // The last few bytes have no chunk of their own to be compared with.
            let chunks = rest.first_chunk::<STEP>().zip(rest.get(1..).and_then(|next| next.first_chunk()));
            if chunks.is_none_or(|(these, next)| holds_a_mark(these, next)) {
                for place in at..end {
                    if let Some(packing) = self.begins(bytes.get(place..).unwrap_or_default())
                        && !each(packing, place)
                    {
                        return;
                    }
                }
            }
            at = end;
        }
    }

    fn begins(&mut self, bytes: &[u8]) -> Option<Packing> {
        let (first, second) = (*bytes.first()?, *bytes.get(1)?);
        match (first, second) {
            (0x78, 0x01 | 0x5e | 0x9c | 0xda) => self.begins_zlib(bytes).then_some(Packing::Zlib),
            // Three flag bits are reserved, and a fourth byte of text would be one.
            (0x1f, 0x8b) => {
                let flags = bytes.get(3).filter(|_| bytes.starts_with(GZIP));
                flags.is_some_and(|flags| flags & 0b1110_0000 == 0).then_some(Packing::Gzip)
            }
            (b'b', b'v') if lz4::begins_apple_frame(bytes) => Some(Packing::AppleLz4),
            (b'b', b'v') => lzfse::begins(bytes).then_some(Packing::Lzfse),
            (0x04, 0x22) => lz4::Frame::begins(bytes).then_some(Packing::Lz4),
            (b'P', b'K') => zip::begins_member(bytes).then_some(Packing::Member),
            _ => None,
        }
    }

    fn begins_zlib(&mut self, bytes: &[u8]) -> bool {
        let block = bytes.get(2..).unwrap_or_default();
        match block.first().map(|first| first & 7) {
            // The one block of a short text, with fixed codes: any bytes could be that, so its checksum decides.
            Some(0b011) => self.is_short_stream(bytes),
            _ => begins_with_codes(block),
        }
    }

    fn is_short_stream(&mut self, bytes: &[u8]) -> bool {
        self.inflater.reset(true);
        let packed = bytes.get(..SHORT).unwrap_or(bytes);
        let status = self.inflater.decompress(packed, &mut self.scratch, FlushDecompress::Finish);
        matches!(status, Ok(Status::StreamEnd)) && self.inflater.total_out() > 0
    }
}

/// Whether packed content may begin at one of `these`; `next` are the bytes one further. Without branches, so that many are compared at
/// once.
fn holds_a_mark(these: &[u8; STEP], next: &[u8; STEP]) -> bool {
    let pair = |(first, second): (&u8, &u8)| {
        let (first, second) = (*first, *second);
        let zlib = (second == 0x01) | (second == 0x5e) | (second == 0x9c) | (second == 0xda);
        ((first == 0x78) & zlib)
            | ((first == 0x1f) & (second == 0x8b))
            | ((first == b'b') & (second == b'v'))
            | ((first == 0x04) & (second == 0x22))
            | ((first == b'P') & (second == b'K'))
    };
    these.iter().zip(next).fold(false, |any, bytes| any | pair(bytes))
}

/// The order in which a block lists how long the codes of its lengths are is fixed, and so is that each has three bits.
const CODES: u32 = 19;

/// Whether these bytes can begin a deflate stream with codes of its own (RFC 1951, 3.2.7), as all but short texts do.
fn begins_with_codes(bytes: &[u8]) -> bool {
    // Seventeen bits of head and at most 57 of lengths.
    let mut head = [0; 16];
    let there = bytes.get(..head.len()).unwrap_or(bytes);
    for (to, from) in head.iter_mut().zip(there) {
        *to = *from;
    }
    let bits = u128::from_le_bytes(head);
    let field = |at: u32, count: u32| (bits >> at & ((1 << count) - 1)) as u32;
    if field(1, 2) != 2 || field(3, 5) > 29 || field(8, 5) > 29 {
        return false;
    }
    let lengths = (0..field(13, 4) + 4).map(|index| field(17 + 3 * index, 3));
    // Such codes are complete: of 128 codes of seven bits every one belongs to one of them.
    debug_assert!(field(13, 4) + 4 <= CODES);
    lengths.filter(|length| *length > 0).map(|length| 128 >> length).sum::<u32>() == 128
}

#[cfg(test)]
mod tests {
    use super::super::testing::{gzip, lz4_apple, lz4_frame, lzfse, text, zip, zlib};
    use super::*;

    fn found(bytes: &[u8]) -> Vec<(Packing, usize)> {
        let mut found = Vec::new();
        Finder::default().find(bytes, 0, bytes.len(), &mut |packing, at| {
            found.push((packing, at));
            true
        });
        found
    }

    #[test]
    fn every_packing_is_seen_at_any_place() {
        for length in [20, 5000] {
            let text = text(length);
            let all = [
                (Packing::Gzip, gzip(&text)),
                (Packing::Zlib, zlib(&text)),
                (Packing::Member, zip("a.txt", &text)),
                (Packing::AppleLz4, lz4_apple(&text)),
                (Packing::Lz4, lz4_frame(&text, 0x44, 4)),
                (Packing::Lzfse, lzfse(&text)),
            ];
            for (packing, packed) in all {
                for before in [0, 1, 5, 62, 63, 64, 65, 127, 500] {
                    for behind in [0, 1, 200] {
                        let bytes = [vec![b'-'; before], packed.clone(), vec![0; behind]].concat();
                        assert_eq!(found(&bytes).first(), Some(&(packing, before)), "{length} {behind}");
                    }
                }
                let of_file = of_file(&packed);
                let same =
                    of_file == Some(packing) || packing == Packing::Member && of_file == Some(Packing::Zip);
                assert!(same || length == 20 && packing == Packing::Zlib, "{packing:?}");
            }
        }
    }

    #[test]
    fn other_bytes_seldom_look_packed() {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let noise: Vec<u8> = (0..1 << 19)
            .flat_map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes()
            })
            .collect();
        let found = found(&noise);
        assert!(found.len() <= 8, "{} in 4 MiB", found.len());
    }

    #[test]
    fn whoever_looks_may_stop() {
        let bytes = gzip(b"text").repeat(5);
        let mut count = 0;
        Finder::default().find(&bytes, 0, bytes.len(), &mut |_, _| {
            count += 1;
            count < 3
        });
        assert_eq!(count, 3);
    }
}
