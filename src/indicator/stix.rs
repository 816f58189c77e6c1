//! STIX 2.0 and 2.1 bundles, object by object, so that one bad object never costs the others.
//!
//! Plain indicators and relationships are read in one go. Any other object is a `stix_rs` type where it is sound, and loose fields
//! where it is not. The validator and the bundle of that crate are not used: the former panics on valid patterns, the latter
//! refuses a file for one bad object.

mod plain;
mod stream;

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use jiff::Timestamp;
use rayon::prelude::*;
use serde::Deserialize;
use serde_json::value::RawValue;

use self::plain::Plain;
pub(crate) use self::stream::read_stream;
use super::intake::{Entry, Intake, moment, platform_named, role_named};
use super::journal::{self, Flaw, Object, Span};
use super::pattern;
use super::set::{Campaign, Ioc, Platform, Role};

/// Files with several top-level values (JSON lines) and bundles within bundles.
const MAX_BUNDLE_DEPTH: u8 = 3;
/// A damaged value may be read to the end of the file, so reading it again from every line must have an end.
const MAX_RESTARTS: u32 = 1000;
const MAX_NOTE_CHARS: usize = 500;
/// Indicators that are held together, so that they can be let go one chunk after the other.
const CHUNK: usize = 1 << 14;

/// Reads JSON text. Values without a campaign are filed under `fallback` (the name of the file).
pub(crate) fn read(text: &str, fallback: &str, intake: &mut Intake<'_>) {
    let mut gathered = Gathered::default();
    Part::new(text, 0, &mut gathered).walk(text, 0, 0, intake);
    gathered.resolve(fallback, intake);
}

/// True if the first sign of the text can only begin JSON.
pub(crate) fn is_json(text: &str) -> bool {
    let text = text.trim_start();
    text.starts_with('{')
        || text.strip_prefix('[').is_some_and(|rest| rest.trim_start().starts_with(['{', ']']))
}

/// An indicator object, whatever it was read with.
#[derive(Debug)]
struct Found {
    id: Box<str>,
    line: u32,
    what: What,
    modified: Option<Timestamp>,
    valid_from: Option<Timestamp>,
    valid_until: Option<Timestamp>,
    revoked: bool,
    role: Role,
    platform: Platform,
    note: Box<str>,
}

/// A pattern, or the one value that it asks for.
#[derive(Debug)]
enum What {
    Value(Ioc, Box<str>),
    Pattern(Box<str>),
}

/// A relationship whose ends were not both known when it was read.
struct Link {
    line: u32,
    id: Box<str>,
    from: Box<str>,
    to: Box<str>,
}

struct Collection {
    line: u32,
    id: String,
    name: String,
    /// Keys of the ids it names.
    refs: Vec<u64>,
}

/// What the objects of a file have told so far. Objects come in any order, so links are resolved at the end.
///
/// Ids are kept as keyed hashes: a million of them would fill more memory than the indicators.
#[derive(Default)]
struct Gathered {
    hasher: RandomState,
    /// Every id of the file, with the number of its indicator.
    ids: HashMap<u64, Option<u32>>,
    found: Vec<Vec<Found>>,
    names: HashMap<u64, u32>,
    campaigns: Vec<Campaign>,
    /// Indicator and campaign.
    pairs: Vec<(u32, u32)>,
    links: Vec<Link>,
    collections: Vec<Collection>,
    unused: HashMap<String, (u32, u32)>,
    restarts: u32,
}

/// A stretch of the file's text.
struct Part<'t, 'g> {
    text: &'t str,
    /// Line ends before `counted_to`, so that lines are counted once over the whole file.
    lines: u32,
    counted_to: usize,
    gathered: &'g mut Gathered,
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
    labelled(labels.iter().map(String::as_str), word).map(str::to_owned)
}

fn labelled<'l>(mut labels: impl Iterator<Item = &'l str>, word: &str) -> Option<&'l str> {
    labels.find_map(|label| Some(label.strip_prefix(word)?.strip_prefix(':')?.trim()))
}

