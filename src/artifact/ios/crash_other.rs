use serde_json::Value as Json;

use crate::artifact::crash::{Candidate, Candidates, FILES, Family, LARGEST_BYTES, Report, decoded, filled, text as text_of};
use crate::artifact::prelude::*;
use crate::format::keyed;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.crash_other",
    title: "Other diagnostic reports",
    about: "Reports of every other kind: what in them could be a host, an address, an app, a path or a process.",
    files: FILES,
    columns: &[
        time("time", Epoch::Unix, Moment::Logged),
        text("name"),
        int("bug_type"),
        app_id("app"),
        process("process"),
        message("text"),
        path("file"),
        text("incident"),
    ],
    shows: Trace::Executed,
    line: "report {bug_type} {name} names {app}{process}{text}{file}",
    parse: Parse::Bytes { most: LARGEST_BYTES, parse },
};

fn parse(bytes: &[u8], out: &mut Out<'_>) -> Result<()> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        out.warn(None, "is empty");
        return Ok(());
    }
    let text = decoded(bytes);
    let report = Report::of(&text);
    if report.family != Family::Other {
        return Ok(());
    }
    let time = report.written(out);
    let name = text_of(&report.header, "name").or(text_of(&report.header, "app_name")).unwrap_or_default();
    let shared = |app: &str, process: &str, text: &str, file: &str| {
        [
            time.clone(),
            filled(name),
            report.bug_type().into(),
            filled(app),
            filled(process),
            filled(text),
            filled(file),
            filled(report.incident().unwrap_or_default()),
        ]
    };
    if !report.header.is_empty() {
        let app = text_of(&report.header, "bundleID").unwrap_or_default();
        out.push(Place::Line { line: 1 }, shared(app, "", "", ""));
    }
    let candidates = candidates(&report, bytes, out);
    if candidates.cut {
        out.warn(None, "names too many different things: the rest is not searched");
    }
    for (place, candidate, text) in candidates.found {
        let values = match candidate {
            Candidate::Process => shared("", &text, "", ""),
            Candidate::Message => shared("", "", &text, ""),
            Candidate::Path => shared("", "", "", &text),
        };
        out.push(place, values);
    }
    Ok(())
}

fn candidates(report: &Report<'_>, bytes: &[u8], out: &mut Out<'_>) -> Candidates {
    let mut candidates = Candidates::default();
    let body = report.body.trim_start();
    if report.header.is_empty() && bytes.starts_with(b"bplist00") || body.starts_with("<?xml") {
        let plist = if body.starts_with("<?xml") { body.trim_end().as_bytes() } else { bytes };
        match keyed::parse(plist) {
            Ok(plist) => keyed::strings(&plist).iter().for_each(|text| {
                candidates.json(&Json::String((*text).to_owned()), None);
            }),
            Err(error) => out.warn(None, format!("{error:#}")),
        }
    } else if !body.starts_with(['{', '[']) {
        candidates.text(report.body, report.first_line);
    } else if let Ok(body) = serde_json::from_str::<Json>(body) {
        candidates.json(&body, None);
    } else {
        // A value a line, or JSON that is damaged: then its lines are searched as text.
        for (line, text) in (report.first_line..).zip(report.body.lines()) {
            match serde_json::from_str::<Json>(text) {
                Ok(value) => candidates.json(&value, Some(line)),
                Err(_) => candidates.text(&text.replace("\\/", "/"), line),
            }
        }
    }
    candidates
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    #[test]
    fn unknown_numbers_are_searched_and_known_families_left_to_others() {
        let report = r#"{"bug_type":"9999","name":"Thing","bundleID":"org.example.app","timestamp":"2023-05-24T11:29:15Z","incident_id":"A1"}
{"a":[{"url":"https:\/\/a.example\/x"}],"process":"bh","file":"/private/var/tmp/x","when":"12.5"}"#;
        let (records, warnings) = rows_at(&ARTIFACT, "/x.ips", report.as_bytes());
        assert!(warnings.is_empty(), "{warnings:?}");
        assert_eq!(
            records[0],
            json!({"time": "2023-05-24T11:29:15.000000+00:00", "name": "Thing", "bug_type": 9999, "app": "org.example.app",
                "incident": "A1", "_line": "report 9999 Thing names org.example.app"})
        );
        assert_eq!(records[1]["text"], "https://a.example/x");
        assert_eq!(records[2]["file"], "/private/var/tmp/x");
        assert_eq!(records[3]["process"], "bh");
        assert_eq!(records[4], json!(null));
        assert_eq!(rows_at(&ARTIFACT, "/x.ips", b"{\"bug_type\":\"309\"}\n{}"), (json!([]), vec![]));
    }

    const LINES: &str = "{\"bug_type\":\"225\",\"timestamp\":\"2023-05-24 11:29:15 +0000\"}
{\"events\":[{\"topic\":\"push.example.org\"}],\"postTime\":1}
{\"events\":[{\"host\":\"cdn.exam";

    #[test]
    fn lines_of_json_text_and_property_lists_are_searched() {
        let records = rows(&ARTIFACT, LINES.as_bytes());
        assert_eq!((&records[1]["text"], &records[2]["text"]), (&json!("push.example.org"), &json!(LINES.lines().last().unwrap())));
        let text = "{\"bug_type\":\"183\"}\nloaded from updates.example/x\nnothing\n";
        assert_eq!(rows(&ARTIFACT, text.as_bytes())[1]["text"], "loaded from updates.example/x");
        let plist = "<?xml version=\"1.0\"?><plist version=\"1.0\"><dict><key>k</key><string>x@a.example</string></dict></plist>";
        assert_eq!(rows(&ARTIFACT, plist.as_bytes())[0]["text"], "x@a.example");
    }

    #[test]
    fn an_empty_file_is_reported_once() {
        assert_eq!(rows_at(&ARTIFACT, "/x.ips", b" \n").1, ["is empty"]);
    }

    #[test]
    fn broken_reports_never_panic() {
        shake(&ARTIFACT, LINES.as_bytes());
        shake(&ARTIFACT, b"bplist00\xd1\x01\x02Qk_\x10\x0bx@a.example\x08\x0b\x0d\x00\x00");
    }
}
