use crate::artifact::prelude::*;
use crate::artifact::spindump::{self, Keys, Part};

pub const ARTIFACT: Artifact = Artifact {
    id: "sysdiagnose.spindump_processes",
    title: "Running processes (spindump)",
    about: "Every process that ran while the sysdiagnose was made, with its path, its parent and when it was started.",
    files: &[
        "/sysdiagnose/spindump*.txt",
        "/sysdiagnose/*.spin",
        "/private/var/mobile/Library/Logs/CrashReporter/**/*.spin",
    ],
    columns: &[
        time("seen", Epoch::Unix, Moment::Running),
        time("started", Epoch::Unix, Moment::Started).rounded(Precision::Second),
        process("name"),
        process("executable"),
        app_id("bundle_id"),
        text("version"),
        text("image_uuid"),
        int("pid"),
        process("parent"),
        int("parent_pid"),
        process("responsible"),
        int("responsible_pid"),
        int("uid"),
        int("age_s"),
        boolean("suspended"),
        text("note"),
        // Of the report's head, once a file: keyboards see what is typed.
        app_id("keyboards"),
        text("os"),
    ],
    shows: Trace::Executed,
    line: "process {name} [{pid}], child of {parent} [{parent_pid}]: {executable}{os}",
    parse: Parse::Text(parse),
};

fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    let mut seen = None;
    spindump::read(lines, &mut |part| match part {
        Part::Header(keys) => {
            seen = keys.time("Date/Time");
            if seen.is_none() {
                out.warn(Some(Place::Line { line: keys.line() }), "has no time with its zone");
            }
            header(keys, seen, out);
        }
        Part::Process(keys) => process_of(keys, seen, out),
        Part::Image(..) => {}
    })
}

