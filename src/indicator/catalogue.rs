//! The catalogue: our own text form for indicator sets, and the sets that are built into the program.
//!
//! A file begins with `key: value` lines about the set, then has sections named after the kinds of values (`[domain]`), one value
//! a line. ` | role=… | platform=… | note=…` may follow a value. `[campaign NAME]` begins another campaign. `#` begins a comment;
//! a value that begins with `#`, `[` or `\` is written after a `\`.

use jiff::Timestamp;
use sha2::Digest;

use super::intake::{Entry, Intake, is_platform_bound, moment, platform_named, role_named};
use super::journal::Span;
use super::set::{Campaign, IndicatorSet, Ioc, Platform, Role, Source};

macro_rules! sets {
    ($($name:literal)*) => {
        &[$(($name, include_str!(concat!("../../indicators/", $name, ".txt")))),*]
    };
}

/// Every file of `indicators/`, the one that most people look for first.
pub(super) const BUNDLED: &[(&str, &str)] = sets! {
    "pegasus"
    "predator"
    "candiru"
    "cellebrite"
    "coruna"
    "darksword"
    "eaglemsgspy"
    "kingspawn"
    "mercenary-2023"
    "novispy"
    "rcs-lab"
    "residentbat"
    "stalkerware"
    "triangulation"
    "watchware"
    "wintego-helios"
    "wyrmspy-dragonegg"
};

/// Adds the sets that are built in.
pub fn bundled(set: &mut IndicatorSet) {
    for (name, text) in BUNDLED {
        let source = Source {
            name: format!("bundled: {name}").into(),
            sha256: digest(text.as_bytes()),
            ..Source::default()
        };
        if let Some(mut intake) = Intake::new(set, source) {
            read(text, name, true, &mut intake);
            intake.finish();
        }
    }
}

pub(crate) fn digest(bytes: &[u8]) -> Box<str> {
    crate::record::hex(sha2::Sha256::digest(bytes).as_slice()).into()
}

/// The `key: value` lines of a set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Empty where the values name their campaigns themselves.
    pub campaign: String,
    pub vendor: String,
    pub description: String,
    pub publisher: String,
    /// Title of the report.
    pub report: String,
    pub links: Vec<String>,
    /// Of the report, `YYYY-MM-DD`.
    pub date: String,
    /// Of the newest change of the values, `YYYY-MM-DD`.
    pub updated: String,
    pub licence: String,
    /// Where the values were taken from.
    pub origin: String,
    /// Of processes, paths and properties without a platform of their own.
    pub platform: Platform,
    /// Of values without a role of their own.
    pub role: Role,
}

impl Header {
    /// Takes one `key: value`; `Err` says what is wrong with it.
    fn take(&mut self, key: &str, value: &str) -> Result<(), &'static str> {
        let field = match key {
            "campaign" => &mut self.campaign,
            "vendor" => &mut self.vendor,
            "description" => &mut self.description,
            "publisher" => &mut self.publisher,
            "report" => &mut self.report,
            "date" => &mut self.date,
            "updated" => &mut self.updated,
            "licence" => &mut self.licence,
            "origin" => &mut self.origin,
            "link" => {
                self.links.push(value.to_owned());
                return Ok(());
            }
            "platform" => {
                self.platform = platform_named(value).ok_or("not a platform")?;
                return Ok(());
            }
            "role" => {
                self.role = role_named(value).ok_or("not a role")?;
                return Ok(());
            }
            _ => return Err("a key without a known meaning"),
        };
        value.clone_into(field);
        Ok(())
    }

    fn describe(&self, source: &mut Source) {
        source.publisher = self.publisher.as_str().into();
        source.report = self.report.as_str().into();
        source.link = self.links.join(" ").into();
        source.date = if self.updated.is_empty() { &self.date } else { &self.updated }.as_str().into();
        source.licence = self.licence.as_str().into();
    }
}

/// True if the text is in this form: it begins with a known key and has a section.
pub(crate) fn is_catalogue(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let begins = lines.next().is_some_and(|first| {
        section(first).is_some()
            || first.split_once(": ").is_some_and(|(key, value)| Header::default().take(key, value).is_ok())
    });
    begins && text.lines().any(|line| section(line.trim()).is_some())
}

