use std::collections::BTreeMap;

use super::packages::{Apps, PACKAGES, named};
use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "android_app_daemon",
    title: "An app left a program running on its own",
    looks_at: "Running programs with the rights of an app whose parent is the first process of the phone, and not what starts apps.",
    why_it_matters: "Android starts each app from one process and ends it when it likes. A program that an app started and let go of is not ended \
        with the app; spyware uses that to stay.",
    innocent_causes: "Apps that want to stay awake for their messages do it on phones that end apps quickly, and terminals and servers for phones \
        start programs of their own.",
    next_check: "Look which app the program belongs to and where the owner has it from; keep the program's file.",
    references: &["https://source.android.com/docs/core/runtime/zygote"],
    reads: &[
        Reads {
            artifact: "android.processes",
            keep: |record| {
                record.value("parent_pid").as_int() == Some(1)
                    && app_of(record.value("user").as_text()).is_some()
                    && record.value("state").as_text() != Some("Z")
            },
        },
        PACKAGES,
    ],
    check,
};

/// The number of the app in `u0_a123`.
fn app_of(user: Option<&str>) -> Option<i64> {
    let (user, app) = user?.strip_prefix('u')?.split_once("_a")?;
    user.parse::<u32>().ok()?;
    app.parse::<i64>().ok()?.checked_add(10_000)
}

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    let apps = Apps::of(kept);
    let mut owners: BTreeMap<i64, Vec<&str>> = BTreeMap::new();
    for app in kept.of("android.packages") {
        if let Some(id) = app.value("app_id").as_int() {
            owners.entry(id).or_default().push(app.text("package_name"));
        }
    }
    let mut programs: BTreeMap<(bool, &str), (Vec<&str>, &Exhibit)> = BTreeMap::new();
    for process in kept.of("android.processes") {
        let owner = app_of(process.value("user").as_text()).and_then(|id| owners.get(&id)).cloned().unwrap_or_default();
        let elsewhere = owner.iter().any(|package| apps.is_from_elsewhere(package));
        programs.entry((elsewhere, process.text("name"))).or_insert((owner, process));
    }
    for elsewhere in [true, false] {
        let told: Vec<String> = programs
            .iter()
            .filter(|((from, _), _)| *from == elsewhere)
            .map(|((_, name), (owner, process))| match owner.as_slice() {
                [] => format!("{name} of {}", process.text("user")),
                owner => format!("{name} of {}", named(owner.iter().copied())),
            })
            .collect();
        let Some((_, (_, first))) = programs.iter().find(|((from, _), _)| *from == elsewhere) else { continue };
        let (level, whose) =
            if elsewhere { (Level::Low, "that no store installed ") } else { (Level::Informational, "") };
        let message = format!("Apps {whose}left programs running: {}", named(told.iter().map(String::as_str)));
        findings.push(Finding::of_rule(HEURISTIC.id, level, Trace::Executed, message, first));
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{json, verdicts};
    use super::*;

    #[test]
    fn programs_that_outlive_their_app_are_told_by_where_it_came_from() {
        let process = |name: &str, user: &str, parent: i64| {
            ("android.processes", json!({"name": name, "user": user, "parent_pid": parent, "state": "S"}))
        };
        let app = |name: &str, id: i64, installer: Option<&str>| {
            let columns = json!({"package_name": name, "package_type": "active", "app_id": id, "installer": installer, "installer_stated": true});
            ("android.packages", columns)
        };
        let records = [
            process("watchd", "u0_a123", 1),
            process("watchd", "u0_a123", 1),
            process("pushd", "u0_a124", 1),
            process("org.example.spy", "u0_a123", 700),
            process("logd", "logd", 1),
            app("org.example.spy", 10_123, None),
            app("org.example.chat", 10_124, Some("com.android.vending")),
        ];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            [
                "LOW Apps that no store installed left programs running: watchd of org.example.spy",
                "INFORMATIONAL Apps left programs running: pushd of org.example.chat",
            ]
        );
    }

    #[test]
    fn the_collectors_list_without_users_is_silent() {
        assert_eq!(verdicts(&HEURISTIC, &[("android.processes", json!({"name": "a", "parent_pid": 1}))]), [""; 0]);
    }
}
