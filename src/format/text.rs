//! Text files line by line: lossy, bounded, in whatever encoding and with whatever line ends an export left them.

use std::borrow::Cow;
use std::io::{self, BufRead, BufReader};

use super::{ReadAt, Reader};

/// A line is cut here; no log writes longer ones, an attacker may.
const LONGEST_LINE_BYTES: usize = 1 << 20;
/// Text in UTF-16 is decoded whole, up to this.
const LARGEST_UTF16_BYTES: u64 = 64 << 20;

/// The lines of a text.
pub struct Lines<'a> {
    reader: Box<dyn BufRead + 'a>,
    buffer: Vec<u8>,
    number: u64,
    /// Lines that were cut.
    cut: u64,
}

impl<'a> Lines<'a> {
    /// # Errors
    /// When the text cannot be read at all, or is a saved web page instead of the log itself.
    pub fn new(text: &'a dyn ReadAt) -> io::Result<Lines<'a>> {
        let mut head = [0; 64];
        let count = text.read_at(0, &mut head)?;
        let head = head.get(..count).unwrap_or_default();
        let start = String::from_utf8_lossy(head).trim_start().to_ascii_lowercase();
        if start.starts_with("<!doctype html") || start.starts_with("<html") {
            return Err(io::Error::other("is a saved web page, not the log itself; save it as it is"));
        }
        let reader: Box<dyn BufRead + 'a> = match of_utf16(text, LARGEST_UTF16_BYTES)? {
            Some(decoded) => Box::new(io::Cursor::new(decoded.into_bytes())),
            None => {
                let start = if head.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
                Box::new(BufReader::with_capacity(64 << 10, Reader { bytes: text, position: start }))
            }
        };
        Ok(Lines { reader, buffer: Vec::new(), number: 0, cut: 0 })
    }

    /// The next line without its end, and its number from 1.
    ///
    /// # Errors
    /// When reading fails; the lines before were good.
    #[expect(clippy::should_implement_trait, reason = "the line borrows from the reader")]
    pub fn next(&mut self) -> io::Result<Option<(u64, Cow<'_, str>)>> {
        self.buffer.clear();
        let (mut any, mut cut) = (false, false);
        loop {
            let ready = match self.reader.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                ready => ready?,
            };
            if ready.is_empty() {
                break;
            }
            any = true;
            let end = memchr::memchr(b'\n', ready);
            let part = ready.get(..end.unwrap_or(ready.len())).unwrap_or_default();
            let room = LONGEST_LINE_BYTES.saturating_sub(self.buffer.len());
            cut |= part.len() > room;
            self.buffer.extend_from_slice(part.get(..part.len().min(room)).unwrap_or_default());
            let used = part.len() + usize::from(end.is_some());
            self.reader.consume(used);
            if end.is_some() {
                break;
            }
        }
        if !any {
            return Ok(None);
        }
        self.number += 1;
        self.cut += u64::from(cut);
        let line = self.buffer.strip_suffix(b"\r").unwrap_or(&self.buffer);
        Ok(Some((self.number, String::from_utf8_lossy(line))))
    }

    /// How many lines were longer than a line may be, and were cut.
    pub fn cut(&self) -> u64 {
        self.cut
    }
}

/// What UTF-16 with a byte order mark says, mark removed; `None` for any other text. What is no character is replaced.
pub fn decode_utf16(bytes: &[u8]) -> Option<String> {
    let unit = match bytes {
        [0xff, 0xfe, ..] => u16::from_le_bytes,
        [0xfe, 0xff, ..] => u16::from_be_bytes,
        _ => return None,
    };
    let units = bytes.as_chunks().0.iter().skip(1).map(|pair| unit(*pair));
    Some(char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect())
}

/// [`decode_utf16`] of a whole text, which is not read if it has no mark.
///
/// # Errors
/// When reading fails, or there is more than `most` bytes of it.
pub fn of_utf16(text: &dyn ReadAt, most: u64) -> io::Result<Option<String>> {
    let mut mark = [0; 2];
    let read = text.read_at(0, &mut mark)?;
    if decode_utf16(mark.get(..read).unwrap_or_default()).is_none() {
        return Ok(None);
    }
    Ok(decode_utf16(&text.read_all(most)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(bytes: &[u8]) -> (Vec<String>, u64) {
        let text = bytes.to_vec();
        let mut lines = Lines::new(&text).unwrap();
        let mut all = Vec::new();
        while let Some((number, line)) = lines.next().unwrap() {
            all.push(line.into_owned());
            assert_eq!(number, all.len() as u64);
        }
        (all, lines.cut())
    }

    #[test]
    fn line_ends_and_encodings_of_all_exports_give_the_same_lines() {
        let expected = (vec!["one".to_owned(), String::new(), "zwölf".to_owned()], 0);
        assert_eq!(lines("one\n\nzwölf".as_bytes()), expected);
        assert_eq!(lines("one\r\n\r\nzwölf\r\n".as_bytes()), expected);
        assert_eq!(lines("\u{feff}one\n\nzwölf\n".as_bytes()), expected);
        let wide = |bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
            "\u{feff}one\n\nzwölf\n".encode_utf16().flat_map(bytes).collect()
        };
        assert_eq!(lines(&wide(u16::to_le_bytes)), expected);
        assert_eq!(lines(&wide(u16::to_be_bytes)), expected);
    }

    #[test]
    fn endless_lines_are_cut_and_counted_and_web_pages_refused() {
        let mut long = vec![b'x'; 3 << 20];
        long.extend_from_slice(b"\nshort");
        let (all, cut) = lines(&long);
        assert_eq!((all[0].len(), all[1].as_str(), cut), (LONGEST_LINE_BYTES, "short", 1));
        let page = b"\n<!DOCTYPE html><html>".to_vec();
        assert!(Lines::new(&page).is_err());
    }
}
