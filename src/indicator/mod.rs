//! Indicators: loading what was published, and matching values against it. No artifact and no container is known here.

mod intake;
pub mod pattern;
pub mod set;
mod stix;

pub use set::{Campaign, Form, Hit, Indicator, IndicatorSet, Ioc, Role, Skipped, Source, Strength};
