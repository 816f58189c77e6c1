use crate::artifact::android_text::yearless;
use crate::artifact::prelude::*;
use crate::artifact::settings;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.setting_changes",
    title: "Changes of settings",
    about: "When settings were changed, from what to what and by which app; only some makers keep this history.",
    files: &["/dumpsys/settings"],
    columns: &[
        time("changed", Epoch::Local, Moment::Modified),
        text("namespace"),
        int("user"),
        text("name"),
        message("old_value"),
        message("new_value"),
        app_id("changed_by"),
        text("mode"),
    ],
    shows: Trace::Policy,
    line: "setting {namespace}/{name} was changed from {old_value} to {new_value} by {changed_by}",
    parse: Parse::Text(parse),
};

fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    let path = out.path().to_owned();
    settings::read(&path, lines, &mut |setting| {
        for change in &setting.history {
            let place = Place::Line { line: change.line };
            let time = yearless(&change.time, out.clock());
            if time.is_none() {
                out.warn(Some(place.clone()), "the time of a change cannot be told");
            }
            out.push(
                place,
                [
                    time.into(),
                    setting.namespace.as_str().into(),
                    setting.user.into(),
                    setting.name.as_str().into(),
                    change.old.as_deref().into(),
                    change.new.as_deref().into(),
                    change.package.as_deref().into(),
                    change.mode.as_deref().into(),
                ],
            );
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const DUMP: &str = "\
SECURE SETTINGS (user 0)
_id:9 name:accessibility_enabled pkg:com.example.tool value:1 tag:null
  History (2):
    time:12-31 23:00:00.000 mode:SET oldValue:0
 newValue:1 package:com.example.tool
    time:01-02 08:00:00.000 mode:SET oldValue:1 newValue:1 package:com.example.tool
    time:soon mode:SET
";

    #[test]
    fn changes_are_timed_by_the_acquisition_and_wrapped_ones_joined() {
        let (records, warnings) = rows_timed(&ARTIFACT, "/dumpsys/settings", DUMP.as_bytes());
        assert_eq!(warnings, ["the time of a change cannot be told"]);
        assert_eq!(
            records[0],
            json!({
                "changed": "2022-12-31T21:00:00.000000+00:00", "namespace": "secure", "user": 0, "name": "accessibility_enabled",
                "old_value": "0", "new_value": "1", "changed_by": "com.example.tool", "mode": "SET",
                "_line": "setting secure/accessibility_enabled was changed from 0 to 1 by com.example.tool",
            })
        );
        assert_eq!(records[1]["changed"], "2023-01-02T06:00:00.000000+00:00");
        assert_eq!(records.as_array().unwrap().len(), 3);
    }

    #[test]
    fn broken_text_never_panics() {
        shake(&ARTIFACT, DUMP.as_bytes());
    }
}
