//! The one place where everything meets: files are listed, routed, read once, matched as they are read, and judged at the end.
//!
//! Tasks run on all cores in any order; every result carries its place and is sorted by it, so the number of threads never shows.

mod copies;
pub mod expect;
mod older;
mod recheck;
mod route;
mod sink;
pub mod store;
mod stream;
mod sweep;
mod task;
mod unified_log;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use serde::Serialize;
use sha2::{Digest, Sha256};

pub use recheck::{Stored, recheck};
pub use sink::Located;
pub use unified_log::Depth;

use crate::artifact::{self, Artifact, Line, Parse, Record};
use crate::finding::{Finding, Problem};
use crate::heuristic::{self, Kept};
use crate::indicator::Matcher;
use crate::source::{Detail, Device, Source, SourceError, System, VirtualFile};
use crate::time::Clock;
use route::{Router, Wants};

/// What to look at, and with how much.
#[derive(Clone, Debug)]
pub struct Options {
    /// Artifact ids; empty means all.
    pub only: Vec<String>,
    pub exclude: Vec<String>,
    /// Bytes of staged files for sources that can only be read through.
    pub max_memory: u64,
    /// Of the unified log.
    pub unified_log: Depth,
    /// Whether the bytes of every file are searched, besides what artifacts read.
    pub sweep: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            only: Vec::new(),
            exclude: Vec::new(),
            max_memory: 256 << 20,
            unified_log: Depth::Fast,
            sweep: true,
        }
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
    /// Of the file, on the device.
    pub path: String,
    pub order: Order,
}

/// The artifact's place in the list, and a number of the file that follows from its path alone: the key that makes outputs stable,
/// in whatever order files arrive.
pub type Order = (u16, u64);

/// The number of a file; `copy` counts the files of this acquisition that have the same path.
fn file_number(acquisition: u32, path: &str, copy: u32) -> u64 {
    let mut hash = Sha256::new();
    hash.update(path.as_bytes());
    hash.update([0]);
    hash.update(acquisition.to_le_bytes());
    hash.update(copy.to_le_bytes());
    hash.finalize().first_chunk().copied().map_or(0, u64::from_be_bytes)
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
    /// Of these, rows that had been deleted or replaced and were recovered.
    pub recovered: u64,
    /// Earliest and latest time in its live records.
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
    /// How many files of the same path came before, once that is known.
    copy: Option<u32>,
    /// The bytes of the file and of its write-ahead log, where they are at hand.
    bytes: Option<Arc<stream::Held>>,
    wal_bytes: Option<Arc<stream::Held>>,
    /// What the file inflates to, where several artifacts want it.
    inflated: Arc<stream::Inflated>,
}

impl Wanted {
    fn new(file: VirtualFile, artifacts: Vec<usize>) -> Wanted {
        Wanted {
            file,
            wal: None,
            artifacts,
            beside: Vec::new(),
            copy: None,
            bytes: None,
            wal_bytes: None,
            inflated: Arc::default(),
        }
    }

    /// Prepares for one task of each artifact, all of which run one after the other or at the same time.
    fn share(&mut self) {
        if self.file.path.ends_with(route::GZIP) {
            self.inflated = Arc::new(stream::Inflated::shared_by(self.artifacts.len()));
        }
    }

    /// Finds the log of a database.
    fn complete(&mut self, logs: &HashMap<String, VirtualFile>) {
        self.wal = logs.get(&format!("{}{}", self.file.path, route::LOG)).filter(|wal| !wal.missing).cloned();
    }

    /// Asks the source for sizes that the listing did not tell.
    fn measure(&mut self, source: &dyn Source) {
        if self.bytes.is_none() {
            self.file.size = source.size(&self.file);
            if let Some(wal) = &mut self.wal {
                wal.size = source.size(wal);
            }
        }
    }

    fn size(&self) -> u64 {
        self.file.size + self.wal.as_ref().map_or(0, |wal| wal.size)
    }
}

/// An acquisition to scan, under the name that tells it from others of the same phone.
pub struct Acquisition<'a> {
    pub name: String,
    pub source: &'a dyn Source,
}

