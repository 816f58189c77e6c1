use std::collections::{BTreeMap, HashMap, HashSet};

use url::Url;

use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "safari_redirect",
    title: "Unencrypted page that led to another site in less than a second",
    looks_at: "Visits in Safari's history to an http:// page that redirected to another registrable domain within one second; one finding for each pair of hosts, with the chain of pages.",
    why_it_matters: "Whoever controls the network, an operator or a device near the phone, can answer an unencrypted request with a redirect to an exploit. Pegasus and Predator were delivered like that, and the history kept these fast redirects.",
    innocent_causes: "Nearly all such redirects are ordinary: short links, advertising and log-in services, companies that moved to another domain, the log-in page of a hotel's or train's Wi-Fi, old links typed without https. By itself this says nothing about an attack.",
    next_check: "Look at the last site of the chain: is it one that the first site's owner would send visitors to? If it is unknown, was registered shortly before or has a random-looking name or a high port, look for crashes, new processes and data usage in the minutes after the visit.",
    references: &[
        "https://www.amnesty.org/en/latest/research/2020/06/moroccan-journalist-targeted-with-network-injection-attacks-using-nso-groups-tools/",
        "https://citizenlab.ca/2023/09/predator-in-the-wires-ahmed-eltantawy-targeted-with-predator-spyware-after-announcing-presidential-ambitions/",
    ],
    reads: &[Reads { artifact: "ios.safari_history", keep }],
    check,
};

fn keep(record: &Record<'_>) -> bool {
    let is_id = |column| record.value(column).as_int().is_some_and(|id| id != 0);
    is_id("redirect_destination") || is_id("redirect_source")
}

/// Less than this between the two visits, as nobody follows a link.
const QUICK_US: i64 = 1_000_000;
/// Pages of a chain that are shown.
const CHAIN_SHOWN: usize = 10;

/// Visits by database and id.
type Visits<'k> = HashMap<(&'k str, i64), &'k Exhibit>;

/// The redirects between two hosts.
struct Pair<'k> {
    first: &'k Exhibit,
    elapsed_us: i64,
    count: usize,
    reason: Option<&'static str>,
}

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    let records = kept.of("ios.safari_history");
    let id = |exhibit: &Exhibit| exhibit.value("visit_id").as_int();
    let visits: Visits<'_> = records
        .iter()
        .filter_map(|exhibit| Some(((&*exhibit.stored_as, id(exhibit)?), exhibit)))
        .collect();
    // Sorted, so that the findings come in the same order every time.
    let mut pairs: BTreeMap<(String, String), Pair<'_>> = BTreeMap::new();
    for source in records {
        let Some((hosts, elapsed_us, reason)) = quick_redirect(source, &visits) else { continue };
        pairs
            .entry(hosts)
            .and_modify(|pair| {
                pair.count += 1;
                // The gravest of the pair's redirects speaks for it.
                if pair.reason.is_some() && reason.is_none() {
                    *pair = Pair { first: source, elapsed_us, count: pair.count, reason };
                }
            })
            .or_insert(Pair { first: source, elapsed_us, count: 1, reason });
    }
    for ((from, to), pair) in pairs {
        let times = if pair.count == 1 { String::new() } else { format!(" ({} times in all)", pair.count) };
        let message = format!(
            "the unencrypted page of {from} led to {to} within {} ms{times}",
            pair.elapsed_us / 1000
        );
        let level = if pair.reason.is_some() { Level::Low } else { Level::Medium };
        let mut finding = Finding::of_rule(HEURISTIC.id, level, Trace::Visited, message, pair.first);
        finding.column = Some("url");
        finding.value = chain(pair.first, &visits);
        finding.matched = to;
        finding.caveats.extend(pair.reason.map(str::to_owned));
        findings.push(finding);
    }
}

