//! Every event of every artifact, in one order, as JSON lines and as CSV.

use std::collections::HashMap;
use std::io::{self, Write};

use jiff::Timestamp;
use serde::Serialize;

use super::spool::{Key, Sorted};
use crate::artifact;
use crate::record::{Column, Place};
use crate::time::Basis;

/// An event as the timeline shows it.
pub(super) struct Event<'a> {
    pub time: Timestamp,
    pub artifact: &'static str,
    pub column: &'static Column,
    pub basis: Basis,
    pub message: &'a str,
    pub path: &'a str,
    /// The path as JSON, where it is at hand.
    path_json: Option<&'a str>,
    /// The place in its file, as JSON.
    pub place: &'a str,
}

/// The path of each task's first record, by its artifact and file, as it is and as JSON. All records of a file share it, and only
/// listings name others, so that the spool need not hold it for every event.
pub(super) type Paths = HashMap<(u16, u64), (String, String)>;

/// In place of the length of a path: it is the one in [`Paths`].
const TASKS_OWN: u32 = u32::MAX;

/// What the spool keeps of an event beside its key; no `path` stands for the task's own.
pub(super) fn encode(
    payload: &mut Vec<u8>,
    path: Option<&str>,
    place: &Place,
    message: &str,
) -> io::Result<()> {
    payload.clear();
    payload.push(Basis::Utc as u8);
    payload.extend_from_slice(&path.map_or(TASKS_OWN, |path| path.len() as u32).to_le_bytes());
    payload.extend_from_slice(path.unwrap_or_default().as_bytes());
    let length_at = payload.len();
    payload.extend_from_slice(&[0; 4]);
    serde_json::to_writer(&mut *payload, place)?;
    let length = (payload.len() - length_at - 4) as u32;
    if let Some(field) = payload.get_mut(length_at..length_at + 4) {
        field.copy_from_slice(&length.to_le_bytes());
    }
    payload.extend_from_slice(message.as_bytes());
    Ok(())
}

/// The events of one record share the rest of what was [`encode`]d.
pub(super) fn set_basis(payload: &mut [u8], basis: Basis) {
    if let Some(first) = payload.first_mut() {
        *first = basis as u8;
    }
}

impl<'a> Event<'a> {
    /// The event that was [`encode`]d; `None` only if the spool file was changed under us.
    pub fn decode(key: Key, payload: &'a [u8], paths: &'a Paths) -> Option<Event<'a>> {
        let (basis, payload) = payload.split_first()?;
        let (path, path_json, rest) = match payload.split_first_chunk::<4>()? {
            (length, rest) if u32::from_le_bytes(*length) == TASKS_OWN => {
                let (path, json) = paths.get(&(key.1, key.2))?;
                (path.as_str(), Some(json.as_str()), rest)
            }
            _ => {
                let (path, rest) = counted(payload)?;
                (std::str::from_utf8(path).ok()?, None, rest)
            }
        };
        let (place, message) = counted(rest)?;
        let artifact = artifact::all().get(usize::from(key.1))?;
        Some(Event {
            time: Timestamp::from_microsecond(key.0).ok()?,
            artifact: artifact.id,
            column: artifact.columns.get(usize::from(key.4))?,
            basis: *Basis::ALL.get(usize::from(*basis))?,
            message: std::str::from_utf8(message).ok()?,
            path,
            path_json,
            place: std::str::from_utf8(place).ok()?,
        })
    }

    pub fn description(&self) -> &'static str {
        self.column.moment.map_or("", crate::record::Moment::description)
    }

    /// The fields of the event as the inside of a JSON object.
    pub fn json_fields(&self, line: &mut Vec<u8>) -> io::Result<()> {
        word_field(line, "time", &crate::time::iso(self.time));
        line.push(b',');
        word_field(line, "timestamp_desc", self.description());
        line.push(b',');
        word_field(line, "artifact", self.artifact);
        line.extend_from_slice(b",\"message\":");
        serde_json::to_writer(&mut *line, self.message)?;
        line.extend_from_slice(b",\"path\":");
        match self.path_json {
            Some(json) => line.extend_from_slice(json.as_bytes()),
            None => serde_json::to_writer(&mut *line, self.path)?,
        }
        line.extend_from_slice(b",\"where\":");
        line.extend_from_slice(self.place.as_bytes());
        line.push(b',');
        word_field(line, "column", self.column.name);
        line.push(b',');
        word_field(line, "basis", self.basis.name());
        line.push(b',');
        word_field(line, "precision", self.column.precision.name());
        Ok(())
    }
}

/// A field of a JSON object whose value is a word of ours: it needs no escaping.
fn word_field(line: &mut Vec<u8>, name: &str, word: &str) {
    for part in ["\"", name, "\":\"", word, "\""] {
        line.extend_from_slice(part.as_bytes());
    }
}

fn counted(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(u32::from_le_bytes(*length) as usize)
}

/// Calls back for every event in order.
pub(super) fn each_event(
    sorted: &Sorted,
    paths: &Paths,
    mut each: impl FnMut(&Event<'_>) -> io::Result<()>,
) -> io::Result<()> {
    sorted.each(|key, payload| {
        let event = Event::decode(key, payload, paths)
            .ok_or_else(|| io::Error::other("the spooled events were changed"))?;
        each(&event)
    })
}

pub(super) const CSV_HEADER: [&str; 9] =
    ["time", "timestamp_desc", "artifact", "message", "path", "where", "column", "basis", "precision"];

/// `timeline.csv`.
pub(super) fn write_csv(sorted: &Sorted, paths: &Paths, out: impl Write) -> io::Result<()> {
    let mut csv = csv::WriterBuilder::new().buffer_capacity(1 << 20).from_writer(out);
    csv.write_record(CSV_HEADER)?;
    each_event(sorted, paths, |event| {
        csv.write_record([
            crate::time::iso(event.time).as_str(),
            event.description(),
            event.artifact,
            &cell(event.message),
            &cell(event.path),
            event.place,
            event.column.name,
            event.basis.name(),
            event.column.precision.name(),
        ])?;
        Ok(())
    })?;
    csv.flush()
}

/// An enum's written name.
pub(super) fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

/// A cell that no spreadsheet takes for a formula.
pub(super) fn cell(text: &str) -> std::borrow::Cow<'_, str> {
    // Some programs skip blanks before they look for a formula, and take the wide forms for the plain ones.
    match text.trim_start().chars().next() {
        _ if text.starts_with(['\t', '\r', '\n']) => format!("'{text}").into(),
        Some('=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠') => format!("'{text}").into(),
        _ => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_defused_and_ordinary_text_is_not_touched() {
        assert_eq!(cell("=HYPERLINK(1)"), "'=HYPERLINK(1)");
        assert_eq!(cell(" =1"), "' =1");
        assert_eq!(cell("＝1"), "'＝1");
        assert_eq!(cell("\nx"), "'\nx");
        assert_eq!(cell("+15550100"), "'+15550100");
        assert_eq!(cell("a=b"), "a=b");
    }
}
