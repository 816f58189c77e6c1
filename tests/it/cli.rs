//! The command line: exit status, messages with a next step, and MVT's ways.

#![allow(clippy::disallowed_methods, reason = "tests write inputs and read what the program wrote")]

use std::path::Path;

use serde_json::Value;

use crate::phone;
use crate::run::{Ran, command, hoofprint, lines, ran, scan_into};

fn fixture(name: &str) -> String {
    phone::fixture(name).to_str().unwrap().to_owned()
}

/// A refusal: the status, what is said, and a hint.
fn refused(ran: &Ran, status: i32, says: &str) {
    assert_eq!(ran.status, status, "{}\n{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.contains(says), "`{says}` is not in:\n{}", ran.stderr);
    assert!(ran.stderr.contains("hint: "), "no next step in:\n{}", ran.stderr);
}

#[test]
fn inputs_that_are_no_phone_are_refused_with_a_next_step() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::create_dir(folder.path().join("empty")).unwrap();
    refused(&hoofprint(&["scan", &path("empty")]), 3, "empty");
    refused(&hoofprint(&["scan", &path("nowhere")]), 3, "nowhere");
    std::fs::write(folder.path().join("letter.txt"), "dear reader").unwrap();
    refused(&hoofprint(&["scan", &path("letter.txt")]), 3, "letter.txt");
    std::fs::create_dir(folder.path().join("half")).unwrap();
    std::fs::copy(
        phone::fixture("infected-iphone/Manifest.plist"),
        folder.path().join("half/Manifest.plist"),
    )
    .unwrap();
    refused(&hoofprint(&["scan", &path("half")]), 3, "Manifest.db");
}

#[test]
fn wrong_and_missing_passwords_end_with_status_4() {
    let phone = fixture("infected-iphone-encrypted");
    refused(&hoofprint(&["scan", &phone]), 4, "no password");
    let wrong =
        ran(command().args(["scan", &phone]).env("MVT_IOS_BACKUP_PASSWORD", "wrong").output().unwrap());
    refused(&wrong, 4, "wrong");
    let shown = hoofprint(&["scan", &phone, "-p", phone::PASSWORD]);
    assert_eq!(shown.status, 0);
    assert!(shown.stderr.contains("can be seen by other users"));
    let right = ran(command()
        .args(["scan", &phone])
        .env("MVT_IOS_BACKUP_PASSWORD", phone::PASSWORD)
        .output()
        .unwrap());
    assert_eq!(right.status, 0);
}

#[test]
fn a_derived_key_opens_the_backup_and_a_decrypted_copy_needs_none() {
    let folder = tempfile::tempdir().unwrap();
    let phone = fixture("infected-iphone-encrypted");
    let key = folder.path().join("key");
    let extract = ran(command()
        .args(["extract-key", &phone, "-p", phone::PASSWORD, "--key-file"])
        .arg(&key)
        .output()
        .unwrap());
    assert_eq!(extract.status, 0, "{}", extract.stderr);
    let by_key = folder.path().join("by-key");
    scan_into(&by_key, Path::new(&phone), &["--key-file", key.to_str().unwrap()]);

    let copy = folder.path().join("copy");
    let decrypt = ran(command()
        .args(["decrypt-backup", &phone, "-k", key.to_str().unwrap(), "-d"])
        .arg(&copy)
        .output()
        .unwrap());
    assert_eq!(decrypt.status, 0, "{}", decrypt.stderr);
    let of_copy = folder.path().join("of-copy");
    scan_into(&of_copy, &copy, &[]);
    let read = |out: &Path| std::fs::read_to_string(out.join("findings.jsonl")).unwrap();
    assert_eq!(read(&by_key), read(&of_copy));

    let bad = folder.path().join("bad");
    std::fs::write(&bad, "not a key").unwrap();
    refused(&hoofprint(&["scan", &phone, "--key-file", bad.to_str().unwrap()]), 4, "64 hexadecimal digits");
}

#[test]
fn unusable_indicators_end_with_status_5_before_anything_is_scanned() {
    let folder = tempfile::tempdir().unwrap();
    let phone = fixture("infected-iphone");
    refused(&hoofprint(&["scan", &phone, "-i", "nowhere.stix2"]), 5, "nowhere.stix2");
    let empty = folder.path().join("empty.stix2");
    std::fs::write(&empty, "{}").unwrap();
    refused(&hoofprint(&["scan", &phone, "-i", empty.to_str().unwrap()]), 5, "empty.stix2");
}

