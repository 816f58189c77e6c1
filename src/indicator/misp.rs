//! MISP's JSON exports: events with their attributes, loose or in objects. Attributes that MISP itself would not hand to a detection
//! (`to_ids` is false) are counted and not used; tags are not read, except our own machine tags.

use std::collections::{BTreeMap, HashMap};

use serde_json::value::RawValue;

use super::intake::{Entry, Intake, moment, platform_named, role_named};
use super::journal::{Flaw, Span};
use super::list::refanged;
use super::set::{Campaign, Ioc};

/// Exports of exports: `{"response":[{"Event":…}]}`.
const MAX_DEPTH: u8 = 4;

type Fields<'t> = HashMap<String, &'t RawValue>;

/// True if the first key of the text is one that begins MISP's exports.
pub(crate) fn is_misp(text: &str) -> bool {
    let first = text.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '{' | '['));
    ["\"Event\"", "\"response\"", "\"Attribute\""].iter().any(|key| first.starts_with(key))
}

/// Reads events. An event without a title is filed under `fallback` (the name of the file).
pub(crate) fn read(text: &str, fallback: &str, intake: &mut Intake<'_>) {
    let mut reader = Reader { text, lines: 1, counted_to: 0, unused: BTreeMap::new() };
    for value in serde_json::Deserializer::from_str(text).into_iter::<&RawValue>() {
        match value {
            Ok(raw) => reader.value(raw.get(), fallback, 0, intake),
            Err(error) => {
                let line = u32::try_from(error.line()).unwrap_or(0);
                intake.tell(Flaw::Damaged, line, "", format!("damaged: {error}"));
                break;
            }
        }
    }
    for ((kind, why), (line, count)) in reader.unused {
        intake.tell(Flaw::Unused, line, &kind, format!("{count} attributes of this type: {why}"));
    }
}

struct Reader<'t> {
    text: &'t str,
    lines: u32,
    counted_to: usize,
    /// By type and reason: the first line, and how many.
    unused: BTreeMap<(String, &'static str), (u32, u32)>,
}

