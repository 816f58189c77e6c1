use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "android_certificate_installed",
    title: "A certificate authority was added to the phone",
    looks_at: "Entries of Android's security log that tell of an added certificate authority, unless they say that adding it failed.",
    why_it_matters: "Whoever holds the key of an added authority can pretend to be any web site to this phone and read what is sent, \
        where apps trust added authorities.",
    innocent_causes: "A company or school that manages the phone, a VPN or ad blocker that filters connections, and developers who watch \
        their own traffic add authorities on purpose.",
    next_check: "Look under Settings, Security, Encryption and credentials, User credentials for the name, and ask the owner and whoever \
        manages the phone whether it is theirs.",
    references: &["https://developer.android.com/reference/android/app/admin/SecurityLog#TAG_CERT_AUTHORITY_INSTALLED"],
    reads: &[Reads {
        artifact: "android.security_events",
        keep: |record| record.value("tag").as_text() == Some("cert_authority_installed"),
    }],
    check,
};

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    let installed = kept.of("android.security_events").iter().filter(|event| !matches!(event.value("success"), Value::Bool(false)));
    for event in installed.take(MOST) {
        let subject = event.value("subject").as_text().unwrap_or("of unknown name");
        let message = format!("The certificate authority {subject} was installed");
        findings.push(Finding::of_rule(HEURISTIC.id, Level::Medium, Trace::Policy, message, event));
    }
}

/// More would say nothing new.
const MOST: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heuristic::testing::{json, verdicts};

    fn event(tag: &str, success: serde_json::Value) -> (&'static str, serde_json::Value) {
        let columns = json!({"tag": tag, "success": success, "subject": "CN=Test CA", "happened": "2026-01-01T00:00:03Z"});
        ("android.security_events", columns)
    }

    #[test]
    fn an_added_authority_is_named_also_where_success_is_not_told() {
        let expected = "MEDIUM The certificate authority CN=Test CA was installed";
        let records = [event("cert_authority_installed", json!(true)), event("cert_authority_installed", json!(null))];
        assert_eq!(verdicts(&HEURISTIC, &records), [expected, expected]);
    }

    #[test]
    fn failures_and_removals_are_silent() {
        let records = [event("cert_authority_installed", json!(false)), event("cert_authority_removed", json!(true))];
        assert_eq!(verdicts(&HEURISTIC, &records), [""; 0]);
    }
}
