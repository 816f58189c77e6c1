use std::collections::BTreeMap;

use jiff::Timestamp;

use super::packages::{Apps, PACKAGES, SHORT_LIST, times};
use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "android_camera_in_background",
    title: "Camera or microphone were used while the screen was off",
    looks_at: "When apps that do not come with the phone opened a camera or began to record sound, and whether the screen was off then by \
        the statistics of use or the log.",
    why_it_matters: "Whoever takes a photo or a voice message looks at the screen. An app that does so with the screen off may be \
        listening or watching for somebody else.",
    innocent_causes: "Calls and voice messages with the phone at the ear, recorders of sound, dash cameras, baby monitors, sleep trackers; \
        clocks of the log and of the camera service may differ by a second.",
    next_check: "Compare the times with calls and with what the owner did, and look at what else the app may do.",
    references: &["https://source.android.com/docs/core/permissions/privacy-indicators"],
    reads: &[
        Reads { artifact: "android.camera_use", keep: |record| record.value("event").as_text() == Some("CONNECT") },
        Reads { artifact: "android.microphone_use", keep: |record| record.value("event").as_text() == Some("start") },
        Reads {
            artifact: "android.app_usage",
            keep: |record| matches!(record.value("event").as_text(), Some("SCREEN_INTERACTIVE" | "SCREEN_NON_INTERACTIVE")),
        },
        Reads {
            artifact: "android.logcat",
            keep: |record| matches!(record.value("event").as_text(), Some("screen on" | "screen off")),
        },
        PACKAGES, SHORT_LIST,
    ],
    check,
};

/// Switching the screen on and opening the camera are one press of a button, and the clocks of two logs.
const TOLERANCE_S: i64 = 5;
/// What was known longer ago says nothing: the log may have lost what was between.
const VALID_S: i64 = 12 * 3600;

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    let apps = Apps::of(kept);
    let mut screen: BTreeMap<Timestamp, bool> = BTreeMap::new();
    for record in kept.of("android.app_usage").iter().chain(kept.of("android.logcat")) {
        let on = matches!(record.text("event"), "SCREEN_INTERACTIVE" | "screen on");
        if let Some(at) = record.at() {
            screen.insert(at, on);
        }
    }
    let was_off = |at: Timestamp| {
        let last = screen.range(..=at).next_back().is_some_and(|(since, on)| {
            let seconds = at.as_second() - since.as_second();
            !on && (TOLERANCE_S..VALID_S).contains(&seconds)
        });
        let soon_on = screen.range(at..).next().is_some_and(|(then, on)| *on && then.as_second() - at.as_second() < TOLERANCE_S);
        last && !soon_on
    };
    let mut uses: BTreeMap<(&str, &str), (u64, &Exhibit)> = BTreeMap::new();
    let cameras = kept.of("android.camera_use").iter().map(|record| ("a camera", record));
    let sounds = kept.of("android.microphone_use").iter().map(|record| ("the microphone", record));
    for (what, record) in cameras.chain(sounds) {
        let package = record.text("package");
        // In calls the phone lies at the ear and its screen is off; assistants wait for their word.
        let call = matches!(record.text("source"), "VOICE_COMMUNICATION" | "HOTWORD" | "VOICE_RECOGNITION");
        let silent = record.value("silenced").is_true() || call || package.is_empty();
        if !silent && !apps.is_stock(package) && record.at().is_some_and(was_off) {
            uses.entry((package, what)).or_insert((0, record)).0 += 1;
        }
    }
    for ((package, what), (count, first)) in uses.into_iter().take(MOST) {
        let message = format!(
            "{package}, {}, used {what} while the screen was off ({})",
            apps.origin_words(package),
            times(count)
        );
        findings.push(Finding::of_rule(HEURISTIC.id, Level::Low, Trace::Executed, message, first));
    }
}

/// Apps told.
const MOST: usize = 50;

#[cfg(test)]
mod tests {
    use super::super::testing::{json, verdicts};
    use super::*;

    fn screen(event: &str, at: &str) -> (&'static str, serde_json::Value) {
        ("android.app_usage", json!({ "event": event, "at": at }))
    }

    fn camera(package: &str, at: &str) -> (&'static str, serde_json::Value) {
        ("android.camera_use", json!({ "event": "CONNECT", "package": package, "at": at }))
    }

    #[test]
    fn use_with_the_screen_off_is_counted_for_each_app() {
        let records = [
            screen("SCREEN_NON_INTERACTIVE", "2023-05-01T10:00:00Z"),
            screen("SCREEN_INTERACTIVE", "2023-05-01T11:00:00Z"),
            camera("org.example.spy", "2023-05-01T10:10:00Z"),
            camera("org.example.spy", "2023-05-01T10:20:00Z"),
            ("android.microphone_use", json!({ "event": "start", "package": "org.example.spy", "source": "MIC", "at": "2023-05-01T10:30:00Z" })),
        ];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            [
                "LOW org.example.spy, whose origin is unknown, used a camera while the screen was off (2 times)",
                "LOW org.example.spy, whose origin is unknown, used the microphone while the screen was off (once)",
            ]
        );
    }

    #[test]
    fn a_lit_screen_a_button_calls_and_the_phones_own_apps_are_silent() {
        let records = [
            camera("org.example.unknown", "2023-05-01T09:00:00Z"),
            screen("SCREEN_NON_INTERACTIVE", "2023-05-01T10:00:00Z"),
            camera("org.example.quick", "2023-05-01T10:00:02Z"),
            camera("com.sec.android.app.camera", "2023-05-01T10:10:00Z"),
            ("android.microphone_use", json!({ "event": "start", "package": "org.example.call", "source": "VOICE_COMMUNICATION", "at": "2023-05-01T10:30:00Z" })),
            camera("org.example.button", "2023-05-01T10:59:58Z"),
            screen("SCREEN_INTERACTIVE", "2023-05-01T11:00:00Z"),
            camera("org.example.photo", "2023-05-01T11:10:00Z"),
        ];
        assert_eq!(verdicts(&HEURISTIC, &records), [""; 0]);
    }
}
