//! STIX objects: patterns, links, campaigns and times.

use std::collections::{HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};

use super::super::journal::{Flaw, Object, Span};
use super::super::pattern::{self, PatternError};
use super::file::{is_campaign, keys};
use super::rules::{self, Severity};
use super::{Mend, Options, Sink};

pub(super) fn check(options: &Options, out: &mut Sink<'_>) {
    told(out);
    if !out.file.is_stix {
        return;
    }
    let objects = &out.file.journal.objects;
    let ids: HashSet<&str> = objects.iter().map(|object| &*object.id).collect();
    let campaigns = out.file.campaigns();
    let mut first_by_id: HashMap<&str, &Object> = HashMap::new();
    for object in objects {
        if !object.id.is_empty() {
            match first_by_id.get(&*object.id) {
                Some(first) => same_id(first, object, out),
                None => {
                    first_by_id.insert(&object.id, object);
                }
            }
        }
        match &*object.kind {
            "indicator" => {
                indicator(object, options, out);
                if !campaigns.contains_key(&*object.id) {
                    let mend = Some(Mend::told("add a relationship to a malware object with a name"));
                    out.at(&rules::NO_CAMPAIGN, place(object), &object.id, "nothing says whose it is", mend);
                }
            }
            "relationship" | "report" | "grouping" => links(object, &ids, out),
            kind if is_campaign(kind) => campaign(object, out),
            _ => {}
        }
    }
    generation_time(out);
}

/// What the readers of the file told that no other check judges.
fn told(out: &mut Sink<'_>) {
    let journal = &out.file.journal;
    for told in &journal.told {
        let rule = match told.flaw {
            Flaw::Damaged => &rules::UNREADABLE,
            Flaw::Unsound => &rules::UNSOUND,
            Flaw::Unused => &rules::NOT_INDICATOR,
            Flaw::Judged => continue,
        };
        let what = if told.what.is_empty() { String::new() } else { format!("`{}`: ", told.what) };
        out.on_line(rule, told.line, &told.what, format!("{what}{}", told.why), None);
    }
    if journal.overflowed {
        out.on_line(&rules::UNREADABLE, 0, "", "more entries than are checked; split the file", None);
    }
    let has_indicator = journal.objects.iter().any(|object| &*object.kind == "indicator");
    let is_explained = journal.told.iter().any(|told| matches!(told.flaw, Flaw::Damaged | Flaw::Unused));
    if journal.seen.is_empty() && !has_indicator && !is_explained {
        out.on_line(&rules::UNREADABLE, 0, "", "it holds no indicator", None);
    }
}

/// The object's id, or its beginning.
fn place(object: &Object) -> Span {
    object.span
}

fn same_id(first: &Object, object: &Object, out: &mut Sink<'_>) {
    let text = &out.file.text;
    let (line, _) = out.file.position(first.span.start);
    let is_copy = first.span.text(text) == object.span.text(text);
    let mend = match copy_with_comma(text, object.span).filter(|_| is_copy) {
        Some(span) => Mend::edit("remove the copy", span, ""),
        None => Mend::told("give one of them another id, or remove it"),
    };
    let message = format!("the {} with this id stands on line {line}, too", first.kind);
    out.at(&rules::SAME_ID, object.span, &object.id, message, Some(mend));
}

/// An object and the comma in front of it, in a list.
fn copy_with_comma(text: &str, span: Span) -> Option<Span> {
    let before = text.get(..span.start)?.trim_end();
    before.ends_with(',').then(|| Span::new(before.len().saturating_sub(1), span.end))
}

