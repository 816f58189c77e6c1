//! MVT's folder, for the scripts that people have: its file names, field names, time form and CSV dialect, made from our own files.
//!
//! Names are in [`modules`]; the shapes follow MVT 2026.10. What MVT has no word for keeps ours, so nothing is left out.

mod modules;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::Path;

use serde_json::map::Entry;
use serde_json::{Map, Value, json};

use super::folder::{create, make_private};
use crate::artifact;
use crate::record::{Kind, unhex};
use modules::Module;
pub use modules::{artifacts_of, module_of};

/// Reads a file of JSON lines, object by object.
pub fn lines(path: &Path, mut each: impl FnMut(Map<String, Value>) -> io::Result<()>) -> io::Result<()> {
    let file = File::options().read(true).open(path)?;
    for line in BufReader::with_capacity(1 << 20, file).lines() {
        each(serde_json::from_str(&line?)?)?;
    }
    Ok(())
}

/// A text field; empty if there is none.
pub(super) fn text<'a>(object: &'a Map<String, Value>, key: &str) -> &'a str {
    object.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// Writes MVT's files into `into` from the output folder `from`.
pub fn write(from: &Path, into: &Path) -> io::Result<()> {
    make_private(into)?;
    let mut records: BTreeMap<&str, Vec<&Module>> = BTreeMap::new();
    for module in modules::all() {
        records.entry(module.slug).or_default().push(module);
    }
    for (slug, modules) in records {
        if slug == "backup_info" {
            continue;
        }
        write_records(from, &into.join(format!("{slug}.json")), &modules)?;
    }
    write_backup_info(from, &into.join("backup_info.json"))?;
    write_alerts(from, into)?;
    write_urls(from, &into.join("urls.json"))?;
    write_timeline(from, &into.join("timeline.csv"))?;
    write_log(from, &into.join("command.log"))?;
    write_info(from, &into.join("info.json"))
}

fn write_records(from: &Path, path: &Path, modules: &[&Module]) -> io::Result<()> {
    let mut out: Option<BufWriter<File>> = None;
    for module in modules {
        let records = from.join("records").join(format!("{}.jsonl", module.artifact));
        if !records.exists() {
            continue;
        }
        lines(&records, |record| {
            if !module.takes(&record) || is_recovered(&record) {
                return Ok(());
            }
            let separator: &[u8] = if out.is_some() { b",\n" } else { b"[\n" };
            let out = match &mut out {
                Some(out) => out,
                empty => empty.insert(create(path)?),
            };
            out.write_all(separator)?;
            write_ascii(out, &Value::Object(renamed(record, module)))
        })?;
    }
    match out {
        Some(mut out) => {
            out.write_all(b"\n]")?;
            out.flush()
        }
        None => Ok(()),
    }
}

/// A record under MVT's field names.
fn renamed(record: Map<String, Value>, module: &Module) -> Map<String, Value> {
    let columns = artifact::find(module.artifact).map_or(&[][..], |artifact| artifact.columns);
    let mut renamed = Map::new();
    if let Some(record_type) = module.record_type {
        renamed.insert("record_type".into(), record_type.into());
    }
    // MVT writes every field of every record, empty or not.
    for column in columns.iter().filter(|column| column.name != artifact::OTHER) {
        renamed.insert(module.field(column.name).to_owned(), Value::Null);
    }
    for (name, value) in record {
        if name == "where" {
            continue;
        }
        let is_time =
            columns.iter().any(|column| column.name == name && matches!(column.kind, Kind::Time(_)));
        let value = match value {
            Value::String(time) if is_time => mvt_time(&time).into(),
            Value::Object(other) if name == artifact::OTHER => {
                spread(other, &mut renamed);
                continue;
            }
            other => other,
        };
        renamed.insert(module.field(&name).to_owned(), value);
    }
    renamed
}

/// Columns without a name of ours are fields under the table's own names, as MVT has them. A name that is taken stays in `other`.
fn spread(other: Map<String, Value>, fields: &mut Map<String, Value>) {
    let mut taken = Map::new();
    for (name, value) in other {
        let value = match value.as_str().filter(|_| modules::BASE64.contains(&&*name)).and_then(unhex) {
            Some(bytes) => base64(&bytes).into(),
            None => value,
        };
        match fields.entry(name) {
            Entry::Vacant(free) => {
                free.insert(value);
            }
            Entry::Occupied(field) => {
                taken.insert(field.key().clone(), value);
            }
        }
    }
    if !taken.is_empty() {
        fields.insert(artifact::OTHER.into(), taken.into());
    }
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let byte = |index: usize| u32::from(three.get(index).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            let six = (bits >> (18 - 6 * digit) & 63) as usize;
            text.push(if digit <= three.len() { char::from(DIGITS[six]) } else { '=' });
        }
    }
    text
}

