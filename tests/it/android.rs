//! Android acquisitions from the command line to the output folder.

#![allow(clippy::disallowed_methods, reason = "tests write evidence and read what the program wrote")]

use std::path::Path;

use serde_json::Value;

use crate::run::{command, files, lines, ran, scan_into};

const LOG: &str = r#"{"dns_event":{"event_id":1,"event_time":1767225600123,"hostname":"a.example.org","ip_addresses":["/192.0.2.7"],"ip_addresses_count":1,"package_name":"com.example.app"}}
{"dns_event":{"ip_addresses_count":1,"event_id":1,"event_time":1767225600123,"hostname":"a.example.org","ip_addresses":["/192.0.2.7"],"package_name":"com.example.app"}}
{"connect_event":{"event_id":2,"event_time":1767225601000,"ip_address":"/192.0.2.7","port":443,"package_name":"com.example.app"}}
{"connect_event":{"event_id":3,"event_time":1767225601000,"ip_address":"ip6-localhost/::1","port":80,"package_name":"com.example.app"}}
{"security_event":{"event_id":4,"event_time":1767225602000000000,"app_process_start":{"process":"com.example.app:remote","uid":10123,"pid":4321}}}
{"security_event":{"event_id":5,"event_time":1767225603000000000,"cert_authority_installed":{"success":true,"subject":"CN=Test CA"}}}
{"security_event":{"event_id":6,"event_time":1767225604000000000,"cert_authority_installed":{"success":0,"subject":"CN=Other"}}}
{"security_event":{"event_id":7,"event_time":0,"wipe_failure":{}}}
{"security_event":{"event_id":8,"event_time":1767225605000000000,"package_installed":{"package_name":"com.example.bad","version_code":1,"user_id":0}}}
not json
{"other_event":{"x":1}}
"#;

/// Salts and vectors of the header count upwards; the password is `correct horse`.
fn encrypted_backup() -> Vec<u8> {
    let hex = |from: u8, to: u8| (from..=to).map(|byte| format!("{byte:02X}")).collect::<String>();
    let blob = "9e61f4693feeb19baa46b9853b48f6ceb8d0803440c673f43f09fa7d80ddc98e41e0db70b1cf76bb06cc241a509a291f\
        fed01f40fa2986f8e6ee1482e3e0b8fbccaad5ef760f57655bd11a830e123c4f00bc05741c4b7583bb4d65a02289840b";
    let payload = "b840b1df7b9c893b00bcfb8c970aa97939947c863c0a005e6733da8ff45e9a3b1815c908c115501ed9dd3c0c00993bae\
        c43e0618be27e3d5a5741e706f5325e6d5b09caaaa59c2c463bfbd006a3adbe8d1e75aa63f920e59e694482272fb6019\
        e1a43ef6340dc74f749cc42d2bb307a767c25ab1a15810d1d27c978253cbd322c583f5c472ea183e3fa46a9bf0372b23\
        a2780d921f2545e592d7bdd03db43a3ea7d1ad176637a255677b6cb419a2e9911d56316624e26adcf88b35401aa98d68\
        72272290395add7c4f0c1d6c651ee697d0e78416f4d236e7dc680fd8125a5c3fef8622d7d85249a9632c7d513ef9a590\
        b7e7b6fd7b5be5b6f9ab1171225367f7fcb8d1af2383a047a9aa6d6871484b83";
    let header = format!(
        "ANDROID BACKUP\n5\n1\nAES-256\n{}\n{}\n1000\n{}\n{}\n",
        hex(0, 0x3f),
        hex(0x40, 0x7f),
        hex(0x80, 0x8f),
        blob.to_uppercase()
    );
    let payload = payload.as_bytes().chunks(2);
    let payload = payload.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap());
    header.into_bytes().into_iter().chain(payload).collect()
}

fn zipped(into: &Path, name: &str, bytes: &[u8]) {
    let mut writer = zip::ZipWriter::new(std::fs::File::create(into).unwrap());
    writer.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
    std::io::Write::write_all(&mut writer, bytes).unwrap();
    writer.finish().unwrap();
}

