use std::collections::BTreeMap;

use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "android_tmp_executable",
    title: "Files in the shell's folder",
    looks_at: "Files below /data/local/tmp, by the listing and by the copies that the collector made, and whether they can be run.",
    why_it_matters: "The folder is for whoever has a cable and debugging, and apps cannot write there. Implants that break in through a flaw \
        put their first files there; Predator did.",
    innocent_causes: "Developers, tools that mirror the screen or lend apps rights over debugging, repair shops, and earlier acquisitions. \
        Files of known tools count less; AndroidQF's own program is left out.",
    next_check: "Keep the files and have them looked at; compare their hashes. Ask whether the phone was ever connected to a computer for \
        debugging.",
    references: &[
        "https://blog.talosintelligence.com/mercenary-intellexa-predator/",
        "https://docs.mvt.re/en/latest/android/methodology/",
    ],
    reads: &[
        Reads { artifact: "android.collected_files", keep: |record| is_odd(record.value("file").as_text()) },
        Reads { artifact: "android.bugbane_files", keep: |record| is_odd(record.value("file").as_text()) },
        Reads { artifact: "android.tmp_files", keep: |record| is_odd(record.value("file").as_text()) },
    ],
    check,
};

/// Findings; who has more files there is told how many.
const MOST: usize = 30;

/// The path below the folder.
fn below(file: &str) -> Option<&str> {
    file.strip_prefix("/data/local/tmp/").filter(|name| !name.is_empty())
}

/// AndroidQF puts its program there while it works.
pub(super) fn is_odd(file: Option<&str>) -> bool {
    file.and_then(below).is_some_and(|name| name != "collector" && !name.starts_with("collector_"))
}

/// True for names that developers' tools give their files.
pub(super) fn is_tool(file: &str) -> bool {
    let mut tools = super::packages::entries(include_str!("android_developer_files.txt"));
    below(file).is_some_and(|name| tools.any(|tool| name.starts_with(tool)))
}

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    let mut files: BTreeMap<&str, (bool, &Exhibit)> = BTreeMap::new();
    let listed = kept.of("android.collected_files").iter().chain(kept.of("android.bugbane_files"));
    for record in listed.chain(kept.of("android.tmp_files")) {
        let code = matches!(record.text("content"), "elf" | "dex" | "vdex" | "script" | "zip or apk");
        // Of Bugbane's listing the mode alone is kept.
        let letters = record.artifact == "android.bugbane_files" && record.text("mode").contains('x');
        let runs = record.value("executable").is_true() || letters || code;
        let known = files.entry(record.text("file")).or_insert((runs, record));
        known.0 |= runs;
    }
    let mut found: Vec<(Level, &str, bool, &Exhibit)> = Vec::with_capacity(files.len());
    for (file, (runs, record)) in files {
        let level = match (runs, is_tool(file)) {
            (true, false) => Level::High,
            (true, true) | (false, false) => Level::Medium,
            (false, true) => Level::Low,
        };
        found.push((level, file, runs, record));
    }
    found.sort_by_key(|(level, file, ..)| (std::cmp::Reverse(*level), *file));
    let more = found.len().saturating_sub(MOST);
    for (index, (level, file, runs, record)) in found.into_iter().take(MOST).enumerate() {
        let kind = if runs { "An executable file" } else { "A file" };
        let rest = if more > 0 && index + 1 == MOST { format!(", and {more} more files") } else { String::new() };
        let message = format!("{kind} lies in the shell's folder: {file}{rest}");
        findings.push(Finding::of_rule(HEURISTIC.id, level, Trace::Installed, message, record));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heuristic::testing::{json, verdicts};

    fn listed(file: &str, executable: bool) -> (&'static str, serde_json::Value) {
        ("android.collected_files", json!({"file": file, "executable": executable}))
    }

    #[test]
    fn what_can_be_run_weighs_more() {
        let records = [
            listed("/data/local/tmp/collector", true),
            listed("/data/local/tmp/a.sh", true),
            listed("/data/local/tmp/b.txt", false),
            listed("/data/local/tmp/scrcpy-server.jar", false),
            listed("/data/local/tmp/wd/fs", false),
            ("android.tmp_files", json!({"file": "/data/local/tmp/wd/fs", "content": "elf"})),
        ];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            [
                "HIGH An executable file lies in the shell's folder: /data/local/tmp/a.sh",
                "HIGH An executable file lies in the shell's folder: /data/local/tmp/wd/fs",
                "MEDIUM A file lies in the shell's folder: /data/local/tmp/b.txt",
                "LOW A file lies in the shell's folder: /data/local/tmp/scrcpy-server.jar",
            ]
        );
    }

    #[test]
    fn other_folders_are_silent_and_many_files_are_counted() {
        let records = [listed("/data/local/tmpx/a", true), listed("/data/local/tmp/", true), listed("/sdcard/a", true)];
        assert_eq!(verdicts(&HEURISTIC, &records), [""; 0]);
        let many: Vec<_> = (0..40).map(|index| listed(&format!("/data/local/tmp/{index}"), false)).collect();
        let told = verdicts(&HEURISTIC, &many);
        assert_eq!(told.len(), MOST);
        assert!(told[MOST - 1].ends_with(", and 10 more files"));
    }
}
