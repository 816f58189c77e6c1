//! Lists without STIX: one value a line, CSV tables, and the small YAML of Echap's stalkerware collection.

use std::borrow::Cow;

use super::intake::{Entry, Intake, is_network, moment, platform_named, role_named};
use super::journal::{Flaw, Span};
use super::set::{Campaign, Ioc, Platform, Role};

const MAX_COLUMNS: usize = 64;

/// What the words of publishers call a kind of value.
pub(crate) fn ioc_named(word: &str) -> Option<Ioc> {
    let word = word.trim().to_ascii_lowercase().replace(['_', ' '], "-");
    Ioc::ALL.into_iter().find(|ioc| ioc.name() == word).or(match word.as_str() {
        "domains" | "domain-name" | "hostname" | "hostnames" | "host" | "hosts" | "fqdn" | "c2-domain" => {
            Some(Ioc::Domain)
        }
        "ips" | "ipv4" | "ipv6" | "ipv4-addr" | "ipv6-addr" | "ip-address" | "ip-addresses" | "ip-dst"
        | "ip-src" | "cidr" => Some(Ioc::Ip),
        "urls" | "uri" | "link" => Some(Ioc::Url),
        "processes" | "process-name" | "process-names" => Some(Ioc::Process),
        "file" | "files" | "filename" | "filenames" | "file-names" => Some(Ioc::FileName),
        "path" | "paths" | "filepath" | "filepaths" | "file-paths" => Some(Ioc::FilePath),
        "emails" | "mail" | "e-mail" | "email-addr" | "email-address" | "email-src" | "email-dst" => {
            Some(Ioc::Email)
        }
        "md5" | "sha1" | "sha-1" | "sha256" | "sha-256" | "hash" | "hashes" | "filehash-md5"
        | "filehash-sha1" | "filehash-sha256" => Some(Ioc::FileHash),
        "app" | "apps" | "package" | "packages" | "package-name" | "bundle-id" | "bundleid" => {
            Some(Ioc::AppId)
        }
        "cert" | "certs" | "certificate" | "certificates" => Some(Ioc::CertHash),
        "profile" | "profiles" => Some(Ioc::ProfileId),
        "properties" | "android-property" => Some(Ioc::Property),
        _ => None,
    })
}

/// The kind that a file's name promises: `v2_domains.txt`, `sha256.txt`.
fn ioc_of_file(name: &str) -> Option<Ioc> {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    stem.rsplit(['_', '-', ' ', '.']).find_map(ioc_named)
}

/// Undoes the spellings that keep a value from being clicked.
pub(crate) fn refanged(value: &str) -> Cow<'_, str> {
    let mut text = Cow::Borrowed(value);
    for (defanged, plain) in [
        ("[.]", "."),
        ("(.)", "."),
        ("{.}", "."),
        ("[dot]", "."),
        ("(dot)", "."),
        ("[:]", ":"),
        ("[://]", "://"),
        ("[@]", "@"),
        ("[at]", "@"),
        ("[/]", "/"),
    ] {
        if text.contains(defanged) {
            text = text.replace(defanged, plain).into();
        }
    }
    for (defanged, plain) in [("hxxps", "https"), ("hxxp", "http")] {
        match text.get(..defanged.len()) {
            Some(start) if start.eq_ignore_ascii_case(defanged) => {
                return format!("{plain}{}", text.get(defanged.len()..).unwrap_or("")).into();
            }
            _ => {}
        }
    }
    text
}

/// Kinds whose values publishers keep from being clicked; a bracket in another value is its own.
fn is_defanged_kind(ioc: Ioc) -> bool {
    ioc.is_network() || ioc == Ioc::Email
}

/// Tells the kind of a value by its shape; `None` where the shape could be several kinds.
pub(crate) fn sniffed(value: &str) -> Option<Ioc> {
    let is_hex = value.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hex && matches!(value.len(), 32 | 40 | 64) {
        return Some(Ioc::FileHash);
    }
    if value.starts_with('/') {
        return Some(Ioc::FilePath);
    }
    // A sentence or a line of another format: what it holds is not meant as an indicator.
    if value.contains(char::is_whitespace) {
        return None;
    }
    if value.contains("://") {
        return Some(Ioc::Url);
    }
    if is_network(value) {
        return Some(Ioc::Ip);
    }
    if value.contains('/') {
        return Some(if value.split('/').next().is_some_and(is_host) { Ioc::Url } else { Ioc::FilePath });
    }
    if value.contains('@') {
        return Some(Ioc::Email);
    }
    if is_uuid(value) {
        return Some(Ioc::ProfileId);
    }
    if is_reversed(value) {
        return Some(Ioc::AppId);
    }
    is_host(value).then_some(Ioc::Domain)
}

