//! The one place where everything meets: files are listed, routed, read once, matched as they are read, and judged at the end.
//!
//! Tasks run on all cores in any order; every result carries its place and is sorted by it, so the number of threads never shows.

mod recheck;
mod route;
mod sink;
mod task;

use std::collections::{BTreeMap, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::Timestamp;
use serde::Serialize;

pub use recheck::{Stored, recheck};
pub use sink::Located;

use crate::artifact::{self, Artifact, Line, Parse, Record};
use crate::finding::{Finding, Problem};
use crate::heuristic::{self, Kept};
use crate::indicator::Matcher;
use crate::source::{Detail, Device, FileKind, Source, SourceError, VirtualFile};
use route::Router;

/// What to look at, and with how much.
#[derive(Clone, Debug)]
pub struct Options {
    /// Artifact ids; empty means all.
    pub only: Vec<String>,
    pub exclude: Vec<String>,
    /// Bytes of staged files for sources that can only be read through.
    pub max_memory: u64,
}

impl Default for Options {
    fn default() -> Self {
        Options { only: Vec::new(), exclude: Vec::new(), max_memory: 256 << 20 }
    }
}

/// Who writes records and events down while they pass. A scan without a recorder keeps findings only.
pub trait Recorder: Sync {
    fn begin<'a>(&'a self, task: &Task) -> Box<dyn Journal + 'a>;
}

/// The writer of one file's records for one artifact.
pub trait Journal {
    /// `sequence` counts the task's records from 0.
    fn record(&mut self, record: &Record<'_>, at: &Located<'_>, sequence: u64, line: &Line);
    fn finish(self: Box<Self>);
}

/// One artifact reading one file.
#[derive(Clone, Debug)]
pub struct Task {
    pub artifact: &'static Artifact,
    /// The artifact's place in the list, and the file's in path order: the key that makes outputs stable.
    pub order: (u16, u32),
}

impl std::fmt::Debug for Artifact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.id)
    }
}

/// Watches the bytes go by.
pub trait Progress: Sync {
    fn total(&self, _bytes: u64) {}
    fn advance(&self, _bytes: u64) {}
    /// What is being done, for a person.
    fn stage(&self, _what: &str) {}
}

/// Nobody watches.
pub struct Unwatched;
impl Progress for Unwatched {}

/// What became of an artifact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Every file of it was read.
    Read,
    /// Some of it could not be read; see the problems.
    Partial,
    /// It is there, and nothing of it could be read.
    Unreadable,
    /// Not in this acquisition.
    Absent,
    /// Left out by `--module` or `--exclude-module`.
    NotAsked,
}

/// What was and was not checked of one artifact.
#[derive(Clone, Debug, Serialize)]
pub struct Coverage {
    pub artifact: &'static str,
    pub title: &'static str,
    pub status: Status,
    pub files: u32,
    pub unreadable_files: u32,
    pub records: u64,
    /// Earliest and latest time in its records.
    #[serde(serialize_with = "iso_or_null")]
    pub from: Option<Timestamp>,
    #[serde(serialize_with = "iso_or_null")]
    pub to: Option<Timestamp>,
}

fn iso_or_null<S: serde::Serializer>(time: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(crate::time::iso).serialize(serializer)
}

/// The result of a scan, apart from what the recorder wrote.
pub struct Case {
    pub device: Device,
    pub description: String,
    /// Gravest first, then by time, artifact, path and place.
    pub findings: Vec<Finding>,
    pub problems: Vec<Problem>,
    pub coverage: Vec<Coverage>,
    /// Files in the acquisition's listing.
    pub files: u64,
    pub records: u64,
    /// Of the files that were read.
    pub bytes: u64,
}

/// Files that explain others; a phone has two to four, an attacker's listing may have any number.
const FILES_BESIDE: usize = 32;

/// A file that artifacts asked for.
#[derive(Clone)]
struct Wanted {
    file: VirtualFile,
    wal: Option<VirtualFile>,
    artifacts: Vec<usize>,
    /// Files that explain this one, for those of its artifacts that want them.
    beside: Vec<Wanted>,
}

