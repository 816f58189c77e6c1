//! The one door through which values enter a set: checked, given their true kind, without duplicates, and bounded.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;

use jiff::Timestamp;

use super::journal::{Flaw, Journal, Seen, Span, Told};
use super::set::{Campaign, Indicator, IndicatorSet, Ioc, Platform, Role, Skipped, Source};

const MAX_VALUE_BYTES: usize = 4096;
/// Entries of one file that are told one by one; the rest are counted.
const MAX_SKIPPED: usize = 1000;
const MAX_INDICATORS: usize = 10_000_000;
/// The campaign of values whose own campaign has no number left.
const REMAINING: &str = "further campaigns";

/// A value on its way in.
#[derive(Clone, Debug)]
pub(crate) struct Entry<'a> {
    pub ioc: Ioc,
    pub value: &'a str,
    pub campaign: u16,
    pub role: Role,
    pub platform: Platform,
    pub note: Cow<'a, str>,
    /// Where the value stands in the text of the file, where the reader knows.
    pub span: Option<Span>,
}

impl<'a> Entry<'a> {
    pub fn new(ioc: Ioc, value: &'a str, campaign: u16) -> Entry<'a> {
        Entry {
            ioc,
            value,
            campaign,
            role: Role::Unstated,
            platform: Platform::Any,
            note: Cow::Borrowed(""),
            span: None,
        }
    }
}

/// Fills a set from one file.
pub(crate) struct Intake<'s> {
    set: &'s mut IndicatorSet,
    source: u16,
    file: Box<str>,
    campaigns: HashMap<Box<str>, u16>,
    /// What is in already: the indicator's index and its line, by a keyed hash of kind, campaign and canonical value. The value
    /// itself is in the set, and held against it.
    seen: HashMap<u64, (u32, u32)>,
    hasher: RandomState,
    is_full: bool,
    skipped: usize,
    first: usize,
    /// Only while a file is linted.
    journal: Option<&'s mut Journal>,
}

