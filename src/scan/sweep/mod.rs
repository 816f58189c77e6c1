//! The search of every file for published indicators, whether or not anything is known of its format.
//!
//! A file that artifacts read is searched as one more task on it. Files that nothing else wants, half a million on a phone, are
//! searched while the acquisition is being listed and forgotten; only those that hold something are looked at again, with all that
//! explains them.

mod hits;
mod limits;
mod merge;
mod place;
mod search;
mod spot;

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rayon::prelude::*;

use super::Wanted;
use super::route::{Router, Wants};
use super::sink::TaskSink;
use super::stream::{Gate, Held, Inside};
use super::task::{Engine, Outcome, Problems};
use crate::artifact::{self, Record, sweep::ARTIFACT};
use crate::finding::Problem;
use crate::format::ReadAt;
use crate::format::sqlite::Part;
use crate::indicator::{Matcher, Unswept};
use crate::source::{SourceError, VirtualFile};
use hits::Hits;
use limits::Budget;
pub(super) use merge::merge;
use search::{Open, Search};

/// A file larger than this is searched in pieces, on all cores.
const PIECE: u64 = 64 << 20;
/// Of an archive that can only be read through, files up to this size are held while they are searched.
const HELD: u64 = 32 << 20;
/// Files handed to a core at a time, and in all.
const BATCH: usize = 32;
const WAITING: u64 = 2048;
/// Reasons told of why files could not be searched.
const REASONS: usize = 100;

/// What was searched besides the files that artifacts read.
#[derive(Default)]
pub(super) struct Swept {
    inner: Mutex<Counts>,
    budget: Budget,
}

#[derive(Default)]
struct Counts {
    files: u32,
    unreadable: u32,
    bytes: u64,
    /// Those that hold something.
    holding: Vec<VirtualFile>,
    /// By their text: the first file and how many.
    problems: BTreeMap<String, (String, u64)>,
}

impl Swept {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn searched(&self, file: &VirtualFile, bytes: u64, search: &Search<'_>) {
        let mut counts = self.counts();
        counts.files += 1;
        counts.bytes += bytes;
        if !search.found.is_empty() {
            counts.holding.push(file.clone());
        } else if let Some(problem) = search.problems().next() {
            counts.problem(&file.path, problem);
        }
    }

    fn failed(&self, path: &str, reason: &str) {
        let mut counts = self.counts();
        counts.files += 1;
        counts.unreadable += 1;
        counts.problem(path, reason);
    }

    /// The files that hold something, to be looked at again.
    pub fn take_holding(&self) -> Vec<VirtualFile> {
        let mut holding = std::mem::take(&mut self.counts().holding);
        // They are counted again when they are.
        self.counts().files -= holding.len() as u32;
        holding.sort_by(|a, b| (&a.path, &a.stored_as).cmp(&(&b.path, &b.stored_as)));
        holding
    }

    pub fn bytes(&self) -> u64 {
        self.counts().bytes
    }

    /// What is told of these files, all together.
    pub fn outcome(&self) -> Option<Outcome> {
        let counts = self.counts();
        let problem = |(reason, (path, count)): (&String, &(String, u64))| {
            let mut problem = Problem::new(path.clone(), reason);
            problem.artifact = Some(ARTIFACT.id);
            problem.count = *count;
            problem
        };
        (counts.files > 0).then(|| Outcome {
            order: (number() as u16, 0),
            path: String::new(),
            artifact: ARTIFACT.id,
            findings: Vec::new(),
            problems: counts.problems.iter().map(problem).collect(),
            kept: Vec::new(),
            records: 0,
            recovered: 0,
            span: None,
            files: counts.files,
            unreadable: counts.unreadable,
            damaged: !counts.problems.is_empty(),
        })
    }
}

impl Counts {
    fn problem(&mut self, path: &str, reason: &str) {
        let reason = match self.problems.len() {
            REASONS.. if !self.problems.contains_key(reason) => "could not be searched, for further reasons",
            _ => reason,
        };
        self.problems.entry(reason.to_owned()).or_insert_with(|| (path.to_owned(), 0)).1 += 1;
    }
}

