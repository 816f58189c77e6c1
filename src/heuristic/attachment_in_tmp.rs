use std::collections::BTreeMap;

use super::prelude::*;
use crate::artifact::Record;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "attachment_in_tmp",
    title: "A received attachment was left in a temporary folder",
    looks_at: "Received message attachments whose file is recorded under /var/tmp with a name that ends in `-1`.",
    why_it_matters: "Attachments of attack messages such as FORCEDENTRY crashed the process that was handling them, so that their \
        records kept the temporary name instead of a place among the attachments.",
    innocent_causes: "A transfer that broke off: bad reception, a full phone, a phone that was switched off while a large file \
        arrived. A single old record from a known sender mostly is that.",
    next_check: "Look at who sent it and at what happened within the same minute: messages without text, crashes of IMTransferAgent \
        or IMTranscoderAgent, new processes in the data usage records.",
    references: &[
        "https://citizenlab.ca/2021/09/forcedentry-nso-group-imessage-zero-click-exploit-captured-in-the-wild/",
        "https://docs.mvt.re/en/latest/ios/records/",
    ],
    reads: &[Reads { artifact: "ios.sms_attachments", keep }],
    check,
};

fn keep(record: &Record<'_>) -> bool {
    record.value("direction").as_text() == Some("received")
        && record.value("file").as_text().is_some_and(|path| {
            let path = path.strip_prefix("/private").unwrap_or(path);
            path.starts_with("/var/tmp/") && path.ends_with("-1")
        })
}

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    let mut by_sender: BTreeMap<&str, Vec<&Exhibit>> = BTreeMap::new();
    for exhibit in kept.of("ios.sms_attachments") {
        by_sender.entry(exhibit.text("handle")).or_default().push(exhibit);
    }
    for (sender, exhibits) in by_sender {
        let first = exhibits.iter().min_by_key(|exhibit| (exhibit.at().is_none(), exhibit.at(), exhibit.place.clone()));
        let Some(first) = first else { continue };
        let sender = if sender.is_empty() { "an unknown sender" } else { sender };
        let message = match exhibits.len() {
            1 => format!("an attachment received from {sender} was left in a temporary folder: {}", first.text("file")),
            count => format!(
                "{count} attachments received from {sender} were left in a temporary folder, the first: {}",
                first.text("file")
            ),
        };
        findings.push(Finding::of_rule(HEURISTIC.id, Level::Medium, Trace::Received, message, first));
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{json, verdicts};
    use super::*;

    fn attachment(path: &str, direction: &str, created: &str) -> (&'static str, serde_json::Value) {
        let columns = json!({"file": path, "direction": direction, "created": created, "handle": "a@example.org"});
        ("ios.sms_attachments", columns)
    }

    #[test]
    fn the_attachments_of_a_sender_are_one_finding() {
        assert_eq!(
            verdicts(
                &HEURISTIC,
                &[
                    attachment("/private/var/tmp/m/B-1", "received", "2021-02-02T00:00:00Z"),
                    attachment("/var/tmp/m/A-1", "received", "2021-02-01T00:00:00Z"),
                ]
            ),
            ["MEDIUM 2 attachments received from a@example.org were left in a temporary folder, the first: /var/tmp/m/A-1"]
        );
    }

    #[test]
    fn sent_ones_other_names_and_other_folders_are_none() {
        let when = "2021-02-01T00:00:00Z";
        let none = verdicts(
            &HEURISTIC,
            &[
                attachment("/var/tmp/m/A-1", "sent", when),
                attachment("/var/tmp/m/A-2", "received", when),
                attachment("/private/var/mobile/Library/SMS/Attachments/a-1", "received", when),
                ("ios.sms_attachments", json!({"direction": "received"})),
            ],
        );
        assert_eq!(none, [""; 0]);
    }
}
