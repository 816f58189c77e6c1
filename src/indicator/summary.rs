//! A set in numbers: kinds, campaigns, sources, and what was not used, by reason.

use std::collections::{BTreeMap, HashSet};

use serde::Serialize;

use super::intake::{canonical, platform_name, role_name};
use super::set::{IndicatorSet, Source};

/// Numbers of values by a word that describes them.
pub type Counts = BTreeMap<&'static str, usize>;

/// What a set holds.
#[derive(Clone, Debug, Serialize)]
pub struct Summary<'s> {
    pub values: usize,
    /// Values that differ in kind or canonical form; one value of two campaigns counts once.
    pub distinct: usize,
    pub kinds: Counts,
    pub roles: Counts,
    pub platforms: Counts,
    /// Withdrawn by their publishers.
    pub revoked: usize,
    /// With an end of their validity.
    pub limited: usize,
    /// With a note on the value itself.
    pub noted: usize,
    pub campaigns: Vec<CampaignSummary<'s>>,
    pub sources: Vec<SourceSummary<'s>>,
    /// Entries that are not used by reason, the most frequent first.
    pub ignored: Vec<(String, usize)>,
}

/// One campaign of a set.
#[derive(Clone, Debug, Serialize)]
pub struct CampaignSummary<'s> {
    pub name: &'s str,
    pub vendor: &'s str,
    pub values: usize,
    pub kinds: Counts,
}

/// One file or bundled set.
#[derive(Clone, Debug, Serialize)]
pub struct SourceSummary<'s> {
    #[serde(flatten)]
    pub source: &'s Source,
    pub kinds: Counts,
    /// The names of its campaigns, sorted.
    pub campaigns: Vec<&'s str>,
    /// Entries of the file that are not used.
    pub ignored: usize,
}

/// Counts everything once.
pub fn summary(set: &IndicatorSet) -> Summary<'_> {
    let mut summary = Summary {
        values: set.indicators.len(),
        distinct: 0,
        kinds: Counts::new(),
        roles: Counts::new(),
        platforms: Counts::new(),
        revoked: 0,
        limited: 0,
        noted: 0,
        campaigns: set
            .campaigns
            .iter()
            .map(|it| CampaignSummary { name: &it.name, vendor: &it.vendor, values: 0, kinds: Counts::new() })
            .collect(),
        sources: set
            .sources
            .iter()
            .map(|source| SourceSummary {
                source,
                kinds: Counts::new(),
                campaigns: Vec::new(),
                ignored: set.skipped.iter().filter(|skipped| skipped.file == source.name).count(),
            })
            .collect(),
        ignored: ignored(set),
    };
    let mut distinct = HashSet::new();
    let mut pairs = HashSet::new();
    for indicator in &set.indicators {
        let kind = indicator.ioc.name();
        distinct.insert((indicator.ioc, canonical(indicator.ioc, &indicator.value)));
        count(&mut summary.kinds, kind);
        count(&mut summary.roles, role_name(indicator.role));
        count(&mut summary.platforms, platform_name(indicator.platform));
        summary.revoked += usize::from(indicator.revoked);
        summary.limited += usize::from(indicator.valid_until.is_some());
        summary.noted += usize::from(!indicator.note.is_empty());
        let campaign = summary.campaigns.get_mut(usize::from(indicator.campaign));
        let name = campaign.as_ref().map_or("", |campaign| campaign.name);
        if let Some(campaign) = campaign {
            campaign.values += 1;
            count(&mut campaign.kinds, kind);
        }
        if let Some(source) = summary.sources.get_mut(usize::from(indicator.source)) {
            count(&mut source.kinds, kind);
            if pairs.insert((indicator.source, indicator.campaign)) {
                source.campaigns.push(name);
            }
        }
    }
    summary.distinct = distinct.len();
    summary.sources.iter_mut().for_each(|source| source.campaigns.sort_unstable());
    summary
        .campaigns
        .sort_by(|one, other| other.values.cmp(&one.values).then_with(|| one.name.cmp(other.name)));
    summary
}

fn count(counts: &mut Counts, word: &'static str) {
    *counts.entry(word).or_default() += 1;
}

fn ignored(set: &IndicatorSet) -> Vec<(String, usize)> {
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    for skipped in &set.skipped {
        *reasons.entry(general(&skipped.why)).or_default() += 1;
    }
    let mut reasons: Vec<_> = reasons.into_iter().collect();
    reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    reasons
}

/// A reason without the numbers and names of one case.
fn general(why: &str) -> String {
    let mut text = String::with_capacity(why.len());
    for (position, part) in why.split('`').enumerate() {
        if position % 2 == 1 {
            text.push('…');
            continue;
        }
        let mut in_number = false;
        for character in part.chars() {
            let is_digit = character.is_ascii_digit();
            match (is_digit, in_number) {
                (true, false) => text.push('N'),
                (true, true) => {}
                (false, _) => text.push(character),
            }
            in_number = is_digit;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::indicator::intake::{Entry, Intake};
    use crate::indicator::{Ioc, Role};

    #[test]
    fn everything_is_counted_once() {
        let mut set = IndicatorSet::default();
        let source = Source { name: "one".into(), ..Source::default() };
        let mut intake = Intake::new(&mut set, source).unwrap();
        let (spy, other) = (intake.campaign_named("Spy"), intake.campaign_named("Other"));
        intake.add(1, Entry::new(Ioc::Domain, "a.example.com", spy));
        intake.add(2, Entry::new(Ioc::Domain, "A.example.com", other));
        intake.add(3, Entry { role: Role::C2, ..Entry::new(Ioc::Ip, "198.51.100.1", spy) });
        intake.add(4, Entry::new(Ioc::Domain, "a.example.com", spy));
        intake.add(5, Entry::new(Ioc::Domain, "a.example.com", spy));
        intake.finish();
        let summary = summary(&set);
        assert_eq!((summary.values, summary.distinct), (3, 2));
        assert_eq!(summary.kinds, Counts::from([("domain", 2), ("ip", 1)]));
        assert_eq!(summary.roles["c2"], 1);
        assert_eq!((summary.campaigns[0].name, summary.campaigns[0].values), ("Spy", 2));
        assert_eq!(summary.sources[0].campaigns, ["Other", "Spy"]);
        assert_eq!(summary.sources[0].ignored, 2);
        assert_eq!(summary.ignored, [("the same value and campaign as on line N".to_owned(), 2)]);
    }

    #[test]
    fn a_reason_loses_its_numbers_and_names() {
        assert_eq!(general("links to `a--1`, line 12"), "links to …, line N");
    }
}
