use std::collections::BTreeMap;

use jiff::SignedDuration;

use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "idstatuscache_pair",
    title: "Made-up looking accounts looked up by photo sharing or HomeKit",
    looks_at: "Accounts of free mail services that are letters with a number behind them and no year, which photo sharing or HomeKit looked \
        up and nothing else on the phone did: two or more of them by the same service within a day.",
    why_it_matters: "The attacks called KISMET and MEGALODON and one through HomeKit came from such accounts, made for one target and used \
        in pairs. The look-up is what the attack left behind.",
    innocent_causes: "Members of a shared photo album or of a home whose addresses happen to look like this and with whom the owner never \
        exchanged an iMessage.",
    next_check: "Ask the owner whether they know the addresses. If not, examine the hour around the look-ups, above all processes in the \
        data usage and crashes, and have a laboratory look at the acquisition.",
    references: &[
        "https://www.amnesty.org/en/latest/research/2021/07/forensic-methodology-report-how-to-catch-nso-groups-pegasus/",
        "https://citizenlab.ca/2020/12/the-great-ipwn-journalists-hacked-with-suspected-nso-group-imessage-zero-click-exploit/",
    ],
    reads: &[Reads {
        artifact: "ios.idstatuscache",
        keep: |record| {
            let text = |column| record.value(column).as_text().unwrap_or_default();
            SERVICES.contains(&text("service"))
                && record.value("occurrences").as_int() == Some(1)
                && record.value("looked_up").as_time().is_some()
                && looks_made_up(text("user"))
        },
    }],
    check,
};

/// Photo sharing and HomeKit.
const SERVICES: &[&str] = &["com.apple.private.alloy.photostream", "com.apple.private.alloy.willow.stream"];
const FREE_MAIL: &[&str] = &["gmail.com", "googlemail.com", "outlook.com", "hotmail.com", "yahoo.com"];
/// What is looked up within this time came together.
const TOGETHER: SignedDuration = SignedDuration::from_hours(24);
/// Accounts named in one sentence.
const NAMED: usize = 10;

/// `mailto:<word><digits>@gmail.com`. Two digits and years are what people put behind their own name.
fn looks_made_up(user: &str) -> bool {
    let address = user.strip_prefix("mailto:").unwrap_or(user).trim_matches(['"', '\'']).to_ascii_lowercase();
    let Some((local, host)) = address.split_once('@') else { return false };
    let word = local.trim_end_matches(|last: char| last.is_ascii_digit());
    let Some(digits) = local.strip_prefix(word) else { return false };
    let is_year = digits.parse().is_ok_and(|number: u32| (1930..2030).contains(&number));
    FREE_MAIL.contains(&host)
        && word.len() >= 5
        && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'.')
        && (3..=6).contains(&digits.len())
        && !is_year
}

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    let mut services: BTreeMap<(&str, &str), Vec<&Exhibit>> = BTreeMap::new();
    for lookup in kept.of("ios.idstatuscache") {
        services.entry((&lookup.stored_as, lookup.text("service"))).or_default().push(lookup);
    }
    for ((_, service), mut lookups) in services {
        lookups.sort_by_key(|lookup| lookup.time("looked_up"));
        findings.extend(lookups.chunk_by(|a, b| are_together(a, b)).filter_map(|group| judge(service, group)));
    }
}

fn are_together(first: &Exhibit, second: &Exhibit) -> bool {
    first.time("looked_up").zip(second.time("looked_up")).is_some_and(|(a, b)| a.duration_until(b) <= TOGETHER)
}

fn judge(service: &str, lookups: &[&Exhibit]) -> Option<Finding> {
    let first = lookups.first().filter(|_| lookups.len() > 1)?;
    let named: Vec<&str> = lookups
        .iter()
        .take(NAMED)
        .map(|lookup| lookup.text("user").trim_start_matches("mailto:"))
        .collect();
    let more = match lookups.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let message = format!(
        "{} accounts that look made up were looked up by {service} and by nothing else: {}{more}",
        lookups.len(),
        named.join(", ")
    );
    Some(Finding::of_rule(HEURISTIC.id, Level::Medium, Trace::Received, message, first))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heuristic::testing::{json, verdicts};

    const PHOTOS: &str = "com.apple.private.alloy.photostream";

    fn lookup(service: &str, user: &str, at: &str, occurrences: i64) -> (&'static str, serde_json::Value) {
        let columns = json!({"service": service, "user": user, "looked_up": at, "occurrences": occurrences});
        ("ios.idstatuscache", columns)
    }

    #[test]
    fn two_accounts_of_one_day_are_a_pair() {
        let records = [
            lookup(PHOTOS, "mailto:madeupword5521@outlook.com", "2020-03-04T23:00:00Z", 1),
            lookup(PHOTOS, "mailto:invented.name803@gmail.com", "2020-03-05T01:00:00Z", 1),
            lookup(PHOTOS, "mailto:third.word404@gmail.com", "2020-05-05T01:00:00Z", 1),
        ];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            ["MEDIUM 2 accounts that look made up were looked up by com.apple.private.alloy.photostream and by nothing \
              else: madeupword5521@outlook.com, invented.name803@gmail.com"]
        );
    }

    #[test]
    fn one_alone_other_services_and_accounts_also_written_to_are_silent() {
        let at = "2020-03-04T05:06:07Z";
        let records = [
            lookup(PHOTOS, "mailto:madeupword5521@gmail.com", at, 1),
            lookup("com.apple.private.alloy.willow.stream", "mailto:invented803@gmail.com", at, 1),
            lookup("com.apple.madrid", "mailto:other.word803@gmail.com", at, 1),
            lookup(PHOTOS, "mailto:friend.word803@gmail.com", at, 4),
        ];
        assert_eq!(verdicts(&HEURISTIC, &records), [""; 0]);
    }

    #[test]
    fn names_with_years_and_short_numbers_are_peoples_own() {
        for user in [
            "mailto:anna.example1985@gmail.com",
            "mailto:example77@gmail.com",
            "mailto:example5521@example.org",
            "mailto:ab123@gmail.com",
            "mailto:5521@gmail.com",
            "mailto:made-up5521@gmail.com",
            "tel:+15550100",
            "",
        ] {
            assert!(!looks_made_up(user), "{user}");
        }
        assert!(looks_made_up("mailto:\"Example5521@GMAIL.com\""));
    }
}
