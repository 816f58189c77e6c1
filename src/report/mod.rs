//! What comes out: the terminal's words and the output folder. Nothing here reads evidence.

pub mod against;
pub mod ci;
pub mod finding;
pub mod folder;
pub mod mvt;
pub mod results;
mod spool;
pub mod store;
pub mod stores;
mod suspicious;
pub mod terminal;
mod timeline;
pub mod timesketch;
pub mod verdict;
pub mod words;

/// Version of every written format; additions do not change it.
pub const SCHEMA_VERSION: u32 = 1;
