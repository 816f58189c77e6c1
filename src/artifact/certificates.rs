//! Certificates inside other evidence: their digests, and whom they were made out to and by whom.

use super::Out;
use super::property_list::sha256;
use crate::format::certificate;
use crate::record::{Place, Value, hex};

/// The SHA-256 of each; null where there are none.
pub fn digests(certificates: &[&[u8]]) -> Value<'static> {
    if certificates.is_empty() {
        return Value::Null;
    }
    certificates.iter().map(|certificate| sha256(certificate)).collect()
}

/// SHA-256, SHA-1 and MD5, in which hashes of Android's apps are published.
pub fn hashes(bytes: &[u8]) -> [String; 3] {
    use sha1::Digest as _;
    [sha256(bytes), hex(&sha1::Sha1::digest(bytes)), hex(&md5::Md5::digest(bytes))]
}

/// [`hashes`] of each certificate, by kind of hash; nulls where there are no certificates.
pub fn all_digests(certificates: &[Vec<u8>]) -> [Value<'static>; 3] {
    let all: Vec<[String; 3]> = certificates.iter().map(|certificate| hashes(certificate)).collect();
    [0, 1, 2].map(|kind| {
        let of_kind = all.iter().filter_map(|hashes| hashes.get(kind).cloned());
        if all.is_empty() { Value::Null } else { of_kind.collect() }
    })
}

/// Whom the certificates were made out to, as far as they can be read: apps are also signed with certificates that break the rules.
pub fn subjects(certificates: &[Vec<u8>]) -> Value<'static> {
    let subjects =
        certificates.iter().filter_map(|certificate| Some(certificate::names(certificate).ok()?.subject));
    let subjects: Vec<String> = subjects.collect();
    if subjects.is_empty() { Value::Null } else { subjects.into_iter().collect() }
}

/// Subjects and issuers in the same order; a certificate that cannot be read leaves a gap and a warning.
pub fn names(certificates: &[&[u8]], out: &mut Out<'_>, place: &Place) -> [Value<'static>; 2] {
    let read = certificates.iter().map(|certificate| {
        let names = certificate::names(certificate);
        if names.is_err() && !is_key_store(certificate) {
            out.warn(Some(place.clone()), "a certificate of the profile cannot be read");
        }
        names.ok()
    });
    let read: Vec<_> = read.collect();
    if read.iter().all(Option::is_none) {
        return [Value::Null, Value::Null];
    }
    let (subjects, issuers): (Vec<_>, Vec<_>) =
        read.into_iter().map(|names| names.map(|names| (names.subject, names.issuer)).unzip()).unzip();
    [subjects.into_iter().collect(), issuers.into_iter().collect()]
}

/// A PKCS #12 store begins with its version, a certificate with another sequence; the names in a store are behind its password.
fn is_key_store(bytes: &[u8]) -> bool {
    bytes.windows(3).take(6).any(|version| version == [2, 1, 3])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_store_is_told_from_a_certificate() {
        assert!(is_key_store(b"\x30\x82\x09\x51\x02\x01\x03\x30\x82"));
        assert!(!is_key_store(&crate::record::unhex(certificate::EXAMPLE_HEX).unwrap()));
        assert!(!is_key_store(b""));
    }
}
