use std::collections::{BTreeMap, BTreeSet};

use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "process_in_some_lists",
    title: "A process is missing from one of the process lists",
    looks_at: "The three lists of processes in a sysdiagnose (ps, taskinfo, spindump): processes that had run for ten minutes or more and \
        stand in two of them, but not in the third.",
    why_it_matters: "The lists are made in different ways. A program that hides from one of them may be forgotten in another.",
    innocent_causes: "The lists are made seconds apart, so a process that ended between them is missing from the later one, which is how \
        nearly all such differences come about. Young processes and the collector's own are left out for that reason.",
    next_check: "Only together with another sign: look for the name in the shutdown log, the statistics of the system log and the crash \
        reports, and make a second sysdiagnose to compare.",
    references: &["https://github.com/EC-DIGIT-CSIRC/sysdiagnose"],
    reads: &[
        Reads { artifact: "sysdiagnose.ps", keep: |record| is_process(record) && !record.value("zombie").is_true() },
        Reads { artifact: "sysdiagnose.spindump_processes", keep: is_process },
        Reads { artifact: "sysdiagnose.taskinfo", keep: is_process },
    ],
    check,
};

/// The kernel, number 0, is no process to ps.
fn is_process(record: &Record<'_>) -> bool {
    record.value("pid").as_int().is_some_and(|pid| pid > 0)
}

/// The lists: artifact, the column of the name, what people call it, and the column that tells an age in seconds.
const LISTS: [(&str, &str, &str, &str); 3] = [
    ("sysdiagnose.ps", "executable", "ps", ""),
    ("sysdiagnose.taskinfo", "name", "taskinfo", "run_time_s"),
    ("sysdiagnose.spindump_processes", "name", "spindump", "age_s"),
];
const OLD_S: f64 = 600.0;
const NAMED: usize = 20;

/// What the collector itself runs.
const COLLECTORS: [&str; 12] = [
    "sysdiagnose",
    "sysdiagnosed",
    "sysdiagnose_helper",
    "spindump",
    "ps",
    "taskinfo",
    "tailspin",
    "tailspind",
    "logd_helper",
    "footprint",
    "vm_stat",
    "microstackshot",
];

type List<'a> = BTreeMap<i64, &'a Exhibit>;

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    // Several archives are several moments: each is compared with itself.
    let mut archives: BTreeMap<&str, [List<'_>; 3]> = BTreeMap::new();
    for (index, (artifact, ..)) in LISTS.iter().enumerate() {
        for exhibit in kept.of(artifact) {
            let folder = exhibit.stored_as.rsplit_once('/').map_or("", |(folder, _)| folder);
            let list = archives.entry(folder).or_default().get_mut(index);
            if let (Some(list), Some(pid)) = (list, exhibit.value("pid").as_int()) {
                list.entry(pid).or_insert(exhibit);
            }
        }
    }
    for lists in archives.values() {
        findings.extend(compare(lists));
    }
}

