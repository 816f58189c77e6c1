//! Writes a set in the forms that others read. The same set gives the same bytes: everything is sorted, ids are made of what they
//! name (UUID version 5), and no clock is asked.

mod csv;
mod list;
mod misp;
mod stix;
mod uuid;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use jiff::Timestamp;

pub use self::list::{List, lists};
#[cfg(test)]
pub(super) use self::stix::pattern as pattern_of;
use super::build;
use super::catalogue::Header;
use super::intake::{canonical, joined_roles};
use super::set::{Campaign, IndicatorSet, Ioc, Platform, Role, Skipped, Source};

/// A form of file that a set can be written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileForm {
    /// Our own, see `indicators/README.md`.
    Catalogue,
    /// A STIX 2.1 bundle.
    Stix,
    Csv,
    /// One MISP event a campaign.
    Misp,
    /// One value a line: nothing else of a value is kept.
    List,
}

impl FileForm {
    /// What the ending of a file's name says.
    pub fn of_path(path: &Path) -> Option<FileForm> {
        let name = path.file_name()?.to_str()?.to_ascii_lowercase();
        match name.rsplit_once('.')?.1 {
            "stix2" | "stix" => Some(FileForm::Stix),
            "json" if name.contains("misp") => Some(FileForm::Misp),
            "json" => Some(FileForm::Stix),
            "csv" => Some(FileForm::Csv),
            "txt" => Some(FileForm::Catalogue),
            _ => None,
        }
    }
}

/// Writes `set` under `header`, tells in `skipped` what the form cannot hold, and returns the number of values.
///
/// # Errors
/// Where `out` cannot be written.
pub fn write(
    form: FileForm,
    header: &Header,
    set: &IndicatorSet,
    skipped: &mut Vec<Skipped>,
    out: &mut dyn Write,
) -> io::Result<usize> {
    let rows = rows(header, set);
    match form {
        FileForm::Catalogue => return build::write(header, set, skipped, out),
        FileForm::Stix => stix::write(header, set, &rows, out)?,
        FileForm::Csv => csv::write(&rows, out)?,
        FileForm::Misp => misp::write(header, set, &rows, out)?,
        FileForm::List => return list::write(&rows, skipped, out),
    }
    Ok(rows.len())
}

/// One value of one campaign, whatever number of files it came from.
#[derive(Clone, Debug)]
struct Row<'s> {
    campaign: &'s Campaign,
    ioc: Ioc,
    value: String,
    /// Index of the first source.
    source: usize,
    role: Role,
    platform: Platform,
    note: String,
    valid_from: Option<Timestamp>,
    valid_until: Option<Timestamp>,
    revoked: bool,
}

static NOBODY: std::sync::LazyLock<Campaign> = std::sync::LazyLock::new(Campaign::default);

/// Sorted by campaign, kind and value. What several files say of one value is put together: the longest validity, the role that
/// says most.
fn rows<'s>(header: &Header, set: &'s IndicatorSet) -> Vec<Row<'s>> {
    let mut rows: BTreeMap<(&str, Ioc, String), Row<'s>> = BTreeMap::new();
    for indicator in &set.indicators {
        let campaign = set.campaigns.get(usize::from(indicator.campaign)).unwrap_or(&NOBODY);
        let value = canonical(indicator.ioc, &indicator.value).into_owned();
        let row = Row {
            campaign,
            ioc: indicator.ioc,
            value: value.clone(),
            source: usize::from(indicator.source),
            role: if indicator.role == Role::Unstated { header.role } else { indicator.role },
            platform: indicator.platform,
            note: one_line(&indicator.note),
            valid_from: indicator.valid_from,
            valid_until: indicator.valid_until,
            revoked: indicator.revoked,
        };
        rows.entry((&campaign.name, indicator.ioc, value))
            .and_modify(|known| known.join(&row))
            .or_insert(row);
    }
    rows.into_values().collect()
}

impl Row<'_> {
    fn join(&mut self, other: &Row<'_>) {
        if self.platform != other.platform {
            self.platform = Platform::Any;
        }
        if self.note.is_empty() {
            self.note.clone_from(&other.note);
        }
        let (role, note) = joined_roles(self.role, other.role, &self.note);
        self.role = role;
        if let Some(note) = note {
            self.note = note;
        }
        self.valid_from = self.valid_from.min(other.valid_from);
        self.valid_until = self.valid_until.and_then(|until| Some(until.max(other.valid_until?)));
        self.revoked &= other.revoked;
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// When the values of a source were last changed, `YYYY-MM-DD`; empty if nobody said so.
fn date_of<'s>(header: &'s Header, source: Option<&'s Source>) -> &'s str {
    [&*header.updated, &*header.date, source.map_or("", |source| &source.date)]
        .into_iter()
        .find(|date| date.parse::<jiff::civil::Date>().is_ok())
        .unwrap_or("")
}

fn md5_sha(value: &str) -> Option<Digest> {
    match value.len() {
        32 => Some(Digest::Md5),
        40 => Some(Digest::Sha1),
        64 => Some(Digest::Sha256),
        _ => None,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Digest {
    Md5,
    Sha1,
    Sha256,
}

#[cfg(test)]
mod tests;
