//! How packed content begins: told by marks, and where a mark is short, by what follows it.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, Input, MatchKind};
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

/// How packed content begins. All are looked for in one pass, some ten times as fast as anything else that is done with the bytes.
static MARKS: LazyLock<AhoCorasick> = LazyLock::new(|| {
    let marks = [
        // The second byte makes both together a multiple of 31 (RFC 1950, 2.2); other sizes of the window are hardly used.
        &b"\x78\x01"[..],
        b"\x78\x5e",
        b"\x78\x9c",
        b"\x78\xda",
        GZIP,
        b"bv4",
        b"bvx",
        lz4::MAGIC,
        zip::MAGIC,
    ];
    let builder = AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(marks);
    builder.expect("nine short words make an automaton")
});

/// Bytes of the longest mark.
const LONGEST: usize = 4;
/// Marks that are looked at closely in one call. Bytes by chance have some hundred in a MiB.
const MOST_MARKS: usize = 32_768;
/// Content that is packed with the fixed codes is short; up to so many packed bytes of it are tried.
const SHORT: usize = 1024;

/// Finds pieces of packed content in the middle of bytes.
#[derive(Default)]
pub struct Finder {
    /// With room for what comes out.
    inflater: Option<(Decompress, Vec<u8>)>,
}

impl Finder {
    /// Bytes behind the part looked at that should be there, so that what begins in it can be told.
    pub const CONTEXT: usize = SHORT;

    /// Calls `each` with where in `from..to` packed content seems to begin, until it says false. False if there are so many marks that
    /// the rest was not looked at.
    pub fn find(
        &mut self,
        bytes: &[u8],
        from: usize,
        to: usize,
        each: &mut dyn FnMut(Packing, usize) -> bool,
    ) -> bool {
        let to = to.min(bytes.len());
        // Marks that begin in the part may end behind it.
        let end = bytes.len().min(to.saturating_add(LONGEST - 1));
        let mut at = from;
        for _ in 0..MOST_MARKS {
            let found = if at < to { MARKS.find(Input::new(bytes).span(at..end)) } else { None };
            let Some(place) = found.map(|mark| mark.start()).filter(|place| *place < to) else { return true };
            if let Some(packing) = self.begins(bytes.get(place..).unwrap_or_default())
                && !each(packing, place)
            {
                return true;
            }
            // A mark may begin within another.
            at = place + 1;
        }
        false
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
        let (inflater, scratch) =
            self.inflater.get_or_insert_with(|| (Decompress::new(true), vec![0; 4 * SHORT]));
        inflater.reset(true);
        let packed = bytes.get(..SHORT).unwrap_or(bytes);
        let status = inflater.decompress(packed, scratch, FlushDecompress::Finish);
        matches!(status, Ok(Status::StreamEnd)) && inflater.total_out() > 0
    }
}

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

    #[test]
    fn too_many_marks_are_told() {
        let count = |bytes: &[u8]| Finder::default().find(bytes, 0, bytes.len(), &mut |_, _| true);
        assert!(count(&b"x\x01x\x9c".repeat(10_000)));
        assert!(!count(&b"x\x01x\x9c".repeat(20_000)));
    }

    #[test]
    fn only_what_begins_in_the_part_is_told() {
        let bytes = [&gzip(b"text")[..], &gzip(b"text"), &gzip(b"text")].concat();
        let one = bytes.len() / 3;
        let mut places = Vec::new();
        for (from, to) in
            [(0, one), (one, one + 1), (one + 1, 2 * one), (2 * one, bytes.len() + 9), (bytes.len(), 0)]
        {
            Finder::default().find(&bytes, from, to, &mut |_, at| {
                places.push(at);
                true
            });
        }
        assert_eq!(places, [0, one, 2 * one]);
    }
}
