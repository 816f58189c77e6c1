//! SQLite databases of evidence: read through any [`ReadAt`], with the write-ahead log, without ever writing a byte.
//!
//! `image` lays the log's pages over the file, `vfs` shows the result to SQLite, and [`Database`] asks it in the schema that this
//! device happens to have. Rows that are deleted or replaced are looked for by `recover`. A damaged database can be salvaged by the caller's decision (`salvage`); what lies at an offset is explained
//! by `spot`, and `seams` joins what overflow pages tear apart.

mod carve;
mod image;
mod pages;
mod query;
mod record;
mod recover;
mod salvage;
mod schema;
mod seams;
mod spot;
mod vfs;
mod wal;

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, PrepFlags};

use crate::format::ReadAt;
use crate::record::Origin;
use image::{Chunks, Image, MAGIC, Overlay, Shared};
use vfs::{Mount, Watch};

pub use query::{Row, Statement};
pub use recover::{Confidence, Found, Recovered, recover};
pub use salvage::{Salvaged, salvage};
pub use seams::{Seam, seams};
pub use spot::{Map, Part, Space, Spot, Version, is_database, is_log};
pub use wal::{Stop, Wal};

/// How long one statement may run.
const TIME_LIMIT: Duration = Duration::from_secs(600);
/// The longest text, blob or row.
const MAX_VALUE_LEN: i32 = 64 << 20;
/// Tables listed; a schema of more is not a phone's.
const MAX_TABLES: usize = 10_000;

/// Why a database cannot be used, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    #[error("is empty")]
    Empty,
    #[error("is encrypted or no SQLite database")]
    Encrypted,
    #[error("is not an SQLite database")]
    NotADatabase,
    #[error("cannot be read: {0}")]
    Read(String),
    /// None of the queries fits: the tables that are there, for whoever extends the parser.
    #[error("has a schema that no query fits ({reason}); its tables: {}", tables.join(", "))]
    Schema { reason: String, tables: Vec<String> },
    #[error("is damaged: {reason} (after {rows} rows)")]
    Damaged { reason: String, rows: u64 },
    #[error("took longer than {} s to query (after {rows} rows)", TIME_LIMIT.as_secs())]
    TimedOut { rows: u64 },
    #[error("cannot be queried: {reason} (after {rows} rows)")]
    Query { reason: String, rows: u64 },
    /// The caller's own function gave up.
    #[error("{error:#} (after {rows} rows)")]
    Stopped { error: anyhow::Error, rows: u64 },
}

impl DatabaseError {
    /// True where salvaging single pages may give more than was read.
    pub fn is_damage(&self) -> bool {
        matches!(self, DatabaseError::Damaged { .. } | DatabaseError::Read(_))
    }

    fn new(error: &rusqlite::Error, watch: &Watch, rows: u64) -> DatabaseError {
        let failure = watch.take_failure();
        let reason = failure.clone().unwrap_or_else(|| reason(error));
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => DatabaseError::NotADatabase,
            Some(ErrorCode::OperationInterrupted) => DatabaseError::TimedOut { rows },
            Some(ErrorCode::DatabaseCorrupt) => DatabaseError::Damaged { reason, rows },
            // Without a failed read of ours an I/O error is SQLite's word for a file that ends early.
            Some(ErrorCode::SystemIoFailure) if failure.is_none() => DatabaseError::Damaged { reason, rows },
            Some(ErrorCode::SystemIoFailure) => DatabaseError::Read(format!("{reason} (after {rows} rows)")),
            _ => DatabaseError::Query { reason, rows },
        }
    }
}

/// SQLite's own words, without the SQL that rusqlite would repeat.
fn reason(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqliteFailure(_, Some(message)) => message.clone(),
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        other => other.to_string(),
    }
}

