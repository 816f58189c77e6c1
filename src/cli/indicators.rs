//! `indicators`: what is loaded and from where, what a value would match, and sets made from sets. One file a verb.

pub(super) mod build;
pub(super) mod explain;
pub(super) mod list;
pub(super) mod show;
pub(super) mod stats;

use std::fmt::Write as _;

use clap::ValueEnum;
use serde::Serialize;

use super::{Failure, IndicatorsVerb, print_all};
use crate::indicator::Counts;

/// How a verb answers.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// For people
    Text,
    /// One JSON object
    Json,
}

pub(super) fn run(verb: &IndicatorsVerb, verbose: bool) -> Result<u8, Failure> {
    match verb {
        IndicatorsVerb::Build(arguments) => build::run(arguments),
        IndicatorsVerb::Explain(arguments) => explain::run(arguments, verbose),
        IndicatorsVerb::List(arguments) => list::run(arguments),
        IndicatorsVerb::Show(arguments) => show::run(arguments, verbose),
        IndicatorsVerb::Stats(arguments) => stats::run(arguments),
    }
}

/// Prints an object as JSON with a final line end.
fn print_json(object: &impl Serialize) -> Result<(), Failure> {
    let mut text = serde_json::to_string_pretty(object).map_err(|error| Failure::Print(error.into()))?;
    text.push('\n');
    print_all(&text)
}

/// `3 domain, 1 ip`
fn counted(counts: &Counts) -> String {
    let parts: Vec<String> = counts.iter().map(|(word, count)| format!("{count} {word}")).collect();
    parts.join(", ")
}

/// ` (2 years old)` for a date; empty where it is none.
fn age(date: &str) -> String {
    let Ok(date) = date.parse::<jiff::civil::Date>() else { return String::new() };
    let today = jiff::tz::TimeZone::UTC.to_datetime(jiff::Timestamp::now()).date();
    let days = today.duration_since(date).as_hours() / 24;
    let mut text = String::new();
    let _ = match days {
        ..0 => Ok(()),
        0..60 => write!(text, " ({days} days old)"),
        60..730 => write!(text, " ({} months old)", days / 30),
        _ => write!(text, " ({} years old)", days / 365),
    };
    text
}
