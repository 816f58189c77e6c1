//! `indicators`: what is loaded and from where, what a value would match, and sets made from sets. One file a verb.

pub(super) mod build;
pub(super) mod convert;
pub(super) mod diff;
pub(super) mod explain;
#[cfg(feature = "update")]
pub(super) mod fetch;
pub(super) mod lint;
pub(super) mod list;
pub(super) mod show;
pub(super) mod stats;
pub(super) mod test;

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use clap::ValueEnum;
use serde::Serialize;

use super::{Failure, IndicatorsVerb, eprint, print_all};
use crate::indicator::{Counts, FileForm, Skipped};
use crate::report::terminal::safe;

/// How a verb answers.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// For people
    Text,
    /// One JSON object
    Json,
}

pub(super) fn run(verb: &IndicatorsVerb, verbose: bool) -> Result<u8, Failure> {
    match verb {
        IndicatorsVerb::Build(arguments) => build::run(arguments),
        IndicatorsVerb::Convert(arguments) => convert::run(arguments),
        IndicatorsVerb::Diff(arguments) => diff::run(arguments),
        IndicatorsVerb::Explain(arguments) => explain::run(arguments, verbose),
        #[cfg(feature = "update")]
        IndicatorsVerb::Fetch(arguments) => fetch::run(arguments),
        IndicatorsVerb::Lint(arguments) => lint::run(arguments),
        IndicatorsVerb::List(arguments) => list::run(arguments),
        IndicatorsVerb::Show(arguments) => show::run(arguments, verbose),
        IndicatorsVerb::Stats(arguments) => stats::run(arguments),
        IndicatorsVerb::Test(arguments) => test::run(arguments),
    }
}

/// The forms that a set can be written in.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FormArgument {
    /// A STIX 2.1 bundle (.stix2, .json)
    Stix,
    /// A table (.csv)
    Csv,
    /// One value a line and nothing else; into a folder, one file for each kind
    List,
    /// MISP events (.misp.json)
    Misp,
    /// Our own form (.txt)
    Catalogue,
}

impl From<FormArgument> for FileForm {
    fn from(argument: FormArgument) -> FileForm {
        match argument {
            FormArgument::Stix => FileForm::Stix,
            FormArgument::Csv => FileForm::Csv,
            FormArgument::List => FileForm::List,
            FormArgument::Misp => FileForm::Misp,
            FormArgument::Catalogue => FileForm::Catalogue,
        }
    }
}

/// The form asked for, else that of the file's ending.
fn form_of(asked: Option<FormArgument>, output: Option<&Path>) -> Option<FileForm> {
    asked.map(FileForm::from).or_else(|| FileForm::of_path(output?))
}

fn tell_skipped(skipped: &[Skipped]) {
    for skipped in skipped {
        let line = format!("{}:{}: {}: {}", skipped.file, skipped.line, skipped.what, skipped.why);
        eprint(&format!("not in the output: {}\n", safe(&line)));
    }
}

/// Writes a file in one step: whoever reads it meanwhile sees the old content or the new.
fn write_file(path: &Path, content: &[u8]) -> Result<(), Failure> {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let write = || {
        // A device or pipe cannot be replaced.
        if path.exists() && !path.is_file() {
            return std::fs::OpenOptions::new().write(true).open(path)?.write_all(content);
        }
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(content)?;
        make_readable(file.as_file())?;
        file.persist(path).map(drop).map_err(|error| error.error)
    };
    write().map_err(|error| Failure::write(path, error))
}

/// Indicators are no secret, unlike most temporary files.
#[cfg(unix)]
fn make_readable(file: &std::fs::File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn make_readable(_: &std::fs::File) -> std::io::Result<()> {
    Ok(())
}

/// Prints an object as JSON with a final line end.
fn print_json(object: &impl Serialize) -> Result<(), Failure> {
    let mut text = serde_json::to_string_pretty(object).map_err(|error| Failure::Print(error.into()))?;
    text.push('\n');
    print_all(&text)
}

/// `3 domain, 1 ip`
fn counted(counts: &Counts) -> String {
    let parts: Vec<String> = counts.iter().map(|(word, count)| format!("{count} {word}")).collect();
    parts.join(", ")
}

/// ` (2 years old)` for a date; empty where it is none.
fn age(date: &str) -> String {
    let Ok(date) = date.parse::<jiff::civil::Date>() else { return String::new() };
    let today = jiff::tz::TimeZone::UTC.to_datetime(jiff::Timestamp::now()).date();
    let days = today.duration_since(date).as_hours() / 24;
    let mut text = String::new();
    let _ = match days {
        ..0 => Ok(()),
        0..60 => write!(text, " ({days} days old)"),
        60..730 => write!(text, " ({} months old)", days / 30),
        _ => write!(text, " ({} years old)", days / 365),
    };
    text
}
