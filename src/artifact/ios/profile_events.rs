use plist::Dictionary;

use crate::artifact::property_list::{dictionary, items, moment_of, shown};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.profile_events",
    title: "Profile events",
    about: "When a configuration profile was installed, changed or removed, and by which process.",
    files: &[
        "/private/var/containers/Shared/SystemGroup/*/Library/ConfigurationProfiles/MCProfileEvents.plist",
        "/private/var/mobile/Library/ConfigurationProfiles/MCProfileEvents.plist",
        "/private/var/mobile/Library/UserConfigurationProfiles/MCProfileEvents.plist",
    ],
    columns: &[
        time("happened", Epoch::Mac, Moment::ProfileChanged),
        profile_id("profile_id"),
        text("operation"),
        process("process"),
        message("details"),
    ],
    shows: Trace::Policy,
    line: "process {process} did operation {operation} of profile {profile_id}",
    parse: Parse::Plist(parse),
};

fn parse(list: &plist::Value, out: &mut Out<'_>) -> Result<()> {
    let entries = dictionary(list)?;
    anyhow::ensure!(entries.is_empty() || entries.contains_key("ProfileEvents"), "has no `ProfileEvents`");
    for (index, event) in items(entries, "ProfileEvents").iter().enumerate() {
        let place = Place::key(format!("ProfileEvents/{index}"));
        let Some(event) = event.as_dictionary() else {
            out.warn(Some(place), "an event is not a dictionary");
            continue;
        };
        for (profile, facts) in event {
            match facts.as_dictionary() {
                Some(facts) => push(place.clone(), profile, facts, out),
                None => out.warn(Some(place.clone()), "the facts of an event are not a dictionary"),
            }
        }
    }
    Ok(())
}

fn push(place: Place, profile: &str, facts: &Dictionary, out: &mut Out<'_>) {
    let mut happened = Value::Null;
    let (mut operation, mut process) = (Value::Null, Value::Null);
    let mut details = Vec::new();
    for (key, fact) in facts {
        // The case of these names varies between versions.
        let key = key.to_lowercase();
        match (key.as_str(), fact.as_string()) {
            ("timestamp", _) => happened = moment_of(fact),
            ("operation", Some(text)) => operation = text.into(),
            ("process", Some(text)) => process = text.into(),
            _ => details.push(format!("{key}: {}", shown(fact))),
        }
    }
    let details = if details.is_empty() { Value::Null } else { details.into_iter().collect() };
    out.push(place, [happened, profile.into(), operation, process, details]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows_at, shake};

    #[test]
    fn names_are_read_in_any_case_and_unknown_ones_kept() {
        let list = br#"<plist version="1.0"><dict><key>ProfileEvents</key><array>
            <dict><key>com.example.vpn</key><dict>
                <key>Timestamp</key><date>2024-01-02T03:04:05Z</date>
                <key>Operation</key><string>install</string>
                <key>process</key><string>profiled</string>
                <key>Source</key><string>x.example</string>
            </dict></dict>
            <string>odd</string>
            <dict><key>com.example.b</key><integer>1</integer></dict>
        </array></dict></plist>"#;
        let (records, warnings) = rows_at(&ARTIFACT, "", list);
        assert_eq!(
            records,
            json!([{
                "happened": "2024-01-02T03:04:05.000000+00:00",
                "profile_id": "com.example.vpn",
                "operation": "install",
                "process": "profiled",
                "details": ["source: x.example"],
                "_line": "process profiled did operation install of profile com.example.vpn",
            }])
        );
        assert_eq!(warnings, ["an event is not a dictionary", "the facts of an event are not a dictionary"]);
        let other = b"<plist><dict><key>a</key><string>b</string></dict></plist>";
        assert_eq!(rows_at(&ARTIFACT, "", other).1, ["has no `ProfileEvents`"]);
        shake(&ARTIFACT, list);
    }
}
