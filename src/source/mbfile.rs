//! The archived `MBFile` of a manifest row: what the phone knew about a file when it was backed up.
//!
//! A binary property list in keyed-archive form, read in place: a manifest has hundreds of thousands of them, and a general reader
//! refuses those with byte-string keys. Only the few shapes that occur are understood; anything else is absent, never an error.

use std::borrow::Cow;

use jiff::Timestamp;

use crate::{record::Value, time::Epoch};

/// The largest legitimate blob is a few KiB.
pub(super) const MAX_BLOB: usize = 100 * 1024;
const MAX_OBJECTS: usize = 4096;
const MAX_STRINGS: usize = 64;

#[derive(Debug, Default, PartialEq)]
pub(super) struct MbFile {
    pub size: Option<u64>,
    pub mode: Option<u32>,
    pub uid: Option<u32>,
    pub class: Option<u32>,
    pub created: Option<Timestamp>,
    pub modified: Option<Timestamp>,
    pub changed: Option<Timestamp>,
    pub target: Option<String>,
    /// 4 bytes of class, then the wrapped key.
    pub key: Option<Vec<u8>>,
    /// Text in the extended attributes.
    pub attributes: Vec<String>,
}

impl MbFile {
    /// `None` if the blob is not a keyed archive at all.
    pub fn parse(blob: &[u8]) -> Option<MbFile> {
        let archive = Archive::new(blob)?;
        let root = archive.root()?;
        let number = |name: &str| match archive.field(&root, name)? {
            Object::Int(number) => Some(number),
            _ => None,
        };
        let small = |name: &str| number(name).and_then(|number| u32::try_from(number).ok());
        Some(MbFile {
            size: number("Size").and_then(|size| u64::try_from(size).ok()),
            mode: small("Mode"),
            uid: small("UserID"),
            class: small("ProtectionClass"),
            created: archive.time(&root, "Birth"),
            modified: archive.time(&root, "LastModified"),
            changed: archive.time(&root, "LastStatusChange"),
            target: archive.field(&root, "Target").and_then(|target| match target {
                Object::Text(text) => Some(text.into_owned()),
                _ => None,
            }),
            key: archive.data(&root, "EncryptionKey").map(<[u8]>::to_vec),
            attributes: archive.data(&root, "ExtendedAttributes").map(attribute_text).unwrap_or_default(),
        })
    }
}

/// All text in the values of an attribute dictionary, and in the property lists nested in them (`kMDItemWhereFroms`).
fn attribute_text(bytes: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    let Some(list) = List::new(bytes) else { return found };
    let Some(Object::Dictionary(pairs)) = list.top() else { return found };
    for (_, value) in pairs {
        if let Some(value) = list.at(value) {
            collect_text(&list, value, 0, &mut found);
        }
    }
    found
}

fn collect_text(list: &List<'_>, object: Object<'_>, depth: usize, found: &mut Vec<String>) {
    if depth > 4 || found.len() >= MAX_STRINGS {
        return;
    }
    match object {
        Object::Text(text) => found.push(text.into_owned()),
        Object::Data(bytes) => {
            if let Some(nested) = List::new(bytes) {
                if let Some(top) = nested.top() {
                    collect_text(&nested, top, depth + 1, found);
                }
            } else if let Ok(text) = std::str::from_utf8(bytes)
                && !text.is_empty()
                && !text.chars().any(|letter| letter.is_control() && !letter.is_whitespace())
            {
                found.push(text.to_owned());
            }
        }
        Object::Array(items) => {
            for item in items.into_iter().take(MAX_STRINGS) {
                if let Some(item) = list.at(item) {
                    collect_text(list, item, depth + 1, found);
                }
            }
        }
        Object::Dictionary(pairs) => {
            for (_, value) in pairs.into_iter().take(MAX_STRINGS) {
                if let Some(value) = list.at(value) {
                    collect_text(list, value, depth + 1, found);
                }
            }
        }
        _ => {}
    }
}

/// A keyed archive: a property list whose `$objects` refer to each other.
struct Archive<'a> {
    list: List<'a>,
    objects: Vec<usize>,
    root: usize,
}

type Pairs = Vec<(usize, usize)>;

