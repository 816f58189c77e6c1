//! The verdict on a campaign, from one written table: what kind of trace there is, how sure the match, how grave the finding, and whether
//! independent records say the same. How many findings there are plays no part. `docs/verdict.md` prints the table and all that follows
//! from it.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use super::finding::campaigns;
use super::words::Verdict;
use crate::finding::{Finding, Level, Rule};
use crate::indicator::{IndicatorSet, Ioc, Strength};
use crate::record::Trace;

/// What the finding's rule knows by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// Nothing: a rule judged records.
    Nothing,
    /// Something to talk to: a host, an address, a link, an account.
    Address,
    /// Something that is or runs on a phone: a program, file, app, certificate, profile or setting.
    Thing,
}

/// All of a finding that a verdict follows from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evidence {
    pub names: Names,
    pub class: Trace,
    /// `None` for a rule.
    pub strength: Option<Strength>,
    pub level: Level,
    /// Raised by a rule that found independent records to say the same.
    pub corroborated: bool,
}

/// A row of the table: evidence fits that is at least this.
pub struct Row {
    names: &'static [Names],
    classes: &'static [Trace],
    least_strength: Option<Strength>,
    least_level: Level,
    /// Only corroborated evidence fits.
    corroborated: bool,
    verdict: Verdict,
    /// Why, for the reader of a report.
    because: &'static str,
}

const ALL_CLASSES: [Trace; 10] = [
    Trace::Mentioned,
    Trace::Received,
    Trace::Stored,
    Trace::Logged,
    Trace::Resolved,
    Trace::Visited,
    Trace::Policy,
    Trace::Installed,
    Trace::Tampered,
    Trace::Executed,
];
/// It is or was on the phone.
const PRESENT: [Trace; 4] = [Trace::Policy, Trace::Installed, Trace::Tampered, Trace::Executed];
const ALL_NAMES: [Names; 3] = [Names::Nothing, Names::Address, Names::Thing];
const ALL_STRENGTHS: [Strength; 4] = [Strength::Weak, Strength::Medium, Strength::Strong, Strength::Certain];

/// The table. The first row that fits gives the verdict.
pub const TABLE: [Row; 6] = [
    Row {
        names: &[Names::Thing],
        classes: &PRESENT,
        least_strength: Some(Strength::Strong),
        least_level: Level::High,
        corroborated: false,
        verdict: Verdict::KnownSpyware,
        because: "a published program, file, app, profile or setting is or was on the phone, and the match is sure",
    },
    Row {
        names: &[Names::Thing],
        classes: &PRESENT,
        least_strength: Some(Strength::Medium),
        least_level: Level::High,
        corroborated: true,
        verdict: Verdict::KnownSpyware,
        because: "a published program, file, app, profile or setting is or was on the phone; the match alone is not sure, and independent records say the same",
    },
    Row {
        names: &[Names::Address, Names::Thing],
        classes: &[Trace::Received, Trace::Logged, Trace::Resolved, Trace::Visited],
        least_strength: Some(Strength::Medium),
        least_level: Level::Medium,
        corroborated: false,
        verdict: Verdict::Targeting,
        because: "something published was sent to the phone, or the phone reached for it or wrote of it; that is not an infection",
    },
    Row {
        names: &[Names::Address],
        classes: &PRESENT,
        least_strength: Some(Strength::Medium),
        least_level: Level::Medium,
        corroborated: false,
        verdict: Verdict::Targeting,
        because: "a published address stands in a setting, app or program of the phone; that is not an infection",
    },
    Row {
        names: &ALL_NAMES,
        classes: &ALL_CLASSES,
        least_strength: None,
        least_level: Level::Medium,
        corroborated: false,
        verdict: Verdict::Anomaly,
        because: "there is something to look at, and innocent causes are as likely",
    },
    Row {
        names: &ALL_NAMES,
        classes: &ALL_CLASSES,
        least_strength: None,
        least_level: Level::Informational,
        corroborated: false,
        verdict: Verdict::NoKnownTrace,
        because: "what there is is common on ordinary phones",
    },
];

impl Row {
    fn fits(&self, evidence: &Evidence) -> bool {
        self.names.contains(&evidence.names)
            && self.classes.contains(&evidence.class)
            // A rule has no strength, which is less than the weakest.
            && evidence.strength >= self.least_strength
            && evidence.level >= self.least_level
            && (evidence.corroborated || !self.corroborated)
    }
}

/// A verdict with the row that it follows from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Judged {
    verdict: Verdict,
    /// Earlier rows say more.
    row: Reverse<usize>,
}

