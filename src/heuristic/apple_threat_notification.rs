use super::prelude::*;
use crate::artifact::Record;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "apple_threat_notification",
    title: "Apple warned the owner of this phone",
    looks_at: "Messages that begin with the words of Apple's threat notifications, or that come from the addresses Apple sends them from.",
    why_it_matters: "Apple warns people it believes were singled out by state-sponsored attackers or mercenary spyware. It does so \
        with high confidence and rarely; the warning says that an attack was attempted, not that it succeeded.",
    innocent_causes: "Somebody forwarded or quoted the text, or imitates Apple to make the reader click. A genuine notification never \
        asks to open a link, install anything or give a password, and it is also shown after signing in at account.apple.com.",
    next_check: "Sign in at account.apple.com (typed by hand) and look for the banner at the top of the page. Turn on Lockdown Mode, \
        keep the phone as it is, and ask a help line such as Access Now's for an examination.",
    references: &["https://support.apple.com/102174"],
    reads: &[Reads { artifact: "ios.sms", keep }],
    check,
};

const WORDINGS: [&str; 2] = [
    "ALERT: State-sponsored attackers may be targeting your iPhone",
    "ALERT: Apple detected a targeted mercenary spyware attack against your iPhone",
];
/// The notifications are translated, their senders are not.
const SENDERS: [&str; 2] = ["threat-notifications@apple.com", "threat-notifications@email.apple.com"];

fn keep(record: &Record<'_>) -> bool {
    record.value("message").as_text().is_some_and(has_wording) || record.value("handle").as_text().is_some_and(is_apple)
}

fn has_wording(text: &str) -> bool {
    // Some senders put a blank or a byte order mark before it.
    let text = text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    WORDINGS.iter().any(|wording| text.starts_with(wording))
}

fn is_apple(handle: &str) -> bool {
    SENDERS.iter().any(|sender| handle.trim().eq_ignore_ascii_case(sender))
}

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    for exhibit in kept.of("ios.sms") {
        let (worded, from_apple) = (has_wording(exhibit.text("message")), is_apple(exhibit.text("handle")));
        let (level, trace, message) = match exhibit.text("direction") {
            "sent" if worded => (
                Level::Low,
                Trace::Mentioned,
                "the owner of this phone sent on the text of an Apple threat notification",
            ),
            "sent" => continue,
            _ if worded => (Level::High, Trace::Received, "this phone received an Apple threat notification"),
            _ => (
                Level::High,
                Trace::Received,
                "this phone received a message from the address that sends Apple's threat notifications",
            ),
        };
        let mut finding = Finding::of_rule(HEURISTIC.id, level, trace, message.to_owned(), exhibit);
        if level == Level::High && !from_apple {
            finding.caveats.push("the sender is none of Apple's known addresses: it may be forwarded or imitated".into());
        }
        findings.push(finding);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{json, judge, verdicts};
    use super::*;

    const TEXT: &str = "ALERT: State-sponsored attackers may be targeting your iPhone\nApple believes you are";

    #[test]
    fn both_wordings_are_known_and_a_translation_by_its_sender() {
        let from_apple = |message: &str| {
            ("ios.sms", json!({"message": message, "direction": "received", "handle": "Threat-Notifications@apple.com"}))
        };
        assert_eq!(
            verdicts(
                &HEURISTIC,
                &[
                    from_apple(TEXT),
                    from_apple("ALERT: Apple detected a targeted mercenary spyware attack against your iPhone"),
                    from_apple("ALERTE : des attaquants"),
                ]
            ),
            [
                "HIGH this phone received an Apple threat notification",
                "HIGH this phone received an Apple threat notification",
                "HIGH this phone received a message from the address that sends Apple's threat notifications",
            ]
        );
    }

    #[test]
    fn another_sender_is_said_and_what_the_owner_sent_is_a_mention() {
        let other = judge(&HEURISTIC, &[("ios.sms", json!({"message": TEXT, "direction": "received", "handle": "+15550100"}))]);
        assert_eq!((other[0].level, other[0].caveats.len()), (Level::High, 1));
        let sent = judge(&HEURISTIC, &[("ios.sms", json!({"message": TEXT, "direction": "sent", "handle": "lab@example.org"}))]);
        assert_eq!((sent[0].level, sent[0].trace), (Level::Low, Trace::Mentioned));
    }

    #[test]
    fn other_alerts_and_quotations_are_none() {
        let plain = |message: &str| ("ios.sms", json!({"message": message, "direction": "received", "handle": "+15550100"}));
        let quoted = format!("They wrote: {TEXT}");
        let none = verdicts(&HEURISTIC, &[plain("ALERT: the lift is out of order"), plain(&quoted), ("ios.sms", json!({}))]);
        assert_eq!(none, [""; 0]);
    }
}
