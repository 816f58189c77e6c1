//! MVT's `indicators.yaml`, which says which files of a repository are downloaded, against the files that are there.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::rules::{self, Severity};
use super::{Lint, Mend};

const NAME: &str = "indicators.yaml";

struct Entry<'t> {
    line: u32,
    repository: String,
    path: &'t str,
}

pub(super) fn is_index(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == NAME)
}

/// The lines of the index that place a file: of its YAML only these are read.
fn entries(text: &str) -> Vec<Entry<'_>> {
    let mut entries = Vec::new();
    let (mut owner, mut name) = ("", "");
    for (line, number) in text.lines().zip(1..) {
        let Some((key, value)) = line.trim().split_once(": ") else { continue };
        let value = value.trim().trim_matches(['"', '\'']);
        match key {
            "owner" => owner = value,
            "repo" => name = value,
            "path" => {
                entries.push(Entry { line: number, repository: format!("{owner}/{name}"), path: value });
            }
            _ => {}
        }
    }
    entries
}

/// `index` is the path of an index, `text` what it holds, `files` the bundles of the folder.
pub(super) fn check(index: &Path, text: &str, files: &[PathBuf], lints: &mut Vec<Lint>) {
    let entries = entries(text);
    if entries.is_empty() {
        return;
    }
    let mut lint = |file: &Path, line, value: &str, message: String, mend: &str| {
        lints.push(Lint {
            rule: &rules::NOT_INDEXED,
            severity: Severity::Warning,
            file: Arc::from(file.display().to_string()),
            line,
            column: 1,
            ioc: None,
            value: value.to_owned(),
            object: String::new(),
            message,
            mend: Some(Mend::told(mend)),
        });
    };
    let bundles = files.iter().filter(|file| file.extension().is_some_and(|it| it == "stix2"));
    for file in bundles {
        if !entries.iter().any(|entry| file.ends_with(entry.path)) {
            let message = format!("`{}` does not list this file", index.display());
            lint(file, 1, "", message, "add it to the index, or remove it");
        }
    }
    let folder = index.parent().unwrap_or(Path::new(""));
    let is_there = |entry: &&Entry<'_>| files.contains(&folder.join(entry.path));
    // Entries of other repositories lie elsewhere.
    let here: BTreeSet<&str> =
        entries.iter().filter(is_there).map(|entry| entry.repository.as_str()).collect();
    for entry in entries.iter().filter(|entry| here.contains(entry.repository.as_str())) {
        if !is_there(&entry) {
            let message = format!("there is no `{}`", entry.path);
            lint(index, entry.line, entry.path, message, "add the file, or remove the entry");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_entries_without_each_other_are_told() {
        let text = "indicators:\n  -\n    github:\n      owner: lab\n      repo: sets\n      path: a/a.stix2\n  -\n    github:\n      owner: lab\n      \
                    repo: sets\n      path: gone/b.stix2\n  -\n    github:\n      owner: other\n      repo: sets\n      path: c.stix2\n";
        let files = ["r/a/a.stix2", "r/d/d.stix2", "r/readme.txt"].map(PathBuf::from);
        let mut lints = Vec::new();
        check(Path::new("r/indicators.yaml"), text, &files, &mut lints);
        let found: Vec<_> =
            lints.iter().map(|lint| format!("{}:{} {}", lint.file, lint.line, lint.message)).collect();
        assert_eq!(
            found,
            [
                "r/d/d.stix2:1 `r/indicators.yaml` does not list this file",
                "r/indicators.yaml:11 there is no `gone/b.stix2`"
            ]
        );
    }

    #[test]
    fn text_that_is_no_index_says_nothing() {
        let mut lints = Vec::new();
        for text in ["", "path", "path: ", "\u{0}: \n"] {
            check(Path::new("indicators.yaml"), text, &[PathBuf::from("a.txt")], &mut lints);
        }
        assert!(lints.is_empty());
    }
}