#[test]
fn indicators_of_ones_own_are_used_alone_or_beside_the_bundled() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("domains.txt");
    std::fs::write(&list, "example.net\n").unwrap();
    let out = folder.path().join("out");
    scan_into(&out, &phone::fixture("infected-iphone"), &["--no-bundled", "-i", list.to_str().unwrap()]);
    let findings = lines(&out.join("findings.jsonl"));
    let values: std::collections::BTreeSet<&str> =
        findings.iter().filter_map(|finding| finding.pointer("/indicator/value")?.as_str()).collect();
    assert_eq!(values.into_iter().collect::<Vec<_>>(), ["example.net"]);
}

#[test]
fn the_environment_names_further_indicators_as_for_mvt() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("domains.txt");
    std::fs::write(&list, "example.net\n").unwrap();
    let scan = ran(command()
        .args([
            "scan",
            &fixture("clean-iphone"),
            "--no-bundled",
            "-m",
            "ios.safari_history",
            "--fail-on",
            "low",
        ])
        .env("MVT_STIX2", folder.path())
        .output()
        .unwrap());
    assert_eq!(scan.status, 10, "{}\n{}", scan.stdout, scan.stderr);
    assert!(scan.stdout.contains("example[.]net"), "{}", scan.stdout);
}

#[cfg(unix)]
#[test]
fn the_password_may_come_from_an_open_file_descriptor() {
    let script = format!(
        "exec 7<<'END'\n{}\nEND\nexec \"$0\" scan \"$1\" --password-fd 7 -q --fail-on critical",
        phone::PASSWORD
    );
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", &script, env!("CARGO_BIN_EXE_hoofprint"), &fixture("infected-iphone-encrypted")]);
    let scan = ran(shell.env_remove("MVT_IOS_BACKUP_PASSWORD").output().unwrap());
    assert_eq!(scan.status, 10, "{}", scan.stderr);
}

#[test]
fn usage_errors_end_with_status_2() {
    let phone = fixture("infected-iphone");
    assert_eq!(hoofprint(&["scan"]).status, 2);
    assert_eq!(hoofprint(&["scan", &phone, "--no-such-flag"]).status, 2);
    refused(&hoofprint(&["scan", &phone, "-m", "NoSuchModule"]), 2, "NoSuchModule");
    refused(&hoofprint(&["scan", &phone, "--format", "mvt"]), 2, "needs a folder");
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("notes"), "mine").unwrap();
    let out = folder.path().to_str().unwrap();
    refused(&hoofprint(&["scan", &phone, "-o", out]), 2, "not empty");
    assert_eq!(hoofprint(&["scan", &phone, "-o", out, "--clobber"]).status, 0);
    assert_eq!(std::fs::read_to_string(folder.path().join("notes")).unwrap(), "mine");
}

#[test]
fn findings_and_damage_end_the_program_only_when_asked() {
    let phone = fixture("infected-iphone");
    assert_eq!(hoofprint(&["scan", &phone]).status, 0);
    assert_eq!(hoofprint(&["scan", &phone, "--fail-on", "critical"]).status, 10);
    let folder = tempfile::tempdir().unwrap();
    crate::run::copy(&phone::fixture("clean-iphone"), folder.path());
    let database = folder.path().join("3d/3d0d7e5fb2ce288813306e4d4636395e047a3d28");
    let mut bytes = std::fs::read(&database).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 2048].fill(0xFF);
    std::fs::write(&database, bytes).unwrap();
    let damaged = folder.path().to_str().unwrap();
    assert_eq!(hoofprint(&["scan", damaged]).status, 0);
    let strict = hoofprint(&["scan", damaged, "--strict"]);
    assert_eq!(strict.status, 20, "{}", strict.stdout);
    assert!(strict.stdout.contains("What could not be read"), "{}", strict.stdout);
}

#[test]
fn cut_ciphertext_is_read_as_far_as_it_goes_and_said() {
    let folder = tempfile::tempdir().unwrap();
    crate::run::copy(&phone::fixture("infected-iphone-encrypted"), folder.path());
    let stored = "f6/f65b5fafc69bbd3c60be019c6e938e146825fa83";
    let bytes = std::fs::read(folder.path().join(stored)).unwrap();
    std::fs::write(folder.path().join(stored), &bytes[..bytes.len() - 5]).unwrap();
    let path = folder.path().to_str().unwrap();
    let strict = hoofprint(&["scan", path, "-p", phone::PASSWORD, "--strict"]);
    assert_eq!(strict.status, 20, "{}", strict.stdout);
    assert!(strict.stdout.contains(stored), "{}", strict.stdout);
}

