//! `observables.tsv.gz`, the store of a scan: collected while records stream by, sorted in runs on disk, merged into one packed file, and
//! found and opened again.
//!
//! What a line holds is told in [`crate::scan::store`].

use std::borrow::Cow;
use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, HashMap};
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use jiff::Timestamp;

use crate::artifact::{self, Record};
use crate::indicator::Matcher;
use crate::scan::store::{Checked, Line, Sighting, Taker, check, flag_words, footer, header};
use crate::scan::{Case, Located, Order};
use crate::source::System;

/// The file's name in the output folder.
pub const NAME: &str = "observables.tsv.gz";

/// What one task collects before it hands it on, and what all hand on before it is written out.
const TASK_BYTES: usize = 3 << 20;
const POOL_BYTES: usize = 12 << 20;
/// Of an entry beside its key: the hash table's slot, times, place.
const ENTRY_BYTES: usize = 220;
/// A path longer than this is kept in part.
const LONGEST_PATH_BYTES: usize = 4 << 10;

/// Kind, value, and eight bytes of [`Sight`]: one buffer, so that looking up allocates nothing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key(Box<[u8]>);

/// The artifact and the column where a value is seen, and the flags.
type Sight = (u16, u16, u32);

const SIGHT_BYTES: usize = 8;

fn encode(key: &mut Vec<u8>, kind: u8, value: &str, (artifact, column, flags): Sight) {
    key.clear();
    key.push(kind);
    key.extend_from_slice(value.as_bytes());
    key.extend_from_slice(&artifact.to_be_bytes());
    key.extend_from_slice(&column.to_be_bytes());
    key.extend_from_slice(&flags.to_be_bytes());
}

impl Key {
    /// Kind and value, and the rest, both in an order that bytes have.
    fn split(&self) -> (&[u8], &[u8]) {
        self.0.split_at(self.0.len().saturating_sub(SIGHT_BYTES))
    }

    fn value(&self) -> (u8, &str) {
        let (kind, value) = self.split().0.split_first().unwrap_or((&0, &[]));
        (*kind, std::str::from_utf8(value).unwrap_or_default())
    }

    fn sight(&self) -> Sight {
        let mut bytes = [0; SIGHT_BYTES];
        bytes.copy_from_slice(self.split().1.get(..SIGHT_BYTES).unwrap_or(&[0; SIGHT_BYTES]));
        let [a, b, c, d, flags @ ..] = bytes;
        (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]), u32::from_be_bytes(flags))
    }
}

impl std::borrow::Borrow<[u8]> for Key {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Key) -> Ordering {
        self.split().cmp(&other.split())
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Key) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A time in microseconds since 1970 and its column's index.
type Stamp = (i64, u16);

/// All that is kept of a value in one column of one artifact.
#[derive(Clone, Debug)]
struct Seen {
    count: u64,
    first: Option<Stamp>,
    last: Option<Stamp>,
    /// Of the earliest record: its file's number and its own.
    order: (u64, u64),
    path: Arc<str>,
    /// As JSON.
    place: Box<str>,
}

impl Seen {
    /// What decides which record is shown: the earliest, of those without a time the first.
    fn rank(&self) -> Rank {
        rank(self.first, self.order)
    }

    fn add(&mut self, other: Seen) {
        self.count = self.count.saturating_add(other.count);
        let last = self.last.max(other.last);
        // Whoever comes first, the same record is shown.
        if (other.rank(), &other.path, &other.place) < (self.rank(), &self.path, &self.place) {
            *self = Seen { count: self.count, ..other };
        }
        self.last = last;
    }
}

type Rank = (bool, Option<Stamp>, (u64, u64));

fn rank(first: Option<Stamp>, order: (u64, u64)) -> Rank {
    (first.is_none(), first, order)
}

/// When a record says that something happened, and its place in the order of records.
struct Event {
    first: Option<Stamp>,
    last: Option<Stamp>,
    order: (u64, u64),
}

/// Values by their keys, and roughly what they take.
#[derive(Default)]
struct Table {
    entries: HashMap<Key, Seen>,
    bytes: usize,
}

impl Table {
    /// Counts one more record that holds a value; where it stands is asked for only if that is kept.
    fn count(&mut self, key: &[u8], event: &Event, place: impl FnOnce() -> (Arc<str>, Box<str>)) {
        let seen = |(path, place)| {
            let Event { first, last, order } = *event;
            Seen { count: 1, first, last, order, path, place }
        };
        match self.entries.get_mut(key) {
            Some(known) if rank(event.first, event.order) < known.rank() => known.add(seen(place())),
            Some(known) => {
                known.count = known.count.saturating_add(1);
                known.last = known.last.max(event.last);
            }
            None => {
                self.bytes += key.len() + ENTRY_BYTES;
                self.entries.insert(Key(key.into()), seen(place()));
            }
        }
    }

