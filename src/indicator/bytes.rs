//! Raw bytes without a field: printable runs go through the rules for free text, and what has no dot or is encoded is looked
//! for as a literal. Process names, properties and profile ids are never looked for here.

use std::collections::HashMap;

use aho_corasick::AhoCorasick;

use super::found::{Cap, Found};
use super::host;
use super::matcher::Matcher;
use super::text::Frame;
use super::{Form, Hit, IndicatorSet, Ioc, Platform, Strength, name, path};

/// Shorter runs hold no indicator that is looked for in raw bytes.
const SHORTEST_RUN: usize = 5;
/// How much base64 around a fragment is decoded, in either direction.
const AROUND: usize = 1024;

/// Words found by an automaton: paths and file names, and values as they look inside base64.
pub(super) struct Literals {
    words: AhoCorasick,
    meanings: Vec<(u32, Meaning)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Path,
    FileName,
    /// Where the first character of the fragment stands in its group of four.
    Base64(usize),
}

impl Literals {
    fn new(set: &IndicatorSet, platform: Platform) -> Literals {
        let mut words = Vec::new();
        let mut meanings = Vec::new();
        for (id, indicator) in (0_u32..).zip(&set.indicators) {
            let foreign = indicator.platform != Platform::Any
                && platform != Platform::Any
                && indicator.platform != platform;
            let value = host::trim(&indicator.value);
            match indicator.ioc {
                Ioc::FilePath if !foreign && value.starts_with('/') => {
                    let canonical = path::canonical(value, platform);
                    for word in path::ways(&canonical, platform).into_iter().filter(|word| word.len() >= 8) {
                        words.push(word);
                        meanings.push((id, Meaning::Path));
                    }
                }
                Ioc::FileName if !foreign && is_unusual(value) => {
                    words.push(value.to_owned());
                    meanings.push((id, Meaning::FileName));
                }
                Ioc::Domain | Ioc::Email | Ioc::AppId | Ioc::Url if value.len() >= 8 => {
                    let value = value.strip_prefix("*.").unwrap_or(value);
                    let value = if indicator.ioc == Ioc::Domain {
                        value.to_ascii_lowercase()
                    } else {
                        value.to_owned()
                    };
                    for (group, fragment) in fragments(value.as_bytes()) {
                        words.push(fragment);
                        meanings.push((id, Meaning::Base64(group)));
                    }
                }
                _ => {}
            }
        }
        // Only sets beyond what memory holds make an automaton too large; then literals are not looked for.
        let words = AhoCorasick::new(&words)
            .or_else(|_| AhoCorasick::new(Vec::<String>::new()))
            .expect("an automaton of nothing is small");
        Literals { words, meanings }
    }
}

/// A name that hardly stands in bytes by chance.
pub(super) fn is_unusual(name: &str) -> bool {
    name.len() >= 8 && name.contains(['.', '_', '-']) || name.len() >= 16
}

/// The characters of base64 that depend on `value` alone, for each of its three positions in a group.
pub(super) fn fragments(value: &[u8]) -> impl Iterator<Item = (usize, String)> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    (0..3_usize).map(move |phase| {
        let first = (phase * 8).div_ceil(6);
        let last = (phase + value.len()) * 8 / 6;
        let character = |place: usize| {
            let bit = place * 6 - phase * 8;
            let byte = |at: usize| u16::from(value.get(at).copied().unwrap_or(0));
            let two = byte(bit / 8) << 8 | byte(bit / 8 + 1);
            char::from(ALPHABET[usize::from(two >> (10 - bit % 8) & 63)])
        };
        (first % 4, (first..last).map(character).collect())
    })
}

