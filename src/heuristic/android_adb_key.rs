use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "android_adb_key",
    title: "Computers that may debug the phone",
    looks_at: "The keys of computers that were allowed to debug the phone, and whether that is possible over the air.",
    why_it_matters: "A computer with such a key can install apps, read the screen and copy data without asking again. Forensic tools and \
        people who install spyware by hand leave their keys behind.",
    innocent_causes: "The computer that made the acquisition, which is always among them where it was made over USB and is told apart \
        where the acquisition names its key, the owner's own computers, a repair shop, and apps that use wireless debugging on the phone itself.",
    next_check: "Compare the fingerprints with the computers of the laboratory and the owner (adb shows them, ~/.android/adbkey.pub holds \
        the key), and the time of last use with where the phone was then.",
    references: &["https://developer.android.com/tools/adb", "https://docs.mvt.re/en/latest/android/methodology/"],
    reads: &[
        Reads { artifact: "android.adb_keys", keep: |_| true },
        Reads { artifact: "android.acquisition", keep: |record| !record.value("adb_key").is_null() },
        Reads {
            artifact: "android.adb",
            keep: |record| record.value("wireless_enabled").is_true() || !record.value("trusted_access_points").is_null(),
        },
    ],
    check,
};

/// Computers named in the message; all are in the records.
const NAMED: usize = 20;

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    // The same key stands in the list and in the store; only the store knows when it was used.
    let mut keys: BTreeMap<&str, &Exhibit> = BTreeMap::new();
    for key in kept.of("android.adb_keys") {
        let known = keys.entry(key.text("key")).or_insert(key);
        if key.at() > known.at() {
            *known = key;
        }
    }
    let (good, odd): (Vec<&Exhibit>, Vec<&Exhibit>) =
        keys.into_values().partition(|key| !key.value("fingerprint").is_null());
    // What the collector says of its own computer: `BASE64 user@host`.
    let own: BTreeSet<&str> = kept
        .of("android.acquisition")
        .iter()
        .filter_map(|run| run.text("adb_key").split_whitespace().next())
        .collect();
    if own.is_empty() {
        findings.extend(untold(&good));
    } else {
        let (ours, others): (Vec<&Exhibit>, Vec<&Exhibit>) =
            good.into_iter().partition(|key| own.contains(key.text("key")));
        let started = kept.of("android.acquisition").iter().filter_map(|run| run.time("started")).max();
        findings.extend(ours.into_iter().filter_map(|key| used_before(key, started?)));
        for key in others {
            let message = format!(
                "A computer other than the one that made the acquisition may debug the phone: {}",
                named(key)
            );
            findings.push(Finding::of_rule(HEURISTIC.id, Level::Low, Trace::Policy, message, key));
        }
    }
    for key in odd {
        let message = format!("A key for debugging is none that a computer makes: {}", shortened(key.text("key")));
        findings.push(Finding::of_rule(HEURISTIC.id, Level::Low, Trace::Policy, message, key));
    }
    for state in kept.of("android.adb") {
        let message = if state.value("wireless_enabled").is_true() {
            "The phone can be debugged over the air"
        } else {
            "The phone was allowed to be debugged over the air in some networks"
        };
        findings.push(Finding::of_rule(HEURISTIC.id, Level::Low, Trace::Policy, message.to_owned(), state));
    }
}

fn named(key: &Exhibit) -> String {
    match key.text("user") {
        "" => key.text("fingerprint").to_owned(),
        user => format!("{user} ({})", key.text("fingerprint")),
    }
}

/// Where the acquisition does not tell its own computer, all of them are one finding.
fn untold(keys: &[&Exhibit]) -> Option<Finding> {
    let latest = keys.iter().max_by_key(|key| key.at())?;
    let names: Vec<String> = keys.iter().take(NAMED).map(|key| named(key)).collect();
    let count = match keys.len() {
        1 => "1 computer".to_owned(),
        count => format!("{count} computers"),
    };
    let message = format!("{count} may debug the phone: {}", names.join(", "));
    Some(Finding::of_rule(HEURISTIC.id, Level::Informational, Trace::Policy, message, latest))
}

/// The acquisition's own computer, where it was connected long before.
fn used_before(key: &Exhibit, started: Timestamp) -> Option<Finding> {
    let used = key.at()?;
    let days = started.as_second().checked_sub(used.as_second())? / 86_400;
    let message = format!(
        "The computer that made the acquisition was connected to the phone {days} days before: {}",
        named(key)
    );
    (days >= 1).then(|| Finding::of_rule(HEURISTIC.id, Level::Informational, Trace::Policy, message, key))
}

fn shortened(key: &str) -> String {
    key.chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heuristic::testing::{json, judge, verdicts};

    #[test]
    fn other_computers_stand_out_where_the_acquisition_tells_its_own() {
        let key = |key: &str, at: Option<&str>| {
            let fingerprint = format!("{key}:01");
            ("android.adb_keys", json!({"list": "keystore", "key": key, "user": "user@host", "fingerprint": fingerprint, "last_connected": at}))
        };
        let run = ("android.acquisition", json!({"adb_key": "OWN lab@acquisition", "started": "2024-06-12T15:03:40Z"}));
        let records = [run.clone(), key("OWN", Some("2024-06-12T15:03:39Z")), key("QA", None), key("QB", None)];
        let other = "LOW A computer other than the one that made the acquisition may debug the phone: user@host";
        assert_eq!(verdicts(&HEURISTIC, &records), [format!("{other} (QA:01)"), format!("{other} (QB:01)")]);
        assert_eq!(verdicts(&HEURISTIC, &[run.clone(), key("OWN", None)]), [""; 0]);
        assert_eq!(
            verdicts(&HEURISTIC, &[run, key("OWN", Some("2024-06-02T15:03:39Z"))]),
            ["INFORMATIONAL The computer that made the acquisition was connected to the phone 10 days before: user@host (OWN:01)"]
        );
    }

    #[test]
    fn keys_are_one_finding_and_the_odd_ones_and_wireless_debugging_others() {
        let key = |list: &str, key: &str, fingerprint: Option<&str>, at: Option<&str>| {
            ("android.adb_keys", json!({"list": list, "key": key, "user": "user@host", "fingerprint": fingerprint, "last_connected": at}))
        };
        let records = [
            key("user_keys", "QA", Some("AA:BB"), None),
            key("keystore", "QA", Some("AA:BB"), Some("2024-01-02T03:04:05Z")),
            key("user_keys", "*", None, None),
            ("android.adb", json!({"wireless_enabled": true})),
        ];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            [
                "INFORMATIONAL 1 computer may debug the phone: user@host (AA:BB)",
                "LOW A key for debugging is none that a computer makes: *",
                "LOW The phone can be debugged over the air",
            ]
        );
        assert!(judge(&HEURISTIC, &records)[0].at().is_some());
        assert_eq!(verdicts(&HEURISTIC, &[("android.adb", json!({"wireless_enabled": false}))]), [""; 0]);
    }
}
