//! Results for machines that run other programs: SARIF 2.1.0, JUnit XML, annotations of GitHub's workflows, and JSON.
//!
//! Any verb that judges files or expectations makes a [`Run`] of [`Entry`]s; each function here writes it in one form. The same run gives the
//! same bytes: no time of day and no path of this computer is added.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::{Map, Value, json};
use sha2::Digest;

pub use crate::indicator::lint::Severity;

/// What one run of a verb has to say.
#[derive(Clone, Debug)]
pub struct Run<'a> {
    /// The verb, such as `indicators lint`.
    pub suite: &'a str,
    /// From this severity on an entry fails; `None` if none does.
    pub fails_from: Option<Severity>,
    /// Every rule that may be named by an entry.
    pub rules: Vec<Rule<'a>>,
    pub entries: Vec<Entry<'a>>,
}

/// What a rule is about.
#[derive(Clone, Copy, Debug)]
pub struct Rule<'a> {
    pub id: &'a str,
    pub title: &'a str,
    pub explanation: &'a str,
    pub severity: Severity,
}

/// How one check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Passed,
    Found(Severity),
    /// Not judged, with the reason as its message.
    Skipped,
}

/// One check in one place.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    /// Id of a rule, or the name of a test.
    pub rule: &'a str,
    pub outcome: Outcome,
    /// As given on the command line.
    pub file: &'a str,
    /// Line and column, counted from 1, the column in characters; `None` where the file as a whole is meant.
    pub place: Option<(u32, u32)>,
    pub message: &'a str,
    /// What to do; mostly empty.
    pub help: &'a str,
    /// What is judged, without its place: an entry that only moves keeps its fingerprint.
    pub subject: &'a str,
    /// Id of the object in the file; mostly empty.
    pub object: &'a str,
}

impl Run<'_> {
    fn is_failure(&self, outcome: Outcome) -> bool {
        matches!(outcome, Outcome::Found(severity) if self.fails_from.is_some_and(|from| severity >= from))
    }

    fn counts(&self) -> BTreeMap<&'static str, usize> {
        let mut counts: BTreeMap<_, _> =
            ["error", "warning", "note", "passed", "skipped"].map(|word| (word, 0)).into();
        for entry in &self.entries {
            *counts.entry(word(entry.outcome)).or_default() += 1;
        }
        counts
    }
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "passed",
        Outcome::Skipped => "skipped",
        Outcome::Found(severity) => severity.word(),
    }
}

/// Hoofprint's own form: one object, its `results` in the order of the run.
pub fn json(run: &Run<'_>) -> String {
    let results: Vec<Value> = run
        .entries
        .iter()
        .map(|entry| {
            let mut result = Map::new();
            let texts = [
                ("rule", entry.rule),
                ("outcome", word(entry.outcome)),
                ("file", entry.file),
                ("message", entry.message),
                ("help", entry.help),
                ("subject", entry.subject),
                ("object", entry.object),
            ];
            for (key, text) in texts.into_iter().filter(|(_, text)| !text.is_empty()) {
                result.insert(key.to_owned(), text.into());
            }
            if let Some((line, column)) = entry.place {
                result.insert("line".to_owned(), line.into());
                result.insert("column".to_owned(), column.into());
            }
            Value::Object(result)
        })
        .collect();
    let whole = json!({
        "schema_version": super::SCHEMA_VERSION,
        "tool": "hoofprint",
        "tool_version": env!("CARGO_PKG_VERSION"),
        "suite": run.suite,
        "counts": run.counts(),
        "results": results,
    });
    format!("{whole:#}\n")
}

/// SARIF 2.1.0 with one run. Checks that passed or were skipped are left out: viewers show every result as an alert.
pub fn sarif(run: &Run<'_>) -> String {
    let numbers: HashMap<&str, usize> = run.rules.iter().zip(0..).map(|(rule, at)| (rule.id, at)).collect();
    let rules: Vec<Value> = run
        .rules
        .iter()
        .map(|rule| {
            json!({
                "id": rule.id,
                "shortDescription": { "text": rule.title },
                "fullDescription": { "text": rule.explanation },
                "help": { "text": rule.explanation },
                "defaultConfiguration": { "level": rule.severity.word() },
            })
        })
        .collect();
    let mut occurrences: HashMap<String, usize> = HashMap::new();
    let results: Vec<Value> = run
        .entries
        .iter()
        .filter_map(|entry| match entry.outcome {
            Outcome::Found(severity) => Some(sarif_result(entry, severity, &numbers, &mut occurrences)),
            Outcome::Passed | Outcome::Skipped => None,
        })
        .collect();
    let whole = json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "hoofprint",
                "version": env!("CARGO_PKG_VERSION"),
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "automationDetails": { "id": format!("hoofprint {}/", run.suite) },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    format!("{whole:#}\n")
}

