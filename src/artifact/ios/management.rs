use crate::artifact::property_list::{dictionary, flag, moment, number, text as text_of};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.management",
    title: "Management of the phone",
    about: "The server that manages the phone, and what the phone was told about its owner's organisation when it was set up.",
    files: &[
        "/private/var/containers/Shared/SystemGroup/*/Library/ConfigurationProfiles/MDM.plist",
        "/private/var/containers/Shared/SystemGroup/*/Library/ConfigurationProfiles/CloudConfigurationDetails.plist",
        "/private/var/mobile/Library/ConfigurationProfiles/MDM.plist",
        "/private/var/mobile/Library/ConfigurationProfiles/CloudConfigurationDetails.plist",
        "/private/var/mobile/Library/UserConfigurationProfiles/MDM.plist",
    ],
    columns: &[
        url("server"),
        url("check_in"),
        url("configuration"),
        profile_id("profile"),
        message("organisation"),
        email("organisation_email"),
        int("access_rights"),
        message("topic"),
        time("polled", Epoch::Mac, Moment::LastSeen),
        boolean("supervised"),
        boolean("mandatory"),
        boolean("removable"),
    ],
    shows: Trace::Policy,
    line: "managed by {server}{configuration} of {organisation}, profile {profile}",
    parse: Parse::Plist(parse),
};

fn parse(list: &plist::Value, out: &mut Out<'_>) -> Result<()> {
    let entries = dictionary(list)?;
    let values = [
        text_of(entries, "ServerURL"),
        text_of(entries, "CheckInURL"),
        text_of(entries, "ConfigurationURL"),
        text_of(entries, "ManagingProfileIdentifier"),
        text_of(entries, "OrganizationName"),
        text_of(entries, "OrganizationEmail"),
        number(entries, "AccessRights"),
        text_of(entries, "Topic"),
        moment(entries, "LastPollingAttempt"),
        flag(entries, "IsSupervised"),
        flag(entries, "IsMandatory"),
        flag(entries, "IsMDMRemovable"),
    ];
    // A phone that nobody manages may still have the file.
    if values.iter().any(|value| !value.is_null()) {
        out.push(Place::key(""), values);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, shake};

    #[test]
    fn server_and_set_up_details_are_kept_and_nothing_is_nothing() {
        let list = br#"<plist version="1.0"><dict>
            <key>ServerURL</key><string>https://mdm.example/s</string>
            <key>ManagingProfileIdentifier</key><string>com.example.mdm</string>
            <key>AccessRights</key><integer>8191</integer>
            <key>LastPollingAttempt</key><date>2024-01-02T03:04:05Z</date>
            <key>IsSupervised</key><true/>
        </dict></plist>"#;
        assert_eq!(
            rows(&ARTIFACT, list),
            json!([{
                "server": "https://mdm.example/s",
                "profile": "com.example.mdm",
                "access_rights": 8191,
                "polled": "2024-01-02T03:04:05.000000+00:00",
                "supervised": true,
                "_line": "managed by https://mdm.example/s of , profile com.example.mdm",
            }])
        );
        assert_eq!(rows(&ARTIFACT, b"<plist><dict><key>x</key><true/></dict></plist>"), json!([]));
        shake(&ARTIFACT, list);
    }
}
