use plist::Dictionary;

use crate::artifact::property_list::{dictionary, items, member, moment, number, shown, text as text_of};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.known_networks",
    title: "Known Wi-Fi networks",
    about: "Wi-Fi networks the phone has joined, when, how they were protected and where their access points stood.",
    files: &[
        "/private/var/preferences/com.apple.wifi.known-networks.plist",
        "/private/var/preferences/com.apple.wifi.plist",
        "/private/var/preferences/com.apple.wifi-private-mac-networks.plist",
        "/private/var/preferences/SystemConfiguration/com.apple.wifi.plist",
        "/private/var/preferences/SystemConfiguration/com.apple.wifi-private-mac-networks.plist",
    ],
    columns: &[
        time("added", Epoch::Mac, Moment::FirstSeen),
        time("joined_by_user", Epoch::Mac, Moment::LastSeen),
        time("joined_by_system", Epoch::Mac, Moment::LastSeen),
        time("updated", Epoch::Mac, Moment::Updated),
        time("discovered", Epoch::Mac, Moment::LastSeen),
        time("associated", Epoch::Mac, Moment::LastSeen),
        text("ssid"),
        text("add_reason"),
        text("security"),
        text("bssids"),
        text("private_address"),
        real("latitude"),
        real("longitude"),
        message("captive_portal"),
    ],
    shows: Trace::Mentioned,
    line: "Wi-Fi network {ssid} ({security}), access points {bssids}",
    parse: Parse::Plist(parse),
};

/// Lists of older versions; their networks have other names for the same.
const LISTS: [&str; 2] = ["List of known networks", "List of scanned networks with private mac"];

fn parse(list: &plist::Value, out: &mut Out<'_>) -> Result<()> {
    let list = dictionary(list)?;
    for (key, network) in list {
        if let Some(ssid) = key.strip_prefix("wifi.network.ssid.") {
            match network.as_dictionary() {
                Some(network) => push(Place::key(key.as_str()), ssid, network, out),
                None => out.warn(Some(Place::key(key.as_str())), "a network is not a dictionary"),
            }
        }
    }
    for key in LISTS {
        for (index, network) in items(list, key).iter().enumerate() {
            let place = Place::key(format!("{key}/{index}"));
            match network.as_dictionary() {
                Some(network) => push_older(place, network, out),
                None => out.warn(Some(place), "a network is not a dictionary"),
            }
        }
    }
    Ok(())
}

fn push(place: Place, ssid: &str, network: &Dictionary, out: &mut Out<'_>) {
    let points: Vec<&Dictionary> =
        items(network, "BSSList").iter().filter_map(plist::Value::as_dictionary).collect();
    let newest = points.iter().max_by_key(|point| {
        point.get("LastAssociatedAt").and_then(plist::Value::as_date).map(std::time::SystemTime::from)
    });
    let located = points.iter().rev().find_map(|point| member(point, "Location"));
    let coordinate = |key| located.map_or(Value::Null, |location| number(location, key));
    let addresses: Vec<&str> =
        points.iter().filter_map(|point| point.get("BSSID")?.as_string()).collect();
    let system = member(network, "__OSSpecific__");
    let addresses = match addresses.is_empty() {
        true => system.map(|system| text_of(system, "BSSID")).unwrap_or_default(),
        false => addresses.into_iter().collect(),
    };
    let private = ["PrivateMACAddress", "PRIVATE_MAC_ADDRESS", "CachedPrivateMACAddress"].iter().find_map(|key| network.get(key));
    out.push(
        place,
        [
            moment(network, "AddedAt"),
            moment(network, "JoinedByUserAt"),
            moment(network, "JoinedBySystemAt"),
            moment(network, "UpdatedAt"),
            moment(network, "LastDiscoveredAt"),
            newest.map(|point| moment(point, "LastAssociatedAt")).unwrap_or_default(),
            ssid.into(),
            network.get("AddReason").map(shown).into(),
            network.get("SupportedSecurityTypes").map(shown).into(),
            addresses,
            private.map(shown).into(),
            coordinate("Latitude"),
            coordinate("Longitude"),
            network.get("CaptiveProfile").map(shown).into(),
        ],
    );
}

fn push_older(place: Place, network: &Dictionary, out: &mut Out<'_>) {
    let first = |keys: [&str; 2]| {
        keys.into_iter().map(|key| moment(network, key)).find(|time| !time.is_null()).unwrap_or_default()
    };
    out.push(
        place,
        [
            first(["addedAt", "AddedAt"]),
            first(["lastJoined", "prevJoined"]),
            first(["lastAutoJoined", "lastAutojoined"]),
            first(["lastUpdated", "updatedAt"]),
            first(["lastDiscovered", "LastDiscoveredAt"]),
            Value::Null,
            text_of(network, "SSID_STR"),
            Value::Null,
            network.get("SecurityMode").map(shown).into(),
            text_of(network, "BSSID"),
            network.get("PRIVATE_MAC_ADDRESS").map(shown).into(),
            Value::Null,
            Value::Null,
            Value::Null,
        ],
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, shake};

    #[test]
    fn networks_of_both_forms_are_read() {
        let list = br#"<plist version="1.0"><dict>
            <key>wifi.network.ssid.Cafe</key><dict>
                <key>AddedAt</key><date>2024-01-02T03:04:05Z</date>
                <key>SupportedSecurityTypes</key><string>Open</string>
                <key>BSSList</key><array><dict><key>BSSID</key><string>0:11:22:33:44:55</string>
                    <key>LastAssociatedAt</key><date>2024-01-03T03:04:05Z</date>
                    <key>Location</key><dict><key>Latitude</key><real>1.5</real></dict></dict></array>
            </dict>
            <key>wifi.network.ssid.Odd</key><string>x</string>
            <key>List of known networks</key><array><dict><key>SSID_STR</key><string>Home</string>
                <key>lastJoined</key><date>2024-01-02T03:04:05Z</date></dict></array>
        </dict></plist>"#;
        assert_eq!(
            rows(&ARTIFACT, list),
            json!([
                { "added": "2024-01-02T03:04:05.000000+00:00", "associated": "2024-01-03T03:04:05.000000+00:00", "ssid": "Cafe",
                  "security": "Open", "bssids": ["0:11:22:33:44:55"], "latitude": 1.5,
                  "_line": "Wi-Fi network Cafe (Open), access points 0:11:22:33:44:55" },
                { "joined_by_user": "2024-01-02T03:04:05.000000+00:00", "ssid": "Home", "_line": "Wi-Fi network Home (), access points " },
            ])
        );
        shake(&ARTIFACT, list);
    }
}