/// The report's head: a record of its own, as it is about no process.
fn header(keys: &Keys, seen: Option<jiff::Timestamp>, out: &mut Out<'_>) {
    let keyboards: Vec<&str> = keys
        .get("Keyboards")
        .unwrap_or_default()
        .split([' ', ',', ';'])
        .filter(|keyboard| !keyboard.is_empty())
        .collect();
    let mut values: [Value<'_>; 18] = Default::default();
    values[0] = seen.into();
    values[17] = keys.get("OS Version").into();
    if !keyboards.is_empty() {
        values[16] = keyboards.into_iter().collect();
    }
    out.push(Place::Line { line: keys.line() }, values);
}

fn process_of(keys: &Keys, seen: Option<jiff::Timestamp>, out: &mut Out<'_>) {
    let Some((name, pid, state)) = keys.process("Process") else { return };
    let age_s = keys.seconds("Time Since Fork").map(|age| age as i64);
    let started = seen.zip(age_s).and_then(|(seen, age)| seen.checked_sub(jiff::SignedDuration::from_secs(age)).ok());
    let named = |key| match keys.process(key) {
        Some((name, pid, _)) => (Some(name), Some(pid)),
        None => (keys.get(key), None),
    };
    let (parent, parent_pid) = named("Parent");
    let (responsible, responsible_pid) = named("Responsible");
    out.push(
        Place::Line { line: keys.line() },
        [
            seen.into(),
            started.into(),
            name.into(),
            keys.get("Path").into(),
            keys.get("Identifier").into(),
            keys.get("Version").into(),
            keys.get("UUID").into(),
            pid.into(),
            parent.into(),
            parent_pid.into(),
            responsible.into(),
            responsible_pid.into(),
            keys.get("UID").and_then(|uid| uid.parse::<i64>().ok()).into(),
            age_s.into(),
            state.contains("suspended").into(),
            keys.get("Note").into(),
            Value::Null,
            Value::Null,
        ],
    );
}

#[cfg(test)]
pub(super) const REPORT: &str = "\
Date/Time:        2023-05-24 13:29:17.757 +0200
End time:         2023-05-24 13:29:20.000 +0200
OS Version:       iPhone OS 15.7.6 (Build 19H349)
Architecture:     arm64
Keyboards:        en_US@sw=QWERTY emoji@sw=Emoji com.vendor.board.keyboard

--------------------------------------------------
Timeline format: stacks are sorted chronologically
--------------------------------------------------

Process:          accessoryd [176]
UUID:             BDBDD550-2B15-382C-BB61-1798AFD60460
Path:             /System/Library/PrivateFrameworks/CoreAccessories.framework/Support/accessoryd
Parent:           launchd [1]
UID:              501
Time Since Fork:  201s
Num samples:      8 (1-8)
Note:             1 idle work queue thread omitted

  Thread 0x8b6    DispatchQueue \"com.apple.main-thread\"(1)    8 samples (1-8)
  8  ??? (dyld + 99536) [0x102c504d0]
   *8  ??? [0xfffffff0071a86d4]

  Binary Images:
           0x102874000 -        0x1028cffff  accessoryd (1)          <BDBDD550-2B15-382C-BB61-1798AFD60460>  /System/Library/PrivateFrameworks/CoreAccessories.framework/Support/accessoryd
           0x102c38000 -                ???  dyld                    <11111111-2B15-382C-BB61-1798AFD60460>  /usr/lib/dyld
  *0xfffffff007004000 - 0xfffffff007ffffff  kernel                  <22222222-2B15-382C-BB61-1798AFD60460>

Process:          Foo Bar [410] (suspended)
Path:             /private/var/containers/Bundle/Application/AA/Foo Bar.app/Foo Bar
Identifier:       com.example.foo
Version:          1.0 (1)
Parent:           launchd [1]
Responsible:      SpringBoard [60]
Thread 0x9    1 sample (1)
  Binary Images:
           0x102c38000 -                ???  dyld                    <11111111-2B15-382C-BB61-1798AFD60460>  /usr/lib/dyld
           0x102c98000 -        0x102c9ffff  x.dylib                 <33333333-2B15-382C-BB61-1798AFD60460>  /private/var/tmp/x.dylib
";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    #[test]
    fn processes_have_their_path_parent_and_start() {
        let (records, warnings) = rows_at(&ARTIFACT, "/sysdiagnose/spindump-nosymbols.txt", REPORT.as_bytes());
        assert!(warnings.is_empty(), "{warnings:?}");
        assert_eq!(records.as_array().unwrap().len(), 3);
        assert_eq!(records[0]["keyboards"][2], "com.vendor.board.keyboard");
        assert_eq!(
            records[1],
            json!({
                "seen": "2023-05-24T11:29:17.757000+00:00", "started": "2023-05-24T11:25:56.757000+00:00",
                "name": "accessoryd", "pid": 176, "parent": "launchd", "parent_pid": 1, "uid": 501, "age_s": 201,
                "executable": "/System/Library/PrivateFrameworks/CoreAccessories.framework/Support/accessoryd",
                "image_uuid": "BDBDD550-2B15-382C-BB61-1798AFD60460", "suspended": false,
                "note": "1 idle work queue thread omitted",
                "_line": "process accessoryd [176], child of launchd [1]: \
                    /System/Library/PrivateFrameworks/CoreAccessories.framework/Support/accessoryd",
            })
        );
        assert_eq!((&records[2]["name"], &records[2]["suspended"]), (&json!("Foo Bar"), &json!(true)));
        assert_eq!((&records[2]["responsible"], &records[2]["responsible_pid"]), (&json!("SpringBoard"), &json!(60)));
    }

    #[test]
    fn a_report_without_samples_is_fine_and_another_text_is_not() {
        let text = "Date/Time: 2023-05-24 13:29:17 +0200\nOS Version: iPhone OS 16.0\n\nNo samples\n";
        let (records, warnings) = rows_at(&ARTIFACT, "/sysdiagnose/spindump.txt", text.as_bytes());
        assert_eq!((records.as_array().unwrap().len(), warnings.len()), (1, 0));
        let (_, warnings) = rows_at(&ARTIFACT, "/sysdiagnose/spindump.txt", b"a: b\n");
        assert!(warnings[0].starts_with("does not begin like a spindump"), "{warnings:?}");
    }

    #[test]
    fn broken_text_never_panics() {
        shake(&ARTIFACT, REPORT.as_bytes());
    }
}
