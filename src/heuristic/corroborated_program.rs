use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::apple_name_imitated::imitated;
use super::exploit_surface_crashes as surface;
use super::prelude::*;
use super::programs::{self, Folder};
use crate::time::short;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "corroborated_program",
    title: "Several kinds of records tell of a program outside the folders of iOS",
    looks_at: "Programs that ran from outside the folders of iOS and that stand in two or more kinds of records that are made independently: the shutdown log, \
        lists of running processes, crash reports and lists of processes at memory shortage, the power log and the counters of data usage, the unified log, \
        the statistics of the system log, and privacy permissions. A single kind is enough where a program that opens what others send crashed within \
        ten minutes of the first sight. Of names without a path only those count that imitate one of Apple's and that no list of paths knows.",
    why_it_matters: "One odd line may be a mistake of one log. A program that different parts of iOS wrote down did run, and the first of their times says when \
        it came: published infections showed a crash of the program that was attacked, the implant minutes later, and the implant again in the shutdown log.",
    innocent_causes: "A jailbreak, whose tools stand in all logs too: with signs of one it is only mentioned, except in a folder that no jailbreak uses. A research or \
        developer phone. Lists that tell names without a path may mean another program of the same name. Apps and Apple's own programs never cause it.",
    next_check: "Put the times in order and look at messages, links and attachments just before the first one. Ask about a jailbreak. Have a full acquisition made \
        before the phone is restarted.",
    references: &[
        "https://www.amnesty.org/en/latest/research/2021/07/forensic-methodology-report-how-to-catch-nso-groups-pegasus/",
        "https://securelist.com/shutdown-log-lightweight-ios-malware-detection-method/111734/",
    ],
    reads: &[
        Reads { artifact: "ios.addaily", keep: is_named },
        Reads { artifact: CRASHES, keep: |record| programs::keep(record) || surface::keep_report(record) },
        Reads { artifact: "ios.datausage", keep: is_named },
        Reads { artifact: "ios.jetsam_processes", keep: is_named },
        Reads { artifact: "ios.logd_statistics", keep: keep_path },
        Reads { artifact: "ios.netusage", keep: is_named },
        Reads { artifact: "ios.powerlog_media", keep: programs::keep },
        Reads {
            artifact: "ios.powerlog_processes",
            // Other tables have a row for every interval.
            keep: |record| {
                record.value("table").as_text() == Some("PLProcessMonitorAgent_EventForward_ProcessID") && is_named(record)
            },
        },
        Reads { artifact: "ios.shutdown_log", keep: keep_path },
        Reads { artifact: "ios.stackshot_processes", keep: is_named },
        Reads { artifact: "ios.tcc", keep: programs::keep },
        Reads { artifact: "ios.unified_log_images", keep: keep_path },
        Reads { artifact: "ios.unified_log_processes", keep: keep_path },
        Reads { artifact: "sysdiagnose.mounts", keep: programs::keep },
        Reads { artifact: "sysdiagnose.ps", keep: keep_path },
        Reads { artifact: "sysdiagnose.ps_thread", keep: keep_path },
        Reads { artifact: "sysdiagnose.spindump_images", keep: programs::keep },
        Reads { artifact: "sysdiagnose.spindump_processes", keep: keep_path },
        Reads { artifact: "sysdiagnose.sysctl", keep: programs::keep },
        Reads { artifact: "sysdiagnose.taskinfo", keep: is_named },
    ],
    check,
};

const CRASHES: &str = "ios.crash_reports";

/// Kinds of records that are made independently of each other, and the artifacts of each.
pub(super) const KINDS: [(&str, &[&str]); 7] = [
    ("the shutdown log", &["ios.shutdown_log"]),
    (
        "lists of running processes",
        &["sysdiagnose.ps", "sysdiagnose.ps_thread", "sysdiagnose.spindump_processes", "sysdiagnose.taskinfo"],
    ),
    ("diagnostic reports", &[CRASHES, "ios.jetsam_processes", "ios.stackshot_processes"]),
    (
        "usage counters",
        &["ios.addaily", "ios.datausage", "ios.netusage", "ios.powerlog_media", "ios.powerlog_processes"],
    ),
    ("the unified log", &["ios.unified_log_images", "ios.unified_log_processes"]),
    ("the statistics of the system log", &["ios.logd_statistics"]),
    ("privacy permissions", &["ios.tcc"]),
];

