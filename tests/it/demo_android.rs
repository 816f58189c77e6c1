//! The demo Android phones: every planted trace is found in every wrapping, the clean one stays silent, and damage is said.

#![allow(clippy::disallowed_methods, reason = "tests write archives and read what the program wrote")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::phone::android::Android;
use crate::phone::android_backup::Wrapping;
use crate::phone::{self, fixture};
use crate::run::{command, files, ran, scan_into};

const INFECTED: &str = "infected-android.zip";
const CLEAN: &str = "clean-android.zip";

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The expectations that no finding meets.
fn missed(findings: &[Value]) -> Vec<String> {
    let expected = std::fs::read_to_string(fixture("infected-android.expected.txt")).unwrap();
    let mut missed = Vec::new();
    for line in expected.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let fields: Vec<&str> = line.split(" | ").collect();
        let [artifact, what, _] = fields[..] else { panic!("not an expectation: {line}") };
        let rule = what.strip_prefix("rule:");
        let found = findings.iter().any(|finding| {
            text(finding, "/artifact") == artifact
                && match rule {
                    Some(rule) => text(finding, "/heuristic/id") == rule,
                    None => text(finding, "/indicator/value").eq_ignore_ascii_case(what),
                }
        });
        if !found {
            missed.push(line.to_owned());
        }
    }
    missed
}

fn infected() -> Android {
    phone::android_from_sources("infected-android")
}

/// A folder that holds the acquisitions of a test and the results of their scans.
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

    /// A folder that does not exist yet.
    fn place(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What a scan writes, by path.
    fn scan(&self, path: &Path) -> BTreeMap<String, Vec<u8>> {
        self.scan_with(path, &[])
    }

    fn scan_with(&self, path: &Path, arguments: &[&str]) -> BTreeMap<String, Vec<u8>> {
        let name = path.file_name().unwrap().to_str().unwrap();
        let out = self.place(&format!("{name}-out{}", arguments.len()));
        scan_into(&out, path, arguments);
        files(&out)
    }
}

