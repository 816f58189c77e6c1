//! Tests of indicator sets: files of given and expected, harmless values, earlier scans, and the forms for CI systems.

#![allow(clippy::disallowed_methods, reason = "tests write inputs and read what the program wrote")]

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::phone;
use crate::run::{Ran, hoofprint, scan_into};

/// A folder with a set of one domain and one process, and these tests of it beside it.
fn set_with(tests: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let set = folder.path().join("spy.txt");
    std::fs::write(&set, "campaign: Spy\npublisher: us\nlicence: CC0-1.0\n\n[domain]\nspy.example.org\n\n[process]\nspyagentd\n").unwrap();
    if !tests.is_empty() {
        std::fs::write(folder.path().join("spy.test.toml"), tests).unwrap();
    }
    let set = set.to_str().unwrap().to_owned();
    (folder, set)
}

fn test(arguments: &[&str]) -> Ran {
    hoofprint(&[&["indicators", "test"], arguments].concat())
}

const PASSING: &str = "sets = [\"spy.txt\"]\n\n[[tests]]\nname = \"a page\"\ngiven = { url = \"https://a.spy.example.org/\", as = \"visited\" }\n\
    expect = { indicator = \"spy.example.org\", campaign = \"Spy\", level = \"critical\" }\n";

const FAILING: &str = "[[tests]]\nname = \"parent, too\"\ngiven.host = \"example.org\"\nexpect = { indicator = \"spy.example.org\" }\n\n\
    [[tests]]\nname = \"below\"\ngiven.host = \"a.spy.example.org\"\nexpect = { strength = \"certain\" }\n";

#[test]
fn the_example_of_the_fixtures_passes() {
    let ran = test(&["fixtures/example.test.toml"]);
    assert_eq!((ran.status, &*ran.stdout), (0, "10 tests, 0 failed\n"), "{}", ran.stderr);
}

#[test]
fn tests_are_found_beside_the_set_and_name_the_line_that_fails() {
    let (folder, set) = set_with(PASSING);
    let ran = test(&[&set]);
    assert_eq!(ran.status, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.starts_with("1 test, 0 failed; 2"), "{}", ran.stdout);

    std::fs::write(folder.path().join("spy.test.toml"), FAILING).unwrap();
    let ran = test(&[&set]);
    assert_eq!(ran.status, 10);
    assert!(ran.stdout.contains("spy.test.toml:4:12: error[TST002]: parent, too: "), "{}", ran.stdout);
    assert!(ran.stdout.contains("spy.test.toml:9:12: error[TST003]: below: "), "{}", ran.stdout);
    assert!(ran.stdout.contains("2 tests, 2 failed"), "{}", ran.stdout);
    assert_eq!(test(&[&set, "--fail-on", "never"]).status, 0);
}

#[test]
fn evidence_that_is_not_there_fails_and_what_could_not_be_read_of_it_is_told() {
    let phone = phone::fixture("infected-iphone");
    let given = |path: &str| {
        format!("given = {{ evidence = '{path}', modules = [\"ios.sms\"] }}\nexpect = \"none\"\n")
    };
    let (_folder, set) =
        set_with(&format!("[[tests]]\n{}[[tests]]\n{}", given(phone.to_str().unwrap()), given("nowhere")));
    let ran = test(&[&set]);
    assert_eq!(ran.status, 10);
    // The demo phone's manifest lists a file that is not there.
    assert!(ran.stdout.contains("spy.test.toml:2:1: warning[TST006]: "), "{}", ran.stdout);
    assert!(ran.stdout.contains("spy.test.toml:5:1: error[TST005]: nowhere: "), "{}", ran.stdout);
}

#[test]
fn every_indicator_can_be_asked_to_have_a_test() {
    let (_folder, set) = set_with(&format!("coverage.every_indicator = true\n{PASSING}"));
    let ran = test(&[&set]);
    assert_eq!(ran.status, 10);
    assert!(
        ran.stdout.contains("spy.test.toml:1:10: error[TST007]: no test expects process `spyagentd`"),
        "{}",
        ran.stdout
    );
}

#[test]
fn files_that_are_not_understood_and_missing_ones_end_as_documented() {
    let (folder, set) = set_with("[[tests]]\ngiven.uri = \"x\"\nexpect = \"none\"\n");
    let ran = test(&[&set]);
    assert_eq!(ran.status, 10);
    assert!(ran.stdout.contains("spy.test.toml:2:7: error[TST001]: `uri` is not known"), "{}", ran.stdout);
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    assert_eq!(test(&[&path("nowhere.toml")]).status, 3);
    assert_eq!(test(&[&path("nowhere.stix2")]).status, 5);
    assert_eq!(test(&[]).status, 2);
    assert!(test(&["--rules"]).stdout.contains("TST010  error    matches what ordinary phones hold"));
    assert_eq!(test(&[&set, "--against", &path("nowhere")]).status, 3);
    assert_eq!(test(&[&set, "--corpus", &path("nowhere.txt")]).status, 3);
}

