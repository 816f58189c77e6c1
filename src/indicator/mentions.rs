//! The pieces of free text that an indicator could match, whatever indicators there will be: what is kept of a message so that it can be
//! checked again without its words.
//!
//! A piece matches as the text around it would, since no token of the tokeniser goes across the end of a piece.

use std::collections::HashSet;
use std::sync::LazyLock;

use super::Strength;
use super::decode::Decoder;
use super::name;
use super::text::{SENTENCE, ends_url};

static DECODER: LazyLock<Decoder> = LazyLock::new(Decoder::new);

/// Calls `each` with every piece of the text, as it stands there, that holds a host, URL, e-mail address, IP address, app id or
/// digest. Where a disguise tears one apart (`evil dot example`) the piece is put together, and stays disguised.
pub fn mentions(text: &str, each: &mut dyn FnMut(&str)) {
    if !DECODER.is_needed(text) {
        if memchr::memchr2(b'.', b':', text.as_bytes()).is_some() || has_long_word(text) {
            pieces(text).filter(|piece| is_mention(piece)).for_each(each);
        }
        return;
    }
    let mut known = HashSet::new();
    for piece in pieces(text) {
        let mut named = is_mention(piece);
        DECODER.each(piece, &[], |decoded, _| {
            for inner in pieces(decoded).filter(|inner| is_mention(inner)) {
                named = true;
                known.insert(inner.to_owned());
            }
        });
        if named {
            known.insert(piece.to_owned());
            each(piece);
        }
    }
    let mut lowered = false;
    DECODER.each(text, &[], |decoded, disguise| {
        lowered |= disguise.cap().strength < Strength::Certain;
        for piece in pieces(decoded).filter(|piece| is_mention(piece)) {
            if known.insert(piece.to_owned()) {
                match lowered {
                    true => each(&piece.replace('.', "[.]")),
                    false => each(piece),
                }
            }
        }
    });
}

/// The text between characters that no token goes across, without the punctuation of the sentence.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    text.split(ends_url)
        .map(|piece| piece.trim_end_matches(SENTENCE).trim_start_matches(['(', ',', ';', '!', '?']))
}

fn is_mention(piece: &str) -> bool {
    piece.contains("://")
        || memchr::memchr_iter(b'.', piece.as_bytes()).any(|at| joins_labels(piece, at))
        || memchr::memchr(b':', piece.as_bytes()).is_some() && has_ipv6(piece)
        || has_digest(piece)
}

/// True for the dot of `evil.example` and of an IPv4 address, not for that of `3.50` or `e.g.`.
fn joins_labels(piece: &str, at: usize) -> bool {
    let label = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
    let before = piece.get(..at).unwrap_or("");
    let after = piece.get(at + 1..).unwrap_or("");
    // `*.host` has no label before its first dot, but one before its second.
    if !before.ends_with(label) {
        return false;
    }
    let next = after.split(|c| !label(c)).next().unwrap_or("");
    if next.starts_with(char::is_numeric) || next.is_empty() {
        let is_number = |c: char| c.is_ascii_digit() || c == '.';
        let start = before.len() - before.chars().rev().take(16).take_while(|c| is_number(*c)).count();
        let end = at + 1 + after.chars().take(16).take_while(|c| is_number(*c)).count();
        let number = piece.get(start..end).unwrap_or("").trim_matches('.');
        return number.parse::<std::net::Ipv4Addr>().is_ok();
    }
    next.len() > 1
}

fn has_ipv6(piece: &str) -> bool {
    let parts = piece.split(|c: char| !c.is_ascii_hexdigit() && c != ':' && c != '.');
    let parts = parts.filter(|part| (2..=48).contains(&part.len()));
    parts.into_iter().any(|part| part.trim_end_matches(['.', ':']).parse::<std::net::Ipv6Addr>().is_ok())
}

