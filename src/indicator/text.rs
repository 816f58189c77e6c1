//! Free text: tokens first, then the same look-ups as for fields. Indicators are never run over text as substrings.

use super::found::{Cap, Found};
use super::host::{self, Host};
use super::matcher::Matcher;
use super::{Form, Strength, name};

/// What a token found here may claim.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    /// After a scheme: `https://host`.
    pub linked: Cap,
    /// A host without one.
    pub bare: Cap,
    /// How many URLs this text stands in.
    pub depth: u8,
    /// Also look for app ids and digests.
    pub words: bool,
}

impl Frame {
    pub const MESSAGE: Frame = Frame { linked: Cap::NONE, bare: Cap::IN_TEXT, depth: 0, words: true };

    pub fn and(self, cap: Cap) -> Frame {
        Frame { linked: self.linked.and(cap), bare: self.bare.and(cap), ..self }
    }
}

/// Top-level domains that are also endings of files: without a sign of a URL, `thd.cc` may be a C++ file.
const FILE_ENDINGS: [&str; 20] = [
    "ai", "app", "bz", "cab", "cat", "cc", "ini", "mk", "md", "ml", "mm", "mov", "pl", "ps", "py", "rs",
    "sh", "so", "vi", "zip",
];

const STRONG: (Strength, Form) = (Strength::Strong, Form::InText);

impl Matcher {
    pub(super) fn text(&self, text: &str, frame: Frame, found: &mut Found<'_>) {
        let bytes = text.as_bytes();
        let mut done = 0;
        while let Some(offset) = bytes.get(done..).and_then(|rest| memchr::memchr2(b'.', b':', rest)) {
            let at = done + offset;
            let next = if bytes.get(at) == Some(&b'.') {
                self.token(text, done, at, frame, found)
            } else {
                self.linked(text, done, at, frame, found)
            };
            done = next.max(at + 1);
        }
        if frame.words {
            self.digests_in(text, frame.bare, found);
        }
    }

    /// A colon at `at`: a URL around it, or an IPv6 address. Returns where to go on.
    fn linked(&self, text: &str, done: usize, at: usize, frame: Frame, found: &mut Found<'_>) -> usize {
        let after = text.get(at..).unwrap_or("");
        if !after.starts_with("://") {
            return if self.index.has_ipv6 { self.ipv6(text, done, at, frame, found) } else { at + 1 };
        }
        let before = text.get(done..at).unwrap_or("");
        let scheme = before
            .bytes()
            .rev()
            .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
            .count();
        let scheme = before.get(before.len() - scheme..).unwrap_or("");
        let scheme = scheme.trim_start_matches(|c: char| !c.is_ascii_alphabetic());
        let start = if scheme.is_empty() { at + 1 } else { at - scheme.len() };
        let end = url_end(text, at + 3);
        if let Some(url) = text.get(start..end) {
            self.web(url, frame.linked, frame.depth + 1, found);
        }
        end
    }

