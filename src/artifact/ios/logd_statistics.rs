use serde_json::Value as Json;

use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.logd_statistics",
    title: "Who wrote the system log",
    about: "The programs that logged most while each file of the system log was filled, often for more than a year.",
    files: &[
        "/private/var/db/diagnostics/logdata.statistics.*.txt",
        "/private/var/db/diagnostics/logdata.statistics.*.jsonl",
    ],
    columns: &[
        // When the file was full: the program ran some time before.
        time("logged", Epoch::Unix, Moment::Logged).rounded(Precision::Second),
        text("record"),
        text("reason"),
        text("log_file"),
        process("process"),
        path("library"),
        int("size_bytes"),
        real("percent"),
    ],
    shows: Trace::Executed,
    line: "in the system log: {process}{library}, {size_bytes} bytes",
    parse: Parse::Text(parse),
};

/// The header of a record, which its lists are read with.
#[derive(Default)]
struct Record {
    kind: String,
    time: Option<jiff::Timestamp>,
    reason: Option<String>,
    file: Option<String>,
    /// Which list the lines with a dash belong to.
    libraries: bool,
    /// The program of a snapshot record, whose time may follow it.
    client: Option<(String, Place)>,
}

/// Text up to iOS 16 and beside it since: `--- !logd statistics record`, `key : value`, `procs :` and a list. JSON, an object a line,
/// since iOS 16.4.
fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    let mut record: Option<Record> = None;
    let mut understood = false;
    while let Some((number, line)) = lines.next()? {
        let text = line.trim();
        let place = Place::Line { line: number };
        if text.starts_with('{') {
            match serde_json::from_str::<Json>(text) {
                Ok(object) => understood |= json_record(&object, place, out),
                Err(error) => out.warn(Some(place), format!("is no JSON: {error}")),
            }
        } else if let Some(kind) = text.strip_prefix("--- !logd") {
            record.take().into_iter().for_each(|record| push_client(record, out));
            record = Some(Record { kind: kind.trim().to_owned(), ..Record::default() });
            understood = true;
        } else if let Some(record) = &mut record {
            text_line(record, text, place, out);
        } else if !text.is_empty() && !understood {
            anyhow::bail!("does not begin with a record of logd, `--- !logd …` or a JSON object");
        }
    }
    record.into_iter().for_each(|record| push_client(record, out));
    Ok(())
}

fn push_client(mut record: Record, out: &mut Out<'_>) {
    if let Some((client, place)) = record.client.take() {
        push(&Record { libraries: false, ..record }, &client, (None, None), place, out);
    }
}

fn text_line(record: &mut Record, text: &str, place: Place, out: &mut Out<'_>) {
    if let Some(item) = text.strip_prefix('-') {
        match list_item(item) {
            Some((size, percent, path)) => push(record, path, (size, percent), place, out),
            // The last item may be the end of a file that was cut.
            None if !item.trim_matches('-').is_empty() => out.warn(Some(place), "is no item of a list of logd"),
            None => {}
        }
        return;
    }
    let Some((key, value)) = text.split_once(':') else { return };
    let value = value.trim();
    match key.trim() {
        "type" => record.reason = Some(value.to_owned()),
        "file" => record.file = Some(value.to_owned()),
        "time" => {
            record.time = crate::time::zoned(value);
            if record.time.is_none() {
                out.warn(Some(place), format!("`{}` is no time with its zone", brief(value)));
            }
        }
        "procs" | "processes" => record.libraries = false,
        "libs" | "libraries" => record.libraries = true,
        "client" if value.starts_with('/') => record.client = Some((value.to_owned(), place)),
        _ => {}
    }
}

/// ` [ 3117304, 32.0, /usr/libexec/a, b ]`: the path begins behind the second comma and ends at the last bracket.
fn list_item(item: &str) -> Option<(Option<i64>, Option<f64>, &str)> {
    let inside = item.trim().strip_prefix('[')?;
    let inside = inside.rfind(']').and_then(|end| inside.get(..end))?;
    let mut parts = inside.splitn(3, ',');
    let (size, percent, path) = (parts.next()?.trim(), parts.next()?.trim(), parts.next()?.trim());
    (!path.is_empty()).then_some((size.parse().ok(), percent.trim_end_matches('%').trim().parse().ok(), path))
}

fn push(record: &Record, path: &str, (size, percent): (Option<i64>, Option<f64>), place: Place, out: &mut Out<'_>) {
    out.push(
        place,
        [
            record.time.into(),
            record.kind.as_str().into(),
            record.reason.as_deref().into(),
            record.file.as_deref().into(),
            Some(path).filter(|_| !record.libraries).into(),
            Some(path).filter(|_| record.libraries).into(),
            size.into(),
            percent.map_or(Value::Null, Value::Real),
        ],
    );
}

