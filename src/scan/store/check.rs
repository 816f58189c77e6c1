//! The store of an earlier scan against other indicators: values are matched on all cores as they are read, and only what was hit becomes
//! records again.

use std::collections::{BTreeMap, HashSet};
use std::io::Read;

use rayon::prelude::*;
use serde_json::Value as Json;

use super::super::recheck::place as place_of;
use super::super::sink::{Located, TaskSink};
use super::super::task::Outcome;
use super::super::{Case, Listing, conclude, rule_name};
use super::{Line, Sighting};
use crate::artifact::{self, Record};
use crate::finding::Problem;
use crate::indicator::Matcher;
use crate::record::{Kind, Value};
use crate::source::{Device, System};
use crate::time::Clock;

/// Read at once; several of these are matched at the same time.
const CHUNK_BYTES: usize = 1 << 20;
const CHUNKS_AT_ONCE: usize = 8;
/// A line that is longer is left out.
const LONGEST_LINE_BYTES: usize = 4 << 20;
/// Lines that were hit, kept of one store.
const HITS_BYTES: usize = 32 << 20;
/// Unpacked; a phone with twenty million observables has a quarter of it.
const LARGEST_STORE_BYTES: u64 = 16 << 30;

/// What came of a store.
pub struct Checked<'m> {
    /// Its coverage is empty: what was read and what was not is told by the scan that wrote the store.
    pub case: Case,
    pub observables: u64,
    /// The matcher of the phone's system, by which the findings name their indicators.
    pub matcher: &'m Matcher,
}

/// The bytes do not begin as a store does.
#[derive(Debug, thiserror::Error)]
#[error("not a store of observables: {0}")]
pub struct NotAStore(String);

/// Matches an unpacked store. Whatever is wrong behind its first line becomes a problem of the case.
///
/// # Errors
/// If the first line is not that of a store.
pub fn check<'m>(
    input: &mut (dyn Read + Send),
    matcher_of: &dyn Fn(System) -> &'m Matcher,
) -> Result<Checked<'m>, NotAStore> {
    let mut chunks = Chunks { input, carry: Vec::new(), read: 0, ended: false, failure: None, long_lines: 0 };
    let mut batch = chunks.batch();
    let first = batch.first().and_then(|chunk| chunk.split(|byte| *byte == b'\n').next()).unwrap_or_default();
    let first = std::str::from_utf8(first).unwrap_or_default();
    let header = match Line::read(first) {
        Ok(Line::Header(header)) => header,
        Ok(_) => return Err(NotAStore("the first line is another".to_owned())),
        Err(why) => return Err(NotAStore(chunks.failure.unwrap_or_else(|| why.to_owned()))),
    };
    let device = header.get("device").map(device_of).unwrap_or_default();
    let matcher = matcher_of(device.system);
    let mut all = Matched::default();
    while !batch.is_empty() {
        let (next, matched) = rayon::join(
            || chunks.batch(),
            || batch.par_iter().map(|chunk| Matched::of(chunk, matcher)).collect::<Vec<_>>(),
        );
        matched.into_iter().for_each(|one| all.add(one));
        batch = next;
    }
    let mut problems = Vec::new();
    let mut problem = |count: u64, reason: &str| {
        if count > 0 {
            problems.push(Problem { count, ..Problem::new("", reason) });
        }
    };
    match &chunks.failure {
        Some(failure) => problem(1, &format!("the store could not be read to its end: {failure}")),
        None if all.footer.is_none() => problem(1, "the store was cut: its last line is missing"),
        None => {}
    }
    if let Some((observables, shortened)) = all.footer {
        if observables != all.observables && all.bad == 0 && chunks.long_lines == 0 {
            problem(1, "the store holds another number of observables than it says");
        }
        problem(shortened, "a value is very long: the store has only its beginning");
    }
    problem(chunks.long_lines, "a line is too long to be read");
    problem(all.bad, all.reason);
    problem(all.dropped, "further matches in this store are counted, not listed");
    let description = header.get("acquisition").and_then(Json::as_str).unwrap_or_default().to_owned();
    let mut case = judged(&all.hits, matcher, device, description, problems);
    case.records = all.observables;
    Ok(Checked { case, observables: all.observables, matcher })
}

/// The phone as an earlier run wrote it down.
pub fn device_of(device: &Json) -> Device {
    let text = |key: &str| device.get(key).and_then(Json::as_str).map(str::to_owned);
    Device {
        system: if text("system").as_deref() == Some("android") { System::Android } else { System::Ios },
        name: text("name"),
        product: text("product"),
        os_version: text("os_version"),
        os_build: text("os_build"),
        acquired: text("acquired").and_then(|time| time.parse().ok()),
        offset: text("offset").and_then(|offset| crate::time::offset(&offset)),
        zone: text("zone").and_then(|name| crate::time::zone(&name)),
        ..Device::default()
    }
}

