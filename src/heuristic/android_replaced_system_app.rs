use std::collections::HashMap;

use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "android_replaced_system_app",
    title: "An app of the system with another signature",
    looks_at: "Apps of the system that were updated: the signature of the update and of the version in the system image.",
    why_it_matters: "Android takes an update only from whoever signed the app before. An update with another signature got past that, which \
        takes root rights or a weakness.",
    innocent_causes: "The maker changed its key in the way that Android allows, on versions that do not print past signatures; a rooted \
        phone or another system than the maker's; rarely, short codes that differ for the same certificates in another order.",
    next_check: "Take the app's file from the phone and compare its certificate with that of the same app of the maker.",
    references: &["https://source.android.com/docs/security/features/apksigning"],
    reads: &[Reads { artifact: "android.packages", keep: |record| !record.value("signatures").is_null() }],
    check,
};

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    let of_type = |kind: &'static str| {
        kept.of("android.packages").iter().filter(move |app| app.text("package_type") == kind)
    };
    let hidden: HashMap<&str, &Exhibit> =
        of_type("hidden_system").map(|app| (app.text("package_name"), app)).collect();
    for app in of_type("active") {
        let Some(before) = hidden.get(app.text("package_name")) else { continue };
        let (now, then) = (app.text("signatures"), before.text("signatures"));
        if now == then || app.text("past_signatures").contains(then) || before.text("past_signatures").contains(now) {
            continue;
        }
        let message = format!(
            "The update of {}, an app of the system, has another signature ({now}) than the version in the system image ({then})",
            app.text("package_name")
        );
        findings.push(Finding::of_rule(HEURISTIC.id, Level::Medium, Trace::Tampered, message, app));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heuristic::testing::{json, verdicts};

    #[test]
    fn another_signature_counts_unless_the_key_was_changed_openly() {
        let app = |name: &str, kind: &str, now: &str, past: Option<&str>| {
            ("android.packages", json!({"package_name": name, "package_type": kind, "signatures": now, "past_signatures": past}))
        };
        let records = [
            app("a.bad", "active", "11111111", None),
            app("a.bad", "hidden_system", "22222222", None),
            app("a.same", "active", "33333333", None),
            app("a.same", "hidden_system", "33333333", None),
            app("a.rotated", "active", "44444444", Some("55555555 flags: 17")),
            app("a.rotated", "hidden_system", "55555555", None),
        ];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            ["MEDIUM The update of a.bad, an app of the system, has another signature (11111111) than the version in the system image (22222222)"]
        );
    }
}
