use super::super::tests::{Files, files, rows};
use super::*;

const BUDGET: u64 = 64 << 20;

fn open(files: &Files) -> (Box<dyn ReadAt>, Option<Box<dyn ReadAt>>) {
    let wal: Option<Box<dyn ReadAt>> = (!files.wal.is_empty()).then(|| Box::new(files.wal.clone()) as _);
    (Box::new(files.main.clone()), wal)
}

fn recovered(files: &Files, subjects: &[&str]) -> Option<Recovered> {
    let (main, wal) = open(files);
    let subjects: Vec<String> = subjects.iter().map(|name| (*name).to_owned()).collect();
    recover(main, wal, BUDGET, &subjects, &|_| true).unwrap()
}

/// What a query gives over the recovered rows.
fn texts_of(files: &Files, query: &str) -> Vec<String> {
    let Some(recovered) = recovered(files, &["message"]) else { return Vec::new() };
    let mut found = rows(&recovered.database, query).unwrap();
    found.sort();
    found
}

const TEXTS: &str = "SELECT text FROM message";

/// A kind of database.
#[derive(Clone, Copy, Debug)]
struct Variant {
    page_size: u32,
    vacuum: &'static str,
    encoding: &'static str,
}

/// Every page size with every other property, each pair of these at some size.
fn variants() -> impl Iterator<Item = Variant> {
    let sizes = [512, 1024, 2048, 4096, 8192, 16384, 32768, 65536];
    let vacuums = ["NONE", "FULL", "INCREMENTAL"];
    let encodings = ["UTF-8", "UTF-16le", "UTF-16be"];
    sizes.into_iter().enumerate().flat_map(move |(index, page_size)| {
        (0..3).map(move |which| Variant {
            page_size,
            vacuum: vacuums[which],
            encoding: encodings[(index + which) % 3],
        })
    })
}

impl Variant {
    fn pragmas(self) -> String {
        format!(
            "PRAGMA synchronous = OFF; PRAGMA page_size = {}; PRAGMA encoding = '{}'; PRAGMA auto_vacuum = {}; PRAGMA secure_delete = OFF;",
            self.page_size, self.encoding, self.vacuum
        )
    }

    fn files(self, sql: &str) -> Files {
        files(&format!("{} {sql}", self.pragmas()))
    }
}

/// A table like that of messages: `count` rows of text `message number N of many`, every fifth with a text on overflow pages.
fn messages(count: u32) -> String {
    format!(
        "CREATE TABLE handle (id TEXT NOT NULL, service TEXT NOT NULL);
         INSERT INTO handle VALUES ('mallory@example.org', 'iMessage');
         CREATE TABLE message (ROWID INTEGER PRIMARY KEY AUTOINCREMENT, guid TEXT UNIQUE NOT NULL, text TEXT, handle_id INTEGER DEFAULT 0,
                               service TEXT, is_read INTEGER DEFAULT 0, date INTEGER, ratio REAL, body BLOB);
         CREATE TABLE keyed (k TEXT PRIMARY KEY, v TEXT) WITHOUT ROWID;
         INSERT INTO keyed VALUES ('one', 'value');
         WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < {count})
         INSERT INTO message SELECT i, 'guid-' || i, 'message number ' || i || ' of many' ||
             CASE WHEN i % 5 = 0 THEN hex(zeroblob(800)) ELSE '' END,
             1, 'SMS', 0, 700000000000000000 + i, i * 0.5, x'00ff' FROM n;"
    )
}

fn text(number: u32) -> String {
    let long = if number.is_multiple_of(5) { "0".repeat(1600) } else { String::new() };
    format!("message number {number} of many{long}")
}

/// Every recovered text is whole one that once was, and none of a row that is still there.
fn assert_nothing_is_invented(variant: Variant, found: &[String], is_live: impl Fn(u32) -> bool) {
    for one in found {
        let number = one.strip_prefix("message number ").and_then(|rest| rest.split(' ').next());
        let Some(number) = number.and_then(|number| number.parse().ok()) else {
            panic!("{variant:?}: {one}")
        };
        assert!(text(number).starts_with(one.as_str()), "{variant:?}: {one}");
        assert!(!is_live(number), "{variant:?}: {one} is live");
    }
}

fn share(found: &[String], deleted: impl Iterator<Item = u32>) -> f64 {
    let found: HashSet<String> = found.iter().map(|text| text.chars().take(40).collect()).collect();
    let mut count = 0;
    let mut hits = 0;
    for number in deleted {
        count += 1;
        hits += u32::from(found.contains(&text(number).chars().take(40).collect::<String>()));
    }
    f64::from(hits) / f64::from(count)
}

