//! The demo phones: every planted trace is found, and the clean one stays silent.

#![allow(clippy::disallowed_methods, reason = "tests read what the program wrote")]

use std::path::Path;

use serde_json::Value;

use crate::phone;
use crate::run::{command, lines, ran, scan_into};

/// The expectations name what a rule sees; these are the rules.
const RULES: [(&str, &str); 11] = [
    ("outdated-system", "old_ios"),
    ("disguised-attachment", "disguised_attachment"),
    ("apple-threat-notification", "apple_threat_notification"),
    ("failed-attachment", "attachment_in_tmp"),
    ("fast-redirect", "safari_redirect"),
    ("deleted-process", "datausage_deleted_process"),
    ("process-gap", "datausage_missing_process"),
    ("quadream-invitation", "quadream_invitation"),
    ("malformed-handle", "idstatuscache_nul"),
    ("not-from-app-store", "app_not_from_store"),
    ("lockdown-mode-on", "lockdown_mode"),
];

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The expectations that no finding meets.
fn missed(findings: &[Value]) -> Vec<String> {
    let expected = std::fs::read_to_string(phone::fixture("infected-iphone.expected.txt")).unwrap();
    let mut missed = Vec::new();
    for line in expected.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let fields: Vec<&str> = line.split(" | ").collect();
        let [artifact, what, _] = fields[..] else { panic!("not an expectation: {line}") };
        let found = findings.iter().any(|finding| match what.strip_prefix("rule:") {
            Some(name) => {
                let rule = RULES.iter().find(|(known, _)| *known == name).map_or(name, |(_, rule)| rule);
                text(finding, "/heuristic/id") == rule
            }
            None => {
                let family = |id: &str| id == artifact || same_family(id, artifact);
                family(text(finding, "/artifact")) && text(finding, "/indicator/value").ends_with(what)
            }
        });
        if !found {
            missed.push(line.to_owned());
        }
    }
    missed
}

/// The expectations speak of Safari's tabs and of WebKit's observations as one.
fn same_family(id: &str, expected: &str) -> bool {
    matches!(
        (expected, id),
        ("ios.safari_tabs", "ios.safari_open_tabs") | ("ios.webkit_observations", "ios.webkit_redirects")
    )
}

#[test]
fn every_planted_trace_is_found_in_the_plain_and_in_the_encrypted_phone() {
    let folder = tempfile::tempdir().unwrap();
    let password = folder.path().join("password");
    std::fs::write(&password, format!("{}\n", phone::PASSWORD)).unwrap();
    let plain = folder.path().join("plain");
    scan_into(&plain, &phone::fixture("infected-iphone"), &[]);
    let findings = lines(&plain.join("findings.jsonl"));
    assert_eq!(missed(&findings), Vec::<String>::new());

    let encrypted = folder.path().join("encrypted");
    let arguments = ["--password-file", password.to_str().unwrap()];
    scan_into(&encrypted, &phone::fixture("infected-iphone-encrypted"), &arguments);
    for file in ["findings.jsonl", "timeline.jsonl", "suspicious.csv"] {
        let read = |folder: &Path| std::fs::read_to_string(folder.join(file)).unwrap();
        assert_eq!(read(&plain), read(&encrypted), "{file}");
    }
}

#[test]
fn findings_have_the_fields_that_were_promised() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    scan_into(&out, &phone::fixture("infected-iphone"), &[]);
    let findings = lines(&out.join("findings.jsonl"));
    let mut ids: Vec<&str> = findings.iter().map(|finding| text(finding, "/id")).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), findings.len(), "ids are unique");
    for finding in &findings {
        for field in ["id", "level", "evidence_class", "message", "artifact", "path", "stored_as", "origin"] {
            assert!(!text(finding, &format!("/{field}")).is_empty(), "{field} of {finding}");
        }
        let object = finding.as_object().unwrap();
        for field in ["time", "times", "where", "column", "value", "matched"] {
            assert!(object.contains_key(field), "{field} of {finding}");
        }
        assert!(object.contains_key("indicator") != object.contains_key("heuristic"), "{finding}");
        if object.contains_key("indicator") {
            for field in ["value", "type", "campaign", "source"] {
                assert!(!text(finding, &format!("/indicator/{field}")).is_empty(), "{field} of {finding}");
            }
            assert!(object.contains_key("strength"));
            assert!(!text(finding, "/matched").is_empty());
        }
    }
    let in_log =
        findings.iter().find(|finding| text(finding, "/indicator/value") == "tookcheckout.com").unwrap();
    assert_eq!(text(in_log, "/origin"), "wal");
}

#[test]
fn the_events_around_a_finding_stand_beside_it_and_undated_findings_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    scan_into(&out, &phone::fixture("infected-iphone"), &[]);
    let suspicious = lines(&out.join("suspicious.jsonl"));
    let count = |kind: &str| suspicious.iter().filter(|line| text(line, "/kind") == kind).count();
    assert!(count("finding") > 20 && count("context") > 20);
    let findings = lines(&out.join("findings.jsonl"));
    let undated = findings.iter().filter(|finding| finding["time"].is_null()).count();
    assert_eq!(count("undated"), undated);
    let named: std::collections::BTreeSet<&str> =
        suspicious.iter().map(|line| text(line, "/finding")).filter(|id| !id.is_empty()).collect();
    assert_eq!(named.len(), findings.len(), "every finding is there");
    let times: Vec<&str> =
        suspicious.iter().map(|line| text(line, "/time")).filter(|time| !time.is_empty()).collect();
    assert!(times.is_sorted());
}

#[test]
fn the_clean_phone_gives_nothing_of_medium_or_higher() {
    let mut command = command();
    let ran = ran(command
        .arg("scan")
        .arg(phone::fixture("clean-iphone"))
        .args(["--fail-on", "medium"])
        .output()
        .unwrap());
    assert_eq!(ran.status, 0, "{}", ran.stdout);
    assert!(ran.stdout.contains("RESULT: no known trace in what was checked"), "{}", ran.stdout);
    assert!(!ran.stdout.to_lowercase().contains("clean"), "no report says that");
}
