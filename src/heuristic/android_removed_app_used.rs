use std::collections::BTreeMap;

use super::packages::{Apps, PACKAGES, SHORT_LIST, has_stock_name, named};
use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "android_removed_app_used",
    title: "Apps were used that are no longer there",
    looks_at: "Packages in the statistics of use, in the ends of processes, among those that asked for the place, in counts of room and in \
        compatibility overrides that are not in force, where the list of installed packages does not have them.",
    why_it_matters: "Statistics of use outlive an app by up to a year or two. Spyware that removed itself, or that somebody removed, can \
        still be named there, with the day it was last used.",
    innocent_causes: "Everybody removes apps. Apps of another user or work profile, and parts of the system that updates replaced, may \
        stand here, too.",
    next_check: "Look for names that the owner does not remember, above all those that were used for a short time.",
    references: &["https://developer.android.com/reference/android/app/usage/UsageStats"],
    reads: &[
        Reads { artifact: "android.app_usage", keep: |record| keep(record) },
        Reads { artifact: "android.process_exits", keep: |record| keep(record) },
        Reads { artifact: "android.location_requests", keep: |record| keep(record) },
        Reads { artifact: "android.app_sizes", keep: |record| keep(record) },
        Reads {
            artifact: "android.platform_compat",
            keep: |record| record.value("raw_only").is_true() && keep(record),
        },
        PACKAGES, SHORT_LIST,
    ],
    check,
};

fn keep(record: &Record<'_>) -> bool {
    record.value("package").as_text().is_some_and(|package| !has_stock_name(package))
}

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    let apps = Apps::of(kept);
    if apps.is_empty() {
        return;
    }
    let used = ["android.app_usage", "android.process_exits", "android.location_requests"].into_iter().flat_map(|artifact| kept.of(artifact));
    let mut gone: BTreeMap<&str, &Exhibit> = BTreeMap::new();
    for record in used.filter(|record| !apps.has(record.text("package"))) {
        let last = gone.entry(record.text("package")).or_insert(record);
        if last_time(record) > last_time(last) {
            *last = record;
        }
    }
    let lists = kept.of("android.platform_compat").iter().chain(kept.of("android.app_sizes"));
    let overrides = lists.filter(|record| !apps.has(record.text("package")));
    let former: BTreeMap<&str, &Exhibit> = overrides.rev().map(|record| (record.text("package"), record)).collect();
    former_apps(former.into_iter().filter(|(package, _)| !gone.contains_key(package)), findings);
    let mut gone: Vec<(&str, &Exhibit)> = gone.into_iter().collect();
    gone.sort_by_key(|(name, record)| (std::cmp::Reverse(last_time(record)), *name));
    let Some((_, newest)) = gone.first() else { return };
    let told: Vec<String> = gone.iter().take(MOST).map(|(name, record)| told(name, record)).collect();
    let more = gone.len().saturating_sub(MOST);
    let more = if more > 0 { format!(", and {more} more") } else { String::new() };
    let message = format!("Apps that are no longer installed were used: {}{more}", named(told.iter().map(String::as_str)));
    findings.push(Finding::of_rule(HEURISTIC.id, Level::Informational, Trace::Executed, message, newest));
}

/// Of apps that only such lists name nobody knows whether they ran.
fn former_apps<'k>(former: impl Iterator<Item = (&'k str, &'k Exhibit)>, findings: &mut Vec<Finding>) {
    let former: Vec<(&str, &Exhibit)> = former.collect();
    let Some((_, first)) = former.first() else { return };
    let names = named(former.iter().map(|(package, _)| *package));
    let message = format!("Lists of the system still name apps that are not installed: {names}");
    findings.push(Finding::of_rule(HEURISTIC.id, Level::Informational, Trace::Installed, message, first));
}

/// Apps named in the finding.
const MOST: usize = 20;

fn last_time(record: &Exhibit) -> Option<jiff::Timestamp> {
    record.times.iter().map(|stamp| stamp.at).max()
}

fn told(name: &str, record: &Exhibit) -> String {
    match last_time(record) {
        Some(time) => format!("{name} (last {})", crate::time::short(time)),
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{json, verdicts};
    use super::*;

    fn used(package: &str, at: &str) -> (&'static str, serde_json::Value) {
        ("android.app_usage", json!({ "package": package, "last_used": at }))
    }

    #[test]
    fn apps_that_are_gone_are_one_finding_newest_first() {
        let records = [
            used("org.example.old", "2023-01-01T00:00:00Z"),
            used("org.example.gone", "2023-05-01T00:00:00Z"),
            used("org.example.gone", "2023-05-02T00:00:00Z"),
            used("org.example.here", "2023-05-02T00:00:00Z"),
            used("org.example.left", "2022-05-02T00:00:00Z"),
            ("android.package_checkin", json!({ "package": "org.example.here", "installed": true })),
            ("android.package_checkin", json!({ "package": "org.example.left", "installed": false })),
        ];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            ["INFORMATIONAL Apps that are no longer installed were used: org.example.gone (last 2023-05-02 00:00:00 UTC), \
              org.example.old (last 2023-01-01 00:00:00 UTC), org.example.left (last 2022-05-02 00:00:00 UTC)"]
        );
    }

    #[test]
    fn overrides_out_of_force_name_former_apps() {
        let compat = |package: &str, raw_only: bool| {
            ("android.platform_compat", json!({ "package": package, "raw_only": raw_only }))
        };
        let records = [
            compat("org.example.former", true),
            compat("org.example.former", true),
            compat("org.example.here", true),
            compat("org.example.forced", false),
            ("android.packages", json!({ "package_name": "org.example.here", "package_type": "active" })),
        ];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            ["INFORMATIONAL Lists of the system still name apps that are not installed: org.example.former"]
        );
    }

    #[test]
    fn without_a_list_of_packages_nothing_is_gone() {
        assert_eq!(verdicts(&HEURISTIC, &[used("org.example.gone", "2023-05-01T00:00:00Z")]), [""; 0]);
    }

    #[test]
    fn parts_of_the_system_are_silent() {
        let list = ("android.package_checkin", json!({ "package": "org.example.here" }));
        assert_eq!(verdicts(&HEURISTIC, &[used("com.android.old", "2023-05-01T00:00:00Z"), list]), [""; 0]);
    }
}
