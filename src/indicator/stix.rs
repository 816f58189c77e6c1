//! STIX 2.0 and 2.1 bundles, object by object, so that one bad object never costs the others.
//!
//! Objects are `stix_rs` types where they are sound, and loose fields where they are not. The validator and the bundle of
//! that crate are not used: the former panics on valid patterns, the latter refuses a file for one bad object.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::intake::{Entry, Intake, moment, platform_named, role_named};
use super::pattern;
use super::set::{Campaign, Platform, Role};

/// Files with several top-level values (JSON lines) and bundles within bundles.
const MAX_BUNDLE_DEPTH: u8 = 3;
/// A damaged value may be read to the end of the file, so reading it again from every line must have an end.
const MAX_RESTARTS: u32 = 1000;
const MAX_NOTE_CHARS: usize = 500;

/// Reads JSON text. Values without a campaign are filed under `fallback` (the name of the file).
pub(crate) fn read(text: &str, fallback: &str, intake: &mut Intake<'_>) {
    let mut file = Bundle::new(text);
    file.walk(text, 0, 0, intake);
    file.resolve(fallback, intake);
}

/// True if the first sign of the text can only begin JSON.
pub(crate) fn is_json(text: &str) -> bool {
    let text = text.trim_start();
    text.starts_with('{')
        || text.strip_prefix('[').is_some_and(|rest| rest.trim_start().starts_with(['{', ']']))
}

/// An indicator object, whatever it was read with.
#[derive(Debug, Default)]
struct Found {
    id: String,
    line: u32,
    pattern: String,
    modified: Option<Timestamp>,
    valid_from: Option<Timestamp>,
    valid_until: Option<Timestamp>,
    revoked: bool,
    role: Role,
    platform: Platform,
    note: Box<str>,
}

struct Link {
    line: u32,
    id: String,
    from: String,
    to: String,
}

struct Collection {
    line: u32,
    id: String,
    name: String,
    refs: Vec<String>,
}

struct Bundle<'t> {
    text: &'t str,
    /// Lines before `counted_to`, so that lines are counted once over the whole text.
    lines: u32,
    counted_to: usize,
    ids: HashSet<String>,
    found: Vec<Found>,
    by_id: HashMap<String, usize>,
    names: HashMap<String, Campaign>,
    links: Vec<Link>,
    collections: Vec<Collection>,
    unused: HashMap<String, (u32, u32)>,
    restarts: u32,
}

type Fields<'a> = HashMap<String, &'a RawValue>;

fn text_of(fields: &Fields<'_>, key: &str) -> Option<String> {
    serde_json::from_str(fields.get(key)?.get()).ok()
}

fn time_of(fields: &Fields<'_>, key: &str) -> Option<Timestamp> {
    moment(&text_of(fields, key)?)
}

/// The values of the labels that begin with one of our words: `role:c2`.
fn label_of(fields: &Fields<'_>, word: &str) -> Option<String> {
    let labels: Vec<String> = serde_json::from_str(fields.get("labels")?.get()).ok()?;
    labels.iter().find_map(|label| Some(label.strip_prefix(word)?.strip_prefix(':')?.trim().to_owned()))
}

/// The description of an indicator as a note on one line, not longer than a reader would read.
fn note_of(fields: &Fields<'_>) -> Box<str> {
    let text = text_of(fields, "description").unwrap_or_default();
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MAX_NOTE_CHARS) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or("")).into(),
        None => line.into(),
    }
}

fn refs_of(fields: &Fields<'_>) -> Vec<String> {
    let Some(raw) = fields.get("object_refs") else { return Vec::new() };
    serde_json::from_str::<Vec<&RawValue>>(raw.get())
        .unwrap_or_default()
        .into_iter()
        .filter_map(|item| serde_json::from_str(item.get()).ok())
        .collect()
}

fn from_chrono(seconds: i64, nanoseconds: u32) -> Option<Timestamp> {
    Timestamp::new(seconds, i32::try_from(nanoseconds).ok()?).ok()
}

