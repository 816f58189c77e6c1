//! Holds tests against a set of indicators.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::file::{At, Expected, Given, Test};
use super::rules;
use super::words::word;
use crate::artifact::Artifact;
use crate::finding::{Finding, Level, Rule as Cause, judged_level};
use crate::indicator::lint::Rule;
use crate::indicator::{Form, Indicator, IndicatorSet, Ioc, Matcher, Platform, Strength};
use crate::record::Kind;
use crate::scan::recheck::take;
use crate::scan::sink::{Located, TaskSink};
use crate::scan::{Acquisition, Options, Unwatched, scan};
use crate::source::{Source, System};
use crate::time::Clock;

/// Matches that a message names.
const NAMED: usize = 3;

/// Opens the acquisition at a path of a test, with its password if it has one; an error is a sentence for people.
pub type Open<'a> = dyn Fn(&str, Option<&str>) -> Result<Box<dyn Source>, String> + 'a;

/// A set made ready for tests.
pub struct Bench<'a> {
    set: &'a IndicatorSet,
    open: &'a Open<'a>,
    matchers: BTreeMap<&'static str, Matcher>,
    /// What was found in acquisitions: several tests look at one.
    scanned: BTreeMap<String, Result<Scanned, String>>,
    /// Indexes of the indicators that some test expects, and finds.
    pub covered: BTreeSet<u32>,
}

/// How a test ended: passed if it has no fault that is an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    pub name: String,
    pub at: At,
    pub faults: Vec<Fault>,
}

/// One thing that is not as expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub rule: &'static Rule,
    /// Of the expectation.
    pub at: At,
    pub message: String,
}

#[derive(Clone, Debug)]
struct Scanned {
    seen: Vec<Seen>,
    /// How many things could not be read, and the first of them.
    problems: (usize, String),
}

/// One match, wherever it was found.
#[derive(Clone, Debug)]
struct Seen {
    /// The same value may be published for several campaigns.
    indicators: Vec<u32>,
    strength: Strength,
    form: Form,
    level: Option<Level>,
    /// Empty for single values.
    artifact: &'static str,
}

