use std::collections::BTreeMap;

use super::packages::{Apps, PACKAGES, SHORT_LIST, times};
use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "android_call_recorded",
    title: "An app recorded calls or the phone's own sound",
    looks_at: "Recordings whose source is the telephone call or what the phone plays, by apps that do not come with the phone.",
    why_it_matters: "Android keeps these sources for the system. An app that gets them has rights that ordinary apps do not have, and \
        hears both sides of a call.",
    innocent_causes: "Apps that record calls on phones that allow it, recorders and casting of the screen, accessibility services.",
    next_check: "Ask the owner whether the app records calls on purpose.",
    references: &["https://developer.android.com/reference/android/media/MediaRecorder.AudioSource"],
    reads: &[
        Reads { artifact: "android.microphone_use", keep: |record| is_privileged(record.value("source").as_text()) },
        PACKAGES, SHORT_LIST,
    ],
    check: |kept, findings| {
        let apps = Apps::of(kept);
        let mut uses: BTreeMap<(&str, &str), (u64, &Exhibit)> = BTreeMap::new();
        for record in kept.of("android.microphone_use").iter().filter(|record| record.text("event") == "start") {
            let package = record.text("package");
            let silenced = record.value("silenced").is_true();
            if !silenced && !package.is_empty() && !apps.is_stock(package) {
                uses.entry((package, record.text("source"))).or_insert((0, record)).0 += 1;
            }
        }
        for ((package, source), (count, first)) in uses.into_iter().take(MOST) {
            let message = format!("{package}, {}, recorded from {source} ({})", apps.origin_words(package), times(count));
            findings.push(Finding::of_rule(HEURISTIC.id, Level::Low, Trace::Executed, message, first));
        }
    },
};

/// Apps told.
const MOST: usize = 50;

fn is_privileged(source: Option<&str>) -> bool {
    matches!(source, Some("VOICE_CALL" | "VOICE_UPLINK" | "VOICE_DOWNLINK" | "REMOTE_SUBMIX"))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{json, verdicts};
    use super::*;

    fn recording(package: &str, source: &str) -> (&'static str, serde_json::Value) {
        ("android.microphone_use", json!({ "event": "start", "package": package, "source": source }))
    }

    #[test]
    fn recordings_of_calls_are_counted() {
        let records = [recording("org.example.rec", "VOICE_CALL"), recording("org.example.rec", "VOICE_CALL")];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            ["LOW org.example.rec, whose origin is unknown, recorded from VOICE_CALL (2 times)"]
        );
    }

    #[test]
    fn the_microphone_and_the_phones_own_dialler_are_silent() {
        let records = [recording("org.example.memo", "MIC"), recording("com.google.android.dialer", "VOICE_CALL")];
        assert_eq!(verdicts(&HEURISTIC, &records), [""; 0]);
    }
}
