//! Hosts and addresses in one canonical form, and the cutting of a URL into the parts that are matched.
//!
//! The cutting follows the WHATWG rules, because browsers do; the host itself goes through the `url` crate whenever it is more
//! than plain ASCII. What a part means for an indicator is decided in `web`.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A host, comparable byte for byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Host<'t> {
    /// Lower case, A-labels, no root dot.
    Name(Cow<'t, str>),
    /// IPv4 addresses stand in their IPv6-mapped form.
    Ip(u128),
}

/// A value that names a host, cut into parts.
#[derive(Clone, Debug)]
pub(super) struct Address<'t> {
    /// As written; empty if there is none.
    pub scheme: &'t str,
    pub host: Host<'t>,
    /// The host as it stands in the value.
    pub written: &'t str,
    /// Only where it is not the default of the scheme.
    pub port: Option<u16>,
    /// Path, query and fragment.
    pub rest: &'t str,
    /// A URL parser refuses it; the host was cut out by hand.
    pub malformed: bool,
}

/// What a value in a URL or host field turns out to be.
#[derive(Clone, Debug)]
pub(super) enum Shape<'t> {
    Address(Address<'t>),
    /// What follows `mailto:`, or a bare mail address.
    Mail(&'t str),
    /// What follows the scheme of an application, or of a script.
    Opaque(&'t str),
    File,
    /// Not an address at all: words in the address field.
    Text,
}

/// The longest name DNS allows, with room for a root dot.
pub(super) const LONGEST: usize = 254;

pub(super) fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

pub(super) fn trim(value: &str) -> &str {
    value.trim_matches(|c: char| c.is_whitespace() || c.is_control())
}

/// An address as a number, IPv4 in its mapped form, so that `::ffff:1.2.3.4` and `1.2.3.4` are one.
pub(super) fn ip_number(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => u128::from(ip.to_ipv6_mapped()),
        IpAddr::V6(ip) => u128::from(ip),
    }
}

/// The canonical form of a bare host; `None` if it is none.
pub(super) fn canonical(written: &str) -> Option<Host<'_>> {
    let name = written.strip_prefix('.').unwrap_or(written);
    let name = name.strip_suffix('.').unwrap_or(name);
    let has_empty_label =
        name.starts_with('.') || name.ends_with('.') || name.as_bytes().windows(2).any(|pair| pair == b"..");
    if name.is_empty() || name.len() > LONGEST * 4 || has_empty_label {
        return None;
    }
    if name.bytes().all(is_host_byte) {
        let last = name.rsplit('.').next().unwrap_or(name);
        // A last label that starts with a digit makes the whole an IPv4 address in one of its spellings, or nothing.
        if !last.starts_with(|c: char| c.is_ascii_digit()) {
            return Some(Host::Name(lower(name)));
        }
        if let Ok(ip) = name.parse::<Ipv4Addr>() {
            return Some(Host::Ip(ip_number(ip.into())));
        }
    }
    match url::Host::parse(name).ok()? {
        url::Host::Domain(name) => {
            // Characters that become dots, or nothing, may leave empty labels only now.
            let name = name.strip_suffix('.').map(str::to_owned).unwrap_or(name);
            let is_whole = !name.split('.').any(str::is_empty);
            is_whole.then_some(Host::Name(name.into()))
        }
        url::Host::Ipv4(ip) => Some(Host::Ip(ip_number(ip.into()))),
        url::Host::Ipv6(ip) => Some(Host::Ip(ip_number(ip.into()))),
    }
}

pub(super) fn lower(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        Cow::Borrowed(text)
    }
}

fn is_special(scheme: &str) -> bool {
    ["http", "https", "ftp", "ws", "wss"].iter().any(|special| scheme.eq_ignore_ascii_case(special))
}

fn default_port(scheme: &str) -> Option<u16> {
    match () {
        () if scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("ws") => Some(80),
        () if scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("wss") => Some(443),
        () if scheme.eq_ignore_ascii_case("ftp") => Some(21),
        () => None,
    }
}

