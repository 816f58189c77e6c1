//! What one value would match in every kind of field it could stand in, and which rules were tried.

use super::host::{self, Host};
use super::intake::{canonical, role_name};
use super::{Form, Hit, Ioc, Matcher, Strength, name};
use crate::record::Kind;

/// A kind of field and the rules that hold for it.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// The word for it on the command line.
    pub name: &'static str,
    pub kind: Kind,
    /// What is compared, in one sentence.
    pub rules: &'static str,
}

/// Every kind of field that is matched.
pub const FIELDS: [Field; 10] = [
    Field {
        name: "url",
        kind: Kind::Url,
        rules: "the host and each name above it, the address as a number, the URL up to a boundary of its path; hosts in the query, \
                fragment, user name and path; the same after undoing disguises",
    },
    Field {
        name: "host",
        kind: Kind::Host,
        rules: "as for a URL, and the name read backwards where it ends with a dot",
    },
    Field {
        name: "message",
        kind: Kind::Message,
        rules: "hosts, addresses, mail addresses, hashes and paths between word boundaries; the same after undoing disguises",
    },
    Field {
        name: "email",
        kind: Kind::Email,
        rules: "the whole address without case; other spellings of one mailbox (dots and `+tag`); the host behind the `@`",
    },
    Field {
        name: "process",
        kind: Kind::Process,
        rules: "the whole name with case; both sides of `process/bundle`; the first characters where records cut names; the base \
                name and the path rules of a path; app ids",
    },
    Field {
        name: "path",
        kind: Kind::Path,
        rules: "the whole path with links resolved, folders above it, the end of it for relative indicators, each component as a \
                file name, the last as a process name, hosts in names of storage folders",
    },
    Field {
        name: "hash",
        kind: Kind::Hash,
        rules: "the digest as hexadecimal or base64, of a file or of a certificate",
    },
    Field {
        name: "app-id",
        kind: Kind::AppId,
        rules: "the id without its decorations; the same without case; a process of that name",
    },
    Field {
        name: "profile",
        kind: Kind::ProfileId,
        rules: "the id without case and braces; an id that holds the indicator's",
    },
    Field { name: "property", kind: Kind::Property, rules: "the whole name; the same without case" },
];

/// One kind of field, and what the value matches there.
#[derive(Clone, Debug)]
pub struct Trial<'v> {
    pub field: Field,
    pub hits: Vec<Hit<'v>>,
}

/// Matches the value as each of `fields`.
pub fn trials<'v>(matcher: &Matcher, value: &'v str, fields: &[Field]) -> Vec<Trial<'v>> {
    let mut trials = Vec::new();
    for field in fields {
        let mut hits = Vec::new();
        matcher.field(field.kind, value, &mut |hit| hits.push(hit));
        trials.push(Trial { field: *field, hits });
    }
    trials
}

/// Indicators that are spelled like the value but match it nowhere, with the reason.
pub fn listed_only<'m>(matcher: &'m Matcher, value: &str, trials: &[Trial<'_>]) -> Vec<(u32, &'m str)> {
    let value = host::trim(value);
    let is_hit = |id: u32| trials.iter().any(|trial| trial.hits.iter().any(|hit| hit.indicator == id));
    let mut listed = Vec::new();
    for (id, indicator) in (0_u32..).zip(&matcher.set().indicators) {
        if canonical(indicator.ioc, &indicator.value) == canonical(indicator.ioc, value) && !is_hit(id) {
            let why = match indicator.ioc {
                Ioc::Domain if !value.contains('.') => "a single label is no host name",
                Ioc::Domain => "a public suffix, under which anybody may have a name, is never applied",
                Ioc::Ip => "an address that names no server, or too wide a network, is never applied",
                _ if indicator.platform != super::Platform::Any => "it belongs to another platform",
                _ => "it is not compared in the fields that were tried",
            };
            listed.push((id, why));
        }
    }
    listed
}

/// The kinds that the shape of the value allows, the likeliest first; all of them where the shape says nothing.
pub fn likely(value: &str) -> Vec<&'static str> {
    let value = host::trim(value);
    let is_host = matches!(host::canonical(value), Some(Host::Ip(_)))
        || value.contains('.') && matches!(host::canonical(value), Some(Host::Name(_)));
    let mut names = Vec::new();
    if name::is_digest(value) {
        names.push("hash");
    }
    if value.contains("://") {
        names.push("url");
    }
    if value.starts_with('/') {
        names.push("path");
    }
    if value.contains('@') && !value.contains('/') {
        names.push("email");
    }
    if is_host {
        names.extend(["host", "url", "app-id"]);
    }
    names
}

