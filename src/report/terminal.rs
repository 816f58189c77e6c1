//! What a person reads at the end of a scan, and the one page about one finding.
//!
//! Everything from the phone passes through [`safe`]: no control character, no invisible or reordering character and no link that a
//! terminal would make clickable reaches the reader.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;

use super::finding::{campaigns, written};
use super::verdict::Judged;
use super::words::{self, Verdict};
use crate::finding::{Finding, Level, Rule, Weighed, Weight};
use crate::indicator::Matcher;
use crate::indicator::{IndicatorSet, Ioc};
use crate::record::Trace;
use crate::scan::{Case, Coverage, Status};
use crate::source::System;

/// Findings shown of one campaign and evidence class; the others are in the output folder.
const SHOWN: usize = 8;

/// The whole report. `width` 0 leaves long lines alone (output that goes to a file is searched by line).
///
/// Findings below `least` are not shown; the result is that of all findings in any case.
pub fn report(case: &Case, matcher: &Matcher, width: usize, folder: Option<&str>, least: Level) -> String {
    let mut page = Page { text: String::new(), width };
    head(&mut page, case, matcher.set());
    let mut groups: BTreeMap<(usize, String), Vec<&Finding>> = BTreeMap::new();
    let mut minor = Vec::new();
    for finding in case.findings.iter().filter(|finding| finding.level >= least) {
        if finding.level < Level::Medium {
            minor.push(finding);
            continue;
        }
        let name = heading(finding, matcher);
        let rank = usize::from(name.is_none());
        groups
            .entry((rank, name.unwrap_or_else(|| "Rules, no indicator involved".into())))
            .or_default()
            .push(finding);
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|((rank, name), findings)| {
        (*rank, std::cmp::Reverse(judged(findings).verdict()), name.clone())
    });
    let named: Vec<(&str, Verdict)> =
        groups.iter().map(|((_, name), findings)| (name.as_str(), judged(findings).verdict())).collect();
    verdict(&mut page, case, &named);
    for ((_, name), findings) in &groups {
        group(&mut page, name, findings, matcher, folder);
    }
    lesser(&mut page, &minor, matcher, folder);
    coverage(&mut page, case);
    help(&mut page, case);
    page.text
}

/// One finding in full, from the object in `findings.jsonl`.
pub fn explain(object: &serde_json::Map<String, serde_json::Value>, id: &str, width: usize) -> String {
    let mut page = Page { text: String::new(), width };
    let get = |path: &[&str]| -> String {
        let mut value = object.get(*path.first().unwrap_or(&"")).unwrap_or(&serde_json::Value::Null);
        for key in path.iter().skip(1) {
            value = value.get(*key).unwrap_or(&serde_json::Value::Null);
        }
        match value {
            serde_json::Value::String(text) => safe(text),
            serde_json::Value::Null => String::new(),
            other => safe(&other.to_string()),
        }
    };
    page.line(0, &format!("{} {}", get(&["level"]), id));
    page.line(0, &get(&["message"]));
    page.blank();
    page.pair("Evidence class", &format!("{}: {}", get(&["evidence_class"]), get(&["meaning"])));
    for stamp in object.get("times").and_then(|times| times.as_array()).into_iter().flatten() {
        let field =
            |key: &str| stamp.get(key).and_then(|value| value.as_str()).unwrap_or_default().to_owned();
        page.pair("Time", &format!("{}  {} ({})", field("time"), field("meaning"), field("column")));
    }
    for (label, path) in [
        ("File on the device", &["path"][..]),
        ("Stored as", &["stored_as"]),
        ("Where", &["where"]),
        ("Origin", &["origin"]),
        ("Field", &["column"]),
        ("Value", &["value"]),
        ("Matched", &["matched"]),
        ("Strength", &["strength"]),
        ("Form", &["form"]),
        ("Indicator", &["indicator", "value"]),
        ("Indicator type", &["indicator", "type"]),
        ("Campaign", &["indicator", "campaigns"]),
        ("Published by", &["indicator", "publisher"]),
        ("Report", &["indicator", "report"]),
        ("Link", &["indicator", "link"]),
        ("Set", &["indicator", "source"]),
        ("Set date", &["indicator", "date"]),
        ("Rule", &["heuristic", "id"]),
        ("What it looks at", &["heuristic", "looks_at"]),
        ("Why it matters", &["heuristic", "why_it_matters"]),
        ("False positives", &["heuristic", "false_positives"]),
        ("References", &["heuristic", "references"]),
        ("Innocent causes", &["innocent_causes"]),
        ("Next check", &["next_check"]),
        ("Supports", &["verdict"]),
    ] {
        let value = get(path);
        if !value.is_empty() {
            page.pair(label, &value);
        }
    }
    for caveat in object.get("caveats").and_then(|list| list.as_array()).into_iter().flatten() {
        page.pair("Mind", &safe(caveat.as_str().unwrap_or_default()));
    }
    for weighed in object.get("weighed").and_then(|list| list.as_array()).into_iter().flatten() {
        let field = |key: &str| safe(weighed.get(key).and_then(|value| value.as_str()).unwrap_or_default());
        let (from, to) = (field("from"), field("to"));
        let change = if from == to { format!("stays {to}") } else { format!("{from} to {to}") };
        page.pair("Weighed", &format!("{change} ({}): {}", field("rule"), field("why")));
    }
    page.blank();
    page.line(0, "The whole record");
    for (name, value) in object.get("record").and_then(|record| record.as_object()).into_iter().flatten() {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        page.pair(name, &safe(&text));
    }
    page.text
}

