use memchr::memmem;
use plist::Dictionary;

use crate::artifact::certificates::{digests, names};
use crate::artifact::prelude::*;
use crate::artifact::property_list::{dictionary, flag, items, member, moment, text as text_of};
use crate::format::keyed;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.app_provisioning",
    title: "Provisioning of apps",
    about: "Who may run an app that did not come from the store: the team that signed it, until when, and for which phones.",
    files: &["/private/var/containers/Bundle/Application/*/*.app/embedded.mobileprovision"],
    columns: &[
        app_id("bundle_id"),
        text("application_identifier"),
        text("name"),
        text("app_name"),
        text("team_name"),
        text("team_id"),
        time("created", Epoch::Mac, Moment::Created),
        time("expires", Epoch::Mac, Moment::Scheduled),
        // Given out by a company to its own people: runs on any phone.
        boolean("all_devices"),
        int("device_count"),
        // A debugger may look into the app, as in development.
        boolean("debuggable"),
        text("uuid"),
        hash("certificate_sha256"),
        message("certificate_subjects"),
    ],
    shows: Trace::Installed,
    line: "app {application_identifier} provisioned by {team_name} ({team_id}) until {expires}",
    parse: Parse::Head { bytes: LONGEST_BYTES, parse },
};

/// A profile for the most phones that Apple allows is some hundred kilobytes long.
const LONGEST_BYTES: usize = 1 << 20;

fn parse(bytes: &[u8], out: &mut Out<'_>) {
    // A property list inside a signed message (CMS), stored as it is: the signature before and behind it is not read.
    let list = stretch(bytes).map(keyed::parse);
    let result = match &list {
        None => Err(anyhow::anyhow!("holds no property list")),
        Some(Err(error)) => Err(anyhow::anyhow!("{error:#}")),
        Some(Ok(list)) => dictionary(list).map(|profile| push(profile, out)),
    };
    if let Err(error) = result {
        out.warn(None, format!("the provisioning profile cannot be read: {error:#}"));
    }
}

/// The XML inside the message.
fn stretch(bytes: &[u8]) -> Option<&[u8]> {
    const END: &[u8] = b"</plist>";
    let start = memmem::find(bytes, b"<?xml").or_else(|| memmem::find(bytes, b"<plist"))?;
    let text = bytes.get(start..)?;
    text.get(..memmem::find(text, END)?.checked_add(END.len())?)
}

fn push(profile: &Dictionary, out: &mut Out<'_>) {
    let nothing = Dictionary::new();
    let entitlements = member(profile, "Entitlements").unwrap_or(&nothing);
    let application = entitlements.get("application-identifier").and_then(plist::Value::as_string);
    let team_id = items(profile, "TeamIdentifier").first().and_then(plist::Value::as_string);
    let certificates: Vec<&[u8]> =
        items(profile, "DeveloperCertificates").iter().filter_map(plist::Value::as_data).collect();
    let place = Place::key(application.unwrap_or("profile"));
    let [subjects, _] = names(&certificates, out, &place);
    let devices = profile.get("ProvisionedDevices").and_then(plist::Value::as_array);
    out.push(
        place,
        [
            application.and_then(bundle_id).into(),
            application.into(),
            text_of(profile, "Name"),
            text_of(profile, "AppIDName"),
            text_of(profile, "TeamName"),
            team_id.into(),
            moment(profile, "CreationDate"),
            moment(profile, "ExpirationDate"),
            flag(profile, "ProvisionsAllDevices"),
            devices.map(|devices| devices.len() as u64).into(),
            flag(entitlements, "get-task-allow"),
            text_of(profile, "UUID"),
            digests(&certificates),
            subjects,
        ],
    );
}

/// `TEAM.com.example.app` without its team; a profile for any app of the team ends in `*` and names none.
fn bundle_id(application: &str) -> Option<&str> {
    let (_, bundle_id) = application.split_once('.')?;
    (!bundle_id.is_empty() && !bundle_id.ends_with('*')).then_some(bundle_id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, rows_at, shake};

    fn signed(members: &str) -> Vec<u8> {
        let mut bytes = vec![0x30, 0x82, 0x10, 0x00, 0x06, 0x09];
        bytes.extend(format!("<?xml version=\"1.0\"?><plist><dict>{members}</dict></plist>").as_bytes());
        bytes.extend([0xa0, 0x82, 0x0e, b'<', 0xff]);
        bytes
    }

    #[test]
    fn an_enterprise_profile_names_team_term_and_reach() {
        let profile = signed(
            "<key>Name</key><string>In house</string>
             <key>TeamName</key><string>Example Ltd</string>
             <key>TeamIdentifier</key><array><string>ABCDE12345</string></array>
             <key>CreationDate</key><date>2024-01-02T03:04:05Z</date>
             <key>ExpirationDate</key><date>2025-01-02T03:04:05Z</date>
             <key>ProvisionsAllDevices</key><true/>
             <key>DeveloperCertificates</key><array><data>AAAA</data></array>
             <key>Entitlements</key><dict>
                <key>application-identifier</key><string>ABCDE12345.com.example.app</string>
                <key>get-task-allow</key><false/></dict>",
        );
        let (records, warnings) = rows_at(&ARTIFACT, "/x", &profile);
        assert_eq!(
            records,
            json!([{
                "bundle_id": "com.example.app",
                "application_identifier": "ABCDE12345.com.example.app",
                "name": "In house",
                "team_name": "Example Ltd",
                "team_id": "ABCDE12345",
                "created": "2024-01-02T03:04:05.000000+00:00",
                "expires": "2025-01-02T03:04:05.000000+00:00",
                "all_devices": true,
                "debuggable": false,
                "certificate_sha256": ["709e80c88487a2411e1ee4dfb9f22a861492d20c4765150c0c794abd70f8147c"],
                "_line": "app ABCDE12345.com.example.app provisioned by Example Ltd (ABCDE12345) until \
                          2025-01-02T03:04:05.000000+00:00",
            }])
        );
        assert_eq!(warnings, ["a certificate of the profile cannot be read"]);
        shake(&ARTIFACT, &profile);
    }

    #[test]
    fn a_developers_profile_counts_phones_and_may_name_no_app() {
        let profile = signed(
            "<key>ProvisionedDevices</key><array><string>a</string><string>b</string></array>
             <key>Entitlements</key><dict><key>application-identifier</key><string>ABCDE12345.*</string></dict>",
        );
        let records = rows(&ARTIFACT, &profile);
        assert_eq!((&records[0]["device_count"], &records[0]["bundle_id"]), (&json!(2), &json!(null)));
    }

    #[test]
    fn what_is_no_profile_is_reported() {
        for bytes in [&b""[..], b"<plist>", b"<plist><array/></plist>", b"</plist><plist"] {
            let (records, warnings) = rows_at(&ARTIFACT, "/x", bytes);
            assert_eq!((records, warnings.len()), (json!([]), 1));
        }
    }
}
