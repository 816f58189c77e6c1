//! The demo sysdiagnoses: every planted trace is found in every wrapping, the clean one stays silent, and damage is said.

#![allow(clippy::disallowed_methods, reason = "tests write archives and read what the program wrote")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::phone::sysdiagnose::{self, Sysdiagnose};
use crate::phone::{self, fixture};
use crate::run::{Ran, command, files, hoofprint, lines, ran, scan_into};

const INFECTED: &str = "infected-sysdiagnose.tar.gz";
const CLEAN: &str = "clean-sysdiagnose.tar.gz";

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The expectations that no finding meets.
fn missed(findings: &[Value]) -> Vec<String> {
    let expected = std::fs::read_to_string(fixture("infected-sysdiagnose.expected.txt")).unwrap();
    let mut missed = Vec::new();
    for line in expected.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let fields: Vec<&str> = line.split(" | ").collect();
        let [artifact, what, _] = fields[..] else { panic!("not an expectation: {line}") };
        let rule = what.strip_prefix("rule:");
        let found = findings.iter().any(|finding| {
            text(finding, "/artifact") == artifact
                && match rule {
                    Some(rule) => text(finding, "/heuristic/id") == rule,
                    None => text(finding, "/indicator/value") == what,
                }
        });
        if !found {
            missed.push(line.to_owned());
        }
    }
    missed
}

fn infected() -> Sysdiagnose {
    phone::sysdiagnose_from_sources("infected-sysdiagnose")
}

/// A folder that holds the archives of a test and the results of their scans.
struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    fn new() -> Desk {
        Desk { folder: tempfile::tempdir().unwrap() }
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// What a scan writes, by path.
    fn scan(&self, path: &Path, arguments: &[&str]) -> BTreeMap<String, Vec<u8>> {
        let out = self.out(path);
        scan_into(&out, path, arguments);
        files(&out)
    }

    fn out(&self, path: &Path) -> PathBuf {
        self.folder.path().join(format!("{}-out", path.file_name().unwrap().to_str().unwrap()))
    }

    fn findings(&self, path: &Path) -> Vec<Value> {
        self.scan(path, &[]);
        lines(&self.out(path).join("findings.jsonl"))
    }

    /// What went wrong in the scan of this path, as one text.
    fn problems(&self, path: &Path) -> String {
        let out = self.out(path);
        let read = |name: &str| std::fs::read_to_string(out.join(name)).unwrap_or_default();
        read("problems.jsonl") + &read("coverage.json")
    }
}

#[test]
fn every_planted_trace_is_found() {
    let findings = Desk::new().findings(&fixture(INFECTED));
    assert_eq!(missed(&findings), Vec::<String>::new());
}

#[test]
fn the_demo_sysdiagnoses_are_read_without_a_problem() {
    let desk = Desk::new();
    for name in [INFECTED, CLEAN] {
        let found = desk.scan(&fixture(name), &[]);
        assert_eq!(String::from_utf8_lossy(&found["problems.jsonl"]), "", "{name}");
    }
}

#[test]
fn the_clean_sysdiagnose_gives_nothing_of_medium_or_higher() {
    let path = fixture(CLEAN);
    let output = command().arg("scan").arg(&path).args(["--fail-on", "medium"]).output().unwrap();
    let ran = ran(output);
    assert_eq!(ran.status, 0, "{}", ran.stdout);
    assert!(ran.stdout.contains("RESULT: no known trace in what was checked"), "{}", ran.stdout);
}

