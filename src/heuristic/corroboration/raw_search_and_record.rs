use std::collections::BTreeMap;

use super::prelude::*;
use crate::artifact;

pub const CORROBORATION: Corroboration = Corroboration {
    id: "raw_search_and_record",
    title: "The raw search and a record name the same campaign",
    looks_at: "Hits of the search through all bytes on a phone on which a message, visit, program or other record matched an indicator of \
        the same campaign, by itself worth at least MEDIUM.",
    why_it_matters: "Of bytes in a file nobody knows who wrote them and why. Beside a record of the same campaign they may be a copy of it, \
        a cache of the page, or what is left of a deleted row, and deserve to be read together with it.",
    innocent_causes: "Both can have the same harmless cause: an article about the campaign stands in the history and, with all the \
        hosts it quotes, in the browser's cache.",
    next_check: "Open the file of the raw hit at its place and compare its text with the record that is named.",
    false_positives: "It changes no level and no verdict, so it cannot raise a false alarm; on a phone whose owner reads about a campaign it says what \
        is true and means nothing.",
    references: &["https://docs.mvt.re/en/latest/iocs/"],
    reads: &[],
    weigh: |findings, kept, set| weigh(findings, kept, set),
};

fn weigh(findings: &mut [Finding], _: &Kept, set: &IndicatorSet) {
    // The first of each campaign is the gravest.
    let mut typed: BTreeMap<u16, String> = BTreeMap::new();
    let raw = artifact::sweep::ARTIFACT.id;
    let tells = |finding: &&Finding| {
        matches!(finding.rule, Rule::Indicator { .. })
            && finding.exhibit.artifact != raw
            && finding.own_level() >= Level::Medium
    };
    for finding in findings.iter().filter(tells) {
        for campaign in campaigns(finding, set) {
            typed.entry(campaign).or_insert_with(|| told(finding));
        }
    }
    for finding in findings.iter_mut().filter(|finding| finding.exhibit.artifact == raw) {
        let beside = campaigns(finding, set).into_iter().find_map(|campaign| typed.get(&campaign));
        if let Some(beside) = beside {
            let why = format!("a record of this phone names the same campaign: {beside}");
            finding.weigh(CORROBORATION.id, Weight::Noted, why);
        }
    }
}

fn told(finding: &Finding) -> String {
    let title = artifact::find(finding.exhibit.artifact).map_or("a record", |artifact| artifact.title);
    match finding.at() {
        Some(at) => format!("{} in {title}, {}", finding.matched, crate::time::short(at)),
        None => format!("{} in {title}", finding.matched),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{hit, json, levels, weighed};
    use super::*;

    fn raw(value: &str) -> Finding {
        hit(value, Trace::Stored, Level::Medium, ("sweep", json!({"matched": value})))
    }

    fn visit(value: &str, level: Level) -> Finding {
        let row = json!({"url": "https://evil.example/", "visited": "2023-05-06T07:08:09Z"});
        hit(value, Trace::Visited, level, ("ios.safari_history", row))
    }

    #[test]
    fn a_raw_hit_names_the_record_of_its_campaign_and_keeps_its_level() {
        let findings = weighed(&CORROBORATION, vec![visit("evil.example", Level::High), raw("bh")], &[]);
        assert_eq!((findings[0].weighed.len(), findings[1].level), (0, Level::Medium));
        assert_eq!(
            findings[1].weighed[0].why,
            "a record of this phone names the same campaign: evil.example in Safari history, 2023-05-06 07:08:09 UTC"
        );
    }

    #[test]
    fn other_campaigns_slight_records_and_other_raw_hits_say_nothing() {
        let silent = |other| levels(&CORROBORATION, vec![raw("bh"), other], &[])[0] == "MEDIUM";
        assert!(silent(visit("backup.example", Level::High)));
        assert!(silent(visit("evil.example", Level::Low)));
        assert!(silent(raw("evil.example")));
    }
}