impl Wanted {
    fn new(file: VirtualFile, artifacts: Vec<usize>) -> Wanted {
        Wanted { file, wal: None, artifacts, beside: Vec::new() }
    }

    /// Finds the log and the sizes.
    fn complete(&mut self, source: &dyn Source, logs: &HashMap<String, VirtualFile>) {
        self.wal = logs.get(&format!("{}-wal", self.file.path)).filter(|wal| !wal.missing).cloned();
        self.file.size = source.size(&self.file);
        if let Some(wal) = &mut self.wal {
            wal.size = source.size(wal);
        }
    }

    fn size(&self) -> u64 {
        self.file.size + self.wal.as_ref().map_or(0, |wal| wal.size)
    }
}

/// Scans an acquisition.
///
/// # Errors
/// Only when the listing itself cannot be read; everything less becomes a [`Problem`] in the case.
pub fn scan(
    source: &dyn Source,
    matcher: &Matcher,
    options: &Options,
    recorder: Option<&dyn Recorder>,
    progress: &dyn Progress,
) -> Result<Case, SourceError> {
    let asked = |artifact: &Artifact| {
        (options.only.is_empty() || options.only.iter().any(|id| id == artifact.id))
            && !options.exclude.iter().any(|id| id == artifact.id)
    };
    let asked: Vec<bool> = artifact::all().iter().map(|artifact| asked(artifact)).collect();

    progress.stage("listing files");
    let mut listing = Listing::of(source, &asked)?;
    progress.stage("reading artifacts");
    progress.total(listing.jobs.iter().filter(|job| job.file.is_some()).map(|job| job.size).sum());

    let engine = task::Engine { source, matcher, recorder, progress };
    let mut outcomes = Vec::new();
    for batch in listing.batches(source.streamed().then_some(options.max_memory)) {
        if let Err(error) = source.stage(&listing.files_of(&batch)) {
            listing.problems.push(Problem::new("", error));
        }
        outcomes.extend(run_all(&engine, &listing.wanted, &batch));
    }
    outcomes.sort_by_key(|outcome| outcome.order);

    progress.stage("judging");
    Ok(conclude(source.device().clone(), source.describe(), &asked, listing, outcomes, matcher))
}

/// The files to read and the jobs over them.
#[derive(Default)]
struct Listing {
    wanted: Vec<Wanted>,
    jobs: Vec<Job>,
    problems: Vec<Problem>,
    files: u64,
    bytes: u64,
}

/// `file` is an index into the wanted files; none for the listing itself.
#[derive(Clone, Copy)]
struct Job {
    artifact: usize,
    file: Option<usize>,
    size: u64,
}

