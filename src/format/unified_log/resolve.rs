//! Messages: log data, catalog, strings and clock brought together by `macos-unifiedlogs`.
//!
//! The crate reads whole files, takes lengths on trust and reports failure as text inside fields. So it is given one part at a time,
//! already unpacked, in a file made for it; what it cannot read or panics over is that part's loss and is counted.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use macos_unifiedlogs::parser::{build_log, parse_log};
use macos_unifiedlogs::unified_log::{LogData, UnifiedLogCatalogData, UnifiedLogData};

use super::bytes::{Fields, Uuid};
use super::catalog::Catalog;
use super::chunk::Chunkset;
use super::chunkset::{Kind, PREAMBLE_LEN, Part, parts};
use super::entry::{Entry, event_name, is_no_format, known, level_name, mark_lost_values};
use super::oversize::Oversize;
use super::strings::{NoFiles, Strings};
use super::timesync::Clock;
use super::{Damages, dump};

/// Log data resolved at once. The crate compiles an expression for each call, which must not weigh; what it makes of one byte must.
const BATCH: usize = 256 << 10;
/// How often a batch over which the crate panics is halved.
const MAX_HALVINGS: u32 = 64;

/// What could not be made of the log data of a file.
#[derive(Clone, Debug, Default)]
pub struct Unresolved {
    /// Entries by what they lack.
    pub counts: BTreeMap<&'static str, u64>,
    /// Log data that could not be read, by the offset of its chunkset.
    pub damages: Damages,
}

impl Unresolved {
    fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }
}

/// Makes entries of the chunksets of one file, given in their order.
pub struct Resolver<'s> {
    strings: &'s Strings<'s>,
    clock: &'s Clock,
    oversize: Oversize,
    batch: Batch,
    unresolved: Unresolved,
}

/// Records that share a catalog, read but not resolved.
#[derive(Default)]
struct Batch {
    boot: Option<Uuid>,
    catalog: Catalog,
    /// The crate's form of the header and the catalog, with the records.
    data: UnifiedLogData,
    /// For each group of records its chunkset's offset.
    offsets: Vec<u64>,
    bytes: usize,
}

