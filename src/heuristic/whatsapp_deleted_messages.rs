use super::prelude::*;
use crate::artifact::Record;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "whatsapp_deleted_messages",
    title: "WhatsApp stored far fewer messages than it counted",
    looks_at: "Chats whose message counter is far above the number of messages still in the database.",
    why_it_matters: "Whoever used the phone may have removed messages, among them the ones that carried a link or a file. The records \
        that are left do not show everything that arrived.",
    innocent_causes: "Disappearing messages, a chat that was cleared to save space, or a history that was not carried over to a new \
        phone. All three are common.",
    next_check: "Ask the owner what was cleared. Copies may be in older backups, and the phone's notes of interactions with people \
        outlive the messages.",
    references: &["https://faq.whatsapp.com/673193694148537"],
    reads: &[Reads { artifact: "ios.whatsapp_chats", keep }],
    check,
};

/// A chat counts if at least half of its messages, and more than a few, are gone.
const LEAST_MISSING: i64 = 20;

fn keep(record: &Record<'_>) -> bool {
    missing(record.value("message_counter").as_int(), record.value("stored_messages").as_int()).is_some()
}

fn missing(counter: Option<i64>, stored: Option<i64>) -> Option<i64> {
    let (counter, stored) = (counter?, stored?);
    let missing = counter.checked_sub(stored)?;
    (stored >= 0 && missing >= LEAST_MISSING && missing >= stored).then_some(missing)
}

fn missing_of(chat: &Exhibit) -> i64 {
    missing(chat.value("message_counter").as_int(), chat.value("stored_messages").as_int()).unwrap_or_default()
}

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    let chats = kept.of("ios.whatsapp_chats");
    let Some(most) = chats.iter().max_by_key(|chat| (missing_of(chat), std::cmp::Reverse(&chat.place))) else { return };
    let total = chats.iter().fold(0_i64, |total, chat| total.saturating_add(missing_of(chat)));
    let name = [most.text("name"), most.text("contact"), "no name"].into_iter().find(|name| !name.is_empty());
    let chats = match chats.len() {
        1 => "1 WhatsApp chat holds".to_owned(),
        count => format!("{count} WhatsApp chats hold"),
    };
    let message = format!(
        "{chats} far fewer messages than WhatsApp counted, {total} in all; most are missing with {}",
        name.unwrap_or_default()
    );
    findings.push(Finding::of_rule(HEURISTIC.id, Level::Low, Trace::Tampered, message, most));
}

#[cfg(test)]
mod tests {
    use super::super::testing::{json, verdicts};
    use super::*;

    fn chat(name: &str, counter: i64, stored: i64) -> (&'static str, serde_json::Value) {
        ("ios.whatsapp_chats", json!({"name": name, "message_counter": counter, "stored_messages": stored}))
    }

    #[test]
    fn all_chats_together_are_one_finding() {
        assert_eq!(
            verdicts(&HEURISTIC, &[chat("Ada", 30, 2), chat("Bo", 400, 100), chat("Cy", 9, 9)]),
            ["LOW 2 WhatsApp chats hold far fewer messages than WhatsApp counted, 328 in all; most are missing with Bo"]
        );
    }

    #[test]
    fn few_missing_messages_and_unknown_counts_are_none() {
        let uncounted = ("ios.whatsapp_chats", json!({"message_counter": 500}));
        let odd = chat("D", i64::MIN, i64::MAX);
        assert_eq!(verdicts(&HEURISTIC, &[chat("A", 19, 0), chat("B", 150, 100), uncounted, odd]), [""; 0]);
    }
}
