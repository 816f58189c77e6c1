use plist::{Dictionary, Value as Plist};

use crate::artifact::prelude::*;
use crate::artifact::property_list::{dictionaries, shown};
use crate::format::keyed;

pub const ARTIFACT: Artifact = Artifact {
    id: "sysdiagnose.recent_networks",
    title: "Recent and shared Wi-Fi networks",
    about: "Wireless networks the phone was in lately, or knows from other devices of the account.",
    files: &["/sysdiagnose/WiFi/recent-networks.json", "/sysdiagnose/WiFi/ICLOUD.apple.wifid.plist"],
    columns: &[text("ssid"), text("bssid"), message("details")],
    shows: Trace::Mentioned,
    line: "Wi-Fi network {ssid} ({bssid}): {details}",
    parse: Parse::Bytes { most: 32 << 20, parse },
};

/// Networks stand in other places in every version: a dictionary with one of these is one.
const NAMES: [&str; 4] = ["ssid", "ssid_str", "ssidstring", "networkname"];

fn parse(bytes: &[u8], out: &mut Out<'_>) -> Result<()> {
    let list = match serde_json::from_slice::<serde_json::Value>(bytes) {
        Ok(json) => list_of(json),
        Err(_) => keyed::parse(bytes).context("is neither JSON nor a property list")?,
    };
    dictionaries(&list, &mut |path, entries| {
        let named = |names: &[&str]| {
            let mut found = entries.iter().filter(|(key, _)| names.contains(&key.to_ascii_lowercase().as_str()));
            found.find_map(|(_, value)| value.as_string())
        };
        if let Some(ssid) = named(&NAMES) {
            out.push(Place::key(path), [ssid.into(), named(&["bssid"]).into(), details(entries).into()]);
        }
    });
    let empty = list.as_dictionary().is_some_and(Dictionary::is_empty) || list.as_array().is_some_and(Vec::is_empty);
    anyhow::ensure!(out.records() > 0 || empty, "has no dictionary with the name of a network");
    Ok(())
}

fn details(entries: &Dictionary) -> String {
    let plain = entries.iter().filter(|(_, value)| value.as_dictionary().is_none() && value.as_array().is_none());
    plain.map(|(key, value)| format!("{key}={}", shown(value))).collect::<Vec<_>>().join(", ")
}

/// JSON as a property list; its depth is bounded by the reader.
fn list_of(json: serde_json::Value) -> Plist {
    match json {
        serde_json::Value::Object(members) => {
            Plist::Dictionary(members.into_iter().map(|(key, value)| (key, list_of(value))).collect())
        }
        serde_json::Value::Array(items) => Plist::Array(items.into_iter().map(list_of).collect()),
        serde_json::Value::String(text) => Plist::String(text),
        serde_json::Value::Bool(flag) => Plist::Boolean(flag),
        other => Plist::String(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    #[test]
    fn networks_are_found_wherever_they_stand() {
        let text = br#"{"recent": [{"SSID": "Cafe", "BSSID": "0:1:2:3:4:5", "at": 5, "x": [1]}], "y": {"ssid_str": "Home"}}"#;
        let expected = json!([
            { "ssid": "Cafe", "bssid": "0:1:2:3:4:5", "details": "BSSID=0:1:2:3:4:5, SSID=Cafe, at=5",
              "_line": "Wi-Fi network Cafe (0:1:2:3:4:5): BSSID=0:1:2:3:4:5, SSID=Cafe, at=5" },
            { "ssid": "Home", "details": "ssid_str=Home", "_line": "Wi-Fi network Home (): ssid_str=Home" },
        ]);
        assert_eq!(rows(&ARTIFACT, text), expected);
        let list = b"<plist><dict><key>values</key><dict><key>a</key><dict><key>SSID</key><string>B</string></dict></dict></dict></plist>";
        assert_eq!(rows(&ARTIFACT, list)[0]["ssid"], "B");
        shake(&ARTIFACT, text);
        shake(&ARTIFACT, list);
    }

    #[test]
    fn another_shape_is_said() {
        assert_eq!(rows_at(&ARTIFACT, "/x", b"[1]").1, ["has no dictionary with the name of a network"]);
        assert_eq!(rows_at(&ARTIFACT, "/x", b"{}").1, [""; 0]);
    }
}
