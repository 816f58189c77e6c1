//! Mail as RFC 822 and MIME write it: headers, and the text of each part with its transfer encoding undone.
//!
//! Made for finding addresses and links: other character sets than UTF-8 and Latin 1 keep their ASCII.

/// Headers of one message; real ones have some dozens.
const MAX_HEADERS: usize = 1_000;
const MAX_HEADER_BYTES: usize = 64 << 10;
const MAX_PARTS: usize = 500;
const MAX_DEPTH: usize = 10;
/// Text of all parts together.
const MAX_TEXT_BYTES: usize = 16 << 20;

/// A message taken apart.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// Names in lower case, values on one line and decoded, in the order of the message.
    pub headers: Vec<(String, String)>,
    /// Plain text and HTML, decoded.
    pub texts: Vec<Part>,
    /// Names of the files it carries.
    pub attachments: Vec<String>,
    /// True if bounds left something out.
    pub cut: bool,
}

/// The text of a part.
#[derive(Debug, PartialEq, Eq)]
pub struct Part {
    pub is_html: bool,
    pub text: String,
}

impl Message {
    /// Takes a message apart; bytes that are none give a message without headers.
    pub fn parse(bytes: &[u8]) -> Message {
        let mut message = Message::default();
        let (headers, body) = split(bytes);
        message.cut |= headers.len() >= MAX_HEADERS;
        let mut reader = Reader { left: MAX_TEXT_BYTES, parts: MAX_PARTS, message: &mut message };
        reader.part(&headers, body, 0);
        message.headers = headers;
        message
    }

    /// The first header of a name given in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        value_of(&self.headers, name)
    }
}

fn value_of<'h>(headers: &'h [(String, String)], name: &str) -> Option<&'h str> {
    headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
}

/// The headers, unfolded and decoded, and what follows the empty line behind them.
fn split(bytes: &[u8]) -> (Vec<(String, String)>, &[u8]) {
    let mut headers: Vec<(String, Vec<u8>)> = Vec::new();
    let mut rest = bytes;
    while let Some((line, after)) = next_line(rest) {
        rest = after;
        if line.is_empty() {
            break;
        }
        let folded = line.first().is_some_and(u8::is_ascii_whitespace);
        if folded {
            if let Some((_, value)) = headers.last_mut()
                && value.len().saturating_add(line.len()) <= MAX_HEADER_BYTES
            {
                value.push(b' ');
                value.extend_from_slice(line.trim_ascii());
            }
        } else if let Some(colon) = memchr::memchr(b':', line)
            && headers.len() < MAX_HEADERS
        {
            let (name, value) = line.split_at(colon);
            let name = String::from_utf8_lossy(name).trim().to_ascii_lowercase();
            let value = value.get(1..).unwrap_or_default().trim_ascii();
            headers.push((name, value.get(..MAX_HEADER_BYTES).unwrap_or(value).to_vec()));
        }
    }
    (headers.into_iter().map(|(name, value)| (name, words(&value))).collect(), rest)
}

/// A line without its end, and what follows.
fn next_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    if bytes.is_empty() {
        return None;
    }
    let end = memchr::memchr(b'\n', bytes).unwrap_or(bytes.len());
    let (line, after) = bytes.split_at(end);
    Some((line.strip_suffix(b"\r").unwrap_or(line), after.get(1..).unwrap_or_default()))
}

struct Reader<'m> {
    message: &'m mut Message,
    left: usize,
    parts: usize,
}

