//! `docs/` says what the declarations say. `UPDATE_DOCS=1 cargo test --test it docs` rewrites it.

#![allow(clippy::disallowed_methods, reason = "the pages are files")]

use std::fmt::Write as _;
use std::path::Path;

use hoofprint::artifact::{self, Artifact, LogPart, Parse};
use hoofprint::heuristic::{self, Heuristic};
use hoofprint::record::{Column, Kind, Trace};
use hoofprint::report::{mvt, words};
use hoofprint::time::{Epoch, Precision};

#[test]
fn the_page_of_artifacts_is_what_they_declare() {
    committed("artifacts.md", &artifacts());
}

#[test]
fn the_page_of_rules_is_what_they_declare() {
    committed("heuristics.md", &heuristics());
}

fn committed(name: &str, page: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, page).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap();
    assert!(
        found == page,
        "docs/{name} differs from the declarations; rewrite with UPDATE_DOCS=1 cargo test --test it docs"
    );
}

/// A part of a page: what an id begins with, and its heading.
const SYSTEMS: [(&str, &str); 4] = [
    ("ios.", "iOS: backups, filesystem dumps and what a sysdiagnose copies"),
    ("sysdiagnose.", "iOS: what only a sysdiagnose holds"),
    ("android.", "Android"),
    ("sweep", "Every acquisition"),
];

fn artifacts() -> String {
    let mut page = String::from(ABOUT_ARTIFACTS);
    page.push_str("\n## Contents\n");
    for (prefix, heading) in SYSTEMS {
        let _ = write!(page, "\n**{heading}**\n\n| artifact | title | a match shows |\n|---|---|---|\n");
        for artifact in of(prefix) {
            let (link, class) = (artifact_link(artifact.id, ""), class(artifact));
            let _ = writeln!(page, "| {link} | {} | {class} |", plain(artifact.title));
        }
    }
    page.push_str("\n## Evidence classes\n\n| class | a match means |\n|---|---|\n");
    for trace in TRACES {
        let _ = writeln!(page, "| {} | {} |", name(trace), words::meaning(trace));
    }
    page.push_str(KINDS);
    for (prefix, heading) in SYSTEMS {
        let _ = write!(page, "\n## {heading}\n");
        of(prefix).for_each(|artifact| section(&mut page, artifact));
    }
    page
}

fn of(prefix: &str) -> impl Iterator<Item = &'static Artifact> {
    artifact::all().iter().copied().filter(move |artifact| artifact.id.starts_with(prefix))
}

fn section(page: &mut String, artifact: &Artifact) {
    let about = plain(artifact.about.trim_end_matches('.'));
    let _ = write!(page, "\n### {}\n\n**{}.** {about}.\n\n", artifact.id, plain(artifact.title));
    let _ = writeln!(page, "- A match shows: {}", class(artifact));
    let _ = writeln!(page, "- Read as: {}", form(&artifact.parse));
    if let Some(module) = mvt::module_of(artifact.id) {
        let _ = writeln!(page, "- MVT's module: `{module}`");
    }
    let rules: Vec<String> = heuristic::ALL
        .iter()
        .filter(|rule| rule.reads.iter().any(|reads| reads.artifact == artifact.id))
        .map(|rule| format!("[{0}](heuristics.md#{0})", rule.id))
        .collect();
    if !rules.is_empty() {
        let _ = writeln!(page, "- Rules: {}", rules.join(", "));
    }
    if !artifact.files.is_empty() {
        page.push_str("- Files:\n");
        for glob in artifact.files {
            let _ = writeln!(page, "  - `{glob}`");
        }
    }
    page.push_str("\n| column | kind | time or caveat |\n|---|---|---|\n");
    for column in artifact.columns {
        let _ = writeln!(page, "| `{}` | {} | {} |", column.name, kind(column.kind), remark(column));
    }
}

