//! Where a record goes: to the matcher, to the rules that want it again, and to the recorder.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use jiff::Timestamp;

use super::Journal;
use crate::artifact::{Artifact, Line, Record, Sink};
use crate::finding::{Exhibit, Finding, Level, Rule, judged_level};
use crate::format::sqlite::Found;
use crate::heuristic::{self, Reads};
use crate::indicator::Matcher;
use crate::indicator::{Hit, Indicator, Ioc};
use crate::record::{Kind, Origin, Place, Recovery, Trace, Value};

/// The file a record is in: on the device and in the evidence.
#[derive(Clone, Copy, Debug)]
pub struct Located<'a> {
    pub path: &'a str,
    pub stored_as: &'a str,
}

/// Findings of one level kept of one file and artifact; an attacker can make every row match, but not crowd out what is graver. The
/// rest is counted.
const FINDINGS_KEPT: usize = 5_000;
/// Records kept for one rule of one file.
const EXHIBITS_KEPT: usize = 100_000;
/// A field longer than this is searched in part, which becomes a problem: no message is as long, a blob in a text column may be.
const LONGEST_FIELD_BYTES: usize = 16 << 20;
const LONGEST_SHOWN_BYTES: usize = 8 << 10;

/// Row ids as ranges: tables are read in the order of their ids, so a million rows are a few ranges.
#[derive(Default)]
pub(super) struct RowIds {
    ranges: Vec<(i64, i64)>,
}

impl RowIds {
    fn insert(&mut self, id: i64) {
        match self.ranges.last_mut() {
            Some((from, to)) if (*from..=to.saturating_add(1)).contains(&id) => *to = id.max(*to),
            _ => self.ranges.push((id, id)),
        }
    }

    /// Sorted, so that ids can be looked up.
    pub fn sorted(mut self) -> RowIds {
        self.ranges.sort_unstable();
        self
    }

    fn contains(&self, id: i64) -> bool {
        let after = self.ranges.partition_point(|(from, _)| *from <= id);
        after.checked_sub(1).and_then(|at| self.ranges.get(at)).is_some_and(|(_, to)| id <= *to)
    }
}

/// The sink of one task.
pub(super) struct TaskSink<'a> {
    pub artifact: &'static Artifact,
    pub matcher: &'a Matcher,
    pub journal: Option<Box<dyn Journal + 'a>>,
    pub path: Arc<str>,
    pub stored_as: Arc<str>,
    /// Of the records to come.
    pub origin: Origin,
    /// Row ids already taken, by table, so that a salvage run adds only what is new.
    pub taken: BTreeMap<Cow<'static, str>, RowIds>,
    pub skip: BTreeMap<Cow<'static, str>, RowIds>,
    /// The rows whose records are to come, of which others are not wanted: live rows that only explain them.
    pub recovering: Option<BTreeMap<String, BTreeMap<i64, Found>>>,
    /// Records of recovered rows, which `records` counts too.
    pub recovered: u64,
    pub findings: Vec<Finding>,
    pub findings_dropped: u64,
    findings_kept: BTreeMap<Level, usize>,
    /// Fields of which only the beginning was searched.
    pub fields_cut: u64,
    pub kept: Vec<(usize, Exhibit)>,
    pub kept_dropped: u64,
    pub records: u64,
    pub span: Option<(Timestamp, Timestamp)>,
    line: Line,
    matched: Vec<usize>,
    times: Vec<usize>,
    direction: Option<usize>,
    /// By the place of their rule in [`heuristic::reads`].
    rules: Vec<(usize, &'static Reads)>,
}