/// An opened database: the file with the committed frames of its write-ahead log laid over it.
pub struct Database<'a> {
    mount: Mount<'a>,
    /// What the image without the log is made of; absent where there is no log.
    base: Option<(Shared<'a>, u32)>,
    /// The image without the log, opened when a row's origin is first asked for.
    without_wal: OnceCell<Option<Mount<'a>>>,
    tables: Vec<String>,
    notes: Vec<String>,
    /// The words of all statements prepared so far, in lower case.
    asked: RefCell<BTreeSet<String>>,
}

impl<'a> Database<'a> {
    /// Opens an image read-only. `wal` is the `-wal` beside it, if there is one; one that does not belong is left out with a note.
    ///
    /// `Err`: not a database, encrypted, empty, or so damaged that not even its schema can be read.
    pub fn open(
        main: Box<dyn ReadAt + 'a>,
        wal: Option<Box<dyn ReadAt + 'a>>,
    ) -> Result<Database<'a>, DatabaseError> {
        let mut notes = Vec::new();
        let Folded { image, main, log } = fold(main, wal, &mut notes)?;
        let base = log.filter(|log| log.overlay.is_some()).map(|_| (main, image.page_size() as u32));
        let missing = image.missing_pages();
        if missing > 0 {
            notes.push(format!(
                "the file ends early: {missing} of {} pages are missing",
                image.size() / image.page_size()
            ));
        }
        let mount =
            Mount::open(image).map_err(|error| DatabaseError::Query { reason: reason(&error), rows: 0 })?;
        configure(mount.connection()).map_err(|error| DatabaseError::new(&error, mount.watch(), 0))?;
        Database::over(mount, base, notes)
    }

    fn over(
        mount: Mount<'a>,
        base: Option<(Shared<'a>, u32)>,
        mut notes: Vec<String>,
    ) -> Result<Database<'a>, DatabaseError> {
        mount.watch().allow(TIME_LIMIT);
        let mut tables = Vec::new();
        let mut listed = list_tables(mount.connection(), &mut tables);
        if listed.as_ref().is_err_and(|error| reason(error).contains("malformed database schema")) {
            // Lets SQLite pass over definitions it does not understand; nothing can be written in any case.
            notes
                .extend(listed.err().map(|error| format!("not all of it is understood: {}", reason(&error))));
            tables.clear();
            listed = tolerate_schema(mount.connection())
                .and_then(|()| list_tables(mount.connection(), &mut tables));
        }
        if let Err(error) = listed {
            let error = DatabaseError::new(&error, mount.watch(), 0);
            if tables.is_empty() {
                return Err(error);
            }
            notes.push(format!("the list of tables is incomplete: {error}"));
        }
        Ok(Database { mount, base, without_wal: OnceCell::new(), tables, notes, asked: RefCell::default() })
    }

    /// The real tables; views and virtual tables run code of the evidence's choosing and are not offered.
    pub fn tables(&self) -> &[String] {
        &self.tables
    }

    /// The columns of a table, in their order; none if it is not there.
    pub fn columns(&self, table: &str) -> Vec<String> {
        let sql = format!("PRAGMA table_xinfo({})", quoted(table));
        let mut columns = Vec::new();
        if let Ok(mut statement) = self.mount.connection().prepare(&sql)
            && let Ok(mut rows) = statement.query([])
        {
            while let Ok(Some(row)) = rows.next() {
                columns.extend(row.get_ref(1).ok().and_then(text));
            }
        }
        columns
    }

    /// Whether a statement prepared so far names this table or column.
    pub fn was_asked_for(&self, name: &str) -> bool {
        self.asked.borrow().contains(&name.to_lowercase())
    }

    /// What a user should know about how the image came about: frames of the log left out, pages missing.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// True if the log holds committed content.
    pub fn has_wal_frames(&self) -> bool {
        self.base.is_some()
    }

    /// Whether a row is, with all its columns, in the database file too, or only in the write-ahead log.
    ///
    /// [`Origin::Wal`] also where the file has another version of the row or cannot be read there.
    pub fn origin(&self, table: &str, rowid: i64) -> Origin {
        let Some((main, page_size)) = &self.base else { return Origin::Live };
        let sql = format!("SELECT * FROM {} WHERE rowid = ?", quoted(table));
        let Ok(folded) = one_row(&self.mount, &sql, rowid) else { return Origin::Live };
        let without_wal = self.without_wal.get_or_init(|| {
            let mount = Mount::open(Image::new(Arc::clone(main), None, *page_size)).ok()?;
            configure(mount.connection()).ok().map(|()| mount)
        });
        match without_wal.as_ref().map(|mount| one_row(mount, &sql, rowid)) {
            Some(Ok(row)) if row == folded => Origin::Live,
            _ => Origin::Wal,
        }
    }
}

