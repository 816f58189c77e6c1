//! STIX 2.1: publishers, licences, campaigns, indicators and what links them; one object a line.
//!
//! What the standard has no property for is in its free `labels`: `role:c2`, `platform:ios`, `vendor:Name`. The date of an object is
//! that of its set; an indicator whose beginning nobody told is valid from the beginning of time.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use serde::Serialize;
use serde_json::json;

use super::uuid::uuid;
use super::{Digest, Row, date_of, md5_sha};
use crate::indicator::catalogue::Header;
use crate::indicator::intake::{platform_name, role_name};
use crate::indicator::set::{IndicatorSet, Ioc, Platform, Role};

const BEGINNING: &str = "1970-01-01T00:00:00.000Z";

/// The fields of an indicator object in the order they are written.
#[derive(Serialize)]
struct Indicator<'a> {
    r#type: &'static str,
    spec_version: &'static str,
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_by_ref: Option<&'a str>,
    created: &'a str,
    modified: &'a str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    revoked: bool,
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    labels: Vec<String>,
    indicator_types: [&'static str; 1],
    pattern: String,
    pattern_type: &'static str,
    pattern_version: &'static str,
    valid_from: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_until: Option<String>,
}

/// What the campaign object tells beside its name.
#[derive(Default)]
struct Origin<'s> {
    created: String,
    licences: BTreeSet<&'s str>,
    /// Publisher, title and address of the reports.
    references: BTreeSet<(&'s str, &'s str, &'s str)>,
}

pub(super) fn write(
    header: &Header,
    set: &IndicatorSet,
    rows: &[Row<'_>],
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut objects: Vec<String> = Vec::new();
    let mut publishers = BTreeSet::new();
    let mut licences = BTreeSet::new();
    let mut campaigns: BTreeMap<&str, (&Row<'_>, Origin<'_>)> = BTreeMap::new();
    for row in rows {
        let facts = Facts::of(header, set, row);
        publishers.insert(facts.publisher);
        licences.insert(facts.licence);
        let (_, origin) = campaigns.entry(&row.campaign.name).or_insert_with(|| (row, Origin::default()));
        origin.created = origin.created.as_str().max(&*facts.created).to_owned();
        origin.licences.insert(facts.licence);
        for link in facts.links {
            origin.references.insert((facts.publisher, facts.report, link));
        }
    }
    for publisher in publishers.into_iter().filter(|name| !name.is_empty()) {
        objects.push(
            json!({
                "type": "identity", "spec_version": "2.1", "id": identity(publisher), "created": BEGINNING,
                "modified": BEGINNING, "name": publisher, "identity_class": "organization",
            })
            .to_string(),
        );
    }
    for licence in licences.into_iter().filter(|name| !name.is_empty()) {
        objects.push(
            json!({
                "type": "marking-definition", "spec_version": "2.1", "id": marking(licence),
                "created": BEGINNING, "definition_type": "statement", "definition": {"statement": licence},
            })
            .to_string(),
        );
    }
    for (name, (row, origin)) in campaigns.iter().filter(|(name, _)| !name.is_empty()) {
        objects.push(campaign(name, row, origin));
    }
    let mut links = Vec::new();
    for row in rows {
        let facts = Facts::of(header, set, row);
        let id =
            format!("indicator--{}", uuid(&["indicator", row.ioc.name(), &row.value, &row.campaign.name]));
        objects.push(indicator(row, &facts, &id)?);
        if !row.campaign.name.is_empty() {
            links.push(relationship(row, &facts, &id));
        }
    }
    objects.append(&mut links);
    let whole: Vec<&str> = objects.iter().map(String::as_str).collect();
    let id = uuid(&[&["bundle"][..], &whole[..]].concat());
    write!(out, "{{\"type\":\"bundle\",\"id\":\"bundle--{id}\",\"objects\":[")?;
    for (position, object) in objects.iter().enumerate() {
        let comma = if position == 0 { "" } else { "," };
        write!(out, "{comma}\n{object}")?;
    }
    out.write_all(b"\n]}\n")
}

/// Where a row comes from.
struct Facts<'s> {
    created: String,
    publisher: &'s str,
    licence: &'s str,
    report: &'s str,
    links: Vec<&'s str>,
}

