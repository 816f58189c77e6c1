//! The two shapes of object that make up nearly all of every published file, read in one go. Whatever is not exactly so is left
//! to the ways that look at each field.

use jiff::Timestamp;
use serde::Deserialize;

use super::{Found, What, labelled, note_of};
use crate::indicator::intake::{platform_named, role_named};
use crate::indicator::set::Ioc;

/// A plain object.
pub(super) enum Plain<'t> {
    /// Its line is not known here.
    Indicator(Found),
    Link {
        id: &'t str,
        from: &'t str,
        to: &'t str,
    },
}

/// Texts without escapes can be borrowed; a field that is not named here makes the object one that is not plain.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "fields are there to be allowed")]
struct Object<'t> {
    r#type: &'t str,
    id: &'t str,
    spec_version: Option<&'t str>,
    created_by_ref: Option<&'t str>,
    created: &'t str,
    modified: &'t str,
    revoked: Option<bool>,
    name: Option<&'t str>,
    description: Option<&'t str>,
    #[serde(borrow)]
    labels: Option<Vec<&'t str>>,
    #[serde(borrow)]
    indicator_types: Option<Vec<&'t str>>,
    pattern: Option<&'t str>,
    pattern_type: Option<&'t str>,
    pattern_version: Option<&'t str>,
    valid_from: Option<&'t str>,
    valid_until: Option<&'t str>,
    relationship_type: Option<&'t str>,
    source_ref: Option<&'t str>,
    target_ref: Option<&'t str>,
}

/// Reads an object if it is plain and sound.
pub(super) fn plain(raw: &str) -> Option<Plain<'_>> {
    let object: Object<'_> = serde_json::from_str(raw).ok()?;
    let modified: Timestamp = object.modified.parse().ok()?;
    // Publishers write one time into all three fields.
    let time = |text: &str| if text == object.modified { Some(modified) } else { text.parse().ok() };
    time(object.created)?;
    if object.id.is_empty() {
        return None;
    }
    match object {
        Object {
            r#type: "relationship",
            source_ref: Some(from),
            target_ref: Some(to),
            relationship_type: Some(_),
            ..
        } => Some(Plain::Link { id: object.id, from, to }),
        Object {
            r#type: "indicator",
            pattern: Some(pattern),
            pattern_type: Some("stix"),
            valid_from: Some(from),
            ..
        } => {
            let limited = |time: Timestamp| (time != Timestamp::UNIX_EPOCH).then_some(time);
            let labels = || object.labels.iter().flatten().copied();
            Some(Plain::Indicator(Found {
                id: object.id.into(),
                line: 0,
                what: what(pattern),
                modified: limited(modified),
                valid_from: limited(time(from)?),
                valid_until: match object.valid_until {
                    Some(until) => limited(time(until)?),
                    None => None,
                },
                revoked: object.revoked == Some(true),
                role: labelled(labels(), "role").and_then(role_named).unwrap_or_default(),
                platform: labelled(labels(), "platform").and_then(platform_named).unwrap_or_default(),
                note: object.description.map_or_else(Default::default, note_of),
            }))
        }
        _ => None,
    }
}

/// `[key='value']` with a key in its usual spelling and a value without escapes needs no parser.
fn what(pattern: &str) -> What {
    simple(pattern)
        .map_or_else(|| What::Pattern(pattern.into()), |(ioc, value)| What::Value(ioc, value.into()))
}

fn simple(pattern: &str) -> Option<(Ioc, &str)> {
    let (key, value) = pattern.strip_prefix('[')?.strip_suffix("']")?.split_once("='")?;
    let ioc = match key {
        "domain-name:value" => Ioc::Domain,
        "ipv4-addr:value" | "ipv6-addr:value" => Ioc::Ip,
        "url:value" => Ioc::Url,
        "process:name" => Ioc::Process,
        "email-addr:value" => Ioc::Email,
        "file:name" => Ioc::FileName,
        "file:path" => Ioc::FilePath,
        "file:hashes.sha256" | "file:hashes.'SHA-256'" => Ioc::FileHash,
        "app:id" => Ioc::AppId,
        "app:cert.sha1" | "app:cert.sha256" => Ioc::CertHash,
        _ => return None,
    };
    (!value.contains(['\'', '\\'])).then_some((ioc, value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::indicator::pattern::{lower, parse};

    #[test]
    fn the_short_way_says_what_the_parser_says() {
        for pattern in [
            "[domain-name:value='a.example']",
            "[file:hashes.'SHA-256'='aa']",
            "[url:value='http://a.example/?x=1&y=2']",
            "[file:name='']",
            "[ipv6-addr:value='2001:db8::1']",
        ] {
            let (ioc, value) = simple(pattern).unwrap();
            assert_eq!(lower(&parse(pattern).unwrap()).values, [(ioc, value.to_owned())]);
        }
        for pattern in [
            "[file:name='a' OR file:name='b']",
            r"[file:name='it\'s']",
            "[file:name = 'a']",
            "[file:name='a'] OR [file:name='b']",
            "[mutex:name='a']",
            "domain-name:value='x'",
        ] {
            assert_eq!(simple(pattern), None, "{pattern}");
        }
    }

    #[test]
    fn an_object_with_anything_else_is_not_plain() {
        let object = r#"{"type":"indicator","id":"indicator--1","created":"2024-01-01T00:00:00Z","modified":"2024-01-01T00:00:00Z","pattern":"[file:name='a']","pattern_type":"stix","valid_from":"2024-01-01T00:00:00Z"}"#;
        assert!(plain(object).is_some());
        for (from, to) in [
            ("\"id\"", "\"confidence\":999,\"id\""),
            ("\"created\":\"2024-01-01T00:00:00Z\"", "\"created\":\"2024\""),
            ("\"pattern_type\":\"stix\"", "\"pattern_type\":\"yara\""),
            ("'a'", "'\\u0061'"),
            ("\"id\"", "\"labels\":\"text\",\"id\""),
        ] {
            assert!(plain(&object.replacen(from, to, 1)).is_none(), "{to}");
        }
    }
}
