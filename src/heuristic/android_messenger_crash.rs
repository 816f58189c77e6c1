use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::LazyLock;

use super::packages::{entries, named};
use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "android_messenger_crash",
    title: "A messenger's native code crashed",
    looks_at: "Crashes in native code of apps that show what strangers send: in tombstones, in the reasons for which processes ended, in the \
        log and in the system's crash entries.",
    why_it_matters: "Attacks that need no click break into a messenger by a picture, a call or a file that its native code gets wrong; \
        attempts that fail end in such a crash.",
    innocent_causes: "Nearly always a plain mistake in the app, a damaged picture or too little memory. Crashes by SIGABRT are the app \
        stopping itself.",
    next_check: "Compare the time with messages, calls and files that came just before, and read the tombstone of that time.",
    references: &["https://source.android.com/docs/core/tests/debug/native-crash"],
    reads: &[
        Reads {
            artifact: "android.process_exits",
            keep: |record| record.value("reason_code").as_int() == Some(5) && is_messenger(record),
        },
        Reads { artifact: "android.tombstones", keep: is_messenger },
        Reads {
            artifact: "android.logcat",
            keep: |record| record.value("event").as_text() == Some("native crash") && is_messenger(record),
        },
        Reads {
            artifact: "android.dropbox",
            keep: |record| record.value("tag").as_text() == Some("data_app_native_crash") && is_messenger(record),
        },
    ],
    check,
};

static MESSENGERS: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    entries(include_str!("android_messengers.txt")).collect()
});

fn is_messenger(record: &Record<'_>) -> bool {
    // Tombstones tell the process of an app, `com.example:remote`.
    let package = record.value("package").as_text().and_then(|package| package.split(':').next());
    package.is_some_and(|package| MESSENGERS.contains(package))
}

/// The signal by which an abort of the program's own ends it.
const SIGABRT: i64 = 6;

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    let mut crashes: BTreeMap<&str, (bool, Vec<&Exhibit>)> = BTreeMap::new();
    for record in ["android.process_exits", "android.tombstones", "android.logcat", "android.dropbox"].into_iter().flat_map(|name| kept.of(name)) {
        // Entries about one crash do not all tell the signal.
        let signals = ["SIGSEGV", "SIGBUS", "SIGILL"];
        let at_fault = match record.value("status").as_int().or(record.value("signal").as_int()) {
            Some(signal) => signal != SIGABRT,
            None => signals.iter().any(|signal| record.text("detail").contains(signal) || record.text("about").contains(signal)),
        };
        let (memory, records) = crashes.entry(record.text("package").split(':').next().unwrap_or_default()).or_default();
        *memory |= at_fault;
        records.push(record);
    }
    for (package, (memory, records)) in crashes {
        let Some(first) = records.iter().min_by_key(|record| (record.at().is_none(), record.at())) else { continue };
        let times: BTreeSet<String> = records.iter().filter_map(|record| record.at()).map(crate::time::short).collect();
        let named = named(times.iter().map(String::as_str));
        let when = if named.is_empty() { String::new() } else { format!(": {named}") };
        let level = if memory { Level::Low } else { Level::Informational };
        let message = format!("Native code of {package} crashed{when}");
        findings.push(Finding::of_rule(HEURISTIC.id, level, Trace::Executed, message, first));
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{json, verdicts};
    use super::*;

    fn exit(package: &str, code: i64, status: i64) -> (&'static str, serde_json::Value) {
        let at = "2023-05-01T10:00:00Z";
        ("android.process_exits", json!({ "package": package, "reason_code": code, "status": status, "ended": at }))
    }

    #[test]
    fn a_crash_by_memory_is_told_with_its_time() {
        assert_eq!(
            verdicts(&HEURISTIC, &[exit("com.whatsapp", 5, 11)]),
            ["LOW Native code of com.whatsapp crashed: 2023-05-01 10:00:00 UTC"]
        );
    }

    #[test]
    fn a_tombstone_of_one_of_its_processes_counts() {
        let tombstone = json!({"package": "com.whatsapp:call", "signal": 11, "crashed": "2023-05-01T10:00:00Z"});
        assert_eq!(
            verdicts(&HEURISTIC, &[("android.tombstones", tombstone)]),
            ["LOW Native code of com.whatsapp crashed: 2023-05-01 10:00:00 UTC"]
        );
    }

    #[test]
    fn the_log_tells_the_signal() {
        let logged = |detail: &str| {
            ("android.logcat", json!({ "event": "native crash", "package": "com.viber.voip", "detail": detail }))
        };
        let fault = logged("Fatal signal 11 (SIGSEGV), code 1 in tid 2 (x), pid 1 (com.viber.voip)");
        assert_eq!(verdicts(&HEURISTIC, &[logged("pid: 1"), fault]), ["LOW Native code of com.viber.voip crashed"]);
        assert_eq!(verdicts(&HEURISTIC, &[logged("pid: 1")]), ["INFORMATIONAL Native code of com.viber.voip crashed"]);
    }

    #[test]
    fn an_abort_is_only_noted_and_other_ends_and_apps_are_silent() {
        assert_eq!(
            verdicts(&HEURISTIC, &[exit("com.whatsapp", 5, 6)]),
            ["INFORMATIONAL Native code of com.whatsapp crashed: 2023-05-01 10:00:00 UTC"]
        );
        assert_eq!(verdicts(&HEURISTIC, &[exit("com.whatsapp", 4, 0), exit("org.example.game", 5, 11)]), [""; 0]);
    }
}
