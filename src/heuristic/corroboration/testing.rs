//! For the tests of rules that weigh: findings of records made by hand, and what became of them.

pub use serde_json::json;

use super::Corroboration;
use crate::finding::{Exhibit, Finding, Level, Rule};
use crate::heuristic::testing::{exhibits, kept};
use crate::indicator::{Campaign, Form, Indicator, IndicatorSet, Ioc, Strength};
use crate::record::Trace;

pub type Row = (&'static str, serde_json::Value);

/// Two campaigns, Pegasus and Operation Triangulation, with the hosts and programs that tests name.
pub fn set() -> IndicatorSet {
    let campaign = |name: &str| Campaign { name: name.into(), ..Campaign::default() };
    let mut set = IndicatorSet {
        campaigns: vec![campaign("Pegasus"), campaign("Operation Triangulation")],
        ..IndicatorSet::default()
    };
    for (ioc, value, campaign) in [
        (Ioc::Domain, "evil.example", 0),
        (Ioc::Process, "bh", 0),
        (Ioc::Domain, "backup.example", 1),
        (Ioc::Email, "sender@example.org", 0),
    ] {
        set.indicators.push(Indicator {
            ioc,
            value: value.into(),
            campaign,
            source: 0,
            role: Default::default(),
            platform: Default::default(),
            stix_id: "".into(),
            valid_from: None,
            valid_until: None,
            revoked: false,
            note: "".into(),
        });
    }
    set
}

fn exhibit(row: &Row) -> Exhibit {
    exhibits(std::slice::from_ref(row)).remove(0)
}

/// A match of an indicator of [`set`] in a record.
pub fn hit(value: &str, trace: Trace, level: Level, row: Row) -> Finding {
    hit_of(Strength::Certain, value, trace, level, row)
}

pub fn hit_of(strength: Strength, value: &str, trace: Trace, level: Level, row: Row) -> Finding {
    let set = set();
    let index = set.indicators.iter().position(|indicator| *indicator.value == *value).unwrap();
    let mut finding = of_rule("", trace, level, row);
    finding.rule = Rule::Indicator {
        indicators: vec![index as u32],
        ioc: set.indicators[index].ioc,
        strength,
        form: Form::Exact,
    };
    finding.message = format!("{value} of its campaign");
    finding.value = value.into();
    finding.matched = value.into();
    finding
}

/// A finding of a rule about a record.
pub fn of_rule(id: &'static str, trace: Trace, level: Level, row: Row) -> Finding {
    Finding::of_rule(id, level, trace, format!("{id} says so"), &exhibit(&row))
}

/// What the rule makes of findings, with records beside them; records that it does not read do not reach it.
pub fn weighed(rule: &Corroboration, mut findings: Vec<Finding>, records: &[Row]) -> Vec<Finding> {
    (rule.weigh)(&mut findings, &kept(rule.reads, records), &set());
    findings
}

/// [`weighed`] as `LEVEL word` for each finding, without the word where nothing was said.
pub fn levels(rule: &Corroboration, findings: Vec<Finding>, records: &[Row]) -> Vec<String> {
    let findings = weighed(rule, findings, records);
    let word = |finding: &Finding| finding.weighed.first().map(|weighed| weighed.weight.word());
    let told = |finding: &Finding| match word(finding) {
        Some(word) => format!("{} {word}", finding.level.name()),
        None => finding.level.name().to_owned(),
    };
    findings.iter().map(told).collect()
}
