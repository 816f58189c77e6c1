use super::prelude::*;
use crate::time::short;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "tls_interception",
    title: "The phone suspected that its encrypted connections were intercepted",
    looks_at: "What the phone counts for Apple about certificates: its detector of interception, and failures of certificates that are \
        known beforehand (pinning), many within a day.",
    why_it_matters: "Who sits between the phone and the internet and shows certificates of their own can read and change what passes. \
        Attacks that infect through the network begin with such a position.",
    innocent_causes: "Companies and schools that inspect traffic, content filters and debugging proxies the owner installed, virus scanners, \
        and the login pages of hotels and trains. One failure alone happens on every phone.",
    next_check: "Look for root certificates, VPNs, proxies and profiles on the phone, and for the network it was in at that time. Ask whether \
        the phone is managed by an employer or school.",
    references: &[
        "https://citizenlab.ca/2023/09/predator-in-the-wires-ahmed-eltantawy-targeted-with-predator-spyware-after-announcing-presidential-ambitions/",
        "https://support.apple.com/guide/security/sec100a75d12/web",
    ],
    reads: &[Reads { artifact: ARTIFACT, keep }],
    check,
};

const ARTIFACT: &str = "sysdiagnose.security_events";
/// Failures of pinning within [`WINDOW_S`] that no login page of a hotel causes by itself.
const CLUSTER: usize = 10;
const WINDOW_S: i64 = 24 * 3600;

fn keep(record: &Record<'_>) -> bool {
    let event = record.value("event").as_text().unwrap_or_default();
    is_detection(event, record.value("score")) || is_failure(event, record.value("result"))
}

/// The detector also reports that it found nothing, with a score of 0.
fn is_detection(event: &str, score: &Value<'_>) -> bool {
    event == "MitmDetectionEvent" && score.as_int().is_some_and(|score| score > 0)
}

fn is_failure(event: &str, result: &Value<'_>) -> bool {
    event.contains("Pinning") && result.as_text().is_some_and(|result| result.contains("Failure"))
}

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    let events = kept.of(ARTIFACT);
    let mut detections: Vec<&Exhibit> =
        events.iter().filter(|event| is_detection(event.text("event"), event.value("score"))).collect();
    detections.sort_by_key(|event| (std::cmp::Reverse(event.value("score").as_int()), event.at()));
    if let Some(worst) = detections.first() {
        let score = worst.value("score").show();
        let times = match detections.len() {
            1 => "once".to_owned(),
            count => format!("{count} times"),
        };
        let message =
            format!("The phone's detector of interception reported something {times}, with a score of up to {score}");
        findings.push(Finding::of_rule(HEURISTIC.id, Level::Low, Trace::Resolved, message, worst));
    }
    let mut failures: Vec<&Exhibit> = events.iter().filter(|event| event.text("event").contains("Pinning")).collect();
    failures.sort_by_key(|event| event.at());
    let within_a_day = failures.windows(CLUSTER).find_map(|window| {
        let (first, last) = (window.first()?.at()?, window.last()?.at()?);
        (last.as_second() - first.as_second() <= WINDOW_S).then_some((*window.first()?, first, last))
    });
    if let Some((exhibit, first, last)) = within_a_day {
        let message = format!(
            "{CLUSTER} certificates or more were not those known beforehand between {} and {}",
            short(first),
            short(last)
        );
        findings.push(Finding::of_rule(HEURISTIC.id, Level::Low, Trace::Resolved, message, exhibit));
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{json, verdicts};
    use super::*;

    fn detection(score: i64) -> (&'static str, serde_json::Value) {
        (ARTIFACT, json!({ "event": "MitmDetectionEvent", "score": score, "logged": "2024-01-01T00:00:00Z" }))
    }

    fn failure(hour: usize) -> (&'static str, serde_json::Value) {
        let time = format!("2024-01-{:02}T{:02}:00:00Z", 1 + hour / 24, hour % 24);
        (ARTIFACT, json!({ "event": "PinningEvent", "result": "EventHardFailure", "logged": time }))
    }

    #[test]
    fn a_detection_is_told_once_with_its_worst_score() {
        assert_eq!(
            verdicts(&HEURISTIC, &[detection(1), detection(0), detection(3)]),
            ["LOW The phone's detector of interception reported something 2 times, with a score of up to 3"]
        );
    }

    #[test]
    fn a_detector_that_found_nothing_is_silent() {
        assert_eq!(verdicts(&HEURISTIC, &[detection(0), (ARTIFACT, json!({ "event": "MitmDetectionEvent" }))]), [""; 0]);
    }

    #[test]
    fn many_failures_within_a_day_are_told_once() {
        let records: Vec<_> = (0..20).map(failure).collect();
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            ["LOW 10 certificates or more were not those known beforehand between 2024-01-01 00:00:00 UTC and 2024-01-01 09:00:00 UTC"]
        );
    }

    #[test]
    fn the_login_page_of_a_hotel_and_failures_over_weeks_are_silent() {
        let evening: Vec<_> = (0..CLUSTER - 1).map(failure).collect();
        assert_eq!(verdicts(&HEURISTIC, &evening), [""; 0]);
        let weeks: Vec<_> = (0..20).map(|day| failure(day * 24)).collect();
        assert_eq!(verdicts(&HEURISTIC, &weeks), [""; 0]);
    }
}