/// Artifacts that tell a name without its path, and the column that does.
const NAMES: [(&str, &str); 7] = [
    ("ios.addaily", "process"),
    ("ios.datausage", "process"),
    ("ios.jetsam_processes", "process"),
    ("ios.netusage", "process"),
    ("ios.powerlog_processes", "process"),
    ("ios.stackshot_processes", "process"),
    ("sysdiagnose.taskinfo", "name"),
];

/// The lengths at which iOS cuts names.
const CUTS: [usize; 4] = [15, 16, 31, 32];
/// A crash and the first sight of a program this close are one event.
const CLOSE_S: i64 = 600;

fn name_in<'v>(artifact: &str, value: impl Fn(&str) -> &'v Value<'v>) -> Option<&'v str> {
    let (_, column) = NAMES.iter().find(|(source, _)| *source == artifact)?;
    // Data usage writes `name/bundle id`.
    value(column).as_text()?.split('/').next().filter(|name| !name.is_empty())
}

fn is_named(record: &Record<'_>) -> bool {
    name_in(record.artifact.id, |column| record.value(column)).is_some_and(|name| !programs::is_apple_program(name))
}

fn keep_path(record: &Record<'_>) -> bool {
    programs::keep(record) || programs::path_in(record).is_some_and(|path| daemon(path).is_some())
}

/// The name of a program of iOS that could be taken for an imitation: it is called like a daemon and stands in no list of them.
fn daemon(path: &str) -> Option<&str> {
    let name = path.rsplit('/').next()?;
    let listed = !path.starts_with('/') || !name.ends_with('d') || programs::is_apple_program(name);
    (!listed && programs::folder_of(path) == Folder::Standard && !path.contains("/containers/")).then_some(name)
}

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    let jailbroken = programs::is_jailbroken(kept);
    let mut named: BTreeMap<&str, Vec<&Exhibit>> = BTreeMap::new();
    for exhibit in NAMES.iter().flat_map(|(artifact, _)| kept.of(artifact)) {
        if let Some(name) = name_in(exhibit.artifact, |column| exhibit.value(column)) {
            named.entry(name).or_default().push(exhibit);
        }
    }
    let crashes = kept.of(CRASHES).iter().filter(|crash| surface::is_surface(crash.text("process")));
    let crashes: Vec<&Exhibit> = crashes.filter(|crash| crash.time("captured").is_some()).collect();
    for (path, mut exhibits) in programs::outside(kept) {
        if programs::folder_of(&path) == Folder::Update || programs::is_library(&path) {
            continue;
        }
        let name = path.rsplit('/').next().unwrap_or_default();
        let cuts = CUTS.iter().filter_map(|cut| name.get(..*cut)).filter(|cut| cut.len() < name.len());
        // A name of Apple's says nothing about which of the two programs is meant.
        for written in std::iter::once(name).chain(cuts).filter(|_| !programs::is_apple_program(name)) {
            exhibits.extend(named.get(written).into_iter().flatten());
        }
        exhibits.sort_by_key(|exhibit| (exhibit.at().is_none(), exhibit.at()));
        let Some(first) = exhibits.first() else { continue };
        let kinds = kinds(&exhibits);
        let near = first.at().and_then(|first| nearest(&crashes, first));
        if kinds.len() < 2 && near.is_none() {
            continue;
        }
        findings.push(finding(&path, first, &kinds, near, jailbroken));
    }
    imitators(kept, &named, jailbroken, findings);
}

/// With fewer paths of daemons, names that are missing among them mean nothing.
const FEWEST_DAEMONS: usize = 20;

/// Names that imitate Apple's in several kinds of records, of which no path is known.
fn imitators(kept: &Kept, named: &BTreeMap<&str, Vec<&Exhibit>>, jailbroken: bool, findings: &mut Vec<Finding>) {
    let paths = || programs::seen(kept).filter_map(programs::program);
    let daemons: BTreeSet<&str> = paths().filter_map(daemon).collect();
    if programs::of_a_mac(kept) || daemons.len() < FEWEST_DAEMONS {
        return;
    }
    let known: BTreeSet<&str> = paths().filter_map(|path| path.rsplit('/').next()).collect();
    for (name, exhibits) in named {
        let kinds = kinds(exhibits);
        let cut = CUTS.contains(&name.len());
        let is_known = known.contains(name) || cut && known.range(*name..).next().is_some_and(|next| next.starts_with(name));
        if kinds.len() < 2 || is_known {
            continue;
        }
        let Some((apple, 1..)) = imitated(name) else { continue };
        let Some(first) = exhibits.iter().min_by_key(|exhibit| (exhibit.at().is_none(), exhibit.at())) else { continue };
        let level = if jailbroken { Level::Informational } else { Level::Medium };
        let message = format!("{name}, called almost like Apple's {apple} and of no known path, stands in {}", told(&kinds));
        let mut finding = Finding::of_rule(HEURISTIC.id, level, Trace::Executed, message, first);
        (*name).clone_into(&mut finding.value);
        (*name).clone_into(&mut finding.matched);
        if jailbroken {
            finding.caveats.push(programs::JAILBROKEN.into());
        }
        findings.push(finding);
    }
}

