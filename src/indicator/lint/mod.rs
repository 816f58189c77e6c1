//! The linter: what is wrong or doubtful in indicator files, where, and how to mend it.
//!
//! Files are read by the readers of a scan, which keep what they saw ([`super::journal`]); each group of checks is a file here, and
//! [`rules`] is the table of all of them. Words for the terminal and for CI systems are made elsewhere.

mod addresses;
mod digests;
mod file;
mod fix;
mod hosts;
mod index;
mod lists;
mod names;
mod objects;
pub mod rules;
mod sets;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use super::journal::Span;
use super::load::{self, LoadError};
use super::{Ioc, LoadError as Error};
use file::{File, Value};
pub use fix::{Fixed, fix};
pub use rules::{Rule, Severity};

/// Lints of one file that are kept; a file past this is beyond single lints.
const MAX_LINTS: usize = 1_000_000;

/// What a check found in one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lint {
    pub rule: &'static Rule,
    /// The rule's own, unless this case is graver or milder.
    pub severity: Severity,
    pub file: Arc<str>,
    /// Counted from 1.
    pub line: u32,
    /// In characters, counted from 1.
    pub column: u32,
    pub ioc: Option<Ioc>,
    /// The value, pattern or id; empty where the file is meant.
    pub value: String,
    /// Id of the STIX object; mostly empty.
    pub object: String,
    pub message: String,
    pub mend: Option<Mend>,
}

/// How to mend it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mend {
    /// A request such as ``write `evil.example` ``.
    pub text: String,
    /// Only where it changes nothing of what a scan makes of the file.
    pub edit: Option<Edit>,
}

/// A replacement in the decoded text of a file, in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    pub start: usize,
    pub end: usize,
    pub replacement: String,
}

impl Mend {
    fn told(text: impl Into<String>) -> Mend {
        Mend { text: text.into(), edit: None }
    }

    fn edit(text: impl Into<String>, span: Span, replacement: &str) -> Mend {
        let edit = Edit { start: span.start, end: span.end, replacement: replacement.to_owned() };
        Mend { text: text.into(), edit: Some(edit) }
    }
}

/// What a file is held against beside itself.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Expired is what ended before.
    pub now: Timestamp,
    /// Popular names with their rank, beside the built-in ones.
    pub popular: HashMap<String, u32>,
    /// The values of an earlier version of the files.
    pub previous: Option<Vec<(Ioc, String)>>,
    /// Values that clean phones hold.
    pub clean: Option<Vec<(Ioc, String)>>,
}

/// Everything that was found, in the order of files and lines.
#[derive(Clone, Debug, Default)]
pub struct Report {
    pub lints: Vec<Lint>,
    /// The files that were read, in order.
    pub files: Vec<String>,
    /// Values in them, duplicates counted.
    pub values: usize,
}

/// Checks files and folders. The same input gives the same report.
///
/// # Errors
/// Where a path given cannot be read, or a folder holds no file with indicators.
pub fn lint(paths: &[PathBuf], options: &Options) -> Result<Report, Error> {
    let mut read = Vec::new();
    let mut lints = Vec::new();
    let all = files_of(paths)?;
    for path in &all {
        let bytes = load::bytes_of(path)?;
        let text = load::decoded(&bytes).into_owned();
        if index::is_index(path) {
            index::check(path, &text, &all, &mut lints);
            continue;
        }
        let file = File::read(&path.display().to_string(), text);
        if file.text.contains('\u{fffd}') && std::str::from_utf8(&bytes).is_err() {
            let message = "not wholly UTF-8; what could not be read is shown as \u{fffd}";
            Sink { file: &file, out: &mut lints }.on_line(&rules::UNSOUND, 0, "", message, None);
        }
        read.push(file);
    }
    lints.extend(lint_files(&read, options));
    sort(&mut lints);
    let files = all.iter().map(|path| path.display().to_string()).collect();
    Ok(Report { lints, files, values: read.iter().map(|file| file.values.len()).sum() })
}

/// The values of files and folders in the form in which two spellings are one, for [`Options::previous`] and [`Options::clean`].
///
/// # Errors
/// Where a path cannot be read.
pub fn values(paths: &[PathBuf]) -> Result<Vec<(Ioc, String)>, LoadError> {
    let mut values = Vec::new();
    for path in files_of(paths)? {
        let text = load::decoded(&load::bytes_of(&path)?).into_owned();
        let file = File::read(&path.display().to_string(), text);
        values.extend(file.values.iter().filter_map(Value::identity));
    }
    Ok(values)
}

