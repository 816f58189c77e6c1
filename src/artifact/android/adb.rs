use crate::artifact::adb_state;
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.adb",
    title: "Debugging over USB and wireless (ADB)",
    about: "Whether a computer is connected for debugging, and whether that is possible over the air.",
    files: &["/dumpsys/adb"],
    columns: &[
        boolean("connected"),
        text("last_key_received"),
        int("keys"),
        boolean("wireless_enabled"),
        text("wireless_network"),
        text("wireless_access_point"),
        boolean("wireless_network_trusted"),
        int("wireless_port"),
        // Where it was allowed for good, by their hardware addresses.
        text("trusted_access_points"),
    ],
    shows: Trace::Policy,
    line: "debugging: {keys} keys, connected: {connected}, wireless: {wireless_enabled} {wireless_network} {trusted_access_points}",
    parse: Parse::Text(parse),
};

fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    let Some(state) = adb_state::read(lines)? else { return Ok(()) };
    let place = Place::Line { line: state.line };
    if !state.complete {
        out.warn(Some(place.clone()), "does not reach its end: what was before counts");
    }
    let flag = |name| state.field(name).and_then(|value| value.parse::<bool>().ok());
    let networks = if state.networks.is_empty() {
        Value::Null
    } else {
        state.networks.iter().map(String::as_str).collect()
    };
    out.push(
        place,
        [
            flag("connected_to_adb").into(),
            state.field("last_key_received").into(),
            (state.keys.len() as u64).into(),
            flag("adb_wifi.enabled").into(),
            state.field("adb_wifi.network_ssid").into(),
            state.field("adb_wifi.network_bssid").into(),
            flag("adb_wifi.is_trusted_network").into(),
            state.field("adb_wifi.tls_port").and_then(|port| port.parse::<i64>().ok()).into(),
            networks,
        ],
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::{adb_state::EXAMPLE, testing::*};

    #[test]
    fn the_state_is_one_record() {
        let (records, warnings) = rows_at(&ARTIFACT, "/dumpsys/adb", EXAMPLE.as_bytes());
        assert!(warnings.is_empty(), "{warnings:?}");
        assert_eq!(
            records,
            json!([{"connected": true, "last_key_received": "AA:BB", "keys": 3, "wireless_enabled": false,
                    "trusted_access_points": ["aa:bb:cc:dd:ee:ff"],
                    "_line": "debugging: 3 keys, connected: yes, wireless: no  aa:bb:cc:dd:ee:ff"}])
        );
        assert_eq!(rows(&ARTIFACT, b"Can't find service: adb\n"), json!([]));
        shake(&ARTIFACT, EXAMPLE.as_bytes());
    }
}