impl Judged {
    pub fn of_evidence(evidence: &Evidence) -> Judged {
        let last = TABLE.len() - 1;
        let row = TABLE.iter().position(|row| row.fits(evidence)).unwrap_or(last);
        let verdict = TABLE.get(row).map_or(Verdict::NoKnownTrace, |row| row.verdict);
        Judged { verdict, row: Reverse(row) }
    }

    pub fn of_one(finding: &Finding) -> Judged {
        let (names, strength) = match finding.rule {
            Rule::Heuristic(_) if finding.rests_on.is_empty() => (Names::Nothing, None),
            // What rests on matches of addresses is worth the least that a match in it may be.
            Rule::Heuristic(_) => (Names::Address, Some(Strength::Medium)),
            Rule::Indicator { ioc, strength, .. } if ioc.is_network() || ioc == Ioc::Email => {
                (Names::Address, Some(strength))
            }
            Rule::Indicator { strength, .. } => (Names::Thing, Some(strength)),
        };
        Judged::of_evidence(&Evidence {
            names,
            class: finding.trace,
            strength,
            level: finding.level,
            corroborated: finding.is_corroborated(),
        })
    }

    /// What a set of findings supports: the most that one of them does.
    pub fn of<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> Judged {
        let nothing = Judged { verdict: Verdict::NoKnownTrace, row: Reverse(TABLE.len() - 1) };
        findings.into_iter().map(Judged::of_one).max().unwrap_or(nothing)
    }

    pub fn verdict(self) -> Verdict {
        self.verdict
    }

    /// Number of the row in the table, from 1.
    pub fn row(self) -> usize {
        self.row.0 + 1
    }

    pub fn because(self) -> &'static str {
        TABLE.get(self.row.0).map_or("", |row| row.because)
    }
}

/// The verdict on one campaign, as `run.json` has it.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct CampaignVerdict {
    /// Several where the same values are published for several.
    pub campaign: Vec<String>,
    pub verdict: &'static str,
    /// Row of the table in `docs/verdict.md`.
    pub row: usize,
    pub because: &'static str,
}

/// The verdict on each campaign of which there is a finding, the gravest first.
pub fn by_campaign(findings: &[Finding], set: &IndicatorSet) -> Vec<CampaignVerdict> {
    let mut judged: BTreeMap<Vec<&str>, Judged> = BTreeMap::new();
    for finding in findings.iter().filter(|finding| !finding.indicators().is_empty()) {
        let one = Judged::of_one(finding);
        judged.entry(campaigns(finding, set)).and_modify(|known| *known = one.max(*known)).or_insert(one);
    }
    let mut judged: Vec<_> = judged.into_iter().collect();
    judged.sort_by_key(|(_, judged)| Reverse(*judged));
    let written = |(names, judged): (Vec<&str>, Judged)| CampaignVerdict {
        campaign: names.into_iter().map(str::to_owned).collect(),
        verdict: judged.verdict().words(),
        row: judged.row(),
        because: judged.because(),
    };
    judged.into_iter().map(written).collect()
}

fn word(class: &Trace) -> String {
    super::timeline::word(class)
}

fn strength_word(strength: Strength) -> &'static str {
    match strength {
        Strength::Weak => "weak",
        Strength::Medium => "medium",
        Strength::Strong => "strong",
        Strength::Certain => "certain",
    }
}

fn names_word(names: Names) -> &'static str {
    match names {
        Names::Nothing => "nothing (a rule)",
        Names::Address => "an address",
        Names::Thing => "a thing",
    }
}

/// The table and what follows from it for every evidence there can be, as Markdown.
pub fn page() -> String {
    let mut page = String::from(INTRODUCTION);
    page.push_str("| row | names | evidence class | strength from | level from | corroborated | verdict | because |\n|---|---|---|---|---|---|---|---|\n");
    for (index, row) in TABLE.iter().enumerate() {
        let listed = |all: usize, words: Vec<String>| {
            if words.len() == all { "any".to_owned() } else { words.join(", ") }
        };
        let names =
            listed(ALL_NAMES.len(), row.names.iter().map(|names| names_word(*names).to_owned()).collect());
        let classes = listed(ALL_CLASSES.len(), row.classes.iter().map(word).collect());
        // Writing to a String cannot fail.
        let _ = writeln!(
            page,
            "| {} | {names} | {classes} | {} | {} | {} | *{}* | {} |",
            index + 1,
            row.least_strength.map_or("any", strength_word),
            row.least_level.name(),
            if row.corroborated { "yes" } else { "yes or no" },
            row.verdict.words(),
            row.because,
        );
    }
    for names in ALL_NAMES {
        let _ =
            write!(page, "\n## What follows where the finding names {}\n\n{EVERY_HEAD}", names_word(names));
        let strengths: Vec<Option<Strength>> = match names {
            Names::Nothing => vec![None],
            _ => ALL_STRENGTHS.into_iter().map(Some).collect(),
        };
        for class in ALL_CLASSES {
            for strength in &strengths {
                every(&mut page, names, class, *strength);
            }
        }
    }
    page
}

