use std::collections::{BTreeMap, BTreeSet};

use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "datausage_deleted_process",
    title: "Data usage of a program whose name was removed",
    looks_at: "Rows of the data usage and network usage databases that point to a process row which is no longer there.",
    why_it_matters: "Pegasus removed its own names from the table of processes and left the rows that counted its traffic, so the counters still point to programs that nobody can name.",
    innocent_causes: "Such rows are also reported from healthy phones, after apps were removed or after an update of iOS, and a restored or partly saved database can miss rows too. Without a second sign it is not proof of anything.",
    next_check: "Compare DataUsage.sqlite, netusage.sqlite and the usage baseline (ADDaily) with each other: they count the same programs and one may still hold the name; look for crashes and unknown processes around the time of the last use.",
    references: &[
        "https://www.amnesty.org/en/latest/research/2021/07/forensic-methodology-report-how-to-catch-nso-groups-pegasus/",
    ],
    // The apps beside a removed row tell whether it was one of them.
    reads: &[
        Reads { artifact: "ios.datausage", keep: |_| true },
        Reads { artifact: "ios.netusage", keep: |_| true },
    ],
    check,
};

/// More rows than this are what an update of iOS leaves behind, not what an implant does.
const MANY_ROWS: usize = 20;
/// Ids named in the message.
const IDS_NAMED: usize = 30;

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    let mut databases: BTreeMap<&str, Vec<&Exhibit>> = BTreeMap::new();
    for exhibit in HEURISTIC.reads.iter().flat_map(|reads| kept.of(reads.artifact)) {
        databases.entry(&exhibit.stored_as).or_default().push(exhibit);
    }
    for records in databases.into_values() {
        findings.extend(judge(&records));
    }
}

fn judge(records: &[&Exhibit]) -> Option<Finding> {
    let has_no_process = |exhibit: &&&Exhibit| {
        !exhibit.value("live_id").is_null() && exhibit.value("proc_id").is_null()
    };
    let mut lost: BTreeMap<i64, Vec<&Exhibit>> = BTreeMap::new();
    for exhibit in records.iter().filter(has_no_process) {
        // A row that names no process at all has lost nothing: sums over all programs are such rows.
        if let Some(id) = exhibit.value("live_proc_id").as_int() {
            lost.entry(id).or_default().push(exhibit);
        }
    }
    let rows: Vec<&Exhibit> = lost.values().flatten().copied().collect();
    let latest = *rows.iter().max_by_key(|exhibit| exhibit.time("used"))?;
    let apps = Apps::of(records);
    let among_apps = lost.keys().all(|id| apps.surround(*id));
    let level = if rows.len() > MANY_ROWS || among_apps { Level::Medium } else { Level::High };
    let message = format!(
        "{} usage {} of {} removed {}: {}",
        rows.len(),
        if rows.len() == 1 { "row is" } else { "rows are" },
        lost.len(),
        if lost.len() == 1 { "process" } else { "processes" },
        named(&lost),
    );
    let mut finding = Finding::of_rule(HEURISTIC.id, level, Trace::Tampered, message, latest);
    finding.column = Some("live_proc_id");
    finding.value = latest.value("live_proc_id").show();
    if rows.len() > MANY_ROWS {
        finding.caveats.push("so many rows at once rather come from removed apps or an update of iOS".into());
    } else if among_apps {
        finding.caveats.push("the processes numbered next to these are apps, so they may have been removed apps".into());
    }
    Some(finding)
}

/// `5 (last used 2021-03-04 05:06:07 UTC), 9`
fn named(lost: &BTreeMap<i64, Vec<&Exhibit>>) -> String {
    let one = |(id, rows): (&i64, &Vec<&Exhibit>)| {
        let used = rows.iter().filter_map(|exhibit| exhibit.time("used")).max();
        match used {
            Some(used) => format!("{id} (last used {})", crate::time::short(used)),
            None => id.to_string(),
        }
    };
    let mut names: Vec<String> = lost.iter().take(IDS_NAMED).map(one).collect();
    if lost.len() > IDS_NAMED {
        names.push(format!("{} more", lost.len() - IDS_NAMED));
    }
    names.join(", ")
}

/// The ids of processes, and which of them are apps.
struct Apps {
    ids: BTreeSet<i64>,
    apps: BTreeSet<i64>,
}

impl Apps {
    fn of(records: &[&Exhibit]) -> Apps {
        let id = |exhibit: &&&Exhibit| exhibit.value("proc_id").as_int();
        let is_app = |exhibit: &&&Exhibit| {
            let bundle_id = exhibit.text("bundle_id");
            !bundle_id.is_empty() && !bundle_id.starts_with("com.apple.")
        };
        Apps {
            ids: records.iter().filter_map(|exhibit| id(&exhibit)).collect(),
            apps: records.iter().filter(is_app).filter_map(|exhibit| id(&exhibit)).collect(),
        }
    }

    /// True if the nearest processes on both sides are apps: what is installed together is numbered together.
    fn surround(&self, id: i64) -> bool {
        let before = self.ids.range(..id).next_back();
        let after = self.ids.range(id..).next();
        [before, after].into_iter().all(|id| id.is_some_and(|id| self.apps.contains(id)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heuristic::testing::{json, judge, verdicts};

    type Row = (&'static str, serde_json::Value);

    fn process(id: i64, bundle_id: &str) -> Row {
        ("ios.datausage", json!({"proc_id": id, "process": "x", "bundle_id": bundle_id}))
    }

    fn lost(live_id: i64, id: Option<i64>) -> Row {
        ("ios.datausage", json!({"live_id": live_id, "live_proc_id": id, "used": "2021-03-04T05:06:07Z"}))
    }

    #[test]
    fn rows_of_removed_processes_are_one_finding_with_their_ids() {
        let records = [process(4, ""), lost(10, Some(5)), lost(11, Some(5)), lost(12, Some(9)), process(12, "com.a")];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            ["HIGH 3 usage rows are of 2 removed processes: 5 (last used 2021-03-04 05:06:07 UTC), \
              9 (last used 2021-03-04 05:06:07 UTC)"]
        );
    }

    #[test]
    fn rows_with_a_process_or_without_any_reference_are_normal() {
        let used = ("ios.datausage", json!({"live_id": 1, "live_proc_id": 4, "proc_id": 4}));
        assert!(judge(&HEURISTIC, &[process(4, ""), used, lost(2, None)]).is_empty());
    }

    #[test]
    fn many_rows_and_removed_apps_are_lowered() {
        let many: Vec<Row> = (0..21).map(|id| lost(id, Some(100 + id))).collect();
        assert_eq!(judge(&HEURISTIC, &many)[0].level, Level::Medium);
        let twenty = &many[..20];
        assert_eq!(judge(&HEURISTIC, twenty)[0].level, Level::High);
        let apps = [process(4, "com.a"), lost(10, Some(5)), process(6, "com.b")];
        assert_eq!(judge(&HEURISTIC, &apps)[0].level, Level::Medium);
        let system = [process(4, "com.apple.a"), lost(10, Some(5)), process(6, "com.b")];
        assert_eq!(judge(&HEURISTIC, &system)[0].level, Level::High);
    }
}
