use std::collections::BTreeSet;

use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "network_taken_over",
    title: "An app or a setting carries, filters or resolves the phone's connections",
    looks_at: "VPN, content filter, DNS and relay configurations of apps, and proxies set for the phone's networks. Those that a listed \
        profile set up are told by the rule about profiles.",
    why_it_matters: "Whoever carries or resolves the connections sees where they go, and can lead them elsewhere. Stalkerware and some \
        attacks in networks work this way, since it needs no flaw.",
    innocent_causes: "VPN apps, ad blockers, parental control, DNS services, an employer's filter or proxy, a debugging proxy of a \
        developer and iCloud Private Relay. Most phones with such an entry have it from an app that their owner chose.",
    next_check: "Ask the owner about the app in Settings, General, VPN & Device Management and in Settings, Wi-Fi, the network's proxy. \
        If nobody knows it, note the servers before it is removed.",
    references: &[
        "https://support.apple.com/guide/deployment/filter-content-dep1129ff8d2/web",
        "https://developer.apple.com/documentation/networkextension",
    ],
    reads: &[
        Reads { artifact: "ios.network_extensions", keep: |record| is_foreign(record.value("app"), record) },
        Reads {
            artifact: "ios.network_preferences",
            keep: |record| !record.value("proxies").is_null() || !record.value("proxy_script").is_null(),
        },
        Reads { artifact: "ios.profiles", keep: |_| true },
    ],
    check,
};

/// Configurations of this grade are made by iOS for itself, unless a profile made them.
const GRADE_OF_APPLE: i64 = 2;

fn is_foreign(app: &Value<'_>, record: &Record<'_>) -> bool {
    let of_apple = app.as_text().is_some_and(|app| app.starts_with("com.apple."))
        || record.value("grade").as_int() == Some(GRADE_OF_APPLE);
    let off = matches!(record.value("enabled"), Value::Bool(false));
    let own = of_apple && record.value("profile").is_null();
    !record.value("kinds").is_null() && !off && !own
}

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    let mut profiles = BTreeSet::new();
    for profile in kept.of("ios.profiles") {
        profiles.extend([profile.text("identifier"), profile.text("uuid")]);
    }
    for configuration in kept.of("ios.network_extensions") {
        let profile = configuration.text("profile");
        if profile.is_empty() || !profiles.contains(profile) {
            findings.push(judge(configuration));
        }
    }
    // One copy of the settings may lie beside another.
    let mut told = BTreeSet::new();
    for service in kept.of("ios.network_preferences") {
        let through = [service.value("proxies").show(), service.value("proxy_script").show()];
        let through: Vec<&str> = through.iter().map(String::as_str).filter(|text| !text.is_empty()).collect();
        let message = format!("Network service {} goes through a proxy: {}", service.text("service"), through.join(", "));
        if told.insert(message.clone()) {
            findings.push(Finding::of_rule(HEURISTIC.id, Level::Low, Trace::Policy, message, service));
        }
    }
}

fn judge(configuration: &Exhibit) -> Finding {
    let does: Vec<&str> = match configuration.value("kinds") {
        Value::List(kinds) => kinds.iter().filter_map(Value::as_text).map(what).collect(),
        _ => Vec::new(),
    };
    // A VPN alone is what people install apps for.
    let only_vpn = does.iter().all(|deed| *deed == what("VPN") || *deed == what("AppPush"));
    let level = if only_vpn { Level::Informational } else { Level::Low };
    let name = [configuration.text("app"), configuration.text("name")].into_iter().find(|name| !name.is_empty());
    let through = match configuration.value("servers").show() {
        none if none.is_empty() => configuration.value("urls").show(),
        servers => servers,
    };
    let through = if through.is_empty() { through } else { format!(" through {through}") };
    let message = format!("{} {}{through}", name.unwrap_or("A configuration without a name"), does.join(", "));
    Finding::of_rule(HEURISTIC.id, level, Trace::Policy, message, configuration)
}

fn what(kind: &str) -> &'static str {
    match kind {
        "VPN" => "can carry the phone's connections (VPN)",
        "AppVPN" => "can carry connections of single apps",
        "AlwaysOnVPN" => "carries every connection of the phone",
        "ContentFilter" | "URLFilter" => "filters connections",
        "DNSProxy" | "DNSSettings" => "resolves names",
        "Relay" => "relays connections",
        "AppPush" => "keeps a connection for pushed messages",
        _ => "chooses the path of connections",
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{json, verdicts};
    use super::*;

    #[test]
    fn a_dns_proxy_and_a_network_proxy_are_told_and_a_vpn_app_only_mentioned() {
        let records = [
            ("ios.network_extensions", json!({ "app": "com.example.dns", "kinds": ["DNSProxy"], "enabled": true })),
            ("ios.network_extensions", json!({ "app": "com.example.vpn", "kinds": ["VPN"], "servers": ["vpn.example"] })),
            ("ios.network_preferences", json!({ "service": "Wi-Fi", "proxies": ["203.0.113.5"] })),
            ("ios.network_preferences", json!({ "service": "Wi-Fi", "proxies": ["203.0.113.5"] })),
        ];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            [
                "LOW com.example.dns resolves names",
                "INFORMATIONAL com.example.vpn can carry the phone's connections (VPN) through vpn.example",
                "LOW Network service Wi-Fi goes through a proxy: 203.0.113.5",
            ]
        );
    }

    #[test]
    fn apples_own_switched_off_and_those_of_listed_profiles_are_silent() {
        let records = [
            ("ios.profiles", json!({ "identifier": "com.example.profile" })),
            ("ios.network_extensions", json!({ "app": "com.example.vpn", "kinds": ["VPN"], "profile": "com.example.profile" })),
            ("ios.network_extensions", json!({ "app": "com.example.vpn", "kinds": ["ContentFilter"], "enabled": false })),
            ("ios.network_extensions", json!({ "name": "iCloud Private Relay", "kinds": ["Relay"], "grade": 2 })),
            ("ios.network_extensions", json!({ "app": "com.apple.relay", "kinds": ["Relay"] })),
            ("ios.network_extensions", json!({ "app": "com.example.old" })),
            ("ios.network_preferences", json!({ "service": "Wi-Fi", "dns_servers": ["192.0.2.1"] })),
        ];
        assert_eq!(verdicts(&HEURISTIC, &records), [""; 0]);
    }
}
