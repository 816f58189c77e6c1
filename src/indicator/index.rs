//! The indicators of a set, each under its canonical form, one map a type.
//!
//! An indicator that can never be applied (a public suffix, a single label, a private address) is left out here; saying so is the
//! linter's business.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};
use std::net::IpAddr;

use unicode_normalization::UnicodeNormalization;

use super::host::{self, Host, Shape};
use super::{Indicator, IndicatorSet, Ioc, Platform, name, path, web};

pub(super) type Ids = Vec<u32>;

/// A short multiplicative hash. Keys come from the indicators alone: evidence only asks, so it cannot fill a bucket.
#[derive(Clone, Copy, Default)]
pub(super) struct Quick(u64);

impl Hasher for Quick {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0_u8; 8];
            if let Some(start) = word.get_mut(..chunk.len()) {
                start.copy_from_slice(chunk);
            }
            let mixed =
                (self.0.rotate_left(23) ^ u64::from_le_bytes(word)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            self.0 = mixed ^ mixed >> 32;
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

pub(super) type Map<K, V> = HashMap<K, V, BuildHasherDefault<Quick>>;

/// Which hosts an entry stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// The name and all below it.
    Whole,
    /// `*.name`: only what is below.
    Below,
    /// The name itself, which the publisher gave with `www.` in front.
    Apex,
}

/// A URL indicator beside its host.
#[derive(Clone, Debug)]
pub(super) struct UrlRule {
    pub id: u32,
    /// Lower case; empty where the publisher gave none.
    pub scheme: Box<str>,
    pub port: Option<u16>,
    pub path: Box<str>,
    pub query: Option<Box<str>>,
}

/// What a path component with a certain name may mean.
#[derive(Clone, Debug)]
pub(super) enum ComponentRule {
    /// It ends the whole path, which begins at the root.
    Absolute(Box<str>),
    /// It ends a part of the path.
    Relative(Box<str>),
    FileName,
    Process,
}

#[derive(Default)]
pub(super) struct Index {
    pub names: Map<Box<str>, Vec<(u32, Reach)>>,
    /// Last labels of `names`: one look settles most words that only look like hosts.
    pub tops: HashSet<Box<str>, BuildHasherDefault<Quick>>,
    /// By prefix length and first address.
    pub networks: Map<(u8, u128), Ids>,
    pub prefix_lengths: Vec<u8>,
    pub has_ipv6: bool,
    pub url_names: Map<Box<str>, Vec<UrlRule>>,
    pub url_ips: Map<u128, Vec<UrlRule>>,
    pub mails: Map<Box<str>, Ids>,
    pub mailboxes: Map<Box<str>, Ids>,
    pub processes: Map<Box<str>, Ids>,
    /// First characters of longer names, by the length at which records cut.
    pub truncated: Map<Box<str>, Ids>,
    pub components: Map<Box<str>, Vec<(u32, ComponentRule)>>,
    pub digests: Map<Box<str>, Ids>,
    pub apps: Map<Box<str>, Ids>,
    pub apps_lower: Map<Box<str>, Ids>,
    pub profiles: Map<Box<str>, Ids>,
    pub properties: Map<Box<str>, Ids>,
    pub properties_lower: Map<Box<str>, Ids>,
}

impl Index {
    pub fn new(set: &IndicatorSet, platform: Platform) -> Index {
        let mut index = Index::default();
        let domains = set.indicators.iter().filter(|indicator| indicator.ioc == Ioc::Domain).count();
        index.names.reserve(domains);
        for (id, indicator) in (0_u32..).zip(&set.indicators) {
            let value = host::trim(&indicator.value);
            if !value.is_empty() {
                index.add(id, indicator, value, platform);
            }
        }
        index.prefix_lengths = index.networks.keys().map(|(length, _)| *length).collect();
        index.prefix_lengths.sort_unstable_by(|a, b| b.cmp(a));
        index.prefix_lengths.dedup();
        index
    }

    fn add(&mut self, id: u32, indicator: &Indicator, value: &str, platform: Platform) {
        let foreign = indicator.platform != Platform::Any
            && platform != Platform::Any
            && indicator.platform != platform;
        match indicator.ioc {
            Ioc::Domain => self.domain(id, value),
            Ioc::Ip => self.network(id, value),
            Ioc::Url => self.url(id, value),
            Ioc::Email => {
                if let Some(key) = name::mail_address(value).and_then(name::mail_key) {
                    if let Some(mailbox) = name::mailbox(&key) {
                        push(&mut self.mailboxes, &mailbox, id);
                    }
                    push(&mut self.mails, &key, id);
                }
            }
            Ioc::FileHash | Ioc::CertHash => {
                if let Some(digest) = name::digest(value) {
                    push(&mut self.digests, &digest, id);
                }
            }
            Ioc::AppId => {
                push(&mut self.apps, value, id);
                push(&mut self.apps_lower, &host::lower(value), id);
            }
            Ioc::ProfileId => push(&mut self.profiles, &name::profile(value), id),
            Ioc::Process | Ioc::FileName | Ioc::FilePath | Ioc::Property if foreign => {}
            Ioc::Process => self.process(id, value, platform),
            Ioc::FileName => {
                let name: String = value.nfc().collect();
                self.component(&name, id, ComponentRule::FileName);
            }
            Ioc::FilePath => self.path(id, value, platform),
            Ioc::Property => {
                push(&mut self.properties, value, id);
                push(&mut self.properties_lower, &host::lower(value), id);
            }
        }
    }

