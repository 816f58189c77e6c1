use crate::artifact::property_list::each_entry;
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.global_preferences",
    title: "Global preferences",
    about: "Settings that every app sees: languages, region, Lockdown Mode.",
    files: &["/private/var/mobile/Library/Preferences/.GlobalPreferences.plist"],
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
    fn one_record_a_key_with_its_value_written_out() {
        let list = br#"<plist version="1.0"><dict>
            <key>LDMGlobalEnabled</key><true/>
            <key>AppleLanguages</key><array><string>de-DE</string><string>en</string></array>
        </dict></plist>"#;
        assert_eq!(
            rows(&ARTIFACT, list),
            json!([
                { "entry": "LDMGlobalEnabled", "value": "true", "_line": "LDMGlobalEnabled = true" },
                { "entry": "AppleLanguages", "value": "[de-DE, en]", "_line": "AppleLanguages = [de-DE, en]" },
            ])
        );
        shake(&ARTIFACT, list);
    }
}
