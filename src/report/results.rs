//! What a scan or a rescan found, as checks for CI systems (see [`super::ci`]).

use std::collections::BTreeMap;

use super::ci::{Entry, Outcome, Rule, Run, Severity, github, json, junit, sarif};
use super::finding::id_of;
use super::timeline::word;
use super::words;
use crate::finding::{Finding, Level, Problem, Rule as Cause};
use crate::heuristic;
use crate::indicator::{Ioc, Matcher};
use crate::record::Place;
use crate::scan::{Case, Status};

/// The form of the results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Json,
    Sarif,
    Junit,
    Github,
}

impl Form {
    /// The file in the output folder.
    pub fn file_name(self) -> &'static str {
        match self {
            Form::Json => "findings.json",
            Form::Sarif => "findings.sarif",
            Form::Junit => "findings.xml",
            Form::Github => "findings.annotations",
        }
    }
}

/// The checks of one run, in order.
pub struct Results {
    suite: &'static str,
    fail_on: Option<Level>,
    checks: Vec<Check>,
}

/// An [`Entry`] that holds its texts.
struct Check {
    rule: String,
    outcome: Outcome,
    file: String,
    place: Option<(u32, u32)>,
    message: String,
    help: &'static str,
    subject: String,
    object: String,
}

impl Results {
    /// `fail_on` is the level from which a check fails; none fails without it.
    pub fn new(suite: &'static str, fail_on: Option<Level>) -> Results {
        Results { suite, fail_on, checks: Vec::new() }
    }

    /// The findings of a scan by the files of the phone, what was checked without any, and what could not be.
    pub fn scanned(&mut self, case: &Case, matcher: &Matcher) {
        for finding in &case.findings {
            let path = finding.exhibit.path.trim_start_matches('/');
            let place = match finding.exhibit.place {
                Place::Line { line } => Some((u32::try_from(line).unwrap_or(u32::MAX), 1)),
                _ => None,
            };
            self.finding(finding, matcher, if path.is_empty() { "phone" } else { path }, place);
        }
        for entry in &case.coverage {
            let found = case.findings.iter().any(|finding| finding.exhibit.artifact == entry.artifact);
            let (outcome, message) = match entry.status {
                Status::Read if found => continue,
                Status::Read => (Outcome::Passed, ""),
                Status::Partial => (Outcome::Skipped, "read in part"),
                Status::Unreadable => (Outcome::Skipped, "there, but unreadable"),
                Status::Absent => (Outcome::Skipped, "not in this acquisition"),
                Status::NotAsked => (Outcome::Skipped, "left out as asked"),
            };
            self.checks.push(Check::bare(entry.artifact, outcome, "artifacts", message.to_owned()));
        }
        self.problems(&case.problems, "problems");
    }

    /// The findings in a store, and what of it could not be read.
    pub fn store(&mut self, case: &Case, matcher: &Matcher, file: &str) {
        for finding in &case.findings {
            self.finding(finding, matcher, file, None);
        }
        if case.findings.is_empty() {
            self.checks.push(Check::bare("rescan", Outcome::Passed, file, String::new()));
        }
        self.problems(&case.problems, file);
    }

    /// A store that could not be read at all.
    pub fn unread(&mut self, file: &str, reason: String) {
        self.checks.push(Check::bare("unread", Outcome::Skipped, file, reason));
    }

    fn problems(&mut self, problems: &[Problem], file: &str) {
        for problem in problems {
            let path = if problem.path.is_empty() { String::new() } else { format!("{}: ", problem.path) };
            self.unread(file, format!("{path}{}", problem.reason));
        }
    }

    fn finding(&mut self, finding: &Finding, matcher: &Matcher, file: &str, place: Option<(u32, u32)>) {
        let exhibit = &finding.exhibit;
        let (rule, help) = match &finding.rule {
            Cause::Heuristic(id) => ((*id).to_owned(), heuristic::about(id).map(|rule| rule.next_check)),
            Cause::Indicator { ioc, .. } => (format!("indicator.{}", ioc.name()), None),
        };
        let time = finding.at().map_or_else(String::new, |at| format!("{}, ", crate::time::short(at)));
        let mind = finding.caveats.iter().map(|caveat| format!("; {caveat}")).collect::<String>();
        let (level, trace) = (finding.level.name(), word(&finding.trace));
        self.checks.push(Check {
            rule,
            outcome: Outcome::Found(severity(finding.level, self.fail_on)),
            file: file.to_owned(),
            place,
            message: format!(
                "{level}, {trace}: {} ({time}{}, {}){mind}",
                finding.message, exhibit.path, exhibit.place
            ),
            help: help.unwrap_or(words::next_check(finding.trace)),
            subject: format!(
                "{} {} {}",
                exhibit.artifact,
                finding.column.unwrap_or_default(),
                finding.matched
            ),
            object: id_of(finding, matcher),
        });
    }