fn indicator(object: &Object, options: &Options, out: &mut Sink<'_>) {
    match &object.pattern {
        None => out.at(&rules::BAD_PATTERN, object.span, &object.id, "an indicator without a pattern", None),
        Some(pattern) if &*pattern.language != "stix" => {
            let message = format!("its pattern is `{}`, not STIX", pattern.language);
            out.at(&rules::UNSUPPORTED, object.span, &object.id, message, None);
        }
        Some(written) => patterns(object, written, out),
    }
    validity(object, options, out);
    if object.revoked {
        let mend = Some(Mend::told("remove the object if nobody needs to know of the withdrawal"));
        out.at(&rules::REVOKED, object.span, &object.id, "revoked by its publisher", mend);
    }
    if !(object.has_description || object.has_reference || object.has_confidence) {
        let message = "no confidence, description or reference";
        out.at(&rules::BARE_INDICATOR, object.span, &object.id, message, None);
    }
}

fn patterns(object: &Object, written: &super::super::journal::Pattern, out: &mut Sink<'_>) {
    let parsed = match pattern::parse(&written.text) {
        Ok(parsed) => parsed,
        Err(PatternError { message, offset }) => {
            // Escapes of JSON make the text in the file longer than the pattern.
            let is_plain = !written.span.text(&out.file.text).contains('\\');
            let start = if is_plain { written.span.start.saturating_add(offset) } else { written.span.start };
            let place = Span::new(start.min(written.span.end), written.span.end);
            let mend = Some(Mend::told("the form is [type:key = 'value']"));
            return out.at(&rules::BAD_PATTERN, place, &written.text, message, mend);
        }
    };
    let lowered = pattern::lower(&parsed);
    if let Some(reason) = lowered.unsupported {
        out.at(&rules::UNSUPPORTED, written.span, &written.text, reason, None);
    }
    let own =
        keys(&parsed).into_iter().find_map(|key| instead(&key, &object.spec_version).map(|it| (key, it)));
    if let Some((key, instead)) = own {
        let mend = (!instead.is_empty()).then(|| Mend::told(format!("the standard's key is `{instead}`")));
        out.at(&rules::OWN_KEY, written.span, &written.text, format!("`{key}` is not of the standard"), mend);
    }
}

/// What the standard has instead of a key that is not its own; empty if it has nothing.
fn instead(key: &str, spec_version: &str) -> Option<&'static str> {
    if let Some(algorithm) = key.strip_prefix("file:hashes.") {
        const OWN: [&str; 8] =
            ["MD5", "SHA-1", "SHA-256", "SHA-512", "SHA3-256", "SHA3-512", "SSDEEP", "TLSH"];
        if OWN.contains(&algorithm) {
            return None;
        }
        let plain = algorithm.to_ascii_lowercase().replace(['-', '_'], "");
        return Some(match plain.as_str() {
            "md5" => "file:hashes.MD5",
            "sha1" => "file:hashes.'SHA-1'",
            "sha256" => "file:hashes.'SHA-256'",
            _ => "",
        });
    }
    match key {
        "file:path" => Some("file:parent_directory_ref.path"),
        // STIX 2.1 took the name away from processes.
        "process:name" if spec_version == "2.1" => Some("process:command_line"),
        _ if ["app:", "android-property:", "configuration-profile:"]
            .iter()
            .any(|own| key.starts_with(own)) =>
        {
            Some("")
        }
        _ => None,
    }
}

fn time(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}

fn validity(object: &Object, options: &Options, out: &mut Sink<'_>) {
    let (from, until) = (time(&object.valid_from), time(&object.valid_until));
    if let Some(until) = until.filter(|until| *until < options.now) {
        let mend = Some(Mend::told("set a later time, or remove the object"));
        out.at(&rules::VALIDITY, object.span, &object.id, format!("expired on {until}"), mend);
    }
    match from {
        None => {
            let message = "`valid_from` is missing or no time";
            out.at(&rules::VALIDITY, object.span, &object.id, message, None);
        }
        Some(from) if from > options.now => {
            let message = format!("only valid from {from} on");
            out.at(&rules::VALIDITY, object.span, &object.id, message, None);
        }
        Some(_) => {}
    }
    if from.zip(until).is_some_and(|(from, until)| until < from) {
        let message = "valid until a time before it is valid from";
        out.at(
            &rules::CONTRADICTION,
            object.span,
            &object.id,
            message,
            Some(Mend::told("set one of them right")),
        );
    }
}

