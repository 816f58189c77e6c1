//! The unified log, in stages: who logged and a search of the unpacked bytes while files go by; messages only where something was hit,
//! or everywhere if asked for.
//!
//! The files need each other. A `tracev3` has the entries, `timesync` their times, `uuidtext` and the shared cache their words and the
//! paths of programs; in an archive they come in any order. So each is digested when it is read, and the digests meet at the end.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::sink::{Located, TaskSink};
use super::task::{Engine, Outcome};
use super::{Order, Task, Wanted, file_number};
use crate::artifact::ios::{unified_log, unified_log_processes};
use crate::artifact::{self, Artifact, Out};
use crate::finding::Problem;
use crate::format::unified_log::{
    Catalog, Chunkset, Clock, Damages, Entry, Inventory, Oversize, Resolver, StringFiles, Strings,
    Unresolved, Uuid, chunk::Header, for_each_decompressed, uuidtext,
};
use crate::format::{ReadAt, Reader};
use crate::indicator::Strength;
use crate::record::Place;
use crate::source::{Source, VirtualFile};

/// Where the log keeps the texts and paths of images.
pub(super) const STRINGS: &str = "/private/var/db/uuidtext/";
/// How files of entries end.
pub(super) const TRACE: &str = ".tracev3";
const SHARED_CACHES: &str = "/private/var/db/uuidtext/dsc/";
const LOGS: &str = "/private/var/db/diagnostics";
/// Chunksets with hits are kept until the end up to this; what is beyond is counted.
const HITS_KEPT_BYTES: u64 = 64 << 20;
/// Entries shown before and after one that was hit.
const AROUND: usize = 10;
/// The longest image file: most have some kilobytes.
const LARGEST_IMAGE_BYTES: u64 = 64 << 20;

/// How much of the unified log is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Depth {
    /// Who logged, and a search for indicators; the entries around hits.
    #[default]
    Fast,
    /// Every entry.
    Full,
}

/// True for files that other files of the log are read with.
pub(super) fn is_strings(path: &str) -> bool {
    path.starts_with(STRINGS)
}

/// What was made of the files of one acquisition so far.
#[derive(Default)]
pub(super) struct Digests {
    inventory: Mutex<Inventory>,
    clocks: Mutex<Vec<(String, Vec<u8>)>>,
    images: Mutex<HashMap<Uuid, String>>,
    traces: Mutex<Vec<Trace>>,
    kept: AtomicU64,
}

/// A `tracev3` file, searched.
struct Trace {
    order: Order,
    path: String,
    stored_as: String,
    hits: Vec<Hit>,
    dropped: u64,
}

/// A chunkset in which something was found.
struct Hit {
    header: Option<Header>,
    catalog: Catalog,
    catalogs: usize,
    index: usize,
    offset: u64,
    data: Vec<u8>,
}

