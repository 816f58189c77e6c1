//! `scan`, and MVT's verbs for it.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::panics::Quiet;
use super::secrets::Given;
use super::{
    Failure, Format, IndicatorArguments, LevelArgument, LogDepth, ScanArguments, eprint, print, print_all,
    progress, width,
};
use crate::artifact;
use crate::finding::Level;
use crate::indicator::Matcher;
use crate::indicator::{self, IndicatorSet, Platform};
use crate::report::folder::{self, Folder};
use crate::report::results::Results;
use crate::report::{mvt, terminal, timesketch};
use crate::scan::{self, Case};
use crate::source::{self, System};

/// Environment variable with further indicator paths, as MVT has it.
const PATHS_VARIABLE: &str = "MVT_STIX2";

pub(super) fn run(arguments: &ScanArguments, default: &[Format], verbose: bool) -> Result<u8, Failure> {
    if arguments.list_modules {
        return list_artifacts();
    }
    let printed_form = match &arguments.format[..] {
        _ if arguments.output.is_some() => None,
        [] => None,
        [format] if format.form().is_some() => format.form(),
        _ => return Err(Failure::FormatWithoutFolder),
    };
    let started = Timestamp::now();
    threads(arguments.jobs)?;
    let options = scan::Options {
        only: artifacts_of(&arguments.module)?,
        exclude: artifacts_of(&arguments.exclude_module)?,
        max_memory: arguments.max_memory.saturating_mul(1 << 20),
        unified_log: match arguments.unified_log {
            LogDepth::Fast => scan::Depth::Fast,
            LogDepth::Full => scan::Depth::Full,
        },
        sweep: !arguments.no_sweep,
    };
    let set = indicators(&arguments.indicators, verbose)?;
    // The output folder first: a scan of an hour must not end at a folder that cannot be written.
    let formats = if arguments.format.is_empty() { default } else { &arguments.format };
    if let Some(output) = &arguments.output {
        arguments.paths.iter().try_for_each(|path| outside(output, path))?;
    }
    let output =
        arguments.output.as_deref().map(|path| Output::create(path, formats, arguments)).transpose()?;
    let secrets = Given::new(&arguments.secrets)?;
    let mut sources = Vec::new();
    for path in &arguments.paths {
        let source = source::open(path, &secrets, &source::Options { max_memory: options.max_memory })?;
        if verbose {
            eprint(&format!("recognised as: {}\n", terminal::safe(&source.describe())));
        }
        sources.push((name_of(path), source));
    }
    // Acquisitions of different systems are of different phones, which the scan says.
    let system = sources.first().map(|(_, source)| source.system()).unwrap_or_default();
    let matcher = Matcher::new(set, platform(system));
    let acquisitions: Vec<_> = sources
        .iter()
        .map(|(name, source)| scan::Acquisition { name: name.clone(), source: &**source })
        .collect();
    let progress = progress::of(arguments.progress);
    let recorder = output.as_ref().map(|output| &output.folder as &dyn scan::Recorder);
    let quiet = Quiet::new();
    let case = scan::scan(&acquisitions, &matcher, &options, recorder, &*progress)?;
    drop(quiet);
    progress.stage("writing");
    let status = status(&case, arguments);
    let written = output.map(|output| {
        let run = run_facts(&case, &matcher, arguments, started, status);
        output.finish(&case, &matcher, arguments, run)
    });
    drop(progress);
    // The report comes out even when the folder could not be written: nothing that was found is lost.
    let mut printed = Ok(());
    if let Some(form) = printed_form {
        printed = print_all(&results(&case, &matcher, arguments).write(form));
    } else if !arguments.quiet {
        let folder = arguments.output.as_deref().map(|path| path.display().to_string());
        let least = arguments.min_level.map_or(Level::Informational, Level::from);
        let width = width(std::io::stdout().is_terminal());
        printed = print_all(&terminal::report(&case, &matcher, width, folder.as_deref(), least));
    }
    written.unwrap_or(Ok(()))?;
    printed?;
    Ok(status)
}

/// Which indicators apply to a phone.
pub(super) fn platform(system: System) -> Platform {
    match system {
        System::Ios => Platform::Ios,
        System::Android => Platform::Android,
    }
}

