//! What other indicators would change in an earlier scan: findings held against findings, as they are written.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::mvt::text;

/// What becomes of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    New,
    Changed,
    Lost,
}

/// A finding that is not the same before and after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub fate: Fate,
    /// `CRITICAL domain evil.xyz in ios.sms, …`
    pub message: String,
    /// What tells the finding from all others.
    pub subject: String,
}

/// Compares the findings of indicators by artifact, file, place, column and value; what only rules found does not count. The new ones
/// come first, then changed and lost ones, each in a stable order.
pub fn changes(before: &[Map<String, Value>], after: &[Map<String, Value>]) -> Vec<Change> {
    let (before, after) = (by_key(before), by_key(after));
    let mut changes = Vec::new();
    for (key, finding) in &after {
        match before.get(key) {
            None => changes.push(change(Fate::New, key, said(finding))),
            Some(old) if judgement(old) != judgement(finding) => {
                let message = format!("{}; it was {}", said(finding), judgement(old));
                changes.push(change(Fate::Changed, key, message));
            }
            Some(_) => {}
        }
    }
    for (key, finding) in before.iter().filter(|(key, _)| !after.contains_key(*key)) {
        changes.push(change(Fate::Lost, key, said(finding)));
    }
    changes.sort_by(|one, other| (one.fate, &one.subject).cmp(&(other.fate, &other.subject)));
    changes
}

fn change(fate: Fate, key: &str, message: String) -> Change {
    Change { fate, message, subject: key.to_owned() }
}

type Findings<'a> = BTreeMap<String, &'a Map<String, Value>>;

fn by_key(findings: &[Map<String, Value>]) -> Findings<'_> {
    findings.iter().filter_map(|finding| Some((key(finding)?, finding))).collect()
}

/// `None` where a rule found it.
fn key(finding: &Map<String, Value>) -> Option<String> {
    let indicator = finding.get("indicator")?.as_object()?;
    let place = finding.get("where").map(Value::to_string).unwrap_or_default();
    let parts = [
        text(indicator, "type"),
        text(indicator, "value"),
        text(finding, "artifact"),
        text(finding, "path"),
        text(finding, "stored_as"),
        &place,
        text(finding, "column"),
    ];
    Some(parts.join(" "))
}

fn campaigns(finding: &Map<String, Value>) -> String {
    let names =
        finding.get("indicator").and_then(|indicator| indicator.get("campaigns")).and_then(Value::as_array);
    let mut names: Vec<&str> = names.into_iter().flatten().filter_map(Value::as_str).collect();
    names.sort_unstable();
    names.dedup();
    names.join(" and ")
}

fn judgement(finding: &Map<String, Value>) -> String {
    let (level, strength, form) = (text(finding, "level"), text(finding, "strength"), text(finding, "form"));
    format!("{level}, {strength} ({form}), {}", campaigns(finding))
}

fn said(finding: &Map<String, Value>) -> String {
    let indicator = finding.get("indicator").and_then(Value::as_object);
    let of = |key: &str| indicator.map_or("", |indicator| text(indicator, key));
    let time = text(finding, "time");
    format!(
        "{} `{}` in {}, {}{}{}: {}",
        of("type"),
        of("value"),
        text(finding, "artifact"),
        text(finding, "path"),
        if time.is_empty() { "" } else { ", " },
        time,
        judgement(finding)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(value: &str, level: &str, row: u32) -> Map<String, Value> {
        let text = format!(
            r#"{{"artifact":"ios.sms","path":"/sms.db","where":{{"table":"message","row":{row}}},"column":"text","level":"{level}",
                "strength":"strong","form":"in-text","indicator":{{"type":"domain","value":"{value}","campaigns":["Spy"]}}}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn new_changed_and_lost_findings_are_told_and_the_others_not() {
        let rule = serde_json::from_str(r#"{"artifact":"ios.sms","heuristic":{"id":"x"}}"#).unwrap();
        let before =
            [finding("a.xyz", "HIGH", 1), finding("b.xyz", "HIGH", 2), finding("c.xyz", "LOW", 3), rule];
        let after = [finding("c.xyz", "HIGH", 3), finding("a.xyz", "HIGH", 1), finding("a.xyz", "HIGH", 9)];
        let changes: Vec<_> =
            changes(&before, &after).into_iter().map(|change| (change.fate, change.message)).collect();
        let told = |text: &str| text.to_owned();
        assert_eq!(
            changes,
            [
                (Fate::New, told("domain `a.xyz` in ios.sms, /sms.db: HIGH, strong (in-text), Spy")),
                (
                    Fate::Changed,
                    told(
                        "domain `c.xyz` in ios.sms, /sms.db: HIGH, strong (in-text), Spy; it was LOW, strong (in-text), Spy"
                    )
                ),
                (Fate::Lost, told("domain `b.xyz` in ios.sms, /sms.db: HIGH, strong (in-text), Spy")),
            ]
        );
    }

    #[test]
    fn findings_without_the_usual_fields_do_not_panic() {
        let odd = serde_json::from_str(r#"{"indicator":{"campaigns":7},"where":null,"level":[]}"#).unwrap();
        assert_eq!(changes(&[odd], &[]).len(), 1);
    }
}