/// `the shutdown log (2021-02-03 00:00:00 UTC), privacy permissions`
fn told(kinds: &[(&str, Option<Timestamp>)]) -> String {
    let told = kinds.iter().map(|(kind, at)| match at {
        Some(at) => format!("{kind} ({})", short(*at)),
        None => (*kind).to_owned(),
    });
    told.collect::<Vec<_>>().join(", ")
}

/// Each kind of records that tells of a program, with the earliest of its times.
fn kinds(exhibits: &[&Exhibit]) -> Vec<(&'static str, Option<Timestamp>)> {
    let of_kind = |artifacts: &[&str]| -> Option<Option<Timestamp>> {
        let mut of_kind = exhibits.iter().filter(|exhibit| artifacts.contains(&exhibit.artifact)).peekable();
        of_kind.peek()?;
        Some(of_kind.filter_map(|exhibit| exhibit.at()).min())
    };
    KINDS.iter().filter_map(|(kind, artifacts)| Some((*kind, of_kind(artifacts)?))).collect()
}

/// The crash nearest to a time, if it is close.
fn nearest<'a>(crashes: &[&'a Exhibit], at: Timestamp) -> Option<&'a Exhibit> {
    let apart = |crash: &Exhibit| {
        let captured = crash.time("captured")?;
        Some(captured.as_second().abs_diff(at.as_second())).filter(|apart| *apart <= CLOSE_S.unsigned_abs())
    };
    let close = crashes.iter().filter_map(|crash| Some((apart(crash)?, *crash)));
    close.min_by_key(|(apart, _)| *apart).map(|(_, crash)| crash)
}

