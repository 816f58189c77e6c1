//! The loaded indicators, whatever form they came in.

use jiff::Timestamp;
use serde::Serialize;

/// What an indicator's value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ioc {
    Domain,
    /// An IPv4 or IPv6 address, or a network in CIDR form.
    Ip,
    Url,
    Process,
    FileName,
    FilePath,
    Email,
    /// MD5, SHA-1 or SHA-256 of a file; the length tells which.
    FileHash,
    AppId,
    /// A signing certificate's digest.
    CertHash,
    ProfileId,
    Property,
}

impl Ioc {
    pub const ALL: [Ioc; 12] = [
        Ioc::Domain,
        Ioc::Ip,
        Ioc::Url,
        Ioc::Process,
        Ioc::FileName,
        Ioc::FilePath,
        Ioc::Email,
        Ioc::FileHash,
        Ioc::AppId,
        Ioc::CertHash,
        Ioc::ProfileId,
        Ioc::Property,
    ];

    /// True for what a phone talks to, as opposed to what is on it.
    pub fn is_network(self) -> bool {
        matches!(self, Ioc::Domain | Ioc::Ip | Ioc::Url)
    }

    /// The word used in the catalogue, in CSV lists and in findings.
    pub fn name(self) -> &'static str {
        match self {
            Ioc::Domain => "domain",
            Ioc::Ip => "ip",
            Ioc::Url => "url",
            Ioc::Process => "process",
            Ioc::FileName => "file-name",
            Ioc::FilePath => "file-path",
            Ioc::Email => "email",
            Ioc::FileHash => "file-hash",
            Ioc::AppId => "app-id",
            Ioc::CertHash => "cert-hash",
            Ioc::ProfileId => "profile-id",
            Ioc::Property => "property",
        }
    }
}

/// What the value was used for, where the publisher says so: a visit to a vendor's web site is not contact with its servers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    #[default]
    Unstated,
    C2,
    Delivery,
    VendorWebsite,
    Distribution,
    CompromisedSite,
    Sinkholed,
    /// Software that is also used openly (watchware): a match says less.
    DualUse,
}

/// The system an indicator belongs to. Hosts are matched on every platform, processes and paths only on their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Platform {
    #[default]
    Any,
    Ios,
    Android,
    Macos,
}

/// One value of one set. The same value in two sets is two indicators: a match reports both campaigns.
#[derive(Clone, Debug)]
pub struct Indicator {
    pub ioc: Ioc,
    /// As published, blanks at the ends removed.
    pub value: Box<str>,
    /// Index into [`IndicatorSet::campaigns`].
    pub campaign: u16,
    /// Index into [`IndicatorSet::sources`].
    pub source: u16,
    pub role: Role,
    pub platform: Platform,
    /// Empty where the form has none (plain lists, the bundled catalogue).
    pub stix_id: Box<str>,
    pub valid_from: Option<Timestamp>,
    pub valid_until: Option<Timestamp>,
    /// Withdrawn by its publisher: still matched, shown with that word, at the lowest level.
    pub revoked: bool,
    /// What is known against the value itself (`TLD is not delegated`, `also the name of an Apple daemon`); shown with a match.
    pub note: Box<str>,
}

/// Whom an indicator points to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Campaign {
    /// `Pegasus`, as people call it.
    pub name: Box<str>,
    /// The vendor or operator behind it, where published.
    pub vendor: Box<str>,
    pub description: Box<str>,
}

/// A loaded file or bundled set: the provenance of its indicators.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Source {
    /// `bundled: pegasus`, or the path given.
    pub name: Box<str>,
    pub publisher: Box<str>,
    /// Title of the report the values were published with.
    pub report: Box<str>,
    pub link: Box<str>,
    /// Date of the set, `YYYY-MM-DD`.
    pub date: Box<str>,
    pub licence: Box<str>,
    /// Of the file's bytes, lower-case hexadecimal.
    pub sha256: Box<str>,
    /// How many indicators came from it.
    pub indicators: u32,
}

/// Something in an indicator file that is not used, and why. Never fatal, never silent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// The file's name as in [`Source::name`].
    pub file: Box<str>,
    /// Counted from 1; 0 where the file as a whole is meant.
    pub line: u32,
    /// The pattern, value or object id.
    pub what: Box<str>,
    pub why: Box<str>,
}

/// Everything loaded for one scan.
#[derive(Clone, Debug, Default)]
pub struct IndicatorSet {
    pub indicators: Vec<Indicator>,
    pub campaigns: Vec<Campaign>,
    pub sources: Vec<Source>,
    pub skipped: Vec<Skipped>,
}

/// How sure a match is of itself; what it means is [`crate::record::Trace`]'s business.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Strength {
    /// Consistent with the indicator, but also with something harmless.
    Weak,
    /// Found after a decoding step, or without its field.
    Medium,
    /// A boundary-checked rule that implies the indicator.
    Strong,
    /// Canonical equality in a field of the right kind.
    Certain,
}

/// In what form the value was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    Exact,
    Subdomain,
    UrlPrefix,
    BelowPath,
    /// A bounded token in free text.
    InText,
    /// A storage folder named after an origin (`https_host_0`).
    WebkitOrigin,
    /// Inside a query value, fragment or application scheme.
    Nested,
    Defanged,
    Base64,
    Utf16,
    QuotedPrintable,
    HtmlEntity,
    ReversedHost,
    DnsWire,
    Carved,
    PathSuffix,
    Truncated,
    CaseDiffers,
    BaseName,
    /// A path component that is not the last.
    Component,
    /// Another spelling of the same mailbox.
    Alias,
    /// The identifier stands inside a longer one.
    Contains,
    /// Named beside the thing, not the thing itself (user name of a URL, host of a URL indicator, apex of `www.`).
    Context,
}

/// One match of one indicator in one value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit<'a> {
    /// Index into [`IndicatorSet::indicators`].
    pub indicator: u32,
    pub strength: Strength,
    pub form: Form,
    /// The part of the value that matched, as it stands there where possible.
    pub matched: std::borrow::Cow<'a, str>,
    /// What else a reader should know (`same first 16 characters as Apple's com.apple.rapport.events`); mostly empty.
    pub note: &'static str,
}
