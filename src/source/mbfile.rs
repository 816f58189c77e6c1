//! The archived `MBFile` of a manifest row: what the phone knew about a file when it was backed up.
//!
//! A small keyed archive. Only the few shapes that occur are understood; anything else is absent, never an error.

use jiff::Timestamp;
use plist::{Dictionary, Value as Plist};

use crate::{
    format::keyed,
    record::Value,
    time,
    time::{Clock, Epoch},
};

/// The largest legitimate blob is a few KiB.
pub(super) const MAX_BLOB: usize = 100 * 1024;
const MAX_STRINGS: usize = 64;
/// Property lists inside the attributes' data: one level occurs.
const MAX_NESTED: usize = 4;

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
        let list = keyed::parse(blob).ok()?;
        let archive = list.as_dictionary()?;
        let objects = archive.get("$objects")?.as_array()?;
        let root = archive.get("$top").and_then(|top| top.as_dictionary()?.get("root")?.as_uid());
        let root = root.map_or(1, |root| root.get());
        let file = Fields { objects, file: objects.get(usize::try_from(root).ok()?)?.as_dictionary()? };
        let number = |name: &str| file.get(name)?.as_signed_integer();
        let small = |name: &str| u32::try_from(number(name)?).ok();
        Some(MbFile {
            size: number("Size").and_then(|size| u64::try_from(size).ok()),
            mode: small("Mode"),
            uid: small("UserID"),
            class: small("ProtectionClass"),
            created: file.time("Birth"),
            modified: file.time("LastModified"),
            changed: file.time("LastStatusChange"),
            target: file.get("Target").and_then(|target| Some(target.as_string()?.to_owned())),
            key: file.data("EncryptionKey").map(<[u8]>::to_vec),
            attributes: file.data("ExtendedAttributes").map(attribute_text).unwrap_or_default(),
        })
    }
}

/// The fields of the archived file and the objects that they refer to.
struct Fields<'a> {
    objects: &'a [Plist],
    file: &'a Dictionary,
}

impl<'a> Fields<'a> {
    /// A field, or the object it refers to; nil and references to nothing are absent.
    fn get(&self, name: &str) -> Option<&'a Plist> {
        match self.file.get(name)? {
            Plist::Uid(uid) if uid.get() > 0 => self.objects.get(usize::try_from(uid.get()).ok()?),
            Plist::Uid(_) => None,
            value => Some(value),
        }
    }

    /// Bytes, written as they are or as an `NSData`.
    fn data(&self, name: &str) -> Option<&'a [u8]> {
        match self.get(name)? {
            Plist::Data(bytes) => Some(bytes),
            Plist::Dictionary(object) => object.get("NS.data")?.as_data(),
            _ => None,
        }
    }

    /// Seconds since 1970; on old systems a date, or an `NSDate` with seconds since 2001.
    fn time(&self, name: &str) -> Option<Timestamp> {
        let number = |value: &Plist| match value {
            Plist::Integer(seconds) => seconds.as_signed().map(Value::Int),
            Plist::Real(seconds) => Some(Value::Real(*seconds)),
            _ => None,
        };
        match self.get(name)? {
            Plist::Date(date) => time::from_plist(*date),
            Plist::Dictionary(object) => {
                Epoch::Mac.decode(&number(object.get("NS.time")?)?, &Clock::NONE).ok()?
            }
            value => Epoch::Unix.decode(&number(value)?, &Clock::NONE).ok()?,
        }
    }
}

/// All text in the values of an attribute dictionary, and in the property lists nested in them (`kMDItemWhereFroms`).
fn attribute_text(bytes: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(attributes) = keyed::parse(bytes).ok().as_ref().and_then(Plist::as_dictionary) {
        attributes.values().for_each(|value| collect_text(value, 0, &mut found));
    }
    found
}

fn collect_text(value: &Plist, nested: usize, found: &mut Vec<String>) {
    if found.len() >= MAX_STRINGS || nested > MAX_NESTED {
        return;
    }
    match value {
        Plist::String(text) => found.push(text.clone()),
        Plist::Array(items) => items.iter().for_each(|item| collect_text(item, nested, found)),
        Plist::Dictionary(fields) => fields.values().for_each(|value| collect_text(value, nested, found)),
        Plist::Data(bytes) if bytes.starts_with(b"bplist") => {
            if let Ok(list) = keyed::parse(bytes) {
                collect_text(&list, nested + 1, found);
            }
        }
        Plist::Data(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) if !text.is_empty() && !text.chars().any(|c| c.is_control() && !c.is_whitespace()) => {
                found.push(text.to_owned());
            }
            _ => {}
        },
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{source::testing::mbfile, time::iso};
    use plist::Uid;

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
