use std::collections::BTreeSet;

use super::packages::{Apps, PACKAGES, dangerous_permissions};
use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "android_dangerous_permissions",
    title: "An app from no store that asks for everything",
    looks_at: "Apps that no store installed and that ask for ten or more of the twenty permissions that let an app watch its owner.",
    why_it_matters: "Spyware asks for messages, calls, contacts, place, microphone and camera at once. Apps that do one thing need a few.",
    innocent_causes: "Messengers, telephone apps and apps of employers from their makers' web sites. Asking is not having: the record tells \
        what was granted.",
    next_check: "Ask the owner about the app. Look at which of the permissions were granted and used, and whether the app shows an icon.",
    references: &[
        "https://developer.android.com/guide/topics/permissions/overview",
        "https://docs.mvt.re/en/latest/android/methodology/",
    ],
    reads: &[PACKAGES],
    check,
};

/// MVT's threshold.
const MANY: usize = 10;

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    let apps = Apps::of(kept);
    let dangerous: BTreeSet<&str> = dangerous_permissions().collect();
    for app in kept.of("android.packages") {
        if app.text("package_type") != "active" || !apps.origin_of(app).is_unchecked() {
            continue;
        }
        let listed = |column: &str| -> BTreeSet<&str> {
            match app.value(column) {
                Value::List(names) => {
                    names.iter().filter_map(Value::as_text).filter(|name| dangerous.contains(name)).collect()
                }
                _ => BTreeSet::new(),
            }
        };
        let (asked, granted) = (listed("requested_permissions"), listed("granted_permissions"));
        let count = asked.union(&granted).count();
        if count < MANY {
            continue;
        }
        let message = format!(
            "The app {}, which no store installed, asks for {count} permissions that let it watch its owner and has {} of them",
            app.text("package_name"),
            granted.len()
        );
        findings.push(Finding::of_rule(HEURISTIC.id, Level::Medium, Trace::Installed, message, app));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heuristic::testing::{json, verdicts};

    #[test]
    fn ten_permissions_of_an_app_from_no_store_are_too_many() {
        let app = |name: &str, installer: Option<&str>, count: usize| {
            let asked: Vec<&str> = dangerous_permissions().take(count).collect();
            let columns = json!({"package_name": name, "package_type": "active", "installer": installer, "installer_stated": true,
                "requested_permissions": asked, "granted_permissions": [asked[0], "a.b.c"]});
            ("android.packages", columns)
        };
        let records =
            [app("a.spy", None, 10), app("a.tool", None, 9), app("a.chat", Some("com.android.vending"), 20)];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            ["MEDIUM The app a.spy, which no store installed, asks for 10 permissions that let it watch its owner and has 1 of them"]
        );
    }
}
