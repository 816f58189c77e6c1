use super::packages::{Apps, PACKAGES, SHORT_LIST};
use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "android_role_holder",
    title: "An app past the stores has a sensitive role",
    looks_at: "Which app is the keyboard, handles SMS and calls, carries the VPN, fills in forms, unlocks the phone or records the \
        screen, where that app does not come with the phone.",
    why_it_matters: "A keyboard sees every word, the SMS app every message and code, a VPN every connection; and whoever records the \
        screen sees all of it.",
    innocent_causes: "Apps from other sources than the stores are common among people who care about their privacy: keyboards, SMS apps \
        and VPNs of free software. Recording or mirroring of the screen is often just running when the report is made.",
    next_check: "Ask the owner whether the app was chosen on purpose, and where it was downloaded.",
    references: &[
        "https://developer.android.com/reference/androidx/core/role/RoleManagerCompat",
        "https://source.android.com/docs/core/permissions/android-roles",
    ],
    reads: &[
        Reads {
            artifact: "android.app_roles",
            keep: |record| record.value("active").is_true() && duty(record.value("role").as_text()).is_some(),
        },
        PACKAGES, SHORT_LIST,
    ],
    check,
};

/// What an app with that role does, for the roles that matter.
fn duty(role: Option<&str>) -> Option<&'static str> {
    Some(match role? {
        "keyboard" => "is the keyboard",
        "SMS" => "handles SMS",
        "DIALER" | "CALL_REDIRECTION" | "CALL_SCREENING" => "handles calls",
        "ASSISTANT" | "assistant" => "is the assistant, which sees the screen when asked",
        "VPN" => "carries the phone's connections as a VPN",
        "autofill" | "credential provider" => "fills in passwords",
        "trust agent" => "may keep the phone unlocked",
        "screen recording" => "was recording or mirroring the screen",
        _ => return None,
    })
}

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    let apps = Apps::of(kept);
    let mut told: Vec<(&str, &str)> = Vec::new();
    for holder in kept.of("android.app_roles") {
        let package = holder.text("package");
        let Some(duty) = duty(holder.value("role").as_text()) else { continue };
        let level = match duty {
            _ if apps.is_stock(package) => continue,
            _ if apps.is_from_elsewhere(package) => Level::Medium,
            duty if duty.contains("screen") && duty.contains("recording") => Level::Low,
            _ => continue,
        };
        if told.contains(&(package, duty)) || told.len() >= MOST {
            continue;
        }
        told.push((package, duty));
        let message = format!("{package}, {}, {duty}", apps.origin_words(package));
        findings.push(Finding::of_rule(HEURISTIC.id, level, Trace::Policy, message, holder));
    }
}

/// No phone has as many.
const MOST: usize = 50;

#[cfg(test)]
mod tests {
    use super::super::testing::{json, verdicts};
    use super::*;

    fn role(package: &str, role: &str) -> (&'static str, serde_json::Value) {
        ("android.app_roles", json!({ "package": package, "role": role, "active": true }))
    }

    #[test]
    fn a_keyboard_past_the_stores_and_a_recording_are_told() {
        let records = [
            role("org.example.keys", "keyboard"),
            role("org.example.cast", "screen recording"),
            ("android.package_checkin", json!({ "package": "org.example.keys" })),
            ("android.package_checkin", json!({ "package": "org.example.cast", "installer": "com.android.vending" })),
        ];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            [
                "MEDIUM org.example.keys, not from an app store, is the keyboard",
                "LOW org.example.cast, from an app store, was recording or mirroring the screen",
            ]
        );
    }

    #[test]
    fn keyboards_from_stores_the_phones_own_and_harmless_roles_are_silent() {
        let records = [
            role("com.google.android.inputmethod.latin", "keyboard"),
            role("org.example.keys", "keyboard"),
            role("org.example.home", "HOME"),
            ("android.package_checkin", json!({ "package": "org.example.keys", "installer": "org.fdroid.fdroid" })),
            ("android.package_checkin", json!({ "package": "org.example.home" })),
        ];
        assert_eq!(verdicts(&HEURISTIC, &records), [""; 0]);
    }
}
