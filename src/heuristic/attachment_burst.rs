use std::collections::BTreeMap;

use super::prelude::*;
use crate::artifact::Record;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "attachment_burst",
    title: "Many attachments of one sender failed at once",
    looks_at: "Ten or more received attachments of one sender within a minute whose transfer failed.",
    why_it_matters: "Attacks without a click tried their luck with dozens of attachments, most of which crashed the process that \
        handled them.",
    innocent_causes: "An album sent while reception was bad, or old attachments that could no longer be fetched after a phone was set \
        up anew. From a known sender that is the usual explanation, and the level says so.",
    next_check: "Look at the sender, at the file types (`.gif` above all) and at messages and crashes of the same minutes.",
    references: &["https://citizenlab.ca/2021/09/forcedentry-nso-group-imessage-zero-click-exploit-captured-in-the-wild/"],
    reads: &[Reads { artifact: "ios.sms_attachments", keep }],
    check,
};

/// Transfer states of failure: for good, and for now.
const FAILED: [i64; 2] = [6, 7];
const BURST: usize = 10;
const WITHIN_S: i64 = 60;

fn keep(record: &Record<'_>) -> bool {
    record.value("transfer_state").as_int().is_some_and(|state| FAILED.contains(&state))
        && record.value("direction").as_text() == Some("received")
}

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    let mut by_sender: BTreeMap<&str, Vec<(i64, &Exhibit)>> = BTreeMap::new();
    for exhibit in kept.of("ios.sms_attachments") {
        if let Some(time) = exhibit.time("created") {
            by_sender.entry(exhibit.text("handle")).or_default().push((time.as_second(), exhibit));
        }
    }
    for (sender, mut attachments) in by_sender {
        attachments.sort_by_key(|(time, _)| *time);
        let burst = attachments.windows(BURST).find(|window| match (window.first(), window.last()) {
            (Some((from, _)), Some((to, _))) => to - from <= WITHIN_S,
            _ => false,
        });
        let Some((_, first)) = burst.and_then(|window| window.first()) else { continue };
        // Only where Messages itself did not know the sender is it more than a broken transfer.
        let unknown = burst.into_iter().flatten().any(|(_, exhibit)| exhibit.value("filtered").is_true());
        let level = if unknown { Level::Medium } else { Level::Informational };
        let sender = if sender.is_empty() { "an unknown sender" } else { sender };
        let message = format!("at least {BURST} attachments received from {sender} within a minute failed");
        findings.push(Finding::of_rule(HEURISTIC.id, level, Trace::Received, message, first));
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{json, verdicts};
    use super::*;

    /// Failed attachments of one sender, `apart` seconds from each other.
    fn failed(count: i64, apart: i64, more: &serde_json::Value) -> Vec<(&'static str, serde_json::Value)> {
        let record = |index: i64| {
            let seconds = index * apart;
            let mut columns = json!({"direction": "received", "transfer_state": 6, "handle": "a@example.org",
                "created": format!("2021-02-01T00:{:02}:{:02}Z", seconds / 60, seconds % 60)});
            columns.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            ("ios.sms_attachments", columns)
        };
        (0..count).map(record).collect()
    }

    #[test]
    fn a_burst_of_an_unknown_sender_is_one_finding() {
        let expected = "at least 10 attachments received from a@example.org within a minute failed";
        let unknown = failed(30, 2, &json!({"filtered": true}));
        assert_eq!(verdicts(&HEURISTIC, &unknown), [format!("MEDIUM {expected}")]);
        let known = failed(10, 6, &json!({}));
        assert_eq!(verdicts(&HEURISTIC, &known), [format!("INFORMATIONAL {expected}")]);
    }

    #[test]
    fn fewer_slower_finished_or_sent_ones_are_none() {
        for records in [
            failed(9, 1, &json!({})),
            failed(20, 7, &json!({})),
            failed(20, 1, &json!({"transfer_state": 5})),
            failed(20, 1, &json!({"direction": "sent"})),
            failed(20, 1, &json!({"created": null})),
        ] {
            assert_eq!(verdicts(&HEURISTIC, &records), [""; 0]);
        }
    }
}
