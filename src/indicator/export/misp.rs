//! MISP's JSON: one event a campaign, one attribute a value. What MISP has no field for is in machine tags (`hoofprint:role="c2"`).

use std::io::{self, Write};

use serde_json::{Value, json};

use super::uuid::uuid;
use super::{Digest, Row, date_of, md5_sha};
use crate::indicator::catalogue::Header;
use crate::indicator::intake::{platform_name, role_name};
use crate::indicator::set::{IndicatorSet, Ioc, Platform, Role};

/// MISP wants a date of every event.
const BEGINNING: &str = "1970-01-01";

pub(super) fn write(
    header: &Header,
    set: &IndicatorSet,
    rows: &[Row<'_>],
    out: &mut dyn Write,
) -> io::Result<()> {
    out.write_all(b"{\"response\":[")?;
    let mut comma = "";
    for of_campaign in rows.chunk_by(|one, next| one.campaign.name == next.campaign.name) {
        let Some(first) = of_campaign.first() else { continue };
        let dates = of_campaign.iter().map(|row| date_of(header, set.sources.get(row.source)));
        let date = dates.max().filter(|date| !date.is_empty()).unwrap_or(BEGINNING);
        let source = set.sources.get(first.source);
        let publisher = match header.publisher.as_str() {
            "" => source.map_or("", |it| &it.publisher),
            own => own,
        };
        let mut event = json!({
            "uuid": uuid(&["event", &first.campaign.name]),
            "info": first.campaign.name,
            "date": date,
            "analysis": "2",
            "threat_level_id": "1",
            "published": false,
        });
        if let Some(fields) = event.as_object_mut() {
            if !publisher.is_empty() {
                fields.insert(
                    "Orgc".into(),
                    json!({"name": publisher, "uuid": uuid(&["identity", publisher])}),
                );
            }
            if !first.campaign.vendor.is_empty() {
                fields.insert("Tag".into(), json!([tag("vendor", &first.campaign.vendor)]));
            }
        }
        // One attribute a line, which a map of all of them would not give.
        let text = event.to_string();
        let open = text.strip_suffix('}').unwrap_or(&text);
        write!(out, "{comma}\n{{\"Event\":{open},\"Attribute\":[")?;
        for (position, row) in of_campaign.iter().enumerate() {
            let comma = if position == 0 { "" } else { "," };
            write!(out, "{comma}\n{}", attribute(row))?;
        }
        out.write_all(b"\n]}}")?;
        comma = ",";
    }
    out.write_all(b"\n]}\n")
}

fn tag(key: &str, value: &str) -> Value {
    json!({"name": format!("hoofprint:{key}=\"{value}\"")})
}

fn attribute(row: &Row<'_>) -> Value {
    let (kind, category) = kind_of(row.ioc, &row.value);
    let mut tags = Vec::new();
    // Several of our kinds share one of MISP's.
    let is_ambiguous = matches!(kind, "other" | "filename");
    if is_ambiguous && row.ioc != Ioc::FileName {
        tags.push(tag("kind", row.ioc.name()));
    }
    if row.platform != Platform::Any {
        tags.push(tag("platform", platform_name(row.platform)));
    }
    if row.role != Role::Unstated {
        tags.push(tag("role", role_name(row.role)));
    }
    for (key, time) in [("valid-from", row.valid_from), ("valid-until", row.valid_until)] {
        tags.extend(time.map(|time| tag(key, &time.to_string())));
    }
    if row.revoked {
        tags.push(tag("revoked", "yes"));
    }
    let mut attribute = json!({
        "uuid": uuid(&["attribute", row.ioc.name(), &row.value, &row.campaign.name]),
        "type": kind,
        "category": category,
        "value": row.value,
        "to_ids": true,
        "comment": row.note,
    });
    if let Some(fields) = attribute.as_object_mut().filter(|_| !tags.is_empty()) {
        fields.insert("Tag".into(), tags.into());
    }
    attribute
}

/// MISP's type and a category that it allows for the type.
fn kind_of(ioc: Ioc, value: &str) -> (&'static str, &'static str) {
    match ioc {
        Ioc::Domain => ("domain", "Network activity"),
        Ioc::Ip => ("ip-dst", "Network activity"),
        Ioc::Url => ("url", "Network activity"),
        Ioc::Email => ("email", "Payload delivery"),
        Ioc::FileName | Ioc::FilePath => ("filename", "Payload delivery"),
        Ioc::FileHash => match md5_sha(value) {
            Some(Digest::Md5) => ("md5", "Payload delivery"),
            Some(Digest::Sha1) => ("sha1", "Payload delivery"),
            _ => ("sha256", "Payload delivery"),
        },
        Ioc::CertHash => match md5_sha(value) {
            Some(Digest::Md5) => ("x509-fingerprint-md5", "Payload delivery"),
            Some(Digest::Sha1) => ("x509-fingerprint-sha1", "Payload delivery"),
            _ => ("x509-fingerprint-sha256", "Payload delivery"),
        },
        Ioc::AppId => ("mobile-application-id", "Payload delivery"),
        Ioc::Process | Ioc::ProfileId | Ioc::Property => ("other", "Other"),
    }
}
