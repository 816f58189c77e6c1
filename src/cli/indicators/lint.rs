//! `indicators lint`: what is wrong in indicator files, for people and for CI systems.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use jiff::Timestamp;

use crate::cli::{Failure, eprint, print_all};
use crate::indicator::lint::{self, Lint, Options, Report, Severity, rules};
use crate::report::ci::{self, Entry, Outcome, Rule, Run};
use crate::report::results::Form;
use crate::report::terminal::safe;

/// The exit status where a lint is grave enough.
const FOUND: u8 = 10;

#[derive(Args, Debug)]
pub(in crate::cli) struct Arguments {
    /// STIX bundles, MISP events, CSV or plain lists, catalogue files, or folders of them
    #[arg(required_unless_present = "rules", value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Print every rule with its id, severity and reason, and end
    #[arg(long)]
    rules: bool,
    /// Mend what can be mended without changing what a scan loads: spelling of names and digests, copies
    #[arg(long)]
    fix: bool,
    /// For people, or for the CI system that reads it
    #[arg(long, value_enum, default_value = "text", value_name = "FORMAT", help_heading = "Output")]
    format: CiFormat,
    /// Leave out what is below this severity
    #[arg(long, value_enum, default_value = "warning", value_name = "SEVERITY", help_heading = "Output")]
    level: SeverityArgument,
    /// A list of popular domains, such as Tranco's, beside the built-in one
    #[arg(long, value_name = "FILE", help_heading = "Compared with")]
    popular: Option<PathBuf>,
    /// The version before this one: tells if many values came or went (repeatable)
    #[arg(long, value_name = "PATH", help_heading = "Compared with")]
    previous: Vec<PathBuf>,
    /// Values that clean phones hold, in any form of indicators: none of them may match (repeatable)
    #[arg(long, value_name = "PATH", help_heading = "Compared with")]
    clean: Vec<PathBuf>,
    /// The time to compare times with, instead of now
    #[arg(long, value_parser = day, value_name = "YYYY-MM-DD", help_heading = "Compared with")]
    today: Option<Timestamp>,
    /// End with status 10 if there is something of this severity or above
    #[arg(long, value_enum, default_value = "error", value_name = "SEVERITY", help_heading = "Exit status")]
    fail_on: SeverityArgument,
    /// The same as `--fail-on warning`
    #[arg(long, help_heading = "Exit status")]
    strict: bool,
}

/// How results are written for CI systems.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum CiFormat {
    /// One line each, and how to mend it
    Text,
    /// hoofprint's own form
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// JUnit XML, for test reports
    Junit,
    /// Annotations of GitHub's workflows
    Github,
}