#[test]
fn a_finding_and_a_rule_are_explained() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    scan_into(&out, &phone::fixture("infected-iphone"), &[]);
    let findings = lines(&out.join("findings.jsonl"));
    let matched = findings.iter().find(|finding| finding["indicator"].is_object()).unwrap();
    let id = matched["id"].as_str().unwrap();
    let page = hoofprint(&["explain", id, out.to_str().unwrap()]);
    assert_eq!(page.status, 0);
    for heading in ["Published by", "Innocent causes", "Next check", "The whole record", "Stored as"] {
        assert!(page.stdout.contains(heading), "{heading} is not in:\n{}", page.stdout);
    }
    refused(&hoofprint(&["explain", "000000000000", out.to_str().unwrap()]), 3, "no finding");
    let rule = hoofprint(&["explain", "safari_redirect"]);
    assert!(rule.stdout.contains("Innocent causes"), "{}", rule.stdout);
    let rule = hoofprint(&["explain", "link_chain"]);
    assert!(rule.stdout.contains("False positives"), "{}", rule.stdout);
    assert!(hoofprint(&["explain", "verdict"]).stdout.contains("The first row that fits counts"));
}

#[test]
fn earlier_records_are_checked_again_without_the_phone() {
    let folder = tempfile::tempdir().unwrap();
    let (out, again) = (folder.path().join("out"), folder.path().join("again"));
    scan_into(&out, &phone::fixture("infected-iphone"), &[]);
    let recheck = ran(command().arg("check-iocs").arg(&out).arg("-o").arg(&again).output().unwrap());
    assert_eq!(recheck.status, 0, "{}", recheck.stderr);
    let values = |folder: &Path| -> Vec<(Value, Value)> {
        let findings = lines(&folder.join("findings.jsonl"));
        let mut values: Vec<_> = findings
            .into_iter()
            .filter(|finding| finding.get("indicator").is_some())
            .map(|finding| (finding["artifact"].clone(), finding["indicator"]["value"].clone()))
            .collect();
        values.sort_by_key(|(artifact, value)| format!("{artifact}{value}"));
        values
    };
    assert_eq!(values(&out), values(&again));
}

#[cfg(unix)]
#[test]
fn called_as_mvt_ios_it_writes_what_mvts_scripts_read() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("mvt-ios");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_hoofprint"), &link).unwrap();
    let out = folder.path().join("out");
    let mut command = std::process::Command::new(&link);
    command
        .args(["--disable-update-check", "check-backup", "-o"])
        .arg(&out)
        .arg(phone::fixture("infected-iphone"));
    let mvt = ran(command.env("HOME", "/nonexistent").output().unwrap());
    assert_eq!(mvt.status, 0, "{}", mvt.stderr);
    let read = |name: &str| -> Value {
        let text = std::fs::read_to_string(out.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        serde_json::from_str(&text).unwrap()
    };
    for name in [
        "alerts.json",
        "sms.json",
        "sms_detected.json",
        "datausage.json",
        "safari_history.json",
        "tcc.json",
        "urls.json",
        "info.json",
    ] {
        read(name);
    }
    let alerts = read("alerts.json");
    for alert in alerts.as_array().unwrap() {
        for field in ["level", "module", "message", "event_time", "event", "matched_indicator"] {
            assert!(alert.get(field).is_some(), "{field} of {alert}");
        }
    }
    let timeline = std::fs::read_to_string(out.join("timeline.csv")).unwrap();
    assert!(timeline.starts_with("\"UTC Timestamp\",\"Plugin\",\"Event\",\"Description\"\r\n"));
    assert!(timeline.contains("\"SafariHistory\",\"safari_history\""), "{timeline}");
    assert!(!out.join("hoofprint").exists());
}

#[test]
fn one_module_can_be_asked_for_by_either_name() {
    let folder = tempfile::tempdir().unwrap();
    for (name, module) in [("ours", "ios.tcc"), ("theirs", "TCC")] {
        let out = folder.path().join(name);
        scan_into(&out, &phone::fixture("infected-iphone"), &["-m", module]);
        let records: Vec<_> =
            std::fs::read_dir(out.join("records")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(records, ["ios.tcc.jsonl"]);
    }
}

#[test]
fn timesketch_lines_have_what_its_importer_needs() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    scan_into(&out, &phone::fixture("infected-iphone"), &["--format", "timesketch"]);
    let events = lines(&out.join("timesketch.jsonl"));
    assert!(events.len() > 100);
    for event in &events {
        assert!(event["message"].is_string() && event["timestamp_desc"].is_string());
        assert!(event["datetime"].as_str().unwrap().ends_with("+00:00"));
        assert!(event["timestamp"].is_i64());
    }
    assert!(
        events
            .iter()
            .any(|event| event["tag"].as_array().is_some_and(|tags| tags.contains(&"pegasus".into())))
    );
}