/// The lines of a file that a scan wrote.
fn written(found: &BTreeMap<String, Vec<u8>>, name: &str) -> Vec<Value> {
    let text = found.get(name).map(|bytes| String::from_utf8(bytes.clone()).unwrap()).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Findings and timeline without where they were stored and without the times of files: wrappings differ in these.
fn facts(found: &BTreeMap<String, Vec<u8>>) -> BTreeSet<String> {
    let mut facts = BTreeSet::new();
    for name in ["findings.jsonl", "timeline.jsonl"] {
        for mut fact in written(found, name) {
            if fact["artifact"] == "android.file_times" {
                continue;
            }
            let object = fact.as_object_mut().unwrap();
            // The id of a finding is reckoned from where it was stored.
            for field in ["stored_as", "id", "finding", "where", "found_as"] {
                object.remove(field);
            }
            facts.insert(format!("{name} {fact}"));
        }
    }
    facts
}

fn problems(found: &BTreeMap<String, Vec<u8>>) -> String {
    let problems = found.get("problems.jsonl").cloned().unwrap_or_default();
    String::from_utf8(problems).unwrap()
}

#[test]
fn every_planted_trace_is_found() {
    let found = Desk::new().scan(&fixture(INFECTED));
    assert_eq!(missed(&written(&found, "findings.jsonl")), Vec::<String>::new());
}

#[test]
fn the_demo_androids_are_read_without_a_problem() {
    let desk = Desk::new();
    for name in [INFECTED, CLEAN] {
        assert_eq!(problems(&desk.scan(&fixture(name))), "", "{name}");
    }
}

#[test]
fn the_clean_android_gives_nothing_of_medium_or_higher() {
    let output = command().arg("scan").arg(fixture(CLEAN)).args(["--fail-on", "medium"]).output().unwrap();
    let ran = ran(output);
    assert_eq!(ran.status, 0, "{}", ran.stdout);
    assert!(ran.stdout.contains("RESULT: no known trace in what was checked"), "{}", ran.stdout);
}

#[test]
fn every_wrapping_of_an_acquisition_gives_the_same_findings_and_timeline() {
    let desk = Desk::new();
    let collected = infected().collected(Wrapping::Plain);
    let folder = desk.place("unpacked");
    collected.unpack(&folder);
    let expected = facts(&desk.scan(&fixture(INFECTED)));
    assert!(expected.len() > 20);
    let zipped = desk.file("with-folder.zip", &collected.zip());
    for path in [folder.join(&collected.top), folder, zipped, desk.file("tarred.tar.gz", &collected.tar_gz())]
    {
        let found = facts(&desk.scan(&path));
        let differences: Vec<&String> = found.symmetric_difference(&expected).collect();
        assert!(differences.is_empty(), "{}: {differences:#?}", path.display());
    }
}

#[test]
fn an_older_bugreport_is_read_with_its_own_clock_and_named_in_what_it_shows() {
    let desk = Desk::new();
    let name = "old_bugreports/bugreport-old.zip";
    let mut collected = infected().packed();
    let mut member = collected.members[0].clone();
    member.path = name.to_owned();
    // Compressed or not, it is an archive inside of an archive.
    member.content =
        phone::sysdiagnose::Content::Bytes(infected().made("2019-01-15 12:00:00").bugreport().zip());
    collected.members.push(member);
    let folder = desk.place("older-unpacked");
    collected.unpack(&folder);
    let found = desk.scan(&desk.file("older.zip", &collected.zip()));
    assert_eq!(problems(&found), "");
    let folders = desk.scan(&folder);
    assert!(facts(&found) == facts(&folders));
    let rows = written(&found, "records/android.processes.jsonl");
    let (older, newer): (Vec<&Value>, Vec<&Value>) =
        rows.iter().partition(|row| text(row, "/stored_as").starts_with(&format!("{name}: ")));
    assert!(!older.is_empty() && older.len() <= newer.len());
    // What the newer report shows is what it shows without the older one.
    let both = facts(&found);
    let alone = facts(&desk.scan(&fixture(INFECTED)));
    let missing: Vec<&String> = alone.difference(&both).filter(|fact| fact.starts_with("timeline")).collect();
    assert!(missing.is_empty(), "{missing:#?}");
    let years =
        |rows: &[Value]| rows.iter().filter(|row| text(row, "/time").starts_with("2019-01-15")).count();
    assert!(years(&written(&found, "timeline.jsonl")) > 0);
    let limits = String::from_utf8(found["coverage.json"].clone()).unwrap();
    assert!(limits.contains("is an older report, of the same phone, made 2019-01-15"), "{limits}");
}

#[test]
fn an_older_bugreport_of_another_phone_is_told_and_left_out() {
    let desk = Desk::new();
    let mut other = infected();
    let properties = b"[persist.sys.timezone]: [Europe/Paris]\n[ro.serialno]: [OTHER00001]\n";
    other.set("bugreport/dumpstate/SYSTEM PROPERTIES (getprop).txt", properties);
    let mut collected = infected().packed();
    let mut member = collected.members[0].clone();
    member.path = "old_bugreports/bugreport-other.zip".to_owned();
    member.content = phone::sysdiagnose::Content::Bytes(other.bugreport().zip());
    collected.members.push(member);
    let found = desk.scan(&desk.file("other.zip", &collected.zip()));
    assert!(problems(&found).contains("is of another phone, with the serial number OTHER00001"));
    assert!(!String::from_utf8_lossy(&found["findings.jsonl"]).contains("bugreport-other"));
}

#[test]
fn every_form_of_the_backup_gives_the_same_and_a_locked_one_is_told() {
    let desk = Desk::new();
    let expected = facts(&desk.scan(&fixture(INFECTED)));
    let with = |wrapping| infected().collected(wrapping).zip();
    let compressed = desk.scan(&desk.file("compressed.zip", &with(Wrapping::Compressed)));
    assert!(facts(&compressed) == expected);
    let locked = desk.file("locked.zip", &with(Wrapping::Encrypted(phone::PASSWORD)));
    let password = desk.file("password", format!("{}\n", phone::PASSWORD).as_bytes());
    let opened = desk.scan_with(&locked, &["--password-file", password.to_str().unwrap()]);
    assert!(facts(&opened) == expected);
    let without = desk.scan(&locked);
    assert!(problems(&without).contains("backup.ab"), "{}", problems(&without));
    assert!(facts(&without).is_subset(&expected));
}

#[test]
fn every_wrapping_of_a_bugreport_gives_the_same_findings_and_timeline() {
    let desk = Desk::new();
    let android = infected();
    let report = android.bugreport();
    let folder = desk.place("bugreport");
    report.unpack(&folder);
    let zipped = desk.scan(&desk.file("bugreport.zip", &report.zip()));
    let expected = facts(&zipped);
    for path in [folder, desk.file("stored.zip", &report.stored_zip())] {
        let found = facts(&desk.scan(&path));
        let differences: Vec<&String> = found.symmetric_difference(&expected).collect();
        assert!(differences.is_empty(), "{}: {differences:#?}", path.display());
    }
    // The text alone lacks the files beside it, and nothing else.
    let found = facts(&desk.scan(&desk.file("report.txt", &android.text())));
    let more: Vec<&String> = found.difference(&expected).collect();
    assert!(more.is_empty(), "{more:#?}");
    let beside = ["tombstone", "/data/anr/", "/proc/1/mountinfo", "/bugreport/"];
    let less = expected.difference(&found).filter(|fact| !beside.iter().any(|part| fact.contains(part)));
    assert_eq!(less.collect::<Vec<_>>(), Vec::<&String>::new());
    assert!(found.len() > 5);
}

#[test]
fn a_bugreport_that_ends_early_keeps_what_came_before_and_says_so() {
    let desk = Desk::new();
    let text = infected().text();
    let whole = facts(&desk.scan(&desk.file("whole.txt", &text)));
    for tenths in [2, 5, 9] {
        let path = desk.file(&format!("cut-{tenths}.txt"), &text[..text.len() * tenths / 10]);
        let found = desk.scan(&path);
        assert!(problems(&found).contains("does not reach its end"), "{tenths}: {}", problems(&found));
        assert!(facts(&found).len() <= whole.len());
    }
}

#[test]
fn an_acquisition_that_is_cut_or_lacks_its_bugreport_says_so() {
    let desk = Desk::new();
    let packed = std::fs::read(fixture(INFECTED)).unwrap();
    let whole = facts(&desk.scan(&fixture(INFECTED)));
    let mut most = 0;
    for tenths in [1, 3, 5, 7, 9] {
        let found =
            desk.scan(&desk.file(&format!("cut-{tenths}.zip"), &packed[..packed.len() * tenths / 10]));
        assert!(problems(&found).contains("as if it was cut short"), "{tenths}: {}", problems(&found));
        most = most.max(written(&found, "findings.jsonl").len());
        assert!(facts(&found).len() <= whole.len() + 10, "{tenths}");
    }
    assert!(most > 5, "{most}");
    // Cut before anything of it came, there is nothing to open, and the way out is told.
    let ran = ran(command().arg("scan").arg(desk.file("cut.zip", &packed[..40])).output().unwrap());
    assert!(ran.status == 3 && ran.stderr.contains("cut short"), "{} {}", ran.status, ran.stderr);
    let mut collected = infected().packed();
    for member in collected.members.iter_mut().filter(|member| member.path == "bugreport.zip") {
        member.content = phone::sysdiagnose::Content::Bytes(b"adb: device 'x' not found".to_vec());
    }
    let found = desk.scan(&desk.file("failed.zip", &collected.zip()));
    assert!(problems(&found).contains("bugreport.zip"), "{}", problems(&found));
}

#[test]
fn phones_of_different_makers_are_refused_as_one_case() {
    let output = command().arg("scan").arg(fixture("clean-iphone")).arg(fixture(CLEAN)).output().unwrap();
    let ran = ran(output);
    assert_eq!(ran.status, 2, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.contains("different phones"), "{}", ran.stderr);
}
