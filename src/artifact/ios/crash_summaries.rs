use std::collections::HashSet;

use jiff::civil::DateTime;

use crate::artifact::prelude::*;
use crate::time::ascii_digits;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.crash_summaries",
    title: "Lists of crash reports",
    about: "Names of reports that lay on the phone when the sysdiagnose was made, also of reports that were not collected.",
    files: &["/sysdiagnose/summaries/*", "/private/var/mobile/Library/Logs/CrashReporter/*.log"],
    columns: &[
        time("time", Epoch::Local, Moment::Crashed).rounded(Precision::Second),
        // By the name of the report, which is cut for no length.
        process("process"),
        text("kind"),
        text("report"),
        path("file"),
        // What the collector did with it: `Added to Candidate logs`, `File past date limit`.
        text("state"),
    ],
    shows: Trace::Executed,
    line: "report {report} lay on the phone: {state}",
    parse: Parse::Text(parse),
};

/// What the names of reports about the whole phone begin with.
const NO_PROCESS: [&str; 19] = [
    "CoreTime",
    "JetsamEvent",
    "stacks",
    "panic-full",
    "panic-base",
    "forceReset-full",
    "ResetCounter",
    "WiFiLQMMetrics",
    "log-aggregated",
    "Analytics",
    "SiriSearchFeedback",
    "xp_amp_app_usage_dnu",
    "awdd",
    "OTAUpdate",
    "LowBatteryLog",
    "security.log",
    "tailspin",
    "log-power",
    "proactive_event_tracker",
];

/// Lines that begin with a path name a report, `/path, what was done with it`; the others are counts and headings. Reports that were
/// taken are listed a second time.
fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    let mut seen = HashSet::new();
    while let Some((number, line)) = lines.next()? {
        let line = line.trim_start();
        if !line.starts_with('/') {
            continue;
        }
        let (file, state) = line.split_once(',').unwrap_or((line, ""));
        let (file, state) = (file.trim_end(), state.trim());
        let report = file.trim_end_matches('/').rsplit('/').next().unwrap_or(file);
        // The other lists beside it name logs of every kind.
        let is_report = file.contains("/CrashReporter/") && !file.contains("/DiagnosticLogs/");
        let Some((name, time)) = named_and_timed(report).filter(|_| is_report) else { continue };
        if !seen.insert(report.to_owned()) {
            continue;
        }
        let (process, kind) = process_and_kind(name);
        let state = Some(state).filter(|state| !state.is_empty());
        out.push(
            Place::Line { line: number },
            [time.into(), process.into(), kind.into(), report.into(), file.into(), state.into()],
        );
    }
    Ok(())
}

/// `NAME-2023-05-24-132915.ips` and `NAME-2023-05-24-13-29-15.000.ips`; the time is the phone's local one.
fn named_and_timed(report: &str) -> Option<(&str, DateTime)> {
    let dates = report.char_indices().filter(|(at, c)| matches!(c, '-' | '_') && *at > 0);
    dates.filter_map(|(at, c)| Some((report.get(..at)?, time_of(report.get(at + c.len_utf8()..)?)?))).next()
}

fn time_of(text: &str) -> Option<DateTime> {
    let text = ascii_digits(text);
    let (date, clock) = text.split_at_checked(10)?;
    let mut parts = date.split('-').map(|part| part.parse::<i16>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let digits: String = clock.strip_prefix(['-', '_'])?.chars().take(8).filter(|c| *c != '-').take(6).collect();
    if digits.len() != 6 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part = |from: usize| digits.get(from..from + 2)?.parse::<i8>().ok();
    DateTime::new(year, month.try_into().ok()?, day.try_into().ok()?, part(0)?, part(2)?, part(4)?, 0).ok()
}

/// `imagent`, `ExcUserFault_imagent`, `imagent.cpu_resource`, `stacks+imagent`: the process, and the kind where the name says it.
fn process_and_kind(name: &str) -> (Option<&str>, Option<&str>) {
    for prefix in ["ExcUserFault_", "ExcResource_", "stacks+"] {
        if let Some(process) = name.strip_prefix(prefix) {
            return (Some(process), prefix.get(..prefix.len() - 1));
        }
    }
    // `Analytics-Daily` is one of the analytics.
    let whole = |kind: &&str| name.strip_prefix(*kind).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'));
    if NO_PROCESS.iter().any(whole) {
        return (None, Some(name));
    }
    match name.rsplit_once('.') {
        Some((process, kind)) if kind.ends_with("_resource") || kind == "hang" => (Some(process), Some(kind)),
        _ => (Some(name), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const LIST: &str = "\
APPLYING PREDICATE (lastPathComponent ENDSWITH \"ips\"):
/private/var/mobile/Library/Logs/CrashReporter/imagent-2023-05-24-132915.ips, Added to Candidate logs
/private/var/mobile/Library/Logs/CrashReporter/Retired/ExcUserFault_com.apple.WebKit.WebContent-2023-05-24-13-29-16.000.ips, File past date limit
/private/var/mobile/Library/Logs/CrashReporter/JetsamEvent-2023-05-24-140000.1.ips.ca.synced,
/private/var/mobile/Library/Logs/CrashReporter/my-app.cpu_resource-2023-05-24-150000.ips
/private/var/mobile/Library/Logs/CrashReporter/Analytics-Journal-90Day-2023-05-24-160000.ips.ca.synced, File past date limit
/private/var/mobile/Library/Logs/CrashReporter/folder, 5
/private/var/mobile/Library/Logs/CrashReporter/DiagnosticLogs/Accounts/a-2023-05-24-160000.log, Added
/private/var/logs/lockdownd-2023-05-24-160000.log, Added

ENFORCING SIZE LIMIT OF 20 MB ON FILTERED CANDIDATES:
/var/mobile/Library/Logs/CrashReporter/imagent-2023-05-24-132915.ips, Added
imagent-2023-05-24-132915.ips
";

    #[test]
    fn names_of_reports_give_process_and_local_time_once() {
        let (records, warnings) = rows_timed(&ARTIFACT, "/sysdiagnose/summaries/crashes_and_spins.log", LIST.as_bytes());
        assert!(warnings.is_empty(), "{warnings:?}");
        assert_eq!(
            records[0],
            json!({
                "time": "2023-05-24T11:29:15.000000+00:00", "process": "imagent", "report": "imagent-2023-05-24-132915.ips",
                "file": "/private/var/mobile/Library/Logs/CrashReporter/imagent-2023-05-24-132915.ips",
                "state": "Added to Candidate logs",
                "_line": "report imagent-2023-05-24-132915.ips lay on the phone: Added to Candidate logs",
            })
        );
        let of = |index: usize| (&records[index]["time"], &records[index]["process"], &records[index]["kind"]);
        assert_eq!(
            of(1),
            (&json!("2023-05-24T11:29:16.000000+00:00"), &json!("com.apple.WebKit.WebContent"), &json!("ExcUserFault"))
        );
        assert_eq!((of(2).1, of(2).2), (&json!(null), &json!("JetsamEvent")));
        assert_eq!((of(3).1, of(3).2), (&json!("my-app"), &json!("cpu_resource")));
        assert_eq!((of(4).1, of(4).2), (&json!(null), &json!("Analytics-Journal-90Day")));
        assert_eq!(records[5], json!(null));
    }

    #[test]
    fn broken_lists_never_panic() {
        shake(&ARTIFACT, LIST.as_bytes());
    }
}