impl<'t> Bundle<'t> {
    fn new(text: &'t str) -> Bundle<'t> {
        Bundle {
            text,
            lines: 0,
            counted_to: 0,
            ids: HashSet::new(),
            found: Vec::new(),
            by_id: HashMap::new(),
            names: HashMap::new(),
            links: Vec::new(),
            collections: Vec::new(),
            unused: HashMap::new(),
            restarts: 0,
        }
    }

    /// The line of a byte, counted from 1. Cheap where offsets only grow.
    fn line(&mut self, offset: usize) -> u32 {
        let newlines = |part: Option<&str>| {
            u32::try_from(memchr::memchr_iter(b'\n', part.unwrap_or("").as_bytes()).count())
                .unwrap_or(u32::MAX)
        };
        if offset < self.counted_to {
            return newlines(self.text.get(..offset)).saturating_add(1);
        }
        self.lines = self.lines.saturating_add(newlines(self.text.get(self.counted_to..offset)));
        self.counted_to = offset;
        self.lines.saturating_add(1)
    }

    /// Every value of a run of values; commas between them are passed over so that the rest of a damaged list is read.
    fn walk(&mut self, part: &'t str, base: usize, depth: u8, intake: &mut Intake<'_>) {
        let mut at = 0;
        loop {
            let rest = part.get(at..).unwrap_or("");
            let skipped = rest.len() - rest.trim_start_matches(|c: char| c.is_whitespace() || c == ',').len();
            at += skipped;
            let rest = part.get(at..).unwrap_or("");
            if rest.is_empty() || (depth > 0 && rest.starts_with(']')) {
                return;
            }
            let mut stream = serde_json::Deserializer::from_str(rest).into_iter::<&RawValue>();
            match stream.next() {
                Some(Ok(value)) => {
                    let length = stream.byte_offset().max(1);
                    self.value(value.get(), base + at, depth, intake);
                    at += length;
                }
                Some(Err(error)) => match self.damaged(rest, base + at, depth, &error, intake) {
                    Some(next) => at += next,
                    None => return,
                },
                None => return,
            }
        }
    }

    /// Text that is not JSON to its end: whole objects before and after the damage are still read. Returns where to go on.
    fn damaged(
        &mut self,
        rest: &'t str,
        base: usize,
        depth: u8,
        error: &serde_json::Error,
        intake: &mut Intake<'_>,
    ) -> Option<usize> {
        let list = match rest.find("\"objects\"") {
            Some(key) if depth == 0 && rest.starts_with('{') => {
                let first_line = rest.find('\n').unwrap_or(rest.len());
                let open = rest.get(key..).and_then(|tail| tail.find('[')).map(|open| key + open + 1);
                // With JSON lines the word may stand in a later, sound line.
                open.filter(|_| {
                    key < first_line || !rest.get(..first_line).is_some_and(|it| it.ends_with('}'))
                })
            }
            None if depth == 0 && rest.starts_with('[') => Some(1),
            _ => None,
        };
        if let Some(start) = list {
            self.walk(rest.get(start..).unwrap_or(""), base + start, depth + 1, intake);
            return None;
        }
        let line = self.line(base);
        intake.skip(line, "", format!("damaged, read on at the next line that begins an object: {error}"));
        self.restarts += 1;
        if self.restarts > MAX_RESTARTS {
            intake.skip(line, "", "damaged in more than 1000 places; the rest is not read");
            return None;
        }
        memchr::memchr_iter(b'\n', rest.as_bytes()).map(|newline| newline + 1).find(|next| {
            rest.get(*next..).is_some_and(|tail| tail.trim_start_matches([' ', '\t', ',']).starts_with('{'))
        })
    }

    fn value(&mut self, raw: &'t str, offset: usize, depth: u8, intake: &mut Intake<'_>) {
        if raw.starts_with('[') {
            if depth < MAX_BUNDLE_DEPTH {
                let inner = raw.get(1..).unwrap_or("");
                self.walk(inner, offset + 1, depth + 1, intake);
            }
            return;
        }
        let fields = match serde_json::from_str::<Fields<'t>>(raw) {
            Ok(fields) => fields,
            Err(_) => {
                let line = self.line(offset);
                return intake.skip(line, raw, "not an object");
            }
        };
        let is_bundle = text_of(&fields, "type").is_none_or(|kind| kind == "bundle");
        match fields.get("objects") {
            Some(objects) if is_bundle && depth < MAX_BUNDLE_DEPTH => {
                let list = objects.get();
                // Both slices lie in one text, so their distance is the offset.
                let inside = (list.as_ptr() as usize).saturating_sub(raw.as_ptr() as usize);
                self.value_list(list, offset + inside, depth, intake);
            }
            _ => self.object(raw, &fields, offset, intake),
        }
    }