impl Hit {
    fn chunkset(&self) -> Chunkset<'_> {
        Chunkset {
            header: self.header.as_ref(),
            catalog: &self.catalog,
            catalogs: self.catalogs,
            index: self.index,
            offset: self.offset,
            data: &self.data,
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Engine<'_> {
    /// Takes a clock file in.
    pub(super) fn digest_clock(&self, wanted: &Wanted, file: &dyn ReadAt) -> anyhow::Result<()> {
        let bytes = file.read_all(LARGEST_IMAGE_BYTES)?;
        lock(&self.logs.clocks).push((wanted.file.path.clone(), bytes));
        Ok(())
    }

    /// Notes the path of the image that a file of texts is about.
    pub(super) fn digest_image(&self, wanted: &Wanted, bytes: &[u8]) {
        if let Some(uuid) = uuid_of(&wanted.file.path)
            && let Some(path) = uuidtext::read(bytes).ok().and_then(|text| text.path)
        {
            lock(&self.logs.images).insert(uuid, path);
        }
    }

    /// Asks the catalogs of a `tracev3` who logged, and searches its unpacked bytes.
    pub(super) fn digest_trace(&self, order: Order, wanted: &Wanted, file: &dyn ReadAt) -> Damages {
        let mut inventory = Inventory::default();
        let mut catalogs = 0;
        let mut trace = Trace {
            order,
            path: wanted.file.path.clone(),
            stored_as: self.stored_as(&wanted.file).into_owned(),
            hits: Vec::new(),
            dropped: 0,
        };
        let walked = for_each_decompressed(Reader::new(file), &mut |chunkset| {
            if catalogs != chunkset.catalogs {
                inventory.add(chunkset.boot(), chunkset.catalog);
                catalogs = chunkset.catalogs;
            }
            if self.depth == Depth::Full || !self.hits(chunkset.data) {
                return;
            }
            let size = chunkset.data.len() as u64;
            if self.logs.kept.fetch_add(size, Ordering::Relaxed) + size > HITS_KEPT_BYTES {
                trace.dropped += 1;
                return;
            }
            trace.hits.push(Hit {
                header: chunkset.header.cloned(),
                catalog: chunkset.catalog.clone(),
                catalogs: chunkset.catalogs,
                index: chunkset.index,
                offset: chunkset.offset,
                data: chunkset.data.to_vec(),
            });
        });
        lock(&self.logs.inventory).merge(inventory);
        lock(&self.logs.traces).push(trace);
        walked.damages
    }

    /// Whether unpacked log data names an indicator.
    fn hits(&self, data: &[u8]) -> bool {
        if !self.matcher.may_hold(data) {
            return false;
        }
        let mut any = false;
        self.matcher.bytes(data, &mut |_, hit| any |= hit.strength > Strength::Weak);
        any
    }

    /// Brings the digests together: programs, then the entries that were asked for.
    ///
    /// `strings` are the files of texts and paths that the acquisition has, `traces` those of the entries.
    pub(super) fn conclude_logs(&self, strings: &[VirtualFile], traces: &[VirtualFile]) -> Vec<Outcome> {
        let inventory = std::mem::take(&mut *lock(&self.logs.inventory));
        let clocks = std::mem::take(&mut *lock(&self.logs.clocks));
        let mut digested = std::mem::take(&mut *lock(&self.logs.traces));
        digested.sort_by(|a, b| (&a.path, a.order).cmp(&(&b.path, b.order)));
        if digested.is_empty() {
            return Vec::new();
        }
        let clock = Clock::read(clocks);
        let needed = self.needed(&digested, strings);
        let files = Files::load(self.source, &needed, self.max_memory / 2);
        let strings = Strings::new(&files);
        let mut outcomes = vec![self.programs(&inventory, &clock)];
        if self.depth == Depth::Full {
            outcomes.extend(self.all_entries(traces, &strings, &clock));
        } else {
            let hit = digested.iter().filter(|trace| !trace.hits.is_empty() || trace.dropped > 0);
            outcomes.extend(hit.map(|trace| self.entries_around(trace, &strings, &clock)));
        }
        let lost = strings.lost().len() as u64;
        if lost > 0
            && let Some(outcome) = outcomes.first_mut()
        {
            let reason = "texts of programs that log are not in the acquisition, or do not fit into memory: their messages are told by their values";
            outcome.problems.push(Problem { count: lost, ..self.problem(LOGS, reason) });
        }
        outcomes
    }

    /// The files of strings that hits, or all entries, are read with.
    fn needed<'f>(&self, digested: &[Trace], strings: &'f [VirtualFile]) -> Vec<(Uuid, &'f VirtualFile)> {
        let hits = digested.iter().flat_map(|trace| &trace.hits);
        let mut uuids: BTreeSet<Uuid> = BTreeSet::new();
        for process in hits.flat_map(|hit| &hit.catalog.processes) {
            uuids.extend(process.main.iter().chain(&process.dsc));
            uuids.extend(process.images.iter().map(|image| image.uuid));
        }
        let named = strings.iter().filter_map(|file| Some((uuid_of(&file.path)?, file)));
        named.filter(|(uuid, _)| self.depth == Depth::Full || uuids.contains(uuid)).collect()
    }

    fn programs(&self, inventory: &Inventory, clock: &Clock) -> Outcome {
        let paths = std::mem::take(&mut *lock(&self.logs.images));
        let artifact = &unified_log_processes::ARTIFACT;
        let mut problems = Vec::new();
        for (name, damages) in &clock.damages {
            problems.extend(self.damaged(name, artifact, damages));
        }
        if inventory.dropped > 0 {
            let problem =
                self.problem(LOGS, "more programs logged than any phone has; the rest was left out");
            problems.push(Problem { count: inventory.dropped, ..problem });
        }
        self.task(artifact, LOGS, "system_logs.logarchive", problems, |out| {
            for (number, logged) in inventory.processes().enumerate() {
                let place = Place::key(format!("process {number}"));
                out.push(place, unified_log_processes::values(logged, &paths, clock));
            }
        })
    }

