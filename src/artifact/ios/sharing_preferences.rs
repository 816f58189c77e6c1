use crate::artifact::prelude::*;
use crate::artifact::property_list::each_entry;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.sharing_preferences",
    title: "Settings of AirDrop",
    about: "The id this phone shows to others nearby, and who may send it files.",
    files: &[
        "/private/var/mobile/Library/Preferences/com.apple.sharingd.plist",
    ],
    columns: &[text("entry"), message("value")],
    shows: Trace::Mentioned,
    line: "{entry} = {value}",
    parse: Parse::Plist(each_entry),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, shake};

    #[test]
    fn one_record_a_key() {
        let list = b"<plist><dict><key>AirDropID</key><string>https://a.example/x</string><key>On</key><true/></dict></plist>";
        assert_eq!(
            rows(&ARTIFACT, list),
            json!([
                {"entry": "AirDropID", "value": "https://a.example/x", "_line": "AirDropID = https://a.example/x"},
                {"entry": "On", "value": "true", "_line": "On = true"},
            ])
        );
        shake(&ARTIFACT, list);
    }
}
