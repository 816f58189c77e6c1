use std::collections::HashMap;

use crate::artifact::property_list::{dictionary, moment, number};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.idstatuscache",
    title: "Apple account look-ups",
    about: "Which accounts this phone asked Apple about before it spoke to them, by service; kept until iOS 14.",
    files: &[
        "/private/var/mobile/Library/Preferences/com.apple.identityservices.idstatuscache.plist",
        "/private/var/mobile/Library/IdentityServices/idstatuscache.plist",
    ],
    columns: &[
        time("looked_up", Epoch::Mac, Moment::LookedUp),
        text("service"),
        email("user"),
        email("address"),
        int("status"),
        int("occurrences"),
    ],
    shows: Trace::Resolved,
    line: "account {user} looked up by {service}, status {status}",
    parse: Parse::Plist(parse),
};

fn parse(list: &plist::Value, out: &mut Out<'_>) -> Result<()> {
    // Members such as `CacheVersion` are no services.
    let services: Vec<_> = dictionary(list)?
        .iter()
        .filter_map(|(service, users)| Some((service.as_str(), users.as_dictionary()?)))
        .collect();
    let mut occurrences: HashMap<&str, i64> = HashMap::new();
    for user in services.iter().flat_map(|(_, users)| users.keys()) {
        *occurrences.entry(user).or_default() += 1;
    }
    for (service, users) in services {
        for (user, entry) in users {
            let place = Place::key(format!("{service}/{}", readable(user)));
            let Some(entry) = entry.as_dictionary() else {
                out.warn(Some(place), "an account's entry is not a dictionary");
                continue;
            };
            out.push(
                place,
                [
                    moment(entry, "LookupDate"),
                    service.into(),
                    readable(user).into(),
                    // What the malformed account would be without its NULs is what indicators name.
                    user.contains('\0').then(|| user.replace('\0', "")).into(),
                    number(entry, "IDStatus"),
                    occurrences.get(user.as_str()).copied().into(),
                ],
            );
        }
    }
    Ok(())
}

/// A NUL cannot be shown; two of them are a known trace, so they must not vanish.
fn readable(user: &str) -> String {
    user.replace('\0', "\\x00")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, shake};

    const CACHE: &[u8] = br#"<plist version="1.0"><dict>
        <key>CacheVersion</key><integer>3</integer>
        <key>com.apple.madrid</key><dict>
            <key>mailto:a@b.example</key>
            <dict><key>LookupDate</key><real>588814410.5</real><key>IDStatus</key><integer>1</integer></dict>
            <key>tel:+15550100</key><string>odd</string>
        </dict>
        <key>com.apple.ess</key><dict><key>mailto:a@b.example</key><dict/></dict>
    </dict></plist>"#;

    #[test]
    fn each_account_of_each_service_is_a_record() {
        assert_eq!(
            rows(&ARTIFACT, CACHE),
            json!([
                {
                    "looked_up": "2019-08-29T23:33:30.500000+00:00",
                    "service": "com.apple.madrid",
                    "user": "mailto:a@b.example",
                    "status": 1,
                    "occurrences": 2,
                    "_line": "account mailto:a@b.example looked up by com.apple.madrid, status 1",
                },
                {
                    "service": "com.apple.ess",
                    "user": "mailto:a@b.example",
                    "occurrences": 2,
                    "_line": "account mailto:a@b.example looked up by com.apple.ess, status ",
                },
            ])
        );
        shake(&ARTIFACT, CACHE);
    }

    #[test]
    fn nul_bytes_are_made_visible() {
        let mut entry = plist::Dictionary::new();
        entry.insert("IDStatus".into(), 2.into());
        let mut users = plist::Dictionary::new();
        users.insert("mailto:x\0\0@b.example".into(), plist::Value::Dictionary(entry));
        let mut services = plist::Dictionary::new();
        services.insert("com.apple.madrid".into(), plist::Value::Dictionary(users));
        let mut bytes = Vec::new();
        plist::Value::Dictionary(services).to_writer_binary(&mut bytes).unwrap();
        let records = rows(&ARTIFACT, &bytes);
        assert_eq!(records[0]["user"], r"mailto:x\x00\x00@b.example");
        assert_eq!(records[0]["address"], "mailto:x@b.example");
        shake(&ARTIFACT, &bytes);
    }
}