#[test]
fn the_output_folder_is_private_and_the_run_is_on_record() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    scan_into(&out, &phone::fixture("infected-iphone"), &["--hashes", "-p", "secret-word"]);
    let run = std::fs::read_to_string(out.join("run.json")).unwrap();
    assert!(!run.contains("secret-word"));
    let run: Value = serde_json::from_str(&run).unwrap();
    assert_eq!(run["schema_version"], 1);
    assert_eq!(run["tool"]["name"], "hoofprint");
    assert!(
        run["indicators"]["sets"]
            .as_array()
            .unwrap()
            .iter()
            .all(|set| set["sha256"].as_str().unwrap().len() == 64)
    );
    assert!(
        run["evidence"].as_array().unwrap().iter().all(|file| file["sha256"].as_str().unwrap().len() == 64)
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&out).unwrap().permissions().mode() & 0o777, 0o700);
    }
}

#[test]
fn nothing_is_written_into_what_is_examined() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    crate::run::copy(&phone::fixture("clean-iphone"), Path::new(&path("phone")));
    let before = crate::run::files(folder.path());
    for (evidence, out) in [("phone", "phone/out"), ("phone/3d", "phone/out"), ("phone", "phone")] {
        for clobber in [&[][..], &["--clobber"]] {
            let (evidence, out) = (path(evidence), path(out));
            let arguments = [&["scan", &evidence, "-o", &out][..], clobber].concat();
            refused(&hoofprint(&arguments), 2, "only read");
        }
    }
    refused(&hoofprint(&["decrypt", &path("phone"), "-d", &path("phone/copy")]), 2, "only read");
    assert_eq!(crate::run::files(folder.path()), before);
    assert!(!folder.path().join("phone/out").exists());

    scan_into(Path::new(&path("out")), Path::new(&path("phone")), &[]);
    let records = crate::run::files(folder.path());
    refused(&hoofprint(&["check-iocs", &path("out"), "-o", &path("out"), "--clobber"]), 2, "only read");
    assert_eq!(crate::run::files(folder.path()), records);
}

#[test]
fn clobber_replaces_the_scans_files_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let phone = fixture("clean-iphone");
    for place in ["hoofprint", "records"] {
        std::fs::create_dir(folder.path().join(place)).unwrap();
        std::fs::write(folder.path().join(place).join("mine.jsonl"), "mine").unwrap();
    }
    let out = folder.path().to_str().unwrap();
    for verb in ["scan", "check-backup", "scan"] {
        assert_eq!(hoofprint(&[verb, &phone, "-o", out, "--clobber"]).status, 0);
    }
    for place in ["hoofprint", "records"] {
        let mine = folder.path().join(place).join("mine.jsonl");
        assert_eq!(std::fs::read_to_string(mine).unwrap(), "mine");
    }
    let left = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(left.into_iter().all(|name| !name.to_string_lossy().starts_with("hoofprint-")));
}

#[test]
fn a_refused_password_leaves_no_folder_in_the_way_of_the_next_try() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let phone = fixture("infected-iphone-encrypted");
    let arguments =
        |password| ["scan", &phone, "-o", out.to_str().unwrap(), "-p", password].map(str::to_owned);
    for verb in ["scan", "check-backup"] {
        let mut wrong = arguments("wrong");
        wrong[0] = verb.to_owned();
        assert_eq!(hoofprint(&wrong.each_ref().map(String::as_str)).status, 4);
    }
    let right = hoofprint(&arguments(phone::PASSWORD).each_ref().map(String::as_str));
    assert_eq!(right.status, 0, "{}", right.stderr);
}

#[cfg(target_os = "linux")]
#[test]
fn a_report_that_cannot_be_written_is_an_error_and_a_reader_who_left_is_not() {
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let mut scan = command();
    scan.args(["scan", &fixture("clean-iphone")]).stdout(full);
    refused(&ran(scan.output().unwrap()), 1, "standard output");
    let mut scan = command();
    let mut child = scan
        .args(["scan", &fixture("clean-iphone")])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert_eq!(ran(child.wait_with_output().unwrap()).status, 0);
}

