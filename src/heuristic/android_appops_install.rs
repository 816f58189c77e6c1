use std::collections::BTreeMap;

use super::packages::{Apps, Origin, PACKAGES};
use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "android_appops_install",
    title: "Apps that install apps",
    looks_at: "Apps from outside the system that may install other apps from files, and when they last did or tried.",
    why_it_matters: "The first stage of much spyware is an app that looks harmless and brings the real one along. It needs this permission, \
        which a store never has to ask for.",
    innocent_causes: "Browsers, file managers and messengers that opened a file for the owner, and stores other than that of the phone.",
    next_check: "Ask the owner whether they installed anything with the app then, and look for apps that were installed at that time.",
    references: &[
        "https://developer.android.com/reference/android/Manifest.permission#REQUEST_INSTALL_PACKAGES",
        "https://docs.mvt.re/en/latest/android/methodology/",
    ],
    reads: &[
        Reads {
            artifact: "android.app_ops",
            keep: |record| {
                record.value("operation").as_text() == Some("REQUEST_INSTALL_PACKAGES")
                    && !record.value("package_name").is_null()
            },
        },
        PACKAGES,
    ],
    check,
};

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    let apps = Apps::of(kept);
    let mut by_package: BTreeMap<&str, Vec<&Exhibit>> = BTreeMap::new();
    for entry in kept.of("android.app_ops") {
        by_package.entry(entry.text("package_name")).or_default().push(entry);
    }
    for (package, entries) in by_package {
        let origin = apps.origin(package);
        // Stores install apps; what is no app of the system and not in the list may be anything.
        if matches!(origin, Some(Origin::System)) || is_store(&apps, package) || package == "com.android.shell" {
            continue;
        }
        let used = entries.iter().copied().filter(|entry| matches!(entry.text("event"), "access" | "running"));
        let used = used.max_by_key(|entry| entry.at());
        let allowed = entries.iter().copied().find(|entry| matches!(entry.text("mode"), "allow" | "foreground"));
        let (level, exhibit, what) = match (used, allowed, origin) {
            (Some(used), _, Some(origin)) if origin.is_unchecked() => (Level::Medium, used, "used its permission to install other apps"),
            (Some(used), _, None) => (Level::Medium, used, "used its permission to install other apps"),
            (Some(used), ..) => (Level::Low, used, "used its permission to install other apps"),
            (None, Some(allowed), _) => (Level::Low, allowed, "may install other apps"),
            (None, None, _) => continue,
        };
        let message = format!("The app {package} {what}");
        findings.push(Finding::of_rule(HEURISTIC.id, level, Trace::Installed, message, exhibit));
    }
}

fn is_store(apps: &Apps<'_>, package: &str) -> bool {
    matches!(apps.installer(package, true), Origin::Store)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heuristic::testing::{json, verdicts};

    type Row = (&'static str, serde_json::Value);

    fn entry(package: &str, mode: &str, event: Option<&str>) -> Row {
        let columns = json!({"package_name": package, "operation": "REQUEST_INSTALL_PACKAGES", "mode": mode, "event": event});
        ("android.app_ops", columns)
    }

    fn app(name: &str, installer: Option<&str>, system: bool) -> Row {
        let columns = json!({"package_name": name, "package_type": "active", "installer": installer, "installer_stated": true, "system": system});
        ("android.packages", columns)
    }

    #[test]
    fn use_by_an_app_from_no_store_weighs_most() {
        let records = [
            entry("a.dropper", "allow", Some("access")),
            entry("a.dropper", "allow", Some("reject")),
            entry("b.browser", "allow", Some("access")),
            entry("c.files", "allow", None),
            app("a.dropper", None, false),
            app("b.browser", Some("com.android.vending"), false),
            app("c.files", Some("com.android.vending"), false),
        ];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            [
                "MEDIUM The app a.dropper used its permission to install other apps",
                "LOW The app b.browser used its permission to install other apps",
                "LOW The app c.files may install other apps",
            ]
        );
    }

    #[test]
    fn refusals_stores_the_system_and_the_shell_are_silent() {
        let records = [
            entry("a.browser", "default", Some("reject")),
            entry("com.android.vending", "allow", Some("access")),
            entry("com.android.shell", "allow", Some("access")),
            entry("a.stock", "allow", Some("access")),
            app("a.stock", None, true),
            app("a.browser", None, false),
        ];
        assert_eq!(verdicts(&HEURISTIC, &records), [""; 0]);
    }
}
