//! One file as the linter sees it: its text, its values with their places, its STIX objects.

use std::collections::HashMap;
use std::sync::Arc;

use super::super::intake::{Intake, canonical, corrected};
use super::super::journal::{Journal, Object, Span};
use super::super::pattern::{self, Comparison, Expression, Pattern};
use super::super::set::Source;
use super::super::{IndicatorSet, Ioc, Role, list, load};

/// A value and all that is known of it.
#[derive(Clone, Debug)]
pub(super) struct Value {
    /// As the file says, not as it is corrected.
    pub ioc: Ioc,
    /// As written, but for the quotes and escapes of the form and defanging in lists.
    pub text: String,
    pub span: Option<Span>,
    pub line: u32,
    /// Index into [`Journal::objects`].
    pub object: Option<usize>,
    /// The key of its pattern, such as `file:hashes.MD5`.
    pub key: String,
    pub campaigns: Vec<Box<str>>,
    pub role: Role,
    /// True if it alone makes its pattern true and the pattern holds nothing else.
    pub is_alone: bool,
}

impl Value {
    /// What two spellings of one value have in common, and its true kind; `None` if a scan refuses it.
    pub fn identity(&self) -> Option<(Ioc, String)> {
        let corrected = corrected(self.ioc, self.text.trim()).ok()?;
        Some((corrected.ioc, canonical(corrected.ioc, &corrected.value).into_owned()))
    }
}

pub(super) struct File {
    pub name: Arc<str>,
    pub text: String,
    pub is_stix: bool,
    /// The keepers of the YAML collection have a form of their own, which asks for upper case.
    pub is_mendable: bool,
    pub journal: Journal,
    pub values: Vec<Value>,
    /// Where lines begin.
    lines: Vec<usize>,
    /// Characters before each block of [`BLOCK`] bytes: some published files are one line of megabytes.
    characters: Vec<usize>,
}

const BLOCK: usize = 1024;

fn starts_character(byte: &u8) -> bool {
    byte & 0xc0 != 0x80
}

impl File {
    /// Reads decoded text with the readers that a scan uses.
    pub fn read(name: &str, text: String) -> File {
        let plain = name.rsplit(['/', '\\']).next().unwrap_or(name);
        let stem = plain.rsplit_once('.').map_or(plain, |(stem, _)| stem);
        let mut journal = Journal::default();
        let mut set = IndicatorSet::default();
        let source = Source { name: name.into(), ..Source::default() };
        if let Some(intake) = Intake::new(&mut set, source) {
            let mut intake = intake.with_journal(&mut journal);
            load::read_text(&text, plain, stem, &mut intake);
            intake.finish();
        }
        let is_stix = load::is_stix(&text);
        let is_mendable = is_stix || !list::is_echap(&text);
        let lines = std::iter::once(0)
            .chain(memchr::memchr_iter(b'\n', text.as_bytes()).map(|at| at.saturating_add(1)))
            .collect();
        let mut count = 0;
        let mut characters = Vec::new();
        for block in text.as_bytes().chunks(BLOCK) {
            characters.push(count);
            count += block.iter().filter(|byte| starts_character(byte)).count();
        }
        let mut file = File {
            name: name.into(),
            text,
            is_stix,
            is_mendable,
            journal,
            values: Vec::new(),
            lines,
            characters,
        };
        file.values = if is_stix { file.of_objects() } else { file.of_list() };
        file
    }

    fn characters_before(&self, offset: usize) -> usize {
        let block = offset / BLOCK;
        let rest = self.text.as_bytes().get(block.saturating_mul(BLOCK)..offset).unwrap_or(&[]);
        let known = self.characters.get(block).copied().unwrap_or(0);
        known + rest.iter().filter(|byte| starts_character(byte)).count()
    }

    /// Line and column of a byte, both counted from 1, columns in characters.
    pub fn position(&self, offset: usize) -> (u32, u32) {
        let offset = offset.min(self.text.len());
        let line = self.lines.partition_point(|start| *start <= offset);
        let start = self.lines.get(line.saturating_sub(1)).copied().unwrap_or(0);
        let column = self.characters_before(offset).saturating_sub(self.characters_before(start));
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        (number(line), number(column.saturating_add(1)))
    }