#[test]
fn every_wrapping_gives_the_same_findings_and_timeline() {
    let desk = Desk::new();
    let sysdiagnose = infected();
    let folder = desk.folder.path().join("unpacked");
    sysdiagnose.unpack(&folder);
    let tar = sysdiagnose.tar();
    let half = tar.len() / 2;
    let two_members = [sysdiagnose::gzip(&tar[..half]), sysdiagnose::gzip(&tar[half..])].concat();
    let without_top = Sysdiagnose { top: String::new(), ..sysdiagnose.clone() };
    let expected = desk.scan(&fixture(INFECTED), &[]);
    assert!(expected["timeline.jsonl"].len() > 10_000);
    for path in [
        desk.file("zipped.bin", &sysdiagnose.zip()),
        desk.file("plain.tar", &tar),
        desk.file("renamed.data", &sysdiagnose.tar_gz()),
        desk.file("members.tar.gz", &two_members),
    ] {
        same(&expected, &desk.scan(&path, &[]), &path);
    }
    // An unpacked file has further times, and other paths where the top folder is not in them.
    let facts = facts(&expected);
    for path in [folder.join(&sysdiagnose.top), folder, desk.file("bare.tar.gz", &without_top.tar_gz())] {
        assert!(self::facts(&desk.scan(&path, &[])) == facts, "{}", path.display());
    }
}

/// What an archive says of its own limits is its own, and only some kinds of archive say who owns a file.
fn same(expected: &BTreeMap<String, Vec<u8>>, found: &BTreeMap<String, Vec<u8>>, path: &Path) {
    let own = ["coverage.json", "problems.jsonl", "records/ios.manifest.jsonl"];
    for name in expected.keys().filter(|name| !own.contains(&name.as_str())) {
        assert!(found.get(name) == expected.get(name), "{name} of {}", path.display());
    }
}

/// Findings, timeline and records without where they were stored and without the list of files.
fn facts(files: &BTreeMap<String, Vec<u8>>) -> Vec<(String, Value)> {
    let mut facts = Vec::new();
    for (name, bytes) in files {
        let wanted =
            name.starts_with("records/") || ["findings.jsonl", "timeline.jsonl"].contains(&name.as_str());
        let lines = String::from_utf8(bytes.clone()).unwrap();
        for line in lines.lines().filter(|_| wanted && name != "records/ios.manifest.jsonl") {
            let mut fact: Value = serde_json::from_str(line).unwrap();
            if fact["artifact"] == "ios.manifest" {
                continue;
            }
            // The id of a finding is reckoned from where it was stored.
            for field in ["stored_as", "id", "finding", "where", "found_as"] {
                fact.as_object_mut().unwrap().remove(field);
            }
            facts.push((name.clone(), fact));
        }
    }
    facts
}

#[test]
fn an_archive_that_does_not_fit_in_memory_gives_the_same() {
    let desk = Desk::new();
    let mut large = infected();
    // A member that nothing reads, larger than the memory that is allowed.
    large.add("zprint.txt", &vec![b'.'; 3 << 20]);
    let path = desk.file("large.tar", &large.tar());
    let expected = desk.scan(&path, &[]);
    let path = desk.file("large.tar.gz", &large.tar_gz());
    let found = desk.scan(&path, &["--max-memory", "1"]);
    same(&expected, &found, &path);
}

#[test]
fn a_cut_archive_keeps_what_came_before_and_says_so() {
    let desk = Desk::new();
    let whole = infected();
    let packed = whole.tar_gz();
    let records = |path: &Path| -> usize {
        let files = files(&desk.out(path));
        let records = files.iter().filter(|(name, _)| name.starts_with("records/"));
        records.map(|(_, bytes)| bytes.iter().filter(|byte| **byte == b'\n').count()).sum()
    };
    let complete = desk.file("complete.tar.gz", &packed);
    desk.scan(&complete, &[]);
    let mut most = 0;
    for tenths in [3, 6, 9] {
        let name = format!("cut-{tenths}.tar.gz");
        let path = desk.file(&name, &packed[..packed.len() * tenths / 10]);
        desk.scan(&path, &[]);
        assert!(desk.problems(&path).contains("ends early"), "{name}: {}", desk.problems(&path));
        let read = records(&path);
        assert!(read >= most && read <= records(&complete), "{name}: {read} records");
        most = read;
    }
    assert!(most > 0);
    let tar = whole.tar();
    let path = desk.file("cut.tar", &tar[..tar.len() * 7 / 10]);
    desk.scan(&path, &[]);
    assert!(!desk.problems(&path).is_empty());
}

