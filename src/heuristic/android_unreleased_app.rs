use super::packages::{Apps, PACKAGES};
use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "android_unreleased_app",
    title: "Apps that were not built for release",
    looks_at: "Apps that no store installed and that can be debugged, are marked for tests only, or are made for versions before Android 6.",
    why_it_matters: "No store takes such apps. Apps for Android 5 get all permissions at once when they are installed, without a question, \
        which is why spyware declares it.",
    innocent_causes: "The owner develops apps, tests one, or uses a very old one.",
    next_check: "Ask the owner. Look when and by whom the app was installed, and at its permissions.",
    references: &["https://developer.android.com/google/play/requirements/target-sdk"],
    reads: &[PACKAGES],
    check,
};

/// Android 6, from which on users are asked.
const ASKS: i64 = 23;

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    let apps = Apps::of(kept);
    for app in kept.of("android.packages") {
        if app.text("package_type") != "active" || !apps.origin_of(app).is_unchecked() {
            continue;
        }
        let target = app.value("target_sdk").as_int().filter(|target| (1..ASKS).contains(target));
        let signs: Vec<&str> = [
            (app.value("debuggable").is_true(), "can be debugged"),
            (app.value("test_only").is_true(), "is marked for tests only"),
            (target.is_some(), "is made for a version of Android that does not ask for permissions"),
        ]
        .into_iter()
        .filter_map(|(holds, sign)| holds.then_some(sign))
        .collect();
        if signs.is_empty() {
            continue;
        }
        let message =
            format!("The app {}, which no store installed, {}", app.text("package_name"), signs.join(" and "));
        findings.push(Finding::of_rule(HEURISTIC.id, Level::Low, Trace::Installed, message, app));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heuristic::testing::{json, verdicts};

    #[test]
    fn only_apps_from_no_store_are_judged() {
        let app = |name: &str, installer: Option<&str>, target: i64| {
            let columns = json!({"package_name": name, "package_type": "active", "installer": installer, "installer_stated": true,
                "target_sdk": target, "test_only": target == 22});
            ("android.packages", columns)
        };
        let records = [app("a.old", None, 22), app("a.new", None, 34), app("a.play", Some("com.android.vending"), 22)];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            [
                "LOW The app a.old, which no store installed, is marked for tests only and is made for a version of Android that does not ask for permissions"
            ]
        );
    }
}
