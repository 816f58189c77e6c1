use std::collections::{BTreeMap, BTreeSet};

use super::packages::{Apps, PACKAGES, named};
use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "android_app_of_other_user",
    title: "Apps that only another user of the phone has",
    looks_at: "Apps that are no part of the system and are installed for a second user or profile, and not for the owner.",
    why_it_matters: "The owner's list of apps does not show them. An app that is hidden in another user's space keeps its rights there.",
    innocent_causes: "Profiles for work, secure folders, doubled apps, children's accounts, and users that the owner made.",
    next_check: "Look at the users of the phone (Settings, System, Users, and the profile for work), and ask whether the owner made them.",
    references: &["https://source.android.com/docs/devices/admin/multi-user"],
    reads: &[
        Reads {
            artifact: "android.package_users",
            keep: |record| record.value("installed").is_true() && !record.value("system").is_true(),
        },
        PACKAGES,
    ],
    check,
};

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    let apps = Apps::of(kept);
    let mut users: BTreeMap<&str, BTreeMap<i64, &Exhibit>> = BTreeMap::new();
    for app in kept.of("android.package_users") {
        if let Some(user) = app.value("user_id").as_int() {
            users.entry(app.text("package_name")).or_default().insert(user, app);
        }
    }
    users.retain(|package, users| !users.contains_key(&0) && !apps.is_stock(package));
    // What no store brought is told apart from what an employer's store did.
    for elsewhere in [true, false] {
        let found: Vec<_> = users.iter().filter(|(package, _)| apps.is_from_elsewhere(package) == elsewhere).collect();
        let Some(first) = found.first().and_then(|(_, users)| users.values().next()) else { continue };
        let whose: BTreeSet<String> = found.iter().flat_map(|(_, users)| users.keys().map(i64::to_string)).collect();
        let level = if elsewhere { Level::Low } else { Level::Informational };
        let origin = if elsewhere { " and no store installed" } else { "" };
        let message = format!(
            "Apps that only user {} has{origin}: {}",
            named(whose.iter().map(String::as_str)),
            named(found.iter().map(|(package, _)| **package))
        );
        findings.push(Finding::of_rule(HEURISTIC.id, level, Trace::Installed, message, first));
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{json, verdicts};
    use super::*;

    #[test]
    fn only_apps_that_the_owner_lacks_are_told() {
        let of = |package: &str, user: i64, installed: bool| {
            ("android.package_users", json!({"package_name": package, "user_id": user, "installed": installed, "system": false}))
        };
        let app = |name: &str, installer: Option<&str>| {
            ("android.packages", json!({"package_name": name, "package_type": "active", "installer": installer, "installer_stated": true}))
        };
        let records = [
            of("org.example.spy", 0, false),
            of("org.example.spy", 10, true),
            of("org.example.work", 10, true),
            of("org.example.both", 0, true),
            of("org.example.both", 10, true),
            of("com.google.android.x", 10, true),
            app("org.example.spy", None),
            app("org.example.work", Some("com.android.vending")),
            app("org.example.both", None),
        ];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            [
                "LOW Apps that only user 10 has and no store installed: org.example.spy",
                "INFORMATIONAL Apps that only user 10 has: org.example.work",
            ]
        );
    }
}