impl Listing {
    fn of(source: &dyn Source, asked: &[bool]) -> Result<Listing, SourceError> {
        let artifacts = artifact::all();
        let router = Router::new(artifacts, asked, |artifact| artifact.files);
        let explaining = Router::new(artifacts, asked, |artifact| artifact.parse.beside());
        let mut beside: Vec<Wanted> = Vec::new();
        let mut problems = Vec::new();
        let mut files = 0;
        let mut wanted: Vec<Wanted> = Vec::new();
        let mut logs: HashMap<String, VirtualFile> = HashMap::new();
        let is_database = |index: &usize| artifacts.get(*index).is_some_and(|a| a.parse.is_database());
        source.list(
            Detail::Paths,
            &mut |file| {
                files += 1;
                if file.kind != FileKind::File {
                    return;
                }
                if let Some(database) = file.path.strip_suffix("-wal")
                    && (router.route(database).iter().any(is_database)
                        || !explaining.route(database).is_empty())
                {
                    logs.insert(file.path.clone(), file);
                    return;
                }
                let explained = explaining.route(&file.path);
                if !explained.is_empty() && !file.missing {
                    beside.push(Wanted::new(file.clone(), explained));
                }
                let artifacts = router.route(&file.path);
                if !artifacts.is_empty() {
                    wanted.push(Wanted::new(file, artifacts));
                }
            },
            &mut |error| problems.push(source_problem("", &error)),
        )?;
        for list in [&mut wanted, &mut beside] {
            list.sort_by(|a, b| (&a.file.path, &a.file.stored_as).cmp(&(&b.file.path, &b.file.stored_as)));
        }
        for file in beside.drain(FILES_BESIDE.min(beside.len())..) {
            problems
                .push(Problem::new(file.file.path, "one too many of its kind: it explains no other file"));
        }
        beside.iter_mut().for_each(|file| file.complete(source, &logs));
        let mut jobs: Vec<Job> = Vec::new();
        for (index, artifact) in artifacts.iter().enumerate() {
            if matches!(artifact.parse, Parse::Listing(_)) && asked.get(index) == Some(&true) {
                // A listed file costs about as much as a kilobyte of a database.
                jobs.push(Job { artifact: index, file: None, size: files * 1024 });
            }
        }
        let mut bytes = 0;
        for (index, wanted) in wanted.iter_mut().enumerate() {
            wanted.complete(source, &logs);
            let explains =
                |file: &&Wanted| file.artifacts.iter().any(|index| wanted.artifacts.contains(index));
            wanted.beside = beside.iter().filter(explains).cloned().collect();
            bytes += wanted.file.size;
            jobs.extend(wanted.artifacts.iter().map(|&artifact| {
                let beside =
                    artifacts.get(artifact).is_some_and(|artifact| !artifact.parse.beside().is_empty());
                let beside: u64 = if beside { wanted.beside.iter().map(Wanted::size).sum() } else { 0 };
                Job { artifact, file: Some(index), size: wanted.size() + beside }
            }));
        }
        // Largest first, so that no core is left with a giant at the end.
        jobs.sort_by_key(|job| (std::cmp::Reverse(job.size), job.artifact, job.file));
        Ok(Listing { wanted, jobs, problems, files, bytes })
    }

    /// All jobs at once, or groups whose files fit the budget together. A file stays with all its jobs.
    fn batches(&self, budget: Option<u64>) -> Vec<Vec<Job>> {
        let Some(budget) = budget else { return vec![self.jobs.clone()] };
        let mut by_file: BTreeMap<Option<usize>, Vec<Job>> = BTreeMap::new();
        for job in &self.jobs {
            by_file.entry(job.file).or_default().push(*job);
        }
        let mut batches: Vec<(u64, Vec<Job>)> = vec![(0, Vec::new())];
        for (file, jobs) in by_file {
            let largest = jobs.iter().map(|job| job.size).max();
            let size = largest.filter(|_| file.is_some()).unwrap_or(0);
            match batches.last_mut() {
                Some((used, batch)) if *used == 0 || *used + size <= budget => {
                    *used += size;
                    batch.extend(jobs);
                }
                _ => batches.push((size, jobs)),
            }
        }
        batches.into_iter().map(|(_, jobs)| jobs).collect()
    }

    fn files_of(&self, batch: &[Job]) -> Vec<&VirtualFile> {
        let mut indexes: Vec<usize> = batch.iter().filter_map(|job| job.file).collect();
        indexes.sort_unstable();
        indexes.dedup();
        let wanted = indexes.into_iter().filter_map(|index| self.wanted.get(index));
        let wanted = wanted.flat_map(|wanted| std::iter::once(wanted).chain(&wanted.beside));
        wanted.flat_map(|wanted| std::iter::once(&wanted.file).chain(&wanted.wal)).collect()
    }
}

/// Runs jobs on all cores, each core taking the next largest.
fn run_all(engine: &task::Engine<'_>, wanted: &[Wanted], jobs: &[Job]) -> Vec<task::Outcome> {
    let next = AtomicUsize::new(0);
    let outcomes = Mutex::new(Vec::with_capacity(jobs.len()));
    rayon::broadcast(|_| {
        while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            let file = job.file.and_then(|index| wanted.get(index));
            let order = (job.artifact as u16, job.file.map_or(0, |index| index as u32 + 1));
            let outcome = catch_unwind(AssertUnwindSafe(|| engine.run(order, file)))
                .unwrap_or_else(|panic| engine.panicked(order, file, &panic));
            outcomes.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push(outcome);
        }
    });
    outcomes.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Brings the outcomes of all tasks together and lets the rules judge.