/// A list of popular names: `rank,name` as Tranco publishes it, or one name a line in the order of their ranks.
///
/// # Errors
/// Where the file cannot be read or is larger than 256 MiB.
pub fn popular(path: &Path) -> Result<HashMap<String, u32>, LoadError> {
    let bytes = load::bytes_of(path)?;
    let text = load::decoded(&bytes);
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut ranks = HashMap::new();
    for (line, number) in lines.zip(1_u32..) {
        let (rank, name) = match line.split_once(',') {
            Some((rank, name)) => (rank.trim().parse().unwrap_or(number), name.trim()),
            None => (number, line),
        };
        ranks.entry(name.to_ascii_lowercase()).or_insert(rank);
    }
    Ok(ranks)
}

/// The files given, and those of the folders given, each once.
fn files_of(paths: &[PathBuf]) -> Result<Vec<PathBuf>, LoadError> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let before = files.len();
        let walk = walkdir::WalkDir::new(path).max_depth(load::MAX_FOLDER_DEPTH).sort_by_file_name();
        for entry in walk.into_iter().take(load::MAX_FOLDER_ENTRIES) {
            let entry = entry.map_err(|error| {
                LoadError::new(path, error.to_string(), "check that the folder may be read")
            })?;
            if entry.file_type().is_file() && load::is_wanted(entry.path()) {
                files.push(entry.into_path());
            }
        }
        if files.len() == before {
            let hint = "give a folder with *.stix2, *.json, *.csv, *.yaml or *.txt files";
            return Err(LoadError::new(path, "no file with indicators in the folder", hint));
        }
    }
    let mut seen = std::collections::HashSet::new();
    files.retain(|file| seen.insert(file.clone()));
    Ok(files)
}

fn lint_files(files: &[File], options: &Options) -> Vec<Lint> {
    let mut lints = Vec::new();
    for file in files {
        let mut sink = Sink { file, out: &mut lints };
        objects::check(options, &mut sink);
        objects::contradictions(&mut sink);
        for value in &file.values {
            check_value(value, options, &mut sink);
        }
    }
    sets::check(files, options, &mut lints);
    sort(&mut lints);
    lints
}

fn check_value(value: &Value, options: &Options, out: &mut Sink<'_>) {
    let before = out.out.len();
    hosts::check(value, options, out);
    addresses::check(value, out);
    names::check(value, out);
    digests::check(value, out);
    let refused = super::intake::corrected(value.ioc, value.text.trim()).err();
    let is_told = out.out.iter().skip(before).any(|lint| lint.severity == Severity::Error);
    if let Some(why) = refused.filter(|_| !is_told) {
        let message = format!("not used by a scan: {why}");
        out.graver(&rules::UNSUPPORTED, Severity::Error, value, message, None);
    }
}

fn sort(lints: &mut [Lint]) {
    lints.sort_by(|one, other| {
        let key = |lint: &Lint| (lint.file.clone(), lint.line, lint.column, lint.rule.id);
        key(one)
            .cmp(&key(other))
            .then_with(|| (&one.value, &one.message).cmp(&(&other.value, &other.message)))
    });
}

/// Where checks put what they find in a file.
struct Sink<'a> {
    file: &'a File,
    out: &'a mut Vec<Lint>,
}

impl Sink<'_> {
    /// About a value.
    fn add(&mut self, rule: &'static Rule, value: &Value, message: impl Into<String>, mend: Option<Mend>) {
        self.graver(rule, rule.severity, value, message, mend);
    }

    /// About a value, with another severity than the rule's own.
    fn graver(
        &mut self,
        rule: &'static Rule,
        severity: Severity,
        value: &Value,
        message: impl Into<String>,
        mend: Option<Mend>,
    ) {
        let (line, column) = value.span.map_or((value.line, 1), |span| self.file.position(span.start));
        let object = self.file.object(value).map_or(String::new(), |object| object.id.to_string());
        let text = value.text.trim().to_owned();
        self.push(rule, severity, (line, column), Some(value.ioc), text, object, message.into(), mend);
    }

    /// About a part of the text.
    fn at(
        &mut self,
        rule: &'static Rule,
        span: Span,
        value: &str,
        message: impl Into<String>,
        mend: Option<Mend>,
    ) {
        let place = self.file.position(span.start);
        let object = if value.contains("--") { value.to_owned() } else { String::new() };
        self.push(rule, rule.severity, place, None, value.to_owned(), object, message.into(), mend);
    }

    /// About a line, or with 0 about the file.
    fn on_line(
        &mut self,
        rule: &'static Rule,
        line: u32,
        value: &str,
        message: impl Into<String>,
        mend: Option<Mend>,
    ) {
        let place = (line.max(1), 1);
        self.push(rule, rule.severity, place, None, value.to_owned(), String::new(), message.into(), mend);
    }

    #[expect(clippy::too_many_arguments, reason = "the one place where a lint is made of its parts")]
    fn push(
        &mut self,
        rule: &'static Rule,
        severity: Severity,
        (line, column): (u32, u32),
        ioc: Option<Ioc>,
        value: String,
        object: String,
        message: String,
        mend: Option<Mend>,
    ) {
        let file = self.file.name.clone();
        let mend = mend.map(|mend| if self.file.is_mendable { mend } else { Mend::told(mend.text) });
        if self.out.len() < MAX_LINTS {
            self.out.push(Lint { rule, severity, file, line, column, ioc, value, object, message, mend });
        } else if self.out.len() == MAX_LINTS {
            self.out.push(Lint {
                rule: &rules::UNREADABLE,
                severity: Severity::Error,
                file,
                line: 1,
                column: 1,
                ioc: None,
                value: String::new(),
                object: String::new(),
                message: "more than a million lints; the rest is not told".to_owned(),
                mend: None,
            });
        }
    }
}