/// The description of an indicator as a note on one line, not longer than a reader would read.
fn note_of(description: &str) -> Box<str> {
    let line = description.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MAX_NOTE_CHARS) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or("")).into(),
        None => line.into(),
    }
}

/// The ids of the objects that a report names.
fn refs_of(fields: &Fields<'_>) -> Vec<String> {
    let Some(raw) = fields.get("object_refs") else { return Vec::new() };
    serde_json::from_str::<Vec<&RawValue>>(raw.get())
        .unwrap_or_default()
        .into_iter()
        .filter_map(|item| serde_json::from_str(item.get()).ok())
        .collect()
}

fn role_of(fields: &Fields<'_>) -> Role {
    label_of(fields, "role").and_then(|role| role_named(&role)).unwrap_or_default()
}

fn from_chrono(seconds: i64, nanoseconds: u32) -> Option<Timestamp> {
    Timestamp::new(seconds, i32::try_from(nanoseconds).ok()?).ok()
}

impl<'t, 'g> Part<'t, 'g> {
    fn new(text: &'t str, lines: u32, gathered: &'g mut Gathered) -> Part<'t, 'g> {
        Part { text, lines, counted_to: 0, gathered }
    }

    /// The line of a byte, counted from 1. Cheap where offsets only grow.
    fn line(&mut self, offset: usize) -> u32 {
        let newlines = |part: Option<&str>| {
            u32::try_from(memchr::memchr_iter(b'\n', part.unwrap_or("").as_bytes()).count())
                .unwrap_or(u32::MAX)
        };
        if offset < self.counted_to {
            let behind = newlines(self.text.get(offset..self.counted_to));
            return self.lines.saturating_sub(behind).saturating_add(1);
        }
        self.lines = self.lines.saturating_add(newlines(self.text.get(self.counted_to..offset)));
        self.counted_to = offset;
        self.lines.saturating_add(1)
    }

    /// Objects whose places are known: the plain ones are read by all threads, and no journal is kept of them.
    fn objects(&mut self, places: &[(usize, usize)], intake: &mut Intake<'_>) {
        let text = self.text;
        let raw = |place: &(usize, usize)| text.get(place.0..place.1).unwrap_or("");
        let plain: Vec<Option<Plain<'t>>> =
            places.par_iter().with_min_len(64).map(|place| plain::plain(raw(place))).collect();
        for (place, plain) in places.iter().zip(plain) {
            match plain {
                Some(plain) => self.plain(plain, place.0, intake),
                None => self.walk(raw(place), place.0, 1, intake),
            }
        }
    }

    fn plain(&mut self, plain: Plain<'_>, offset: usize, intake: &mut Intake<'_>) {
        let line = self.line(offset);
        match plain {
            Plain::Indicator(found) => self.gathered.keep_newest(Found { line, ..found }, intake),
            Plain::Link { id, from, to } => {
                if self.is_new(id, line, intake) {
                    self.gathered.link(line, id, from, to);
                }
            }
        }
    }

    /// Notes an id; a second object with it is told.
    fn is_new(&mut self, id: &str, line: u32, intake: &mut Intake<'_>) -> bool {
        let key = self.gathered.key(id);
        let is_new = id.is_empty() || !self.gathered.ids.contains_key(&key);
        if is_new {
            self.gathered.ids.insert(key, None);
        } else {
            let why = "the id stands twice in the file; the first object is used";
            intake.tell(Flaw::Judged, line, id, why);
        }
        is_new
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
        let why = format!("damaged, read on at the next line that begins an object: {error}");
        intake.tell(Flaw::Damaged, line, "", why);
        self.gathered.restarts += 1;
        if self.gathered.restarts > MAX_RESTARTS {
            intake.tell(Flaw::Damaged, line, "", "damaged in more than 1000 places; the rest is not read");
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
        // The short way does not look at what the linter wants to know.
        if intake.journal().is_none()
            && let Some(plain) = plain::plain(raw)
        {
            return self.plain(plain, offset, intake);
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
                intake.tell(Flaw::Damaged, line, list, "`objects` is not a list");
            }
        }
    }