impl<'a> Bench<'a> {
    pub fn new(set: &'a IndicatorSet, open: &'a Open<'a>) -> Bench<'a> {
        Bench { set, open, matchers: BTreeMap::new(), scanned: BTreeMap::new(), covered: BTreeSet::new() }
    }

    /// Runs one test.
    pub fn judge(&mut self, test: &Test) -> Judgement {
        let mut faults = Vec::new();
        match self.seen(test) {
            Err(why) => faults.push(Fault { rule: &rules::UNREADABLE, at: test.at, message: why }),
            Ok(scanned) => {
                for expected in &test.expected {
                    faults.extend(self.compare(expected, &scanned.seen));
                }
                let (problems, first) = &scanned.problems;
                if *problems > 0 && test.expected.iter().any(|one| one.max < usize::MAX) {
                    let message = format!("{} could not be read, the first: {first}", things(*problems));
                    faults.push(Fault { rule: &rules::INCOMPLETE, at: test.at, message });
                }
            }
        }
        Judgement { name: test.name.clone(), at: test.at, faults }
    }

    fn seen(&mut self, test: &Test) -> Result<Scanned, String> {
        match &test.given {
            Given::Value { kind, text, trace, time } => {
                let set = self.set;
                let matcher = self.matcher(test.platform.unwrap_or(Platform::Any));
                let mut seen = Vec::new();
                matcher.field(*kind, text, &mut |hit| {
                    let indicator = set.indicators.get(hit.indicator as usize);
                    let level = trace.zip(indicator).map(|(trace, indicator)| {
                        judged_level(hit.strength, hit.form, trace, indicator, *time).0
                    });
                    let (strength, form) = (hit.strength, hit.form);
                    seen.push(Seen { indicators: vec![hit.indicator], strength, form, level, artifact: "" });
                });
                Ok(Scanned { seen, problems: Default::default() })
            }
            Given::Record { artifact, columns } => {
                let matcher = self.matcher(test.platform.unwrap_or_else(|| platform_of(artifact)));
                let mut sink = TaskSink::new(artifact, matcher, None, Located { path: "", stored_as: "" });
                take(artifact, columns, &Clock::NONE, &mut sink);
                Ok(Scanned {
                    seen: sink.findings.iter().filter_map(seen_in).collect(),
                    problems: Default::default(),
                })
            }
            Given::Evidence { path, password, modules } => {
                let key = format!("{path}\0{password:?}\0{modules:?}\0{:?}", test.platform);
                if let Some(known) = self.scanned.get(&key) {
                    return known.clone();
                }
                let scanned = self.scan(path, password.as_deref(), modules, test.platform);
                self.scanned.insert(key, scanned.clone());
                scanned
            }
        }
    }

    fn scan(
        &mut self,
        path: &str,
        password: Option<&str>,
        modules: &[String],
        platform: Option<Platform>,
    ) -> Result<Scanned, String> {
        let source = (self.open)(path, password)?;
        let platform = platform.unwrap_or(match source.system() {
            System::Ios => Platform::Ios,
            System::Android => Platform::Android,
        });
        let acquisition = Acquisition { name: path.to_owned(), source: &*source };
        let options = Options { only: modules.to_vec(), ..Options::default() };
        let case = scan(&[acquisition], self.matcher(platform), &options, None, &Unwatched)
            .map_err(|error| error.to_string())?;
        Ok(Scanned {
            seen: case.findings.iter().filter_map(seen_in).collect(),
            problems: (
                case.problems.len(),
                case.problems
                    .first()
                    .map_or_else(String::new, |problem| format!("{}: {}", problem.path, problem.reason)),
            ),
        })
    }

    fn matcher(&mut self, platform: Platform) -> &Matcher {
        let key = match platform {
            Platform::Any => "any",
            Platform::Ios => "ios",
            Platform::Android => "android",
            Platform::Macos => "macos",
        };
        self.matchers.entry(key).or_insert_with(|| Matcher::new(self.set.clone(), platform))
    }

    fn compare(&mut self, expected: &Expected, seen: &[Seen]) -> Option<Fault> {
        let meant: Vec<&Seen> = seen.iter().filter(|one| self.is_meant(expected, one)).collect();
        let (met, other): (Vec<&Seen>, Vec<&Seen>) =
            meant.into_iter().partition(|one| is_graded(expected, one));
        let fault = |rule, message| Some(Fault { rule, at: expected.at, message });
        if met.len() < expected.min {
            let wanted = describe(expected);
            let count = if expected.min > 1 {
                format!("{} of {} times", met.len(), expected.min)
            } else {
                "not found".to_owned()
            };
            return if !other.is_empty() {
                let message = format!("expected {wanted}; found is {}", self.list(&other));
                fault(&rules::DIFFERENT, message)
            } else if seen.is_empty() {
                fault(&rules::MISSING, format!("{wanted}: {count}, nothing matches"))
            } else {
                let all: Vec<&Seen> = seen.iter().collect();
                fault(&rules::MISSING, format!("{wanted}: {count}; found is {}", self.list(&all)))
            };
        }
        if met.len() > expected.max {
            let most = if expected.max == 0 { String::new() } else { format!(", at most {}", expected.max) };
            return fault(&rules::UNEXPECTED, format!("{} found{most}: {}", met.len(), self.list(&met)));
        }
        if expected.min > 0 {
            let indexes = met.iter().flat_map(|one| &one.indicators).copied();
            // Of a value with several campaigns only the one that is named was expected.
            let named: Vec<u32> = indexes.filter(|index| self.is_named(expected, *index)).collect();
            self.covered.extend(named);
        }
        None
    }

    fn indicator(&self, index: u32) -> Option<&Indicator> {
        self.set.indicators.get(index as usize)
    }

    fn campaign(&self, index: u32) -> &str {
        let campaign =
            self.indicator(index).and_then(|one| self.set.campaigns.get(usize::from(one.campaign)));
        campaign.map_or("", |campaign| &*campaign.name)
    }

    fn is_named(&self, expected: &Expected, index: u32) -> bool {
        let Some(indicator) = self.indicator(index) else { return false };
        expected.indicator.as_ref().is_none_or(|value| *indicator.value == **value)
            && expected.ioc.is_none_or(|ioc| ioc == indicator.ioc)
            && expected.campaign.as_ref().is_none_or(|name| self.campaign(index) == name)
    }

    /// True for a match of what the expectation names, however strong it is.
    fn is_meant(&self, expected: &Expected, seen: &Seen) -> bool {
        expected.artifact.as_ref().is_none_or(|id| seen.artifact == id)
            && seen.indicators.iter().any(|index| self.is_named(expected, *index))
    }

    fn list(&self, seen: &[&Seen]) -> String {
        let mut text = String::new();
        for one in seen.iter().take(NAMED) {
            if !text.is_empty() {
                text.push_str("; ");
            }
            let first = one.indicators.first().copied();
            if let Some((index, indicator)) = first.and_then(|index| Some((index, self.indicator(index)?))) {
                let campaign = self.campaign(index);
                let _ = write!(text, "{} `{}`", indicator.ioc.name(), indicator.value);
                if !campaign.is_empty() {
                    let _ = write!(text, " of {campaign}");
                }
            }
            let _ = write!(text, ", {} ({})", word(one.strength), word(one.form));
            if let Some(level) = one.level {
                let _ = write!(text, ", {}", level.name());
            }
            if !one.artifact.is_empty() {
                let _ = write!(text, ", in {}", one.artifact);
            }
        }
        if let Some(more) = seen.len().checked_sub(NAMED).filter(|more| *more > 0) {
            let _ = write!(text, "; and {more} more");
        }
        text
    }
}

/// `1 thing`, `2 things`.
fn things(count: usize) -> String {
    format!("{count} thing{}", if count == 1 { "" } else { "s" })
}

fn platform_of(artifact: &Artifact) -> Platform {
    match (artifact.is_of(System::Ios), artifact.is_of(System::Android)) {
        (true, false) => Platform::Ios,
        (false, true) => Platform::Android,
        _ => Platform::Any,
    }
}

/// Rules judge the phone, not the set: only what an indicator matched counts.
fn seen_in(finding: &Finding) -> Option<Seen> {
    match &finding.rule {
        Cause::Heuristic(_) => None,
        Cause::Indicator { indicators, strength, form, .. } => Some(Seen {
            indicators: indicators.clone(),
            strength: *strength,
            form: *form,
            level: Some(finding.level),
            artifact: finding.exhibit.artifact,
        }),
    }
}

fn is_graded(expected: &Expected, seen: &Seen) -> bool {
    expected.strength.is_none_or(|strength| strength == seen.strength)
        && expected.form.is_none_or(|form| form == seen.form)
        && expected.level.is_none_or(|level| seen.level == Some(level))
        && expected.at_least.is_none_or(|level| seen.level >= Some(level))
}

fn describe(expected: &Expected) -> String {
    let mut text = expected.ioc.map_or("", Ioc::name).to_owned();
    if let Some(value) = &expected.indicator {
        let _ = write!(text, "{}`{value}`", if text.is_empty() { "" } else { " " });
    }
    if text.is_empty() {
        text.push_str("a match");
    }
    if let Some(campaign) = &expected.campaign {
        let _ = write!(text, " of {campaign}");
    }
    match (expected.strength, expected.form) {
        (Some(strength), Some(form)) => {
            let _ = write!(text, ", {} ({})", word(strength), word(form));
        }
        (Some(strength), None) => {
            let _ = write!(text, ", {}", word(strength));
        }
        (None, Some(form)) => {
            let _ = write!(text, ", {}", word(form));
        }
        (None, None) => {}
    }
    if let Some(level) = expected.level {
        let _ = write!(text, ", {}", level.name());
    }
    if let Some(level) = expected.at_least {
        let _ = write!(text, ", {} or more", level.name());
    }
    if let Some(artifact) = &expected.artifact {
        let _ = write!(text, ", in {artifact}");
    }
    text
}

/// Indexes of the indicators that no test has expected and found.
pub fn untested(set: &IndicatorSet, covered: &BTreeSet<u32>) -> Vec<u32> {
    (0_u32..).zip(&set.indicators).map(|(index, _)| index).filter(|index| !covered.contains(index)).collect()
}

/// Indexes of the indicators that do not match their own value in a field of their kind. Networks hold addresses, not themselves.
pub fn without_self_match(set: &IndicatorSet) -> Vec<u32> {
    let mut silent = Vec::new();
    for platform in [Platform::Any, Platform::Ios, Platform::Android, Platform::Macos] {
        if !set.indicators.iter().any(|indicator| indicator.platform == platform) {
            continue;
        }
        let matcher = Matcher::new(set.clone(), platform);
        for (index, indicator) in (0_u32..).zip(&set.indicators) {
            let is_network = indicator.ioc == Ioc::Ip && indicator.value.contains('/');
            if indicator.platform != platform || is_network {
                continue;
            }
            let mut is_found = false;
            matcher.field(kind_of(indicator.ioc), &indicator.value, &mut |hit| {
                is_found |= hit.indicator == index
            });
            if !is_found {
                silent.push(index);
            }
        }
    }
    silent.sort_unstable();
    silent
}

fn kind_of(ioc: Ioc) -> Kind {
    match ioc {
        Ioc::Domain | Ioc::Ip => Kind::Host,
        Ioc::Url => Kind::Url,
        Ioc::Process => Kind::Process,
        Ioc::FileName | Ioc::FilePath => Kind::Path,
        Ioc::Email => Kind::Email,
        Ioc::FileHash | Ioc::CertHash => Kind::Hash,
        Ioc::AppId => Kind::AppId,
        Ioc::ProfileId => Kind::ProfileId,
        Ioc::Property => Kind::Property,
    }
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::*;
    use crate::indicator::Campaign;

    fn set(values: &[(Ioc, &str)]) -> IndicatorSet {
        let mut set = IndicatorSet::default();
        set.campaigns.push(Campaign { name: "Spy".into(), ..Campaign::default() });
        for (ioc, value) in values {
            set.indicators.push(Indicator {
                ioc: *ioc,
                value: (*value).into(),
                campaign: 0,
                source: 0,
                role: Default::default(),
                platform: Platform::Any,
                stix_id: "".into(),
                valid_from: None,
                valid_until: None,
                revoked: false,
                note: "".into(),
            });
        }
        set
    }

    fn no_evidence(path: &str, _: Option<&str>) -> Result<Box<dyn Source>, String> {
        Err(format!("`{path}` is not there"))
    }

    /// The faults of a file with this one test, by id and message, and how many indicators it covers.
    fn judged(given: &str, expect: &str) -> (Vec<(&'static str, String)>, usize) {
        let set = set(&[(Ioc::Domain, "evil.xyz"), (Ioc::Process, "bh"), (Ioc::Email, "spy@example.org")]);
        let tests = read(&format!("[[tests]]\ngiven = {given}\nexpect = {expect}\n"));
        assert_eq!(tests.flaws, []);
        let mut bench = Bench::new(&set, &no_evidence);
        let faults = bench.judge(&tests.tests[0]).faults;
        (faults.into_iter().map(|fault| (fault.rule.id, fault.message)).collect(), bench.covered.len())
    }

    #[test]
    fn a_value_matches_as_expected() {
        for (given, expect) in [
            (
                "{ url = 'https://a.evil.xyz/' }",
                "{ indicator = 'evil.xyz', strength = 'strong', form = 'subdomain' }",
            ),
            ("{ url = 'https://evil.xyz/', as = 'visited' }", "{ campaign = 'Spy', level = 'critical' }"),
            ("{ url = 'https://evil.xyz/', as = 'mentioned' }", "{ type = 'domain', level = 'medium' }"),
        ] {
            assert_eq!(judged(given, expect), (vec![], 1), "{given} {expect}");
        }
        assert_eq!(judged("{ url = 'https://notevil.xyz/' }", "'none'"), (vec![], 0));
        assert_eq!(
            judged("{ message = 'see evil.xyz' }", "[{ type = 'domain' }, { type = 'process', max = 0 }]").0,
            []
        );
    }

    #[test]
    fn what_is_not_as_expected_is_told() {
        for (given, expect, id, says) in [
            (
                "{ host = 'example.org' }",
                "{ indicator = 'evil.xyz' }",
                "TST002",
                "`evil.xyz`: not found, nothing matches",
            ),
            (
                "{ host = 'evil.xyz' }",
                "{ indicator = 'other.xyz' }",
                "TST002",
                "found is domain `evil.xyz` of Spy, certain (exact)",
            ),
            (
                "{ host = 'a.evil.xyz' }",
                "{ strength = 'certain' }",
                "TST003",
                "expected a match, certain; found is",
            ),
            ("{ host = 'evil.xyz', as = 'received' }", "{ level = 'critical' }", "TST003", "HIGH"),
            ("{ host = 'evil.xyz' }", "'none'", "TST004", "1 found: domain `evil.xyz`"),
            ("{ evidence = 'nowhere' }", "'none'", "TST005", "`nowhere` is not there"),
        ] {
            let (faults, covered) = judged(given, expect);
            assert_eq!((faults.len(), covered), (1, 0), "{faults:?}");
            assert!(faults[0].0 == id && faults[0].1.contains(says), "{faults:?}");
        }
    }

    #[test]
    fn a_record_is_judged_as_its_artifact_says() {
        let record = "{ record = { artifact = 'ios.safari_history', url = 'https://evil.xyz/' } }";
        let expect = "{ indicator = 'evil.xyz', level = 'critical', artifact = 'ios.safari_history' }";
        assert_eq!(judged(record, expect), (vec![], 1));
        assert_eq!(judged(record, "'none'").0[0].0, "TST004");
    }

    #[test]
    fn indicators_that_cannot_match_and_those_without_a_test_are_told() {
        let set = set(&[(Ioc::Domain, "evil.xyz"), (Ioc::Domain, "oneword"), (Ioc::Ip, "192.0.2.0/24")]);
        assert_eq!(without_self_match(&set), [1]);
        assert_eq!(untested(&set, &BTreeSet::from([0])), [1, 2]);
    }
}
