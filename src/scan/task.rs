//! One artifact reading one file, with everything that can go wrong turned into a problem.

mod listing;

use std::any::Any;
use std::borrow::Cow;
use std::cell::Cell;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use jiff::Timestamp;

use super::route::GZIP;
use super::sink::{Located, TaskSink};
use super::stream::{Held, Inflated};
use super::sweep::Swept;
use super::unified_log::{Depth, Digests};
use super::{Order, Progress, Recorder, Task, Wanted, file_number, source_problem};
use crate::artifact::{Artifact, Beside, LogPart, Out, Parse, read_database};
use crate::finding::{Exhibit, Finding, Problem};
use crate::format::sqlite::{Database, recover, salvage};
use crate::format::text::Lines;
use crate::format::{ReadAt, keyed};
use crate::indicator::Matcher;
use crate::record::{Origin, Place};
use crate::source::{Source, SourceError, VirtualFile};
use crate::time::Clock;

/// A property list larger than this is refused; the largest that phones write are a few megabytes.
const LARGEST_PLIST_BYTES: u64 = 64 << 20;
/// What a file that was compressed alone may inflate to.
const LARGEST_INFLATED_BYTES: u64 = 256 << 20;
/// What a salvaged database may take in memory.
const SALVAGE_BYTES: u64 = 128 << 20;
/// What deleted rows and the live ones that explain them may take in memory.
const RECOVER_BYTES: u64 = 64 << 20;
/// Origins looked up in the database without its write-ahead log.
const ORIGINS_CHECKED: usize = 20_000;

/// An opened file of the evidence.
type Reader<'a> = Box<dyn ReadAt + 'a>;

/// What all tasks share.
pub(super) struct Engine<'a> {
    pub source: &'a dyn Source,
    /// Of the acquisition, among those scanned together.
    pub number: u32,
    /// What its name in the evidence is put before, where there are several.
    pub prefix: String,
    pub matcher: &'a Matcher,
    pub recorder: Option<&'a dyn Recorder>,
    pub progress: &'a dyn Progress,
    /// What times without a zone or a date are read by.
    pub clock: Clock,
    /// How much of the unified log is read.
    pub depth: Depth,
    /// For files of a source that can only be read through.
    pub max_memory: u64,
    /// What the files of the unified log gave so far.
    pub logs: Digests,
    /// What was searched that no artifact reads.
    pub swept: Swept,
}

/// What a task found.
pub(super) struct Outcome {
    pub order: Order,
    /// Of the file, on the device.
    pub path: String,
    pub artifact: &'static str,
    pub findings: Vec<Finding>,
    pub problems: Vec<Problem>,
    /// Records for a rule, by its index.
    pub kept: Vec<(usize, Exhibit)>,
    pub records: u64,
    /// Of these, rows that were deleted or replaced.
    pub recovered: u64,
    pub span: Option<(Timestamp, Timestamp)>,
    /// How many files it is about, and how many of them could not be read at all.
    pub files: u32,
    pub unreadable: u32,
    /// A part could not be read.
    pub damaged: bool,
}

impl Outcome {
    /// What a task's sink has gathered.
    pub fn of(
        order: Order,
        path: &str,
        sink: TaskSink<'_>,
        mut problems: Vec<Problem>,
        failed: bool,
    ) -> Outcome {
        for (dropped, reason) in [
            (sink.findings_dropped, "further matches in this file are counted, not listed"),
            (sink.fields_cut, "a field is very long: only its beginning was searched"),
            (sink.kept_dropped, "too many records for the rules, which judged only the first"),
        ] {
            if dropped > 0 {
                let mut problem = Problem::new(&*sink.path, reason);
                problem.artifact = Some(sink.artifact.id);
                problem.count = dropped;
                problems.push(problem);
            }
        }
        Outcome {
            order,
            path: path.to_owned(),
            artifact: sink.artifact.id,
            files: 1,
            unreadable: u32::from(failed && sink.records == 0),
            damaged: failed,
            findings: sink.findings,
            problems,
            kept: sink.kept,
            records: sink.records,
            recovered: sink.recovered,
            span: sink.span,
        }
    }
}

