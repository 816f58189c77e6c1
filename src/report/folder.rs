//! The output folder: records and events stream into it while the scan runs, the rest follows, `run.json` comes last.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;
use tempfile::NamedTempFile;

use super::SCHEMA_VERSION;
use super::finding::{Written, written};
use super::spool::{Buffer, Spool};
use super::store::{Collector, Store};
use super::suspicious::Suspicious;
use super::timeline::{Paths, each_event, encode, set_basis, write_csv};
use super::verdict::{Judged, by_campaign};
use crate::artifact::{Line, Record};
use crate::indicator::Matcher;
use crate::record::{Value, push_hex};
use crate::scan::{Case, Journal, Located, Recorder, Task};

/// Files of ours in the folder, which `--clobber` may replace.
const FILES: [&str; 14] = [
    super::store::NAME,
    "findings.jsonl",
    "timeline.jsonl",
    "timeline.csv",
    "suspicious.jsonl",
    "suspicious.csv",
    "coverage.json",
    "problems.jsonl",
    "run.json",
    "timesketch.jsonl",
    "findings.json",
    "findings.sarif",
    "findings.xml",
    "findings.annotations",
];
const RECORDS: &str = "records";
/// A task's records stay in memory up to this size, and all tasks' together up to the second.
const PART_BYTES: usize = 256 << 10;
const PARTS_BYTES: u64 = 64 << 20;

#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    #[error("the folder `{0}` is not empty")]
    NotEmpty(PathBuf),
    #[error("cannot write to `{path}`: {source}")]
    Write { path: PathBuf, source: io::Error },
}

/// An output folder that takes a scan.
pub struct Folder {
    path: PathBuf,
    spool: Spool,
    store: Option<Store>,
    paths: Mutex<Paths>,
    parts: Mutex<Parts>,
    in_memory: AtomicU64,
    /// The first thing that went wrong while records streamed in; told when the folder is finished.
    failure: Mutex<Option<io::Error>>,
    unused: Unused,
}

/// Takes the empty folders away again when no scan came of it, or the next try would be refused because of them.
struct Unused {
    folders: Vec<PathBuf>,
}

impl Drop for Unused {
    fn drop(&mut self) {
        for folder in &self.folders {
            // One that holds something stays, as it should.
            let _ = std::fs::remove_dir(folder);
        }
    }
}

/// By artifact, path and the rest of the order of their tasks.
type Parts = BTreeMap<(u16, String, u64), Part>;

/// One task's records.
struct Part {
    artifact: &'static str,
    bytes: Vec<u8>,
    file: Option<NamedTempFile>,
}

impl Folder {
    /// Makes the folder, readable by its owner alone, or refuses one that holds something.
    pub fn create(path: &Path, clobber: bool) -> Result<Folder, OutputError> {
        let failed = |source| OutputError::Write { path: path.to_owned(), source };
        let records = path.join(RECORDS);
        let mut unused = Unused { folders: vec![records.clone()] };
        if !path.exists() {
            unused.folders.push(path.to_owned());
        }
        make_private(path).map_err(failed)?;
        if std::fs::read_dir(path).map_err(failed)?.next().is_some() {
            if !clobber {
                return Err(OutputError::NotEmpty(path.to_owned()));
            }
            for name in FILES {
                remove_if_there(std::fs::remove_file(path.join(name))).map_err(failed)?;
            }
            for artifact in crate::artifact::all() {
                remove_if_there(std::fs::remove_file(records.join(format!("{}.jsonl", artifact.id))))
                    .map_err(failed)?;
            }
        }
        make_private(&records).map_err(failed)?;
        Ok(Folder {
            path: path.to_owned(),
            spool: Spool::new(path),
            store: None,
            paths: Mutex::default(),
            parts: Mutex::default(),
            in_memory: AtomicU64::new(0),
            failure: Mutex::default(),
            unused,
        })
    }

    /// Has the store of observables written too.
    pub fn with_store(mut self) -> Folder {
        self.store = Some(Store::new(&self.path));
        self
    }

