use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "version_went_back",
    title: "An older version of iOS after a newer one",
    looks_at: "Builds of iOS that the journals of the analytics and the statistics of the trust services name, in the order of their times.",
    why_it_matters: "iOS does not go back by itself: the phone was restored, or its data came from a phone with a newer system. What lies \
        before that moment may be of another phone, and traces of an attack may be gone.",
    innocent_causes: "The owner left a beta, a shop or laboratory restored the phone, or the data of a former phone was carried over.",
    next_check: "Ask the owner about restores and former phones at that time, and read older records with it in mind.",
    references: &["https://support.apple.com/en-us/118105", "https://docs.mvt.re/en/latest/ios/records/"],
    reads: &[
        Reads { artifact: "ios.version_history", keep: has_build },
        Reads { artifact: "ios.security_analytics_builds", keep: has_build },
    ],
    check,
};

fn has_build(record: &Record<'_>) -> bool {
    record.value("build").as_text().is_some_and(|build| branch(build).is_some())
}

/// `20G75` as 20 and `G`: what follows counts differently in betas.
fn branch(build: &str) -> Option<(u32, char)> {
    let at = build.find(|c: char| !c.is_ascii_digit())?;
    let (train, rest) = build.split_at_checked(at)?;
    Some((train.parse().ok()?, rest.chars().next().filter(char::is_ascii_uppercase)?))
}

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    let records = HEURISTIC.reads.iter().flat_map(|reads| kept.of(reads.artifact));
    let mut builds: Vec<_> =
        records.filter_map(|exhibit| Some((exhibit.at()?, branch(exhibit.text("build"))?, exhibit))).collect();
    builds.sort_by_key(|(at, branch, _)| (*at, *branch));
    let steps = builds.iter().zip(builds.iter().skip(1));
    // Once is enough to say that the phone was restored.
    if let Some(((_, _, before), (at, _, after))) = steps.into_iter().find(|((_, before, _), (_, after, _))| after < before) {
        let message = format!(
            "The phone ran the older build {} of iOS on {}, after build {}",
            after.text("build"),
            crate::time::short(*at),
            before.text("build"),
        );
        let mut finding = Finding::of_rule(HEURISTIC.id, Level::Informational, Trace::Logged, message, after);
        finding.column = Some("build");
        finding.value = after.text("build").to_owned();
        findings.push(finding);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heuristic::testing::{json, verdicts};

    fn journal(day: u32, build: &str) -> (&'static str, serde_json::Value) {
        ("ios.version_history", json!({"recorded": format!("2023-05-{day:02}T00:00:00Z"), "build": build}))
    }

    #[test]
    fn an_older_build_after_a_newer_one_is_told_once() {
        let first = ("ios.security_analytics_builds", json!({"first_seen": "2023-05-02T00:00:00Z", "build": "21A329"}));
        let records = [journal(3, "20G75"), first, journal(1, "20G75"), journal(4, "20F66")];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            ["INFORMATIONAL The phone ran the older build 20G75 of iOS on 2023-05-03 00:00:00 UTC, after build 21A329"]
        );
    }

    #[test]
    fn updates_betas_of_one_branch_and_odd_builds_are_silent() {
        let records = [journal(1, "20F66"), journal(2, "20G5026e"), journal(3, "20G75"), journal(4, "odd"), journal(5, "21A329")];
        assert_eq!(verdicts(&HEURISTIC, &records), [""; 0]);
    }
}
