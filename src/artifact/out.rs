//! The way out of a parser: values become a record, times become UTC, oddities become counted warnings.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Display;

use super::Artifact;
use crate::finding::Stamp;
use crate::format::sqlite::Row;
use crate::record::{Column, Kind, Place, Value};
use crate::time::Clock;

/// One record on its way to whoever listens: the matcher, the writers, a test.
pub struct Record<'a> {
    pub artifact: &'static Artifact,
    pub place: &'a Place,
    /// One value a column, times decoded.
    pub values: &'a [Value<'a>],
    /// What its times were read by.
    pub clock: &'a Clock,
}

impl Record<'_> {
    /// The points in time of the record, in column order.
    pub fn stamps(&self) -> impl Iterator<Item = Stamp> + '_ {
        self.artifact.columns.iter().zip(self.values).filter_map(|(column, value)| {
            let at = value.as_time()?;
            Some(Stamp {
                at,
                moment: column.moment?,
                column: column.name,
                basis: column.basis(self.clock, at),
                precision: column.precision,
            })
        })
    }

    /// A value by its column's name.
    pub fn value(&self, name: &str) -> &Value<'_> {
        const NULL: &Value<'static> = &Value::Null;
        let index = self.artifact.columns.iter().position(|column| column.name == name);
        index.and_then(|index| self.values.get(index)).unwrap_or(NULL)
    }
}

/// Who listens to records.
pub trait Sink {
    fn record(&mut self, record: &Record<'_>);
}

/// What a parser pushes its records into.
pub struct Out<'a> {
    artifact: &'static Artifact,
    /// The device path of the file being read, for parsers that tell something from it.
    path: &'a str,
    clock: Clock,
    sink: &'a mut dyn Sink,
    /// Warnings by their text: the first place and how often.
    warnings: HashMap<String, (Option<Place>, u64)>,
    records: u64,
}

/// Different warnings kept per file; an attacker may make each one unique.
const WARNINGS_KEPT: usize = 100;

impl<'a> Out<'a> {
    pub fn new(artifact: &'static Artifact, path: &'a str, sink: &'a mut dyn Sink) -> Out<'a> {
        Out { artifact, path, clock: Clock::NONE, sink, warnings: HashMap::new(), records: 0 }
    }

    /// Reads local times and ages by the clock of this acquisition.
    pub fn with_clock(mut self, clock: Clock) -> Out<'a> {
        self.clock = clock;
        self
    }

    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    pub fn path(&self) -> &str {
        self.path
    }