impl<'t> Reader<'t> {
    /// The line on which a part of the text begins. Parts come in order.
    fn line(&mut self, part: &str) -> u32 {
        // Both lie in one text, so their distance is the offset.
        let offset = (part.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        if let Some(between) = self.text.get(self.counted_to..offset) {
            let newlines = memchr::memchr_iter(b'\n', between.as_bytes()).count();
            self.lines = self.lines.saturating_add(u32::try_from(newlines).unwrap_or(u32::MAX));
            self.counted_to = offset;
        }
        self.lines
    }

    fn value(&mut self, raw: &'t str, fallback: &str, depth: u8, intake: &mut Intake<'_>) {
        if depth > MAX_DEPTH {
            let line = self.line(raw);
            return intake.skip(line, "", "nested too deeply");
        }
        if raw.starts_with('[') {
            for item in serde_json::from_str::<Vec<&'t RawValue>>(raw).unwrap_or_default() {
                self.value(item.get(), fallback, depth + 1, intake);
            }
            return;
        }
        let Ok(fields) = serde_json::from_str::<Fields<'t>>(raw) else {
            let line = self.line(raw);
            return intake.skip(line, raw, "not an object");
        };
        match (fields.get("Event"), fields.get("response")) {
            (Some(event), _) => self.value(event.get(), fallback, depth + 1, intake),
            (None, Some(response)) => self.value(response.get(), fallback, depth + 1, intake),
            (None, None) => self.event(&fields, fallback, intake),
        }
    }

    fn event(&mut self, fields: &Fields<'t>, fallback: &str, intake: &mut Intake<'_>) {
        let title = text_of(fields, "info").filter(|title| !title.trim().is_empty());
        let mut campaign =
            Campaign { name: title.as_deref().unwrap_or(fallback).trim().into(), ..Campaign::default() };
        for (key, value) in own_tags(fields) {
            if key == "vendor" {
                campaign.vendor = value.as_str().into();
            }
        }
        let campaign = intake.campaign(campaign);
        if let Some(source) = intake.source() {
            let publisher =
                fields.get("Orgc").and_then(|raw| serde_json::from_str::<Fields<'_>>(raw.get()).ok());
            let publisher = publisher.and_then(|fields| text_of(&fields, "name")).unwrap_or_default();
            let date =
                text_of(fields, "date").filter(|date| date.as_str() != "1970-01-01").unwrap_or_default();
            if source.publisher.is_empty() {
                source.publisher = publisher.into();
            }
            if *date > *source.date {
                source.date = date.into();
            }
        }
        self.attributes(fields, campaign, intake);
        for object in list_of(fields, "Object") {
            if let Ok(fields) = serde_json::from_str::<Fields<'t>>(object.get()) {
                self.attributes(&fields, campaign, intake);
            }
        }
    }

    fn attributes(&mut self, fields: &Fields<'t>, campaign: u16, intake: &mut Intake<'_>) {
        for raw in list_of(fields, "Attribute") {
            let line = self.line(raw.get());
            match serde_json::from_str::<Fields<'t>>(raw.get()) {
                Ok(fields) => self.attribute(&fields, line, campaign, intake),
                Err(_) => intake.skip(line, raw.get(), "not an object"),
            }
        }
    }

    fn attribute(&mut self, fields: &Fields<'t>, line: u32, campaign: u16, intake: &mut Intake<'_>) {
        let (Some(kind), Some(value)) = (text_of(fields, "type"), text_of(fields, "value")) else {
            return intake.skip(line, "", "an attribute without a type or value");
        };
        let mut unused = |why: &'static str| {
            self.unused.entry((kind.clone(), why)).or_insert((line, 0)).1 += 1;
        };
        if flag_of(fields, "deleted") {
            return unused("deleted");
        }
        if !flag_of(fields, "to_ids") {
            return unused("not meant for detection (`to_ids`)");
        }
        let tags = own_tags(fields);
        let own_kind = tags.iter().find(|(key, _)| key == "kind");
        let own_kind = own_kind.and_then(|(_, name)| Ioc::ALL.into_iter().find(|ioc| ioc.name() == *name));
        let values: Vec<(Ioc, &str)> = match own_kind {
            Some(ioc) => vec![(ioc, value.as_str())],
            None => parts(&kind, &value),
        };
        if values.is_empty() {
            return unused("not among the compared types");
        }
        let note = text_of(fields, "comment").unwrap_or_default();
        let written = fields.get("value").map_or("", |raw| raw.get());
        for (ioc, value) in values {
            // Escapes may hide the part; then the whole text stands for it.
            let place = written.find(value).and_then(|at| written.get(at..at.checked_add(value.len())?));
            let span = Span::of(self.text, place.unwrap_or(written));
            let value = if ioc.is_network() || ioc == Ioc::Email { refanged(value) } else { value.into() };
            let mut entry = Entry { note: note.trim().into(), span, ..Entry::new(ioc, &value, campaign) };
            for (key, value) in &tags {
                match key.as_str() {
                    "role" => entry.role = role_named(value).unwrap_or(entry.role),
                    "platform" => entry.platform = platform_named(value).unwrap_or(entry.platform),
                    _ => {}
                }
            }
            let Some(indicator) = intake.add(line, entry) else { continue };
            for (key, value) in &tags {
                match key.as_str() {
                    "valid-from" => indicator.valid_from = moment(value),
                    "valid-until" => indicator.valid_until = moment(value),
                    "revoked" => indicator.revoked = value == "yes",
                    _ => {}
                }
            }
        }
    }
}

/// What an attribute holds; types with two parts have them on both sides of a bar.
fn parts<'v>(kind: &str, value: &'v str) -> Vec<(Ioc, &'v str)> {
    let (Some((first, second)), Some((left, right))) = (kind.split_once('|'), value.split_once('|')) else {
        let kind = kind.split('|').next().unwrap_or(kind);
        return ioc_of(kind, value).map(|ioc| (ioc, value)).into_iter().collect();
    };
    // The name beside a digest describes the sample; it need not be malicious by itself.
    let first = if matches!(first, "filename" | "malware-sample") { None } else { ioc_of(first, left) };
    let parts = [(first, left), (ioc_of(second, right), right)];
    parts.into_iter().filter_map(|(ioc, value)| Some((ioc?, value))).collect()
}

fn ioc_of(kind: &str, value: &str) -> Option<Ioc> {
    match kind {
        "domain" | "hostname" => Some(Ioc::Domain),
        "ip-dst" | "ip-src" | "ip" => Some(Ioc::Ip),
        "url" => Some(Ioc::Url),
        "email" | "email-src" | "email-dst" | "email-reply-to" => Some(Ioc::Email),
        "filename" if value.contains('/') => Some(Ioc::FilePath),
        "filename" => Some(Ioc::FileName),
        "md5" | "sha1" | "sha256" => Some(Ioc::FileHash),
        "x509-fingerprint-md5" | "x509-fingerprint-sha1" | "x509-fingerprint-sha256" => Some(Ioc::CertHash),
        "mobile-application-id" => Some(Ioc::AppId),
        _ => None,
    }
}

fn text_of(fields: &Fields<'_>, key: &str) -> Option<String> {
    serde_json::from_str(fields.get(key)?.get()).ok()
}

/// MISP has written flags as `true`, `1` and `"1"`.
fn flag_of(fields: &Fields<'_>, key: &str) -> bool {
    fields.get(key).is_some_and(|raw| matches!(raw.get().trim_matches('"'), "true" | "1"))
}