fn is_host(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let suffix = psl::Psl::suffix(&psl::List, lower.as_bytes());
    name.contains('.')
        && !name
            .bytes()
            .any(|byte| byte.is_ascii() && !byte.is_ascii_alphanumeric() && !b".-_*".contains(&byte))
        && suffix.is_some_and(|suffix| suffix.is_known() && suffix.as_bytes().len() < name.len())
}

/// `com.spy.app`: a package name, although `.app` is a top-level domain too.
fn is_reversed(value: &str) -> bool {
    const FIRST: [&str; 6] = ["com", "org", "net", "io", "app", "cn"];
    value.split('.').count() >= 3 && value.split('.').next().is_some_and(|first| FIRST.contains(&first))
}

fn is_uuid(value: &str) -> bool {
    value.len() == 36
        && value.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

fn line_number(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX).saturating_add(1)
}

/// One value a line. The file's name tells the kind of its values, else each value does.
pub(crate) fn read_plain(text: &str, file_name: &str, fallback: &str, intake: &mut Intake<'_>) {
    let hint = ioc_of_file(file_name);
    for (position, line) in text.lines().enumerate() {
        let line = line.split_once(" #").map_or(line, |(value, _)| value).trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let number = line_number(position);
        // The form of a hosts file: the address is where the name is sent instead.
        let value = line.strip_prefix("0.0.0.0 ").or_else(|| line.strip_prefix("127.0.0.1 ")).unwrap_or(line);
        let written = value.trim();
        let plain = refanged(written);
        match hint.map(|hint| refined(hint, &plain)).or_else(|| sniffed(&plain)) {
            Some(ioc) => {
                let campaign = intake.campaign_named(fallback);
                let value = if is_defanged_kind(ioc) { &*plain } else { written };
                let span = Span::of(text, written);
                intake.add(number, Entry { span, ..Entry::new(ioc, value, campaign) });
            }
            None => {
                intake.skip(number, line, "the kind cannot be told; a name such as domains.txt would tell it")
            }
        }
    }
}

