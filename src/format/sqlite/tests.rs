#![allow(clippy::disallowed_methods, reason = "SQLite builds the test databases in files")]

use std::io;
use std::path::Path;

use rusqlite::Connection;

use super::*;
use crate::record::Value;

/// A database file and its log, as they are while the writer still has them open.
pub(super) struct Files {
    pub main: Vec<u8>,
    pub wal: Vec<u8>,
}

/// Runs `sql` in a new database and takes the files before the connection closes.
pub(super) fn files(sql: &str) -> Files {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let writer = Connection::open(&path).unwrap();
    // Nothing here outlives the test: waiting for the disk would only make it slow.
    writer.execute_batch("PRAGMA synchronous = OFF").unwrap();
    writer.execute_batch(sql).unwrap();
    snapshot(&path)
}

fn snapshot(path: &Path) -> Files {
    let wal = std::fs::read(format!("{}-wal", path.display())).unwrap_or_default();
    Files { main: std::fs::read(path).unwrap(), wal }
}

const IN_WAL_MODE: &str = "
    PRAGMA journal_mode = WAL;
    CREATE TABLE message (ROWID INTEGER PRIMARY KEY, text TEXT);
    INSERT INTO message VALUES (1, 'old'), (2, 'changed later');
    PRAGMA wal_checkpoint(TRUNCATE);";
const LATER: &str = "
    INSERT INTO message VALUES (3, 'new');
    UPDATE message SET text = 'changed' WHERE ROWID = 2;";

fn open(main: &[u8], wal: &[u8]) -> Result<Database<'static>, DatabaseError> {
    let wal: Option<Box<dyn ReadAt>> = (!wal.is_empty()).then(|| Box::new(wal.to_vec()) as _);
    Database::open(Box::new(main.to_vec()), wal)
}

pub(super) fn rows(database: &Database<'_>, query: &str) -> Result<Vec<String>, DatabaseError> {
    let mut rows = Vec::new();
    database.prepare(&[query])?.for_each(&mut |row| {
        rows.push((0..row.len()).map(|i| row.value(i).show()).collect::<Vec<_>>().join("|"));
        Ok(())
    })?;
    Ok(rows)
}

const MESSAGES: &str = "SELECT ROWID, text FROM message ORDER BY ROWID";

#[test]
fn rows_that_are_only_in_the_log_are_seen() {
    let files = files(&[IN_WAL_MODE, LATER].concat());
    let database = open(&files.main, &files.wal).unwrap();
    assert_eq!(rows(&database, MESSAGES).unwrap(), ["1|old", "2|changed", "3|new"]);
    assert_eq!(database.notes(), [""; 0]);
    assert!(database.has_wal_frames());
    let origins = [1, 2, 3, 4].map(|row| database.origin("message", row));
    assert_eq!(origins, [Origin::Live, Origin::Wal, Origin::Wal, Origin::Live]);
}

#[test]
fn a_database_in_wal_mode_opens_without_its_log() {
    let files = files(&[IN_WAL_MODE, LATER].concat());
    let database = open(&files.main, &[]).unwrap();
    assert_eq!(rows(&database, MESSAGES).unwrap(), ["1|old", "2|changed later"]);
    assert_eq!(database.origin("message", 2), Origin::Live);
    assert!(!database.has_wal_frames());
}

