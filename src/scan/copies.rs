//! The same crash report lies on a phone twice, as `.ips` and as `.ips.ca.synced`, and again in the next sysdiagnose: what was found in
//! it is one finding.

use std::collections::HashMap;
use std::sync::Arc;

use super::rule_name;
use crate::finding::Finding;
use crate::indicator::Matcher;

/// The column by which reports of crashes name themselves.
const INCIDENT: &str = "incident";
/// Files named in a finding.
const NAMED: usize = 3;

/// Keeps of findings that say the same of the same incident the first, which names the other files.
pub(super) fn merge(findings: Vec<Finding>, matcher: &Matcher) -> Vec<Finding> {
    let mut merged: Vec<Finding> = Vec::with_capacity(findings.len());
    let mut first: HashMap<[String; 7], usize> = HashMap::new();
    let mut copies: HashMap<usize, Vec<Arc<str>>> = HashMap::new();
    for finding in findings {
        let incident = finding.exhibit.text(INCIDENT);
        if incident.is_empty() {
            merged.push(finding);
            continue;
        }
        let key = [
            finding.exhibit.artifact.to_owned(),
            rule_name(&finding, matcher),
            finding.column.unwrap_or_default().to_owned(),
            finding.value.clone(),
            finding.message.clone(),
            finding.exhibit.place.to_string(),
            incident.to_owned(),
        ];
        let at = *first.entry(key).or_insert(merged.len());
        match merged.get(at) {
            Some(known) if known.exhibit.stored_as != finding.exhibit.stored_as => {
                let files = copies.entry(at).or_default();
                if !files.contains(&finding.exhibit.stored_as) {
                    files.push(finding.exhibit.stored_as);
                }
            }
            _ => merged.push(finding),
        }
    }
    for (at, files) in copies {
        if let Some(finding) = merged.get_mut(at) {
            let named: Vec<String> = files.iter().take(NAMED).map(|file| format!("`{file}`")).collect();
            let more = files.len().saturating_sub(NAMED);
            let more = if more > 0 { format!(" and {more} more files") } else { String::new() };
            finding.caveats.push(format!("the same report lies in {}{more} too", named.join(", ")));
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{Exhibit, Level};
    use crate::indicator::{IndicatorSet, Platform};
    use crate::record::{Origin, Place, Trace, Value};

    fn found(file: &str, row: i64, incident: &str, value: &str) -> Finding {
        let incident = (!incident.is_empty()).then(|| (INCIDENT, Value::Text(incident.to_owned().into())));
        let exhibit = Exhibit {
            artifact: "ios.crash_reports",
            path: file.into(),
            stored_as: file.into(),
            place: Place::row("t", row),
            origin: Origin::Live,
            times: Vec::new(),
            line: String::new(),
            values: incident.into_iter().collect(),
        };
        let mut finding = Finding::of_rule("a", Level::High, Trace::Executed, "bh crashed".into(), &exhibit);
        finding.value = value.to_owned();
        finding
    }

    fn merged(findings: Vec<Finding>) -> Vec<(String, Vec<String>)> {
        let matcher = Matcher::new(IndicatorSet::default(), Platform::Ios);
        let merged = merge(findings, &matcher).into_iter();
        merged.map(|finding| (finding.exhibit.stored_as.to_string(), finding.caveats)).collect()
    }

    #[test]
    fn copies_of_a_report_are_one_finding_that_names_them() {
        let found = |file| found(file, 1, "A1", "bh");
        assert_eq!(
            merged(vec![found("a.ips"), found("a.ips.ca.synced")]),
            [("a.ips".to_owned(), vec!["the same report lies in `a.ips.ca.synced` too".to_owned()])]
        );
        let many = ["a", "b", "c", "d", "e", "f"].map(found).to_vec();
        assert_eq!(merged(many)[0].1, ["the same report lies in `b`, `c`, `d` and 2 more files too"]);
    }

    #[test]
    fn other_incidents_values_places_and_records_without_one_stay() {
        let first = || found("a.ips", 1, "A1", "bh");
        for other in [
            found("b.ips", 1, "A2", "bh"),
            found("b.ips", 1, "A1", "imagent"),
            found("b.ips", 2, "A1", "bh"),
            // Two records of one file.
            found("a.ips", 1, "A1", "bh"),
        ] {
            assert_eq!(merged(vec![first(), other]).len(), 2);
        }
        assert_eq!(merged(vec![found("a", 1, "", "bh"), found("b", 1, "", "bh")]).len(), 2);
    }
}