/// The hosts, the time between the visits and what makes it harmless, if this visit was redirected to another site at once.
fn quick_redirect(
    source: &Exhibit,
    visits: &Visits<'_>,
) -> Option<((String, String), i64, Option<&'static str>)> {
    let is_plain =
        source.text("url").get(.."http://".len()).is_some_and(|start| start.eq_ignore_ascii_case("http://"));
    if !is_plain {
        return None;
    }
    let target = destination(source, visits)?;
    let started = source.time("visited")?.as_microsecond();
    // A clock that was set back between the two says nothing about how fast it went.
    let elapsed_us = target.time("visited")?.as_microsecond().checked_sub(started)?;
    if !(0..QUICK_US).contains(&elapsed_us) {
        return None;
    }
    let from = Url::parse(source.text("url")).ok()?;
    let to = Url::parse(target.text("url")).ok()?;
    let (from_host, to_host) = (bare_host(&from)?, bare_host(&to)?);
    let (from_site, to_site) = (site(&from_host), site(&to_host));
    if from_site == to_site {
        return None;
    }
    let reason = if source.value("synced").is_true() {
        Some("the visit happened on another device of the same account")
    } else {
        harmless(&from_host, from_site, &to, &to_host, to_site)
    };
    Some(((from_host, to_host), elapsed_us, reason))
}

fn destination<'k>(visit: &Exhibit, visits: &Visits<'k>) -> Option<&'k Exhibit> {
    let id = visit.value("redirect_destination").as_int()?;
    visits.get(&(&*visit.stored_as, id)).copied()
}

fn bare_host(url: &Url) -> Option<String> {
    let host = url.host_str()?.trim_end_matches('.');
    (!host.is_empty()).then(|| host.strip_prefix("www.").unwrap_or(host).to_owned())
}

/// The registrable domain; an address or a name without a dot stands for itself.
fn site(host: &str) -> &str {
    if host.starts_with('[') || host.parse::<std::net::Ipv4Addr>().is_ok() {
        return host;
    }
    psl::domain_str(host).unwrap_or(host)
}

/// The name that was registered, without the suffix: `example` of `example.co.uk`.
fn name(site: &str) -> &str {
    site.split('.').next().unwrap_or(site)
}

fn harmless(from_host: &str, from_site: &str, to: &Url, to_host: &str, to_site: &str) -> Option<&'static str> {
    let portal = PORTAL_TESTS.contains(&from_host)
        || to_host.split(['.', '-']).any(|word| PORTAL_WORDS.contains(&word))
        || is_local(to);
    if portal {
        Some("the target looks like the log-in page of a Wi-Fi network")
    } else if SHORTENERS.contains(&from_site) {
        Some("the first page is a short link, which always redirects to other sites")
    } else if POPULAR.contains(&to_site) {
        Some("the target is one of the most visited sites of the world")
    } else if name(from_site) == name(to_site) && name(to_site).len() >= 3 {
        Some("both sites have the same name under different endings")
    } else {
        None
    }
}

fn is_local(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(address)) => {
            address.is_private() || address.is_loopback() || address.is_link_local()
        }
        Some(url::Host::Ipv6(address)) => address.is_unique_local() || address.is_unicast_link_local(),
        Some(url::Host::Domain(name)) => !name.contains('.') || name.ends_with(".local"),
        None => false,
    }
}

/// The pages from this visit on, each redirected to the next.
fn chain(first: &Exhibit, visits: &Visits<'_>) -> String {
    let mut pages = vec![first.text("url")];
    let mut seen = HashSet::from([first.value("visit_id").as_int()]);
    let mut visit = first;
    while let Some(next) = destination(visit, visits)
        && pages.len() < CHAIN_SHOWN
        && seen.insert(next.value("visit_id").as_int())
    {
        pages.push(next.text("url"));
        visit = next;
    }
    pages.join(" → ")
}

/// Pages that phones and computers fetch to notice a captive portal.
const PORTAL_TESTS: &[&str] = &[
    "captive.apple.com",
    "connectivitycheck.gstatic.com",
    "detectportal.firefox.com",
    "msftconnecttest.com",
    "neverssl.com",
];

const PORTAL_WORDS: &[&str] = &["captive", "hotspot", "portal", "wifi", "wlan", "guestnet"];

/// The services that most short links are made with.
const SHORTENERS: &[&str] = &[
    "amzn.to", "bit.ly", "bitly.com", "buff.ly", "cutt.ly", "dlvr.it", "fb.me", "goo.gl", "ift.tt", "is.gd", "j.mp",
    "lnkd.in", "ow.ly", "rb.gy", "rebrand.ly", "shorturl.at", "t.co", "t.ly", "tiny.cc", "tinyurl.com", "trib.al",
    "wp.me", "youtu.be",
];

