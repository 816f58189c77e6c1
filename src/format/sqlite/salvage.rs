//! Salvaging a damaged database: its readable pages into a new one in memory, on which the same queries run.
//!
//! Walks each table from its root and skips what is damaged. Whether it is worth it is the caller's decision; freed pages and
//! deleted rows are not looked for.

use rusqlite::{Connection, ToSql};

use super::pages::Pages;
use super::record::Field;
use super::schema::{self, Table};
use super::vfs::Mount;
use super::{Database, DatabaseError, Folded, configure, fold, quoted, reason};
use crate::format::ReadAt;

/// What could be saved of a damaged database.
pub struct Salvaged {
    /// In memory; what could not be saved is among its notes.
    pub database: Database<'static>,
    pub pages_read: u64,
    pub pages_damaged: u64,
    pub rows: u64,
}

/// Reads every page that a table's tree reaches, and rebuilds the tables in memory in at most about `budget` bytes.
///
/// Pages that lost their parent are given to the damaged table when there is only one. Tables WITHOUT ROWID are left out with a
/// note. `Err`: not a database, or its first page is gone, which names the tables.
pub fn salvage(
    main: Box<dyn ReadAt + '_>,
    wal: Option<Box<dyn ReadAt + '_>>,
    budget: u64,
) -> Result<Salvaged, DatabaseError> {
    let mut notes = Vec::new();
    let Folded { image, .. } = fold(main, wal, &mut notes)?;
    let mut pages = Pages::new(&image)?;
    let target = Connection::open_in_memory().map_err(|error| unbuilt(&error))?;
    target.execute_batch("PRAGMA journal_mode = OFF; BEGIN;").map_err(|error| unbuilt(&error))?;
    let mut builder = Builder::new(target, budget);
    let mut damaged = Vec::new();
    let entries = schema::entries(&mut pages);
    let schema_whole = pages.damaged == 0;
    for entry in entries.iter().filter(|entry| entry.is_table) {
        let before = pages.damaged;
        let table = match entry.table().and_then(|table| table.create(&builder.target).map(|()| table)) {
            Ok(table) => Some(table),
            Err(reason) => {
                notes.push(format!("table {} is not salvaged: {reason}", entry.name));
                None
            }
        };
        pages.walk(entry.root, &mut |rowid, fields| {
            table.as_ref().is_none_or(|table| builder.insert(table, rowid, fields))
        });
        if pages.damaged > before {
            damaged.extend(table);
        }
    }
    // With tables unknown, a page without parent could be theirs.
    if schema_whole && let [table] = damaged.as_slice() {
        let before = builder.rows;
        pages.orphans(&mut |rowid, fields| builder.insert(table, rowid, fields));
        if builder.rows > before {
            notes.push(format!(
                "{} rows of {} lay on pages without parent",
                builder.rows - before,
                table.name
            ));
        }
    }
    pages.describe(&mut notes);
    builder.describe(&mut notes);
    let Builder { target, rows, .. } = builder;
    target.execute_batch("COMMIT").and_then(|()| configure(&target)).map_err(|error| unbuilt(&error))?;
    let (pages_read, pages_damaged) = (pages.read, pages.damaged);
    let database = Database::over(Mount::memory(target), None, notes)?;
    Ok(Salvaged { database, pages_read, pages_damaged, rows })
}

pub(super) fn unbuilt(error: &rusqlite::Error) -> DatabaseError {
    DatabaseError::Query { reason: format!("salvaged rows cannot be stored: {}", reason(error)), rows: 0 }
}

/// About what a row takes in pages that are not quite full.
fn stored_len(fields: &[Field]) -> u64 {
    let content = fields.iter().map(|field| match field {
        Field::Text(bytes) | Field::Blob(bytes) => bytes.len() as u64 + 2,
        _ => 9,
    });
    16 + content.sum::<u64>() * 5 / 4
}

pub(super) struct Builder {
    pub target: Connection,
    pub rows: u64,
    /// Bytes that may still be stored. Counted here: SQLite would undo the whole transaction at a limit of its own.
    left: u64,
    full: bool,
    refused: u64,
}

impl Builder {
    /// `budget`: bytes that may be stored, about.
    pub fn new(target: Connection, budget: u64) -> Builder {
        Builder { target, rows: 0, left: budget, full: false, refused: 0 }
    }

    /// False when the budget is used up.
    pub fn insert(&mut self, table: &Table, rowid: i64, fields: &[Field]) -> bool {
        let Some(left) = self.left.checked_sub(stored_len(fields)) else {
            self.full = true;
            return false;
        };
        self.left = left;
        let mut names = table.rowid.to_owned();
        let mut values: Vec<&dyn ToSql> = vec![&rowid];
        // Columns beyond the fields get their default.
        for (column, field) in table.columns.iter().filter(|column| column.stored).zip(fields) {
            if !column.is_rowid {
                names.push_str(", ");
                names.push_str(&quoted(&column.name));
                values.push(field);
            }
        }
        let places = vec!["?"; values.len()].join(", ");
        let sql = format!("INSERT OR IGNORE INTO {} ({names}) VALUES ({places})", quoted(&table.name));
        let inserted =
            self.target.prepare_cached(&sql).and_then(|mut statement| statement.execute(values.as_slice()));
        match inserted {
            Ok(count) => self.rows += count as u64,
            Err(_) => self.refused += 1,
        }
        true
    }

