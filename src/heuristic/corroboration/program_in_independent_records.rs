use std::collections::BTreeMap;

use super::super::corroborated_program::KINDS;
use super::super::programs::{self, Folder};
use super::prelude::*;

pub const CORROBORATION: Corroboration = Corroboration {
    id: "program_in_independent_records",
    title: "Records made independently name the same published program",
    looks_at: "Matches of one published program name or path in the usage counters without an app's id, in diagnostic reports, in the shutdown log, in lists \
        of running processes, in the unified log, in the statistics of the system log and in privacy permissions. Three kinds raise each of these matches, two are told.",
    why_it_matters: "One name in one list can be a slip, a cut name or a harmless namesake. Published infections stood in several lists that different parts of \
        iOS write: traffic of a process without an app, its crash, and its delay at shutdown.",
    innocent_causes: "An app or a part of iOS of the same name runs, crashes and uses the network too. So nothing is raised where any of the records names an \
        app's id or a path in an app's or in iOS's folder. A jailbreak's tool stands in many lists as well.",
    next_check: "Compare paths, sizes and times in the records that are named; look at messages and links just before the first of them. Have a full \
        acquisition made before the phone is restarted.",
    false_positives: "Expected on fewer than 1 of 10,000 phones: a name that was published, no app's id and no path of iOS in any record, and three kinds of records.",
    references: &[
        "https://www.amnesty.org/en/latest/research/2021/07/forensic-methodology-report-how-to-catch-nso-groups-pegasus/",
        "https://securelist.com/shutdown-log-lightweight-ios-malware-detection-method/111734/",
    ],
    reads: &[],
    weigh: |findings, kept, set| weigh(findings, kept, set),
};

/// From this many kinds of records on the level is raised.
const ENOUGH: usize = 3;

fn kind_of(artifact: &str) -> Option<&'static str> {
    KINDS.iter().find(|(_, artifacts)| artifacts.contains(&artifact)).map(|(kind, _)| *kind)
}

/// True where the record says that the program is an app's or lies where iOS has its own.
fn is_explained(finding: &Finding) -> bool {
    let exhibit = &finding.exhibit;
    let id = ["bundle_id", "bundle"].iter().any(|column| !exhibit.text(column).is_empty());
    let path = ["executable", "client", "image"].iter().map(|column| exhibit.text(column));
    let mut paths = path.chain([&*finding.value]).filter(|path| path.starts_with('/'));
    id || paths.any(|path| programs::folder_of(path) == Folder::Standard)
}

fn weigh(findings: &mut [Finding], _: &Kept, set: &IndicatorSet) {
    let mut groups: BTreeMap<(Ioc, &str), Vec<usize>> = BTreeMap::new();
    for (index, finding) in findings.iter().enumerate() {
        let is_program = |ioc| matches!(ioc, Ioc::Process | Ioc::FileName | Ioc::FilePath);
        if let Some((ioc, indicator)) = matched(finding, set)
            && is_program(ioc)
            && finding.trace == Trace::Executed
            && kind_of(finding.exhibit.artifact).is_some()
        {
            groups.entry((ioc, &indicator.value)).or_default().push(index);
        }
    }
    for members in groups.into_values() {
        let of = |index: &usize| findings.get(*index);
        if members.iter().filter_map(of).any(is_explained) {
            continue;
        }
        let mut kinds: Vec<&str> = Vec::new();
        for kind in members.iter().filter_map(of).filter_map(|finding| kind_of(finding.exhibit.artifact)) {
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        if kinds.len() < 2 {
            continue;
        }
        kinds.sort_unstable();
        let weight = if kinds.len() >= ENOUGH { Weight::Raises } else { Weight::Noted };
        let why = format!("independent records name the same program: {}", kinds.join(", "));
        for index in members {
            if let Some(finding) = findings.get_mut(index) {
                finding.weigh(CORROBORATION.id, weight, why.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{hit_of, json, levels, weighed};
    use super::*;

    fn named(artifact: &'static str, columns: serde_json::Value) -> Finding {
        hit_of(Strength::Medium, "bh", Trace::Executed, Level::Medium, (artifact, columns))
    }

    fn used() -> Finding {
        named("ios.datausage", json!({"process": "bh"}))
    }

    fn crashed(executable: &str) -> Finding {
        named("ios.crash_reports", json!({"process": "bh", "executable": executable}))
    }

    fn delayed(client: &str) -> Finding {
        named("ios.shutdown_log", json!({"client": client}))
    }

    const STAGED: &str = "/private/var/db/com.apple.xpc.roleaccountd.staging/bh";

    #[test]
    fn traffic_without_an_app_a_crash_and_the_shutdown_log_raise() {
        let findings = weighed(&CORROBORATION, vec![used(), crashed(STAGED), delayed(STAGED)], &[]);
        assert!(findings.iter().all(|finding| finding.level == Level::High));
        assert_eq!(
            findings[0].weighed[0].why,
            "independent records name the same program: diagnostic reports, the shutdown log, usage counters"
        );
    }

    #[test]
    fn two_kinds_are_told_and_one_is_not() {
        assert_eq!(levels(&CORROBORATION, vec![used(), crashed("")], &[]), ["MEDIUM noted", "MEDIUM noted"]);
        let counted = named("ios.addaily", json!({"process": "bh"}));
        assert_eq!(levels(&CORROBORATION, vec![used(), counted], &[]), ["MEDIUM", "MEDIUM"]);
    }

    #[test]
    fn an_app_or_a_part_of_ios_of_that_name_explains_all() {
        let app = named("ios.datausage", json!({"process": "bh", "bundle_id": "com.example.bh"}));
        for innocent in [
            app,
            crashed("/private/var/containers/Bundle/Application/6F0C2C0E/bh.app/bh"),
            delayed("/usr/libexec/bh"),
        ] {
            let all = vec![used(), crashed(STAGED), delayed(STAGED), innocent];
            assert_eq!(levels(&CORROBORATION, all, &[]), ["MEDIUM"; 4]);
        }
    }
}
