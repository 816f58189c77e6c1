//! The keybag of a backup: from the password to the keys of the protection classes.
//!
//! Keys stay in zeroizing wrappers. Whether a backup is encrypted at all is not decided here.

use std::collections::BTreeMap;

use aes_kw::{KeyInit, KwAes256};
use sha1::Sha1;
use sha2::Sha256;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use super::{Secrets, SourceError};

/// 32 bytes that are wiped when dropped.
pub(super) type Key = Zeroizing<[u8; 32]>;

/// Above any value that a phone writes, low enough that a hostile keybag cannot occupy the machine for minutes.
const MAX_ROUNDS_ONE: u32 = 20_000_000;
const MAX_ROUNDS_TWO: u32 = 1_000_000;
const MAX_CLASSES: usize = 256;
/// Bit of `WRAP`: the class key is wrapped with the key that comes from the password.
const WRAPPED_WITH_PASSWORD: u32 = 2;
/// Bit of `WRAP`: underneath there is a layer of the device's own key, so what comes out is of no use off the device.
const WRAPPED_WITH_DEVICE: u32 = 1;

#[derive(Default)]
struct ClassKey {
    class: Option<u32>,
    wrap: u32,
    wrapped: Vec<u8>,
}

/// The parsed, still locked keybag.
pub(super) struct Keybag {
    /// Salt and rounds of the SHA-256 round; iOS 10.2 and later.
    first: Option<(Vec<u8>, u32)>,
    salt: Vec<u8>,
    rounds: u32,
    classes: Vec<ClassKey>,
}

impl Keybag {
    /// Reads the tag-length-value list. A cut record ends it; what was complete before counts.
    pub fn parse(bytes: &[u8]) -> Result<Keybag, SourceError> {
        let damaged = |what: &str| SourceError::Keybag(what.into());
        let mut header: BTreeMap<[u8; 4], &[u8]> = BTreeMap::new();
        let mut classes: Vec<ClassKey> = Vec::new();
        let mut seen_header_id = false;
        for (tag, value) in records(bytes) {
            match &tag {
                // The first UUID is the keybag's own, each later one starts a class key.
                b"UUID" if !seen_header_id => seen_header_id = true,
                b"UUID" if classes.len() >= MAX_CLASSES => return Err(damaged("it has too many class keys")),
                b"UUID" => classes.push(ClassKey::default()),
                _ => match (classes.last_mut(), &tag) {
                    (Some(entry), b"CLAS") => entry.class = number(value),
                    (Some(entry), b"WRAP") => entry.wrap = number(value).unwrap_or(0),
                    (Some(entry), b"WPKY") => entry.wrapped = value.to_vec(),
                    (Some(_), b"KTYP" | b"PBKY") => {}
                    _ => {
                        header.insert(tag, value);
                    }
                },
            }
        }
        let salt = *header.get(b"SALT").ok_or_else(|| damaged("it has no SALT"))?;
        let rounds =
            header.get(b"ITER").copied().and_then(number).ok_or_else(|| damaged("it has no ITER"))?;
        let first = match (header.get(b"DPSL"), header.get(b"DPIC").copied().and_then(number)) {
            (Some(salt), Some(rounds)) => Some((salt.to_vec(), rounds)),
            (None, None) => None,
            _ => return Err(damaged("it has only one of DPSL and DPIC")),
        };
        if salt.len() != 20 || first.as_ref().is_some_and(|(salt, _)| salt.len() != 20) {
            return Err(damaged("a salt is not 20 bytes long"));
        }
        if !(1..=MAX_ROUNDS_TWO).contains(&rounds)
            || first.as_ref().is_some_and(|(_, rounds)| !(1..=MAX_ROUNDS_ONE).contains(rounds))
        {
            return Err(damaged("an iteration count is out of range"));
        }
        if !classes.iter().any(ClassKey::opens_with_password) {
            return Err(damaged("no class key in it is wrapped with the password"));
        }
        Ok(Keybag { first, salt: salt.to_vec(), rounds, classes })
    }