    /// All of it in one form; the same results give the same bytes.
    pub fn write(&self, form: Form) -> String {
        let found = self.checks.iter().filter(|check| matches!(check.outcome, Outcome::Found(_)));
        let rules: BTreeMap<&str, Rule<'_>> =
            found.map(|check| (check.rule.as_str(), rule(&check.rule))).collect();
        let run = Run {
            suite: self.suite,
            fails_from: self.fail_on.map(|level| severity(level, self.fail_on)),
            rules: rules.into_values().collect(),
            entries: self.checks.iter().map(Check::entry).collect(),
        };
        match form {
            Form::Json => json(&run),
            Form::Sarif => sarif(&run),
            Form::Junit => junit(&run),
            Form::Github => github(&run),
        }
    }
}

impl Check {
    fn bare(rule: &str, outcome: Outcome, file: &str, message: String) -> Check {
        Check {
            rule: rule.to_owned(),
            outcome,
            file: file.to_owned(),
            place: None,
            message,
            help: "",
            subject: String::new(),
            object: String::new(),
        }
    }

    fn entry(&self) -> Entry<'_> {
        Entry {
            rule: &self.rule,
            outcome: self.outcome,
            file: &self.file,
            place: self.place,
            message: &self.message,
            help: self.help,
            subject: &self.subject,
            object: &self.object,
        }
    }
}

fn rule(id: &str) -> Rule<'_> {
    match heuristic::about(id) {
        Some(rule) => {
            Rule { id, title: rule.title, explanation: rule.why_it_matters, severity: Severity::Warning }
        }
        None => Rule {
            id,
            title: title(id),
            explanation: "A value of the phone is a published indicator; the finding says whose, and what its record means.",
            severity: Severity::Error,
        },
    }
}

fn title(id: &str) -> &'static str {
    let ioc = Ioc::ALL.into_iter().find(|ioc| id.strip_prefix("indicator.") == Some(ioc.name()));
    match ioc {
        Some(Ioc::Domain) => "A published domain",
        Some(Ioc::Ip) => "A published IP address",
        Some(Ioc::Url) => "A published URL",
        Some(Ioc::Process) => "A published process name",
        Some(Ioc::FileName) => "A published file name",
        Some(Ioc::FilePath) => "A published path",
        Some(Ioc::Email) => "A published e-mail address",
        Some(Ioc::FileHash) => "A published hash of a file",
        Some(Ioc::AppId) => "A published app",
        Some(Ioc::CertHash) => "A published certificate",
        Some(Ioc::ProfileId) => "A published profile",
        Some(Ioc::Property) => "A published property",
        None => "A published indicator",
    }
}

/// Five levels in three severities, so that the line between failing and not failing is kept wherever it is drawn.
fn severity(level: Level, fail_on: Option<Level>) -> Severity {
    let passes = fail_on.is_some_and(|from| level < from);
    match level {
        Level::Critical => Severity::Error,
        Level::High if passes => Severity::Warning,
        Level::High => Severity::Error,
        Level::Medium => Severity::Warning,
        Level::Low if passes && fail_on == Some(Level::Medium) => Severity::Note,
        Level::Low => Severity::Warning,
        Level::Informational => Severity::Note,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_is_graver_than_what_does_not() {
        for from in Level::ALL {
            for level in Level::ALL {
                let fails = severity(level, Some(from)) >= severity(from, Some(from));
                assert_eq!(fails, level >= from, "{level:?} from {from:?}");
            }
        }
        assert_eq!(severity(Level::High, None), Severity::Error);
    }

    #[test]
    fn every_kind_of_indicator_has_a_title() {
        for ioc in Ioc::ALL {
            let id = format!("indicator.{}", ioc.name());
            assert_ne!(rule(&id).title, "A published indicator", "{id}");
        }
    }
}
