use super::packages::times;
use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "android_security_log_stopped",
    title: "The security log was switched off",
    looks_at: "Entries of Android's security log that say that it was stopped.",
    why_it_matters: "What happens while the log is off is not recorded; whoever does not want to be seen switches it off first.",
    innocent_causes: "The owner switched Advanced Protection or an employer's management off and on again, and updates of the system do so.",
    next_check: "Ask the owner about that time, and see whether the log began again and what is new since.",
    references: &["https://developer.android.com/reference/android/app/admin/SecurityLog#TAG_LOGGING_STOPPED"],
    reads: &[Reads {
        artifact: "android.security_events",
        keep: |record| record.value("tag").as_text() == Some("logging_stopped"),
    }],
    check: |kept, findings| {
        let events = kept.of("android.security_events");
        let Some(last) = events.iter().max_by_key(|event| event.at()) else { return };
        let message = format!("The security log was switched off ({})", times(events.len() as u64));
        findings.push(Finding::of_rule(HEURISTIC.id, Level::Low, Trace::Tampered, message, last));
    },
};

#[cfg(test)]
mod tests {
    use super::super::testing::{json, verdicts};
    use super::*;

    #[test]
    fn stops_are_counted_and_starts_are_silent() {
        let event = |tag: &str| ("android.security_events", json!({ "tag": tag }));
        let records = [event("logging_started"), event("logging_stopped"), event("logging_stopped")];
        assert_eq!(verdicts(&HEURISTIC, &records), ["LOW The security log was switched off (2 times)"]);
        assert_eq!(verdicts(&HEURISTIC, &[event("logging_started")]), [""; 0]);
    }
}