    /// The key that the password stands for (`k2`), whether right or not.
    fn derive(&self, password: &str) -> Key {
        let mut key: Key = Zeroizing::new([0; 32]);
        match &self.first {
            Some((salt, rounds)) => {
                let mut first: Key = Zeroizing::new([0; 32]);
                pbkdf2::pbkdf2_hmac::<Sha256>(password.as_bytes(), salt, *rounds, &mut *first);
                pbkdf2::pbkdf2_hmac::<Sha1>(&*first, &self.salt, self.rounds, &mut *key);
            }
            None => {
                pbkdf2::pbkdf2_hmac::<Sha1>(password.as_bytes(), &self.salt, self.rounds, &mut *key);
            }
        }
        key
    }

    /// The class keys that `key` opens; [`SourceError::PasswordWrong`] if it opens none.
    pub fn unlock(&self, key: &Key) -> Result<ClassKeys, SourceError> {
        let mut keys = ClassKeys::default();
        for entry in self.classes.iter().filter(|entry| entry.opens_with_password()) {
            match (entry.class, unwrap(key, &entry.wrapped)) {
                (Some(class), Some(opened)) if entry.wrap & WRAPPED_WITH_DEVICE == 0 => {
                    keys.keys.insert(class, opened);
                }
                // Opened, but the device's layer is still on it; good enough as proof of the password.
                (_, Some(_)) => keys.proven = true,
                (class, None) => keys.refused.push(class.unwrap_or(0)),
            }
        }
        if keys.keys.is_empty() && !keys.proven { Err(SourceError::PasswordWrong) } else { Ok(keys) }
    }

    /// The key given or derived from the password, and what it opens.
    pub fn open(&self, secrets: &dyn Secrets) -> Result<(Key, ClassKeys), SourceError> {
        if let Some(key) = secrets.key() {
            let classes = self.unlock(&key)?;
            return Ok((key, classes));
        }
        let password = secrets.password().ok_or(SourceError::PasswordMissing)?;
        secrets.deriving(true);
        let opened = spellings(&password).iter().find_map(|password| {
            let key = self.derive(password);
            let classes = self.unlock(&key).ok()?;
            Some((key, classes))
        });
        secrets.deriving(false);
        opened.ok_or(SourceError::PasswordWrong)
    }
}

impl ClassKey {
    fn opens_with_password(&self) -> bool {
        self.wrap & WRAPPED_WITH_PASSWORD != 0 && !self.wrapped.is_empty()
    }
}

/// The password as typed; with other than ASCII letters also composed and decomposed, since keyboards differ in which they send.
pub(super) fn spellings(password: &str) -> Vec<Zeroizing<String>> {
    let mut spellings = vec![Zeroizing::new(password.to_owned())];
    if !password.is_ascii() {
        for other in [password.nfc().collect::<String>(), password.nfd().collect::<String>()] {
            let other = Zeroizing::new(other);
            if !spellings.contains(&other) {
                spellings.push(other);
            }
        }
    }
    spellings
}

fn records(bytes: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (tag, after) = rest.split_first_chunk::<4>()?;
        let (len, after) = after.split_first_chunk::<4>()?;
        let (value, after) = after.split_at_checked(u32::from_be_bytes(*len) as usize)?;
        rest = after;
        Some((*tag, value))
    })
}

fn number(value: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(value.try_into().ok()?))
}

/// RFC 3394 with the integrity check; `None` if the wrapping key is not the right one.
fn unwrap(key: &Key, wrapped: &[u8]) -> Option<Key> {
    if wrapped.len() != 40 {
        return None;
    }
    let mut opened: Key = Zeroizing::new([0; 32]);
    KwAes256::new((&**key).into()).unwrap_key(wrapped, &mut *opened).ok()?;
    Some(opened)
}

/// Unlocked keys of the protection classes.
#[derive(Default)]
pub(super) struct ClassKeys {
    keys: BTreeMap<u32, Key>,
    proven: bool,
    /// Classes whose key could not be opened although others could.
    pub refused: Vec<u32>,
}

