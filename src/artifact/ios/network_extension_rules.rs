use std::collections::BTreeSet;

use crate::artifact::property_list::{members, unarchived};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.network_extension_rules",
    title: "Programs known to VPN and filters",
    about: "Apps and programs for which network rules were made, with the ids of their executables.",
    files: &[
        "/private/var/preferences/com.apple.networkextension.cache.plist",
        "/private/var/preferences/com.apple.networkextension.uuidcache.plist",
    ],
    columns: &[process("program"), app_id("bundle_id"), text("uuid"), text("section")],
    shows: Trace::Installed,
    line: "network rules for {program}, executable {uuid}",
    parse: Parse::Plist(parse),
};

/// Rules compared with one another; what is beyond may be told twice.
const COMPARED: usize = 10_000;

/// `app-rules/com.example.app/0` → an executable's UUID; the name is the nearest key above it.
fn parse(list: &plist::Value, out: &mut Out<'_>) -> Result<()> {
    let list = unarchived(list)?;
    let mut seen = BTreeSet::new();
    members(&list, &mut |path, value| {
        let Some(uuid) = value.as_string().filter(|text| is_uuid(text)) else { return };
        let keys: Vec<&str> = path.split('/').collect();
        let is_name = |key: &str| !key.is_empty() && !key.bytes().all(|byte| byte.is_ascii_digit());
        let Some(at) = keys.iter().rposition(|key| is_name(key) && !is_uuid(key)) else { return };
        // A path is a name with slashes of its own.
        let start = keys.iter().position(|key| key.is_empty()).filter(|start| *start < at).unwrap_or(at);
        let name = keys.get(start..=at).unwrap_or_default().join("/");
        let section = keys.first().copied().filter(|_| start > 0).unwrap_or_default();
        if seen.len() >= COMPARED || seen.insert((name.clone(), uuid)) {
            let bundle_id = name.contains('.') && !name.starts_with('/');
            let bundle_id = bundle_id.then(|| name.clone());
            out.push(Place::key(path), [name.into(), bundle_id.into(), uuid.into(), section.into()]);
        }
    });
    Ok(())
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36 && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, shake};

    #[test]
    fn names_stand_above_their_uuids() {
        let list = br#"<plist version="1.0"><dict><key>uuid-mappings</key><dict>
            <key>com.example.app</key><array><string>11111111-2222-3333-4444-555555555555</string><string>no</string></array>
            <key>/usr/libexec/x</key><array><string>AAAAAAAA-2222-3333-4444-555555555555</string></array>
        </dict></dict></plist>"#;
        assert_eq!(
            rows(&ARTIFACT, list),
            json!([
                { "program": "com.example.app", "bundle_id": "com.example.app", "uuid": "11111111-2222-3333-4444-555555555555",
                  "section": "uuid-mappings",
                  "_line": "network rules for com.example.app, executable 11111111-2222-3333-4444-555555555555" },
                { "program": "/usr/libexec/x", "uuid": "AAAAAAAA-2222-3333-4444-555555555555", "section": "uuid-mappings",
                  "_line": "network rules for /usr/libexec/x, executable AAAAAAAA-2222-3333-4444-555555555555" },
            ])
        );
        shake(&ARTIFACT, list);
    }
}
