//! SQL to the bytes of a SQLite database, and to a write-ahead log that a reader has to apply.

use std::path::Path;

use rusqlite::Connection;

/// The library version written in each header, so that a newer SQLite gives the same bytes.
const WRITER: u32 = 3_039_005;

/// The database that `sql` describes, in small pages.
pub fn build(sql: &str) -> Vec<u8> {
    build_with(1024, |connection| connection.execute_batch(sql))
}

/// The database that `fill` makes inside one transaction.
pub fn build_with(page_size: u32, fill: impl FnOnce(&Connection) -> rusqlite::Result<()>) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("database");
    let connection = open(&path);
    connection.execute_batch(&format!("PRAGMA page_size = {page_size}; BEGIN")).expect("an empty database");
    fill(&connection).unwrap_or_else(|error| panic!("failed to build the database: {error}"));
    connection.execute_batch("COMMIT").expect("the transaction ends");
    drop(connection);
    settle(std::fs::read(&path).expect("the database was written"), 1)
}

/// The log that holds what `sql` changes in `database`, as a crash before the checkpoint leaves it.
pub fn log(database: &[u8], sql: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("database");
    let mut before = database.to_vec();
    before[18..20].copy_from_slice(&[1, 1]);
    std::fs::write(&path, before).expect("a temporary file");
    let connection = open(&path);
    connection
        .execute_batch(&format!("BEGIN; {sql}; COMMIT"))
        .unwrap_or_else(|error| panic!("failed to build the log: {error}"));
    drop(connection);
    let after = settle(std::fs::read(&path).expect("the database was written"), 2);
    frames(database, &after)
}

fn open(path: &Path) -> Connection {
    let connection = Connection::open(path).expect("a new database");
    connection
        .execute_batch(
            // Half a gigabyte of cache: what is built here is written once, at its end.
            "PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF;
             PRAGMA cache_size = -500000; PRAGMA temp_store = MEMORY",
        )
        .expect("settings of the connection");
    connection
}

/// Says, as on a device, that the database is kept in write-ahead mode, and fixes what depends on how it was made.
fn settle(mut database: Vec<u8>, change: u32) -> Vec<u8> {
    database[18..20].copy_from_slice(&[2, 2]);
    database[24..28].copy_from_slice(&change.to_be_bytes());
    database[92..96].copy_from_slice(&change.to_be_bytes());
    database[96..100].copy_from_slice(&WRITER.to_be_bytes());
    database
}

/// A write-ahead log of one transaction: every page of `after` that `before` does not have.
fn frames(before: &[u8], after: &[u8]) -> Vec<u8> {
    let page_size = usize::from(u16::from_be_bytes([after[16], after[17]]));
    let salts: [u8; 8] = *b"hoofmark";
    let mut log = Vec::new();
    for word in [0x377f_0683_u32, 3_007_000, page_size as u32, 0] {
        log.extend_from_slice(&word.to_be_bytes());
    }
    log.extend_from_slice(&salts);
    let mut sums = checksum((0, 0), &log);
    push_sums(&mut log, sums);

    let pages = after.chunks(page_size).enumerate();
    let changed: Vec<(usize, &[u8])> =
        pages.filter(|(index, page)| before.chunks(page_size).nth(*index) != Some(page)).collect();
    for (place, (index, page)) in changed.iter().enumerate() {
        let last = place + 1 == changed.len();
        let committed = if last { after.len() / page_size } else { 0 };
        let mut head = (*index as u32 + 1).to_be_bytes().to_vec();
        head.extend_from_slice(&(committed as u32).to_be_bytes());
        sums = checksum(checksum(sums, &head), page);
        log.extend_from_slice(&head);
        log.extend_from_slice(&salts);
        push_sums(&mut log, sums);
        log.extend_from_slice(page);
    }
    log
}

fn push_sums(log: &mut Vec<u8>, sums: (u32, u32)) {
    log.extend_from_slice(&sums.0.to_be_bytes());
    log.extend_from_slice(&sums.1.to_be_bytes());
}

/// SQLite's running sum over pairs of big-endian words.
fn checksum(start: (u32, u32), bytes: &[u8]) -> (u32, u32) {
    let word = |bytes: &[u8]| u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    bytes.chunks_exact(8).fold(start, |(first, second), pair| {
        let first = first.wrapping_add(word(&pair[..4])).wrapping_add(second);
        (first, second.wrapping_add(word(&pair[4..])).wrapping_add(first))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sqlite_reads_the_rows_that_only_the_log_holds() {
        let database = build("CREATE TABLE t(a TEXT); INSERT INTO t VALUES ('one')");
        let log = log(&database, "INSERT INTO t VALUES ('two')");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.db");
        std::fs::write(&path, &database).unwrap();
        std::fs::write(folder.path().join("t.db-wal"), &log).unwrap();
        let rows: i64 = Connection::open(&path)
            .unwrap()
            .query_row("SELECT count(*) FROM t", [], |row| row.get(0))
            .unwrap();
        assert_eq!(rows, 2);
        assert_eq!(database, build("CREATE TABLE t(a TEXT); INSERT INTO t VALUES ('one')"));
    }
}