/// Told once for a file.
fn generation_time(out: &mut Sink<'_>) {
    let indicators = || out.file.journal.objects.iter().filter(|object| &*object.kind == "indicator");
    let at_creation = |object: &Object| {
        let times = time(&object.valid_from).zip(time(&object.created));
        times.is_some_and(|(from, made)| from.duration_since(made).abs() <= SignedDuration::from_secs(1))
    };
    let first = indicators().next().map(|object| object.span);
    if let Some(span) = first.filter(|_| indicators().all(at_creation)) {
        let message = "`valid_from` is the time at which the file was made, in every indicator";
        let mend = Some(Mend::told("set it to when the value was first seen"));
        out.at(&rules::VALIDITY, span, "", message, mend);
    }
}

fn links(object: &Object, ids: &HashSet<&str>, out: &mut Sink<'_>) {
    let missing: Vec<&str> = object.refs.iter().map(|id| &**id).filter(|id| !ids.contains(id)).collect();
    if &*object.kind == "relationship" && object.refs.len() < 2 {
        let message = "a relationship without both its ends";
        out.at(&rules::DANGLING, object.span, &object.id, message, None);
    } else if let Some(first) = missing.first() {
        let more = missing.len().saturating_sub(1);
        let more = if more > 0 { format!(" (and {more} more)") } else { String::new() };
        let message = format!("`{first}`{more} is not in the file");
        out.at(
            &rules::DANGLING,
            object.span,
            &object.id,
            message,
            Some(Mend::told("remove the link, or add the object")),
        );
    }
}

fn campaign(object: &Object, out: &mut Sink<'_>) {
    if object.name.trim().is_empty() {
        out.at(&rules::BARE_CAMPAIGN, object.span, &object.id, "a campaign without a name", None);
    } else if !object.has_description && !object.has_reference {
        let message = format!("`{}` has neither description nor reference", object.name);
        out.at(&rules::BARE_CAMPAIGN, object.span, &object.name, message, None);
    }
}

