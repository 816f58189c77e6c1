use std::collections::BTreeMap;

use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "idstatuscache_nul",
    title: "Malformed account in the account look-ups",
    looks_at: "Accounts that the phone looked up at Apple, for two NUL bytes in a row.",
    why_it_matters: "No e-mail address and no phone number contains them. Malformed accounts of this kind were found on phones attacked \
        with Pegasus: they were the senders of the attack.",
    innocent_causes: "A damaged file could produce them; no app and no owner does. Nothing harmless is known that writes such an account.",
    next_check: "Note service and time of the look-up, examine what else happened on the phone in the hour around it, and have the whole \
        acquisition examined by a laboratory.",
    references: &[
        "https://www.amnesty.org/en/latest/research/2021/07/forensic-methodology-report-how-to-catch-nso-groups-pegasus/",
    ],
    reads: &[Reads {
        artifact: "ios.idstatuscache",
        keep: |record| record.value("user").as_text().is_some_and(|user| user.contains(TWO_NULS)),
    }],
    check: |kept, findings| {
        let mut users: BTreeMap<&str, Vec<&Exhibit>> = BTreeMap::new();
        for lookup in kept.of("ios.idstatuscache") {
            users.entry(lookup.text("user")).or_default().push(lookup);
        }
        for (user, lookups) in users {
            let Some(first) = lookups.iter().min_by_key(|lookup| (lookup.at().is_none(), lookup.at())) else { continue };
            let services: Vec<&str> = lookups.iter().map(|lookup| lookup.text("service")).collect();
            let message = format!("The malformed account `{user}` was looked up by {}", services.join(", "));
            findings.push(Finding::of_rule(HEURISTIC.id, Level::High, Trace::Received, message, first));
        }
    },
};

/// As the artifact writes them.
const TWO_NULS: &str = r"\x00\x00";

#[cfg(test)]
mod tests {
    use super::super::testing::{json, verdicts};
    use super::*;

    fn lookup(service: &str, user: &str) -> (&'static str, serde_json::Value) {
        ("ios.idstatuscache", json!({ "service": service, "user": user }))
    }

    #[test]
    fn an_account_is_one_finding_whatever_asked_for_it() {
        let records = [lookup("com.apple.madrid", r"mailto:\x00\x00a"), lookup("com.apple.ess", r"mailto:\x00\x00a")];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            [r"HIGH The malformed account `mailto:\x00\x00a` was looked up by com.apple.madrid, com.apple.ess"]
        );
    }

    #[test]
    fn a_single_nul_and_ordinary_accounts_are_silent() {
        let records = [lookup("s", r"mailto:\x00a@b.example"), lookup("s", "tel:+15550100")];
        assert_eq!(verdicts(&HEURISTIC, &records), [""; 0]);
    }
}
