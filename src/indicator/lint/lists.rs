//! What is known to be harmless, from the data files beside this one; each says its source, date and licence.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::LazyLock;

/// The lines that are not comments.
fn lines(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

fn words(text: &'static str) -> impl Iterator<Item = &'static str> {
    lines(text).flat_map(str::split_whitespace)
}

/// A first word and the rest of each line.
fn pairs(text: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    lines(text).filter_map(|line| line.split_once(' '))
}

type Names = LazyLock<HashSet<&'static str>>;

static TOP_SITES: Names = LazyLock::new(|| words(include_str!("top_sites.txt")).collect());
static MAIL_PROVIDERS: Names = LazyLock::new(|| words(include_str!("mail_providers.txt")).collect());
static FILE_EXTENSIONS: Names = LazyLock::new(|| words(include_str!("file_extensions.txt")).collect());
static COMMON_WORDS: Names = LazyLock::new(|| words(include_str!("common_words.txt")).collect());
static SYSTEM_PACKAGES: Names = LazyLock::new(|| words(include_str!("system_packages.txt")).collect());

/// True for a site that would fire on every phone.
pub(super) fn is_top_site(name: &str) -> bool {
    TOP_SITES.contains(name)
}

pub(super) fn is_mail_provider(name: &str) -> bool {
    MAIL_PROVIDERS.contains(name)
}

/// True for a top-level domain that files end in, too.
pub(super) fn is_file_extension(tld: &str) -> bool {
    FILE_EXTENSIONS.contains(tld)
}

pub(super) fn is_common_word(word: &str) -> bool {
    COMMON_WORDS.contains(word)
}

pub(super) fn is_system_package(id: &str) -> bool {
    SYSTEM_PACKAGES.contains(id)
}

/// The kind and suffix under which a host shares its name with strangers: `platform`, `dynamic`, `registry` or `host`.
pub(super) fn shared_host(name: &str) -> Option<(&'static str, &'static str)> {
    static SUFFIXES: LazyLock<HashMap<&'static str, &'static str>> =
        LazyLock::new(|| pairs(include_str!("shared_hosts.txt")).map(|(kind, name)| (name, kind)).collect());
    let starts = std::iter::once(0).chain(name.match_indices('.').map(|(at, _)| at.saturating_add(1)));
    let mut suffixes = starts.filter_map(|at| name.get(at..));
    suffixes.find_map(|suffix| SUFFIXES.get_key_value(suffix)).map(|(name, kind)| (*kind, *name))
}

/// A network as its first address and the bits that count; IPv4 stands in its IPv6-mapped form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Network {
    first: u128,
    bits: u32,
}

impl Network {
    /// Reads an address or a network in CIDR form.
    pub fn parse(text: &str) -> Option<Network> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse::<u32>().ok()?)),
            None => (text, None),
        };
        let (number, offset) = match address.parse::<IpAddr>().ok()? {
            IpAddr::V4(address) => (u128::from(address.to_ipv6_mapped()), 96),
            IpAddr::V6(address) => (u128::from(address), 0),
        };
        let bits = bits.map_or(Some(128), |bits| bits.checked_add(offset)).filter(|bits| *bits <= 128)?;
        Some(Network { first: number & mask(bits), bits })
    }

    pub fn is_in(self, wider: Network) -> bool {
        wider.bits <= self.bits && self.first & mask(wider.bits) == wider.first
    }
}

fn mask(bits: u32) -> u128 {
    u128::MAX.checked_shl(128_u32.saturating_sub(bits)).unwrap_or(0)
}

/// Whose shared address it is, and as what: `shared` or `resolver`.
pub(super) fn shared_network(network: Network) -> Option<(&'static str, &'static str)> {
    static NETWORKS: LazyLock<Vec<(Network, &'static str, &'static str)>> = LazyLock::new(|| {
        let entry = |(kind, rest): (&'static str, &'static str)| {
            let (network, owner) = rest.split_once(' ')?;
            Some((Network::parse(network)?, kind, owner))
        };
        pairs(include_str!("shared_networks.txt")).filter_map(entry).collect()
    });
    let found = NETWORKS.iter().find(|(wider, _, _)| network.is_in(*wider));
    found.map(|(_, kind, owner)| (*kind, *owner))
}

/// Names of processes with their platform.
pub(super) fn system_processes() -> &'static HashMap<&'static str, &'static str> {
    static NAMES: LazyLock<HashMap<&'static str, &'static str>> = LazyLock::new(|| {
        let apple = words(include_str!("../../heuristic/programs/apple_programs.txt"));
        let own = pairs(include_str!("system_processes.txt")).map(|(platform, name)| (name, platform));
        apple.map(|name| (name, "iOS")).chain(own).collect()
    });
    &NAMES
}

