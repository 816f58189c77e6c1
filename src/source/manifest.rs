//! The list of files in a backup: `Manifest.db`, and `Manifest.mbdb` up to iOS 9. Rows are streamed, never kept.

use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags, types::ValueRef};
use sha1::{Digest, Sha1};

use super::{
    SourceError,
    mbfile::{MAX_BLOB, MbFile},
};
use crate::{
    format::ReadAt,
    record::{Value, hex},
    time::Epoch,
};

pub(super) const SQLITE_MAGIC: &[u8; 16] = b"SQLite format 3\0";
const MAX_MANIFEST: u64 = 2 << 30;

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
    Database(Mutex<Connection>),
    Legacy(Legacy),
}

fn damaged(reason: impl std::fmt::Display) -> SourceError {
    SourceError::File { path: "Manifest.db".into(), reason: reason.to_string() }
}

/// An in-memory, read-only view of the database: no file is made and the one in the evidence is not touched.
fn manifest_database(reader: Box<dyn ReadAt>) -> Result<Connection, SourceError> {
    let mut bytes = reader.read_all(MAX_MANIFEST).map_err(damaged)?;
    if !bytes.starts_with(SQLITE_MAGIC) {
        return Err(damaged("it is not a SQLite database"));
    }
    // The header says WAL, which an in-memory database cannot be; there is no log to apply.
    if let Some(versions) = bytes.get_mut(18..20) {
        versions.fill(1);
    }
    // Some tools leave 16 bytes of padding behind the last page.
    let page = bytes.get(16..18).map_or(0, |size| usize::from(u16::from_be_bytes([size[0], size[1]])));
    let page = if page == 1 { 65_536 } else { page };
    if page >= 512 && bytes.len() % page == 16 {
        bytes.truncate(bytes.len() - 16);
    }
    let mut connection =
        Connection::open_in_memory_with_flags(OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(damaged)?;
    connection.deserialize_read_exact("main", bytes.as_slice(), bytes.len(), true).map_err(damaged)?;
    connection.execute_batch("PRAGMA trusted_schema=OFF; PRAGMA query_only=ON").map_err(damaged)?;
    Ok(connection)
}

impl Manifest {
    /// A list without files.
    pub fn none() -> Manifest {
        Manifest::Legacy(Legacy { bytes: Vec::new(), index: Vec::new() })
    }

    pub fn database(reader: Box<dyn ReadAt>) -> Result<Manifest, SourceError> {
        let connection = manifest_database(reader)?;
        let kind: Result<String, _> =
            connection.query_row("SELECT type FROM sqlite_schema WHERE name = 'Files'", [], |row| row.get(0));
        match kind.as_deref() {
            Ok("table") => Ok(Manifest::Database(Mutex::new(connection))),
            Ok(_) | Err(rusqlite::Error::QueryReturnedNoRows) => Err(damaged("it has no table `Files`")),
            Err(error) => Err(damaged(error)),
        }
    }

    pub fn legacy(bytes: Vec<u8>) -> Result<Manifest, SourceError> {
        Legacy::new(bytes).map(Manifest::Legacy)
    }

    /// Every row, in the manifest's order; ends early when `each` returns false. Damage that ends the list is told to `problem`.
    pub fn rows(&self, each: &mut dyn FnMut(Row) -> bool, problem: &mut dyn FnMut(SourceError)) {
        match self {
            Manifest::Database(connection) => {
                if let Err(error) = stream(connection, each) {
                    problem(damaged(format!("the list of files ends early: {error}")));
                }
            }
            Manifest::Legacy(legacy) => legacy.rows(each, problem),
        }
    }

    /// The row of a file id.
    pub fn row(&self, id: &str) -> Result<Option<Row>, SourceError> {
        match self {
            Manifest::Database(connection) => {
                let connection = lock(connection);
                let mut statement = connection
                    .prepare_cached(
                        "SELECT fileID, domain, relativePath, flags, file FROM Files WHERE fileID = ?1",
                    )
                    .map_err(damaged)?;
                let mut rows = statement.query([id]).map_err(damaged)?;
                Ok(rows.next().map_err(damaged)?.map(row_of))
            }
            Manifest::Legacy(legacy) => Ok(legacy.row(id)),
        }
    }
}

/// A panic elsewhere leaves a read-only connection as good as before.
fn lock(connection: &Mutex<Connection>) -> MutexGuard<'_, Connection> {
    connection.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Rows taken out under one hold of the connection, so that whoever is given a row may open its file at once.
const BATCH: usize = 1000;

fn stream(connection: &Mutex<Connection>, each: &mut dyn FnMut(Row) -> bool) -> rusqlite::Result<()> {
    let mut last = i64::MIN;
    loop {
        let batch = batch(&lock(connection), &mut last)?;
        let more = batch.len() == BATCH;
        for row in batch {
            if !each(row) {
                return Ok(());
            }
        }
        if !more {
            return Ok(());
        }
    }
}

fn batch(connection: &Connection, last: &mut i64) -> rusqlite::Result<Vec<Row>> {
    let mut statement = connection.prepare_cached(
        "SELECT fileID, domain, relativePath, flags, file, rowid FROM Files WHERE rowid > ?1 ORDER BY rowid LIMIT ?2",
    )?;
    let mut rows = statement.query((*last, BATCH as i64))?;
    let mut batch = Vec::new();
    while let Some(row) = rows.next()? {
        let number: i64 = row.get(5)?;
        if number <= *last {
            // Only a damaged tree goes backwards, and then it may go round for ever.
            return Err(rusqlite::Error::IntegralValueOutOfRange(5, number));
        }
        *last = number;
        batch.push(row_of(row));
    }
    Ok(batch)
}

fn row_of(row: &rusqlite::Row<'_>) -> Row {
    let text = |column: usize| match row.get_ref(column) {
        Ok(ValueRef::Text(bytes) | ValueRef::Blob(bytes)) => String::from_utf8_lossy(bytes).into_owned(),
        Ok(ValueRef::Integer(int)) => int.to_string(),
        _ => String::new(),
    };
    let flags = match row.get_ref(3) {
        Ok(ValueRef::Integer(flags)) => flags,
        _ => 0,
    };
    let (file, odd) = match row.get_ref(4) {
        Ok(ValueRef::Blob(blob) | ValueRef::Text(blob)) if blob.len() > MAX_BLOB => (
            None,
            Some(format!("its description in the manifest is {} bytes long and was not read", blob.len())),
        ),
        Ok(ValueRef::Blob(blob) | ValueRef::Text(blob)) if !blob.is_empty() => match MbFile::parse(blob) {
            Some(file) => (Some(file), None),
            None => (None, Some("its description in the manifest cannot be read".into())),
        },
        // A few rows have none.
        _ => (None, None),
    };
    checked(Row {
        id: text(0),
        domain: text(1),
        relative: text(2),
        flags,
        file: file.unwrap_or_default(),
        odd,
    })
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
        Some(Epoch::Unix.decode(&Value::Int(i64::from(seconds))).ok().flatten())
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