#[test]
fn frames_that_were_never_committed_are_not_seen() {
    // A transaction too large for the page cache spills its frames into the log before it commits.
    let files = files(&format!(
        "{IN_WAL_MODE} {LATER} PRAGMA cache_size = 5; BEGIN;
         WITH RECURSIVE n(i) AS (VALUES(10) UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
         INSERT INTO message SELECT i, hex(randomblob(100)) FROM n;"
    ));
    let database = open(&files.main, &files.wal).unwrap();
    assert_eq!(rows(&database, MESSAGES).unwrap(), ["1|old", "2|changed", "3|new"]);
    assert!(database.notes()[0].contains("never committed"), "{:?}", database.notes());
}

#[test]
fn frames_of_an_earlier_generation_of_the_log_are_left_out_and_are_no_problem() {
    let files = files(&format!(
        "{IN_WAL_MODE} {LATER} INSERT INTO message VALUES (4, 'x'); INSERT INTO message VALUES (5, 'y');
         PRAGMA wal_checkpoint(RESTART); INSERT INTO message VALUES (6, 'z');"
    ));
    let database = open(&files.main, &files.wal).unwrap();
    assert_eq!(rows(&database, MESSAGES).unwrap().len(), 6);
    assert_eq!(database.notes(), [""; 0]);
}

#[test]
fn the_log_of_an_older_state_of_the_database_is_left_out_with_a_note() {
    let older = files(&[IN_WAL_MODE, LATER, "CREATE TABLE grown (x);"].concat());
    let newer = files(
        &[IN_WAL_MODE, LATER, "CREATE TABLE a (x); CREATE TABLE b (x); CREATE TABLE c (x);"]
            .concat()
            .replace(
                "CREATE TABLE a",
                "PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode = DELETE; CREATE TABLE a",
            ),
    );
    let database = open(&newer.main, &older.wal).unwrap();
    assert!(database.notes()[0].contains("older state"), "{:?}", database.notes());
    assert_eq!(rows(&database, MESSAGES).unwrap().len(), 3);
    assert!(database.tables().contains(&"c".to_owned()));
}

#[test]
fn what_is_no_log_of_this_database_is_left_out_with_a_note() {
    let plain = files(IN_WAL_MODE);
    let other = files(&["PRAGMA page_size = 1024;", IN_WAL_MODE, LATER].concat());
    for (wal, words) in [
        (other.wal, "has pages of 1024 bytes"),
        (vec![7; 5000], "is not a write-ahead log"),
        (vec![7; 5], "is only 5 bytes long"),
    ] {
        let database = open(&plain.main, &wal).unwrap();
        assert!(database.notes()[0].contains(words), "{:?}", database.notes());
        assert_eq!(rows(&database, MESSAGES).unwrap().len(), 2);
    }
}

#[test]
fn a_flipped_bit_in_the_log_ends_it_at_the_commit_before() {
    let files = files(&[IN_WAL_MODE, LATER].concat());
    let mut wal = files.wal;
    let last = wal.len() - 10;
    wal[last] ^= 1;
    let database = open(&files.main, &wal).unwrap();
    assert_eq!(rows(&database, MESSAGES).unwrap(), ["1|old", "2|changed later", "3|new"]);
    assert!(database.notes()[0].contains("checksum"), "{:?}", database.notes());
}

#[test]
fn every_page_size_is_read() {
    for size in [512, 1024, 2048, 4096, 8192, 16384, 32768, 65536] {
        let files = files(&format!("PRAGMA page_size = {size}; {IN_WAL_MODE} {LATER}"));
        let database = open(&files.main, &files.wal).unwrap();
        assert_eq!(rows(&database, MESSAGES).unwrap().len(), 3, "page size {size}");
    }
}

#[test]
fn padding_left_by_decryption_does_not_matter() {
    let mut main = files(IN_WAL_MODE).main;
    main.extend([16; 16]);
    assert_eq!(rows(&open(&main, &[]).unwrap(), MESSAGES).unwrap().len(), 2);
}

/// A reader of a real file, to see whether anything happens to it.
struct OnDisk(Mutex<std::fs::File>, u64);

impl ReadAt for OnDisk {
    fn len(&self) -> u64 {
        self.1
    }
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        use std::io::{Read, Seek, SeekFrom};
        let mut file = self.0.lock().unwrap();
        file.seek(SeekFrom::Start(offset))?;
        file.read(buffer)
    }
}