fn finding(
    path: &str,
    first: &Exhibit,
    kinds: &[(&str, Option<Timestamp>)],
    near: Option<&Exhibit>,
    jailbroken: bool,
) -> Finding {
    // No jailbreak uses the staging folder.
    let lowered = jailbroken && !path.contains("/com.apple.xpc.roleaccountd.staging/");
    let level = match programs::folder_of(path) {
        _ if lowered => Level::Informational,
        Folder::Implant | Folder::Writable => Level::High,
        _ => Level::Medium,
    };
    let mut message = format!("The program {path}, outside the folders of iOS, stands in {}", told(kinds));
    if let Some((crash, at)) = near.and_then(|crash| Some((crash.text("process"), crash.time("captured")?))) {
        message.push_str(&format!("; {crash} crashed at {}, within ten minutes of the first sight", short(at)));
    }
    let mut finding = Finding::of_rule(HEURISTIC.id, level, Trace::Executed, message, first);
    path.clone_into(&mut finding.value);
    path.clone_into(&mut finding.matched);
    if lowered {
        finding.caveats.push(programs::JAILBROKEN.into());
    }
    finding
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heuristic::testing::{json, verdicts};

    type Row = (&'static str, serde_json::Value);

    fn shut_down(path: &str) -> Row {
        ("ios.shutdown_log", json!({"client": path, "shutdown": "2021-02-03T00:00:00Z"}))
    }

    fn ran(path: &str) -> Row {
        ("sysdiagnose.ps", json!({"executable": path, "seen": "2021-02-01T00:00:00Z"}))
    }

    fn in_jetsam(name: &str) -> Row {
        ("ios.jetsam_processes", json!({"process": name, "time": "2021-02-02T00:00:00Z"}))
    }

    fn crashed(process: &str, at: &str) -> Row {
        ("ios.crash_reports", json!({"process": process, "captured": at, "bug_type": 309}))
    }

    const BH: &str = "/private/var/db/com.apple.xpc.roleaccountd.staging/bh";

    #[test]
    fn two_kinds_of_records_are_one_finding_with_their_times() {
        assert_eq!(
            verdicts(&HEURISTIC, &[shut_down(BH), shut_down(BH), in_jetsam("bh")]),
            [format!(
                "HIGH The program {BH}, outside the folders of iOS, stands in the shutdown log (2021-02-03 00:00:00 UTC), \
                 diagnostic reports (2021-02-02 00:00:00 UTC)"
            )]
        );
        assert!(verdicts(&HEURISTIC, &[shut_down("/opt/bh"), ran("/opt/bh")])[0].starts_with("MEDIUM "));
        let cut = [shut_down("/private/var/tmp/a-very-long-name-of-a-program"), in_jetsam("a-very-long-name")];
        assert_eq!(verdicts(&HEURISTIC, &cut).len(), 1);
        let used = ("ios.datausage", json!({"process": "bh/com.example.x"}));
        assert_eq!(verdicts(&HEURISTIC, &[shut_down(BH), used]).len(), 1);
    }

    #[test]
    fn one_kind_of_records_is_none_without_a_crash_nearby() {
        let twice = ("sysdiagnose.taskinfo", json!({"name": "bh"}));
        assert_eq!(verdicts(&HEURISTIC, &[ran(BH), ran(BH), twice]), [""; 0]);
        assert_eq!(verdicts(&HEURISTIC, &[ran(BH), crashed("imagent", "2021-01-31T23:49:00Z")]), [""; 0]);
        assert_eq!(verdicts(&HEURISTIC, &[ran(BH), crashed("Game", "2021-01-31T23:55:00Z")]), [""; 0]);
        let found = verdicts(&HEURISTIC, &[ran(BH), crashed("imagent", "2021-01-31T23:55:00Z")]);
        assert!(found[0].ends_with("; imagent crashed at 2021-01-31 23:55:00 UTC, within ten minutes of the first sight"), "{found:?}");
    }

    #[test]
    fn apps_apples_programs_libraries_and_updates_are_silent() {
        let update = "com.apple.MobileSoftwareUpdate.UpdateBrainService";
        let update = format!("/private/var/db/com.apple.xpc.roleaccountd.staging/{update}.1.2.xpc/{update}");
        for path in [
            "/private/var/containers/Bundle/Application/U/A.app/A",
            "/usr/libexec/neagent",
            "/usr/libexec/neagentx",
            "/System/Library/Frameworks/WebKit.framework/XPCServices/com.apple.WebKit.Networking.xpc/com.apple.WebKit.Networking",
            "/private/var/tmp/x.dylib",
            &*update,
            "/private/var/jb/usr/bin/x",
        ] {
            let name = path.rsplit('/').next().unwrap();
            assert_eq!(verdicts(&HEURISTIC, &[shut_down(path), ran(path), in_jetsam(name)]), [""; 0], "{path}");
        }
        // Apple's name in another folder: lists of names mean Apple's.
        assert_eq!(verdicts(&HEURISTIC, &[shut_down("/private/var/tmp/UserEventAgent"), in_jetsam("UserEventAgent")]), [""; 0]);
        assert_eq!(verdicts(&HEURISTIC, &[in_jetsam("bh"), ("ios.addaily", json!({"process": "bh"}))]), [""; 0]);
    }

    #[test]
    fn a_name_that_imitates_apples_counts_where_paths_are_known_and_not_its_own() {
        let daemons = |count: usize| (0..count).map(|id| ran(&format!("/usr/libexec/unlisted{id}d"))).collect::<Vec<_>>();
        let with = |count: usize, more: &[Row]| verdicts(&HEURISTIC, &[daemons(count), more.to_vec()].concat());
        let used = |name: &str| ("ios.datausage", json!({"process": name}));
        let both = |name: &str| [in_jetsam(name), used(name)];
        assert_eq!(
            with(30, &both("cfprefssd")),
            ["MEDIUM cfprefssd, called almost like Apple's cfprefsd and of no known path, stands in diagnostic reports \
              (2021-02-02 00:00:00 UTC), usage counters"]
        );
        assert_eq!(with(5, &both("cfprefssd")), [""; 0]);
        assert_eq!(with(30, &[in_jetsam("cfprefssd")]), [""; 0]);
        assert_eq!(with(30, &[&both("cfprefssd")[..], &[ran("/usr/libexec/cfprefssd")]].concat()), [""; 0]);
        for name in ["cfprefsd", "bh", "unlisted7d", "Game", "com.example.app"] {
            assert_eq!(with(30, &both(name)), [""; 0], "{name}");
        }
    }

    #[test]
    fn with_a_jailbreak_it_is_only_mentioned_but_for_the_staging_folder() {
        let root = ("sysdiagnose.mounts", json!({"mounted_on": "/", "options": "apfs, local", "read_only": false}));
        let x = "/private/var/tmp/x";
        let found = verdicts(&HEURISTIC, &[root, ran(x), shut_down(x), ran(BH), shut_down(BH)]);
        assert!(found[0].starts_with("HIGH ") && found[1].starts_with("INFORMATIONAL "), "{found:?}");
    }
}