/// The platform on which a clean system holds a file of this name.
pub(super) fn system_file(name: &str) -> Option<&'static str> {
    pairs(include_str!("system_files.txt")).find(|(_, known)| *known == name).map(|(platform, _)| platform)
}

/// Whose public key signs with a certificate, by its digest in lower case.
pub(super) fn test_certificate(digest: &str) -> Option<&'static str> {
    pairs(include_str!("test_certificates.txt")).find(|(known, _)| *known == digest).map(|(_, key)| key)
}

/// The harmless content with this digest in lower case.
pub(super) fn harmless_content(digest: &str) -> Option<&'static str> {
    pairs(include_str!("harmless_hashes.txt")).find(|(known, _)| *known == digest).map(|(_, content)| content)
}

/// `name` with every letter replaced by the ASCII letter it looks like.
pub(super) fn looks_like(name: &str) -> String {
    static LETTERS: LazyLock<HashMap<char, &'static str>> = LazyLock::new(|| {
        let entry = |(letter, like): (&'static str, &'static str)| Some((letter.chars().next()?, like));
        pairs(include_str!("lookalikes.txt")).filter_map(entry).collect()
    });
    let mut skeleton = String::with_capacity(name.len());
    for letter in name.chars() {
        match LETTERS.get(&letter) {
            Some(like) => skeleton.push_str(like),
            None => skeleton.push(letter),
        }
    }
    skeleton
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILES: [(&str, &str); 12] = [
        ("top_sites", include_str!("top_sites.txt")),
        ("mail_providers", include_str!("mail_providers.txt")),
        ("file_extensions", include_str!("file_extensions.txt")),
        ("common_words", include_str!("common_words.txt")),
        ("system_packages", include_str!("system_packages.txt")),
        ("shared_hosts", include_str!("shared_hosts.txt")),
        ("shared_networks", include_str!("shared_networks.txt")),
        ("system_processes", include_str!("system_processes.txt")),
        ("system_files", include_str!("system_files.txt")),
        ("test_certificates", include_str!("test_certificates.txt")),
        ("harmless_hashes", include_str!("harmless_hashes.txt")),
        ("lookalikes", include_str!("lookalikes.txt")),
    ];

    #[test]
    fn every_list_says_source_date_and_licence() {
        for (name, text) in FILES {
            let head: String = text.lines().take_while(|line| line.starts_with('#')).collect();
            for word in ["Source: ", " as of 20", "Licence: "] {
                assert!(head.contains(word), "{name}: {word}");
            }
        }
    }

    #[test]
    fn every_line_of_the_tables_is_understood() {
        for (kind, rest) in pairs(include_str!("shared_networks.txt")) {
            let (network, _) = rest.split_once(' ').unwrap();
            assert!(["shared", "resolver"].contains(&kind) && Network::parse(network).is_some(), "{rest}");
        }
        for (kind, name) in pairs(include_str!("shared_hosts.txt")) {
            assert!(
                ["platform", "dynamic", "registry", "host"].contains(&kind) && name.contains('.'),
                "{name}"
            );
        }
        let digests = [include_str!("harmless_hashes.txt"), include_str!("test_certificates.txt")];
        for (digest, _) in digests.into_iter().flat_map(pairs) {
            assert!(matches!(digest.len(), 32 | 40 | 64), "{digest}");
            assert!(digest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')), "{digest}");
        }
        for (letter, like) in pairs(include_str!("lookalikes.txt")) {
            assert!(letter.chars().count() == 1 && !letter.is_ascii() && like.is_ascii(), "{letter}");
        }
    }

    #[test]
    fn networks_are_compared_by_their_bits() {
        let network = |text| Network::parse(text).unwrap();
        assert!(network("104.25.28.15").is_in(network("104.24.0.0/14")));
        assert!(!network("104.28.0.1").is_in(network("104.24.0.0/14")));
        assert!(network("::ffff:1.1.1.1").is_in(network("1.1.1.1/32")));
        assert!(!network("10.0.0.0/7").is_in(network("10.0.0.0/8")));
        assert_eq!(Network::parse("1.2.3.4/33"), None);
        assert_eq!(Network::parse("x/1"), None);
        assert_eq!(Network::parse("::/0").unwrap().bits, 0);
    }
}
