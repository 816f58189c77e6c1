//! A line of the store, written and read.

use std::borrow::Cow;
use std::io;

use jiff::Timestamp;
use serde_json::{Value as Json, json};

use super::KINDS;
use crate::record::Kind;
use crate::source::Device;

const SCHEMA_VERSION: u32 = 1;
const HEADER: &str = "#observables";
const FOOTER: &str = "#end";
/// Fields of a sighting.
const FIELDS: usize = 8;

/// A column of an artifact in which an observable was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting<'a> {
    pub artifact: Cow<'a, str>,
    pub column: Cow<'a, str>,
    /// Words separated by commas.
    pub flags: Cow<'a, str>,
    /// How often.
    pub count: u64,
    pub first: Option<(Timestamp, Cow<'a, str>)>,
    pub last: Option<(Timestamp, Cow<'a, str>)>,
    /// Of the earliest record, on the device.
    pub path: Cow<'a, str>,
    /// The place in that file, as JSON.
    pub place: Cow<'a, str>,
}

/// What a line holds.
#[derive(Debug)]
pub enum Line<'a> {
    Header(Json),
    Footer { observables: u64, shortened: u64 },
    Observable { kind: Kind, value: Cow<'a, str>, sightings: Sightings<'a> },
}

/// The sightings of an observable, read as they are asked for.
#[derive(Clone, Debug)]
pub struct Sightings<'a> {
    rest: Option<&'a str>,
}

impl<'a> Line<'a> {
    /// Reads a line without its end.
    ///
    /// # Errors
    /// What is wrong with it, as the fragment of a sentence.
    pub fn read(line: &'a str) -> Result<Line<'a>, &'static str> {
        let (first, rest) = line.split_once('\t').ok_or("a line has no fields")?;
        let json = || serde_json::from_str::<Json>(rest).map_err(|_| "a line about the store is no JSON");
        match first {
            HEADER => {
                let header = json()?;
                match header.get("schema_version").and_then(Json::as_u64) {
                    Some(version) if version == u64::from(SCHEMA_VERSION) => Ok(Line::Header(header)),
                    _ => Err("the store has a version that is not known"),
                }
            }
            FOOTER => {
                let footer = json()?;
                let number = |key: &str| footer.get(key).and_then(Json::as_u64).unwrap_or(0);
                Ok(Line::Footer { observables: number("observables"), shortened: number("shortened") })
            }
            word => {
                let kind =
                    KINDS.iter().find(|(_, known)| *known == word).ok_or("a kind of value is not known")?.0;
                let (value, rest) = match rest.split_once('\t') {
                    Some((value, rest)) => (value, Some(rest)),
                    None => (rest, None),
                };
                Ok(Line::Observable { kind, value: unescaped(value), sightings: Sightings { rest } })
            }
        }
    }
}

impl<'a> Iterator for Sightings<'a> {
    type Item = Result<Sighting<'a>, &'static str>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut fields = [""; FIELDS];
        let mut rest = Some(self.rest?);
        for field in &mut fields {
            let Some(text) = rest else {
                self.rest = None;
                return Some(Err("a sighting lacks fields"));
            };
            (*field, rest) = match text.split_once('\t') {
                Some((field, rest)) => (field, Some(rest)),
                None => (text, None),
            };
        }
        self.rest = rest;
        let [artifact, column, flags, count, first, last, path, place] = fields;
        let sighting = || {
            Some(Sighting {
                artifact: unescaped(artifact),
                column: unescaped(column),
                flags: unescaped(flags),
                count: count.parse().ok()?,
                first: moment(first)?,
                last: moment(last)?,
                path: unescaped(path),
                place: unescaped(place),
            })
        };
        Some(sighting().ok_or("a number or time of a sighting cannot be read"))
    }
}

/// `None` if it is neither empty nor a time with a column.
fn moment(field: &str) -> Option<Option<(Timestamp, Cow<'_, str>)>> {
    if field.is_empty() {
        return Some(None);
    }
    let (time, column) = field.split_once(' ')?;
    Some(Some((time.parse().ok()?, unescaped(column))))
}

/// The first line.
pub fn header(device: &Device, acquisition: &str) -> io::Result<Vec<u8>> {
    let header = json!({
        "schema_version": SCHEMA_VERSION,
        "tool": "hoofprint",
        "tool_version": env!("CARGO_PKG_VERSION"),
        "acquisition": acquisition,
        "device": device,
    });
    about(HEADER, &header)
}

