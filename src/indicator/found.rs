//! What the rules have found in one value so far: one hit an indicator, the strongest form of it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::{Form, Hit, Strength};

/// The most a match may say in the place where it is looked for, and the form that names the place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cap {
    pub strength: Strength,
    pub form: Form,
}

impl Cap {
    pub const NONE: Cap = Cap { strength: Strength::Certain, form: Form::Exact };
    pub const IN_TEXT: Cap = Cap { strength: Strength::Strong, form: Form::InText };
    pub const NESTED: Cap = Cap { strength: Strength::Medium, form: Form::Nested };
    pub const CONTEXT: Cap = Cap { strength: Strength::Weak, form: Form::Context };

    pub fn medium(form: Form) -> Cap {
        Cap { strength: Strength::Medium, form }
    }

    pub fn weak(form: Form) -> Cap {
        Cap { strength: Strength::Weak, form }
    }

    /// The lower of two; of equals the outer one.
    pub fn and(self, inner: Cap) -> Cap {
        if inner.strength < self.strength { inner } else { self }
    }
}

/// Hits in indicator order. Nothing is allocated before the first.
pub(super) struct Found<'a> {
    origin: &'a str,
    pub hits: BTreeMap<u32, Hit<'a>>,
}

impl<'a> Found<'a> {
    pub fn new(origin: &'a str) -> Found<'a> {
        Found { origin, hits: BTreeMap::new() }
    }

    pub fn add(
        &mut self,
        indicator: u32,
        cap: Cap,
        (strength, form): (Strength, Form),
        matched: &str,
        note: &'static str,
    ) {
        let (strength, form) =
            if strength > cap.strength { (cap.strength, cap.form) } else { (strength, form) };
        if self.hits.get(&indicator).is_none_or(|known| known.strength < strength) {
            let matched = self.borrowed(matched);
            self.hits.insert(indicator, Hit { indicator, strength, form, matched, note });
        }
    }

    /// A part of the value is borrowed from it; what a decoding step made is kept.
    fn borrowed(&self, part: &str) -> Cow<'a, str> {
        let offset = (part.as_ptr() as usize).checked_sub(self.origin.as_ptr() as usize);
        offset
            .and_then(|start| self.origin.get(start..start.checked_add(part.len())?))
            .filter(|same| std::ptr::eq(same.as_ptr(), part.as_ptr()))
            .map_or_else(|| Cow::Owned(part.to_owned()), Cow::Borrowed)
    }
}