impl<'s> Intake<'s> {
    /// `None` if the set already has as many sources as it can number.
    pub fn new(set: &'s mut IndicatorSet, source: Source) -> Option<Intake<'s>> {
        let number = u16::try_from(set.sources.len()).ok()?;
        let file = source.name.clone();
        let campaigns =
            (0..=u16::MAX).zip(&set.campaigns).map(|(at, known)| (known.name.clone(), at)).collect();
        let first = set.indicators.len();
        set.sources.push(source);
        Some(Intake {
            set,
            source: number,
            file,
            campaigns,
            seen: HashMap::new(),
            hasher: RandomState::new(),
            is_full: false,
            skipped: 0,
            first,
            journal: None,
        })
    }

    /// Keeps what the reader sees of the file in `journal`, too.
    pub fn with_journal(self, journal: &'s mut Journal) -> Intake<'s> {
        Intake { journal: Some(journal), ..self }
    }

    pub fn journal(&mut self) -> Option<&mut Journal> {
        self.journal.as_deref_mut()
    }

    /// The provenance of the file, for what its content says about it.
    pub fn source(&mut self) -> Option<&mut Source> {
        self.set.sources.get_mut(usize::from(self.source))
    }

    /// The number of a campaign, new or known. Past 65,535 campaigns all further ones share one, which says so by its name.
    pub fn campaign(&mut self, campaign: Campaign) -> u16 {
        if let Some(known) = self.campaigns.get(&campaign.name) {
            return *known;
        }
        let number = u16::try_from(self.set.campaigns.len()).ok().filter(|number| *number < u16::MAX);
        let Some(number) = number else {
            if !self.is_full {
                self.is_full = true;
                self.skip(
                    0,
                    &campaign.name,
                    "more than 65,535 campaigns; this one and all after it are counted as one",
                );
            }
            if self.set.campaigns.len() <= usize::from(u16::MAX) {
                self.set.campaigns.push(Campaign { name: REMAINING.into(), ..Campaign::default() });
            }
            return u16::MAX;
        };
        self.campaigns.insert(campaign.name.clone(), number);
        self.set.campaigns.push(campaign);
        number
    }

    pub fn campaign_named(&mut self, name: &str) -> u16 {
        match self.campaigns.get(name) {
            Some(known) => *known,
            None => self.campaign(Campaign { name: name.into(), ..Campaign::default() }),
        }
    }

    pub fn campaign_mut(&mut self, number: u16) -> Option<&mut Campaign> {
        self.set.campaigns.get_mut(usize::from(number))
    }

    /// Tells what is not used: a line or object against the form of its file.
    pub fn skip(&mut self, line: u32, what: &str, why: impl Into<Box<str>>) {
        self.tell(Flaw::Unsound, line, what, why);
    }

    /// Tells what is not used, or not as it stands.
    pub fn tell(&mut self, flaw: Flaw, line: u32, what: &str, why: impl Into<Box<str>>) {
        self.skipped += 1;
        let why = why.into();
        if let Some(journal) = &mut self.journal {
            journal.tell(Told {
                flaw,
                line,
                what: what.chars().take(200).collect::<String>().into(),
                why: why.clone(),
            });
        }
        if self.skipped <= MAX_SKIPPED {
            let what = what.chars().take(200).collect::<String>().into();
            self.set.skipped.push(Skipped { file: self.file.clone(), line, what, why });
        }
    }

    /// How many indicators came in so far.
    pub fn count(&self) -> usize {
        self.set.indicators.len().saturating_sub(self.first)
    }

    /// Adds a value after checking it and correcting its kind.
    pub fn add(&mut self, line: u32, entry: Entry<'_>) -> Option<&mut Indicator> {
        self.note(line, &entry);
        match corrected(entry.ioc, entry.value.trim()) {
            Ok(corrected) => {
                let note = match (corrected.note, entry.note) {
                    (None, note) => note,
                    (Some(found), given) if given.is_empty() => found,
                    // A set of ours is read again.
                    (Some(found), given) if given.contains(&*found) => given,
                    (Some(found), given) => Cow::Owned(format!("{given}; {found}")),
                };
                self.add_checked(line, Entry { ioc: corrected.ioc, value: &corrected.value, note, ..entry })
            }
            Err(why) => {
                self.tell(Flaw::Judged, line, entry.value, format!("{}: {why}", entry.ioc.name()));
                None
            }
        }
    }

    fn note(&mut self, line: u32, entry: &Entry<'_>) {
        let Some(journal) = &mut self.journal else { return };
        let campaign = self.set.campaigns.get(usize::from(entry.campaign));
        journal.see(Seen {
            ioc: entry.ioc,
            value: entry.value.into(),
            campaign: campaign.map_or("".into(), |campaign| campaign.name.clone()),
            role: entry.role,
            line,
            span: entry.span,
        });
    }

    /// Adds a value that is known to be sound, from a file of our own form.
    pub fn add_checked(&mut self, line: u32, entry: Entry<'_>) -> Option<&mut Indicator> {
        let value = canonical(entry.ioc, entry.value);
        let key = self.hasher.hash_one((entry.ioc, entry.campaign, &*value));
        if let Some((at, earlier)) = self.seen.get(&key).copied() {
            let at = usize::try_from(at).unwrap_or(usize::MAX);
            let is_same = |known: &Indicator| {
                (known.ioc, known.campaign) == (entry.ioc, entry.campaign)
                    && canonical(known.ioc, &known.value) == value
            };
            if self.set.indicators.get(at).is_some_and(is_same) {
                self.merge(line, earlier, at, &entry);
                return None;
            }
        }
        if self.set.indicators.len() >= MAX_INDICATORS {
            self.skip(line, entry.value, "more than ten million indicators");
            return None;
        }
        self.seen.insert(key, (u32::try_from(self.set.indicators.len()).unwrap_or(u32::MAX), line));
        self.set.indicators.push(Indicator {
            ioc: entry.ioc,
            value: entry.value.into(),
            campaign: entry.campaign,
            source: self.source,
            role: entry.role,
            platform: entry.platform,
            stix_id: "".into(),
            valid_from: None,
            valid_until: None,
            revoked: false,
            note: entry.note.into(),
        });
        self.set.indicators.last_mut()
    }

    /// The same value again. A second role is news (a vendor's web site that is also its server); anything else is a duplicate.
    fn merge(&mut self, line: u32, earlier: u32, at: usize, entry: &Entry<'_>) {
        let Some(known) = self.set.indicators.get_mut(at) else { return };
        if known.role == entry.role {
            let why = format!("the same value and campaign as on line {earlier}");
            return self.tell(Flaw::Judged, line, entry.value, why);
        }
        let (role, note) = joined_roles(known.role, entry.role, &known.note);
        known.role = role;
        if let Some(note) = note {
            known.note = note.into();
        }
    }

    /// Writes the counts and returns how many indicators came in.
    pub fn finish(mut self) -> usize {
        let count = self.count();
        if let Some(source) = self.source() {
            source.indicators = u32::try_from(count).unwrap_or(u32::MAX);
        }
        if self.skipped > MAX_SKIPPED {
            let why = format!("{} more entries are not used", self.skipped - MAX_SKIPPED).into();
            self.set.skipped.push(Skipped { file: self.file.clone(), line: 0, what: "".into(), why });
        }
        count
    }
}

/// The role of a value that is listed with two, and its note if that changes: the role that says more, and a word on the other.
pub(crate) fn joined_roles(one: Role, other: Role, note: &str) -> (Role, Option<String>) {
    let (stronger, weaker) = if rank(other) > rank(one) { (other, one) } else { (one, other) };
    let also = format!("also listed as {}", role_name(weaker));
    let note = match note {
        _ if weaker == Role::Unstated || weaker == stronger || note.contains(&also) => None,
        "" => Some(also),
        note => Some(format!("{note}; {also}")),
    };
    (stronger, note)
}

/// Which role says most about a contact.
fn rank(role: Role) -> u8 {
    match role {
        Role::Unstated => 0,
        Role::DualUse => 1,
        Role::VendorWebsite => 2,
        Role::Distribution => 3,
        Role::CompromisedSite => 4,
        Role::Sinkholed => 5,
        Role::Delivery => 6,
        Role::C2 => 7,
    }
}

const ROLES: [(Role, &str); 8] = [
    (Role::Unstated, "unstated"),
    (Role::C2, "c2"),
    (Role::Delivery, "delivery"),
    (Role::VendorWebsite, "vendor-website"),
    (Role::Distribution, "distribution"),
    (Role::CompromisedSite, "compromised-site"),
    (Role::Sinkholed, "sinkholed"),
    (Role::DualUse, "dual-use"),
];

pub(crate) fn role_name(role: Role) -> &'static str {
    ROLES.iter().find(|(known, _)| *known == role).map_or("unstated", |(_, name)| name)
}

pub(crate) fn role_named(name: &str) -> Option<Role> {
    ROLES.iter().find(|(_, known)| *known == name).map(|(role, _)| *role)
}

const PLATFORMS: [(Platform, &str); 4] = [
    (Platform::Any, "any"),
    (Platform::Ios, "ios"),
    (Platform::Android, "android"),
    (Platform::Macos, "macos"),
];

pub(crate) fn platform_name(platform: Platform) -> &'static str {
    PLATFORMS.iter().find(|(known, _)| *known == platform).map_or("any", |(_, name)| name)
}

