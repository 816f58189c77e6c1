use crate::artifact::property_list::{dictionary, shown};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.user_settings",
    title: "Effective restrictions",
    about: "What the phone's profiles, management and owner allow, each alone and together: diagnostics, Lockdown Mode, installing apps.",
    files: &[
        "/private/var/containers/Shared/SystemGroup/*/Library/ConfigurationProfiles/EffectiveUserSettings.plist",
        "/private/var/mobile/Library/ConfigurationProfiles/EffectiveUserSettings.plist",
        "/private/var/mobile/Library/UserConfigurationProfiles/EffectiveUserSettings.plist",
        "/private/var/containers/Shared/SystemGroup/*/Library/ConfigurationProfiles/UserSettings.plist",
        "/private/var/mobile/Library/ConfigurationProfiles/UserSettings.plist",
        "/private/var/mobile/Library/UserConfigurationProfiles/UserSettings.plist",
        "/private/var/containers/Shared/SystemGroup/*/Library/ConfigurationProfiles/Truth.plist",
        "/private/var/mobile/Library/ConfigurationProfiles/Truth.plist",
        "/private/var/mobile/Library/UserConfigurationProfiles/Truth.plist",
    ],
    columns: &[text("section"), text("setting"), message("value"), message("details")],
    shows: Trace::Policy,
    line: "{section} {setting} is {value}",
    parse: Parse::Plist(parse),
};

/// `restrictedBool`, `restrictedValue`, `intersection`, …: setting → `{value, …}`.
fn parse(list: &plist::Value, out: &mut Out<'_>) -> Result<()> {
    for (section, settings) in dictionary(list)? {
        for (setting, facts) in settings.as_dictionary().into_iter().flatten() {
            let place = Place::key(format!("{section}/{setting}"));
            let value = facts.as_dictionary().and_then(|facts| facts.get("value"));
            let details = if value.is_some() { None } else { Some(shown(facts)) };
            let values =
                [section.as_str().into(), setting.as_str().into(), value.map(shown).into(), details.into()];
            out.push(place, values);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, shake};

    #[test]
    fn one_record_a_setting() {
        let list = br#"<plist version="1.0"><dict><key>restrictedBool</key><dict>
            <key>allowDiagnosticSubmission</key><dict><key>value</key><false/></dict>
            <key>odd</key><integer>1</integer>
        </dict></dict></plist>"#;
        assert_eq!(
            rows(&ARTIFACT, list),
            json!([
                { "section": "restrictedBool", "setting": "allowDiagnosticSubmission", "value": "false",
                  "_line": "restrictedBool allowDiagnosticSubmission is false" },
                { "section": "restrictedBool", "setting": "odd", "details": "1", "_line": "restrictedBool odd is " },
            ])
        );
        shake(&ARTIFACT, list);
    }
}