/// Splits `scheme:rest`; the scheme by the letters RFC 3986 allows.
pub(super) fn scheme(value: &str) -> Option<(&str, &str)> {
    let end = value.bytes().position(|b| !(b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.')))?;
    let (name, rest) = value.split_at_checked(end)?;
    let rest = rest.strip_prefix(':')?;
    name.starts_with(|c: char| c.is_ascii_alphabetic()).then_some((name, rest))
}

/// Cuts a trimmed value without tabs and line breaks.
pub(super) fn cut(value: &str) -> Shape<'_> {
    if let Some(ip) = bare_ipv6(value) {
        let host = Host::Ip(ip_number(ip.into()));
        return Shape::Address(Address {
            scheme: "",
            host,
            written: value,
            port: None,
            rest: "",
            malformed: false,
        });
    }
    let slashes = ['/', '\\'];
    if let Some((name, rest)) = scheme(value) {
        if name.eq_ignore_ascii_case("mailto") {
            return Shape::Mail(rest);
        }
        if name.eq_ignore_ascii_case("file") {
            return Shape::File;
        }
        if is_special(name) {
            return authority(name, rest.trim_start_matches(slashes), true);
        }
        if let Some(rest) = rest.strip_prefix("//") {
            return authority(name, rest, false);
        }
        let port = rest.split(['/', '\\', '?', '#']).next().unwrap_or(rest);
        let is_port = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        if !is_port && !name.contains('.') {
            return Shape::Opaque(rest);
        }
    }
    if value.starts_with("//") || value.starts_with("\\\\") {
        return authority("", value.trim_start_matches(slashes), true);
    }
    authority("", value, true)
}

fn bare_ipv6(value: &str) -> Option<Ipv6Addr> {
    if value.len() > 64 || value.bytes().filter(|byte| *byte == b':').count() < 2 {
        return None;
    }
    // A zone (`fe80::1%en0`) says which interface, not which address.
    let address = value.split('%').next().unwrap_or(value);
    address.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

fn authority<'t>(scheme: &'t str, value: &'t str, special: bool) -> Shape<'t> {
    let ends = |byte: u8| matches!(byte, b'/' | b'?' | b'#') || special && byte == b'\\';
    let end = value.bytes().position(ends).unwrap_or(value.len());
    let (authority, rest) = value.split_at_checked(end).unwrap_or((value, ""));
    let host_and_port = match authority.rsplit_once('@') {
        Some(_) if scheme.is_empty() => return Shape::Mail(value),
        Some((_, host)) => host,
        None => authority,
    };
    let (written, port) = split_port(host_and_port);
    let number = port.parse::<u16>();
    let bad_port = !port.is_empty() && number.is_err();
    let (host, bad_host) = match canonical(written) {
        Some(host) => (host, false),
        None => match by_hand(written) {
            Some(host) => (host, true),
            None => return Shape::Text,
        },
    };
    let port = number.ok().filter(|port| {
        // Without a scheme either default may be meant.
        Some(*port) != default_port(scheme) && !(scheme.is_empty() && matches!(port, 80 | 443))
    });
    Shape::Address(Address { scheme, host, written, port, rest, malformed: bad_port || bad_host })
}

fn split_port(host: &str) -> (&str, &str) {
    if host.starts_with('[')
        && let Some(end) = host.find(']')
    {
        let (inside, port) = host.split_at_checked(end + 1).unwrap_or((host, ""));
        return (inside, port.strip_prefix(':').unwrap_or(port));
    }
    host.rsplit_once(':').unwrap_or((host, ""))
}

/// A host the parser refuses (an invalid IDN label) may still end in an indicator.
fn by_hand(written: &str) -> Option<Host<'_>> {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    let name = written.strip_suffix('.').unwrap_or(written);
    (name.contains('.') && name.len() <= LONGEST && name.chars().all(plain))
        .then(|| Host::Name(name.to_lowercase().into()))
}

/// A name in the length-prefixed form of a DNS message (RFC 1035, 3.1), without compression.
pub(super) fn from_wire(wire: &[u8]) -> Option<String> {
    let mut name = String::new();
    let mut rest = wire;
    loop {
        let (length, after) = rest.split_first()?;
        if *length == 0 {
            return (!name.is_empty()).then_some(name);
        }
        if *length > 63 || name.len() > LONGEST {
            return None;
        }
        let (label, after) = after.split_at_checked(usize::from(*length))?;
        if !name.is_empty() {
            name.push('.');
        }
        name.push_str(std::str::from_utf8(label).ok()?);
        rest = after;
    }
}

/// The address a name carries in its first four labels: `1.2.3.4.nip.io`, and backwards under `in-addr.arpa`.
pub(super) fn embedded_ip(name: &str) -> Option<Ipv4Addr> {
    if !name.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let mut labels = name.splitn(5, '.');
    let mut octets = [0_u8; 4];
    for octet in &mut octets {
        *octet = labels.next()?.parse().ok()?;
    }
    let zone = labels.next()?;
    if zone == "in-addr.arpa" {
        octets.reverse();
    }
    Some(octets.into())
}