impl<'a> TaskSink<'a> {
    pub fn new(
        artifact: &'static Artifact,
        matcher: &'a Matcher,
        journal: Option<Box<dyn Journal + 'a>>,
        at: Located<'_>,
    ) -> TaskSink<'a> {
        let indexes = |wanted: fn(Kind) -> bool| -> Vec<usize> {
            let columns = artifact.columns.iter().enumerate();
            columns.filter(|(_, column)| wanted(column.kind)).map(|(index, _)| index).collect()
        };
        let rules = heuristic::reads().enumerate().flat_map(|(index, reads)| {
            reads.iter().filter(|reads| reads.artifact == artifact.id).map(move |reads| (index, reads))
        });
        TaskSink {
            artifact,
            matcher,
            journal,
            path: at.path.into(),
            stored_as: at.stored_as.into(),
            origin: Origin::Live,
            taken: BTreeMap::new(),
            skip: BTreeMap::new(),
            recovering: None,
            recovered: 0,
            findings: Vec::new(),
            findings_dropped: 0,
            findings_kept: BTreeMap::new(),
            fields_cut: 0,
            kept: Vec::new(),
            kept_dropped: 0,
            records: 0,
            span: None,
            line: Line::of(artifact),
            matched: indexes(is_matched),
            times: indexes(|kind| matches!(kind, Kind::Time(_))),
            direction: indexes(|kind| kind == Kind::Direction).first().copied(),
            rules: rules.collect(),
        }
    }

    /// A listing's records are each about another file.
    pub fn locate(&mut self, path: &str, stored_as: &str) {
        self.path = path.into();
        self.stored_as = stored_as.into();
    }

    fn exhibit(&self, record: &Record<'_>) -> Exhibit {
        let columns = record.artifact.columns.iter().zip(record.values);
        Exhibit {
            artifact: record.artifact.id,
            path: self.path.clone(),
            stored_as: self.stored_as.clone(),
            place: record.place.clone(),
            origin: match record.place {
                Place::Recovered { origin, .. } => *origin,
                _ => self.origin,
            },
            times: record.stamps().collect(),
            line: self.line.fill(record.values),
            values: columns
                .filter(|(_, value)| !value.is_null())
                .map(|(column, value)| (column.name, shortened(value)))
                .collect(),
        }
    }

    /// What this match means: the artifact says, but what the owner sent is only mentioned, and a host in the record of a program or
    /// file (its storage folder, where it was downloaded from) was talked to, not installed.
    fn trace(&self, values: &[Value<'_>], column: usize, indicator: &Indicator) -> Trace {
        let kind = self.artifact.columns.get(column).map(|column| column.kind);
        let direction = self.direction.and_then(|index| values.get(index)).and_then(Value::as_text);
        match self.artifact.shows {
            _ if direction == Some("sent") => Trace::Mentioned,
            // Who wrote an entry ran; only what it says are words.
            Trace::Logged if matches!(kind, Some(Kind::Process | Kind::Path)) => Trace::Executed,
            Trace::Installed | Trace::Executed if indicator.ioc.is_network() => Trace::Resolved,
            shows => shows,
        }
    }

    /// A record of which only what indicators match is known: it is neither counted nor shown to rules. `note` is told with what was found.
    pub fn matched(&mut self, record: &Record<'_>, note: Option<String>) {
        let before = self.findings.len();
        self.match_fields(record);
        if let Some(note) = note {
            for finding in self.findings.iter_mut().skip(before) {
                finding.caveats.push(note.clone());
            }
        }
    }

    /// Matches every typed field and turns what was hit into findings, one for each indicator value of the record.
    fn match_fields(&mut self, record: &Record<'_>) {
        let mut hits: Vec<(usize, Rc<str>, Hit<'static>)> = Vec::new();
        // A message can name the same host a million times; all of them would become one finding.
        let mut seen = BTreeSet::new();
        let mut cut_fields = 0;
        for &index in &self.matched {
            let (Some(column), Some(value)) = (self.artifact.columns.get(index), record.values.get(index))
            else {
                continue;
            };
            each_text(value, &mut |text| {
                let searched = cut(text, LONGEST_FIELD_BYTES);
                cut_fields += u64::from(searched.len() < text.len());
                let mut value: Option<Rc<str>> = None;
                self.matcher.field(column.kind, searched, &mut |hit| {
                    if !seen.insert((index, hit.indicator, hit.strength)) {
                        return;
                    }
                    let value = value.get_or_insert_with(|| cut(text, LONGEST_SHOWN_BYTES).into());
                    let hit = Hit { matched: Cow::Owned(hit.matched.into_owned()), ..hit };
                    hits.push((index, Rc::clone(value), hit));
                });
            });
        }
        self.fields_cut += cut_fields;
        if hits.is_empty() {
            return;
        }
        let indicators = &self.matcher.set().indicators;
        let of = |hit: &Hit<'_>| indicators.get(hit.indicator as usize);
        let key = |hit: &Hit<'_>| of(hit).map(|indicator| (indicator.ioc, indicator.value.clone()));
        // The strongest hit of each value first; the same value of several campaigns becomes one finding.
        hits.sort_by_key(|(column, _, hit)| {
            (key(hit), std::cmp::Reverse(hit.strength), *column, hit.indicator)
        });
        for group in hits.chunk_by(|(_, _, a), (_, _, b)| key(a) == key(b)) {
            let Some((column, value, best)) = group.first() else { continue };
            let Some(indicator) = of(best) else { continue };
            let mut named: Vec<u32> = group.iter().map(|(_, _, hit)| hit.indicator).collect();
            named.sort_unstable();
            named.dedup();
            let trace = self.trace(record.values, *column, indicator);
            let finding = self.finding(record, trace, *column, value, best, indicator, named);
            if !self.is_known(&finding) {
                self.keep(finding);
            }
        }
    }

    fn keep(&mut self, finding: Finding) {
        let kept = self.findings_kept.entry(finding.level).or_insert(0);
        if *kept < FINDINGS_KEPT {
            *kept += 1;
            self.findings.push(finding);
        } else {
            self.findings_dropped += 1;
        }
    }

    /// A record of the raw search with what was hit there: one value, published by `indicators`. What is `harmless` where it stands says
    /// why.
    pub fn raw(
        &mut self,
        record: &Record<'_>,
        hit: &Hit<'_>,
        indicators: Vec<u32>,
        trace: Trace,
        harmless: Option<&str>,
    ) {
        if let Some(indicator) = self.matcher.set().indicators.get(hit.indicator as usize) {
            let around = self.artifact.columns.iter().position(|column| matches!(column.kind, Kind::Message));
            let column = around.unwrap_or(0);
            let value = record.values.get(column).and_then(Value::as_text).unwrap_or_default();
            let mut finding = self.finding(record, trace, column, value, hit, indicator, indicators);
            if let Some(why) = harmless {
                finding.level = Level::Informational;
                finding.caveats.push(why.to_owned());
            }
            self.keep(finding);
        }
        self.write(record);
    }

    #[expect(clippy::too_many_arguments, reason = "one finding is made of these")]
    fn finding(
        &self,
        record: &Record<'_>,
        trace: Trace,
        column: usize,
        value: &str,
        hit: &Hit<'_>,
        indicator: &Indicator,
        indicators: Vec<u32>,
    ) -> Finding {
        let exhibit = self.exhibit(record);
        // Published by several, the gravest counts: one set's vendor web site is another's command server.
        let published =
            indicators.iter().filter_map(|index| self.matcher.set().indicators.get(*index as usize));
        let judged = published.map(|one| judged_level(hit.strength, hit.form, trace, one, exhibit.at()));
        let (level, lowered) = judged
            .max_by_key(|(level, _)| *level)
            .unwrap_or_else(|| judged_level(hit.strength, hit.form, trace, indicator, exhibit.at()));
        let mut caveats: Vec<String> = lowered.map(str::to_owned).into_iter().collect();
        caveats.extend(record.place.caveat());
        for note in [hit.note, &*indicator.note] {
            if !note.is_empty() {
                caveats.push(note.to_owned());
            }
        }
        for (column, value) in self.artifact.columns.iter().zip(record.values) {
            if let Kind::Caveat(sentence) = column.kind
                && value.is_true()
            {
                caveats.push(sentence.to_owned());
            }
        }
        Finding {
            level,
            trace,
            message: sentence(trace, self.artifact, hit, indicator, &self.campaigns(&indicators)),
            rule: Rule::Indicator { indicators, ioc: indicator.ioc, strength: hit.strength, form: hit.form },
            exhibit,
            column: self.artifact.columns.get(column).map(|column| column.name),
            value: value.to_owned(),
            matched: hit.matched.to_string(),
            caveats,
            weighed: Vec::new(),
            rests_on: Vec::new(),
        }
    }

    /// True for what an older version of a row names just as the row itself does.
    fn is_known(&self, finding: &Finding) -> bool {
        let Place::Recovered { table, row: Some(row), recovered: Recovery::Replaced, .. } =
            &finding.exhibit.place
        else {
            return false;
        };
        let live = Place::Row { table: table.clone(), row: *row };
        self.findings.iter().any(|known| {
            known.exhibit.place == live
                && (known.column, &known.matched) == (finding.column, &finding.matched)
                && matches!((&known.rule, &finding.rule),
                    (Rule::Indicator { indicators: a, .. }, Rule::Indicator { indicators: b, .. }) if a == b)
        })
    }

    fn campaigns(&self, indicators: &[u32]) -> String {
        let set = self.matcher.set();
        let mut names: Vec<&str> = indicators
            .iter()
            .filter_map(|index| set.indicators.get(*index as usize))
            .filter_map(|indicator| set.campaigns.get(usize::from(indicator.campaign)))
            .map(|campaign| &*campaign.name)
            .collect();
        names.dedup();
        names.join(" and ")
    }

    fn keep_for_rules(&mut self, record: &Record<'_>) {
        for position in 0..self.rules.len() {
            let Some((rule, reads)) = self.rules.get(position).copied() else { continue };
            if !(reads.keep)(record) {
                continue;
            }
            if self.kept.len() < EXHIBITS_KEPT {
                self.kept.push((rule, self.exhibit(record)));
            } else {
                self.kept_dropped += 1;
            }
        }
    }
}

impl Sink for TaskSink<'_> {
    fn record(&mut self, record: &Record<'_>) {
        if let Some(rows) = &self.recovering {
            if let Place::Row { table, row } = record.place
                && let Some(found) = rows.get(&**table).and_then(|rows| rows.get(row))
            {
                let place = found.place(table.clone());
                self.take(&Record { place: &place, ..*record });
            }
            return;
        }
        if let Place::Row { table, row } = record.place {
            if self.skip.get(table).is_some_and(|taken| taken.contains(*row)) {
                return;
            }
            match self.taken.get_mut(table) {
                Some(taken) => taken.insert(*row),
                None => self.taken.entry(table.clone()).or_default().insert(*row),
            }
        }
        self.take(record);
    }
}

