use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "crash_reports_suppressed",
    title: "Crash reports switched off or gone",
    looks_at: "Settings of the crash reporter that are empty or switch reports off, and lists of crash reports that were taken with the \
        sysdiagnose, of which none is in it.",
    why_it_matters: "A failed try of an attack leaves crash reports. Pegasus wrote settings that kept them from being sent, and an implant with rights \
        of the system can delete them.",
    innocent_causes: "Old reports are deleted by iOS within days or weeks, a phone that was just restored has none, and neither counts; a copy of a sysdiagnose may leave \
        the folder of reports out. Owners and companies may switch the sharing of analytics off, which is a setting of its own and not looked at.",
    next_check: "Ask whether the whole sysdiagnose was handed over. Compare the time of the settings file with messages and restarts; make a fresh \
        sysdiagnose if the phone is at hand.",
    references: &[
        "https://www.amnesty.org/en/latest/research/2021/07/forensic-methodology-report-how-to-catch-nso-groups-pegasus/",
        "https://support.apple.com/en-us/108971",
    ],
    reads: &[
        Reads { artifact: SETTINGS, keep: |record| switches_off(text(record, "entry"), text(record, "value")) },
        // What the collector says that it took.
        Reads { artifact: LISTS, keep: |record| text(record, "state").starts_with("Added") },
        Reads { artifact: "ios.crash_reports", keep: |_| true },
        Reads { artifact: "ios.crash_other", keep: |record| !record.value("time").is_null() },
        // One process stands for its event.
        Reads { artifact: "ios.jetsam_processes", keep: |record| record.value("largest").is_true() },
        Reads { artifact: "ios.stackshot_processes", keep: |record| record.value("pid").as_int() == Some(1) },
        Reads { artifact: "ios.analytics", keep: |record| !record.value("until").is_null() },
    ],
    check,
};

const SETTINGS: &str = "ios.crash_reporter_settings";
const LISTS: &str = "ios.crash_summaries";
const REPORTS: [&str; 5] = [
    "ios.crash_reports",
    "ios.crash_other",
    "ios.jetsam_processes",
    "ios.stackshot_processes",
    "ios.analytics",
];
/// A short list may name what was deleted a moment later.
const LISTED: usize = 10;

fn text<'r>(record: &'r Record<'_>, column: &str) -> &'r str {
    record.value(column).as_text().unwrap_or_default()
}

/// An empty file, `…Disabled = true`, `…Enabled = false`, `DialogType = none`.
fn switches_off(entry: &str, value: &str) -> bool {
    let (entry, value) = (entry.to_ascii_lowercase(), value.to_ascii_lowercase());
    let on = matches!(&*value, "true" | "1" | "yes");
    let off = matches!(&*value, "false" | "0" | "no" | "none");
    match &*entry {
        "" => true,
        _ if entry.contains("disable") => on,
        _ => off && ["enable", "dialogtype", "submit", "report", "copy"].iter().any(|word| entry.contains(word)),
    }
}

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    for setting in kept.of(SETTINGS) {
        let message = match setting.text("entry") {
            "" => "The settings of the crash reporter were emptied".to_owned(),
            entry => format!("The crash reporter is set to {entry} = {}", setting.text("value")),
        };
        findings.push(Finding::of_rule(HEURISTIC.id, Level::Low, Trace::Tampered, message, setting));
    }
    let listed = kept.of(LISTS);
    let collected = REPORTS.iter().any(|artifact| !kept.of(artifact).is_empty());
    if let Some(first) = listed.first()
        && listed.len() >= LISTED
        && !collected
    {
        let message = format!("The sysdiagnose lists {} reports as taken, of which none is in the acquisition", listed.len());
        findings.push(Finding::of_rule(HEURISTIC.id, Level::Low, Trace::Tampered, message, first));
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{json, verdicts};
    use super::*;

    fn listed(count: usize) -> Vec<(&'static str, serde_json::Value)> {
        (0..count).map(|index| (LISTS, json!({"report": format!("a-{index}.ips"), "state": "Added"}))).collect()
    }

    #[test]
    fn settings_that_switch_reports_off_or_say_nothing_are_low() {
        assert_eq!(
            verdicts(&HEURISTIC, &[(SETTINGS, json!({}))]),
            ["LOW The settings of the crash reporter were emptied"]
        );
        let off = json!({"entry": "DialogType", "value": "none"});
        assert_eq!(verdicts(&HEURISTIC, &[(SETTINGS, off)]), ["LOW The crash reporter is set to DialogType = none"]);
        let on = json!({"entry": "SubmitReports", "value": "true"});
        assert_eq!(verdicts(&HEURISTIC, &[(SETTINGS, on)]), [""; 0]);
    }

    #[test]
    fn a_long_list_without_any_report_is_low_and_any_report_settles_it() {
        assert_eq!(
            verdicts(&HEURISTIC, &listed(LISTED)),
            ["LOW The sysdiagnose lists 10 reports as taken, of which none is in the acquisition"]
        );
        // A phone that was just restored, and one whose reports were collected in part.
        assert_eq!(verdicts(&HEURISTIC, &listed(LISTED - 1)), [""; 0]);
        let mut partly = listed(50);
        partly.push(("ios.jetsam_processes", json!({"process": "SpringBoard", "largest": true})));
        assert_eq!(verdicts(&HEURISTIC, &partly), [""; 0]);
        // Old reports, which are listed and left.
        let old = (LISTS, json!({"report": "a.ips", "state": "File past date limit"}));
        assert_eq!(verdicts(&HEURISTIC, &vec![old; 50]), [""; 0]);
    }
}
