//! Plain lists: one file a kind, one value a line.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use super::{Row, rows};
use crate::indicator::catalogue::Header;
use crate::indicator::set::{IndicatorSet, Ioc, Skipped};

/// One plain list; its name tells the loader what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    pub file_name: &'static str,
    pub text: String,
    pub values: usize,
}

fn file_name(ioc: Ioc) -> &'static str {
    match ioc {
        Ioc::Domain => "domains.txt",
        Ioc::Ip => "ips.txt",
        Ioc::Url => "urls.txt",
        Ioc::Process => "processes.txt",
        Ioc::FileName => "file-names.txt",
        Ioc::FilePath => "file-paths.txt",
        Ioc::Email => "emails.txt",
        Ioc::FileHash => "hashes.txt",
        Ioc::AppId => "apps.txt",
        Ioc::CertHash => "certs.txt",
        Ioc::ProfileId => "profiles.txt",
        Ioc::Property => "properties.txt",
    }
}

/// One list a kind of value, sorted. What cannot stand in a list is told in `skipped`.
pub fn lists(set: &IndicatorSet, skipped: &mut Vec<Skipped>) -> Vec<List> {
    let kinds = by_kind(&rows(&Header::default(), set), skipped);
    let lists = kinds.into_iter().map(|(ioc, values)| {
        let mut text = values.iter().cloned().collect::<Vec<_>>().join("\n");
        text.push('\n');
        List { file_name: file_name(ioc), text, values: values.len() }
    });
    lists.collect()
}

/// All lists in one text.
pub(super) fn write(rows: &[Row<'_>], skipped: &mut Vec<Skipped>, out: &mut dyn Write) -> io::Result<usize> {
    let mut count = 0;
    for (ioc, values) in by_kind(rows, skipped) {
        writeln!(out, "# {}", ioc.name())?;
        for value in &values {
            writeln!(out, "{value}")?;
        }
        count += values.len();
    }
    Ok(count)
}

fn by_kind(rows: &[Row<'_>], skipped: &mut Vec<Skipped>) -> BTreeMap<Ioc, BTreeSet<String>> {
    let mut kinds: BTreeMap<Ioc, BTreeSet<String>> = BTreeMap::new();
    for row in rows {
        if row.value.starts_with('#') || row.value.contains(" #") {
            let why = "`#` begins a comment in a plain list".into();
            let what = row.value.as_str().into();
            skipped.push(Skipped { file: "".into(), line: 0, what, why });
        } else {
            kinds.entry(row.ioc).or_default().insert(row.value.clone());
        }
    }
    kinds
}
