use std::collections::{BTreeMap, BTreeSet};

use super::packages::{Apps, PACKAGES};
use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "android_appops_powers",
    title: "An app past the stores used powers over the phone",
    looks_at: "Whether apps that no store installed drew over others, saw which apps were used, recorded the screen or its sound, carried the \
        VPN, managed all files, asked to remove apps, made up places, or were let off the limits for apps from files.",
    why_it_matters: "These are the powers that spyware installed by hand lets its owner grant: they show what is done on the phone, or keep the \
        owner from removing the app.",
    innocent_causes: "VPNs, file managers, recorders of the screen, parents' and automation apps from their makers' web sites use them openly.",
    next_check: "Ask the owner what the app is for and who granted this. Compare the time with when the app was installed.",
    references: &[
        "https://developer.android.com/reference/android/app/AppOpsManager",
        "https://support.google.com/android/answer/12623953",
    ],
    reads: &[
        Reads {
            artifact: "android.app_ops",
            keep: |record| {
                let text = |column| record.value(column).as_text().unwrap_or_default();
                let used = matches!(text("event"), "access" | "running") || text("operation") == RESTRICTED;
                used && word(text("operation"), text("mode")).is_some()
            },
        },
        PACKAGES,
    ],
    check,
};

/// Of this one the permission counts: only the owner lifts the limits for an app from a file.
const RESTRICTED: &str = "ACCESS_RESTRICTED_SETTINGS";

fn word(operation: &str, mode: &str) -> Option<&'static str> {
    Some(match operation {
        "SYSTEM_ALERT_WINDOW" => "drew over other apps",
        "BIND_ACCESSIBILITY_SERVICE" | "ACCESS_ACCESSIBILITY" => "ran an accessibility service",
        "PROJECT_MEDIA" => "recorded the screen",
        "RECORD_AUDIO_OUTPUT" => "recorded the phone's own sound",
        "GET_USAGE_STATS" => "saw which apps were used",
        "MANAGE_EXTERNAL_STORAGE" => "had all files of the shared storage",
        "REQUEST_DELETE_PACKAGES" => "asked to remove apps",
        "ACTIVATE_VPN" | "ESTABLISH_VPN_SERVICE" => "carried the phone's connections as a VPN",
        "MOCK_LOCATION" => "made up places",
        RESTRICTED if mode == "allow" => "was let off the limits for apps from files",
        _ => return None,
    })
}

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    let apps = Apps::of(kept);
    let mut uses: BTreeMap<&str, (BTreeSet<&str>, &Exhibit)> = BTreeMap::new();
    for entry in kept.of("android.app_ops") {
        let package = entry.text("package_name");
        let Some(word) = word(entry.text("operation"), entry.text("mode")) else { continue };
        if !apps.origin(package).is_some_and(|origin| origin.is_unchecked()) {
            continue;
        }
        let (words, latest) = uses.entry(package).or_insert_with(|| (BTreeSet::new(), entry));
        words.insert(word);
        if entry.at() > latest.at() {
            *latest = entry;
        }
    }
    for (package, (words, latest)) in uses {
        let words: Vec<&str> = words.into_iter().collect();
        let message = format!("The app {package}, which no store installed, {}", words.join(", "));
        findings.push(Finding::of_rule(HEURISTIC.id, Level::Low, Trace::Executed, message, latest));
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{json, verdicts};
    use super::*;

    #[test]
    fn powers_of_apps_from_no_store_are_one_finding_an_app() {
        let entry = |package: &str, operation: &str, mode: &str, event: &str| {
            let columns = json!({"package_name": package, "operation": operation, "mode": mode, "event": event});
            ("android.app_ops", columns)
        };
        let app = |name: &str, installer: Option<&str>| {
            ("android.packages", json!({"package_name": name, "package_type": "active", "installer": installer, "installer_stated": true}))
        };
        let records = [
            entry("a.spy", "GET_USAGE_STATS", "allow", "access"),
            entry("a.spy", "ACCESS_RESTRICTED_SETTINGS", "allow", ""),
            entry("a.spy", "MOCK_LOCATION", "default", "reject"),
            entry("b.tool", "ACCESS_RESTRICTED_SETTINGS", "deny", "reject"),
            entry("b.tool", "RUN_ANY_IN_BACKGROUND", "allow", "access"),
            entry("c.chat", "SYSTEM_ALERT_WINDOW", "allow", "access"),
            app("a.spy", None),
            app("b.tool", None),
            app("c.chat", Some("com.android.vending")),
        ];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            ["LOW The app a.spy, which no store installed, saw which apps were used, was let off the limits for apps from files"]
        );
    }
}
