use std::collections::BTreeSet;

use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "launchd_service_disabled",
    title: "Services that report crashes or update iOS are switched off",
    looks_at: "Services of iOS that were switched off by name, among them those that write crash reports, send analytics and install updates.",
    why_it_matters: "Some implants kept the phone from reporting crashes and from updating iOS, so that they stayed unseen and their flaw \
        stayed open. Settings offers no such switch.",
    innocent_causes: "Jailbreaks and their tools switch the same services off so that an update does not remove them; laboratories and \
        developers do so on test phones.",
    next_check: "Ask whether the phone was ever jailbroken or served as a test phone. If not, keep the whole acquisition for a laboratory, \
        and look for the time of the file in the timeline.",
    references: &[
        "https://www.amnesty.org/en/latest/research/2021/07/forensic-methodology-report-how-to-catch-nso-groups-pegasus/",
        "https://keith.github.io/xcode-man-pages/launchctl.1.html",
    ],
    reads: &[Reads {
        artifact: ARTIFACT,
        keep: |record| {
            record.value("disabled").is_true() && record.value("service").as_text().is_some_and(is_guarding)
        },
    }],
    check,
};

const ARTIFACT: &str = "ios.launchd_overrides";
/// How the names of these services begin.
const GUARDING: [&str; 6] = [
    "com.apple.CrashReporter",
    "com.apple.ReportCrash",
    "com.apple.OTATaskingAgent",
    "com.apple.softwareupdated",
    "com.apple.mobile.softwareupdated",
    "com.apple.osanalytics",
];

fn is_guarding(service: &str) -> bool {
    GUARDING.iter().any(|known| service.starts_with(known))
}

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    let services: BTreeSet<&str> = kept.of(ARTIFACT).iter().map(|service| service.text("service")).collect();
    let Some(first) = kept.of(ARTIFACT).first() else { return };
    let named: Vec<&str> = services.into_iter().take(20).collect();
    let message = format!("Services of iOS are switched off: {}", named.join(", "));
    findings.push(Finding::of_rule(HEURISTIC.id, Level::Medium, Trace::Tampered, message, first));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heuristic::testing::{json, verdicts};

    fn service(name: &str, disabled: bool) -> (&'static str, serde_json::Value) {
        (ARTIFACT, json!({"service": name, "disabled": disabled}))
    }

    #[test]
    fn services_that_report_and_update_are_one_finding() {
        let records = [
            service("com.apple.softwareupdated", true),
            service("com.apple.ReportCrash.Root", true),
            service("com.apple.softwareupdated", true),
        ];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            ["MEDIUM Services of iOS are switched off: com.apple.ReportCrash.Root, com.apple.softwareupdated"]
        );
    }

    #[test]
    fn other_services_and_those_that_run_are_silent() {
        let records = [service("com.apple.ftpd", true), service("com.apple.osanalytics.helper", false)];
        assert_eq!(verdicts(&HEURISTIC, &records), [""; 0]);
    }
}