#[test]
fn two_sysdiagnoses_in_one_archive_are_both_read_and_said() {
    let desk = Desk::new();
    let first = infected();
    let second = Sysdiagnose { top: first.top.replace("_09-12-33", "_11-40-02"), ..first.clone() };
    let two = sysdiagnose::ended([first.entries(), second.entries()].concat());
    let path = desk.file("two.tar.gz", &sysdiagnose::gzip(&two));
    let out = desk.out(&path);
    scan_into(&out, &path, &[]);
    let said = hoofprint(&["scan", path.to_str().unwrap()]);
    assert!(said.stdout.contains("2 acquisitions lie side by side"), "{}", said.stdout);
    let stored: Vec<String> = lines(&out.join("findings.jsonl"))
        .iter()
        .map(|finding| text(finding, "/stored_as").to_owned())
        .collect();
    for top in [&first.top, &second.top] {
        assert!(stored.iter().any(|path| path.starts_with(top.as_str())), "nothing of {top}");
    }
}

#[test]
fn doubled_members_odd_paths_and_links_are_reported_and_never_followed() {
    let desk = Desk::new();
    let mut odd = infected();
    let escaped = "/usr/libexec/neagentd";
    let ps = String::from_utf8(odd.bytes("ps.txt").to_vec()).unwrap();
    let header = ps.lines().next().unwrap();
    let row = format!("{header}\nroot 0 - 1 0 4004 0 0 37 0 1 1 - ?? Ss 1:00PM 0:01.00 {escaped}\n");
    odd.add("ps.txt", row.as_bytes());
    odd.add("../../escape.txt", b"outside");
    odd.link("latest", "../../../etc/passwd");
    let mut hard = tar::Header::new_gnu();
    hard.set_path(format!("{}/taskinfo.txt", odd.top)).unwrap();
    hard.set_entry_type(tar::EntryType::Link);
    hard.set_link_name(format!("{}/ps.txt", odd.top)).unwrap();
    hard.set_size(0);
    hard.set_cksum();
    let tar = sysdiagnose::ended([odd.entries(), hard.as_bytes().to_vec()].concat());
    for (name, bytes) in [("odd.tar", tar.clone()), ("odd.tar.gz", sysdiagnose::gzip(&tar))] {
        let path = desk.file(name, &bytes);
        let findings = desk.findings(&path);
        let found = |what: &str| findings.iter().any(|finding| text(finding, "/indicator/value") == what);
        assert!(found("msgacntd") && found("neagentd"), "{name}: a member that is there twice is read twice");
        let problems = desk.problems(&path);
        assert!(problems.contains("escape.txt"), "{name}: {problems}");
        assert!(
            problems.contains("is a link to `../../../etc/passwd`, which was not followed"),
            "{name}: {problems}"
        );
        assert!(problems.contains(&format!("is a link to `{}/ps.txt`", odd.top)), "{name}: {problems}");
    }
    assert!(!desk.folder.path().parent().unwrap().join("escape.txt").exists());
}

fn of_both(desk: &Desk, one: &str, other: &str) -> (Ran, PathBuf) {
    let out = desk.folder.path().join("both");
    let output =
        command().arg("scan").arg(fixture(one)).arg(fixture(other)).arg("-o").arg(&out).output().unwrap();
    (ran(output), out)
}

#[test]
fn a_backup_and_a_sysdiagnose_of_one_phone_are_one_case() {
    let desk = Desk::new();
    let (ran, out) = of_both(&desk, "infected-iphone", INFECTED);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    assert!(ran.stdout.contains("are of the same phone: serial number F2LHP0000001"), "{}", ran.stdout);
    let findings = lines(&out.join("findings.jsonl"));
    assert_eq!(missed(&findings), Vec::<String>::new());
    let of =
        |artifact: &str| findings.iter().filter(|finding| text(finding, "/artifact") == artifact).count();
    assert!(of("ios.sms") > 0 && of("sysdiagnose.ps") > 0);
}

#[test]
fn acquisitions_of_different_phones_are_refused() {
    let (ran, _) = of_both(&Desk::new(), "clean-iphone", INFECTED);
    assert_eq!(ran.status, 2, "{}", ran.stdout);
    assert!(ran.stderr.contains("different phones"), "{}", ran.stderr);
}
