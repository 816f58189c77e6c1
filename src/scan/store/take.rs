//! What of a record goes into the store.

use std::borrow::Cow;

use super::super::sink::{each_text, is_matched};
use super::KINDS;
use crate::artifact::{Artifact, Record};
use crate::indicator::mentions;
use crate::record::{Kind, Place, Value};

/// A longer value is kept in part, and counted. The address of a page is no longer, the data in a `data:` URL may be.
pub const LONGEST_VALUE_BYTES: usize = 8 << 10;
/// The owner sent it.
pub const FLAG_SENT: u32 = 1;
/// The row was gone.
pub const FLAG_RECOVERED: u32 = 2;
/// From this bit on, one for each column that adds a caveat.
const FIRST_CAVEAT: u32 = 2;

/// Takes the observables out of the records of one artifact.
pub struct Taker {
    /// Column, its kind's place in [`KINDS`].
    columns: Vec<(usize, u8)>,
    direction: Option<usize>,
    caveats: Vec<usize>,
    /// Values that were kept in part.
    pub shortened: u64,
}

impl Taker {
    pub fn new(artifact: &Artifact) -> Taker {
        let columns = || artifact.columns.iter().enumerate();
        let place = |kind: Kind| KINDS.iter().position(|(known, _)| *known == kind).map(|at| at as u8);
        Taker {
            columns: columns()
                .filter(|(_, column)| is_matched(column.kind))
                .filter_map(|(index, column)| Some((index, place(column.kind)?)))
                .collect(),
            direction: columns().find(|(_, column)| column.kind == Kind::Direction).map(|(index, _)| index),
            caveats: caveats(artifact).map(|(index, _)| index).collect(),
            shortened: 0,
        }
    }

    /// The flags of a record's sightings.
    pub fn flags(&self, record: &Record<'_>) -> u32 {
        let value = |index: usize| record.values.get(index);
        let sent = self.direction.and_then(value).and_then(Value::as_text) == Some("sent");
        let mut flags = if sent { FLAG_SENT } else { 0 };
        if matches!(record.place, Place::Recovered { .. }) {
            flags |= FLAG_RECOVERED;
        }
        for (at, &index) in self.caveats.iter().enumerate() {
            if value(index).is_some_and(Value::is_true) {
                flags |= 1_u32.checked_shl(FIRST_CAVEAT + at as u32).unwrap_or(0);
            }
        }
        flags
    }

    /// Calls `each` with every observable of a record: its column, its kind's place in [`KINDS`], and its value.
    pub fn each(&mut self, record: &Record<'_>, each: &mut dyn FnMut(usize, u8, &str)) {
        let shortened = &mut self.shortened;
        for &(index, kind) in &self.columns {
            let Some(value) = record.values.get(index) else { continue };
            let is = |kind: Kind| record.artifact.columns.get(index).is_some_and(|it| it.kind == kind);
            let (is_message, is_email) = (is(Kind::Message), is(Kind::Email));
            each_text(value, &mut |text| {
                // Most handles are telephone numbers, which no indicator names.
                if is_email && !text.contains('@') {
                    return;
                }
                let mut keep = |value: &str| {
                    let kept = value.get(..value.floor_char_boundary(LONGEST_VALUE_BYTES)).unwrap_or(value);
                    *shortened += u64::from(kept.len() < value.len());
                    each(index, kind, &normal(kind, kept));
                };
                match is_message {
                    true => mentions(text, &mut keep),
                    false => keep(text),
                }
            });
        }
    }
}

/// One spelling of what the matcher does not tell apart.
fn normal(kind: u8, value: &str) -> Cow<'_, str> {
    let folds = KINDS.get(usize::from(kind)).is_some_and(|(kind, _)| matches!(kind, Kind::Host | Kind::Hash));
    match folds && value.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => value.to_ascii_lowercase().into(),
        false => value.into(),
    }
}

fn caveats(artifact: &Artifact) -> impl Iterator<Item = (usize, &'static str)> + '_ {
    let columns = artifact.columns.iter().enumerate();
    columns
        .filter(|(_, column)| matches!(column.kind, Kind::Caveat(_)))
        .map(|(index, column)| (index, column.name))
}

/// The words of flags, as they are written.
pub fn flag_words(artifact: &Artifact, flags: u32) -> String {
    let caveats = caveats(artifact).map(|(_, name)| name).zip(FIRST_CAVEAT..u32::BITS);
    let words = [("sent", 0), ("recovered", 1)].into_iter().chain(caveats);
    let words: Vec<&str> = words.filter(|(_, bit)| flags & (1 << bit) != 0).map(|(word, _)| word).collect();
    words.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Clock;

    fn taken(values: &[(&str, Value<'static>)]) -> (Vec<(&'static str, String)>, String) {
        let artifact = crate::artifact::find("ios.sms").unwrap();
        let of = |name: &str| values.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
        let values: Vec<Value<'_>> =
            artifact.columns.iter().map(|column| of(column.name).unwrap_or_default()).collect();
        let place = Place::row("message", 1);
        let record = Record { artifact, place: &place, values: &values, clock: &Clock::NONE };
        let mut taker = Taker::new(artifact);
        let mut found = Vec::new();
        taker.each(&record, &mut |column, _, value| {
            found.push((artifact.columns[column].name, value.to_owned()))
        });
        (found, flag_words(artifact, taker.flags(&record)))
    }

    #[test]
    fn of_a_message_only_what_it_names_is_kept() {
        let text = "Our secret: meet at noon, see https://evil.example/a";
        let (found, flags) = taken(&[("message", text.into()), ("direction", "sent".into())]);
        assert_eq!(found, [("message", "https://evil.example/a".to_owned())]);
        assert_eq!(flags, "sent");
    }

    #[test]
    fn telephone_numbers_are_not_kept() {
        let (found, _) = taken(&[("chat", "+15550100".into()), ("message", "call me".into())]);
        assert_eq!(found, []);
        assert_eq!(taken(&[("chat", "a@example.org".into())]).0, [("chat", "a@example.org".to_owned())]);
    }

    #[test]
    fn a_value_that_is_too_long_is_cut_at_a_character() {
        let artifact = crate::artifact::find("ios.sms").unwrap();
        let long = format!("https://evil.example/{}", "é".repeat(LONGEST_VALUE_BYTES));
        let values: Vec<Value<'_>> = artifact
            .columns
            .iter()
            .map(|column| if column.name == "message" { long.as_str().into() } else { Value::Null })
            .collect();
        let place = Place::row("message", 1);
        let record = Record { artifact, place: &place, values: &values, clock: &Clock::NONE };
        let mut taker = Taker::new(artifact);
        let mut longest = 0;
        taker.each(&record, &mut |_, _, value| longest = value.len());
        assert!((LONGEST_VALUE_BYTES - 4..=LONGEST_VALUE_BYTES).contains(&longest));
        assert_eq!(taker.shortened, 1);
    }
}
