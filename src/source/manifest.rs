//! The list of files in a backup: `Manifest.db`, and `Manifest.mbdb` up to iOS 9. Rows are streamed, never kept.

use std::{
    borrow::Cow,
    sync::{Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;
use sha1::{Digest, Sha1};

use super::{
    SourceError,
    mbfile::{MAX_BLOB, MbFile},
};
use crate::{
    format::{
        ReadAt,
        sqlite::{Database, DatabaseError, Row as SqliteRow},
    },
    record::{Value, hex},
    time::{Clock, Epoch},
};

pub(super) const SQLITE_MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// One listed file, whatever the manifest.
#[derive(Debug, Default)]
pub(super) struct Row {
    pub id: String,
    pub domain: String,
    pub relative: String,
    /// 1 file, 2 directory, 4 link.
    pub flags: i64,
    pub file: MbFile,
    pub odd: Option<String>,
}

pub(super) enum Manifest {
    Database(Box<Mutex<Database<'static>>>),
    Legacy(Legacy),
}

fn damaged(reason: impl std::fmt::Display) -> SourceError {
    SourceError::File { path: "Manifest.db".into(), reason: reason.to_string() }
}

impl Manifest {
    /// A list without files.
    pub fn none() -> Manifest {
        Manifest::Legacy(Legacy { bytes: Vec::new(), index: Vec::new() })
    }

    /// `wal` is the log beside an unencrypted list, if there is one.
    pub fn database(reader: Box<dyn ReadAt>, wal: Option<Box<dyn ReadAt>>) -> Result<Manifest, SourceError> {
        let database = Database::open(reader, wal).map_err(damaged)?;
        if !database.tables().iter().any(|table| table == "Files") {
            return Err(damaged("it has no table `Files`"));
        }
        Ok(Manifest::Database(Box::new(Mutex::new(database))))
    }

    pub fn legacy(bytes: Vec<u8>) -> Result<Manifest, SourceError> {
        Legacy::new(bytes).map(Manifest::Legacy)
    }

    /// Every row, in the manifest's order; ends early when `each` returns false. Damage that ends the list is told to `problem`.
    ///
    /// Without `described` the rows come without what their `file` blob says, which takes most of the time.
    pub fn rows(
        &self,
        described: bool,
        each: &mut dyn FnMut(Row) -> bool,
        problem: &mut dyn FnMut(SourceError),
    ) {
        match self {
            Manifest::Database(database) => {
                if let Err(error) = stream(database, described, each) {
                    problem(damaged(format!("the list of files ends early: {error}")));
                }
            }
            Manifest::Legacy(legacy) => legacy.rows(each, problem),
        }
    }

    /// The row of a file id.
    pub fn row(&self, id: &str) -> Result<Option<Row>, SourceError> {
        match self {
            Manifest::Database(database) => {
                if id_bytes(id).is_none() {
                    return Ok(None);
                }
                let query = format!(
                    "SELECT rowid, fileID, domain, relativePath, flags, file FROM Files WHERE fileID = '{id}'"
                );
                let mut found = None;
                let database = lock(database);
                let mut statement = database.prepare(&[&query]).map_err(damaged)?;
                let mut take = |row: &SqliteRow<'_>| {
                    found.get_or_insert_with(|| row_of(row, true));
                    Ok(())
                };
                statement.for_each(&mut take).map_err(damaged)?;
                Ok(found)
            }
            Manifest::Legacy(legacy) => Ok(legacy.row(id)),
        }
    }
}

/// A panic elsewhere leaves a read-only database as good as before.
fn lock<'m>(database: &'m Mutex<Database<'static>>) -> MutexGuard<'m, Database<'static>> {
    database.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Rows taken out under one hold of the database, so that whoever is given a row may open its file at once.
const BATCH: usize = 1000;

fn stream(
    database: &Mutex<Database<'static>>,
    described: bool,
    each: &mut dyn FnMut(Row) -> bool,
) -> Result<(), DatabaseError> {
    let mut last = i64::MIN;
    loop {
        let mut rows = Vec::new();
        let result = batch(&lock(database), described, &mut last, &mut rows);
        let more = rows.len() == BATCH;
        for row in rows {
            if !each(row) {
                return Ok(());
            }
        }
        result?;
        if !more {
            return Ok(());
        }
    }
}

fn batch(
    database: &Database<'_>,
    described: bool,
    last: &mut i64,
    batch: &mut Vec<Row>,
) -> Result<(), DatabaseError> {
    let file = if described { "file" } else { "NULL" };
    let query = format!(
        "SELECT rowid, fileID, domain, relativePath, flags, {file} FROM Files WHERE rowid > {last} ORDER BY rowid LIMIT {BATCH}"
    );
    database.prepare(&[&query])?.for_each(&mut |row| {
        let number = row.value(0).as_int().unwrap_or(*last);
        // Only a damaged tree goes backwards, and then it may go round for ever.
        anyhow::ensure!(number > *last, "row {number} comes after row {last}");
        *last = number;
        batch.push(row_of(row, described));
        Ok(())
    })?;
    Ok(())
}

fn row_of(row: &SqliteRow<'_>, described: bool) -> Row {
    let text = |column: usize| match row.value(column) {
        Value::Text(text) => text.into_owned(),
        Value::Bytes(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Value::Int(int) => int.to_string(),
        _ => String::new(),
    };
    let flags = row.value(4).as_int().unwrap_or(0);
    let description = match row.value(5) {
        Value::Bytes(bytes) => bytes,
        Value::Text(text) => text.into_owned().into_bytes().into(),
        _ => Cow::default(),
    };
    let (file, odd) = match &*description {
        // A few rows have none.
        [] => (None, None),
        blob if blob.len() > MAX_BLOB => (
            None,
            Some(format!("its description in the manifest is {} bytes long and was not read", blob.len())),
        ),
        blob => match MbFile::parse(blob) {
            Some(file) => (Some(file), None),
            None => (None, Some("its description in the manifest cannot be read".into())),
        },
    };
    let row =
        Row { id: text(1), domain: text(2), relative: text(3), flags, file: file.unwrap_or_default(), odd };
    if described { checked(row) } else { row }
}

/// The file id is a hash of the path: a row where it is not was changed by hand, or decoded wrongly.
fn checked(mut row: Row) -> Row {
    if row.odd.is_none() && row.id != file_id(&row.domain, &row.relative) {
        row.odd = Some("its file id is not the hash of its path".into());
    }
    row
}

/// SHA-1 of `domain-relative`, the name of the payload.
pub(super) fn file_id(domain: &str, relative: &str) -> String {
    let mut hash = Sha1::new();
    hash.update(domain.as_bytes());
    hash.update(b"-");
    hash.update(relative.as_bytes());
    hex(&hash.finalize())
}

/// The 20 bytes of a file id; `None` for anything but 40 lower-case hex digits, which must never become a path.
pub(super) fn id_bytes(id: &str) -> Option<[u8; 20]> {
    let plain = id.len() == 40 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    plain.then(|| crate::record::unhex(id)?.try_into().ok()).flatten()
}

/// `Manifest.mbdb`, iOS 5 to 9: big-endian records one after the other.
pub(super) struct Legacy {
    bytes: Vec<u8>,
    /// Record offsets by file id.
    index: Vec<([u8; 20], usize)>,
}

impl Legacy {
    fn new(bytes: Vec<u8>) -> Result<Legacy, SourceError> {
        if !bytes.starts_with(b"mbdb") {
            return Err(SourceError::File {
                path: "Manifest.mbdb".into(),
                reason: "it is not an mbdb list".into(),
            });
        }
        let mut legacy = Legacy { bytes, index: Vec::new() };
        let mut at = 6;
        let mut index = Vec::new();
        while let Some((row, next)) = legacy.record(at) {
            index.extend(id_bytes(&row.id).map(|id| (id, at)));
            at = next;
        }
        index.sort_unstable();
        legacy.index = index;
        Ok(legacy)
    }

    fn rows(&self, each: &mut dyn FnMut(Row) -> bool, problem: &mut dyn FnMut(SourceError)) {
        let mut at = 6;
        while at < self.bytes.len() {
            let Some((row, next)) = self.record(at) else {
                problem(SourceError::File {
                    path: "Manifest.mbdb".into(),
                    reason: format!("the list of files ends early, with a cut record at offset {at}"),
                });
                return;
            };
            if !each(row) {
                return;
            }
            at = next;
        }
    }

    fn row(&self, id: &str) -> Option<Row> {
        let id = id_bytes(id)?;
        let found = self.index.binary_search_by(|(other, _)| other.cmp(&id)).ok()?;
        Some(self.record(self.index.get(found)?.1)?.0)
    }

    /// The record at an offset, and where the next one starts.
    fn record(&self, at: usize) -> Option<(Row, usize)> {
        let mut reader = Reader { rest: self.bytes.get(at..)? };
        let text = |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned();
        let domain = text(reader.string()?);
        let relative = text(reader.string()?);
        let target = reader.string()?.map(|target| text(Some(target))).filter(|target| !target.is_empty());
        let _hash = reader.string()?;
        let key = reader.string()?.map(<[u8]>::to_vec).filter(|key| !key.is_empty());
        let mode = u32::from(u16::from_be_bytes(reader.array()?));
        let _inode: [u8; 8] = reader.array()?;
        let uid = u32::from_be_bytes(reader.array()?);
        let _gid: [u8; 4] = reader.array()?;
        let modified = reader.time()?;
        let _accessed = reader.time()?;
        let changed = reader.time()?;
        let size = u64::from_be_bytes(reader.array()?);
        let [class] = reader.array()?;
        let [properties] = reader.array()?;
        let mut attributes = Vec::new();
        for _ in 0..properties {
            let _name = reader.string()?;
            let value = reader.string()?.unwrap_or_default();
            attributes
                .extend(std::str::from_utf8(value).ok().filter(|text| !text.is_empty()).map(str::to_owned));
        }
        let flags = match mode >> 12 {
            0xa => 4,
            0x4 => 2,
            0x8 => 1,
            _ => 0,
        };
        let row = Row {
            id: file_id(&domain, &relative),
            domain,
            relative,
            flags,
            file: MbFile {
                size: Some(size),
                mode: Some(mode),
                uid: Some(uid),
                class: Some(u32::from(class)),
                created: None,
                modified,
                changed,
                target,
                key,
                attributes,
            },
            odd: None,
        };
        Some((row, self.bytes.len() - reader.rest.len()))
    }
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        Some(*head)
    }

    /// The length 0xffff stands for "none".
    fn string(&mut self) -> Option<Option<&'a [u8]>> {
        let len = u16::from_be_bytes(self.array()?);
        if len == 0xffff {
            return Some(None);
        }
        let (text, rest) = self.rest.split_at_checked(usize::from(len))?;
        self.rest = rest;
        Some(Some(text))
    }

    fn time(&mut self) -> Option<Option<Timestamp>> {
        let seconds = u32::from_be_bytes(self.array()?);
        Some(Epoch::Unix.decode(&Value::Int(i64::from(seconds)), &Clock::NONE).ok().flatten())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::testing::mbdb;

    #[test]
    fn a_file_id_is_the_hash_of_domain_and_path() {
        assert_eq!(
            file_id("HomeDomain", "Library/Test/hello.txt"),
            "691d95c4d4859711a6e3274cbdab6dbd70ff5041"
        );
    }

    #[test]
    fn only_hash_names_are_file_ids() {
        assert!(id_bytes("691d95c4d4859711a6e3274cbdab6dbd70ff5041").is_some());
        assert!(id_bytes("691D95C4D4859711A6E3274CBDAB6DBD70FF5041").is_none());
        assert!(id_bytes("../../../../../../../../../etc/passwd000").is_none());
    }

    #[test]
    fn a_cut_legacy_list_keeps_what_came_before() {
        let whole = mbdb(&[("HomeDomain", "Library/a", b"one"), ("HomeDomain", "Library/b", b"two")]);
        for len in 6..whole.len() {
            let Manifest::Legacy(legacy) = Manifest::legacy(whole[..len].to_vec()).unwrap() else { panic!() };
            let (mut rows, mut problems) = (0, 0);
            legacy.rows(
                &mut |_| {
                    rows += 1;
                    true
                },
                &mut |_| problems += 1,
            );
            assert!(rows < 2 && problems <= 1);
        }
    }
}