impl TaskSink<'_> {
    fn take(&mut self, record: &Record<'_>) {
        self.match_fields(record);
        // Many rules judge what is missing beside a row, which of deleted rows is no wonder.
        if !matches!(record.place, Place::Recovered { .. }) {
            self.keep_for_rules(record);
        }
        self.write(record);
    }
}

impl TaskSink<'_> {
    /// Hands the record to the recorder, and counts it.
    fn write(&mut self, record: &Record<'_>) {
        let recovered = matches!(record.place, Place::Recovered { .. });
        self.recovered += u64::from(recovered);
        // What is gone says nothing about the time that the records cover.
        for &index in self.times.iter().filter(|_| !recovered) {
            if let Some(time) = record.values.get(index).and_then(Value::as_time) {
                let (from, to) = self.span.unwrap_or((time, time));
                self.span = Some((from.min(time), to.max(time)));
            }
        }
        if let Some(journal) = &mut self.journal {
            let at = Located { path: &self.path, stored_as: &self.stored_as };
            journal.record(record, &at, self.records, &self.line);
        }
        self.records += 1;
    }
}

/// Kinds that indicators can match.
pub(super) fn is_matched(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Message
            | Kind::Url
            | Kind::Host
            | Kind::Email
            | Kind::Process
            | Kind::Path
            | Kind::Hash
            | Kind::AppId
            | Kind::ProfileId
            | Kind::Property
    )
}