#[test]
fn a_pipe_is_refused_at_once() {
    #[cfg(unix)]
    refused(&hoofprint(&["scan", "/dev/stdin"]), 3, "neither a file nor a folder");
}

#[test]
fn a_level_asked_for_hides_findings_but_not_the_result() {
    let phone = fixture("infected-iphone");
    let list = ["scan", &phone, "-m", "ios.calendar"];
    let result = |ran: &Ran| ran.stdout.lines().find(|line| line.starts_with("RESULT")).map(str::to_owned);
    let all = result(&hoofprint(&list));
    let hidden = hoofprint(&[&list[..], &["--min-level", "critical"]].concat());
    assert_eq!((hidden.status, result(&hidden)), (0, all));
}

#[test]
fn the_bundled_catalogue_files_are_what_build_makes_of_them() {
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("indicators")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "txt") {
            let file = path.to_str().unwrap();
            let built = hoofprint(&["indicators", "build", file, "--header", file]);
            assert_eq!(built.stdout, std::fs::read_to_string(&path).unwrap(), "{file}");
        }
    }
}

const FLAWED: &str = "google.com\nEvil.xyz\nevil.xyz\nwww.other.xyz\n";

/// A folder with one list, and the path of the list.
fn list_of(content: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("domains.txt");
    std::fs::write(&path, content).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (folder, path)
}

#[test]
fn the_linter_ends_with_status_10_from_the_severity_asked_for() {
    let (_folder, flawed) = list_of(FLAWED);
    let lint = |more: &[&str]| hoofprint(&[&["indicators", "lint", &flawed], more].concat());
    let shown = lint(&[]);
    assert_eq!(shown.status, 10, "{}", shown.stderr);
    assert!(shown.stdout.starts_with(&format!("{flawed}:1:1: error[IND020]: ")), "{}", shown.stdout);
    assert!(shown.stdout.contains("\n  help: "), "{}", shown.stdout);
    assert!(
        shown.stdout.ends_with("1 error, 1 warning, 2 notes (not shown) in 1 file, 4 values\n"),
        "{}",
        shown.stdout
    );
    assert_eq!(lint(&["--fail-on", "never"]).status, 0);
    let (_folder, doubled) = list_of("evil.xyz\nevil.xyz\n");
    assert_eq!(hoofprint(&["indicators", "lint", &doubled]).status, 0);
    assert_eq!(hoofprint(&["indicators", "lint", &doubled, "--strict"]).status, 10);
    assert_eq!(hoofprint(&["indicators", "lint"]).status, 2);
    assert_eq!(hoofprint(&["indicators", "lint", "--rules"]).status, 0);
    refused(&hoofprint(&["indicators", "lint", "/nowhere/x.txt"]), 5, "/nowhere/x.txt");
}

#[test]
fn the_linter_mends_what_is_safe() {
    let (_folder, path) = list_of(FLAWED);
    let mended = hoofprint(&["indicators", "lint", "--fix", "--level", "note", &path]);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "google.com\nevil.xyz\nwww.other.xyz\n");
    assert!(mended.stderr.contains("mended 2 places"), "{}", mended.stderr);
    assert!(!mended.stdout.contains("IND015") && !mended.stdout.contains("IND080"), "{}", mended.stdout);
    let again = hoofprint(&["indicators", "lint", "--fix", "--level", "note", &path]);
    assert_eq!((again.stdout, again.stderr), (mended.stdout, String::new()));
}

#[test]
fn the_linter_writes_forms_for_machines_to_standard_output_only() {
    let (_folder, path) = list_of(FLAWED);
    let lint = |format: &str| {
        let first = hoofprint(&["indicators", "lint", "--format", format, &path]);
        let second = hoofprint(&["indicators", "lint", "--format", format, &path]);
        assert_eq!(first.stdout, second.stdout);
        assert_eq!(first.status, 10);
        first.stdout
    };
    let sarif: Value = serde_json::from_str(&lint("sarif")).unwrap();
    assert_eq!(sarif["runs"][0]["results"][0]["ruleId"], "IND020");
    let json: Value = serde_json::from_str(&lint("json")).unwrap();
    assert_eq!(json["counts"]["error"], 1);
    assert!(lint("junit").contains("<failure type=\"error\" message="));
    assert!(lint("github").starts_with("::error file="));
}
