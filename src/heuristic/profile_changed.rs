use std::collections::{BTreeMap, BTreeSet};

use super::prelude::*;
use crate::time::short;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "profile_changed",
    title: "Configuration profiles were installed, changed or removed",
    looks_at: "The phone's own log of profile operations, summed up for each profile.",
    why_it_matters: "A profile that was installed and removed again leaves no other trace than this log. Its times can be compared with \
        messages, visits and with the moments somebody else held the phone.",
    innocent_causes: "Every managed phone has such entries, often dozens; so do Wi-Fi, VPN, e-mail and beta profiles that the owner \
        installed, and updates of iOS.",
    next_check: "Look for a removal soon after an installation, for a process other than `profiled`, `Preferences`, `mdmd`, `remotemanagementd`, \
        `dmd` or `teslad`, and for times at which the owner did not have the phone.",
    references: &["https://docs.mvt.re/en/latest/ios/records/"],
    reads: &[Reads { artifact: "ios.profile_events", keep: |_| true }],
    check: |kept, findings| {
        let mut profiles: BTreeMap<&str, Vec<&Exhibit>> = BTreeMap::new();
        for event in kept.of("ios.profile_events") {
            profiles.entry(event.text("profile_id")).or_default().push(event);
        }
        findings.extend(profiles.into_iter().filter_map(|(profile, events)| summed_up(profile, events)));
    },
};

/// The programs that handle profiles on every phone.
const USUAL: [&str; 6] = ["profiled", "Preferences", "mdmd", "remotemanagementd", "dmd", "teslad"];

fn summed_up(profile: &str, mut events: Vec<&Exhibit>) -> Option<Finding> {
    events.sort_by_key(|event| (event.time("happened").is_none(), event.time("happened")));
    let distinct = |column| -> Vec<&str> {
        let words: BTreeSet<&str> = events.iter().map(|event| event.text(column)).collect();
        words.into_iter().filter(|word| !word.is_empty()).collect()
    };
    let first = events.first()?;
    let last = events.iter().rev().find_map(|event| event.time("happened"));
    let when = match (first.time("happened"), last) {
        (Some(first), Some(last)) if first == last => format!(" on {}", short(first)),
        (Some(first), Some(last)) => format!(" between {} and {}", short(first), short(last)),
        _ => String::new(),
    };
    let count = match events.len() {
        1 => "1 operation".to_owned(),
        count => format!("{count} operations"),
    };
    let operations = match distinct("operation").join(", ") {
        none if none.is_empty() => none,
        operations => format!(" ({operations})"),
    };
    let message = format!("Profile {profile}: {count}{operations}{when}");
    let mut finding = Finding::of_rule(HEURISTIC.id, Level::Low, Trace::Policy, message, first);
    let unusual: Vec<&str> = distinct("process").into_iter().filter(|process| !USUAL.contains(process)).collect();
    if !unusual.is_empty() {
        finding.caveats.push(format!("done by a process that does not usually handle profiles: {}", unusual.join(", ")));
    }
    Some(finding)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{json, judge, verdicts};
    use super::*;

    fn event(profile: &str, time: &str, operation: &str, process: &str) -> (&'static str, serde_json::Value) {
        let columns =
            json!({ "profile_id": profile, "happened": time, "operation": operation, "process": process });
        ("ios.profile_events", columns)
    }

    #[test]
    fn dozens_of_operations_on_one_profile_are_one_finding() {
        let records = [
            event("com.example.vpn", "2024-02-01T00:00:00Z", "remove", "profiled"),
            event("com.example.vpn", "2024-01-01T00:00:00Z", "install", "Preferences"),
            event("com.example.mail", "2024-01-05T00:00:00Z", "install", "implant"),
        ];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            [
                "LOW Profile com.example.mail: 1 operation (install) on 2024-01-05 00:00:00 UTC",
                "LOW Profile com.example.vpn: 2 operations (install, remove) between 2024-01-01 00:00:00 UTC and \
                 2024-02-01 00:00:00 UTC",
            ]
        );
        let findings = judge(&HEURISTIC, &records);
        assert_eq!(findings[0].caveats.len(), 1);
        assert!(findings[1].caveats.is_empty());
    }

    #[test]
    fn an_event_without_a_time_is_still_told() {
        let record = ("ios.profile_events", json!({ "profile_id": "x" }));
        assert_eq!(verdicts(&HEURISTIC, &[record]), ["LOW Profile x: 1 operation"]);
    }
}