    pub fn describe(&self, notes: &mut Vec<String>) {
        if self.full {
            notes.push("not all rows could be salvaged: the memory for it is used up".into());
        }
        if self.refused > 0 {
            notes.push(format!("{} salvaged rows could not be stored", self.refused));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Files, MANY, files, rows};
    use super::*;

    const BUDGET: u64 = 64 << 20;

    fn saved(main: &[u8]) -> Salvaged {
        salvage(Box::new(main.to_vec()), None, BUDGET).unwrap()
    }

    fn page_size(main: &[u8]) -> usize {
        super::super::page_size(main).unwrap() as usize
    }

    /// Numbers of pages (from 0) of a type, page 1 aside.
    fn pages_of(main: &[u8], kind: u8) -> Vec<usize> {
        let size = page_size(main);
        (1..main.len() / size).filter(|page| main[page * size] == kind).collect()
    }

    const COUNT: &str = "SELECT count(*) FROM message";

    #[test]
    fn a_whole_database_comes_out_the_same() {
        for encoding in ["UTF-8", "UTF-16le", "UTF-16be"] {
            for size in [512, 4096, 65536] {
                let main = files(&format!(
                    "PRAGMA page_size = {size}; PRAGMA encoding = '{encoding}'; {MANY}
                     CREATE TABLE wide (a TEXT COLLATE NOCASE UNIQUE, b BLOB, c REAL CHECK (c > 0), d AS (c * 2));
                     INSERT INTO wide VALUES (hex(zeroblob(5000)), zeroblob(70000), 3), ('é🙂', x'00', 1.5);
                     ALTER TABLE wide ADD COLUMN later TEXT DEFAULT 'it''s';"
                ))
                .main;
                let whole = Database::open(Box::new(main.clone()), None).unwrap();
                let saved = saved(&main);
                assert_eq!(saved.rows, 2002, "{encoding} {size}");
                assert_eq!(saved.pages_damaged, 0);
                for query in [
                    "SELECT rowid, text, number, typeof(number) FROM message",
                    "SELECT rowid, a, length(b), c, typeof(c), later FROM wide",
                ] {
                    assert_eq!(rows(&saved.database, query).unwrap(), rows(&whole, query).unwrap());
                }
            }
        }
    }

    #[test]
    fn a_lost_leaf_costs_only_its_own_rows() {
        let mut main = files(MANY).main;
        let size = page_size(&main);
        let leaves = pages_of(&main, 0x0d);
        main[leaves[3] * size..][..size].fill(0);
        let damaged = Database::open(Box::new(main.clone()), None).unwrap();
        assert!(rows(&damaged, "SELECT ROWID, text FROM message").unwrap_err().is_damage());
        let saved = saved(&main);
        assert_eq!(saved.pages_damaged, 1);
        assert!((1800..2000).contains(&saved.rows), "{}", saved.rows);
        assert_eq!(rows(&saved.database, COUNT).unwrap(), [saved.rows.to_string()]);
        assert!(saved.database.notes()[0].contains("damaged"), "{:?}", saved.database.notes());
    }

    #[test]
    fn a_lost_interior_page_costs_no_rows() {
        let mut main = files(&format!("CREATE TABLE other (x); INSERT INTO other VALUES (1); {MANY}")).main;
        let size = page_size(&main);
        let interior = pages_of(&main, 0x05);
        main[interior[0] * size..][..size].fill(0xff);
        let saved = saved(&main);
        assert_eq!(rows(&saved.database, COUNT).unwrap(), ["2000"]);
        assert!(saved.database.notes().iter().any(|note| note.contains("without parent")));
    }

    #[test]
    fn rows_of_the_log_are_salvaged_too() {
        let Files { main, wal } =
            files(&format!("PRAGMA journal_mode = WAL; {MANY} INSERT INTO message VALUES (5000, 'z', 1)"));
        let saved = salvage(Box::new(main), Some(Box::new(wal)), BUDGET).unwrap();
        assert_eq!(saved.rows, 2001);
    }

    #[test]
    fn the_budget_holds() {
        let main = files(&MANY.replace("2000", "20000")).main;
        let saved = salvage(Box::new(main), None, 80_000).unwrap();
        assert!((1..20_000).contains(&saved.rows), "{}", saved.rows);
        assert!(saved.database.notes().iter().any(|note| note.contains("used up")));
        assert_eq!(rows(&saved.database, COUNT).unwrap(), [saved.rows.to_string()]);
    }

    #[test]
    fn tables_without_row_id_are_named() {
        let main =
            files("CREATE TABLE odd (k TEXT PRIMARY KEY) WITHOUT ROWID; INSERT INTO odd VALUES ('x')").main;
        let saved = saved(&main);
        assert!(saved.database.notes()[0].contains("odd is not salvaged"), "{:?}", saved.database.notes());
    }

    #[test]
    fn broken_databases_do_not_panic() {
        let main = files(
            "PRAGMA page_size = 512; CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT);
             INSERT INTO t VALUES (1, hex(zeroblob(900))), (2, 'short'); CREATE TABLE u (x);",
        )
        .main;
        for len in (0..main.len()).step_by(101) {
            let _ = salvage(Box::new(main[..len].to_vec()), None, BUDGET);
        }
        for bit in (0..main.len() * 8).step_by(29) {
            let mut main = main.clone();
            main[bit / 8] ^= 1 << (bit % 8);
            let _ = salvage(Box::new(main), None, BUDGET);
        }
    }
}