/// Cuts the input into pieces that end where lines do.
struct Chunks<'a> {
    input: &'a mut (dyn Read + Send),
    /// The beginning of a line whose end is yet to come.
    carry: Vec<u8>,
    read: u64,
    ended: bool,
    failure: Option<String>,
    long_lines: u64,
}

impl Chunks<'_> {
    /// The next pieces; none at the end.
    fn batch(&mut self) -> Vec<Vec<u8>> {
        std::iter::from_fn(|| self.next()).take(CHUNKS_AT_ONCE).collect()
    }

    fn next(&mut self) -> Option<Vec<u8>> {
        let mut skipping = false;
        while !self.ended {
            let mut chunk = std::mem::take(&mut self.carry);
            self.fill(&mut chunk);
            if self.ended {
                return (!skipping && !chunk.is_empty()).then_some(chunk);
            }
            let Some(end) = memchr::memrchr(b'\n', &chunk) else {
                // Two chunks without an end of line are still a line; what goes on longer is none of ours.
                if skipping || chunk.len() >= LONGEST_LINE_BYTES {
                    self.long_lines += u64::from(!skipping);
                    skipping = true;
                } else {
                    self.carry = chunk;
                }
                continue;
            };
            self.carry = chunk.split_off(end + 1);
            if skipping {
                let start = memchr::memchr(b'\n', &chunk).map_or(chunk.len(), |at| at + 1);
                chunk.drain(..start);
            }
            return Some(chunk);
        }
        None
    }

    /// Reads one more piece behind what is there.
    fn fill(&mut self, chunk: &mut Vec<u8>) {
        let wanted = (CHUNK_BYTES as u64).min(LARGEST_STORE_BYTES.saturating_sub(self.read));
        let result = (&mut *self.input).take(wanted).read_to_end(chunk);
        match result {
            Ok(0) => {
                self.ended = true;
                if wanted == 0 {
                    self.failure = Some("it is too large".to_owned());
                }
            }
            Ok(count) => self.read += count as u64,
            Err(error) => {
                self.ended = true;
                self.failure = Some(error.to_string());
                // What stands behind the last whole line is half a line.
                chunk.truncate(memchr::memrchr(b'\n', chunk).map_or(0, |end| end + 1));
            }
        }
    }
}

/// What the matcher said of some lines.
#[derive(Default)]
struct Matched {
    observables: u64,
    /// Lines that were hit.
    hits: Vec<String>,
    hits_bytes: usize,
    dropped: u64,
    /// Lines that could not be read, and why the first could not.
    bad: u64,
    reason: &'static str,
    footer: Option<(u64, u64)>,
}

impl Matched {
    fn of(chunk: &[u8], matcher: &Matcher) -> Matched {
        let mut matched = Matched::default();
        match std::str::from_utf8(chunk) {
            Ok(text) => text.lines().for_each(|line| matched.line(line, matcher)),
            Err(_) => {
                for line in chunk.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                    match std::str::from_utf8(line) {
                        Ok(line) => matched.line(line, matcher),
                        Err(_) => matched.bad("a line is no UTF-8"),
                    }
                }
            }
        }
        matched
    }

    fn line(&mut self, line: &str, matcher: &Matcher) {
        match Line::read(line) {
            Ok(Line::Observable { kind, value, .. }) => {
                self.observables += 1;
                if is_hit(matcher, kind, &value) {
                    self.hit(line.to_owned());
                }
            }
            Ok(Line::Header(_)) => {}
            Ok(Line::Footer { observables, shortened }) => self.footer = Some((observables, shortened)),
            Err(reason) => self.bad(reason),
        }
    }

    fn hit(&mut self, line: String) {
        if self.hits_bytes < HITS_BYTES {
            self.hits_bytes += line.len();
            self.hits.push(line);
        } else {
            self.dropped += 1;
        }
    }

    fn bad(&mut self, reason: &'static str) {
        if self.bad == 0 {
            self.reason = reason;
        }
        self.bad += 1;
    }

    fn add(&mut self, other: Matched) {
        self.observables += other.observables;
        self.dropped += other.dropped;
        other.hits.into_iter().for_each(|line| self.hit(line));
        if self.bad == 0 {
            self.reason = other.reason;
        }
        self.bad += other.bad;
        self.footer = other.footer.or(self.footer);
    }
}

fn is_hit(matcher: &Matcher, kind: Kind, value: &str) -> bool {
    let mut hit = false;
    matcher.field(kind, value, &mut |_| hit = true);
    hit
}

