//! What it means that a file holds an indicator: told by where the file lies, and by what else it names.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use globset::{GlobBuilder, GlobMatcher};

use crate::artifact::Artifact;
use crate::indicator::{Indicator, IndicatorSet};
use crate::record::Trace;

/// Files that name this many values of several campaigns, or so many of one, are lists.
const LISTED: usize = 5;
const LISTED_OF_ONE: usize = 25;

/// What hits in a file mean.
pub(super) struct Meaning {
    trace: Trace,
    /// Whose file it is, in words.
    pub holder: String,
    /// Why it says nothing against the phone.
    pub harmless: Option<String>,
}

impl Meaning {
    /// The evidence class of an indicator in the file. That a program or file is named there does not make it run or be there.
    pub fn trace(&self, indicator: &Indicator) -> Trace {
        match self.trace {
            Trace::Installed | Trace::Executed | Trace::Policy if indicator.ioc.is_network() => {
                Trace::Resolved
            }
            Trace::Resolved | Trace::Visited if !indicator.ioc.is_network() => Trace::Stored,
            Trace::Visited => Trace::Resolved,
            Trace::Installed | Trace::Executed | Trace::Policy | Trace::Tampered => Trace::Stored,
            trace => trace,
        }
    }
}

struct Known {
    glob: GlobMatcher,
    /// `None` where it is harmless.
    trace: Option<Trace>,
    words: &'static str,
}

/// The table of places, in the order in which they are asked.
static PLACES: LazyLock<Vec<Known>> = LazyLock::new(|| {
    let lines = include_str!("places.txt").lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let known = |line: &'static str| {
        let mut fields = line.splitn(3, '\t');
        let (class, glob, words) = (fields.next()?, fields.next()?, fields.next()?);
        let trace = match class {
            "harmless" => None,
            "resolved" => Some(Trace::Resolved),
            "received" => Some(Trace::Received),
            "mentioned" => Some(Trace::Mentioned),
            "logged" => Some(Trace::Logged),
            _ => return None,
        };
        let glob = GlobBuilder::new(glob).literal_separator(true).build().ok()?.compile_matcher();
        Some(Known { glob, trace, words })
    };
    lines.filter_map(known).collect()
});

/// What hits of the `named` indicators in the file at `path` mean. `read_as` is the artifact that reads it, if one does.
pub(super) fn meaning<'s>(
    path: &str,
    read_as: Option<&Artifact>,
    named: impl Iterator<Item = &'s u32>,
    set: &'s IndicatorSet,
) -> Meaning {
    let known = PLACES.iter().find(|known| known.glob.is_match(path));
    let mut meaning = Meaning { trace: Trace::Stored, holder: String::new(), harmless: None };
    match (known, read_as) {
        (Some(Known { trace: None, words, .. }), _) => meaning.harmless = Some((*words).to_owned()),
        (Some(Known { trace: Some(trace), words, .. }), _) => {
            meaning.trace = *trace;
            meaning.holder = (*words).to_owned();
        }
        (None, Some(artifact)) => {
            meaning.trace = artifact.shows;
            meaning.holder = artifact.title.to_owned();
        }
        (None, None) => {}
    }
    if meaning.trace == Trace::Stored {
        meaning.harmless = meaning.harmless.or_else(|| list(named, set));
    }
    meaning
}

/// Says so where a file names what only lists and reports name together.
fn list<'s>(named: impl Iterator<Item = &'s u32>, set: &'s IndicatorSet) -> Option<String> {
    let named = named.filter_map(|id| set.indicators.get(*id as usize));
    let mut values = BTreeSet::new();
    let mut campaigns = BTreeSet::new();
    for indicator in named {
        values.insert((indicator.ioc, &*indicator.value));
        campaigns.insert(set.campaigns.get(usize::from(indicator.campaign)).map(|campaign| &*campaign.name));
    }
    let is_list = values.len() >= LISTED && campaigns.len() > 1 || values.len() >= LISTED_OF_ONE;
    is_list.then(|| {
        format!(
            "this file names {} published values of {} campaigns, as lists, reports and the output of tools do",
            values.len(),
            campaigns.len()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_is_understood_and_says_why() {
        let lines = include_str!("places.txt").lines();
        let lines = lines.filter(|line| !line.starts_with('#') && !line.is_empty()).count();
        assert_eq!(PLACES.len(), lines);
        assert!(PLACES.iter().all(|known| known.words.len() > 3));
    }

    #[test]
    fn a_block_list_is_harmless_and_a_web_cache_is_not() {
        let set = IndicatorSet::default();
        let of = |path: &str| meaning(path, None, [].iter(), &set);
        assert!(of("/private/var/mobile/Library/Safari/SafeBrowsing/x.db").harmless.is_some());
        let cache = of("/private/var/mobile/Containers/Data/Application/x.y/Library/Caches/x.y/Cache.db");
        assert!(cache.harmless.is_none() && cache.trace == Trace::Resolved);
        let unknown = of("/private/var/mobile/Containers/Data/Application/x.y/Documents/store.db");
        assert!(unknown.harmless.is_none() && unknown.trace == Trace::Stored);
    }
}