    fn value_list(&mut self, list: &'t str, offset: usize, depth: u8, intake: &mut Intake<'_>) {
        match list.strip_prefix('[') {
            Some(inner) => self.walk(inner, offset + 1, depth + 1, intake),
            None => {
                let line = self.line(offset);
                intake.skip(line, list, "`objects` is not a list");
            }
        }
    }

    fn object(&mut self, raw: &'t str, fields: &Fields<'t>, offset: usize, intake: &mut Intake<'_>) {
        let line = self.line(offset);
        let Some(kind) = text_of(fields, "type") else {
            return intake.skip(line, raw, "an object without a type");
        };
        let id = text_of(fields, "id").unwrap_or_default();
        let new = id.is_empty() || self.ids.insert(id.clone());
        match kind.as_str() {
            "indicator" => self.indicator(raw, fields, id, line, intake),
            _ if !new => intake.skip(line, &id, "the id stands twice in the file; the first object is used"),
            "relationship" => self.relationship(raw, fields, id, line, intake),
            "report" | "grouping" => self.collection(&kind, raw, fields, id, line, intake),
            "malware" | "campaign" | "intrusion-set" | "threat-actor" | "tool" => {
                self.named(&kind, raw, fields, id, line, intake);
            }
            "identity"
            | "marking-definition"
            | "location"
            | "attack-pattern"
            | "vulnerability"
            | "note"
            | "opinion"
            | "course-of-action"
            | "infrastructure"
            | "sighting"
            | "extension-definition"
            | "language-content"
            | "malware-analysis"
            | "incident" => {}
            _ => self.unused.entry(kind).or_insert((line, 0)).1 += 1,
        }
    }

    fn indicator(&mut self, raw: &str, fields: &Fields<'_>, id: String, line: u32, intake: &mut Intake<'_>) {
        let language = text_of(fields, "pattern_type").unwrap_or_else(|| "stix".into());
        if language != "stix" {
            return intake.skip(line, &id, format!("its pattern is `{language}`, not STIX"));
        }
        // The crate fills a missing `valid_from` with the present, so presence is asked of the text.
        let found = match serde_json::from_str::<stix_rs::Indicator>(raw) {
            Ok(object) => Found {
                id,
                line,
                pattern: object.pattern,
                modified: time_of(fields, "modified"),
                valid_from: time_of(fields, "valid_from"),
                valid_until: object
                    .valid_until
                    .and_then(|until| from_chrono(until.timestamp(), until.timestamp_subsec_nanos())),
                revoked: object.common.revoked == Some(true),
                role: label_of(fields, "role").and_then(|role| role_named(&role)).unwrap_or_default(),
                platform: label_of(fields, "platform")
                    .and_then(|name| platform_named(&name))
                    .unwrap_or_default(),
                note: note_of(fields),
            },
            Err(error) => {
                let Some(pattern) = text_of(fields, "pattern") else {
                    return intake.skip(line, &id, "an indicator without a pattern");
                };
                intake.skip(
                    line,
                    &id,
                    format!("not a sound object, its pattern is used all the same: {error}"),
                );
                Found {
                    id,
                    line,
                    pattern,
                    modified: time_of(fields, "modified"),
                    valid_from: time_of(fields, "valid_from"),
                    valid_until: time_of(fields, "valid_until"),
                    revoked: fields.get("revoked").is_some_and(|flag| flag.get() == "true"),
                    role: label_of(fields, "role").and_then(|role| role_named(&role)).unwrap_or_default(),
                    platform: label_of(fields, "platform")
                        .and_then(|name| platform_named(&name))
                        .unwrap_or_default(),
                    note: note_of(fields),
                }
            }
        };
        self.keep_newest(found, intake);
    }