/// A database file and its log, and the image of both.
struct Folded<'a> {
    image: Image<'a>,
    main: Shared<'a>,
    log: Option<Log<'a>>,
}

/// A write-ahead log, whether it is used or not.
struct Log<'a> {
    file: Shared<'a>,
    /// It is of this state of the database.
    belongs: bool,
    /// Its committed frames.
    overlay: Option<Arc<Overlay<'a>>>,
}

/// Reads headers and log.
fn fold<'a>(
    main: Box<dyn ReadAt + 'a>,
    wal: Option<Box<dyn ReadAt + 'a>>,
    notes: &mut Vec<String>,
) -> Result<Folded<'a>, DatabaseError> {
    let mut main = Chunks::new(main);
    let mut start = vec![0; 4096];
    let read = main.read(0, &mut start).map_err(|error| DatabaseError::Read(error.to_string()))?;
    start.truncate(read);
    let of_main = page_size(&start);
    let log = wal.map(Chunks::new).filter(|wal| wal.len() > 0).map(|mut file| {
        let used = belonging(Wal::parse(&mut file), &mut file, &start, of_main);
        let file = Arc::new(Mutex::new(file));
        let belongs = used.is_ok();
        let overlay = match used {
            Ok(wal) => {
                notes.extend(wal.note());
                (wal.frames > 0).then(|| Arc::new(Overlay { file: Arc::clone(&file), wal }))
            }
            Err(reason) => {
                notes.push(format!("the -wal is not used: it {reason}"));
                None
            }
        };
        Log { file, belongs, overlay }
    });
    let overlay = log.as_ref().and_then(|log| log.overlay.clone());
    let with_first_page = overlay.as_ref().filter(|overlay| overlay.wal.map.contains_key(&1));
    let page_size = match (of_main, with_first_page) {
        (Some(size), _) => size,
        (None, Some(overlay)) => overlay.wal.page_size,
        (None, None) if start.is_empty() => return Err(DatabaseError::Empty),
        (None, None) if looks_random(&start) => return Err(DatabaseError::Encrypted),
        (None, None) => return Err(DatabaseError::NotADatabase),
    };
    let main = Arc::new(Mutex::new(main));
    Ok(Folded { image: Image::new(Arc::clone(&main), overlay, page_size), main, log })
}

/// The page size in a database header, if it is one.
fn page_size(start: &[u8]) -> Option<u32> {
    if !start.starts_with(MAGIC) {
        return None;
    }
    match u32::from(u16::from_be_bytes([*start.get(16)?, *start.get(17)?])) {
        1 => Some(65536),
        size if size.is_power_of_two() && size >= 512 => Some(size),
        _ => None,
    }
}

/// The log, if it is one of this database.
fn belonging(
    wal: Result<Wal, String>,
    file: &mut Chunks<'_>,
    start: &[u8],
    page_size: Option<u32>,
) -> Result<Wal, String> {
    let wal = wal?;
    if let Some(page_size) = page_size
        && page_size != wal.page_size
    {
        return Err(format!("has pages of {} bytes, the database {page_size}", wal.page_size));
    }
    // Every commit that touches page 1 counts up there. A database that counted further has been written without this log since.
    let counter =
        |page: &[u8]| page.get(24..28).and_then(|bytes| bytes.first_chunk().copied()).map(u32::from_be_bytes);
    if page_size.is_some()
        && let Some(offset) = wal.map.get(&1)
    {
        let mut first = [0; 100];
        let read = file.read(*offset, &mut first).map_err(|error| format!("cannot be read: {error}"))?;
        if let (Some(log), Some(database)) = (counter(&first[..read]), counter(start))
            && (database.wrapping_sub(log) as i32) > 0
        {
            return Err(format!("belongs to an older state of the database (change {log}, now {database})"));
        }
    }
    Ok(wal)
}

