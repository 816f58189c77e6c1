use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::super::exploit_surface_crashes as surface;
use super::super::programs;
use super::prelude::*;
use crate::artifact;
use crate::record::Moment;
use crate::time::{Precision, short};

pub const CORROBORATION: Corroboration = Corroboration {
    id: "link_chain",
    title: "A link, a page and what followed within minutes",
    looks_at: "Matches of one campaign in what was received and in what was opened or loaded, with no more than thirty minutes between them, redirects to the same hosts, and within ten \
        minutes after any of these: programs that other findings name, programs without an app that used the network for the first time, and crashes of programs that open what others \
        send. Two of link, page, and program or crash make a chain; a page with a program, a link with a page and a crash, and a link with a program that another finding names raise it.",
    why_it_matters: "Attacks leave their traces in this order: the link, the page, a redirect to the exploit, a crash or a program that was never seen before. Each of them \
        has innocent causes, which seldom follow each other within minutes.",
    innocent_causes: "A warning that quotes the link and is opened out of curiosity gives link and page. A program of an update, or the crash of a page with much advertising, can follow by chance.",
    next_check: "Read the steps in suspicious.csv with everything around them. Ask who sent the link and what the phone did after it was opened. Take a sysdiagnose (iPhone) or a \
        bugreport (Android) before the phone is restarted.",
    false_positives: "A chain needs a match of a published indicator. Of link and page only: on phones of people who open links in warnings, perhaps 1 of 5,000. With a program or \
        a crash, which raises: fewer than 1 of 50,000.",
    references: &[
        "https://www.amnesty.org/en/latest/research/2021/07/forensic-methodology-report-how-to-catch-nso-groups-pegasus/",
        "https://citizenlab.ca/2023/09/predator-in-the-wires-ahmed-eltantawy-targeted-with-predator-spyware-after-announcing-presidential-ambitions/",
    ],
    reads: &[
        Reads { artifact: CRASHES, keep: surface::keep_report },
        Reads { artifact: "ios.datausage", keep: is_unknown },
        Reads { artifact: "ios.netusage", keep: is_unknown },
    ],
    weigh,
};

const CRASHES: &str = "ios.crash_reports";
const REDIRECTS: &str = "safari_redirect";
/// Between a link and a page.
const LINK_S: i64 = 30 * 60;
/// From a link or page to a program or crash.
const AFTER_S: i64 = 10 * 60;
/// Steps told in the sentence; all of them are weighed.
const STEPS_TOLD: usize = 8;
/// Programs and crashes taken after one link or page.
const FOLLOWERS: usize = 8;

