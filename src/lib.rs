//! hoofprint finds the traces that published spyware indicators describe in phone acquisitions, and writes a timeline of them.
//!
//! The modules are layers; each uses those before it only, and `tests/it/layers.rs` holds them to it:
//!
//! [`time`], [`record`] → [`format`] → [`source`] → [`indicator`] → [`finding`] → [`artifact`] → [`heuristic`] → [`scan`] → [`report`] → [`cli`]
//!
//! - [`source::open`] turns a container into device paths and bytes. The evidence is never changed, and nothing decrypted touches a disk.
//! - [`indicator::load`] reads published sets; [`indicator::Matcher`] matches values against them by the kind of their column.
//! - [`scan::scan`] brings both together: files are routed to the [`artifact`]s that read them, records are matched as they pass, and the
//!   [`heuristic`]s judge what they asked to keep.
//! - [`report`] writes the output folder and the words for the terminal.
//!
//! What was absent, unreadable or unsupported is part of every result. Nothing here opens a socket.

pub mod artifact;
pub mod cli;
pub mod finding;
pub mod format;
pub mod heuristic;
pub mod indicator;
pub mod record;
pub mod report;
pub mod scan;
pub mod source;
pub mod time;
