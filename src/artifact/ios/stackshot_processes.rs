use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value as Json;
use serde_json::value::RawValue;

use crate::artifact::crash::{
    FILES, Family, LARGEST_BYTES, Report, decoded, filled, moment_of, named_with_pid,
};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.stackshot_processes",
    title: "Processes in stack samples and panics",
    about: "Every process that ran when the phone sampled all stacks, stopped with a panic of the kernel or was forced to restart.",
    files: FILES,
    columns: &[
        time("time", Epoch::Unix, Moment::Running),
        // Cut at 16 bytes by older versions.
        process("process"),
        int("pid"),
        int("parent_pid"),
        int("flags"),
        boolean("frontmost"),
        boolean("panicked"),
        // Why the sample was taken, or the first words of the panic.
        text("reason"),
        text("incident"),
        int("bug_type"),
    ],
    shows: Trace::Executed,
    line: "process {process} [{pid}] in a sample of all stacks: {reason}",
    parse: Parse::Bytes { most: LARGEST_BYTES, parse },
};

/// The stacks of each thread are most of the file and are stepped over.
#[derive(Deserialize)]
struct Sampled<'a> {
    #[serde(borrow)]
    procname: Option<&'a RawValue>,
    #[serde(borrow)]
    ppid: Option<&'a RawValue>,
    #[serde(borrow)]
    flags: Option<&'a RawValue>,
}

/// Members as they are written, so that one of an odd type costs only itself.
type Raw<'a> = BTreeMap<String, &'a RawValue>;

struct Shared {
    time: Value<'static>,
    reason: String,
    incident: String,
    bug_type: Option<i64>,
    frontmost: Vec<i64>,
    panicked: Option<(String, Option<i64>)>,
}

fn parse(bytes: &[u8], out: &mut Out<'_>) -> Result<()> {
    let text = decoded(bytes);
    let report = Report::of(&text);
    if report.family != Family::Stackshot {
        return Ok(());
    }
    let mut shared = Shared {
        time: report.written(out),
        reason: String::new(),
        incident: report.incident().unwrap_or_default().to_owned(),
        bug_type: report.bug_type(),
        frontmost: Vec::new(),
        panicked: None,
    };
    if !report.body.trim_start().starts_with('{') {
        return of_text(&report, shared, out);
    }
    let whole;
    let raw: Raw<'_> = match serde_json::from_str(report.body) {
        Ok(raw) => raw,
        // Reads what stands before a cut and says so.
        Err(_) => {
            whole = Json::Object(report.json(out).context("is no stack sample in JSON")?).to_string();
            serde_json::from_str(&whole).context("is no stack sample in JSON")?
        }
    };
    let string = |key: &str| raw.get(key).and_then(|raw| serde_json::from_str::<String>(raw.get()).ok());
    let date = string("date").unwrap_or_default();
    if !date.is_empty() {
        shared.time = moment_of(&date, out);
    }
    let panic = string("panicString").or_else(|| string("panic_string")).unwrap_or_default();
    shared.panicked = panicked_task(&panic);
    shared.reason = string("reason").unwrap_or_else(|| panic.lines().next().unwrap_or_default().to_owned());
    shared.reason.truncate(shared.reason.floor_char_boundary(1024));
    shared.incident = string("incident").unwrap_or(shared.incident);
    shared.frontmost = raw.get("frontmostPids").and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default();
    let mut found_panicked = false;
    if let Some(processes) = raw.get("processByPid") {
        let processes: Raw<'_> = serde_json::from_str(processes.get()).context("`processByPid` is no object")?;
        for (pid, process) in processes {
            let place = Place::key(format!("processByPid.{pid}"));
            let Ok(sampled) = serde_json::from_str::<Sampled<'_>>(process.get()) else {
                out.warn(Some(place), "is no process");
                continue;
            };
            let number = |raw: Option<&RawValue>| raw.and_then(|raw| raw.get().trim_matches('"').parse::<i64>().ok());
            let name = sampled.procname.and_then(|raw| serde_json::from_str::<String>(raw.get()).ok());
            let pid = pid.parse::<i64>().ok();
            let panicked = shared.panicked.as_ref().is_some_and(|(_, panicked)| panicked.is_some() && *panicked == pid);
            found_panicked |= panicked;
            push(&shared, place, &name.unwrap_or_default(), [pid, number(sampled.ppid), number(sampled.flags)], panicked, out);
        }
    } else if shared.panicked.is_none() && panic.is_empty() {
        out.warn(None, "holds neither `processByPid` nor `panicString`");
    }
    if let Some((name, pid)) = shared.panicked.clone().filter(|_| !found_panicked) {
        push(&shared, Place::key("panicString"), &name, [pid, None, None], true, out);
    }
    Ok(())
}

/// Panics of iOS 14 and older, and older samples: lines that name a process and its number.
fn of_text(report: &Report<'_>, mut shared: Shared, out: &mut Out<'_>) -> Result<()> {
    let written = report.body.lines().find_map(|line| line.strip_prefix("Date/Time:"));
    if let Some(written) = written {
        shared.time = moment_of(written, out);
    }
    if let Some((name, pid)) = panicked_task(report.body) {
        push(&shared, Place::key("panicString"), &name, [pid, None, None], true, out);
    }
    let before = out.records();
    for (line, text) in (report.first_line..).zip(report.body.lines()) {
        let text = text.trim().trim_end_matches(':');
        let text = text.strip_prefix("Process:").unwrap_or(text);
        if let (name, Some(pid)) = named_with_pid(text)
            && !name.contains(':')
        {
            push(&shared, Place::Line { line }, name, [Some(pid), None, None], false, out);
        }
    }
    if out.records() == before && report.bug_type() != Some(110) {
        out.warn(None, "names no process");
    }
    Ok(())
}