impl CiFormat {
    /// `None` for people.
    pub(in crate::cli) fn form(self) -> Option<Form> {
        match self {
            CiFormat::Text => None,
            CiFormat::Json => Some(Form::Json),
            CiFormat::Sarif => Some(Form::Sarif),
            CiFormat::Junit => Some(Form::Junit),
            CiFormat::Github => Some(Form::Github),
        }
    }
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum SeverityArgument {
    Never,
    Note,
    Warning,
    Error,
}

/// The beginning of a day in UTC.
fn day(text: &str) -> Result<Timestamp, String> {
    format!("{text}T00:00:00Z").parse().map_err(|_| "not a day such as 2026-01-31".to_owned())
}

pub(super) fn run(arguments: &Arguments) -> Result<u8, Failure> {
    if arguments.rules {
        print_all(&table())?;
        return Ok(0);
    }
    let options = options(arguments)?;
    if arguments.fix {
        for fixed in lint::fix(&arguments.paths, &options)? {
            eprint(&format!(
                "mended {} in `{}`\n",
                count(fixed.edits, "place"),
                safe(&fixed.path.display().to_string())
            ));
        }
    }
    let report = lint::lint(&arguments.paths, &options)?;
    let fails_from = match arguments.fail_on {
        _ if arguments.strict => Some(Severity::Warning),
        SeverityArgument::Never => None,
        SeverityArgument::Note => Some(Severity::Note),
        SeverityArgument::Warning => Some(Severity::Warning),
        SeverityArgument::Error => Some(Severity::Error),
    };
    // What fails is shown, whatever else is.
    let least = match arguments.level {
        SeverityArgument::Note => Severity::Note,
        SeverityArgument::Warning => Severity::Warning,
        SeverityArgument::Error | SeverityArgument::Never => Severity::Error,
    };
    let least = fails_from.map_or(least, |from| least.min(from));
    let shown: Vec<&Lint> = report.lints.iter().filter(|lint| lint.severity >= least).collect();
    match arguments.format {
        CiFormat::Text => print_all(&(listing(&shown) + &summary(&report, least)))?,
        format => {
            print_all(&for_machines(format, &report, &shown, fails_from))?;
            eprint(&summary(&report, least));
        }
    }
    let fails = fails_from.is_some_and(|from| report.lints.iter().any(|lint| lint.severity >= from));
    Ok(if fails { FOUND } else { 0 })
}

fn options(arguments: &Arguments) -> Result<Options, Failure> {
    let known = |paths: &[PathBuf]| {
        if paths.is_empty() { Ok(None) } else { lint::values(paths).map(Some) }
    };
    Ok(Options {
        now: arguments.today.unwrap_or_else(Timestamp::now),
        popular: arguments.popular.as_deref().map(lint::popular).transpose()?.unwrap_or_default(),
        previous: known(&arguments.previous)?,
        clean: known(&arguments.clean)?,
    })
}

fn table() -> String {
    let mut text = String::new();
    for rule in rules::RULES {
        let _ = writeln!(
            text,
            "{}  {:<7}  {}\n    {}",
            rule.id,
            rule.severity.word(),
            rule.title,
            rule.explanation
        );
    }
    text
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// `file:line:column: severity[rule]: message`, which editors understand, and the mend below it.
fn listing(lints: &[&Lint]) -> String {
    let mut text = String::new();
    for lint in lints {
        let Lint { file, line, column, rule, message, .. } = lint;
        let severity = lint.severity.word();
        let _ = writeln!(text, "{}:{line}:{column}: {severity}[{}]: {}", safe(file), rule.id, safe(message));
        if let Some(mend) = &lint.mend {
            let fix = if mend.edit.is_some() { " (`--fix` does it)" } else { "" };
            let _ = writeln!(text, "  help: {}{fix}", safe(&mend.text));
        }
    }
    text
}

fn summary(report: &Report, least: Severity) -> String {
    let of = |severity| report.lints.iter().filter(|lint| lint.severity == severity).count();
    let parts: Vec<String> = [Severity::Error, Severity::Warning, Severity::Note]
        .into_iter()
        .map(|severity| {
            let hidden = if severity < least && of(severity) > 0 { " (not shown)" } else { "" };
            format!("{}{hidden}", count(of(severity), severity.word()))
        })
        .collect();
    format!(
        "{} in {}, {}\n",
        parts.join(", "),
        count(report.files.len(), "file"),
        count(report.values, "value")
    )
}

fn for_machines(format: CiFormat, report: &Report, shown: &[&Lint], fails_from: Option<Severity>) -> String {
    let subjects: Vec<String> = shown
        .iter()
        .map(|lint| match lint.ioc {
            Some(ioc) => format!("{} {}", ioc.name(), lint.value),
            None => lint.value.clone(),
        })
        .collect();
    let found = shown.iter().zip(&subjects).map(|(lint, subject)| Entry {
        rule: lint.rule.id,
        outcome: Outcome::Found(lint.severity),
        file: &lint.file,
        place: Some((lint.line, lint.column)),
        message: &lint.message,
        help: lint.mend.as_ref().map_or("", |mend| &mend.text),
        subject,
        object: &lint.object,
    });
    let with_lints: HashSet<&str> = shown.iter().map(|lint| &*lint.file).collect();
    let passed = report.files.iter().filter(|file| !with_lints.contains(file.as_str()));
    let passed = passed.map(|file| Entry {
        rule: "lint",
        outcome: Outcome::Passed,
        file,
        place: None,
        message: "",
        help: "",
        subject: "",
        object: "",
    });
    let run = Run {
        suite: "indicators lint",
        fails_from,
        rules: rules::RULES
            .iter()
            .map(|rule| Rule {
                id: rule.id,
                title: rule.title,
                explanation: rule.explanation,
                severity: rule.severity,
            })
            .collect(),
        entries: found.chain(passed).collect(),
    };
    match format {
        CiFormat::Sarif => ci::sarif(&run),
        CiFormat::Junit => ci::junit(&run),
        CiFormat::Github => ci::github(&run),
        CiFormat::Json | CiFormat::Text => ci::json(&run),
    }
}
