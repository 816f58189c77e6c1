use plist::Dictionary;

use crate::artifact::property_list::{dictionary, flag, items, member, moment, text as text_of};
use crate::artifact::certificates::{digests, names};
use crate::artifact::prelude::*;
use crate::format::keyed;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.profiles",
    title: "Configuration profiles",
    about: "Installed profiles: settings that somebody other than the owner may have put on the phone.",
    files: &[
        "/private/var/containers/Shared/SystemGroup/*/Library/ConfigurationProfiles/profile-*",
        "/private/var/mobile/Library/ConfigurationProfiles/profile-*",
        "/private/var/mobile/Library/UserConfigurationProfiles/profile-*",
    ],
    columns: &[
        profile_id("uuid"),
        profile_id("identifier"),
        message("display_name"),
        message("description"),
        message("organisation"),
        text("payload_type"),
        text("payload_types"),
        profile_id("payload_uuids"),
        profile_id("payload_identifiers"),
        time("installed", Epoch::Mac, Moment::ProfileInstalled),
        url("urls"),
        message("strings"),
        boolean("signed"),
        hash("signer_sha256"),
        // In the order of the digests. Names hold hosts: matched as text.
        message("signer_subjects"),
        message("signer_issuers"),
        hash("certificate_sha256"),
        message("certificate_subjects"),
        message("certificate_issuers"),
        boolean("removal_disallowed"),
    ],
    shows: Trace::Policy,
    line: "profile {display_name} ({identifier}) with {payload_types}",
    parse: Parse::Plist(parse),
};

/// A profile is written by hand or by a management server; more values than this are not.
const STRINGS_KEPT: usize = 10_000;
/// A longer string is a script or an encoded certificate.
const LONGEST_STRING_BYTES: usize = 64 << 10;

fn parse(list: &plist::Value, out: &mut Out<'_>) -> Result<()> {
    let profile = dictionary(list)?;
    let payloads = payloads(profile);
    let uuid = text_of(profile, "PayloadUUID");
    let place = Place::key(uuid.as_text().unwrap_or("profile"));
    let of_payloads = |key| -> Value<'_> {
        let texts: Vec<&str> = payloads.iter().filter_map(|payload| payload.get(key)?.as_string()).collect();
        if texts.is_empty() { Value::Null } else { texts.into_iter().collect() }
    };
    let (urls, strings) = addresses(list, out, &place);
    let signers = signers(profile);
    let certificates = certificates(&payloads);
    let [signer_subjects, signer_issuers] = names(&signers, out, &place);
    let [certificate_subjects, certificate_issuers] = names(&certificates, out, &place);
    out.push(
        place,
        [
            uuid,
            text_of(profile, "PayloadIdentifier"),
            text_of(profile, "PayloadDisplayName"),
            text_of(profile, "PayloadDescription"),
            text_of(profile, "PayloadOrganization"),
            text_of(profile, "PayloadType"),
            of_payloads("PayloadType"),
            of_payloads("PayloadUUID"),
            of_payloads("PayloadIdentifier"),
            moment(profile, "InstallDate"),
            urls,
            strings,
            (!signers.is_empty()).into(),
            digests(&signers),
            signer_subjects,
            signer_issuers,
            digests(&certificates),
            certificate_subjects,
            certificate_issuers,
            flag(profile, "PayloadRemovalDisallowed"),
        ],
    );
    Ok(())
}

/// The payloads: a list, or one dictionary in the stub of a profile that was fetched over the air.
fn payloads(profile: &Dictionary) -> Vec<&Dictionary> {
    let listed = items(profile, "PayloadContent").iter().filter_map(plist::Value::as_dictionary);
    listed.chain(member(profile, "PayloadContent")).collect()
}

/// Whose signature the profile carried, as certificates.
fn signers(profile: &Dictionary) -> Vec<&[u8]> {
    let over_the_air = member(profile, "OTAProfileStub");
    let certificates = over_the_air.map_or(&[][..], |stub| items(stub, "SignerCerts"));
    items(profile, "SignerCerts").iter().chain(certificates).filter_map(plist::Value::as_data).collect()
}

/// Certificates that the profile installs.
fn certificates<'p>(payloads: &[&'p Dictionary]) -> Vec<&'p [u8]> {
    payloads
        .iter()
        .filter(|payload| {
            let kind = payload.get("PayloadType").and_then(plist::Value::as_string);
            kind.is_some_and(|kind| kind.starts_with("com.apple.security."))
        })
        .filter_map(|payload| payload.get("PayloadContent")?.as_data())
        .collect()
}