    /// The entries of a file that name an indicator, each with those before and after it.
    fn entries_around(&self, trace: &Trace, strings: &Strings<'_>, clock: &Clock) -> Outcome {
        let mut resolver = Resolver::new(strings, clock, Oversize::default());
        let mut entries: BTreeMap<u64, Vec<Entry>> = BTreeMap::new();
        let mut take = |entry: Entry| entries.entry(entry.offset).or_default().push(entry);
        for hit in &trace.hits {
            resolver.entries(&hit.chunkset(), &mut take);
        }
        let unresolved = resolver.finish(&mut take);
        let mut problems = self.unresolved(&trace.path, &unresolved);
        if trace.dropped > 0 {
            let reason = "parts of the log that name indicators are too many to be shown; `--unified-log full` reads them all";
            problems.push(Problem { count: trace.dropped, ..self.problem(&trace.path, reason) });
        }
        self.task(&unified_log::ARTIFACT, &trace.path, &trace.stored_as, problems, |out| {
            for (offset, entries) in &entries {
                let hit: Vec<usize> = (0..entries.len())
                    .filter(|at| entries.get(*at).is_some_and(|entry| self.entry_hits(entry)))
                    .collect();
                for (at, entry) in entries.iter().enumerate() {
                    let after = hit.partition_point(|hit| *hit + AROUND < at);
                    if hit.get(after).is_some_and(|hit| hit.abs_diff(at) <= AROUND) {
                        out.push(Place::Offset { offset: *offset }, unified_log::values(entry));
                    }
                }
            }
        })
    }

    fn entry_hits(&self, entry: &Entry) -> bool {
        let mut any = false;
        for (column, value) in unified_log::ARTIFACT.columns.iter().zip(unified_log::values(entry)) {
            super::sink::each_text(&value, &mut |text| {
                self.matcher.field(column.kind, text, &mut |_| any = true);
            });
        }
        any
    }

    /// Every entry of every file, one file after the other on each core, none of them held.
    fn all_entries(&self, traces: &[VirtualFile], strings: &Strings<'_>, clock: &Clock) -> Vec<Outcome> {
        let read = |file: &VirtualFile| {
            let path = &file.path;
            let stored_as = self.stored_as(file).into_owned();
            let file = match self.source.open(file) {
                Ok(file) => file,
                Err(error) => {
                    let problems = vec![self.problem(path, error)];
                    return self.task(&unified_log::ARTIFACT, path, &stored_as, problems, |_| ());
                }
            };
            let mut unresolved = Unresolved::default();
            let mut damages = Damages::default();
            let mut outcome = self.task(&unified_log::ARTIFACT, path, &stored_as, Vec::new(), |out| {
                // Long values may stand behind the messages that name them.
                let mut oversize = Oversize::default();
                for_each_decompressed(Reader::new(&*file), &mut |chunkset| oversize.collect(chunkset.data));
                let mut resolver = Resolver::new(strings, clock, oversize);
                let mut push = |entry: Entry| {
                    out.push(Place::Offset { offset: entry.offset }, unified_log::values(&entry));
                };
                let walked = for_each_decompressed(Reader::new(&*file), &mut |chunkset| {
                    resolver.entries(chunkset, &mut push);
                });
                damages = walked.damages;
                unresolved = resolver.finish(&mut push);
            });
            outcome.problems.extend(self.damaged(path, &unified_log::ARTIFACT, &damages));
            outcome.problems.extend(self.unresolved(path, &unresolved));
            outcome
        };
        let mut outcomes = Vec::new();
        let budget = self.source.streamed().then_some(self.max_memory);
        for batch in batches(traces, budget) {
            // What cannot be staged cannot be opened either, which is told then.
            let _ = self.source.stage(&batch.iter().collect::<Vec<_>>());
            outcomes.par_extend(batch.par_iter().map(read));
        }
        outcomes
    }