    fn object(&mut self, raw: &'t str, fields: &Fields<'t>, offset: usize, intake: &mut Intake<'_>) {
        let line = self.line(offset);
        let Some(kind) = text_of(fields, "type") else {
            return intake.skip(line, raw, "an object without a type");
        };
        let id = text_of(fields, "id").unwrap_or_default();
        if let Some(journal) = intake.journal() {
            journal.object(self.noted(raw, fields, &id, &kind));
        }
        match kind.as_str() {
            "indicator" => self.indicator(raw, fields, id, line, intake),
            _ if !self.is_new(&id, line, intake) => {}
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
            _ => self.gathered.unused.entry(kind).or_insert((line, 0)).1 += 1,
        }
    }

    /// What the linter wants to know of an object, sound or not.
    fn noted(&self, raw: &str, fields: &Fields<'_>, id: &str, kind: &str) -> Object {
        let text = |key: &str| text_of(fields, key).unwrap_or_default().into();
        let ends = ["source_ref", "target_ref"].iter().filter_map(|end| text_of(fields, end));
        let pattern = fields.get("pattern").filter(|_| kind == "indicator").and_then(|quoted| {
            let span = Span::of(self.text, quoted.get())?;
            let inner = Span::new(span.start.saturating_add(1), span.end.saturating_sub(1));
            let language = text_of(fields, "pattern_type").unwrap_or_else(|| "stix".into()).into();
            Some(journal::Pattern { language, text: text("pattern"), span: inner })
        });
        Object {
            id: id.into(),
            kind: kind.into(),
            span: Span::of(self.text, raw).unwrap_or_default(),
            name: text("name"),
            spec_version: text("spec_version"),
            created: text("created"),
            valid_from: text("valid_from"),
            valid_until: text("valid_until"),
            revoked: fields.get("revoked").is_some_and(|flag| flag.get() == "true"),
            has_description: text_of(fields, "description").is_some_and(|text| !text.trim().is_empty()),
            has_reference: fields.contains_key("external_references"),
            has_confidence: fields.contains_key("confidence"),
            role: role_of(fields),
            pattern,
            refs: ends.chain(refs_of(fields)).map(Into::into).collect(),
        }
    }

    fn indicator(&mut self, raw: &str, fields: &Fields<'_>, id: String, line: u32, intake: &mut Intake<'_>) {
        let language = text_of(fields, "pattern_type").unwrap_or_else(|| "stix".into());
        if language != "stix" {
            self.gathered.note(&id);
            return intake.tell(Flaw::Judged, line, &id, format!("its pattern is `{language}`, not STIX"));
        }
        let role = role_of(fields);
        let platform =
            label_of(fields, "platform").and_then(|name| platform_named(&name)).unwrap_or_default();
        let found = |pattern: &str, valid_until: Option<Timestamp>, revoked: bool| Found {
            id: id.as_str().into(),
            line,
            what: What::Pattern(pattern.into()),
            modified: time_of(fields, "modified"),
            // The crate fills a missing `valid_from` with the present, so presence is asked of the text.
            valid_from: time_of(fields, "valid_from"),
            valid_until,
            revoked,
            role,
            platform,
            note: note_of(&text_of(fields, "description").unwrap_or_default()),
        };
        let found = match serde_json::from_str::<stix_rs::Indicator>(raw) {
            Ok(object) => {
                let until = object
                    .valid_until
                    .and_then(|until| from_chrono(until.timestamp(), until.timestamp_subsec_nanos()));
                found(&object.pattern, until, object.common.revoked == Some(true))
            }
            Err(error) => {
                let Some(pattern) = text_of(fields, "pattern") else {
                    self.gathered.note(&id);
                    return intake.tell(Flaw::Judged, line, &id, "an indicator without a pattern");
                };
                let why = format!("not a sound object, its pattern is used all the same: {error}");
                intake.skip(line, &id, why);
                let revoked = fields.get("revoked").is_some_and(|flag| flag.get() == "true");
                found(&pattern, time_of(fields, "valid_until"), revoked)
            }
        };
        self.gathered.keep_newest(found, intake);
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
        self.gathered.name(&id, campaign);
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
            (Some(from), Some(to)) => self.gathered.link(line, &id, &from, &to),
            _ => intake.tell(Flaw::Judged, line, &id, "a relationship without both its ends"),
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
                let refs = refs_of(fields).iter().map(|id| self.gathered.key(id)).collect();
                self.gathered.collections.push(Collection { line, id, name: name.trim().to_owned(), refs });
            }
            None => intake.skip(line, &id, format!("a {kind} without a name")),
        }
    }
}

