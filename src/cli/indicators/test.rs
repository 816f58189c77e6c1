//! `indicators test`: given and expected, harmless values, and what a set would change in earlier scans.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::lint::{CiFormat, SeverityArgument};
use crate::cli::panics::Quiet;
use crate::cli::{Failure, IndicatorArguments, eprint, print_all, rescan};
use crate::indicator::benign::{self, Corpus};
use crate::indicator::lint::{Rule, Severity};
use crate::indicator::{self, IndicatorSet, Strength};
use crate::report::against::{self, Fate};
use crate::report::ci::{self, Entry, Outcome, Run};
use crate::report::terminal::safe;
use crate::report::{finding, mvt};
use crate::scan::expect::{self, Bench, rules};
use crate::source::{self, Secrets, Source};

/// The exit status where something as grave as `--fail-on` was found.
const FOUND: u8 = 10;

#[derive(Args, Debug)]
pub(in crate::cli) struct Arguments {
    /// Tests (`*.toml`), and indicator files or folders to test; the tests `x.test.toml` beside a set `x.stix2` are found by themselves
    #[arg(required_unless_present = "rules", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Print every id with its severity and meaning, and end
    #[arg(long)]
    rules: bool,
    #[command(flatten)]
    indicators: IndicatorArguments,
    /// Leave out the harmless values that come with the program
    #[arg(long, help_heading = "Compared with")]
    no_corpus: bool,
    /// Further harmless values, a `[KIND]` or `[KIND PLATFORM]` above each group, one a line (repeatable)
    #[arg(long, value_name = "FILE", help_heading = "Compared with")]
    corpus: Vec<PathBuf>,
    /// The output folder of an earlier scan: tells what the sets, beside the bundled ones, would change in it (repeatable)
    #[arg(long, value_name = "DIR", help_heading = "Compared with")]
    against: Vec<PathBuf>,
    /// For people, or for the CI system that reads it
    #[arg(long, value_enum, default_value = "text", value_name = "FORMAT", help_heading = "Output")]
    format: CiFormat,
    /// End with status 10 if there is something of this severity or above
    #[arg(long, value_enum, default_value = "error", value_name = "SEVERITY", help_heading = "Exit status")]
    fail_on: SeverityArgument,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8, Failure> {
    if arguments.rules {
        print_all(&table())?;
        return Ok(0);
    }
    let (tests, mut sets) = sorted(&arguments.files);
    sets.extend(arguments.indicators.iocs.iter().cloned());
    let mut told = Told::default();
    let mut named = Vec::new();
    for path in &tests {
        named.extend(run_tests(path, &sets, &mut told)?);
    }
    sets.extend(named);
    let sets = distinct(sets);
    run_corpus(arguments, &sets, &mut told)?;
    for folder in &arguments.against {
        run_against(arguments, folder, &sets, &mut told)?;
    }
    let fails_from = match arguments.fail_on {
        SeverityArgument::Never => None,
        SeverityArgument::Note => Some(Severity::Note),
        SeverityArgument::Warning => Some(Severity::Warning),
        SeverityArgument::Error => Some(Severity::Error),
    };
    match arguments.format {
        CiFormat::Text => print_all(&(told.listing() + &told.summary()))?,
        format => {
            print_all(&told.for_machines(format, fails_from))?;
            eprint(&told.summary());
        }
    }
    let fails = fails_from.is_some_and(|from| told.entries.iter().any(|entry| entry.outcome >= Some(from)));
    Ok(if fails { FOUND } else { 0 })
}

fn table() -> String {
    let line = |rule: &&Rule| {
        let Rule { id, severity, title, explanation } = rule;
        format!("{id}  {:<7}  {title}\n    {explanation}\n", severity.word())
    };
    rules::RULES.iter().map(line).collect()
}

/// Files of tests, with those that lie beside a set, and sets.
fn sorted(files: &[PathBuf]) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let is_tests =
        |path: &Path| path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml"));
    let (mut tests, sets): (Vec<PathBuf>, Vec<PathBuf>) =
        files.iter().cloned().partition(|path| is_tests(path) && !path.is_dir());
    for set in &sets {
        let beside = set.with_extension("test.toml");
        if set.is_file() && beside.is_file() && !tests.contains(&beside) {
            tests.push(beside);
        }
    }
    (tests, sets)
}

