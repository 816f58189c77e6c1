//! Indicators: loading what was published, and matching values against it. No artifact and no container is known here.

mod bytes;
mod decode;
#[cfg(test)]
mod examples;
mod found;
mod host;
mod index;
pub mod matcher;
mod name;
mod path;
pub mod set;
mod text;
mod web;

pub use matcher::Matcher;
pub use set::{Campaign, Form, Hit, Indicator, IndicatorSet, Ioc, Platform, Role, Skipped, Source, Strength};
