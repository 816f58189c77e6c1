//! Rules for hosts, addresses and URLs: in a field, and nested in the parts of another URL.

use std::borrow::Cow;

use super::found::{Cap, Found};
use super::host::{self, Address, Host, Shape};
use super::index::{Reach, UrlRule, masked};
use super::matcher::Matcher;
use super::text::Frame;
use super::{Form, Strength, name};

const CERTAIN: (Strength, Form) = (Strength::Certain, Form::Exact);
const CONTEXT: (Strength, Form) = (Strength::Weak, Form::Context);
const MALFORMED: &str = "the URL is malformed; the host was cut out by hand";

/// How deep URLs are looked for inside URLs.
pub(super) const DEEPEST: u8 = 3;

impl Matcher {
    /// A URL, a host or an address, alone in its field.
    pub(super) fn web(&self, value: &str, cap: Cap, depth: u8, found: &mut Found<'_>) {
        let value = host::trim(value);
        if value.is_empty() || depth > DEEPEST {
            return;
        }
        // URL parsers drop these wherever they stand.
        if memchr::memchr3(b'\t', b'\n', b'\r', value.as_bytes()).is_some() {
            let value: String = value.chars().filter(|c| !matches!(c, '\t' | '\n' | '\r')).collect();
            return self.web(&value, cap, depth, found);
        }
        match host::cut(value) {
            Shape::Address(address) => {
                self.address(&address, value, cap, found);
                self.nested(address.rest, cap, depth, found);
            }
            Shape::Mail(mail) => {
                let (address, query) = mail.split_once('?').unwrap_or((mail, ""));
                self.mail(address, cap, found);
                self.query(query, cap, depth, found);
            }
            Shape::Opaque(rest) => {
                let cap = cap.and(Cap::NESTED);
                self.text_or_decoded(
                    rest,
                    Frame { linked: cap, bare: cap, depth: depth + 1, words: false },
                    found,
                );
            }
            Shape::File => self.path(value, cap, found),
            Shape::Text => {
                let bare = cap.and(Cap::IN_TEXT);
                self.text(value, Frame { linked: cap, bare, depth: depth + 1, words: false }, found);
            }
        }
    }

    fn address(&self, address: &Address<'_>, value: &str, cap: Cap, found: &mut Found<'_>) {
        let (cap, note) = if address.malformed {
            (cap.and(Cap { strength: Strength::Strong, form: Form::Exact }), MALFORMED)
        } else {
            (cap, "")
        };
        match &address.host {
            Host::Name(name) => {
                self.names(name, address.written, cap, note, found);
                if let Some(rules) = self.index.url_names.get(name.as_ref()) {
                    urls(rules, address, value, cap, found);
                }
            }
            Host::Ip(ip) => {
                self.ip(*ip, address.written, cap, CERTAIN, note, found);
                if let Some(rules) = self.index.url_ips.get(ip) {
                    urls(rules, address, value, cap, found);
                }
            }
        }
    }

    /// A canonical host name against the domains, by its label suffixes.
    pub(super) fn names(
        &self,
        name: &str,
        written: &str,
        cap: Cap,
        note: &'static str,
        found: &mut Found<'_>,
    ) {
        if name.len() > host::LONGEST {
            return;
        }
        if !self.index.networks.is_empty()
            && let Some(ip) = host::embedded_ip(name)
        {
            let note = "the address stands in a host name";
            self.ip(host::ip_number(ip.into()), written, cap, CONTEXT, note, found);
        }
        let top = name.rsplit('.').next().unwrap_or(name);
        if !self.index.tops.contains(top) {
            return;
        }
        let mut suffix = name;
        while let Some((_, parent)) = suffix.split_once('.') {
            for (id, reach) in self.index.names.get(suffix).into_iter().flatten() {
                let is_whole = suffix.len() == name.len();
                match (reach, is_whole) {
                    (Reach::Whole, true) => found.add(*id, cap, CERTAIN, written, note),
                    (Reach::Whole | Reach::Below, false) => {
                        found.add(*id, cap, (Strength::Strong, Form::Subdomain), written, note);
                    }
                    (Reach::Apex, true) => {
                        found.add(*id, cap, CONTEXT, written, "the indicator names www. of this host");
                    }
                    (Reach::Below, true) | (Reach::Apex, false) => {}
                }
            }
            suffix = parent;
        }
    }

    pub(super) fn ip(
        &self,
        ip: u128,
        written: &str,
        cap: Cap,
        how: (Strength, Form),
        note: &'static str,
        found: &mut Found<'_>,
    ) {
        for length in &self.index.prefix_lengths {
            let note = if *length < 128 { "the address lies in the published network" } else { note };
            for id in self.index.networks.get(&(*length, masked(ip, *length))).into_iter().flatten() {
                found.add(*id, cap, how, written, note);
            }
        }
    }

