//! IP addresses and networks: those that belong to nobody, to everybody, or to very many.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::super::Ioc;
use super::super::intake::{is_network, looks_like_host};
use super::file::Value;
use super::{Mend, Sink, lists, rules};

pub(super) fn check(value: &Value, out: &mut Sink<'_>) {
    if value.ioc != Ioc::Ip {
        return;
    }
    let text = value.text.trim();
    super::canonical_spelling(value, text, out);
    if is_network(text) {
        address(value, text, out);
    } else if looks_like_host(text) {
        let mend = Some(Mend::told("give it as a domain"));
        out.add(&rules::UNSOUND, value, format!("`{text}` is a host name, not an address"), mend);
    }
}

/// What may be wrong with an address, in whatever field it stands.
pub(super) fn address(value: &Value, text: &str, out: &mut Sink<'_>) {
    let (plain, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, bits.parse::<u8>().ok()),
        None => (text, None),
    };
    let Ok(ip) = plain.parse::<IpAddr>() else { return };
    let widest = if ip.is_ipv4() { 16 } else { 32 };
    if let Some(bits) = bits.filter(|bits| *bits < widest) {
        let message = format!("`{text}` is wider than /{widest} ({bits} bits are fixed)");
        out.add(&rules::WIDE_NETWORK, value, message, Some(Mend::told("give the single addresses")));
    }
    if reserved_kind(ip).is_some() {
        return reserved(value, ip, out);
    }
    match lists::Network::parse(text).and_then(lists::shared_network) {
        Some(("resolver", owner)) => {
            let message = format!("`{text}` is a public DNS resolver of {owner}");
            out.add(&rules::RESOLVER, value, message, Some(Mend::told("remove the value")));
        }
        Some((_, owner)) => {
            let mend = Some(Mend::told("give the host name instead"));
            out.add(
                &rules::SHARED_ADDRESS,
                value,
                format!("`{text}` is shared by customers of {owner}"),
                mend,
            );
        }
        None => {}
    }
}

pub(super) fn reserved(value: &Value, ip: IpAddr, out: &mut Sink<'_>) {
    if let Some(kind) = reserved_kind(ip) {
        let mend = Some(Mend::told("remove the value"));
        out.add(&rules::RESERVED_ADDRESS, value, format!("`{ip}` is {kind}: every network has it"), mend);
    }
}

fn reserved_kind(ip: IpAddr) -> Option<&'static str> {
    match ip.to_canonical() {
        IpAddr::V4(ip) => reserved_v4(ip),
        IpAddr::V6(ip) => reserved_v6(ip),
    }
}

fn reserved_v4(ip: Ipv4Addr) -> Option<&'static str> {
    let [first, second, ..] = ip.octets();
    match () {
        () if ip.is_loopback() => Some("a loopback address"),
        () if ip.is_private() => Some("a private address"),
        () if ip.is_link_local() => Some("a link-local address"),
        () if ip.is_unspecified() || first == 0 => Some("an unspecified address"),
        () if ip.is_documentation() => Some("an address for documentation"),
        () if ip.is_multicast() => Some("a multicast address"),
        () if ip.is_broadcast() || first >= 240 => Some("a reserved address"),
        // RFC 6598 and RFC 2544.
        () if first == 100 && second & 0xc0 == 64 => Some("an address behind a provider's translation"),
        () if first == 198 && second & 0xfe == 18 => Some("an address for measurements"),
        () => None,
    }
}

fn reserved_v6(ip: Ipv6Addr) -> Option<&'static str> {
    match () {
        () if ip.is_loopback() => Some("a loopback address"),
        () if ip.is_unspecified() => Some("an unspecified address"),
        () if ip.is_unique_local() => Some("a private address"),
        () if ip.is_unicast_link_local() => Some("a link-local address"),
        () if ip.is_multicast() => Some("a multicast address"),
        // RFC 3849.
        () if ip.segments().starts_with(&[0x2001, 0xdb8]) => Some("an address for documentation"),
        () => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::cases;

    #[test]
    fn each_rule_has_a_case_and_a_near_miss() {
        cases(
            "ips.txt",
            &[
                ("5.6.7.8", ""),
                ("10.1.2.3", "IND030"),
                ("11.1.2.3", ""),
                ("172.16.0.1", "IND030"),
                ("172.32.0.1", ""),
                ("192.168.1.1", "IND030"),
                ("127.0.0.1", "IND030"),
                ("169.254.1.1", "IND030"),
                ("192.0.2.1", "IND030"),
                ("224.0.0.1", "IND030"),
                ("0.0.0.0", "IND030"),
                ("100.64.0.1", "IND030"),
                ("100.128.0.1", ""),
                ("198.18.0.1", "IND030"),
                ("::1", "IND030"),
                ("fe80::1", "IND030"),
                ("fd00::1", "IND030"),
                ("2001:db8::1", "IND030"),
                ("::ffff:10.0.0.1", "IND030"),
                ("2a00:1::1", ""),
                ("104.25.28.15", "IND031"),
                ("104.28.28.15", ""),
                ("1.1.1.1", "IND032"),
                ("1.1.1.2", ""),
                ("5.0.0.0/8", "IND033"),
                ("5.6.0.0/16", ""),
                ("evil.xyz", "IND005"),
                ("what", "IND003"),
            ],
        );
    }
}