/// What the search does not look for, as a sentence.
pub(super) fn left_out(matcher: &Matcher) -> Option<String> {
    let sweeper = matcher.sweeper();
    let mut counts: BTreeMap<Unswept, u32> = BTreeMap::new();
    for (_, why) in sweeper.left_out() {
        *counts.entry(*why).or_default() += 1;
    }
    let all: u32 = counts.values().sum();
    let reasons: Vec<String> =
        counts.into_iter().map(|(why, count)| format!("{} ({count})", why.reason())).collect();
    (all > 0).then(|| {
        format!(
            "the raw search does not look for {all} of {} indicators, which only typed records are compared with: {}",
            matcher.set().indicators.len(),
            reasons.join("; ")
        )
    })
}

/// The place of the search in the list of artifacts.
fn number() -> usize {
    artifact::all().iter().position(|artifact| artifact.id == ARTIFACT.id).unwrap_or(usize::MAX)
}

/// Files that nothing but the search wants, gathered while they are listed and searched on all cores.
pub(super) struct Crowd<'s, 'e> {
    engine: &'e Engine<'e>,
    gate: &'e Gate,
    scope: &'s rayon::Scope<'e>,
    batch: Vec<VirtualFile>,
}

impl<'s, 'e> Crowd<'s, 'e> {
    /// How many may wait.
    pub fn gate() -> Gate {
        Gate::new(WAITING)
    }

    pub fn new(engine: &'e Engine<'e>, gate: &'e Gate, scope: &'s rayon::Scope<'e>) -> Crowd<'s, 'e> {
        Crowd { engine, gate, scope, batch: Vec::with_capacity(BATCH) }
    }

    pub fn add(&mut self, file: VirtualFile) {
        self.batch.push(file);
        if self.batch.len() == BATCH {
            self.send();
        }
    }

    /// Sends off what is left.
    pub fn send(&mut self) {
        let batch = std::mem::replace(&mut self.batch, Vec::with_capacity(BATCH));
        let engine = self.engine;
        let search = move |inside: Option<Inside<'e>>| {
            for file in batch {
                engine.search_alone(file, None);
            }
            drop(inside);
        };
        if rayon::current_thread_index().is_some() {
            // The caller's own thread is one of those that would have to do it.
            return search(None);
        }
        let inside = self.gate.enter(BATCH as u64);
        self.scope.spawn(move |_| search(Some(inside)));
    }
}