/// The replacement of a value as it stands in the file, if it stands there as it is.
fn edit_of(value: &Value, canonical: &str, file: &File) -> Mend {
    let text = format!("write `{canonical}`");
    match value.span.filter(|span| span.text(&file.text) == value.text) {
        Some(span) => Mend::edit(text, span, canonical),
        None => Mend::told(text),
    }
}

/// Says where a value differs from its canonical form, blanks included.
fn canonical_spelling(value: &Value, canonical: &str, out: &mut Sink<'_>) {
    if value.text != canonical && !canonical.is_empty() {
        let message = format!("`{}` is compared as `{canonical}`", value.text);
        let mend = edit_of(value, canonical, out.file);
        out.add(&rules::SPELLING, value, message, Some(mend));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn options() -> Options {
        Options { now: "2026-01-01T00:00:00Z".parse().unwrap(), ..Options::default() }
    }

    pub(super) fn linted(name: &str, text: &str) -> Vec<Lint> {
        lint_files(&[File::read(name, text.to_owned())], &options())
    }

    /// The rules that fired, each once.
    pub(super) fn ids(lints: &[Lint]) -> Vec<&'static str> {
        let mut ids: Vec<_> = lints.iter().map(|lint| lint.rule.id).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// Lists of one value and the rules that fire.
    pub(super) fn cases(name: &str, cases: &[(&str, &str)]) {
        for (value, expected) in cases {
            assert_eq!(ids(&linted(name, value)).join(" "), *expected, "{value}");
        }
    }

    pub(super) fn indicator(id: &str, pattern: &str) -> String {
        let pattern = serde_json::to_string(pattern).unwrap();
        format!(
            "{{\"type\":\"indicator\",\"spec_version\":\"2.1\",\"id\":\"indicator--{id}\",\"created\":\"2024-01-01T00:00:00Z\",\
             \"modified\":\"2024-01-01T00:00:00Z\",\"confidence\":80,\"pattern\":{pattern},\"pattern_type\":\"stix\",\
             \"valid_from\":\"2024-02-01T00:00:00Z\"}}"
        )
    }

    /// A bundle in which the first indicator has a campaign.
    pub(super) fn bundle(objects: &[&str]) -> String {
        const MALWARE: &str = "{\"type\":\"malware\",\"spec_version\":\"2.1\",\"id\":\"malware--1\",\"name\":\"Spy\",\
            \"description\":\"about it\",\"created\":\"2024-01-01T00:00:00Z\",\"modified\":\"2024-01-01T00:00:00Z\",\"is_family\":false}";
        const LINK: &str = "{\"type\":\"relationship\",\"spec_version\":\"2.1\",\"id\":\"relationship--1\",\
            \"created\":\"2024-01-01T00:00:00Z\",\"modified\":\"2024-01-01T00:00:00Z\",\"relationship_type\":\"indicates\",\
            \"source_ref\":\"indicator--1\",\"target_ref\":\"malware--1\"}";
        let all: Vec<&str> = [MALWARE, LINK].into_iter().chain(objects.iter().copied()).collect();
        format!("{{\"type\":\"bundle\",\"id\":\"bundle--1\",\"objects\":[\n{}\n]}}", all.join(",\n"))
    }

    /// The rules that fire for a bundle of one pattern.
    pub(super) fn stix(pattern: &str) -> String {
        ids(&linted("x.stix2", &bundle(&[&indicator("1", pattern)]))).join(" ")
    }

    #[test]
    fn the_same_input_gives_the_same_lints() {
        let text = "google.com\nwww.evil.lab\n\nco.uk\nEvil.xyz\ngoogle.com\n";
        let lints = linted("domains.txt", text);
        assert_eq!(lints, linted("domains.txt", text));
        assert!(lints.is_sorted_by_key(|lint| (lint.line, lint.column)));
    }

    /// What is known against the bundled sets: published slips that are kept as they are, with how many there are of each.
    const BUNDLED: &[(&str, Severity, usize)] = &[
        // `despachosnegocios`.
        ("IND011", Severity::Error, 1),
        // `amazing.lab` and `peticaonline.comv`.
        ("IND012", Severity::Warning, 2),
        // Three names with a Latin alpha.
        ("IND016", Severity::Warning, 3),
        ("IND017", Severity::Note, 138),
        ("IND018", Severity::Note, 826),
        // `bark.us`, also with `www.`, and `mobile-tracker-free.com`.
        ("IND020", Severity::Error, 3),
        ("IND021", Severity::Warning, 141),
        ("IND022", Severity::Warning, 2),
        ("IND023", Severity::Note, 97),
        // Twelve of Cloudflare, two of AWS.
        ("IND031", Severity::Warning, 14),
        // `bh`.
        ("IND040", Severity::Error, 1),
        ("IND040", Severity::Warning, 6),
        // `BackupAgent` and `gatekeeperd`.
        ("IND041", Severity::Warning, 2),
        ("IND042", Severity::Warning, 12),
        // `com.apple.rapports.events`.
        ("IND043", Severity::Warning, 1),
        // `payload` and `updaterd`.
        ("IND044", Severity::Warning, 2),
        ("IND050", Severity::Warning, 1),
        ("IND051", Severity::Warning, 4),
        // Three pairs of Predator's, seven of Coruna's.
        ("IND052", Severity::Note, 10),
        // `com.apple.photolibraryd.plist`.
        ("IND053", Severity::Warning, 1),
        // Every published address.
        ("IND071", Severity::Note, 65),
        ("IND072", Severity::Warning, 75),
        ("IND081", Severity::Note, 12),
        ("IND083", Severity::Note, 9),
    ];

    #[test]
    fn the_bundled_sets_have_just_the_known_flaws() {
        let read =
            |(name, text): &(&str, &str)| File::read(&format!("indicators/{name}.txt"), (*text).to_owned());
        let files: Vec<File> = super::super::catalogue::BUNDLED.iter().map(read).collect();
        assert!(files.iter().all(|file| file.journal.told.is_empty() && !file.is_stix));
        let mut counts = std::collections::BTreeMap::new();
        for lint in lint_files(&files, &options()) {
            *counts.entry((lint.rule.id, std::cmp::Reverse(lint.severity))).or_insert(0) += 1;
        }
        let counts: Vec<_> =
            counts.into_iter().map(|((id, severity), count)| (id, severity.0, count)).collect();
        assert_eq!(counts, BUNDLED);
    }

    #[test]
    fn popular_lists_are_read_with_and_without_ranks() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("top.csv");
        #[expect(clippy::disallowed_methods, reason = "the test writes the list that is read")]
        std::fs::write(&path, "5,One.xyz\r\n20000,two.xyz\nthree.xyz\n").unwrap();
        let popular = popular(&path).unwrap();
        assert_eq!((popular["one.xyz"], popular["two.xyz"], popular["three.xyz"]), (5, 20000, 3));
        let options = Options { popular, ..options() };
        let lints = lint_files(&[File::read("domains.txt", "one.xyz\ntwo.xyz\nfour.xyz\n".into())], &options);
        let found: Vec<_> = lints.iter().map(|lint| (lint.line, lint.severity)).collect();
        assert_eq!(found, [(1, Severity::Error), (2, Severity::Warning)]);
    }

    #[test]
    fn cut_and_flipped_files_do_not_panic() {
        let stix = bundle(&[&indicator("1", "[domain-name:value='Evil.xyz' OR ipv4-addr:value='10.0.0.1']")]);
        let own = "campaign: X\n[domain]\nÉvil.xyz. | note=x\n[file-hash]\nABCD\n".to_owned();
        for (name, text) in [("x.json", stix), ("own.txt", own)] {
            for end in (0..text.len()).step_by(7) {
                let mut bytes = text.clone().into_bytes();
                bytes[end] ^= 1;
                for damaged in
                    [String::from_utf8_lossy(&bytes), String::from_utf8_lossy(&text.as_bytes()[..end])]
                {
                    fix::mended(name, &damaged, &options());
                }
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_linter_panic(text in "([a-zA-Z.:/ |=#\\[\\]{}\",@0-9é-]|\\n|- name:|\\[domain\\]){0,60}") {
            fix::mended("x.txt", &text, &options());
            fix::mended("domains.txt", &text, &options());
            fix::mended("x.csv", &text, &options());
        }
    }
}
