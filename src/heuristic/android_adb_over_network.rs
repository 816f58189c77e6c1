use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "android_adb_over_network",
    title: "Debugging over the network",
    looks_at: "The port at which the debugging daemon waits for computers in the network, which is set where it does.",
    why_it_matters: "Whoever is in the same network and was allowed once can install apps, read the screen and copy data, without a cable.",
    innocent_causes: "Developers, apps that automate the phone or lend themselves rights over debugging (Shizuku), and tools that mirror the \
        screen.",
    next_check: "Ask the owner; look at the computers that may debug the phone, and switch it off after the acquisition.",
    references: &["https://developer.android.com/tools/adb"],
    reads: &[Reads {
        artifact: "android.properties",
        keep: |record| {
            let text = |name| record.value(name).as_text().unwrap_or_default();
            let port = text("value").trim().parse::<u16>().unwrap_or(0);
            matches!(text("name"), "service.adb.tcp.port" | "persist.adb.tcp.port") && port > 0
        },
    }],
    check: |kept, findings| {
        if let Some(property) = kept.of("android.properties").first() {
            let message = format!("The phone can be debugged over the network, at port {}", property.text("value").trim());
            findings.push(Finding::of_rule(HEURISTIC.id, Level::Low, Trace::Policy, message, property));
        }
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heuristic::testing::{json, verdicts};

    #[test]
    fn a_port_is_told_and_none_is_silent() {
        let of = |value: &str| {
            let property = json!({"name": "service.adb.tcp.port", "value": value});
            verdicts(&HEURISTIC, &[("android.properties", property)])
        };
        assert_eq!(of("5555"), ["LOW The phone can be debugged over the network, at port 5555"]);
        for value in ["", "0", "-1", "off"] {
            assert_eq!(of(value), [""; 0], "{value}");
        }
    }
}