impl Matcher {
    /// Calls `each` with an offset into `window` for what is found in it: once an indicator and run of text.
    pub fn bytes(&self, window: &[u8], each: &mut dyn FnMut(usize, Hit<'static>)) {
        let mut hits: HashMap<(usize, u32), Hit<'static>> = HashMap::new();
        let mut keep = |offset: usize, hit: Hit<'_>| {
            let known = hits.get(&(offset, hit.indicator));
            if known.is_none_or(|known| known.strength < hit.strength) {
                let matched = hit.matched.into_owned().into();
                hits.insert((offset, hit.indicator), Hit { matched, ..hit });
            }
        };
        self.ascii(window, &mut keep);
        self.utf16(window, &mut keep);
        self.literals(window, &mut keep);
        let mut hits: Vec<_> = hits.into_iter().collect();
        hits.sort_unstable_by_key(|(key, _)| *key);
        for ((offset, _), hit) in hits {
            each(offset, hit);
        }
    }

    fn ascii(&self, window: &[u8], keep: &mut dyn FnMut(usize, Hit<'_>)) {
        let frame = Frame::MESSAGE.and(Cap::medium(Form::Carved));
        let mut rest = window;
        while !rest.is_empty() {
            let skip = rest.iter().position(|byte| is_printable(*byte)).unwrap_or(rest.len());
            let run = rest.get(skip..).unwrap_or(&[]);
            let length = run.iter().position(|byte| !is_printable(*byte)).unwrap_or(run.len());
            let (run, after) = run.split_at_checked(length).unwrap_or((run, &[]));
            let start = window.len() - after.len() - run.len();
            rest = after;
            if run.len() < SHORTEST_RUN {
                continue;
            }
            let Ok(text) = std::str::from_utf8(run) else { continue };
            let cut_left = letter_before(window.get(..start).unwrap_or(&[]));
            let cut_right = letter_after(after);
            let mut found = Found::new(text);
            self.message(text, frame, &mut found);
            if !cut_left {
                self.reversed_in(text, &mut found);
            }
            for hit in found.hits.into_values() {
                let inside = offset_in(text, &hit.matched);
                let end = inside + hit.matched.len();
                if !(cut_left && inside == 0 || cut_right && end == text.len()) {
                    keep(start + inside, hit);
                }
            }
        }
    }

    fn reversed_in(&self, text: &str, found: &mut Found<'_>) {
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '.' | '-' | '_'));
        for word in words.filter(|word| word.ends_with('.') && word.len() > SHORTEST_RUN) {
            self.reversed(word, found);
        }
    }

    /// Characters with a zero byte between them, in either byte order: both give the same run.
    fn utf16(&self, window: &[u8], keep: &mut dyn FnMut(usize, Hit<'_>)) {
        let frame = Frame::MESSAGE.and(Cap::medium(Form::Utf16));
        let unit = |at: usize| window.get(at).copied().filter(|byte| is_printable(*byte));
        let mut done = 0;
        for zero in memchr::memchr_iter(0, window) {
            let Some(start) = zero.checked_sub(1).filter(|start| *start >= done) else { continue };
            let mut text = String::new();
            let mut at = start;
            while let Some(byte) = unit(at) {
                text.push(char::from(byte));
                at += 1;
                if window.get(at) != Some(&0) {
                    break;
                }
                at += 1;
            }
            if text.len() < SHORTEST_RUN {
                continue;
            }
            done = at;
            // A letter of another script on either side belongs to the same word.
            let before = |back: usize| start.checked_sub(back).and_then(|at| window.get(at));
            let cut_left = is_wide_letter(before(2), before(1));
            let cut_right = is_wide_letter(window.get(at), window.get(at + 1));
            let mut found = Found::new(&text);
            self.message(&text, frame, &mut found);
            for hit in found.hits.values() {
                let inside = offset_in(&text, &hit.matched);
                if !(cut_left && inside == 0 || cut_right && inside + hit.matched.len() == text.len()) {
                    keep(start + inside * 2, hit.clone());
                }
            }
        }
    }

    fn literals(&self, window: &[u8], keep: &mut dyn FnMut(usize, Hit<'_>)) {
        let literals = self.literals.get_or_init(|| Literals::new(&self.set, self.platform));
        let mut decoded_to = 0;
        for word in literals.words.find_overlapping_iter(window) {
            let Some((id, meaning)) = literals.meanings.get(word.pattern().as_usize()) else { continue };
            let before = window.get(..word.start()).unwrap_or(&[]);
            let after = window.get(word.end()..).unwrap_or(&[]);
            match meaning {
                Meaning::Base64(group) => {
                    if word.start() >= decoded_to {
                        decoded_to = word.end();
                        self.base64(before, window, word.start(), *group, keep);
                    }
                }
                Meaning::Path | Meaning::FileName => {
                    let before = before.strip_suffix(b"/private").unwrap_or(before);
                    if !is_name(before.last())
                        && !is_name(after.first())
                        && !letter_before(before)
                        && !letter_after(after)
                    {
                        let matched =
                            String::from_utf8_lossy(window.get(word.range()).unwrap_or(&[])).into_owned();
                        let (strength, form) = (Strength::Medium, Form::Carved);
                        keep(
                            word.start(),
                            Hit { indicator: *id, strength, form, matched: matched.into(), note: "" },
                        );
                    }
                }
            }
        }
    }

    /// Decodes what surrounds a fragment and applies the rules for text, which check the boundaries.
    pub(super) fn base64(
        &self,
        before: &[u8],
        window: &[u8],
        at: usize,
        group: usize,
        keep: &mut dyn FnMut(usize, Hit<'_>),
    ) {
        let in_alphabet = |byte: &&u8| name::sextet(**byte).is_some();
        let left = before.iter().rev().take(AROUND).take_while(in_alphabet).count();
        // Begin at a whole group as the fragment's place in its own demands.
        let Some(left) = (left + 4).checked_sub((left + 4 - group) % 4 + 4) else { return };
        let right = window.get(at..).unwrap_or(&[]).iter().take(AROUND).take_while(in_alphabet).count();
        let encoded = window.get(at - left..at + right).unwrap_or(&[]);
        let Some(decoded) = name::base64(encoded, AROUND * 2) else { return };
        let mut inner = |_: usize, hit: Hit<'_>| {
            let form = if hit.strength == Strength::Medium { Form::Base64 } else { hit.form };
            keep(at, Hit { form, ..hit });
        };
        self.ascii(&decoded, &mut inner);
    }
}

pub(super) fn is_printable(byte: u8) -> bool {
    matches!(byte, 0x20..=0x7e)
}

pub(super) fn is_name(byte: Option<&u8>) -> bool {
    byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

/// Whether the bytes end with a letter of another script in UTF-8.
pub(super) fn letter_before(before: &[u8]) -> bool {
    (2..=4).any(|length| {
        let tail = before.len().checked_sub(length).and_then(|start| before.get(start..));
        tail.is_some_and(is_one_letter)
    })
}

pub(super) fn letter_after(after: &[u8]) -> bool {
    (2..=4).any(|length| after.get(..length).is_some_and(is_one_letter))
}

/// Whether two bytes are a letter, Latin to Hebrew.
pub(super) fn is_wide_letter(low: Option<&u8>, high: Option<&u8>) -> bool {
    matches!((low, high), (Some(low), Some(high @ 0..=5))
        if char::from_u32(u32::from(*high) << 8 | u32::from(*low)).is_some_and(char::is_alphanumeric))
}

fn is_one_letter(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| {
        let mut chars = text.chars();
        chars.next().is_some_and(|c| !c.is_ascii() && c.is_alphanumeric()) && chars.next().is_none()
    })
}

/// Where a part of the text stands in it; what a decoding step made is shown at the beginning.
pub(super) fn offset_in(text: &str, part: &str) -> usize {
    (part.as_ptr() as usize)
        .checked_sub(text.as_ptr() as usize)
        .filter(|offset| offset.checked_add(part.len()).is_some_and(|end| end <= text.len()))
        .unwrap_or(0)
}