impl Gathered {
    fn key(&self, id: &str) -> u64 {
        self.hasher.hash_one(id)
    }

    /// Notes that the file has an object of this id.
    fn note(&mut self, id: &str) {
        let key = self.key(id);
        self.ids.entry(key).or_insert(None);
    }

    fn at(&mut self, number: u32) -> Option<&mut Found> {
        let number = usize::try_from(number).ok()?;
        self.found.get_mut(number / CHUNK)?.get_mut(number % CHUNK)
    }

    /// Objects with one id are versions of each other; the newest counts.
    fn keep_newest(&mut self, found: Found, intake: &mut Intake<'_>) {
        let key = self.key(&found.id);
        let known = self.ids.get(&key).copied().flatten().filter(|_| !found.id.is_empty());
        if let Some(known) = known.and_then(|number| self.at(number)) {
            let newer = found.modified > known.modified;
            let why = if newer {
                format!("an older version (line {}) of this object is replaced", known.line)
            } else {
                format!("the id stands twice in the file; the object on line {} is used", known.line)
            };
            intake.tell(Flaw::Judged, found.line, &found.id, why);
            if newer {
                *known = found;
            }
            return;
        }
        let full = self.found.last().is_none_or(|chunk| chunk.len() == CHUNK);
        if full {
            self.found.push(Vec::with_capacity(if self.found.is_empty() { 0 } else { CHUNK }));
        }
        let before = (self.found.len() - 1).saturating_mul(CHUNK);
        if let Some(chunk) = self.found.last_mut() {
            let number = u32::try_from(before + chunk.len()).ok();
            chunk.push(found);
            self.ids.insert(key, number);
        }
    }

    fn name(&mut self, id: &str, campaign: Campaign) {
        let number = u32::try_from(self.campaigns.len()).unwrap_or(u32::MAX);
        self.campaigns.push(campaign);
        let key = self.key(id);
        self.names.insert(key, number);
    }

    /// The indicator and the campaign that two ids stand for, in either order.
    fn pair(&self, from: u64, to: u64) -> Option<(u32, u32)> {
        let pair = |one: u64, other: u64| Some((self.ids.get(&one).copied()??, *self.names.get(&other)?));
        pair(from, to).or_else(|| pair(to, from))
    }

    fn link(&mut self, line: u32, id: &str, from: &str, to: &str) {
        match self.pair(self.key(from), self.key(to)) {
            Some(pair) => self.pairs.push(pair),
            None => self.links.push(Link { line, id: id.into(), from: from.into(), to: to.into() }),
        }
    }