impl Engine<'_> {
    /// Searches what nothing else wants in an archive that can only be read through.
    pub(super) fn search_poured(&self, router: &Router) -> Option<Result<(), SourceError>> {
        let gate = Gate::new(self.max_memory / 2);
        rayon::in_place_scope(|scope| {
            let mut each = |file: VirtualFile, content: &mut dyn Read| {
                if !matches!(router.wants(&file), Wants::Search) {
                    return;
                }
                if file.size > HELD {
                    if self.search_passing(&file, content) {
                        self.swept.counts().holding.push(file);
                    }
                    return;
                }
                let inside = gate.enter(file.size);
                let held = Arc::new(Held::read(&file, content));
                scope.spawn(move |_| {
                    self.search_alone(file, Some(&held));
                    drop(inside);
                });
            };
            self.source.pour(&mut each, &mut |error| match error {
                SourceError::File { path, reason } => self.swept.failed(&path, &reason),
                other => self.swept.failed("", &other.to_string()),
            })
        })
    }

    /// Searches a file that nothing else wants.
    fn search_alone(&self, file: VirtualFile, held: Option<&Arc<Held>>) {
        let open = || self.opened(&file, held);
        match catch_unwind(AssertUnwindSafe(|| self.search(&open))) {
            Ok(Ok((bytes, search))) => self.swept.searched(&file, bytes, &search),
            Ok(Err(error)) => self.swept.failed(&file.path, &reason(&error)),
            Err(_) => self.swept.failed(&file.path, "bug in the raw search; report it to the project"),
        }
    }

    fn opened<'s>(
        &'s self,
        file: &VirtualFile,
        held: Option<&Arc<Held>>,
    ) -> io::Result<Box<dyn ReadAt + 's>> {
        match held {
            Some(held) => Ok(Box::new(Arc::clone(held))),
            None => self.source.open(file).map_err(io::Error::other),
        }
    }

    /// Searches what goes by and is too long to be held. True if it holds something and must be looked at again.
    pub(super) fn search_passing(&self, file: &VirtualFile, content: &mut dyn Read) -> bool {
        let mut search = Search::new(self.matcher, &self.swept.budget);
        let result = search.passing(content);
        if let Err(error) = result {
            search.damaged(format!("it is cut: {error}"));
        }
        let holds = !search.found.is_empty();
        if !holds {
            self.swept.searched(file, file.size, &search);
        }
        holds
    }

    /// Searches a file, a large one in pieces, and says how many bytes it has.
    fn search(&self, open: &Open<'_>) -> io::Result<(u64, Search<'_>)> {
        let len = open()?.len();
        let mut search = Search::new(self.matcher, &self.swept.budget);
        search.file(open, 0, len.min(PIECE))?;
        let done = PIECE.max(search.unpacked_to);
        if len > done {
            let starts: Vec<u64> = (done..len).step_by(PIECE as usize).collect();
            let pieces = starts.into_par_iter().map(|from| {
                let mut search = Search::new(self.matcher, &self.swept.budget);
                search.file(open, from, (from + PIECE).min(len)).map(|()| search)
            });
            for piece in pieces.collect::<io::Result<Vec<_>>>()? {
                search.take(piece);
            }
        }
        Ok((len, search))
    }

    /// The search of a file as a task, with all that explains its hits.
    pub(super) fn sweep(
        &self,
        wanted: &Wanted,
        sink: &mut TaskSink<'_>,
        problems: &mut Problems<'_>,
    ) -> anyhow::Result<()> {
        let file = || self.opened(&wanted.file, wanted.bytes.as_ref());
        let mut search = self.search(&file)?.1;
        let log = wanted.wal.as_ref().filter(|log| log.size > 0);
        let log = log.map(|log| move || self.opened(log, wanted.wal_bytes.as_ref()));
        let log = log.as_ref().map(|log| log as &Open<'_>);
        if let Some(log) = log {
            let mut in_log = self.search(log)?.1;
            in_log.unexplained().into_iter().for_each(|raw| raw.part = Part::Log);
            search.take(in_log);
        }
        spot::explain(&file, log, search.unexplained());
        search.found.values_mut().for_each(Hits::forget_older_states);
        for problem in search.problems() {
            problems.add(None, problem, 1);
        }
        let others = wanted.artifacts.iter().filter_map(|index| artifact::all().get(*index));
        let read_as = others.copied().find(|artifact| artifact.id != ARTIFACT.id);
        let set = self.matcher.set();
        let meaning = place::meaning(&wanted.file.path, read_as, search.found.keys(), set);
        for group in hits::groups(&search.found, set) {
            let Some((hit, place, values)) = group.record(&meaning) else { continue };
            let Some(indicator) = set.indicators.get(hit.indicator as usize) else { continue };
            let record = Record { artifact: &ARTIFACT, place: &place, values: &values, clock: &self.clock };
            let harmless = meaning.harmless.as_deref();
            sink.raw(&record, hit, group.indicators.clone(), meaning.trace(indicator), harmless);
        }
        Ok(())
    }
}

/// Why a file could not be read, without its name.
fn reason(error: &io::Error) -> String {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<SourceError>()) {
        Some(SourceError::File { reason, .. }) => reason.clone(),
        Some(SourceError::Read { source, .. }) => source.to_string(),
        _ => error.to_string(),
    }
}
