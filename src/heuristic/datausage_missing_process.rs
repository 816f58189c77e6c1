use std::collections::BTreeMap;

use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "datausage_missing_process",
    title: "Gaps in the numbers of processes that used data",
    looks_at: "Numbers between the lowest and the highest process row of the data usage and network usage databases that no row has.",
    why_it_matters: "Rows are numbered one after the other, so a missing number is a row that was removed; implants have removed theirs.",
    innocent_causes: "Nearly every phone has such gaps: iOS removes the rows of apps that were uninstalled. It is listed to help with dating, not as a sign of an attack.",
    next_check: "Only together with another sign: the rows before and after a gap date the removed one.",
    references: &["https://docs.mvt.re/en/latest/ios/records/#datausagejson"],
    reads: &[
        Reads { artifact: "ios.datausage", keep: |record| !record.value("proc_id").is_null() },
        Reads { artifact: "ios.netusage", keep: |record| !record.value("proc_id").is_null() },
    ],
    check,
};

/// Gaps named in the message.
const GAPS_NAMED: usize = 20;

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    let mut databases: BTreeMap<&str, BTreeMap<i64, &Exhibit>> = BTreeMap::new();
    for exhibit in HEURISTIC.reads.iter().flat_map(|reads| kept.of(reads.artifact)) {
        if let Some(id) = exhibit.value("proc_id").as_int() {
            databases.entry(&exhibit.stored_as).or_default().entry(id).or_insert(exhibit);
        }
    }
    for processes in databases.into_values() {
        findings.extend(judge(&processes));
    }
}

fn judge(processes: &BTreeMap<i64, &Exhibit>) -> Option<Finding> {
    let mut gaps = Vec::new();
    let mut missing = 0_u64;
    for ((before, exhibit), (after, _)) in processes.iter().zip(processes.iter().skip(1)) {
        let count = after.abs_diff(*before).saturating_sub(1);
        if count > 0 {
            missing = missing.saturating_add(count);
            gaps.push((before.saturating_add(1), count, *exhibit));
        }
    }
    let (_, _, first) = gaps.first()?;
    let mut names: Vec<String> = gaps
        .iter()
        .take(GAPS_NAMED)
        .map(|(start, count, before)| {
            let end = start.saturating_add_unsigned(count - 1);
            let ids = if *count == 1 { start.to_string() } else { format!("{start} to {end}") };
            format!("{ids} (after {})", before.text("process"))
        })
        .collect();
    if gaps.len() > GAPS_NAMED {
        names.push(format!("{} more gaps", gaps.len() - GAPS_NAMED));
    }
    let what = if missing == 1 { "process number is" } else { "process numbers are" };
    let message = format!("{missing} {what} missing: {}", names.join(", "));
    let mut finding = Finding::of_rule(HEURISTIC.id, Level::Low, Trace::Tampered, message, first);
    finding.caveats.push("uninstalled apps leave such gaps on nearly every phone".into());
    Some(finding)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heuristic::testing::{json, judge, verdicts};

    fn process(id: i64) -> (&'static str, serde_json::Value) {
        ("ios.datausage", json!({"proc_id": id, "process": format!("p{id}")}))
    }

    #[test]
    fn gaps_are_one_finding() {
        let records = [7, 1, 2, 4, 4].map(process);
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            ["LOW 3 process numbers are missing: 3 (after p2), 5 to 6 (after p4)"]
        );
    }

    #[test]
    fn numbers_without_gap_and_extreme_numbers_are_fine() {
        assert!(judge(&HEURISTIC, &[3, 4, 5].map(process)).is_empty());
        assert!(judge(&HEURISTIC, &[]).is_empty());
        assert_eq!(judge(&HEURISTIC, &[i64::MIN, i64::MAX].map(process)).len(), 1);
    }
}
