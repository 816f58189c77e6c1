use std::collections::BTreeMap;

use jiff::civil::DateTime;

use crate::artifact::json::{boolean as flag_of, each, word as text_of};
use crate::artifact::prelude::*;
use crate::time::ascii_digits;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.acquisition",
    title: "How the phone was acquired",
    about: "When and by what the acquisition was made, and what the head of a bugreport says of the phone.",
    files: &["/androidqf/acquisition.json", "/androidqf/adb_host_key.pub", "/dumpstate/header"],
    columns: &[
        // By the phone's clock for a bugreport, by the computer's for a collector; only one is there.
        time("started_on_phone", Epoch::Local, Moment::BackedUp).rounded(Precision::Second),
        time("started", Epoch::Unix, Moment::BackedUp),
        time("completed", Epoch::Unix, Moment::Ended),
        text("tool"),
        text("mode"),
        text("fingerprint"),
        text("kernel"),
        text("kernel_arguments"),
        text("uptime"),
        text("tmp_folder"),
        text("storage"),
        text("adb_key"),
        boolean("streamed"),
    ],
    shows: Trace::Mentioned,
    line: "acquired by {tool} {mode}",
    parse: Parse::Bytes { most: 16 << 20, parse },
};

/// The place of `adb_key` among the columns.
const ADB_KEY: usize = 11;

