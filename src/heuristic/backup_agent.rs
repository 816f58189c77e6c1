use std::collections::BTreeMap;

use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "backup_agent",
    title: "Network use by a program called BackupAgent",
    looks_at: "Processes named exactly `BackupAgent` in data usage and network usage, in the usage baseline (ADDaily) and in the network use of the power log. `BackupAgent2`, a part of iOS, is not meant.",
    why_it_matters: "The implant of Operation Triangulation ran under this name, which iOS itself has not used for many versions; on phones of victims it appears with traffic.",
    innocent_causes: "A very old version of iOS, or a history carried over from one by restoring backups again and again, may hold the name from Apple's own former program.",
    next_check: "Compare the times with the Operation Triangulation signs: attachment folders in Library/SMS/Attachments that changed, then traffic of WebContent within minutes. Have a full acquisition made.",
    references: &[
        "https://securelist.com/find-the-triangulation-utility/109867/",
        "https://securelist.com/operation-triangulation/109842/",
    ],
    reads: &[
        Reads { artifact: "ios.datausage", keep },
        Reads { artifact: "ios.netusage", keep },
        Reads { artifact: "ios.addaily", keep },
        Reads { artifact: "ios.powerlog_network", keep },
    ],
    check,
};

fn keep(record: &Record<'_>) -> bool {
    is_named(record.value("process").as_text().unwrap_or_default())
}

/// The name alone, or with the bundle id that data usage adds.
fn is_named(process: &str) -> bool {
    process.split('/').next() == Some("BackupAgent") || process.rsplit('/').next() == Some("BackupAgent")
}

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    for artifact in HEURISTIC.reads.iter().map(|reads| reads.artifact) {
        let mut files: BTreeMap<&str, Vec<&Exhibit>> = BTreeMap::new();
        for exhibit in kept.of(artifact) {
            // The power log begins a new file every day.
            let file = if artifact == "ios.powerlog_network" { "" } else { &*exhibit.stored_as };
            files.entry(file).or_default().push(exhibit);
        }
        for rows in files.into_values() {
            // A process has a row for each kind of traffic.
            let Some(first) = rows.iter().min_by_key(|exhibit| (exhibit.at().is_none(), exhibit.at())) else {
                continue;
            };
            let message = "a process named BackupAgent used the network, a name that iOS no longer uses and that \
                           the Operation Triangulation implant had";
            let mut finding =
                Finding::of_rule(HEURISTIC.id, Level::High, Trace::Executed, message.into(), first);
            finding.column = Some("process");
            finding.value = first.text("process").to_owned();
            finding.matched = "BackupAgent".into();
            findings.push(finding);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heuristic::testing::{json, judge};

    #[test]
    fn all_rows_of_the_process_are_one_finding_at_its_first_time() {
        let row = |id, at| {
            ("ios.datausage", json!({"process": "BackupAgent", "live_id": id, "first_seen": at}))
        };
        let findings = judge(
            &HEURISTIC,
            &[row(1, "2023-01-02T00:00:00Z"), row(2, "2022-01-02T00:00:00Z"), row(3, "2024-01-02T00:00:00Z")],
        );
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].level, Level::High);
        assert_eq!(findings[0].exhibit.value("live_id").as_int(), Some(2));
    }

    #[test]
    fn the_usage_baseline_counts_too() {
        let row = ("ios.addaily", json!({"process": "BackupAgent", "last_used": "2022-01-02T00:00:00Z"}));
        assert_eq!(judge(&HEURISTIC, &[row]).len(), 1);
    }

    #[test]
    fn only_the_exact_name_counts() {
        for name in ["BackupAgent2", "backupagent", "MyBackupAgent", "BackupAgent2/com.apple.x", "", "BackupAgents"] {
            assert!(judge(&HEURISTIC, &[("ios.datausage", json!({"process": name}))]).is_empty(), "{name}");
        }
        for name in ["BackupAgent", "BackupAgent/com.apple.x", "/usr/libexec/BackupAgent"] {
            assert_eq!(judge(&HEURISTIC, &[("ios.datausage", json!({"process": name}))]).len(), 1, "{name}");
        }
    }
}