/// Encrypted databases have no magic number, but nearly every byte value in their first page.
fn looks_random(start: &[u8]) -> bool {
    let mut seen = [false; 256];
    for byte in start {
        seen[usize::from(*byte)] = true;
    }
    // 1024 random bytes leave about 5 of the 256 values out; text and file headers leave out most.
    start.len() >= 1024 && seen.iter().filter(|seen| **seen).count() >= 230
}

/// Takes from SQLite everything that a hostile database could use.
fn configure(connection: &Connection) -> rusqlite::Result<()> {
    let switches = [
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
        // Else a missing column named in double quotes silently becomes a text.
        (DbConfig::SQLITE_DBCONFIG_DQS_DML, false),
        (DbConfig::SQLITE_DBCONFIG_DQS_DDL, false),
    ];
    for (switch, on) in switches {
        connection.set_db_config(switch, on)?;
    }
    let limits = [
        (Limit::SQLITE_LIMIT_LENGTH, MAX_VALUE_LEN),
        (Limit::SQLITE_LIMIT_SQL_LENGTH, 1 << 20),
        (Limit::SQLITE_LIMIT_EXPR_DEPTH, 200),
        (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 50),
        (Limit::SQLITE_LIMIT_VDBE_OP, 1 << 20),
        (Limit::SQLITE_LIMIT_ATTACHED, 0),
        (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1000),
        (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 1),
        (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
    ];
    for (limit, value) in limits {
        connection.set_limit(limit, value)?;
    }
    connection.execute_batch(
        "PRAGMA query_only = ON; PRAGMA temp_store = MEMORY; PRAGMA cell_size_check = ON;
         PRAGMA mmap_size = 0; PRAGMA cache_size = -4096;",
    )
}

fn tolerate_schema(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, false)?;
    connection.execute_batch("PRAGMA writable_schema = ON")
}

/// Adds to `tables` what can be listed before an error.
fn list_tables(connection: &Connection, tables: &mut Vec<String>) -> rusqlite::Result<()> {
    // rootpage 0: a virtual table.
    let sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND rootpage > 0";
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    while tables.len() < MAX_TABLES
        && let Some(row) = rows.next()?
    {
        tables.extend(row.get_ref(0).ok().and_then(text));
    }
    Ok(())
}

fn text(value: ValueRef<'_>) -> Option<String> {
    match value {
        ValueRef::Text(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        _ => None,
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The values of a row, `None` where there is no such row.
fn one_row(
    mount: &Mount<'_>,
    sql: &str,
    rowid: i64,
) -> rusqlite::Result<Option<Vec<rusqlite::types::Value>>> {
    mount.watch().allow(TIME_LIMIT);
    let mut statement = mount.connection().prepare_with_flags(sql, PrepFlags::SQLITE_PREPARE_NO_VTAB)?;
    let columns = statement.column_count();
    let mut rows = statement.query([rowid])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    (0..columns).map(|column| row.get_ref(column).map(owned)).collect::<rusqlite::Result<_>>().map(Some)
}

/// A copy to compare; text as bytes, since it need not be UTF-8.
fn owned(value: ValueRef<'_>) -> rusqlite::types::Value {
    match value {
        ValueRef::Null => rusqlite::types::Value::Null,
        ValueRef::Integer(int) => rusqlite::types::Value::Integer(int),
        // Bits, so that an equal row is equal whatever its numbers are.
        ValueRef::Real(real) => rusqlite::types::Value::Integer(real.to_bits() as i64),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => rusqlite::types::Value::Blob(bytes.to_vec()),
    }
}

#[cfg(test)]
mod tests;
