//! Where the value lies that holds an offset of a page: raw bytes put the next cell right behind it, and its own header right before.
//!
//! Pages are looked at alone, without the tree they belong to: whoever searches raw bytes has many files and few hits.

use std::ops::Range;

use super::pages::{Geometry, INDEX_INTERIOR, INDEX_LEAF, TABLE_LEAF, cells, header_len};
use super::record::{Encoding, field_len, varint};
use super::wal::{FRAME_HEADER_LEN, HEADER_LEN};
use super::{is_database, is_log, page_size};

/// The pages of a database file, or of a write-ahead log.
#[derive(Clone, Copy, Debug)]
pub struct Sheets {
    page_size: usize,
    usable: usize,
    /// Bytes before the first page, and before each.
    first: u64,
    before: u64,
}

impl Sheets {
    /// `None`: these first bytes (100 are enough) are of neither.
    pub fn of(head: &[u8]) -> Option<Sheets> {
        if is_database(head) {
            let page_size = page_size(head)? as usize;
            let usable = page_size - usize::from(*head.get(20)?).min(page_size / 2);
            return Some(Sheets { page_size, usable, first: 0, before: 0 });
        }
        let size = head.get(8..12).filter(|_| is_log(head))?;
        let page_size = u32::from_be_bytes(*size.first_chunk()?) as usize;
        let usual = page_size.is_power_of_two() && (512..=65536).contains(&page_size);
        let (first, before) = (HEADER_LEN as u64, FRAME_HEADER_LEN as u64);
        usual.then_some(Sheets { page_size, usable: page_size, first, before })
    }

    pub fn page_size(&self) -> usize {
        self.page_size
    }

    /// Where the page begins that holds an offset of the file; `None` outside of any.
    pub fn page_of(&self, offset: u64) -> Option<u64> {
        let length = self.before + self.page_size as u64;
        let start = self.first + offset.checked_sub(self.first)? / length * length + self.before;
        (offset >= start).then_some(start)
    }

    /// The bytes on this page of the value that holds the offset `within`. `start` is where the page begins in the file.
    ///
    /// Of a value that goes on on other pages only this one's part; overflow pages have no header and give none.
    pub fn value(&self, page: &[u8], start: u64, within: usize) -> Option<Range<usize>> {
        let geometry = Geometry {
            page_size: self.page_size,
            usable: self.usable,
            encoding: Encoding::Utf8,
            auto_vacuum: false,
            free_trunk: 0,
        };
        // The first page of a file begins with the file's own header.
        let header = if page.starts_with(super::MAGIC) && (start == 0 || self.before > 0) { 100 } else { 0 };
        let kind = page.get(header).copied()?;
        if !matches!(kind, TABLE_LEAF | INDEX_LEAF | INDEX_INTERIOR) {
            return None;
        }
        let cells = cells(page, header, header_len(kind)?)?;
        let at = cells.into_iter().filter(|at| *at <= within).max()?;
        let cell = geometry.head(page, at, kind)?;
        let record = page.get(cell.body..cell.body.checked_add(cell.local)?)?;
        let field = field_at(record, within.checked_sub(cell.body)?)?;
        Some(cell.body + field.start..cell.body + field.end.min(cell.local))
    }
}

/// The field of a record that holds a position, wherever the record ends.
fn field_at(record: &[u8], position: usize) -> Option<Range<usize>> {
    let (len, types) = varint(record)?;
    let mut start = usize::try_from(len).ok()?;
    let mut types = types.get(..start.checked_sub(record.len() - types.len())?)?;
    while !types.is_empty() {
        let (serial_type, rest) = varint(types)?;
        let end = start.checked_add(field_len(serial_type)?)?;
        if (start..end).contains(&position) {
            return Some(start..end);
        }
        (start, types) = (end, rest);
    }
    None
}

/// The text that begins at `at` where its record gave it the last byte of a header: what is left of a deleted row.
///
/// `least` is the length that is wanted. A guess: letters and digits are such bytes for texts of 17 to 54 bytes.
pub fn orphan(page: &[u8], at: usize, least: usize) -> Option<Range<usize>> {
    let serial_type = i64::from(*page.get(at.checked_sub(1)?)?);
    let length = field_len(serial_type).filter(|length| serial_type % 2 == 1 && *length >= least)?;
    let text = page.get(at..at.checked_add(length)?)?;
    let is_text = std::str::from_utf8(text).is_ok_and(|text| !text.chars().any(char::is_control));
    is_text.then_some(at..at + length)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Files, files};
    use super::*;

    fn made() -> Files {
        files(
            "PRAGMA journal_mode = WAL; CREATE TABLE seen(host TEXT, n INT, url TEXT);
             INSERT INTO seen VALUES ('evilhost-updates.net', 1, 'https://a.example/'), ('b.example', 2, 'last one');
             PRAGMA wal_checkpoint(TRUNCATE); INSERT INTO seen VALUES ('third', 3, 'in the log');",
        )
    }

    fn value_of(bytes: &[u8], text: &str) -> Option<String> {
        let sheets = Sheets::of(bytes)?;
        let at = bytes.windows(text.len()).position(|window| window == text.as_bytes())?;
        let start = sheets.page_of(at as u64)?;
        let page = bytes.get(start as usize..start as usize + sheets.page_size())?;
        let value = sheets.value(page, start, at - start as usize)?;
        Some(String::from_utf8_lossy(page.get(value)?).into_owned())
    }

    #[test]
    fn values_end_where_their_record_says_and_not_where_text_does() {
        let files = made();
        assert_eq!(value_of(&files.main, "updates").unwrap(), "evilhost-updates.net");
        assert_eq!(value_of(&files.main, "a.example").unwrap(), "https://a.example/");
        assert_eq!(value_of(&files.wal, "the log").unwrap(), "in the log");
        assert_eq!(value_of(b"no database, a text", "text"), None);
    }

    #[test]
    fn what_is_left_of_a_row_ends_where_its_header_said() {
        let page = b"\x03\x01\x35evilhost-updates.netXmore";
        assert_eq!(orphan(page, 3, 8), Some(3..23));
        assert_eq!(orphan(page, 3, 21), None);
        assert_eq!(orphan(page, 4, 8), None);
    }

    #[test]
    fn broken_pages_give_nothing() {
        let files = made();
        let sheets = Sheets::of(&files.main).unwrap();
        for cut in 0..files.main.len() {
            let bytes = &files.main[..cut];
            let start = cut / sheets.page_size() * sheets.page_size();
            let _ = sheets.value(&bytes[start..], start as u64, (cut - start) / 2);
        }
        for at in 0..files.main.len() {
            let mut flipped = files.main.clone();
            flipped[at] ^= 0xff;
            let _ = value_of(&flipped, "updates");
        }
    }
}