/// A list of files may hold whole paths.
fn refined(hint: Ioc, value: &str) -> Ioc {
    if hint == Ioc::FileName && value.contains('/') { Ioc::FilePath } else { hint }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Column {
    Type,
    Value,
    Campaign,
    Note,
    Vendor,
    Role,
    Platform,
    ValidFrom,
    ValidUntil,
    Revoked,
    Kind(Ioc),
    Other,
}

fn column(name: &str) -> Column {
    let plain = name.trim().trim_start_matches('\u{feff}').to_ascii_lowercase().replace(['_', ' '], "-");
    match plain.as_str() {
        "type" | "indicator-type" | "ioc-type" | "kind" => Column::Type,
        "value" | "indicator" | "ioc" | "observable" => Column::Value,
        "campaign" | "malware" | "app" | "family" | "malware-family" | "threat" | "actor" | "name" => {
            Column::Campaign
        }
        "note" | "comment" | "description" => Column::Note,
        "vendor" => Column::Vendor,
        "role" => Column::Role,
        "platform" => Column::Platform,
        "valid-from" => Column::ValidFrom,
        "valid-until" => Column::ValidUntil,
        "revoked" => Column::Revoked,
        _ => ioc_named(&plain).map_or(Column::Other, Column::Kind),
    }
}

/// The sign between the fields of the first line that is not a comment; `None` if it is not a table.
pub(crate) fn delimiter(text: &str) -> Option<u8> {
    let first = text.lines().find(|line| !line.trim().is_empty() && !line.starts_with('#'))?;
    [b',', b'\t', b';'].into_iter().find(|sign| first.as_bytes().contains(sign))
}

/// A table with or without a line of column names.
pub(crate) fn read_csv(text: &str, separator: u8, fallback: &str, intake: &mut Intake<'_>) {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .comment(Some(b'#'))
        .delimiter(separator)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let mut columns: Option<Vec<Column>> = None;
    let mut record = csv::StringRecord::new();
    loop {
        match reader.read_record(&mut record) {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => return intake.tell(Flaw::Damaged, 0, "", format!("not a table: {error}")),
        }
        let line = record.position().map_or(0, |at| u32::try_from(at.line()).unwrap_or(u32::MAX));
        let byte = |at: &csv::Position| usize::try_from(at.byte()).unwrap_or(usize::MAX);
        let span = Span::new(record.position().map_or(0, byte), byte(reader.position()));
        let row_at = RowAt { line, span, text };
        match &columns {
            Some(columns) => row(columns, &record, row_at, fallback, intake),
            None => {
                let named: Vec<_> = record.iter().take(MAX_COLUMNS).map(column).collect();
                let is_header = named.iter().any(|column| matches!(column, Column::Value | Column::Kind(_)))
                    && !named.iter().zip(&record).any(|(_, field)| sniffed(&refanged(field)).is_some());
                if is_header {
                    describe_unused(&named, &record, line, intake);
                    columns = Some(named);
                } else {
                    let guessed = guess(&record);
                    row(&guessed, &record, row_at, fallback, intake);
                    columns = Some(guessed);
                }
            }
        }
    }
}

/// A table of samples describes each file by its package and certificate; those need not be malicious themselves (test keys are
/// shared by thousands of apps), so only the digest is an indicator.
fn is_samples(columns: &[Column]) -> bool {
    columns.contains(&Column::Kind(Ioc::FileHash))
}

fn describe_unused(columns: &[Column], names: &csv::StringRecord, line: u32, intake: &mut Intake<'_>) {
    for (column, name) in columns.iter().zip(names) {
        match column {
            Column::Kind(ioc) if is_samples(columns) && *ioc != Ioc::FileHash => {
                intake.tell(
                    Flaw::Unused,
                    line,
                    name,
                    "this column describes the samples and is not an indicator by itself",
                );
            }
            Column::Other => intake.tell(Flaw::Unused, line, name, "a column without a known meaning"),
            _ => {}
        }
    }
}

/// Columns of a table without names: a kind and a value, in either order, or a value and its campaign.
fn guess(record: &csv::StringRecord) -> Vec<Column> {
    let is_kind = |at: usize| record.get(at).is_some_and(|field| ioc_named(field).is_some());
    let mut columns = match (is_kind(0), is_kind(1)) {
        (true, _) => vec![Column::Type, Column::Value],
        (_, true) => vec![Column::Value, Column::Type],
        _ => return vec![Column::Value, Column::Campaign],
    };
    columns.push(Column::Campaign);
    columns
}

/// Where a record stands. Its fields are found again in the text only when somebody asks, since quotes are gone from them.
#[derive(Clone, Copy)]
struct RowAt<'t> {
    line: u32,
    span: Span,
    text: &'t str,
}

impl RowAt<'_> {
    /// Where `field` stands; `from` is where the fields before it end.
    fn find(&self, field: &str, from: &mut usize) -> Option<Span> {
        let start = self.span.start.max(*from);
        let at = self.text.get(start..self.span.end)?.find(field)?.checked_add(start)?;
        *from = at.checked_add(field.len())?;
        Some(Span::new(at, *from))
    }
}