/// The last part of a path, which tells several acquisitions apart.
fn name_of(path: &Path) -> String {
    let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    real.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// Prints what can be scanned.
pub(super) fn list_artifacts() -> Result<u8, Failure> {
    for artifact in artifact::all() {
        let module =
            mvt::module_of(artifact.id).map_or_else(String::new, |module| format!(" (MVT: {module})"));
        print(&format!("{:<28} {}{module}\n", artifact.id, artifact.title));
    }
    Ok(0)
}

fn threads(jobs: Option<u16>) -> Result<(), Failure> {
    let Some(jobs) = jobs.map(usize::from) else { return Ok(()) };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(jobs).build_global();
    pool.map_err(|error| Failure::Threads(jobs, error.to_string()))
}

/// Artifact ids for the names given, which may be MVT's.
fn artifacts_of(names: &[String]) -> Result<Vec<String>, Failure> {
    let mut ids = Vec::new();
    for name in names {
        let mut found: Vec<&str> = mvt::artifacts_of(name);
        found.extend(artifact::find(name).map(|artifact| artifact.id));
        if found.is_empty() {
            return Err(Failure::UnknownModule(name.clone()));
        }
        ids.extend(found.into_iter().map(str::to_owned));
    }
    Ok(ids)
}

/// The bundled sets, those of MVT if it is installed, those of the environment, and those given.
pub(super) fn indicators(arguments: &IndicatorArguments, verbose: bool) -> Result<IndicatorSet, Failure> {
    let mut paths = if arguments.no_bundled { Vec::new() } else { indicator::mvt_folders() };
    if !arguments.no_bundled {
        paths.extend(indicator::own_folder().filter(|folder| holds_sets(folder)));
    }
    paths.extend(
        std::env::var(PATHS_VARIABLE).ok().map(|value| indicator::from_env(&value)).unwrap_or_default(),
    );
    paths.extend(arguments.iocs.iter().cloned());
    let set = indicator::load(&paths, !arguments.no_bundled)?;
    if verbose {
        for skipped in &set.skipped {
            let place = if skipped.line > 0 { format!(" line {}", skipped.line) } else { String::new() };
            let what = format!("{}{place}: `{}` is not used: {}", skipped.file, skipped.what, skipped.why);
            eprint(&format!("{}\n", terminal::safe(&what)));
        }
    }
    Ok(set)
}

/// True if `indicators fetch` has stored something there; a download that failed may leave the folder empty.
fn holds_sets(folder: &Path) -> bool {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.path())
        .any(|path| path.extension().is_some_and(|ending| ending == "provenance"))
}

/// Refuses an output folder inside of what is read: evidence stays as it is.
pub(super) fn outside(output: &Path, read: &Path) -> Result<(), Failure> {
    let inside = || Failure::OutputInside { output: output.to_owned(), read: read.to_owned() };
    let real = real_path(output);
    // The backup may be found above the folder that was named.
    let in_backup = real
        .ancestors()
        .any(|folder| ["Manifest.db", "Manifest.mbdb"].iter().any(|name| folder.join(name).is_file()));
    if in_backup || real.starts_with(real_path(read)) {
        return Err(inside());
    }
    Ok(())
}

/// The path with links resolved, as far as it exists.
fn real_path(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let real = path.ancestors().find_map(|known| {
        let rest = path.strip_prefix(known).ok()?;
        Some(known.canonicalize().ok()?.join(rest))
    });
    // A trailing slash stays behind where nothing is left to join.
    real.unwrap_or(path).components().collect()
}

/// The folder asked for, and what is written into it.
struct Output {
    folder: Folder,
    /// Where hoofprint's own files are.
    own: PathBuf,
    /// The folder of these inside `root`, if nobody asked for them.
    temporary: Option<tempfile::TempDir>,
    root: PathBuf,
    formats: Vec<Format>,
}

impl Output {
    fn create(root: &Path, formats: &[Format], arguments: &ScanArguments) -> Result<Output, Failure> {
        let keeps_own = formats.contains(&Format::Hoofprint);
        let clobber = arguments.clobber;
        let folder = Folder::create(root, clobber)?;
        if keeps_own {
            let folder = if arguments.no_store { folder } else { folder.with_store() };
            let (own, formats) = (root.to_owned(), formats.to_vec());
            return Ok(Output { folder, own, temporary: None, root: root.to_owned(), formats });
        }
        // A name that nobody has: what is removed at the end is only what was made here.
        let temporary = tempfile::Builder::new().prefix("hoofprint-").tempdir_in(root);
        let temporary = temporary.map_err(|error| Failure::write(root, error))?;
        drop(folder);
        let own = temporary.path().to_owned();
        let folder = Folder::create(&own, clobber)?;
        let (root, formats) = (root.to_owned(), formats.to_vec());
        Ok(Output { folder, own, temporary: Some(temporary), root, formats })
    }

