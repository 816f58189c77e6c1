use crate::artifact::property_list::{dictionary, text as text_of};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.system_version",
    title: "iOS version",
    about: "The version of iOS on the phone, and whether it is a beta or an internal one, which has programs in other places.",
    files: &["/System/Library/CoreServices/SystemVersion.plist"],
    columns: &[
        text("product"),
        text("product_version"),
        text("build"),
        text("build_id"),
        text("release_type"),
        text("image_id"),
    ],
    shows: Trace::Mentioned,
    line: "{product} {product_version} ({build}) {release_type}",
    parse: Parse::Plist(|list, out| {
        let list = dictionary(list)?;
        let keys =
            ["ProductName", "ProductVersion", "ProductBuildVersion", "BuildID", "ReleaseType", "SystemImageID"];
        out.push(Place::key(""), keys.map(|key| text_of(list, key)));
        Ok(())
    }),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, shake};

    #[test]
    fn version_and_release_type_are_told() {
        let list = br#"<plist version="1.0"><dict><key>ProductName</key><string>iPhone OS</string>
            <key>ProductVersion</key><string>26.1</string><key>ProductBuildVersion</key><string>23B85</string>
            <key>ReleaseType</key><string>Beta</string></dict></plist>"#;
        assert_eq!(
            rows(&ARTIFACT, list),
            json!([{ "product": "iPhone OS", "product_version": "26.1", "build": "23B85", "release_type": "Beta",
                     "_line": "iPhone OS 26.1 (23B85) Beta" }])
        );
        shake(&ARTIFACT, list);
    }
}
