//! Every byte of every file against every indicator that means something without its field.
//!
//! A filter that runs at the speed of memory (`grams`, and `dots` for what is too short or too much for it) names the places that may
//! hold an indicator; a comparison of the whole word settles nearly all of them, and what is left is judged (`judge`) by the rules
//! for raw bytes in its neighbourhood. Text of two bytes a character is searched as the same text of one.
//!
//! Not looked for: names written backwards, addresses in hexadecimal or as one number, other spellings of a mailbox, the host of a
//! URL indicator without its path, and whatever [`Sweeper::left_out`] lists. Compressed and encrypted bytes say nothing.

mod dots;
mod grams;
mod judge;
#[cfg(test)]
mod tests;
mod wide;
mod word;

use std::collections::BTreeMap;

use dots::Dots;
use grams::Grams;
use judge::Text;
use word::{Literal, Sorted};

use super::matcher::Matcher;
use super::{Form, Hit};

/// Why an indicator is not looked for in raw bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unswept {
    /// A process name, property or profile: it means nothing without its field.
    Field,
    /// A path, file name or property of another system than the evidence's.
    Foreign,
    /// So short, or so ordinary, that bytes hold it by chance.
    Ordinary,
    /// A network of addresses has no spelling to look for.
    Network,
    /// No value that can be applied: a public suffix, a private address, a digest of odd length.
    Unusable,
    /// Longer than the neighbourhood that is looked at.
    Long,
}

impl Unswept {
    /// Why, in words that fit after a number of indicators.
    pub fn reason(self) -> &'static str {
        match self {
            Unswept::Field => "names of processes, properties and profiles mean nothing without their field",
            Unswept::Foreign => "of another system",
            Unswept::Ordinary => "too short or too ordinary to mean anything in raw bytes",
            Unswept::Network => "networks of addresses have no spelling to look for",
            Unswept::Unusable => "not applied anywhere",
            Unswept::Long => "too long to be looked for in raw bytes",
        }
    }
}

/// The filter, built once a matcher.
pub(super) struct Engine {
    literals: Vec<Literal>,
    grams: Grams,
    dots: Dots,
    shortest_digest: Option<usize>,
    left_out: Vec<(u32, Unswept)>,
    plain_only: usize,
}

impl Engine {
    fn new(matcher: &Matcher) -> Engine {
        let sorted = Sorted::new(&matcher.set, matcher.platform);
        let grams = Grams::new(&sorted.literals);
        let dots = Dots::new(&sorted.dotted);
        Engine {
            literals: sorted.literals,
            grams,
            dots,
            shortest_digest: matcher.index.digests.keys().map(|digest| digest.len()).min(),
            left_out: sorted.left_out,
            plain_only: sorted.plain_only,
        }
    }
}

/// Searches raw bytes for the indicators of a matcher. Cheap to copy; any number of threads may use one.
#[derive(Clone, Copy)]
pub struct Sweeper<'m> {
    matcher: &'m Matcher,
    engine: &'m Engine,
}

impl Matcher {
    /// Ready to search raw bytes; the first call builds what it takes.
    pub fn sweeper(&self) -> Sweeper<'_> {
        Sweeper { matcher: self, engine: self.engine.get_or_init(|| Engine::new(self)) }
    }
}

/// How much is searched in one way before the next.
const BLOCK: usize = 16 << 10;

impl<'m> Sweeper<'m> {
    /// How many bytes before and after a part of a file have to be given with it, so that the part is searched as it would be in
    /// the whole file. Fewer only at the file's ends.
    pub const CONTEXT: usize = 4096;

    /// Calls `each` with the offset into `bytes` of every hit that begins in `from..to`, in order of offset and indicator.
    ///
    /// `bytes` holds [`Sweeper::CONTEXT`] bytes before and after that part. An indicator is told once an offset, in its strongest
    /// form; no hit is stronger than medium. What was written in an encoding has the offset of the encoded text.
    pub fn sweep(&self, bytes: &[u8], from: usize, to: usize, each: &mut dyn FnMut(usize, Hit<'static>)) {
        let to = to.min(bytes.len());
        let mut hits: BTreeMap<(usize, u32), Hit<'static>> = BTreeMap::new();
        let mut keep = |offset: usize, hit: Hit<'_>| {
            if !(from..to).contains(&offset) {
                return;
            }
            let known = hits.get(&(offset, hit.indicator));
            if known.is_none_or(|known| (known.strength, hit.form) < (hit.strength, known.form)) {
                let matched = hit.matched.into_owned().into();
                hits.insert((offset, hit.indicator), Hit { matched, ..hit });
            }
        };
        // A hit may begin before or after the word that led to it, by less than half of the context.
        let around = Self::CONTEXT / 2;
        let (start, end) = (from.saturating_sub(around), to.saturating_add(around).min(bytes.len()));
        let text = Text { bytes, form: Form::Carved, cut_left: false, cut_right: false };
        let mut wide_to = start;
        let mut block = start;
        while block < end {
            // Small enough to stay near while it is searched in several ways.
            let block_end = end.min(block + BLOCK);
            self.narrow(text, block, block_end, &mut keep);
            wide_to = wide::each_run(bytes, block, block_end, wide_to, &mut |run| {
                let mut inner = |offset: usize, hit: Hit<'_>| keep(run.start + offset * 2, hit);
                let from = start.saturating_sub(run.start) / 2;
                let to = end.saturating_sub(run.start).div_ceil(2);
                self.run(&run, from, to, &mut inner);
            });
            block = block_end;
        }
        for ((offset, _), hit) in hits {
            each(offset, hit);
        }
    }

    /// Indicators that are not looked for in raw bytes, in the order of the set.
    pub fn left_out(&self) -> &'m [(u32, Unswept)] {
        &self.engine.left_out
    }

    /// How many of the others are found as they are written only, and not in base64 or with disguised dots: the set is too large.
    pub fn plain_only(&self) -> usize {
        self.engine.plain_only
    }
}