impl Reader<'_> {
    fn part(&mut self, headers: &[(String, String)], body: &[u8], depth: usize) {
        let Some(parts) = self.parts.checked_sub(1).filter(|_| depth < MAX_DEPTH) else {
            self.message.cut = true;
            return;
        };
        self.parts = parts;
        let kind = value_of(headers, "content-type").unwrap_or("text/plain");
        let lower = kind.trim_start().to_ascii_lowercase();
        let disposition = value_of(headers, "content-disposition").unwrap_or_default();
        if let Some(name) = parameter(disposition, "filename").or_else(|| parameter(kind, "name")) {
            self.message.attachments.push(name);
        }
        if lower.starts_with("multipart/") {
            if let Some(boundary) = parameter(kind, "boundary") {
                self.multipart(body, &boundary, depth);
            }
            return;
        }
        let encoding =
            value_of(headers, "content-transfer-encoding").unwrap_or_default().to_ascii_lowercase();
        if lower.starts_with("message/rfc822") {
            let (headers, body) = split(body);
            return self.part(&headers, body, depth + 1);
        }
        if !lower.starts_with("text/") {
            return;
        }
        if body.len() > self.left {
            self.message.cut = true;
        }
        let body = body.get(..self.left).unwrap_or(body);
        self.left = self.left.saturating_sub(body.len());
        let decoded = match encoding.trim() {
            "base64" => base64(body),
            "quoted-printable" => quoted_printable(body, false),
            _ => body.to_vec(),
        };
        let text = characters(&decoded, &parameter(kind, "charset").unwrap_or_default());
        self.message.texts.push(Part { is_html: lower.starts_with("text/html"), text });
    }

    fn multipart(&mut self, body: &[u8], boundary: &str, depth: usize) {
        let delimiter = [b"--", boundary.as_bytes()].concat();
        let mut start: Option<usize> = None;
        let mut at = 0;
        while let Some((line, after)) = next_line(body.get(at..).unwrap_or_default()) {
            let next = body.len().saturating_sub(after.len());
            if let Some(behind) = line.strip_prefix(delimiter.as_slice()) {
                if let Some(part) = start.and_then(|start| body.get(start..at)) {
                    self.section(part, depth);
                }
                start = Some(next);
                if behind.starts_with(b"--") {
                    return;
                }
            }
            at = next;
        }
        // A message that was cut has no last delimiter.
        if let Some(part) = start.and_then(|start| body.get(start..)) {
            self.section(part, depth);
        }
    }

    fn section(&mut self, part: &[u8], depth: usize) {
        if self.parts > 0 {
            let (headers, body) = split(part);
            self.part(&headers, body, depth + 1);
        } else {
            self.message.cut = true;
        }
    }
}

/// `boundary="x"` of `multipart/mixed; boundary="x"`.
fn parameter(header: &str, name: &str) -> Option<String> {
    header.split(';').skip(1).find_map(|parameter| {
        let (key, value) = parameter.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"').to_owned())
    })
}

/// `=?utf-8?B?SGVsbG8=?=` becomes what it says; white space between two of them is none.
fn words(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text.as_ref();
    let mut after_word = false;
    while let Some((before, behind)) = rest.split_once("=?") {
        let Some((word, end)) = word(behind) else {
            decoded.push_str(before);
            decoded.push_str("=?");
            rest = behind;
            after_word = false;
            continue;
        };
        if !(after_word && before.trim().is_empty()) {
            decoded.push_str(before);
        }
        decoded.push_str(&word);
        rest = end;
        after_word = true;
    }
    decoded.push_str(rest);
    decoded
}

/// `utf-8?B?SGVsbG8=?=` and what follows.
fn word(text: &str) -> Option<(String, &str)> {
    let (charset, rest) = text.split_once('?')?;
    let (encoding, rest) = rest.split_once('?')?;
    let (content, rest) = rest.split_once("?=")?;
    let bytes = match encoding {
        "B" | "b" => base64(content.as_bytes()),
        "Q" | "q" => quoted_printable(content.as_bytes(), true),
        _ => return None,
    };
    Some((characters(&bytes, charset), rest))
}

fn characters(bytes: &[u8], charset: &str) -> String {
    let charset = charset.to_ascii_lowercase();
    if charset.starts_with("iso-8859-1") || charset == "windows-1252" {
        return bytes.iter().map(|byte| char::from(*byte)).collect();
    }
    String::from_utf8_lossy(bytes).into_owned()
}