impl<'s> Resolver<'s> {
    /// `oversize` is what a first walk over the file collected, or empty: then values that come behind their message are lost.
    pub fn new(strings: &'s Strings<'s>, clock: &'s Clock, oversize: Oversize) -> Resolver<'s> {
        let (batch, unresolved) = (Batch::default(), Unresolved::default());
        Resolver { strings, clock, oversize, batch, unresolved }
    }

    /// Calls `each` with the entries of this chunkset or, since they are resolved together, of one before it.
    pub fn entries(&mut self, chunkset: &Chunkset<'_>, each: &mut dyn FnMut(Entry)) {
        let boot = chunkset.boot();
        if self.batch.data.header.is_empty()
            || self.batch.boot != boot
            || self.batch.catalog.raw != chunkset.catalog.raw
        {
            self.flush(each);
            self.begin(chunkset, boot);
        }
        self.oversize.collect(chunkset.data);
        let damage = parts(chunkset.data, |part| match part.kind {
            Kind::Firehose => self.firehose(part, chunkset.offset, each),
            Kind::Simpledump => self.dump(dump::simple(part.body()), chunkset.offset, each),
            Kind::Statedump => self.dump(dump::state(part.body()), chunkset.offset, each),
            Kind::Oversize => {}
        });
        if let Some(damage) = damage {
            self.unresolved.damages.add(chunkset.offset, format!("log data {damage}"));
        }
    }

    /// Calls `each` with the entries still held, and says what is missing.
    pub fn finish(mut self, each: &mut dyn FnMut(Entry)) -> Unresolved {
        self.flush(each);
        if self.oversize.lost > 0 {
            self.unresolved.counts.insert("long value given up", self.oversize.lost);
        }
        self.unresolved
    }

    fn begin(&mut self, chunkset: &Chunkset<'_>, boot: Option<Uuid>) {
        let read = |catalog: &[u8]| {
            let file = [chunk(0x1000, &[0; 208]), chunk(0x600B, catalog)].concat();
            guarded(|| parse_log(file.as_slice(), "").ok())
                .flatten()
                .filter(|data| data.catalog_data.len() == 1)
        };
        let data = read(&chunkset.catalog.raw).or_else(|| {
            if !chunkset.catalog.raw.is_empty() {
                self.unresolved.damages.add(chunkset.offset, "catalog of this chunkset cannot be used");
            }
            read(&EMPTY_CATALOG)
        });
        let data = data.unwrap_or_default();
        self.batch = Batch { boot, catalog: chunkset.catalog.clone(), data, ..Batch::default() };
    }

    fn firehose(&mut self, part: Part<'_>, offset: u64, each: &mut dyn FnMut(Entry)) {
        if !self.push(part, offset) {
            // The crate gives up a group for one record: the others are read one by one.
            let mut lost = 0u64;
            for record in records(part.body()) {
                let single = Part { kind: Kind::Firehose, bytes: &record };
                lost += u64::from(!self.push(single, offset));
            }
            *self.unresolved.counts.entry("record cannot be read").or_default() += lost;
            self.unresolved.damages.add(offset, "group of records is damaged");
        }
        if self.batch.bytes >= BATCH {
            self.flush(each);
        }
    }

    /// Reads a group of records into the batch.
    fn push(&mut self, part: Part<'_>, offset: u64) -> bool {
        let read = sound_firehose(part.body()).and_then(|()| read_part(part));
        let (Some(mut read), Some(batch)) = (read, self.batch.data.catalog_data.first_mut()) else {
            return false;
        };
        if read.firehose.len() != 1 {
            return false;
        }
        batch.firehose.append(&mut read.firehose);
        self.batch.offsets.push(offset);
        self.batch.bytes += part.bytes.len();
        true
    }

    fn dump(&mut self, dump: Option<dump::Dump>, offset: u64, each: &mut dyn FnMut(Entry)) {
        let Some(dump) = dump else {
            self.unresolved.damages.add(offset, "dump is cut short");
            return;
        };
        if let Some(damage) = dump.damage {
            self.unresolved.damages.add(offset, damage);
        }
        let library = dump.sender.and_then(|sender| self.strings.image_path(sender));
        let entry = Entry { library, library_uuid: dump.sender, offset, ..dump.entry };
        each(self.placed(entry, dump.ids));
    }

    /// Adds process and time to an entry.
    fn placed(&mut self, mut entry: Entry, ids: (u64, u32)) -> Entry {
        entry.boot = self.batch.boot;
        entry.time = entry.boot.and_then(|boot| self.clock.wall(boot, entry.continuous));
        if entry.time.is_none() {
            self.unresolved.count("no time");
        }
        if let Some(process) = self.batch.catalog.process(ids) {
            entry.pid = process.pid;
            entry.euid = process.euid;
            entry.process_uuid = process.main;
        }
        entry.process = entry.process_uuid.and_then(|main| self.strings.image_path(main));
        if entry.process.is_none() {
            self.unresolved.count("process not known");
        }
        entry
    }

    /// Resolves the batch and empties it.
    fn flush(&mut self, each: &mut dyn FnMut(Entry)) {
        let Some(catalog) = self.batch.data.catalog_data.first_mut() else { return };
        let groups = std::mem::take(&mut catalog.firehose);
        let offsets = std::mem::take(&mut self.batch.offsets);
        self.batch.bytes = 0;
        if groups.is_empty() {
            return;
        }
        let whole = UnifiedLogCatalogData {
            catalog: std::mem::take(&mut catalog.catalog),
            firehose: groups,
            ..UnifiedLogCatalogData::default()
        };
        let mut waiting = vec![(whole, offsets)];
        let mut halvings = 0;
        while let Some((groups, offsets)) = waiting.pop() {
            let (mut groups, logs) = self.build(groups);
            if let Some(logs) = logs {
                self.emit(&groups, &offsets, logs, each);
                self.keep_catalog(groups);
                continue;
            }
            halvings += 1;
            let second = if halvings > MAX_HALVINGS { None } else { second_half(&mut groups) };
            if let Some((second, position)) = second {
                waiting.push((second, offsets.get(position..).unwrap_or_default().to_vec()));
                waiting.push((groups, offsets));
            } else {
                self.give_up(&groups, &offsets);
                self.keep_catalog(groups);
            }
        }
    }

    fn build(&mut self, groups: UnifiedLogCatalogData) -> (UnifiedLogCatalogData, Option<Vec<LogData>>) {
        let mut data = UnifiedLogData {
            header: std::mem::take(&mut self.batch.data.header),
            catalog_data: vec![groups],
            oversize: std::mem::take(&mut self.oversize.data.oversize),
            evidence: String::new(),
        };
        // Without time records the crate's time is the tick itself.
        let logs = guarded(|| build_log(&data, &NoFiles, self.strings, &Default::default(), false).0);
        self.batch.data.header = data.header;
        self.oversize.data.oversize = data.oversize;
        (data.catalog_data.pop().unwrap_or_default(), logs)
    }

    /// Takes the catalog back for the next batch.
    fn keep_catalog(&mut self, groups: UnifiedLogCatalogData) {
        if let Some(held) = self.batch.data.catalog_data.first_mut() {
            held.catalog = groups.catalog;
        }
    }

    fn give_up(&mut self, groups: &UnifiedLogCatalogData, offsets: &[u64]) {
        let records: usize = groups.firehose.iter().map(|group| group.public_data.len()).sum();
        *self.unresolved.counts.entry("record cannot be read").or_default() += records as u64;
        if let Some(offset) = offsets.first() {
            self.unresolved.damages.add(*offset, "records are damaged");
        }
    }

    fn emit(
        &mut self,
        groups: &UnifiedLogCatalogData,
        offsets: &[u64],
        logs: Vec<LogData>,
        each: &mut dyn FnMut(Entry),
    ) {
        let mut logs = logs.into_iter();
        for (group, offset) in groups.firehose.iter().zip(offsets) {
            let ids = (group.first_number_proc_id, group.second_number_proc_id);
            for (record, log) in group.public_data.iter().zip(logs.by_ref()) {
                let shared = matches!(record.flags & 0xE, 0x4 | 0xC);
                let dynamic = record.format_string_location & 0x8000_0000 != 0;
                let entry = self.entry(log, shared && dynamic, *offset);
                each(self.placed(entry, ids));
            }
        }
    }

    /// The crate's words as facts. Of a dynamic message in the shared cache it names the first library of the cache: no fact.
    fn entry(&mut self, log: LogData, library_guessed: bool, offset: u64) -> Entry {
        let mut entry = Entry {
            continuous: log.time as u64,
            subsystem: known(log.subsystem),
            category: known(log.category),
            event: event_name(log.event_type),
            level: level_name(log.log_type),
            activity: log.activity_id,
            thread: log.thread_id,
            offset,
            ..Entry::default()
        };
        let format = if log.raw_message.is_empty() { &log.message } else { &log.raw_message };
        let no_format = is_no_format(format);
        if !(library_guessed || no_format && format.contains("shared string")) {
            entry.library = known(log.library);
            entry.library_uuid = log.library_uuid.parse().ok().filter(|uuid: &Uuid| uuid.0 != 0);
        }
        if no_format {
            self.unresolved.count("format string lost");
            let values = log.message_entries.into_iter().map(|item| item.message_strings);
            entry.values = values.filter(|value| !value.is_empty() && value != "<private>").collect();
            return entry;
        }
        let mut message = log.message;
        if mark_lost_values(&mut message) {
            self.unresolved.count("value lost");
        }
        entry.message = Some(message).filter(|message| !message.is_empty());
        entry
    }
}

/// Takes the second half off groups of records, or off the records of a single group, with the position of its first group; `None`
/// for a single record.
fn second_half(first: &mut UnifiedLogCatalogData) -> Option<(UnifiedLogCatalogData, usize)> {
    let mut second = UnifiedLogCatalogData { catalog: first.catalog.clone(), ..Default::default() };
    let half = first.firehose.len() / 2;
    if half > 0 {
        second.firehose = first.firehose.split_off(half);
        return Some((second, half));
    }
    let group = first.firehose.first_mut().filter(|group| group.public_data.len() > 1)?;
    let rest = group.public_data.split_off(group.public_data.len() / 2);
    let mut other = group.clone();
    other.public_data = rest;
    second.firehose.push(other);
    Some((second, 0))
}

/// A catalog of nothing.
const EMPTY_CATALOG: [u8; 24] = [0; 24];

/// Runs the crate; `None` if it panics. Nothing it has touched is used again then.
fn guarded<T>(run: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(run)).ok()
}

