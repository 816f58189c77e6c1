use std::collections::HashSet;

use jiff::civil::DateTime;

use crate::artifact::android_text::{bounded, yearless};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.wifi_networks",
    title: "Known Wi-Fi networks",
    about: "Wi-Fi networks that the phone knows, which app put them there, and through which proxy their traffic goes.",
    files: &["/dumpsys/wifi"],
    columns: &[
        text("ssid"),
        text("bssid"),
        boolean("hidden"),
        boolean("ever_connected"),
        text("security"),
        app_id("created_by"),
        app_id("changed_by"),
        host("proxy"),
        url("proxy_script"),
        time("created", Epoch::Local, Moment::Created),
        time("last_connected", Epoch::Local, Moment::NetworkUsed),
    ],
    shows: Trace::Policy,
    line: "Wi-Fi network {ssid}, set up by {created_by}, proxy {proxy}",
    parse: Parse::Text(parse),
};

#[derive(Default)]
struct Network {
    line: u64,
    id: String,
    ssid: String,
    bssid: Option<String>,
    hidden: Option<bool>,
    ever_connected: Option<bool>,
    security: Option<String>,
    created_by: Option<String>,
    changed_by: Option<String>,
    proxy: Option<String>,
    proxy_script: Option<String>,
    created: Option<DateTime>,
    last_connected: Option<DateTime>,
}

/// `ID: 0 SSID: "x" PROVIDER-NAME: null BSSID: null FQDN: null PRIO: 0 HIDDEN: false` and the lines below, which an empty one ends. A network is
/// printed by several parts of the service and told once.
fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    let mut open: Option<Network> = None;
    let mut known: HashSet<(String, String)> = HashSet::new();
    while let Some((number, line)) = lines.next()? {
        let line = line.trim();
        if let Some(network) = begun(line) {
            push(open.replace(Network { line: number, ..network }), &mut known, out);
        } else if line.is_empty() || line.starts_with("WifiConfigManager - ") {
            push(open.take(), &mut known, out);
        } else if let Some(network) = &mut open {
            network.line(line, out);
        }
    }
    push(open, &mut known, out);
    Ok(())
}

fn begun(line: &str) -> Option<Network> {
    // The network in use has a mark before it.
    let line = line.trim_start_matches(['*', '-', ' ']);
    let (id, rest) = line.strip_prefix("ID: ")?.split_once(" SSID: ")?;
    let end = [" PROVIDER-NAME: ", " BSSID: "].iter().filter_map(|field| rest.find(field)).min()?;
    let (ssid, rest) = rest.split_at_checked(end)?;
    let word = |name: &str| rest.split_once(name)?.1.split_whitespace().next();
    Some(Network {
        id: bounded(id).to_owned(),
        ssid: bounded(ssid.trim_matches('"')).to_owned(),
        bssid: word(" BSSID: ").filter(|bssid| !matches!(*bssid, "null" | "any")).map(str::to_owned),
        hidden: word(" HIDDEN: ").and_then(|hidden| hidden.parse().ok()),
        ..Network::default()
    })
}

impl Network {
    fn line(&mut self, line: &str, out: &Out<'_>) {
        let words = || line.split_whitespace();
        let value = |name: &str| words().find_map(|word| word.strip_prefix(name));
        let time = |name: &str| line.split_once(name).and_then(|(_, time)| yearless(clock_part(time), out.clock()));
        let text = |text: &str| Some(bounded(text).to_owned());
        if let Some(ever) = line.strip_prefix("hasEverConnected: ") {
            self.ever_connected = ever.parse().ok();
        } else if let Some(rest) = line.strip_prefix("KeyMgmt: ") {
            self.security = text(rest.split(" Protocols:").next().unwrap_or(rest).trim());
        } else if let Some(rest) = line.strip_prefix("HTTP proxy: [") {
            let mut parts = rest.split(']');
            self.proxy = parts.next().and_then(|host| text(host.trim())).filter(|host| !host.is_empty());
            // The script stands in the place of the server.
            if self.proxy.as_deref().is_some_and(|host| host.contains("://")) {
                self.proxy_script = self.proxy.take();
            }
        }
        if let Some(created_by) = value("cname=") {
            self.created_by = text(created_by);
        }
        if let Some(changed_by) = value("lname=") {
            self.changed_by = text(changed_by);
        }
        self.created = self.created.or_else(|| time("creation time="));
        self.last_connected = self.last_connected.or_else(|| time("lastConnected: "));
    }
}

/// `06-20 20:06:11.904` at the beginning of a text.
fn clock_part(text: &str) -> &str {
    text.trim_start().get(..18).unwrap_or(text)
}

fn push(network: Option<Network>, known: &mut HashSet<(String, String)>, out: &mut Out<'_>) {
    let Some(network) = network else { return };
    // No phone knows as many; beyond this, repetitions are written, too.
    if known.len() < 10_000 && !known.insert((network.id, network.ssid.clone())) {
        return;
    }
    out.push(
        Place::Line { line: network.line },
        [
            network.ssid.into(),
            network.bssid.into(),
            network.hidden.into(),
            network.ever_connected.into(),
            network.security.into(),
            network.created_by.into(),
            network.changed_by.into(),
            network.proxy.into(),
            network.proxy_script.into(),
            network.created.into(),
            network.last_connected.into(),
        ],
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const TEXT: &str = "\
WifiConfigManager - Configured networks Begin ----
ID: 0 SSID: \"Home net\" PROVIDER-NAME: null BSSID: null FQDN: null PRIO: 0 HIDDEN: false
 NetworkSelectionStatus NETWORK_SELECTION_ENABLED
 hasEverConnected: true
 creation time=04-20 20:06:11.904
 KeyMgmt: WPA_PSK Protocols: WPA RSN
 cuid=10123 cname=org.example.app luid=1000 lname=android.uid.system:1000 lcuid=1000
 IP assignment: DHCP
 Proxy settings: STATIC
 HTTP proxy: [proxy.example.org] 8080
 lastConnected: 05-20 20:06:11.904

ID: 1 SSID: \"Cafe\" PROVIDER-NAME: null BSSID: 02:00:00:00:00:01 FQDN: null PRIO: 0 HIDDEN: true
 HTTP proxy: [https://pac.example.org/p] -1
WifiConfigManager - Configured networks End ----
ID: 1 SSID: \"Cafe\" BSSID: 02:00:00:00:00:01 HIDDEN: true
";

    #[test]
    fn networks_are_told_once_with_who_set_them_up_and_their_proxy() {
        let (records, warnings) = rows_timed(&ARTIFACT, "/dumpsys/wifi", TEXT.as_bytes());
        assert!(warnings.is_empty(), "{warnings:?}");
        assert_eq!(
            records,
            json!([
                {"ssid": "Home net", "hidden": false, "ever_connected": true, "security": "WPA_PSK", "created_by": "org.example.app",
                 "changed_by": "android.uid.system:1000", "proxy": "proxy.example.org", "created": "2023-04-20T18:06:11.904000+00:00",
                 "last_connected": "2023-05-20T18:06:11.904000+00:00",
                 "_line": "Wi-Fi network Home net, set up by org.example.app, proxy proxy.example.org"},
                {"ssid": "Cafe", "bssid": "02:00:00:00:00:01", "hidden": true, "proxy_script": "https://pac.example.org/p",
                 "_line": "Wi-Fi network Cafe, set up by , proxy "},
            ])
        );
    }

    #[test]
    fn broken_text_never_panics() {
        shake(&ARTIFACT, TEXT.as_bytes());
    }
}