/// Each file once, however it is written: a set that is loaded twice finds everything twice.
fn distinct(paths: Vec<PathBuf>) -> Vec<PathBuf> {
    let mut seen = HashSet::new();
    let is_new = |path: &PathBuf| seen.insert(path.canonicalize().unwrap_or_else(|_| path.clone()));
    paths.into_iter().filter(is_new).collect()
}

/// Runs a file of tests against the sets it names, which are returned, and those given; against the bundled ones if there are neither.
fn run_tests(path: &Path, given: &[PathBuf], told: &mut Told) -> Result<Vec<PathBuf>, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| Failure::read(path, error))?;
    let file = path.display().to_string();
    let tests = expect::read(&text);
    for flaw in &tests.flaws {
        told.add(&rules::UNUSABLE, Some(Severity::Error), &file, Some(flaw.at), &flaw.message, "");
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    let named: Vec<PathBuf> = tests.sets.iter().map(|set| folder.join(set)).collect();
    let wanted = distinct(given.iter().chain(&named).cloned().collect());
    let set = indicator::load(&wanted, wanted.is_empty())?;
    let open = |path: &str, password: Option<&str>| open(&folder.join(path), password);
    let mut bench = Bench::new(&set, &open);
    let _quiet = Quiet::new();
    for test in &tests.tests {
        let judged = bench.judge(test);
        told.tests += 1;
        told.failed += usize::from(judged.faults.iter().any(|fault| fault.rule.severity == Severity::Error));
        if judged.faults.is_empty() {
            told.add(&PASSED, None, &file, Some(judged.at), "", &judged.name);
        }
        for fault in &judged.faults {
            let message = format!("{}: {}", judged.name, fault.message);
            told.add(fault.rule, Some(fault.rule.severity), &file, Some(fault.at), &message, &judged.name);
        }
    }
    if let Some(at) = tests.every_indicator {
        for index in expect::untested(&set, &bench.covered) {
            let subject = subject(&set, index);
            let message = format!("no test expects {subject} to match");
            told.add(&rules::UNTESTED, Some(Severity::Error), &file, Some(at), &message, &subject);
        }
    }
    Ok(named)
}

fn open(path: &Path, password: Option<&str>) -> Result<Box<dyn Source>, String> {
    let secrets = OfTest(password.map(|password| Zeroizing::new(password.to_owned())));
    source::open(path, &secrets, &source::Options { max_memory: 256 << 20 })
        .map_err(|error| error.to_string())
}

/// A test asks nobody: its file holds the password, or there is none.
struct OfTest(Option<Zeroizing<String>>);

impl Secrets for OfTest {
    fn password(&self) -> Option<Zeroizing<String>> {
        self.0.clone()
    }

    fn key(&self) -> Option<Zeroizing<[u8; 32]>> {
        None
    }
}

