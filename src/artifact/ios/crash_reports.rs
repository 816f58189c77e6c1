use crate::artifact::crash::{Crash, FILES, Family, LARGEST_BYTES, Report, decoded, filled};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.crash_reports",
    title: "Crash reports",
    about: "Programs that crashed, hung or used too much, with where they lay, who started them and why they ended.",
    files: FILES,
    columns: &[
        // When the report was written.
        time("time", Epoch::Unix, Moment::Logged),
        // When it happened; when it was written where the report does not say.
        time("captured", Epoch::Unix, Moment::Crashed),
        time("launched", Epoch::Unix, Moment::Started),
        process("process"),
        int("pid"),
        process("executable"),
        app_id("bundle"),
        text("version"),
        process("parent"),
        int("parent_pid"),
        process("responsible"),
        app_id("coalition"),
        int("uid"),
        text("role"),
        text("exception"),
        text("codes"),
        text("termination"),
        message("details"),
        text("backtrace"),
        app_id("signing_id"),
        text("team_id"),
        int("signing_flags"),
        int("signing_category"),
        int("signing_trust"),
        text("modified_by_others"),
        text("os_version"),
        text("os_build"),
        text("release_type"),
        // The same report may lie there twice, also as `.ips.ca.synced`.
        text("incident"),
        int("bug_type"),
    ],
    shows: Trace::Executed,
    line: "report {bug_type} on {process} [{pid}] {executable}: {exception} {termination}",
    parse: Parse::Bytes { most: LARGEST_BYTES, parse },
};

fn parse(bytes: &[u8], out: &mut Out<'_>) -> Result<()> {
    let text = decoded(bytes);
    let report = Report::of(&text);
    if report.family != Family::Process {
        return Ok(());
    }
    let mut crash = Crash::of(&report, out);
    if crash.process.is_empty() && crash.executable.is_empty() {
        out.warn(None, "names no process");
    }
    let others = std::mem::take(&mut crash.others);
    push(&report, &crash, 0, out);
    for (index, mut other) in (1..).zip(others.into_iter().filter(|other| other.process != crash.process)) {
        other.captured = crash.captured.clone();
        other.incident.clone_from(&crash.incident);
        push(&report, &other, index, out);
    }
    Ok(())
}

