use std::collections::{BTreeMap, BTreeSet};

use super::packages::{Apps, PACKAGES};
use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "android_appops_background",
    title: "Watching in the background",
    looks_at: "Use of microphone, camera, place, messages, calls and screen by apps that no store installed, while the app was not in front.",
    why_it_matters: "Spyware works while nobody looks. Android notes each use with what the app was doing, and the app cannot prevent it.",
    innocent_causes: "Calls that go on while another app is in front, navigation, messengers from their makers' web sites, dictation.",
    next_check: "Ask the owner what they did with the app then. Compare with what else happened at that time and whether the screen was on.",
    references: &["https://developer.android.com/reference/android/app/AppOpsManager"],
    reads: &[
        Reads {
            artifact: "android.app_ops",
            keep: |record| {
                let text = |column| record.value(column).as_text().unwrap_or_default();
                matches!(text("event"), "access" | "running")
                    && WATCHING.contains(&text("operation"))
                    && is_behind(text("state"))
            },
        },
        PACKAGES,
    ],
    check,
};

const WATCHING: [&str; 9] = [
    "RECORD_AUDIO",
    "RECORD_AUDIO_OUTPUT",
    "CAMERA",
    "FINE_LOCATION",
    "READ_SMS",
    "RECEIVE_SMS",
    "READ_CALL_LOG",
    "READ_CONTACTS",
    "PROJECT_MEDIA",
];

/// `cch-s`, `bg`: what the app was, and on whose behalf.
fn is_behind(state: &str) -> bool {
    matches!(state.split('-').next(), Some("bg" | "cch" | "fgsvc" | "fgsvcl"))
}

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    let apps = Apps::of(kept);
    let mut uses: BTreeMap<&str, (BTreeSet<&str>, &Exhibit)> = BTreeMap::new();
    for entry in kept.of("android.app_ops") {
        let package = entry.text("package_name");
        if !apps.origin(package).is_some_and(|origin| origin.is_unchecked()) {
            continue;
        }
        let (operations, latest) = uses.entry(package).or_insert_with(|| (BTreeSet::new(), entry));
        operations.insert(entry.text("operation"));
        if entry.at() > latest.at() {
            *latest = entry;
        }
    }
    for (package, (operations, latest)) in uses {
        let operations: Vec<&str> = operations.into_iter().collect();
        let message = format!("The app {package}, which no store installed, used in the background: {}", operations.join(", "));
        findings.push(Finding::of_rule(HEURISTIC.id, Level::Medium, Trace::Executed, message, latest));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heuristic::testing::{json, verdicts};

    #[test]
    fn use_behind_the_screen_by_apps_from_no_store_is_one_finding_an_app() {
        let entry = |package: &str, operation: &str, state: &str, event: &str| {
            ("android.app_ops", json!({"package_name": package, "operation": operation, "state": state, "event": event}))
        };
        let app = |name: &str, installer: Option<&str>| {
            ("android.packages", json!({"package_name": name, "package_type": "active", "installer": installer, "installer_stated": true}))
        };
        let records = [
            entry("a.spy", "RECORD_AUDIO", "cch-s", "access"),
            entry("a.spy", "CAMERA", "fgsvc-s", "access"),
            entry("a.spy", "READ_SMS", "cch-s", "reject"),
            entry("b.tool", "CAMERA", "top-s", "access"),
            entry("c.chat", "RECORD_AUDIO", "bg", "access"),
            app("a.spy", None),
            app("b.tool", None),
            app("c.chat", Some("com.android.vending")),
        ];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            ["MEDIUM The app a.spy, which no store installed, used in the background: CAMERA, RECORD_AUDIO"]
        );
    }
}