/// Holds the sets against harmless values, and each indicator against itself.
fn run_corpus(arguments: &Arguments, sets: &[PathBuf], told: &mut Told) -> Result<(), Failure> {
    let mut corpora = Vec::new();
    for path in &arguments.corpus {
        let text = std::fs::read_to_string(path).map_err(|error| Failure::read(path, error))?;
        corpora.push(benign::read(&path.display().to_string(), &text));
    }
    if !arguments.no_corpus {
        corpora.extend(benign::bundled());
    }
    for corpus in &corpora {
        for (line, why) in &corpus.flaws {
            told.add(&rules::CORPUS, Some(Severity::Error), &corpus.name, Some((*line, 1)), why, "");
        }
    }
    // The bundled sets are as their publishers made them: they are tested only where they are given.
    if sets.is_empty() {
        return Ok(());
    }
    let set = indicator::load(sets, false)?;
    for index in expect::without_self_match(&set) {
        let subject = subject(&set, index);
        let message = format!("{subject} does not match its own value");
        told.of_indicator(&rules::SILENT, Severity::Warning, &set, index, &message);
    }
    told.skipped += set.skipped.len();
    told.harmless += corpora.iter().map(Corpus::len).sum::<usize>();
    let clashes = benign::clashes(&set, &corpora);
    for clash in &clashes {
        let message = format!(
            "{} matches `{}` ({}:{}), {}",
            subject(&set, clash.indicator),
            clash.value,
            clash.corpus,
            clash.line,
            how(clash.strength)
        );
        let severity = if clash.strength == Strength::Weak { Severity::Warning } else { Severity::Error };
        told.of_indicator(&rules::ORDINARY, severity, &set, clash.indicator, &message);
    }
    told.clashes += clashes.len();
    for corpus in &corpora {
        if corpus.flaws.is_empty() && clashes.iter().all(|clash| clash.corpus != corpus.name) {
            told.add(&PASSED, None, &corpus.name, None, "", &format!("{} harmless values", corpus.len()));
        }
    }
    Ok(())
}

fn how(strength: Strength) -> &'static str {
    match strength {
        Strength::Certain => "certain",
        Strength::Strong => "strong",
        Strength::Medium => "medium",
        Strength::Weak => "weak",
    }
}

/// `domain evil.xyz`
fn subject(set: &IndicatorSet, index: u32) -> String {
    let indicator = set.indicators.get(index as usize);
    indicator.map_or(String::new(), |indicator| format!("{} `{}`", indicator.ioc.name(), indicator.value))
}

fn run_against(
    arguments: &Arguments,
    folder: &Path,
    sets: &[PathBuf],
    told: &mut Told,
) -> Result<(), Failure> {
    let path = folder.join("findings.jsonl");
    let mut before = Vec::new();
    let read = mvt::lines(&path, |object| {
        before.push(object);
        Ok(())
    });
    match read {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(Failure::NotAnOutput(folder.to_owned()));
        }
        read => read.map_err(|error| Failure::read(&path, error))?,
    }
    let iocs = IndicatorArguments { iocs: sets.to_vec(), no_bundled: arguments.indicators.no_bundled };
    let set = crate::cli::scan::indicators(&iocs, false)?;
    let (case, matcher) = rescan::again(folder, set)?;
    let after: Vec<Map<String, Value>> = case
        .findings
        .iter()
        .filter_map(|one| match serde_json::to_value(finding::written(one, &matcher)) {
            Ok(Value::Object(object)) => Some(object),
            _ => None,
        })
        .collect();
    let file = path.display().to_string();
    told.scans += 1;
    for change in against::changes(&before, &after) {
        let (rule, count) = match change.fate {
            Fate::New => (&rules::NEW, &mut told.new),
            Fate::Changed => (&rules::CHANGED, &mut told.changed),
            Fate::Lost => (&rules::LOST, &mut told.lost),
        };
        *count += 1;
        told.add(rule, Some(rule.severity), &file, None, &change.message, &change.subject);
    }
    Ok(())
}

/// What a check that passed goes under.
static PASSED: Rule = Rule { id: "test", severity: Severity::Note, title: "", explanation: "" };

/// One thing that was checked.
struct Checked {
    rule: &'static Rule,
    /// `None` where the check passed.
    outcome: Option<Severity>,
    file: String,
    place: Option<(u32, u32)>,
    message: String,
    subject: String,
    object: String,
}

