use jiff::Timestamp;

use super::prelude::*;
use crate::time::short;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "unlogged_shutdowns",
    title: "The phone started more often than its shutdown log tells",
    looks_at: "Starts of the phone that other logs hold, counted against the shutdowns in shutdown.log over the same time.",
    why_it_matters: "shutdown.log is where spyware has been found by the programs that were still running when the phone was switched off. \
        Newer versions of Pegasus were seen to delete entries of it. Starts without a shutdown before them can mean that.",
    innocent_causes: "Forced restarts with the buttons, crashes of the system and a battery that failed leave a start and no shutdown. An \
        upgrade or a restore can begin the log anew, iOS 26 does so often, and a healthy phone was seen with an empty log.",
    next_check: "Compare the starts one by one with crash reports of the kind `panic-full` and `ResetCounter` and with what the owner remembers. \
        Alone this is a lead, not a trace.",
    references: &[
        "https://securelist.com/shutdown-log-lightweight-ios-malware-detection-method/111734/",
        "https://iverify.io/blog/key-iocs-for-pegasus-and-predator-spyware-cleaned-with-ios-26-update",
    ],
    reads: &[
        Reads { artifact: "ios.container_log", keep: is_start },
        Reads { artifact: "ios.install_log", keep: is_start },
        Reads { artifact: "ios.powerlog_device", keep: is_start },
        Reads { artifact: SHUTDOWNS.artifact, keep: |record| !record.value(SHUTDOWNS.column).is_null() },
        // One record of a report is enough: the process that panicked, or the first one.
        Reads { artifact: "ios.stackshot_processes", keep: |record| {
            matches!(record.value("bug_type").as_int(), Some(210 | 110 | 151))
                && (record.value("panicked").is_true() || matches!(record.value("pid").as_int(), None | Some(0 | 1)))
        } },
    ],
    check: |kept, findings| {
        let shutdowns = moments(kept, &SHUTDOWNS);
        let crashes: Vec<Timestamp> = EXPLAINED.iter().flat_map(|told| moments(kept, told)).collect();
        // Each source knows of every start: they are no sum, the one that tells most counts.
        let told = STARTS.iter().filter_map(|source| {
            let gap = missing(moments(kept, &source.of), &shutdowns, &crashes)?;
            Some((source, kept.of(source.of.artifact), gap))
        });
        let worst = told.max_by_key(|(source, _, gap)| (source.level, gap.starts - gap.shutdowns));
        let Some((source, entries, gap)) = worst else { return };
        let of_gap = |entry: &&Exhibit| entry.time(source.of.column).is_some_and(|start| start >= gap.first);
        let Some(exhibit) = entries.iter().find(of_gap) else { return };
        let message = format!(
            "The phone started {} times between {} and {}, shutdown.log tells of {} shutdowns",
            gap.starts,
            short(gap.first),
            short(gap.last),
            gap.shutdowns
        );
        findings.push(Finding::of_rule(HEURISTIC.id, source.level, Trace::Tampered, message, exhibit));
    },
};

/// A column that tells of a moment.
struct Told {
    artifact: &'static str,
    column: &'static str,
}

/// The different moments told of, in order.
fn moments(kept: &Kept, told: &Told) -> Vec<Timestamp> {
    let mut moments: Vec<Timestamp> =
        kept.of(told.artifact).iter().filter_map(|record| record.time(told.column)).collect();
    moments.sort_unstable();
    moments.dedup();
    moments
}

/// A log that tells of every start.
struct Starts {
    of: Told,
    /// What a gap deserves: logs that iOS 26 still writes are compared with a shutdown log that iOS 26 cuts off.
    level: Level,
}

/// The shutdowns; each may stand in many records, one for each program that was still there.
const SHUTDOWNS: Told = Told { artifact: "ios.shutdown_log", column: "shutdown" };
const STARTS: [Starts; 3] = [
    // Written up to iOS 17.
    Starts { of: Told { artifact: "ios.container_log", column: "booted" }, level: Level::Medium },
    Starts { of: Told { artifact: "ios.install_log", column: "booted" }, level: Level::Low },
    Starts { of: Told { artifact: "ios.powerlog_device", column: "booted" }, level: Level::Low },
];
/// Panics and resets of the whole system, each of which explains one start.
const EXPLAINED: [Told; 1] = [Told { artifact: "ios.stackshot_processes", column: "time" }];

fn is_start(record: &Record<'_>) -> bool {
    !record.value("booted").is_null()
}

/// The logs write a start more than once, and clocks that were corrected move it: what lies this close together is one start.
const ONE_START_S: i64 = 600;
/// Local times are wrong by as much on a phone that travelled: what lies closer to the ends of the shutdown log is not counted.
const SLACK_S: i64 = 26 * 3600;
/// Starts without a shutdown that are worth a word, also as a part of all: forced restarts happen to everybody.
const MISSING_LEAST: usize = 3;
const MISSING_PART: usize = 4;

#[derive(Debug, PartialEq)]
struct Gap {
    starts: usize,
    shutdowns: usize,
    first: Timestamp,
    last: Timestamp,
}