/// `2024-01-02T03:04:05.678901+00:00` as `2024-01-02 03:04:05.678901`.
fn mvt_time(time: &str) -> String {
    time.trim_end_matches("+00:00").replacen('T', " ", 1)
}

/// The one module whose file holds an object, not a list.
fn write_backup_info(from: &Path, path: &Path) -> io::Result<()> {
    let records = from.join("records/ios.backup_info.jsonl");
    let Some(module) = modules::of_artifact("ios.backup_info").filter(|_| records.exists()) else {
        return Ok(());
    };
    lines(&records, |record| {
        let mut out = create(path)?;
        write_ascii(&mut out, &Value::Object(renamed(record, module)))?;
        out.flush()
    })
}

fn write_alerts(from: &Path, into: &Path) -> io::Result<()> {
    let mut all = Vec::new();
    let mut by_slug: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let mut dated = Vec::new();
    lines(&from.join("findings.jsonl"), |mut finding| {
        let mut event = match finding.remove("record") {
            Some(Value::Object(record)) => record,
            _ => Map::new(),
        };
        let module = modules::of_record(text(&finding, "artifact"), &event);
        let slug = module
            .map_or_else(|| text(&finding, "artifact").replace('.', "_"), |module| module.slug.to_owned());
        if let Some(module) = module {
            event = renamed(event, module);
        }
        let indicator = finding.get("indicator").and_then(Value::as_object).map(|indicator| {
            json!({
                "value": text(indicator, "value"), "type": modules::collection(text(indicator, "type"), text(indicator, "value")),
                "name": text(indicator, "campaign"), "stix2_file_name": text(indicator, "source"),
            })
        });
        let time = mvt_time(text(&finding, "time"));
        let message = text(&finding, "message").to_owned();
        let alert = json!({
            "level": text(&finding, "level"), "module": slug, "message": message, "event_time": time,
            "event": event, "matched_indicator": indicator,
            "rule_id": finding.get("heuristic").and_then(|rule| rule.get("id")),
            "finding_id": text(&finding, "id"), "source_path": text(&finding, "path"),
        });
        if !time.is_empty() {
            dated.push((time, slug.clone(), message, alert["event"].to_string()));
        }
        by_slug.entry(slug).or_default().push(alert.clone());
        all.push(alert);
        Ok(())
    })?;
    for (slug, alerts) in by_slug {
        write_list(&into.join(format!("{slug}_detected.json")), alerts)?;
    }
    if !all.is_empty() {
        write_list(&into.join("alerts.json"), all)?;
    }
    dated.sort();
    let mut out = create(&into.join("alerts_timeline.csv"))?;
    row(&mut out, ["Event Time", "Module", "Message", "Event"])?;
    for (time, slug, message, event) in &dated {
        row(&mut out, [time, slug, message, event])?;
    }
    out.flush()
}

/// MVT reads live rows only, and its readers compare; findings on recovered rows stay, with what has to be known about them.
fn is_recovered(record: &Map<String, Value>) -> bool {
    record.get("where").is_some_and(|place| place.get("recovered").is_some())
}

/// Every link of a message; MVT lists them so that short links can be resolved, which is never done here.
fn write_urls(from: &Path, path: &Path) -> io::Result<()> {
    let mut urls = Vec::new();
    for (artifact, source) in [("ios.sms", "sms"), ("ios.whatsapp", "whatsapp"), ("android.sms", "sms")] {
        let records = from.join("records").join(format!("{artifact}.jsonl"));
        if !records.exists() {
            continue;
        }
        lines(&records, |record| {
            if is_recovered(&record) {
                return Ok(());
            }
            let time =
                ["received", "sent"].into_iter().map(|key| text(&record, key)).find(|time| !time.is_empty());
            for url in record.get("links").and_then(Value::as_array).into_iter().flatten() {
                let timestamp = mvt_time(time.unwrap_or_default());
                urls.push(
                    json!({"url": url, "expanded_url": null, "timestamp": timestamp, "source": source}),
                );
            }
            Ok(())
        })?;
    }
    if urls.is_empty() { Ok(()) } else { write_list(path, urls) }
}

/// MVT logs to this file; its readers look for the levels of alerts in it.
fn write_log(from: &Path, path: &Path) -> io::Result<()> {
    let run = read_json(&from.join("run.json"))?;
    let started = run.get("started").and_then(Value::as_str).unwrap_or_default();
    // MVT separates milliseconds by a comma.
    let time = mvt_time(started).replace('.', ",");
    let time = time.get(..23).unwrap_or(&time);
    let mut out = create(path)?;
    lines(&from.join("findings.jsonl"), |finding| {
        let (artifact, level) = (text(&finding, "artifact"), text(&finding, "level"));
        writeln!(
            out,
            "{time} - hoofprint.{artifact} - {level} - {}",
            text(&finding, "message").replace('\n', " ")
        )
    })?;
    out.flush()
}