pub(super) fn each_text(value: &Value<'_>, each: &mut dyn FnMut(&str)) {
    match value {
        Value::Text(text) if !text.is_empty() => each(text),
        Value::List(items) => items.iter().for_each(|item| each_text(item, each)),
        Value::Object(fields) => fields.iter().for_each(|(_, value)| each_text(value, each)),
        _ => {}
    }
}

fn cut(text: &str, longest: usize) -> &str {
    &text[..text.floor_char_boundary(longest)]
}

fn shortened(value: &Value<'_>) -> Value<'static> {
    match value {
        Value::Text(text) if text.len() > LONGEST_SHOWN_BYTES => {
            Value::Text(cut(text, LONGEST_SHOWN_BYTES).to_owned().into())
        }
        Value::Bytes(bytes) => Value::Bytes(bytes.iter().copied().take(256).collect::<Vec<_>>().into()),
        Value::Object(fields) => {
            let shorter =
                |(name, value): &(Cow<'_, str>, Value<'_>)| (name.to_string().into(), shortened(value));
            Value::Object(fields.iter().map(shorter).collect())
        }
        other => other.clone().into_owned(),
    }
}

/// The one plain sentence of an indicator match.
fn sentence(
    trace: Trace,
    artifact: &Artifact,
    hit: &Hit<'_>,
    indicator: &Indicator,
    campaigns: &str,
) -> String {
    let what = match trace {
        Trace::Mentioned => "the owner of this phone wrote, sent or kept",
        Trace::Received => "this phone received something that names",
        Trace::Stored => "a file of this phone holds",
        Trace::Logged => "a program of this phone wrote to the log",
        Trace::Resolved if indicator.ioc == Ioc::Email => "this phone looked up the account",
        Trace::Resolved => "this phone loaded something from",
        Trace::Visited => "this phone opened a page of",
        Trace::Policy => "a setting or profile of this phone names",
        Trace::Installed => "this phone holds",
        Trace::Tampered => "an altered record names",
        Trace::Executed => "a program ran on this phone that is named",
    };
    let published = if campaigns.is_empty() {
        "a published indicator".to_owned()
    } else {
        format!("a published indicator of {campaigns}")
    };
    let as_value =
        if hit.matched == *indicator.value { String::new() } else { format!(" `{}`", indicator.value) };
    format!("{}: {what} `{}`, {published}{as_value}", artifact.title, hit.matched)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::indicator::{Platform, load};
    use crate::time::Clock;

    #[test]
    fn row_ids_are_kept_as_ranges_and_found_again() {
        let mut ids = RowIds::default();
        for id in [1, 2, 3, 7, 8, i64::MAX, -5] {
            ids.insert(id);
        }
        assert_eq!(ids.ranges.len(), 4);
        let ids = ids.sorted();
        for (id, known) in
            [(1, true), (3, true), (4, false), (8, true), (-5, true), (-6, false), (i64::MAX, true)]
        {
            assert_eq!(ids.contains(id), known, "{id}");
        }
    }

    fn matcher() -> Matcher {
        let mut list = tempfile::Builder::new().suffix(".txt").tempfile().unwrap();
        std::io::Write::write_all(&mut list, b"evilhost.net\n").unwrap();
        Matcher::new(load(&[list.path().to_owned()], false).unwrap(), Platform::Ios)
    }

    fn push(sink: &mut TaskSink<'_>, table: &'static str, row: i64, direction: &str) {
        let value = |name: &str| match name {
            "message" => Value::Text("see https://evilhost.net/x".into()),
            "direction" => Value::Text(direction.to_owned().into()),
            _ => Value::Null,
        };
        let values: Vec<Value<'_>> = sink.artifact.columns.iter().map(|column| value(column.name)).collect();
        sink.record(&Record {
            artifact: sink.artifact,
            place: &Place::row(table, row),
            values: &values,
            clock: &Clock::NONE,
        });
    }

    #[test]
    fn of_several_publishers_the_gravest_counts() {
        let mut set = matcher().set().clone();
        let mut withdrawn = set.indicators[0].clone();
        withdrawn.revoked = true;
        set.indicators.insert(0, withdrawn);
        let matcher = Matcher::new(set, Platform::Ios);
        let artifact = crate::artifact::find("ios.sms").unwrap();
        let mut sink = TaskSink::new(artifact, &matcher, None, Located { path: "", stored_as: "" });
        push(&mut sink, "message", 1, "received");
        assert_eq!(sink.findings.iter().map(|finding| finding.level).collect::<Vec<_>>(), [Level::High]);
        assert!(sink.findings[0].caveats.is_empty());
    }

    #[test]
    fn many_lesser_matches_do_not_crowd_out_a_graver_one() {
        let matcher = matcher();
        let artifact = crate::artifact::find("ios.sms").unwrap();
        let at = Located { path: "/sms.db", stored_as: "3d/3d" };
        let mut sink = TaskSink::new(artifact, &matcher, None, at);
        let rows = FINDINGS_KEPT as i64 + 10;
        (0..rows).for_each(|row| push(&mut sink, "message", row, "sent"));
        push(&mut sink, "message", rows, "received");
        assert_eq!(sink.findings_dropped, 10);
        assert_eq!(sink.findings.len(), FINDINGS_KEPT + 1);
        assert_eq!(sink.findings.last().unwrap().level, Level::High);
        let outcome = super::super::task::Outcome::of((0, 0), "", sink, Vec::new(), false);
        assert_eq!(outcome.problems.iter().map(|problem| problem.count).collect::<Vec<_>>(), [10]);
    }

    #[test]
    fn a_field_too_long_to_be_searched_to_its_end_is_a_problem() {
        let matcher = matcher();
        let artifact = crate::artifact::find("ios.sms").unwrap();
        let mut sink = TaskSink::new(artifact, &matcher, None, Located { path: "", stored_as: "" });
        let repeated = "https://evilhost.net/ ".repeat(50_000);
        let long = "x".repeat(LONGEST_FIELD_BYTES + 1);
        for (row, text) in [repeated, long].into_iter().enumerate() {
            let value = |name: &str| if name == "message" { text.as_str().into() } else { Value::Null };
            let values: Vec<Value<'_>> = artifact.columns.iter().map(|column| value(column.name)).collect();
            sink.record(&Record {
                artifact,
                place: &Place::row("message", row as i64),
                values: &values,
                clock: &Clock::NONE,
            });
        }
        assert_eq!((sink.findings.len(), sink.fields_cut), (1, 1));
        let outcome = super::super::task::Outcome::of((0, 0), "", sink, Vec::new(), false);
        assert!(outcome.problems.iter().any(|problem| problem.reason.contains("searched")));
    }

    #[test]
    fn a_row_read_before_the_damage_hides_no_row_of_another_table() {
        let matcher = matcher();
        let artifact = crate::artifact::find("ios.sms").unwrap();
        let mut sink = TaskSink::new(artifact, &matcher, None, Located { path: "", stored_as: "" });
        let mut one = RowIds::default();
        one.insert(1);
        sink.skip = BTreeMap::from([("message".into(), one)]);
        push(&mut sink, "message", 1, "received");
        push(&mut sink, "chat", 1, "received");
        assert_eq!(sink.records, 1);
    }
}