/// Scans the acquisitions of one phone together: one timeline, one set of findings, and rules that see the records of all.
///
/// # Errors
/// Only when a listing itself cannot be read, or when the acquisitions are of different phones; everything less becomes a [`Problem`] in
/// the case.
pub fn scan(
    acquisitions: &[Acquisition<'_>],
    matcher: &Matcher,
    options: &Options,
    recorder: Option<&dyn Recorder>,
    progress: &dyn Progress,
) -> Result<Case, ScanError> {
    let systems: Vec<System> = acquisitions.iter().map(|acquisition| acquisition.source.system()).collect();
    // Refused before hours of reading where that can be told: what is read through says whose it is only at its end.
    if acquisitions.iter().all(|acquisition| !acquisition.source.streamed()) {
        together(acquisitions)?;
    }
    let asked = |artifact: &Artifact| {
        systems.iter().any(|system| artifact.is_of(*system))
            && (options.sweep || artifact.id != artifact::sweep::ARTIFACT.id)
            && (options.only.is_empty() || options.only.iter().any(|id| id == artifact.id))
            && !options.exclude.iter().any(|id| id == artifact.id)
    };
    let asked: Vec<bool> = artifact::all().iter().map(|artifact| asked(artifact)).collect();
    let router = Router::new(artifact::all(), &asked);
    let mut whole = Listing::default();
    let mut outcomes = Vec::new();
    let mut read = |source: &dyn Source, number: usize, prefix: String| -> Result<(), SourceError> {
        let mut engine = task::Engine {
            source,
            number: number as u32,
            prefix,
            matcher,
            recorder,
            progress,
            clock: Clock::NONE,
            depth: options.unified_log,
            max_memory: options.max_memory,
            logs: unified_log::Digests::default(),
            swept: sweep::Swept::default(),
        };
        let (mut listing, mut read) = gather(&mut engine, &router, &asked)?;
        // The same path is in several acquisitions, and it was damaged in one.
        let problems = read.iter_mut().flat_map(|outcome| &mut outcome.problems);
        let problems = problems.chain(&mut listing.problems);
        problems.for_each(|problem| problem.path.insert_str(0, &engine.prefix));
        outcomes.append(&mut read);
        whole.files += listing.files;
        whole.bytes += listing.bytes;
        whole.problems.append(&mut listing.problems);
        Ok(())
    };
    let prefix_of = |acquisition: &Acquisition<'_>| match acquisitions.len() {
        0 | 1 => String::new(),
        _ => format!("{}: ", acquisition.name),
    };
    for (number, acquisition) in acquisitions.iter().enumerate() {
        read(acquisition.source, number, prefix_of(acquisition))?;
    }
    let mut older = older::Reports::default();
    for acquisition in acquisitions {
        let prefix = prefix_of(acquisition);
        for name in acquisition.source.older() {
            let number = acquisitions.len() + older.len();
            if let Some(source) = older.open(acquisition.source, name, &prefix)
                && let Err(error) = read(&*source, number, format!("{prefix}{name}: "))
            {
                older.problem(&prefix, name, &error);
            }
        }
    }
    whole.problems.append(&mut older.problems);
    outcomes.sort_by(|a, b| (a.order.0, &a.path, a.order.1).cmp(&(b.order.0, &b.path, b.order.1)));
    progress.stage("judging");
    let description: Vec<String> =
        acquisitions.iter().map(|acquisition| acquisition.source.describe()).collect();
    let mut device = together(acquisitions)?;
    device.limits.append(&mut older.limits);
    let mut case = conclude(device, description.join("; "), &asked, whole, outcomes, matcher);
    only_of(&systems, &mut case);
    if router.sweep().is_some() {
        case.device.limits.extend(sweep::left_out(matcher));
    }
    Ok(case)
}

/// What only another system has is no gap in what was checked.
fn only_of(systems: &[System], case: &mut Case) {
    case.coverage.retain(|entry| {
        let artifact = artifact::find(entry.artifact);
        artifact.is_none_or(|artifact| systems.iter().any(|system| artifact.is_of(*system)))
    });
}