    /// The columns of the artifact, for parsers that several artifacts share.
    pub fn columns(&self) -> &'static [Column] {
        self.artifact.columns
    }

    /// One record: a value for each column of the artifact, in order. Times are given as stored.
    pub fn push<const N: usize>(&mut self, place: Place, values: [Value<'_>; N]) {
        let mut values = values;
        self.push_slice(place, &mut values);
    }

    /// The record of a row: its first result column is its id in `table`, the others are the artifact's columns. `change` has the last
    /// word on the values.
    pub fn push_row<'r>(
        &mut self,
        table: impl Into<Cow<'static, str>>,
        row: &'r Row<'_>,
        change: impl FnOnce(&mut Vec<Value<'r>>),
    ) {
        let place = Place::Row { table: table.into(), row: row.value(0).as_int().unwrap_or_default() };
        let mut values: Vec<Value<'_>> = (1..row.len()).map(|index| row.value(index)).collect();
        change(&mut values);
        self.push_slice(place, &mut values);
    }

    pub(crate) fn push_slice(&mut self, place: Place, values: &mut [Value<'_>]) {
        if values.len() != self.artifact.columns.len() {
            self.warn(
                Some(place),
                format!("{} values for {} columns", values.len(), self.artifact.columns.len()),
            );
            return;
        }
        for (column, value) in self.artifact.columns.iter().zip(values.iter_mut()) {
            // Any class of SQLite may stand in any column: Core Data stores now and then hold text and numbers as BLOBs.
            match column.kind {
                Kind::Int | Kind::Real | Kind::Bool | Kind::Caveat(_) => decode_number(value),
                Kind::Bytes => {}
                _ => decode_text(value),
            }
            match column.kind {
                Kind::Time(epoch) => match epoch.decode(value, &self.clock) {
                    Ok(time) => *value = time.into(),
                    Err(error) => {
                        *value = Value::Null;
                        self.warn(Some(place.clone()), format!("{} {error}", column.name));
                    }
                },
                // SQLite stores booleans as numbers.
                Kind::Bool | Kind::Caveat(_) if matches!(value, Value::Int(_) | Value::Real(_)) => {
                    *value = Value::Bool(value.is_true());
                }
                _ => {}
            }
        }
        self.records += 1;
        self.sink.record(&Record { artifact: self.artifact, place: &place, values, clock: &self.clock });
    }

    /// Something odd that does not end the file.
    pub fn warn(&mut self, place: Option<Place>, problem: impl Display) {
        let text = problem.to_string();
        if self.warnings.len() >= WARNINGS_KEPT && !self.warnings.contains_key(&text) {
            let rest = "further warnings of other kinds".to_owned();
            self.warnings.entry(rest).or_insert((place, 0)).1 += 1;
            return;
        }
        self.warnings.entry(text).or_insert((place, 0)).1 += 1;
    }

    /// How many records went out.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// The warnings with their first place and their count, sorted.
    pub fn into_warnings(self) -> Vec<(String, Option<Place>, u64)> {
        let mut warnings: Vec<_> =
            self.warnings.into_iter().map(|(text, (place, count))| (text, place, count)).collect();
        warnings.sort();
        warnings
    }
}

fn decode_text(value: &mut Value<'_>) {
    if let Value::Bytes(bytes) = value {
        let text = String::from_utf8_lossy(bytes).into_owned();
        *value = Value::Text(text.into());
    }
}

/// The number that a text says; a whole one of more digits than an integer has stays text.
fn decode_number(value: &mut Value<'_>) {
    let text = match value {
        Value::Text(text) => text.trim(),
        Value::Bytes(bytes) => std::str::from_utf8(bytes).unwrap_or_default().trim(),
        _ => return,
    };
    let real = || text.parse::<f64>().ok().filter(|real| real.is_finite() && text.contains('.'));
    let number = text.parse().ok().map(Value::Int).or_else(|| real().map(Value::Real));
    if let Some(number) = number {
        *value = number;
    }
}

#[cfg(test)]
mod tests {
    use crate::artifact::Artifact;
    use crate::artifact::prelude::*;
    use crate::artifact::testing::{json, rows_at, sqlite};

    const ARTIFACT: Artifact = Artifact {
        id: "ios.example",
        title: "Example",
        about: "One column of each kind that SQLite has no class for.",
        files: &[],
        columns: &[
            time("at", Epoch::Mac, Moment::Logged),
            url("url"),
            boolean("flag"),
            int("count"),
            real("ratio"),
        ],
        shows: Trace::Visited,
        line: "{url}",
        parse: Parse::Sqlite {
            table: "t",
            queries: &["SELECT rowid, at, url, flag, count, ratio FROM t ORDER BY rowid"],
        },
    };

    #[test]
    fn a_column_may_hold_any_storage_class() {
        static STATIC: Artifact = ARTIFACT;
        let database = sqlite(
            "CREATE TABLE t (at, url, flag, count, ratio);
             INSERT INTO t VALUES ('588814410.5', x'613a2f2f62', 1, '7', '1.5'), (x'3538383831343431302e35', 'a://b', x'30', 7, 1),
                                  (x'00', 5, NULL, x'ff', 'x'), (NULL, NULL, 'yes', 2.5, NULL), ('soon', 1.5, 2.0, 9007199254740993, '18446744073709551615');",
        );
        let (records, warnings) = rows_at(&STATIC, "/x", &database);
        let at = "2019-08-29T23:33:30.500000+00:00";
        assert_eq!(
            records,
            json!([
                {"at": at, "url": "a://b", "flag": true, "count": 7, "ratio": 1.5, "_line": "a://b"},
                {"at": at, "url": "a://b", "flag": false, "count": 7, "ratio": 1, "_line": "a://b"},
                {"url": 5, "count": "ff", "ratio": "x", "_line": "5"},
                {"flag": "yes", "count": 2.5, "_line": ""},
                {"url": 1.5, "flag": true, "count": 9_007_199_254_740_993_i64, "ratio": "18446744073709551615", "_line": "1.5"},
            ])
        );
        assert_eq!(
            warnings,
            ["at `\0` is not a time between 1980 and 2100", "at `soon` is not a time between 1980 and 2100"]
        );
    }
}