/// Every string that may name a server or a mailbox, wherever in the profile it stands: URLs, and the others.
fn addresses<'p>(list: &'p plist::Value, out: &mut Out<'_>, place: &Place) -> (Value<'p>, Value<'p>) {
    let (mut urls, mut strings) = (Vec::new(), Vec::new());
    for text in keyed::strings(list) {
        let may_be_address = text.contains(['.', '@', ':']) && !text.starts_with("com.apple.");
        if !may_be_address {
            continue;
        }
        if urls.len() + strings.len() >= STRINGS_KEPT || text.len() > LONGEST_STRING_BYTES {
            out.warn(Some(place.clone()), "some strings of the profile were too many or too long to keep");
            continue;
        }
        if is_url(text) { urls.push(text) } else { strings.push(text) }
    }
    let listed = |texts: Vec<&'p str>| if texts.is_empty() { Value::Null } else { texts.into_iter().collect() };
    (listed(urls), listed(strings))
}

fn is_url(text: &str) -> bool {
    text.contains("://") && !text.contains(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, rows_at, shake};
    use crate::format::certificate;

    const PROFILE: &[u8] = br#"<plist version="1.0"><dict>
        <key>PayloadUUID</key><string>AAAA-1</string>
        <key>PayloadIdentifier</key><string>com.example.profile</string>
        <key>PayloadDisplayName</key><string>Management</string>
        <key>PayloadType</key><string>Configuration</string>
        <key>PayloadRemovalDisallowed</key><true/>
        <key>InstallDate</key><date>2024-01-02T03:04:05Z</date>
        <key>SignerCerts</key><array><data>AAAA</data></array>
        <key>PayloadContent</key><array>
            <dict>
                <key>PayloadType</key><string>com.apple.mdm</string>
                <key>PayloadUUID</key><string>BBBB-2</string>
                <key>ServerURL</key><string>https://mdm.example/x</string>
                <key>Nested</key><array><dict><key>Mail</key><string>a@b.example</string></dict></array>
            </dict>
            <integer>4</integer>
            <dict>
                <key>PayloadType</key><string>com.apple.security.root</string>
                <key>PayloadContent</key><data>AQID</data>
            </dict>
        </array>
    </dict></plist>"#;

    #[test]
    fn every_payload_and_every_address_is_kept() {
        assert_eq!(
            rows(&ARTIFACT, PROFILE),
            json!([{
                "uuid": "AAAA-1",
                "identifier": "com.example.profile",
                "display_name": "Management",
                "payload_type": "Configuration",
                "payload_types": ["com.apple.mdm", "com.apple.security.root"],
                "payload_uuids": ["BBBB-2"],
                "installed": "2024-01-02T03:04:05.000000+00:00",
                "urls": ["https://mdm.example/x"],
                "strings": ["com.example.profile", "a@b.example"],
                "signed": true,
                "signer_sha256": ["709e80c88487a2411e1ee4dfb9f22a861492d20c4765150c0c794abd70f8147c"],
                "certificate_sha256": ["039058c6f2c0cb492c533b0a4d14ef77cc0f78abccced5287d84a1a2011cfb81"],
                "removal_disallowed": true,
                "_line": "profile Management (com.example.profile) with com.apple.mdm, com.apple.security.root",
            }])
        );
        shake(&ARTIFACT, PROFILE);
    }

    #[test]
    fn certificates_are_named_where_they_can_be_read() {
        let certificate = plist::Value::Data(crate::record::unhex(certificate::EXAMPLE_HEX).unwrap());
        let mut profile = Dictionary::new();
        profile.insert("SignerCerts".into(), plist::Value::Array(vec![plist::Value::Data(vec![0]), certificate.clone()]));
        let mut payload = Dictionary::new();
        payload.insert("PayloadType".into(), "com.apple.security.root".into());
        payload.insert("PayloadContent".into(), certificate);
        profile.insert("PayloadContent".into(), plist::Value::Array(vec![plist::Value::Dictionary(payload)]));
        let mut bytes = Vec::new();
        plist::Value::Dictionary(profile).to_writer_xml(&mut bytes).unwrap();
        let (records, warnings) = rows_at(&ARTIFACT, "/x", &bytes);
        let subject = r"CN=profiles.example.org,O=Example\, Ltd,C=XX";
        assert_eq!(records[0]["signer_subjects"], json!([null, subject]));
        assert_eq!(records[0]["signer_issuers"], json!([null, "CN=Example Root,O=Example Authority"]));
        assert_eq!(records[0]["certificate_subjects"], json!([subject]));
        assert_eq!(warnings, ["a certificate of the profile cannot be read"]);
        shake(&ARTIFACT, &bytes);
    }

    #[test]
    fn an_empty_profile_is_still_a_profile() {
        assert_eq!(
            rows(&ARTIFACT, b"<plist><dict/></plist>"),
            json!([{ "signed": false, "_line": "profile  () with " }])
        );
    }

    #[test]
    fn binary_lists_are_read_too() {
        let mut bytes = Vec::new();
        keyed::parse(PROFILE).unwrap().to_writer_binary(&mut bytes).unwrap();
        assert_eq!(rows(&ARTIFACT, &bytes), rows(&ARTIFACT, PROFILE));
        shake(&ARTIFACT, &bytes);
    }
}
