//! Timesketch's JSON lines, made from the timeline already written.
//!
//! Every line needs `message`, `datetime` with an offset and `timestamp_desc`; `timestamp` is in microseconds. The set of field names is
//! small and fixed, since Timesketch silently imports nothing beyond some 330 of them. Findings are tagged.

use std::io::{self, Write};
use std::path::Path;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::folder::create;
use super::mvt::{lines, text};

/// Timesketch cuts keyword search beyond this.
const LONGEST_MESSAGE_BYTES: usize = 8 << 10;

/// Writes `timesketch.jsonl` into `into` from the output folder `from`.
pub fn write(from: &Path, into: &Path) -> io::Result<()> {
    let mut out = create(&into.join("timesketch.jsonl"))?;
    lines(&from.join("findings.jsonl"), |finding| {
        for stamp in finding.get("times").and_then(Value::as_array).into_iter().flatten() {
            line(&mut out, &finding_fields(&finding, stamp))?;
        }
        Ok(())
    })?;
    lines(&from.join("timeline.jsonl"), |event| line(&mut out, &event_fields(&event)))?;
    out.flush()
}

fn line(out: &mut impl Write, fields: &Map<String, Value>) -> io::Result<()> {
    serde_json::to_writer(&mut *out, fields)?;
    out.write_all(b"\n")
}

fn common(message: &str, time: &str, description: &str, event: &Map<String, Value>) -> Map<String, Value> {
    let micros = time.parse::<Timestamp>().map_or(0, Timestamp::as_microsecond);
    let artifact = text(event, "artifact");
    let mut fields = Map::new();
    let message = message.get(..message.floor_char_boundary(LONGEST_MESSAGE_BYTES)).unwrap_or_default();
    fields.insert("message".into(), message.into());
    fields.insert("datetime".into(), time.into());
    fields.insert("timestamp".into(), micros.into());
    fields.insert("timestamp_desc".into(), description.into());
    fields.insert("data_type".into(), format!("hoofprint:{}", artifact.replace('.', ":")).into());
    fields.insert("module".into(), artifact.into());
    fields.insert("platform".into(), "ios".into());
    fields.insert("path".into(), text(event, "path").into());
    fields.insert("row_ref".into(), event.get("where").map(Value::to_string).into());
    fields
}

fn event_fields(event: &Map<String, Value>) -> Map<String, Value> {
    let mut fields =
        common(text(event, "message"), text(event, "time"), text(event, "timestamp_desc"), event);
    fields.insert("time_basis".into(), text(event, "basis").into());
    fields
}

fn finding_fields(finding: &Map<String, Value>, stamp: &Value) -> Map<String, Value> {
    let of = |key: &str| stamp.get(key).and_then(Value::as_str).unwrap_or_default();
    let mut fields = common(text(finding, "message"), of("time"), of("meaning"), finding);
    fields.insert("time_basis".into(), of("basis").into());
    fields.insert("evidence_class".into(), text(finding, "evidence_class").into());
    fields.insert("alert_level".into(), text(finding, "level").to_lowercase().into());
    fields.insert("alert_id".into(), text(finding, "id").into());
    fields.insert("detail".into(), text(finding, "line").into());
    let mut tags = vec![json!("spyware"), json!(text(finding, "level").to_lowercase())];
    if let Some(indicator) = finding.get("indicator").and_then(Value::as_object) {
        fields.insert("campaign".into(), text(indicator, "campaign").into());
        fields.insert("indicator".into(), text(indicator, "value").into());
        fields.insert("indicator_type".into(), text(indicator, "type").into());
        fields.insert("indicator_source".into(), text(indicator, "source").into());
        tags.push(json!(text(indicator, "campaign").to_lowercase()));
    }
    if let Some(rule) = finding.get("heuristic").and_then(Value::as_object) {
        fields.insert("rule".into(), text(rule, "id").into());
    }
    fields.insert("tag".into(), tags.into());
    fields
}