    /// The whole line around a place, with its line break.
    pub fn line_around(&self, span: Span) -> Span {
        let line = self.lines.partition_point(|start| *start <= span.start);
        let start = self.lines.get(line.saturating_sub(1)).copied().unwrap_or(0);
        Span::new(start, self.lines.get(line).copied().unwrap_or(self.text.len()))
    }

    pub fn object(&self, value: &Value) -> Option<&Object> {
        self.journal.objects.get(value.object?)
    }

    fn of_list(&self) -> Vec<Value> {
        let seen = self.journal.seen.iter();
        seen.map(|seen| Value {
            ioc: seen.ioc,
            text: seen.value.to_string(),
            span: seen.span,
            line: seen.line,
            object: None,
            key: String::new(),
            campaigns: vec![seen.campaign.clone()],
            role: seen.role,
            is_alone: true,
        })
        .collect()
    }

    fn of_objects(&self) -> Vec<Value> {
        let campaigns = self.campaigns();
        let mut values = Vec::new();
        for (number, object) in self.journal.objects.iter().enumerate() {
            let Some(written) = object.pattern.as_ref().filter(|pattern| &*pattern.language == "stix") else {
                continue;
            };
            let Ok(parsed) = pattern::parse(&written.text) else { continue };
            let keys = keys(&parsed);
            let lowered = pattern::lower(&parsed);
            let mut from = written.span.start;
            for (ioc, text) in &lowered.values {
                let rest = self.text.get(from..written.span.end).unwrap_or("");
                let found = rest.find(text.as_str()).filter(|_| !text.is_empty());
                let span = found.map(|at| Span::new(from + at, from + at + text.len()));
                from = span.map_or(from, |span| span.end);
                values.push(Value {
                    ioc: *ioc,
                    text: text.clone(),
                    span: Some(span.unwrap_or(written.span)),
                    line: self.position(object.span.start).0,
                    object: Some(number),
                    key: if keys.len() == 1 {
                        keys.first().cloned().unwrap_or_default()
                    } else {
                        String::new()
                    },
                    campaigns: campaigns.get(&*object.id).cloned().unwrap_or_default(),
                    role: object.role,
                    is_alone: keys.len() == 1 && lowered.values.len() == 1,
                });
            }
        }
        values
    }

    /// The names that relationships and reports give to each indicator's id.
    pub fn campaigns(&self) -> HashMap<&str, Vec<Box<str>>> {
        let objects = &self.journal.objects;
        let named: HashMap<&str, &str> = objects
            .iter()
            .filter(|object| is_campaign(&object.kind) && !object.name.trim().is_empty())
            .map(|object| (&*object.id, object.name.trim()))
            .collect();
        let mut campaigns: HashMap<&str, Vec<Box<str>>> = HashMap::new();
        let mut add = |id, name: &str| {
            let names = campaigns.entry(id).or_default();
            if !names.iter().any(|known| **known == *name) {
                names.push(name.into());
            }
        };
        for link in objects.iter().filter(|object| &*object.kind == "relationship") {
            let [from, to] = link.refs.as_slice() else { continue };
            for (indicator, other) in [(from, to), (to, from)] {
                if let Some(name) = named.get(&**other) {
                    add(indicator, name);
                }
            }
        }
        for report in objects.iter().filter(|object| matches!(&*object.kind, "report" | "grouping")) {
            for member in &report.refs {
                if !report.name.trim().is_empty() {
                    add(member, report.name.trim());
                }
            }
        }
        campaigns
    }
}

/// True for objects whose name says whose an indicator is.
pub(super) fn is_campaign(kind: &str) -> bool {
    matches!(kind, "malware" | "campaign" | "intrusion-set" | "threat-actor" | "tool")
}

/// The keys of a pattern in order, as the standard spells paths.
pub(super) fn keys(pattern: &Pattern) -> Vec<String> {
    let mut comparisons = Vec::new();
    observations(pattern, &mut comparisons);
    comparisons.into_iter().map(|comparison| comparison.path.to_string()).collect()
}