impl Engine<'_> {
    /// Runs an artifact, by its place in the list, over a file.
    pub fn run_caught(&self, artifact: usize, wanted: Option<&Wanted>) -> Outcome {
        let path = wanted.map_or("", |wanted| wanted.file.path.as_str());
        let copy = wanted.and_then(|wanted| wanted.copy).unwrap_or(0);
        let order = (artifact as u16, file_number(self.number, path, copy));
        let outcome = catch_unwind(AssertUnwindSafe(|| self.run(order, wanted)))
            .unwrap_or_else(|panic| self.panicked(order, wanted, &panic));
        if let Some(wanted) = wanted {
            wanted.inflated.done();
        }
        outcome
    }

    fn run(&self, order: Order, wanted: Option<&Wanted>) -> Outcome {
        let artifact = self.artifact(order);
        let container = VirtualFile::default();
        let file = wanted.map_or(&container, |wanted| &wanted.file);
        let journal =
            self.recorder.map(|recorder| recorder.begin(&Task { artifact, path: file.path.clone(), order }));
        let stored_as = self.stored_as(file);
        let at = Located { path: &file.path, stored_as: &stored_as };
        let mut sink = TaskSink::new(artifact, self.matcher, journal, at);
        let mut problems = Problems { artifact: artifact.id, path: &file.path, list: Vec::new() };

        let result = match (artifact.parse, wanted) {
            (_, None) => Ok(()),
            (_, Some(wanted)) if wanted.file.missing => {
                Err(anyhow::anyhow!("is listed, but its content is not in the acquisition"))
            }
            (Parse::Head { bytes, parse }, Some(wanted)) => {
                self.head(bytes, parse, wanted, &mut sink, &mut problems)
            }
            (Parse::Plist(parse), Some(wanted)) => {
                self.bytes(LARGEST_PLIST_BYTES, wanted, &mut sink, &mut problems, &|bytes, out| {
                    parse(&keyed::parse(bytes)?, out)
                })
            }
            (Parse::Bytes { most, parse }, Some(wanted)) => {
                self.bytes(most, wanted, &mut sink, &mut problems, &parse)
            }
            (Parse::UnifiedLog(part), Some(wanted)) => {
                self.log(part, order, wanted, &mut sink, &mut problems)
            }
            (Parse::Sweep, Some(wanted)) => self.sweep(wanted, &mut sink, &mut problems),
            (Parse::Text(parse), Some(wanted)) => self.text(parse, wanted, &mut sink, &mut problems),
            (_, Some(wanted)) => self.database(wanted, &mut sink, &mut problems),
        };
        let failed = result.is_err();
        if let Err(error) = result {
            problems.add(None, format!("{error:#}"), 1);
        }
        if let Some(journal) = sink.journal.take() {
            journal.finish();
        }
        Outcome::of(order, &file.path, sink, problems.list, failed)
    }

    /// The outcome of a task whose parser has a bug: the scan goes on and says so.
    fn panicked(&self, order: Order, wanted: Option<&Wanted>, panic: &Box<dyn Any + Send>) -> Outcome {
        let artifact = self.artifact(order);
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("unknown panic");
        let path = wanted.map_or("", |wanted| wanted.file.path.as_str());
        let mut problem = Problem::new(path, format!("bug in {}: {text}", artifact.id));
        problem.artifact = Some(artifact.id);
        problem.next = "report it to the project; the other artifacts are not affected".into();
        Outcome {
            order,
            path: path.to_owned(),
            artifact: artifact.id,
            findings: Vec::new(),
            problems: vec![problem],
            kept: Vec::new(),
            records: 0,
            recovered: 0,
            span: None,
            files: 1,
            unreadable: 1,
            damaged: true,
        }
    }

    /// Where in the evidence a file is; of several acquisitions, in which.
    pub fn stored_as<'f>(&self, file: &'f VirtualFile) -> Cow<'f, str> {
        if self.prefix.is_empty() {
            return Cow::Borrowed(&file.stored_as);
        }
        Cow::Owned(format!("{}{}", self.prefix, file.stored_as))
    }

    fn artifact(&self, order: Order) -> &'static Artifact {
        crate::artifact::all().get(usize::from(order.0)).expect("jobs are made from this list")
    }

    fn open<'s>(
        &'s self,
        file: &VirtualFile,
        held: Option<&Arc<Held>>,
        inflated: &Inflated,
        problems: &mut Problems<'_>,
    ) -> Result<Reader<'s>, SourceError> {
        let inner = self.reader(file, held, inflated, problems)?;
        Ok(Box::new(Counted { inner, progress: self.progress, left: Cell::new(file.size) }))
    }

    /// A file whose bytes are not counted as progress.
    fn reader<'s>(
        &'s self,
        file: &VirtualFile,
        held: Option<&Arc<Held>>,
        inflated: &Inflated,
        problems: &mut Problems<'_>,
    ) -> Result<Reader<'s>, SourceError> {
        let mut inner: Reader<'s> = match held {
            Some(held) => Box::new(Arc::clone(held)),
            None => self.source.open(file)?,
        };
        if file.path.ends_with(GZIP) {
            let failed = |error: io::Error| SourceError::File {
                path: file.path.clone(),
                reason: format!("cannot be inflated: {error}"),
            };
            inner =
                Box::new(inflated.get(|| Held::inflate(&*inner, LARGEST_INFLATED_BYTES)).map_err(failed)?);
        }
        if let Some(damage) = inner.damage() {
            problems.add(None, format!("{}: {damage}", file.stored_as), 1);
        }
        Ok(inner)
    }

    /// A database and its write-ahead log; a log that cannot be opened is a problem and the database is read without it.
    fn open_with_log<'s>(
        &'s self,
        wanted: &Wanted,
        problems: &mut Problems<'_>,
    ) -> Result<(Reader<'s>, Option<Reader<'s>>), SourceError> {
        let main = self.open(&wanted.file, wanted.bytes.as_ref(), &wanted.inflated, problems)?;
        let log = wanted.wal.as_ref().filter(|log| log.size > 0);
        let log = log
            .map(|log| self.open(log, wanted.wal_bytes.as_ref(), &Inflated::default(), problems))
            .transpose();
        let log = log.unwrap_or_else(|error| {
            problems.list.push(source_problem(&wanted.file.path, &error));
            None
        });
        Ok((main, log))
    }

    fn head(
        &self,
        bytes: usize,
        parse: fn(&[u8], &mut Out<'_>),
        wanted: &Wanted,
        sink: &mut TaskSink<'_>,
        problems: &mut Problems<'_>,
    ) -> anyhow::Result<()> {
        let mut head = vec![0; bytes];
        let read = self
            .open(&wanted.file, wanted.bytes.as_ref(), &wanted.inflated, problems)?
            .read_at(0, &mut head)?;
        head.truncate(read);
        let mut out = Out::new(sink.artifact, &wanted.file.path, sink).with_clock(self.clock.clone());
        parse(&head, &mut out);
        problems.warnings(out);
        Ok(())
    }

    fn bytes(
        &self,
        most: u64,
        wanted: &Wanted,
        sink: &mut TaskSink<'_>,
        problems: &mut Problems<'_>,
        parse: &dyn Fn(&[u8], &mut Out<'_>) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let bytes =
            self.open(&wanted.file, wanted.bytes.as_ref(), &wanted.inflated, problems)?.read_all(most)?;
        let mut out = Out::new(sink.artifact, &wanted.file.path, sink).with_clock(self.clock.clone());
        let result = parse(&bytes, &mut out);
        problems.warnings(out);
        result
    }

    /// A file of the unified log; what it means is known when all are read.
    fn log(
        &self,
        part: LogPart,
        order: Order,
        wanted: &Wanted,
        sink: &mut TaskSink<'_>,
        problems: &mut Problems<'_>,
    ) -> anyhow::Result<()> {
        let file = self.open(&wanted.file, wanted.bytes.as_ref(), &wanted.inflated, problems)?;
        match part {
            LogPart::Clocks => self.digest_clock(wanted, &*file),
            LogPart::Entries => {
                let damages = self.digest_trace(order, wanted, &*file);
                problems.list.extend(self.damaged(&wanted.file.path, sink.artifact, &damages));
                Ok(())
            }
            LogPart::Image(parse) => {
                let bytes = file.read_all(LARGEST_PLIST_BYTES)?;
                self.digest_image(wanted, &bytes);
                let mut out = Out::new(sink.artifact, &wanted.file.path, sink).with_clock(self.clock.clone());
                let result = parse(&bytes, &mut out);
                problems.warnings(out);
                result
            }
        }
    }

    fn text(
        &self,
        parse: fn(&mut Lines<'_>, &mut Out<'_>) -> anyhow::Result<()>,
        wanted: &Wanted,
        sink: &mut TaskSink<'_>,
        problems: &mut Problems<'_>,
    ) -> anyhow::Result<()> {
        let text = self.open(&wanted.file, wanted.bytes.as_ref(), &wanted.inflated, problems)?;
        let mut lines = Lines::new(&*text)?;
        let mut out = Out::new(sink.artifact, &wanted.file.path, sink).with_clock(self.clock.clone());
        let result = parse(&mut lines, &mut out);
        problems.warnings(out);
        if lines.cut() > 0 {
            problems.add(None, "a line is very long: only its beginning was read", lines.cut());
        }
        result
    }

    fn database(
        &self,
        wanted: &Wanted,
        sink: &mut TaskSink<'_>,
        problems: &mut Problems<'_>,
    ) -> anyhow::Result<()> {
        let artifact = sink.artifact;
        let path = &wanted.file.path;
        let (main, wal) = self.open_with_log(wanted, problems)?;
        let beside = self.open_beside(wanted, artifact, problems);
        let error = match Database::open(main, wal) {
            Ok(database) => {
                for note in database.notes() {
                    problems.add(None, note, 1);
                }
                let mut out = Out::new(artifact, path, sink).with_clock(self.clock.clone());
                let result = read_database(artifact, &database, &beside, &mut out);
                problems.warnings(out);
                if database.has_wal_frames() {
                    mark_origins(sink, &database);
                }
                match result {
                    Ok(()) => {
                        self.recover_caught(wanted, &database, &beside, sink, problems);
                        return Ok(());
                    }
                    Err(error) => error,
                }
            }
            Err(error) => error.into(),
        };
        if !is_damage(&error) {
            return Err(error);
        }
        problems.add(None, format!("{error:#}"), 1);
        self.salvage(wanted, &beside, sink, problems)
    }

    /// [`Engine::recover`], whose failure leaves what was read normally as it is.
    fn recover_caught(
        &self,
        wanted: &Wanted,
        database: &Database<'_>,
        beside: &[Beside<'_>],
        sink: &mut TaskSink<'_>,
        problems: &mut Problems<'_>,
    ) {
        let result =
            catch_unwind(AssertUnwindSafe(|| self.recover(wanted, database, beside, sink, problems)));
        sink.recovering = None;
        match result {
            Ok(Ok(())) => {}
            Ok(Err(error)) => problems.add(None, format!("deleted rows cannot be looked for: {error:#}"), 1),
            Err(_) => {
                let reason = "bug in the search for deleted rows: what was read normally is not affected";
                problems.add(None, reason, 1);
            }
        }
    }

    /// Adds the records of rows that were deleted or replaced and whose bytes are still in the database or its log.
    fn recover(
        &self,
        wanted: &Wanted,
        database: &Database<'_>,
        beside: &[Beside<'_>],
        sink: &mut TaskSink<'_>,
        problems: &mut Problems<'_>,
    ) -> anyhow::Result<()> {
        let artifact = sink.artifact;
        let mut subjects: Vec<String> = sink.taken.keys().map(|table| table.to_string()).collect();
        if let Parse::Sqlite { table, .. } | Parse::Rows { table, .. } = artifact.parse {
            subjects.push(table.to_owned());
        }
        if subjects.is_empty() {
            // Nothing is left that says which of the tables hold the records.
            let asked = database.tables().iter().filter(|table| database.was_asked_for(table));
            subjects.extend(asked.cloned());
        }
        if subjects.is_empty() {
            return Ok(());
        }
        let (main, wal) = self.open_again(wanted)?;
        let explains = |name: &str| database.was_asked_for(name);
        let Some(recovered) = recover(main, wal, RECOVER_BYTES, &subjects, &explains)? else { return Ok(()) };
        for note in &recovered.notes {
            problems.add(None, note, 1);
        }
        sink.recovering = Some(recovered.rows);
        let mut out = Out::new(artifact, &wanted.file.path, sink).with_clock(self.clock.clone());
        // What there is to warn about in the database was said when its live rows were read.
        read_database(artifact, &recovered.database, beside, &mut out)
    }

    /// The files of a database once more; what there was to say about them has been said.
    fn open_again<'s>(&'s self, wanted: &Wanted) -> Result<(Reader<'s>, Option<Reader<'s>>), SourceError> {
        let problems = &mut Problems { artifact: "", path: &wanted.file.path, list: Vec::new() };
        let main = self.reader(&wanted.file, wanted.bytes.as_ref(), &wanted.inflated, problems)?;
        let log =
            wanted.wal.as_ref().filter(|log| log.size > 0).and_then(|log| {
                self.reader(log, wanted.wal_bytes.as_ref(), &Inflated::default(), problems).ok()
            });
        Ok((main, log))
    }

    /// The databases that explain this one to its artifact; one that cannot be opened is a problem, and what it tells stays unknown.
    fn open_beside<'s>(
        &'s self,
        wanted: &'s Wanted,
        artifact: &Artifact,
        problems: &mut Problems<'_>,
    ) -> Vec<Beside<'s>> {
        let files = if artifact.parse.beside().is_empty() { &[][..] } else { &wanted.beside };
        let mut opened = Vec::new();
        for file in files {
            let path = file.file.path.as_str();
            let database = self
                .open_with_log(file, problems)
                .map_err(anyhow::Error::from)
                .and_then(|(main, wal)| Ok(Database::open(main, wal)?));
            match database {
                Ok(database) => opened.push(Beside { path, database }),
                Err(error) => problems.add(None, format!("`{path}`, which explains it: {error:#}"), 1),
            }
        }
        opened
    }

    /// Reads what a damaged database still holds, page by page; rows that were already read are not repeated.
    fn salvage(
        &self,
        wanted: &Wanted,
        beside: &[Beside<'_>],
        sink: &mut TaskSink<'_>,
        problems: &mut Problems<'_>,
    ) -> anyhow::Result<()> {
        let (artifact, before) = (sink.artifact, sink.records);
        let (main, wal) = self.open_with_log(wanted, &mut Problems { list: Vec::new(), ..*problems })?;
        let salvaged = salvage(main, wal, SALVAGE_BYTES)?;
        sink.origin = Origin::Freed;
        let taken = std::mem::take(&mut sink.taken).into_iter();
        sink.skip = taken.map(|(table, rows)| (table, rows.sorted())).collect();
        let mut out = Out::new(artifact, &wanted.file.path, sink).with_clock(self.clock.clone());
        let result = read_database(artifact, &salvaged.database, beside, &mut out);
        problems.warnings(out);
        problems.add(
            None,
            format!(
                "damaged database: {} rows were read normally and {} more were salvaged; {} of {} pages are damaged",
                before,
                sink.records - before,
                salvaged.pages_damaged,
                salvaged.pages_read + salvaged.pages_damaged,
            ),
            1,
        );
        result
    }
}

/// True for what page-by-page reading may mend; a missing table or a wrong format is no damage.
fn is_damage(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<crate::format::sqlite::DatabaseError>()
        .is_some_and(crate::format::sqlite::DatabaseError::is_damage)
}

/// Says for each finding and kept record whether its row is only in the write-ahead log.
fn mark_origins(sink: &mut TaskSink<'_>, database: &Database<'_>) {
    let exhibits = sink.findings.iter_mut().map(|finding| &mut finding.exhibit);
    let exhibits = exhibits.chain(sink.kept.iter_mut().map(|(_, exhibit)| exhibit));
    for exhibit in exhibits.take(ORIGINS_CHECKED) {
        if let Place::Row { table, row } = &exhibit.place {
            exhibit.origin = database.origin(table, *row);
        }
    }
}

/// The problems of one file.
pub(super) struct Problems<'a> {
    artifact: &'static str,
    path: &'a str,
    list: Vec<Problem>,
}

impl Problems<'_> {
    pub fn add(&mut self, place: Option<Place>, reason: impl std::fmt::Display, count: u64) {
        let mut problem = Problem::new(self.path, reason);
        problem.artifact = Some(self.artifact);
        problem.place = place;
        problem.count = count;
        self.list.push(problem);
    }

    fn warnings(&mut self, out: Out<'_>) {
        for (text, place, count) in out.into_warnings() {
            self.add(place, text, count);
        }
    }
}

/// Tells the progress how many bytes were read: together exactly the file's size, however often a page is looked at.
struct Counted<'a> {
    inner: Reader<'a>,
    progress: &'a dyn Progress,
    left: Cell<u64>,
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.progress.advance(self.left.get());
    }
}

impl ReadAt for Counted<'_> {
    fn len(&self) -> u64 {
        self.inner.len()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read_at(offset, buffer)?;
        let new = self.left.get().min(count as u64);
        self.left.set(self.left.get() - new);
        self.progress.advance(new);
        Ok(count)
    }
}
