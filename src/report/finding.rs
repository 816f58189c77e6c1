//! A finding as one JSON object: everything needed to read it alone, in the order in which a person asks.

use serde::Serialize;

use super::verdict::Judged;
use super::words;
use crate::finding::{Finding, Rule, Stamp, Weighed};
use crate::heuristic;
use crate::indicator::Matcher;
use crate::indicator::{Form, IndicatorSet, Strength};
use crate::record::{Origin, Place, Trace, Value};
use crate::scan::rule_name;

/// The object in `findings.jsonl`.
#[derive(Serialize)]
pub struct Written<'a> {
    pub id: String,
    pub level: &'static str,
    pub evidence_class: Trace,
    pub message: &'a str,
    /// The earliest time of the record; null where it has none.
    pub time: Option<String>,
    pub times: &'a [Stamp],
    pub artifact: &'static str,
    pub path: &'a str,
    pub stored_as: &'a str,
    #[serde(rename = "where")]
    pub place: &'a Place,
    pub origin: Origin,
    pub column: Option<&'static str>,
    pub value: &'a str,
    pub matched: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strength: Option<Strength>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub form: Option<Form>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub indicator: Option<Indicator<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heuristic: Option<Heuristic>,
    pub caveats: &'a [String],
    /// What other records did to the level.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub weighed: &'a [Weighed],
    /// What this finding alone supports.
    pub verdict: &'static str,
    pub meaning: &'static str,
    pub innocent_causes: &'static str,
    pub next_check: &'static str,
    pub line: &'a str,
    #[serde(serialize_with = "as_object")]
    pub record: &'a [(&'static str, Value<'static>)],
}

#[derive(Serialize)]
pub struct Indicator<'a> {
    pub value: &'a str,
    #[serde(rename = "type")]
    pub ioc: &'static str,
    pub campaign: &'a str,
    /// All campaigns the value is published for.
    pub campaigns: Vec<&'a str>,
    pub source: &'a str,
    pub publisher: &'a str,
    pub report: &'a str,
    pub link: &'a str,
    pub date: &'a str,
    pub stix_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<String>,
    pub revoked: bool,
}

#[derive(Serialize)]
pub struct Heuristic {
    pub id: &'static str,
    pub title: &'static str,
    pub looks_at: &'static str,
    pub why_it_matters: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub false_positives: &'static str,
    pub references: &'static [&'static str],
}

fn as_object<S: serde::Serializer>(
    values: &[(&'static str, Value<'static>)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(values.iter().map(|(name, value)| (name, value)))
}

/// The stable id of a finding.
pub fn id_of(finding: &Finding, matcher: &Matcher) -> String {
    finding.id(&rule_name(finding, matcher))
}

/// A finding with all that its rule and its indicator say about it.
pub fn written<'a>(finding: &'a Finding, matcher: &'a Matcher) -> Written<'a> {
    let exhibit = &finding.exhibit;
    let rule = match finding.rule {
        Rule::Heuristic(id) => heuristic::about(id),
        Rule::Indicator { .. } => None,
    };
    let (strength, form) = match finding.rule {
        Rule::Indicator { strength, form, .. } => (Some(strength), Some(form)),
        Rule::Heuristic(_) => (None, None),
    };
    Written {
        id: id_of(finding, matcher),
        level: finding.level.name(),
        evidence_class: finding.trace,
        message: &finding.message,
        time: finding.at().map(crate::time::iso),
        times: &exhibit.times,
        artifact: exhibit.artifact,
        path: &exhibit.path,
        stored_as: &exhibit.stored_as,
        place: &exhibit.place,
        origin: exhibit.origin,
        column: finding.column,
        value: &finding.value,
        matched: &finding.matched,
        strength,
        form,
        indicator: indicator(finding, matcher),
        heuristic: rule.map(|rule| Heuristic {
            id: rule.id,
            title: rule.title,
            looks_at: rule.looks_at,
            why_it_matters: rule.why_it_matters,
            false_positives: rule.false_positives,
            references: rule.references,
        }),
        caveats: &finding.caveats,
        weighed: &finding.weighed,
        verdict: Judged::of_one(finding).verdict().words(),
        meaning: words::meaning(finding.trace),
        innocent_causes: rule.map_or(words::innocent_causes(finding.trace), |rule| rule.innocent_causes),
        next_check: rule.map_or(words::next_check(finding.trace), |rule| rule.next_check),
        line: &exhibit.line,
        record: &exhibit.values,
    }
}

fn indicator<'a>(finding: &Finding, matcher: &'a Matcher) -> Option<Indicator<'a>> {
    let Rule::Indicator { indicators, .. } = &finding.rule else { return None };
    let set = matcher.set();
    let first = indicators.iter().find_map(|index| set.indicators.get(*index as usize))?;
    let source = set.sources.get(usize::from(first.source))?;
    let campaigns = campaigns(finding, set);
    Some(Indicator {
        value: &first.value,
        ioc: first.ioc.name(),
        campaign: campaigns.first().copied().unwrap_or_default(),
        campaigns,
        source: &source.name,
        publisher: &source.publisher,
        report: &source.report,
        link: &source.link,
        date: &source.date,
        stix_id: &first.stix_id,
        valid_from: first.valid_from.map(crate::time::iso),
        valid_until: first.valid_until.map(crate::time::iso),
        revoked: first.revoked,
    })
}

/// The campaigns whose indicators a finding names.
pub fn campaigns<'a>(finding: &Finding, set: &'a IndicatorSet) -> Vec<&'a str> {
    let indicators = finding.indicators().iter().filter_map(|index| set.indicators.get(*index as usize));
    let mut names: Vec<&str> = indicators
        .filter_map(|indicator| set.campaigns.get(usize::from(indicator.campaign)))
        .map(|campaign| &*campaign.name)
        .collect();
    names.dedup();
    names
}
