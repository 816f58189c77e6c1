//! What rules about the properties of an Android phone share: several signs of one state are one finding.

use std::collections::BTreeMap;

use super::prelude::*;

/// What a property of that name and value would mean, and how grave that is.
pub type Meaning = fn(&str, &str) -> Option<(Level, &'static str)>;

/// One finding of the gravest level, which begins with `state` and names every sign.
pub fn judge(id: &'static str, state: &str, meaning: Meaning, kept: &Kept, findings: &mut Vec<Finding>) {
    let mut signs: BTreeMap<&str, (Level, &Exhibit)> = BTreeMap::new();
    for property in kept.of("android.properties") {
        if let Some((level, meaning)) = meaning(property.text("name"), property.text("value")) {
            signs.entry(meaning).or_insert((level, property));
        }
    }
    let Some((level, exhibit)) = signs.values().max_by_key(|(level, _)| *level) else { return };
    let named: Vec<&str> = signs.keys().copied().collect();
    let message = format!("{state}: {}", named.join("; "));
    findings.push(Finding::of_rule(id, *level, Trace::Policy, message, exhibit));
}