#[cfg(unix)]
#[test]
fn called_as_mvt_android_it_writes_what_mvts_scripts_read() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("mvt-android");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_hoofprint"), &link).unwrap();
    let logs = folder.path().join("logs");
    std::fs::create_dir(&logs).unwrap();
    std::fs::write(logs.join("2026-01-01.txt"), LOG).unwrap();
    let out = folder.path().join("out");
    let mut command = std::process::Command::new(&link);
    command.args(["check-intrusion-logs", "-o"]).arg(&out).arg(&logs).env("HOME", "/nonexistent");
    let mvt = ran(command.output().unwrap());
    assert_eq!(mvt.status, 0, "{}", mvt.stderr);
    let read = |name: &str| -> Vec<Value> {
        let text = std::fs::read_to_string(out.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        serde_json::from_str(&text).unwrap()
    };
    let counts = ["dns_event.json", "connect_event.json", "security_event.json"].map(|name| read(name).len());
    assert_eq!(counts, [1, 2, 5]);
    assert_eq!(read("dns_event.json")[0]["timestamp"], "2026-01-01 00:00:00.123000");
    let alerts = read("alerts.json");
    let mut told: Vec<_> = alerts
        .iter()
        .map(|alert| (alert["level"].as_str().unwrap(), alert["event_time"].as_str().unwrap()))
        .collect();
    told.sort_unstable();
    assert_eq!(told, [("MEDIUM", ""), ("MEDIUM", "2026-01-01 00:00:03.000000")]);
    let timeline = std::fs::read_to_string(out.join("timeline.csv")).unwrap();
    assert!(timeline.contains("\"ConnectEvent\",\"network_connection\""), "{timeline}");
}

#[test]
fn intrusion_logs_give_the_same_as_folder_and_as_zips_and_overlap_counts_once() {
    let folder = tempfile::tempdir().unwrap();
    let logs = folder.path().join("logs");
    std::fs::create_dir(&logs).unwrap();
    std::fs::write(logs.join("a.txt"), LOG).unwrap();
    std::fs::write(logs.join("b.txt"), LOG).unwrap();
    let zip = folder.path().join("logs.zip");
    zipped(&zip, "a.txt", LOG.as_bytes());
    let wrapper = folder.path().join("wrapper.zip");
    zipped(&wrapper, "logs.zip", &std::fs::read(&zip).unwrap());
    let results = [logs, zip, wrapper].map(|path| {
        let out = folder.path().join(format!("{}-out", path.file_name().unwrap().to_str().unwrap()));
        scan_into(&out, &path, &[]);
        let timeline = files(&out).remove("timeline.csv").unwrap();
        (
            lines(&out.join("findings.jsonl")).len(),
            lines(&out.join("records/android.security_events.jsonl")).len(),
            timeline.len(),
        )
    });
    assert_eq!((results[0].0, results[0].1), (2, 5));
    assert!(results.iter().all(|result| (result.0, result.1) == (2, 5)), "{results:?}");
}

#[test]
fn an_encrypted_backup_opens_with_the_password_of_mvts_variable() {
    let folder = tempfile::tempdir().unwrap();
    let backup = folder.path().join("backup.ab");
    std::fs::write(&backup, encrypted_backup()).unwrap();
    let scan = |password: Option<&str>, out: &str| {
        let mut command = command();
        command
            .arg("check-backup")
            .arg(&backup)
            .arg("--format=hoofprint")
            .arg("-o")
            .arg(folder.path().join(out));
        password.iter().for_each(|password| {
            command.env("MVT_ANDROID_BACKUP_PASSWORD", password);
        });
        ran(command.output().unwrap())
    };
    let right = scan(Some("correct horse"), "out");
    assert_eq!(right.status, 0, "{}", right.stderr);
    let messages = lines(&folder.path().join("out/records/android.sms.jsonl"));
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0]["links"], serde_json::json!(["https://example.org/a"]));
    assert_eq!(messages[0]["received"], "2023-11-14T22:13:20.000000+00:00");
    assert_eq!((scan(Some("wrong"), "wrong").status, scan(None, "none").status), (4, 4));
}
