use plist::Dictionary;

use crate::artifact::property_list::{dictionary, flag, member, members, number, text as text_of, unarchived};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.network_extensions",
    title: "VPN, DNS and content filters",
    about: "Apps and profiles that carry, filter or resolve the phone's connections, with the servers they use.",
    files: &["/private/var/preferences/com.apple.networkextension.plist"],
    columns: &[
        text("name"),
        app_id("app"),
        text("app_name"),
        text("kinds"),
        boolean("enabled"),
        host("servers"),
        url("urls"),
        message("strings"),
        profile_id("profile"),
        text("profile_organisation"),
        int("grade"),
    ],
    shows: Trace::Policy,
    line: "{kinds} {name} of {app} through {servers} {urls}",
    parse: Parse::Plist(parse),
};

/// What a configuration can be, and what has it.
const KINDS: [&str; 10] = [
    "VPN",
    "AppVPN",
    "AlwaysOnVPN",
    "ContentFilter",
    "DNSProxy",
    "DNSSettings",
    "URLFilter",
    "Relay",
    "PathController",
    "AppPush",
];

/// Strings kept of one configuration.
const STRINGS_KEPT: usize = 10_000;

fn parse(list: &plist::Value, out: &mut Out<'_>) -> Result<()> {
    let list = unarchived(list)?;
    let entries = dictionary(&list)?;
    for (key, configuration) in entries {
        // Beside them stand an index, a version and a signature.
        if let Some(configuration) = configuration.as_dictionary().filter(|fields| is_configuration(fields)) {
            push(key, configuration, out);
        }
    }
    if is_configuration(entries) {
        push("", entries, out);
    }
    Ok(())
}

fn is_configuration(fields: &Dictionary) -> bool {
    fields.contains_key("Name") || fields.contains_key("Grade") || !kinds(fields).is_empty()
}

fn kinds(fields: &Dictionary) -> Vec<&'static str> {
    // An absent part is no key, or archived as null.
    KINDS.into_iter().filter(|kind| member(fields, kind).is_some()).collect()
}

fn push(key: &str, fields: &Dictionary, out: &mut Out<'_>) {
    let kinds = kinds(fields);
    let parts = || kinds.iter().filter_map(|kind| member(fields, kind));
    let (mut servers, mut urls, mut strings, mut kept) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for (kind, part) in kinds.iter().filter_map(|kind| Some((kind, fields.get(kind)?))) {
        members(part, &mut |path, value| {
            let Some(text) = value.as_string().filter(|text| text.contains(['.', ':']) && kept < STRINGS_KEPT)
            else {
                return;
            };
            kept += 1;
            let named = path.rsplit('/').find(|name| !name.bytes().all(|byte| byte.is_ascii_digit()));
            let named = named.unwrap_or(kind).to_ascii_lowercase();
            if text.contains("://") {
                urls.push(text.to_owned());
            } else if named.contains("server") || named.contains("host") || named.contains("proxy") {
                servers.push(text.to_owned());
            } else if !named.starts_with('$') {
                strings.push(text.to_owned());
            }
        });
    }
    if kept >= STRINGS_KEPT {
        out.warn(Some(Place::key(key)), "some strings of the configuration were too many to keep");
    }
    let listed =
        |texts: Vec<String>| if texts.is_empty() { Value::Null } else { texts.into_iter().collect() };
    let enabled = parts().map(|part| flag(part, "Enabled")).find(|flag| !flag.is_null());
    let profile = member(fields, "ProfileInfo");
    let of_profile = |keys: [&str; 2]| {
        let values = keys.into_iter().filter_map(|key| Some(text_of(profile?, key)));
        values.into_iter().find(|value| !value.is_null()).unwrap_or_default()
    };
    out.push(
        Place::key(key),
        [
            text_of(fields, "Name"),
            text_of(fields, "Application"),
            text_of(fields, "ApplicationName"),
            if kinds.is_empty() { Value::Null } else { kinds.iter().copied().collect() },
            enabled.unwrap_or_default(),
            listed(servers),
            listed(urls),
            listed(strings),
            of_profile(["ProfileIdentifier", "PayloadUUID"]),
            of_profile(["PayloadOrganization", "ProfileOrganization"]),
            number(fields, "Grade"),
        ],
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, shake};

    const LIST: &[u8] = br#"<plist version="1.0"><dict>
        <key>Version</key><integer>1</integer>
        <key>11111111-AAAA</key><dict>
            <key>Name</key><string>Example VPN</string>
            <key>Application</key><string>com.example.vpn</string>
            <key>Grade</key><integer>1</integer>
            <key>VPN</key><dict><key>Enabled</key><true/><key>Protocol</key><dict>
                <key>ServerAddress</key><string>vpn.example</string><key>Type</key><string>com.example.type</string></dict></dict>
            <key>DNSSettings</key><dict><key>Servers</key><array><string>203.0.113.5</string></array>
                <key>ServerURL</key><string>https://dns.example/q</string></dict>
            <key>ProfileInfo</key><dict><key>ProfileIdentifier</key><string>com.example.profile</string></dict>
        </dict>
    </dict></plist>"#;

    #[test]
    fn servers_and_addresses_of_every_part_are_kept() {
        assert_eq!(
            rows(&ARTIFACT, LIST),
            json!([{
                "name": "Example VPN", "app": "com.example.vpn", "kinds": ["VPN", "DNSSettings"], "enabled": true,
                "servers": ["vpn.example", "203.0.113.5"], "urls": ["https://dns.example/q"], "strings": ["com.example.type"],
                "profile": "com.example.profile", "grade": 1,
                "_line": "VPN, DNSSettings Example VPN of com.example.vpn through vpn.example, 203.0.113.5 https://dns.example/q",
            }])
        );
        shake(&ARTIFACT, LIST);
    }

    #[test]
    fn archived_objects_are_read() {
        let uid = |index| plist::Value::Uid(plist::Uid::new(index));
        let text = |text: &str| plist::Value::String(text.into());
        let fields = |pairs: Vec<(&str, plist::Value)>| {
            plist::Value::Dictionary(pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
        };
        let list = fields(vec![
            ("$archiver", text("NSKeyedArchiver")),
            ("$top", fields(vec![("Index", uid(0)), ("1111-AAAA", uid(1))])),
            (
                "$objects",
                plist::Value::Array(vec![
                    text("$null"),
                    fields(vec![("Name", uid(2)), ("ContentFilter", uid(3)), ("VPN", uid(0)), ("$class", uid(4))]),
                    text("Filter"),
                    fields(vec![("Enabled", plist::Value::Boolean(false)), ("$class", uid(4))]),
                    fields(vec![("$classname", text("NEConfiguration"))]),
                ]),
            ),
        ]);
        let mut bytes = Vec::new();
        list.to_writer_binary(&mut bytes).unwrap();
        assert_eq!(
            rows(&ARTIFACT, &bytes),
            json!([{ "name": "Filter", "kinds": ["ContentFilter"], "enabled": false,
                     "_line": "ContentFilter Filter of  through  " }])
        );
        shake(&ARTIFACT, &bytes);
    }
}