#[derive(Default)]
struct Told {
    entries: Vec<Checked>,
    tests: usize,
    failed: usize,
    harmless: usize,
    clashes: usize,
    /// Parts of the sets that are not used.
    skipped: usize,
    scans: usize,
    new: usize,
    changed: usize,
    lost: usize,
}

impl Told {
    fn add(
        &mut self,
        rule: &'static Rule,
        outcome: Option<Severity>,
        file: &str,
        place: Option<(u32, u32)>,
        message: &str,
        subject: &str,
    ) {
        let (file, message, subject) = (file.to_owned(), message.to_owned(), subject.to_owned());
        self.entries.push(Checked { rule, outcome, file, place, message, subject, object: String::new() });
    }

    /// The set is what must be mended, so its file is named.
    fn of_indicator(
        &mut self,
        rule: &'static Rule,
        severity: Severity,
        set: &IndicatorSet,
        index: u32,
        message: &str,
    ) {
        let Some(indicator) = set.indicators.get(index as usize) else { return };
        let source = set.sources.get(usize::from(indicator.source));
        let file = source.map_or("", |source| &*source.name);
        self.add(rule, Some(severity), file, None, message, &subject(set, index));
        if let Some(entry) = self.entries.last_mut() {
            entry.object = indicator.stix_id.to_string();
        }
    }

    /// `file:line:column: severity[rule]: message`, which editors understand.
    fn listing(&self) -> String {
        let mut text = String::new();
        for entry in &self.entries {
            let Some(severity) = entry.outcome else { continue };
            let place = entry.place.map_or(String::new(), |(line, column)| format!(":{line}:{column}"));
            let _ = writeln!(
                text,
                "{}{place}: {}[{}]: {}",
                safe(&entry.file),
                severity.word(),
                entry.rule.id,
                safe(&entry.message)
            );
        }
        text
    }

    fn summary(&self) -> String {
        let of = |number: usize, what: &str| format!("{number} {what}{}", if number == 1 { "" } else { "s" });
        let mut text = format!("{}, {} failed", of(self.tests, "test"), self.failed);
        if self.harmless > 0 {
            let _ = write!(
                text,
                "; {}, {}",
                of(self.harmless, "harmless value"),
                if self.clashes == 1 { "1 match".to_owned() } else { format!("{} matches", self.clashes) }
            );
        }
        if self.scans > 0 {
            let (new, changed, lost) = (self.new, self.changed, self.lost);
            let _ = write!(
                text,
                "; in {}: {} new, {changed} changed, {lost} lost",
                of(self.scans, "earlier scan"),
                of(new, "finding")
            );
        }
        if self.skipped > 0 {
            let parts = of(self.skipped, "part");
            let _ = write!(text, "; {parts} of the sets not used (`hoofprint indicators lint` tells them)");
        }
        text.push('\n');
        text
    }

    fn for_machines(&self, format: CiFormat, fails_from: Option<Severity>) -> String {
        let entries = self.entries.iter().map(|entry| Entry {
            // A test keeps its name in a history of test reports, however it ends.
            rule: if format == CiFormat::Junit { PASSED.id } else { entry.rule.id },
            outcome: entry.outcome.map_or(Outcome::Passed, Outcome::Found),
            file: &entry.file,
            place: entry.place,
            message: &entry.message,
            help: "",
            subject: &entry.subject,
            object: &entry.object,
        });
        let rule = |rule: &&'static Rule| ci::Rule {
            id: rule.id,
            title: rule.title,
            explanation: rule.explanation,
            severity: rule.severity,
        };
        let run = Run {
            suite: "indicators test",
            fails_from,
            rules: rules::RULES.iter().map(rule).collect(),
            entries: entries.collect(),
        };
        match format {
            CiFormat::Sarif => ci::sarif(&run),
            CiFormat::Junit => ci::junit(&run),
            CiFormat::Github => ci::github(&run),
            CiFormat::Json | CiFormat::Text => ci::json(&run),
        }
    }
}