fn row(
    columns: &[Column],
    record: &csv::StringRecord,
    at: RowAt<'_>,
    fallback: &str,
    intake: &mut Intake<'_>,
) {
    let line = at.line;
    let mut from = 0;
    let field = |wanted: Column| {
        let found =
            columns.iter().zip(record).find(|(column, field)| **column == wanted && !field.is_empty());
        found.map(|(_, field)| field)
    };
    let name = field(Column::Campaign).unwrap_or(fallback);
    let campaign = match field(Column::Vendor) {
        Some(vendor) => {
            intake.campaign(Campaign { name: name.into(), vendor: vendor.into(), ..Campaign::default() })
        }
        None => intake.campaign_named(name),
    };
    let mut about =
        Entry { note: field(Column::Note).unwrap_or("").into(), ..Entry::new(Ioc::Domain, "", campaign) };
    if let Some(word) = field(Column::Role) {
        match role_named(word) {
            Some(role) => about.role = role,
            None => intake.skip(line, word, "not a role; the value is used without"),
        }
    }
    if let Some(word) = field(Column::Platform) {
        match platform_named(&word.to_ascii_lowercase()) {
            Some(platform) => about.platform = platform,
            None => intake.skip(line, word, "not a platform; the value is used without"),
        }
    }
    let mut any = false;
    for (column, text) in columns.iter().zip(record).filter(|(_, text)| !text.is_empty()) {
        let span = if intake.journal().is_some() { at.find(text, &mut from) } else { None };
        let plain = refanged(text);
        let ioc = match column {
            Column::Kind(ioc) if !is_samples(columns) || *ioc == Ioc::FileHash => Some(*ioc),
            Column::Value => match field(Column::Type) {
                Some(word) => ioc_named(word).map(|ioc| refined(ioc, &plain)),
                None => sniffed(&plain),
            },
            _ => continue,
        };
        any = true;
        let Some(ioc) = ioc else {
            intake.skip(line, text, "the kind of this value is not known");
            continue;
        };
        let value = if is_defanged_kind(ioc) { &*plain } else { text };
        if let Some(indicator) = intake.add(line, Entry { ioc, value, span, ..about.clone() }) {
            indicator.valid_from = field(Column::ValidFrom).and_then(moment);
            indicator.valid_until = field(Column::ValidUntil).and_then(moment);
            indicator.revoked = field(Column::Revoked)
                .is_some_and(|word| ["yes", "true", "1"].iter().any(|yes| word.eq_ignore_ascii_case(yes)));
        }
    }
    if !any {
        intake.skip(line, &record.iter().collect::<Vec<_>>().join(","), "a line without a value");
    }
}

/// True for the flat YAML of Echap: a list of apps that begin with `- name:`.
pub(crate) fn is_echap(text: &str) -> bool {
    let first = text.lines().find(|line| !line.trim().is_empty() && !line.starts_with('#'));
    first.is_some_and(|line| {
        key_of(line.strip_prefix("- ").unwrap_or("")).is_some_and(|(key, _)| key == "name")
    })
}

/// `key: value` or `key :` of that YAML.
fn key_of(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once(':')?;
    let is_word =
        key.trim_end().bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    (is_word && (value.is_empty() || value.starts_with(' '))).then(|| (key.trim_end(), value.trim()))
}

/// What Echap's lists hold. `ip` is a slip for `ips` in the published file.
fn echap_list(key: &str) -> Option<(Ioc, Role, Platform)> {
    match key {
        "packages" => Some((Ioc::AppId, Role::Unstated, Platform::Any)),
        "ios_bundles" => Some((Ioc::AppId, Role::Unstated, Platform::Ios)),
        "certificates" => Some((Ioc::CertHash, Role::Unstated, Platform::Any)),
        "websites" => Some((Ioc::Domain, Role::VendorWebsite, Platform::Any)),
        "distribution" => Some((Ioc::Domain, Role::Distribution, Platform::Any)),
        "domains" => Some((Ioc::Domain, Role::C2, Platform::Any)),
        "ip" | "ips" => Some((Ioc::Ip, Role::C2, Platform::Any)),
        _ => None,
    }
}

/// A value whose app is not wholly read yet.
struct Pending<'t> {
    line: u32,
    ioc: Ioc,
    role: Role,
    platform: Platform,
    value: &'t str,
    span: Option<Span>,
}

