use std::collections::BTreeMap;

use super::packages::table;
use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "android_security_package_disabled",
    title: "An app that protects or updates the phone is disabled",
    looks_at: "Apps of the system that report attacks or bring updates, and whether they were disabled.",
    why_it_matters: "With a cable such apps can be switched off without the owner noticing. The phone then keeps the flaws that an intruder \
        came in by, and does not report what it sees.",
    innocent_causes: "Owners and tools that rid a phone of preinstalled apps disable them, as guides on the web tell; phones without Google's \
        services, and companies that update phones themselves.",
    next_check: "Ask the owner. Look when the phone was last connected to a computer, and whether other apps were disabled too: if many were, \
        it was a clean-up.",
    references: &["https://docs.mvt.re/en/latest/android/methodology/"],
    reads: &[
        Reads {
            artifact: "android.collected_packages",
            keep: |record| {
                let name = record.value("package").as_text().unwrap_or_default();
                record.value("disabled").is_true() && kind(name).is_some()
            },
        },
        Reads {
            artifact: "android.bugbane_packages",
            keep: |record| {
                let name = record.value("name").as_text().unwrap_or_default();
                record.value("disabled").is_true() && kind(name).is_some()
            },
        },
        Reads {
            artifact: "android.package_users",
            keep: |record| {
                let text = |name| record.value(name).as_text().unwrap_or_default();
                let disabled = matches!(text("enabled"), "disabled" | "disabled by the user");
                disabled && kind(text("package_name")).is_some()
            },
        },
    ],
    check: |kept, findings| {
        let mut apps: BTreeMap<&str, &Exhibit> = BTreeMap::new();
        let collected = kept.of("android.collected_packages").iter().chain(kept.of("android.bugbane_packages"));
        for app in kept.of("android.package_users").iter().chain(collected) {
            let names = [app.text("package_name"), app.text("package"), app.text("name")];
            let name = names.into_iter().find(|name| !name.is_empty());
            apps.entry(name.unwrap_or_default()).or_insert(app);
        }
        for (name, app) in apps {
            let what = if kind(name) == Some("update") { "updates" } else { "protects" };
            let message = format!("{name}, which {what} the phone, is disabled");
            findings.push(Finding::of_rule(HEURISTIC.id, Level::Medium, Trace::Policy, message, app));
        }
    },
};

fn kind(package: &str) -> Option<&'static str> {
    table(include_str!("android_security_packages.txt")).find(|(_, known)| *known == package).map(|(kind, _)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heuristic::testing::{json, verdicts};

    #[test]
    fn disabled_ones_are_told_and_others_silent() {
        let app = |name: &str, disabled: bool| ("android.collected_packages", json!({"package": name, "disabled": disabled}));
        let records = [
            app("com.sec.android.soagent", true),
            app("com.google.android.gms", true),
            app("com.policydm", false),
            app("org.example.play", true),
            ("android.package_users", json!({"package_name": "com.google.android.gms", "enabled": "disabled by the user"})),
            ("android.bugbane_packages", json!({"name": "com.policydm", "disabled": false})),
            ("android.package_users", json!({"package_name": "com.oppo.ota", "enabled": "enabled by default"})),
        ];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            [
                "MEDIUM com.google.android.gms, which updates the phone, is disabled",
                "MEDIUM com.sec.android.soagent, which protects the phone, is disabled",
            ]
        );
    }
}