fn list_of<'t>(fields: &Fields<'t>, key: &str) -> Vec<&'t RawValue> {
    fields.get(key).and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
}

/// The machine tags of our namespace: key and value.
fn own_tags(fields: &Fields<'_>) -> Vec<(String, String)> {
    let names = list_of(fields, "Tag").into_iter().filter_map(|tag| {
        let fields = serde_json::from_str::<Fields<'_>>(tag.get()).ok()?;
        text_of(&fields, "name")
    });
    let own = names.filter_map(|name| {
        let (key, value) = name.strip_prefix("hoofprint:")?.split_once("=\"")?;
        Some((key.to_owned(), value.strip_suffix('"')?.to_owned()))
    });
    own.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::indicator::set::{IndicatorSet, Source};

    fn loaded(text: &str) -> IndicatorSet {
        let mut set = IndicatorSet::default();
        let mut intake = Intake::new(&mut set, Source::default()).unwrap();
        read(text, "stem", &mut intake);
        intake.finish();
        set
    }

    const EVENT: &str = r#"{"response":[{"Event":{"info":"Spy","date":"2024-02-03","Orgc":{"name":"Lab"},
"Tag":[{"name":"tlp:clear"},{"name":"hoofprint:vendor=\"V\""}],
"Attribute":[
{"type":"domain","value":"evil[.]example[.]com","to_ids":true,"comment":"first stage","Tag":[{"name":"x"}]},
{"type":"ip-dst|port","value":"198.51.100.7|8443","to_ids":"1"},
{"type":"filename|sha256","value":"a.apk|ABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABAB","to_ids":1},
{"type":"link","value":"https://lab.example/report","to_ids":false},
{"type":"link","value":"https://lab.example/other","to_ids":false},
{"type":"yara","value":"rule x {}","to_ids":true},
{"type":"domain","value":"gone.example.com","to_ids":true,"deleted":true},
{"type":"other","value":"bh","to_ids":true,"Tag":[{"name":"hoofprint:kind=\"process\""},{"name":"hoofprint:platform=\"ios\""}]},
7],
"Object":[{"name":"file","Attribute":[{"type":"filename","value":"/data/local/tmp/x","to_ids":true}]}]}}]}"#;

    #[test]
    fn attributes_and_objects_of_events_are_read() {
        assert!(is_misp(EVENT));
        let set = loaded(EVENT);
        let shown: Vec<_> = set
            .indicators
            .iter()
            .map(|it| format!("{} {} {}", it.ioc.name(), it.value, it.note).trim_end().to_owned())
            .collect();
        assert_eq!(
            shown,
            [
                "domain evil.example.com first stage",
                "ip 198.51.100.7",
                &format!("file-hash {}", "AB".repeat(32)),
                "process bh",
                "file-path /data/local/tmp/x",
            ]
        );
        assert_eq!((&*set.campaigns[0].name, &*set.campaigns[0].vendor), ("Spy", "V"));
        assert_eq!((&*set.sources[0].publisher, &*set.sources[0].date), ("Lab", "2024-02-03"));
        let told: Vec<_> =
            set.skipped.iter().map(|it| format!("{} {}: {}", it.line, it.what, it.why)).collect();
        assert_eq!(
            told,
            [
                "12 7: not an object",
                "10 domain: 1 attributes of this type: deleted",
                "7 link: 2 attributes of this type: not meant for detection (`to_ids`)",
                "9 yara: 1 attributes of this type: not among the compared types",
            ]
        );
    }

    #[test]
    fn single_events_lists_of_events_and_bare_attributes_are_read() {
        let attribute = r#"{"type":"domain","value":"a.example.com","to_ids":true}"#;
        for text in [
            format!(r#"{{"Event":{{"Attribute":[{attribute}]}}}}"#),
            format!(r#"[{{"Event":{{"Attribute":[{attribute}]}}}}]"#),
            format!(r#"{{"response":{{"Attribute":[{attribute}]}}}}"#),
        ] {
            assert!(is_misp(&text), "{text}");
            let set = loaded(&text);
            assert_eq!(set.indicators.len(), 1, "{text}");
            assert_eq!(&*set.campaigns[0].name, "stem");
        }
        assert!(!is_misp(r#"{"type":"bundle","objects":[]}"#));
    }

    #[test]
    fn cut_and_flipped_events_do_not_panic() {
        for end in 0..EVENT.len() {
            loaded(&EVENT[..end]);
            let mut bytes = EVENT.as_bytes().to_vec();
            bytes[end] ^= 1;
            loaded(&String::from_utf8_lossy(&bytes));
        }
        loaded(&"[".repeat(100_000));
        loaded(&"{\"Event\":".repeat(1000));
    }
}
