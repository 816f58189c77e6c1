use crate::artifact::prelude::*;
use crate::artifact::property_list::{dictionary, shown};

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.crash_reporter_settings",
    title: "Settings of the crash reporter",
    about: "Whether and how crash reports are written and sent; most phones have no such file.",
    files: &[
        "/private/var/root/Library/Preferences/com.apple.CrashReporter.plist",
        "/private/var/mobile/Library/Preferences/com.apple.CrashReporter.plist",
    ],
    columns: &[text("entry"), message("value")],
    shows: Trace::Policy,
    line: "crash reporter: {entry} = {value}",
    parse: Parse::Plist(|list, out| {
        let settings = dictionary(list)?;
        // That the file is there and says nothing is a fact of its own.
        if settings.is_empty() {
            out.push(Place::key(""), [Value::Null, Value::Null]);
        }
        for (key, value) in settings {
            out.push(Place::key(key.as_str()), [key.as_str().into(), shown(value).into()]);
        }
        Ok(())
    }),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    #[test]
    fn one_record_a_key_and_one_for_an_empty_file() {
        let list = br#"<plist version="1.0"><dict><key>DialogType</key><string>none</string></dict></plist>"#;
        assert_eq!(
            rows(&ARTIFACT, list),
            json!([{"entry": "DialogType", "value": "none", "_line": "crash reporter: DialogType = none"}])
        );
        let empty = br#"<plist version="1.0"><dict/></plist>"#;
        assert_eq!(rows(&ARTIFACT, empty), json!([{"_line": "crash reporter:  = "}]));
        shake(&ARTIFACT, list);
    }
}