    /// One mail address; its domain is only the company it keeps.
    pub(super) fn mail(&self, written: &str, cap: Cap, found: &mut Found<'_>) {
        let Some(address) = name::mail_address(written) else { return };
        if let Some((_, domain)) = address.rsplit_once('@')
            && let Some(Host::Name(name)) = host::canonical(domain)
        {
            self.names(&name, domain, cap.and(Cap::CONTEXT), "the domain of a mail address", found);
        }
        if self.index.mails.is_empty() {
            return;
        }
        let Some(key) = name::mail_key(address) else { return };
        for id in self.index.mails.get(key.as_str()).into_iter().flatten() {
            found.add(*id, cap, CERTAIN, address, "");
        }
        let Some(mailbox) = name::mailbox(&key) else { return };
        for id in self.index.mailboxes.get(mailbox.as_str()).into_iter().flatten() {
            let note = "another spelling of the same mailbox";
            found.add(*id, cap, (Strength::Weak, Form::Alias), address, note);
        }
    }

    /// Path, query and fragment of a URL: a redirector names its target there.
    fn nested(&self, rest: &str, cap: Cap, depth: u8, found: &mut Found<'_>) {
        if depth >= DEEPEST || memchr::memchr2(b'.', b'%', rest.as_bytes()).is_none() {
            return;
        }
        let (rest, fragment) = rest.split_once('#').unwrap_or((rest, ""));
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mentioned = Frame {
            linked: cap.and(Cap::NESTED),
            bare: cap.and(Cap::CONTEXT),
            depth: depth + 1,
            words: false,
        };
        self.text_or_decoded(path, mentioned, found);
        self.text_or_decoded(fragment, mentioned, found);
        self.query(query, cap, depth, found);
    }

    fn query(&self, query: &str, cap: Cap, depth: u8, found: &mut Found<'_>) {
        let cap = cap.and(Cap::NESTED);
        let frame = Frame { linked: cap, bare: cap, depth: depth + 1, words: false };
        for value in query.split('&') {
            let value = value.split_once('=').map_or(value, |(_, value)| value);
            self.text_or_decoded(value, frame, found);
        }
    }

    /// Text that may be percent-encoded, once, or twice where a redirector encoded again.
    fn text_or_decoded(&self, text: &str, frame: Frame, found: &mut Found<'_>) {
        if memchr::memchr(b'%', text.as_bytes()).is_none() {
            return self.text(text, frame, found);
        }
        let once = percent_encoding::percent_decode_str(text).decode_utf8_lossy();
        self.text(&once, frame, found);
        if memchr::memchr(b'%', once.as_bytes()).is_some() {
            let twice = percent_encoding::percent_decode_str(&once).decode_utf8_lossy();
            self.text(&twice, frame, found);
        }
    }
}

fn urls(rules: &[UrlRule], address: &Address<'_>, value: &str, cap: Cap, found: &mut Found<'_>) {
    let (path, query) = target(address.rest);
    for rule in rules {
        let same_path = *rule.path == *path;
        let same_query = rule.query.as_deref() == query.as_deref();
        let is_below = match (rule.query.as_deref(), query.as_deref()) {
            (None, _) => is_prefix(&rule.path, &path, '/'),
            (Some(start), Some(query)) => same_path && is_prefix(start, query, '&'),
            (Some(_), None) => false,
        };
        let same_scheme = rule.scheme.is_empty() || rule.scheme.eq_ignore_ascii_case(address.scheme);
        if rule.port != address.port || !(same_path && same_query || is_below) {
            // Half the phones in the world have opened a page of these: the host alone says nothing.
            if matches!(&address.host, Host::Name(name) if is_shared(name)) {
                continue;
            }
            let note = "the host of a URL indicator, with another path";
            found.add(rule.id, cap, CONTEXT, address.written, note);
        } else if same_path && same_query && same_scheme {
            found.add(rule.id, cap, CERTAIN, value, "");
        } else {
            found.add(rule.id, cap, (Strength::Strong, Form::UrlPrefix), value, "");
        }
    }
}

/// Hosts whose pages belong to everybody: an indicator names one page of them, never the host.
fn is_shared(name: &str) -> bool {
    const SHARED: [&str; 12] = [
        "bitbucket.org",
        "docs.google.com",
        "drive.google.com",
        "dropbox.com",
        "facebook.com",
        "github.com",
        "gitlab.com",
        "play.google.com",
        "raw.githubusercontent.com",
        "sites.google.com",
        "t.me",
        "telegram.me",
    ];
    SHARED.binary_search(&name.strip_prefix("www.").unwrap_or(name)).is_ok()
}

fn is_prefix(start: &str, whole: &str, boundary: char) -> bool {
    whole.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with(boundary))
}

/// Path and query as they are compared: no fragment, no final slash, unreserved characters unescaped.
pub(super) fn target(rest: &str) -> (Cow<'_, str>, Option<Cow<'_, str>>) {
    let rest = rest.split('#').next().unwrap_or(rest);
    let (path, query) = match rest.split_once('?') {
        Some((path, query)) => (path, Some(unescaped(query))),
        None => (rest, None),
    };
    (unescaped(path.trim_end_matches('/')), query)
}

fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        result.push_str(before);
        let decoded = after
            .get(..2)
            .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .and_then(|digits| u8::from_str_radix(digits, 16).ok())
            .filter(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~'));
        match decoded {
            Some(byte) => {
                result.push(char::from(byte));
                rest = after.get(2..).unwrap_or("");
            }
            None => {
                result.push('%');
                rest = after;
            }
        }
    }
    result.push_str(rest);
    Cow::Owned(result)
}