pub(crate) fn platform_named(name: &str) -> Option<Platform> {
    PLATFORMS.iter().find(|(_, known)| *known == name).map(|(platform, _)| *platform)
}

/// True where a set's platform limits the value: hosts, addresses and digests mean the same everywhere.
pub(crate) fn is_platform_bound(ioc: Ioc) -> bool {
    matches!(ioc, Ioc::Process | Ioc::FileName | Ioc::FilePath | Ioc::Property)
}

/// A time as publishers write it; a date alone, or a time without a zone, is against the standards but clear enough. The beginning of
/// Unix time stands for no limit.
pub(crate) fn moment(text: &str) -> Option<Timestamp> {
    let time: Option<Timestamp> = text
        .parse()
        .or_else(|_| format!("{text}Z").parse())
        .or_else(|_| format!("{text}T00:00:00Z").parse())
        .ok();
    time.filter(|time| *time != Timestamp::UNIX_EPOCH)
}

/// The form in which two spellings of one value are equal, as the catalogue writes it.
pub(crate) fn canonical(ioc: Ioc, value: &str) -> Cow<'_, str> {
    match ioc {
        Ioc::Domain | Ioc::Email => lower(value),
        Ioc::FileHash | Ioc::CertHash if value.contains([':', ' ']) => {
            Cow::Owned(lower(&value.replace([':', ' '], "")).into_owned())
        }
        Ioc::FileHash | Ioc::CertHash => lower(value),
        Ioc::Ip => match value.parse::<IpAddr>() {
            Ok(address) => Cow::Owned(address.to_string()),
            Err(_) => Cow::Borrowed(value),
        },
        _ => Cow::Borrowed(value),
    }
}