/// Echap's `ioc.yaml` and `watchware.yaml`. Only their flat subset of YAML is known; any other line is told and passed over.
pub(crate) fn read_echap(text: &str, intake: &mut Intake<'_>) {
    let mut app = None;
    let mut list = "";
    let mut dual_use = false;
    let mut pending: Vec<Pending<'_>> = Vec::new();
    for (position, whole) in text.lines().enumerate() {
        let number = line_number(position);
        let line = whole.split_once(" #").map_or(whole, |(line, _)| line).trim_end();
        let inner = line.trim_start();
        if inner.is_empty() || inner.starts_with('#') {
            continue;
        }
        if let Some(("name", name)) = line.strip_prefix("- ").and_then(key_of) {
            take_app(app.take(), dual_use, &mut pending, intake);
            app = Some(Campaign { name: name.trim_matches(['"', '\'']).into(), ..Campaign::default() });
            (list, dual_use) = ("", false);
        } else if let Some(item) = inner.strip_prefix("- ") {
            let value = item.trim().trim_matches(['"', '\'']);
            match (&mut app, echap_list(list)) {
                (Some(_), Some((ioc, role, platform))) => {
                    let span = Span::of(text, value);
                    pending.push(Pending { line: number, ioc, role, platform, value, span });
                }
                (Some(campaign), None) if list == "names" => also_called(campaign, value),
                _ => intake.tell(Flaw::Unused, number, inner, format!("`{list}` is not used")),
            }
        } else {
            match key_of(inner) {
                Some(("type", kind)) => dual_use = kind == "watchware",
                Some((key, "")) => list = key,
                _ => intake.skip(number, inner, "not a line of this form"),
            }
        }
    }
    take_app(app, dual_use, &mut pending, intake);
}

fn also_called(campaign: &mut Campaign, name: &str) {
    if name == &*campaign.name {
        return;
    }
    campaign.description = if campaign.description.is_empty() {
        format!("also sold as {name}").into()
    } else {
        format!("{}, {name}", campaign.description).into()
    };
}

