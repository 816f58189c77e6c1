//! From a place that may hold an indicator to a hit: the whole word, then the rules for raw bytes in its neighbourhood.

use std::borrow::Cow;
use std::ops::Range;

use super::Sweeper;
use super::wide::Run;
use super::word::{self, Meaning};
use crate::indicator::bytes::{is_name, is_printable, letter_after, letter_before, offset_in};
use crate::indicator::found::{Cap, Found};
use crate::indicator::text::Frame;
use crate::indicator::{Form, Hit, Ioc, Strength, host, name};

/// How many characters before and after a word are looked at.
const REACH: usize = 256;

/// Bytes that are searched, one a character.
#[derive(Clone, Copy)]
pub(super) struct Text<'t> {
    pub bytes: &'t [u8],
    pub form: Form,
    /// The first, or last, word goes on outside.
    pub cut_left: bool,
    pub cut_right: bool,
}

/// Which bytes are hexadecimal digits.
const HEX: [bool; 256] = {
    let mut hex = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        hex[byte] = (byte as u8).is_ascii_hexdigit();
        byte += 1;
    }
    hex
};

type Keep<'k> = dyn FnMut(usize, Hit<'_>) + 'k;

impl Sweeper<'_> {
    pub(super) fn run(self, run: &Run, from: usize, to: usize, keep: &mut Keep<'_>) {
        let (cut_left, cut_right) = (run.cut_left, run.cut_right);
        let text = Text { bytes: &run.text, form: Form::Utf16, cut_left, cut_right };
        self.narrow(text, from, to.min(run.text.len()), keep);
    }

    /// Searches for all that has a part of its word in `from..to`.
    pub(super) fn narrow(self, text: Text<'_>, from: usize, to: usize, keep: &mut Keep<'_>) {
        let bytes = text.bytes;
        self.engine.grams.scan(bytes, from, to, &mut |number, at, in_word| {
            let Some(literal) = self.engine.literals.get(number as usize) else { return };
            if let Some(span) = literal.span(bytes, at, in_word) {
                self.judge(text, span, literal.id, literal.meaning, keep);
            }
        });
        self.engine.dots.scan(bytes, from, to, &mut |id, dot| {
            if let Some(span) = self.dotted(bytes, id, dot) {
                self.judge(text, span, id, Meaning::Text, keep);
            }
        });
        if let Some(shortest) = self.engine.shortest_digest {
            self.digests(text, shortest, from, to, keep);
        }
    }

    /// Calls `each` for every whole word that has a part in `from..to`, whatever stands around it.
    pub(super) fn whole(self, bytes: &[u8], from: usize, to: usize, each: &mut dyn FnMut(Range<usize>, u32)) {
        self.engine.grams.scan(bytes, from, to, &mut |number, at, in_word| {
            let Some(literal) = self.engine.literals.get(number as usize) else { return };
            if let Some(span) = literal.span(bytes, at, in_word)
                && !matches!(literal.meaning, Meaning::Base64(_))
            {
                each(span, literal.id);
            }
        });
        self.engine.dots.scan(bytes, from, to, &mut |id, dot| {
            if let Some(span) = self.dotted(bytes, id, dot) {
                each(span, id);
            }
        });
    }

    /// Where the word of an indicator stands around its dot.
    fn dotted(self, bytes: &[u8], id: u32, dot: usize) -> Option<Range<usize>> {
        let indicator = self.matcher.set.indicators.get(id as usize)?;
        let word = word::dotted(indicator, self.matcher.platform)?;
        let start = dot.checked_sub(word::anchor(&word)?)?;
        let end = start + word.len();
        bytes.get(start..end)?.eq_ignore_ascii_case(word.as_bytes()).then_some(start..end)
    }

    fn judge(self, text: Text<'_>, span: Range<usize>, id: u32, meaning: Meaning, keep: &mut Keep<'_>) {
        match meaning {
            Meaning::Text => self.text(text, span, id, keep),
            Meaning::Path | Meaning::FileName => named(text, span, id, keep),
            Meaning::Base64(group) => {
                let before = text.bytes.get(..span.start).unwrap_or_default();
                let mut of_this = |offset: usize, hit: Hit<'_>| {
                    if hit.indicator == id && self.is_told(&hit) {
                        keep(offset, hit);
                    }
                };
                self.matcher.base64(before, text.bytes, span.start, group, &mut of_this);
            }
        }
    }

    /// The rules for text: first over what no blank or quote divides, then, for dots written as words, over more.
    fn text(self, text: Text<'_>, span: Range<usize>, id: u32, keep: &mut Keep<'_>) {
        let close =
            |byte: u8| is_printable(byte) && !matches!(byte, b' ' | b'"' | b'\'' | b'<' | b'>' | b'`');
        if !self.text_within(text, &span, id, &close, keep) {
            self.text_within(text, &span, id, &is_printable, keep);
        }
    }

    fn text_within(
        self,
        text: Text<'_>,
        span: &Range<usize>,
        id: u32,
        belongs: &dyn Fn(u8) -> bool,
        keep: &mut Keep<'_>,
    ) -> bool {
        let bytes = text.bytes;
        let before = bytes.get(..span.start).unwrap_or_default();
        let after = bytes.get(span.end..).unwrap_or_default();
        let belongs = |byte: &&u8| belongs(**byte);
        let start = span.start - before.iter().rev().take(REACH).take_while(belongs).count();
        let end = span.end + after.iter().take(REACH).take_while(belongs).count();
        let Some(part) = bytes.get(start..end).and_then(|part| std::str::from_utf8(part).ok()) else {
            return false;
        };
        let (before, after) = (bytes.get(..start).unwrap_or_default(), bytes.get(end..).unwrap_or_default());
        let cut_left = match before.last() {
            Some(byte) => span.start - start == REACH && is_printable(*byte) || letter_before(before),
            None => text.cut_left,
        };
        let cut_right = match after.first() {
            Some(byte) => end - span.end == REACH && is_printable(*byte) || letter_after(after),
            None => text.cut_right,
        };
        let mut found = Found::new(part);
        self.matcher.message(part, Frame::MESSAGE.and(Cap::medium(text.form)), &mut found);
        let Some(hit) = found.hits.remove(&id).filter(|hit| self.is_told(hit)) else { return false };
        // What a decoding step made has the place of the word.
        let there = match hit.matched {
            Cow::Borrowed(matched) => {
                let inside = start + offset_in(part, matched);
                inside..inside + matched.len()
            }
            Cow::Owned(_) => span.clone(),
        };
        if !(cut_left && there.start == start || cut_right && there.end == end) {
            keep(there.start, hit);
        }
        true
    }

    /// The host of a URL indicator with another path says nothing in raw bytes.
    fn is_told(self, hit: &Hit<'_>) -> bool {
        let ioc = self.matcher.set.indicators.get(hit.indicator as usize).map(|indicator| indicator.ioc);
        !(ioc == Some(Ioc::Url) && hit.form == Form::Context)
    }

    /// Digests between characters that are neither letters nor digits. The shortest covers one of the bytes that are looked at,
    /// and sixteen more on one side of it.
    #[inline(never)]
    fn digests(self, text: Text<'_>, shortest: usize, from: usize, to: usize, keep: &mut Keep<'_>) {
        const SIDE: usize = 16;
        let bytes = text.bytes;
        let mut at = from;
        while at < to {
            let around = at.checked_sub(SIDE).and_then(|start| bytes.get(start..));
            let is_likely = match around.and_then(<[u8]>::first_chunk::<{ 2 * SIDE + 1 }>) {
                Some(around) => {
                    let hex = |at: usize| HEX[usize::from(around[at])];
                    hex(16) & (hex(0) & hex(5) & hex(8) & hex(12) | hex(20) & hex(24) & hex(27) & hex(32))
                }
                None => bytes.get(at).is_some_and(u8::is_ascii_hexdigit),
            };
            if is_likely {
                self.digest(text, shortest, at, keep);
            }
            at += shortest;
        }
    }

    #[inline(never)]
    fn digest(self, text: Text<'_>, shortest: usize, at: usize, keep: &mut Keep<'_>) {
        let bytes = text.bytes;
        let is_word = |byte: &&u8| byte.is_ascii_alphanumeric();
        let before = bytes.get(..at).unwrap_or_default();
        let start = at - before.iter().rev().take(67).take_while(is_word).count();
        let right = bytes.get(at..).unwrap_or_default().iter().take(65).take_while(is_word).count();
        if at + right - start < shortest {
            return;
        }
        // What an escape leaves before a digest is no part of it.
        let escaped = match start.checked_sub(1).and_then(|at| bytes.get(at)) {
            Some(b'\\') => 1,
            Some(b'%') => 2,
            _ => 0,
        };
        let is_whole = self.whole_digest(text, start, keep);
        if !is_whole && escaped > 0 {
            self.whole_digest(text, start + escaped, keep);
        }
    }

    /// Whether the word that begins at `start` is a digest.
    fn whole_digest(self, text: Text<'_>, start: usize, keep: &mut Keep<'_>) -> bool {
        let bytes = text.bytes;
        let rest = bytes.get(start..).unwrap_or_default();
        let end = start + rest.iter().take(65).take_while(|byte| byte.is_ascii_alphanumeric()).count();
        let word = bytes.get(start..end).and_then(|word| std::str::from_utf8(word).ok());
        let Some(word) = word.filter(|word| name::is_digest(word)) else { return false };
        let cut = (start == 0 && text.cut_left)
            || (end == bytes.len() && text.cut_right)
            || letter_before(bytes.get(..start).unwrap_or_default())
            || letter_after(bytes.get(end..).unwrap_or_default());
        let ids = self.matcher.index.digests.get(&*host::lower(word));
        for id in ids.into_iter().flatten().filter(|_| !cut) {
            keep(start, medium(*id, text.form, word));
        }
        true
    }
}

fn medium(indicator: u32, form: Form, matched: &str) -> Hit<'_> {
    Hit { indicator, strength: Strength::Medium, form, matched: matched.into(), note: "" }
}

/// A path, or the name of a file, between characters that names do not have.
fn named(text: Text<'_>, span: Range<usize>, id: u32, keep: &mut Keep<'_>) {
    let before = text.bytes.get(..span.start).unwrap_or_default();
    let before = before.strip_suffix(b"/private").unwrap_or(before);
    let after = text.bytes.get(span.end..).unwrap_or_default();
    let cut = (before.is_empty() && text.cut_left) || (after.is_empty() && text.cut_right);
    if !cut
        && !is_name(before.last())
        && !is_name(after.first())
        && !letter_before(before)
        && !letter_after(after)
    {
        let matched = String::from_utf8_lossy(text.bytes.get(span.clone()).unwrap_or_default());
        keep(span.start, Hit { matched, ..medium(id, text.form, "") });
    }
}
