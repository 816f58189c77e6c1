use super::app_provisioning;
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.provisioning_profiles",
    title: "Provisioning profiles of the phone",
    about: "Teams that may run apps on this phone past the store; a profile stays when its app is gone.",
    files: &["/private/var/MobileDevice/ProvisioningProfiles/*"],
    columns: app_provisioning::ARTIFACT.columns,
    shows: Trace::Policy,
    line: "profile {name} of {team_name} ({team_id}) for {application_identifier} until {expires}",
    parse: app_provisioning::ARTIFACT.parse,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows_at, shake};

    #[test]
    fn a_profile_of_an_enterprise_is_read_like_that_of_an_app() {
        let profile = b"\x30\x82<?xml version=\"1.0\"?><plist><dict><key>Name</key><string>In house</string>
            <key>TeamName</key><string>Example Ltd</string><key>TeamIdentifier</key><array><string>ABCDE12345</string></array>
            <key>ProvisionsAllDevices</key><true/><key>UUID</key><string>U-1</string></dict></plist>\xa0";
        let path = "/private/var/MobileDevice/ProvisioningProfiles/U-1";
        assert_eq!(
            rows_at(&ARTIFACT, path, profile).0,
            json!([{"name": "In house", "team_name": "Example Ltd", "team_id": "ABCDE12345", "all_devices": true, "uuid": "U-1",
                    "_line": "profile In house of Example Ltd (ABCDE12345) for  until "}])
        );
        shake(&ARTIFACT, profile);
    }
}
