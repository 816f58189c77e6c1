//! The way out of a parser: values become a record, times become UTC, oddities become counted warnings.

use std::collections::HashMap;
use std::fmt::Display;

use super::Artifact;
use crate::finding::Stamp;
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

    pub(crate) fn push_slice(&mut self, place: Place, values: &mut [Value<'_>]) {
        if values.len() != self.artifact.columns.len() {
            self.warn(
                Some(place),
                format!("{} values for {} columns", values.len(), self.artifact.columns.len()),
            );
            return;
        }
        for (column, value) in self.artifact.columns.iter().zip(values.iter_mut()) {
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
                // Text columns of Core Data stores now and then hold UTF-8 as a BLOB.
                kind if is_textual(kind) => decode_text(value),
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

fn is_textual(kind: Kind) -> bool {
    !matches!(kind, Kind::Int | Kind::Real | Kind::Bool | Kind::Bytes | Kind::Time(_) | Kind::Caveat(_))
}

fn decode_text(value: &mut Value<'_>) {
    if let Value::Bytes(bytes) = value {
        let text = String::from_utf8_lossy(bytes).into_owned();
        *value = Value::Text(text.into());
    }
}