    fn absorb(&mut self, other: Table) {
        for (key, seen) in other.entries {
            match self.entries.get_mut(&key) {
                Some(known) => known.add(seen),
                None => {
                    self.bytes += key.0.len() + ENTRY_BYTES;
                    self.entries.insert(key, seen);
                }
            }
        }
    }
}

/// The store of a scan while it grows.
pub(super) struct Store {
    folder: PathBuf,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    pool: Table,
    runs: Vec<File>,
    shortened: u64,
}

impl Store {
    pub fn new(folder: &Path) -> Store {
        Store { folder: folder.to_owned(), state: Mutex::default() }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn take(&self, table: Table) -> io::Result<()> {
        let full = {
            let mut state = self.lock();
            state.pool.absorb(table);
            (state.pool.bytes >= POOL_BYTES).then(|| std::mem::take(&mut state.pool))
        };
        if let Some(full) = full {
            let run = self.write_run(full)?;
            self.lock().runs.push(run);
        }
        Ok(())
    }

    fn write_run(&self, table: Table) -> io::Result<File> {
        let mut entries: Vec<(Key, Seen)> = table.entries.into_iter().collect();
        entries.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        // Unlinked from the start: nothing stays behind, however the program ends.
        let mut out = BufWriter::with_capacity(1 << 18, tempfile::tempfile_in(&self.folder)?);
        for (key, seen) in &entries {
            write_entry(&mut out, key, seen)?;
        }
        let mut file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.rewind()?;
        Ok(file)
    }

    /// Writes the store of a case into the output folder.
    pub fn finish(self, case: &Case) -> io::Result<()> {
        let state = std::mem::take(&mut *self.lock());
        let mut runs = state.runs;
        if !state.pool.entries.is_empty() {
            runs.push(self.write_run(state.pool)?);
        }
        let file = super::folder::create(&self.folder.join(NAME))?;
        // No name and no time of day in the gzip header: the same scan gives the same bytes.
        let mut out = BufWriter::with_capacity(1 << 16, GzEncoder::new(file, Compression::fast()));
        out.write_all(&header(&case.device, &case.description)?)?;
        let observables = merge(runs, &mut out)?;
        out.write_all(&footer(observables, state.shortened)?)?;
        out.into_inner().map_err(io::IntoInnerError::into_error)?.finish()?.flush()
    }
}

/// Joins the runs; returns the number of lines.
fn merge(runs: Vec<File>, out: &mut impl Write) -> io::Result<u64> {
    let mut runs: Vec<BufReader<File>> =
        runs.into_iter().map(|run| BufReader::with_capacity(64 << 10, run)).collect();
    let mut heap = BinaryHeap::new();
    let mut waiting: Vec<Option<Seen>> = runs.iter().map(|_| None).collect();
    for index in 0..runs.len() {
        advance(&mut runs, &mut waiting, index, &mut heap)?;
    }
    let (mut line, mut observables) = (Vec::new(), 0);
    let mut current: Option<(Key, Seen)> = None;
    while let Some(Reverse((key, index))) = heap.pop() {
        let Some(seen) = waiting.get_mut(index).and_then(Option::take) else { continue };
        advance(&mut runs, &mut waiting, index, &mut heap)?;
        current = match current.take() {
            Some((known, mut total)) if known == key => {
                total.add(seen);
                Some((known, total))
            }
            before => {
                if let Some((known, total)) = &before {
                    push(&mut line, known, total);
                    if known.split().0 != key.split().0 {
                        observables += 1;
                        line.push(b'\n');
                        out.write_all(&line)?;
                        line.clear();
                    }
                }
                Some((key, seen))
            }
        };
    }
    if let Some((known, total)) = &current {
        push(&mut line, known, total);
        observables += 1;
        line.push(b'\n');
        out.write_all(&line)?;
    }
    Ok(observables)
}

fn advance(
    runs: &mut [BufReader<File>],
    waiting: &mut [Option<Seen>],
    index: usize,
    heap: &mut BinaryHeap<Reverse<(Key, usize)>>,
) -> io::Result<()> {
    if let (Some(run), Some(slot)) = (runs.get_mut(index), waiting.get_mut(index))
        && let Some((key, seen)) = read_entry(run)?
    {
        *slot = Some(seen);
        heap.push(Reverse((key, index)));
    }
    Ok(())
}

/// Adds a sighting to the line of its value, which it begins if it is the first.
fn push(line: &mut Vec<u8>, key: &Key, seen: &Seen) {
    let (artifact, column, flags) = key.sight();
    let Some(artifact) = artifact::all().get(usize::from(artifact)) else { return };
    let name = |index: u16| artifact.columns.get(usize::from(index)).map_or("", |column| column.name);
    let moment = |stamp: Option<Stamp>| {
        let (at, column) = stamp?;
        Some((Timestamp::from_microsecond(at).ok()?, Cow::Borrowed(name(column))))
    };
    if line.is_empty() {
        let (kind, value) = key.value();
        Line::begin(line, kind, value);
    }
    let sighting = Sighting {
        artifact: artifact.id.into(),
        column: name(column).into(),
        flags: flag_words(artifact, flags).into(),
        count: seen.count,
        first: moment(seen.first),
        last: moment(seen.last),
        path: (&*seen.path).into(),
        place: (&*seen.place).into(),
    };
    sighting.write(line);
}

fn write_entry(out: &mut impl Write, key: &Key, seen: &Seen) -> io::Result<()> {
    write_counted(out, &key.0)?;
    out.write_all(&seen.count.to_le_bytes())?;
    for stamp in [seen.first, seen.last] {
        // No time that a record can hold is as early.
        let (at, column) = stamp.unwrap_or((i64::MIN, 0));
        out.write_all(&at.to_le_bytes())?;
        out.write_all(&column.to_le_bytes())?;
    }
    out.write_all(&seen.order.0.to_le_bytes())?;
    out.write_all(&seen.order.1.to_le_bytes())?;
    write_counted(out, seen.path.as_bytes())?;
    write_counted(out, seen.place.as_bytes())
}

fn write_counted(out: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
    out.write_all(&length.to_le_bytes())?;
    out.write_all(bytes)
}

/// The next entry of a run; `None` at its end.
fn read_entry(run: &mut BufReader<File>) -> io::Result<Option<(Key, Seen)>> {
    if run.fill_buf()?.is_empty() {
        return Ok(None);
    }
    let key = Key(read_counted(run)?.into());
    let count = u64::from_le_bytes(read_array(run)?);
    let mut stamp = || -> io::Result<Option<Stamp>> {
        let (at, column) = (i64::from_le_bytes(read_array(run)?), u16::from_le_bytes(read_array(run)?));
        Ok((at != i64::MIN).then_some((at, column)))
    };
    let (first, last) = (stamp()?, stamp()?);
    let order = (u64::from_le_bytes(read_array(run)?), u64::from_le_bytes(read_array(run)?));
    let mut text = || String::from_utf8(read_counted(run)?).map_err(io::Error::other);
    let (path, place) = (text()?.into(), text()?.into());
    Ok(Some((key, Seen { count, first, last, order, path, place })))
}

fn read_array<const N: usize>(run: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    run.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn read_counted(run: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; u32::from_le_bytes(read_array(run)?) as usize];
    run.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// Takes the observables of one task's records.
pub(super) struct Collector {
    order: Order,
    taker: Taker,
    table: Table,
    key: Vec<u8>,
    path: Arc<str>,
}

impl Collector {
    pub fn new(artifact: &artifact::Artifact, order: Order) -> Collector {
        Collector {
            order,
            taker: Taker::new(artifact),
            table: Table::default(),
            key: Vec::new(),
            path: "".into(),
        }
    }

    pub fn record(
        &mut self,
        store: &Store,
        record: &Record<'_>,
        at: &Located<'_>,
        sequence: u64,
    ) -> io::Result<()> {
        let Collector { order, taker, table, key, path } = self;
        let flags = taker.flags(record);
        let mut event = None;
        taker.each(record, &mut |column, kind, value| {
            encode(key, kind, value, (order.0, column as u16, flags));
            let event = event.get_or_insert_with(|| event_of(record, (order.1, sequence)));
            table.count(key, event, || {
                let shown = at.path.get(..at.path.floor_char_boundary(LONGEST_PATH_BYTES)).unwrap_or(at.path);
                if **path != *shown {
                    *path = shown.into();
                }
                (Arc::clone(path), serde_json::to_string(record.place).unwrap_or_default().into())
            });
        });
        if self.table.bytes >= TASK_BYTES {
            store.take(std::mem::take(&mut self.table))?;
        }
        Ok(())
    }

    pub fn finish(self, store: &Store) -> io::Result<()> {
        store.lock().shortened += self.taker.shortened;
        store.take(self.table)
    }
}

fn event_of(record: &Record<'_>, order: (u64, u64)) -> Event {
    let columns = record.artifact.columns.iter().zip(record.values).zip(0..);
    let stamps = columns.filter(|((column, _), _)| column.moment.is_some());
    let stamps = stamps.filter_map(|((_, value), index)| Some((value.as_time()?.as_microsecond(), index)));
    let mut event = Event { first: None, last: None, order };
    for stamp in stamps {
        event.first = Some(event.first.map_or(stamp, |first| first.min(stamp)));
        event.last = event.last.max(Some(stamp));
    }
    event
}

/// The stores that a path names: itself, that of an output folder, or those of all output folders below, sorted.
pub fn find(path: &Path) -> io::Result<Vec<PathBuf>> {
    if std::fs::metadata(path)?.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let mut stores = Vec::new();
    for entry in walkdir::WalkDir::new(path) {
        let entry = entry.map_err(io::Error::other)?;
        if entry.file_type().is_file() && entry.file_name() == NAME {
            stores.push(entry.into_path());
        }
    }
    stores.sort();
    Ok(stores)
}

/// Opens a store, packed or not, and matches it.
///
/// # Errors
/// If it cannot be opened or is no store.
pub fn read<'m>(path: &Path, matcher_of: &dyn Fn(System) -> &'m Matcher) -> io::Result<Checked<'m>> {
    let mut file = BufReader::with_capacity(256 << 10, File::options().read(true).open(path)?);
    let packed = file.fill_buf()?.starts_with(&[0x1f, 0x8b]);
    let checked = match packed {
        true => check(&mut MultiGzDecoder::new(file), matcher_of),
        false => check(&mut file, matcher_of),
    };
    checked.map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(count: u64, first: Option<i64>, order: u64) -> Seen {
        let first = first.map(|at| (at, 0));
        Seen {
            count,
            first,
            last: first,
            order: (order, 0),
            path: "/p".into(),
            place: "{\"key\":\"k\"}".into(),
        }
    }

