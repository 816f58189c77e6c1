use std::collections::BTreeSet;

use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "android_wifi_proxy",
    title: "A Wi-Fi network leads its traffic through a proxy",
    looks_at: "Known Wi-Fi networks for which a proxy or a script that picks one is set.",
    why_it_matters: "Whoever runs the proxy sees which sites the phone visits in that network and, with a certificate of their own on the phone, what \
        is in the connections.",
    innocent_causes: "Networks of employers and schools, apps that block advertisements, and people who test apps.",
    next_check: "Ask the owner whether the proxy is known, and look which certificates were added to the phone.",
    references: &["https://developer.android.com/reference/android/net/ProxyInfo"],
    reads: &[Reads {
        artifact: "android.wifi_networks",
        keep: |record| !record.value("proxy").is_null() || !record.value("proxy_script").is_null(),
    }],
    check: |kept, findings| {
        let mut told: BTreeSet<(&str, &str)> = BTreeSet::new();
        for network in kept.of("android.wifi_networks") {
            let (proxy, script) = (network.text("proxy"), network.text("proxy_script"));
            let through = if proxy.is_empty() { script } else { proxy };
            if told.len() >= MOST || !told.insert((network.text("ssid"), through)) {
                continue;
            }
            let message = format!("The Wi-Fi network {:?} leads its traffic through {through}", network.text("ssid"));
            findings.push(Finding::of_rule(HEURISTIC.id, Level::Low, Trace::Policy, message, network));
        }
    },
};

/// Networks told.
const MOST: usize = 20;

#[cfg(test)]
mod tests {
    use super::super::testing::{json, verdicts};
    use super::*;

    #[test]
    fn networks_with_a_proxy_are_told_and_others_are_not() {
        let network = |ssid: &str, proxy: Option<&str>, script: Option<&str>| {
            ("android.wifi_networks", json!({"ssid": ssid, "proxy": proxy, "proxy_script": script}))
        };
        let records = [
            network("a", Some("proxy.example.org"), None),
            network("a", Some("proxy.example.org"), None),
            network("b", None, Some("https://pac.example.org/p")),
            network("c", None, None),
        ];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            [
                "LOW The Wi-Fi network \"a\" leads its traffic through proxy.example.org",
                "LOW The Wi-Fi network \"b\" leads its traffic through https://pac.example.org/p",
            ]
        );
    }
}
