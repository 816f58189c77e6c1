use crate::artifact::property_list::{dictionaries, moment, shown, text as text_of};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.restriction_events",
    title: "Changes of restrictions",
    about: "Which program last changed which restriction or managed setting of the phone, and when.",
    files: &[
        "/private/var/containers/Shared/SystemGroup/*/Library/ConfigurationProfiles/MCSettingsEvents.plist",
        "/private/var/mobile/Library/ConfigurationProfiles/MCSettingsEvents.plist",
        "/private/var/mobile/Library/UserConfigurationProfiles/MCSettingsEvents.plist",
    ],
    columns: &[
        time("happened", Epoch::Mac, Moment::Updated),
        text("setting"),
        text("event"),
        process("process"),
        message("value"),
    ],
    shows: Trace::Policy,
    line: "process {process} changed {setting}: {event}",
    parse: Parse::Plist(|list, out| {
        dictionaries(list, &mut |path, entries| {
            if ["timestamp", "process", "event"].iter().any(|key| entries.get(key).is_some_and(is_plain)) {
                let values = [
                    moment(entries, "timestamp"),
                    path.into(),
                    entries.get("event").map(shown).into(),
                    text_of(entries, "process"),
                    entries.get("value").map(shown).into(),
                ];
                out.push(Place::key(path), values);
            }
        });
        let empty = list.as_dictionary().is_some_and(plist::Dictionary::is_empty);
        anyhow::ensure!(out.records() > 0 || empty, "has no dictionary with a `timestamp`, `process` or `event`");
        Ok(())
    }),
};

fn is_plain(value: &plist::Value) -> bool {
    value.as_dictionary().is_none() && value.as_array().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, rows_at, shake};

    #[test]
    fn each_setting_is_a_record_however_deep_it_stands() {
        let list = br#"<plist version="1.0"><dict><key>restrictedBool</key><dict>
            <key>allowCamera</key><dict>
                <key>timestamp</key><date>2024-01-02T03:04:05Z</date>
                <key>event</key><string>set</string><key>process</key><string>profiled</string>
            </dict>
            <key>odd</key><integer>4</integer>
        </dict></dict></plist>"#;
        assert_eq!(
            rows(&ARTIFACT, list),
            json!([{
                "happened": "2024-01-02T03:04:05.000000+00:00",
                "setting": "restrictedBool/allowCamera",
                "event": "set",
                "process": "profiled",
                "_line": "process profiled changed restrictedBool/allowCamera: set",
            }])
        );
        shake(&ARTIFACT, list);
        let other = b"<plist><dict><key>a</key><string>b</string></dict></plist>";
        assert_eq!(rows_at(&ARTIFACT, "/x", other).1, ["has no dictionary with a `timestamp`, `process` or `event`"]);
        assert_eq!(rows_at(&ARTIFACT, "/x", b"<plist><dict/></plist>").1, [""; 0]);
    }
}
