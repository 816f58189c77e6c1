use std::collections::BTreeMap;

use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "android_set_uid_file",
    title: "A program that runs with its owner's rights",
    looks_at: "Files in the listing whose mode lets whoever starts them run with the rights of their owner (set-uid).",
    why_it_matters: "Android does without such programs but for `run-as`. One more is an open door to the rights of its owner, usually root.",
    innocent_causes: "Root tools that the owner installed, and leftovers of a maker's development in the vendor's part of the system.",
    next_check: "Keep the file and look who owns it and when it changed; compare it with the maker's published system.",
    references: &["https://source.android.com/docs/security/overview/implement#setuid-setgid"],
    reads: &[Reads {
        artifact: "android.collected_files",
        keep: |record| record.value("set_uid").is_true() && !is_known(record.value("file").as_text().unwrap_or_default()),
    }],
    check: |kept, findings| {
        let files: BTreeMap<&str, &Exhibit> =
            kept.of("android.collected_files").iter().map(|file| (file.text("file"), file)).collect();
        for (path, file) in files.into_iter().take(MOST) {
            let vendor = ["/vendor/", "/system/vendor/", "/odm/"].iter().any(|folder| path.starts_with(folder));
            let level = if vendor { Level::Low } else { Level::Medium };
            let message = format!("{path} runs with its owner's rights (mode {})", file.text("mode"));
            findings.push(Finding::of_rule(HEURISTIC.id, level, Trace::Installed, message, file));
        }
    },
};

/// Files told.
const MOST: usize = 30;

/// Of Android itself.
fn is_known(path: &str) -> bool {
    matches!(path, "/system/bin/run-as" | "/system/bin/simpleperf_app_runner")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heuristic::testing::{json, verdicts};

    #[test]
    fn androids_own_program_is_silent() {
        let file = |path: &str, set_uid: bool| {
            ("android.collected_files", json!({"file": path, "mode": "urwxr-xr-x", "set_uid": set_uid}))
        };
        let records =
            [file("/system/bin/run-as", true), file("/system/xbin/x", true), file("/vendor/bin/y", true), file("/system/bin/sh", false)];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            [
                "MEDIUM /system/xbin/x runs with its owner's rights (mode urwxr-xr-x)",
                "LOW /vendor/bin/y runs with its owner's rights (mode urwxr-xr-x)",
            ]
        );
    }
}
