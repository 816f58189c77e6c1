//! A quick look whether bytes may hold an indicator at all, before they are searched with care: most of a phone's bytes hold none.
//!
//! From each indicator one stretch of eight bytes is taken that hardly stands anywhere by chance, from its longest part without a dot,
//! so that `evil[.]example` and `evil%2Eexample` pass too. One look-up in a table of bits for each byte settles the rest. Names
//! written backwards and text in base64 are not seen.

use std::collections::HashMap;

use super::matcher::Matcher;
use super::{IndicatorSet, Ioc, Platform, host, path};

/// Letters become lower case; what that does to other bytes is done to both sides.
const FOLD: u8 = 0x20;
const FOLDS: u64 = 0x2020_2020_2020_2020;
/// Bits of each table, as a power of two: 256 KiB of cache for the long words, 32 KiB for the short ones.
const LONG_BITS: u32 = 21;
const SHORT_BITS: u32 = 18;

/// Stretches of indicators.
pub(super) struct Sieve {
    long: Grams,
    short: Grams,
    /// Something is looked for that has no such stretch (a network of addresses): everything passes.
    all: bool,
}

/// Stretches of one length.
struct Grams {
    bits: Vec<u64>,
    shift: u32,
    words: HashMap<u64, Vec<Word>>,
}

struct Word {
    folded: Box<[u8]>,
    /// Where its stretch begins.
    at: usize,
}

impl Grams {
    fn new(bits: u32) -> Grams {
        Grams { bits: vec![0; 1 << (bits - 6)], shift: 64 - bits, words: HashMap::new() }
    }

    fn place(&self, gram: u64) -> (usize, u64) {
        let hash = gram.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> self.shift;
        ((hash >> 6) as usize, 1 << (hash & 63))
    }

    fn add(&mut self, gram: u64, word: Word) {
        let (at, bit) = self.place(gram);
        if let Some(bits) = self.bits.get_mut(at) {
            *bits |= bit;
        }
        self.words.entry(gram).or_default().push(word);
    }

    fn has(&self, gram: u64) -> bool {
        let (at, bit) = self.place(gram);
        self.bits.get(at).is_some_and(|bits| bits & bit != 0)
    }

    /// Whether the whole word stands around a stretch at `at`.
    fn confirms(&self, gram: u64, window: &[u8], at: usize) -> bool {
        let words = self.words.get(&gram).into_iter().flatten();
        words.into_iter().any(|word| {
            let Some(start) = at.checked_sub(word.at) else { return false };
            let text = window.get(start..start + word.folded.len()).unwrap_or_default();
            text.len() == word.folded.len() && text.iter().zip(&word.folded).all(|(a, b)| a | FOLD == *b)
        })
    }
}

impl Sieve {
    fn new(set: &IndicatorSet, platform: Platform) -> Sieve {
        let mut sieve = Sieve { long: Grams::new(LONG_BITS), short: Grams::new(SHORT_BITS), all: false };
        for indicator in &set.indicators {
            let foreign = indicator.platform != Platform::Any
                && platform != Platform::Any
                && indicator.platform != platform;
            let value = host::trim(&indicator.value);
            match indicator.ioc {
                Ioc::Domain | Ioc::Url => sieve.dotted(host_word(value)),
                Ioc::Email => sieve.text(longest(value, &['@', '.', '+'])),
                // Its parts are ordinary words.
                Ioc::AppId => sieve.dotted(value),
                Ioc::Ip if value.contains('/') => sieve.all = true,
                Ioc::Ip | Ioc::FileHash | Ioc::CertHash => sieve.dotted(value),
                Ioc::FilePath if !foreign => {
                    let canonical = path::canonical(value, platform);
                    sieve.word(longest(&canonical, &['/']).as_bytes());
                }
                Ioc::FileName if !foreign => sieve.word(value.as_bytes()),
                _ => {}
            }
        }
        sieve
    }

    /// A word in the ways that its dots are written.
    fn dotted(&mut self, word: &str) {
        let ways: &[&str] = if word.contains('.') { &[".", "[.]", "%2e"] } else { &["."] };
        ways.iter().for_each(|dot| self.text(&word.replace('.', dot)));
    }

    /// A word as it is and as two bytes a character.
    fn text(&mut self, word: &str) {
        self.word(word.as_bytes());
        if word.len() >= 4 {
            let wide: Vec<u8> = word.bytes().flat_map(|byte| [byte, 0]).collect();
            self.word(&wide);
        }
    }

