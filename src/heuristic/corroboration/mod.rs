//! Corroboration: rules that weigh findings against each other and against the records beside them. They see what all other rules and
//! matches found, change a level by a step or two, and say so in the finding; they never drop one.
//!
//! A rule judges by what a finding was worth of its own (`own_level`), so the order of the rules decides nothing.

use std::collections::BTreeSet;

use super::{Kept, Reads};
use crate::finding::{Finding, Rule};
use crate::indicator::{Indicator, IndicatorSet, Ioc};

/// A rule that weighs findings, and what a reader must know about it.
pub struct Corroboration {
    /// The name of its file.
    pub id: &'static str,
    pub title: &'static str,
    pub looks_at: &'static str,
    pub why_it_matters: &'static str,
    pub innocent_causes: &'static str,
    pub next_check: &'static str,
    /// How often it is expected to err, and on which phones.
    pub false_positives: &'static str,
    /// Public reports and documents.
    pub references: &'static [&'static str],
    /// Records beside the findings.
    pub reads: &'static [Reads],
    /// Weighs the findings, which come in the order of the report, and may add some.
    pub weigh: fn(&mut Vec<Finding>, &Kept, &IndicatorSet),
}

/// Declares the rule files and lists them.
macro_rules! corroborations {
    ($($name:ident)*) => {
        $(mod $name;)*
        /// Every rule, in the order in which they are listed.
        pub const ALL: &[&Corroboration] = &[$(&$name::CORROBORATION),*];
    };
}

corroborations! {
    app_of_the_same_name
    link_chain
    page_never_loaded
    profile_root_and_proxy
    program_in_independent_records
    raw_search_and_record
    triangulation_signs
}

#[cfg(test)]
mod testing;

/// What a rule file needs.
mod prelude {
    pub use super::super::prelude::{Exhibit, Finding, Kept, Level, Reads, Trace, Value};
    pub use super::{Corroboration, campaigns, matched};
    pub use crate::artifact::Record;
    pub use crate::finding::{Rule, Weight};
    pub use crate::indicator::{IndicatorSet, Ioc, Strength};
}

/// The first indicator of a match.
pub fn matched<'a>(finding: &Finding, set: &'a IndicatorSet) -> Option<(Ioc, &'a Indicator)> {
    let Rule::Indicator { indicators, ioc, .. } = &finding.rule else { return None };
    Some((*ioc, set.indicators.get(*indicators.first()? as usize)?))
}

/// The campaigns of a match by their number; none for those without a name, which say nothing of belonging together.
pub fn campaigns(finding: &Finding, set: &IndicatorSet) -> BTreeSet<u16> {
    let indicators = finding.indicators().iter().filter_map(|index| set.indicators.get(*index as usize));
    let numbers = indicators.map(|indicator| indicator.campaign);
    numbers
        .filter(|number| set.campaigns.get(usize::from(*number)).is_some_and(|one| !one.name.is_empty()))
        .collect()
}