/// `Panicked task 0xffffff: 1234 pages, 5 threads: pid 61: imagent`.
fn panicked_task(panic: &str) -> Option<(String, Option<i64>)> {
    let (_, task) = panic.split_once("Panicked task")?;
    let (_, task) = task.lines().next()?.split_once("pid ")?;
    let (pid, name) = task.split_once(':')?;
    Some((name.trim().to_owned(), pid.trim().parse().ok())).filter(|(name, _)| !name.is_empty())
}

fn push(
    shared: &Shared,
    place: Place,
    name: &str,
    [pid, parent, flags]: [Option<i64>; 3],
    panicked: bool,
    out: &mut Out<'_>,
) {
    out.push(
        place,
        [
            shared.time.clone(),
            filled(name),
            pid.into(),
            parent.into(),
            flags.into(),
            pid.is_some_and(|pid| shared.frontmost.contains(&pid)).into(),
            panicked.into(),
            filled(&shared.reason),
            filled(&shared.incident),
            shared.bug_type.into(),
        ],
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const PANIC: &str = r#"{"bug_type":"210","timestamp":"2023-05-24 13:29:20.00 +0200","os_version":"iPhone OS 16.4 (20E247)","incident_id":"A1"}
{"build":"iPhone OS 16.4 (20E247)","date":"2023-05-24 13:29:19.00 +0200","incident":"A1","frontmostPids":[34],
 "panicString":"panic(cpu 1 caller 0x1): watchdog\nPanicked task 0xff: 1234 pages, 5 threads: pid 61: bh\nPanicked thread: 0x2",
 "processByPid":{"61":{"procname":"bh","pid":61,"ppid":1,"flags":["a"],"threadById":{"5":{"userFrames":[[0,1]]}}},
                 "34":{"procname":"SpringBoard","flags":5},"35":7}}"#;

    #[test]
    fn every_process_is_a_record_and_the_panicked_one_is_marked() {
        let (records, warnings) = rows_at(&ARTIFACT, "/x.ips", PANIC.as_bytes());
        assert_eq!(warnings, ["is no process"]);
        assert_eq!(
            records,
            json!([
                {"time": "2023-05-24T11:29:19.000000+00:00", "process": "SpringBoard", "pid": 34, "flags": 5,
                 "frontmost": true, "panicked": false, "reason": "panic(cpu 1 caller 0x1): watchdog", "incident": "A1",
                 "bug_type": 210,
                 "_line": "process SpringBoard [34] in a sample of all stacks: panic(cpu 1 caller 0x1): watchdog"},
                {"time": "2023-05-24T11:29:19.000000+00:00", "process": "bh", "pid": 61, "parent_pid": 1,
                 "frontmost": false, "panicked": true, "reason": "panic(cpu 1 caller 0x1): watchdog", "incident": "A1",
                 "bug_type": 210,
                 "_line": "process bh [61] in a sample of all stacks: panic(cpu 1 caller 0x1): watchdog"},
            ])
        );
    }

    #[test]
    fn a_sample_that_breaks_off_keeps_the_processes_before() {
        let cut = PANIC.split("\"35\"").next().unwrap();
        let (records, warnings) = rows_at(&ARTIFACT, "/x.ips", cut.as_bytes());
        assert_eq!(records.as_array().unwrap().len(), 2);
        assert!(warnings[0].contains("no whole JSON"), "{warnings:?}");
    }

    #[test]
    fn a_panic_without_a_list_names_its_task_and_older_samples_are_text() {
        let panic = "{\"bug_type\":\"151\"}\n{\"panicString\":\"x\\nPanicked task 0x1: 2 pages, 1 threads: pid 5: bh\"}";
        let records = rows(&ARTIFACT, panic.as_bytes());
        assert_eq!((&records[0]["process"], &records[0]["panicked"]), (&json!("bh"), &json!(true)));
        let text = "{\"bug_type\":\"188\"}\nFrontmost process PID: 34\nSpringBoard [34]\n  thread 5\nimagent [61]:\n";
        let records = rows(&ARTIFACT, text.as_bytes());
        assert_eq!((&records[0]["pid"], &records[1]["process"]), (&json!(34), &json!("imagent")));
    }

    #[test]
    fn the_words_of_a_panic_need_no_valid_escapes() {
        let panic = "{\"bug_type\":\"210\"}\n{\"panicString\":\"at \\x0 \\q\\nPanicked task 0x1: 2 pages, 1 threads: pid 5: bh\"}";
        let (records, warnings) = rows_at(&ARTIFACT, "/x.ips", panic.as_bytes());
        assert_eq!((&records[0]["process"], warnings.len()), (&json!("bh"), 0), "{warnings:?}");
    }

    #[test]
    fn nothing_to_read_is_reported() {
        let (_, warnings) = rows_at(&ARTIFACT, "/x.ips", b"{\"bug_type\":\"288\"}\n{\"build\":\"x\"}");
        assert_eq!(warnings, ["holds neither `processByPid` nor `panicString`"]);
    }

    #[test]
    fn broken_samples_never_panic() {
        shake(&ARTIFACT, PANIC.as_bytes());
    }
}
