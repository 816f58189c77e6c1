use plist::Value as Plist;

use crate::artifact::prelude::*;
use crate::artifact::property_list as fields;
use crate::format::keyed;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.image_paths",
    title: "Programs and libraries by their UUID",
    about: "Where programs and libraries lay whose UUIDs occur in logs; also after they were removed.",
    files: &[
        "/private/var/db/spindump/UUIDToBinaryLocations",
        "/sysdiagnose/logs/tailspindb/**",
        "/sysdiagnose/logs/olddsc/**",
    ],
    columns: &[path("image"), text("image_uuid"), text("shared_cache")],
    shows: Trace::Installed,
    line: "{image} with the UUID {image_uuid}",
    parse: Parse::Bytes { most: 64 << 20, parse },
};

/// Dictionaries of iOS 12 to 14 that name a path for each UUID, and lists of the libraries of an earlier shared cache.
fn parse(bytes: &[u8], out: &mut Out<'_>) -> Result<()> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(());
    }
    if bytes.trim_ascii_start().starts_with(b"{")
        && let Ok(locations) = serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(bytes)
    {
        for (uuid, path) in &locations {
            push(uuid, path.as_str(), None, out);
        }
        return Ok(());
    }
    let list = keyed::parse(bytes).context("is neither a property list nor JSON")?;
    let entries = fields::dictionary(&list)?;
    let Some(binaries) = entries.get("Binaries").and_then(Plist::as_array) else {
        for (uuid, path) in entries {
            push(uuid, path.as_string(), None, out);
        }
        return Ok(());
    };
    let text = |key: &str| entries.get(key).and_then(Plist::as_string);
    let cache = text("UUID_String").or_else(|| text("UUID")).or_else(|| text("Unslid_Base_Address"));
    for binary in binaries {
        let Some(binary) = binary.as_dictionary() else {
            out.warn(None, "a library is no dictionary");
            continue;
        };
        let uuid = binary.get("UUID_String").and_then(Plist::as_string).unwrap_or_default();
        push(uuid, binary.get("Path").and_then(Plist::as_string), cache, out);
    }
    Ok(())
}

fn push(uuid: &str, path: Option<&str>, cache: Option<&str>, out: &mut Out<'_>) {
    match path.filter(|path| path.starts_with('/')) {
        Some(path) => out.push(Place::key(uuid), [path.into(), uuid.into(), cache.into()]),
        None => out.warn(Some(Place::key(uuid)), "names no path"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    fn plist(body: &str) -> Vec<u8> {
        format!("<plist version=\"1.0\"><dict>{body}</dict></plist>").into_bytes()
    }

    #[test]
    fn both_forms_give_a_path_for_each_uuid() {
        let locations = plist("<key>AA-1</key><string>/private/var/tmp/x</string><key>B</key><integer>1</integer>");
        let (records, warnings) = rows_at(&ARTIFACT, "/sysdiagnose/logs/tailspindb/UUIDToBinaryLocations", &locations);
        let expected = json!([{
            "image": "/private/var/tmp/x", "image_uuid": "AA-1", "_line": "/private/var/tmp/x with the UUID AA-1",
        }]);
        assert_eq!((&records, warnings), (&expected, vec!["names no path".to_owned()]));
        assert_eq!(rows(&ARTIFACT, br#"{"AA-1": "/private/var/tmp/x"}"#), expected);
    }

    #[test]
    fn libraries_of_a_cache_name_it() {
        let list = plist(
            "<key>UUID_String</key><string>CC</string><key>Binaries</key><array><dict><key>Path</key>\
             <string>/usr/lib/x.dylib</string><key>UUID_String</key><string>AA</string></dict><string>odd</string></array>",
        );
        let (records, warnings) = rows_at(&ARTIFACT, "/sysdiagnose/logs/olddsc/a", &list);
        assert_eq!(
            records,
            json!([{
                "image": "/usr/lib/x.dylib", "image_uuid": "AA", "shared_cache": "CC",
                "_line": "/usr/lib/x.dylib with the UUID AA",
            }])
        );
        assert_eq!(warnings, ["a library is no dictionary"]);
    }

    #[test]
    fn broken_lists_never_panic() {
        shake(&ARTIFACT, &plist("<key>AA-1</key><string>/private/var/tmp/x</string>"));
        assert_eq!(rows_at(&ARTIFACT, "/x", b"hello").1.len(), 1);
    }
}
