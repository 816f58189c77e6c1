use std::collections::BTreeMap;

use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "clock_jump",
    title: "The phone's clock was set by an hour or more",
    looks_at: "How far the power log's clock was from the system's, and where that changed by an hour or more from one entry to the next.",
    why_it_matters: "Times in other logs around such a jump may be wrong, and events can seem to come before their causes. Setting the \
        clock can also be meant to hide when something happened.",
    innocent_causes: "An empty battery, the first start after a repair or a restore, a phone long without network, and games that are \
        cheated by setting the date. Travel does not count: the power log does not know time zones.",
    next_check: "Read times of other findings near a jump with care, and compare them with times that a server gave: messages, receipts, \
        certificates.",
    references: &["https://support.apple.com/en-us/102421"],
    reads: &[Reads { artifact: "ios.powerlog_device", keep: |record| !record.value("clock_offset_s").is_null() }],
    check,
};

/// Smaller corrections come with every synchronisation.
const JUMP_S: f64 = 3600.0;

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    let mut files: BTreeMap<&str, Vec<&Exhibit>> = BTreeMap::new();
    for offset in kept.of("ios.powerlog_device") {
        files.entry(&offset.stored_as).or_default().push(offset);
    }
    let mut jumps: Vec<(f64, &Exhibit)> = Vec::new();
    for offsets in files.values() {
        for (before, after) in offsets.iter().zip(offsets.iter().skip(1)) {
            let Some(by) = offset(after).zip(offset(before)).map(|(after, before)| after - before) else { continue };
            // Logs that overlap tell the same jump.
            let told = jumps.iter().any(|(known, jump)| *known == by && jump.time("logged") == after.time("logged"));
            if by.abs() >= JUMP_S && !told && jumps.len() < JUMPS_KEPT {
                jumps.push((by, after));
            }
        }
    }
    jumps.sort_by_key(|(_, jump)| jump.time("logged"));
    let Some((_, first)) = jumps.first() else { return };
    let named: Vec<String> = jumps.iter().take(NAMED).map(|(by, jump)| told(*by, jump)).collect();
    let more = if jumps.len() > NAMED { ", and more often" } else { "" };
    let message = format!("The clock was set {}{more}", named.join(", "));
    findings.push(Finding::of_rule(HEURISTIC.id, Level::Informational, Trace::Mentioned, message, first));
}

/// Jumps compared with one another.
const JUMPS_KEPT: usize = 100;
/// Jumps named in one sentence.
const NAMED: usize = 10;

fn offset(exhibit: &Exhibit) -> Option<f64> {
    match exhibit.value("clock_offset_s") {
        Value::Real(seconds) if seconds.is_finite() => Some(*seconds),
        other => other.as_int().map(|seconds| seconds as f64),
    }
}

/// `back by 32.0 days on 2023-05-24 05:06:07 UTC`
fn told(by: f64, jump: &Exhibit) -> String {
    let way = if by < 0.0 { "back" } else { "forward" };
    let hours = by.abs() / 3600.0;
    let size = if hours < 48.0 { format!("{hours:.1} hours") } else { format!("{:.1} days", hours / 24.0) };
    match jump.time("logged") {
        Some(time) => format!("{way} by {size} on {}", crate::time::short(time)),
        None => format!("{way} by {size}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heuristic::testing::{json, verdicts};

    fn offset(seconds: f64, at: &str) -> (&'static str, serde_json::Value) {
        ("ios.powerlog_device", json!({"clock_offset_s": seconds, "logged": at}))
    }

    #[test]
    fn jumps_are_one_finding_with_size_and_way() {
        let records = [
            offset(0.5, "2023-05-01T00:00:00Z"),
            offset(-2_764_800.0, "2023-05-02T00:00:00Z"),
            offset(5.0, "2023-05-03T00:00:00Z"),
        ];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            ["INFORMATIONAL The clock was set back by 32.0 days on 2023-05-02 00:00:00 UTC, forward by 32.0 days on \
              2023-05-03 00:00:00 UTC"]
        );
    }

    #[test]
    fn small_corrections_a_large_steady_offset_and_zones_are_silent() {
        let records = [offset(-411.0, "2023-05-01T00:00:00Z"), offset(5.0, "2023-05-02T00:00:00Z")];
        assert_eq!(verdicts(&HEURISTIC, &records), [""; 0]);
        assert_eq!(verdicts(&HEURISTIC, &[offset(-2_764_800.0, "2023-05-01T00:00:00Z")]), [""; 0]);
        let zone = ("ios.powerlog_device", json!({"zone": "Asia/Tokyo", "seconds_east": 32400}));
        assert_eq!(verdicts(&HEURISTIC, &[zone]), [""; 0]);
    }
}