/// A program without an app that is none of Apple's.
fn is_unknown(record: &Record<'_>) -> bool {
    let name = record.value("process").as_text().and_then(|name| name.split('/').next()).unwrap_or_default();
    !name.is_empty()
        && !record.value("first_seen").is_null()
        && record.value("bundle_id").as_text().is_none_or(str::is_empty)
        && !programs::is_apple_program(name)
        && !name.starts_with("com.apple.")
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Link,
    Page,
    Redirect,
    /// Named by another finding.
    Program,
    /// Only seen for the first time.
    Newcomer,
    Crash,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Step {
    at: Timestamp,
    kind: Kind,
    what: String,
    /// The finding that it is.
    finding: Option<usize>,
}

impl Step {
    fn told(&self) -> String {
        let (at, what) = (short(self.at), &self.what);
        match self.kind {
            Kind::Link => format!("{at} {what} came in"),
            Kind::Page => format!("{at} {what} was opened or loaded"),
            Kind::Redirect => format!("{at} a redirect led to {what}"),
            Kind::Program => format!("{at} {what}, which another finding names"),
            Kind::Newcomer => format!("{at} {what} used the network for the first time"),
            Kind::Crash => format!("{at} {what} crashed"),
        }
    }
}

/// The first time of a finding that is exact enough and means one of these.
fn time_of(finding: &Finding, moments: &[Moment]) -> Option<Timestamp> {
    let exact = |precision| matches!(precision, Precision::Microsecond | Precision::Second);
    let stamps = finding.exhibit.times.iter();
    stamps.filter(|stamp| exact(stamp.precision) && moments.contains(&stamp.moment)).map(|stamp| stamp.at).min()
}

/// A match as the beginning of a chain.
fn entry(index: usize, finding: &Finding) -> Option<Step> {
    let Rule::Indicator { ioc, strength, .. } = finding.rule else { return None };
    let counts = strength >= Strength::Medium && finding.own_level() >= Level::Medium;
    // What another device of the account opened did not follow from this phone's messages.
    if !counts || finding.exhibit.value("synced").is_true() {
        return None;
    }
    let (kind, at) = match finding.trace {
        Trace::Received if ioc.is_network() || ioc == Ioc::Email => {
            (Kind::Link, time_of(finding, &[Moment::Received, Moment::Called, Moment::LookedUp]))
        }
        Trace::Visited | Trace::Resolved if ioc.is_network() => {
            (Kind::Page, time_of(finding, &[Moment::Visited, Moment::Created, Moment::NetworkUsed, Moment::LookedUp]))
        }
        _ => return None,
    };
    let title = artifact::find(finding.exhibit.artifact).map_or("", |artifact| artifact.title);
    Some(Step { at: at?, kind, what: format!("{} ({title})", finding.matched), finding: Some(index) })
}

/// Programs and crashes in the order of time, from findings and from records.
fn followers(findings: &[Finding], kept: &Kept) -> Vec<Step> {
    const SEEN: [Moment; 5] =
        [Moment::FirstSeen, Moment::Started, Moment::NetworkUsed, Moment::Crashed, Moment::Created];
    let mut steps = Vec::new();
    for (index, finding) in findings.iter().enumerate() {
        if finding.trace != Trace::Executed || finding.own_level() < Level::Medium {
            continue;
        }
        let what = if finding.matched.is_empty() { finding.message.clone() } else { finding.matched.clone() };
        let step = |at| Step { at, kind: Kind::Program, what: what.clone(), finding: Some(index) };
        steps.extend(time_of(finding, &SEEN).map(step));
    }
    let step = |at, kind, exhibit: &Exhibit| Step { at, kind, what: exhibit.text("process").to_owned(), finding: None };
    for usage in ["ios.datausage", "ios.netusage"].iter().flat_map(|artifact| kept.of(artifact)) {
        steps.extend(usage.time("first_seen").map(|at| step(at, Kind::Newcomer, usage)));
    }
    for crash in kept.of(CRASHES) {
        steps.extend(crash.time("captured").map(|at| step(at, Kind::Crash, crash)));
    }
    steps.sort();
    steps.dedup();
    steps
}

/// What follows within minutes after one of these, in other records than theirs: one row that names host and program is one thing.
fn following<'s>(entries: &[Step], followers: &'s [Step], findings: &[Finding]) -> BTreeSet<&'s Step> {
    let record = |step: &Step| {
        let exhibit = &findings.get(step.finding?)?.exhibit;
        Some((exhibit.artifact, &exhibit.stored_as, &exhibit.place))
    };
    let own: BTreeSet<_> = entries.iter().filter_map(record).collect();
    let mut found = BTreeSet::new();
    for entry in entries {
        let start = followers.partition_point(|step| step.at < entry.at);
        let after = followers.get(start..).unwrap_or_default().iter();
        let after = after.take_while(|step| step.at.as_second() - entry.at.as_second() <= AFTER_S);
        found.extend(after.filter(|step| record(step).is_none_or(|record| !own.contains(&record))).take(FOLLOWERS));
    }
    // A newcomer that a finding names is told once.
    let named: BTreeSet<&str> =
        found.iter().filter(|step| step.kind == Kind::Program).map(|step| &*step.what).collect();
    found.retain(|step| step.kind != Kind::Newcomer || !named.contains(&*step.what));
    found
}