impl<'a> Archive<'a> {
    fn new(bytes: &'a [u8]) -> Option<Archive<'a>> {
        let list = List::new(bytes)?;
        let Some(Object::Dictionary(top)) = list.top() else { return None };
        let Some(Object::Array(objects)) = list.get(&top, "$objects") else { return None };
        let root = match list.get(&top, "$top") {
            Some(Object::Dictionary(top)) => match list.get(&top, "root") {
                Some(Object::Uid(root)) => root,
                _ => 1,
            },
            _ => 1,
        };
        Some(Archive { list, objects, root })
    }

    fn root(&self) -> Option<Pairs> {
        match self.list.at(*self.objects.get(self.root)?)? {
            Object::Dictionary(pairs) => Some(pairs),
            _ => None,
        }
    }

    /// One step through a reference is all that an archive needs, so references that form a ring end here.
    fn field(&self, pairs: &Pairs, name: &str) -> Option<Object<'a>> {
        match self.list.get(pairs, name)? {
            // Index 0 is `$null`.
            Object::Uid(0) => None,
            Object::Uid(index) => self.list.at(*self.objects.get(index)?),
            other => Some(other),
        }
    }

    /// Data as such, or as an archived `NSData`.
    fn data(&self, pairs: &Pairs, name: &str) -> Option<&'a [u8]> {
        match self.field(pairs, name)? {
            Object::Data(bytes) => Some(bytes),
            Object::Dictionary(inner) => match self.field(&inner, "NS.data")? {
                Object::Data(bytes) => Some(bytes),
                _ => None,
            },
            _ => None,
        }
    }

    /// Unix seconds, a date, or an archived `NSDate`.
    fn time(&self, pairs: &Pairs, name: &str) -> Option<Timestamp> {
        let decoded = match self.field(pairs, name)? {
            Object::Int(seconds) => Epoch::Unix.decode(&Value::Int(seconds)),
            Object::Real(seconds) => Epoch::Unix.decode(&Value::Real(seconds)),
            Object::Date(seconds) => Epoch::Mac.decode(&Value::Real(seconds)),
            Object::Dictionary(inner) => match self.field(&inner, "NS.time")? {
                Object::Int(seconds) => Epoch::Mac.decode(&Value::Int(seconds)),
                Object::Real(seconds) => Epoch::Mac.decode(&Value::Real(seconds)),
                _ => return None,
            },
            _ => return None,
        };
        decoded.ok().flatten()
    }
}

enum Object<'a> {
    Int(i64),
    Bool(bool),
    Real(f64),
    /// Seconds since 2001.
    Date(f64),
    Data(&'a [u8]),
    Text(Cow<'a, str>),
    Uid(usize),
    Array(Vec<usize>),
    Dictionary(Pairs),
    Other,
}

/// The objects of a `bplist00`, each read when it is asked for.
struct List<'a> {
    bytes: &'a [u8],
    offset_size: usize,
    reference_size: usize,
    count: usize,
    top: usize,
    table: usize,
}

impl<'a> List<'a> {
    fn new(bytes: &'a [u8]) -> Option<List<'a>> {
        List::with_limit(bytes, MAX_OBJECTS)
    }

    fn with_limit(bytes: &'a [u8], limit: usize) -> Option<List<'a>> {
        bytes.strip_prefix(b"bplist00")?;
        let trailer = bytes.last_chunk::<32>()?;
        let long = |at: usize| usize::try_from(big_endian(trailer.get(at..at + 8)?)?).ok();
        let list = List {
            bytes,
            offset_size: usize::from(trailer[6]),
            reference_size: usize::from(trailer[7]),
            count: long(8)?,
            top: long(16)?,
            table: long(24)?,
        };
        let sane = (1..=8).contains(&list.offset_size)
            && (1..=8).contains(&list.reference_size)
            && list.count <= limit;
        sane.then_some(list)
    }

    fn top(&self) -> Option<Object<'a>> {
        self.at(self.top)
    }

    fn get(&self, pairs: &Pairs, name: &str) -> Option<Object<'a>> {
        let (_, value) = pairs.iter().find(|(key, _)| match self.at(*key) {
            Some(Object::Text(text)) => text == name,
            // Some writers store keys as bytes.
            Some(Object::Data(bytes)) => bytes == name.as_bytes(),
            _ => false,
        })?;
        self.at(*value)
    }