/// A chunk as the crate reads it.
fn chunk(tag: u32, data: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(PREAMBLE_LEN + data.len() + 8);
    bytes.extend(tag.to_le_bytes());
    bytes.extend(0x11u32.to_le_bytes());
    bytes.extend((data.len() as u64).to_le_bytes());
    bytes.extend(data);
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    bytes
}

/// One part in the crate's form, read from a file that holds nothing else.
pub(super) fn read_part(part: Part<'_>) -> Option<UnifiedLogCatalogData> {
    let len = u32::try_from(part.bytes.len()).ok()?;
    let mut file = Vec::with_capacity(96 + part.bytes.len());
    file.extend(chunk(0x600B, &EMPTY_CATALOG));
    file.extend(0x600Du32.to_le_bytes());
    file.extend(0x11u32.to_le_bytes());
    file.extend((u64::from(len) + 12).to_le_bytes());
    file.extend(b"bv4-");
    file.extend(len.to_le_bytes());
    file.extend(part.bytes);
    file.extend(b"bv4$");
    file.resize(file.len().next_multiple_of(8), 0);
    let mut read = guarded(|| parse_log(file.as_slice(), "").ok()).flatten()?;
    let mut catalog = read.catalog_data.pop()?;
    catalog.oversize = read.oversize;
    Some(catalog)
}