fn take_app(app: Option<Campaign>, dual_use: bool, pending: &mut Vec<Pending<'_>>, intake: &mut Intake<'_>) {
    let Some(app) = app else { return };
    let campaign = intake.campaign(app);
    for Pending { line, ioc, role, platform, value, span } in pending.drain(..) {
        let role = if dual_use { Role::DualUse } else { role };
        // Web sites and places of distribution are published without their kind.
        let ioc = match sniffed(value) {
            Some(shape @ (Ioc::Url | Ioc::Ip)) if ioc == Ioc::Domain && role != Role::C2 => shape,
            _ => ioc,
        };
        intake.add(line, Entry { role, platform, span, ..Entry::new(ioc, value, campaign) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::indicator::intake::role_name;
    use crate::indicator::set::{IndicatorSet, Source};

    fn set_of(read: impl FnOnce(&mut Intake<'_>)) -> IndicatorSet {
        let mut set = IndicatorSet::default();
        let mut intake = Intake::new(&mut set, Source::default()).unwrap();
        read(&mut intake);
        intake.finish();
        set
    }

    fn shown(set: &IndicatorSet) -> Vec<String> {
        let show = |it: &crate::indicator::Indicator| {
            format!("{} {} {}", it.ioc.name(), it.value, set.campaigns[usize::from(it.campaign)].name)
        };
        set.indicators.iter().map(show).collect()
    }

    #[test]
    fn a_plain_list_takes_its_kind_from_its_name() {
        let text = "# header\n\nevil.example.com\nhxxp://x.example.com/a # note\n192.0.2.1\n";
        let set = set_of(|intake| read_plain(text, "v2_domains.txt", "List", intake));
        assert_eq!(
            shown(&set),
            ["domain evil.example.com List", "url http://x.example.com/a List", "ip 192.0.2.1 List"]
        );
        let set = set_of(|intake| read_plain("bh\n", "processes.txt", "List", intake));
        assert_eq!(shown(&set), ["process bh List"]);
        let set = set_of(|intake| read_plain("a.plist\n/tmp/x", "files.txt", "List", intake));
        assert_eq!(shown(&set), ["file-name a.plist List", "file-path /tmp/x List"]);
        assert!(set_of(|intake| read_plain("", "domains.txt", "List", intake)).indicators.is_empty());
    }

    #[test]
    fn a_list_without_a_telling_name_is_told_value_by_value() {
        for (value, expected) in [
            ("evil[.]example[.]com", "domain evil.example.com L"),
            ("0.0.0.0 evil.example.com", "domain evil.example.com L"),
            ("hxxps://evil[.]example/x", "url https://evil.example/x L"),
            ("someone[@]example.com", "email someone@example.com L"),
            ("192[.]0[.]2[.]1", "ip 192.0.2.1 L"),
            ("2001:db8::/32", "ip 2001:db8::/32 L"),
            ("/private/var/tmp/x", "file-path /private/var/tmp/x L"),
            ("com.spy.app", "app-id com.spy.app L"),
            ("76DAB334-7E17-475D-A5D6-0794EB5818A5", "profile-id 76DAB334-7E17-475D-A5D6-0794EB5818A5 L"),
        ] {
            let set = set_of(|intake| read_plain(value, "iocs.txt", "L", intake));
            assert_eq!(shown(&set), [expected]);
        }
        for line in ["what is this", "- https://lab.example/report", "see https://lab.example/report"] {
            let set = set_of(|intake| read_plain(line, "iocs.txt", "L", intake));
            assert_eq!((set.indicators.len(), set.skipped.len()), (0, 1), "{line}");
        }
    }

    #[test]
    fn tables_are_read_with_and_without_column_names() {
        let network = "type,indicator,app\ndomain,a.example.com,TheTruthSpy\nipv4,192.0.2.1,Other\nfoo,x,Y\n";
        let set = set_of(|intake| read_csv(network, b',', "F", intake));
        assert_eq!(shown(&set), ["domain a.example.com TheTruthSpy", "ip 192.0.2.1 Other"]);
        assert_eq!((set.skipped[0].line, &*set.skipped[0].why), (4, "the kind of this value is not known"));
        let bare = "a.example.com;domain\n192.0.2.1;ip\n";
        assert_eq!(
            shown(&set_of(|intake| read_csv(bare, b';', "F", intake))),
            ["domain a.example.com F", "ip 192.0.2.1 F"]
        );
        let with_campaign = "a.example.com,Spy\n";
        assert_eq!(
            shown(&set_of(|intake| read_csv(with_campaign, b',', "F", intake))),
            ["domain a.example.com Spy"]
        );
    }

    #[test]
    fn a_table_of_samples_gives_only_their_digests() {
        let hash = "ab".repeat(32);
        let text = format!("SHA256,Package Name,Certificate,Version,App\n{hash},com.x.y,61ED,9,TopSpy\n");
        let set = set_of(|intake| read_csv(&text, b',', "F", intake));
        assert_eq!(shown(&set), [format!("file-hash {hash} TopSpy")]);
        assert_eq!(set.skipped.len(), 3);
    }

    const ECHAP: &str = "\
- name : Spy
  names:
  - Spy
  - Spion
  type: stalkerware
  packages:
  - com.spy
  certificates:
  - 31A6ECECD97CF39BC4126B8745CD94A7C30BF81C
  websites:
  - spy.example.com
  distribution:
    - https://github.com/x/y
  certificate_organizations:
  - Somebody
  c2:
    ip:
    - 198.51.100.7
    domains:
    - spy.example.com  # comment
- name: Watch
  type: watchware
  ios_bundles:
  - com.watch
  {odd}
";

    #[test]
    fn echap_roles_are_kept() {
        let set = set_of(|intake| read_echap(ECHAP, intake));
        let roles: Vec<_> = set
            .indicators
            .iter()
            .map(|it| {
                format!("{} {} {} {}", it.ioc.name(), it.value, role_name(it.role), it.note)
                    .trim_end()
                    .to_owned()
            })
            .collect();
        assert_eq!(
            roles,
            [
                "app-id com.spy unstated",
                "cert-hash 31A6ECECD97CF39BC4126B8745CD94A7C30BF81C unstated",
                "domain spy.example.com c2 also listed as vendor-website",
                "url https://github.com/x/y distribution",
                "ip 198.51.100.7 c2",
                "app-id com.watch dual-use",
            ]
        );
        assert_eq!(&*set.campaigns[0].description, "also sold as Spion");
        let told: Vec<_> = set.skipped.iter().map(|it| (it.line, &*it.why)).collect();
        assert_eq!(told, [(15, "`certificate_organizations` is not used"), (25, "not a line of this form")]);
    }

    #[test]
    fn cut_lists_do_not_panic() {
        for end in 0..ECHAP.len() {
            let cut = &ECHAP[..end];
            set_of(|intake| read_echap(cut, intake));
            set_of(|intake| read_csv(cut, b':', "F", intake));
            set_of(|intake| read_plain(cut, "x.txt", "F", intake));
        }
    }
}
