use std::collections::BTreeMap;

use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "app_not_from_store",
    title: "Apps that came from elsewhere than the App Store",
    looks_at: "Which program installed each app, as the app's store metadata says.",
    why_it_matters: "Apps from outside the App Store have not been reviewed by Apple. Commercial spyware for iPhones was handed out as \
        such apps, with an invitation to install them.",
    innocent_causes: "TestFlight, synchronising with a computer and other Apple programs; in the European Union and Japan also alternative \
        marketplaces, which put their own id here.",
    next_check: "Ask the owner about the marketplace and the apps. Look at who sold them and when they were installed, and compare their \
        ids with what the phone shows on its screen.",
    references: &[
        "https://support.apple.com/en-us/118110",
        "https://blog.google/threat-analysis-group/italian-spyware-vendor-targets-users-in-italy-and-kazakhstan/",
    ],
    reads: &[Reads {
        artifact: "ios.applications",
        keep: |record| {
            record.value("source_app").as_text().is_some_and(|source| !source.is_empty() && !is_store(source))
        },
    }],
    check,
};

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    let mut sources: BTreeMap<&str, Vec<&Exhibit>> = BTreeMap::new();
    for app in kept.of("ios.applications") {
        sources.entry(app.text("source_app")).or_default().push(app);
    }
    findings.extend(sources.into_iter().filter_map(|(source, apps)| judge(source, &apps)));
}

/// The App Store and the daemon that installs what a management server sends.
pub(super) fn is_store(source: &str) -> bool {
    matches!(
        source,
        "com.apple.AppStore" | "com.apple.AppStore.ProductPageExtension" | "com.apple.dmd" | "dmd"
    )
}

/// Apps named in one sentence; all of them are in the records.
const NAMED: usize = 10;

fn judge(source: &str, apps: &[&Exhibit]) -> Option<Finding> {
    let level = if source.starts_with("com.apple.") { Level::Informational } else { Level::Medium };
    let named: Vec<&str> = apps.iter().take(NAMED).map(|app| name_of(app)).collect();
    let more = match apps.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let message = match apps.len() {
        1 => format!("{source} installed the app {}", named.join(", ")),
        count => format!("{source} installed {count} apps: {}{more}", named.join(", ")),
    };
    Some(Finding::of_rule(HEURISTIC.id, level, Trace::Installed, message, apps.first()?))
}

/// What identifies an app.
pub(super) fn name_of(app: &Exhibit) -> &str {
    ["bundle_id", "store_bundle_id", "name"].into_iter().map(|column| app.text(column)).find(|name| !name.is_empty()).unwrap_or("without a name")
}

#[cfg(test)]
mod tests {
    use super::super::testing::{json, verdicts};
    use super::*;

    fn app(id: &str, source: &str) -> (&'static str, serde_json::Value) {
        ("ios.applications", json!({ "bundle_id": id, "source_app": source }))
    }

    #[test]
    fn a_marketplace_is_one_finding_whatever_it_installed() {
        let records = [app("a.one", "org.market"), app("a.two", "org.market")];
        assert_eq!(verdicts(&HEURISTIC, &records), ["MEDIUM org.market installed 2 apps: a.one, a.two"]);
    }

    #[test]
    fn apples_own_installers_are_told_and_no_more() {
        assert_eq!(
            verdicts(&HEURISTIC, &[app("a.one", "com.apple.TestFlight")]),
            ["INFORMATIONAL com.apple.TestFlight installed the app a.one"]
        );
    }

    #[test]
    fn the_store_management_and_the_unstated_are_silent() {
        let records = [
            app("a", "com.apple.AppStore"),
            app("b", "com.apple.AppStore.ProductPageExtension"),
            app("c", "dmd"),
            app("d", ""),
            ("ios.applications", json!({ "bundle_id": "e" })),
        ];
        assert_eq!(verdicts(&HEURISTIC, &records), [""; 0]);
    }
}
