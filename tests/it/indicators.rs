//! The verbs of `hoofprint indicators`.

#![allow(clippy::disallowed_methods, reason = "tests write inputs and read what the program wrote")]

use std::path::Path;

use serde_json::Value;

use crate::run::hoofprint;

fn json(arguments: &[&str]) -> Value {
    let ran = hoofprint(&[&["indicators"], arguments, &["--format", "json"]].concat());
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    serde_json::from_str(&ran.stdout).unwrap()
}

fn text(arguments: &[&str]) -> String {
    let ran = hoofprint(&[&["indicators"], arguments].concat());
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    ran.stdout
}

#[test]
fn sets_campaigns_and_numbers_are_listed() {
    let list = text(&["list"]);
    assert!(list.contains("bundled: pegasus\n    campaigns     Pegasus\n"), "{list}");
    assert!(list.contains(" years old)"), "the sets tell their age");
    let stats = json(&["stats"]);
    assert_eq!(stats["sources"].as_array().unwrap().len(), 17);
    let values = stats["values"].as_u64().unwrap();
    assert!(values > 10_000 && stats["distinct"].as_u64().unwrap() < values);
    assert!(text(&["stats"]).contains("\nBy campaign\n"));
    let shown = json(&["show", "pegasus", "--kind", "process"]);
    assert_eq!(shown.as_array().unwrap().len(), 81);
    assert!(shown.as_array().unwrap().iter().all(|it| it["campaign"] == "Pegasus"));
    let none = hoofprint(&["indicators", "show", "nobody"]);
    assert_eq!(none.status, 2);
    assert!(none.stderr.contains("hint: "));
}

#[test]
fn a_value_is_explained_with_the_rules_that_were_tried() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("list.csv");
    std::fs::write(&list, "type,value,campaign\ndomain,evil.example.com,Spy\ndomain,co.uk,Spy\n").unwrap();
    let explain = |value: &str| text(&["explain", value, "--no-bundled", "-i", list.to_str().unwrap()]);
    let hit = explain("https://a.evil.example.com/x");
    assert!(hit.contains("As url:\n  strong: a name below the indicator's (`a.evil.example.com`)"), "{hit}");
    assert!(hit.contains("domain `evil.example.com`: Spy"), "{hit}");
    assert!(hit.contains("    process   no match: "), "{hit}");
    assert!(explain("notevil.example.com").contains("Matches nothing."));
    assert!(explain("co.uk").contains("Listed, but not applied: a public suffix"));
    let answer = json(&["explain", "bh", "--as", "process"]);
    assert_eq!(answer["tried"][0]["matches"][0]["indicator"]["campaign"], "Pegasus");
}

#[test]
fn a_list_becomes_a_bundle_that_is_the_same_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("domains.txt"), "b.example.com\na.example.com\n").unwrap();
    std::fs::write(path("header"), "campaign: Spy\nvendor: V\ndate: 2024-02-03\nlicence: MIT\nrole: c2\n")
        .unwrap();
    let build = |out: &str| {
        text(&["build", &path("domains.txt"), "--header", &path("header"), "-o", &path(out)]);
        std::fs::read_to_string(path(out)).unwrap()
    };
    let bundle = build("one.stix2");
    assert_eq!(bundle, build("two.stix2"));
    assert!(bundle.contains("\"created\":\"2024-02-03T00:00:00.000Z\""), "{bundle}");
    assert!(bundle.contains("\"labels\":[\"role:c2\"]"), "{bundle}");
    let shown = json(&["show", "Spy", "--no-bundled", "-i", &path("one.stix2")]);
    assert_eq!((&shown[0]["value"], &shown[0]["vendor"]), (&"a.example.com".into(), &"V".into()));
}

#[test]
fn the_bundled_sets_keep_their_meaning_in_every_form() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    for name in ["all.stix2", "all.csv", "all.misp.json", "all.txt"] {
        text(&["convert", "--bundled", "-o", &path(name)]);
        let difference = json(&["diff", "bundled", &path(name)]);
        for what in ["added", "removed"] {
            assert_eq!(difference[what].as_array().unwrap().len(), 0, "{name}: {difference}");
        }
        // What two sets list with different roles has, in one file, the one that says more.
        let changes =
            difference["changed"].as_array().unwrap().iter().flat_map(|it| it["changes"].as_array().unwrap());
        for change in changes {
            assert_eq!(
                (&change["what"], change["before"].as_array().unwrap().len()),
                (&"role".into(), 2),
                "{change}"
            );
        }
    }
    text(&["convert", "--bundled", "--to", "list", "-o", &path("lists")]);
    let names: Vec<_> = std::fs::read_dir(Path::new(&path("lists"))).unwrap().collect();
    assert!(names.len() > 8, "one list a kind");
    let unknown = hoofprint(&["indicators", "convert", "--bundled", "-o", &path("x.pdf")]);
    assert_eq!(unknown.status, 2);
}

#[test]
fn a_difference_is_told_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("old.csv"), "type,value,campaign\ndomain,a.example.com,X\nprocess,bh,X\n").unwrap();
    std::fs::write(path("new.csv"), "type,value,campaign\ndomain,b.example.com,X\nprocess,bh,Y\n").unwrap();
    assert_eq!(
        text(&["diff", &path("old.csv"), &path("new.csv")]),
        "- domain     a.example.com  (X)\n+ domain     b.example.com  (X)\n\
         ~ process    bh  campaign X -> Y\n1 added, 1 removed, 1 changed, 0 the same\n"
    );
}

#[test]
fn nothing_that_can_open_a_connection_is_built_unless_asked_for() {
    let manifest = include_str!("../../Cargo.toml");
    assert!(manifest.contains("\ndefault = [\"age\"]\n"));
    assert!(manifest.lines().any(|line| line.starts_with("ureq = ") && line.contains("optional = true")));
    let fetch = hoofprint(&["indicators", "fetch", "--help"]);
    assert_eq!(fetch.status == 0, cfg!(feature = "update"));
}
