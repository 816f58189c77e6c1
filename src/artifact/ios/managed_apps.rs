use crate::artifact::prelude::*;
use crate::artifact::property_list::{dictionary, member, number, shown};

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.managed_apps",
    title: "Apps under management",
    about: "Apps that whoever manages the phone put on it, or tried to.",
    files: &[
        "/private/var/containers/Shared/SystemGroup/*/Library/ConfigurationProfiles/MDMAppManagement.plist",
        "/private/var/mobile/Library/ConfigurationProfiles/MDMAppManagement.plist",
        "/private/var/mobile/Library/UserConfigurationProfiles/MDMAppManagement.plist",
    ],
    columns: &[app_id("bundle_id"), int("state"), int("flags"), message("details")],
    shows: Trace::Installed,
    line: "managed app {bundle_id}, state {state}",
    parse: Parse::Plist(parse),
};

fn parse(list: &plist::Value, out: &mut Out<'_>) -> Result<()> {
    let list = dictionary(list)?;
    for (bundle_id, facts) in member(list, "metadataByBundleID").into_iter().flatten() {
        let of = |name| facts.as_dictionary().map(|facts| number(facts, name)).unwrap_or_default();
        let place = Place::key(format!("metadataByBundleID/{bundle_id}"));
        out.push(place, [bundle_id.as_str().into(), of("state"), of("flags"), shown(facts).into()]);
    }
    for (key, value) in list.iter().filter(|(key, _)| *key != "metadataByBundleID") {
        const NULL: Value<'static> = Value::Null;
        out.push(Place::key(key.as_str()), [NULL, NULL, NULL, format!("{key}: {}", shown(value)).into()]);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, shake};

    #[test]
    fn apps_are_told_with_what_is_known_and_nothing_else_is_lost() {
        let list = b"<plist><dict><key>metadataByBundleID</key><dict>
            <key>com.example.a</key><dict><key>state</key><integer>7</integer><key>flags</key><integer>1</integer></dict>
            <key>com.example.b</key><string>odd</string></dict><key>other</key><string>https://a.example</string></dict></plist>";
        assert_eq!(
            rows(&ARTIFACT, list),
            json!([
                {"bundle_id": "com.example.a", "state": 7, "flags": 1, "details": "{state: 7, flags: 1}",
                 "_line": "managed app com.example.a, state 7"},
                {"bundle_id": "com.example.b", "details": "odd", "_line": "managed app com.example.b, state "},
                {"details": "other: https://a.example", "_line": "managed app , state "},
            ])
        );
        shake(&ARTIFACT, list);
    }
}