    /// Writes everything that is known only at the end. `run` is what `run.json` says beside the fixed fields.
    pub fn finish(
        self,
        case: &Case,
        matcher: &Matcher,
        context_s: i64,
        run: serde_json::Map<String, serde_json::Value>,
    ) -> Result<(), OutputError> {
        let path = self.path.clone();
        self.write_all(case, matcher, context_s, run).map_err(|source| OutputError::Write { path, source })
    }

    fn write_all(
        mut self,
        case: &Case,
        matcher: &Matcher,
        context_s: i64,
        run: serde_json::Map<String, serde_json::Value>,
    ) -> io::Result<()> {
        self.unused.folders.clear();
        let path = self.path;
        let findings: Vec<Written<'_>> =
            case.findings.iter().map(|finding| written(finding, matcher)).collect();
        // Findings first: if the disk fills up later, the most important part is there.
        write_lines(&path.join("findings.jsonl"), &findings)?;
        write_lines(&path.join("problems.jsonl"), &case.problems)?;
        write_json(&path.join("coverage.json"), &coverage(case))?;
        let failure = self.failure.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
        failure.map_or(Ok(()), Err)?;
        let parts = self.parts.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
        write_records(&path.join(RECORDS), parts)?;
        let store = self.store;
        let sorted = self.spool.finish()?;
        let paths = self.paths.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
        let ((csv, json), store) = rayon::join(
            || {
                rayon::join(
                    || write_csv(&sorted, &paths, create(&path.join("timeline.csv"))?),
                    || write_timeline_and_suspicious(&path, &sorted, &paths, &findings, context_s),
                )
            },
            || store.map_or(Ok(()), |store| store.finish(case)),
        );
        csv.and(json).and(store)?;
        let mut summary = serde_json::Map::new();
        summary.insert("schema_version".into(), SCHEMA_VERSION.into());
        let set = matcher.set();
        summary.insert("verdict".into(), Judged::of(&case.findings).verdict().words().into());
        summary.insert("campaigns".into(), serde_json::to_value(by_campaign(&case.findings, set))?);
        summary.extend(run);
        write_json(&path.join("run.json"), &summary)
    }

    fn fail(&self, error: io::Error) {
        self.failure.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).get_or_insert(error);
    }
}

/// `timeline.jsonl` and the two files about findings, in one pass over the events.
fn write_timeline_and_suspicious(
    path: &Path,
    sorted: &super::spool::Sorted,
    paths: &Paths,
    findings: &[Written<'_>],
    context_s: i64,
) -> io::Result<()> {
    let mut timeline = create(&path.join("timeline.jsonl"))?;
    let json = create(&path.join("suspicious.jsonl"))?;
    let csv = create(&path.join("suspicious.csv"))?;
    let mut suspicious = Suspicious::new(findings, context_s, json, csv)?;
    let mut line = Vec::new();
    each_event(sorted, paths, |event| {
        line.clear();
        line.push(b'{');
        event.json_fields(&mut line)?;
        line.extend_from_slice(b"}\n");
        timeline.write_all(&line)?;
        suspicious.event(event)
    })?;
    let (mut json, _) = suspicious.finish()?;
    json.flush()?;
    timeline.flush()
}

/// Joins the tasks' parts into one file for each artifact, in the order of their files.
fn write_records(folder: &Path, parts: Parts) -> io::Result<()> {
    let mut by_artifact: BTreeMap<&'static str, Vec<Part>> = BTreeMap::new();
    for part in parts.into_values() {
        by_artifact.entry(part.artifact).or_default().push(part);
    }
    for (artifact, parts) in by_artifact {
        let path = folder.join(format!("{artifact}.jsonl"));
        let mut parts = parts.into_iter();
        let Some(first) = parts.next() else { continue };
        // The first part's file becomes the artifact's: most have no other.
        let mut out = match first.file {
            Some(file) => {
                let mut file = file.persist(&path).map_err(|error| error.error)?;
                io::Seek::seek(&mut file, io::SeekFrom::End(0))?;
                file
            }
            None => create_file(&path)?,
        };
        out.write_all(&first.bytes)?;
        for part in parts {
            if let Some(mut file) = part.file {
                io::Seek::rewind(&mut file)?;
                io::copy(&mut file, &mut out)?;
            }
            out.write_all(&part.bytes)?;
        }
    }
    Ok(())
}

#[derive(Serialize)]
struct CoverageFile<'a> {
    schema_version: u32,
    limits: &'a [String],
    artifacts: &'a [crate::scan::Coverage],
}

