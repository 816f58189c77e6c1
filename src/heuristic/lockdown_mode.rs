use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "lockdown_mode",
    title: "Lockdown Mode",
    looks_at: "The setting `LDMGlobalEnabled` in the global preferences; phones that never had it on usually do not store it.",
    why_it_matters: "Lockdown Mode closes most of the ways by which spyware has entered iPhones. A setting that is stored as off usually \
        means that it was once switched on and then off again, which somebody with the phone in hand can do.",
    innocent_causes: "The owner tried it and found it too strict, or had it switched off for a single task.",
    next_check: "Ask the owner whether and when they switched it. If they did not switch it off, find out who had the phone.",
    references: &["https://support.apple.com/en-us/105120"],
    reads: &[Reads {
        artifact: "ios.global_preferences",
        keep: |record| record.value("entry").as_text() == Some("LDMGlobalEnabled"),
    }],
    check: |kept, findings| {
        for setting in kept.of("ios.global_preferences") {
            let (level, message) = match setting.text("value") {
                "true" | "1" => (Level::Informational, "Lockdown Mode is on"),
                "false" | "0" => (Level::Low, "Lockdown Mode has been switched off"),
                _ => continue,
            };
            findings.push(Finding::of_rule(HEURISTIC.id, level, Trace::Policy, message.into(), setting));
        }
    },
};

#[cfg(test)]
mod tests {
    use super::super::testing::{json, verdicts};
    use super::*;

    fn setting(entry: &str, value: &str) -> Vec<String> {
        verdicts(&HEURISTIC, &[("ios.global_preferences", json!({ "entry": entry, "value": value }))])
    }

    #[test]
    fn on_is_told_and_off_is_low() {
        assert_eq!(setting("LDMGlobalEnabled", "true"), ["INFORMATIONAL Lockdown Mode is on"]);
        assert_eq!(setting("LDMGlobalEnabled", "false"), ["LOW Lockdown Mode has been switched off"]);
    }

    #[test]
    fn other_settings_and_other_values_are_silent() {
        assert_eq!(setting("LDMGlobalEnabled", "perhaps"), [""; 0]);
        assert_eq!(setting("AppleLocale", "false"), [""; 0]);
    }
}