/// The rule that led to a form of match, in words.
pub fn rule_of(form: Form) -> &'static str {
    match form {
        Form::Exact => "equal in canonical form",
        Form::Subdomain => "a name below the indicator's",
        Form::UrlPrefix => "begins with the indicator up to a boundary of the path",
        Form::BelowPath => "lies below the indicator's path",
        Form::InText => "stands between word boundaries in text",
        Form::WebkitOrigin => "a storage folder named after the host",
        Form::Nested => "stands inside another URL or value",
        Form::Defanged => "written so that it cannot be clicked",
        Form::Base64 => "found after undoing base64",
        Form::Utf16 => "found in UTF-16",
        Form::QuotedPrintable => "found after undoing quoted-printable",
        Form::HtmlEntity => "found after undoing HTML entities",
        Form::ReversedHost => "the host is written backwards",
        Form::DnsWire => "found in the form of a DNS message",
        Form::Carved => "found in bytes without a record",
        Form::PathSuffix => "the path ends with the indicator",
        Form::Truncated => "the first characters of the indicator, cut where records cut names",
        Form::CaseDiffers => "differs in case",
        Form::BaseName => "only the last part of the path is equal",
        Form::Component => "a folder of the path is named so",
        Form::Alias => "another spelling of the same mailbox",
        Form::Contains => "the indicator stands inside a longer id",
        Form::Context => "named beside the thing, not the thing itself",
    }
}

/// The word for a strength.
pub fn strength_name(strength: Strength) -> &'static str {
    match strength {
        Strength::Weak => "weak",
        Strength::Medium => "medium",
        Strength::Strong => "strong",
        Strength::Certain => "certain",
    }
}

/// The word for the role of an indicator, empty where none is stated.
pub fn stated_role(indicator: &super::Indicator) -> &'static str {
    match indicator.role {
        super::Role::Unstated => "",
        role => role_name(role),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::indicator::intake::{Entry, Intake};
    use crate::indicator::{IndicatorSet, Platform, Source};

    fn matcher(values: &[(Ioc, &str)]) -> Matcher {
        let mut set = IndicatorSet::default();
        let mut intake = Intake::new(&mut set, Source::default()).unwrap();
        let campaign = intake.campaign_named("Spy");
        for (ioc, value) in values {
            intake.add(1, Entry::new(*ioc, value, campaign));
        }
        intake.finish();
        Matcher::new(set, Platform::Any)
    }

    fn shown(matcher: &Matcher, value: &str) -> Vec<String> {
        let trials = trials(matcher, value, &FIELDS);
        let shown = trials.iter().flat_map(|trial| {
            trial.hits.iter().map(|hit| {
                format!("{}: {} {}", trial.field.name, strength_name(hit.strength), rule_of(hit.form))
            })
        });
        shown.collect()
    }

    #[test]
    fn a_value_is_tried_as_every_kind_of_field() {
        let matcher = matcher(&[(Ioc::Domain, "evil.example.com"), (Ioc::Process, "bh")]);
        assert_eq!(
            shown(&matcher, "https://a.evil.example.com/x"),
            [
                "url: strong a name below the indicator's",
                "host: strong a name below the indicator's",
                "message: strong a name below the indicator's",
                "path: strong a name below the indicator's",
            ]
        );
        assert_eq!(
            shown(&matcher, "bh"),
            [
                "process: certain equal in canonical form",
                "path: weak only the last part of the path is equal",
                "app-id: weak equal in canonical form",
            ]
        );
        assert!(shown(&matcher, "notevil.example.com").is_empty());
    }

    #[test]
    fn what_is_listed_but_never_applied_is_told_with_its_reason() {
        let matcher = matcher(&[(Ioc::Domain, "co.uk"), (Ioc::Domain, "cutoff")]);
        for (value, why) in [
            ("co.uk", "a public suffix, under which anybody may have a name, is never applied"),
            ("cutoff", "a single label is no host name"),
        ] {
            let trials = trials(&matcher, value, &FIELDS);
            let listed: Vec<_> =
                listed_only(&matcher, value, &trials).into_iter().map(|(_, why)| why).collect();
            assert_eq!(listed, [why]);
        }
    }

    #[test]
    fn the_shape_of_a_value_tells_its_likely_kinds() {
        assert_eq!(likely("/tmp/x"), ["path"]);
        assert_eq!(likely("a.example.com"), ["host", "url", "app-id"]);
        assert_eq!(likely("198.51.100.1"), ["host", "url", "app-id"]);
        assert_eq!(likely("a@example.com"), ["email"]);
        assert!(likely("bh").is_empty());
    }
}