fn class(artifact: &Artifact) -> String {
    let mut class = name(artifact.shows);
    if artifact.columns.iter().any(|column| column.kind == Kind::Direction) {
        class.push_str("; of what was sent: mentioned");
    }
    if artifact.shows == Trace::Logged
        && artifact.columns.iter().any(|column| matches!(column.kind, Kind::Process | Kind::Path))
    {
        class.push_str("; of a program's name or path: executed");
    }
    class
}

const TRACES: [Trace; 10] = [
    Trace::Mentioned,
    Trace::Received,
    Trace::Stored,
    Trace::Logged,
    Trace::Resolved,
    Trace::Visited,
    Trace::Policy,
    Trace::Installed,
    Trace::Tampered,
    Trace::Executed,
];

fn name(trace: Trace) -> String {
    format!("{trace:?}").to_lowercase()
}

fn form(parse: &Parse) -> String {
    let tables = |queries: usize| match queries {
        1 => "SQLite database, one schema; columns that a version lacks are empty".to_owned(),
        count => format!(
            "SQLite database, {count} schemas, the newest that fits; columns that a version lacks are empty"
        ),
    };
    match parse {
        Parse::Sqlite { table, queries } | Parse::Rows { table, queries, .. } => {
            format!("{}; rows of `{table}`", tables(queries.len()))
        }
        Parse::Database(_) => "SQLite database, by the tables that are there".into(),
        Parse::Explained { by, .. } => {
            let by: Vec<String> = by.iter().map(|glob| format!("`{glob}`")).collect();
            format!("SQLite database, explained by {}", by.join(", "))
        }
        Parse::Plist(_) => "property list, XML or binary".into(),
        Parse::Text(_) => "text, line by line".into(),
        Parse::Bytes { most, .. } => format!("whole file, up to {} MiB", most >> 20),
        Parse::Head { bytes, .. } => format!("the first {bytes} bytes"),
        Parse::UnifiedLog(LogPart::Entries) => "unified log: entries".into(),
        Parse::UnifiedLog(LogPart::Clocks) => "unified log: clocks".into(),
        Parse::UnifiedLog(LogPart::Image(_)) => "unified log: texts of programs".into(),
        Parse::Listing(_) => "list of the files of the acquisition, contents unread".into(),
        Parse::Sweep => "raw bytes".into(),
    }
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "text",
        Kind::Int => "integer",
        Kind::Real => "number",
        Kind::Bool => "boolean",
        Kind::Bytes => "bytes",
        Kind::Time(_) => "time",
        Kind::Message => "**message**",
        Kind::Url => "**url**",
        Kind::Host => "**host**",
        Kind::Email => "**email**",
        Kind::Phone => "phone",
        Kind::Process => "**process**",
        Kind::Path => "**path**",
        Kind::Hash => "**hash**",
        Kind::AppId => "**app id**",
        Kind::ProfileId => "**profile id**",
        Kind::Property => "**property**",
        Kind::Direction => "direction",
        Kind::Caveat(_) => "caveat",
    }
}

fn remark(column: &Column) -> String {
    let epoch = match column.kind {
        Kind::Caveat(sentence) => return plain(sentence),
        Kind::Time(epoch) => epoch,
        _ => return String::new(),
    };
    let what = column.moment.map_or("no event of this phone", |moment| moment.description());
    let stored = match epoch {
        Epoch::Unix => "since 1970",
        Epoch::Mac => "since 2001",
        Epoch::WebKit => "since 1601",
        Epoch::Safari => "since 2001, on iOS 26 since 1970",
        Epoch::Local => "local time",
        Epoch::BeforeSnapshot => "age at the acquisition",
    };
    let rounded = match column.precision {
        Precision::Microsecond => "",
        Precision::Second => ", to the second",
        Precision::Hour => ", to the hour",
        Precision::Day => ", to the day",
    };
    format!("{what} ({stored}{rounded})")
}

