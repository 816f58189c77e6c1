//! Crash and diagnostic reports: a line of JSON that says what follows, and what follows it as JSON, lines of JSON, text or a property
//! list. Either part may be missing. What a report is about, and where its parts are, is settled here once; columns are the artifacts'.

mod process;
mod walk;

use std::borrow::Cow;

use serde_json::{Map, Value as Json};

pub use process::{Crash, named_with_pid};
pub use walk::{Candidate, Candidates, as_candidate, is_process_key};

use super::Out;
use crate::record::Value;
use crate::time::zoned;

/// Where reports lie on the phone; retired ones, panics, analytics and what was asked for by Apple in folders below.
pub const FILES: &[&str] = &[
    "/private/var/mobile/Library/Logs/CrashReporter/**/*.ips*",
    "/private/var/mobile/Library/Logs/CrashReporter/**/*.crash*",
    "/private/var/mobile/Library/Logs/CrashReporter/**/*.panic*",
    // Shared from the phone's settings, a report is called so.
    "/private/var/mobile/Library/Logs/CrashReporter/**/*-20*.txt",
    "/private/var/logs/CrashReporter/**/*.ips*",
    "/private/var/logs/CrashReporter/**/*.crash*",
    "/private/var/logs/CrashReporter/**/*.panic*",
];

/// Stack samples of a busy phone are some megabytes; no report is longer.
pub const LARGEST_BYTES: u64 = 64 << 20;

/// What a report describes, which decides who reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// One process: a crash, a hang, a resource used beyond its limit.
    Process,
    /// Every process at a moment when memory ran out.
    Jetsam,
    /// Every process in a sample of their stacks, or at a panic of the kernel.
    Stackshot,
    /// Counters of a day.
    Analytics,
    Other,
}

/// A report taken apart as far as every reader needs it.
pub struct Report<'a> {
    pub header: Map<String, Json>,
    pub family: Family,
    /// What follows the header.
    pub body: &'a str,
    /// The line on which the body begins.
    pub first_line: u64,
}