    /// Objects with one id are versions of each other; the newest counts.
    fn keep_newest(&mut self, found: Found, intake: &mut Intake<'_>) {
        let known = self.by_id.get(&found.id).copied().and_then(|at| self.found.get_mut(at));
        match known {
            Some(known) if !found.id.is_empty() => {
                let newer = found.modified > known.modified;
                let why = if newer {
                    format!("an older version (line {}) of this object is replaced", known.line)
                } else {
                    format!("the id stands twice in the file; the object on line {} is used", known.line)
                };
                intake.skip(found.line, &found.id, why);
                if newer {
                    *known = found;
                }
            }
            _ => {
                self.by_id.insert(found.id.clone(), self.found.len());
                self.found.push(found);
            }
        }
    }

    fn named(
        &mut self,
        kind: &str,
        raw: &str,
        fields: &Fields<'_>,
        id: String,
        line: u32,
        intake: &mut Intake<'_>,
    ) {
        let problem = if kind == "malware" { problem_of::<stix_rs::Malware>(raw) } else { None };
        if let Some(error) = problem {
            intake.skip(line, &id, format!("not a sound object, its name is used all the same: {error}"));
        }
        let Some(name) = text_of(fields, "name").filter(|name| !name.trim().is_empty()) else {
            return intake.skip(line, &id, format!("a {kind} without a name"));
        };
        let description = text_of(fields, "description").unwrap_or_default();
        let campaign = Campaign {
            name: name.trim().into(),
            vendor: label_of(fields, "vendor").unwrap_or_default().into(),
            description: description.trim().into(),
        };
        self.names.insert(id, campaign);
    }

    fn relationship(
        &mut self,
        raw: &str,
        fields: &Fields<'_>,
        id: String,
        line: u32,
        intake: &mut Intake<'_>,
    ) {
        let (from, to) = match serde_json::from_str::<stix_rs::Relationship>(raw) {
            Ok(object) => (Some(object.source_ref), Some(object.target_ref)),
            Err(_) => (text_of(fields, "source_ref"), text_of(fields, "target_ref")),
        };
        match (from, to) {
            (Some(from), Some(to)) => self.links.push(Link { line, id, from, to }),
            _ => intake.skip(line, &id, "a relationship without both its ends"),
        }
    }

    fn collection(
        &mut self,
        kind: &str,
        raw: &str,
        fields: &Fields<'_>,
        id: String,
        line: u32,
        intake: &mut Intake<'_>,
    ) {
        let problem = if kind == "report" {
            problem_of::<stix_rs::Report>(raw)
        } else {
            problem_of::<stix_rs::Grouping>(raw)
        };
        if let Some(error) = problem {
            intake.skip(line, &id, format!("not a sound object, its links are used all the same: {error}"));
        }
        match text_of(fields, "name").filter(|name| !name.trim().is_empty()) {
            Some(name) => {
                self.collections.push(Collection {
                    line,
                    id,
                    name: name.trim().to_owned(),
                    refs: refs_of(fields),
                });
            }
            None => intake.skip(line, &id, format!("a {kind} without a name")),
        }
    }

