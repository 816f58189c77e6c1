use super::prelude::*;
use crate::time::short;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "crash_reporter_plist",
    title: "Settings of the crash reporter in root's folder",
    looks_at: "The file `com.apple.CrashReporter.plist` among the preferences of the user root.",
    why_it_matters: "Pegasus wrote this file to keep crash reports from being sent to Apple. In the cases published in 2021 it stood beside \
        other traces, with a creation time near the attack.",
    innocent_causes: "The file also occurs on phones that were never attacked; several false alarms were reported, and other tools have \
        dropped the rule for that reason. Alone it means little.",
    next_check: "Compare its creation time with messages, look-ups and process records of the same day. Without anything beside it there is \
        nothing more to do.",
    references: &[
        "https://www.amnesty.org/en/latest/research/2021/07/forensic-methodology-report-how-to-catch-nso-groups-pegasus/",
    ],
    reads: &[Reads { artifact: "ios.manifest", keep: |record| record.value("file").as_text() == Some(PATH) }],
    check: |kept, findings| {
        for file in kept.of("ios.manifest") {
            let when = match (file.time("created"), file.time("modified")) {
                (Some(created), _) => format!(", created {}", short(created)),
                (None, Some(modified)) => format!(", modified {}", short(modified)),
                (None, None) => String::new(),
            };
            let message =
                format!("Root has settings for the crash reporter{when}: seen with Pegasus in 2021, and on clean phones");
            findings.push(Finding::of_rule(HEURISTIC.id, Level::Low, Trace::Installed, message, file));
        }
    },
};

const PATH: &str = "/private/var/root/Library/Preferences/com.apple.CrashReporter.plist";

#[cfg(test)]
mod tests {
    use super::super::testing::{json, verdicts};
    use super::*;

    #[test]
    fn the_file_is_low_and_its_sentence_says_why() {
        let file = json!({ "file": PATH, "created": "2021-07-01T10:00:00Z" });
        assert_eq!(
            verdicts(&HEURISTIC, &[("ios.manifest", file)]),
            ["LOW Root has settings for the crash reporter, created 2021-07-01 10:00:00 UTC: seen with Pegasus in 2021, \
              and on clean phones"]
        );
    }

    #[test]
    fn the_same_name_elsewhere_is_silent() {
        let file = json!({ "file": "/private/var/mobile/Library/Preferences/com.apple.CrashReporter.plist" });
        assert_eq!(verdicts(&HEURISTIC, &[("ios.manifest", file)]), [""; 0]);
    }
}
