//! Every artifact and every rule is in its list, is called like its file, has a test, and says what it must.

use std::collections::BTreeSet;
use std::path::Path;

use hoofprint::artifact::{self, Parse};
use hoofprint::heuristic;

fn source(below: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(below)).unwrap()
}

fn files_of(folder: &str, leave_out: &[&str]) -> BTreeSet<String> {
    std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(folder))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter_map(|name| name.strip_suffix(".rs").map(str::to_owned))
        .filter(|name| !leave_out.contains(&name.as_str()))
        .collect()
}

#[test]
fn every_artifact_file_is_listed_under_its_own_name() {
    let listed: BTreeSet<String> =
        artifact::all().iter().map(|artifact| artifact.id.replace('.', "/")).collect();
    assert_eq!(listed.len(), artifact::all().len(), "an id stands twice");
    let below = |folder: &str| {
        let names = files_of(&format!("artifact/{folder}"), &["mod"]);
        names.into_iter().map(|name| format!("{folder}/{name}")).collect::<Vec<_>>()
    };
    let mut files: BTreeSet<String> =
        ["ios", "sysdiagnose", "android"].iter().flat_map(|folder| below(folder)).collect();
    files.insert("sweep".into());
    assert_eq!(files, listed);
}

#[test]
fn every_rule_file_is_listed_under_its_own_name() {
    let listed: BTreeSet<String> = heuristic::ALL.iter().map(|rule| rule.id.to_owned()).collect();
    assert_eq!(files_of("heuristic", &["mod", "testing"]), listed);
}

#[test]
fn every_artifact_and_rule_has_a_test_beside_it() {
    for artifact in artifact::all() {
        let text = source(&format!("artifact/{}.rs", artifact.id.replace('.', "/")));
        assert!(text.contains("#[test]"), "{} has no test", artifact.id);
        let shaken = text.contains("shake(")
            || matches!(artifact.parse, Parse::Listing(_) | Parse::UnifiedLog(_) | Parse::Sweep);
        assert!(shaken, "{} has no test with broken input", artifact.id);
    }
    for rule in heuristic::ALL {
        assert!(source(&format!("heuristic/{}.rs", rule.id)).contains("#[test]"), "{} has no test", rule.id);
    }
}

/// An artifact is a page to read, with its test.
#[test]
fn artifact_files_stay_short() {
    let mut lengths: Vec<usize> = artifact::all()
        .iter()
        .map(|artifact| source(&format!("artifact/{}.rs", artifact.id.replace('.', "/"))).lines().count())
        .collect();
    lengths.sort_unstable();
    let (median, longest) = (lengths[lengths.len() / 2], lengths[lengths.len() - 1]);
    assert!(median <= 100, "half of the artifact files have more than {median} lines");
    assert!(longest <= 450, "an artifact file has {longest} lines");
}

#[test]
fn every_weighing_rule_is_listed_says_its_headings_and_has_a_test() {
    let listed: BTreeSet<String> = heuristic::CORROBORATIONS.iter().map(|rule| rule.id.to_owned()).collect();
    assert_eq!(files_of("heuristic/corroboration", &["mod", "testing"]), listed);
    let ids: BTreeSet<&str> = heuristic::about_all().map(|rule| rule.id).collect();
    assert_eq!(ids.len(), heuristic::about_all().count(), "an id stands twice");
    for rule in heuristic::CORROBORATIONS {
        let id = rule.id;
        assert!(source(&format!("heuristic/corroboration/{id}.rs")).contains("#[test]"), "{id} has no test");
        let texts = [
            rule.title,
            rule.looks_at,
            rule.why_it_matters,
            rule.innocent_causes,
            rule.next_check,
            rule.false_positives,
        ];
        assert!(texts.iter().all(|text| text.len() > 10), "{id}: a heading says too little");
        assert!(!rule.references.is_empty(), "{id}: no reference");
        for reads in rule.reads {
            assert!(artifact::find(reads.artifact).is_some(), "{id}: reads `{}`", reads.artifact);
        }
    }
}

#[test]
fn declarations_are_consistent() {
    for artifact in artifact::all() {
        let id = artifact.id;
        let names: BTreeSet<&str> = artifact.columns.iter().map(|column| column.name).collect();
        assert_eq!(names.len(), artifact.columns.len(), "{id}: a column stands twice");
        for reserved in ["path", "stored_as", "where"] {
            assert!(!names.contains(reserved), "{id}: `{reserved}` is a field of every record");
        }
        for placeholder in artifact.line.split('{').skip(1) {
            let name = placeholder.split('}').next().unwrap();
            assert!(names.contains(name), "{id}: `{{{name}}}` is no column");
        }
        for glob in artifact.files {
            assert!(glob.starts_with('/'), "{id}: `{glob}` is not absolute");
            globset::GlobBuilder::new(glob).literal_separator(true).build().unwrap();
        }
        assert_eq!(artifact.files.is_empty(), matches!(artifact.parse, Parse::Listing(_)), "{id}: files");
        for text in [artifact.title, artifact.about, artifact.line] {
            assert!(!text.trim().is_empty(), "{id}: a text is empty");
        }
    }
}

#[test]
fn rules_say_all_their_headings_and_read_artifacts_that_exist() {
    for rule in heuristic::ALL {
        for text in [rule.title, rule.looks_at, rule.why_it_matters, rule.innocent_causes, rule.next_check] {
            assert!(text.len() > 10, "{}: a heading says too little", rule.id);
        }
        assert!(!rule.references.is_empty(), "{}: no reference", rule.id);
        assert!(!rule.reads.is_empty(), "{}: reads nothing", rule.id);
        for reads in rule.reads {
            assert!(artifact::find(reads.artifact).is_some(), "{}: reads `{}`", rule.id, reads.artifact);
        }
    }
}