impl<'s> Facts<'s> {
    fn of(header: &'s Header, set: &'s IndicatorSet, row: &Row<'_>) -> Facts<'s> {
        let source = set.sources.get(row.source);
        let date = date_of(header, source);
        let either = |own: &'s str, of_source: Option<&'s str>| match own {
            "" => of_source.unwrap_or(""),
            own => own,
        };
        Facts {
            created: if date.is_empty() { BEGINNING.to_owned() } else { format!("{date}T00:00:00.000Z") },
            publisher: either(&header.publisher, source.map(|it| &*it.publisher)),
            licence: either(&header.licence, source.map(|it| &*it.licence)),
            report: either(&header.report, source.map(|it| &*it.report)),
            links: if header.links.is_empty() {
                source.map_or("", |it| &it.link).split(' ').collect()
            } else {
                header.links.iter().map(String::as_str).collect()
            },
        }
    }
}

fn identity(publisher: &str) -> String {
    format!("identity--{}", uuid(&["identity", publisher]))
}

fn marking(licence: &str) -> String {
    format!("marking-definition--{}", uuid(&["licence", licence]))
}

fn malware(campaign: &str) -> String {
    format!("malware--{}", uuid(&["malware", campaign]))
}

fn campaign(name: &str, row: &Row<'_>, origin: &Origin<'_>) -> String {
    let mut object = json!({
        "type": "malware", "spec_version": "2.1", "id": malware(name), "created": origin.created,
        "modified": origin.created, "name": name, "is_family": true,
    });
    let Some(fields) = object.as_object_mut() else { return String::new() };
    if !row.campaign.description.is_empty() {
        fields.insert("description".into(), json!(row.campaign.description));
    }
    if !row.campaign.vendor.is_empty() {
        fields.insert("labels".into(), json!([format!("vendor:{}", row.campaign.vendor)]));
    }
    let licences: Vec<_> = origin.licences.iter().filter(|it| !it.is_empty()).map(|it| marking(it)).collect();
    if !licences.is_empty() {
        fields.insert("object_marking_refs".into(), json!(licences));
    }
    let references: Vec<_> = origin
        .references
        .iter()
        .filter(|(_, report, link)| !report.is_empty() || !link.is_empty())
        .map(|(publisher, report, link)| {
            let named = if publisher.is_empty() { "unnamed" } else { publisher };
            let mut reference = json!({"source_name": named});
            if let Some(fields) = reference.as_object_mut() {
                for (key, text) in [("description", report), ("url", link)] {
                    if !text.is_empty() {
                        fields.insert(key.into(), json!(text));
                    }
                }
            }
            reference
        })
        .collect();
    if !references.is_empty() {
        fields.insert("external_references".into(), json!(references));
    }
    object.to_string()
}

fn indicator(row: &Row<'_>, facts: &Facts<'_>, id: &str) -> io::Result<String> {
    let mut labels = Vec::new();
    if row.platform != Platform::Any {
        labels.push(format!("platform:{}", platform_name(row.platform)));
    }
    if row.role != Role::Unstated {
        labels.push(format!("role:{}", role_name(row.role)));
    }
    // The end of validity must lie behind its beginning.
    let valid_from = row.valid_from.filter(|from| row.valid_until.is_none_or(|until| until > *from));
    let publisher = identity(facts.publisher);
    let object = Indicator {
        r#type: "indicator",
        spec_version: "2.1",
        id,
        created_by_ref: (!facts.publisher.is_empty()).then_some(publisher.as_str()),
        created: &facts.created,
        modified: &facts.created,
        revoked: row.revoked,
        name: &row.value,
        description: &row.note,
        labels,
        indicator_types: ["malicious-activity"],
        pattern: pattern(row.ioc, &row.value),
        pattern_type: "stix",
        pattern_version: "2.1",
        valid_from: valid_from.map_or_else(|| BEGINNING.to_owned(), |time| time.to_string()),
        valid_until: row.valid_until.map(|time| time.to_string()),
    };
    Ok(serde_json::to_string(&object)?)
}

fn relationship(row: &Row<'_>, facts: &Facts<'_>, indicator: &str) -> String {
    let target = malware(&row.campaign.name);
    let id = format!("relationship--{}", uuid(&["indicates", indicator, &target]));
    json!({
        "type": "relationship", "spec_version": "2.1", "id": id, "created": facts.created,
        "modified": facts.created, "relationship_type": "indicates", "source_ref": indicator,
        "target_ref": target,
    })
    .to_string()
}

/// The pattern for one value, in the spelling that MVT reads too where there is a choice.
pub(crate) fn pattern(ioc: Ioc, value: &str) -> String {
    let quoted = value.replace('\\', "\\\\").replace('\'', "\\'");
    let equal = |key: &str| format!("[{key}='{quoted}']");
    match ioc {
        Ioc::Domain => match quoted.strip_prefix("*.") {
            // An underscore would stand for any character.
            Some(parent) if !parent.contains(['%', '_']) => {
                format!("[domain-name:value LIKE '%.{parent}']")
            }
            _ => equal("domain-name:value"),
        },
        Ioc::Ip => {
            let key = if value.contains(':') { "ipv6-addr:value" } else { "ipv4-addr:value" };
            if value.contains('/') { format!("[{key} ISSUBSET '{quoted}']") } else { equal(key) }
        }
        Ioc::Url => equal("url:value"),
        Ioc::Process => equal("process:name"),
        Ioc::FileName => equal("file:name"),
        Ioc::FilePath => equal("file:path"),
        Ioc::Email => equal("email-addr:value"),
        Ioc::FileHash => match md5_sha(value) {
            Some(Digest::Md5) => equal("file:hashes.MD5"),
            Some(Digest::Sha1) => equal("file:hashes.'SHA-1'"),
            _ => equal("file:hashes.'SHA-256'"),
        },
        Ioc::AppId => equal("app:id"),
        Ioc::CertHash => match md5_sha(value) {
            Some(Digest::Md5) => equal("app:cert.md5"),
            Some(Digest::Sha1) => equal("app:cert.sha1"),
            _ => equal("app:cert.sha256"),
        },
        Ioc::ProfileId => equal("configuration-profile:id"),
        Ioc::Property => equal("android-property:name"),
    }
}