/// The page about a rule.
pub fn explain_rule(rule: &crate::heuristic::About, width: usize) -> String {
    let mut page = Page { text: String::new(), width };
    page.line(0, &format!("{}: {}", rule.id, rule.title));
    page.blank();
    page.pair("What it looks at", rule.looks_at);
    page.pair("Why it matters", rule.why_it_matters);
    page.pair("Innocent causes", rule.innocent_causes);
    if !rule.false_positives.is_empty() {
        page.pair("False positives", rule.false_positives);
    }
    page.pair("Next check", rule.next_check);
    page.pair("References", &rule.references.join(" "));
    page.text
}

fn head(page: &mut Page, case: &Case, set: &IndicatorSet) {
    let device = &case.device;
    let known = |value: &Option<String>| value.as_deref().map(safe);
    let mut words: Vec<String> =
        [known(&device.name), known(&device.product)].into_iter().flatten().collect();
    if let Some(version) = known(&device.os_version) {
        let build = known(&device.os_build).map_or_else(String::new, |build| format!(" ({build})"));
        let system = match device.system {
            System::Ios => "iOS",
            System::Android => "Android",
        };
        words.push(format!("{system} {version}{build}"));
    }
    if words.is_empty() {
        words.push("not stated in the acquisition".into());
    }
    page.pair("Device", &words.join(", "));
    page.pair("Acquisition", &safe(&case.description));
    if let Some(at) = device.acquired {
        page.pair("Made", &crate::time::short(at));
    }
    page.pair("Indicators", &indicators(set));
    page.blank();
}

fn indicators(set: &IndicatorSet) -> String {
    let newest = set.sources.iter().map(|source| &*source.date).max().unwrap_or_default();
    let sets = match set.sources.len() {
        0 => return "none loaded; only rules were applied".into(),
        1 => "1 set".to_owned(),
        count => format!("{count} sets"),
    };
    let dated = if newest.is_empty() { String::new() } else { format!(", newest of {newest}") };
    let ignored = match set.skipped.len() {
        0 => String::new(),
        1 => "; 1 entry of them is not used (see `hoofprint indicators list`)".into(),
        count => format!("; {count} entries of them are not used (see `hoofprint indicators list`)"),
    };
    format!("{sets}{dated}{ignored}")
}

fn verdict(page: &mut Page, case: &Case, groups: &[(&str, Verdict)]) {
    let verdict = Judged::of(&case.findings).verdict();
    page.line(0, &format!("RESULT: {}", verdict.words()));
    for (name, verdict) in groups {
        page.line(3, &format!("{name}: {}", verdict.words()));
    }
    page.blank();
    if verdict == Verdict::NoKnownTrace {
        page.line(0, words::NOTHING_FOUND);
    } else {
        page.line(0, words::SOMETHING_FOUND);
        page.line(0, words::DANGER);
    }
    page.blank();
}

fn judged(findings: &[&Finding]) -> Judged {
    Judged::of(findings.iter().copied())
}

/// The campaigns of a match or of what rests on matches; `None` for a rule.
fn heading(finding: &Finding, matcher: &Matcher) -> Option<String> {
    if finding.indicators().is_empty() {
        return None;
    }
    let campaigns = campaigns(finding, matcher.set()).join(" / ");
    Some(if campaigns.is_empty() { "Indicators without a campaign".into() } else { safe(&campaigns) })
}