impl<'a> Report<'a> {
    pub fn of(text: &'a str) -> Report<'a> {
        let text = text.trim_start_matches('\u{feff}');
        let start = text.len() - text.trim_start().len();
        let (before, rest) = text.split_at(start);
        let line = rest.split_inclusive('\n').next().unwrap_or_default();
        let header = serde_json::from_str::<Map<String, Json>>(line).ok().filter(is_header);
        let body = if header.is_some() { rest.get(line.len()..).unwrap_or_default() } else { rest };
        let first_line = 1 + newlines(before) + if header.is_some() { newlines(line) } else { 0 };
        let header = header.unwrap_or_default();
        let family = family(number(&header, "bug_type"), body);
        Report { header, family, body, first_line }
    }

    /// The kind of report, as Apple numbers them. Public tables of the numbers disagree: it routes, it judges nothing.
    pub fn bug_type(&self) -> Option<i64> {
        number(&self.header, "bug_type")
    }

    /// When the report was written.
    pub fn written(&self, out: &mut Out<'_>) -> Value<'static> {
        moment(self.header.get("timestamp"), out)
    }

    pub fn incident(&self) -> Option<&str> {
        text(&self.header, "incident_id")
    }

    /// The body as an object; of one that is cut off, what stands before the cut.
    pub fn json(&self, out: &mut Out<'_>) -> Option<Map<String, Json>> {
        let object = |text: &str| serde_json::from_str::<Map<String, Json>>(text);
        let error = match object(self.body.trim()) {
            Ok(body) => return Some(body),
            Err(error) => error,
        };
        if !self.body.trim_start().starts_with('{') {
            return None;
        }
        let body = escaped(self.body.trim());
        if let Ok(body) = object(&body) {
            return Some(body);
        }
        out.warn(None, format!("is no whole JSON: {error}; what stands before is read"));
        object(&closed(&body)?).ok()
    }
}

/// The text of a report's bytes; what is no UTF-8 is replaced.
pub fn decoded(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

/// A body without a header begins with an object too, but with another one.
fn is_header(object: &Map<String, Json>) -> bool {
    ["bug_type", "timestamp", "incident_id", "os_version"].iter().any(|key| object.contains_key(*key))
        && !["procName", "processes", "processByPid", "panicString", "message", "_marker"]
            .iter()
            .any(|key| object.contains_key(*key))
}

fn family(bug_type: Option<i64>, body: &str) -> Family {
    match bug_type {
        Some(
            309 | 109 | 308 | 385 | 22 | 185 | 202 | 206 | 142 | 145 | 228 | 328 | 222 | 223 | 310 | 327
            | 227 | 409,
        ) => Family::Process,
        Some(298 | 198 | 98) => Family::Jetsam,
        Some(288 | 188 | 186 | 210 | 110 | 151) => Family::Stackshot,
        Some(211 | 33) => Family::Analytics,
        _ => shape(body),
    }
}

/// The family by the words that only it has: numbers change, and an exported report may have lost its header.
fn shape(body: &str) -> Family {
    let has = |word: &str| memchr::memmem::find(body.as_bytes(), word.as_bytes()).is_some();
    if !body.starts_with('{') {
        let begins = |line: &str| line.starts_with("Process:") || line.starts_with("Command:");
        return if body.lines().take(60).any(begins) { Family::Process } else { Family::Other };
    }
    if has("\"processByPid\"") || has("\"panicString\"") {
        Family::Stackshot
    } else if has("\"largestProcess\"") || has("\"memoryStatus\"") {
        Family::Jetsam
    } else if has("\"procName\"") {
        Family::Process
    } else if has("\"_marker\"") && has("\"message\"") {
        Family::Analytics
    } else {
        Family::Other
    }
}

fn newlines(text: &str) -> u64 {
    memchr::memchr_iter(b'\n', text.as_bytes()).count() as u64
}

/// JSON in which a backslash that begins no escape stands for itself: texts of panics are put in as the kernel wrote them.
fn escaped(json: &str) -> Cow<'_, str> {
    let is_hex = |at: usize| json.as_bytes().get(at).is_some_and(u8::is_ascii_hexdigit);
    let mut mended = String::new();
    let mut done = 0;
    let mut from = 0;
    while let Some(at) =
        memchr::memchr(b'\\', json.as_bytes().get(from..).unwrap_or_default()).map(|at| from + at)
    {
        let known = match json.as_bytes().get(at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => true,
            Some(b'u') => (at + 2..at + 6).all(is_hex),
            _ => false,
        };
        if !known {
            mended.push_str(json.get(done..=at).unwrap_or_default());
            mended.push('\\');
            done = at + 1;
        }
        from = at + if known { 2 } else { 1 };
    }
    if done == 0 {
        return json.into();
    }
    mended.push_str(json.get(done..).unwrap_or_default());
    mended.into()
}

/// JSON that breaks off, made whole: cut at the last comma outside of texts and closed there.
fn closed(json: &str) -> Option<String> {
    let mut open = Vec::new();
    let (mut in_text, mut escaped) = (false, false);
    let mut last: Option<(usize, Vec<u8>)> = None;
    for (at, byte) in json.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            _ if in_text => {}
            b'{' => open.push(b'}'),
            b'[' => open.push(b']'),
            b'}' | b']' => {
                open.pop();
            }
            // Nothing that a report holds is nested as deep.
            b',' if open.len() <= 64 => match &mut last {
                Some((cut, closing)) => {
                    *cut = at;
                    closing.clone_from(&open);
                }
                None => last = Some((at, open.clone())),
            },
            _ => {}
        }
    }
    let (cut, closing) = last?;
    let mut whole = json.get(..cut)?.to_owned();
    whole.extend(closing.iter().rev().map(|byte| char::from(*byte)));
    Some(whole)
}

/// The text under a key that is not empty.
pub fn text<'j>(object: &'j Map<String, Json>, key: &str) -> Option<&'j str> {
    object.get(key).and_then(Json::as_str).map(str::trim).filter(|text| !text.is_empty())
}