#[test]
fn evidence_stays_as_it_is() {
    let files = files(&[IN_WAL_MODE, LATER].concat());
    let folder = tempfile::tempdir().unwrap();
    let on_disk = |name: &str, bytes: &[u8]| -> Box<dyn ReadAt> {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        // Writable on purpose: nothing but this module stops SQLite.
        let file = std::fs::OpenOptions::new().read(true).write(true).open(&path).unwrap();
        Box::new(OnDisk(Mutex::new(file), bytes.len() as u64))
    };
    let database =
        Database::open(on_disk("x.db", &files.main), Some(on_disk("x.db-wal", &files.wal))).unwrap();
    assert_eq!(rows(&database, "SELECT text FROM message ORDER BY text").unwrap().len(), 3);
    assert_eq!(database.origin("message", 3), Origin::Wal);
    for sql in ["DELETE FROM message", "CREATE TABLE x (y)", "PRAGMA journal_mode = WAL", "VACUUM"] {
        let _ = database.mount.connection().execute_batch("PRAGMA query_only = OFF");
        if let Ok(mut statement) = database.mount.connection().prepare(sql) {
            let _ = statement.query([]).map(|mut rows| rows.next().map(|_| ()));
        }
    }
    assert!(database.mount.connection().execute_batch("ATTACH 'other.db' AS other").is_err());
    drop(database);
    assert_eq!(std::fs::read(folder.path().join("x.db")).unwrap(), files.main);
    assert_eq!(std::fs::read(folder.path().join("x.db-wal")).unwrap(), files.wal);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn columns_of_other_versions_are_null() {
    let database =
        open(&files("CREATE TABLE message (text TEXT); INSERT INTO message VALUES ('a')").main, &[]).unwrap();
    let query = "SELECT {m.date_edited}, {CAST(m.flags AS TEXT)}, {text}, {\"m\".\"gone\"} FROM message m";
    assert_eq!(rows(&database, query).unwrap(), ["||a|"]);
    let statement = database.prepare(&["SELECT x FROM newer", "SELECT text FROM message"]).unwrap();
    assert_eq!(statement.which(), 1);
    assert_eq!(database.columns("message"), ["text"]);
    assert_eq!(database.columns("none"), [""; 0]);
    drop(statement);
    let error = database.prepare(&["SELECT \"gone\" FROM message"]).err().unwrap().to_string();
    assert!(error.contains("no such column") && error.contains("tables: message"), "{error}");
}

#[test]
fn views_and_virtual_tables_are_refused() {
    let database = open(
        &files(
            "CREATE TABLE real (x); CREATE VIEW message AS SELECT x FROM real;
             CREATE VIRTUAL TABLE indexed USING fts5(x);",
        )
        .main,
        &[],
    )
    .unwrap();
    assert!(database.tables().contains(&"real".to_owned()));
    for name in ["message", "indexed"] {
        assert!(!database.tables().contains(&name.to_owned()));
        assert!(rows(&database, &format!("SELECT x FROM {name}")).is_err(), "{name}");
    }
}

#[test]
fn odd_values_are_kept() {
    let database = open(
        &files(
            "CREATE TABLE t (v);
             INSERT INTO t VALUES (CAST(x'61ff62' AS TEXT)), (CAST(x'610062' AS TEXT)), (x'00ff'),
                                  (9007199254740993), (1.5), (NULL)",
        )
        .main,
        &[],
    )
    .unwrap();
    let mut values = Vec::new();
    let mut statement = database.prepare(&["SELECT v FROM t"]).unwrap();
    statement
        .for_each(&mut |row| {
            values.push(row.value(0).into_owned());
            assert!(row.value(1).is_null());
            Ok(())
        })
        .unwrap();
    assert_eq!(
        values,
        [
            Value::from("a\u{fffd}b"),
            Value::from("a\0b"),
            Value::Bytes(vec![0, 255].into()),
            Value::Int(9_007_199_254_740_993),
            Value::Real(1.5),
            Value::Null
        ]
    );
}

#[test]
fn what_is_no_database_is_told_apart() {
    let random: Vec<u8> = (0..4096u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let told = |bytes: &[u8]| open(bytes, &[]).err().unwrap().to_string();
    assert_eq!(told(b""), "is empty");
    assert_eq!(told(&random), "is encrypted or no SQLite database");
    assert_eq!(told(b"bplist00"), "is not an SQLite database");
    assert_eq!(told(b"SQLite format 3\0"), "is not an SQLite database");
}

#[test]
fn the_callers_error_ends_the_loop() {
    let database = open(&files(IN_WAL_MODE).main, &[]).unwrap();
    let mut statement = database.prepare(&[MESSAGES]).unwrap();
    let error = statement.for_each(&mut |_| anyhow::bail!("enough")).unwrap_err();
    assert_eq!(error.to_string(), "enough (after 0 rows)");
    assert_eq!(statement.for_each(&mut |_| Ok(())).unwrap(), 2);
}

pub(super) const MANY: &str = "
    CREATE TABLE message (ROWID INTEGER PRIMARY KEY, text TEXT, number REAL);
    WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
    INSERT INTO message SELECT i, 'message number ' || i, i * 1.5 FROM n;";

#[test]
fn a_cut_database_gives_its_rows_and_an_error() {
    let main = files(MANY).main;
    let database = open(&main[..main.len() / 2], &[]).unwrap();
    assert!(database.notes()[0].contains("ends early"), "{:?}", database.notes());
    let mut count = 0;
    let error = database
        .prepare(&["SELECT ROWID, text FROM message"])
        .unwrap()
        .for_each(&mut |_| {
            count += 1;
            Ok(())
        })
        .unwrap_err();
    assert!(count > 500, "{count} rows");
    assert!(error.is_damage() && error.to_string().contains("beyond the end"), "{error}");
}

/// Everything a caller may do, on a database that may be anything.
fn exercise(main: &[u8], wal: &[u8]) {
    let Ok(database) = open(main, wal) else { return };
    for table in database.tables() {
        database.columns(table);
        database.origin(table, 1);
        if let Ok(mut statement) = database.prepare(&[&format!("SELECT * FROM {}", quoted(table))]) {
            let _ = statement.for_each(&mut |row| {
                (0..row.len()).for_each(|i| drop(row.value(i).show()));
                Ok(())
            });
        }
    }
}

#[test]
fn broken_databases_and_logs_do_not_panic() {
    let Files { main, wal } =
        files(&["PRAGMA page_size = 512;", IN_WAL_MODE, LATER, "CREATE TABLE b(c);"].concat());
    for len in (0..200).chain((200..main.len()).step_by(37)) {
        exercise(&main[..len], &wal);
        exercise(&main[..len], &[]);
    }
    for len in (0..wal.len()).step_by(29) {
        exercise(&main, &wal[..len]);
    }
    for bit in (0..main.len() * 8).step_by(13) {
        let mut main = main.clone();
        main[bit / 8] ^= 1 << (bit % 8);
        exercise(&main, &[]);
    }
    for bit in (0..wal.len() * 8).step_by(61) {
        let mut wal = wal.clone();
        wal[bit / 8] ^= 1 << (bit % 8);
        exercise(&main, &wal);
    }
}

/// Fails on the second half, as a bad medium would.
struct BadMedium(Vec<u8>);

impl ReadAt for BadMedium {
    fn len(&self) -> u64 {
        self.0.len() as u64
    }
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        if offset as usize > self.0.len() / 2 {
            return Err(io::Error::other("medium error"));
        }
        self.0.read_at(offset, buffer)
    }
}

#[test]
fn a_read_error_is_told_in_its_own_words() {
    let many = MANY.replace("2000", "20000");
    let database = Database::open(Box::new(BadMedium(files(&many).main)), None).unwrap();
    let error = rows(&database, "SELECT text FROM message").unwrap_err();
    assert!(error.to_string().contains("medium error"), "{error}");
}

#[test]
fn a_hundred_thousand_rows_are_read_in_no_time() {
    let main = files(&MANY.replace("2000", "100000")).main;
    let database = open(&main, &[]).unwrap();
    let started = std::time::Instant::now();
    let mut length = 0;
    let count = database
        .prepare(&["SELECT ROWID, text, number FROM message"])
        .unwrap()
        .for_each(&mut |row| {
            length += row.value(1).as_text().map_or(0, str::len);
            Ok(())
        })
        .unwrap();
    let elapsed = started.elapsed();
    eprintln!("{count} rows, {} bytes of database, {length} of text in {elapsed:?}", main.len());
    assert_eq!(count, 100_000);
    assert!(elapsed < Duration::from_secs(10), "{elapsed:?}");
}

#[test]
fn a_database_can_go_to_another_thread() {
    let database = open(&files(IN_WAL_MODE).main, &[]).unwrap();
    let count = std::thread::spawn(move || rows(&database, MESSAGES).unwrap().len()).join().unwrap();
    assert_eq!(count, 2);
}