    /// A task of the log: its records go the way of all records.
    fn task(
        &self,
        artifact: &'static Artifact,
        path: &str,
        stored_as: &str,
        problems: Vec<Problem>,
        fill: impl FnOnce(&mut Out<'_>),
    ) -> Outcome {
        let index = artifact::all().iter().position(|known| known.id == artifact.id).unwrap_or_default();
        // Beside the task that read the file, which has records of its own.
        let order = (index as u16, file_number(self.number, path, u32::MAX));
        let task = Task { artifact, path: path.to_owned(), order };
        let journal = self.recorder.map(|recorder| recorder.begin(&task));
        let mut sink = TaskSink::new(artifact, self.matcher, journal, Located { path, stored_as });
        let mut out = Out::new(artifact, path, &mut sink).with_clock(self.clock.clone());
        fill(&mut out);
        let mut problems = problems;
        for (text, place, count) in out.into_warnings() {
            let problem = self.problem(path, text);
            problems.push(Problem { artifact: Some(artifact.id), place, count, ..problem });
        }
        if let Some(journal) = sink.journal.take() {
            journal.finish();
        }
        Outcome::of(order, path, sink, problems, false)
    }

    fn problem(&self, path: &str, reason: impl std::fmt::Display) -> Problem {
        Problem { artifact: Some(unified_log::ARTIFACT.id), ..Problem::new(path, reason) }
    }

    fn unresolved(&self, path: &str, unresolved: &Unresolved) -> Vec<Problem> {
        let mut problems = self.damaged(path, &unified_log::ARTIFACT, &unresolved.damages);
        for (what, count) in &unresolved.counts {
            problems
                .push(Problem { count: *count, ..self.problem(path, format!("entries of the log: {what}")) });
        }
        problems
    }

    pub(super) fn damaged(&self, path: &str, artifact: &Artifact, damages: &Damages) -> Vec<Problem> {
        let mut problems: Vec<Problem> = damages
            .places
            .iter()
            .map(|damage| Problem {
                artifact: Some(artifact.id),
                place: Some(Place::Offset { offset: damage.offset }),
                ..Problem::new(path, &damage.reason)
            })
            .collect();
        if damages.more > 0 {
            problems.push(Problem { count: damages.more, ..self.problem(path, "further damaged places") });
        }
        problems
    }
}

/// The image or cache that a file of strings is about: two digits of folder and thirty of file, or all in the name.
fn uuid_of(path: &str) -> Option<Uuid> {
    let rest = path.strip_prefix(SHARED_CACHES).or_else(|| path.strip_prefix(STRINGS))?;
    let digits: String = rest.chars().filter(|c| *c != '/').collect();
    digits.parse().ok()
}

/// Groups of files that fit the budget together.
fn batches(files: &[VirtualFile], budget: Option<u64>) -> Vec<&[VirtualFile]> {
    let Some(budget) = budget else { return vec![files] };
    let mut used = 0;
    let mut batches = Vec::new();
    let mut rest = files;
    while !rest.is_empty() {
        let fits = rest.iter().take_while(|file| {
            used += file.size;
            used <= budget
        });
        let (batch, after) = rest.split_at(fits.count().max(1).min(rest.len()));
        batches.push(batch);
        (rest, used) = (after, 0);
    }
    batches
}

/// Files of strings: opened where they lie, or held where the source can only be read through.
struct Files<'s> {
    source: &'s dyn Source,
    files: HashMap<Uuid, VirtualFile>,
    held: HashMap<Uuid, Mutex<Box<dyn ReadAt + 's>>>,
}

impl<'s> Files<'s> {
    fn load(source: &'s dyn Source, needed: &[(Uuid, &VirtualFile)], max_memory: u64) -> Files<'s> {
        let mut files = Files { source, files: HashMap::new(), held: HashMap::new() };
        let mut needed: Vec<(Uuid, &VirtualFile)> = needed.to_vec();
        if !source.streamed() {
            files.files = needed.into_iter().map(|(uuid, file)| (uuid, file.clone())).collect();
            return files;
        }
        // The small ones first: each is a program, a shared cache is only text.
        needed.sort_by_key(|(uuid, file)| (file.size, *uuid));
        let mut room = max_memory;
        needed.retain(|(_, file)| room.checked_sub(file.size).map(|left| room = left).is_some());
        let staged: Vec<&VirtualFile> = needed.iter().map(|(_, file)| *file).collect();
        if !staged.is_empty() && source.stage(&staged).is_ok() {
            let open = |(uuid, file): (Uuid, &VirtualFile)| Some((uuid, Mutex::new(source.open(file).ok()?)));
            files.held = needed.into_iter().filter_map(open).collect();
            // What is opened stays; what else was staged may go.
            let _ = source.stage(&[]);
        }
        files
    }

    fn open(&self, uuid: Uuid) -> Option<Box<dyn ReadAt + '_>> {
        match self.held.get(&uuid) {
            Some(held) => Some(Box::new(Shared(held))),
            None => self.source.open(self.files.get(&uuid)?).ok(),
        }
    }
}

/// A held file that several threads read.
struct Shared<'f, 's>(&'f Mutex<Box<dyn ReadAt + 's>>);

impl ReadAt for Shared<'_, '_> {
    fn len(&self) -> u64 {
        lock(self.0).len()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> std::io::Result<usize> {
        lock(self.0).read_at(offset, buffer)
    }
}

impl StringFiles for Files<'_> {
    fn uuidtext(&self, image: Uuid) -> Option<Vec<u8>> {
        self.open(image)?.read_all(LARGEST_IMAGE_BYTES).ok()
    }

    fn dsc(&self, cache: Uuid) -> Option<Box<dyn ReadAt + '_>> {
        self.open(cache)
    }
}
