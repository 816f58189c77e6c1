//! Tables as a database's own schema defines them, understood by SQLite in a scratch database that holds nothing else.

use std::time::Duration;

use rusqlite::Connection;

use super::pages::Pages;
use super::record::Field;
use super::vfs::Mount;
use super::{MAX_TABLES, configure, quoted, reason, text};

const MAX_COLUMNS: usize = 2000;
/// One definition is given this long to be understood.
const SCHEMA_TIME: Duration = Duration::from_secs(5);

/// A table or index as the schema names it.
pub(super) struct Entry {
    pub name: String,
    /// The table an index is of.
    pub table: String,
    pub is_table: bool,
    pub root: u32,
    sql: String,
}

/// What has pages of its own. The schema's own table is not among it.
pub(super) fn entries(pages: &mut Pages<'_, '_>) -> Vec<Entry> {
    let mut entries = Vec::new();
    pages.walk(1, &mut |_, fields| {
        if let [Field::Text(kind), Field::Text(name), Field::Text(table), Field::Int(root), rest @ ..] =
            fields
            && (kind == b"table" || kind == b"index")
            && let Ok(root @ 2..) = u32::try_from(*root)
        {
            let string = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let sql = match rest {
                [Field::Text(sql), ..] => string(sql),
                _ => String::new(),
            };
            let is_table = kind == b"table";
            entries.push(Entry { name: string(name), table: string(table), is_table, root, sql });
        }
        entries.len() < MAX_TABLES
    });
    entries
}

/// A table and what its records hold.
pub(super) struct Table {
    pub name: String,
    /// A name of the row id that no column hides.
    pub rowid: &'static str,
    pub columns: Vec<Column>,
}

pub(super) struct Column {
    pub name: String,
    pub affinity: &'static str,
    default: Option<String>,
    /// It stands for the row id, and its field in the record is NULL.
    pub is_rowid: bool,
    /// It has a field in the record; virtual generated columns have none.
    pub stored: bool,
    pub not_null: bool,
    /// Rows from before it was added may lack it even if it is never NULL.
    pub has_default: bool,
}

impl Entry {
    /// Lets SQLite read the definition in a database of its own. `Err`: why it is not a table with row ids that can be understood.
    pub fn table(&self) -> Result<Table, String> {
        let said = |error: rusqlite::Error| reason(&error);
        let starts = self.sql.get(..13).is_some_and(|start| start.eq_ignore_ascii_case("CREATE TABLE "));
        if !starts || self.name.starts_with("sqlite_") {
            return Err("it is not a plain table".into());
        }
        let scratch = Connection::open_in_memory().map_err(said)?;
        configure(&scratch).map_err(said)?;
        scratch.execute_batch("PRAGMA query_only = OFF; PRAGMA max_page_count = 64").map_err(said)?;
        let scratch = Mount::memory(scratch);
        scratch.watch().allow(SCHEMA_TIME);
        scratch.connection().execute(&self.sql, []).map_err(said)?;
        let name = scratch
            .connection()
            .query_row("SELECT name FROM sqlite_master WHERE type = 'table'", [], |row| {
                Ok(text(row.get_ref(0)?))
            })
            .map_err(said)?
            .ok_or("it has no name")?;
        let without_rowid =
            scratch
                .connection()
                .query_row(&format!("PRAGMA table_list({})", quoted(&name)), [], |row| row.get::<_, bool>(4));
        if without_rowid.map_err(said)? {
            return Err("it is WITHOUT ROWID".into());
        }
        let columns = columns(scratch.connection(), &name).map_err(said)?;
        let hidden = |rowid: &&str| !columns.iter().any(|column| column.name.eq_ignore_ascii_case(rowid));
        let rowid = ["rowid", "_rowid_", "oid"].into_iter().find(hidden).ok_or("its row id has no name")?;
        Ok(Table { name: self.name.clone(), rowid, columns })
    }
}

fn columns(connection: &Connection, table: &str) -> rusqlite::Result<Vec<Column>> {
    let mut statement = connection.prepare(&format!("PRAGMA table_xinfo({})", quoted(table)))?;
    let mut rows = statement.query([])?;
    let mut columns = Vec::new();
    let mut key_columns = 0;
    while columns.len() < MAX_COLUMNS
        && let Some(row) = rows.next()?
    {
        let declared = text(row.get_ref(2)?).unwrap_or_default().to_uppercase();
        let key = row.get::<_, i64>(5)?;
        key_columns += i64::from(key > 0);
        let default = text(row.get_ref(4)?);
        columns.push(Column {
            name: text(row.get_ref(1)?).unwrap_or_default(),
            affinity: affinity(&declared),
            has_default: default.is_some(),
            default: default.filter(|default| is_literal(default)),
            is_rowid: key > 0 && declared == "INTEGER",
            stored: row.get::<_, i64>(6)? != 2,
            not_null: row.get::<_, i64>(3)? != 0,
        });
    }
    for column in &mut columns {
        column.is_rowid &= key_columns == 1;
    }
    Ok(columns)
}

/// SQLite's rules for declared types: integral numbers of a REAL column are stored as integers, so this is needed to read them.
fn affinity(declared: &str) -> &'static str {
    let has = |words: &[&str]| words.iter().any(|word| declared.contains(word));
    if has(&["INT"]) {
        "INTEGER"
    } else if has(&["CHAR", "CLOB", "TEXT"]) {
        "TEXT"
    } else if declared.is_empty() || has(&["BLOB"]) {
        "BLOB"
    } else if has(&["REAL", "FLOA", "DOUB"]) {
        "REAL"
    } else {
        "NUMERIC"
    }
}

/// Only numbers and quoted texts: records older than their column hold nothing for it, and get the default when read.
fn is_literal(default: &str) -> bool {
    let quoted = default.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
    quoted.is_some_and(|inner| !inner.replace("''", "").contains('\''))
        || (default.parse::<f64>().is_ok() && default.ends_with(|c: char| c.is_ascii_digit()))
}

impl Table {
    /// Makes a table of the same columns, without what else a definition may hold (constraints, expressions).
    pub fn create(&self, target: &Connection) -> Result<(), String> {
        target.execute(&self.definition(), []).map(drop).map_err(|error| reason(&error))
    }

    /// The columns that have a field in a record, in the order of these.
    pub fn fields(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| column.stored)
    }

    fn definition(&self) -> String {
        let columns = self.columns.iter().map(|column| {
            let key = if column.is_rowid { " PRIMARY KEY" } else { "" };
            let default =
                column.default.as_ref().map(|default| format!(" DEFAULT {default}")).unwrap_or_default();
            format!("{} {}{key}{default}", quoted(&column.name), column.affinity)
        });
        format!("CREATE TABLE {} ({})", quoted(&self.name), columns.collect::<Vec<_>>().join(", "))
    }
}
