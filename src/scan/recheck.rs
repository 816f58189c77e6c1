//! The records of an earlier scan, matched and judged again: no phone is needed for a new set of indicators.

use std::io;

use jiff::Timestamp;
use serde_json::{Map, Value as Json};

use super::sink::{Located, TaskSink};
use super::task::Outcome;
use super::{Case, Listing, conclude};
use crate::artifact::{self, Artifact, Record, Sink};
use crate::finding::Problem;
use crate::indicator::Matcher;
use crate::record::{Column, Kind, Origin, Place, Recovery, Value};
use crate::source::Device;
use crate::time::Clock;

/// Gives the written records of an artifact one by one; false if there is no file of them.
pub type Stored<'a> = dyn Fn(&'static Artifact, &mut dyn FnMut(Map<String, Json>)) -> io::Result<bool> + 'a;

/// Matches stored records of a phone against the matcher's indicators and lets the rules judge them.
pub fn recheck(stored: &Stored<'_>, matcher: &Matcher, device: Device, description: String) -> Case {
    let clock = device.clock();
    let mut outcomes = Vec::new();
    for (index, artifact) in artifact::all().iter().copied().enumerate() {
        let mut sink = TaskSink::new(artifact, matcher, None, Located { path: "", stored_as: "" });
        let result = stored(artifact, &mut |object| take(artifact, &object, &clock, &mut sink));
        let mut problems = Vec::new();
        let (there, failed) = match result {
            Ok(there) => (there, false),
            Err(error) => {
                problems.push(Problem::new(format!("records/{}.jsonl", artifact.id), error));
                (true, true)
            }
        };
        if there {
            outcomes.push(Outcome::of((index as u16, 0), "", sink, problems, failed));
        }
    }
    let asked = vec![true; artifact::all().len()];
    let system = device.system;
    let mut case = conclude(device, description, &asked, Listing::default(), outcomes, matcher);
    super::only_of(&[system], &mut case);
    case
}

/// Takes one stored record.
pub(super) fn take(
    artifact: &'static Artifact,
    object: &Map<String, Json>,
    clock: &Clock,
    sink: &mut TaskSink<'_>,
) {
    let text = |key: &str| object.get(key).and_then(Json::as_str).unwrap_or_default();
    sink.locate(text("path"), text("stored_as"));
    let place = place(object.get("where"));
    let values: Vec<Value<'_>> = artifact
        .columns
        .iter()
        .map(|column| object.get(column.name).map_or(Value::Null, |value| read(column, value)))
        .collect();
    sink.record(&Record { artifact, place: &place, values: &values, clock });
}

fn read<'a>(column: &Column, value: &'a Json) -> Value<'a> {
    match value {
        Json::Null => Value::Null,
        Json::Bool(flag) => Value::Bool(*flag),
        Json::Number(number) => {
            number.as_i64().map_or_else(|| number.as_f64().map_or(Value::Null, Value::Real), Value::Int)
        }
        Json::String(text) if matches!(column.kind, Kind::Time(_)) => {
            text.parse::<Timestamp>().map_or(Value::Null, Value::Time)
        }
        Json::String(text) => Value::Text(text.as_str().into()),
        Json::Array(items) => Value::List(items.iter().map(|item| read(column, item)).collect()),
        Json::Object(fields) => Value::Object(
            fields.iter().map(|(name, value)| (name.as_str().into(), read(column, value))).collect(),
        ),
    }
}

pub(super) fn place(value: Option<&Json>) -> Place {
    let field = |key: &str| value.and_then(|value| value.get(key));
    if let (Some(table), Some(recovered), Some(offset)) = (
        field("table").and_then(Json::as_str),
        field("recovered").and_then(|recovered| serde_json::from_value::<Recovery>(recovered.clone()).ok()),
        field("offset").and_then(Json::as_u64),
    ) {
        let in_log = field("origin").and_then(Json::as_str) == Some("wal");
        return Place::Recovered {
            table: table.to_owned().into(),
            row: field("row").and_then(Json::as_i64),
            origin: if in_log { Origin::Wal } else { Origin::Freed },
            offset,
            recovered,
            cut: field("cut").and_then(Json::as_bool).unwrap_or(false),
        };
    }
    if let (Some(table), Some(row)) =
        (field("table").and_then(Json::as_str), field("row").and_then(Json::as_i64))
    {
        return Place::Row { table: table.to_owned().into(), row };
    }
    if let Some(line) = field("line").and_then(Json::as_u64) {
        return Place::Line { line };
    }
    if let Some(offset) = field("offset").and_then(Json::as_u64) {
        return Place::Offset { offset };
    }
    Place::key(field("key").and_then(Json::as_str).unwrap_or_default())
}
