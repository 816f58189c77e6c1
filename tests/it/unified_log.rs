//! The unified log of a phone: found by its programs, by what they wrote, and in whatever container.

#![allow(clippy::disallowed_methods, reason = "tests build archives and read what the program wrote")]

use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::phone::log_archive;
use crate::run::{files, lines, scan_into};

const TOP: &str = "sysdiagnose_2023.11.20_09-12-33+0100_iPhone-OS_iPhone_20F66";

fn put(path: &Path, bytes: &[u8]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

/// A folder that holds the log archive alone, and one that holds a sysdiagnose with it.
fn folders(infected: bool, into: &Path) -> [PathBuf; 2] {
    let (alone, whole) = (into.join("x.logarchive"), into.join("whole"));
    put(&alone.join("Info.plist"), b"<plist><dict/></plist>");
    for (path, bytes) in log_archive::members(infected) {
        put(&alone.join(&path), &bytes);
        put(&whole.join(TOP).join("system_logs.logarchive").join(&path), &bytes);
    }
    put(&whole.join(TOP).join("sysdiagnose.log"), b"");
    [alone, whole]
}

fn packed(folder: &Path, to: &Path) {
    let encoder =
        flate2::write::GzEncoder::new(std::fs::File::create(to).unwrap(), flate2::Compression::fast());
    let mut tar = tar::Builder::new(encoder);
    tar.append_dir_all("", folder).unwrap();
    // More than a memory of 1 MiB holds makes it one that is read through.
    let mut header = tar::Header::new_ustar();
    header.set_size(3 << 20);
    header.set_mode(0o644);
    tar.append_data(&mut header, format!("{TOP}/unknown.bin"), std::io::repeat(b'x').take(3 << 20)).unwrap();
    tar.into_inner().unwrap().finish().unwrap();
}

fn found<'a>(findings: &'a [Value], value: &str) -> Vec<&'a Value> {
    findings.iter().filter(|finding| finding["indicator"]["value"] == value).collect()
}

#[test]
fn programs_and_the_entries_around_hits_are_found_without_reading_every_message() {
    let folder = tempfile::tempdir().unwrap();
    let [alone, whole] = folders(true, folder.path());
    let out = folder.path().join("alone-out");
    scan_into(&out, &alone, &[]);
    let findings = lines(&out.join("findings.jsonl"));
    let program = found(&findings, "rolexd");
    assert!(
        program.iter().any(|finding| finding["artifact"] == "ios.unified_log_processes"
            && finding["evidence_class"] == "executed"
            && finding["time"] == "2023-11-19T07:00:00.000000+00:00"),
        "{program:#?}"
    );
    let library = found(&findings, "/private/var/tmp/hooker");
    assert!(library.iter().any(|finding| finding["artifact"] == "ios.unified_log_processes"), "{library:#?}");
    let written = found(&findings, "smscentro.com");
    assert!(
        written.iter().any(|finding| finding["artifact"] == "ios.unified_log"
            && finding["evidence_class"] == "logged"
            && finding["time"] == "2023-11-19T06:59:50.000000+00:00"
            && finding["record"]["pid"] == 598),
        "{written:#?}"
    );
    let entries = lines(&out.join("records/ios.unified_log.jsonl"));
    assert!(entries.iter().all(|entry| entry["message"] != "opened a note"), "only what lies around hits");

    // The same inside a sysdiagnose, and in one that is streamed with hardly any memory.
    let streamed = folder.path().join("s.tar.gz");
    packed(&whole, &streamed);
    let expected = folder.path().join("whole-out");
    // The times of files on this disk are not those in the archive.
    let unlisted = ["--exclude-module", "ios.manifest"];
    scan_into(&expected, &whole, &unlisted);
    let expected = files(&expected);
    for memory in ["256", "1"] {
        let out = folder.path().join(format!("streamed-{memory}"));
        scan_into(&out, &streamed, &[&unlisted[..], &["--max-memory", memory]].concat());
        let found = files(&out);
        for name in ["findings.jsonl", "timeline.jsonl", "records/ios.unified_log.jsonl"] {
            assert!(found[name] == expected[name], "{name} with {memory} MiB");
        }
    }
}

#[test]
fn every_entry_is_read_if_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let [_, whole] = folders(true, folder.path());
    let out = folder.path().join("out");
    scan_into(&out, &whole, &["--unified-log", "full"]);
    let entries = lines(&out.join("records/ios.unified_log.jsonl"));
    let note = entries.iter().find(|entry| entry["message"] == "opened a note").unwrap();
    assert_eq!(note["logged"], "2023-11-18T07:23:20.000000+00:00");
    assert_eq!(note["pid"], 530);
    assert!(!found(&lines(&out.join("findings.jsonl")), "hot-motors.com").is_empty());
}

#[test]
fn an_ordinary_log_is_silent() {
    let folder = tempfile::tempdir().unwrap();
    let [_, whole] = folders(false, folder.path());
    let out = folder.path().join("out");
    scan_into(&out, &whole, &[]);
    let findings = lines(&out.join("findings.jsonl"));
    assert!(
        findings.iter().all(|finding| finding["level"] != "CRITICAL"
            && finding["level"] != "HIGH"
            && finding["level"] != "MEDIUM"),
        "{findings:#?}"
    );
    assert!(std::fs::read(out.join("problems.jsonl")).unwrap().is_empty());
}
