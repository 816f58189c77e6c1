use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use super::packages::has_stock_name;
use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "android_settings_risky",
    title: "Settings that open the phone",
    looks_at: "Settings that switch off the checks of apps, turn on an accessibility service, or send traffic through a proxy.",
    why_it_matters: "Who installs spyware by hand switches off what would find it, and turns on the services it lives from. The setting \
        says that a door is open, not that anybody went through it.",
    innocent_causes: "The owner, a company that manages the phone, a maker's default, help for disabled people, password managers and \
        automation apps, a developer's phone. Reports of errors are often declined for privacy.",
    next_check: "Ask the owner about each. Where the history tells which app changed it and when, look at that app; for accessibility look \
        which service is on.",
    references: &[
        "https://docs.mvt.re/en/latest/android/methodology/",
        "https://developer.android.com/reference/android/provider/Settings.Global",
    ],
    reads: &[
        Reads {
            artifact: "android.settings",
            keep: |record| {
                let text = |name| record.value(name).as_text().unwrap_or_default();
                text("name") == SERVICES || risk(text("name"), text("value")).is_some()
            },
        },
        Reads {
            artifact: "android.setting_changes",
            keep: |record| record.value("name").as_text().is_some_and(|name| RISKS.contains_key(name)),
        },
    ],
    check,
};

/// The setting that names the accessibility services that are on.
const SERVICES: &str = "enabled_accessibility_services";

struct Risk {
    level: Level,
    when: &'static str,
    meaning: &'static str,
}

static RISKS: LazyLock<HashMap<&str, Risk>> =
    LazyLock::new(|| include_str!("android_settings.txt").lines().filter_map(entry).collect());

fn entry(line: &'static str) -> Option<(&'static str, Risk)> {
    let mut words = line.splitn(4, ' ');
    let level = match words.next()? {
        "informational" => Level::Informational,
        "low" => Level::Low,
        "medium" => Level::Medium,
        _ => return None,
    };
    Some((words.next()?, Risk { level, when: words.next()?, meaning: words.next()? }))
}

fn risk(name: &str, value: &str) -> Option<&'static Risk> {
    let value = value.trim();
    let unset = value.is_empty() || value == "null";
    RISKS.get(name).filter(|risk| match risk.when {
        "set" => !unset && value != ":0",
        when => match when.strip_prefix("!=") {
            Some(safe) => !unset && value != safe,
            None => when.strip_prefix('=') == Some(value),
        },
    })
}

/// True where all services that are on have names of the phone's own; the rule about such services looks at each of them.
fn has_stock_services(kept: &Kept) -> bool {
    let mut services = kept
        .of("android.settings")
        .iter()
        .filter(|setting| setting.text("name") == SERVICES)
        .flat_map(|setting| setting.text("value").split(':'))
        .map(|service| service.split('/').next().unwrap_or(service).trim())
        .filter(|package| !package.is_empty() && *package != "null")
        .peekable();
    services.peek().is_some() && services.all(has_stock_name)
}

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    let mut changes: HashMap<[&str; 2], &Exhibit> = HashMap::new();
    for change in kept.of("android.setting_changes").iter().filter(|change| change.time("changed").is_some()) {
        let last = changes.entry([change.text("name"), change.text("new_value")]).or_insert(change);
        if change.time("changed") > last.time("changed") {
            *last = change;
        }
    }
    // The service and the collector tell the same settings.
    let mut told: BTreeMap<[&str; 2], &Exhibit> = BTreeMap::new();
    for setting in kept.of("android.settings") {
        told.entry([setting.text("name"), setting.text("value")]).or_insert(setting);
    }
    for ([name, value], setting) in told {
        let Some(risk) = risk(name, value) else { continue };
        let change = changes.get(&[name, value]);
        let exhibit = change.copied().unwrap_or(setting);
        let by = [exhibit.text("changed_by"), exhibit.text("written_by")].into_iter().find(|by| !by.is_empty());
        let by = by.map(|by| format!(", set by {by}")).unwrap_or_default();
        let short: String = value.chars().take(80).collect();
        let own = name == "accessibility_enabled" && has_stock_services(kept);
        let level = if own { Level::Low } else { risk.level };
        let message = format!("Setting {name} is {short}{by}: {}", risk.meaning);
        findings.push(Finding::of_rule(HEURISTIC.id, level, Trace::Policy, message, exhibit));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heuristic::testing::{json, judge, verdicts};

    fn setting(name: &str, value: &str) -> (&'static str, serde_json::Value) {
        ("android.settings", json!({"name": name, "value": value, "namespace": "global"}))
    }

    #[test]
    fn settings_that_differ_are_told_at_their_last_change() {
        let change = |old: &str, at: &str| {
            let columns = json!({"name": "accessibility_enabled", "old_value": old, "new_value": "1", "changed": at, "changed_by": "com.example.tool"});
            ("android.setting_changes", columns)
        };
        let records = [
            setting("package_verifier_user_consent", "-1"),
            setting("accessibility_enabled", "1"),
            setting("accessibility_enabled", "1"),
            change("0", "2024-12-31T23:00:00Z"),
            change("1", "2025-01-02T08:00:00Z"),
        ];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            [
                "MEDIUM Setting accessibility_enabled is 1, set by com.example.tool: an accessibility service is on, which can read and operate \
                 the screen",
                "MEDIUM Setting package_verifier_user_consent is -1: the consent to Play Protect was withdrawn or never given",
            ]
        );
        let findings = judge(&HEURISTIC, &records);
        assert_eq!(findings[0].at(), "2025-01-02T08:00:00Z".parse().ok());
        assert_eq!(findings[1].at(), None);
    }

    #[test]
    fn safe_unset_and_other_settings_are_silent() {
        let records = [
            setting("package_verifier_enable", "1"),
            setting("accessibility_enabled", "0"),
            setting("accessibility_enabled", "null"),
            setting("http_proxy", ":0"),
            setting("http_proxy", ""),
            setting("adb_enabled", "1"),
            setting("adb_wifi_enabled", "0"),
            setting("foo", "a=b"),
        ];
        assert_eq!(verdicts(&HEURISTIC, &records), [""; 0]);
        assert_eq!(verdicts(&HEURISTIC, &[setting("http_proxy", "10.0.0.1:8080")]).len(), 1);
        assert_eq!(verdicts(&HEURISTIC, &[setting("samsung_errorlog_agree", "0")]).len(), 1);
    }

    #[test]
    fn services_that_come_with_the_phone_weigh_less() {
        let of = |services: &str| {
            let on = setting("accessibility_enabled", "1");
            verdicts(&HEURISTIC, &[on, setting("enabled_accessibility_services", services)])
        };
        let talkback = "com.google.android.marvin.talkback/.TalkBackService";
        assert!(of(talkback)[0].starts_with("LOW"));
        assert!(of(&format!("{talkback}:com.example.tool/.S"))[0].starts_with("MEDIUM"));
        assert!(of("null")[0].starts_with("MEDIUM"));
    }

    #[test]
    fn every_line_of_the_table_is_understood() {
        let lines = include_str!("android_settings.txt").lines().filter(|line| !line.starts_with('#'));
        assert_eq!(lines.count(), RISKS.len());
        let known = |when: &str| when == "set" || when.trim_start_matches('!').starts_with('=');
        assert!(RISKS.values().all(|risk| known(risk.when)));
    }
}
