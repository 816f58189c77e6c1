use std::collections::BTreeMap;

use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "android_security_failure",
    title: "A protection of the phone failed",
    looks_at: "Entries of Android's security log about certificates that did not hold, keys whose integrity is gone, self-tests of the \
        cryptography that failed, and a wipe that failed.",
    why_it_matters: "Connections that are intercepted, a keystore that was tampered with, or a phone that was kept from being wiped leave \
        such entries.",
    innocent_causes: "Networks that ask for a login, web sites with expired certificates and wrong clocks make certificates fail; defects \
        of the storage make keys and wipes fail.",
    next_check: "Compare the times with the networks the phone was in and with other findings; failures that come back in different \
        networks deserve a closer look.",
    references: &["https://developer.android.com/reference/android/app/admin/SecurityLog"],
    reads: &[Reads { artifact: "android.security_events", keep: is_failure }],
    check,
};

const TAGS: [(&str, &str); 4] = [
    ("cert_validation_failure", "A certificate could not be validated"),
    ("crypto_self_test_completed", "A self-test of the phone's cryptography failed"),
    ("key_integrity_violation", "The integrity of a stored key was violated"),
    ("wipe_failure", "Wiping the phone failed"),
];

fn is_failure(record: &Record<'_>) -> bool {
    let tag = record.value("tag").as_text().unwrap_or_default();
    let failed = tag != "crypto_self_test_completed" || matches!(record.value("success"), Value::Bool(false));
    failed && TAGS.iter().any(|(known, _)| *known == tag)
}

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    // Certificates fail by the dozen in a network with a login page: one finding for each kind.
    let mut kinds: BTreeMap<&str, (u64, &Exhibit)> = BTreeMap::new();
    for event in kept.of("android.security_events") {
        let tag = event.value("tag").as_text().unwrap_or_default();
        kinds.entry(tag).or_insert((0, event)).0 += 1;
    }
    for (tag, (count, first)) in kinds {
        let Some((_, words)) = TAGS.iter().find(|(known, _)| *known == tag) else { continue };
        let message = if count == 1 { (*words).to_owned() } else { format!("{words}, {count} times") };
        findings.push(Finding::of_rule(HEURISTIC.id, Level::Medium, Trace::Tampered, message, first));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heuristic::testing::{json, verdicts};

    fn event(tag: &str, success: serde_json::Value) -> (&'static str, serde_json::Value) {
        ("android.security_events", json!({"tag": tag, "success": success}))
    }

    #[test]
    fn each_kind_of_failure_is_one_finding_also_without_a_time() {
        let certificate = || event("cert_validation_failure", json!(null));
        let records = [certificate(), event("wipe_failure", json!(null)), certificate(), event("crypto_self_test_completed", json!(false))];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            [
                "MEDIUM A certificate could not be validated, 2 times",
                "MEDIUM A self-test of the phone's cryptography failed",
                "MEDIUM Wiping the phone failed",
            ]
        );
    }

    #[test]
    fn what_went_well_is_silent() {
        let records = [event("crypto_self_test_completed", json!(true)), event("os_startup", json!(null))];
        assert_eq!(verdicts(&HEURISTIC, &records), [""; 0]);
    }
}