/// Why there is no case.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error("`{0}` and `{1}` are of different phones ({2})")]
    DifferentPhones(String, String, String),
}

/// Reads all files of one acquisition. What comes back of the listing are its counts and problems.
fn gather(
    engine: &mut task::Engine<'_>,
    router: &Router,
    asked: &[bool],
) -> Result<(Listing, Vec<task::Outcome>), SourceError> {
    let (source, progress) = (engine.source, engine.progress);
    progress.stage("reading through the acquisition");
    let (mut listing, mut outcomes) = match stream::pass(engine, router)? {
        Some(passed) => passed,
        None => {
            progress.stage("listing files");
            (Listing::of(engine, router)?, Vec::new())
        }
    };
    listing.plan(source, asked);
    engine.clock = source.device().clock();
    progress.stage("reading artifacts");
    let left: u64 = listing.jobs.iter().filter(|job| job.file.is_some()).map(|job| job.size).sum();
    progress.total(listing.parsed + engine.swept.bytes() + left);
    for batch in listing.batches(source.streamed().then_some(engine.max_memory)) {
        let files = listing.files_of(&batch);
        if !files.is_empty()
            && let Err(error) = source.stage(&files)
        {
            listing.problems.push(Problem::new("", error));
        }
        outcomes.extend(run_all(engine, &listing, &batch));
    }
    outcomes.extend(engine.conclude_logs(&listing.log_strings, &listing.log_traces));
    outcomes.extend(engine.swept.outcome());
    listing.bytes += engine.swept.bytes();
    Ok((listing, outcomes))
}

