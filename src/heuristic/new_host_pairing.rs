use std::collections::BTreeMap;

use super::prelude::*;
use crate::time::short;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "new_host_pairing",
    title: "A computer was paired with the phone, or developer tools were used on it",
    looks_at: "The phone's own log of connections to computers: new pairing records, and services that only developer tools start.",
    why_it_matters: "Whoever holds the unlocked phone and its passcode can pair it with a computer, copy its contents and install software. \
        Tools of police and of abusive partners work that way. Developer tools can start programs that no app store has seen.",
    innocent_causes: "The owner's own computer, a shop that repaired the phone, a charger in a car that plays music, and above all the \
        examination itself: the computer that made this acquisition was paired too. Developers use developer tools every day.",
    next_check: "Ask the owner whose computers the phone was connected to at these times, and compare them with times at which somebody else \
        had it: arrests, borders, repairs, quarrels. The times are the phone's local time of the acquisition.",
    references: &[
        "https://support.apple.com/guide/personal-safety/welcome/web",
        "https://citizenlab.ca/2023/09/predator-in-the-wires-ahmed-eltantawy-targeted-with-predator-spyware-after-announcing-presidential-ambitions/",
    ],
    reads: &[Reads { artifact: "ios.lockdownd_log", keep: |record| record.value("event").as_text().is_some_and(tells) }],
    check: |kept, findings| {
        let mut events: BTreeMap<&str, Vec<&Exhibit>> = BTreeMap::new();
        for entry in kept.of("ios.lockdownd_log") {
            events.entry(entry.text("event")).or_default().push(entry);
        }
        findings.extend(events.into_iter().filter_map(|(event, entries)| summed_up(event, entries)));
    },
};

/// Records that were only listed or used again, at each connection of a known computer, tell nothing new.
fn tells(event: &str) -> bool {
    matches!(event, "pairing_made" | "developer")
}

fn summed_up(event: &str, mut entries: Vec<&Exhibit>) -> Option<Finding> {
    entries.sort_by_key(|entry| (entry.at().is_none(), entry.at()));
    let (first, last) = (entries.first()?, entries.iter().rev().find_map(|entry| entry.at()));
    let when = match (first.at(), last) {
        (Some(first), Some(last)) if first == last => format!(" at {}", short(first)),
        (Some(first), Some(last)) => format!(" between {} and {}", short(first), short(last)),
        _ => String::new(),
    };
    let count = match entries.len() {
        1 => "1 entry".to_owned(),
        count => format!("{count} entries"),
    };
    // Every phone that is examined was paired for it; developer tools need more than that.
    let (level, what) = match event {
        "developer" => (Level::Low, "Developer tools were used over a cable or the network"),
        _ => (Level::Informational, "A computer was paired with the phone"),
    };
    Some(Finding::of_rule(HEURISTIC.id, level, Trace::Policy, format!("{what}: {count}{when}"), first))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{json, verdicts};
    use super::*;

    fn entry(event: &str, time: &str) -> (&'static str, serde_json::Value) {
        ("ios.lockdownd_log", json!({ "event": event, "logged": time }))
    }

    #[test]
    fn pairings_are_told_once_and_developer_tools_weigh_more() {
        let records = [
            entry("pairing_made", "2024-02-01T00:00:00Z"),
            entry("pairing_made", "2024-01-01T00:00:00Z"),
            entry("developer", "2024-01-01T00:00:00Z"),
        ];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            [
                "LOW Developer tools were used over a cable or the network: 1 entry at 2024-01-01 00:00:00 UTC",
                "INFORMATIONAL A computer was paired with the phone: 2 entries between 2024-01-01 00:00:00 UTC and 2024-02-01 00:00:00 UTC",
            ]
        );
    }

    #[test]
    fn a_known_computer_that_connects_again_is_silent() {
        let records = ["pairing", "pairing_removed", "service", "upgrade", "other"]
            .map(|event| entry(event, "2024-01-01T00:00:00Z"));
        assert_eq!(verdicts(&HEURISTIC, &records), [""; 0]);
    }
}