enum Section<'a> {
    Campaign(&'a str),
    Kind(Ioc),
    Unknown,
}

fn section(line: &str) -> Option<Section<'_>> {
    let inner = line.strip_prefix('[')?.strip_suffix(']')?;
    if let Some(name) = inner.strip_prefix("campaign ") {
        return Some(Section::Campaign(name.trim()));
    }
    let known = Ioc::ALL.into_iter().find(|ioc| ioc.name() == inner);
    Some(known.map_or(Section::Unknown, Section::Kind))
}

/// Reads the form and returns its header. `trusted` leaves out the checks that the build has already made.
pub(crate) fn read(text: &str, fallback: &str, trusted: bool, intake: &mut Intake<'_>) -> Header {
    let mut header = Header::default();
    let mut campaign = None;
    let mut named_later = false;
    let mut kind = None;
    let mut described = false;
    for (position, line) in text.lines().enumerate() {
        let number = u32::try_from(position).unwrap_or(u32::MAX).saturating_add(1);
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match section(line) {
            Some(Section::Campaign(name)) => {
                campaign = Some(intake.campaign_named(name));
                (kind, named_later) = (None, true);
                continue;
            }
            Some(Section::Kind(ioc)) => {
                kind = Some(ioc);
                continue;
            }
            Some(Section::Unknown) => {
                kind = None;
                intake.skip(number, line, "a section without a known meaning");
                continue;
            }
            None => {}
        }
        let Some(ioc) = kind else {
            let known = line.split_once(": ").ok_or("neither `key: value` nor in a section");
            let result = known.and_then(|(key, value)| match (campaign.filter(|_| named_later), key) {
                (Some(number), "vendor" | "description") => {
                    describe(intake, number, key, value.trim());
                    Ok(())
                }
                (Some(_), _) => Err("not a key of a campaign"),
                (None, _) => header.take(key, value.trim()),
            });
            if let Err(why) = result {
                intake.skip(number, line, why);
            }
            continue;
        };
        if !described {
            described = true;
            if let Some(source) = intake.source() {
                header.describe(source);
            }
        }
        let campaign = *campaign.get_or_insert_with(|| intake.campaign(campaign_of(&header, fallback)));
        let entry = entry(line, ioc, campaign, &header);
        match entry {
            Ok((entry, validity)) => {
                let added = if trusted {
                    intake.add_checked(number, entry)
                } else {
                    let span = Span::of(text, entry.value);
                    intake.add(number, Entry { span, ..entry })
                };
                if let Some(indicator) = added {
                    indicator.valid_until = validity.until;
                    indicator.revoked = validity.revoked;
                }
            }
            Err(why) => intake.skip(number, line, why),
        }
    }
    if let Some(source) = intake.source() {
        header.describe(source);
    }
    header
}

fn campaign_of(header: &Header, fallback: &str) -> Campaign {
    let name = if header.campaign.is_empty() { fallback } else { &header.campaign };
    Campaign {
        name: name.into(),
        vendor: header.vendor.as_str().into(),
        description: header.description.as_str().into(),
    }
}

fn describe(intake: &mut Intake<'_>, number: u16, key: &str, value: &str) {
    let Some(campaign) = intake.campaign_mut(number) else { return };
    let field = if key == "vendor" { &mut campaign.vendor } else { &mut campaign.description };
    if field.is_empty() {
        *field = value.into();
    }
}

/// What few values have.
#[derive(Default)]
struct Validity {
    until: Option<Timestamp>,
    revoked: bool,
}