fn read_json(path: &Path) -> io::Result<Value> {
    Ok(serde_json::from_reader(BufReader::new(File::options().read(true).open(path)?))?)
}

fn write_timeline(from: &Path, path: &Path) -> io::Result<()> {
    let mut out = create(path)?;
    row(&mut out, ["UTC Timestamp", "Plugin", "Event", "Description"])?;
    lines(&from.join("timeline.jsonl"), |event| {
        if is_recovered(&event) {
            return Ok(());
        }
        let artifact = text(&event, "artifact");
        let module = modules::of_artifact(artifact);
        let plugin = module.map_or(artifact, |module| module.class);
        let column = text(&event, "column");
        let name = module.map_or(column, |module| module.event(column));
        row(&mut out, [&mvt_time(text(&event, "time")), plugin, name, text(&event, "message")])
    })?;
    out.flush()
}

fn write_info(from: &Path, path: &Path) -> io::Result<()> {
    let run = read_json(&from.join("run.json"))?;
    let sets = run.pointer("/indicators/sets").and_then(Value::as_array);
    let names: Vec<&Value> = sets.into_iter().flatten().filter_map(|set| set.get("name")).collect();
    let files = run.get("evidence").and_then(Value::as_array);
    let hashes: Vec<Value> = files
        .into_iter()
        .flatten()
        .filter(|file| file.get("sha256").is_some_and(Value::is_string))
        .map(|file| json!({"file_path": file.get("path"), "sha256": file.get("sha256")}))
        .collect();
    let started = run.get("started").and_then(Value::as_str).unwrap_or_default();
    let info = json!({
        "target_path": run.pointer("/arguments/path"), "mvt_version": null,
        "tool": run.get("tool"), "date": mvt_time(started), "ioc_files": names, "hashes": hashes,
    });
    let mut out = create(path)?;
    write_ascii(&mut out, &info)?;
    out.flush()
}

fn write_list(path: &Path, list: Vec<Value>) -> io::Result<()> {
    let mut out = create(path)?;
    write_ascii(&mut out, &Value::Array(list))?;
    out.flush()
}

/// MVT's JSON: four blanks of indent, and everything beyond ASCII escaped.
fn write_ascii(out: &mut impl Write, value: &Value) -> io::Result<()> {
    let mut bytes = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    serde::Serialize::serialize(value, &mut serde_json::Serializer::with_formatter(&mut bytes, formatter))?;
    let text = String::from_utf8_lossy(&bytes);
    let mut ascii = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_ascii() {
            ascii.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                ascii.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    out.write_all(ascii.as_bytes())
}

/// A row in MVT's CSV: every field quoted, quotes and backslashes doubled, CRLF at the end.
fn row(out: &mut impl Write, fields: [&str; 4]) -> io::Result<()> {
    for (index, field) in fields.iter().enumerate() {
        let field = super::timeline::cell(field).replace('\\', "\\\\").replace('"', "\"\"");
        write!(out, "{}\"{field}\"", if index > 0 { "," } else { "" })?;
    }
    out.write_all(b"\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_rows_are_quoted_like_mvts() {
        let mut out = Vec::new();
        row(&mut out, ["2024-01-02 03:04:05.000000", "SMS", "a\\b", "say \"hi\""]).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "\"2024-01-02 03:04:05.000000\",\"SMS\",\"a\\\\b\",\"say \"\"hi\"\"\"\r\n"
        );
    }

    #[test]
    fn columns_of_the_table_are_fields_of_their_own() {
        let record = json!({"handle": "+15550100", "other": {"sort_id": 7, "attributedBody": "00ff10ab", "text": "x"}});
        let Value::Object(record) = record else { unreachable!() };
        let fields = renamed(record, modules::of_artifact("ios.sms").unwrap());
        let of = |name: &str| fields.get(name).cloned().unwrap_or(json!("missing"));
        assert_eq!(
            (of("sort_id"), of("attributedBody"), of("text")),
            (json!(7), json!("AP8Qqw=="), json!(null))
        );
        assert_eq!((of("phone_number"), of("other")), (json!("+15550100"), json!({"text": "x"})));
        assert_eq!(
            [&b""[..], b"a", b"ab", b"abc", b"abcd"].map(base64),
            ["", "YQ==", "YWI=", "YWJj", "YWJjZA=="]
        );
    }

    #[test]
    fn json_is_ascii_and_times_have_no_offset() {
        let mut out = Vec::new();
        write_ascii(&mut out, &json!({"a": "é😀"})).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "{\n    \"a\": \"\\u00e9\\ud83d\\ude00\"\n}");
        assert_eq!(mvt_time("2024-01-02T03:04:05.678901+00:00"), "2024-01-02 03:04:05.678901");
    }
}