fn group(page: &mut Page, name: &str, findings: &[&Finding], matcher: &Matcher, folder: Option<&str>) {
    let judged = judged(findings);
    page.line(0, &format!("== {name}: {}", judged.verdict().words()));
    page.line(3, &format!("Why this verdict: {}", judged.because()));
    for source in sources(findings, matcher) {
        page.line(3, &source);
    }
    let mut classes: BTreeMap<(std::cmp::Reverse<Trace>, Option<&str>), Vec<&Finding>> = BTreeMap::new();
    for finding in findings {
        let rule = match finding.rule {
            Rule::Heuristic(id) => Some(id),
            Rule::Indicator { .. } => None,
        };
        classes.entry((std::cmp::Reverse(finding.trace), rule)).or_default().push(finding);
    }
    for ((trace, _), findings) in classes {
        class(page, trace.0, &findings, matcher, folder);
    }
}

/// Who published what was matched, each once.
fn sources(findings: &[&Finding], matcher: &Matcher) -> Vec<String> {
    let set = matcher.set();
    let mut lines = Vec::new();
    for finding in findings {
        let Rule::Indicator { indicators, .. } = &finding.rule else { continue };
        for indicator in indicators.iter().filter_map(|index| set.indicators.get(*index as usize)) {
            let Some(source) = set.sources.get(usize::from(indicator.source)) else { continue };
            let mut line = if source.publisher.is_empty() {
                format!("from {}", source.name)
            } else {
                format!("published by {}", source.publisher)
            };
            for (before, what, after) in
                [(": \"", &source.report, "\""), (", ", &source.date, ""), (", ", &source.link, "")]
            {
                if !what.is_empty() {
                    let _ = write!(line, "{before}{what}{after}");
                }
            }
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
    }
    lines
}

fn class(page: &mut Page, trace: Trace, findings: &[&Finding], matcher: &Matcher, folder: Option<&str>) {
    page.blank();
    let word = super::timeline::word(&trace);
    let rule = findings.first().map(|finding| written(finding, matcher));
    match rule.as_ref().and_then(|written| written.heuristic.as_ref()) {
        Some(rule) => page.line(3, &format!("{word}: {}", rule.title)),
        None => page.line(3, &format!("{word}: {}", words::meaning(trace))),
    }
    for finding in findings.iter().take(SHOWN) {
        one(page, finding, matcher);
    }
    if findings.len() > SHOWN {
        let rest = findings.len() - SHOWN;
        let seen = match folder {
            Some(folder) => format!("{folder}/findings.jsonl"),
            None => "findings.jsonl of a scan with `-o FOLDER`".into(),
        };
        page.line(5, &format!("and {rest} more of this kind: see {seen}"));
    }
    if let Some(written) = rule {
        page.line(5, &format!("Usual innocent causes: {}", written.innocent_causes));
        page.line(5, &format!("Next check: {}", written.next_check));
    }
    page.blank();
}

fn one(page: &mut Page, finding: &Finding, matcher: &Matcher) {
    let written = &written(finding, matcher);
    page.line(5, &format!("[{}] {}  {}", written.level, written.id, defanged(finding, matcher)));
    let mut times: Vec<String> = written
        .times
        .iter()
        .map(|stamp| {
            format!("{} ({})", crate::time::short(stamp.at), stamp.moment.description().to_lowercase())
        })
        .collect();
    if times.is_empty() {
        times.push("no time recorded".into());
    }
    page.line(9, &times.join(", "));
    let origin = match (written.place, written.origin) {
        (crate::record::Place::Recovered { .. }, _) | (_, crate::record::Origin::Live) => "",
        (_, crate::record::Origin::Wal) => ", in the write-ahead log",
        (_, crate::record::Origin::Freed) => ", recovered from a damaged database",
    };
    page.line(
        9,
        &safe(&format!("{} in {} (stored as {}){origin}", written.place, written.path, written.stored_as)),
    );
    for caveat in written.caveats {
        page.line(9, &format!("Mind: {}", safe(caveat)));
    }
    for weighed in written.weighed {
        page.line(9, &safe(&weight(weighed)));
    }
}

/// `Raised from HIGH to CRITICAL (link_chain): …`
fn weight(weighed: &Weighed) -> String {
    let (from, to, rule, why) = (weighed.from.name(), weighed.to.name(), weighed.rule, &weighed.why);
    match weighed.weight {
        Weight::Noted => format!("Beside it ({rule}): {why}"),
        Weight::Raises if from == to => format!("Confirmed at {to} ({rule}): {why}"),
        Weight::Raises => format!("Raised from {from} to {to} ({rule}): {why}"),
        Weight::Lowers | Weight::LowersTwice if from == to => format!("Worth less, at {to} ({rule}): {why}"),
        Weight::Lowers | Weight::LowersTwice => format!("Lowered from {from} to {to} ({rule}): {why}"),
    }
}

/// A finding's sentence with its links broken.
fn defanged(finding: &Finding, matcher: &Matcher) -> String {
    let mut message = safe(&finding.message);
    // A rule's finding that rests on matches names their hosts.
    let rests_on = finding.rests_on.iter().filter_map(|index| matcher.set().indicators.get(*index as usize));
    for indicator in rests_on.filter(|indicator| indicator.ioc.is_network() || indicator.ioc == Ioc::Email) {
        message = message.replace(&*indicator.value, &indicator.value.replace('.', "[.]"));
    }
    let is_address = match finding.rule {
        Rule::Indicator { ioc, .. } => ioc.is_network() || ioc == Ioc::Email,
        Rule::Heuristic(_) => false,
    };
    let matched = safe(&finding.matched);
    if is_address && !matched.contains('/') {
        message.replace(&matched, &matched.replace('.', "[.]"))
    } else {
        message
    }
}

fn lesser(page: &mut Page, findings: &[&Finding], matcher: &Matcher, folder: Option<&str>) {
    if findings.is_empty() {
        return;
    }
    page.line(0, "== Lesser observations, for completeness: common on ordinary phones");
    let mut counted: Vec<(String, usize)> = Vec::new();
    for finding in findings {
        let line = format!("[{}] {}", finding.level.name(), defanged(finding, matcher));
        match counted.iter_mut().find(|(known, _)| *known == line) {
            Some((_, count)) => *count += 1,
            None => counted.push((line, 1)),
        }
    }
    for (line, count) in counted.iter().take(SHOWN) {
        let times = if *count > 1 { format!(" ({count} times)") } else { String::new() };
        page.line(5, &format!("{line}{times}"));
    }
    if counted.len() > SHOWN {
        let seen = folder.map_or("`-o FOLDER`".to_owned(), |folder| format!("{folder}/findings.jsonl"));
        page.line(5, &format!("and {} more: see {seen}", counted.len() - SHOWN));
    }
    page.blank();
}

fn coverage(page: &mut Page, case: &Case) {
    page.line(0, "== What was checked");
    let of = |status: Status| case.coverage.iter().filter(move |entry| entry.status == status);
    for entry in of(Status::Read).chain(of(Status::Partial)) {
        page.line(3, &covered(entry));
    }
    for (status, title) in [
        (Status::Unreadable, "There, but unreadable"),
        (Status::Absent, "Not in this acquisition"),
        (Status::NotAsked, "Left out as asked"),
    ] {
        let names: Vec<&str> = of(status).map(|entry| entry.title).collect();
        if !names.is_empty() {
            page.line(0, &format!("{title}: {}", names.join(", ")));
        }
    }
    for limit in &case.device.limits {
        page.line(0, &format!("Limit: {}", safe(limit)));
    }
    if !case.problems.is_empty() {
        page.blank();
        page.line(0, "== What could not be read");
        // Several artifacts of one file have the same to say about it.
        let (mut lines, mut seen) = (Vec::new(), HashSet::new());
        for problem in &case.problems {
            let count = if problem.count > 1 { format!(" ({} times)", problem.count) } else { String::new() };
            let next = if problem.next.is_empty() { String::new() } else { format!("; {}", problem.next) };
            let path = if problem.path.is_empty() { "the acquisition" } else { &problem.path };
            let line = safe(&format!("{path}: {}{count}{next}", problem.reason));
            if seen.insert(line.clone()) {
                lines.push(line);
            }
        }
        for line in lines.iter().take(SHOWN) {
            page.line(3, line);
        }
        if lines.len() > SHOWN {
            let rest = lines.len() - SHOWN;
            page.line(3, &format!("and {rest} more: see problems.jsonl of a scan with `-o FOLDER`"));
        }
    }
    page.blank();
}

fn covered(entry: &Coverage) -> String {
    let records = match entry.records {
        1 => "1 record".to_owned(),
        count => format!("{count} records"),
    };
    let day = |time: jiff::Timestamp| crate::time::iso(time).chars().take(10).collect::<String>();
    let span = match (entry.from, entry.to) {
        (Some(from), Some(to)) => format!(", {} to {}", day(from), day(to)),
        _ => String::new(),
    };
    let recovered = match entry.recovered {
        0 => String::new(),
        count => format!(", {count} of them deleted or replaced and recovered"),
    };
    let partly = if entry.status == Status::Partial { " (in part: see below)" } else { "" };
    format!("{}: {records}{recovered}{span}{partly}", entry.title)
}

fn help(page: &mut Page, case: &Case) {
    page.line(0, "== Where to get help");
    if Judged::of(&case.findings).verdict() == Verdict::NoKnownTrace {
        page.line(0, words::NOTICE);
    }
    for (name, address) in words::HELP {
        page.line(3, &format!("{address}  {name}"));
    }
}

/// Text from the phone that is fit for a terminal: control, invisible and reordering characters are shown, links are broken.
pub fn safe(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars().take(2_000) {
        match character {
            '\n' | '\t' => shown.push(' '),
            '\u{ad}'
            | '\u{61c}'
            | '\u{115f}'
            | '\u{1160}'
            | '\u{180e}'
            | '\u{3164}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}' => {
                let _ = write!(shown, "\\u{{{:x}}}", u32::from(character));
            }
            control if control.is_control() => {
                let _ = write!(shown, "\\x{:02x}", u32::from(control));
            }
            other => shown.push(other),
        }
    }
    unlinked(&shown)
}

/// `hxxp` for `http` in front of an address, in any case: terminals open links whatever their case.
fn unlinked(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut pieces = text.split("://").peekable();
    while let Some(piece) = pieces.next() {
        let scheme = if piece.ends_with(['s', 'S']) { 5 } else { 4 };
        match piece.len().checked_sub(scheme).and_then(|at| piece.split_at_checked(at)) {
            Some((before, link)) if pieces.peek().is_some() && is_http(link) => {
                shown.push_str(before);
                shown.extend(link.chars().enumerate().map(
                    |(at, letter)| {
                        if at == 1 || at == 2 { 'x' } else { letter }
                    },
                ));
            }
            _ => shown.push_str(piece),
        }
        if pieces.peek().is_some() {
            shown.push_str("://");
        }
    }
    shown
}

fn is_http(scheme: &str) -> bool {
    scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")
}

/// Lines with hanging indents, wrapped to a width.
struct Page {
    text: String,
    width: usize,
}

impl Page {
    fn blank(&mut self) {
        if !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    fn pair(&mut self, label: &str, value: &str) {
        self.wrapped(0, 20, &format!("{label:<19} {value}"));
    }

    fn line(&mut self, indent: usize, text: &str) {
        let hang = if indent == 0 { 0 } else { indent + 2 };
        self.wrapped(indent, hang, text);
    }

    fn wrapped(&mut self, indent: usize, hang: usize, text: &str) {
        let mut used = indent;
        self.text.extend(std::iter::repeat_n(' ', indent));
        for (index, word) in text.split(' ').enumerate() {
            let length = word.chars().count();
            if self.width > 0 && index > 0 && used + 1 + length > self.width && used > hang {
                self.text.push('\n');
                self.text.extend(std::iter::repeat_n(' ', hang));
                used = hang;
            } else if index > 0 {
                self.text.push(' ');
                used += 1;
            }
            self.text.push_str(word);
            used += length;
        }
        let end = self.text.trim_end_matches(' ').len();
        self.text.truncate(end);
        self.text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_the_phone_moves_the_cursor_or_becomes_a_link() {
        assert_eq!(safe("a\x1b[2Jb\u{202e}c"), "a\\x1b[2Jb\\u{202e}c");
        assert_eq!(safe("a\u{61c}b\u{e0041}\u{2028}"), "a\\u{61c}b\\u{e0041}\\u{2028}");
        assert_eq!(safe("HTTPS://a.example Http://b.example"), "HxxPS://a.example Hxxp://b.example");
        assert_eq!(safe("see https://evil.example/x"), "see hxxps://evil.example/x");
        assert_eq!(safe("one\ntwo"), "one two");
    }

    #[test]
    fn lines_wrap_at_words_and_stay_whole_without_a_width() {
        let mut page = Page { text: String::new(), width: 20 };
        page.line(3, "one two three four five");
        assert_eq!(page.text, "   one two three\n     four five\n");
        let mut page = Page { text: String::new(), width: 0 };
        page.line(0, "one two three four five");
        assert_eq!(page.text, "one two three four five\n");
    }
}
