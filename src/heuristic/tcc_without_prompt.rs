use std::collections::BTreeMap;

use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "tcc_without_prompt",
    title: "An app may use camera or microphone without having asked",
    looks_at: "Permissions for camera and microphone of apps of other makers that the system, a policy or an entitlement gave, instead of \
        the owner.",
    why_it_matters: "Apps get camera and microphone by asking the owner. An entry that says otherwise may have been written past the \
        question.",
    innocent_causes: "Apps that Apple gave a special entitlement, phones that a developer or an examiner prepared, and settings taken over \
        by a restore.",
    next_check: "Look in Settings, Privacy & Security whether the app is listed there, ask the owner, and compare the time with the app's \
        installation.",
    references: &["https://support.apple.com/guide/iphone/control-access-to-hardware-features-iph168c4bbd5/ios"],
    reads: &[Reads { artifact: "ios.tcc", keep }],
    check,
};

fn keep(record: &Record<'_>) -> bool {
    let text = |column| record.value(column).as_text().unwrap_or_default();
    let app = text("client_bundle_id");
    text("access") == "allowed"
        && matches!(text("service"), "kTCCServiceCamera" | "kTCCServiceMicrophone")
        && matches!(text("reason"), "system_set" | "service_policy" | "entitled")
        && !app.is_empty()
        && !app.starts_with("com.apple.")
}

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    let mut apps: BTreeMap<&str, Vec<&Exhibit>> = BTreeMap::new();
    for permission in kept.of("ios.tcc") {
        apps.entry(permission.text("client_bundle_id")).or_default().push(permission);
    }
    for (app, permissions) in apps {
        let Some(first) = permissions.first() else { continue };
        let mut services: Vec<&str> = permissions
            .iter()
            .map(|permission| permission.text("service").trim_start_matches("kTCCService"))
            .collect();
        services.sort_unstable();
        services.dedup();
        let message =
            format!("{app} may use {} without having asked: {}", services.join(", "), first.text("reason"));
        findings.push(Finding::of_rule(HEURISTIC.id, Level::Low, Trace::Installed, message, first));
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{json, verdicts};
    use super::*;

    fn permission(app: &str, service: &str, reason: &str) -> (&'static str, serde_json::Value) {
        let columns = json!({ "client_bundle_id": app, "service": service, "reason": reason, "access": "allowed" });
        ("ios.tcc", columns)
    }

    #[test]
    fn an_app_that_the_system_let_at_the_microphone_is_one_finding() {
        let records = [
            permission("com.example.a", "kTCCServiceMicrophone", "system_set"),
            permission("com.example.a", "kTCCServiceCamera", "system_set"),
        ];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            ["LOW com.example.a may use Camera, Microphone without having asked: system_set"]
        );
    }

    #[test]
    fn consent_apples_apps_and_other_permissions_are_silent() {
        let records = [
            permission("com.example.a", "kTCCServiceMicrophone", "user_consent"),
            permission("com.apple.facetime", "kTCCServiceMicrophone", "entitled"),
            permission("com.example.a", "kTCCServicePhotosAdd", "system_set"),
            ("ios.tcc", json!({ "client_bundle_id": "com.example.a", "service": "kTCCServiceCamera" })),
        ];
        assert_eq!(verdicts(&HEURISTIC, &records), [""; 0]);
    }
}
