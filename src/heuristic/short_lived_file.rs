use std::collections::BTreeMap;

use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "short_lived_file",
    title: "Files called like programs that came and went in folders of implants",
    looks_at: "Files directly in /private/var/tmp, /private/var/db, /private/var/root/Library and the staging folder of the account \
        service that FSEvents noted as created and removed, and whose name is a plain word without an ending; one finding for each volume.",
    why_it_matters: "Implants unpack their programs into these folders and remove them once they run. FSEvents is one of the few places \
        where the name of a removed file stays.",
    innocent_causes: "Programs of iOS put working files and locks there all the time, and some have plain names. There are no times, so \
        nothing says when it was. Without another sign this means nothing.",
    next_check: "Look the names up in the other records: shutdown.log, crash reports, the power log, data usage and the unified log. Look at \
        what FSEvents noted before and after it; the times of files named there bound the time.",
    references: &[
        "https://www.amnesty.org/en/latest/research/2021/07/forensic-methodology-report-how-to-catch-nso-groups-pegasus/",
        "https://securelist.com/shutdown-log-lightweight-ios-malware-detection-method/111734/",
    ],
    reads: &[Reads { artifact: "ios.fs_events", keep }],
    check,
};

const FOLDERS: [&str; 4] = [
    "/private/var/tmp",
    "/private/var/db",
    "/private/var/db/com.apple.xpc.roleaccountd.staging",
    "/private/var/root/Library",
];

/// Names of programs are short words.
const LONGEST_NAME: usize = 32;
/// Names with more digits are made up for one use.
const MOST_DIGITS: usize = 3;
/// Names in the message.
const NAMED: usize = 20;

fn keep(record: &Record<'_>) -> bool {
    let Some((folder, name)) = record.value("file").as_text().and_then(|file| file.rsplit_once('/')) else {
        return false;
    };
    FOLDERS.contains(&folder) && is_program_name(name) && came_and_went(record.value("events"))
}

fn is_program_name(name: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    (2..=LONGEST_NAME).contains(&name.len())
        && name.bytes().all(is_part)
        && name.bytes().filter(u8::is_ascii_digit).count() <= MOST_DIGITS
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
}

fn came_and_went(events: &Value<'_>) -> bool {
    let Value::List(events) = events else { return false };
    let has = |word| events.iter().any(|event| event.as_text() == Some(word));
    has("created") && has("removed") && has("file")
}

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    let mut files: BTreeMap<&str, &Exhibit> = BTreeMap::new();
    for exhibit in kept.of("ios.fs_events") {
        files.entry(exhibit.text("file")).or_insert(exhibit);
    }
    let Some(first) = files.values().next() else { return };
    let mut names: Vec<&str> = files.keys().copied().take(NAMED).collect();
    let more = format!("{} more", files.len().saturating_sub(NAMED));
    if files.len() > NAMED {
        names.push(&more);
    }
    let what = if files.len() == 1 { "file was" } else { "files were" };
    let message = format!("{} {what} created and removed where implants unpack themselves: {}", files.len(), names.join(", "));
    let mut finding = Finding::of_rule(HEURISTIC.id, Level::Low, Trace::Tampered, message, first);
    finding.column = Some("file");
    finding.value = first.text("file").to_owned();
    finding.caveats.push("programs of iOS leave and remove files there too".into());
    findings.push(finding);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heuristic::testing::{json, verdicts};

    fn event(file: &str, events: &[&str]) -> (&'static str, serde_json::Value) {
        ("ios.fs_events", json!({"file": file, "events": events}))
    }

    const BOTH: [&str; 3] = ["created", "removed", "file"];

    #[test]
    fn names_of_programs_are_one_low_finding() {
        let records = [
            event("/private/var/tmp/otpgrefd", &BOTH),
            event("/private/var/db/com.apple.xpc.roleaccountd.staging/bh", &BOTH),
            event("/private/var/tmp/otpgrefd", &BOTH),
        ];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            [
                "LOW 2 files were created and removed where implants unpack themselves: \
                 /private/var/db/com.apple.xpc.roleaccountd.staging/bh, /private/var/tmp/otpgrefd"
            ]
        );
    }

    #[test]
    fn working_files_folders_and_files_that_stayed_are_silent() {
        let records = [
            event("/private/var/tmp/x.tmp", &BOTH),
            event("/private/var/tmp/.lock", &BOTH),
            event("/private/var/tmp/sync1684922400", &BOTH),
            event("/private/var/tmp/6F0C2C0E-0000-4000-8000-000000000001", &BOTH),
            event("/private/var/tmp/a/bh", &BOTH),
            event("/private/var/mobile/bh", &BOTH),
            event("/private/var/tmp/bh", &["created", "file"]),
            event("/private/var/tmp/bh", &["created", "removed", "folder"]),
        ];
        assert_eq!(verdicts(&HEURISTIC, &records), [""; 0]);
    }
}
