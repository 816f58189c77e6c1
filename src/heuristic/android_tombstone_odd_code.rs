use std::collections::BTreeMap;

use super::android_tmp_executable::is_tool;
use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "android_tombstone_odd_code",
    title: "A crashed program ran code from an odd place",
    looks_at: "Files in crash reports: those of the shell's folder, and code that was loaded from memory or from files deleted meanwhile.",
    why_it_matters: "Implants load their code from the shell's folder or leave no file of it. When they or what they attack crashes, the \
        report still names it.",
    innocent_causes: "Developers' tools; apps that unpack their own code, as games and banking apps with protection against copying do. \
        Apps that were updated while they ran and the system's own translated code are left out.",
    next_check: "Keep the file if it is still there, read the report's backtrace, and ask whether the phone was used for development.",
    references: &["https://source.android.com/docs/core/tests/debug/native-crash"],
    reads: &[Reads {
        artifact: "android.tombstone_files",
        keep: |record| {
            let file = record.value("file").as_text().unwrap_or_default();
            sign(file, record.value("executable").is_true()).is_some()
        },
    }],
    check: |kept, findings| {
        let mut files: BTreeMap<&str, (Level, &str, &Exhibit)> = BTreeMap::new();
        for record in kept.of("android.tombstone_files") {
            let file = record.text("file");
            let Some((level, what)) = sign(file, record.value("executable").is_true()) else { continue };
            let known = files.entry(file).or_insert((level, what, record));
            if level > known.0 {
                *known = (level, what, record);
            }
        }
        for (file, (level, what, record)) in files.into_iter().take(MOST) {
            let message = format!("{} had {what} when it crashed: {file}", record.text("program"));
            findings.push(Finding::of_rule(HEURISTIC.id, level, Trace::Executed, message, record));
        }
    },
};

/// Files told.
const MOST: usize = 30;

fn sign(file: &str, executable: bool) -> Option<(Level, &'static str)> {
    if file.starts_with("/data/local/tmp/") {
        return Some(match (executable, is_tool(file)) {
            (true, false) => (Level::High, "code of the shell's folder in it"),
            (true, true) => (Level::Medium, "code of the shell's folder in it"),
            (false, false) => (Level::Medium, "a file of the shell's folder in use"),
            (false, true) => return None,
        });
    }
    if !executable {
        return None;
    }
    let name = file.trim_start_matches('/');
    if let Some(name) = name.strip_prefix("memfd:") {
        // Android's own, and that of browsers' JavaScript.
        let own = ["jit-", "dalvik", "scudo", "v8", "GWP-ASan"].iter().any(|own| name.starts_with(own));
        return (!own).then_some((Level::Low, "code without a file in it"));
    }
    const REPLACED: [&str; 9] =
        ["/data/app/", "/data/dalvik-cache/", "/apex/", "/data/apex/", "/system", "/vendor/", "/product/", "/dev/ashmem/", "/dev/zero"];
    let deleted = file.ends_with("(deleted)") && file.starts_with('/');
    (deleted && !REPLACED.iter().any(|folder| file.starts_with(folder))).then_some((Level::Low, "code of a deleted file in it"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heuristic::testing::{json, verdicts};

    fn file(file: &str, executable: bool) -> (&'static str, serde_json::Value) {
        ("android.tombstone_files", json!({"file": file, "executable": executable, "program": "p"}))
    }

    #[test]
    fn code_of_the_shells_folder_of_memory_and_of_deleted_files_is_told() {
        let records = [
            file("/data/local/tmp/x.so", false),
            file("/data/local/tmp/x.so", true),
            file("/memfd:x (deleted)", true),
            file("/data/data/a.b/files/l.so (deleted)", true),
        ];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            [
                "LOW p had code of a deleted file in it when it crashed: /data/data/a.b/files/l.so (deleted)",
                "HIGH p had code of the shell's folder in it when it crashed: /data/local/tmp/x.so",
                "LOW p had code without a file in it when it crashed: /memfd:x (deleted)",
            ]
        );
    }

    #[test]
    fn translated_code_updated_apps_and_data_are_silent() {
        let records = [
            file("/memfd:jit-cache (deleted)", true),
            file("/memfd:jit-zygote-cache (deleted)", true),
            file("/data/app/~~x/a.b/oat/arm64/base.odex (deleted)", true),
            file("/dev/ashmem/dalvik-jit-code-cache (deleted)", true),
            file("/memfd:x (deleted)", false),
            file("/system/lib64/libc.so", true),
            file("[anon:dalvik-main space]", true),
        ];
        assert_eq!(verdicts(&HEURISTIC, &records), [""; 0]);
    }
}
