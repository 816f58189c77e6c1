//! Tests of indicator sets: values, records and whole acquisitions that must match, how gravely, and what must not.
//!
//! [`read`] takes the text of a file of tests, [`Bench`] holds it against a set. Which files are read, and how the outcome is written,
//! is the caller's business; harmless values are [`crate::indicator::benign`]'s.

mod file;
mod judge;
pub mod rules;
mod words;

pub use file::{Expected, Flaw, Given, Test, Tests, read};
pub use judge::{Bench, Fault, Judgement, untested, without_self_match};
