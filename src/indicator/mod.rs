//! Indicators: loading what was published, and matching values against it. No artifact and no container is known here.

mod build;
mod bytes;
mod catalogue;
mod decode;
#[cfg(test)]
mod examples;
mod found;
mod host;
mod index;
mod intake;
mod journal;
pub mod lint;
mod list;
mod load;
mod matcher;
mod mentions;
mod name;
mod path;
pub mod pattern;
pub mod set;
mod sieve;
mod stix;
mod sweep;
mod text;
mod web;

pub use build::{BuildError, Built, build, write};
pub use catalogue::{Header, bundled};
pub use load::{LoadError, from_env, load, mvt_folders};
pub use matcher::Matcher;
pub use mentions::mentions;
pub use set::{Campaign, Form, Hit, Indicator, IndicatorSet, Ioc, Platform, Role, Skipped, Source, Strength};
pub use sweep::{Sweeper, Unswept};
