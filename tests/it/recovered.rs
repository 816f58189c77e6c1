//! Deleted rows of a phone's databases are found, and said to be deleted.

#![allow(clippy::disallowed_methods, reason = "tests build a phone and read what the program wrote")]

use std::path::Path;

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::run::{lines, scan_into};

/// A dump with a database of messages, the second of which is deleted.
fn phone(folder: &Path) {
    let sms = folder.join("private/var/mobile/Library/SMS");
    std::fs::create_dir_all(&sms).unwrap();
    let long = "more words ".repeat(20);
    let database = Connection::open(sms.join("sms.db")).unwrap();
    database
        .execute_batch(&format!(
            "PRAGMA secure_delete = OFF;
             CREATE TABLE handle (ROWID INTEGER PRIMARY KEY, id TEXT NOT NULL);
             CREATE TABLE message (ROWID INTEGER PRIMARY KEY AUTOINCREMENT, guid TEXT UNIQUE NOT NULL, text TEXT, handle_id INTEGER,
                                   service TEXT, account TEXT, date INTEGER, is_from_me INTEGER DEFAULT 0);
             INSERT INTO handle VALUES (1, 'mallory@example.org');
             INSERT INTO message VALUES
                 (1, 'g-1', 'good morning', 1, 'SMS', 'p:+15550100', 700000000000000000, 0),
                 (2, 'g-2', 'read this https://evilhost.example/now {long}', 1, 'SMS', 'p:+15550100', 700000001000000000, 0),
                 (3, 'g-3', 'good night', 1, 'SMS', 'p:+15550100', 700000002000000000, 0);
             DELETE FROM message WHERE ROWID = 2;"
        ))
        .unwrap();
}

#[test]
fn a_deleted_message_with_an_indicator_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let (dump, out) = (folder.path().join("dump"), folder.path().join("out"));
    phone(&dump);
    let list = folder.path().join("domains.txt");
    std::fs::write(&list, "evilhost.example\n").unwrap();
    scan_into(&out, &dump, &["--iocs", list.to_str().unwrap()]);

    let findings = lines(&out.join("findings.jsonl"));
    let of_sms: Vec<&Value> = findings.iter().filter(|finding| finding["artifact"] == "ios.sms").collect();
    let [finding] = of_sms[..] else { panic!("{findings:?}") };
    assert_eq!(finding["origin"], "freed");
    assert_eq!(finding["level"], "HIGH");
    assert_eq!(finding["record"]["handle"], "mallory@example.org");
    let caveats = finding["caveats"].to_string();
    assert!(caveats.contains("no longer in its table"), "{caveats}");

    let records = lines(&out.join("records/ios.sms.jsonl"));
    assert_eq!(records.len(), 3);
    assert_eq!(records.iter().filter(|record| record["where"]["recovered"] == "deleted").count(), 1);
    let coverage: Value = serde_json::from_slice(&std::fs::read(out.join("coverage.json")).unwrap()).unwrap();
    let sms = coverage["artifacts"].as_array().unwrap().iter().find(|entry| entry["artifact"] == "ios.sms");
    assert_eq!(sms.map(|entry| entry["recovered"].clone()), Some(json!(1)));
}
