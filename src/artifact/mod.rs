//! Artifacts: what lies where on a phone, how it is read and what its columns mean. One artifact, one file, one word in the list.
//!
//! An artifact names device paths and stores facts. It knows no container, judges nothing and touches no file: that is what lets one
//! parser serve every acquisition.

mod adb_state;
pub mod android;
mod android_text;
mod biome;
mod certificates;
mod core_data;
mod crash;
pub(crate) mod image;
mod install_facts;
mod intrusion;
pub mod ios;
mod json;
mod knowledge;
mod line;
mod links;
mod logcat;
mod other;
mod out;
mod package_dump;
mod powerlog;
pub(crate) mod property_list;
mod protobuf_stream;
mod read;
mod resolver_table;
mod security_analytics;
mod settings;
mod spindump;
pub mod sweep;
pub mod sysdiagnose;
#[cfg(test)]
pub mod testing;
mod text_log;
mod tombstone;
mod whatsapp;

use std::sync::LazyLock;

pub use line::Line;
pub use other::NAME as OTHER;
pub use out::{Out, Record, Sink};
pub use read::{read_database, read_present_tables, read_tables, read_telling_tables};

use crate::format::sqlite::{Database, Row};
use crate::format::text::Lines;
use crate::record::{Column, Kind, Trace};
use crate::source::{System, VirtualFile};

/// A declaration with a function only where the format needs one.
pub struct Artifact {
    /// `ios.calls`: the path of its file in this folder.
    pub id: &'static str,
    pub title: &'static str,
    /// One sentence for a reader who has never heard of it.
    pub about: &'static str,
    /// Globs over absolute device paths; `*` stays within a component, `**` crosses them.
    pub files: &'static [&'static str],
    pub columns: &'static [Column],
    /// What a match in its records would mean; a [`crate::record::Kind::Direction`] column says otherwise for what was sent.
    pub shows: Trace,
    /// The timeline's sentence, with `{column}`.
    pub line: &'static str,
    pub parse: Parse,
}

/// How the bytes of a file become records.
#[derive(Clone, Copy)]
pub enum Parse {
    /// Queries, newest schema first; the first that this database can answer is used. The first result column is the row id in
    /// `table`, the others are the artifact's columns in order. `{t.column}` stands for NULL where a schema lacks the column.
    Sqlite { table: &'static str, queries: &'static [&'static str] },
    /// The same with a function that makes the records of a row.
    Rows {
        table: &'static str,
        queries: &'static [&'static str],
        row: fn(&Row<'_>, &mut Out<'_>) -> anyhow::Result<()>,
    },
    /// A database whose table names vary.
    Database(fn(&Database<'_>, &mut Out<'_>) -> anyhow::Result<()>),
    /// A database that other databases explain: the files of these globs that are there and can be opened are handed in beside it.
    Explained {
        by: &'static [&'static str],
        parse: fn(&Database<'_>, &[Beside<'_>], &mut Out<'_>) -> anyhow::Result<()>,
    },
    /// A property list, XML or binary.
    Plist(fn(&plist::Value, &mut Out<'_>) -> anyhow::Result<()>),
    /// Text, line by line.
    Text(fn(&mut Lines<'_>, &mut Out<'_>) -> anyhow::Result<()>),
    /// The whole file in memory, up to `most` bytes.
    Bytes { most: u64, parse: fn(&[u8], &mut Out<'_>) -> anyhow::Result<()> },
    /// The first bytes of each file.
    Head { bytes: usize, parse: fn(&[u8], &mut Out<'_>) },
    /// A part of the unified log, which only makes sense together with the others.
    UnifiedLog(LogPart),
    /// The listing itself: every file of the acquisition, contents unread.
    Listing(fn(&VirtualFile, &mut Out<'_>)),
    /// Raw bytes, searched for indicators.
    Sweep,
}

/// What a file is to the unified log.
#[derive(Clone, Copy)]
pub enum LogPart {
    /// `tracev3`: entries, and who wrote them.
    Entries,
    /// `timesync`: when each boot was.
    Clocks,
    /// `uuidtext`: the path and the texts of a program or library.
    Image(fn(&[u8], &mut Out<'_>) -> anyhow::Result<()>),
}

impl Parse {
    pub fn is_database(&self) -> bool {
        matches!(
            self,
            Parse::Sqlite { .. } | Parse::Rows { .. } | Parse::Database(_) | Parse::Explained { .. }
        )
    }

    /// Globs of the files that are read beside its own.
    pub fn beside(&self) -> &'static [&'static str] {
        match self {
            Parse::Explained { by, .. } => by,
            _ => &[],
        }
    }
}

/// An opened database that explains another.
pub struct Beside<'a> {
    /// On the device.
    pub path: &'a str,
    pub database: Database<'a>,
}

impl Artifact {
    /// Whether phones of this family can have it.
    pub fn is_of(&self, system: System) -> bool {
        let android = self.id.starts_with("android.");
        matches!(self.parse, Parse::Sweep) || android == (system == System::Android)
    }

    /// True where records can only be timed once the whole acquisition was seen, because its clock is told anywhere in it.
    pub fn needs_clock(&self) -> bool {
        self.columns.iter().any(|column| matches!(column.kind, Kind::Time(epoch) if epoch.needs_clock()))
    }
}

/// Every artifact, in the order in which results are listed.
pub fn all() -> &'static [&'static Artifact] {
    static ALL: LazyLock<Vec<&'static Artifact>> =
        LazyLock::new(|| [ios::ALL, sysdiagnose::ALL, android::ALL, &[&sweep::ARTIFACT]].concat());
    &ALL
}

/// The artifact of an id.
pub fn find(id: &str) -> Option<&'static Artifact> {
    all().iter().copied().find(|artifact| artifact.id == id)
}

/// Declares the artifact files of a folder and lists them.
macro_rules! artifacts {
    ($($name:ident)*) => {
        $(pub mod $name;)*
        pub const ALL: &[&crate::artifact::Artifact] = &[$(&$name::ARTIFACT),*];
    };
}
pub(crate) use artifacts;

/// What an artifact file needs.
pub mod prelude {
    pub use anyhow::{Context as _, Result};

    pub use std::collections::HashMap;

    pub use super::{
        Artifact, Beside, LogPart, Out, Parse, read_present_tables, read_tables, read_telling_tables,
    };
    pub use crate::format::sqlite::{Database, Row};
    pub use crate::format::text::Lines;
    pub use crate::format::unified_log::{Clock as LogClock, Entry, Uuid, inventory::Logged};
    pub use crate::record::{
        Column, Kind, Moment, Place, Trace, Value, app_id, boolean, bytes, caveat, direction, email,
        fact_time, hash, host, int, message, path, phone, process, profile_id, property, real, text, time,
        url,
    };
    pub use crate::source::VirtualFile;
    pub use crate::time::{Epoch, Precision};
}