fn coverage(case: &Case) -> CoverageFile<'_> {
    CoverageFile { schema_version: SCHEMA_VERSION, limits: &case.device.limits, artifacts: &case.coverage }
}

impl Recorder for Folder {
    fn begin<'a>(&'a self, task: &Task) -> Box<dyn Journal + 'a> {
        let part = Part { artifact: task.artifact.id, bytes: Vec::new(), file: None };
        Box::new(TaskJournal {
            folder: self,
            task: task.clone(),
            part,
            events: Buffer::default(),
            payload: Vec::new(),
            own_path: None,
            head: Head::default(),
            observables: self.store.as_ref().map(|_| Collector::new(task.artifact, task.order)),
        })
    }
}

/// The records and events of one task on their way.
struct TaskJournal<'a> {
    folder: &'a Folder,
    task: Task,
    part: Part,
    events: Buffer,
    payload: Vec<u8>,
    /// Of the first event; the folder knows it too.
    own_path: Option<String>,
    head: Head,
    observables: Option<Collector>,
}

/// How a record's JSON begins, kept from record to record: only listings have another path each time.
#[derive(Default)]
struct Head {
    path: String,
    stored_as: String,
    json: Vec<u8>,
}

impl Head {
    fn of(&mut self, at: &Located<'_>) -> io::Result<&[u8]> {
        if self.json.is_empty() || self.path != at.path || self.stored_as != at.stored_as {
            self.path = at.path.to_owned();
            self.stored_as = at.stored_as.to_owned();
            self.json.clear();
            self.json.extend_from_slice(b"{\"path\":");
            serde_json::to_writer(&mut self.json, at.path)?;
            self.json.extend_from_slice(b",\"stored_as\":");
            serde_json::to_writer(&mut self.json, at.stored_as)?;
            self.json.extend_from_slice(b",\"where\":");
        }
        Ok(&self.json)
    }
}

impl TaskJournal<'_> {
    fn write(&mut self, record: &Record<'_>, at: &Located<'_>, sequence: u64, line: &Line) -> io::Result<()> {
        self.write_record(record, at)?;
        if let (Some(observables), Some(store)) = (&mut self.observables, &self.folder.store) {
            observables.record(store, record, at, sequence)?;
        }
        let mut encoded = false;
        for (index, (column, value)) in record.artifact.columns.iter().zip(record.values).enumerate() {
            let (Some(time), Some(_)) = (value.as_time(), column.moment) else { continue };
            if !encoded {
                let own = self.own_path.as_deref() == Some(at.path) || self.takes_path(at.path)?;
                let path = (!own).then_some(at.path);
                encode(&mut self.payload, path, record.place, &line.fill(record.values))?;
                encoded = true;
            }
            set_basis(&mut self.payload, column.basis(record.clock, time));
            let (artifact, file) = self.task.order;
            self.events.push((time.as_microsecond(), artifact, file, sequence, index as u16), &self.payload);
        }
        if self.events.is_full() {
            self.folder.spool.take(&mut self.events)?;
        }
        Ok(())
    }

    /// True for the first path, which becomes the task's own.
    fn takes_path(&mut self, path: &str) -> io::Result<bool> {
        if self.own_path.is_some() {
            return Ok(false);
        }
        let json = serde_json::to_string(path)?;
        let mut paths = self.folder.paths.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        paths.insert(self.task.order, (path.to_owned(), json));
        self.own_path = Some(path.to_owned());
        Ok(true)
    }

    fn write_record(&mut self, record: &Record<'_>, at: &Located<'_>) -> io::Result<()> {
        let bytes = &mut self.part.bytes;
        bytes.extend_from_slice(self.head.of(at)?);
        serde_json::to_writer(&mut *bytes, record.place)?;
        for (column, value) in record.artifact.columns.iter().zip(record.values) {
            if value.is_null() {
                continue;
            }
            // Column names are identifiers of ours and need no escaping.
            bytes.extend_from_slice(b",\"");
            bytes.extend_from_slice(column.name.as_bytes());
            bytes.extend_from_slice(b"\":");
            write_value(bytes, value)?;
        }
        bytes.extend_from_slice(b"}\n");
        let grown = bytes.len();
        if grown >= PART_BYTES || self.folder.in_memory.load(Ordering::Relaxed) >= PARTS_BYTES {
            self.spill()?;
        }
        Ok(())
    }

    fn spill(&mut self) -> io::Result<()> {
        let file = match &mut self.part.file {
            Some(file) => file,
            empty => empty.insert(NamedTempFile::new_in(self.folder.path.join(RECORDS))?),
        };
        file.write_all(&self.part.bytes)?;
        self.part.bytes.clear();
        Ok(())
    }

    fn done(&mut self) -> io::Result<()> {
        if self.part.file.is_some() {
            self.spill()?;
        }
        if let (Some(observables), Some(store)) = (self.observables.take(), &self.folder.store) {
            observables.finish(store)?;
        }
        self.folder.spool.take(&mut self.events)
    }
}