const GROUP_HEADER_LEN: usize = 32;
const RECORD_HEADER_LEN: usize = 24;
/// Stands for no private data.
const NO_PRIVATE: u16 = 0x1000;

/// Refuses a group whose lengths the crate would subtract below zero, to spare a panic.
fn sound_firehose(body: &[u8]) -> Option<()> {
    let mut fields = Fields(body.get(16..)?);
    let (public_len, private_at) = (fields.u16()?, fields.u16()?);
    (public_len >= 16 && private_at <= NO_PRIVATE).then_some(())
}

/// The records of a damaged group, each in a group of its own and without the private data behind them.
fn records(body: &[u8]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let Some((header, mut rest)) = body.split_at_checked(GROUP_HEADER_LEN) else { return found };
    while let Some(len) = record_len(rest) {
        let record = rest.get(..len).unwrap_or(rest);
        let padded = len.next_multiple_of(8);
        let mut group = header.to_vec();
        // Both lengths count what follows the first 16 bytes.
        let public_len = u16::try_from(padded + 16).unwrap_or(u16::MAX);
        if let Some(field) = group.get_mut(16..20) {
            field.copy_from_slice(&[public_len.to_le_bytes(), NO_PRIVATE.to_le_bytes()].concat());
        }
        group.extend(record);
        group.resize(GROUP_HEADER_LEN + padded, 0);
        found.push(chunk(0x6001, &group));
        rest = rest.get(padded..).unwrap_or_default();
    }
    found
}

/// The length of the record at the front with its header, if there can be one.
fn record_len(bytes: &[u8]) -> Option<usize> {
    let kind = bytes.first().filter(|kind| matches!(kind, 2 | 3 | 4 | 6 | 7));
    let len = Fields(bytes.get(22..RECORD_HEADER_LEN)?).u16()?;
    let len = RECORD_HEADER_LEN + usize::from(len);
    kind.filter(|_| len <= bytes.len()).map(|_| len)
}
