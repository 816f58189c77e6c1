use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::packages::{entries, named};
use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "android_media_parser_crash",
    title: "A program that reads pictures and video crashed",
    looks_at: "Tombstones of the programs that take apart pictures, sound and video for the whole phone, how they ended, and how often \
        within an hour.",
    why_it_matters: "Attacks that come as a picture or a video strike these programs. An attempt that fails ends in such a crash, and attempts \
        are repeated until one works.",
    innocent_causes: "Such crashes are ordinary: a damaged or unusual video, a mistake in a maker's codec, too little memory. One damaged \
        file can crash them again and again while the phone looks through its files.",
    next_check: "Read the tombstone: which library and which thread. Look for a message, a call or a file that came just before, and keep \
        the file.",
    references: &[
        "https://source.android.com/docs/core/media/framework-hardening",
        "https://unit42.paloaltonetworks.com/landfall-is-new-commercial-grade-android-spyware/",
    ],
    reads: &[Reads { artifact: "android.tombstones", keep: |record| is_parser(record.value("program").as_text()) }],
    check,
};

/// SIGILL, SIGBUS and SIGSEGV: memory that was not what the program took it for. By SIGABRT a program ends itself.
const AT_FAULT: [i64; 3] = [4, 7, 11];
/// So many within an hour are attempts, or one damaged file.
const REPEATED: usize = 5;

fn is_parser(program: Option<&str>) -> bool {
    let name = program.map(|program| program.rsplit('/').next().unwrap_or(program));
    let name = name.map(|name| name.split(':').next().unwrap_or(name));
    name.is_some_and(|name| {
        entries(include_str!("android_media_parsers.txt")).any(|entry| match entry.strip_prefix('.') {
            // `android.hardware.media.omx@1.0-service`
            Some(part) => name.contains(&format!(".{}@", part.trim_end_matches('.'))),
            None => name == entry,
        })
    })
}

/// By time and process: the text and the protobuf form of a crash are one.
type Crashes<'k> = BTreeMap<(Option<Timestamp>, Option<i64>), &'k Exhibit>;

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    let mut crashes: BTreeMap<&str, Crashes<'_>> = BTreeMap::new();
    for crash in kept.of("android.tombstones") {
        let program = crash.text("program").rsplit('/').next().unwrap_or_default();
        let key = (crash.at(), crash.value("pid").as_int());
        crashes.entry(program).or_default().entry(key).or_insert(crash);
    }
    for (program, crashes) in crashes {
        let at_fault = |crash: &&&Exhibit| crash.value("signal").as_int().is_some_and(|signal| AT_FAULT.contains(&signal));
        let faults: Vec<&Exhibit> = crashes.values().filter(at_fault).copied().collect();
        let times: Vec<i64> = faults.iter().filter_map(|crash| Some(crash.at()?.as_second())).collect();
        let burst = times.windows(REPEATED).any(|hour| match hour {
            [first, .., last] => last - first <= 3600,
            _ => false,
        });
        let level = match (burst, faults.is_empty()) {
            (true, _) => Level::Medium,
            (false, false) => Level::Low,
            (false, true) => Level::Informational,
        };
        let Some(first) = faults.first().or(crashes.values().next()) else { continue };
        let days: BTreeSet<String> = crashes.values().filter_map(|crash| crash.at()).map(crate::time::short).collect();
        let when = match named(days.iter().map(String::as_str)) {
            named if named.is_empty() => String::new(),
            named => format!(": {named}"),
        };
        let often = if burst { format!(", {REPEATED} times or more within an hour") } else { String::new() };
        let message = format!("{program}, which reads pictures and video, crashed{often}{when}");
        findings.push(Finding::of_rule(HEURISTIC.id, level, Trace::Executed, message, first));
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{json, verdicts};
    use super::*;

    fn crash(program: &str, signal: i64, at: &str) -> (&'static str, serde_json::Value) {
        ("android.tombstones", json!({"program": program, "signal": signal, "pid": 7, "crashed": at}))
    }

    #[test]
    fn one_crash_is_told_by_how_it_ended() {
        let at = "2023-05-01T10:00:00Z";
        let omx = "/vendor/bin/hw/android.hardware.media.omx@1.0-service";
        let records = [crash("/system/bin/mediaserver", 6, at), crash(omx, 11, at), crash(omx, 11, at)];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            [
                "LOW android.hardware.media.omx@1.0-service, which reads pictures and video, crashed: 2023-05-01 10:00:00 UTC",
                "INFORMATIONAL mediaserver, which reads pictures and video, crashed: 2023-05-01 10:00:00 UTC",
            ]
        );
    }

    #[test]
    fn many_within_an_hour_weigh_more_than_many_in_a_month() {
        let hour: Vec<_> =
            (0..5).map(|minute| crash("com.samsung.ipservice", 11, &format!("2023-05-01T10:1{minute}:00Z"))).collect();
        assert!(verdicts(&HEURISTIC, &hour)[0].starts_with("MEDIUM com.samsung.ipservice, which"));
        let month: Vec<_> =
            (1..9).map(|day| crash("com.samsung.ipservice", 11, &format!("2023-05-0{day}T10:00:00Z"))).collect();
        assert!(verdicts(&HEURISTIC, &month)[0].starts_with("LOW "));
    }

    #[test]
    fn other_programs_are_silent() {
        let at = "2023-05-01T10:00:00Z";
        assert_eq!(verdicts(&HEURISTIC, &[crash("/system/bin/surfaceflinger", 11, at), crash("mediaservers", 11, at)]), [""; 0]);
    }
}
