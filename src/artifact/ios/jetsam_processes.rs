use serde_json::Value as Json;

use crate::artifact::crash::{FILES, Family, LARGEST_BYTES, Report, decoded, filled, items, moment, number, text as text_of};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.jetsam_processes",
    title: "Processes when memory ran out (jetsam)",
    about: "Every process that ran when the phone had to end some for want of memory: lists of the past, often several a day.",
    files: FILES,
    columns: &[
        time("time", Epoch::Unix, Moment::Running),
        // Cut at 32 bytes; there is no path.
        process("process"),
        int("pid"),
        // Why this one was ended, where it was.
        text("reason"),
        text("states"),
        boolean("largest"),
        text("uuid"),
        int("memory_pages"),
        int("lifetime_most_pages"),
        int("priority"),
        int("coalition"),
        int("signing_flags"),
        real("cpu_s"),
        text("incident"),
        int("bug_type"),
    ],
    shows: Trace::Executed,
    line: "process {process} [{pid}] ran when memory was short {reason}",
    parse: Parse::Bytes { most: LARGEST_BYTES, parse },
};

fn parse(bytes: &[u8], out: &mut Out<'_>) -> Result<()> {
    let text = decoded(bytes);
    let report = Report::of(&text);
    if report.family != Family::Jetsam {
        return Ok(());
    }
    let body = report.json(out).context("is no JetsamEvent in JSON")?;
    if !body.contains_key("processes") {
        anyhow::bail!("is a JetsamEvent without `processes`");
    }
    let time = match moment(body.get("date"), out) {
        Value::Null => report.written(out),
        time => time,
    };
    let incident = text_of(&body, "incident").or(report.incident()).unwrap_or_default();
    let largest = text_of(&body, "largestProcess");
    for (index, process) in items(&body, "processes").iter().enumerate() {
        let place = Place::key(format!("processes[{index}]"));
        let Some(process) = process.as_object() else {
            out.warn(Some(place), "is no process");
            continue;
        };
        let name = text_of(process, "name");
        let of = |key| text_of(process, key).unwrap_or_default();
        let states = items(process, "states").iter().filter_map(Json::as_str).collect::<Vec<_>>().join(", ");
        out.push(
            place,
            [
                time.clone(),
                filled(name.unwrap_or_default()),
                number(process, "pid").into(),
                filled(of("reason")),
                filled(&states),
                (name.is_some() && name == largest).into(),
                filled(of("uuid")),
                number(process, "rpages").into(),
                number(process, "lifetimeMax").into(),
                number(process, "priority").into(),
                number(process, "coalition").into(),
                number(process, "csFlags").into(),
                process.get("cpuTime").and_then(Json::as_f64).map_or(Value::Null, Value::Real),
                filled(incident),
                report.bug_type().into(),
            ],
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const EVENT: &str = r#"{"bug_type":"298","timestamp":"2023-05-24 13:29:20.00 +0200","os_version":"iPhone OS 16.4 (20E247)","incident_id":"A1"}
{
  "incident" : "A1", "date" : "2023-05-24 13:29:19.93 +0200", "largestProcess" : "SpringBoard",
  "memoryStatus" : {"memoryPages":{"active":1}},
  "processes" : [
    {"uuid":"aa","states":["daemon","idle"],"pid":77,"name":"com.apple.Mappit.SnapshotService","rpages":80,"lifetimeMax":90,
     "cpuTime":0.5,"reason":"per-process-limit","freeze_skip_reason:":"none","csFlags":570434309,"coalition":5,"priority":3},
    {"pid":"34","name":"SpringBoard","rpages":900,"states":{}},
    5
  ]
}"#;

    #[test]
    fn every_process_of_the_event_is_a_record() {
        let (records, warnings) = rows_at(&ARTIFACT, "/x.ips", EVENT.as_bytes());
        assert_eq!(warnings, ["is no process"]);
        assert_eq!(
            records[0],
            json!({
                "time": "2023-05-24T11:29:19.930000+00:00", "process": "com.apple.Mappit.SnapshotService", "pid": 77,
                "reason": "per-process-limit", "states": "daemon, idle", "largest": false, "uuid": "aa", "memory_pages": 80,
                "lifetime_most_pages": 90, "priority": 3, "coalition": 5, "signing_flags": 570434309, "cpu_s": 0.5,
                "incident": "A1", "bug_type": 298,
                "_line": "process com.apple.Mappit.SnapshotService [77] ran when memory was short per-process-limit",
            })
        );
        assert_eq!((&records[1]["pid"], &records[1]["largest"]), (&json!(34), &json!(true)));
    }

    #[test]
    fn an_event_without_a_list_is_reported_and_other_reports_are_not() {
        let (_, warnings) = rows_at(&ARTIFACT, "/x.ips", b"{\"bug_type\":\"298\"}\n{\"incident\":\"a\"}");
        assert!(warnings[0].contains("without `processes`"), "{warnings:?}");
        let (_, warnings) = rows_at(&ARTIFACT, "/x.ips", b"{\"bug_type\":\"98\"}\nLargest process: x\n");
        assert!(warnings[0].contains("no JetsamEvent"), "{warnings:?}");
        assert_eq!(rows_at(&ARTIFACT, "/x.ips", b"{\"bug_type\":\"309\"}\n{}"), (json!([]), vec![]));
    }

    #[test]
    fn broken_events_never_panic() {
        shake(&ARTIFACT, EVENT.as_bytes());
    }
}