fn conclude(
    device: Device,
    description: String,
    asked: &[bool],
    listing: Listing,
    outcomes: Vec<task::Outcome>,
    matcher: &Matcher,
) -> Case {
    let mut findings = Vec::new();
    let mut problems = listing.problems;
    let mut kept: Vec<Kept> = heuristic::ALL.iter().map(|_| Kept::default()).collect();
    let mut coverage: Vec<Coverage> =
        artifact::all().iter().zip(asked).map(|(artifact, asked)| untouched(artifact, *asked)).collect();
    let mut records = 0;
    for outcome in outcomes {
        records += outcome.records;
        if let Some(entry) = coverage.iter_mut().find(|entry| entry.artifact == outcome.artifact) {
            cover(entry, &outcome);
        }
        findings.extend(outcome.findings);
        problems.extend(outcome.problems);
        for (rule, exhibit) in outcome.kept {
            if let Some(kept) = kept.get_mut(rule) {
                kept.push(exhibit);
            }
        }
    }
    for (rule, kept) in heuristic::ALL.iter().zip(&kept) {
        if !kept.is_empty() {
            (rule.check)(kept, &mut findings);
        }
    }
    findings.sort_by_cached_key(|finding| order_of(finding, matcher));
    problems.sort();
    problems.dedup();
    Case {
        device,
        description,
        findings,
        problems,
        coverage,
        files: listing.files,
        records,
        bytes: listing.bytes,
    }
}

/// The total order of findings: nothing of it depends on when a task ran.
fn order_of(finding: &Finding, matcher: &Matcher) -> impl Ord + use<> {
    (
        std::cmp::Reverse(finding.level),
        finding.at().is_none(),
        finding.at(),
        finding.exhibit.artifact,
        finding.exhibit.path.to_string(),
        finding.exhibit.stored_as.to_string(),
        finding.exhibit.place.clone(),
        rule_name(finding, matcher),
        finding.message.clone(),
    )
}

/// `domain:evil.example` or the heuristic's id: the part of a finding's identity that its rule gives.
pub fn rule_name(finding: &Finding, matcher: &Matcher) -> String {
    match &finding.rule {
        crate::finding::Rule::Heuristic(id) => (*id).to_owned(),
        crate::finding::Rule::Indicator { indicators, .. } => {
            let first = indicators.first().and_then(|index| matcher.set().indicators.get(*index as usize));
            first
                .map_or_else(String::new, |indicator| format!("{}:{}", indicator.ioc.name(), indicator.value))
        }
    }
}

fn untouched(artifact: &'static Artifact, asked: bool) -> Coverage {
    Coverage {
        artifact: artifact.id,
        title: artifact.title,
        status: if asked { Status::Absent } else { Status::NotAsked },
        files: 0,
        unreadable_files: 0,
        records: 0,
        from: None,
        to: None,
    }
}

fn cover(entry: &mut Coverage, outcome: &task::Outcome) {
    entry.files += 1;
    entry.unreadable_files += u32::from(outcome.unreadable);
    entry.records += outcome.records;
    if let Some((from, to)) = outcome.span {
        entry.from = Some(entry.from.map_or(from, |known| known.min(from)));
        entry.to = Some(entry.to.map_or(to, |known| known.max(to)));
    }
    entry.status = match (entry.unreadable_files, entry.files) {
        (0, _) if entry.status != Status::Partial && !outcome.damaged => Status::Read,
        (unreadable, files) if unreadable == files && entry.records == 0 => Status::Unreadable,
        _ => Status::Partial,
    };
}

/// A source's error as a stored problem, with its next step.
fn source_problem(path: &str, error: &SourceError) -> Problem {
    let mut problem = Problem::new(path, error);
    if let SourceError::File { path, reason } = error {
        problem = Problem::new(path.clone(), reason);
    }
    problem
}
