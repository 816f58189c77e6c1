use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "profile_silences_notifications",
    title: "A profile decides which apps may notify",
    looks_at: "Every payload of every installed configuration profile, for the type `com.apple.notificationsettings`.",
    why_it_matters: "Such a payload can silence an app for good. It was seen on attacked phones, where it kept a message or a warning from \
        being noticed.",
    innocent_causes: "Phones that a company or a school manages: kiosks, shared devices and work phones have their notifications set this \
        way. The payload only works on supervised phones, which private ones rarely are.",
    next_check: "Ask who manages the phone. See in Settings, General, VPN & Device Management who issued the profile and when, and compare \
        the date with the profile events.",
    references: &[
        "https://developer.apple.com/documentation/devicemanagement/notifications",
        "https://docs.mvt.re/en/latest/ios/records/",
    ],
    reads: &[Reads { artifact: "ios.profiles", keep: |record| has_payload(record.value("payload_types"), SILENCING) }],
    check: |kept, findings| {
        for profile in kept.of("ios.profiles") {
            let message =
                format!("Profile {} sets the notifications of apps", super::profile_takes_control::name_of(profile));
            findings.push(Finding::of_rule(HEURISTIC.id, Level::Medium, Trace::Policy, message, profile));
        }
    },
};

const SILENCING: &str = "com.apple.notificationsettings";

fn has_payload(types: &Value<'_>, wanted: &str) -> bool {
    matches!(types, Value::List(types) if types.iter().any(|kind| kind.as_text() == Some(wanted)))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{json, verdicts};
    use super::*;

    #[test]
    fn any_payload_counts_not_only_the_first() {
        let profile = json!({
            "display_name": "Work",
            "identifier": "com.example.work",
            "payload_types": ["com.apple.wifi.managed", "com.apple.notificationsettings"],
        });
        assert_eq!(
            verdicts(&HEURISTIC, &[("ios.profiles", profile)]),
            ["MEDIUM Profile `Work` (com.example.work) sets the notifications of apps"]
        );
    }

    #[test]
    fn other_profiles_are_silent() {
        let records = [
            ("ios.profiles", json!({ "payload_types": ["com.apple.wifi.managed"] })),
            ("ios.profiles", json!({ "identifier": "com.apple.notificationsettings" })),
        ];
        assert_eq!(verdicts(&HEURISTIC, &records), [""; 0]);
    }
}
