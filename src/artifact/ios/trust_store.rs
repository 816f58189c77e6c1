use plist::Value as Plist;

use crate::artifact::certificates::hashes;
use crate::artifact::prelude::*;
use crate::artifact::property_list::nested;
use crate::format::certificate;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.trust_store",
    title: "Certificate authorities added to the phone",
    about: "Root certificates that the owner, a profile or management added to those of iOS.",
    files: &[
        "/private/var/protected/trustd/private/TrustStore.sqlite3",
        "/private/var/protected/trustd/TrustStore.sqlite3",
        "/private/var/Keychains/TrustStore.sqlite3",
    ],
    columns: &[
        message("subject"),
        message("issuer"),
        fact_time("valid_from", Epoch::Unix),
        fact_time("valid_until", Epoch::Unix),
        hash("sha256"),
        hash("sha1"),
        text("trust"),
        text("uuid"),
    ],
    shows: Trace::Policy,
    line: "certificate authority {subject} added, trust: {trust}",
    parse: Parse::Rows {
        table: "tsettings",
        queries: &["SELECT rowid, {sha256}, {sha1}, {subj}, {tset}, {data}, {uuid} FROM tsettings ORDER BY rowid"],
        row,
    },
};

fn row(row: &Row<'_>, out: &mut Out<'_>) -> Result<()> {
    let place = Place::row("tsettings", row.value(0).as_int().unwrap_or_default());
    let (mut sha256, mut sha1) = (digest(row.value(1)), digest(row.value(2)));
    let (mut subject, mut issuer, mut term) = (None, None, [None; 2]);
    if let Value::Bytes(der) = row.value(5)
        && !der.is_empty()
    {
        let [of_256, of_1, _] = hashes(&der);
        sha256 = sha256.or(Some(of_256));
        sha1 = sha1.or(Some(of_1));
        match certificate::names(&der) {
            Ok(names) => (subject, issuer) = (Some(names.subject), Some(names.issuer)),
            Err(error) => out.warn(Some(place.clone()), format!("data: {error:#}")),
        }
        if let Ok(times) = certificate::validity(&der) {
            // A root may be good until a year that no event has.
            term = times.map(|time| i64::try_from(time).ok().filter(|time| YEARS.contains(time)));
        }
    }
    if let (None, Value::Bytes(name)) = (&subject, row.value(3)) {
        subject = certificate::distinguished_name(&name).ok();
    }
    let [from, until] = term;
    let uuid = match row.value(6) {
        Value::Bytes(bytes) => (!bytes.is_empty()).then(|| crate::record::hex(&bytes)).into(),
        other => other,
    };
    let trust = trust(row.value(4), &place, out);
    let values = [
        subject.into(),
        issuer.into(),
        from.into(),
        until.into(),
        sha256.into(),
        sha1.into(),
        trust.into(),
        uuid,
    ];
    out.push(place, values);
    Ok(())
}

/// From 1980 to 2100, as the times of records are.
const YEARS: std::ops::Range<i64> = 315_532_800..4_102_444_800;

/// Digests are stored as bytes, in some copies as their digits.
fn digest(value: Value<'_>) -> Option<String> {
    match value {
        Value::Bytes(bytes) => (!bytes.is_empty()).then(|| crate::record::hex(&bytes)),
        Value::Text(text) => (!text.is_empty()).then(|| text.into_owned()),
        _ => None,
    }
}

/// What the settings say in words; a list without entries trusts for everything.
fn trust(settings: Value<'_>, place: &Place, out: &mut Out<'_>) -> Option<String> {
    let Value::Bytes(bytes) = settings else { return None };
    let list = match nested(&bytes) {
        Ok(list) => list,
        Err(error) => {
            out.warn(Some(place.clone()), format!("tset: {error:#}"));
            return None;
        }
    };
    let entries = match &list {
        Plist::Array(entries) => entries.as_slice(),
        Plist::Dictionary(outer) => outer.get("trustSettings").and_then(Plist::as_array).map_or(&[][..], Vec::as_slice),
        _ => &[],
    };
    let result = |entry: &Plist| {
        let result = entry.as_dictionary()?.get("kSecTrustSettingsResult")?.as_signed_integer()?;
        Some(match result {
            1 => "trusted as a root",
            2 => "trusted",
            3 => "denied",
            4 => "unspecified",
            _ => "unknown",
        })
    };
    let mut results: Vec<&str> = entries.iter().map(|entry| result(entry).unwrap_or("trusted as a root")).collect();
    results.sort_unstable();
    results.dedup();
    Some(if results.is_empty() { "trusted as a root".to_owned() } else { results.join(", ") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, rows_at, shake, sqlite};
    use crate::format::certificate::EXAMPLE_HEX;

    #[test]
    fn a_root_names_subject_term_digests_and_trust() {
        let settings = "<plist><array><dict><key>kSecTrustSettingsResult</key><integer>3</integer></dict></array></plist>";
        let database = sqlite(&format!(
            "CREATE TABLE tsettings (sha256 BLOB NOT NULL DEFAULT '', subj BLOB, tset BLOB, data BLOB, uuid BLOB);
             INSERT INTO tsettings VALUES (x'ab01', NULL, CAST('<plist><array/></plist>' AS BLOB), x'{EXAMPLE_HEX}', x'0102'),
                 (x'ab02', x'30153113301106035504030c0a4578616d706c65204341', CAST('{settings}' AS BLOB), x'00', NULL),
                 ('', NULL, x'00', NULL, '');"
        ));
        let (records, warnings) = rows_at(&ARTIFACT, "/x", &database);
        assert_eq!(
            records,
            json!([
                {"subject": r"CN=profiles.example.org,O=Example\, Ltd,C=XX", "issuer": "CN=Example Root,O=Example Authority",
                 "valid_from": "2026-11-23T23:48:29.000000+00:00", "valid_until": "2036-11-20T23:48:29.000000+00:00",
                 "sha256": "ab01", "sha1": "03143599ee807e8cf921314d27687649bf825e2b", "trust": "trusted as a root", "uuid": "0102",
                 "_line": r"certificate authority CN=profiles.example.org,O=Example\, Ltd,C=XX added, trust: trusted as a root"},
                {"subject": "CN=Example CA", "sha256": "ab02", "sha1": "5ba93c9db0cff93f52b521d7420e43f6eda2784f", "trust": "denied",
                 "_line": "certificate authority CN=Example CA added, trust: denied"},
                {"uuid": "", "_line": "certificate authority  added, trust: "},
            ])
        );
        assert_eq!(warnings.len(), 2, "{warnings:?}");
        shake(&ARTIFACT, &database);
    }

    #[test]
    fn older_stores_know_a_shorter_digest() {
        let database = sqlite("CREATE TABLE tsettings (sha1 BLOB, subj BLOB, tset BLOB, data BLOB); INSERT INTO tsettings VALUES (x'ab03', x'', NULL, NULL);");
        assert_eq!(rows(&ARTIFACT, &database), json!([{"sha1": "ab03", "_line": "certificate authority  added, trust: "}]));
    }
}
