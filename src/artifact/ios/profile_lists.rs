use std::collections::BTreeSet;

use crate::artifact::property_list::{dictionary, members};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.profile_lists",
    title: "Lists of configuration profiles",
    about: "Which profiles the phone knows of, hidden ones too, and which profiles and programs restrict it.",
    files: &[
        "/private/var/containers/Shared/SystemGroup/*/Library/ConfigurationProfiles/PayloadManifest.plist",
        "/private/var/containers/Shared/SystemGroup/*/Library/ConfigurationProfiles/ProfileTruth.plist",
        "/private/var/containers/Shared/SystemGroup/*/Library/ConfigurationProfiles/ClientTruth.plist",
        "/private/var/mobile/Library/ConfigurationProfiles/PayloadManifest.plist",
        "/private/var/mobile/Library/UserConfigurationProfiles/PayloadManifest.plist",
        "/private/var/mobile/Library/UserConfigurationProfiles/ProfileTruth.plist",
        "/private/var/mobile/Library/UserConfigurationProfiles/ClientTruth.plist",
    ],
    columns: &[profile_id("profile"), app_id("client"), text("list")],
    shows: Trace::Policy,
    line: "{profile}{client} is in the list {list}",
    parse: Parse::Plist(parse),
};

/// Entries compared with one another; what is beyond may be told twice.
const COMPARED: usize = 10_000;

fn parse(list: &plist::Value, out: &mut Out<'_>) -> Result<()> {
    let entries = dictionary(list)?;
    let of_clients = out.path().ends_with("/ClientTruth.plist");
    if !out.path().ends_with("/PayloadManifest.plist") {
        // One dictionary a profile or program; what it restricts stands inside.
        for key in entries.keys() {
            let name = Value::from(key.as_str());
            let (profile, client) = if of_clients { (Value::Null, name) } else { (name, Value::Null) };
            out.push(Place::key(key.as_str()), [profile, client, Value::Null]);
        }
        return Ok(());
    }
    let mut seen = BTreeSet::new();
    members(list, &mut |path, value| {
        // `HiddenProfiles/3`
        let list = path.rsplit_once('/').map_or(path, |(list, _)| list);
        if let Some(profile) = value.as_string()
            && (seen.len() >= COMPARED || seen.insert((list.to_owned(), profile)))
        {
            out.push(Place::key(path), [profile.into(), Value::Null, list.into()]);
        }
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows_at, shake};

    #[test]
    fn hidden_profiles_and_restricting_clients_are_told() {
        let list = br#"<plist version="1.0"><dict>
            <key>HiddenProfiles</key><array><string>com.example.hidden</string><string>com.example.hidden</string></array>
            <key>OrderedProfiles</key><array/>
        </dict></plist>"#;
        assert_eq!(
            rows_at(&ARTIFACT, "/x/PayloadManifest.plist", list).0,
            json!([{ "profile": "com.example.hidden", "list": "HiddenProfiles",
                     "_line": "com.example.hidden is in the list HiddenProfiles" }])
        );
        let truth = b"<plist><dict><key>com.example.a</key><dict/></dict></plist>";
        assert_eq!(rows_at(&ARTIFACT, "/x/ClientTruth.plist", truth).0[0]["client"], "com.example.a");
        assert_eq!(rows_at(&ARTIFACT, "/x/ProfileTruth.plist", truth).0[0]["profile"], "com.example.a");
        shake(&ARTIFACT, list);
    }
}
