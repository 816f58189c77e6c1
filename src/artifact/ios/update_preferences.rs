use crate::artifact::prelude::*;
use crate::artifact::property_list::each_entry;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.update_preferences",
    title: "Settings of software updates",
    about: "Where the phone looks for updates of iOS and its parts, and what is said about the last ones.",
    files: &[
        "/private/var/*/Library/Preferences/com.apple.SoftwareUpdate*.plist",
        "/private/var/*/Library/Preferences/com.apple.softwareupdate*.plist",
        "/private/var/*/Library/Preferences/com.apple.MobileAsset*.plist",
        "/private/var/*/Library/Preferences/com.apple.MobileSoftwareUpdate*.plist",
    ],
    columns: &[text("entry"), message("value")],
    shows: Trace::Policy,
    line: "{entry} = {value}",
    parse: Parse::Plist(each_entry),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, shake};

    #[test]
    fn one_record_a_key() {
        let list = b"<plist><dict><key>MobileAssetServerURL</key><string>https://a.example/x</string><key>On</key><true/></dict></plist>";
        assert_eq!(
            rows(&ARTIFACT, list),
            json!([
                {"entry": "MobileAssetServerURL", "value": "https://a.example/x", "_line": "MobileAssetServerURL = https://a.example/x"},
                {"entry": "On", "value": "true", "_line": "On = true"},
            ])
        );
        shake(&ARTIFACT, list);
    }
}
