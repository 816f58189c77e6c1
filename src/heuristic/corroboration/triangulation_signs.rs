use super::prelude::*;
use crate::time::short;

pub const CORROBORATION: Corroboration = Corroboration {
    id: "triangulation_signs",
    title: "The traces of Operation Triangulation and a published sign of it",
    looks_at: "The combination of ordinary traces that Operation Triangulation left within five minutes, and within thirty days of it network use by the program \
        BackupAgent or a match of one of the campaign's published indicators that somebody sent or that the phone reached.",
    why_it_matters: "The combination can come about by chance; the published signs are rare and independent of it. The implant was sent again after each restart, so \
        both stand near each other on the phones of victims.",
    innocent_causes: "A phone that was restored from a backup or set up anew writes the combination, and a link to the campaign's hosts in an article or a warning is \
        a match: both in one month is chance, unless the owner follows the subject.",
    next_check: "Put both findings in the order of time, look for messages from unknown accounts just before and for restarts after, and have a full acquisition made.",
    false_positives: "Expected on fewer than 1 of 20,000 phones; nearly all of them belong to people who investigate the campaign themselves.",
    references: &[
        "https://securelist.com/find-the-triangulation-utility/109867/",
        "https://securelist.com/operation-triangulation/109842/",
    ],
    reads: &[],
    weigh: |findings, kept, set| weigh(findings, kept, set),
};

const WINDOW: &str = "triangulation_window";
const PROGRAM: &str = "backup_agent";
const NAME: &str = "triangulation";
const NEAR_S: u64 = 30 * 86_400;

fn is_sign(finding: &Finding, set: &IndicatorSet) -> bool {
    let of_campaign = || {
        campaigns(finding, set)
            .into_iter()
            .filter_map(|number| set.campaigns.get(usize::from(number)))
            .any(|campaign| campaign.name.to_lowercase().contains(NAME))
    };
    match finding.rule {
        Rule::Heuristic(id) => id == PROGRAM,
        Rule::Indicator { strength, .. } => {
            strength >= Strength::Medium
                && finding.own_level() >= Level::Medium
                && !matches!(finding.trace, Trace::Mentioned | Trace::Stored | Trace::Logged)
                && of_campaign()
        }
    }
}

fn weigh(findings: &mut [Finding], _: &Kept, set: &IndicatorSet) {
    let is_window = |finding: &Finding| finding.rule == Rule::Heuristic(WINDOW);
    let Some(window) = findings.iter().position(is_window) else { return };
    let Some(at) = findings.get(window).and_then(Finding::at) else { return };
    let apart = |finding: &Finding| {
        finding.exhibit.times.iter().map(|stamp| stamp.at.as_second().abs_diff(at.as_second())).min()
    };
    let near = |finding: &Finding| apart(finding).is_some_and(|apart| apart <= NEAR_S);
    let mut signs: Vec<String> = Vec::new();
    for finding in findings.iter_mut().filter(|finding| is_sign(finding, set)) {
        if !near(finding) {
            continue;
        }
        signs.push(if finding.matched.is_empty() { "BackupAgent".into() } else { finding.matched.clone() });
        let why = format!("traces as Operation Triangulation left them stand within thirty days of it, at {}", short(at));
        finding.weigh(CORROBORATION.id, Weight::Raises, why);
    }
    signs.sort();
    signs.dedup();
    if let (Some(finding), false) = (findings.get_mut(window), signs.is_empty()) {
        signs.truncate(3);
        let why = format!("published signs of Operation Triangulation stand within thirty days of it: {}", signs.join(", "));
        finding.weigh(CORROBORATION.id, Weight::Raises, why);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{hit, json, levels, of_rule, weighed};
    use super::*;

    fn window() -> Finding {
        let row = json!({"file": "/private/var/mobile/Library/SMS/Attachments/65", "modified": "2022-03-01T10:00:00Z"});
        of_rule(WINDOW, Trace::Installed, Level::Medium, ("ios.manifest", row))
    }

    fn agent(at: &str) -> Finding {
        of_rule(PROGRAM, Trace::Executed, Level::High, ("ios.datausage", json!({"first_seen": at})))
    }

    fn visit(trace: Trace) -> Finding {
        let row = json!({"visited": "2022-03-02T10:00:00Z"});
        hit("backup.example", trace, Level::Medium, ("ios.safari_history", row))
    }

    #[test]
    fn the_window_and_a_published_sign_raise_each_other() {
        let findings = weighed(&CORROBORATION, vec![agent("2022-03-01T10:03:00Z"), window()], &[]);
        assert_eq!([findings[0].level, findings[1].level], [Level::Critical, Level::High]);
        assert_eq!(
            findings[1].weighed[0].why,
            "published signs of Operation Triangulation stand within thirty days of it: BackupAgent"
        );
        assert_eq!(levels(&CORROBORATION, vec![visit(Trace::Visited), window()], &[]), ["HIGH raised"; 2]);
    }

    #[test]
    fn far_apart_alone_or_only_written_about_nothing_changes() {
        assert_eq!(levels(&CORROBORATION, vec![agent("2022-06-01T10:00:00Z"), window()], &[]), ["HIGH", "MEDIUM"]);
        assert_eq!(levels(&CORROBORATION, vec![window()], &[]), ["MEDIUM"]);
        assert_eq!(levels(&CORROBORATION, vec![agent("2022-03-01T10:03:00Z")], &[]), ["HIGH"]);
        assert_eq!(levels(&CORROBORATION, vec![visit(Trace::Mentioned), window()], &[]), ["MEDIUM"; 2]);
        let other = hit("evil.example", Trace::Visited, Level::High, ("ios.safari_history", json!({"visited": "2022-03-02T10:00:00Z"})));
        assert_eq!(levels(&CORROBORATION, vec![other, window()], &[]), ["HIGH", "MEDIUM"]);
    }
}
