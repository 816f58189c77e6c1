use super::prelude::*;
use crate::time::short;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "message_gaps",
    title: "Messages missing from the numbering",
    looks_at: "The numbers that Messages gives to messages one after the other, and the highest number that it ever gave.",
    why_it_matters: "A number that is missing was a message that somebody or something deleted. Attacks through messages delete what \
        brought them; near the time of another finding, a gap is worth a look.",
    innocent_causes: "Nearly every phone has gaps: the owner deletes messages and conversations, old ones are deleted after a time that \
        can be set, codes are deleted after use, drafts and reactions take numbers, and synchronisation renumbers.",
    next_check: "Compare the times around the gaps with those of other findings. Sizes and times of all gaps are in the records of \
        `ios.message_gaps`; what Messages knows of deleted messages is in `ios.message_deletions`.",
    references: &[
        "https://www.amnesty.org/en/latest/research/2021/07/forensic-methodology-report-how-to-catch-nso-groups-pegasus/",
        "https://securelist.com/operation-triangulation/109842/",
    ],
    reads: &[Reads { artifact: ARTIFACT, keep: |record| !record.value("missing").is_null() }],
    check,
};

const ARTIFACT: &str = "ios.message_gaps";
/// Gaps named in the message.
const NAMED: usize = 3;

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    let mut gaps: Vec<(i64, &Exhibit)> =
        kept.of(ARTIFACT).iter().filter_map(|gap| Some((gap.value("missing").as_int()?, gap))).collect();
    gaps.sort_by_key(|(missing, _)| std::cmp::Reverse(*missing));
    let Some((_, largest)) = gaps.first() else { return };
    let missing = gaps.iter().fold(0i64, |sum, (missing, _)| sum.saturating_add(*missing));
    let named: Vec<String> = gaps.iter().take(NAMED).map(|(missing, gap)| place(*missing, gap)).collect();
    let message = format!(
        "{missing} numbers of messages are missing in {} gaps, the largest: {}",
        gaps.len(),
        named.join("; ")
    );
    findings.push(Finding::of_rule(HEURISTIC.id, Level::Informational, Trace::Tampered, message, largest));
}

fn place(missing: i64, gap: &Exhibit) -> String {
    let (after, before) = (gap.time("after_message").map(short), gap.time("before_message").map(short));
    let between = match (after, before) {
        (Some(after), Some(before)) => format!(" between {after} and {before}"),
        (Some(after), None) => format!(" after {after}"),
        (None, Some(before)) => format!(" before {before}"),
        (None, None) => String::new(),
    };
    format!("{missing}{between}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heuristic::testing::{json, verdicts};

    #[test]
    fn all_gaps_are_one_finding_that_names_the_largest() {
        let gap = |missing: i64, after: serde_json::Value, before: serde_json::Value| {
            (ARTIFACT, json!({"missing": missing, "after_message": after, "before_message": before}))
        };
        let (early, late) = (json!("2024-01-02T03:04:05Z"), json!("2024-01-03T03:04:05Z"));
        let none = serde_json::Value::Null;
        let records = [
            gap(1, none.clone(), none.clone()),
            gap(2, none.clone(), early.clone()),
            gap(5, late.clone(), none),
            gap(9, early, late),
        ];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            ["INFORMATIONAL 17 numbers of messages are missing in 4 gaps, the largest: 9 between 2024-01-02 03:04:05 UTC and \
              2024-01-03 03:04:05 UTC; 5 after 2024-01-03 03:04:05 UTC; 2 before 2024-01-02 03:04:05 UTC"]
        );
    }

    #[test]
    fn a_whole_row_of_numbers_is_silent() {
        assert_eq!(verdicts(&HEURISTIC, &[]), [""; 0]);
        assert_eq!(verdicts(&HEURISTIC, &[(ARTIFACT, json!({}))]), [""; 0]);
    }
}
