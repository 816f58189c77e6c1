use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "traffic_of_unknown_process",
    title: "Network use by a program that nothing else knows",
    looks_at: "Programs that the power log counts traffic or connections for, and whose name stands in no list of processes, apps or \
        plug-ins of the same acquisition.",
    why_it_matters: "The counters of traffic are kept apart from the lists of programs. An implant that runs for a short time, or removes \
        its own traces, can be left in the counters alone.",
    innocent_causes: "A daemon of iOS that runs seldom, that an update renamed or that a list cut to a fixed length; lists that reach less \
        far back than the counters. The fewer lists an acquisition has, the more such names there are.",
    next_check: "Look the name up for this version of iOS, and look for it in crash reports, in shutdown.log and in the unified logs around \
        the times of its traffic.",
    references: &[
        "https://www.amnesty.org/en/latest/research/2021/07/forensic-methodology-report-how-to-catch-nso-groups-pegasus/",
    ],
    reads: &[
        Reads { artifact: TRAFFIC, keep: is_traffic },
        // Each further list of processes is one line here.
        inventory("ios.crash_reports"),
        inventory("ios.jetsam_processes"),
        inventory("ios.logd_statistics"),
        inventory("ios.network_extension_rules"),
        inventory("ios.powerlog_apps"),
        inventory("ios.powerlog_other"),
        inventory("ios.powerlog_processes"),
        inventory("ios.unified_log_processes"),
        inventory("sysdiagnose.ps"),
        inventory("sysdiagnose.spindump_processes"),
        inventory("sysdiagnose.taskinfo"),
    ],
    check,
};

const TRAFFIC: &str = "ios.powerlog_network";

const fn inventory(artifact: &'static str) -> Reads {
    Reads { artifact, keep: is_telling }
}

/// The columns in which inventories name a program.
const NAMES: [&str; 6] = ["executable", "process", "name", "program", "path", "bundle_id"];

/// Tables of the power log that name each program about once; others have a row for every interval.
const TELLING_TABLES: [&str; 4] = [
    "PLProcessMonitorAgent_EventForward_ProcessID",
    "PLAccountingOperator_EventNone_Nodes",
    "PLApplicationAgent_EventNone_AllApps",
    "PLApplicationAgent_EventNone_AllPlugins",
];

fn is_telling(record: &Record<'_>) -> bool {
    match record.value("table").as_text() {
        None => true,
        // `ios.powerlog_other` tells each name once a table.
        Some(_) if record.artifact.id == "ios.powerlog_other" => {
            record.value("column").as_text() == Some("ProcessName")
        }
        Some(table) => TELLING_TABLES.contains(&table),
    }
}

/// Daemons that talk on every phone all the time: most of the traffic is theirs.
const ORDINARY: [&str; 12] = [
    "mDNSResponder",
    "apsd",
    "nsurlsessiond",
    "cloudd",
    "timed",
    "symptomsd",
    "networkserviceproxy",
    "com.apple.WebKit.Networking",
    "akd",
    "trustd",
    "identityservicesd",
    "CommCenter",
];

fn is_traffic(record: &Record<'_>) -> bool {
    let name = record.value("process").as_text().unwrap_or_default();
    let counts = ["wifi_in", "wifi_out", "cell_in", "cell_out", "bytes_received", "bytes_sent"];
    !name.is_empty()
        && !ORDINARY.contains(&name)
        && record.value("table").as_text().is_some_and(|table| table.starts_with("PLProcessNetworkAgent_"))
        && (counts.iter().any(|count| record.value(count).is_true())
            || !record.value("remote_address").is_null())
}

/// With fewer names the lists are no lists of a phone's programs.
const FEWEST_NAMES: usize = 100;
/// Programs named in one sentence.
const NAMED: usize = 15;

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    let known = Known::of(kept);
    if known.names.len() < FEWEST_NAMES {
        return;
    }
    let mut unknown: BTreeMap<&str, Vec<&Exhibit>> = BTreeMap::new();
    for traffic in kept.of(TRAFFIC) {
        let name = name_in(traffic.text("process"));
        if !known.has(name) && !known.has(traffic.text("bundle_id")) {
            unknown.entry(name).or_default().push(traffic);
        }
    }
    let newest = unknown.values().flatten().max_by_key(|traffic| traffic.time("logged"));
    let Some(newest) = newest else { return };
    let mut named: Vec<String> = unknown.iter().take(NAMED).map(|(name, rows)| told(name, rows)).collect();
    if unknown.len() > NAMED {
        named.push(format!("{} more", unknown.len() - NAMED));
    }
    let message = format!("Used the network and stand in no list of programs: {}", named.join(", "));
    let mut finding = Finding::of_rule(HEURISTIC.id, Level::Low, Trace::Executed, message, newest);
    finding.column = Some("process");
    finding.value = newest.text("process").to_owned();
    if unknown.len() > NAMED {
        finding.caveats.push("so many names rather mean that the lists do not reach back as far".into());
    }
    findings.push(finding);
}

