use plist::Dictionary;

use crate::artifact::property_list::{dictionary, flag, moment, number, text as text_of};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.locationd",
    title: "Location clients",
    about: "Apps and system programs that asked for the phone's location, and when they last stopped using it.",
    files: &[
        "/private/var/root/Library/Caches/locationd/clients.plist",
        "/private/var/mobile/Library/Caches/locationd/clients.plist",
    ],
    columns: &[
        process("package"),
        app_id("bundle_id"),
        path("bundle_path"),
        process("executable"),
        path("registered"),
        boolean("is_registered"),
        boolean("whitelisted"),
        int("authorization"),
        time("consumption_period_begin", Epoch::Mac, Moment::Started),
        time("receiving_stopped", Epoch::Mac, Moment::LocationStopped),
        time("visit_stopped", Epoch::Mac, Moment::LocationStopped),
        time("location_stopped", Epoch::Mac, Moment::LocationStopped),
        time("background_location_stopped", Epoch::Mac, Moment::LocationStopped),
        time("significant_stopped", Epoch::Mac, Moment::LocationStopped),
        time("non_persistent_significant_stopped", Epoch::Mac, Moment::LocationStopped),
        time("fence_stopped", Epoch::Mac, Moment::LocationStopped),
        time("beacon_region_stopped", Epoch::Mac, Moment::LocationStopped),
    ],
    shows: Trace::Executed,
    line: "{package} is a location client",
    parse: Parse::Plist(parse),
};

fn parse(list: &plist::Value, out: &mut Out<'_>) -> Result<()> {
    for (key, client) in dictionary(list)? {
        // Versions and migration marks stand beside the clients.
        if let Some(client) = client.as_dictionary() {
            push(key, client, out);
        }
    }
    Ok(())
}

fn push(key: &str, client: &Dictionary, out: &mut Out<'_>) {
    let package = key.trim_end_matches(':');
    // `Registered` is the path of a program, or only whether there is one.
    let (registered, is_registered) = match client.get("Registered") {
        Some(plist::Value::String(path)) => (path.as_str().into(), Value::Null),
        Some(_) => (Value::Null, flag(client, "Registered")),
        None => (Value::Null, Value::Null),
    };
    let bundle_id = match text_of(client, "BundleId") {
        Value::Null => bundle_of(package).into(),
        stated => stated,
    };
    out.push(
        Place::key(key),
        [
            package.into(),
            bundle_id,
            text_of(client, "BundlePath"),
            text_of(client, "Executable"),
            registered,
            is_registered,
            flag(client, "Whitelisted"),
            number(client, "Authorization"),
            moment(client, "ConsumptionPeriodBegin"),
            moment(client, "ReceivingLocationInformationTimeStopped"),
            moment(client, "VisitTimeStopped"),
            moment(client, "LocationTimeStopped"),
            moment(client, "BackgroundLocationTimeStopped"),
            moment(client, "SignificantTimeStopped"),
            moment(client, "NonPersistentSignificantTimeStopped"),
            moment(client, "FenceTimeStopped"),
            moment(client, "BeaconRegionTimeStopped"),
        ],
    );
}

/// The bundle id in a client's key, for clients that state none. Newer systems write `icom.example.app:` and `p/path:`, older ones the id or
/// `com.apple.locationd.bundle-/path`.
fn bundle_of(package: &str) -> Option<&str> {
    let plain = package.strip_prefix('i').filter(|rest| KNOWN_TOPS.iter().any(|top| rest.starts_with(top)));
    let bundle = plain.unwrap_or(package);
    (!bundle.contains('/') && bundle.contains('.')).then_some(bundle)
}

/// What a bundle id begins with where an `i` before it is a mark and not part of it.
const KNOWN_TOPS: [&str; 8] = ["com.", "net.", "org.", "de.", "io.", "co.", "app.", "me."];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, shake};

    const CLIENTS: &[u8] = br#"<plist version="1.0"><dict>
        <key>Migration</key><integer>7</integer>
        <key>com.apple.locationd.executable-/usr/libexec/x:</key><dict>
            <key>Executable</key><string>/usr/libexec/x</string>
            <key>Registered</key><true/>
            <key>LocationTimeStopped</key><real>588814410.5</real>
            <key>BeaconRegionTimeStopped</key><integer>0</integer>
        </dict>
        <key>icom.example.app:</key><dict>
            <key>BundlePath</key><string>/private/var/containers/Bundle/Application/U/A.app</string>
            <key>Registered</key><string>/private/var/A.app/A</string>
            <key>Authorization</key><integer>4</integer>
            <key>FenceTimeStopped</key><date>2024-01-02T03:04:05Z</date>
        </dict>
    </dict></plist>"#;

    #[test]
    fn clients_are_read_whatever_form_their_key_has() {
        assert_eq!(
            rows(&ARTIFACT, CLIENTS),
            json!([
                {
                    "package": "com.apple.locationd.executable-/usr/libexec/x",
                    "executable": "/usr/libexec/x",
                    "is_registered": true,
                    "location_stopped": "2019-08-29T23:33:30.500000+00:00",
                    "_line": "com.apple.locationd.executable-/usr/libexec/x is a location client",
                },
                {
                    "package": "icom.example.app",
                    "bundle_id": "com.example.app",
                    "bundle_path": "/private/var/containers/Bundle/Application/U/A.app",
                    "registered": "/private/var/A.app/A",
                    "authorization": 4,
                    "fence_stopped": "2024-01-02T03:04:05.000000+00:00",
                    "_line": "icom.example.app is a location client",
                },
            ])
        );
        shake(&ARTIFACT, CLIENTS);
    }
}
