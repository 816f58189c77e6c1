use std::collections::BTreeSet;

use super::prelude::*;

pub const CORROBORATION: Corroboration = Corroboration {
    id: "page_never_loaded",
    title: "A page that was asked for and never loaded",
    looks_at: "Visits of which Safari noted that the page did not load, or pages that a history lists with no visit at all (typed or \
        suggested addresses), where nothing else on the phone shows that anything came from the same host, and no redirect led to it or away from it.",
    why_it_matters: "An address that was only typed, suggested or refused brought nothing to the phone, so the match is worth less than an \
        opened page. It is not worth nothing: somebody or something on this phone asked for it.",
    innocent_causes: "Spyware's pages are often gone, or answer only once, when somebody checks an old message; an exploit may also end the load that delivered it. \
        Lowering is then too much, which is why it is one step, and none where a crash, a redirect or other data stand beside it.",
    next_check: "Look at the minutes around the time for a message with the link, crashes and new programs. Ask whether the owner typed the \
        address, for instance from an article.",
    false_positives: "Lowers wrongly where an exploit's page ends before it loads and leaves no redirect and no data: expected for fewer than 1 of 20 opened exploit \
        links, and such a finding still stays one step below its full level.",
    references: &["https://github.com/mvt-project/mvt/issues/319"],
    reads: &[],
    weigh,
};

/// Moments at which something of a page reached the phone or an attack left its mark, as against a list of open tabs, which names what
/// was asked for.
fn shows_contact(finding: &Finding) -> bool {
    let contact = matches!(finding.trace, Trace::Visited | Trace::Resolved);
    contact && !finding.exhibit.artifact.contains("tab") && why(finding).is_none() && !finding.exhibit.value("synced").is_true()
}

/// Why the page of a visit counts as not loaded.
fn why(finding: &Finding) -> Option<&'static str> {
    let exhibit = &finding.exhibit;
    let never = exhibit.value("visit_count").as_int().unwrap_or(0) == 0;
    if finding.trace != Trace::Visited {
        None
    } else if exhibit.value("load_failed").is_true() {
        Some("the page did not load, and nothing else shows that anything came from there")
    } else if exhibit.value("without_visit").is_true() && never {
        Some("the address is listed without a visit, and nothing else shows that anything came from there")
    } else {
        None
    }
}

fn is_redirect(exhibit: &Exhibit) -> bool {
    ["redirect_source", "redirect_destination"]
        .iter()
        .any(|column| exhibit.value(column).as_int().is_some_and(|id| id != 0))
}

fn weigh(findings: &mut Vec<Finding>, _: &Kept, set: &IndicatorSet) {
    let key = |finding: &Finding| {
        let (ioc, indicator) = matched(finding, set).filter(|(ioc, _)| ioc.is_network())?;
        Some((ioc, indicator.value.clone()))
    };
    let reached: BTreeSet<_> = findings.iter().filter(|finding| shows_contact(finding)).filter_map(key).collect();
    for finding in findings {
        let Some(why) = why(finding).filter(|_| !is_redirect(&finding.exhibit)) else { continue };
        if key(finding).is_some_and(|key| !reached.contains(&key)) {
            finding.weigh(CORROBORATION.id, Weight::Lowers, why);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{hit, json, levels};
    use super::*;

    fn visit(artifact: &'static str, columns: serde_json::Value) -> Finding {
        hit("evil.example", Trace::Visited, Level::Critical, (artifact, columns))
    }

    fn failed() -> Finding {
        visit("ios.safari_history", json!({"load_failed": true}))
    }

    #[test]
    fn typed_and_never_loaded_is_one_step_lower_and_says_so() {
        assert_eq!(levels(&CORROBORATION, vec![failed()], &[]), ["HIGH lowered"]);
        let listed = visit("ios.firefox_history", json!({"without_visit": true}));
        assert_eq!(levels(&CORROBORATION, vec![listed], &[]), ["HIGH lowered"]);
        // A tab holds what was asked for, too.
        let tab = visit("ios.safari_tabs", json!({}));
        assert_eq!(levels(&CORROBORATION, vec![failed(), tab], &[]), ["HIGH lowered", "CRITICAL"]);
    }

    #[test]
    fn an_opened_page_a_redirect_and_data_of_the_host_keep_the_level() {
        let opened = visit("ios.safari_history", json!({"load_failed": false}));
        assert_eq!(levels(&CORROBORATION, vec![failed(), opened], &[]), ["CRITICAL", "CRITICAL"]);
        let redirected = visit("ios.safari_history", json!({"load_failed": true, "redirect_source": 4}));
        assert_eq!(levels(&CORROBORATION, vec![redirected], &[]), ["CRITICAL"]);
        let once = visit("ios.safari_history", json!({"without_visit": true, "visit_count": 2}));
        assert_eq!(levels(&CORROBORATION, vec![once], &[]), ["CRITICAL"]);
        let data = hit("evil.example", Trace::Resolved, Level::Critical, ("ios.webkit_observations", json!({})));
        assert_eq!(levels(&CORROBORATION, vec![failed(), data], &[])[0], "CRITICAL");
    }
}
