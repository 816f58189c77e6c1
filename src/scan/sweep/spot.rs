//! What stands at the place of a raw hit: the row of a database, the key of a property list, the line of a text.

use std::io;

use super::hits::Raw;
use super::search::Open;
use crate::format::sqlite::{self, Map};
use crate::format::{ReadAt, keyed};
use crate::record::{Origin, Place};

/// Property lists and texts are looked at up to this size; of others the offset is given.
const LARGEST_PLIST: u64 = 64 << 20;
const LARGEST_TEXT: u64 = 4 << 30;
/// How deep keys are followed.
const DEPTH: usize = 64;

/// What stands there.
#[derive(Clone, Debug)]
pub(super) struct Spot {
    pub place: Place,
    /// In words: `row 5 of message, column text`.
    pub inside: String,
    /// Of a database: whether the row lives.
    pub origin: Option<Origin>,
}

/// Looks at the places of hits in a file. `log` is the write-ahead log of a database.
pub(super) fn explain(file: &Open<'_>, log: Option<&Open<'_>>, raws: Vec<&mut Raw>) {
    if !raws.is_empty() {
        // What cannot be read keeps its offset.
        let _ = explained(file, log, raws);
    }
}

fn explained(file: &Open<'_>, log: Option<&Open<'_>>, raws: Vec<&mut Raw>) -> io::Result<()> {
    let opened = file()?;
    let mut head = vec![0; 512];
    let read = opened.read_at(0, &mut head)?;
    head.truncate(read);
    if sqlite::is_database(&head) {
        let map = Map::new(opened, log.map(|log| log()).transpose()?).map_err(io::Error::other)?;
        for raw in raws {
            let found = map.explain(raw.part, raw.offset);
            let origin = found.origin();
            let place = match (&found.table, found.rowid) {
                (Some(table), Some(row)) => Place::Row { table: table.clone().into(), row },
                _ => Place::Offset { offset: raw.offset },
            };
            raw.spot = Some(Spot { place, inside: found.to_string(), origin: Some(origin) });
        }
    } else if head.starts_with(b"bplist") || head.starts_with(b"<?xml") && contains(&head, b"plist") {
        keys(&*opened, raws);
    } else if is_text(&head) {
        lines(&*opened, raws)?;
    }
    Ok(())
}

fn contains(bytes: &[u8], word: &[u8]) -> bool {
    memchr::memmem::find(bytes, word).is_some()
}

/// Bytes without a zero and with hardly a control character.
fn is_text(head: &[u8]) -> bool {
    let odd = head.iter().filter(|byte| **byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x1b));
    !head.is_empty() && !head.contains(&0) && odd.count() * 32 < head.len()
}

fn keys(file: &dyn ReadAt, raws: Vec<&mut Raw>) {
    let Ok(bytes) = file.read_all(LARGEST_PLIST) else { return };
    let Ok(value) = keyed::parse(&bytes) else { return };
    for raw in raws {
        let wanted = raw.hit.matched.to_lowercase();
        let mut path = String::new();
        if !wanted.is_empty() && holds(&value, &wanted, &mut path, DEPTH) {
            let place = Place::key(path.clone());
            raw.spot = Some(Spot { place, inside: format!("key {path}"), origin: None });
        }
    }
}

/// Whether a text of this value holds a word; `path` becomes the way there.
fn holds(value: &plist::Value, word: &str, path: &mut String, depth: usize) -> bool {
    let Some(depth) = depth.checked_sub(1) else { return false };
    let length = path.len();
    let mut step = |value: &plist::Value, name: &str| {
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(name);
        let found = name.to_lowercase().contains(word) || holds(value, word, path, depth);
        if !found {
            path.truncate(length);
        }
        found
    };
    match value {
        plist::Value::String(text) => text.to_lowercase().contains(word),
        plist::Value::Data(bytes) => {
            memchr::memmem::find(&bytes.to_ascii_lowercase(), word.as_bytes()).is_some()
        }
        plist::Value::Dictionary(fields) => fields.iter().any(|(name, value)| step(value, name)),
        plist::Value::Array(items) => {
            items.iter().enumerate().any(|(index, value)| step(value, &index.to_string()))
        }
        _ => false,
    }
}

/// Counts lines up to each hit.
fn lines(file: &dyn ReadAt, mut raws: Vec<&mut Raw>) -> io::Result<()> {
    raws.sort_by_key(|raw| raw.offset);
    let mut buffer = vec![0; 1 << 20];
    let (mut at, mut line) = (0_u64, 1_u64);
    for raw in raws {
        if raw.offset > LARGEST_TEXT {
            break;
        }
        while at < raw.offset {
            let wanted = (raw.offset - at).min(buffer.len() as u64) as usize;
            let read = file.read_at(at, buffer.get_mut(..wanted).unwrap_or_default())?;
            if read == 0 {
                return Ok(());
            }
            line += memchr::memchr_iter(b'\n', buffer.get(..read).unwrap_or_default()).count() as u64;
            at += read as u64;
        }
        let place = Place::Line { line };
        raw.spot = Some(Spot { place, inside: format!("line {line}"), origin: None });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::format::sqlite::Part;
    use crate::indicator::{Form, Hit, Strength};

    fn spot(bytes: &[u8], offset: usize, matched: &str) -> Option<String> {
        let hit = Hit {
            indicator: 0,
            strength: Strength::Medium,
            form: Form::Carved,
            matched: matched.to_owned().into(),
            note: "",
        };
        let mut raw = Raw {
            inner: "".into(),
            offset: offset as u64,
            part: Part::Main,
            hit,
            around: String::new(),
            spot: None,
        };
        let bytes = Arc::new(bytes.to_vec());
        explain(&|| Ok(Box::new(Arc::clone(&bytes))), None, vec![&mut raw]);
        raw.spot.map(|spot| spot.inside)
    }

    #[test]
    fn texts_tell_the_line_and_property_lists_the_key() {
        assert_eq!(spot(b"one\ntwo\nthree evil.example\n", 14, "evil.example").unwrap(), "line 3");
        let list = br#"<?xml version="1.0"?><plist version="1.0"><dict><key>a</key><array><string>x</string>
            <string>see Evil.example</string></array></dict></plist>"#;
        assert_eq!(spot(list, 100, "evil.example").unwrap(), "key a.1");
        assert_eq!(spot(b"\0\x01\x02evil.example", 3, "evil.example"), None);
    }

    #[test]
    fn broken_files_keep_their_offset() {
        assert_eq!(spot(b"bplist00\xff\xff\xff evil.example", 12, "evil.example"), None);
        assert_eq!(spot(b"SQLite format 3\0 evil.example", 17, "evil.example"), None);
    }
}