/// The whole number under a key; some writers quote theirs.
pub fn number(object: &Map<String, Json>, key: &str) -> Option<i64> {
    match object.get(key)? {
        Json::Number(number) => number.as_i64(),
        Json::String(text) => text.trim().parse().ok(),
        Json::Bool(flag) => Some(i64::from(*flag)),
        _ => None,
    }
}

/// The object under a key.
pub fn member<'j>(object: &'j Map<String, Json>, key: &str) -> Option<&'j Map<String, Json>> {
    object.get(key).and_then(Json::as_object)
}

/// The members of the array under a key.
pub fn items<'j>(object: &'j Map<String, Json>, key: &str) -> &'j [Json] {
    object.get(key).and_then(Json::as_array).map_or(&[], Vec::as_slice)
}

/// Null for nothing.
pub fn filled(text: &str) -> Value<'static> {
    if text.is_empty() { Value::Null } else { text.to_owned().into() }
}

/// One value alone, several as a list.
pub fn one_or_list(mut values: Vec<String>) -> Value<'static> {
    match values.len() {
        0 => Value::Null,
        1 => values.pop().into(),
        _ => values.into_iter().collect(),
    }
}

/// A written time with its zone, or a warning.
pub fn moment(written: Option<&Json>, out: &mut Out<'_>) -> Value<'static> {
    moment_of(written.and_then(Json::as_str).unwrap_or_default(), out)
}

/// [`moment`] of a text.
pub fn moment_of(written: &str, out: &mut Out<'_>) -> Value<'static> {
    if written.trim().is_empty() {
        return Value::Null;
    }
    let time = zoned(written);
    if time.is_none() {
        let shown: String = written.chars().take(40).collect();
        out.warn(None, format!("`{shown}` is no time with a zone"));
    }
    time.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn family_of(text: &str) -> (Family, Option<i64>, u64) {
        let report = Report::of(text);
        (report.family, report.bug_type(), report.first_line)
    }

    #[test]
    fn number_or_shape_tells_what_a_report_is_about() {
        assert_eq!(family_of("{\"bug_type\":\"309\"}\n{}"), (Family::Process, Some(309), 2));
        assert_eq!(family_of("\n{\"bug_type\":298}\n{}"), (Family::Jetsam, Some(298), 3));
        assert_eq!(family_of("{\n \"procName\" : \"a\"\n}"), (Family::Process, None, 1));
        assert_eq!(family_of("{\"procName\":\"a\",\"timestamp\":1}"), (Family::Process, None, 1));
        assert_eq!(family_of("{\"timestamp\":\"\"}\n{\"processByPid\":{}}").0, Family::Stackshot);
        assert_eq!(family_of("Incident Identifier: A\nProcess:  a [1]\n").0, Family::Process);
        assert_eq!(family_of("{\"bug_type\":\"9999\"}\n{\"a\":1}").0, Family::Other);
        assert_eq!(family_of("").0, Family::Other);
    }

    #[test]
    fn json_that_breaks_off_keeps_what_stands_before() {
        let whole = |text| closed(text).map(|text| serde_json::from_str::<Json>(&text).unwrap().to_string());
        assert_eq!(
            whole(r#"{"a":1,"b":[{"c":"x, \"y"},{"d":"#).as_deref(),
            Some(r#"{"a":1,"b":[{"c":"x, \"y"}]}"#)
        );
        assert_eq!(whole(r#"{"a":"#), None);
    }

    #[test]
    fn escapes_that_json_does_not_have_are_taken_as_they_stand() {
        let read = |text: &str| {
            serde_json::from_str::<Json>(&escaped(text)).unwrap()["a"].as_str().unwrap().to_owned()
        };
        assert_eq!(read(r#"{"a":"C:\x64 \q \u12 \\q \" \u00e9\n"}"#), "C:\\x64 \\q \\u12 \\q \" \u{e9}\n");
        assert_eq!(escaped(r#"{"a":"\"#), r#"{"a":"\\"#);
        assert!(matches!(escaped(r#"{"a":"\n"}"#), Cow::Borrowed(_)));
    }
}
