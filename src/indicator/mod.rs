//! Indicators: loading what was published, and matching values against it. No artifact and no container is known here.

pub mod pattern;
pub mod set;

pub use set::{Campaign, Form, Hit, Indicator, IndicatorSet, Ioc, Role, Skipped, Source, Strength};