    fn finish(
        mut self,
        case: &Case,
        matcher: &Matcher,
        arguments: &ScanArguments,
        run: Map<String, Value>,
    ) -> Result<(), Failure> {
        let temporary = self.temporary.take();
        let written = self.write(case, matcher, arguments, run);
        match temporary {
            // What was written before the failure is better than nothing.
            Some(temporary) if written.is_err() => drop(temporary.keep()),
            _ => {}
        }
        written
    }

    fn write(
        self,
        case: &Case,
        matcher: &Matcher,
        arguments: &ScanArguments,
        run: Map<String, Value>,
    ) -> Result<(), Failure> {
        self.folder.finish(case, matcher, arguments.context, run)?;
        let failed = |error| Failure::write(&self.root, error);
        let alone = !self.formats.contains(&Format::Hoofprint);
        let results = results(case, matcher, arguments);
        for form in self.formats.iter().filter_map(|format| format.form()) {
            let path = self.root.join(form.file_name());
            folder::write_text(&path, &results.write(form)).map_err(failed)?;
        }
        for format in &self.formats {
            match format {
                Format::Hoofprint | Format::Json | Format::Sarif | Format::Junit | Format::Github => {}
                Format::Timesketch => timesketch::write(&self.own, &self.root).map_err(failed)?,
                Format::Mvt => {
                    let into = if alone { self.root.clone() } else { self.root.join("mvt") };
                    mvt::write(&self.own, &into).map_err(failed)?;
                }
            }
        }
        Ok(())
    }
}

/// What was found, for CI systems.
fn results(case: &Case, matcher: &Matcher, arguments: &ScanArguments) -> Results {
    let mut results = Results::new("scan", arguments.fail_on.map(Level::from));
    results.scanned(case, matcher);
    results
}

/// What `run.json` says of this run.
fn run_facts(
    case: &Case,
    matcher: &Matcher,
    arguments: &ScanArguments,
    started: Timestamp,
    status: u8,
) -> Map<String, Value> {
    let set = matcher.set();
    let mut levels: BTreeMap<&str, usize> = BTreeMap::new();
    for finding in &case.findings {
        *levels.entry(finding.level.name()).or_default() += 1;
    }
    let evidence: Vec<_> =
        arguments.paths.iter().flat_map(|path| source::evidence(path, arguments.hashes)).collect();
    let finished = Timestamp::now();
    let facts = json!({
        "tool": {"name": "hoofprint", "version": env!("CARGO_PKG_VERSION")},
        "started": crate::time::iso(started),
        "finished": crate::time::iso(finished),
        "arguments": {
            "paths": arguments.paths, "iocs": arguments.indicators.iocs, "bundled": !arguments.indicators.no_bundled,
            "modules": arguments.module, "excluded_modules": arguments.exclude_module,
            "context_s": arguments.context, "hashes": arguments.hashes,
        },
        "device": case.device,
        "acquisition": case.description,
        "files_listed": case.files,
        "bytes_read": case.bytes,
        "records": case.records,
        "findings": levels,
        "problems": case.problems.len(),
        "exit_status": status,
        "indicators": {"sets": set.sources, "not_used": set.skipped},
        "evidence": evidence,
    });
    match facts {
        Value::Object(facts) => facts,
        _ => Map::new(),
    }
}

fn status(case: &Case, arguments: &ScanArguments) -> u8 {
    failed_on(case, arguments.fail_on).unwrap_or(match arguments.strict && !case.problems.is_empty() {
        true => 20,
        false => 0,
    })
}

/// The exit status for findings at or above a level.
pub(super) fn failed_on(case: &Case, level: Option<LevelArgument>) -> Option<u8> {
    let worst = case.findings.iter().map(|finding| finding.level).max();
    level.filter(|level| worst >= Some(Level::from(*level))).map(|_| 10)
}

impl From<LevelArgument> for Level {
    fn from(level: LevelArgument) -> Level {
        match level {
            LevelArgument::Info => Level::Informational,
            LevelArgument::Low => Level::Low,
            LevelArgument::Medium => Level::Medium,
            LevelArgument::High => Level::High,
            LevelArgument::Critical => Level::Critical,
        }
    }
}