fn has_digest(piece: &str) -> bool {
    piece.len() >= 32 && piece.split(|c: char| !c.is_ascii_alphanumeric()).any(name::is_digest)
}

/// Digests are at least 32 characters long, which few words of people are.
fn has_long_word(text: &str) -> bool {
    text.len() >= 32
        && text.as_bytes().split(|byte| !byte.is_ascii_alphanumeric()).any(|word| word.len() >= 32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::indicator::{Hit, Matcher, Platform, load};
    use crate::record::Kind;

    fn of(text: &str) -> Vec<String> {
        let mut found = Vec::new();
        mentions(text, &mut |piece| found.push(piece.to_owned()));
        found
    }

    #[test]
    fn addresses_are_kept_and_words_are_not() {
        assert_eq!(
            of("See (https://evil.example/a?b=c), tomorrow at 10:30."),
            ["https://evil.example/a?b=c"]
        );
        assert_eq!(of("write to Mallory@evil.example!"), ["Mallory@evil.example"]);
        assert_eq!(of("e.g. 3.50 or 1.2.3, i.e. now. Then… a:b"), Vec::<String>::new());
        assert_eq!(of("from 192.0.2.7 and 2001:db8::1"), ["192.0.2.7", "2001:db8::1"]);
        let digest = "d41d8cd98f00b204e9800998ecf8427e";
        assert_eq!(of(&format!("hash {digest} of it")), [digest]);
        assert_eq!(of("We meet at the station tomorrow, the train is late again"), Vec::<String>::new());
    }

    #[test]
    fn what_a_disguise_tears_apart_is_put_together_and_stays_disguised() {
        assert_eq!(of("evil[.]example now"), ["evil[.]example"]);
        assert_eq!(of("go to evil dot example now"), ["evil[.]example"]);
        assert_eq!(of("ev\u{200b}il.example"), ["il.example", "evil.example"]);
        assert_eq!(of("https:\\/\\/evil.example\\/x"), ["https:\\/\\/evil.example\\/x"]);
    }

    #[test]
    fn pieces_match_as_the_whole_text_does() {
        let mut list = tempfile::Builder::new().suffix(".txt").tempfile().unwrap();
        let values = "evil.net\n45.9.148.7\nmallory@bad.org\nd41d8cd98f00b204e9800998ecf8427e\n2a01:4f8::17\nhttps://shared.org/evil\n";
        std::io::Write::write_all(&mut list, values.as_bytes()).unwrap();
        let matcher = Matcher::new(load(&[list.path().to_owned()], false).unwrap(), Platform::Ios);
        type Hits = std::collections::BTreeMap<u32, Strength>;
        let add = |hits: &mut Hits, text: &str| {
            matcher.field(Kind::Message, text, &mut |hit: Hit<'_>| {
                let best = hits.entry(hit.indicator).or_insert(hit.strength);
                *best = hit.strength.max(*best);
            });
        };
        for text in [
            "see https://a.evil.net/x?y, then call",
            "evil.net. And more",
            "evil[.]net",
            "evil dot net",
            "hxxps://evil[.]net/x",
            "https%3A%2F%2Fevil.net%2Fx",
            "<a href=\"https://evil.net\">x</a>",
            "https://redirect.org/?to=https%3A%2F%2Fevil.net",
            "mallory(at)bad[.]org and Mallory@BAD.org",
            "at 45.9.148.7:8080, 2a01:4f8::17.",
            "D41D8CD98F00B204E9800998ECF8427E",
            "go shared.org/evil",
            "*.evil.net",
            "evil\u{3002}net",
            "ev\u{ad}il.net",
            "a,evil.net,b",
            "EVIL.NET/x",
        ] {
            let (mut pieces, mut whole) = (Hits::new(), Hits::new());
            mentions(text, &mut |piece| add(&mut pieces, piece));
            add(&mut whole, text);
            assert!(!whole.is_empty(), "{text}");
            assert_eq!(pieces, whole, "{text}");
        }
    }
}
