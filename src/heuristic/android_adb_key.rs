use std::collections::BTreeMap;

use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "android_adb_key",
    title: "Computers that may debug the phone",
    looks_at: "The keys of computers that were allowed to debug the phone, and whether that is possible over the air.",
    why_it_matters: "A computer with such a key can install apps, read the screen and copy data without asking again. Forensic tools and \
        people who install spyware by hand leave their keys behind.",
    innocent_causes: "The computer that made the acquisition, which is always among them where it was made over USB, the owner's own \
        computers, a repair shop, and apps that use wireless debugging on the phone itself.",
    next_check: "Compare the fingerprints with the computers of the laboratory and the owner (adb shows them, ~/.android/adbkey.pub holds \
        the key), and the time of last use with where the phone was then.",
    references: &["https://developer.android.com/tools/adb", "https://docs.mvt.re/en/latest/android/methodology/"],
    reads: &[
        Reads { artifact: "android.adb_keys", keep: |_| true },
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
    if let Some(latest) = good.iter().max_by_key(|key| key.at()) {
        let named = |key: &&&Exhibit| match key.text("user") {
            "" => key.text("fingerprint").to_owned(),
            user => format!("{user} ({})", key.text("fingerprint")),
        };
        let names: Vec<String> = good.iter().take(NAMED).map(|key| named(&key)).collect();
        let count = match good.len() {
            1 => "1 computer".to_owned(),
            count => format!("{count} computers"),
        };
        let message = format!("{count} may debug the phone: {}", names.join(", "));
        findings.push(Finding::of_rule(HEURISTIC.id, Level::Informational, Trace::Policy, message, latest));
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

fn shortened(key: &str) -> String {
    key.chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heuristic::testing::{json, judge, verdicts};

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