#[test]
fn deleted_rows_come_back_from_the_pages_they_were_on() {
    for variant in variants() {
        let files = variant.files(&format!("{} DELETE FROM message WHERE ROWID % 10 = 3", messages(300)));
        let found = texts_of(&files, TEXTS);
        assert_nothing_is_invented(variant, &found, |number| number % 10 != 3);
        let share = share(&found, (1..=300).filter(|number| number % 10 == 3));
        assert!(share >= 0.8, "{variant:?}: {share}");
    }
}

#[test]
fn rows_of_free_pages_come_back_whole() {
    for variant in variants().filter(|variant| variant.vacuum != "FULL") {
        let files = variant.files(&format!(
            "{} CREATE TABLE kept (x); INSERT INTO kept VALUES (1); DELETE FROM message",
            messages(400)
        ));
        let recovered = recovered(&files, &["message"]).unwrap();
        let mut found = rows(&recovered.database, TEXTS).unwrap();
        assert_nothing_is_invented(variant, &found, |_| false);
        found.sort();
        // The table's own first page stays in use, and is cleared if it held rows.
        let least = if files.main.len() / variant.page_size as usize > 20 { 0.95 } else { 0.0 };
        let share = share(&found, 1..=400);
        assert!(share >= least, "{variant:?}: {share}");
        assert!(
            recovered.rows["message"].values().filter(|row| row.confidence == Confidence::High).count() * 10
                >= found.len() * 9
        );
    }
}

#[test]
fn a_whole_database_gives_nothing() {
    for variant in variants() {
        let grown = variant.files(&messages(120));
        assert_eq!(texts_of(&grown, TEXTS), [""; 0], "{variant:?}");
        // Rows out of order split pages, which leaves copies of live cells behind.
        let shuffled = variant.files(&format!(
            "{} CREATE TABLE copy AS SELECT * FROM message; DELETE FROM message; PRAGMA incremental_vacuum;
             INSERT INTO message SELECT * FROM copy ORDER BY ROWID * 7919 % 121; DROP TABLE copy;",
            messages(120)
        ));
        let found = texts_of(&shuffled, TEXTS);
        assert_eq!(found, [""; 0], "{variant:?}");
    }
}

#[test]
fn what_only_the_log_still_knows_comes_back() {
    for variant in variants() {
        let files = variant.files(&format!(
            "PRAGMA journal_mode = WAL; {} PRAGMA wal_checkpoint(TRUNCATE);
             INSERT INTO message (ROWID, guid, text, handle_id) VALUES (1000, 'g', 'message number 1000 of many', 1);
             DELETE FROM message WHERE ROWID = 1000;
             UPDATE message SET text = 'rewritten' WHERE ROWID = 7;
             UPDATE message SET is_read = 1, date = date + 1 WHERE ROWID < 20;",
            messages(40)
        ));
        let found = texts_of(&files, "SELECT text FROM message");
        assert_nothing_is_invented(variant, &found, |number| number != 7 && number != 1000);
        assert_eq!(found.len(), 2, "{variant:?}: {found:?}");
        let recovered = recovered(&files, &["message"]).unwrap();
        assert!(recovered.rows["message"][&7].recovery == Recovery::Replaced, "{variant:?}");
    }
}

#[test]
fn frames_never_committed_and_of_an_earlier_generation_are_read() {
    let uncommitted = files(&format!(
        "PRAGMA journal_mode = WAL; {} PRAGMA cache_size = 5; BEGIN; DELETE FROM message WHERE ROWID > 1;
         INSERT INTO message (ROWID, guid, text) SELECT ROWID + 9000, 'u' || ROWID, 'never committed ' || k FROM
         (WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < 3000) SELECT i AS ROWID, i AS k FROM n);",
        messages(200)
    ));
    let recovered_rows = recovered(&uncommitted, &["message"]).unwrap();
    let found = rows(&recovered_rows.database, TEXTS).unwrap();
    assert!(found.iter().filter(|text| text.starts_with("never committed")).count() > 500, "{}", found.len());
    assert!(
        recovered_rows.rows["message"]
            .values()
            .all(|row| row.origin == Origin::Wal && row.recovery == Recovery::Uncommitted)
    );

    let restarted = files(&format!(
        "PRAGMA journal_mode = WAL; {} DELETE FROM message WHERE ROWID = 50; VACUUM;
         PRAGMA wal_checkpoint(RESTART); INSERT INTO handle VALUES ('x', 'y');",
        messages(100)
    ));
    let found = texts_of(&restarted, TEXTS);
    assert_eq!(found, [text(50)]);
}

#[test]
fn recovered_rows_are_joined_with_live_ones() {
    let files = files(&format!("{} DELETE FROM message WHERE ROWID IN (17, 200)", messages(300)));
    let joined = "SELECT m.text, h.id FROM message m LEFT JOIN handle h ON h.ROWID = m.handle_id WHERE m.text LIKE '% 17 %'";
    assert_eq!(texts_of(&files, joined), ["message number 17 of many|mallory@example.org"]);
}

