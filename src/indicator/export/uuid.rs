//! Ids that are made of what they name, so that they are the same on every machine and in every year.

use sha1::Digest;

/// The namespace of all ids that hoofprint writes.
const NAMESPACE: [u8; 16] =
    [0x5d, 0xee, 0xe6, 0xa7, 0x55, 0xeb, 0x4d, 0x22, 0xb7, 0x7a, 0x54, 0x8f, 0xb8, 0x57, 0x50, 0x9d];

/// UUID version 5 (RFC 9562) of `parts` in our namespace. Parts are told apart by a zero byte, which no value holds.
pub(super) fn uuid(parts: &[&str]) -> String {
    name_based(&NAMESPACE, parts.join("\0").as_bytes())
}

fn name_based(namespace: &[u8; 16], name: &[u8]) -> String {
    let digest = sha1::Sha1::new().chain_update(namespace).chain_update(name).finalize();
    let mut bytes = [0_u8; 16];
    for (to, from) in bytes.iter_mut().zip(digest.iter()) {
        *to = *from;
    }
    bytes[6] = bytes[6] & 0x0f | 0x50;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let mut text = crate::record::hex(&bytes);
    for position in [20, 16, 12, 8] {
        text.insert(position, '-');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_standard_comes_out() {
        let dns =
            [0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8];
        assert_eq!(name_based(&dns, b"www.example.com"), "2ed6657d-e927-568b-95e1-2665a8aea6a2");
    }

    #[test]
    fn parts_do_not_run_together() {
        assert_ne!(uuid(&["ab", "c"]), uuid(&["a", "bc"]));
    }
}
