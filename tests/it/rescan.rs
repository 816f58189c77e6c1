//! The store of a scan: what a rescan finds in it is what a scan with the same indicators finds; and results for CI systems.

#![allow(clippy::disallowed_methods, reason = "tests write inputs and read what the program wrote")]

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::phone;
use crate::run::{Ran, hoofprint, scan_into};

const STORE: &str = "observables.tsv.gz";

/// A list that no phone matches, and its folder.
fn harmless() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("list.txt");
    std::fs::write(&path, "nobody-has-this.net\n").unwrap();
    let path = path.to_str().unwrap().to_owned();
    (folder, path)
}

/// Scans a demo phone before anything about it was published.
fn early_scan(folder: &Path, phone: &str) -> PathBuf {
    let (_folder, list) = harmless();
    let out = folder.join(phone);
    scan_into(&out, &phone::fixture(phone), &["--no-bundled", "-i", &list]);
    out
}

fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {}{}", ran.stdout, ran.stderr))
}

/// Rule, evidence class, artifact and matched value of everything that an indicator named. The column is left out: of two that hold the same, either
/// may stand for the record.
fn named(results: &Value) -> BTreeSet<(String, String, String)> {
    let text = |result: &Value, key: &str| result[key].as_str().unwrap_or_default().to_owned();
    let results = results["results"].as_array().unwrap().iter();
    results
        .map(|result| (text(result, "rule"), text(result, "message"), text(result, "subject")))
        .filter(|(rule, _, _)| rule.starts_with("indicator."))
        // The raw search and the unified log read bytes again, not records.
        .filter(|(_, _, subject)| !subject.starts_with("sweep ") && !subject.contains("unified_log"))
        .map(|(rule, message, subject)| {
            let mut words = subject.splitn(3, ' ');
            let (artifact, value) = (words.next().unwrap(), words.nth(1).unwrap());
            // A scan weighs findings against each other, which may change the level.
            let class = message.split(':').next().unwrap().rsplit(", ").next().unwrap();
            (rule, class.to_owned(), format!("{artifact} {value}"))
        })
        .collect()
}

#[test]
fn a_rescan_finds_what_a_scan_with_the_new_set_finds() {
    let folder = tempfile::tempdir().unwrap();
    for phone in ["infected-iphone", "infected-sysdiagnose.tar.gz", "infected-android.zip"] {
        let out = early_scan(folder.path(), phone);
        let path = phone::fixture(phone);
        let scan = named(&json(&hoofprint(&["scan", path.to_str().unwrap(), "--format", "json"])));
        let rescan =
            hoofprint(&["rescan", "--store", out.to_str().unwrap(), "--format", "json", "--fail-on", "high"]);
        assert_eq!(rescan.status, 10, "{}", rescan.stderr);
        let rescan = named(&json(&rescan));
        assert!(!scan.is_empty(), "{phone}");
        let missing: Vec<_> = scan.difference(&rescan).collect();
        assert!(missing.is_empty(), "{phone}: {missing:#?}");
        // A scan names the strongest of a record's columns; in the store each value has the earliest of its own records.
        let artifact = |subject: &str| subject.split(' ').next().unwrap().to_owned();
        let known: BTreeSet<_> = scan.iter().map(|(rule, _, subject)| (rule, artifact(subject))).collect();
        let added: Vec<_> =
            rescan.iter().filter(|(rule, _, subject)| !known.contains(&(rule, artifact(subject)))).collect();
        assert!(added.is_empty(), "{phone}: {added:#?}");
    }
}

#[test]
fn many_stores_are_read_at_once_and_each_has_its_verdict() {
    let folder = tempfile::tempdir().unwrap();
    let infected = early_scan(folder.path(), "infected-iphone");
    early_scan(folder.path(), "clean-iphone");
    let all = folder.path().to_str().unwrap();
    let text = hoofprint(&["rescan", all, infected.join(STORE).to_str().unwrap()]);
    assert_eq!(text.status, 0, "{}", text.stderr);
    let verdict = |phone: &str| {
        let line = text.stdout.lines().find(|line| line.contains(phone) && line.contains(STORE)).unwrap();
        line.split(": ").nth(1).unwrap().to_owned()
    };
    assert!(verdict("infected-iphone").starts_with("trace of known spyware"), "{}", text.stdout);
    assert!(verdict("clean-iphone").starts_with("no known trace in what was checked"), "{}", text.stdout);
    assert!(text.stdout.contains("\n2 stores with "), "{}", text.stdout);
    // The records of a single scan are judged with the rules; several scans by their stores.
    assert!(hoofprint(&["rescan", infected.to_str().unwrap()]).stdout.contains("RESULT: "));
    let refused = hoofprint(&["rescan", all, "-o", folder.path().join("x").to_str().unwrap()]);
    assert_eq!(refused.status, 2, "{}", refused.stderr);
}

