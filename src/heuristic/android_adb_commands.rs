use std::collections::BTreeMap;

use super::packages::{named, times};
use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "android_adb_commands",
    title: "A computer gave the phone commands",
    looks_at: "Entries of Android's security log about debugging: shells that were opened, commands that were given, and files that were copied to \
        and from the phone.",
    why_it_matters: "Whoever has the phone in hand for some minutes, unlocked, can install spyware from a computer; the commands and files stand \
        in this log.",
    innocent_causes: "The acquisition itself, a laboratory's earlier one, developers, and owners who use tools on their computers.",
    next_check: "Compare the times with those of the acquisition and ask who had the phone then. Look at what was installed at that time.",
    references: &["https://developer.android.com/reference/android/app/admin/SecurityLog"],
    reads: &[Reads {
        artifact: "android.security_events",
        keep: |record| record.value("tag").as_text().is_some_and(|tag| deed(tag).is_some()),
    }],
    check,
};

fn deed(tag: &str) -> Option<&'static str> {
    Some(match tag {
        "adb_shell_interactive" => "opened a shell on the phone",
        "adb_shell_cmd" => "gave the phone a command",
        "adb_sync_recv_file" => "copied files from the phone",
        "adb_sync_send_file" => "copied files to the phone",
        _ => return None,
    })
}

/// Files are put there to be run.
const SHELLS_FOLDER: &str = "/data/local/tmp/";

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    let mut deeds: BTreeMap<(&str, bool), Vec<&Exhibit>> = BTreeMap::new();
    for event in kept.of("android.security_events") {
        let Some(deed) = deed(event.text("tag")) else { continue };
        let in_folder = files(event).any(|file| file.starts_with(SHELLS_FOLDER));
        // What is copied from there was there before; who copies it is most often a laboratory.
        let telling = in_folder && event.text("tag") != "adb_sync_recv_file";
        deeds.entry((deed, telling)).or_default().push(event);
    }
    for ((deed, telling), events) in deeds {
        let Some(first) = events.iter().min_by_key(|event| (event.at().is_none(), event.at())) else { continue };
        let level = if telling { Level::Medium } else { Level::Low };
        let told: Vec<&str> = events.iter().flat_map(|event| files(event)).collect();
        let what = if told.is_empty() { String::new() } else { format!(": {}", named(told)) };
        let message = format!("A computer {deed} ({}){what}", times(events.len() as u64));
        findings.push(Finding::of_rule(HEURISTIC.id, level, Trace::Executed, message, first));
    }
}

fn files(event: &Exhibit) -> impl Iterator<Item = &str> {
    let paths = match event.value("paths") {
        Value::List(paths) => paths.as_slice(),
        _ => &[],
    };
    paths.iter().filter_map(Value::as_text)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{json, verdicts};
    use super::*;

    fn event(tag: &str, paths: &[&str], at: &str) -> (&'static str, serde_json::Value) {
        ("android.security_events", json!({"tag": tag, "paths": paths, "happened": at}))
    }

    #[test]
    fn what_goes_into_the_shells_folder_weighs_more() {
        let records = [
            event("adb_sync_send_file", &["/data/local/tmp/a"], "2023-05-01T10:00:00Z"),
            event("adb_sync_send_file", &["/sdcard/b"], "2023-05-01T10:00:01Z"),
            event("adb_sync_recv_file", &["/data/local/tmp/c"], "2023-05-01T10:00:02Z"),
            event("adb_shell_interactive", &[], "2023-05-01T10:00:02Z"),
            event("adb_shell_interactive", &[], "2023-05-01T10:00:03Z"),
        ];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            [
                "LOW A computer copied files from the phone (once): /data/local/tmp/c",
                "LOW A computer copied files to the phone (once): /sdcard/b",
                "MEDIUM A computer copied files to the phone (once): /data/local/tmp/a",
                "LOW A computer opened a shell on the phone (2 times)",
            ]
        );
    }

    #[test]
    fn other_events_are_silent() {
        assert_eq!(verdicts(&HEURISTIC, &[event("app_process_start", &["/data/local/tmp/a"], "2023-05-01T10:00:00Z")]), [""; 0]);
    }
}