fn entry<'a>(
    line: &'a str,
    ioc: Ioc,
    campaign: u16,
    header: &Header,
) -> Result<(Entry<'a>, Validity), &'static str> {
    let mut validity = Validity::default();
    let mut parts = line.split(" | ");
    let value = parts.next().unwrap_or("").trim_end();
    let mut entry = Entry::new(ioc, value.strip_prefix('\\').unwrap_or(value), campaign);
    entry.role = header.role;
    if is_platform_bound(ioc) {
        entry.platform = header.platform;
    }
    for part in parts {
        match part.trim().split_once('=') {
            Some(("role", role)) => entry.role = role_named(role).ok_or("not a role")?,
            Some(("platform", platform)) => {
                entry.platform = platform_named(platform).ok_or("not a platform")?
            }
            Some(("note", note)) => entry.note = note.into(),
            Some(("valid-until", until)) => validity.until = Some(moment(until).ok_or("not a time")?),
            Some(("revoked", word)) => validity.revoked = word == "yes",
            _ => return Err("an attribute without a known meaning"),
        }
    }
    if entry.value.is_empty() { Err("no value") } else { Ok((entry, validity)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::indicator::intake::{platform_name, role_name};

    fn loaded(text: &str) -> IndicatorSet {
        let mut set = IndicatorSet::default();
        let mut intake = Intake::new(&mut set, Source { name: "t".into(), ..Source::default() }).unwrap();
        read(text, "stem", false, &mut intake);
        intake.finish();
        set
    }

    const EXAMPLE: &str = "\
# about
campaign: Example
vendor: Vendor
publisher: Lab
report: How it works
link: https://lab.example/1
link: https://lab.example/2
date: 2024-01-01
updated: 2024-02-03
licence: MIT
platform: ios

[domain]
evil.example.com
shop.example.com | role=vendor-website | note=sells it

[process]
bh
x | platform=android
\\[kworker]

[campaign Second]
vendor: Other
[file-path]
/tmp/l/
";

    #[test]
    fn header_sections_attributes_and_campaigns_are_read() {
        let set = loaded(EXAMPLE);
        assert!(set.skipped.is_empty(), "{:?}", set.skipped);
        let shown: Vec<_> = set
            .indicators
            .iter()
            .map(|it| {
                let campaign = &set.campaigns[usize::from(it.campaign)].name;
                let (role, platform) = (role_name(it.role), platform_name(it.platform));
                format!("{} {} {role} {platform} {campaign} {}", it.ioc.name(), it.value, it.note)
                    .trim_end()
                    .to_owned()
            })
            .collect();
        assert_eq!(
            shown,
            [
                "domain evil.example.com unstated any Example",
                "domain shop.example.com vendor-website any Example sells it",
                "process bh unstated ios Example",
                "process x unstated android Example",
                "process [kworker] unstated ios Example",
                "file-path /tmp/l/ unstated ios Second",
            ]
        );
        let source = &set.sources[0];
        assert_eq!(&*source.link, "https://lab.example/1 https://lab.example/2");
        assert_eq!((&*source.date, &*source.licence, source.indicators), ("2024-02-03", "MIT", 6));
        assert_eq!((&*set.campaigns[0].vendor, &*set.campaigns[1].vendor), ("Vendor", "Other"));
    }

    #[test]
    fn bad_lines_are_told_and_cost_nothing_else() {
        let set = loaded(
            "campaign: X\nwrong: y\nnothing\n[colour]\nred\n[domain]\na.example.com | size=1\nb.example.com\n",
        );
        assert_eq!(set.indicators.len(), 1);
        let lines: Vec<_> = set.skipped.iter().map(|it| it.line).collect();
        assert_eq!(lines, [2, 3, 4, 5, 7]);
    }

    #[test]
    fn cut_files_do_not_panic() {
        for end in 0..EXAMPLE.len() {
            loaded(&EXAMPLE[..end]);
        }
    }

    #[test]
    fn the_form_is_recognised() {
        assert!(is_catalogue(EXAMPLE));
        assert!(!is_catalogue("evil.example.com\n"));
        assert!(!is_catalogue("link: https://x.example\n"));
    }

    #[test]
    fn every_file_of_the_folder_is_bundled() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/indicators");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .filter_map(|entry| entry.unwrap().file_name().to_str()?.strip_suffix(".txt").map(str::to_owned))
            .collect();
        let mut listed: Vec<_> = BUNDLED.iter().map(|(name, _)| (*name).to_owned()).collect();
        files.sort();
        listed.sort();
        assert_eq!(files, listed);
    }

    /// Domains, addresses, URLs, processes, file names, paths, e-mails, file hashes, app ids, certificates, profiles, properties.
    const COUNTS: [(&str, [usize; 12]); 17] = [
        ("pegasus", [1438, 0, 0, 81, 1, 0, 29, 0, 0, 0, 0, 0]),
        ("predator", [569, 0, 0, 0, 0, 15, 0, 0, 0, 0, 1, 0]),
        ("candiru", [125, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        ("cellebrite", [0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]),
        // One of 177 published domains is a URL.
        ("coruna", [176, 0, 1, 0, 7, 12, 0, 20, 0, 0, 0, 0]),
        ("darksword", [10, 3, 0, 0, 7, 22, 0, 1, 0, 0, 0, 0]),
        ("eaglemsgspy", [13, 13, 0, 0, 0, 0, 0, 25, 0, 0, 0, 0]),
        ("kingspawn", [164, 0, 0, 1, 0, 2, 0, 0, 0, 0, 0, 0]),
        ("mercenary-2023", [2183, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 3]),
        // All 7 published domains are addresses.
        ("novispy", [0, 7, 0, 0, 0, 0, 0, 4, 4, 3, 0, 0]),
        ("rcs-lab", [26, 0, 0, 0, 0, 0, 0, 9, 5, 0, 0, 0]),
        ("residentbat", [0, 24, 0, 0, 0, 0, 0, 8, 8, 8, 0, 0]),
        ("stalkerware", [1454, 69, 2, 0, 0, 0, 0, 3228, 616, 472, 0, 0]),
        ("triangulation", [75, 0, 0, 1, 0, 0, 36, 0, 0, 0, 0, 0]),
        ("watchware", [112, 1, 0, 0, 0, 0, 0, 0, 36, 14, 0, 0]),
        ("wintego-helios", [175, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        ("wyrmspy-dragonegg", [7, 5, 0, 0, 0, 0, 0, 34, 7, 0, 0, 0]),
    ];

    #[test]
    fn bundled_sets_hold_what_was_published() {
        let mut set = IndicatorSet::default();
        bundled(&mut set);
        assert!(set.skipped.is_empty(), "{:?}", set.skipped);
        for (number, (name, counts)) in COUNTS.iter().enumerate() {
            assert_eq!(*set.sources[number].name, format!("bundled: {name}"));
            let of_set = || set.indicators.iter().filter(|it| usize::from(it.source) == number);
            let found = Ioc::ALL.map(|ioc| of_set().filter(|it| it.ioc == ioc).count());
            assert_eq!(found, *counts, "{name}");
            assert_eq!(set.sources[number].indicators as usize, of_set().count());
            assert!(!set.sources[number].licence.is_empty() && !set.sources[number].date.is_empty());
        }
    }

    #[test]
    fn bundled_values_pass_the_checks_of_any_other_file() {
        for (name, text) in BUNDLED {
            let mut set = IndicatorSet::default();
            let mut intake = Intake::new(&mut set, Source::default()).unwrap();
            read(text, name, false, &mut intake);
            intake.finish();
            assert!(set.skipped.is_empty(), "{name}: {:?}", set.skipped);
        }
    }

    #[test]
    fn what_is_known_against_a_value_stands_beside_it() {
        let mut set = IndicatorSet::default();
        bundled(&mut set);
        for (value, role, note) in [
            ("despachosnegocios", Role::Unstated, "single label"),
            ("peticaonline.comv", Role::Unstated, "misspelt"),
            ("xn--telegrm-qbd.com", Role::Unstated, "telegr\u{251}m.com"),
            ("BackupAgent", Role::Unstated, "legacy daemon"),
            ("gatekeeperd", Role::Unstated, "stock Android daemon"),
            ("novosti.dn.ua", Role::CompromisedSite, "watering hole"),
            ("7aac.gov.ua", Role::CompromisedSite, "watering hole"),
            ("traccar.org", Role::C2, "used openly"),
        ] {
            let found = set.indicators.iter().find(|it| *it.value == *value).unwrap();
            assert_eq!(found.role, role, "{value}");
            assert!(found.note.contains(note), "{value}: {}", found.note);
        }
        let scope = |value: &str| set.indicators.iter().find(|it| *it.value == *value).unwrap().platform;
        assert_eq!(scope("/data/local/tmp/wd/"), Platform::Android);
        assert_eq!(scope("/private/var/tmp/hooker"), Platform::Ios);
        assert_eq!(scope("bh"), Platform::Ios);
    }
}