    fn ipv6(&self, text: &str, done: usize, at: usize, frame: Frame, found: &mut Found<'_>) -> usize {
        let part = |byte: &u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
        let before = text.as_bytes().get(done..at).unwrap_or(&[]);
        let after = text.as_bytes().get(at..).unwrap_or(&[]);
        let start = at - before.iter().rev().take_while(|byte| part(byte)).count();
        let end = at + after.iter().take_while(|byte| part(byte)).count();
        let written = text.get(start..end).unwrap_or("").trim_end_matches(['.', ':']);
        let bounded = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric() && !matches!(c, '-' | '_'));
        if written.len() <= 45
            && bounded(text.get(..start).and_then(|before| before.chars().next_back()))
            && bounded(text.get(end..).and_then(|after| after.chars().next()))
            && let Ok(ip) = written.parse::<std::net::Ipv6Addr>()
        {
            self.ip(host::ip_number(ip.into()), written, frame.bare, STRONG, "", found);
            return end;
        }
        // A clock time, a label: the dots after it are still to be looked at.
        at + after.iter().take_while(|byte| **byte == b':').count()
    }

    /// A dot at `at`: the token around it. Returns where to go on.
    fn token(&self, text: &str, done: usize, at: usize, frame: Frame, found: &mut Found<'_>) -> usize {
        let start = token_start(text, done, at);
        let end = token_end(text, at);
        let written = text.get(start..end).unwrap_or("");
        let token = written.trim_matches('.');
        if !token.contains('.') {
            return end;
        }
        let has_leading_dot = written.starts_with('.');
        // Where the token ends without the full stop of a sentence.
        let stop = end - (written.len() - written.trim_end_matches('.').len());
        let before = text.get(..stop - token.len()).unwrap_or("");
        let after = text.get(stop..).unwrap_or("");
        if after.starts_with('@') {
            return end;
        }
        if let Some(before) = before.strip_suffix('@') {
            let local = local_part(before);
            let address = text.get(before.len() - local.len()..stop).unwrap_or("");
            if local.is_empty() {
                self.host_token(token, token, frame.bare, found);
            } else {
                self.mail(address, frame.bare, found);
            }
            return end;
        }
        if token.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
            if !has_leading_dot {
                self.ipv4(token, before, after, frame.bare, found);
            }
            return end;
        }
        if frame.words {
            self.app_token(token, before, after, frame.bare, found);
        }
        let cap = if is_like_file(token) { frame.bare.and(Cap::weak(Form::InText)) } else { frame.bare };
        if has_leading_dot {
            // `*.host` and `.host` mean what is below it.
            let cap = if cap.strength < BELOW.strength { cap } else { BELOW };
            self.host_token(token, token, cap, found);
        } else if self.host_token(token, token, cap, found) {
            let slice = text.get(stop - token.len()..url_end(text, stop)).unwrap_or(token);
            self.web(slice, cap, frame.depth + 1, found);
        }
        end
    }

    /// Looks a token up as a host. True if a URL indicator names the same host.
    fn host_token(&self, name: &str, written: &str, cap: Cap, found: &mut Found<'_>) -> bool {
        let top = name.rsplit('.').next().unwrap_or(name);
        if top.starts_with(|c: char| c.is_ascii_digit()) || name.len() > host::LONGEST {
            return false;
        }
        let mut buffer = [0_u8; host::LONGEST];
        let canonical;
        let name = if !name.is_ascii() {
            match host::canonical(name) {
                Some(Host::Name(name)) => {
                    canonical = name;
                    &*canonical
                }
                _ => return false,
            }
        } else if let Some(lowered) = buffer.get_mut(..name.len()) {
            lowered.copy_from_slice(name.as_bytes());
            lowered.make_ascii_lowercase();
            std::str::from_utf8(lowered).unwrap_or("")
        } else {
            return false;
        };
        self.names(name, written, cap, "", found);
        self.index.url_names.contains_key(name)
    }

    fn ipv4(&self, token: &str, before: &str, after: &str, cap: Cap, found: &mut Found<'_>) {
        let Ok(ip) = token.parse::<std::net::Ipv4Addr>() else { return };
        let is_network =
            after.strip_prefix('/').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        let is_version =
            before.strip_suffix('/').is_some_and(|rest| rest.ends_with(|c: char| c.is_alphanumeric()));
        let (how, note) = if is_network {
            ((Strength::Weak, Form::Contains), "a network that holds the address")
        } else if is_version {
            ((Strength::Weak, Form::Context), "may be the version number of a product")
        } else {
            (STRONG, "")
        };
        self.ip(host::ip_number(ip.into()), token, cap, how, note, found);
    }

    fn app_token(&self, token: &str, before: &str, after: &str, cap: Cap, found: &mut Found<'_>) {
        if let Some(ids) = self.index.apps.get(token) {
            // A line of `pm list packages`.
            let (cap, how) = if before.ends_with("package:") {
                let listed = if cap.strength == Strength::Strong { Cap::NONE } else { cap };
                (listed, (Strength::Certain, Form::Exact))
            } else {
                (cap, STRONG)
            };
            for id in ids {
                found.add(*id, cap, how, token, "");
            }
        } else if let Some((package, _)) = token.split_once('-')
            && after.trim_start_matches('=').starts_with('/')
        {
            // `/data/app/name-N/` and `/data/app/~~x==/name-y==/`.
            for id in self.index.apps.get(package).into_iter().flatten() {
                found.add(*id, cap, STRONG, package, "");
            }
        }
    }

    /// Digests between characters that are neither letters nor digits. A run of 32 covers every thirty-second byte.
    fn digests_in(&self, text: &str, cap: Cap, found: &mut Found<'_>) {
        if self.index.digests.is_empty() {
            return;
        }
        let bytes = text.as_bytes();
        let mut at = 31;
        while let Some(byte) = bytes.get(at) {
            if !byte.is_ascii_hexdigit() {
                at += 32;
                continue;
            }
            let word = |byte: &&u8| byte.is_ascii_alphanumeric();
            let left = bytes.get(..at).unwrap_or(&[]).iter().rev().take(65).take_while(word).count();
            let right = bytes.get(at..).unwrap_or(&[]).iter().take_while(word).count();
            let written = text.get(at - left..at + right).unwrap_or("");
            if name::is_digest(written) {
                for id in self.index.digests.get(&*host::lower(written)).into_iter().flatten() {
                    found.add(*id, cap, STRONG, written, "");
                }
            }
            at += right.max(1) + 31;
        }
    }
}

const BELOW: Cap = Cap { strength: Strength::Strong, form: Form::Subdomain };

fn is_token(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '-' | '_' | '.')
}

/// Goes left from the dot, not across two dots in a row.
fn token_start(text: &str, done: usize, at: usize) -> usize {
    let mut start = at;
    let mut last = '.';
    for (offset, c) in text.get(done..at).unwrap_or("").char_indices().rev() {
        if !is_token(c) || c == '.' && last == '.' {
            break;
        }
        start = done + offset;
        last = c;
    }
    start
}

fn token_end(text: &str, at: usize) -> usize {
    let mut last = ' ';
    for (offset, c) in text.get(at..).unwrap_or("").char_indices() {
        if !is_token(c) || c == '.' && last == '.' {
            return at + offset;
        }
        last = c;
    }
    text.len()
}

/// Where a URL in text ends: at a blank, a quote or a bracket, and before the punctuation of the sentence.
fn url_end(text: &str, from: usize) -> usize {
    let rest = text.get(from..).unwrap_or("");
    let url = rest.split(ends_url).next().unwrap_or(rest);
    from + url.trim_end_matches(SENTENCE).len()
}

/// What stands behind a URL in a sentence.
pub(super) const SENTENCE: [char; 8] = ['.', ',', ';', ':', '!', '?', ')', ']'];

/// A character that no URL in text goes across, and no other token either.
pub(super) fn ends_url(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c, '"' | '<' | '>' | '`' | '\'' | '{' | '}' | '|' | '^')
        || !c.is_ascii() && !c.is_alphanumeric() && !matches!(c, '\u{3002}' | '\u{ff0e}' | '\u{ff61}')
}

fn local_part(before: &str) -> &str {
    let letters = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '%' | '+' | '-');
    let length: usize = before.chars().rev().take(65).take_while(|c| letters(*c)).map(char::len_utf8).sum();
    before.get(before.len() - length..).unwrap_or("")
}

fn is_like_file(token: &str) -> bool {
    let ending = token.rsplit('.').next().unwrap_or(token);
    FILE_ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known))
        && !token.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("www."))
}
