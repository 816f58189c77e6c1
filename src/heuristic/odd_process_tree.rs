use std::collections::{BTreeMap, HashMap};

use super::exploit_surface_crashes::is_surface;
use super::prelude::*;
use super::programs::{self, canonical};

pub const HEURISTIC: Heuristic = Heuristic {
    id: "odd_process_tree",
    title: "A process stands where iOS puts none",
    looks_at: "Who started whom and as which user, in the process lists of a sysdiagnose and in crash reports: the first process must be launchd, the \
        programs that open messages, media and web pages start no others, and apps never run as root.",
    why_it_matters: "On iOS launchd starts nearly every process. A program started by the one that opens what others send is what an attack on it leaves \
        behind; an app with the rights of root has broken out of its limits; another first process means that the system itself was changed.",
    innocent_causes: "A jailbreak and its tweaks do all three, and then the rule counts for less. Apps installed with TrollStore bring helpers that run as root. A \
        debugger and a research phone change who started a program. The helpers that iOS itself starts for a program (XPC services, extensions) are not reported.",
    next_check: "Ask about a jailbreak or TrollStore. Look at crash reports of the parent, at messages and web pages just before, and at where the child's \
        program lies.",
    references: &[
        "https://support.apple.com/guide/security/security-of-runtime-process-sec15bfe098e/web",
        "https://citizenlab.ca/2021/09/forcedentry-nso-group-imessage-zero-click-exploit-captured-in-the-wild/",
    ],
    reads: &[
        Reads { artifact: CRASHES, keep: |record| is_odd_alone(record) || programs::is_context(record) },
        Reads { artifact: "sysdiagnose.mounts", keep: programs::is_context },
        // Names of parents are told by their own rows.
        Reads { artifact: "sysdiagnose.ps", keep: |_| true },
        Reads { artifact: "sysdiagnose.ps_thread", keep: |_| true },
        Reads { artifact: "sysdiagnose.spindump_images", keep: programs::is_context },
        Reads { artifact: SPINDUMP, keep: |record| is_odd_alone(record) || programs::is_context(record) },
        Reads { artifact: "sysdiagnose.sysctl", keep: programs::is_context },
    ],
    check,
};

const CRASHES: &str = "ios.crash_reports";
const SPINDUMP: &str = "sysdiagnose.spindump_processes";
const LISTS: [&str; 2] = ["sysdiagnose.ps", "sysdiagnose.ps_thread"];

const APPS: [&str; 2] = ["/private/var/containers/Bundle/Application/", "/private/var/mobile/Containers/"];

/// Of a record that names the parent itself.
fn is_odd_alone(record: &Record<'_>) -> bool {
    let text = |column| record.value(column).as_text().unwrap_or_default();
    is_attacked(text("parent"))
        || record.artifact.id == SPINDUMP && record.value("pid").as_int() == Some(1)
        || record.value("uid").as_int() == Some(0) && is_of_app(text("executable"))
}

fn is_of_app(path: &str) -> bool {
    let path = canonical(path);
    APPS.iter().any(|folder| path.starts_with(folder))
}

/// Programs that open what others send. SpringBoard is left out, as tweaks start programs from it, and so is what only the owner uses.
fn is_attacked(name: &str) -> bool {
    is_surface(base(name)) && !matches!(base(name), "SpringBoard" | "mobileactivationd")
}

/// What iOS itself starts on behalf of a program: `X.xpc/X`, `X.appex/X`; and the moment before a program is one.
fn is_helper(executable: &str, name: &str) -> bool {
    let bundle = [".xpc/", ".appex/"].iter().any(|ending| executable.contains(ending));
    let system = programs::folder_of(executable) == programs::Folder::Standard;
    name == "xpcproxy" || system && bundle || is_surface(name) && (system || !executable.starts_with('/'))
}

fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// What is odd about a process, as one finding for all records that tell it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Odd<'a> {
    First(&'a str),
    Child { name: &'a str, parent: &'a str },
    Root(&'a str),
}

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    if programs::of_a_mac(kept) {
        return;
    }
    let mut odd: BTreeMap<Odd<'_>, Vec<&Exhibit>> = BTreeMap::new();
    for exhibit in kept.of(CRASHES).iter().chain(kept.of(SPINDUMP)) {
        // Reports of crashes have numbers of processes that are gone.
        let first = exhibit.artifact == SPINDUMP;
        for what in judged(exhibit, base(exhibit.text("parent")), first) {
            odd.entry(what).or_default().push(exhibit);
        }
    }
    for list in LISTS {
        let running = kept.of(list);
        let pid = |exhibit: &Exhibit, column: &str| Some((exhibit.stored_as.to_string(), exhibit.value(column).as_int()?));
        let names: HashMap<(String, i64), &str> =
            running.iter().filter_map(|exhibit| Some((pid(exhibit, "pid")?, exhibit.text("executable")))).collect();
        for exhibit in running {
            let parent = pid(exhibit, "parent_pid").and_then(|parent| names.get(&parent).copied());
            for what in judged(exhibit, parent.map_or("", base), true) {
                odd.entry(what).or_default().push(exhibit);
            }
        }
    }
    let jailbroken = programs::is_jailbroken(kept);
    for (what, exhibits) in odd {
        let Some(first) = exhibits.iter().min_by_key(|exhibit| (exhibit.at().is_none(), exhibit.at())) else { continue };
        findings.push(finding(what, first, jailbroken));
    }
}

fn judged<'a>(exhibit: &'a Exhibit, parent: &'a str, is_list: bool) -> Vec<Odd<'a>> {
    let path = exhibit.text("executable");
    let name = ["name", "process"].iter().map(|column| exhibit.text(column)).find(|name| !name.is_empty());
    let name = if path.is_empty() { name.unwrap_or_default() } else { base(path) };
    let mut odd = Vec::new();
    if is_list && exhibit.value("pid").as_int() == Some(1) {
        let program = if path.is_empty() { name } else { path };
        odd.extend((!matches!(program, "" | "launchd" | "/sbin/launchd")).then_some(Odd::First(program)));
    }
    // A process that only just was forked still has the name of its parent.
    if is_attacked(parent) && !name.is_empty() && name != parent && !is_helper(path, name) {
        odd.push(Odd::Child { name, parent });
    }
    if exhibit.value("uid").as_int() == Some(0) && is_of_app(path) {
        odd.push(Odd::Root(path));
    }
    odd
}