    fn domain(&mut self, id: u32, value: &str) {
        let (value, below) = match value.strip_prefix("*.") {
            Some(value) => (value, true),
            None => (value, false),
        };
        // `host/path`, `https://host` and `host:port` among the domains are URLs.
        if value.contains(['/', ':']) && value.parse::<IpAddr>().is_err() && !is_network(value) {
            return self.url(id, value);
        }
        if is_network(value) || value.parse::<IpAddr>().is_ok() {
            return self.network(id, value);
        }
        match host::canonical(value) {
            Some(Host::Name(name)) => {
                self.name(id, &name, if below { Reach::Below } else { Reach::Whole });
                if let Some(apex) = name.strip_prefix("www.") {
                    self.name(id, apex, Reach::Apex);
                }
            }
            Some(Host::Ip(ip)) => self.address(id, ip, 128),
            None => {}
        }
    }

    fn name(&mut self, id: u32, name: &str, reach: Reach) {
        let Some((_, top)) = name.rsplit_once('.') else { return };
        let suffix = psl::suffix(name.as_bytes());
        let is_public =
            suffix.is_some_and(|suffix| suffix.is_known() && suffix.as_bytes() == name.as_bytes());
        if name.len() > host::LONGEST || is_public && reach != Reach::Below {
            return;
        }
        self.tops.insert(top.into());
        // Nearly every name has one rule; a growing list would begin with room for four.
        let rules = self.names.entry(name.into()).or_insert_with(|| Vec::with_capacity(1));
        if !rules.contains(&(id, reach)) {
            rules.push((id, reach));
        }
    }

    fn network(&mut self, id: u32, value: &str) {
        let (address, length) = match value.split_once('/') {
            Some((address, length)) => (address, length.parse::<u8>().ok()),
            None => (value, None),
        };
        if value.contains('/') && length.is_none() {
            return;
        }
        let Ok(ip) = address.trim_matches(['[', ']']).parse::<IpAddr>() else { return };
        // Shorter prefixes than these would hold a good part of the internet.
        let (most, least) = if ip.is_ipv4() { (32, 8) } else { (128, 16) };
        let length = length.unwrap_or(most);
        if (least..=most).contains(&length) {
            self.address(id, host::ip_number(ip), 128 - (most - length));
        }
    }

    fn address(&mut self, id: u32, ip: u128, length: u8) {
        if is_unroutable(ip) {
            return;
        }
        self.has_ipv6 |= length < 96 || ip >> 32 != 0xffff;
        self.networks.entry((length, masked(ip, length))).or_default().push(id);
    }

    fn url(&mut self, id: u32, value: &str) {
        let Shape::Address(address) = host::cut(value) else { return };
        let (path, query) = web::target(address.rest);
        let rule = UrlRule {
            id,
            scheme: address.scheme.to_ascii_lowercase().into(),
            port: address.port,
            path: path.into(),
            query: query.map(Into::into),
        };
        match address.host {
            Host::Name(name) if name.contains('.') && name.len() <= host::LONGEST => {
                self.url_names.entry(name.into()).or_default().push(rule);
            }
            Host::Name(_) => {}
            Host::Ip(ip) => self.url_ips.entry(ip).or_default().push(rule),
        }
    }

    fn process(&mut self, id: u32, value: &str, platform: Platform) {
        push(&mut self.processes, value, id);
        for length in name::truncation_lengths(platform) {
            if value.len() > *length
                && let Some(cut) = value.get(..*length)
            {
                push(&mut self.truncated, cut, id);
            }
        }
        self.component(value, id, ComponentRule::Process);
    }

    fn path(&mut self, id: u32, value: &str, platform: Platform) {
        let is_absolute = value.starts_with(['/', '\\'])
            || value.split_at_checked(5).is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case("file:"));
        let canonical = if is_absolute {
            path::canonical(value, platform).into_owned()
        } else {
            path::canonical_relative(value)
        };
        let last = canonical.rsplit('/').next().unwrap_or("").to_owned();
        // The root alone would hold every file.
        if !last.is_empty() {
            let rule: fn(Box<str>) -> ComponentRule =
                if is_absolute { ComponentRule::Absolute } else { ComponentRule::Relative };
            self.component(&last, id, rule(canonical.into()));
        }
    }

    fn component(&mut self, name: &str, id: u32, rule: ComponentRule) {
        self.components.entry(name.into()).or_default().push((id, rule));
    }
}

fn push(map: &mut Map<Box<str>, Ids>, key: &str, id: u32) {
    map.entry(key.into()).or_default().push(id);
}

fn is_network(value: &str) -> bool {
    value
        .split_once('/')
        .is_some_and(|(address, length)| address.parse::<IpAddr>().is_ok() && length.parse::<u8>().is_ok())
}

pub(super) fn masked(ip: u128, length: u8) -> u128 {
    match length {
        0 => 0,
        length => ip & u128::MAX.checked_shl(128 - u32::from(length.min(128))).unwrap_or(u128::MAX),
    }
}

/// Private, loopback, link-local, documentation and other addresses that name no server of anybody.
fn is_unroutable(ip: u128) -> bool {
    if ip >> 32 == 0xffff {
        let ip = std::net::Ipv4Addr::from(ip as u32);
        return ip.is_private()
            || ip.is_loopback()
            || ip.is_link_local()
            || ip.is_documentation()
            || ip.is_unspecified()
            || ip.is_broadcast()
            || ip.is_multicast();
    }
    let ip = std::net::Ipv6Addr::from(ip);
    ip.is_loopback()
        || ip.is_unspecified()
        || ip.is_multicast()
        || ip.is_unicast_link_local()
        || ip.is_unique_local()
        || ip.segments().starts_with(&[0x2001, 0xdb8])
}
