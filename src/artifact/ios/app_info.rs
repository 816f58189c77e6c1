use crate::artifact::property_list::{dictionary, items, text as text_of};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.app_info",
    title: "Apps as they describe themselves",
    about: "Every app that lies on the phone, from the store or not, with its id, its program and what it may do in the background.",
    files: &["/private/var/containers/Bundle/Application/*/*.app/Info.plist"],
    columns: &[
        app_id("bundle_id"),
        text("name"),
        text("version"),
        text("bundle_version"),
        process("executable"),
        text("minimum_os"),
        text("background_modes"),
        text("url_schemes"),
    ],
    shows: Trace::Installed,
    line: "app {name} ({bundle_id}) version {version}, program {executable}",
    parse: Parse::Plist(parse),
};

fn parse(list: &plist::Value, out: &mut Out<'_>) -> Result<()> {
    let info = dictionary(list)?;
    let field = |key| text_of(info, key);
    let name = match field("CFBundleDisplayName") {
        Value::Null => field("CFBundleName"),
        name => name,
    };
    let schemes = items(info, "CFBundleURLTypes")
        .iter()
        .filter_map(plist::Value::as_dictionary)
        .flat_map(|kind| items(kind, "CFBundleURLSchemes"));
    out.push(
        Place::key("Info"),
        [
            field("CFBundleIdentifier"),
            name,
            field("CFBundleShortVersionString"),
            field("CFBundleVersion"),
            field("CFBundleExecutable"),
            field("MinimumOSVersion"),
            texts(items(info, "UIBackgroundModes").iter()),
            texts(schemes),
        ],
    );
    Ok(())
}

fn texts<'v>(values: impl Iterator<Item = &'v plist::Value>) -> Value<'v> {
    let texts: Vec<&str> = values.filter_map(plist::Value::as_string).collect();
    if texts.is_empty() { Value::Null } else { texts.into_iter().collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, shake};

    #[test]
    fn an_app_states_its_id_its_program_and_its_rights() {
        let info = br#"<plist version="1.0"><dict>
            <key>CFBundleIdentifier</key><string>com.example.app</string>
            <key>CFBundleName</key><string>App</string>
            <key>CFBundleShortVersionString</key><string>1.2</string>
            <key>CFBundleExecutable</key><string>App</string>
            <key>UIBackgroundModes</key><array><string>audio</string><integer>1</integer><string>voip</string></array>
            <key>CFBundleURLTypes</key><array>
                <dict><key>CFBundleURLSchemes</key><array><string>exampleapp</string></array></dict><true/>
            </array>
        </dict></plist>"#;
        assert_eq!(
            rows(&ARTIFACT, info),
            json!([{
                "bundle_id": "com.example.app",
                "name": "App",
                "version": "1.2",
                "executable": "App",
                "background_modes": ["audio", "voip"],
                "url_schemes": ["exampleapp"],
                "_line": "app App (com.example.app) version 1.2, program App",
            }])
        );
        shake(&ARTIFACT, info);
    }

    #[test]
    fn an_app_that_says_nothing_is_still_an_app() {
        let app = json!([{ "_line": "app  () version , program " }]);
        assert_eq!(rows(&ARTIFACT, b"<plist><dict><key>CFBundleIdentifier</key><true/></dict></plist>"), app);
    }
}