/// Bytes of base64 text, up to its padding; anything else than its letters is passed over.
fn base64(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0u32, 0u32);
    for byte in text {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            b'=' => break,
            _ => continue,
        };
        bits = (bits << 6 | u32::from(value)) & 0xff_ffff;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    bytes
}

/// `=3D` becomes `=`, an equals sign at the end of a line nothing; in headers `_` is a blank.
fn quoted_printable(text: &[u8], header: bool) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'=' => match after {
                [b'\r', b'\n', after @ ..] | [b'\n', after @ ..] => rest = after,
                [high, low, after @ ..] => match (digit(*high), digit(*low)) {
                    (Some(high), Some(low)) => {
                        bytes.push(high << 4 | low);
                        rest = after;
                    }
                    _ => bytes.push(b'='),
                },
                _ => bytes.push(b'='),
            },
            b'_' if header => bytes.push(b' '),
            other => bytes.push(*other),
        }
    }
    bytes
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIL: &[u8] = b"From: =?utf-8?Q?Ann_B=C3=A4r?= <a@example.org>\r\nSubject: =?utf-8?B?SGVs?=\r\n =?utf-8?B?bG8=?= you\r\n\
        Content-Type: multipart/mixed;\r\n boundary=\"b\"\r\n\r\npreamble\r\n--b\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n\
        --c\r\n\r\nplain =\r\n--c\r\nContent-Type: text/html; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
        <a href=3D\"https://a.exa=\r\nmple/x\">=FC</a>\r\n--c--\r\n--b\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\
        Content-Disposition: attachment; filename=\"x.txt\"\r\n\r\naHR0cHM6Ly9i\r\nLmV4YW1wbGU=\r\n--b--\r\nepilogue";

    #[test]
    fn headers_are_unfolded_and_decoded() {
        let message = Message::parse(MAIL);
        assert_eq!(message.header("from"), Some("Ann Bär <a@example.org>"));
        assert_eq!(message.header("subject"), Some("Hello you"));
        assert_eq!(message.header("date"), None);
    }

    #[test]
    fn every_text_is_decoded() {
        let message = Message::parse(MAIL);
        let texts: Vec<(bool, &str)> =
            message.texts.iter().map(|part| (part.is_html, part.text.trim())).collect();
        assert_eq!(
            texts,
            [
                (false, "plain ="),
                (true, "<a href=\"https://a.example/x\">ü</a>"),
                (false, "https://b.example")
            ]
        );
        assert_eq!((message.attachments, message.cut), (vec!["x.txt".to_owned()], false));
    }

    #[test]
    fn a_message_in_a_message_and_one_without_structure() {
        let outer = [b"Content-Type: message/rfc822\n\n".as_slice(), b"Subject: in\n\ninner"].concat();
        assert_eq!(Message::parse(&outer).texts[0].text, "inner");
        assert_eq!(Message::parse(b"\n\nonly text").texts[0].text, "\nonly text");
        assert_eq!(Message::parse(b"").headers, []);
        assert_eq!(words(b"a =?b =?x?Z?y?= c"), "a =?b =?x?Z?y?= c");
    }

    #[test]
    fn nesting_and_numbers_are_bounded() {
        let deep = "Content-Type: message/rfc822\n\n".repeat(1_000);
        assert!(Message::parse(deep.as_bytes()).cut);
        let many = format!("Content-Type: multipart/mixed; boundary=b\n\n{}", "--b\n\nx\n".repeat(2_000));
        let message = Message::parse(many.as_bytes());
        assert!(message.cut && message.texts.len() < MAX_PARTS);
    }

    #[test]
    fn broken_messages_never_panic() {
        for end in 0..MAIL.len() {
            Message::parse(&MAIL[..end]);
            let mut broken = MAIL.to_vec();
            broken[end] ^= 0x21;
            Message::parse(&broken);
        }
    }
}
