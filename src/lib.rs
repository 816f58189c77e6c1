//! hoofprint finds the traces that published spyware indicators describe in phone acquisitions.

pub mod artifact;
pub mod heuristic;
pub mod scan;
pub mod report;
pub mod cli;
pub mod finding;
pub mod format;
pub mod heuristic;
pub mod indicator;
pub mod record;
pub mod source;
pub mod time;
