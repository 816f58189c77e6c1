use std::collections::BTreeSet;

use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "addaily_only_process",
    title: "Programs that only one of two network logs remembers",
    looks_at: "Names in the daily usage baseline (ADDaily) that the data usage database does not have, where both were acquired.",
    why_it_matters: "iOS counts the traffic of programs in both. Pegasus removed its name from the database and was still found in the \
        baseline, which keeps names for months.",
    innocent_causes: "Nearly every phone has such names: the database forgets apps that were removed and is reset by some updates of iOS, \
        and programs that only used wifi may never have entered it.",
    next_check: "Look for names that belong to no app and no part of iOS, and for removed processes of the data usage database around the \
        time of the last use.",
    references: &[
        "https://www.amnesty.org/en/latest/research/2021/07/forensic-methodology-report-how-to-catch-nso-groups-pegasus/",
        "https://docs.mvt.re/en/latest/ios/records/#os_analytics_ad_dailyjson",
    ],
    reads: &[
        Reads { artifact: "ios.addaily", keep: |_| true },
        Reads { artifact: "ios.datausage", keep: |record| !record.value("proc_id").is_null() },
    ],
    check,
};

/// Programs named in the message; all of them are in the records.
const NAMED: usize = 30;
/// The kernel cuts the names of daemons to so many bytes.
const CUT_BYTES: usize = 16;

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    let database = kept.of("ios.datausage");
    if database.is_empty() {
        return;
    }
    let known: BTreeSet<&str> = database
        .iter()
        .flat_map(|exhibit| [name_of(exhibit.text("process")), exhibit.text("bundle_id")])
        .filter(|name| !name.is_empty())
        .collect();
    let only: Vec<&Exhibit> = kept
        .of("ios.addaily")
        .iter()
        .filter(|exhibit| {
            let name = name_of(exhibit.text("process"));
            !name.is_empty() && !is_known(name, &known)
        })
        .collect();
    let Some(latest) = only.iter().max_by_key(|exhibit| exhibit.at()) else { return };
    let mut names: Vec<&str> = only.iter().map(|exhibit| exhibit.text("process")).collect();
    names.sort_unstable();
    names.dedup();
    let count = names.len();
    let more = match count.saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    names.truncate(NAMED);
    let programs = if count == 1 { "program is" } else { "programs are" };
    let message = format!(
        "{count} {programs} in the usage baseline and not in the data usage database: {}{more}",
        names.join(", ")
    );
    findings.push(Finding::of_rule(HEURISTIC.id, Level::Informational, Trace::Executed, message, latest));
}

/// The program in `name`, `name/bundle id` or `UUID/bundle id`. The bundle id behind a name is often that of a group of daemons.
fn name_of(process: &str) -> &str {
    process.split('/').find(|part| !part.is_empty() && !is_uuid(part)).unwrap_or_default()
}

fn is_uuid(part: &str) -> bool {
    part.len() == 36 && part.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

fn is_known(name: &str, known: &BTreeSet<&str>) -> bool {
    if known.contains(name) || name.get(..CUT_BYTES).is_some_and(|cut| known.contains(cut)) {
        return true;
    }
    // Here the name is cut and there it may be whole.
    name.len() == CUT_BYTES && known.range(name..).next().is_some_and(|next| next.starts_with(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heuristic::testing::{json, verdicts};

    type Row = (&'static str, serde_json::Value);

    fn daily(process: &str) -> Row {
        ("ios.addaily", json!({ "process": process }))
    }

    fn used(process: &str, bundle_id: &str) -> Row {
        ("ios.datausage", json!({ "process": process, "bundle_id": bundle_id, "proc_id": 1 }))
    }

    #[test]
    fn names_that_only_the_baseline_has_are_one_finding() {
        let group = "com.apple.datausage.general";
        let records = [
            daily(&format!("bh/{group}")),
            daily("roleaboutd"),
            daily(&format!("mediaserverd/{group}")),
            used(&format!("mediaserverd/{group}"), ""),
        ];
        let found = "INFORMATIONAL 2 programs are in the usage baseline and not in the data usage database: \
            bh/com.apple.datausage.general, roleaboutd";
        assert_eq!(verdicts(&HEURISTIC, &records), [found]);
    }

    #[test]
    fn other_spellings_of_the_same_program_are_known() {
        let records = [
            daily("com.example.app"),
            daily("accountsd/com.apple.datausage.accounts"),
            daily("com.apple.WebKit.Networking"),
            daily("EnforcementServi"),
            used("0F1E2D3C-0000-4000-8000-001122334455/com.example.app", ""),
            used("accountsd", ""),
            used("com.apple.WebKit", ""),
            used("EnforcementService", ""),
        ];
        assert_eq!(verdicts(&HEURISTIC, &records), [""; 0]);
        let bundle = [daily("com.example.two"), used("Two", "com.example.two")];
        assert_eq!(verdicts(&HEURISTIC, &bundle), [""; 0]);
    }

    #[test]
    fn without_a_data_usage_database_there_is_nothing_to_compare() {
        assert_eq!(verdicts(&HEURISTIC, &[daily("bh")]), [""; 0]);
        assert_eq!(verdicts(&HEURISTIC, &[daily(""), used("a", "")]), [""; 0]);
    }
}