    fn at(&self, index: usize) -> Option<Object<'a>> {
        if index >= self.count {
            return None;
        }
        let entry = self.table.checked_add(index.checked_mul(self.offset_size)?)?;
        let offset = big_endian(self.slice(entry, self.offset_size)?)?;
        let offset = usize::try_from(offset).ok()?;
        let marker = *self.bytes.get(offset)?;
        let next = offset.checked_add(1)?;
        let low = usize::from(marker & 15);
        Some(match marker >> 4 {
            0x0 if marker == 8 || marker == 9 => Object::Bool(marker == 9),
            0x1 if low <= 3 => Object::Int(integer(self.slice(next, 1 << low)?)?),
            0x2 if low == 2 => {
                Object::Real(f64::from(f32::from_be_bytes(self.slice(next, 4)?.try_into().ok()?)))
            }
            0x2 if low == 3 => Object::Real(f64::from_be_bytes(self.slice(next, 8)?.try_into().ok()?)),
            0x3 if low == 3 => Object::Date(f64::from_be_bytes(self.slice(next, 8)?.try_into().ok()?)),
            0x4 => {
                let (len, at) = self.length(low, next)?;
                Object::Data(self.slice(at, len)?)
            }
            0x5 | 0x7 => {
                let (len, at) = self.length(low, next)?;
                Object::Text(String::from_utf8_lossy(self.slice(at, len)?))
            }
            0x6 => {
                let (len, at) = self.length(low, next)?;
                let units = self.slice(at, len.checked_mul(2)?)?.chunks_exact(2);
                let units = units.map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
                Object::Text(
                    char::decode_utf16(units)
                        .map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER))
                        .collect(),
                )
            }
            0x8 if low < 8 => Object::Uid(usize::try_from(big_endian(self.slice(next, low + 1)?)?).ok()?),
            0xa | 0xc => {
                let (len, at) = self.length(low, next)?;
                Object::Array(self.references(at, len)?)
            }
            0xd => {
                let (len, at) = self.length(low, next)?;
                let keys = self.references(at, len)?;
                let values = self.references(at.checked_add(len.checked_mul(self.reference_size)?)?, len)?;
                Object::Dictionary(keys.into_iter().zip(values).collect())
            }
            _ => Object::Other,
        })
    }

    /// A length is in the marker, or is an integer object after it.
    fn length(&self, low: usize, next: usize) -> Option<(usize, usize)> {
        if low != 15 {
            return Some((low, next));
        }
        let marker = *self.bytes.get(next)?;
        if marker >> 4 != 1 || marker & 15 > 3 {
            return None;
        }
        let size = 1usize << (marker & 15);
        let at = next.checked_add(1)?;
        let len = usize::try_from(big_endian(self.slice(at, size)?)?).ok()?;
        Some((len, at.checked_add(size)?))
    }

    fn references(&self, at: usize, count: usize) -> Option<Vec<usize>> {
        self.slice(at, count.checked_mul(self.reference_size)?)?
            .chunks_exact(self.reference_size)
            .map(|reference| usize::try_from(big_endian(reference)?).ok())
            .collect()
    }

    fn slice(&self, at: usize, len: usize) -> Option<&'a [u8]> {
        self.bytes.get(at..at.checked_add(len)?)
    }
}

/// A whole binary property list, bounded in depth and in the number of values: objects may be shared, so that a few bytes can
/// stand for a tree of any size.
pub(super) fn binary_plist(bytes: &[u8]) -> Option<plist::Value> {
    let list = List::with_limit(bytes, MAX_LIST_OBJECTS)?;
    list.value(list.top()?, 0, &mut 0)
}

const MAX_LIST_OBJECTS: usize = 1 << 20;
const MAX_LIST_DEPTH: usize = 32;

impl List<'_> {
    fn value(&self, object: Object<'_>, depth: usize, made: &mut usize) -> Option<plist::Value> {
        *made += 1;
        if depth > MAX_LIST_DEPTH || *made > MAX_LIST_OBJECTS {
            return None;
        }
        Some(match object {
            Object::Int(number) => number.into(),
            Object::Bool(flag) => flag.into(),
            Object::Real(number) => number.into(),
            Object::Date(seconds) => {
                let time = Epoch::Mac.decode(&Value::Real(seconds)).ok().flatten()?;
                plist::Value::Date(super::container::system_time(time)?.into())
            }
            Object::Data(bytes) => plist::Value::Data(bytes.to_vec()),
            Object::Text(text) => text.into_owned().into(),
            Object::Uid(index) => plist::Value::Uid(plist::Uid::new(index as u64)),
            Object::Array(items) => plist::Value::Array(
                items.into_iter().filter_map(|item| self.value(self.at(item)?, depth + 1, made)).collect(),
            ),
            Object::Dictionary(pairs) => plist::Value::Dictionary(
                pairs
                    .into_iter()
                    .filter_map(|(key, value)| {
                        let Object::Text(key) = self.at(key)? else { return None };
                        Some((key.into_owned(), self.value(self.at(value)?, depth + 1, made)?))
                    })
                    .collect(),
            ),
            Object::Other => return None,
        })
    }
}