/// Makes records of what was hit, and findings of them, by the same table as a scan.
fn judged(
    hits: &[String],
    matcher: &Matcher,
    device: Device,
    description: String,
    mut problems: Vec<Problem>,
) -> Case {
    let clock = device.clock();
    let mut sinks: BTreeMap<usize, TaskSink<'_>> = BTreeMap::new();
    let mut unread: BTreeMap<String, u64> = BTreeMap::new();
    for line in hits {
        let Ok(Line::Observable { value, sightings, .. }) = Line::read(line) else { continue };
        for sighting in sightings {
            let taken = sighting.and_then(|sighting| take(&sighting, &value, matcher, &clock, &mut sinks));
            if let Err(reason) = taken {
                *unread.entry(reason.to_owned()).or_default() += 1;
            }
        }
    }
    problems.extend(unread.into_iter().map(|(reason, count)| Problem { count, ..Problem::new("", reason) }));
    let outcomes = sinks.into_iter().map(|(index, sink)| {
        let mut outcome = Outcome::of((index as u16, 0), "", sink, Vec::new(), false);
        problems.append(&mut outcome.problems);
        outcome
    });
    let outcomes = outcomes.collect();
    let listing = Listing { problems, ..Listing::default() };
    let mut case = conclude(device, description, &[], listing, outcomes, matcher);
    case.coverage.clear();
    // Several columns of a record hold the same thing; the strongest match comes first and stands for all, as in a scan.
    let mut known = HashSet::new();
    case.findings.retain(|finding| {
        let exhibit = &finding.exhibit;
        let place = (exhibit.artifact, exhibit.path.clone(), exhibit.place.to_string());
        known.insert((place, rule_name(finding, matcher), finding.matched.clone()))
    });
    case
}

fn take<'m>(
    sighting: &Sighting<'_>,
    value: &str,
    matcher: &'m Matcher,
    clock: &Clock,
    sinks: &mut BTreeMap<usize, TaskSink<'m>>,
) -> Result<(), &'static str> {
    let index = artifact::all().iter().position(|artifact| artifact.id == sighting.artifact);
    let index = index.ok_or("a match is in an artifact that this version does not know")?;
    let artifact =
        artifact::all().get(index).ok_or("a match is in an artifact that this version does not know")?;
    let column_of = |name: &str| artifact.columns.iter().position(|column| column.name == name);
    let mut values = vec![Value::Null; artifact.columns.len()];
    let mut set = |index: Option<usize>, value: Value<'_>| match index.and_then(|index| values.get_mut(index))
    {
        Some(field) => {
            *field = value.into_owned();
            Ok(())
        }
        None => Err("a match is in a column that this version does not know"),
    };
    set(column_of(&sighting.column), value.into())?;
    if let Some((time, column)) = &sighting.first {
        set(column_of(column).filter(|index| is_time(artifact, *index)), Value::Time(*time))?;
    }
    for word in sighting.flags.split(',').filter(|word| !word.is_empty()) {
        match word {
            "recovered" => {}
            "sent" => {
                let direction = artifact.columns.iter().position(|column| column.kind == Kind::Direction);
                set(direction, word.into())?;
            }
            caveat => {
                let is_caveat = |index: &usize| {
                    artifact.columns.get(*index).is_some_and(|column| matches!(column.kind, Kind::Caveat(_)))
                };
                set(column_of(caveat).filter(is_caveat), true.into())?;
            }
        }
    }
    let place: Option<Json> = serde_json::from_str(&sighting.place).ok();
    let place = place_of(place.as_ref());
    let sink = sinks
        .entry(index)
        .or_insert_with(|| TaskSink::new(artifact, matcher, None, Located { path: "", stored_as: "" }));
    sink.locate(&sighting.path, "");
    sink.matched(&Record { artifact, place: &place, values: &values, clock }, note(sighting));
    Ok(())
}

fn is_time(artifact: &artifact::Artifact, index: usize) -> bool {
    artifact.columns.get(index).is_some_and(|column| matches!(column.kind, Kind::Time(_)))
}