fn sarif_result(
    entry: &Entry<'_>,
    severity: Severity,
    numbers: &HashMap<&str, usize>,
    occurrences: &mut HashMap<String, usize>,
) -> Value {
    let text = if entry.help.is_empty() {
        entry.message.to_owned()
    } else {
        format!("{} (help: {})", entry.message, entry.help)
    };
    let mut physical = json!({ "artifactLocation": { "uri": uri(entry.file) } });
    if let (Some((line, column)), Some(physical)) = (entry.place, physical.as_object_mut()) {
        physical
            .insert("region".to_owned(), json!({ "startLine": line.max(1), "startColumn": column.max(1) }));
    }
    let mut location = json!({ "physicalLocation": physical });
    if let (false, Some(location)) = (entry.object.is_empty(), location.as_object_mut()) {
        location.insert("logicalLocations".to_owned(), json!([{ "fullyQualifiedName": entry.object }]));
    }
    let mut result = json!({
        "ruleId": entry.rule,
        "level": severity.word(),
        "message": { "text": text },
        "locations": [location],
        "partialFingerprints": { "subject/v1": fingerprint(entry, occurrences) },
    });
    if let (Some(number), Some(result)) = (numbers.get(entry.rule), result.as_object_mut()) {
        result.insert("ruleIndex".to_owned(), (*number).into());
    }
    result
}

/// Of the rule and what is judged, so that a moved line stays the same alert; repetitions in one file are numbered.
fn fingerprint(entry: &Entry<'_>, occurrences: &mut HashMap<String, usize>) -> String {
    let key = format!("{}\0{}", entry.rule, entry.subject);
    let count = occurrences.entry(format!("{}\0{key}", entry.file)).or_default();
    *count += 1;
    let digest = sha2::Sha256::digest(key.as_bytes());
    let digest = crate::record::hex(digest.get(..16).unwrap_or(&digest));
    format!("{digest}:{count}")
}

/// A relative reference stays one; an absolute path becomes a `file` URI.
fn uri(path: &str) -> String {
    // All that RFC 3986 does not let stand in a path.
    const ESCAPED: &AsciiSet = &CONTROLS
        .add(b' ')
        .add(b'"')
        .add(b'#')
        .add(b'%')
        .add(b'<')
        .add(b'>')
        .add(b'?')
        .add(b'[')
        .add(b'\\')
        .add(b']')
        .add(b'^')
        .add(b'`')
        .add(b'{')
        .add(b'|')
        .add(b'}')
        // In a first segment a colon would end a scheme.
        .add(b':');
    let path = if cfg!(windows) { path.replace('\\', "/") } else { path.to_owned() };
    let path = path.strip_prefix("./").unwrap_or(&path);
    let escaped = utf8_percent_encode(path, ESCAPED).to_string();
    if escaped.starts_with('/') { format!("file://{escaped}") } else { escaped }
}

/// JUnit XML: a suite for each file, a case for each entry.
pub fn junit(run: &Run<'_>) -> String {
    let mut suites: Vec<(&str, Vec<&Entry<'_>>)> = Vec::new();
    let mut numbers: HashMap<&str, usize> = HashMap::new();
    for entry in &run.entries {
        let number = *numbers.entry(entry.file).or_insert_with(|| {
            suites.push((entry.file, Vec::new()));
            suites.len() - 1
        });
        if let Some((_, entries)) = suites.get_mut(number) {
            entries.push(entry);
        }
    }
    let failures = |entries: &[&Entry<'_>]| entries.iter().filter(|it| run.is_failure(it.outcome)).count();
    let skipped = |entries: &[&Entry<'_>]| entries.iter().filter(|it| it.outcome == Outcome::Skipped).count();
    let all: Vec<&Entry<'_>> = run.entries.iter().collect();
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(
        xml,
        "<testsuites name=\"hoofprint {}\" tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\">",
        escaped(run.suite),
        all.len(),
        failures(&all),
        skipped(&all)
    );
    for (file, entries) in &suites {
        let _ = writeln!(
            xml,
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\">",
            escaped(file),
            entries.len(),
            failures(entries),
            skipped(entries)
        );
        for entry in entries {
            junit_case(&mut xml, entry, run.is_failure(entry.outcome));
        }
        xml.push_str("  </testsuite>\n");
    }
    xml.push_str("</testsuites>\n");
    xml
}

fn junit_case(xml: &mut String, entry: &Entry<'_>, fails: bool) {
    let place = entry.place.map_or(String::new(), |(line, column)| format!(" at {line}:{column}"));
    let subject = if entry.subject.is_empty() { String::new() } else { format!(" {}", entry.subject) };
    let name = escaped(&format!("{}{subject}{place}", entry.rule));
    let _ = write!(xml, "    <testcase classname=\"{}\" name=\"{name}\"", escaped(entry.file));
    let message = escaped(entry.message);
    let help = if entry.help.is_empty() { String::new() } else { format!("\nhelp: {}", entry.help) };
    let whole = escaped(&format!("{}{place}: {}{help}", entry.file, entry.message));
    let _ = match entry.outcome {
        Outcome::Passed => writeln!(xml, "/>"),
        Outcome::Skipped => writeln!(xml, "><skipped message=\"{message}\"/></testcase>"),
        Outcome::Found(severity) if fails => {
            let severity = severity.word();
            writeln!(xml, "><failure type=\"{severity}\" message=\"{message}\">{whole}</failure></testcase>")
        }
        Outcome::Found(severity) => {
            writeln!(xml, "><system-out>{}: {whole}</system-out></testcase>", severity.word())
        }
    };
}

/// Text for XML 1.0, which cannot hold most control characters in any form.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            // As they are, they become blanks in attributes.
            '\t' | '\n' | '\r' => {
                let _ = write!(escaped, "&#{};", u32::from(character));
            }
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            _ => escaped.push(character),
        }
    }
    escaped
}