    /// Links everything once the whole file is known, since objects come in any order.
    fn resolve(mut self, fallback: &str, intake: &mut Intake<'_>) {
        let mut campaigns: HashMap<&str, Vec<&Campaign>> = HashMap::new();
        for link in &self.links {
            for end in [&link.from, &link.to] {
                if !self.ids.contains(end) {
                    intake.skip(link.line, &link.id, format!("links to `{end}`, which is not in the file"));
                }
            }
            for (indicator, other) in [(&link.from, &link.to), (&link.to, &link.from)] {
                if let (true, Some(campaign)) = (self.by_id.contains_key(indicator), self.names.get(other)) {
                    campaigns.entry(indicator).or_default().push(campaign);
                }
            }
        }
        let mut reports: HashMap<&str, Vec<&str>> = HashMap::new();
        for collection in &self.collections {
            let missing = collection.refs.iter().filter(|id| !self.ids.contains(*id)).count();
            if missing > 0 {
                let why = format!("names {missing} objects that are not in the file");
                intake.skip(collection.line, &collection.id, why);
            }
            for id in &collection.refs {
                reports.entry(id).or_default().push(&collection.name);
            }
        }
        // The date of a set is that of its newest object.
        let newest = self.found.iter().filter_map(|found| found.modified).max();
        if let (Some(newest), Some(source)) = (newest, intake.source()) {
            source.date = crate::time::iso(newest).chars().take(10).collect::<String>().into();
        }
        for found in std::mem::take(&mut self.found) {
            // A report says where a value was published; a malware object says whose it is, so that goes first.
            let mut numbers: Vec<u16> =
                match (campaigns.get(found.id.as_str()), reports.get(found.id.as_str())) {
                    (Some(names), _) => {
                        names.iter().map(|campaign| intake.campaign((*campaign).clone())).collect()
                    }
                    (None, Some(names)) => names.iter().map(|name| intake.campaign_named(name)).collect(),
                    (None, None) => vec![intake.campaign_named(fallback)],
                };
            numbers.sort_unstable();
            numbers.dedup();
            take_in(&found, &numbers, intake);
        }
        let mut unused: Vec<_> = self.unused.into_iter().collect();
        unused.sort_unstable();
        for (kind, (line, count)) in unused {
            intake.skip(line, &kind, format!("{count} objects of this type, which are not indicators"));
        }
    }
}

fn problem_of<'a, T: Deserialize<'a>>(raw: &'a str) -> Option<serde_json::Error> {
    serde_json::from_str::<T>(raw).err()
}