/// One line of the second part: each level, alone and corroborated.
fn every(page: &mut String, names: Names, class: Trace, strength: Option<Strength>) {
    let _ = write!(page, "| {} | {} |", word(&class), strength.map_or("–", strength_word));
    for level in [Level::Low, Level::Medium, Level::High, Level::Critical] {
        for corroborated in [false, true] {
            let evidence = Evidence { names, class, strength, level, corroborated };
            let _ = write!(page, " {} |", Judged::of_evidence(&evidence).verdict().short());
        }
    }
    page.push('\n');
}

const EVERY_HEAD: &str = "| class | strength | LOW | LOW + | MEDIUM | MEDIUM + | HIGH | HIGH + | CRITICAL | CRITICAL + |\n|---|---|---|---|---|---|---|---|---|---|\n";

const INTRODUCTION: &str = "# How a verdict comes about

A report says one of four things of each campaign, and of the phone as a whole the gravest of them: *trace of known spyware*, *trace of targeting*, *anomaly to review*,
*no known trace in what was checked*. None says that a phone is free of spyware, and only a person can say that it was attacked.

The verdict on a campaign is the gravest that any one finding of it supports. How many findings there are plays no part: a link that was received a hundred times is
a trace of targeting, as it is if it was received once. What one finding supports follows from five facts and nothing else:

- what it *names*: a thing that is or runs on a phone (program, file, app, certificate, profile, setting), an address (host, link, account), or nothing where a rule judged records
  (one that rests on matches of addresses, as `link_chain` does, counts as a medium match of an address);
- its *evidence class*: mentioned, received, stored, logged, resolved, visited, policy, installed, tampered, executed;
- its *strength*: how sure the match is of itself;
- its *level*, which knows more: whether the indicator was withdrawn or is a vendor's public web site, and what other records say for or against it;
- whether it is *corroborated*: a rule found independent records that say the same, and raised it (`hoofprint explain all` prints these rules).

The first row that fits counts. The page is checked against the program by its tests.

";

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> impl Iterator<Item = Evidence> {
        let strengths = |names| match names {
            Names::Nothing => vec![None],
            _ => ALL_STRENGTHS.into_iter().map(Some).collect(),
        };
        ALL_NAMES.into_iter().flat_map(move |names| {
            ALL_CLASSES.into_iter().flat_map(move |class| {
                strengths(names).into_iter().flat_map(move |strength| {
                    Level::ALL.into_iter().flat_map(move |level| {
                        [false, true].map(|corroborated| Evidence {
                            names,
                            class,
                            strength,
                            level,
                            corroborated,
                        })
                    })
                })
            })
        })
    }

    fn verdict(evidence: Evidence) -> Verdict {
        Judged::of_evidence(&evidence).verdict()
    }

    #[test]
    fn every_evidence_has_its_verdict() {
        // Said a second time, in other words than the table's.
        for evidence in all() {
            let is_there = matches!(
                evidence.class,
                Trace::Policy | Trace::Installed | Trace::Tampered | Trace::Executed
            );
            let only_words = matches!(evidence.class, Trace::Mentioned | Trace::Stored);
            let sure = evidence.strength >= Some(Strength::Strong);
            let fair = evidence.strength >= Some(Strength::Medium);
            let expected = if evidence.level < Level::Medium {
                Verdict::NoKnownTrace
            } else if !fair || only_words {
                Verdict::Anomaly
            } else if evidence.names == Names::Address || !is_there {
                Verdict::Targeting
            } else if evidence.level >= Level::High && (sure || evidence.corroborated) {
                Verdict::KnownSpyware
            } else {
                Verdict::Anomaly
            };
            assert_eq!(verdict(evidence), expected, "{evidence:?}");
        }
        assert_eq!(all().count(), (1 + 4 + 4) * 10 * 5 * 2);
    }

    #[test]
    fn more_never_means_less_and_an_address_is_no_infection() {
        for evidence in all() {
            let now = verdict(evidence);
            assert!(verdict(Evidence { level: evidence.level.raised(), ..evidence }) >= now);
            assert!(verdict(Evidence { corroborated: true, ..evidence }) >= now);
            for strength in
                ALL_STRENGTHS.into_iter().filter(|other| evidence.strength.is_some_and(|own| *other > own))
            {
                assert!(verdict(Evidence { strength: Some(strength), ..evidence }) >= now);
            }
            assert!(evidence.names == Names::Thing || now < Verdict::KnownSpyware, "{evidence:?}");
            assert!(evidence.names != Names::Nothing || now <= Verdict::Anomaly, "{evidence:?}");
        }
    }
}