#[test]
fn a_new_set_must_be_silent_over_what_ordinary_phones_hold() {
    let (folder, set) = set_with("");
    assert_eq!(test(&[&set]).status, 0);
    let loud = folder.path().join("loud.txt");
    std::fs::write(&loud, "www.apple.com\nspy2.example.org\n").unwrap();
    let loud = loud.to_str().unwrap();
    let ran = test(&[loud]);
    assert_eq!(ran.status, 10);
    assert!(
        ran.stdout
            .contains("error[TST010]: domain `www.apple.com` matches `www.apple.com` (benign/hosts.txt:"),
        "{}",
        ran.stdout
    );
    assert_eq!(test(&[loud, "--no-corpus"]).status, 0);

    let own = folder.path().join("own.txt");
    std::fs::write(&own, "# of our phones\n[host]\nspy.example.org\n").unwrap();
    let own = own.to_str().unwrap();
    let ran = test(&[&set, "--no-corpus", "--corpus", own]);
    assert_eq!(ran.status, 10);
    assert!(ran.stdout.contains("own.txt:3), certain"), "{}", ran.stdout);
    std::fs::write(own, "spy.example.org\n").unwrap();
    assert!(test(&[&set, "--corpus", own]).stdout.contains("own.txt:1:1: error[TST011]"));
}

fn earlier_scan(folder: &Path) -> PathBuf {
    let out = folder.join("out");
    scan_into(&out, &phone::fixture("infected-iphone"), &[]);
    out
}

#[test]
fn what_a_set_would_change_in_an_earlier_scan_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let out = earlier_scan(folder.path());
    let out = out.to_str().unwrap();
    let set = folder.path().join("new.txt");
    std::fs::write(&set, "[domain]\nexample.net\n").unwrap();
    let set = set.to_str().unwrap();

    // Beside the bundled sets a new one only adds.
    let ran = test(&[set, "--no-corpus", "--against", out]);
    assert_eq!(ran.status, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(
        ran.stdout.contains("findings.jsonl: note[TST020]: domain `example.net` in ios."),
        "{}",
        ran.stdout
    );
    assert!(
        ran.stdout.ends_with("new, 0 changed, 0 lost\n") && !ran.stdout.contains(" 0 finding"),
        "{}",
        ran.stdout
    );
    assert_eq!(test(&[set, "--no-corpus", "--against", out, "--fail-on", "note"]).status, 10);

    // Alone it loses what only those find.
    let ran = test(&[set, "--no-corpus", "--no-bundled", "--against", out, "--fail-on", "warning"]);
    assert_eq!(ran.status, 10);
    assert!(ran.stdout.contains("warning[TST022]: domain `smscentro.com` in ios.sms"), "{}", ran.stdout);
}

#[test]
fn the_same_sets_change_nothing_in_an_earlier_scan() {
    let folder = tempfile::tempdir().unwrap();
    let out = earlier_scan(folder.path());
    let ran = test(&["fixtures/example.test.toml", "--against", out.to_str().unwrap(), "--fail-on", "note"]);
    assert_eq!(ran.status, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("in 1 earlier scan: 0 findings new, 0 changed, 0 lost"), "{}", ran.stdout);
}

#[test]
fn forms_for_machines_name_the_line_and_are_the_same_twice() {
    let (_folder, set) = set_with(&format!("{PASSING}{}", FAILING));
    let form = |format: &str| {
        let first = test(&[&set, "--format", format]);
        let second = test(&[&set, "--format", format]);
        assert_eq!((first.status, &first.stdout), (10, &second.stdout));
        assert!(first.stderr.contains("3 tests, 2 failed"), "{}", first.stderr);
        first.stdout
    };
    let sarif: Value = serde_json::from_str(&form("sarif")).unwrap();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    assert_eq!(results.len(), 2);
    assert_eq!(results[0]["ruleId"], "TST002");
    assert_eq!(results[0]["locations"][0]["physicalLocation"]["region"]["startLine"], 10);
    let json: Value = serde_json::from_str(&form("json")).unwrap();
    assert_eq!((&json["suite"], &json["counts"]["error"]), (&"indicators test".into(), &2.into()));
    let junit = form("junit");
    assert!(junit.contains(" name=\"test a page at 4:1\"/>"), "{junit}");
    assert!(junit.contains(" name=\"test below at 15:12\"><failure type=\"error\""), "{junit}");
    let github = form("github");
    assert!(
        github.starts_with("::error file=") && github.contains(",line=10,col=12,title=TST002"),
        "{github}"
    );
}
