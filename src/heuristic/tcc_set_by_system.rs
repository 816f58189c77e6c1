use std::collections::BTreeMap;

use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "tcc_set_by_system",
    title: "Access to camera, microphone or location that the owner was not asked for",
    looks_at: "Privacy permissions for camera, microphone or location that an app from outside Apple has and for which iOS notes that the \
        system set them, not the owner.",
    why_it_matters: "iOS asks the owner before an app may see or hear. A permission given by the system itself was given without that \
        question, which is also how a program with rights of its own would do it.",
    innocent_causes: "Phones that a company or school supervises, an accessory or a backup that brought its permissions along, a \
        developer's test phone, and an update of iOS that rewrote old permissions.",
    next_check: "Ask the owner about the app and look at its entry under Settings, Privacy. If nobody knows it, find the app itself in a \
        full acquisition and look at what happened on the phone when the permission was set.",
    references: &["https://docs.mvt.re/en/latest/ios/records/#tccjson"],
    reads: &[Reads { artifact: "ios.tcc", keep }],
    check,
};

const SERVICES: &[&str] = &["kTCCServiceCamera", "kTCCServiceMicrophone", "kTCCServiceLocation"];

fn keep(record: &Record<'_>) -> bool {
    let text = |column| record.value(column).as_text().unwrap_or_default();
    let client = text("client_bundle_id");
    text("reason") == "system_set"
        && matches!(text("access"), "allowed" | "limited")
        && SERVICES.contains(&text("service"))
        && !client.is_empty()
        && !client.starts_with("com.apple.")
}

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    let mut clients: BTreeMap<&str, Vec<&Exhibit>> = BTreeMap::new();
    for grant in kept.of("ios.tcc") {
        clients.entry(grant.text("client_bundle_id")).or_default().push(grant);
    }
    for (client, grants) in clients {
        let Some(first) = grants.first() else { continue };
        let mut services: Vec<&str> =
            grants.iter().map(|grant| grant.text("service").trim_start_matches("kTCCService")).collect();
        services.sort_unstable();
        services.dedup();
        let message = format!("The system itself, not the owner, let {client} use: {}", services.join(", "));
        findings.push(Finding::of_rule(HEURISTIC.id, Level::Low, Trace::Installed, message, first));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heuristic::testing::{json, verdicts};

    fn grant(client: &str, service: &str, access: &str, reason: &str) -> (&'static str, serde_json::Value) {
        ("ios.tcc", json!({"client_bundle_id": client, "service": service, "access": access, "reason": reason}))
    }

    #[test]
    fn an_app_is_one_finding_whatever_it_was_let_at() {
        let records = [
            grant("com.example.app", "kTCCServiceMicrophone", "allowed", "system_set"),
            grant("com.example.app", "kTCCServiceCamera", "limited", "system_set"),
        ];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            ["LOW The system itself, not the owner, let com.example.app use: Camera, Microphone"]
        );
    }

    #[test]
    fn apple_the_owner_refusals_and_other_services_are_silent() {
        let records = [
            grant("com.apple.camera", "kTCCServiceCamera", "allowed", "system_set"),
            grant("com.example.a", "kTCCServiceCamera", "allowed", "user_consent"),
            grant("com.example.a", "kTCCServiceCamera", "denied", "system_set"),
            grant("com.example.a", "kTCCServiceLiverpool", "allowed", "system_set"),
            grant("", "kTCCServiceCamera", "allowed", "system_set"),
        ];
        assert_eq!(verdicts(&HEURISTIC, &records), [""; 0]);
    }
}
