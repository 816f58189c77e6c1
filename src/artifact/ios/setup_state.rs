use crate::artifact::prelude::*;
use crate::artifact::property_list::{dictionary, moment, shown, text as text_of};

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.setup_state",
    title: "Setup of the phone",
    about: "When the assistant that sets up a new or wiped phone was last left, and how far it got.",
    files: &["/private/var/mobile/Library/Preferences/com.apple.purplebuddy.plist"],
    columns: &[
        time("set_up", Epoch::Mac, Moment::Ended),
        text("state"),
        text("setup_version"),
        text("last_version"),
        text("restored_from"),
    ],
    shows: Trace::Mentioned,
    line: "setup of the phone: {state} {restored_from}",
    parse: Parse::Plist(|list, out| {
        let setup = dictionary(list)?;
        let shown_of = |key| setup.get(key).map(shown);
        let values = [
            moment(setup, "SetupLastExit"),
            text_of(setup, "SetupState"),
            shown_of("SetupVersion").into(),
            shown_of("setupMigratorVersion").or_else(|| shown_of("SetupFinishedAllSteps")).into(),
            shown_of("RestoreChoice").into(),
        ];
        out.push(Place::key("SetupState"), values);
        Ok(())
    }),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, shake};

    #[test]
    fn the_last_setup_has_its_time() {
        let list = b"<plist><dict><key>SetupLastExit</key><date>2024-01-02T03:04:05Z</date><key>SetupState</key><string>SetupUsingAssistant</string>
            <key>SetupVersion</key><integer>11</integer><key>setupMigratorVersion</key><integer>10</integer><key>RestoreChoice</key><true/></dict></plist>";
        assert_eq!(
            rows(&ARTIFACT, list),
            json!([{"set_up": "2024-01-02T03:04:05.000000+00:00", "state": "SetupUsingAssistant", "setup_version": "11",
                    "last_version": "10", "restored_from": "true", "_line": "setup of the phone: SetupUsingAssistant true"}])
        );
        shake(&ARTIFACT, list);
    }
}