impl ClassKeys {
    /// The key in a `ManifestKey` or `EncryptionKey`: the class, little-endian, then the wrapped key. The class may also be
    /// known from elsewhere (`ProtectionClass`), in case the prefix names none that is there.
    pub fn open(&self, blob: &[u8], class: Option<u32>) -> Result<Key, String> {
        let (prefix, wrapped) =
            blob.split_first_chunk::<4>().ok_or_else(|| "its key is cut short".to_owned())?;
        let prefix = u32::from_le_bytes(*prefix);
        [Some(prefix), class]
            .into_iter()
            .flatten()
            .find_map(|class| unwrap(self.keys.get(&class)?, wrapped))
            .ok_or_else(|| {
                if self.keys.contains_key(&prefix) {
                    format!("its key does not open with the key of protection class {prefix}")
                } else {
                    format!("the keybag opens no key for protection class {prefix}")
                }
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        record::{hex, unhex},
        source::testing::{Password, keybag},
    };

    const K2: &str = "e3ba997ee490d0bc8ebd9893a6da690c8dd407b65b90130fead5c296d92a638e";

    #[test]
    fn published_vector_of_both_rounds() {
        let bag = Keybag::parse(&keybag(true)).unwrap();
        let (key, classes) = bag.open(&Password("correct horse")).unwrap();
        assert_eq!(hex(&*key), K2);
        assert_eq!(*classes.keys[&3], [0x33; 32]);
        assert_eq!(*classes.keys[&4], [0x44; 32]);
        let manifest =
            "03000000b332ec6da85130a4daea70493a8bfe65c65c9b0d116337076feb9389c5b6b1e5b88ed449d0df177d";
        assert_eq!(*classes.open(&unhex(manifest).unwrap(), None).unwrap(), [0xaa; 32]);
        let file = "04000000541f4936230156745a7babd1ed16af806da7bcb58d2b849a99da8bec5b5e54ad63097167f93d2fb2";
        assert_eq!(*classes.open(&unhex(file).unwrap(), None).unwrap(), [0xbb; 32]);
    }

    #[test]
    fn first_round_alone_matches_the_published_vector() {
        let salt: Vec<u8> = (0..20).collect();
        let mut first = [0; 32];
        pbkdf2::pbkdf2_hmac::<Sha256>(b"correct horse", &salt, 1000, &mut first);
        assert_eq!(hex(&first), "6eb5171fcc517e5be538ace922f5cf91cd4c7525daa1c8b470a7715e00ffadf2");
    }

    #[test]
    fn before_ios_10_2_there_is_one_round() {
        let bag = Keybag::parse(&keybag(false)).unwrap();
        assert!(bag.first.is_none());
        assert!(bag.open(&Password("correct horse")).is_ok());
    }

    #[test]
    fn wrong_missing_and_given_key_are_told_apart() {
        let bag = Keybag::parse(&keybag(true)).unwrap();
        assert!(matches!(bag.open(&Password("battery staple")), Err(SourceError::PasswordWrong)));
        assert!(matches!(bag.open(&Password("")), Err(SourceError::PasswordMissing)));
        let given = crate::source::testing::GivenKey(unhex(K2).unwrap().try_into().unwrap());
        assert!(bag.open(&given).is_ok());
    }

    #[test]
    fn a_password_is_tried_composed_and_decomposed() {
        assert_eq!(spellings("plain").len(), 1);
        assert_eq!(spellings("caf\u{e9}").len(), 2);
        assert_eq!(*spellings("cafe\u{301}")[1], "caf\u{e9}");
    }

    #[test]
    fn hostile_counts_are_refused() {
        let with_rounds = |tag: &[u8], count: u32| {
            let mut bytes = keybag(true);
            let at = bytes.windows(4).position(|window| window == tag).unwrap();
            bytes[at + 8..at + 12].copy_from_slice(&count.to_be_bytes());
            Keybag::parse(&bytes).err().map(|error| error.to_string()).unwrap_or_default()
        };
        for (tag, count) in [(b"DPIC", 0), (b"DPIC", 20_000_001), (b"ITER", 0), (b"ITER", u32::MAX)] {
            assert!(with_rounds(tag, count).ends_with("an iteration count is out of range"));
        }
    }

    #[test]
    fn cut_or_flipped_keybags_never_panic() {
        let whole = keybag(true);
        let key: Key = Zeroizing::new(unhex(K2).unwrap().try_into().unwrap());
        for len in 0..whole.len() {
            let _ = Keybag::parse(&whole[..len]).and_then(|bag| bag.unlock(&key));
        }
        assert!(Keybag::parse(&whole[..60]).is_err());
        for bit in 0..whole.len() * 8 {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let _ = Keybag::parse(&flipped).and_then(|bag| bag.unlock(&key));
        }
    }
}