/// A value as JSON, just as it serialises; bytes take a short way, since their digits need no escaping and there may be many.
fn write_value(out: &mut Vec<u8>, value: &Value<'_>) -> io::Result<()> {
    match value {
        Value::Bytes(bytes) => {
            out.push(b'"');
            push_hex(out, bytes);
            out.push(b'"');
        }
        Value::Object(fields) => {
            let mut before = b'{';
            for (name, value) in fields {
                out.push(before);
                serde_json::to_writer(&mut *out, name)?;
                out.push(b':');
                write_value(out, value)?;
                before = b',';
            }
            out.extend_from_slice(if fields.is_empty() { b"{}" } else { b"}" });
        }
        other => serde_json::to_writer(out, other)?,
    }
    Ok(())
}

impl Journal for TaskJournal<'_> {
    fn record(&mut self, record: &Record<'_>, at: &Located<'_>, sequence: u64, line: &Line) {
        if let Err(error) = self.write(record, at, sequence, line) {
            self.folder.fail(error);
        }
    }

    fn finish(mut self: Box<Self>) {
        if let Err(error) = self.done() {
            self.folder.fail(error);
        }
        self.folder.in_memory.fetch_add(self.part.bytes.len() as u64, Ordering::Relaxed);
        if self.part.bytes.is_empty() && self.part.file.is_none() {
            return;
        }
        let mut parts = self.folder.parts.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let (artifact, file) = self.task.order;
        parts.insert((artifact, self.task.path, file), self.part);
    }
}

/// A folder that only its owner can read.
pub fn make_private(path: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

fn remove_if_there(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// A new file behind a large buffer.
pub(super) fn create(path: &Path) -> io::Result<BufWriter<File>> {
    Ok(BufWriter::with_capacity(1 << 20, create_file(path)?))
}

fn create_file(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Writes a text as a file of the folder.
pub fn write_text(path: &Path, text: &str) -> io::Result<()> {
    create_file(path)?.write_all(text.as_bytes())
}

fn write_lines<T: Serialize>(path: &Path, objects: &[T]) -> io::Result<()> {
    let mut out = create(path)?;
    for object in objects {
        serde_json::to_writer(&mut out, object)?;
        out.write_all(b"\n")?;
    }
    out.flush()
}

/// Written beside its place and then renamed: the file is whole or it is not there.
pub(super) fn write_json(path: &Path, value: &impl Serialize) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = NamedTempFile::new_in(folder)?;
    serde_json::to_writer_pretty(&mut file, value)?;
    file.write_all(b"\n")?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_they_serialise() {
        let object = |fields: Vec<(&'static str, Value<'static>)>| {
            Value::Object(fields.into_iter().map(|(name, value)| (name.into(), value)).collect())
        };
        let inner = object(vec![("\"x\"", Value::Bytes(b"\x00\xff"[..].into())), ("y", Value::Null)]);
        for value in [Value::Int(7), Value::Bytes(b""[..].into()), object(vec![]), object(vec![("o", inner)])]
        {
            let mut written = Vec::new();
            write_value(&mut written, &value).unwrap();
            assert_eq!(String::from_utf8(written).unwrap(), serde_json::to_string(&value).unwrap());
        }
    }
}
