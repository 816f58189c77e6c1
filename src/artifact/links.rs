//! The links in a record: found in text, read from attributes, carved from bytes; each once, in order.

use std::borrow::Cow;

use memchr::memmem;

use super::Out;
use crate::format::typedstream;
use crate::record::{Place, Value};

/// Links kept of one record; the text they stand in is searched as a whole in any case.
const LINKS_KEPT: usize = 200;

/// A column of links in the making.
#[derive(Default)]
pub struct Links<'a> {
    links: Vec<Cow<'a, str>>,
}

impl<'a> Links<'a> {
    /// Adds every `http://` or `https://`, whatever its case, up to the next blank: punctuation behind it stays, as in MVT.
    pub fn find(&mut self, text: &'a str) {
        let mut rest = text;
        while let Some(colon) = memmem::find(rest.as_bytes(), b"://") {
            let (before, after) = rest.split_at(colon);
            let (_, address) = after.split_at("://".len());
            let Some(scheme) = scheme_len(before.as_bytes()) else {
                rest = address;
                continue;
            };
            let len = address.find(char::is_whitespace).unwrap_or(address.len());
            if len > 0
                && let Some(link) = rest.get(colon - scheme..colon + "://".len() + len)
            {
                self.add(link.into());
            }
            rest = address.get(len..).unwrap_or_default();
        }
    }

    /// Adds the links that stand readable in bytes of whatever format.
    pub fn carve(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some(colon) = memmem::find(rest, b"://") {
            let (before, after) = rest.split_at(colon);
            let address = after.get(b"://".len()..).unwrap_or_default();
            let of_link = |byte: &u8| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(byte);
            let len = address.iter().position(|byte| !of_link(byte)).unwrap_or(address.len());
            if let Some(scheme) = scheme_len(before)
                && len > 0
                && let Some(link) = rest.get(colon - scheme..colon + b"://".len() + len)
            {
                self.add(String::from_utf8_lossy(link).into_owned().into());
            }
            rest = address.get(len..).unwrap_or_default();
        }
    }

    /// Adds a link known to be one.
    pub fn add(&mut self, link: Cow<'a, str>) {
        if self.links.len() < LINKS_KEPT && !link.is_empty() && !self.links.contains(&link) {
            self.links.push(link);
        }
    }

    /// Adds those of another column.
    pub fn extend(&mut self, others: Links<'a>) {
        others.links.into_iter().for_each(|link| self.add(link));
    }

    /// Forgets links that begin with one of these.
    pub fn without(mut self, prefixes: &[&str]) -> Links<'a> {
        self.links.retain(|link| !prefixes.iter().any(|prefix| link.starts_with(prefix)));
        self
    }

    /// True once no more links are kept.
    pub fn is_full(&self) -> bool {
        self.links.len() >= LINKS_KEPT
    }

    /// The list; null where there is none.
    pub fn into_value(self) -> Value<'a> {
        if self.links.is_empty() { Value::Null } else { self.links.into_iter().collect() }
    }
}

/// Length of the scheme that `before` ends with.
fn scheme_len(before: &[u8]) -> Option<usize> {
    ["https", "http"].iter().map(|scheme| scheme.len()).find(|len| {
        before
            .len()
            .checked_sub(*len)
            .and_then(|at| before.get(at..))
            .is_some_and(|end| end.eq_ignore_ascii_case(b"https".get(..*len).unwrap_or_default()))
    })
}

/// The text of an archived message, called `what` in warnings, and where its links lead; what cannot be decoded is carved.
pub fn archived(
    bytes: &[u8],
    what: &str,
    place: &Place,
    out: &mut Out<'_>,
) -> (Option<String>, Links<'static>) {
    let mut links = Links::default();
    let (text, problem) = match typedstream::decode(bytes) {
        Ok(attributed) => {
            let problem = attributed.incomplete.map(|reason| format!("{what} is read in part: {reason}"));
            if problem.is_some() {
                links.carve(bytes);
            }
            attributed.links.into_iter().for_each(|link| links.add(link.into()));
            (Some(attributed.text), problem)
        }
        Err(error) => {
            links.carve(bytes);
            (None, Some(format!("{what}: {error:#}")))
        }
    };
    problem.into_iter().for_each(|problem| out.warn(Some(place.clone()), problem));
    (text, links)
}

/// A text and all links of it: those that stand in it, then the others.
pub fn with_links(text: Option<String>, others: Links<'_>) -> (Value<'static>, Value<'static>) {
    let mut links = Links::default();
    if let Some(text) = &text {
        links.find(text);
    }
    links.extend(others);
    let links = links.into_value().into_owned();
    (text.filter(|text| !text.is_empty()).into(), links)
}

/// The text of a value, whether stored as TEXT or as the BLOB that Core Data stores now and then make of it. Blank text is none.
pub fn text_of(value: Value<'_>) -> Option<Cow<'_, str>> {
    let text = match value {
        Value::Text(text) => text,
        Value::Bytes(Cow::Borrowed(bytes)) => String::from_utf8_lossy(bytes),
        Value::Bytes(Cow::Owned(bytes)) => String::from_utf8_lossy(&bytes).into_owned().into(),
        Value::Int(int) => int.to_string().into(),
        Value::Real(real) => real.to_string().into(),
        _ => return None,
    };
    (!text.trim_start().is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> String {
        let mut links = Links::default();
        links.find(text);
        links.into_value().show()
    }

    fn carved(bytes: &[u8]) -> String {
        let mut links = Links::default();
        links.carve(bytes);
        links.into_value().show()
    }

    #[test]
    fn a_link_reaches_to_the_next_blank_and_is_named_once() {
        assert_eq!(
            found("see HTTPS://a.example/x?u=http://b.example, or"),
            "HTTPS://a.example/x?u=http://b.example,"
        );
        assert_eq!(
            found("https://a.example\nhttps://a.example http://b.example"),
            "https://a.example, http://b.example"
        );
    }

    #[test]
    fn what_is_no_web_link_is_none() {
        assert_eq!(found("ftp://a.example tp://b :// http:// é://ü https:/x"), "");
        assert_eq!(found(""), "");
    }

    #[test]
    fn carving_stops_at_bytes_that_no_link_has() {
        assert_eq!(
            carved(b"\x84\x01+\x1dhttps://a.example/p\x86\x84http://b.example\"x\xff"),
            "https://a.example/p, http://b.example"
        );
        assert_eq!(carved(b"://://http://"), "");
    }

    #[test]
    fn the_list_is_bounded() {
        let text: String = (0..5_000).map(|n| format!("http://a{n}.example ")).collect();
        let mut links = Links::default();
        links.find(&text);
        assert!(links.is_full());
    }

    #[test]
    fn text_of_any_storage_class() {
        assert_eq!(text_of(Value::Bytes(b"a\xff".as_slice().into())).unwrap(), "a\u{fffd}");
        assert_eq!(text_of(Value::Int(7)).unwrap(), "7");
        assert_eq!(text_of(Value::Text("  ".into())), None);
        assert_eq!(text_of(Value::Null), None);
    }
}