fn lower(value: &str) -> Cow<'_, str> {
    if value.bytes().any(|byte| byte.is_ascii_uppercase() || !byte.is_ascii()) {
        Cow::Owned(value.to_lowercase())
    } else {
        Cow::Borrowed(value)
    }
}

pub(super) struct Corrected<'a> {
    pub ioc: Ioc,
    pub value: Cow<'a, str>,
    note: Option<Cow<'static, str>>,
}

/// What the scan makes of a trimmed value, or why it cannot use it.
pub(super) fn corrected(ioc: Ioc, value: &str) -> Result<Corrected<'_>, &'static str> {
    if value.is_empty() {
        return Err("empty");
    }
    if value.len() > MAX_VALUE_BYTES {
        return Err("longer than 4096 bytes");
    }
    if value.chars().any(char::is_control) {
        return Err("holds control characters");
    }
    let plain = |note| Ok(Corrected { ioc, value: Cow::Borrowed(value), note });
    match ioc {
        Ioc::Domain => domain(value),
        Ioc::Ip if is_network(value) => match value.parse::<IpAddr>() {
            Ok(address) if !is_public(address) => {
                Err("an address that every network has (private, loopback …)")
            }
            _ => plain(None),
        },
        Ioc::Ip if looks_like_host(value) => {
            let note = Some("published as an address".into());
            domain(value).map(|found| Corrected { note, ..found })
        }
        Ioc::Ip => Err("not an address"),
        Ioc::FileName if value.contains('/') => Ok(Corrected {
            ioc: Ioc::FilePath,
            value: Cow::Borrowed(value),
            note: Some("published as a file name".into()),
        }),
        Ioc::Email if !value.contains('@') => Err("not an e-mail address"),
        Ioc::FileHash | Ioc::CertHash => {
            let hex = canonical(ioc, value);
            match hex.len() {
                32 | 40 | 64 if hex.bytes().all(|byte| byte.is_ascii_hexdigit()) => plain(None),
                _ => Err("not the hexadecimal form of an MD5, SHA-1 or SHA-256"),
            }
        }
        _ => plain(None),
    }
}

fn domain(value: &str) -> Result<Corrected<'_>, &'static str> {
    if is_network(value) {
        let note = Some("published as a domain".into());
        return match value.parse::<IpAddr>() {
            Ok(address) if !is_public(address) => {
                Err("an address that every network has (private, loopback …)")
            }
            _ => Ok(Corrected { ioc: Ioc::Ip, value: Cow::Borrowed(value), note }),
        };
    }
    if value.contains(char::is_whitespace) {
        return Err("holds a blank");
    }
    if value.contains(['/', '?', '#', '@']) || value.contains(':') {
        let note = Some("published as a domain".into());
        return Ok(Corrected { ioc: Ioc::Url, value: Cow::Borrowed(value), note });
    }
    let name = value.strip_suffix('.').unwrap_or(value);
    let plain = name.strip_prefix("*.").unwrap_or(name);
    if plain.is_empty() || plain.split('.').any(str::is_empty) {
        return Err("not a host name");
    }
    Ok(Corrected { ioc: Ioc::Domain, value: Cow::Borrowed(name), note: domain_note(plain) })
}

fn domain_note(name: &str) -> Option<Cow<'static, str>> {
    if !name.contains('.') {
        return Some("a single label, probably cut off; not a host name".into());
    }
    if name.split('.').any(|label| label.starts_with("xn--")) {
        return match idna::domain_to_unicode(name) {
            (shown, Ok(())) => Some(format!("shown as {shown}").into()),
            (_, Err(_)) => Some("not a valid internationalised name".into()),
        };
    }
    let known = psl::Psl::suffix(&psl::List, lower(name).as_bytes()).is_some_and(|suffix| suffix.is_known());
    if known { None } else { Some("its top-level domain does not exist".into()) }
}