fn finding(what: Odd<'_>, exhibit: &Exhibit, jailbroken: bool) -> Finding {
    let (value, message) = match what {
        Odd::First(program) => (program, format!("The first process of the phone is {program} instead of /sbin/launchd")),
        Odd::Child { name, parent } => {
            (name, format!("{name} was started by {parent}, which opens what others send and starts no programs"))
        }
        Odd::Root(path) => (path, format!("{path}, which lies among the apps, ran as root")),
    };
    let troll = matches!(what, Odd::Root(path) if path.to_ascii_lowercase().contains("trollstore"));
    let level = if jailbroken || troll { Level::Medium } else { Level::High };
    let mut finding = Finding::of_rule(HEURISTIC.id, level, Trace::Executed, message, exhibit);
    value.clone_into(&mut finding.value);
    if jailbroken {
        finding.caveats.push("the phone shows signs of a jailbreak, which changes who starts what".into());
    }
    if troll {
        finding.caveats.push("TrollStore, which owners install themselves, brings helpers that run as root".into());
    }
    finding
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heuristic::testing::{json, verdicts};

    type Row = (&'static str, serde_json::Value);

    fn ps(pid: i64, parent: i64, uid: i64, executable: &str) -> Row {
        ("sysdiagnose.ps", json!({"pid": pid, "parent_pid": parent, "uid": uid, "executable": executable}))
    }

    const WEB_CONTENT: &str =
        "/System/Library/Frameworks/WebKit.framework/XPCServices/com.apple.WebKit.WebContent.xpc/com.apple.WebKit.WebContent";
    const APP: &str = "/private/var/containers/Bundle/Application/U/A.app/A";

    #[test]
    fn another_first_process_is_high() {
        assert_eq!(
            verdicts(&HEURISTIC, &[ps(1, 0, 0, "/private/var/tmp/launchd")]),
            ["HIGH The first process of the phone is /private/var/tmp/launchd instead of /sbin/launchd"]
        );
        let spindump = (SPINDUMP, json!({"pid": 1, "name": "other"}));
        assert_eq!(verdicts(&HEURISTIC, &[spindump]).len(), 1);
    }

    #[test]
    fn a_child_of_an_attacked_program_is_one_finding_for_all_lists() {
        let records = [
            ps(50, 1, 501, WEB_CONTENT),
            ps(99, 50, 501, "/private/var/tmp/bh"),
            ("sysdiagnose.ps_thread", json!({"pid": 50, "parent_pid": 1, "executable": WEB_CONTENT})),
            ("sysdiagnose.ps_thread", json!({"pid": 99, "parent_pid": 50, "executable": "/private/var/tmp/bh"})),
            (SPINDUMP, json!({"name": "bh", "parent": "com.apple.WebKit.WebContent"})),
            (CRASHES, json!({"process": "bh", "parent": "com.apple.WebKit.WebContent"})),
        ];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            ["HIGH bh was started by com.apple.WebKit.WebContent, which opens what others send and starts no programs"]
        );
        let daemon = (SPINDUMP, json!({"name": "sh", "executable": "/bin/sh", "parent": "mediaserverd"}));
        assert_eq!(verdicts(&HEURISTIC, &[daemon]).len(), 1);
    }

    #[test]
    fn an_app_as_root_is_high_and_of_trollstore_medium() {
        assert_eq!(verdicts(&HEURISTIC, &[ps(9, 1, 0, APP)]), [format!("HIGH {APP}, which lies among the apps, ran as root")]);
        let crash = (CRASHES, json!({"process": "A", "executable": APP.replace("/private", ""), "uid": 0}));
        assert_eq!(verdicts(&HEURISTIC, &[crash]).len(), 1);
        let helper = "/private/var/containers/Bundle/Application/U/TrollStore.app/trollstorehelper";
        assert!(verdicts(&HEURISTIC, &[ps(9, 1, 0, helper)])[0].starts_with("MEDIUM "));
    }

    #[test]
    fn an_ordinary_tree_is_silent() {
        let transcoder = "/System/Library/PrivateFrameworks/IMTranscoding.framework/XPCServices/IMTranscoderAgent.xpc/IMTranscoderAgent";
        let records = [
            ps(1, 0, 0, "/sbin/launchd"),
            ps(50, 1, 501, WEB_CONTENT),
            ps(51, 50, 501, "/System/Library/Frameworks/WebKit.framework/XPCServices/com.apple.WebKit.GPU.xpc/com.apple.WebKit.GPU"),
            ps(52, 50, 501, "com.apple.WebKit.WebContent"),
            ps(53, 1, 501, "/System/Library/PrivateFrameworks/IMCore.framework/imagent.app/imagent"),
            ps(54, 53, 501, transcoder),
            ps(55, 53, 501, "/usr/libexec/xpcproxy"),
            ps(56, 1, 501, APP),
            ps(57, 1, 0, "/usr/libexec/installd"),
            ps(58, 58, 0, "/usr/libexec/debugserver"),
            ps(59, 40, 501, APP),
            (SPINDUMP, json!({"pid": 1, "name": "launchd", "executable": "/sbin/launchd", "parent": "kernel_task", "uid": 0})),
            (SPINDUMP, json!({"name": "com.apple.WebKit.WebContent", "parent": "launchd", "responsible": "imagent"})),
            (SPINDUMP, json!({"name": "A", "executable": APP, "parent": "SpringBoard"})),
            (CRASHES, json!({"process": "A", "pid": 1, "parent": "launchd", "executable": APP, "uid": 501})),
        ];
        assert_eq!(verdicts(&HEURISTIC, &records), [""; 0]);
    }

    #[test]
    fn a_jailbreak_lowers_it_and_a_mac_is_not_judged() {
        let child = (SPINDUMP, json!({"name": "sh", "executable": "/bin/sh", "parent": "imagent"}));
        let jailbroken = ("sysdiagnose.ps", json!({"pid": 7, "executable": "/var/jb/usr/bin/bash"}));
        assert!(verdicts(&HEURISTIC, &[child.clone(), jailbroken])[0].starts_with("MEDIUM "));
        let mac = ps(7, 1, 501, "/System/Library/CoreServices/Finder.app/Contents/MacOS/Finder");
        assert_eq!(verdicts(&HEURISTIC, &[child, mac]), [""; 0]);
    }
}