/// The last line; `shortened` counts values that were kept in part.
pub fn footer(observables: u64, shortened: u64) -> io::Result<Vec<u8>> {
    about(FOOTER, &json!({"observables": observables, "shortened": shortened}))
}

fn about(word: &str, json: &Json) -> io::Result<Vec<u8>> {
    let mut line = format!("{word}\t").into_bytes();
    serde_json::to_writer(&mut line, json)?;
    line.push(b'\n');
    Ok(line)
}

impl Line<'_> {
    /// Begins the line of an observable whose kind has this place in [`KINDS`].
    pub fn begin(line: &mut Vec<u8>, kind: u8, value: &str) {
        let word = KINDS.get(usize::from(kind)).map_or("", |(_, word)| *word);
        line.extend_from_slice(word.as_bytes());
        push(line, value);
    }
}

impl Sighting<'_> {
    /// Adds the sighting to its observable's line.
    pub fn write(&self, line: &mut Vec<u8>) {
        for field in [&self.artifact, &self.column, &self.flags] {
            push(line, field);
        }
        line.push(b'\t');
        line.extend_from_slice(self.count.to_string().as_bytes());
        for moment in [&self.first, &self.last] {
            line.push(b'\t');
            if let Some((at, column)) = moment {
                line.extend_from_slice(crate::time::iso(*at).as_bytes());
                line.push(b' ');
                line.extend_from_slice(column.as_bytes());
            }
        }
        push(line, &self.path);
        push(line, &self.place);
    }
}

fn push(line: &mut Vec<u8>, field: &str) {
    line.push(b'\t');
    if !field.bytes().any(|byte| matches!(byte, b'\t' | b'\n' | b'\r' | b'\\')) {
        return line.extend_from_slice(field.as_bytes());
    }
    for byte in field.bytes() {
        match byte {
            b'\t' => line.extend_from_slice(b"\\t"),
            b'\n' => line.extend_from_slice(b"\\n"),
            b'\r' => line.extend_from_slice(b"\\r"),
            b'\\' => line.extend_from_slice(b"\\\\"),
            other => line.push(other),
        }
    }
}

fn unescaped(field: &str) -> Cow<'_, str> {
    if !field.contains('\\') {
        return field.into();
    }
    let mut text = String::with_capacity(field.len());
    let mut characters = field.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            text.push(character);
            continue;
        }
        match characters.next() {
            Some('t') => text.push('\t'),
            Some('n') => text.push('\n'),
            Some('r') => text.push('\r'),
            other => text.extend(other),
        }
    }
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_reads_as_it_was_written() {
        let sighting = |count| Sighting {
            artifact: "ios.sms".into(),
            column: "message".into(),
            flags: "sent,recovered".into(),
            count,
            first: Some(("2023-01-02T03:04:05.5Z".parse().unwrap(), "sent".into())),
            last: None,
            path: "/a\tb\\c\n".into(),
            place: r#"{"key":"a\tb"}"#.into(),
        };
        let mut line = Vec::new();
        Line::begin(&mut line, 2, "evil\\.example\r");
        sighting(1).write(&mut line);
        sighting(2).write(&mut line);
        let line = String::from_utf8(line).unwrap();
        assert!(!line.contains('\n'));
        let Ok(Line::Observable { kind, value, sightings }) = Line::read(&line) else { panic!("{line}") };
        assert_eq!((kind, &*value), (Kind::Message, "evil\\.example\r"));
        let read: Vec<_> = sightings.map(Result::unwrap).collect();
        assert_eq!(read, [sighting(1), sighting(2)]);
    }

    #[test]
    fn what_is_no_line_says_so() {
        for line in
            ["", "x", "moon\tvalue", "#observables\t{}", "#observables\t{\"schema_version\":2}", "#end\tx"]
        {
            assert!(Line::read(line).is_err(), "{line}");
        }
        let Ok(Line::Observable { mut sightings, .. }) = Line::read("url\tv\tios.sms\tmessage") else {
            panic!()
        };
        assert!(sightings.next().unwrap().is_err());
        assert!(sightings.next().is_none());
    }
}