fn parse(bytes: &[u8], out: &mut Out<'_>) -> Result<()> {
    if out.path().ends_with(".json") {
        return each(bytes, |number, run| {
            // Year 1 stands for unfinished.
            let date = |name: &str| text_of(run, name).and_then(|text| text.parse::<jiff::Timestamp>().ok());
            let date = |name: &str| date(name).filter(|time| time.as_second() > 315_532_800);
            let version = text_of(run, "androidqf_version").unwrap_or_default();
            out.push(
                Place::key(format!("[{number}]")),
                [
                    Value::Null,
                    date("started").into(),
                    date("completed").into(),
                    format!("AndroidQF {version}").trim_end().to_owned().into(),
                    Value::Null,
                    Value::Null,
                    Value::Null,
                    Value::Null,
                    Value::Null,
                    text_of(run, "tmp_dir").into(),
                    text_of(run, "sdcard").into(),
                    text_of(run, "adb_host_public_key").into(),
                    flag_of(run, "streaming_mode").into(),
                ],
            );
        });
    }
    let text = String::from_utf8_lossy(bytes);
    if !out.path().ends_with(".pub") {
        header(&text, out);
    } else if let Some((key, line)) = text.lines().map(str::trim).zip(1..).find(|(key, _)| !key.is_empty()) {
        let mut values: [Value<'_>; 13] = std::array::from_fn(|_| Value::Null);
        values[ADB_KEY] = key.into();
        out.push(Place::Line { line }, values);
    }
    Ok(())
}

/// The keys of a bugreport's head; what child processes print may stand before or behind its own key.
const KEYS: [&str; 13] = [
    "Build:",
    "Build fingerprint:",
    "Bootloader:",
    "Radio:",
    "Network:",
    "Module Metadata version:",
    "Android SDK version:",
    "SDK extensions:",
    "Kernel:",
    "Command line:",
    "Bootconfig:",
    "Uptime:",
    "Bugreport format version:",
];

fn header(text: &str, out: &mut Out<'_>) {
    let banner = text.lines().zip(1..).find_map(|(line, number)| {
        Some((ascii_digits(line.trim().strip_prefix("== dumpstate: ")?).into_owned(), number))
    });
    let started = banner.as_ref().and_then(|(time, _)| time.trim().parse::<DateTime>().ok());
    let mut fields: BTreeMap<&str, &str> = BTreeMap::new();
    for line in text.lines() {
        let mut rest = line.trim();
        if let Some(info) = rest.strip_prefix("Dumpstate info:") {
            fields.insert("mode", info.trim());
        }
        // `Kernel: Command line: x` has two keys in one line.
        while let Some(key) = KEYS.iter().find(|key| rest.starts_with(**key)) {
            rest = rest.get(key.len()..).unwrap_or_default().trim_start();
            let is_key = KEYS.iter().any(|key| rest.starts_with(key));
            if !is_key && !rest.is_empty() {
                fields.entry(key).or_insert(rest.trim_matches('\''));
            }
        }
        if line.starts_with("Linux version ") {
            fields.entry("Kernel:").or_insert(line.trim());
        }
    }
    if started.is_none() && fields.is_empty() {
        return;
    }
    let field = |name: &str| fields.get(name).copied();
    let mode = field("mode").map(|info| {
        let word = |key: &str| info.split_whitespace().find_map(|word| word.strip_prefix(key));
        word("bugreport_mode=").or_else(|| word("extra_options=")).unwrap_or(info)
    });
    out.push(
        Place::Line { line: banner.map_or(1, |(_, line)| line) },
        [
            started.into(),
            Value::Null,
            Value::Null,
            "dumpstate".into(),
            mode.into(),
            field("Build fingerprint:").into(),
            field("Kernel:").into(),
            field("Command line:").or_else(|| field("Bootconfig:")).into(),
            field("Uptime:").into(),
            Value::Null,
            Value::Null,
            Value::Null,
            Value::Null,
        ],
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const HEADER: &str = "\
========================================================
== dumpstate: 2025-01-03 10:00:00
========================================================

Build: TP1A
Build fingerprint: 'acme/phone/phone:13/TP1A/1:user/release-keys'
Linux version 5.10 (build)
Kernel: Command line: androidboot.verifiedbootstate=green
Uptime: up 0 weeks, 1 day
Dumpstate info: id=1 pid=123 dry_run=0 args=/system/bin/dumpstate bugreport_mode=BUGREPORT_FULL
";

    #[test]
    fn the_computers_key_may_lie_in_a_file_of_its_own() {
        let (records, _) = rows_at(&ARTIFACT, "/androidqf/adb_host_key.pub", b"\r\nQAAAAA== lab@acquisition\r\n");
        assert_eq!((&records[0]["adb_key"], &records[0]["tool"]), (&json!("QAAAAA== lab@acquisition"), &json!(null)));
        assert_eq!(rows_at(&ARTIFACT, "/androidqf/adb_host_key.pub", b"").0, json!([]));
    }

    #[test]
    fn the_head_of_a_bugreport_tells_time_mode_and_kernel() {
        let (records, warnings) = rows_timed(&ARTIFACT, "/dumpstate/header", HEADER.as_bytes());
        assert!(warnings.is_empty(), "{warnings:?}");
        assert_eq!(
            records,
            json!([{
                "started_on_phone": "2025-01-03T08:00:00.000000+00:00", "tool": "dumpstate", "mode": "BUGREPORT_FULL",
                "fingerprint": "acme/phone/phone:13/TP1A/1:user/release-keys", "kernel": "Linux version 5.10 (build)",
                "kernel_arguments": "androidboot.verifiedbootstate=green", "uptime": "up 0 weeks, 1 day",
                "_line": "acquired by dumpstate BUGREPORT_FULL",
            }])
        );
        shake(&ARTIFACT, HEADER.as_bytes());
    }

    #[test]
    fn a_collector_tells_when_it_began_and_not_always_when_it_ended() {
        let text = br#"{"uuid": "x", "androidqf_version": "v1.8.1", "started": "2024-05-06T07:08:09.123456789Z", "completed": "0001-01-01T00:00:00Z",
            "tmp_dir": "/data/local/tmp/", "sdcard": "/sdcard/", "streaming_mode": true}"#;
        assert_eq!(
            rows_at(&ARTIFACT, "/androidqf/acquisition.json", text).0,
            json!([{
                "started": "2024-05-06T07:08:09.123456+00:00", "tool": "AndroidQF v1.8.1", "tmp_folder": "/data/local/tmp/",
                "storage": "/sdcard/", "streamed": true, "_line": "acquired by AndroidQF v1.8.1 ",
            }])
        );
    }
}
