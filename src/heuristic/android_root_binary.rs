use std::collections::BTreeMap;

use super::packages::table;
use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "android_root_binary",
    title: "A program for root rights is on the phone",
    looks_at: "Programs that the collector found where the shell looks for commands, and files of such names in the listing outside the \
        owner's storage.",
    why_it_matters: "Phones are not sold with them. Somebody took away the protections that keep apps apart, and what one tool can do then, \
        others can too.",
    innocent_causes: "The owner rooted the phone, bought it rooted, or uses another Android than the maker's. Some makers ship busybox, and \
        developers use frida and gdbserver.",
    next_check: "Ask the owner who rooted the phone. Look at the time of the file, for apps that manage root rights, and whether the phone's \
        start was verified.",
    references: &["https://github.com/topjohnwu/Magisk", "https://docs.mvt.re/en/latest/android/methodology/"],
    reads: &[
        Reads { artifact: "android.root_binaries", keep: |_| true },
        Reads {
            artifact: "android.bugbane_root_binaries",
            keep: |record| record.value("binary").as_text().is_some_and(|path| path.starts_with('/')),
        },
        Reads {
            artifact: "android.collected_files",
            keep: |record| {
                let path = record.value("file").as_text().unwrap_or_default();
                !OWNERS.iter().any(|folder| path.starts_with(folder)) && level(name(path)).is_some()
            },
        },
    ],
    check: |kept, findings| {
        let mut files: BTreeMap<&str, &Exhibit> = BTreeMap::new();
        let found = kept.of("android.root_binaries").iter().chain(kept.of("android.bugbane_root_binaries"));
        for record in found.chain(kept.of("android.collected_files")) {
            let file = [record.text("file"), record.text("binary")].into_iter().find(|file| !file.is_empty());
            files.entry(file.unwrap_or_default()).or_insert(record);
        }
        for (file, record) in files.into_iter().take(MOST) {
            // The collector looked for more names than are known here.
            let level = level(name(file)).unwrap_or(Level::Medium);
            let message = format!("A program for root rights is on the phone: {file}");
            findings.push(Finding::of_rule(HEURISTIC.id, level, Trace::Installed, message, record));
        }
    },
};

/// Files told.
const MOST: usize = 100;
/// What lies there may be a download that was never run. The shell's folder has a rule of its own, the system's own packages of code the
/// daemon of a test tool named like one.
const OWNERS: [&str; 7] = ["/sdcard/", "/storage/", "/data/media/", "/mnt/", "/data/local/tmp/", "/apex/", "/proc/"];

fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The level of a name in the list of programs for root rights.
pub(super) fn level(name: &str) -> Option<Level> {
    let (level, _) = table(include_str!("android_root_binaries.txt")).find(|(_, known)| known.eq_ignore_ascii_case(name))?;
    Some(match level {
        "high" => Level::High,
        "medium" => Level::Medium,
        _ => Level::Low,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heuristic::testing::{json, verdicts};

    #[test]
    fn programs_are_told_once_each() {
        let found = |path: &str| ("android.root_binaries", json!({ "file": path }));
        let listed = |path: &str| ("android.collected_files", json!({ "file": path }));
        let records = [
            found("/system/bin/su"),
            found("/system/xbin/busybox"),
            found("/sbin/busybox"),
            found("/x/magisk"),
            ("android.bugbane_root_binaries", json!({"binary": "/x/magisk"})),
            listed("/system/bin/su"),
            listed("/data/adb/ksud"),
            listed("/sdcard/Download/su"),
            listed("/system/bin/sum"),
        ];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            [
                "HIGH A program for root rights is on the phone: /data/adb/ksud",
                "LOW A program for root rights is on the phone: /sbin/busybox",
                "HIGH A program for root rights is on the phone: /system/bin/su",
                "LOW A program for root rights is on the phone: /system/xbin/busybox",
                "HIGH A program for root rights is on the phone: /x/magisk",
            ]
        );
    }

    #[test]
    fn the_list_holds_only_levels_that_are_known() {
        let levels = ["high", "medium", "low"];
        assert!(table(include_str!("android_root_binaries.txt")).all(|(level, _)| levels.contains(&level)));
    }
}
