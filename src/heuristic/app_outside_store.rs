use std::collections::BTreeMap;

use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "app_outside_store",
    title: "Apps that the power log knows without an App Store",
    looks_at: "Apps of other makers in the power log that state no country of an App Store, on a phone where other apps state one, and \
        beta apps on a phone without TestFlight.",
    why_it_matters: "Apps signed for a company's staff or by a developer's certificate have not been reviewed by Apple. Commercial spyware \
        for iPhones was handed out this way.",
    innocent_causes: "Apps of the owner's employer, of a developer, of AltStore and of alternative marketplaces; apps that were just being \
        installed or removed.",
    next_check: "Ask the owner about the apps. Look in Settings, General, VPN & Device Management for the developer whom the phone trusts, \
        and in the installation log for when and by which program they came.",
    references: &[
        "https://support.apple.com/en-us/118254",
        "https://blog.google/threat-analysis-group/italian-spyware-vendor-targets-users-in-italy-and-kazakhstan/",
    ],
    reads: &[Reads {
        artifact: "ios.powerlog_apps",
        keep: |record| {
            let app = record.value("bundle_id").as_text().unwrap_or_default();
            record.value("table").as_text() == Some("PLApplicationAgent_EventNone_AllApps")
                && (app == TESTFLIGHT || record.value("third_party").is_true() && !app.starts_with("com.apple."))
        },
    }],
    check,
};

const TESTFLIGHT: &str = "com.apple.TestFlight";
/// Apps named in one sentence; all of them are in the records.
const NAMED: usize = 10;

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    let records = kept.of("ios.powerlog_apps");
    let has_testflight = records.iter().any(|app| app.text("bundle_id") == TESTFLIGHT);
    let mut apps: BTreeMap<&str, Vec<&Exhibit>> = BTreeMap::new();
    for app in records.iter().filter(|app| !matches!(app.text("bundle_id"), "" | TESTFLIGHT)) {
        apps.entry(app.text("bundle_id")).or_default().push(app);
    }
    let is_of_store = |rows: &[&Exhibit]| rows.iter().any(|app| has_store(app));
    // A version that never states a store says nothing by not stating one.
    let stores_are_stated = apps.values().any(|rows| is_of_store(rows));
    let odd = apps.values().filter(|rows| {
        let beta = rows.iter().any(|app| app.value("beta").is_true());
        if beta { !has_testflight } else { stores_are_stated && !is_of_store(rows) }
    });
    let odd: Vec<&Exhibit> = odd.filter_map(|rows| rows.first().copied()).collect();
    let Some(first) = odd.first() else { return };
    let named: Vec<&str> = odd.iter().take(NAMED).map(|app| app.text("bundle_id")).collect();
    let more = match odd.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let message = format!("Not from the App Store, as far as the power log says: {}{more}", named.join(", "));
    findings.push(Finding::of_rule(HEURISTIC.id, Level::Low, Trace::Installed, message, first));
}

fn has_store(app: &Exhibit) -> bool {
    !matches!(app.value("store_front").show().as_str(), "" | "0" | "-1")
}

#[cfg(test)]
mod tests {
    use super::super::testing::{json, verdicts};
    use super::*;

    fn app(id: &str, store: i64, beta: bool) -> (&'static str, serde_json::Value) {
        let columns = json!({ "bundle_id": id, "store_front": store, "beta": beta, "third_party": true,
                              "table": "PLApplicationAgent_EventNone_AllApps" });
        ("ios.powerlog_apps", columns)
    }

    #[test]
    fn apps_without_store_are_one_finding() {
        let records = [app("com.a", 143_441, false), app("com.b", 0, false), app("com.b", 0, false), app("com.c", 0, true)];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            ["LOW Not from the App Store, as far as the power log says: com.b, com.c"]
        );
    }

    #[test]
    fn store_apps_testflight_and_versions_that_state_no_store_are_silent() {
        assert_eq!(verdicts(&HEURISTIC, &[app("com.a", 143_441, false)]), [""; 0]);
        assert_eq!(verdicts(&HEURISTIC, &[app("com.a", 0, false), app("com.b", 0, false)]), [""; 0]);
        let with_testflight = [app("com.apple.TestFlight", 0, false), app("com.a", 0, true), app("com.b", 5, false)];
        assert_eq!(verdicts(&HEURISTIC, &with_testflight), [""; 0]);
        // Installed in the middle of the log: one row without, one with its store.
        assert_eq!(verdicts(&HEURISTIC, &[app("com.a", 0, false), app("com.a", 5, false)]), [""; 0]);
    }
}
