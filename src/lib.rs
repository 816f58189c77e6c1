//! hoofprint finds the traces that published spyware indicators describe in phone acquisitions.

pub mod format;
pub mod indicator;
pub mod record;
pub mod source;
pub mod time;
