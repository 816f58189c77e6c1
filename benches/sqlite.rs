//! Rows of a database: from memory, with a write-ahead log over it, and decrypted while they are read.

mod common;
#[path = "../tests/phone/mod.rs"]
mod phone;

use std::hint::black_box;
use std::io;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hoofprint::format::ReadAt;
use hoofprint::format::sqlite::Database;
use phone::{Content, Form};

/// Bytes that are not copied for every database opened over them.
struct Borrowed<'a>(&'a [u8]);

impl ReadAt for Borrowed<'_> {
    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = self.0.get(offset as usize..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }
}

/// Reads every value of every row, as an artifact does.
fn read(main: Box<dyn ReadAt + '_>, wal: Option<Box<dyn ReadAt + '_>>) -> u64 {
    let database = Database::open(main, wal).expect("it is a database");
    let mut statement = database
        .prepare(&["SELECT id, address, body, sent, {weight}, {missing} FROM message"])
        .expect("the query fits");
    let read = statement.for_each(&mut |row| {
        for column in 0..row.len() {
            black_box(row.value(column));
        }
        Ok(())
    });
    read.expect("the rows can be read")
}

fn rows(criterion: &mut Criterion) {
    let count: u32 = if common::measuring() { 200_000 } else { 2_000 };
    let database = phone::database::build_with(4096, |connection| {
        connection.execute_batch(&format!(
            "CREATE TABLE message (id INTEGER PRIMARY KEY, address TEXT, body TEXT, sent INTEGER, weight REAL);
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
             INSERT INTO message SELECT i, '+1555' || (1000000 + i % 500),
                'See you tomorrow at the station, train ' || i || ' is late again, please wait for me there',
                649468800000000000 + i * 1000000000, i * 0.5 FROM n"
        ))
    });
    let half = format!("UPDATE message SET sent = sent + 1 WHERE id <= {}", count / 2);
    let log = phone::database::log(&database, &half);

    let mut group = criterion.benchmark_group("rows");
    group.throughput(Throughput::Elements(count.into()));
    group.bench_function("plain", |bencher| {
        bencher.iter(|| assert_eq!(read(Box::new(Borrowed(&database)), None), u64::from(count)));
    });
    group.bench_function("half in the write-ahead log", |bencher| {
        bencher.iter(|| {
            let log: Box<dyn ReadAt> = Box::new(Borrowed(&log));
            assert_eq!(read(Box::new(Borrowed(&database)), Some(log)), u64::from(count));
        });
    });

    let mut phone = phone::from_sources("clean-iphone");
    let key = ("HomeDomain".to_owned(), "Library/SMS/sms.db".to_owned());
    phone.files.get_mut(&key).expect("the clean phone has it").content = Content::Bytes(database);
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, form) in
        [("file", Form::Plain), ("file of an encrypted backup", Form::Encrypted(common::PASSWORD))]
    {
        let path = folder.path().join(name);
        phone.write(&path, form);
        let source = common::open(&path);
        let file = common::file(&*source, "/sms.db");
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let bytes = source.open(&file).expect("the file can be opened");
                assert_eq!(read(bytes, None), u64::from(count));
            });
        });
    }
}

criterion_group! { name = benches; config = common::settings(); targets = rows }
criterion_main!(benches);