    fn key(kind: u8, value: &str, column: u16) -> Key {
        let mut key = Vec::new();
        encode(&mut key, kind, value, (0, column, 0));
        Key(key.into())
    }

    #[test]
    fn keys_are_ordered_by_kind_and_value_first() {
        let mut keys = [key(1, "a", 0), key(0, "b", 0), key(0, "a\0", 0), key(0, "a", 9), key(0, "a", 1)];
        keys.sort();
        let order: Vec<_> = keys.iter().map(|key| (key.value(), key.sight().1)).collect();
        assert_eq!(order, [((0, "a"), 1), ((0, "a"), 9), ((0, "a\0"), 0), ((0, "b"), 0), ((1, "a"), 0)]);
    }

    #[test]
    fn the_earliest_record_is_shown_in_whatever_order_they_come() {
        let records = [seen(1, None, 1), seen(2, Some(5), 9), seen(3, Some(7), 2), seen(1, Some(5), 8)];
        let merged = |order: [usize; 4]| {
            let mut all = records[order[0]].clone();
            order[1..].iter().for_each(|index| all.add(records[*index].clone()));
            (all.count, all.first, all.last, all.order)
        };
        let expected = (7, Some((5, 0)), Some((7, 0)), (8, 0));
        for order in [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]] {
            assert_eq!(merged(order), expected);
        }
    }

    #[test]
    fn runs_become_one_line_for_each_value() {
        let folder = tempfile::tempdir().unwrap();
        let written = |runs: usize| {
            let store = Store::new(folder.path());
            let mut files = Vec::new();
            for run in 0..runs {
                let mut table = Table::default();
                for value in (run..300).step_by(runs) {
                    table.entries.insert(
                        key(0, &format!("https://{value}.example"), 0),
                        seen(1, Some(value as i64), 0),
                    );
                }
                table.entries.insert(key(0, "https://7.example", 1), seen(1, None, run as u64));
                files.push(store.write_run(table).unwrap());
            }
            let mut out = Vec::new();
            assert_eq!(merge(files, &mut out).unwrap(), 300);
            String::from_utf8(out).unwrap()
        };
        let (one, many) = (written(1), written(7));
        assert_eq!(one.lines().count(), 300);
        assert_eq!(one, many.replace("\t\t7\t\t\t/p", "\t\t1\t\t\t/p"));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
