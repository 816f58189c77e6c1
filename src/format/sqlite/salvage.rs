//! Salvaging a damaged database: its readable pages into a new one in memory, on which the same queries run.
//!
//! Walks each table from its root and skips what is damaged. Whether it is worth it is the caller's decision; freed pages and
//! deleted rows are not looked for.

use std::collections::HashSet;
use std::time::Duration;

use rusqlite::{Connection, ToSql};

use super::image::{Image, MAGIC};
use super::record::{Encoding, Field, fields, varint};
use super::vfs::Mount;
use super::{Database, DatabaseError, MAX_TABLES, MAX_VALUE_LEN, configure, fold, quoted, reason, text};
use crate::format::ReadAt;

/// Pages remembered as seen (16 GiB at the usual page size).
const MAX_PAGES: usize = 4 << 20;
const MAX_COLUMNS: usize = 2000;
/// One definition is given this long to be understood.
const SCHEMA_TIME: Duration = Duration::from_secs(5);

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
    let (image, _) = fold(main, wal, &mut notes)?;
    let mut pages = Pages::new(&image)?;
    let target = Connection::open_in_memory().map_err(|error| unbuilt(&error))?;
    target.execute_batch("PRAGMA journal_mode = OFF; BEGIN;").map_err(|error| unbuilt(&error))?;
    let mut builder = Builder { target, rows: 0, left: budget, full: false, refused: 0 };
    let mut damaged = Vec::new();
    let entries = schema(&mut pages);
    let schema_whole = pages.damaged == 0;
    for entry in entries {
        let before = pages.damaged;
        let table = match entry.table(&builder.target) {
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

fn unbuilt(error: &rusqlite::Error) -> DatabaseError {
    DatabaseError::Query { reason: format!("salvaged rows cannot be stored: {}", reason(error)), rows: 0 }
}

/// Takes a row; false when no more can be taken.
type Take<'t> = &'t mut dyn FnMut(i64, &[Field]) -> bool;

/// The pages of the image, each visited once.
struct Pages<'i, 'a> {
    image: &'i Image<'a>,
    encoding: Encoding,
    usable: usize,
    seen: HashSet<u32>,
    read: u64,
    damaged: u64,
    cut_rows: u64,
    lost_cells: u64,
}

impl<'i, 'a> Pages<'i, 'a> {
    fn new(image: &'i Image<'a>) -> Result<Pages<'i, 'a>, DatabaseError> {
        let mut header = [0; 100];
        if !matches!(image.read(0, &mut header), Ok(100)) || !header.starts_with(MAGIC) {
            return Err(DatabaseError::NotADatabase);
        }
        let encoding = match header[59] {
            2 => Encoding::Utf16Le,
            3 => Encoding::Utf16Be,
            _ => Encoding::Utf8,
        };
        let usable = image.page_size() as usize - usize::from(header[20]);
        Ok(Pages {
            image,
            encoding,
            usable,
            seen: HashSet::new(),
            read: 0,
            damaged: 0,
            cut_rows: 0,
            lost_cells: 0,
        })
    }

    fn page(&self, number: u32) -> Option<Vec<u8>> {
        let size = self.image.page_size();
        let mut page = vec![0; size as usize];
        let offset = u64::from(number).checked_sub(1)? * size;
        (self.image.read(offset, &mut page).ok()? == page.len()).then_some(page)
    }

    /// Every row of the tree under `root`, as far as its pages are whole. Each page counts for the first tree that reaches it.
    fn walk(&mut self, root: u32, take: Take<'_>) {
        let mut waiting = vec![root];
        while let Some(number) = waiting.pop()
            && self.seen.len() < MAX_PAGES
        {
            if !self.seen.insert(number) {
                continue;
            }
            self.read += 1;
            let Some(page) = self.page(number) else {
                self.damaged += 1;
                continue;
            };
            let header = if number == 1 { 100 } else { 0 };
            match page.get(header) {
                Some(0x05) => match children(&page, header) {
                    Some(mut children) => {
                        // The stack gives the last first.
                        children.reverse();
                        waiting.extend(children);
                    }
                    None => self.damaged += 1,
                },
                Some(0x0d) => {
                    if !self.leaf(&page, header, take) {
                        return;
                    }
                }
                _ => self.damaged += 1,
            }
        }
    }

    /// The rows of a leaf page; false when no more can be taken.
    fn leaf(&mut self, page: &[u8], header: usize, take: Take<'_>) -> bool {
        let Some(cells) = cells(page, header, 8) else {
            self.damaged += 1;
            return true;
        };
        let lost = self.lost_cells;
        for cell in cells {
            match self.cell(page, cell) {
                Some((rowid, fields)) if !take(rowid, &fields) => return false,
                Some(_) => {}
                None => self.lost_cells += 1,
            }
        }
        self.damaged += u64::from(self.lost_cells > lost);
        true
    }

    fn cell(&mut self, page: &[u8], at: usize) -> Option<(i64, Vec<Field>)> {
        let (len, rest) = varint(page.get(at..self.usable)?)?;
        let (rowid, rest) = varint(rest)?;
        let len = usize::try_from(len).ok().filter(|len| *len <= MAX_VALUE_LEN as usize)?;
        let local = self.local_len(len)?;
        if local == len {
            return Some((rowid, fields(rest.get(..len)?, self.encoding)?));
        }
        let (start, next) = rest.split_at_checked(local)?;
        let mut record = start.to_vec();
        let mut next = u32::from_be_bytes(*next.first_chunk()?);
        // Every page of the chain adds to the record, so a chain that bites its tail ends too.
        while record.len() < len && next != 0 {
            let Some(overflow) = self.page(next) else { break };
            self.seen.insert(next);
            self.read += 1;
            let Some((link, content)) = overflow.get(..self.usable).and_then(<[u8]>::split_first_chunk)
            else {
                break;
            };
            next = u32::from_be_bytes(*link);
            record.extend_from_slice(content.get(..content.len().min(len - record.len()))?);
        }
        self.cut_rows += u64::from(record.len() < len);
        Some((rowid, fields(&record, self.encoding)?))
    }

    /// How much of a record lies in its cell; the rest is on overflow pages.
    fn local_len(&self, len: usize) -> Option<usize> {
        if len <= self.usable.checked_sub(35)? {
            return Some(len);
        }
        let minimum = ((self.usable - 12) * 32 / 255).checked_sub(23)?;
        let fitting = minimum + (len - minimum) % (self.usable - 4);
        Some(if fitting <= self.usable - 35 { fitting } else { minimum })
    }

    /// Leaf pages in use that no tree reaches: their parent is damaged.
    fn orphans(&mut self, take: Take<'_>) {
        let total = (self.image.size() / self.image.page_size()).saturating_sub(self.image.missing_pages());
        let freed = self.freed();
        for number in 2..=u32::try_from(total).unwrap_or(u32::MAX) {
            if self.seen.len() >= MAX_PAGES || freed.contains(&number) || self.seen.contains(&number) {
                continue;
            }
            let Some(page) = self.page(number).filter(|page| page.first() == Some(&0x0d)) else { continue };
            self.seen.insert(number);
            self.read += 1;
            if !self.leaf(&page, 0, take) {
                return;
            }
        }
    }

    /// The pages on the list of free ones.
    fn freed(&self) -> HashSet<u32> {
        let mut freed = HashSet::new();
        let word = |page: &[u8], at: usize| page.get(at..)?.first_chunk().copied().map(u32::from_be_bytes);
        let mut trunk = self.page(1).and_then(|page| word(&page, 32)).unwrap_or(0);
        while trunk != 0
            && freed.len() < MAX_PAGES
            && freed.insert(trunk)
            && let Some(page) = self.page(trunk)
        {
            let (leaves, _) = page.get(8..).unwrap_or_default().as_chunks::<4>();
            let count = word(&page, 4).unwrap_or(0) as usize;
            freed.extend(leaves.iter().take(count).map(|leaf| u32::from_be_bytes(*leaf)));
            trunk = word(&page, 0).unwrap_or(0);
        }
        freed
    }

    fn describe(&self, notes: &mut Vec<String>) {
        if self.damaged > 0 {
            notes.push(format!("{} of {} pages are damaged", self.damaged, self.read));
        }
        if self.lost_cells > 0 {
            notes.push(format!("{} rows on damaged pages cannot be read", self.lost_cells));
        }
        if self.cut_rows > 0 {
            notes.push(format!("{} rows are cut: their overflow pages are damaged", self.cut_rows));
        }
        if self.seen.len() >= MAX_PAGES {
            notes.push(format!("only the first {MAX_PAGES} pages were read"));
        }
    }
}

/// Where the cells of a page begin. `None`: a count that the page cannot hold.
fn cells(page: &[u8], header: usize, header_len: usize) -> Option<Vec<usize>> {
    let count = usize::from(u16::from_be_bytes(*page.get(header + 3..)?.first_chunk()?));
    let start = header + header_len;
    let (pointers, _) = page.get(start..start + count * 2)?.as_chunks::<2>();
    Some(pointers.iter().map(|pointer| usize::from(u16::from_be_bytes(*pointer))).collect())
}

fn children(page: &[u8], header: usize) -> Option<Vec<u32>> {
    let at = |at: usize| page.get(at..)?.first_chunk().copied().map(u32::from_be_bytes);
    let mut children: Vec<u32> = cells(page, header, 12)?.into_iter().filter_map(at).collect();
    children.push(at(header + 8)?);
    Some(children)
}

/// A table as the schema names it.
struct Entry {
    name: String,
    root: u32,
    sql: String,
}

fn schema(pages: &mut Pages<'_, '_>) -> Vec<Entry> {
    let mut entries = Vec::new();
    pages.walk(1, &mut |_, fields| {
        if let [Field::Text(kind), Field::Text(name), _, Field::Int(root), Field::Text(sql), ..] = fields
            && kind == b"table"
            && let Ok(root @ 2..) = u32::try_from(*root)
        {
            let string = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            entries.push(Entry { name: string(name), root, sql: string(sql) });
        }
        entries.len() < MAX_TABLES
    });
    entries
}

/// A table of the new database.
struct Table {
    name: String,
    /// A name of the row id that no column hides.
    rowid: &'static str,
    columns: Vec<Column>,
}

struct Column {
    name: String,
    affinity: &'static str,
    default: Option<String>,
    /// It stands for the row id, and its field in the record is NULL.
    is_rowid: bool,
    /// It has a field in the record; virtual generated columns have none.
    stored: bool,
}

impl Entry {
    /// Lets SQLite read the definition in a database of its own, and makes a table of the same columns, without what else a
    /// definition may hold (constraints, expressions), in `target`.
    fn table(&self, target: &Connection) -> Result<Table, String> {
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
        let table = Table { name: self.name.clone(), rowid, columns };
        target.execute(&table.definition(), []).map_err(said)?;
        Ok(table)
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
        columns.push(Column {
            name: text(row.get_ref(1)?).unwrap_or_default(),
            affinity: affinity(&declared),
            default: text(row.get_ref(4)?).filter(|default| is_literal(default)),
            is_rowid: key > 0 && declared == "INTEGER",
            stored: row.get::<_, i64>(6)? != 2,
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

/// About what a row takes in pages that are not quite full.
fn stored_len(fields: &[Field]) -> u64 {
    let content = fields.iter().map(|field| match field {
        Field::Text(bytes) | Field::Blob(bytes) => bytes.len() as u64 + 2,
        _ => 9,
    });
    16 + content.sum::<u64>() * 5 / 4
}

struct Builder {
    target: Connection,
    rows: u64,
    /// Bytes that may still be stored. Counted here: SQLite would undo the whole transaction at a limit of its own.
    left: u64,
    full: bool,
    refused: u64,
}

impl Builder {
    /// False when the budget is used up.
    fn insert(&mut self, table: &Table, rowid: i64, fields: &[Field]) -> bool {
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

    fn describe(&self, notes: &mut Vec<String>) {
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