/// Annotations of GitHub's workflows, gravest first: of each kind only ten are shown for a step.
pub fn github(run: &Run<'_>) -> String {
    let mut text = String::new();
    for wanted in [Severity::Error, Severity::Warning, Severity::Note] {
        let command = if wanted == Severity::Note { "notice" } else { wanted.word() };
        for entry in run.entries.iter().filter(|entry| entry.outcome == Outcome::Found(wanted)) {
            let _ = write!(text, "::{command} file={}", property(entry.file));
            if let Some((line, column)) = entry.place {
                let _ = write!(text, ",line={line},col={column}");
            }
            let title = run.rules.iter().find(|rule| rule.id == entry.rule).map_or("", |rule| rule.title);
            let title = format!("{} {title}", entry.rule);
            let help = if entry.help.is_empty() { String::new() } else { format!("\nhelp: {}", entry.help) };
            let message = data(&format!("{}{help}", entry.message));
            let _ = writeln!(text, ",title={}::{message}", property(title.trim_end()));
        }
    }
    text
}

/// The message of a workflow command. Other control characters would reach the terminal of whoever reads the log.
fn data(text: &str) -> String {
    let mut data = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '%' => data.push_str("%25"),
            '\r' => data.push_str("%0D"),
            '\n' => data.push_str("%0A"),
            _ if character.is_control() => data.push('\u{fffd}'),
            _ => data.push(character),
        }
    }
    data
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry<'a>(rule: &'a str, outcome: Outcome, file: &'a str, message: &'a str) -> Entry<'a> {
        Entry { rule, outcome, file, place: Some((2, 3)), message, help: "", subject: "domain a", object: "" }
    }

    fn run() -> Run<'static> {
        let rule = |id, severity| Rule { id, title: "a, title: 5%", explanation: "Why.", severity };
        let hostile = "a\u{1}\u{1b}[31m<b>&\"'\r\n::error::x %0A,é\u{ffff}";
        let passed = Entry { place: None, ..entry("R1", Outcome::Passed, "sets/c.txt", "") };
        let skipped = entry("R2", Outcome::Skipped, "sets/c.txt", "no phone");
        let helped = Entry {
            help: "write `b`",
            object: "indicator--1",
            ..entry("R1", Outcome::Found(Severity::Error), "./sets/a b,ä:#?.txt", hostile)
        };
        let again = entry("R2", Outcome::Found(Severity::Warning), "sets/c.txt", "twice");
        let note = entry("R2", Outcome::Found(Severity::Note), "/etc/c.txt", "twice");
        Run {
            suite: "indicators lint",
            fails_from: Some(Severity::Warning),
            rules: vec![rule("R1", Severity::Error), rule("R2", Severity::Warning)],
            entries: vec![again.clone(), again, note, helped, passed, skipped],
        }
    }

    fn read(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn every_form_is_the_same_each_time() {
        for write in [json, sarif, junit, github] {
            assert_eq!(write(&run()), write(&run()));
            let nothing = Run { entries: Vec::new(), rules: Vec::new(), ..run() };
            write(&nothing);
        }
    }

    #[test]
    fn json_holds_every_entry_and_counts_them() {
        let value = read(&json(&run()));
        assert_eq!(value["results"].as_array().unwrap().len(), 6);
        assert_eq!(value["counts"], json!({"error": 1, "warning": 2, "note": 1, "passed": 1, "skipped": 1}));
        assert_eq!(value["results"][3]["message"], run().entries[3].message);
        assert_eq!((&value["results"][0]["line"], &value["results"][0]["column"]), (&json!(2), &json!(3)));
    }

    /// Keys of an object: those it must have, and those it may have, by the standard's text (sections 3.13 to 3.52).
    fn keys(value: &Value, required: &[&str], optional: &[&str]) {
        let object = value.as_object().unwrap();
        for key in required {
            assert!(object.contains_key(*key), "`{key}` is missing in {value}");
        }
        for key in object.keys() {
            assert!(
                required.contains(&key.as_str()) || optional.contains(&key.as_str()),
                "`{key}` in {value}"
            );
        }
    }

    #[test]
    fn sarif_has_the_shape_that_the_standard_asks_for() {
        let value = read(&sarif(&run()));
        keys(&value, &["version", "runs"], &["$schema"]);
        assert_eq!(value["version"], "2.1.0");
        let run = &value["runs"][0];
        keys(run, &["tool", "results"], &["automationDetails", "columnKind"]);
        assert!(["utf16CodeUnits", "unicodeCodePoints"].contains(&run["columnKind"].as_str().unwrap()));
        let driver = &run["tool"]["driver"];
        keys(driver, &["name"], &["version", "semanticVersion", "rules"]);
        let rules = driver["rules"].as_array().unwrap();
        let levels = ["none", "note", "warning", "error"];
        for rule in rules {
            keys(rule, &["id"], &["shortDescription", "fullDescription", "help", "defaultConfiguration"]);
            assert!(levels.contains(&rule["defaultConfiguration"]["level"].as_str().unwrap()));
            for text in ["shortDescription", "fullDescription", "help"] {
                keys(&rule[text], &["text"], &[]);
            }
        }
        let results = run["results"].as_array().unwrap();
        assert_eq!(results.len(), 4);
        for result in results {
            keys(result, &["message"], &["ruleId", "ruleIndex", "level", "locations", "partialFingerprints"]);
            assert!(levels.contains(&result["level"].as_str().unwrap()));
            let number = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
            assert_eq!(rules[number]["id"], result["ruleId"]);
            keys(&result["message"], &["text"], &[]);
            assert!(result["partialFingerprints"].as_object().unwrap().values().all(Value::is_string));
            let location = &result["locations"][0];
            keys(location, &[], &["physicalLocation", "logicalLocations"]);
            let physical = &location["physicalLocation"];
            keys(physical, &["artifactLocation"], &["region"]);
            keys(&physical["artifactLocation"], &["uri"], &[]);
            keys(&physical["region"], &["startLine", "startColumn"], &[]);
            assert!(physical["region"].as_object().unwrap().values().all(|it| it.as_u64() >= Some(1)));
        }
        let place = |at: usize| &results[at]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
        assert_eq!(place(3), "sets/a%20b,%C3%A4%3A%23%3F.txt");
        assert_eq!(place(2), "file:///etc/c.txt");
    }

    #[test]
    fn a_moved_line_keeps_its_fingerprint_and_repetitions_differ() {
        let marks = |run: &Run<'_>| {
            let value = read(&sarif(run));
            let results = value["runs"][0]["results"].as_array().unwrap().clone();
            results.into_iter().map(|it| it["partialFingerprints"].to_string()).collect::<Vec<_>>()
        };
        let before = marks(&run());
        let mut moved = run();
        moved.entries.iter_mut().for_each(|entry| entry.place = Some((90, 1)));
        assert_eq!(marks(&moved), before);
        assert_ne!(before[0], before[1]);
    }

    #[test]
    fn junit_counts_what_fails_and_holds_no_control_character() {
        let xml = junit(&run());
        let head = xml.lines().nth(1).unwrap();
        assert_eq!(
            head,
            "<testsuites name=\"hoofprint indicators lint\" tests=\"6\" failures=\"3\" errors=\"0\" skipped=\"1\">"
        );
        assert!(xml.chars().all(|c| c == '\n' || c >= ' ' && c != '\u{ffff}'), "{xml}");
        assert!(xml.contains("&lt;b&gt;&amp;&quot;&apos;&#13;&#10;::error::x %0A,é\u{fffd}"), "{xml}");
        assert_eq!(xml.matches("<testcase").count(), 6);
        assert_eq!(xml.matches("<failure").count(), 3);
        assert_eq!(xml.matches("<system-out>note: ").count(), 1);
        assert_eq!(xml.matches("<testsuite ").count(), 3);
    }

    #[test]
    fn annotations_are_one_line_each_gravest_first() {
        let text = github(&run());
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 4);
        assert_eq!(
            lines[0],
            "::error file=./sets/a b%2Cä%3A#?.txt,line=2,col=3,title=R1 a%2C title%3A 5%25::\
             a\u{fffd}\u{fffd}[31m<b>&\"'%0D%0A::error::x %250A,é\u{ffff}%0Ahelp: write `b`"
        );
        assert!(lines[1].starts_with("::warning file=sets/c.txt,line=2,col=3,title=R2 "));
        assert!(lines[3].starts_with("::notice file=/etc/c.txt"));
    }
}
