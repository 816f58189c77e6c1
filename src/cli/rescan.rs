//! `rescan`: an earlier scan, or thousands of them, against other indicators, without the phone.

use std::collections::BTreeSet;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rayon::prelude::*;
use serde_json::{Map, Value, json};

use super::scan::{failed_on, indicators, outside, platform};
use super::{Failure, RescanArguments, print_all, width};
use crate::finding::Level;
use crate::indicator::{IndicatorSet, Matcher};
use crate::report::folder::Folder;
use crate::report::results::Results;
use crate::report::stores::{self, Totals};
use crate::report::{mvt, store, terminal};
use crate::scan::{self, Case};
use crate::source::{Device, System};

/// Stores matched at the same time, whose results wait for their turn to be printed.
const STORES_AT_ONCE: usize = 64;

pub(super) fn run(arguments: &RescanArguments, verbose: bool) -> Result<u8, Failure> {
    match &arguments.paths[..] {
        [folder] if !arguments.store && folder.join("records").is_dir() => {
            records(folder, arguments, verbose)
        }
        _ => of_stores(arguments, verbose),
    }
}

/// The records of one scan: as a scan would judge them, with the rules.
fn records(folder: &Path, arguments: &RescanArguments, verbose: bool) -> Result<u8, Failure> {
    if let Some(output) = &arguments.output {
        outside(output, folder)?;
    }
    let set = indicators(&arguments.indicators, verbose)?;
    let output =
        arguments.output.as_deref().map(|path| Folder::create(path, arguments.clobber)).transpose()?;
    let (case, matcher) = again(folder, set)?;
    if let Some(output) = output {
        let facts = json!({"rechecked": folder, "indicators": {"sets": matcher.set().sources}});
        let facts = facts.as_object().cloned().unwrap_or_else(Map::<String, Value>::new);
        output.finish(&case, &matcher, 300, facts)?;
    }
    let text = match arguments.format.form() {
        Some(form) => {
            let mut results = Results::new("rescan", arguments.fail_on.map(Level::from));
            results.scanned(&case, &matcher);
            results.write(form)
        }
        None => {
            terminal::report(&case, &matcher, width(io::stdout().is_terminal()), None, Level::Informational)
        }
    };
    print_all(&text)?;
    let unread = arguments.strict && !case.problems.is_empty();
    Ok(failed_on(&case, arguments.fail_on).unwrap_or(if unread { 20 } else { 0 }))
}

/// The records in the output folder of a scan, matched and judged with another set.
pub(super) fn again(folder: &Path, set: IndicatorSet) -> Result<(Case, Matcher), Failure> {
    let records = folder.join("records");
    if !records.is_dir() {
        return Err(Failure::NotAnOutput(folder.to_owned()));
    }
    let device = scanned_device(folder);
    let matcher = Matcher::new(set, platform(device.system));
    let description = format!("records of an earlier scan in {}", folder.display());
    let case = scan::recheck(
        &|artifact, each| {
            let path = records.join(format!("{}.jsonl", artifact.id));
            let read = mvt::lines(&path, |object| {
                each(object);
                Ok(())
            });
            match read {
                Ok(()) => Ok(true),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
                Err(error) => Err(error),
            }
        },
        &matcher,
        device,
        description,
    );
    Ok((case, matcher))
}

/// The stores that were asked for; the matcher of each system is built once.
fn of_stores(arguments: &RescanArguments, verbose: bool) -> Result<u8, Failure> {
    if arguments.output.is_some() {
        return Err(Failure::FolderForStores);
    }
    let mut seen = BTreeSet::new();
    let mut paths: Vec<PathBuf> = Vec::new();
    for path in &arguments.paths {
        let found = store::find(path).map_err(|error| Failure::read(path, error))?;
        if found.is_empty() {
            return Err(Failure::NotAnOutput(path.clone()));
        }
        paths.extend(found.into_iter().filter(|path| seen.insert(path.clone())));
    }
    let matchers = Matchers::new(indicators(&arguments.indicators, verbose)?);
    let form = arguments.format.form();
    let mut results = Results::new("rescan", arguments.fail_on.map(Level::from));
    let mut totals = Totals::default();
    let (mut status, mut read, mut whole) = (0, 0, true);
    for paths in paths.chunks(STORES_AT_ONCE) {
        let checked: Vec<_> =
            paths.par_iter().map(|path| store::read(path, &|system| matchers.of(system))).collect();
        for (path, checked) in paths.iter().zip(checked) {
            let name = path.display().to_string();
            let text = match checked {
                Ok(checked) => {
                    read += 1;
                    whole &= checked.case.problems.is_empty();
                    status = failed_on(&checked.case, arguments.fail_on).unwrap_or(status);
                    results.store(&checked.case, checked.matcher, &name);
                    stores::report(&name, &checked, &mut totals)
                }
                Err(error) => {
                    whole = false;
                    results.unread(&name, error.to_string());
                    stores::unread(&name, &error.to_string(), &mut totals)
                }
            };
            if form.is_none() {
                print_all(&text)?;
            }
        }
    }
    match (form, &paths[..]) {
        (_, [path]) if read == 0 => return Err(Failure::NotAnOutput(path.clone())),
        (Some(form), _) => print_all(&results.write(form))?,
        (None, _) => print_all(&totals.summary())?,
    }
    Ok(if status == 0 && arguments.strict && !whole { 20 } else { status })
}

/// The indicators, made ready for a system when its first store comes.
struct Matchers {
    set: IndicatorSet,
    ios: OnceLock<Matcher>,
    android: OnceLock<Matcher>,
}

impl Matchers {
    fn new(set: IndicatorSet) -> Matchers {
        Matchers { set, ios: OnceLock::new(), android: OnceLock::new() }
    }

    fn of(&self, system: System) -> &Matcher {
        let matcher = match system {
            System::Ios => &self.ios,
            System::Android => &self.android,
        };
        matcher.get_or_init(|| Matcher::new(self.set.clone(), platform(system)))
    }
}

/// What the earlier scan said of the phone: its system and its clock.
fn scanned_device(folder: &Path) -> Device {
    let run = std::fs::read_to_string(folder.join("run.json")).unwrap_or_default();
    let run: Value = serde_json::from_str(&run).unwrap_or_default();
    run.get("device").map(scan::store::device_of).unwrap_or_default()
}