fn observations<'p>(pattern: &'p Pattern, found: &mut Vec<&'p Comparison>) {
    match pattern {
        Pattern::Observation(expression) => expressions(expression, found),
        Pattern::Joined(_, branches) => branches.iter().for_each(|branch| observations(branch, found)),
        Pattern::Qualified(inner, _) => observations(inner, found),
    }
}

fn expressions<'p>(expression: &'p Expression, found: &mut Vec<&'p Comparison>) {
    match expression {
        Expression::Comparison(comparison) => found.push(comparison),
        Expression::And(branches) | Expression::Or(branches) => {
            branches.iter().for_each(|branch| expressions(branch, found));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(name: &str, text: &str) -> Vec<(String, (u32, u32))> {
        let file = File::read(name, text.to_owned());
        let place = |value: &Value| (value.text.clone(), file.position(value.span.unwrap().start));
        file.values.iter().map(place).collect()
    }

    #[test]
    fn values_of_every_form_have_their_line_and_column() {
        let expected = vec![("a.example.com".to_owned(), (2, 1)), ("b.example.com".to_owned(), (3, 3))];
        assert_eq!(places("domains.txt", "# x\na.example.com\n  b[.]example.com\n"), expected);
        assert_eq!(
            places("x.csv", "type,value,note\ndomain,a.example.com,é\ndomain,\"b.example.com\",é\n"),
            [("a.example.com".to_owned(), (2, 8)), ("b.example.com".to_owned(), (3, 9))]
        );
        assert_eq!(
            places("own.txt", "campaign: Ü\n[domain]\na.example.com | note=x\n"),
            [("a.example.com".to_owned(), (3, 1))]
        );
        assert_eq!(
            places("ioc.yaml", "- name: Spy\n  packages:\n  - com.spy.app\n"),
            [("com.spy.app".to_owned(), (3, 5))]
        );
        let one =
            r#"{"type":"indicator","id":"indicator--1","pattern":"[file:name='é' OR file:name='b.plist']"}"#;
        assert_eq!(places("x.stix2", one), [("é".to_owned(), (1, 64)), ("b.plist".to_owned(), (1, 81))]);
        let event = r#"{"Event":{"Attribute":[
{"value":"a[.]example[.]com","type":"domain","to_ids":true},
{"type":"ip-dst|port","value":"198.51.100.7|8443","to_ids":true},
{"type":"link","value":"https://lab.example/","to_ids":false}]}}"#;
        assert_eq!(
            places("misp.json", event),
            [("a.example.com".to_owned(), (2, 11)), ("198.51.100.7".to_owned(), (3, 32))]
        );
    }

    #[test]
    fn objects_that_a_scan_reads_the_short_way_are_seen_too() {
        let times = r#""created":"2024-01-01T00:00:00Z","modified":"2024-01-01T00:00:00Z""#;
        let text = format!(
            r#"{{"type":"bundle","objects":[
{{"type":"indicator","id":"indicator--1",{times},"pattern":"[file:name='b.plist']","pattern_type":"stix","valid_from":"2024-01-01T00:00:00Z","labels":["role:c2"]}},
{{"type":"relationship","id":"relationship--1",{times},"relationship_type":"indicates","source_ref":"indicator--1","target_ref":"malware--1"}},
{{"type":"malware","id":"malware--1",{times},"name":"Spy","is_family":true}}]}}"#
        );
        let file = File::read("x.stix2", text);
        let kinds: Vec<_> = file.journal.objects.iter().map(|object| &*object.kind).collect();
        assert_eq!(kinds, ["indicator", "relationship", "malware"]);
        let [value] = file.values.as_slice() else { panic!("{:?}", file.values) };
        assert_eq!((&*value.campaigns[0], value.role, value.line), ("Spy", Role::C2, 2));
        assert_eq!(value.span.unwrap().text(&file.text), "b.plist");
    }

    #[test]
    fn columns_are_characters_on_lines_of_any_length() {
        let text = format!("{}\n{}x", "é".repeat(3000), "é".repeat(2000));
        let file = File::read("x.txt", text.clone());
        assert_eq!(file.position(text.len() - 1), (2, 2001));
        assert_eq!(file.position(usize::MAX).0, 2);
        assert_eq!(file.position(0), (1, 1));
    }
}
