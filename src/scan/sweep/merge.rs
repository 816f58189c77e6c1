//! What the raw search found where artifacts had found it already is not told twice.

use std::collections::HashMap;

use crate::artifact::sweep::ARTIFACT;
use crate::finding::{Finding, Rule};
use crate::indicator::{IndicatorSet, Ioc};
use crate::record::Origin;

/// A file and a value, in whatever sets it is published.
type Key = (String, String, Ioc, Box<str>);

fn key(finding: &Finding, set: &IndicatorSet) -> Option<Key> {
    let Rule::Indicator { indicators, .. } = &finding.rule else { return None };
    let indicator = set.indicators.get(*indicators.first()? as usize)?;
    let (path, stored_as) = (finding.exhibit.path.to_string(), finding.exhibit.stored_as.to_string());
    Some((path, stored_as, indicator.ioc, indicator.value.clone()))
}

/// Drops hits of the raw search in files in which an artifact found the same value. What is left of it in deleted content, and of
/// which no record was recovered, is said with the artifact's finding.
pub(in crate::scan) fn merge(findings: Vec<Finding>, set: &IndicatorSet) -> Vec<Finding> {
    let (raw, mut told): (Vec<_>, Vec<_>) =
        findings.into_iter().partition(|finding| finding.exhibit.artifact == ARTIFACT.id);
    let mut by_key: HashMap<Key, usize> = HashMap::new();
    let mut recovered: HashMap<Key, bool> = HashMap::new();
    for (at, finding) in told.iter().enumerate() {
        if let Some(key) = key(finding, set) {
            *recovered.entry(key.clone()).or_default() |= finding.exhibit.origin == Origin::Freed;
            by_key.entry(key).or_insert(at);
        }
    }
    let mut kept = Vec::new();
    for finding in raw {
        let Some(key) = key(&finding, set) else { continue };
        let Some(known) = by_key.get(&key).and_then(|at| told.get_mut(*at)) else {
            kept.push(finding);
            continue;
        };
        let deleted = finding.exhibit.value("deleted").is_true();
        if deleted && recovered.get(&key) == Some(&false) {
            let inside = finding.exhibit.value("inside");
            let inside = inside.as_text().unwrap_or("deleted content");
            let note = format!("the same file holds it in deleted or superseded content too: {inside}");
            if !known.caveats.contains(&note) {
                known.caveats.push(note);
            }
        }
    }
    told.extend(kept);
    told
}