    fn word(&mut self, word: &[u8]) {
        let folded: Box<[u8]> = word.iter().map(|byte| byte | FOLD).collect();
        if let Some(at) = rarest::<8>(&folded)
            && let Some(gram) = folded.get(at..).and_then(|rest| rest.first_chunk())
        {
            self.long.add(u64::from_le_bytes(*gram), Word { at, folded: folded.clone() });
        } else if let Some(at) = rarest::<4>(&folded)
            && let Some(gram) = folded.get(at..).and_then(|rest| rest.first_chunk())
        {
            self.short.add(u64::from(u32::from_le_bytes(*gram)), Word { at, folded: folded.clone() });
        } else if !folded.is_empty() {
            self.all = true;
        }
    }

    fn passes(&self, window: &[u8]) -> bool {
        if self.all {
            return true;
        }
        for (at, eight) in window.windows(8).enumerate() {
            let gram =
                u64::from_le_bytes(eight.try_into().expect("windows of eight are eight bytes")) | FOLDS;
            let low = gram & 0xFFFF_FFFF;
            if self.long.has(gram) && self.long.confirms(gram, window, at)
                || self.short.has(low) && self.short.confirms(low, window, at)
            {
                return true;
            }
        }
        // The last stretches of four have no eight behind them.
        let tail = window.len().saturating_sub(7);
        window.get(tail..).unwrap_or_default().windows(4).enumerate().any(|(at, four)| {
            let four = u32::from_le_bytes(four.try_into().expect("windows of four are four bytes"));
            let gram = u64::from(four) | FOLDS & 0xFFFF_FFFF;
            self.short.has(gram) && self.short.confirms(gram, window, tail + at)
        })
    }
}

/// The part of a host, or of a URL's, that tells most: its longest label, the last one aside.
fn host_word(value: &str) -> &str {
    let rest = value.split_once("://").map_or(value, |(_, rest)| rest);
    let host = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let host = host.rsplit('@').next().unwrap_or(host).split(':').next().unwrap_or(host);
    if host.parse::<std::net::IpAddr>().is_ok() {
        return host;
    }
    let labels = host.rsplit_once('.').map_or(host, |(labels, _)| labels);
    let word = longest(labels, &['.']);
    // A short label alone stands everywhere.
    if word.len() < 4 { host } else { word }
}

fn longest<'v>(value: &'v str, between: &[char]) -> &'v str {
    value.split(between).max_by_key(|part| part.len()).unwrap_or(value)
}

/// Where the `N` bytes begin that hold the rarest characters.
fn rarest<const N: usize>(folded: &[u8]) -> Option<usize> {
    // Common letters of English text and of identifiers, most common first.
    const COMMON: &[u8] = b"eaotinrslcdmpuhgbfy.-/wvkxjqz_";
    let rarity = |byte: &u8| COMMON.iter().position(|common| common == byte).unwrap_or(COMMON.len());
    let stretches = folded.windows(N).enumerate();
    stretches.max_by_key(|(_, stretch)| stretch.iter().map(rarity).sum::<usize>()).map(|(at, _)| at)
}

impl Matcher {
    /// False where [`Matcher::bytes`] need not look: no indicator stands in these bytes in plain form.
    pub fn may_hold(&self, window: &[u8]) -> bool {
        self.sieve.get_or_init(|| Sieve::new(&self.set, self.platform)).passes(window)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::indicator::load;

    fn matcher() -> Matcher {
        Matcher::new(load(&[], true).unwrap(), Platform::Ios)
    }

    #[test]
    fn whatever_is_found_in_bytes_passes_the_sieve_wherever_it_stands() {
        let matcher = matcher();
        let mut plain = 0;
        for indicator in &matcher.set().indicators {
            for text in [
                indicator.value.to_string(),
                indicator.value.to_uppercase(),
                format!("see https://{}/x now", indicator.value),
                indicator.value.replace('.', "[.]"),
            ] {
                let wide: Vec<u8> = text.bytes().flat_map(|byte| [byte, 0]).collect();
                for bytes in [text.as_bytes(), &wide] {
                    let mut found = false;
                    matcher.bytes(bytes, &mut |_, hit| found |= hit.indicator < u32::MAX);
                    plain += u32::from(found);
                    assert!(!found || matcher.may_hold(bytes), "{text}");
                }
            }
        }
        assert!(plain > 20_000, "{plain}");
    }

    #[test]
    fn ordinary_bytes_do_not_pass() {
        let matcher = matcher();
        let text =
            "The connection to www.example.org was closed after 30 s; /usr/libexec/nehelper exited with 0. "
                .repeat(50);
        assert!(!matcher.may_hold(text.as_bytes()));
        assert!(!matcher.may_hold(b""));
        for length in 0..12 {
            let mut bytes = vec![b'.'; length];
            bytes.extend_from_slice(b"smscentro.com");
            assert!(matcher.may_hold(&bytes));
        }
    }
}