/// What a record that stands for several must say.
fn note(sighting: &Sighting<'_>) -> Option<String> {
    if sighting.count < 2 {
        return None;
    }
    let last = sighting.last.as_ref().map(|(at, _)| format!(", the last at {}", crate::time::short(*at)));
    let last = last.unwrap_or_default();
    Some(format!("{} records hold this value{last}; this is the earliest", sighting.count))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Level;
    use crate::indicator::{Platform, load};

    const STORE: &str = "#observables\t{\"schema_version\":1,\"acquisition\":\"a backup\",\"device\":{\"system\":\"ios\",\"name\":\"Demo\"}}
url\thttps://fine.example/\tios.safari_history\turl\t\t1\t\t\t/h.db\t{\"key\":\"x\"}
url\thttps://evilhost.net/a\tios.safari_history\turl\t\t3\t2023-01-02T03:04:05Z visited\t2023-02-02T03:04:05Z visited\t/h.db\t{\"table\":\"history_visits\",\"row\":7}
message\tevilhost.net\tios.sms\tmessage\tsent\t1\t\t\t/sms.db\t{\"table\":\"message\",\"row\":1}\tios.sms\tmessage\t\t1\t\t\t/sms.db\t{\"table\":\"message\",\"row\":2}
#end\t{\"observables\":3,\"shortened\":0}
";

    fn matcher() -> Matcher {
        let mut list = tempfile::Builder::new().suffix(".txt").tempfile().unwrap();
        std::io::Write::write_all(&mut list, b"evilhost.net\n").unwrap();
        Matcher::new(load(&[list.path().to_owned()], false).unwrap(), Platform::Ios)
    }

    fn checked<'m>(store: &[u8], matcher: &'m Matcher) -> Result<Checked<'m>, NotAStore> {
        check(&mut &*store, &|_| matcher)
    }

    fn reasons(checked: &Checked<'_>) -> Vec<String> {
        checked.case.problems.iter().map(|problem| problem.reason.clone()).collect()
    }

    #[test]
    fn a_match_is_judged_as_the_record_was() {
        let matcher = matcher();
        let checked = checked(STORE.as_bytes(), &matcher).unwrap();
        assert_eq!(reasons(&checked), Vec::<String>::new());
        assert_eq!((checked.observables, checked.case.device.name.as_deref()), (3, Some("Demo")));
        let found: Vec<_> = checked
            .case
            .findings
            .iter()
            .map(|finding| (finding.level, finding.exhibit.artifact, finding.exhibit.place.to_string()))
            .collect();
        assert_eq!(
            found,
            [
                (Level::Critical, "ios.safari_history", "table history_visits, row 7".to_owned()),
                (Level::High, "ios.sms", "table message, row 2".to_owned()),
                (Level::Low, "ios.sms", "table message, row 1".to_owned()),
            ]
        );
        let visit = &checked.case.findings[0];
        assert_eq!(visit.at().map(crate::time::short).as_deref(), Some("2023-01-02 03:04:05 UTC"));
        assert!(visit.caveats.iter().any(|caveat| caveat.starts_with("3 records")), "{:?}", visit.caveats);
    }

    #[test]
    fn a_store_that_was_cut_gives_what_is_left_and_says_so() {
        let matcher = matcher();
        let header = STORE.find('\n').unwrap();
        for length in 0..STORE.len() {
            match checked(&STORE.as_bytes()[..length], &matcher) {
                Ok(checked) => {
                    assert!(length >= header);
                    assert!(length == STORE.len() - 1 || !checked.case.problems.is_empty(), "{length}");
                }
                Err(_) => assert!(length <= header, "{length}"),
            }
        }
    }

    #[test]
    fn flipped_bits_do_no_harm() {
        let matcher = matcher();
        let mut store = STORE.as_bytes().to_vec();
        for at in 0..store.len() {
            for bit in [0, 3, 7] {
                store[at] ^= 1 << bit;
                drop(checked(&store, &matcher));
                store[at] ^= 1 << bit;
            }
        }
    }

    #[test]
    fn what_this_version_does_not_know_is_told() {
        let matcher = matcher();
        let odd = STORE.replace("ios.safari_history", "ios.tomorrow").replace("visited", "seen");
        let checked = checked(odd.as_bytes(), &matcher).unwrap();
        assert_eq!(reasons(&checked), ["a match is in an artifact that this version does not know"]);
        assert_eq!(checked.case.findings.len(), 2);
    }

    #[test]
    fn a_line_without_end_is_left_out_and_the_next_is_read() {
        struct Long(u64, &'static [u8]);
        impl Read for Long {
            fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
                if self.0 == 0 {
                    return self.1.read(into);
                }
                let count = into.len().min(usize::try_from(self.0).unwrap());
                into[..count].fill(b'x');
                self.0 -= count as u64;
                Ok(count)
            }
        }
        let matcher = matcher();
        let (head, rest) = STORE.split_at(STORE.find('\n').unwrap() + 1);
        let mut input = head.as_bytes().chain(Long(64 << 20, b"\n")).chain(rest.as_bytes());
        let checked = check(&mut input, &|_| &matcher).unwrap();
        assert_eq!(checked.case.findings.len(), 3);
        assert_eq!(reasons(&checked), ["a line is too long to be read"]);
    }
}
