//! The page about verdicts says what the program does. `UPDATE_FIXTURES=1 cargo test --test it verdict` rewrites it.

#![allow(clippy::disallowed_methods, reason = "the page is a file")]

use std::path::Path;

use hoofprint::report::verdict;

use crate::phone;
use crate::run::{lines, scan_into};

#[test]
fn the_page_about_verdicts_is_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/verdict.md");
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, verdict::page()).unwrap();
    }
    let page = std::fs::read_to_string(&path).unwrap();
    assert!(page == verdict::page(), "docs/verdict.md differs; rewrite with UPDATE_FIXTURES=1");
}

#[test]
fn each_campaign_has_the_gravest_verdict_of_its_findings() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["infected-iphone", "infected-sysdiagnose.tar.gz", "infected-android.zip"] {
        let out = folder.path().join(name);
        scan_into(&out, &phone::fixture(name), &[]);
        let run: serde_json::Value =
            serde_json::from_str(&std::fs::read_to_string(out.join("run.json")).unwrap()).unwrap();
        assert_eq!(run["verdict"], "trace of known spyware", "{name}");
        let findings = lines(&out.join("findings.jsonl"));
        let campaigns = run["campaigns"].as_array().unwrap();
        assert!(campaigns.len() > 2, "{name}");
        for campaign in campaigns {
            let own: Vec<&str> = findings
                .iter()
                .filter(|finding| finding["indicator"]["campaigns"] == campaign["campaign"])
                .map(|finding| finding["verdict"].as_str().unwrap())
                .collect();
            assert!(own.contains(&campaign["verdict"].as_str().unwrap()), "{name}: {campaign}");
        }
    }
}
