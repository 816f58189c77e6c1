use crate::artifact::property_list::members;
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "sysdiagnose.preferences",
    title: "Addresses in preferences",
    about: "Web addresses, mail addresses and names of apps in the settings that the collector copied.",
    files: &["/sysdiagnose/Preferences/**/*.plist", "/sysdiagnose/logs/CalendarPreferences/*.plist"],
    columns: &[text("entry"), url("url"), email("email"), app_id("bundle_id"), message("value")],
    shows: Trace::Mentioned,
    line: "{entry} = {url}{email}{bundle_id}{value}",
    parse: Parse::Plist(parse),
};

/// Different strings kept of a file; preferences have some hundred.
const STRINGS_KEPT: usize = 50_000;

fn parse(list: &plist::Value, out: &mut Out<'_>) -> Result<()> {
    let mut kept = 0;
    members(list, &mut |path, value| {
        let (key, text) = match value {
            plist::Value::String(text) => (path, text.as_str()),
            // Settings of an app stand under its id.
            _ => (path, path.rsplit('/').next().unwrap_or_default()),
        };
        if !text.contains(['.', '@', ':']) || text.starts_with("com.apple.") {
            return;
        }
        kept += 1;
        if kept > STRINGS_KEPT {
            out.warn(None, "some of its strings were too many to keep");
            return;
        }
        let kind = match text {
            _ if text.contains(char::is_whitespace) => 3,
            _ if text.contains("://") => 0,
            _ if text.contains('@') => 1,
            _ if is_dotted(text) => 2,
            _ => 3,
        };
        let column = |wanted| if kind == wanted { Value::from(text) } else { Value::Null };
        out.push(Place::key(key), [key.into(), column(0), column(1), column(2), column(3)]);
    });
    Ok(())
}

fn is_dotted(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.contains('.') && text.chars().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, shake};

    #[test]
    fn strings_and_keys_that_may_be_addresses_are_told() {
        let list = br#"<plist version="1.0"><dict>
            <key>OwnerEmailAddress</key><string>a@example.org</string>
            <key>Calendars</key><array><string>https://cal.example/x</string><string>plain</string></array>
            <key>com.example.app</key><true/>
            <key>Note</key><string>see b.example today</string>
        </dict></plist>"#;
        assert_eq!(
            rows(&ARTIFACT, list),
            json!([
                { "entry": "OwnerEmailAddress", "email": "a@example.org", "_line": "OwnerEmailAddress = a@example.org" },
                { "entry": "Calendars/0", "url": "https://cal.example/x", "_line": "Calendars/0 = https://cal.example/x" },
                { "entry": "com.example.app", "bundle_id": "com.example.app", "_line": "com.example.app = com.example.app" },
                { "entry": "Note", "value": "see b.example today", "_line": "Note = see b.example today" },
            ])
        );
        shake(&ARTIFACT, list);
    }
}