/// Redirects to the hosts of these pages, which other findings tell.
fn redirects(entries: &[Step], findings: &[Finding]) -> Vec<Step> {
    let (Some(first), Some(last)) = (entries.first(), entries.last()) else { return Vec::new() };
    let hosts: BTreeSet<&str> =
        entries.iter().filter_map(|step| Some(&*findings.get(step.finding?)?.matched)).collect();
    let rule = findings.iter().enumerate().filter(|(_, finding)| finding.rule == Rule::Heuristic(REDIRECTS));
    let step = |(index, finding): (usize, &Finding)| {
        let at = finding.at()?;
        let near = (first.at.as_second() - AFTER_S..=last.at.as_second() + AFTER_S).contains(&at.as_second());
        let is_host = hosts.iter().any(|host| host.contains(&*finding.matched) || finding.matched.ends_with(host));
        (near && is_host && !finding.matched.is_empty())
            .then(|| Step { at, kind: Kind::Redirect, what: finding.matched.clone(), finding: Some(index) })
    };
    rule.filter_map(step).collect()
}

/// Whether these steps are a chain, and whether it is one that chance hardly makes.
fn judge(steps: &[Step]) -> Option<Weight> {
    let has = |kind| steps.iter().any(|step| step.kind == kind);
    let (link, page, crash) = (has(Kind::Link), has(Kind::Page), has(Kind::Crash));
    let (program, newcomer) = (has(Kind::Program), has(Kind::Newcomer));
    let raises = page && (program || newcomer || link && crash) || link && program;
    let is_chain = raises || page && (link || crash);
    is_chain.then_some(if raises { Weight::Raises } else { Weight::Noted })
}

fn weigh(findings: &mut Vec<Finding>, kept: &Kept, set: &IndicatorSet) {
    let mut by_campaign: BTreeMap<u16, Vec<Step>> = BTreeMap::new();
    for (index, finding) in findings.iter().enumerate() {
        if let (Some(step), Some(campaign)) = (entry(index, finding), campaigns(finding, set).pop_first()) {
            by_campaign.entry(campaign).or_default().push(step);
        }
    }
    if by_campaign.is_empty() {
        return;
    }
    let followers = followers(findings, kept);
    let mut chains: Vec<(u16, Weight, Vec<Step>)> = Vec::new();
    let mut redirected: Vec<Step> = Vec::new();
    for (campaign, mut entries) in by_campaign {
        entries.sort();
        for entries in entries.chunk_by(|one, next| next.at.as_second() - one.at.as_second() <= LINK_S) {
            let mut steps = entries.to_vec();
            steps.extend(redirects(entries, findings));
            steps.extend(following(entries, &followers, findings).into_iter().cloned());
            steps.sort();
            match judge(&steps) {
                Some(weight) => chains.push((campaign, weight, steps)),
                None => redirected.extend(steps.into_iter().filter(|step| step.kind == Kind::Redirect)),
            }
        }
    }
    let mut told = BTreeSet::new();
    for (campaign, weight, steps) in chains {
        let name = set.campaigns.get(usize::from(campaign)).map_or("", |campaign| &*campaign.name);
        let sentence = sentence(&steps);
        let began = steps.first().map(|step| short(step.at)).unwrap_or_default();
        let why = format!("it is one of the steps that followed each other within minutes from {began} on, which one finding tells together");
        findings.extend(chain(findings, &steps, weight, name, &sentence));
        for index in steps.iter().filter_map(|step| step.finding) {
            // A program after two chains is raised once.
            if let Some(finding) = findings.get_mut(index).filter(|_| told.insert(index)) {
                finding.weigh(CORROBORATION.id, weight, why.clone());
            }
        }
    }
    for step in redirected {
        let finding = step.finding.filter(|index| told.insert(*index)).and_then(|index| findings.get_mut(index));
        if let Some(finding) = finding {
            finding.weigh(CORROBORATION.id, Weight::Noted, format!("it led to {}, which a published indicator names", step.what));
        }
    }
}

