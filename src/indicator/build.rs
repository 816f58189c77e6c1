//! Makes one file from published ones, so that every bundled set can be made again.
//!
//! The header file is in the catalogue's own form: its `key: value` lines become the header, and its values lend their attributes
//! (role, platform, note) to the same values of the input. A finished catalogue file can therefore be its own header file.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::catalogue::{self, Header};
use super::export::{self, FileForm};
use super::intake::{Intake, canonical, is_platform_bound, joined_roles, platform_name, role_name};
use super::load::{self, LoadError};
use super::set::{Campaign, Indicator, IndicatorSet, Ioc, Platform, Role, Skipped, Source};

/// What a build did.
#[derive(Clone, Debug, Default)]
pub struct Built {
    pub values: usize,
    /// What of the input, and which values of the header file, are not in the output.
    pub skipped: Vec<Skipped>,
}

#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error("cannot write the set: {0}")]
    Write(#[from] io::Error),
}

/// Writes the values of `inputs` as one file, under the header and with the attributes of the file `meta` if there is one.
///
/// # Errors
/// Where an input or the header file cannot be read, or `out` cannot be written.
pub fn build(
    inputs: &[PathBuf],
    meta: Option<&Path>,
    form: FileForm,
    out: &mut dyn Write,
) -> Result<Built, BuildError> {
    let (header, set, mut skipped) = gather(inputs, meta)?;
    let values = export::write(form, &header, &set, &mut skipped, out)?;
    Ok(Built { values, skipped })
}

/// The set that a build writes, its header, and what is not in it.
fn gather(
    inputs: &[PathBuf],
    meta: Option<&Path>,
) -> Result<(Header, IndicatorSet, Vec<Skipped>), LoadError> {
    let mut set = load::load(inputs, false)?;
    let mut skipped = std::mem::take(&mut set.skipped);
    let Some(meta) = meta else { return Ok((Header::default(), set, skipped)) };
    let mut overlay = IndicatorSet::default();
    let text = load::text_of(meta)?;
    let source = Source { name: meta.display().to_string().into(), ..Source::default() };
    let header = match Intake::new(&mut overlay, source) {
        Some(mut intake) => {
            let header = catalogue::read(&text, "", true, &mut intake);
            intake.finish();
            header
        }
        None => Header::default(),
    };
    skipped.append(&mut overlay.skipped);
    apply(&header, &mut set, &overlay, &mut skipped);
    Ok((header, set, skipped))
}

type Key = (Ioc, String, String);

fn key(set: &IndicatorSet, indicator: &Indicator) -> Key {
    let campaign = set.campaigns.get(usize::from(indicator.campaign)).map_or("", |campaign| &campaign.name);
    (indicator.ioc, canonical(indicator.ioc, &indicator.value).into_owned(), campaign.to_owned())
}

fn apply(header: &Header, set: &mut IndicatorSet, overlay: &IndicatorSet, skipped: &mut Vec<Skipped>) {
    if !header.campaign.is_empty() {
        let name = header.campaign.as_str().into();
        let (vendor, description) = (header.vendor.as_str().into(), header.description.as_str().into());
        set.campaigns = vec![Campaign { name, vendor, description }];
        set.indicators.iter_mut().for_each(|indicator| indicator.campaign = 0);
    }
    for indicator in &mut set.indicators {
        if indicator.role == Role::Unstated {
            indicator.role = header.role;
        }
        if indicator.platform == Platform::Any && is_platform_bound(indicator.ioc) {
            indicator.platform = header.platform;
        }
    }
    let mut lent: BTreeMap<Key, &Indicator> =
        overlay.indicators.iter().map(|indicator| (key(overlay, indicator), indicator)).collect();
    for position in 0..set.indicators.len() {
        let Some(found) = set.indicators.get(position).and_then(|it| lent.remove(&key(set, it))) else {
            continue;
        };
        if let Some(indicator) = set.indicators.get_mut(position) {
            indicator.role = found.role;
            indicator.platform = found.platform;
            if !found.note.is_empty() {
                indicator.note = found.note.clone();
            }
        }
    }
    for ((_, value, _), _) in lent {
        let file = overlay.sources.first().map_or("".into(), |source| source.name.clone());
        let why = "in the header file, but in no input".into();
        skipped.push(Skipped { file, line: 0, what: value.into(), why });
    }
}

