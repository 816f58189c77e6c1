use super::prelude::*;
use super::property_signs::judge;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "android_unlocked_boot",
    title: "The start of the phone is not verified",
    looks_at: "What the boot loader told the system, now and in the security log at each start: whether it was unlocked, whether the system's image passed its check, and the fuse \
        that Samsung's phones blow when foreign software is started.",
    why_it_matters: "A phone whose start is not verified runs whatever somebody put in place of its system; nothing above it can be relied \
        upon, this report included.",
    innocent_causes: "The owner unlocked it for another Android (which on some phones can be locked again with its own key and then shows \
        as yellow), rooted it, or bought it like that. Samsung's fuse stays blown after the original system is back.",
    next_check: "Ask who unlocked the phone. The warning that it shows while it starts says the same. Apps for key attestation can confirm it.",
    references: &["https://source.android.com/docs/security/features/verifiedboot/boot-flow"],
    reads: &[
        Reads {
            artifact: "android.properties",
            keep: |record| {
                let text = |name| record.value(name).as_text().unwrap_or_default();
                meaning(text("name"), text("value")).is_some()
            },
        },
        Reads {
            artifact: "android.security_events",
            keep: |record| record.value("tag").as_text() == Some("os_startup"),
        },
    ],
    check,
};

fn meaning(name: &str, value: &str) -> Option<(Level, &'static str)> {
    let found = match (name, value.trim()) {
        ("ro.boot.verifiedbootstate", "orange") => (Level::Medium, "the boot loader is unlocked"),
        ("ro.boot.verifiedbootstate", "red") => (Level::High, "the system's image failed its check"),
        ("ro.boot.verifiedbootstate", "yellow") => (Level::Low, "the system is signed with another key than the maker's"),
        ("ro.boot.flash.locked", "0") => (Level::Medium, "the boot loader is unlocked"),
        ("ro.boot.vbmeta.device_state", "unlocked") => (Level::Medium, "the boot loader is unlocked"),
        ("ro.boot.veritymode", "disabled" | "logging") => (Level::Medium, "the system's image is not checked while it runs"),
        ("ro.boot.veritymode", "eio") => (Level::Low, "a part of the system's image failed its check"),
        ("ro.boot.warranty_bit" | "ro.warranty_bit", "1") => (Level::Medium, "Samsung's fuse for foreign software is blown"),
        _ => return None,
    };
    Some(found)
}

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    judge(HEURISTIC.id, "The start of the phone is not verified", meaning, kept, findings);
    // Each start of the last days, also before it was locked again.
    let mut told: Vec<&str> = Vec::new();
    for start in kept.of("android.security_events") {
        let Value::Object(details) = start.value("details") else { continue };
        let state = details.iter().find(|(name, _)| name == "verified_boot_state").and_then(|(_, state)| state.as_text());
        let Some(state) = state.filter(|state| !told.contains(state)) else { continue };
        let Some((level, words)) = meaning("ro.boot.verifiedbootstate", state) else { continue };
        told.push(state);
        let message = format!("The phone was started unverified: {words}");
        findings.push(Finding::of_rule(HEURISTIC.id, level, Trace::Policy, message, start));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heuristic::testing::{json, verdicts};

    fn property(name: &str, value: &str) -> (&'static str, serde_json::Value) {
        ("android.properties", json!({"name": name, "value": value}))
    }

    #[test]
    fn starts_in_the_security_log_are_told_once() {
        let start = |state: &str| {
            ("android.security_events", json!({"tag": "os_startup", "details": {"verified_boot_state": state, "dm_verity_mode": "enforcing"}}))
        };
        assert_eq!(
            verdicts(&HEURISTIC, &[start("green"), start("orange"), start("orange")]),
            ["MEDIUM The phone was started unverified: the boot loader is unlocked"]
        );
    }

    #[test]
    fn signs_are_one_finding() {
        let records = [
            property("ro.boot.verifiedbootstate", "orange"),
            property("ro.boot.flash.locked", "0"),
            property("ro.boot.warranty_bit", "1"),
        ];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            ["MEDIUM The start of the phone is not verified: Samsung's fuse for foreign software is blown; the boot loader is unlocked"]
        );
        assert_eq!(verdicts(&HEURISTIC, &[property("ro.boot.verifiedbootstate", "red")]).len(), 1);
    }

    #[test]
    fn locked_phones_are_silent() {
        let records = [
            property("ro.boot.verifiedbootstate", "green"),
            property("ro.boot.flash.locked", "1"),
            property("ro.boot.vbmeta.device_state", "locked"),
            property("ro.boot.veritymode", "enforcing"),
            property("ro.boot.warranty_bit", "0"),
        ];
        assert_eq!(verdicts(&HEURISTIC, &records), [""; 0]);
    }
}