/// The steps in their order, each once.
fn sentence(steps: &[Step]) -> String {
    let mut seen = BTreeSet::new();
    let told: Vec<String> =
        steps.iter().filter(|step| seen.insert((step.kind, &step.what))).map(Step::told).collect();
    let more = match told.len().saturating_sub(STEPS_TOLD) {
        0 => String::new(),
        more => format!("; and {more} more steps"),
    };
    let told: Vec<String> = told.into_iter().take(STEPS_TOLD).collect();
    format!("{}{more}", told.join("; "))
}

/// The finding that names the chain, as grave as the gravest of its links and pages, which its steps then raise.
fn chain(findings: &[Finding], steps: &[Step], weight: Weight, name: &str, sentence: &str) -> Option<Finding> {
    let entry = |step: &&Step| matches!(step.kind, Kind::Link | Kind::Page);
    let members = || steps.iter().filter(entry).filter_map(|step| findings.get(step.finding?));
    let level = members().map(Finding::own_level).max()?;
    let trace = members().map(|finding| finding.trace).max()?;
    let message = format!("traces of {name} that followed each other within minutes: {sentence}");
    let mut chain = Finding::of_rule(CORROBORATION.id, level, trace, message, &members().next()?.exhibit);
    chain.rests_on = members().flat_map(|finding| finding.indicators().iter().copied()).collect();
    chain.rests_on.sort_unstable();
    chain.rests_on.dedup();
    if weight == Weight::Raises {
        chain.weigh(CORROBORATION.id, weight, "a program or crash followed within minutes");
    }
    Some(chain)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Row, hit, json, levels, of_rule, weighed};
    use super::*;

    fn at(time: &str) -> String {
        format!("2023-05-06T{time}Z")
    }

    fn link(time: &str) -> Finding {
        let row = json!({"received": at(time), "direction": "received"});
        hit("evil.example", Trace::Received, Level::High, ("ios.sms", row))
    }

    fn page(time: &str) -> Finding {
        hit("evil.example", Trace::Visited, Level::Critical, ("ios.safari_history", json!({"visited": at(time)})))
    }

    fn used(process: &str, bundle: Option<&str>, time: &str) -> Row {
        ("ios.datausage", json!({"process": process, "bundle_id": bundle, "first_seen": at(time)}))
    }

    fn crash(process: &str, time: &str) -> Row {
        ("ios.crash_reports", json!({"process": process, "captured": at(time), "bug_type": 309}))
    }

    fn program(time: &str) -> Finding {
        hit("bh", Trace::Executed, Level::High, used("bh", None, time))
    }

    #[test]
    fn link_page_and_new_program_are_one_chain_in_the_order_of_time() {
        let records = [used("qwertyd", None, "10:06:00"), crash("com.apple.WebKit.WebContent", "10:05:30")];
        let findings = weighed(&CORROBORATION, vec![page("10:05:00"), link("10:00:00")], &records);
        assert_eq!(
            findings[2].message,
            "traces of Pegasus that followed each other within minutes: \
             2023-05-06 10:00:00 UTC evil.example (Messages (SMS and iMessage)) came in; \
             2023-05-06 10:05:00 UTC evil.example (Safari history) was opened or loaded; \
             2023-05-06 10:05:30 UTC com.apple.WebKit.WebContent crashed; \
             2023-05-06 10:06:00 UTC qwertyd used the network for the first time"
        );
        assert_eq!((findings[2].trace, &findings[2].rests_on[..]), (Trace::Visited, &[0][..]));
        assert!(findings.iter().all(|finding| finding.level == Level::Critical && finding.weighed.len() == 1));
    }

    #[test]
    fn link_and_page_are_told_and_not_raised() {
        assert_eq!(
            levels(&CORROBORATION, vec![link("10:00:00"), page("10:20:00")], &[]),
            ["HIGH noted", "CRITICAL noted", "CRITICAL"]
        );
    }

    #[test]
    fn a_published_program_after_a_link_is_enough_without_a_page() {
        assert_eq!(
            levels(&CORROBORATION, vec![link("10:00:00"), program("10:09:00")], &[]),
            ["CRITICAL raised", "CRITICAL raised", "CRITICAL raised"]
        );
    }

    #[test]
    fn a_redirect_to_the_page_is_a_step_and_alone_a_note() {
        let mut redirect =
            of_rule(REDIRECTS, Trace::Visited, Level::Medium, ("ios.safari_history", json!({"visited": at("10:04:59")})));
        redirect.matched = "evil.example".into();
        let alone = weighed(&CORROBORATION, vec![page("10:05:00"), redirect.clone()], &[]);
        assert_eq!((alone.len(), alone[1].level), (2, Level::Medium));
        assert_eq!(alone[1].weighed[0].why, "it led to evil.example, which a published indicator names");
        let findings = weighed(&CORROBORATION, vec![page("10:05:00"), redirect], &[crash("com.apple.WebKit.WebContent", "10:06:00")]);
        assert!(findings[2].message.contains("10:04:59 UTC a redirect led to evil.example; "), "{}", findings[2].message);
    }

    #[test]
    fn what_is_far_apart_known_or_of_another_device_is_no_chain() {
        let silent = |findings: Vec<Finding>, records: &[Row]| {
            let count = findings.len();
            let findings = weighed(&CORROBORATION, findings, records);
            assert_eq!(findings.len(), count);
            assert!(findings.iter().all(|finding| finding.weighed.is_empty()));
        };
        silent(vec![link("10:00:00"), page("10:31:00")], &[]);
        silent(vec![page("10:00:00")], &[used("qwertyd", None, "10:11:00")]);
        silent(vec![page("10:00:00")], &[used("qwertyd", None, "09:59:00")]);
        silent(vec![page("10:00:00")], &[used("Game", Some("com.example.game"), "10:01:00"), used("mediaserverd", None, "10:01:00")]);
        silent(vec![page("10:00:00")], &[crash("Game", "10:01:00")]);
        // Messages come all day: a first sight or a crash after one is nothing.
        silent(vec![link("10:00:00")], &[used("qwertyd", None, "10:01:00"), crash("imagent", "10:01:00")]);
        let row = json!({"visited": at("10:05:00"), "synced": true});
        let synced = hit("evil.example", Trace::Visited, Level::Critical, ("ios.safari_history", row));
        silent(vec![link("10:00:00"), synced], &[]);
        let other = hit("backup.example", Trace::Visited, Level::Critical, ("ios.safari_history", json!({"visited": at("10:05:00")})));
        silent(vec![link("10:00:00"), other], &[]);
    }

    #[test]
    fn one_row_that_names_host_and_program_is_no_chain() {
        let row = || ("ios.powerlog_network", json!({"logged": at("10:00:00"), "process": "bh"}));
        let reached = hit("evil.example", Trace::Resolved, Level::Critical, row());
        let ran = hit("bh", Trace::Executed, Level::Critical, row());
        assert_eq!(levels(&CORROBORATION, vec![reached, ran], &[]), ["CRITICAL", "CRITICAL"]);
    }

    #[test]
    fn a_flood_of_pages_gives_a_short_sentence() {
        let mut findings = vec![link("10:00:00")];
        for index in 0..200 {
            let mut page = page("10:05:00");
            page.matched = format!("p{index}.evil.example");
            findings.push(page);
        }
        let findings = weighed(&CORROBORATION, findings, &[]);
        let chain = findings.last().unwrap();
        assert!(chain.message.len() < 1_000 && chain.message.ends_with("; and 193 more steps"), "{}", chain.message);
    }
}