/// `bh (last 2023-05-24 05:06:07 UTC)`
fn told(name: &str, rows: &[&Exhibit]) -> String {
    let last: Option<Timestamp> = rows.iter().filter_map(|row| row.time("logged")).max();
    match last {
        Some(last) => format!("{name} (last {})", crate::time::short(last)),
        None => name.to_owned(),
    }
}

/// The program's name: of a path its end, of `name/app` its beginning.
fn name_in(process: &str) -> &str {
    let path = process.trim_end_matches('/');
    let name = if path.starts_with('/') { path.rsplit('/').next() } else { path.split('/').next() };
    name.unwrap_or(path)
}

struct Known<'a> {
    names: BTreeSet<&'a str>,
}

/// The lengths at which iOS cuts names.
const CUTS: [usize; 4] = [15, 16, 31, 32];

impl Known<'_> {
    fn of(kept: &Kept) -> Known<'_> {
        let inventories = HEURISTIC.reads.iter().filter(|reads| reads.artifact != TRAFFIC);
        let mut names = BTreeSet::new();
        for exhibit in inventories.flat_map(|reads| kept.of(reads.artifact)) {
            for name in NAMES.iter().map(|column| name_in(exhibit.text(column))).filter(|name| !name.is_empty()) {
                names.insert(name);
                // A job is called like its daemon.
                names.extend(name.strip_prefix("com.apple."));
            }
        }
        Known { names }
    }

    /// True for a name that is listed whole, or cut on one of the two sides.
    fn has(&self, name: &str) -> bool {
        let begins_longer = || {
            let next = self.names.range(name..).next();
            CUTS.contains(&name.len()) && next.is_some_and(|next| next.starts_with(name))
        };
        let listed_cut = || CUTS.iter().any(|cut| name.get(..*cut).is_some_and(|cut| self.names.contains(cut)));
        !name.is_empty() && (self.names.contains(name) || begins_longer() || listed_cut())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heuristic::testing::{json, verdicts};

    type Row = (&'static str, serde_json::Value);

    fn traffic(process: &str, bundle_id: &str, bytes: i64) -> Row {
        let columns = json!({"process": process, "bundle_id": bundle_id, "cell_out": bytes, "logged": "2023-05-24T05:06:07Z",
                             "table": "PLProcessNetworkAgent_EventInterval_UsageDiff"});
        ("ios.powerlog_network", columns)
    }

    fn with_programs(mut records: Vec<Row>) -> Vec<Row> {
        records.extend((0..120).map(|id| ("sysdiagnose.ps", json!({"executable": format!("/usr/libexec/daemon{id}")}))));
        records
    }

    #[test]
    fn a_name_in_no_list_is_told_with_its_last_time() {
        let records = with_programs(vec![traffic("bh", "", 5), traffic("bh", "", 7), traffic("daemon7", "", 5)]);
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            ["LOW Used the network and stand in no list of programs: bh (last 2023-05-24 05:06:07 UTC)"]
        );
    }

    #[test]
    fn cut_names_apps_and_ordinary_daemons_are_silent() {
        let records = with_programs(vec![
            traffic("com.example.lon", "", 5),
            traffic("a-very-long-name-of-a-program-that-is-listed-cut", "", 5),
            traffic("App", "com.example.app", 5),
            traffic("mDNSResponder", "", 5),
            traffic("idle", "", 0),
            traffic("late", "", 5),
            traffic("crashed", "", 5),
            traffic("jettisoned", "", 5),
            traffic("logged", "", 5),
            traffic("counted", "", 5),
            traffic("sampled", "", 5),
            traffic("tasked", "", 5),
            ("ios.crash_reports", json!({"process": "crashed"})),
            ("ios.jetsam_processes", json!({"process": "jettisoned"})),
            ("ios.unified_log_processes", json!({"executable": "/usr/libexec/logged"})),
            ("ios.logd_statistics", json!({"process": "/usr/libexec/counted"})),
            ("sysdiagnose.spindump_processes", json!({"name": "sampled"})),
            ("sysdiagnose.taskinfo", json!({"name": "tasked"})),
            ("sysdiagnose.ps", json!({"executable": "/usr/libexec/com.example.longname"})),
            ("sysdiagnose.ps", json!({"executable": "a-very-long-name-of-a-program-t"})),
            ("ios.powerlog_apps", json!({"bundle_id": "com.example.app", "table": "PLApplicationAgent_EventNone_AllApps"})),
            ("ios.powerlog_other", json!({"name": "late", "table": "X", "column": "ProcessName"})),
        ]);
        assert_eq!(verdicts(&HEURISTIC, &records), [""; 0]);
    }

    #[test]
    fn without_lists_nothing_can_be_said() {
        assert_eq!(verdicts(&HEURISTIC, &[traffic("bh", "", 5)]), [""; 0]);
    }
}