/// The gap between starts and shutdowns over the time that the shutdown log covers; `None` where there is none to speak of, and where
/// the log is empty, which says nothing.
fn missing(mut starts: Vec<Timestamp>, shutdowns: &[Timestamp], crashes: &[Timestamp]) -> Option<Gap> {
    let (first, last) = (*shutdowns.first()?, *shutdowns.last()?);
    let inside = |time: &Timestamp, slack: i64| {
        time.as_second() > first.as_second() + slack && time.as_second() < last.as_second() - slack
    };
    starts.retain(|start| inside(start, SLACK_S));
    starts.sort_unstable();
    starts.dedup_by(|later, earlier| later.as_second() - earlier.as_second() < ONE_START_S);
    // The shutdowns near the ends may belong to starts that are counted.
    let explained = shutdowns.len() + crashes.iter().filter(|crash| inside(crash, 0)).count();
    let missing = starts.len().checked_sub(explained)?;
    (missing >= MISSING_LEAST && missing * MISSING_PART >= starts.len()).then_some(Gap {
        starts: starts.len(),
        shutdowns: shutdowns.len(),
        first,
        last,
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{json, verdicts};
    use super::*;

    fn days(days: impl IntoIterator<Item = i64>) -> Vec<Timestamp> {
        days.into_iter().map(|day| Timestamp::from_second(1_700_000_000 + day * 86_400).unwrap()).collect()
    }

    #[test]
    fn starts_without_a_shutdown_are_counted() {
        let shutdowns = days([0, 30, 60]);
        let gap = missing(days([5, 10, 20, 31, 40, 50]), &shutdowns, &[]).unwrap();
        assert_eq!((gap.starts, gap.shutdowns), (6, 3));
    }

    #[test]
    fn a_shutdown_before_each_start_is_no_gap() {
        assert_eq!(missing(days(1..60), &days(0..61), &[]), None);
    }

    #[test]
    fn forced_restarts_crashes_and_starts_told_twice_are_no_gap() {
        let shutdowns = days([0, 30, 60]);
        assert_eq!(missing(days([5, 10, 20, 31, 40]), &shutdowns, &[]), None);
        let starts = || days([5, 10, 20, 31, 40, 50]);
        assert_eq!(missing(starts(), &shutdowns, &days([10])), None);
        let twice: Vec<Timestamp> = days([5, 10, 20]).into_iter().flat_map(|start| [start; 2]).collect();
        assert_eq!(missing(twice, &shutdowns, &[]), None);
    }

    #[test]
    fn a_few_forced_restarts_in_years_are_no_gap() {
        assert_eq!(missing(days((1..99).chain([200, 201, 202])), &days((0..98).chain([300])), &[]), None);
    }

    #[test]
    fn an_empty_log_and_starts_before_it_say_nothing() {
        assert_eq!(missing(days(0..90), &[], &[]), None);
        // The log was begun anew by an upgrade.
        assert_eq!(missing(days(0..90), &days([80, 81]), &[]), None);
    }

    type Records = Vec<(&'static str, serde_json::Value)>;

    fn on(artifact: &'static str, column: &str, days: impl IntoIterator<Item = i32>) -> Records {
        let record = |day| (artifact, json!({ column: format!("2023-05-{day:02}T00:00:00Z") }));
        days.into_iter().map(record).collect()
    }

    #[test]
    fn records_of_three_logs_make_a_finding() {
        let mut records = on("ios.shutdown_log", "shutdown", [1, 1, 1, 14, 28]);
        records.extend(on("ios.powerlog_device", "booted", [5, 7, 9, 11, 13, 15, 17]));
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            ["LOW The phone started 7 times between 2023-05-01 00:00:00 UTC and 2023-05-28 00:00:00 UTC, shutdown.log tells of 3 shutdowns"]
        );
        let mut more = records.clone();
        more.extend(on("ios.container_log", "booted", [5, 7, 9, 11, 13, 15, 17]));
        assert!(verdicts(&HEURISTIC, &more)[0].starts_with("MEDIUM "));
        for (bug_type, findings) in [(210, 0), (110, 0), (151, 0), (288, 1)] {
            // The processes of one panic explain one start.
            let panics = [7, 9].into_iter().flat_map(|day| (0..3).map(move |pid| (day, pid)));
            let panics = panics.map(|(day, pid)| {
                let time = format!("2023-05-{day:02}T00:00:05Z");
                ("ios.stackshot_processes", json!({"time": time, "pid": pid, "bug_type": bug_type}))
            });
            let all: Records = records.iter().cloned().chain(panics).collect();
            assert_eq!(verdicts(&HEURISTIC, &all).len(), findings, "{bug_type}");
        }
    }

    #[test]
    fn a_few_forced_restarts_and_as_many_shutdowns_as_starts_are_silent() {
        let mut records = on("ios.shutdown_log", "shutdown", [1, 14, 28]);
        records.extend(on("ios.powerlog_device", "booted", [5, 7, 9, 11, 13]));
        assert_eq!(verdicts(&HEURISTIC, &records), [""; 0]);
        let mut records = on("ios.shutdown_log", "shutdown", 1..28);
        records.extend(on("ios.powerlog_device", "booted", 1..28));
        assert_eq!(verdicts(&HEURISTIC, &records), [""; 0]);
    }

    #[test]
    fn starts_alone_are_no_finding() {
        let records: Vec<_> = (10..30)
            .map(|day| ("ios.container_log", json!({ "booted": format!("2023-05-{day}T00:00:00Z"), "event": "reboot" })))
            .collect();
        assert_eq!(verdicts(&HEURISTIC, &records), [""; 0]);
    }
}