fn heuristics() -> String {
    let mut page = String::from(ABOUT_RULES);
    page.push_str("\n## Contents\n");
    for (reads, heading) in PHONES {
        let _ = write!(page, "\n**{heading}**\n\n| rule | title |\n|---|---|\n");
        for rule in heuristic::ALL.iter().filter(|rule| phones(rule) == reads) {
            let _ = writeln!(page, "| [{0}](#{0}) | {1} |", rule.id, plain(rule.title));
        }
    }
    for (reads, heading) in PHONES {
        let _ = write!(page, "\n## {heading}\n");
        heuristic::ALL
            .iter()
            .filter(|rule| phones(rule) == reads)
            .for_each(|rule| rule_section(&mut page, rule));
    }
    page
}

/// Whether a rule reads artifacts of an iPhone, and of an Android phone.
const PHONES: [((bool, bool), &str); 3] = [
    ((true, false), "Rules for iOS"),
    ((false, true), "Rules for Android"),
    ((true, true), "Rules for both"),
];

fn phones(rule: &Heuristic) -> (bool, bool) {
    let android = |id: &str| id.starts_with("android.");
    (
        rule.reads.iter().any(|reads| !android(reads.artifact)),
        rule.reads.iter().any(|reads| android(reads.artifact)),
    )
}

fn rule_section(page: &mut String, rule: &Heuristic) {
    let _ = write!(page, "\n### {}\n\n**{}**\n\n", rule.id, plain(rule.title));
    for (heading, text) in [
        ("What it looks at", rule.looks_at),
        ("Why it matters", rule.why_it_matters),
        ("Innocent causes", rule.innocent_causes),
        ("Next check", rule.next_check),
    ] {
        let _ = writeln!(page, "- *{heading}.* {}", plain(text));
    }
    let mut reads: Vec<String> =
        rule.reads.iter().map(|reads| artifact_link(reads.artifact, "artifacts.md")).collect();
    reads.dedup();
    let _ = writeln!(page, "- *Reads.* {}", reads.join(", "));
    let references: Vec<String> = rule.references.iter().map(|address| format!("<{address}>")).collect();
    let _ = writeln!(page, "- *References.* {}", references.join(", "));
}

/// A heading's anchor has no full stops.
fn artifact_link(id: &str, page: &str) -> String {
    format!("[{id}]({page}#{})", id.replace('.', ""))
}

/// Text in which nothing is markup.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '|' | '*' | '_' | '<' | '[' | '\\') {
            plain.push('\\');
        }
        plain.push(character);
    }
    plain
}

const ABOUT_ARTIFACTS: &str = "\
# Artifacts

What hoofprint reads of a phone, where it lies and what its columns are. This page is made from the declarations in `src/artifact/`.

- *Paths* are those on the phone, whatever container they came in; `*` stays within a folder, `**` crosses folders. The files of a backup stand where they are on the
  phone, its own lists under `/backup`; what a sysdiagnose wrote itself stands under `/sysdiagnose`, what an Android phone told its collector under `/dumpsys`,
  `/settings` and `/getprop`.
- *Versions.* A file is read on every version of iOS or Android that has it. Where a system began or ceased to write it, the description says so. Of a database the schema
  decides, not the version: queries are tried newest first, and what a version lacks is empty.
- *Times* are written in UTC; those without a meaning of their own are facts, not events of the timeline.
";

const KINDS: &str = "
## Kinds of columns

Columns in bold are matched against indicators.

| kind | holds |
|---|---|
| **message** | free text; links, hosts, addresses and hashes in it are matched |
| **url**, **host** | a web address, a host name or IP address |
| **email** | an e-mail address, or a handle that may be one |
| **process** | the name of a process, or the path of its executable |
| **path** | a path on the phone |
| **hash** | a digest in hexadecimal |
| **app id**, **profile id** | a bundle id or package name; the identifier of a configuration profile |
| **property** | the name of a system property |
| text, phone, integer, number, boolean, bytes | facts for the reader and the rules |
| time | an instant, and what happened then |
| direction | `sent` or `received` |
| caveat | where it is true, every finding on the record says the sentence beside it |
";

const ABOUT_RULES: &str = "\
# Rules

What hoofprint judges without indicators. This page is made from the rules in `src/heuristic/`; `hoofprint explain RULE` prints the same. A rule tells what is odd, not
who did it: most that are met have innocent causes.
";
