//! Indicators: loading what was published, and matching values against it. No artifact and no container is known here.

pub mod benign;
mod build;
mod bytes;
mod catalogue;
mod decode;
mod diff;
#[cfg(test)]
mod examples;
mod export;
#[cfg(feature = "update")]
mod fetch;
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
mod misp;
mod name;
mod path;
pub mod pattern;
#[cfg(test)]
mod properties;
pub mod set;
mod sieve;
mod stix;
mod summary;
mod sweep;
mod text;
pub mod trial;
mod web;

pub use build::{BuildError, Built, build};
pub use catalogue::{Header, bundled};
pub use diff::{Change, Changed, Difference, Listed, diff};
pub use export::{FileForm, List, lists, write};
#[cfg(feature = "update")]
pub use fetch::{FetchError, Fetched, Limits, MVT_INDEX, Outcome, fetch};
pub use load::{LoadError, from_env, load, mvt_folders, own_folder};
pub use matcher::Matcher;
pub use mentions::mentions;
pub use set::{Campaign, Form, Hit, Indicator, IndicatorSet, Ioc, Platform, Role, Skipped, Source, Strength};
pub use summary::{CampaignSummary, Counts, SourceSummary, Summary, summary};
pub use sweep::{Sweeper, Unswept};
