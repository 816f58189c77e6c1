//! The words of tests for what the matcher and the findings say, in both directions.

use serde::Serialize;

use crate::finding::Level;
use crate::indicator::{Form, Ioc, Strength};
use crate::record::Trace;

const FORMS: [Form; 23] = [
    Form::Exact,
    Form::Subdomain,
    Form::UrlPrefix,
    Form::BelowPath,
    Form::InText,
    Form::WebkitOrigin,
    Form::Nested,
    Form::Defanged,
    Form::Base64,
    Form::Utf16,
    Form::QuotedPrintable,
    Form::HtmlEntity,
    Form::ReversedHost,
    Form::DnsWire,
    Form::Carved,
    Form::PathSuffix,
    Form::Truncated,
    Form::CaseDiffers,
    Form::BaseName,
    Form::Component,
    Form::Alias,
    Form::Contains,
    Form::Context,
];

const STRENGTHS: [Strength; 4] = [Strength::Weak, Strength::Medium, Strength::Strong, Strength::Certain];

const TRACES: [Trace; 10] = [
    Trace::Mentioned,
    Trace::Received,
    Trace::Stored,
    Trace::Logged,
    Trace::Resolved,
    Trace::Visited,
    Trace::Policy,
    Trace::Installed,
    Trace::Tampered,
    Trace::Executed,
];

/// The word under which a value is written in every output.
pub(super) fn word(value: impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

/// The value of a word; `_` counts as `-`, and case does not count.
fn named<T: Serialize + Copy>(all: &[T], text: &str) -> Option<T> {
    let wanted = text.replace('_', "-");
    all.iter().copied().find(|one| word(*one).eq_ignore_ascii_case(&wanted))
}

pub(super) fn form(text: &str) -> Option<Form> {
    named(&FORMS, text)
}

pub(super) fn strength(text: &str) -> Option<Strength> {
    named(&STRENGTHS, text)
}

pub(super) fn trace(text: &str) -> Option<Trace> {
    named(&TRACES, text)
}

pub(super) fn ioc(text: &str) -> Option<Ioc> {
    named(&Ioc::ALL, text)
}

/// `info` is what `--fail-on` calls it.
pub(super) fn level(text: &str) -> Option<Level> {
    if text.eq_ignore_ascii_case("info") { Some(Level::Informational) } else { named(&Level::ALL, text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_go_both_ways() {
        assert!(FORMS.iter().all(|one| form(&word(one)) == Some(*one)));
        assert!(TRACES.iter().all(|one| trace(&word(one)) == Some(*one)));
        assert!(Ioc::ALL.iter().all(|one| ioc(one.name()) == Some(*one)));
        assert_eq!(
            (form("below_path"), strength("Certain"), level("info"), level("high")),
            (Some(Form::BelowPath), Some(Strength::Certain), Some(Level::Informational), Some(Level::High))
        );
        assert_eq!((form("x"), strength(""), level("severe")), (None, None, None));
    }
}
