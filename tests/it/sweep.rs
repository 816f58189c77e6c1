//! The raw search: files that nothing else reads, what was deleted from them, and what is said of it.

#![allow(clippy::disallowed_methods, reason = "tests build phones and read what the program wrote")]

use std::io::Write;
use std::path::Path;

use serde_json::Value;

use crate::run::{files, lines, scan_into};

const LIST: &str = "evilhost-updates.net\nsecond-evil.org\nthird-evil.org\n/private/var/tmp/evil-implant\n";

/// A dump with an app that no artifact knows.
fn phone(root: &Path) {
    let app = root.join("private/var/mobile/Containers/Data/Application/org.example.chat");
    for folder in ["Documents", "Library/Caches", "Library/WebKit/ContentRuleLists"] {
        std::fs::create_dir_all(app.join(folder)).unwrap();
    }
    std::fs::create_dir_all(root.join("private/var/containers")).unwrap();
    std::fs::create_dir_all(root.join("private/var/mobile/Library/SMS")).unwrap();
    database(&app.join("Documents/chat.db"));
    let mut gzip =
        flate2::write::GzEncoder::new(std::fs::File::create(app.join("old.gz")).unwrap(), Default::default());
    writeln!(gzip, "first line\nsaw second-evil.org here").unwrap();
    gzip.finish().unwrap();
    let wide: Vec<u8> = "at third-evil.org now".bytes().flat_map(|byte| [byte, 0]).collect();
    std::fs::write(app.join("Library/Caches/state.bin"), [&[1, 2, 3, 255][..], &wide].concat()).unwrap();
    std::fs::write(app.join("Library/WebKit/ContentRuleLists/x"), "block evilhost-updates.net").unwrap();
    std::fs::write(app.join("notes.txt"), "myevilhost-updates.net, evilhost-updates.net.example.org\n")
        .unwrap();
}

/// Four messages, of which the second is deleted, the third is so long that it overflows and the fourth is only in the log.
fn database(path: &Path) {
    let made = tempfile::tempdir().unwrap();
    let connection = rusqlite::Connection::open(made.path().join("x.db")).unwrap();
    connection
        .execute_batch(&format!(
            "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; CREATE TABLE said(id INTEGER PRIMARY KEY, body TEXT);
             INSERT INTO said VALUES (1, 'hello https://evilhost-updates.net/a'), (2, 'gone: second-evil.org'), (9, 'last');
             INSERT INTO said VALUES (3, '{}' || 'evilhost-updates.net' || '{}');
             DELETE FROM said WHERE id = 2; PRAGMA wal_checkpoint(TRUNCATE);
             INSERT INTO said VALUES (4, 'new third-evil.org !');",
            // The word lies on both sides of where the value goes on on another page.
            "x ".repeat(243),
            " y".repeat(4000),
        ))
        .unwrap();
    // Taken while it is open: the log would be folded into the file as the connection closes.
    std::fs::copy(made.path().join("x.db"), path).unwrap();
    std::fs::copy(made.path().join("x.db-wal"), path.with_extension("db-wal")).unwrap();
    connection.close().unwrap();
}

fn scan(work: &Path, evidence: &Path, name: &str, arguments: &[&str]) -> Vec<Value> {
    let list = work.join("list.txt");
    std::fs::write(&list, LIST).unwrap();
    let out = work.join(name);
    let mut all = vec!["--no-bundled", "--iocs", list.to_str().unwrap()];
    all.extend(arguments);
    scan_into(&out, evidence, &all);
    let mut findings = lines(&out.join("findings.jsonl"));
    findings.retain(|finding| finding["artifact"] == "sweep");
    findings
}

fn told(findings: &[Value], file: &str, value: &str) -> (String, String, String) {
    let one = findings.iter().find(|finding| {
        finding["path"].as_str().unwrap().ends_with(file) && finding["matched"].as_str().unwrap() == value
    });
    let one = one.unwrap_or_else(|| panic!("{value} in {file} of {findings:#?}"));
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (text(&one["level"]), text(&one["record"]["inside"]), text(&one["record"]["state"]))
}

#[test]
fn what_no_artifact_reads_is_found_and_explained() {
    let work = tempfile::tempdir().unwrap();
    let root = work.path().join("dump");
    phone(&root);
    let findings = scan(work.path(), &root, "out", &[]);
    let of = |file: &str, value: &str| told(&findings, file, value);
    let (level, inside, state) = of("chat.db", "evilhost-updates.net");
    assert_eq!((level.as_str(), state.as_str()), ("MEDIUM", "live"));
    assert!(inside.contains("table said, row 1, column body"), "{inside}");
    // What overflowed is seen although no page holds the whole word.
    assert!(inside.contains("row 3"), "{inside}");
    let (level, inside, state) = of("chat.db", "second-evil.org");
    assert_eq!((level.as_str(), state.as_str()), ("MEDIUM", "freed"));
    assert!(inside.contains("freed") || inside.contains("unallocated"), "{inside}");
    let (_, inside, state) = of("chat.db", "third-evil.org");
    assert_eq!(state, "wal");
    assert!(inside.contains("row 4"), "{inside}");
    assert!(of("old.gz", "second-evil.org").1.contains("gzip: line 2"));
    assert!(of("state.bin", "third-evil.org").1.contains("byte "));
    let (level, ..) = of("ContentRuleLists/x", "evilhost-updates.net");
    assert_eq!(level, "INFORMATIONAL");
    // Look-alikes are no hits.
    assert!(findings.iter().all(|finding| !finding["path"].as_str().unwrap().ends_with("notes.txt")));
    let coverage = std::fs::read_to_string(work.path().join("out/coverage.json")).unwrap();
    assert!(coverage.contains("sweep"));
}

#[test]
fn the_search_can_be_left_out() {
    let work = tempfile::tempdir().unwrap();
    let root = work.path().join("dump");
    phone(&root);
    assert!(scan(work.path(), &root, "out", &["--no-sweep"]).is_empty());
}

#[test]
fn every_wrapping_is_searched_alike_by_any_number_of_threads() {
    let work = tempfile::tempdir().unwrap();
    let root = work.path().join("dump");
    phone(&root);
    let findings = |evidence: &Path, name: &str, arguments: &[&str]| {
        let mut findings = scan(work.path(), evidence, name, arguments);
        for finding in &mut findings {
            let finding = finding.as_object_mut().unwrap();
            // Where it is stored differs, and with it the name of the finding.
            finding.remove("stored_as");
            finding.remove("id");
        }
        findings
    };
    let expected = findings(&root, "folder", &[]);
    assert!(expected.len() > 5);
    assert_eq!(findings(&root, "one", &["--jobs", "1"]), expected);
    let tarred = work.path().join("phone.tar.gz");
    let gzip =
        flate2::write::GzEncoder::new(std::fs::File::create(&tarred).unwrap(), flate2::Compression::fast());
    let mut tar = tar::Builder::new(gzip);
    for (path, bytes) in files(&root) {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, &path, &*bytes).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap();
    assert_eq!(findings(&tarred, "tgz", &[]), expected);
}
