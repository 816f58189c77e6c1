use std::collections::{BTreeMap, BTreeSet};

use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "android_tombstone_root_process",
    title: "A program with the rights of the system crashed",
    looks_at: "Crash reports of programs that ran as root, as the system or as the shell, and whether they are part of the system's image.",
    why_it_matters: "Implants and exploits run with such rights and crash like other programs; attempts that fail leave crashes of what they \
        attack.",
    innocent_causes: "Programs of the system crash on ordinary phones, those of makers and for media as the system often, and the debugging \
        daemon as the shell. Alone it means little; programs from elsewhere are another matter.",
    next_check: "Look what the program was doing in the report's backtrace, whether it crashed often and what happened just before.",
    references: &[
        "https://source.android.com/docs/core/tests/debug/native-crash",
        "https://docs.mvt.re/en/latest/android/methodology/",
    ],
    reads: &[Reads {
        artifact: "android.tombstones",
        keep: |record| matches!(record.value("uid").as_int(), Some(0 | 1000 | 2000)),
    }],
    check,
};

/// Programs told.
const MOST: usize = 30;

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    // Text and protobuf tell the same crash.
    let mut seen = BTreeSet::new();
    let mut programs: BTreeMap<(&str, i64), (usize, &Exhibit)> = BTreeMap::new();
    for crash in kept.of("android.tombstones") {
        let known = (crash.value("pid").as_int(), crash.value("tid").as_int(), crash.time("crashed"));
        if !seen.insert(known) {
            continue;
        }
        let program = [crash.text("program"), crash.text("thread")].into_iter().find(|name| !name.is_empty());
        let uid = crash.value("uid").as_int().unwrap_or_default();
        programs.entry((program.unwrap_or("an unnamed program"), uid)).or_insert((0, crash)).0 += 1;
    }
    for ((program, uid), (count, crash)) in programs.into_iter().take(MOST) {
        let who = match uid {
            0 => "root",
            1000 => "the system",
            _ => "the shell",
        };
        let level = match (is_of_system(program), uid) {
            (false, _) => Level::Medium,
            (true, 0) => Level::Low,
            (true, _) => Level::Informational,
        };
        let often = if count > 1 { format!(" {count} times") } else { String::new() };
        let by = [crash.text("signal_name"), crash.text("code_name")].join(" ");
        let message = format!("{program} crashed{often} with the rights of {who}, by {}", by.trim());
        findings.push(Finding::of_rule(HEURISTIC.id, level, Trace::Executed, message, crash));
    }
}

/// Programs of the system's image, and names without a path, which are apps that share the system's user.
fn is_of_system(program: &str) -> bool {
    const IMAGE: [&str; 9] =
        ["/system/", "/system_ext/", "/vendor/", "/product/", "/odm/", "/apex/", "/sbin/", "/bin/", "/init"];
    let in_image = IMAGE.iter().any(|prefix| program.starts_with(prefix));
    in_image || (!program.starts_with('/') && !program.contains(' '))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heuristic::testing::{json, verdicts};

    fn crash(program: &str, uid: i64, pid: i64) -> (&'static str, serde_json::Value) {
        let columns = json!({"program": program, "uid": uid, "pid": pid, "tid": pid, "signal_name": "SIGSEGV", "code_name": "SEGV_MAPERR"});
        ("android.tombstones", columns)
    }

    #[test]
    fn programs_from_elsewhere_weigh_more_and_doubles_count_once() {
        let records = [
            crash("/data/local/tmp/wd/fs", 2000, 5),
            crash("/data/local/tmp/wd/fs", 2000, 5),
            crash("/vendor/bin/hw/x", 0, 6),
            crash("/vendor/bin/hw/x", 0, 7),
            crash("com.android.settings", 1000, 8),
        ];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            [
                "MEDIUM /data/local/tmp/wd/fs crashed with the rights of the shell, by SIGSEGV SEGV_MAPERR",
                "LOW /vendor/bin/hw/x crashed 2 times with the rights of root, by SIGSEGV SEGV_MAPERR",
                "INFORMATIONAL com.android.settings crashed with the rights of the system, by SIGSEGV SEGV_MAPERR",
            ]
        );
    }

    #[test]
    fn other_users_are_silent() {
        assert_eq!(verdicts(&HEURISTIC, &[crash("/system/bin/mediaserver", 1013, 1), crash("a.b", 10123, 2)]), [""; 0]);
    }
}