/// True for an address or a network in CIDR form.
pub(crate) fn is_network(value: &str) -> bool {
    match value.split_once('/') {
        None => value.parse::<IpAddr>().is_ok(),
        Some((address, bits)) => match (address.parse::<IpAddr>(), bits.parse::<u8>()) {
            (Ok(IpAddr::V4(_)), Ok(bits)) => bits <= 32,
            (Ok(IpAddr::V6(_)), Ok(bits)) => bits <= 128,
            _ => false,
        },
    }
}

pub(super) fn looks_like_host(value: &str) -> bool {
    value.contains('.')
        && value.bytes().any(|byte| byte.is_ascii_alphabetic())
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
}

pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            !(address.is_private()
                || address.is_loopback()
                || address.is_link_local()
                || address.is_unspecified()
                || address.is_broadcast()
                || address.is_multicast())
        }
        IpAddr::V6(address) => {
            !(address.is_loopback()
                || address.is_unspecified()
                || address.is_multicast()
                || address.is_unique_local()
                || address.is_unicast_link_local())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(ioc: Ioc, value: &str) -> String {
        match corrected(ioc, value) {
            Ok(it) => {
                format!("{} {} {}", it.ioc.name(), it.value, it.note.unwrap_or_default()).trim_end().into()
            }
            Err(why) => why.to_owned(),
        }
    }

    #[test]
    fn published_slips_are_corrected_and_noted() {
        for (value, expected) in [
            ("fgr1w2gnsdvsb.xyz/x", "url fgr1w2gnsdvsb.xyz/x published as a domain"),
            (
                "despachosnegocios",
                "domain despachosnegocios a single label, probably cut off; not a host name",
            ),
            ("peticaonline.comv", "domain peticaonline.comv its top-level domain does not exist"),
            ("amazing.lab", "domain amazing.lab its top-level domain does not exist"),
            ("178.63.71.15", "ip 178.63.71.15 published as a domain"),
            ("xn--telegrm-qbd.com", "domain xn--telegrm-qbd.com shown as telegrɑm.com"),
            ("evil.com.", "domain evil.com"),
            ("*.evil.com", "domain *.evil.com"),
            ("a b.com", "holds a blank"),
            ("a..com", "not a host name"),
        ] {
            assert_eq!(taken(Ioc::Domain, value), expected);
        }
    }

    #[test]
    fn more_campaigns_than_there_are_numbers_share_the_last_one() {
        let mut set = IndicatorSet::default();
        let mut intake = Intake::new(&mut set, Source::default()).unwrap();
        for number in 0..70_000 {
            let campaign = intake.campaign_named(&format!("c{number}"));
            intake.add(1, Entry::new(Ioc::FileName, &format!("f{number}"), campaign));
        }
        intake.finish();
        let name = |at: usize| &*set.campaigns[usize::from(set.indicators[at].campaign)].name;
        assert_eq!((name(65_534), name(65_535), name(69_999)), ("c65534", REMAINING, REMAINING));
        assert_eq!((set.campaigns.len(), set.indicators.len(), set.skipped.len()), (65_536, 70_000, 1));
        let mut intake = Intake::new(&mut set, Source::default()).unwrap();
        assert_eq!((intake.campaign_named("c7"), intake.campaign_named("another")), (7, u16::MAX));
    }

    #[test]
    fn values_that_could_never_match_are_refused() {
        assert_eq!(taken(Ioc::FileHash, "abc"), "not the hexadecimal form of an MD5, SHA-1 or SHA-256");
        assert_eq!(taken(Ioc::Email, "nobody"), "not an e-mail address");
        assert_eq!(taken(Ioc::Ip, "127.0.0.1"), "an address that every network has (private, loopback …)");
        assert_eq!(taken(Ioc::Ip, "192.0.2.300"), "not an address");
        assert_eq!(taken(Ioc::Ip, "192.0.2.0/24"), "ip 192.0.2.0/24");
        assert_eq!(taken(Ioc::Process, "a\nb"), "holds control characters");
        assert_eq!(taken(Ioc::FileName, "tmp/x"), "file-path tmp/x published as a file name");
    }

    #[test]
    fn canonical_form_is_idempotent() {
        for ioc in Ioc::ALL {
            for value in ["AB:CD", "A.Example", "::FFFF", "/Tmp/L/", "ÄÖ.example", "İ.example"] {
                let once = canonical(ioc, value).into_owned();
                assert_eq!(canonical(ioc, &once), once);
            }
        }
    }
}