fn big_endian(bytes: &[u8]) -> Option<u64> {
    (bytes.len() <= 8).then(|| bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

/// Only integers of eight bytes are signed.
fn integer(bytes: &[u8]) -> Option<i64> {
    match <[u8; 8]>::try_from(bytes) {
        Ok(eight) => Some(i64::from_be_bytes(eight)),
        Err(_) => i64::try_from(big_endian(bytes)?).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{source::testing::mbfile, time::iso};
    use plist::{Dictionary, Uid, Value as Plist};

    fn archive(fields: Vec<(&str, Plist)>, objects: Vec<Plist>) -> Vec<u8> {
        mbfile(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(), objects)
    }

    fn dictionary(pairs: Vec<(&str, Plist)>) -> Plist {
        Plist::Dictionary(
            pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Dictionary>(),
        )
    }

    fn bytes_of(value: &Plist) -> Vec<u8> {
        let mut bytes = Vec::new();
        value.to_writer_binary(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn numbers_links_and_keys() {
        let blob = archive(
            vec![
                ("Size", 5_000_000_000i64.into()),
                ("Mode", 0o100_644i64.into()),
                ("UserID", 501i64.into()),
                ("ProtectionClass", 4i64.into()),
                ("LastModified", 1_700_000_000i64.into()),
                ("Target", Plist::Uid(Uid::new(2))),
                ("EncryptionKey", Plist::Uid(Uid::new(3))),
            ],
            vec!["/private/über".into(), dictionary(vec![("NS.data", Plist::Data(vec![9; 44]))])],
        );
        let file = MbFile::parse(&blob).unwrap();
        assert_eq!(
            (file.size, file.mode, file.uid, file.class),
            (Some(5_000_000_000), Some(0o100_644), Some(501), Some(4))
        );
        assert_eq!(file.target.as_deref(), Some("/private/über"));
        assert_eq!(file.key, Some(vec![9; 44]));
        assert_eq!(iso(file.modified.unwrap()), "2023-11-14T22:13:20.000000+00:00");
    }

    #[test]
    fn archived_dates_count_from_2001() {
        let blob = archive(
            vec![("Birth", Plist::Uid(Uid::new(2)))],
            vec![dictionary(vec![("NS.time", Plist::Real(588_814_410.5))])],
        );
        let created = MbFile::parse(&blob).unwrap().created.unwrap();
        assert_eq!(iso(created), "2019-08-29T23:33:30.500000+00:00");
    }

    #[test]
    fn where_a_download_came_from() {
        let urls = Plist::Array(vec!["https://a.example/x".into(), "https://b.example/".into()]);
        let attributes = dictionary(vec![
            ("com.apple.metadata:kMDItemWhereFroms", Plist::Data(bytes_of(&urls))),
            ("com.apple.quarantine", Plist::Data(b"0081;Safari".to_vec())),
        ]);
        let blob = archive(
            vec![("ExtendedAttributes", Plist::Uid(Uid::new(2)))],
            vec![Plist::Data(bytes_of(&attributes))],
        );
        assert_eq!(
            MbFile::parse(&blob).unwrap().attributes,
            ["https://a.example/x", "https://b.example/", "0081;Safari"]
        );
    }

    #[test]
    fn keys_may_be_bytes() {
        // The key `Size` is the only string of this length in the archive: turn its marker from text to data.
        let mut blob = archive(vec![("Size", 77i64.into())], vec![]);
        let at = blob.windows(5).position(|window| window == b"\x54Size").unwrap();
        blob[at] = 0x44;
        assert_eq!(MbFile::parse(&blob).unwrap().size, Some(77));
    }

    #[test]
    fn references_in_a_ring_or_to_nothing_are_absent() {
        let blob = archive(
            vec![("Target", Plist::Uid(Uid::new(2))), ("Birth", Plist::Uid(Uid::new(900)))],
            vec![Plist::Uid(Uid::new(2))],
        );
        assert_eq!(MbFile::parse(&blob), Some(MbFile::default()));
    }

    #[test]
    fn broken_blobs_never_panic() {
        let blob = archive(
            vec![("Target", Plist::Uid(Uid::new(2))), ("Size", 300i64.into())],
            vec!["/private/über".into(), Plist::Data(vec![3; 40])],
        );
        for len in 0..blob.len() {
            MbFile::parse(&blob[..len]);
        }
        for bit in 0..blob.len() * 8 {
            let mut flipped = blob.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            MbFile::parse(&flipped);
        }
        assert_eq!(MbFile::parse(b""), None);
    }
}
