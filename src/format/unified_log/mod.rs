//! Apple's unified logs: `tracev3` files, their strings (`uuidtext`, shared cache) and their clocks (`timesync`).
//!
//! A log is read in stages, each cheaper than the next: [`inventory`] asks the catalogs who logged and what each process had loaded,
//! [`for_each_decompressed`] gives the bytes for a search, [`Resolver`] makes messages of them. Where the files lie in an archive and
//! what is suspicious in them is left to others.
//!
//! Numbers are little-endian except image and boot UUIDs. The layouts are those of libyal's *Apple Unified Logging and Activity
//! Tracing formats* and of the crate `macos-unifiedlogs`, which also assembles the messages.

mod bytes;
pub mod catalog;
pub mod chunk;
mod chunkset;
pub mod dsc;
mod dump;
mod entry;
pub mod inventory;
mod lzbitmap;
mod oversize;
mod resolve;
mod strings;
#[cfg(test)]
mod tests;
mod text;
pub mod timesync;
pub mod uuidtext;

#[cfg(test)]
#[path = "../../../tests/phone/unified_log.rs"]
mod writer;

pub use bytes::Uuid;
pub use catalog::Catalog;
pub use chunk::{Chunkset, Walked, for_each_decompressed};
pub use entry::Entry;
pub use inventory::Inventory;
pub use oversize::Oversize;
pub use resolve::{Resolver, Unresolved};
pub use strings::{StringFiles, Strings};
pub use text::text_runs;
pub use timesync::Clock;

/// A place that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Bytes from the start of the file.
    pub offset: u64,
    /// What is wrong there, as a lower-case fragment.
    pub reason: String,
}

/// The damage of one file: the first places in full, the others counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Damages {
    pub places: Vec<Damage>,
    /// Places beyond those listed.
    pub more: u64,
}

impl Damages {
    const LISTED: usize = 50;

    fn add(&mut self, offset: u64, reason: impl Into<String>) {
        if self.places.len() < Self::LISTED {
            self.places.push(Damage { offset, reason: reason.into() });
        } else {
            self.more += 1;
        }
    }

    /// Whether nothing was damaged.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }
}