fn compare(lists: &[List<'_>; 3]) -> Option<Finding> {
    let longest = lists.iter().map(BTreeMap::len).max()?;
    // A list that broke off misses processes by the dozen.
    if lists.iter().any(|list| list.len() * 2 < longest || list.is_empty()) {
        return None;
    }
    let mut missing = Vec::new();
    for (index, (_, column, missing_from, _)) in LISTS.iter().enumerate() {
        let [one, other] = match index {
            0 => [1, 2],
            1 => [0, 2],
            _ => [0, 1],
        };
        let (Some(list), Some(left), Some(right)) = (lists.get(index), lists.get(one), lists.get(other)) else {
            continue;
        };
        let names: BTreeSet<&str> = list.values().map(|exhibit| base(exhibit.text(column))).collect();
        for (pid, exhibit) in left {
            let Some(second) = right.get(pid).filter(|_| !list.contains_key(pid)) else { continue };
            let (name, again) = (name_in(exhibit), name_in(second));
            let old = [*exhibit, *second].iter().filter_map(|exhibit| age_s(exhibit)).any(|age| age >= OLD_S);
            // The same name under another number is the same program, started anew.
            let restarted = names.iter().any(|known| same(known, name));
            if old && same(name, again) && !restarted && !COLLECTORS.contains(&name) {
                missing.push((format!("{name} [{pid}] is not in {missing_from}"), *exhibit));
            }
        }
    }
    let (_, first) = missing.first()?;
    let mut named: Vec<&str> = missing.iter().map(|(text, _)| text.as_str()).take(NAMED).collect();
    let more = format!("{} more", missing.len().saturating_sub(NAMED));
    if missing.len() > NAMED {
        named.push(&more);
    }
    let message = format!("Processes that two lists show and the third does not: {}", named.join(", "));
    let mut finding = Finding::of_rule(HEURISTIC.id, Level::Low, Trace::Executed, message, first);
    finding.caveats.push("the lists are made seconds apart, and processes end in between".into());
    Some(finding)
}

fn name_in(exhibit: &Exhibit) -> &str {
    let column = LISTS.iter().find(|(artifact, ..)| *artifact == exhibit.artifact).map_or("name", |(_, column, ..)| column);
    base(exhibit.text(column))
}

fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The kernel cuts names to 15 bytes and more, each list at another length.
fn same(one: &str, other: &str) -> bool {
    one == other || one.len().min(other.len()) >= 15 && (one.starts_with(other) || other.starts_with(one))
}

fn age_s(exhibit: &Exhibit) -> Option<f64> {
    let (.., column) = LISTS.iter().find(|(artifact, ..)| *artifact == exhibit.artifact)?;
    match exhibit.value(column) {
        Value::Real(age) => Some(*age),
        age => age.as_int().map(|age| age as f64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heuristic::testing::{json, verdicts};

    /// Each process with its number, its age, and the lists that show it: `p`, `t`, `s`.
    fn of(processes: &[(&str, i64, i64, &str)]) -> Vec<String> {
        let common = [("launchd", 1, 9000, "pts"), ("backboardd", 60, 9000, "pts"), ("logd", 61, 9000, "pts")];
        let records: Vec<_> = common
            .iter()
            .chain(processes)
            .flat_map(|(name, pid, age, lists)| {
                lists.chars().map(move |list| match list {
                    'p' => ("sysdiagnose.ps", json!({"executable": format!("/usr/libexec/{name}"), "pid": pid})),
                    't' => ("sysdiagnose.taskinfo", json!({"name": name, "pid": pid, "run_time_s": age})),
                    _ => ("sysdiagnose.spindump_processes", json!({"name": name, "pid": pid, "age_s": age})),
                })
            })
            .collect();
        verdicts(&HEURISTIC, &records)
    }

    #[test]
    fn an_old_process_that_one_list_lacks_is_low() {
        assert_eq!(
            of(&[("hiddend", 99, 5000, "ts"), ("other", 98, 5000, "ps")]),
            ["LOW Processes that two lists show and the third does not: hiddend [99] is not in ps, other [98] is not in taskinfo"]
        );
    }

    #[test]
    fn young_restarted_and_collecting_processes_and_those_of_one_list_are_silent() {
        assert_eq!(of(&[]), [""; 0]);
        assert_eq!(of(&[("young", 99, 20, "ts")]), [""; 0]);
        assert_eq!(of(&[("spindump", 99, 5000, "pt")]), [""; 0]);
        assert_eq!(of(&[("again", 99, 5000, "ts"), ("again", 120, 3, "p")]), [""; 0]);
        assert_eq!(of(&[("single", 99, 5000, "t")]), [""; 0]);
        assert_eq!(of(&[("com.apple.WebKit.WebContent", 99, 5000, "ts"), ("com.apple.WebKit", 100, 9, "p")]), [""; 0]);
    }

    #[test]
    fn a_list_that_is_missing_or_broke_off_tells_nothing() {
        let task = |pid: i64| ("sysdiagnose.taskinfo", json!({"name": "a", "pid": pid, "run_time_s": 9000}));
        let ps = |pid: i64| ("sysdiagnose.ps", json!({"executable": "/a", "pid": pid}));
        assert_eq!(verdicts(&HEURISTIC, &[task(1), task(2), ps(1), ps(2)]), [""; 0]);
        let spindump = ("sysdiagnose.spindump_processes", json!({"name": "a", "pid": 1, "age_s": 9000}));
        assert_eq!(verdicts(&HEURISTIC, &[task(1), task(2), task(3), ps(1), ps(2), ps(3), spindump]), [""; 0]);
    }
}