/// From the head of the Tranco list (https://tranco-list.eu), leaving out those where anybody can host pages under a name of their own.
const POPULAR: &[&str] = &[
    "aliexpress.com",
    "amazon.com",
    "apple.com",
    "baidu.com",
    "bbc.co.uk",
    "bbc.com",
    "bing.com",
    "booking.com",
    "cnn.com",
    "duckduckgo.com",
    "ebay.com",
    "facebook.com",
    "google.com",
    "icloud.com",
    "imdb.com",
    "instagram.com",
    "linkedin.com",
    "live.com",
    "microsoft.com",
    "msn.com",
    "netflix.com",
    "nytimes.com",
    "office.com",
    "paypal.com",
    "pinterest.com",
    "reddit.com",
    "spotify.com",
    "theguardian.com",
    "tiktok.com",
    "twitter.com",
    "vk.com",
    "whatsapp.com",
    "wikipedia.org",
    "x.com",
    "yahoo.com",
    "yandex.ru",
    "youtube.com",
    "zoom.us",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heuristic::testing::{json, judge, verdicts};

    type Visit = (&'static str, serde_json::Value);

    /// Two visits, the first redirected to the second, so many milliseconds later.
    fn redirect(from: &str, to: &str, elapsed_ms: i64) -> Vec<Visit> {
        let start: jiff::Timestamp = "2024-01-02T03:04:05.100Z".parse().unwrap();
        let end = jiff::Timestamp::from_millisecond(start.as_millisecond() + elapsed_ms).unwrap();
        vec![
            (
                "ios.safari_history",
                json!({"visit_id": 1, "url": from, "visited": start.to_string(), "redirect_destination": 2}),
            ),
            (
                "ios.safari_history",
                json!({"visit_id": 2, "url": to, "visited": end.to_string(), "redirect_source": 1}),
            ),
        ]
    }

    fn level(from: &str, to: &str) -> String {
        let words = verdicts(&HEURISTIC, &redirect(from, to, 12));
        words.first().map_or("none".into(), |words| words.split(' ').next().unwrap().to_owned())
    }

    #[test]
    fn fast_redirect_to_another_site_is_reported_with_its_chain() {
        let records = redirect("http://news.example/", "https://xk3.evil.test:30495/a", 12);
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            ["MEDIUM the unencrypted page of news.example led to xk3.evil.test within 12 ms"]
        );
        let findings = judge(&HEURISTIC, &records);
        assert_eq!(findings[0].value, "http://news.example/ → https://xk3.evil.test:30495/a");
    }

    #[test]
    fn a_second_and_a_clock_set_back_are_too_slow() {
        for elapsed_ms in [1000, -1, -86_400_000] {
            assert_eq!(judge(&HEURISTIC, &redirect("http://a.com/", "https://b.net/", elapsed_ms)).len(), 0);
        }
        assert_eq!(judge(&HEURISTIC, &redirect("http://a.com/", "https://b.net/", 999)).len(), 1);
    }

    #[test]
    fn the_same_site_and_encrypted_pages_are_left_out() {
        assert_eq!(level("http://a.com/", "https://www.login.a.com/"), "none");
        assert_eq!(level("https://a.com/", "https://b.net/"), "none");
        assert_eq!(level("http://a.co.uk/", "http://other.co.uk/"), "MEDIUM");
    }

    #[test]
    fn innocent_causes_are_lowered() {
        assert_eq!(level("http://unknown.net/", "https://www.google.com/"), "LOW");
        assert_eq!(level("http://t.co/x", "https://other.net/"), "LOW");
        assert_eq!(level("http://captive.apple.com/", "http://login.other.net/"), "LOW");
        assert_eq!(level("http://a.com/", "http://192.168.1.1/login"), "LOW");
        assert_eq!(level("http://shop.com/", "https://shop.fr/"), "LOW");
    }

    #[test]
    fn many_redirects_between_two_hosts_are_one_finding() {
        let mut records = redirect("http://a.com/1", "https://b.net/", 1);
        for (id, url) in [(1, "http://a.com/1"), (3, "HTTP://www.a.com/2")] {
            let mut again = redirect(url, "https://b.net/", 1);
            again[0].1["visit_id"] = json!(id + 10);
            records.push(again.swap_remove(0));
        }
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            ["MEDIUM the unencrypted page of a.com led to b.net within 1 ms (3 times in all)"]
        );
    }

    #[test]
    fn a_circle_of_redirects_ends() {
        let mut records = redirect("http://a.com/", "http://b.net/", 0);
        records[1].1["redirect_destination"] = json!(1);
        assert_eq!(judge(&HEURISTIC, &records).len(), 2);
    }
}
