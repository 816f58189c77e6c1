//! For the tests in rule files: records as JSON objects go through the same door as parsed ones, findings come back as words.

pub use serde_json::json;

use super::{Heuristic, Kept, Reads};
use crate::artifact::{self, Artifact, Line, Out, Record, Sink};
use crate::finding::{Exhibit, Finding};
use crate::record::{Kind, Origin, Place, Value};

/// What a rule concludes from these records, each an artifact's id and an object of its columns.
///
/// Columns left out are null, times are written as `2024-01-02T03:04:05Z`, `_path` gives the device path of the file. Records that the
/// rule's `keep` refuses do not reach it, as in a scan. A name that is no artifact or no column panics.
pub fn judge(rule: &Heuristic, records: &[(&str, serde_json::Value)]) -> Vec<Finding> {
    let kept = kept(rule.reads, records);
    let mut findings = Vec::new();
    (rule.check)(&kept, &mut findings);
    findings
}

/// These records as rules get them, in their order.
pub fn exhibits(records: &[(&'static str, serde_json::Value)]) -> Vec<Exhibit> {
    let one = |(artifact, columns): &(&'static str, serde_json::Value)| {
        let reads = [Reads { artifact, keep: |_| true }];
        let kept = kept(&reads, &[(*artifact, columns.clone())]);
        kept.of(artifact).to_vec()
    };
    records.iter().flat_map(one).collect()
}

/// What is kept of these records.
pub fn kept(reads: &[Reads], records: &[(&str, serde_json::Value)]) -> Kept {
    let mut kept = Kept::default();
    for (index, (id, columns)) in records.iter().enumerate() {
        let artifact = artifact::find(id).unwrap_or_else(|| panic!("no artifact `{id}`"));
        let mut keeper = Keeper { reads, path: path_of(columns), kept: &mut kept };
        let mut values = values_of(artifact, columns);
        let path = path_of(columns);
        let mut out = Out::new(artifact, &path, &mut keeper);
        out.push_slice(Place::row("records", index as i64 + 1), &mut values);
        assert_eq!(out.into_warnings(), [], "a value does not fit its column");
    }
    kept
}

/// [`judge`] as `LEVEL message` lines.
pub fn verdicts(rule: &Heuristic, records: &[(&str, serde_json::Value)]) -> Vec<String> {
    judge(rule, records)
        .iter()
        .map(|finding| format!("{} {}", finding.level.name(), finding.message))
        .collect()
}

struct Keeper<'a> {
    reads: &'a [Reads],
    path: String,
    kept: &'a mut Kept,
}

impl Sink for Keeper<'_> {
    fn record(&mut self, record: &Record<'_>) {
        let wanted =
            self.reads.iter().any(|reads| reads.artifact == record.artifact.id && (reads.keep)(record));
        if !wanted {
            return;
        }
        let names = record.artifact.columns.iter().map(|column| column.name);
        self.kept.push(Exhibit {
            artifact: record.artifact.id,
            path: self.path.as_str().into(),
            stored_as: "stored".into(),
            place: record.place.clone(),
            origin: Origin::Live,
            times: record.stamps().collect(),
            line: Line::of(record.artifact).fill(record.values),
            values: names.zip(record.values.iter().cloned().map(Value::into_owned)).collect(),
        });
    }
}

fn path_of(columns: &serde_json::Value) -> String {
    columns.get("_path").and_then(|path| path.as_str()).unwrap_or("/private/var/mobile/test").to_owned()
}

fn values_of(artifact: &Artifact, columns: &serde_json::Value) -> Vec<Value<'static>> {
    let given = columns.as_object().expect("columns are an object");
    for name in given.keys().filter(|name| *name != "_path") {
        assert!(artifact.columns.iter().any(|column| column.name == name), "no column `{name}`");
    }
    let value = |name| given.get(name).cloned().unwrap_or_default();
    artifact
        .columns
        .iter()
        .map(|column| match (column.kind, value(column.name)) {
            (Kind::Time(_), serde_json::Value::String(text)) => Value::Time(text.parse().unwrap()),
            (_, other) => value_of(other),
        })
        .collect()
}

fn value_of(json: serde_json::Value) -> Value<'static> {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(flag) => flag.into(),
        serde_json::Value::Number(number) => {
            number.as_i64().map_or_else(|| Value::Real(number.as_f64().unwrap()), Value::Int)
        }
        serde_json::Value::String(text) => text.into(),
        serde_json::Value::Array(items) => Value::List(items.into_iter().map(value_of).collect()),
        serde_json::Value::Object(members) => {
            Value::Object(members.into_iter().map(|(name, item)| (name.into(), value_of(item))).collect())
        }
    }
}
