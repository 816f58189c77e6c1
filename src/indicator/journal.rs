//! What the readers saw of a file and where it stood, before anything was corrected: kept for the linter, and for nobody else.

use super::{Ioc, Role};

/// Entries of one file that are kept one by one; a linted file past this is told as such.
const MAX_ENTRIES: usize = 4_000_000;

/// Bytes of the decoded text of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub start: usize,
    pub end: usize,
}

impl Span {
    pub fn new(start: usize, end: usize) -> Span {
        Span { start, end: end.max(start) }
    }

    /// Where `part`, a slice of `text`, lies in it; `None` if it is no slice of it.
    pub fn of(text: &str, part: &str) -> Option<Span> {
        let start = (part.as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
        let end = start.checked_add(part.len())?;
        (end <= text.len()).then_some(Span { start, end })
    }

    pub fn text(self, whole: &str) -> &str {
        whole.get(self.start..self.end).unwrap_or("")
    }
}

/// A value of a list, as its reader gave it in.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub ioc: Ioc,
    pub value: Box<str>,
    pub campaign: Box<str>,
    pub role: Role,
    pub line: u32,
    pub span: Option<Span>,
}

/// A STIX object of any kind, also one that an other version replaces.
#[derive(Clone, Debug, Default)]
pub(crate) struct Object {
    pub id: Box<str>,
    pub kind: Box<str>,
    pub span: Span,
    /// Names and times as the text has them; empty where it has none.
    pub name: Box<str>,
    pub spec_version: Box<str>,
    pub created: Box<str>,
    pub valid_from: Box<str>,
    pub valid_until: Box<str>,
    pub revoked: bool,
    pub has_description: bool,
    pub has_reference: bool,
    pub has_confidence: bool,
    /// Of an indicator, by its label.
    pub role: Role,
    pub pattern: Option<Pattern>,
    /// Of a relationship its two ends, of a report its members.
    pub refs: Vec<Box<str>>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Pattern {
    /// `stix`, `yara`, …
    pub language: Box<str>,
    pub text: Box<str>,
    /// Between the quotes.
    pub span: Span,
}

/// What a reader told about a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// The file as a whole cannot be read as what it looks like.
    Damaged,
    /// A line or object against the form of its file.
    Unsound,
    /// Of another kind than indicators.
    Unused,
    /// About a value, pattern or link that the linter judges by itself.
    Judged,
}

#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub flaw: Flaw,
    pub line: u32,
    pub what: Box<str>,
    pub why: Box<str>,
}

/// Everything that was seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Journal {
    pub seen: Vec<Seen>,
    pub objects: Vec<Object>,
    pub told: Vec<Told>,
    pub overflowed: bool,
}

impl Journal {
    fn has_room(&mut self) -> bool {
        let full = self.seen.len() + self.objects.len() + self.told.len() >= MAX_ENTRIES;
        self.overflowed |= full;
        !full
    }

    pub fn see(&mut self, seen: Seen) {
        if self.has_room() {
            self.seen.push(seen);
        }
    }

    pub fn object(&mut self, object: Object) {
        if self.has_room() {
            self.objects.push(object);
        }
    }

    pub fn tell(&mut self, told: Told) {
        if self.has_room() {
            self.told.push(told);
        }
    }
}
