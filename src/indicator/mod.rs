//! Indicators: loading what was published, and matching values against it. No artifact and no container is known here.

mod build;
mod catalogue;
mod intake;
mod list;
mod load;
pub mod pattern;
pub mod set;
mod stix;

pub use build::{BuildError, Built, build, write};
pub use catalogue::{Header, bundled};
pub use load::{LoadError, from_env, load, mvt_folders};
pub use set::{Campaign, Form, Hit, Indicator, IndicatorSet, Ioc, Role, Skipped, Source, Strength};