/// False where the object is no record of logd. Lists of libraries have the same form.
fn json_record(object: &Json, place: Place, out: &mut Out<'_>) -> bool {
    let text = |key: &str| object.get(key).and_then(Json::as_str).map(str::to_owned);
    let Some(fields) = object.as_object().filter(|fields| fields.contains_key("unixTime")) else {
        out.warn(Some(place), "is no record of logd: it has no `unixTime`");
        return false;
    };
    let seconds = fields.get("unixTime").and_then(Json::as_f64).filter(|seconds| seconds.abs() < 1e11);
    let time = seconds.and_then(|seconds| jiff::Timestamp::from_second(seconds as i64).ok());
    for (key, list) in fields {
        let Some(items) = list.as_array() else { continue };
        let lower = key.to_ascii_lowercase();
        let record = Record {
            kind: "statistics record".into(),
            time,
            reason: text("type"),
            file: text("file"),
            libraries: lower.contains("lib") || lower.contains("sender") || lower.contains("image"),
            client: None,
        };
        for item in items {
            json_item(&record, item, &place, out);
        }
    }
    true
}

fn json_item(record: &Record, item: &Json, place: &Place, out: &mut Out<'_>) {
    let Some(fields) = item.as_object() else { return };
    let named = ["process", "library", "path", "image"].iter().find_map(|key| fields.get(*key)?.as_str());
    let first_path = || fields.values().filter_map(Json::as_str).find(|text| text.starts_with('/'));
    let Some(path) = named.or_else(first_path) else { return };
    let number = |words: &[&str]| {
        let is = |key: &str| words.iter().any(|word| key.to_ascii_lowercase().contains(word));
        fields.iter().find(|(key, value)| is(key) && value.is_number()).map(|(_, value)| value)
    };
    let size = number(&["byte", "size"]).and_then(Json::as_i64);
    let percent = number(&["percent", "pct"]).and_then(Json::as_f64);
    push(record, path, (size, percent), place.clone(), out);
}

fn brief(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const TEXT: &str = "\
--- !logd statistics record
type  : File Rotate
file  : /var/db/diagnostics/Persist/0000000000000a01.tracev3
time  : 2023-04-07 07:42:54-0700
total : 9733361
procs :
    - [    3117304,  32.0, /usr/libexec/backboardd ]
    - [        400,   0.1, /private/var/tmp/a, b [c] ]
libs :
    - [        300,   0.1, /usr/lib/libx.dylib ]

--- !logd snapshot record
type   : Client
client : /usr/libexec/foo
time   : 2023-04-08 00:00:00+0000
";

    #[test]
    fn every_program_of_a_record_has_its_time() {
        let (records, warnings) = rows_at(&ARTIFACT, "/logdata.statistics.0.txt", TEXT.as_bytes());
        assert!(warnings.is_empty(), "{warnings:?}");
        assert_eq!(
            records[0],
            json!({
                "logged": "2023-04-07T14:42:54.000000+00:00", "record": "statistics record", "reason": "File Rotate",
                "log_file": "/var/db/diagnostics/Persist/0000000000000a01.tracev3",
                "process": "/usr/libexec/backboardd", "size_bytes": 3_117_304, "percent": 32.0,
                "_line": "in the system log: /usr/libexec/backboardd, 3117304 bytes",
            })
        );
        assert_eq!(records[1]["process"], "/private/var/tmp/a, b [c]");
        assert_eq!((&records[2]["library"], records[2].get("process")), (&json!("/usr/lib/libx.dylib"), None));
        assert_eq!(records[3]["process"], "/usr/libexec/foo");
        assert_eq!(records[3]["logged"], "2023-04-08T00:00:00.000000+00:00");
    }

    #[test]
    fn json_lines_are_read_and_odd_ones_reported() {
        let text = r#"{"unixTime":1680878574,"type":"File Rotate","file":"a.tracev3","totalBytes":9,"processList":[{"process":"/usr/libexec/a","bytes":7},{"x":1},3]}
{"unixTime":
{"a":1}
"#;
        let (records, warnings) = rows_at(&ARTIFACT, "/logdata.statistics.0.jsonl", text.as_bytes());
        assert_eq!(records.as_array().unwrap().len(), 1);
        assert_eq!(records[0]["logged"], "2023-04-07T14:42:54.000000+00:00");
        assert_eq!((&records[0]["process"], &records[0]["size_bytes"]), (&json!("/usr/libexec/a"), &json!(7)));
        assert_eq!(warnings.len(), 2, "{warnings:?}");
    }

    #[test]
    fn another_text_is_said_to_be_one() {
        let (_, warnings) = rows_at(&ARTIFACT, "/logdata.statistics.0.txt", b"hello\n");
        assert!(warnings[0].starts_with("does not begin with a record of logd"), "{warnings:?}");
    }

    #[test]
    fn broken_text_never_panics() {
        shake(&ARTIFACT, TEXT.as_bytes());
        shake(&ARTIFACT, br#"{"unixTime":1680878574,"processList":[{"process":"/usr/libexec/a","bytes":7}]}"#);
    }
}