#[test]
fn the_store_has_no_words_of_messages_and_may_be_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let out = early_scan(folder.path(), "infected-iphone");
    let mut store = String::new();
    let file = std::fs::File::open(out.join(STORE)).unwrap();
    flate2::read::GzDecoder::new(file).read_to_string(&mut store).unwrap();
    let lines: Vec<&str> = store.lines().collect();
    assert!(lines[0].starts_with("#observables\t{") && lines.last().unwrap().starts_with("#end\t{"));
    let messages: Vec<&str> = lines.iter().copied().filter(|line| line.starts_with("message\t")).collect();
    assert!(!messages.is_empty());
    for message in messages {
        let value = message.split('\t').nth(1).unwrap();
        assert!(!value.contains(char::is_whitespace), "{value}");
    }
    let without = folder.path().join("without");
    scan_into(&without, &phone::fixture("clean-iphone"), &["--no-store"]);
    assert!(!without.join(STORE).exists());
}

#[test]
fn damaged_stores_are_told_and_what_is_left_is_matched() {
    let folder = tempfile::tempdir().unwrap();
    let out = early_scan(folder.path(), "infected-iphone");
    let store = std::fs::read(out.join(STORE)).unwrap();
    let damaged = folder.path().join("damaged.gz");
    let path = damaged.to_str().unwrap();
    let mut found = 0;
    for at in (0..10).map(|tenth| store.len() * tenth / 10) {
        std::fs::write(&damaged, &store[..at]).unwrap();
        let cut = hoofprint(&["rescan", path, "--strict", "--fail-on", "medium"]);
        assert!([3, 10, 20].contains(&cut.status), "{}\n{}", cut.status, cut.stderr);
        assert!(cut.status == 3 || cut.stdout.contains("not read: "), "{}", cut.stdout);
        found += u32::from(cut.status == 10);
        let mut flipped = store.clone();
        flipped[at] ^= 0x10;
        std::fs::write(&damaged, flipped).unwrap();
        let flipped = hoofprint(&["rescan", path, "--strict", "--fail-on", "medium"]);
        assert!([0, 3, 10, 20].contains(&flipped.status), "{}\n{}", flipped.status, flipped.stderr);
    }
    assert!(found > 0);
    let mut file = std::fs::File::create(&damaged).unwrap();
    file.write_all(b"dear reader").unwrap();
    let refused = hoofprint(&["rescan", path]);
    assert_eq!(refused.status, 3, "{}", refused.stdout);
    assert!(refused.stderr.contains("hint: "), "{}", refused.stderr);
}

#[test]
fn results_for_ci_systems_are_the_same_each_time_in_the_folder_and_on_standard_output() {
    let folder = tempfile::tempdir().unwrap();
    let phone = phone::fixture("infected-iphone");
    let path = phone.to_str().unwrap();
    let out = folder.path().join("out");
    scan_into(&out, &phone, &["--format", "hoofprint,json,sarif,junit,github"]);
    let files = [
        ("json", "findings.json"),
        ("sarif", "findings.sarif"),
        ("junit", "findings.xml"),
        ("github", "findings.annotations"),
    ];
    for (format, file) in files {
        let printed = hoofprint(&["scan", path, "--format", format]);
        assert_eq!(printed.status, 0, "{}", printed.stderr);
        assert_eq!(printed.stdout, std::fs::read_to_string(out.join(file)).unwrap(), "{format}");
        let stores = |status: i32, more: &[&str]| {
            let ran = hoofprint(&[&["rescan", out.to_str().unwrap(), "--format", format], more].concat());
            assert_eq!(ran.status, status, "{}", ran.stderr);
            ran.stdout
        };
        assert_eq!(stores(0, &["--store"]), stores(0, &["--store"]));
        assert_eq!(stores(10, &["--fail-on", "critical"]), stores(10, &["--fail-on", "critical"]));
    }
    let sarif: Value =
        serde_json::from_str(&std::fs::read_to_string(out.join("findings.sarif")).unwrap()).unwrap();
    let run = &sarif["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    for result in run["results"].as_array().unwrap() {
        let number = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[number]["id"], result["ruleId"]);
    }
    let junit = hoofprint(&["scan", path, "--format", "junit", "--fail-on", "critical"]);
    assert_eq!(junit.status, 10);
    assert!(junit.stdout.contains("<failure type=\"error\"") && junit.stdout.contains("<skipped"));
    assert_eq!(hoofprint(&["scan", path, "--format", "junit,sarif"]).status, 2);
}