/// The phone that all acquisitions are of: what the first says, completed by the others.
fn together(acquisitions: &[Acquisition<'_>]) -> Result<Device, ScanError> {
    let mut devices = acquisitions.iter().map(|acquisition| (&acquisition.name, acquisition.source.device()));
    let Some((first_name, first)) = devices.next() else { return Ok(Device::default()) };
    let mut device = first.clone();
    for (name, other) in devices {
        if other.system != device.system {
            let difference = "an iPhone and an Android phone".to_owned();
            return Err(ScanError::DifferentPhones(first_name.clone(), name.clone(), difference));
        }
        let same = [("serial number", &device.serial, &other.serial), ("UDID", &device.udid, &other.udid)]
            .into_iter()
            .find_map(|(what, one, other)| Some((what, one.as_ref()?, other.as_ref()?)));
        device.limits.push(match same {
            Some((what, one, other)) if !one.eq_ignore_ascii_case(other) => {
                let difference = format!("{what} {one} and {other}");
                return Err(ScanError::DifferentPhones(first_name.clone(), name.clone(), difference));
            }
            Some((what, one, _)) => {
                format!("`{first_name}` and `{name}` are of the same phone: {what} {one}")
            }
            None => format!("whether `{first_name}` and `{name}` are of the same phone could not be checked"),
        });
        let complete =
            |own: &mut Option<String>, theirs: &Option<String>| *own = own.take().or(theirs.clone());
        complete(&mut device.name, &other.name);
        complete(&mut device.product, &other.product);
        complete(&mut device.serial, &other.serial);
        complete(&mut device.udid, &other.udid);
        // The newest acquisition says what the phone is now.
        if other.acquired > device.acquired || device.os_version.is_none() {
            device.os_version = other.os_version.clone().or(device.os_version);
            device.os_build = other.os_build.clone().or(device.os_build);
            device.acquired = other.acquired.or(device.acquired);
        }
        device.offset = device.offset.or(other.offset);
        device.zone = device.zone.or_else(|| other.zone.clone());
        device.limits.extend(other.limits.iter().map(|limit| format!("{name}: {limit}")));
    }
    Ok(device)
}

/// The files to read and the jobs over them.
#[derive(Default)]
struct Listing {
    wanted: Vec<Wanted>,
    jobs: Vec<Job>,
    /// Artifacts that read the listing itself.
    listed: Vec<usize>,
    /// Files that explain wanted ones.
    beside: Vec<Wanted>,
    /// Of the unified log: texts, and entries.
    log_strings: Vec<VirtualFile>,
    log_traces: Vec<VirtualFile>,
    problems: Vec<Problem>,
    files: u64,
    bytes: u64,
    /// Bytes that parsers were given while the source was read through.
    parsed: u64,
}

/// `file` is an index into the wanted files; none for the listing itself, which all its artifacts read together.
#[derive(Clone, Copy)]
struct Job {
    artifact: usize,
    file: Option<usize>,
    size: u64,
}

impl Listing {
    /// Lists the files of the source. What only the raw search wants is searched meanwhile.
    fn of(engine: &task::Engine<'_>, router: &Router) -> Result<Listing, SourceError> {
        let gate = sweep::Crowd::gate();
        let streamed = engine.source.streamed();
        let mut logs: HashMap<String, VirtualFile> = HashMap::new();
        let mut listing = rayon::in_place_scope(|scope| {
            let mut crowd = sweep::Crowd::new(engine, &gate, scope);
            let mut listing = Listing::default();
            let Listing { files, wanted, beside, log_strings, log_traces, problems, .. } = &mut listing;
            let result = engine.source.list(
                Detail::Paths,
                &mut |file| {
                    *files += 1;
                    let explains = router.explains(&file);
                    if !explains.is_empty() {
                        beside.push(Wanted::new(file.clone(), explains));
                    }
                    router.note_log(&file, log_strings, log_traces);
                    match router.wants(&file) {
                        Wants::Nothing => {}
                        Wants::Search => {
                            if file.path.ends_with(route::LOG) {
                                logs.insert(file.path.clone(), file.clone());
                            }
                            // An archive that can only be read through is searched in one go.
                            if !streamed {
                                crowd.add(file);
                            }
                        }
                        Wants::Log => drop(logs.insert(file.path.clone(), file)),
                        Wants::Artifacts(artifacts) => wanted.push(Wanted::new(file, artifacts)),
                    }
                },
                &mut |error| problems.push(source_problem("", &error)),
            );
            crowd.send();
            result.map(|()| listing)
        })?;
        if streamed && let Some(result) = engine.search_poured(router) {
            result?;
        }
        listing.search_again(engine, router)?;
        let Listing { wanted, beside, .. } = &mut listing;
        wanted.iter_mut().chain(beside).for_each(|file| file.complete(&logs));
        Ok(listing)
    }

    /// Wants the files that hold something once more, with what explains it; of a write-ahead log its database.
    fn search_again(&mut self, engine: &task::Engine<'_>, router: &Router) -> Result<(), SourceError> {
        let holding = engine.swept.take_holding();
        let (logs, files): (Vec<_>, Vec<_>) =
            holding.into_iter().partition(|file| file.path.ends_with(route::LOG));
        let mut databases: HashSet<String> =
            logs.iter().filter_map(|log| log.path.strip_suffix(route::LOG)).map(str::to_owned).collect();
        for file in files {
            databases.remove(&file.path);
            self.wanted.extend(router.again(file));
        }
        if databases.is_empty() {
            return Ok(());
        }
        let wanted = &mut self.wanted;
        engine.source.list(
            Detail::Paths,
            &mut |file| {
                if databases.remove(&file.path) {
                    wanted.extend(router.again(file));
                }
            },
            // What cannot be listed was told before.
            &mut |_| (),
        )?;
        // A log alone is a file like others.
        for log in logs {
            let alone = log.path.strip_suffix(route::LOG).is_some_and(|path| databases.contains(path));
            if alone {
                self.wanted.extend(router.again(log));
            }
        }
        Ok(())
    }

    /// Makes the jobs over the wanted files.
    fn plan(&mut self, source: &dyn Source, asked: &[bool]) {
        let key = |wanted: &Wanted| (wanted.file.path.clone(), wanted.file.stored_as.clone());
        self.wanted.sort_by_cached_key(key);
        let mut beside = std::mem::take(&mut self.beside);
        beside.sort_by_cached_key(key);
        for file in beside.drain(FILES_BESIDE.min(beside.len())..) {
            let reason = "one too many of its kind: it explains no other file";
            self.problems.push(Problem::new(file.file.path, reason));
        }
        beside.iter_mut().for_each(|file| file.measure(source));
        let reads_listing = |(index, artifact): &(usize, &&Artifact)| {
            matches!(artifact.parse, Parse::Listing(_)) && asked.get(*index) == Some(&true)
        };
        self.listed =
            artifact::all().iter().enumerate().filter(reads_listing).map(|(index, _)| index).collect();
        if let Some(first) = self.listed.first() {
            // A listed file costs about as much as a kilobyte of a database.
            self.jobs.push(Job { artifact: *first, file: None, size: self.files * 1024 });
        }
        let mut before: Option<(String, u32)> = None;
        for (index, wanted) in self.wanted.iter_mut().enumerate() {
            wanted.measure(source);
            if wanted.copy.is_none() {
                let copy = match &before {
                    Some((path, copy)) if *path == wanted.file.path => copy + 1,
                    _ => 0,
                };
                before = Some((wanted.file.path.clone(), copy));
                wanted.copy = Some(copy);
                self.bytes += wanted.file.size;
            }
            let explains =
                |file: &&Wanted| file.artifacts.iter().any(|index| wanted.artifacts.contains(index));
            wanted.beside = beside.iter().filter(explains).cloned().collect();
            // What is explained by others has tasks of several sizes, which do not follow each other.
            if wanted.beside.is_empty() {
                wanted.share();
            }
            self.jobs.extend(wanted.artifacts.iter().map(|&artifact| {
                let explained =
                    artifact::all().get(artifact).is_some_and(|artifact| !artifact.parse.beside().is_empty());
                let beside: u64 = if explained { wanted.beside.iter().map(Wanted::size).sum() } else { 0 };
                Job { artifact, file: Some(index), size: wanted.size() + beside }
            }));
        }
        // Largest first, so that no core is left with a giant at the end.
        self.jobs.sort_by_key(|job| (std::cmp::Reverse(job.size), job.file, job.artifact));
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
            let at_hand = file.and_then(|file| self.wanted.get(file)).is_none_or(|file| file.bytes.is_some());
            let largest = jobs.iter().map(|job| job.size).max();
            let size = largest.filter(|_| !at_hand).unwrap_or(0);
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
        let wanted = wanted.filter(|wanted| wanted.bytes.is_none());
        wanted.flat_map(|wanted| std::iter::once(&wanted.file).chain(&wanted.wal)).collect()
    }
}

/// Runs jobs on all cores, each core taking the next largest.
fn run_all(engine: &task::Engine<'_>, listing: &Listing, jobs: &[Job]) -> Vec<task::Outcome> {
    let next = AtomicUsize::new(0);
    let outcomes = Mutex::new(Vec::with_capacity(jobs.len()));
    rayon::broadcast(|_| {
        while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            let found = match job.file {
                Some(index) => vec![engine.run_caught(job.artifact, listing.wanted.get(index))],
                None => engine.run_listing(&listing.listed),
            };
            outcomes.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).extend(found);
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
    let mut kept: Vec<Kept> = heuristic::reads().map(|_| Kept::default()).collect();
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
    let mut findings = sweep::merge(findings, matcher.set());
    findings.sort_by_cached_key(|finding| order_of(finding, matcher));
    let mut findings = copies::merge(findings, matcher);
    // Over what is left when each thing stands once, and in an order that follows from the evidence.
    for (rule, kept) in heuristic::CORROBORATIONS.iter().zip(kept.iter().skip(heuristic::ALL.len())) {
        (rule.weigh)(&mut findings, kept, matcher.set());
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
        recovered: 0,
        from: None,
        to: None,
    }
}

fn cover(entry: &mut Coverage, outcome: &task::Outcome) {
    entry.files += outcome.files;
    entry.unreadable_files += outcome.unreadable;
    entry.records += outcome.records;
    entry.recovered += outcome.recovered;
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
