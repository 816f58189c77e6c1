use crate::artifact::json::{boolean as flag_of, each, known, word as text_of};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.collected_packages",
    title: "Packages (collector)",
    about: "Every app as the collector listed it, also such as were removed and left their data.",
    files: &["/androidqf/packages.json"],
    columns: &[
        app_id("package"),
        // The text `null` says that nobody is known to have installed it, an empty one that the phone could not say.
        app_id("installer"),
        int("uid"),
        boolean("disabled"),
        boolean("system"),
        boolean("third_party"),
        int("files"),
    ],
    shows: Trace::Installed,
    line: "package {package}, installed by {installer}",
    parse: Parse::Bytes { most: 512 << 20, parse },
};

fn parse(bytes: &[u8], out: &mut Out<'_>) -> Result<()> {
    each(bytes, |number, package| {
        let place = Place::key(format!("[{number}]"));
        let Some(name) = text_of(package, "name") else {
            out.warn(Some(place), "is no package");
            return;
        };
        let files = package.get("files").and_then(|files| files.as_array()).map(|files| files.len() as u64);
        out.push(
            place,
            [
                name.into(),
                package.get("installer").and_then(|installer| installer.as_str()).into(),
                known(package, "uid").into(),
                flag_of(package, "disabled").into(),
                flag_of(package, "system").into(),
                flag_of(package, "third_party").into(),
                files.into(),
            ],
        );
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const PACKAGES: &str = r#"[
{"name": "org.example.adb", "installer": "null", "uid": 10123, "disabled": false, "system": false, "third_party": true, "files": [{"path": "/data/app/x/base.apk"}]},
{"name": "org.example.empty", "installer": "", "uid": 0, "files": null},
{"installer": "a"}]"#;

    #[test]
    fn no_installer_and_an_unknown_one_are_two_facts() {
        let (records, warnings) = rows_at(&ARTIFACT, "/androidqf/packages.json", PACKAGES.as_bytes());
        assert_eq!(
            records,
            json!([
                {"package": "org.example.adb", "installer": "null", "uid": 10123, "disabled": false, "system": false, "third_party": true,
                 "files": 1, "_line": "package org.example.adb, installed by null"},
                {"package": "org.example.empty", "installer": "", "_line": "package org.example.empty, installed by "},
            ])
        );
        assert_eq!(warnings, ["is no package"]);
    }

    #[test]
    fn broken_text_never_panics() {
        shake(&ARTIFACT, PACKAGES.as_bytes());
    }
}