    /// Links everything once the whole file is known, since objects come in any order.
    fn resolve(mut self, fallback: &str, intake: &mut Intake<'_>) {
        for link in std::mem::take(&mut self.links) {
            let (from, to) = (self.key(&link.from), self.key(&link.to));
            for (end, key) in [(&link.from, from), (&link.to, to)] {
                if !self.ids.contains_key(&key) {
                    let why = format!("links to `{end}`, which is not in the file");
                    intake.tell(Flaw::Judged, link.line, &link.id, why);
                }
            }
            self.pairs.extend(self.pair(from, to));
        }
        let mut reports: Vec<(u32, usize)> = Vec::new();
        for (position, collection) in self.collections.iter().enumerate() {
            let missing = collection.refs.iter().filter(|key| !self.ids.contains_key(key)).count();
            if missing > 0 {
                let why = format!("names {missing} objects that are not in the file");
                intake.tell(Flaw::Judged, collection.line, &collection.id, why);
            }
            let numbers = collection.refs.iter().filter_map(|key| self.ids.get(key).copied().flatten());
            reports.extend(numbers.map(|number| (number, position)));
        }
        self.ids = HashMap::new();
        self.pairs.sort_unstable();
        self.pairs.dedup();
        reports.sort_unstable();
        // The date of a set is that of its newest object.
        let newest = self.found.iter().flatten().filter_map(|found| found.modified).max();
        if let (Some(newest), Some(source)) = (newest, intake.source()) {
            source.date = crate::time::iso(newest).chars().take(10).collect::<String>().into();
        }
        let mut numbers: Vec<Option<u16>> = vec![None; self.campaigns.len()];
        let (mut pairs, mut reports) = (self.pairs.as_slice(), reports.as_slice());
        for (number, found) in (0_u32..).zip(self.found.into_iter().flatten()) {
            let own_pairs = taken(&mut pairs, |(of, _)| *of == number);
            let own_reports = taken(&mut reports, |(of, _)| *of == number);
            let mut own: Vec<u16> = Vec::new();
            // A report says where a value was published; a malware object says whose it is, so that goes first.
            for (_, campaign) in own_pairs {
                let Some(position) = usize::try_from(*campaign).ok() else { continue };
                let Some(slot) = numbers.get_mut(position) else { continue };
                let known = slot.or_else(|| Some(intake.campaign(self.campaigns.get(position)?.clone())));
                *slot = known;
                own.extend(known);
            }
            if own_pairs.is_empty() {
                let names = own_reports.iter().filter_map(|(_, position)| self.collections.get(*position));
                own.extend(names.map(|collection| intake.campaign_named(&collection.name)));
            }
            if own.is_empty() {
                own.push(intake.campaign_named(fallback));
            }
            own.sort_unstable();
            own.dedup();
            take_in(found, &own, intake);
        }
        let mut unused: Vec<_> = self.unused.into_iter().collect();
        unused.sort_unstable();
        for (kind, (line, count)) in unused {
            intake.tell(
                Flaw::Unused,
                line,
                &kind,
                format!("{count} objects of this type, which are not indicators"),
            );
        }
    }
}

/// Cuts off the front of a sorted list.
fn taken<'l, T>(list: &mut &'l [T], wanted: impl Fn(&T) -> bool) -> &'l [T] {
    let end = list.iter().position(|item| !wanted(item)).unwrap_or(list.len());
    let (front, rest) = list.split_at_checked(end).unwrap_or((list, &[]));
    *list = rest;
    front
}

fn problem_of<'a, T: Deserialize<'a>>(raw: &'a str) -> Option<serde_json::Error> {
    serde_json::from_str::<T>(raw).err()
}

fn take_in(found: Found, campaigns: &[u16], intake: &mut Intake<'_>) {
    let pattern = match &found.what {
        What::Value(ioc, value) => return add(&found, *ioc, value, campaigns, intake),
        What::Pattern(pattern) => pattern,
    };
    let lowered = match pattern::parse(pattern) {
        Ok(pattern) => pattern::lower(&pattern),
        Err(error) => {
            return intake.tell(Flaw::Judged, found.line, pattern, format!("not a pattern: {error}"));
        }
    };
    if let Some(reason) = lowered.unsupported {
        intake.tell(Flaw::Judged, found.line, pattern, reason);
    }
    for (ioc, value) in &lowered.values {
        add(&found, *ioc, value, campaigns, intake);
    }
}

fn add(found: &Found, ioc: Ioc, value: &str, campaigns: &[u16], intake: &mut Intake<'_>) {
    for campaign in campaigns {
        let entry = Entry {
            role: found.role,
            platform: found.platform,
            note: found.note.as_ref().into(),
            ..Entry::new(ioc, value, *campaign)
        };
        if let Some(indicator) = intake.add(found.line, entry) {
            indicator.stix_id.clone_from(&found.id);
            indicator.valid_from = found.valid_from;
            indicator.valid_until = found.valid_until;
            indicator.revoked = found.revoked;
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
