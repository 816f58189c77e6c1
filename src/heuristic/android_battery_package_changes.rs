use std::collections::BTreeMap;

use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "android_battery_package_changes",
    title: "Apps that were removed or set back",
    looks_at: "Removals of apps, and updates to a lower version, that the battery statistics noted in about the last ten days.",
    why_it_matters: "Spyware may have been removed before the phone was examined, by its operator or by somebody who was warned. A lower \
        version may bring back a weakness that was mended.",
    innocent_causes: "Everybody removes apps. Stores take back faulty versions, updates of an app of the system can be removed, and very \
        large version numbers are noted wrongly.",
    next_check: "Ask the owner about apps they do not know. Look for what is left of them in usage statistics, install sessions and logs.",
    references: &[
        "https://developer.android.com/topic/performance/power/setup-battery-historian",
        "https://docs.mvt.re/en/latest/android/methodology/",
    ],
    reads: &[Reads {
        artifact: "android.battery_daily",
        keep: |record| matches!(record.value("action").as_text(), Some("uninstall" | "downgrade")),
    }],
    check,
};

/// Apps named in the message; all are in the records.
const NAMED: usize = 30;

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    let mut removed: BTreeMap<&str, &Exhibit> = BTreeMap::new();
    for change in kept.of("android.battery_daily") {
        let package = change.text("package_name");
        if change.text("action") == "uninstall" {
            removed.entry(package).or_insert(change);
            continue;
        }
        let version = change.text("version_code");
        // Numbers beyond 31 bits come out negative.
        if version.starts_with('-') {
            continue;
        }
        let message =
            format!("The app {package} was set back from version {} to {version}", change.text("previous_version_code"));
        findings.push(Finding::of_rule(HEURISTIC.id, Level::Low, Trace::Tampered, message, change));
    }
    let Some(latest) = removed.values().max_by_key(|change| change.at()) else { return };
    let named: Vec<&str> = removed.keys().copied().take(NAMED).collect();
    let more = match removed.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let message = format!("Apps that were removed in the last days: {}{more}", named.join(", "));
    findings.push(Finding::of_rule(HEURISTIC.id, Level::Informational, Trace::Tampered, message, latest));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heuristic::testing::{json, verdicts};

    #[test]
    fn removals_are_one_finding_and_lower_versions_one_each() {
        let change = |action: &str, package: &str, version: &str| {
            let columns = json!({"action": action, "package_name": package, "version_code": version, "previous_version_code": "12"});
            ("android.battery_daily", columns)
        };
        let records = [
            change("downgrade", "com.example.app", "10"),
            change("downgrade", "com.example.large", "-10"),
            change("uninstall", "com.example.gone", "0"),
            change("uninstall", "com.example.also", "0"),
            change("update", "com.example.new", "1"),
        ];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            [
                "LOW The app com.example.app was set back from version 12 to 10",
                "INFORMATIONAL Apps that were removed in the last days: com.example.also, com.example.gone",
            ]
        );
    }
}
