use super::prelude::*;
use crate::artifact::Record;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "apple_threat_notification",
    title: "Apple warned the owner of this phone",
    looks_at: "Messages, mails and delivered notifications that begin with the words of Apple's threat notifications, or that come from the \
        addresses Apple sends them from.",
    why_it_matters: "Apple warns people it believes were singled out by state-sponsored attackers or mercenary spyware. It does so \
        with high confidence and rarely; the warning says that an attack was attempted, not that it succeeded.",
    innocent_causes: "Somebody forwarded or quoted the text, or imitates Apple to make the reader click. A genuine notification never \
        asks to open a link, install anything or give a password, and it is also shown after signing in at account.apple.com.",
    next_check: "Sign in at account.apple.com (typed by hand) and look for the banner at the top of the page. Turn on Lockdown Mode, \
        keep the phone as it is, and ask a help line such as Access Now's for an examination.",
    references: &["https://support.apple.com/102174"],
    reads: &[
        Reads { artifact: "ios.sms", keep },
        Reads { artifact: "ios.mail", keep },
        Reads { artifact: "ios.mail_files", keep },
        Reads { artifact: "ios.notifications", keep },
    ],
    check,
};

const WORDINGS: [&str; 2] = [
    "ALERT: State-sponsored attackers may be targeting your iPhone",
    "ALERT: Apple detected a targeted mercenary spyware attack against your iPhone",
];
/// The notifications are translated, their senders are not.
const SENDERS: [&str; 2] = ["threat-notifications@apple.com", "threat-notifications@email.apple.com"];

/// Columns whose texts may be the notification, and those that say who sent it.
const TEXTS: [&str; 5] = ["message", "subject", "text", "subtitle", "title"];
const FROM: [&str; 3] = ["handle", "sender", "from"];
fn keep(record: &Record<'_>) -> bool {
    let worded = |column: &&str| record.value(column).as_text().is_some_and(has_wording);
    TEXTS.iter().any(worded) || FROM.iter().any(|column| is_from_apple(record.value(column)))
}

fn is_from_apple(sender: &Value<'_>) -> bool {
    match sender {
        Value::Text(sender) => is_apple(sender),
        Value::List(senders) => senders.iter().filter_map(Value::as_text).any(is_apple),
        _ => false,
    }
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
    let messages = kept.of("ios.sms");
    // The index of mails and their files tell of the same ones, notifications of what is there already.
    let mails = ["ios.mail", "ios.mail_files"].map(|artifact| kept.of(artifact));
    let mails = mails.into_iter().find(|mails| !mails.is_empty()).unwrap_or_default();
    let told = !messages.is_empty() || !mails.is_empty();
    let notifications = if told { &[] } else { kept.of("ios.notifications") };
    for exhibit in messages.iter().chain(mails).chain(notifications) {
        conclude(exhibit, findings);
    }
}

fn conclude(exhibit: &Exhibit, findings: &mut Vec<Finding>) {
    let worded = TEXTS.iter().any(|column| has_wording(exhibit.text(column)));
    let from_apple = FROM.iter().any(|column| is_from_apple(exhibit.value(column)));
    let (level, trace, message) = match exhibit.text("direction") {
        "sent" if worded => (
            Level::Low,
            Trace::Mentioned,
            "the owner of this phone sent on the text of an Apple threat notification",
        ),
        "sent" => return,
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

    #[test]
    fn mails_and_notifications_are_looked_at_too() {
        let mail = ("ios.mail", json!({"sender": "threat-notifications@email.apple.com", "subject": "Avertissement"}));
        let file = ("ios.mail_files", json!({"from": ["threat-notifications@email.apple.com"], "subject": "Avertissement"}));
        let notified = ("ios.notifications", json!({"message": TEXT, "app": "com.apple.MobileSMS"}));
        let by_address = "HIGH this phone received a message from the address that sends Apple's threat notifications";
        assert_eq!(verdicts(&HEURISTIC, &[mail, file.clone(), notified.clone()]), [by_address]);
        assert_eq!(verdicts(&HEURISTIC, &[file]), [by_address]);
        assert_eq!(verdicts(&HEURISTIC, &[notified]), ["HIGH this phone received an Apple threat notification"]);
    }
}