/// Writes a set in the catalogue's form, sorted, and returns the number of values. The same set gives the same bytes.
///
/// # Errors
/// Where `out` cannot be written.
pub fn write(
    header: &Header,
    set: &IndicatorSet,
    skipped: &mut Vec<Skipped>,
    out: &mut dyn Write,
) -> io::Result<usize> {
    let mut sorted: BTreeMap<&str, BTreeMap<Ioc, BTreeMap<String, Indicator>>> = BTreeMap::new();
    for indicator in &set.indicators {
        let value = canonical(indicator.ioc, &indicator.value).into_owned();
        if value.contains(" | ") || value.ends_with(" |") {
            let file = set
                .sources
                .get(usize::from(indicator.source))
                .map_or("".into(), |source| source.name.clone());
            let why = "` | ` cannot be written in a value".into();
            skipped.push(Skipped { file, line: 0, what: value.into(), why });
            continue;
        }
        let campaign =
            set.campaigns.get(usize::from(indicator.campaign)).map_or("", |campaign| &campaign.name);
        let campaign = if header.campaign.is_empty() { campaign } else { &header.campaign };
        let kinds = sorted.entry(campaign).or_default();
        match kinds.entry(indicator.ioc).or_default().entry(value) {
            Entry::Vacant(place) => drop(place.insert(indicator.clone())),
            Entry::Occupied(mut known) => {
                let known = known.get_mut();
                let (role, note) = joined_roles(known.role, indicator.role, &known.note);
                known.role = role;
                if let Some(note) = note {
                    known.note = note.into();
                }
            }
        }
    }
    write_header(header, out)?;
    let mut values = 0;
    for (campaign, kinds) in sorted {
        if header.campaign.is_empty() {
            write!(out, "\n[campaign {campaign}]\n")?;
            let described = set.campaigns.iter().find(|known| &*known.name == campaign);
            for (key, text) in described
                .into_iter()
                .flat_map(|it| [("vendor", &it.vendor), ("description", &it.description)])
            {
                write_key(key, text, out)?;
            }
        }
        for (ioc, lines) in kinds {
            write!(out, "\n[{}]\n", ioc.name())?;
            for (value, indicator) in lines {
                let attributes = attributes(header, &indicator);
                let escape = if value.starts_with(['#', '[', '\\']) { "\\" } else { "" };
                writeln!(out, "{escape}{value}{attributes}")?;
                values += 1;
            }
        }
    }
    Ok(values)
}

fn attributes(header: &Header, indicator: &Indicator) -> String {
    let mut text = String::new();
    if indicator.role != header.role {
        text.push_str(" | role=");
        text.push_str(role_name(indicator.role));
    }
    let expected = if is_platform_bound(indicator.ioc) { header.platform } else { Platform::Any };
    if indicator.platform != expected {
        text.push_str(" | platform=");
        text.push_str(platform_name(indicator.platform));
    }
    if let Some(until) = indicator.valid_until {
        text.push_str(" | valid-until=");
        text.push_str(&until.to_string());
    }
    if indicator.revoked {
        text.push_str(" | revoked=yes");
    }
    if !indicator.note.is_empty() {
        text.push_str(" | note=");
        text.push_str(&indicator.note.replace(" | ", ", "));
    }
    text
}

fn write_header(header: &Header, out: &mut dyn Write) -> io::Result<()> {
    write_key("campaign", &header.campaign, out)?;
    write_key("vendor", &header.vendor, out)?;
    write_key("description", &header.description, out)?;
    write_key("publisher", &header.publisher, out)?;
    write_key("report", &header.report, out)?;
    for link in &header.links {
        write_key("link", link, out)?;
    }
    write_key("date", &header.date, out)?;
    write_key("updated", &header.updated, out)?;
    write_key("licence", &header.licence, out)?;
    write_key("origin", &header.origin, out)?;
    if header.platform != Platform::Any {
        write_key("platform", platform_name(header.platform), out)?;
    }
    if header.role != Role::Unstated {
        write_key("role", role_name(header.role), out)?;
    }
    Ok(())
}

fn write_key(key: &str, value: &str, out: &mut dyn Write) -> io::Result<()> {
    if value.is_empty() {
        return Ok(());
    }
    let one_line: String = value.split_whitespace().collect::<Vec<_>>().join(" ");
    writeln!(out, "{key}: {one_line}")
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a build reads and writes files")]
mod tests {
    use super::*;

    #[test]
    fn a_build_is_sorted_corrected_and_its_own_header() {
        let folder = tempfile::tempdir().unwrap();
        let input = folder.path().join("domains.txt");
        std::fs::write(&input, "b.example.com\nA.example.com\n192.0.2.9\nb.example.com\n").unwrap();
        let meta = folder.path().join("meta.txt");
        let header = "campaign: Spy\nvendor: V\nlicence: MIT\n";
        let overlay = "[domain]\nb.example.com | role=c2 | note=known\ngone.example.com\n";
        std::fs::write(&meta, format!("{header}{overlay}")).unwrap();
        let mut first = Vec::new();
        let built =
            build(std::slice::from_ref(&input), Some(&meta), FileForm::Catalogue, &mut first).unwrap();
        let text = String::from_utf8(first.clone()).unwrap();
        assert_eq!(
            text,
            "campaign: Spy\nvendor: V\nlicence: MIT\n\n[domain]\na.example.com\nb.example.com | role=c2 | note=known\n\n\
             [ip]\n192.0.2.9 | note=published as a domain\n"
        );
        assert_eq!(built.values, 3);
        assert_eq!(built.skipped.len(), 2, "{:?}", built.skipped);

        std::fs::write(&meta, &first).unwrap();
        let mut second = Vec::new();
        build(&[input], Some(&meta), FileForm::Catalogue, &mut second).unwrap();
        assert_eq!(first, second);
    }
}
