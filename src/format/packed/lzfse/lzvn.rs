//! LZVN: what LZFSE packs short content with. Each operation copies up to 271 bytes as they are, repeats bytes from a distance, or both.

use super::super::blocks::repeat;

/// The literals of an operation and its match.
#[derive(Debug, PartialEq)]
struct Operation {
    literals: usize,
    repeated: usize,
    /// Bytes of the operation itself.
    length: usize,
    /// `None` for that of the operation before.
    distance: Option<usize>,
}

/// Appends what the operations give, at most `most` bytes, and says whether they came to their end.
pub(super) fn unpack(packed: &[u8], out: &mut Vec<u8>, most: usize) -> bool {
    let end = out.len().saturating_add(most);
    let mut distance = 0;
    let mut rest = packed;
    loop {
        let Some(first) = rest.first() else { return false };
        if *first == 6 {
            return true;
        }
        let Some(operation) = operation(rest) else { return false };
        rest = rest.get(operation.length..).unwrap_or_default();
        let room = end.saturating_sub(out.len());
        let literals = rest.get(..operation.literals.min(room)).unwrap_or(rest);
        out.extend_from_slice(literals);
        if literals.len() < operation.literals {
            return false;
        }
        rest = rest.get(operation.literals..).unwrap_or_default();
        distance = operation.distance.unwrap_or(distance);
        let room = end.saturating_sub(out.len());
        let is_whole =
            operation.repeated == 0 || repeat(out, distance, operation.repeated.min(room)).is_some();
        if !is_whole || room < operation.repeated {
            return false;
        }
    }
}

/// The operation at the front, `None` if there is none such or it is cut.
fn operation(bytes: &[u8]) -> Option<Operation> {
    let code = *bytes.first()?;
    let field = |shift: u8, bits: u8| usize::from(code >> shift & ((1 << bits) - 1));
    let byte = |at: usize| bytes.get(at).map(|byte| usize::from(*byte));
    let long = || Some(byte(1)? | byte(2)? << 8);
    let of = |literals, repeated, length, distance| Some(Operation { literals, repeated, length, distance });
    // LLMMM and three bits that say where the distance is.
    let (literals, repeated) = (field(6, 2), field(3, 3) + 3);
    match code {
        0x0e | 0x16 => of(0, 0, 1, None),
        0x1e | 0x26 | 0x2e | 0x36 | 0x3e | 0x70..=0x7f | 0xd0..=0xdf => None,
        0xa0..=0xbf => {
            // 101LLMMM DDDDDDMM DDDDDDDD
            let low = long()?;
            of(field(3, 2), (field(0, 3) << 2 | low & 3) + 3, 3, Some(low >> 2))
        }
        0xe0 => of(byte(1)? + 16, 0, 2, None),
        0xe1..=0xef => of(field(0, 4), 0, 1, None),
        0xf0 => of(0, byte(1)? + 16, 2, None),
        0xf1..=0xff => of(0, field(0, 4), 1, None),
        _ => match code & 7 {
            7 => of(literals, repeated, 3, Some(long()?)),
            6 => of(literals, repeated, 1, None),
            high => of(literals, repeated, 2, Some(usize::from(high) << 8 | byte(1)?)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unpacked(packed: &[u8]) -> (String, bool) {
        let mut out = Vec::new();
        let ended = unpack(packed, &mut out, 300);
        (String::from_utf8(out).unwrap(), ended)
    }

    #[test]
    fn every_kind_of_operation_gives_its_bytes() {
        const END: [u8; 8] = [6, 0, 0, 0, 0, 0, 0, 0];
        let after_abc = |operation: &[u8]| unpacked(&[b"\xe3abc", operation, &END].concat());
        assert_eq!(after_abc(b""), ("abc".into(), true));
        assert_eq!(after_abc(b"\x0e\x16"), ("abc".into(), true));
        assert_eq!(after_abc(b"\x48\x02x"), ("abcxcxcx".into(), true));
        assert_eq!(after_abc(b"\x47\x04\0x"), ("abcxabc".into(), true));
        assert_eq!(after_abc(b"\xa9\x09\0x"), ("abcxcxcxcxcx".into(), true));
        assert_eq!(after_abc(b"\xf2"), ("abc".into(), false));
        assert_eq!(after_abc(b"\x00\x03\x46x\xf1"), ("abcabcxbcxb".into(), true));
        assert_eq!(after_abc(b"\x00\x03\xf0\x00").0.len(), 3 + 3 + 16);
        assert_eq!(
            unpacked(&[b"\xe0\x01seventeen letters", &END[..]].concat()),
            ("seventeen letters".into(), true)
        );
    }

    #[test]
    fn what_cannot_be_stops_there() {
        assert_eq!(unpacked(b"\xe3abc\x70"), ("abc".into(), false));
        assert_eq!(unpacked(b"\xe3abc\x00\x04"), ("abc".into(), false));
        assert_eq!(unpacked(b"\xe3abc\x00"), ("abc".into(), false));
        assert_eq!(unpacked(b"\xe5abc"), ("abc".into(), false));
        assert_eq!(unpacked(b""), (String::new(), false));
        let bomb: Vec<u8> = [b"\xe1a\x00\x01".to_vec(), b"\xf0\xff".repeat(1000)].concat();
        assert_eq!(unpacked(&bomb).0.len(), 300);
    }

    #[test]
    fn no_bytes_make_it_panic() {
        for first in 0..=255 {
            for second in 0..=255 {
                let mut out = b"abc".to_vec();
                unpack(&[first, second, 0xff, 2, first], &mut out, 50);
                assert!(out.len() <= 53);
            }
        }
    }
}