/// A value that one object revokes and another still uses, in one file.
pub(super) fn contradictions(out: &mut Sink<'_>) {
    let mut active = HashMap::new();
    for value in &out.file.values {
        if out.file.object(value).is_some_and(|object| !object.revoked)
            && let Some(identity) = value.identity()
        {
            active.entry(identity).or_insert(value.line);
        }
    }
    for value in &out.file.values {
        let is_revoked = out.file.object(value).is_some_and(|object| object.revoked);
        if let Some(line) = value.identity().filter(|_| is_revoked).and_then(|identity| active.get(&identity))
        {
            let message = format!("revoked here, but used by the object on line {line}");
            let mend = Some(Mend::told("revoke both, or none"));
            out.graver(&rules::CONTRADICTION, Severity::Error, value, message, mend);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{bundle, ids, indicator, linted, stix};

    #[test]
    fn each_rule_for_patterns_has_a_case_and_a_near_miss() {
        for (pattern, rules) in [
            ("[file:name='abc.plist']", ""),
            ("[file:name=", "IND002"),
            ("[file:name='abc.plist' AND file:size=1]", "IND003"),
            ("[mutex:name='abc']", "IND003"),
            ("[file:path='/private/var/abc/defgh']", "IND004"),
            (
                "[file:hashes.sha256='0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef']",
                "IND004",
            ),
            ("[app:id='org.spy.app']", "IND004"),
            ("[process:name='abcdefgh']", "IND004"),
        ] {
            assert_eq!(stix(pattern), rules, "{pattern}");
        }
    }

    #[test]
    fn a_mistake_in_a_pattern_has_its_column() {
        let text = bundle(&[&indicator("1", "[file:name !]")]);
        let lint = linted("x.json", &text).into_iter().find(|lint| lint.rule.id == "IND002").unwrap();
        let line = text.lines().nth(lint.line as usize - 1).unwrap();
        assert!(line[lint.column as usize - 1..].starts_with("!]"), "{line}");
    }

    #[test]
    fn broken_files_say_where() {
        assert_eq!(ids(&linted("x.json", "{\"objects\":7}")), ["IND001"]);
        assert_eq!(ids(&linted("x.json", "{\"objects\":[]}")), ["IND001"]);
        assert_eq!(ids(&linted("x.txt", "")), ["IND001"]);
        assert_eq!(ids(&linted("x.txt", "a b c\n")), ["IND001", "IND005"]);
        assert_eq!(ids(&linted("x.csv", "domain,colour\nevil.xyz,red\n")), ["IND006"]);
        let cut = bundle(&[&indicator("1", "[file:name='abc.plist']")]);
        assert!(ids(&linted("x.json", &cut[..cut.len() - 9])).contains(&"IND001"));
    }

    fn with(change: impl Fn(String) -> String) -> Vec<&'static str> {
        let text = bundle(&[&indicator("1", "[file:name='abc.plist']")]);
        let changed = change(text.clone());
        assert_ne!(text, changed);
        ids(&linted("x.json", &changed))
    }

    #[test]
    fn links_and_campaigns_are_checked() {
        assert_eq!(ids(&linted("x.json", &bundle(&[&indicator("1", "[file:name='abc.plist']")]))), [""; 0]);
        assert_eq!(
            with(|text| text.replace("\"target_ref\":\"malware--1\"", "\"target_ref\":\"malware--2\"")),
            ["IND084", "IND085"]
        );
        assert_eq!(
            with(|text| text.replace("\"target_ref\":\"malware--1\"", "\"x\":1")),
            ["IND084", "IND085"]
        );
        assert_eq!(with(|text| text.replace("\"description\":\"about it\",", "")), ["IND086"]);
        assert_eq!(with(|text| text.replace("\"confidence\":80,", "")), ["IND087"]);
    }

    #[test]
    fn times_are_checked() {
        let valid = "\"valid_from\":\"2024-02-01T00:00:00Z\"";
        let until = |time: &str| format!("{valid},\"valid_until\":\"{time}\"");
        assert_eq!(with(|text| text.replace(valid, "\"valid_from\":\"2024-01-01T00:00:00Z\"")), ["IND088"]);
        assert_eq!(with(|text| text.replace(valid, "\"x\":1")), ["IND088"]);
        assert_eq!(with(|text| text.replace(valid, "\"valid_from\":\"2030-01-01T00:00:00Z\"")), ["IND088"]);
        assert_eq!(with(|text| text.replace(valid, &until("2025-01-01T00:00:00Z"))), ["IND088"]);
        assert_eq!(with(|text| text.replace(valid, &until("2030-01-01T00:00:00Z"))), [""; 0]);
        assert_eq!(with(|text| text.replace(valid, &until("2024-01-31T00:00:00Z"))), ["IND088", "IND089"]);
    }

    #[test]
    fn revoked_and_doubled_objects_are_told() {
        let used = indicator("1", "[file:name='abc.plist']");
        let other = indicator("2", "[file:name='abc.plist']");
        let revoked = other.replace("\"confidence\"", "\"revoked\":true,\"confidence\"");
        assert_eq!(
            ids(&linted(
                "x.json",
                &bundle(&[&used.replace("\"confidence\"", "\"revoked\":true,\"confidence\"")])
            )),
            ["IND093"]
        );
        let both = ids(&linted("x.json", &bundle(&[&used, &revoked])));
        assert_eq!(both, ["IND080", "IND085", "IND089", "IND093"]);
        assert_eq!(ids(&linted("x.json", &bundle(&[&used, &used]))), ["IND080", "IND082"]);
    }
}
