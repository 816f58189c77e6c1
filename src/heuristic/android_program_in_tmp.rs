use std::collections::BTreeMap;

use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "android_program_in_tmp",
    title: "A file of the shell's folder was in use",
    looks_at: "Open files below /data/local/tmp, and denied access to such files in the log.",
    why_it_matters: "The folder is for whoever has a cable and debugging. Implants that break in through a flaw put their first files \
        there, since it can be written and run from; Predator did.",
    innocent_causes: "Developers' tools, apps that get rights over debugging (Shizuku, screen mirroring), and the tool that made this \
        acquisition: its own files are left out.",
    next_check: "Ask whether the phone was debugged, and keep the files named.",
    references: &["https://blog.talosintelligence.com/mercenary-intellexa-predator/"],
    reads: &[
        Reads { artifact: "android.open_files", keep: |record| is_odd(record.value("file").as_text()) },
        Reads {
            artifact: "android.logcat",
            keep: |record| record.value("event").as_text() == Some("access denied") && is_odd(record.value("file").as_text()),
        },
    ],
    check: |kept, findings| {
        let mut files: BTreeMap<&str, &Exhibit> = BTreeMap::new();
        for record in kept.of("android.open_files").iter().chain(kept.of("android.logcat")) {
            files.entry(record.text("file")).or_insert(record);
        }
        for (file, record) in files.into_iter().take(MOST) {
            let open = record.artifact == "android.open_files";
            let (level, deed) = if open { (Level::Medium, "had it open") } else { (Level::Low, "was denied access to it") };
            let message = format!("{file}: process {} {deed}", record.text("process"));
            findings.push(Finding::of_rule(HEURISTIC.id, level, Trace::Executed, message, record));
        }
    },
};

/// Files told.
const MOST: usize = 50;

/// True for files below the folder, but for what developers' tools and collectors of evidence put there.
fn is_odd(file: Option<&str>) -> bool {
    super::android_tmp_executable::is_odd(file) && !file.is_some_and(super::android_tmp_executable::is_tool)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{json, verdicts};
    use super::*;

    #[test]
    fn open_files_weigh_more_than_denied_ones() {
        let records = [
            ("android.open_files", json!({ "file": "/data/local/tmp/wd/pred.so", "process": "pred" })),
            ("android.logcat", json!({ "event": "access denied", "file": "/data/local/tmp/x", "process": "app" })),
        ];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            [
                "MEDIUM /data/local/tmp/wd/pred.so: process pred had it open",
                "LOW /data/local/tmp/x: process app was denied access to it",
            ]
        );
    }

    #[test]
    fn collectors_tools_and_other_folders_are_silent() {
        let records = ["/data/local/tmp/collector_arm64", "/data/local/tmp", "/data/local/tmpx/y", "/system/bin/sh"]
            .map(|file| ("android.open_files", json!({ "file": file })));
        assert_eq!(verdicts(&HEURISTIC, &records), [""; 0]);
    }
}
