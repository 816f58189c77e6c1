//! What another implementation packs is unpacked here.

use proptest::prelude::*;

use super::super::testing::{all, lzfse, text};
use super::super::{Packing, Unpacker};
use super::*;

fn unpacked(bytes: &[u8]) -> (Vec<u8>, Option<String>) {
    all(Unpacker::piece(Packing::Lzfse, bytes))
}

/// The same blocks with their heads in the older, longer form.
fn with_long_heads(packed: &[u8]) -> Vec<u8> {
    let (mut long, mut rest) = (Vec::new(), packed);
    while rest.starts_with(b"bvx2") {
        let (head, frequencies) = Head::short(rest[4..].first_chunk().unwrap()).unwrap();
        let end = 32 + frequencies as usize;
        let head = head.with_frequencies(&rest[32..end]).unwrap();
        long.extend(b"bvx1");
        let payloads = head.literal_payload + head.triple_payload;
        for number in
            [head.raw, payloads, head.literals, head.triples, head.literal_payload, head.triple_payload]
        {
            long.extend(number.to_le_bytes());
        }
        long.extend(head.literal_unused.wrapping_neg().to_le_bytes());
        long.extend(head.literal_states.iter().flat_map(|state| state.to_le_bytes()));
        long.extend(head.triple_unused.wrapping_neg().to_le_bytes());
        long.extend(head.triple_states.iter().flat_map(|state| state.to_le_bytes()));
        long.extend(head.frequencies.iter().flat_map(|frequency| frequency.to_le_bytes()));
        long.extend([0, 0]);
        let (payload, behind) = rest[end..].split_at(payloads as usize);
        long.extend(payload);
        rest = behind;
    }
    long.extend(rest);
    long
}

#[test]
fn blocks_of_every_kind_unpack() {
    for (length, first) in
        [(0, &b"bvx"[..]), (5, b"bvx-"), (3000, b"bvxn"), (5000, b"bvx2"), (3_000_000, b"bvx2")]
    {
        let text = text(length);
        let packed = lzfse(&text);
        assert!(packed.starts_with(first), "{:?}", &packed[..4]);
        assert!(length == 0 || begins(&packed));
        assert!(unpacked(&packed) == (text.clone(), None), "{length}");
        let long = with_long_heads(&packed);
        assert!(length == 0 || begins(&long));
        assert!(unpacked(&long) == (text, None), "{length}");
    }
}

#[test]
fn a_long_run_of_one_byte_unpacks() {
    let zeros = vec![0; 2_000_000];
    assert!(unpacked(&lzfse(&zeros)) == (zeros, None));
}

#[test]
fn frequencies_are_told_by_the_ones_they_begin_with() {
    let codes = [0b00, 0b10, 0b001, 0b101, 0b00_011, 0b11_011, 0b0000_0111, 0b1111_0111, 0b1111, 0x3fff];
    let read: Vec<(u16, u32)> = codes.iter().map(|bits| frequency_code(*bits)).collect();
    let expected =
        [(0, 2), (1, 2), (2, 3), (3, 3), (4, 5), (7, 5), (8, 8), (23, 8), (24, 14), (24 + 1023, 14)];
    assert_eq!(read, expected);
}

#[test]
fn text_that_begins_alike_is_no_head() {
    for text in [
        &b"bvx2 is how LZFSE blocks begin, says"[..],
        b"bvxn is one",
        b"bvx-",
        b"bvx1, older than the other one",
        b"bvx$",
    ] {
        assert!(!begins(text));
    }
}

#[test]
fn cut_streams_give_what_their_whole_blocks_hold() {
    for length in [20, 2000, 100_000] {
        let text = text(length);
        let packed = lzfse(&text);
        let steps = if packed.len() > 3000 { 97 } else { 1 };
        let mut most = 0;
        for cut in (0..packed.len()).step_by(steps) {
            let (bytes, damage) = unpacked(&packed[..cut]);
            assert!(damage.is_some() && text.starts_with(&bytes), "{length} {cut}");
            most = most.max(bytes.len());
        }
        assert!(most > 0 || length == 100_000);
    }
}

#[test]
fn flipped_bits_do_no_harm() {
    for length in [30, 1000, 6000] {
        let packed = lzfse(&text(length));
        for long in [packed.clone(), with_long_heads(&packed)] {
            for at in 0..long.len() {
                let mut flipped = long.clone();
                flipped[at] ^= 1 << (at % 8);
                assert!(unpacked(&flipped).0.len() <= MAX_LZVN as usize);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_is_packed_comes_out_again(
        words in prop::collection::vec("[a-e]{1,9}|https://[a-z]{3,9}\\.example/", 0..2000),
        noise in prop::collection::vec(any::<u8>(), 0..3000),
        times in 1..4_usize,
    ) {
        let bytes = [words.concat().into_bytes(), noise].concat().repeat(times);
        prop_assert!(unpacked(&lzfse(&bytes)) == (bytes, None));
    }

    #[test]
    fn any_bytes_behind_a_mark_are_read_without_harm(
        mark in prop::sample::select(vec!["bvx1", "bvx2", "bvxn", "bvx-"]),
        bytes in prop::collection::vec(any::<u8>(), 0..1000),
    ) {
        unpacked(&[mark.as_bytes(), &bytes].concat());
    }
}