#[test]
fn deleted_rows_of_a_joined_table_explain_too() {
    let files = files(&format!(
        "{} INSERT INTO handle VALUES ('x@example.org', 'SMS'), ('eve@example.org', 'SMS');
         UPDATE message SET handle_id = 3 WHERE ROWID = 17; DELETE FROM handle WHERE ROWID = 3;
         DELETE FROM message WHERE ROWID = 17",
        messages(30)
    ));
    let joined =
        "SELECT h.id FROM message m JOIN handle h ON h.ROWID = m.handle_id WHERE m.text LIKE '% 17 %'";
    assert_eq!(texts_of(&files, joined), ["eve@example.org"]);
}

#[test]
fn row_ids_stay_or_lie_above_all_others() {
    let files = files(&format!("{} DELETE FROM message WHERE ROWID % 10 = 3", messages(300)));
    let recovered = recovered(&files, &["message"]).unwrap();
    for (row, found) in &recovered.rows["message"] {
        match found.rowid {
            Some(known) => assert_eq!(known, *row),
            None => assert!(*row > 300, "{row}"),
        }
        assert_eq!(found.origin, Origin::Freed);
        assert!((found.offset as usize) < files.main.len());
    }
}

#[test]
fn a_table_of_two_columns_gives_its_rows_too() {
    let files = files(
        "PRAGMA secure_delete = OFF; CREATE TABLE message (id INTEGER PRIMARY KEY, text TEXT);
         INSERT INTO message VALUES (1, 'first one'), (2, 'second one'), (3, 'third one'), (4, 'fourth one');
         DELETE FROM message WHERE id IN (1, 3)",
    );
    assert_eq!(texts_of(&files, TEXTS), ["first one", "third one"]);
}

#[test]
fn the_budget_holds_and_says_so() {
    let files = files(&format!("{} DELETE FROM message", messages(400)));
    let (main, wal) = open(&files);
    let recovered = recover(main, wal, 40_000, &["message".into()], &|_| true).unwrap().unwrap();
    assert!(recovered.rows["message"].len() < 200);
    assert!(recovered.notes.iter().any(|note| note.contains("memory")), "{:?}", recovered.notes);
}

#[test]
fn every_broken_file_ends_without_panic() {
    let cases = [
        "PRAGMA page_size = 512; PRAGMA auto_vacuum = INCREMENTAL;",
        "PRAGMA page_size = 1024; PRAGMA journal_mode = WAL;",
        "PRAGMA page_size = 512; PRAGMA encoding = 'UTF-16le';",
    ];
    for pragmas in cases {
        let files = files(&format!(
            "{pragmas} PRAGMA secure_delete = OFF; {} DELETE FROM message WHERE ROWID % 3 = 0; PRAGMA wal_checkpoint(FULL);
             DELETE FROM message WHERE ROWID > 20; UPDATE message SET text = 'x' WHERE ROWID < 5",
            messages(30)
        ));
        let exercise = |main: &[u8], wal: &[u8]| {
            let wal: Option<Box<dyn ReadAt>> = Some(Box::new(wal.to_vec()));
            let _ = recover(Box::new(main.to_vec()), wal, 1 << 20, &["message".into()], &|_| true);
        };
        for len in (0..files.main.len()).step_by(3011) {
            exercise(&files.main[..len], &files.wal);
        }
        for len in (0..files.wal.len()).step_by(4511) {
            exercise(&files.main, &files.wal[..len]);
        }
        for bit in (0..files.main.len() * 8).step_by(4001) {
            let mut main = files.main.clone();
            main[bit / 8] ^= 1 << (bit % 8);
            exercise(&main, &[]);
        }
        for bit in (0..files.wal.len() * 8).step_by(16001) {
            let mut wal = files.wal.clone();
            wal[bit / 8] ^= 1 << (bit % 8);
            exercise(&files.main, &wal);
        }
    }
}

#[test]
fn a_row_whose_whole_prefix_became_the_freeblocks_header_comes_back() {
    let long = "more words ".repeat(20);
    let files = files(&format!(
        "PRAGMA secure_delete = OFF;
         CREATE TABLE message (ROWID INTEGER PRIMARY KEY AUTOINCREMENT, guid TEXT UNIQUE NOT NULL, text TEXT, handle_id INTEGER,
                               service TEXT, account TEXT, date INTEGER, is_from_me INTEGER DEFAULT 0);
         INSERT INTO message VALUES (1, 'g-1', 'good morning', 1, 'SMS', 'p:+15550100', 700000000000000000, 0),
                                    (2, 'g-2', 'read this {long}', 1, 'SMS', 'p:+15550100', 700000001000000000, 0),
                                    (3, 'g-3', 'good night', 1, 'SMS', 'p:+15550100', 700000002000000000, 0);
         DELETE FROM message WHERE ROWID = 2"
    ));
    assert_eq!(texts_of(&files, TEXTS), [format!("read this {long}")]);
}
