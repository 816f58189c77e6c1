use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};

use crate::artifact::crash::{
    Candidate, FILES, Family, LARGEST_BYTES, Report, as_candidate, decoded, filled, is_process_key, member, moment,
    one_or_list, text as text_of,
};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.analytics",
    title: "Daily analytics",
    about: "Counters that iOS gathers for Apple; some name the programs that crashed, were ended or used the network that day.",
    files: FILES,
    columns: &[
        // A counter was raised at any time between the two.
        time("from", Epoch::Unix, Moment::FirstSeen).rounded(Precision::Day),
        time("until", Epoch::Unix, Moment::LastSeen).rounded(Precision::Day),
        text("event"),
        process("process"),
        app_id("bundle"),
        message("text"),
        path("file"),
        text("exception"),
        int("count"),
    ],
    shows: Trace::Executed,
    line: "{event} counted {process} {bundle} {text}{file}",
    parse: Parse::Bytes { most: LARGEST_BYTES, parse },
};

/// Different records kept of one file; a day has some thousands.
const MOST_RECORDS: usize = 100_000;

/// What one counter names.
#[derive(Default, PartialEq, Eq, PartialOrd, Ord)]
struct Named {
    event: String,
    processes: Vec<String>,
    bundles: Vec<String>,
    texts: Vec<String>,
    files: Vec<String>,
    exception: String,
}

fn parse(bytes: &[u8], out: &mut Out<'_>) -> Result<()> {
    let text = decoded(bytes);
    let report = Report::of(&text);
    if report.family != Family::Analytics {
        return Ok(());
    }
    let until = report.written(out);
    let mut from = Value::Null;
    let mut seen = BTreeSet::new();
    let mut ended = false;
    for (number, line) in (report.first_line..).zip(report.body.lines()) {
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        let Ok(Json::Object(entry)) = serde_json::from_str::<Json>(line) else {
            out.warn(Some(Place::Line { line: number }), "is no counter in JSON");
            continue;
        };
        match text_of(&entry, "_marker") {
            Some("<metadata>") => from = moment(entry.get("startTimestamp"), out),
            Some("<end-of-file>") => ended = true,
            _ => {
                let named = Named::of(&entry);
                if named.is_empty() || seen.len() >= MOST_RECORDS || seen.contains(&named) {
                    continue;
                }
                let count = member(&entry, "message").and_then(|message| message.get("count")?.as_i64());
                push(&named, count, Place::Line { line: number }, [&from, &until], out);
                seen.insert(named);
            }
        }
    }
    if seen.len() >= MOST_RECORDS {
        out.warn(None, "has too many different counters: the rest is not read");
    }
    if !ended {
        out.warn(None, "does not end with its end mark: it was cut off");
    }
    Ok(())
}

impl Named {
    fn of(entry: &Map<String, Json>) -> Named {
        let event = text_of(entry, "name").unwrap_or_default();
        let mut named = Named { event: event.to_owned(), ..Named::default() };
        let Some(message) = entry.get("message") else { return named };
        // Only these families mean a process by `name`.
        let is_about_processes = ["Jetsam", "Stability", "Crash"].iter().any(|family| event.contains(family));
        named.take(message, "", is_about_processes);
        named
    }

    fn take(&mut self, value: &Json, key: &str, is_about_processes: bool) {
        match value {
            Json::Object(object) => {
                object.iter().for_each(|(key, value)| self.take(value, key, is_about_processes));
            }
            Json::Array(items) => items.iter().for_each(|item| self.take(item, key, is_about_processes)),
            Json::String(text) if !text.trim().is_empty() => {
                let text = text.trim().to_owned();
                if key == "exceptionCodes" {
                    self.exception = text;
                } else if is_process_key(key) || is_about_processes && key == "name" {
                    if !self.processes.contains(&text) {
                        self.processes.push(text);
                    }
                } else if is_bundle_key(key) {
                    self.bundles.push(text);
                } else {
                    match as_candidate(&text) {
                        Some(Candidate::Path) => self.files.push(text),
                        Some(_) => self.texts.push(text),
                        None => {}
                    }
                }
            }
            _ => {}
        }
    }

    fn is_empty(&self) -> bool {
        self.processes.is_empty() && self.bundles.is_empty() && self.texts.is_empty() && self.files.is_empty()
    }
}

/// `bundleID`, `bundleIdentifier`, `app_bundle_id`, `responsibleApp`, `coalition` and the like.
fn is_bundle_key(key: &str) -> bool {
    let plain: String = key.chars().filter(|c| *c != '_').map(|c| c.to_ascii_lowercase()).collect();
    ["bundleid", "bundleidentifier", "responsibleapp", "coalition", "coalitionname", "appid", "clientid"]
        .iter()
        .any(|ending| plain.ends_with(ending))
}

fn push(named: &Named, count: Option<i64>, place: Place, [from, until]: [&Value<'static>; 2], out: &mut Out<'_>) {
    out.push(
        place,
        [
            from.clone(),
            until.clone(),
            filled(&named.event),
            one_or_list(named.processes.clone()),
            one_or_list(named.bundles.clone()),
            one_or_list(named.texts.clone()),
            one_or_list(named.files.clone()),
            filled(&named.exception),
            count.into(),
        ],
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const FILE: &str = r#"{"bug_type":"211","timestamp":"2023-05-25 02:00:00.00 +0200","os_version":"iPhone OS 16.4 (20E247)"}
{"_marker":"<metadata>","_preferredUserInterfaceLanguage":"de","startTimestamp":"2023-05-24T00:00:00Z"}
{"message":{"count":3,"name":"bh","processName":"bh","exceptionCodes":"0x1"},"name":"StabilityCrashNumerator2","uuid":"u"}
{"message":{"count":4,"name":"bh","processName":"bh","exceptionCodes":"0x1"},"name":"StabilityCrashNumerator2","uuid":"u"}
{"message":{"bundleID":"org.example.app","name":"no process","host":"cdn.example","version":"1.2"},"name":"Network"}
{"message":{"count":9},"name":"Battery"}
{"_marker":"<end-of-file>"}
"#;

    #[test]
    fn counters_that_name_something_are_records_once_and_within_their_day() {
        let (records, warnings) = rows_at(&ARTIFACT, "/x.ips", FILE.as_bytes());
        assert!(warnings.is_empty(), "{warnings:?}");
        assert_eq!(
            records,
            json!([
                {"from": "2023-05-24T00:00:00.000000+00:00", "until": "2023-05-25T00:00:00.000000+00:00",
                 "event": "StabilityCrashNumerator2", "process": "bh", "exception": "0x1", "count": 3,
                 "_line": "StabilityCrashNumerator2 counted bh  "},
                {"from": "2023-05-24T00:00:00.000000+00:00", "until": "2023-05-25T00:00:00.000000+00:00",
                 "event": "Network", "bundle": "org.example.app", "text": "cdn.example",
                 "_line": "Network counted  org.example.app cdn.example"},
            ])
        );
    }

    #[test]
    fn a_file_that_was_cut_off_says_so() {
        let cut = FILE.split("{\"message\":{\"bundleID\"").next().unwrap();
        let (records, warnings) = rows_at(&ARTIFACT, "/x.ips", cut.as_bytes());
        assert_eq!(records.as_array().unwrap().len(), 1);
        assert!(warnings[0].contains("cut off"), "{warnings:?}");
    }

    #[test]
    fn broken_files_never_panic() {
        shake(&ARTIFACT, FILE.as_bytes());
    }
}