fn push(report: &Report<'_>, crash: &Crash, index: usize, out: &mut Out<'_>) {
    let place = if index == 0 { Place::key("report") } else { Place::key(format!("process {index}")) };
    out.push(
        place,
        [
            crash.written.clone(),
            crash.captured.clone(),
            crash.launched.clone(),
            filled(&crash.process),
            crash.pid.into(),
            filled(&crash.executable),
            filled(&crash.bundle),
            filled(&crash.version),
            filled(&crash.parent),
            crash.parent_pid.into(),
            filled(&crash.responsible),
            filled(&crash.coalition),
            crash.uid.into(),
            filled(&crash.role),
            filled(&crash.exception),
            filled(&crash.codes),
            filled(&crash.termination),
            filled(&crash.details),
            filled(&crash.backtrace),
            filled(&crash.signing_id),
            filled(&crash.team_id),
            crash.signing_flags.into(),
            crash.signing_category.into(),
            crash.signing_trust.into(),
            filled(&crash.modified),
            filled(&crash.os_version),
            filled(&crash.os_build),
            filled(&crash.release_type),
            filled(&crash.incident),
            report.bug_type().into(),
        ],
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const JSON: &str = r#"{"app_name":"imagent","timestamp":"2023-05-24 13:29:20.00 +0200","os_version":"iPhone OS 16.4 (20E247)","bug_type":"309","incident_id":"A1"}
{
  "captureTime" : "2023-05-24 13:29:15.1234 +0200", "procLaunch" : "2023-05-24 13:00:00.0000 +0200",
  "procName" : "imagent", "procPath" : "\/System\/Library\/PrivateFrameworks\/IMCore.framework\/imagent.app\/imagent",
  "pid" : 61, "parentProc" : "launchd", "parentPid" : 1, "coalitionName" : "com.apple.imagent", "userID" : 501,
  "bundleInfo" : {"CFBundleIdentifier":"com.apple.imagent"},
  "osVersion" : {"train":"iPhone OS 16.4","build":"20E247","releaseType":"User"},
  "exception" : {"type":"EXC_BAD_ACCESS","signal":"SIGSEGV","subtype":"KERN_INVALID_ADDRESS at 0x0","codes":"0x1, 0x0"},
  "termination" : {"namespace":"SIGNAL","code":11,"indicator":"Segmentation fault: 11","byProc":"exc handler","byPid":61},
  "asi" : {"libsystem_c.dylib":["abort() called on https:\/\/a.example\/x"]},
  "extMods" : {"caller":{"task_for_pid":2,"thread_create":0},"warnings":0},
  "faultingThread" : 0, "threads" : [{"frames":[{"imageIndex":0,"imageOffset":16,"symbol":"-[IMNickname x]"},{"imageIndex":0,"imageOffset":8}]}],
  "usedImages" : [{"source":"P","name":"imagent","path":"\/System\/x\/imagent"}],
  "codeSigningID" : "com.apple.imagent", "codeSigningTeamID" : "", "codeSigningFlags" : 570434309, "codeSigningValidationCategory" : 1, "codeSigningTrustLevel" : 4294967295,
  "incident" : "A1"
}"#;

    #[test]
    fn a_crash_in_json_gives_its_process_and_why_it_ended() {
        let (records, warnings) = rows_at(&ARTIFACT, "/x.ips", JSON.as_bytes());
        assert!(warnings.is_empty(), "{warnings:?}");
        assert_eq!(
            records,
            json!([{
                "time": "2023-05-24T11:29:20.000000+00:00",
                "captured": "2023-05-24T11:29:15.123400+00:00",
                "launched": "2023-05-24T11:00:00.000000+00:00",
                "process": "imagent",
                "pid": 61,
                "executable": "/System/Library/PrivateFrameworks/IMCore.framework/imagent.app/imagent",
                "bundle": "com.apple.imagent",
                "parent": "launchd",
                "parent_pid": 1,
                "coalition": "com.apple.imagent",
                "uid": 501,
                "exception": "EXC_BAD_ACCESS SIGSEGV KERN_INVALID_ADDRESS at 0x0",
                "codes": "0x1, 0x0",
                "termination": "SIGNAL 11 Segmentation fault: 11 by exc handler [61]",
                "details": "libsystem_c.dylib: abort() called on https://a.example/x",
                "backtrace": "imagent -[IMNickname x]\nimagent + 8",
                "signing_id": "com.apple.imagent",
                "signing_flags": 570434309,
                "signing_category": 1,
                "signing_trust": 4294967295_i64,
                "modified_by_others": "caller task_for_pid 2",
                "os_version": "iPhone OS 16.4",
                "os_build": "20E247",
                "release_type": "User",
                "incident": "A1",
                "bug_type": 309,
                "_line": "report 309 on imagent [61] /System/Library/PrivateFrameworks/IMCore.framework/imagent.app/imagent: EXC_BAD_ACCESS SIGSEGV KERN_INVALID_ADDRESS at 0x0 SIGNAL 11 Segmentation fault: 11 by exc handler [61]",
            }])
        );
    }

    const TEXT: &str = "\
Incident Identifier: B2
Hardware Model:      iPhone9,3
Process:             My App [770]
Path:                /private/var/containers/Bundle/Application/AA/My App.app/My App
Identifier:          org.example.app
Version:             3 (1.2)
Role:                Foreground
Parent Process:      launchd [1]
Coalition:           org.example.app [532]
Date/Time:           2020-11-02 21:10:09.5 +0100
Launch Time:         2020-11-02 21:10:01.0 +0100
OS Version:          iPhone OS 14.2 (18B92)

Exception Type:  EXC_CRASH (SIGABRT)
Exception Codes: 0x0, 0x0
Termination Reason: Namespace SIGNAL, Code 0x6
Triggered by Thread:  0

Thread 0 name:  main
Thread 0 Crashed:
0   libsystem_kernel.dylib        \t0x1 __pthread_kill + 8
1   My App                        \t0x2 0x1 + 5

Binary Images:
0x1 - 0x2 My App arm64  <0123456789abcdef0123456789abcdef> /private/var/x
";

    #[test]
    fn a_report_in_text_needs_no_header() {
        let records = rows(&ARTIFACT, TEXT.as_bytes());
        let record = &records[0];
        for (column, value) in [
            ("process", json!("My App")),
            ("pid", json!(770)),
            ("executable", json!("/private/var/containers/Bundle/Application/AA/My App.app/My App")),
            ("coalition", json!("org.example.app")),
            ("captured", json!("2020-11-02T20:10:09.500000+00:00")),
            ("exception", json!("EXC_CRASH (SIGABRT)")),
            ("termination", json!("Namespace SIGNAL, Code 0x6")),
            ("backtrace", json!("0 libsystem_kernel.dylib 0x1 __pthread_kill + 8\n1 My App 0x2 0x1 + 5")),
            ("os_version", json!("iPhone OS 14.2")),
            ("os_build", json!("18B92")),
            ("incident", json!("B2")),
        ] {
            assert_eq!(record[column], value, "{column}");
        }
    }

    #[test]
    fn a_resource_report_names_every_process_it_measured() {
        let text = "{\"bug_type\":\"202\",\"timestamp\":\"2018-08-01 10:00:00 +0000\"}
Date/Time:       2018-08-01 11:59:00.123 +0200
OS Version:      iPhone OS 11.4.1 (Build 15G77)
Command:         mediaplaybackd
Path:            /usr/sbin/mediaplaybackd
PID:             99
Event:           cpu usage
Action taken:    none

Powerstats for:  mediaplaybackd [99]
Path:            /usr/sbin/mediaplaybackd
Powerstats for:  bh [120]
Path:            /private/var/tmp/bh
Parent:          launchd [1]
";
        let records = rows(&ARTIFACT, text.as_bytes());
        assert_eq!(records[0]["exception"], "cpu usage");
        assert_eq!((&records[0]["pid"], &records[0]["os_build"]), (&json!(99), &json!("15G77")));
        assert_eq!(records[1]["executable"], "/private/var/tmp/bh");
        assert_eq!((&records[1]["captured"], &records[2]), (&records[0]["captured"], &json!(null)));
    }

    #[test]
    fn a_report_that_breaks_off_keeps_its_beginning_and_says_so() {
        let cut = JSON.split("\"bundleInfo\"").next().unwrap();
        let (records, warnings) = rows_at(&ARTIFACT, "/x.ips", cut.as_bytes());
        assert_eq!((&records[0]["process"], &records[0]["uid"]), (&json!("imagent"), &json!(501)));
        assert!(warnings[0].contains("no whole JSON"), "{warnings:?}");
        let header = JSON.lines().next().unwrap();
        assert_eq!(rows(&ARTIFACT, header.as_bytes())[0]["incident"], "A1");
    }

    #[test]
    fn other_kinds_of_reports_are_left_to_others() {
        let jetsam = "{\"bug_type\":\"298\"}\n{\"procName\":\"x\",\"processes\":[]}";
        assert_eq!(rows_at(&ARTIFACT, "/x.ips", jetsam.as_bytes()), (json!([]), vec![]));
    }

    #[test]
    fn broken_reports_never_panic() {
        shake(&ARTIFACT, JSON.as_bytes());
        shake(&ARTIFACT, TEXT.as_bytes());
    }
}