fn take_in(found: &Found, campaigns: &[u16], intake: &mut Intake<'_>) {
    let lowered = match pattern::parse(&found.pattern) {
        Ok(pattern) => pattern::lower(&pattern),
        Err(error) => return intake.skip(found.line, &found.pattern, format!("not a pattern: {error}")),
    };
    if let Some(reason) = lowered.unsupported {
        intake.skip(found.line, &found.pattern, reason);
    }
    for (ioc, value) in &lowered.values {
        for campaign in campaigns {
            let entry = Entry {
                role: found.role,
                platform: found.platform,
                note: found.note.as_ref().into(),
                ..Entry::new(*ioc, value, *campaign)
            };
            if let Some(indicator) = intake.add(found.line, entry) {
                indicator.stix_id = found.id.as_str().into();
                indicator.valid_from = found.valid_from;
                indicator.valid_until = found.valid_until;
                indicator.revoked = found.revoked;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::indicator::set::{IndicatorSet, Source};

    fn loaded(text: &str) -> IndicatorSet {
        let mut set = IndicatorSet::default();
        let mut intake = Intake::new(&mut set, Source { name: "t".into(), ..Source::default() }).unwrap();
        read(text, "file-stem", &mut intake);
        intake.finish();
        set
    }

    fn shown(text: &str) -> Vec<String> {
        let set = loaded(text);
        let shown = set.indicators.iter().map(|it| {
            format!("{} {} {}", it.ioc.name(), it.value, set.campaigns[usize::from(it.campaign)].name)
        });
        shown.collect()
    }

    fn told(text: &str) -> Vec<String> {
        loaded(text).skipped.iter().map(|it| format!("{}: {}", it.line, it.why)).collect()
    }

    fn indicator(id: &str, pattern: &str) -> String {
        format!(
            r#"{{"type":"indicator","spec_version":"2.1","id":"indicator--{id}","created":"2024-01-01T00:00:00Z","modified":"2024-01-01T00:00:00Z","pattern_type":"stix","valid_from":"2024-01-01T00:00:00Z","pattern":{}}}"#,
            serde_json::to_string(pattern).unwrap()
        )
    }

    fn bundle(objects: &[&str]) -> String {
        format!("{{\"type\":\"bundle\",\"id\":\"bundle--1\",\"objects\":[\n{}\n]}}", objects.join(",\n"))
    }

    const MALWARE: &str = r#"{"type":"malware","id":"malware--1","name":"Pegasus","description":"IOCs","is_family":false,"spec_version":"2.1","created":"2024-01-01T00:00:00Z","modified":"2024-01-01T00:00:00Z"}"#;

    fn link(from: &str, to: &str) -> String {
        format!(
            r#"{{"type":"relationship","id":"relationship--{from}{to}","relationship_type":"indicates","source_ref":"{from}","target_ref":"{to}"}}"#
        )
    }

    #[test]
    fn campaigns_come_through_relationships_in_any_order() {
        let text = bundle(&[
            &link("indicator--a", "malware--1"),
            &indicator("a", "[domain-name:value='evil.example.com']"),
            MALWARE,
        ]);
        assert_eq!(shown(&text), ["domain evil.example.com Pegasus"]);
        assert!(told(&text).is_empty());
        let set = loaded(&text);
        assert_eq!(&*set.campaigns[0].description, "IOCs");
        assert_eq!(&*set.indicators[0].stix_id, "indicator--a");
        assert_eq!(set.indicators[0].valid_from, Some("2024-01-01T00:00:00Z".parse().unwrap()));
    }

    #[test]
    fn arrays_single_objects_and_json_lines_are_read() {
        let one = indicator("a", "[file:name='a']");
        let two = indicator("b", "[file:name='b']");
        assert_eq!(shown(&one), ["file-name a file-stem"]);
        assert_eq!(shown(&format!("[{one},{two}]")), ["file-name a file-stem", "file-name b file-stem"]);
        assert_eq!(shown(&format!("{one}\n{two}\n")), ["file-name a file-stem", "file-name b file-stem"]);
        assert!(shown("").is_empty());
    }

    #[test]
    fn a_value_of_two_campaigns_is_two_indicators() {
        let other = MALWARE.replace("malware--1", "malware--2").replace("Pegasus", "Predator");
        let text = bundle(&[
            &indicator("a", "[file:name='a']"),
            MALWARE,
            &other,
            &link("indicator--a", "malware--1"),
            &link("indicator--a", "malware--2"),
        ]);
        assert_eq!(shown(&text), ["file-name a Pegasus", "file-name a Predator"]);
    }

    #[test]
    fn a_bundle_as_otx_exports_it_loads_with_its_report_as_campaign() {
        let text = bundle(&[
            r#"{"type":"threat-actor","id":"threat-actor--1","name":"X","description":["a","list"],"labels":"x"}"#,
            r#"{"type":"report","id":"report--1","name":"Pulse","object_refs":["indicator--a","indicator--b","threat-actor--1","indicator--gone"]}"#,
            &indicator("a", "[url:value = 'http://evil.example.com/?a=1']"),
            r#"{"type":"indicator","id":"indicator--b","pattern":"[domain-name:value = 'b.example.com']","labels":"text","confidence":9999}"#,
            r#"{"type":"identity","id":"identity--1"}"#,
        ]);
        assert_eq!(shown(&text), ["url http://evil.example.com/?a=1 Pulse", "domain b.example.com Pulse"]);
        let told = told(&text);
        assert!(told.iter().any(|why| why == "3: names 1 objects that are not in the file"), "{told:?}");
        assert!(told.iter().any(|why| why.starts_with("5: not a sound object")), "{told:?}");
    }

    #[test]
    fn dangling_links_and_duplicate_ids_are_told() {
        let text = bundle(&[
            MALWARE,
            &indicator("a", "[file:name='a']"),
            &indicator("a", "[file:name='a']"),
            &indicator("b", "[file:name='a']"),
            &link("indicator--gone", "malware--1"),
        ]);
        assert_eq!(
            told(&text),
            [
                "4: the id stands twice in the file; the object on line 3 is used",
                "6: links to `indicator--gone`, which is not in the file",
                "5: the same value and campaign as on line 3",
            ]
        );
    }

    #[test]
    fn the_newest_version_of_an_object_counts() {
        let newer = indicator("a", "[file:name='a']").replace(
            "\"modified\":\"2024",
            "\"revoked\":true,\"valid_until\":\"2025-01-01T00:00:00Z\",\"modified\":\"2025",
        );
        let set = loaded(&bundle(&[&indicator("a", "[file:name='a']"), &newer]));
        assert_eq!(set.indicators.len(), 1);
        assert!(set.indicators[0].revoked);
        assert_eq!(set.indicators[0].valid_until, Some("2025-01-01T00:00:00Z".parse().unwrap()));
    }

    #[test]
    fn one_bad_object_or_pattern_costs_nothing_else() {
        let text = bundle(&[
            "7",
            r#"{"id":"x"}"#,
            r#"{"type":"indicator","id":"indicator--n"}"#,
            &indicator("p", "[file:name="),
            &indicator("q", "[file:name='x' AND file:size=1]"),
            &indicator("y", "rule x {}").replace("\"pattern_type\":\"stix\"", "\"pattern_type\":\"yara\""),
            r#"{"type":"domain-name","id":"domain-name--1","value":"x.example"}"#,
            &indicator("a", "[file:name='a']"),
        ]);
        assert_eq!(shown(&text), ["file-name a file-stem"]);
        assert_eq!(
            told(&text),
            [
                "2: not an object",
                "3: an object without a type",
                "4: an indicator without a pattern",
                "7: its pattern is `yara`, not STIX",
                "5: not a pattern: expected a value, found the end (at byte 11)",
                "6: needs two properties on one record",
                "8: 1 objects of this type, which are not indicators",
            ]
        );
    }

    #[test]
    fn objects_before_the_damage_are_kept() {
        let whole = bundle(&[&indicator("a", "[file:name='a']"), &indicator("b", "[file:name='b']")]);
        let cut = &whole[..whole.len() - 30];
        assert_eq!(shown(cut), ["file-name a file-stem"]);
        assert!(told(cut)[0].starts_with("3: damaged"));
    }

    #[test]
    fn objects_after_the_damage_are_kept() {
        let (one, two) = (indicator("a", "[file:name='a']"), indicator("b", "[file:name='b']"));
        let odd = r#"{"type":"malware","id":"\x"},"#.trim_end_matches(',');
        assert_eq!(shown(&bundle(&[&one, odd, &two])), ["file-name a file-stem", "file-name b file-stem"]);
        assert_eq!(
            shown(&format!("{one}\n{odd}\n{two}\n")),
            ["file-name a file-stem", "file-name b file-stem"]
        );
    }

    #[test]
    fn cut_and_flipped_bundles_do_not_panic() {
        let whole =
            bundle(&[MALWARE, &indicator("a", "[file:name='a']"), &link("indicator--a", "malware--1")]);
        for end in 0..whole.len() {
            loaded(&whole[..end]);
            let mut bytes = whole.clone().into_bytes();
            bytes[end] ^= 1;
            loaded(&String::from_utf8_lossy(&bytes));
        }
        loaded(&"[".repeat(200_000));
        loaded(&"{\"objects\":[".repeat(1000));
    }
}
