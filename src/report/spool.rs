//! Sorting more events than memory holds: sorted runs go to unnamed files in the output folder and are merged while written.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Mutex;

use crate::format::ReadAt;
use crate::source::FileAt;

/// What orders events: time (microseconds since 1970), artifact, file, record, column. Total, and the same on every run.
pub(super) type Key = (i64, u16, u64, u64, u16);

/// Events are sorted and written out in pieces of this size.
const RUN_BYTES: usize = 16 << 20;
/// A buffer grows by this, not by doubling: three of them at twice their size would be most of the program's memory.
const GROWTH_BYTES: usize = 2 << 20;
const READ_BYTES: usize = 64 << 10;
/// Key, and the length of the payload.
const HEADER_BYTES: usize = 8 + 2 + 8 + 8 + 2 + 4;

/// Events being collected, in memory.
#[derive(Default)]
pub(super) struct Buffer {
    /// Key, and where the payload lies in `bytes`.
    index: Vec<(Key, u32, u32)>,
    bytes: Vec<u8>,
}

impl Buffer {
    pub fn push(&mut self, key: Key, payload: &[u8]) {
        if self.bytes.capacity() - self.bytes.len() < payload.len() {
            self.bytes.reserve_exact(payload.len().max(GROWTH_BYTES));
        }
        self.index.push((key, self.bytes.len() as u32, payload.len() as u32));
        self.bytes.extend_from_slice(payload);
    }

    pub fn is_full(&self) -> bool {
        self.bytes.len() + self.index.len() * 48 >= RUN_BYTES
    }

    fn clear(&mut self) {
        self.index.clear();
        self.bytes.clear();
    }

    fn absorb(&mut self, other: &Buffer) {
        for (key, payload) in other.iter() {
            self.push(key, payload);
        }
    }

    fn iter(&self) -> impl Iterator<Item = (Key, &[u8])> {
        self.index.iter().map(|(key, offset, length)| {
            let payload = self.bytes.get(*offset as usize..(*offset + *length) as usize);
            (*key, payload.unwrap_or_default())
        })
    }
}

/// All runs of a scan.
pub(super) struct Spool {
    folder: std::path::PathBuf,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Small tasks share this one.
    pool: Buffer,
    runs: Vec<FileAt>,
}

impl Spool {
    pub fn new(folder: &Path) -> Spool {
        Spool { folder: folder.to_owned(), state: Mutex::default() }
    }

    /// Takes a task's events: a full buffer becomes a run, a small one joins the pool.
    pub fn take(&self, buffer: &mut Buffer) -> io::Result<()> {
        if buffer.is_full() {
            let run = self.write_run(buffer)?;
            self.lock().runs.push(run);
            // Its memory serves the events to come.
            buffer.clear();
            return Ok(());
        }
        let full = {
            let mut state = self.lock();
            state.pool.absorb(buffer);
            state.pool.is_full().then(|| std::mem::take(&mut state.pool))
        };
        *buffer = Buffer::default();
        if let Some(mut full) = full {
            let run = self.write_run(&mut full)?;
            self.lock().runs.push(run);
        }
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn write_run(&self, buffer: &mut Buffer) -> io::Result<FileAt> {
        buffer.index.sort_unstable_by_key(|(key, ..)| *key);
        // Unlinked from the start: nothing stays behind, however the program ends.
        let file = tempfile::tempfile_in(&self.folder)?;
        let mut writer = io::BufWriter::with_capacity(1 << 20, file);
        for (key, payload) in buffer.iter() {
            write_event(&mut writer, key, payload)?;
        }
        FileAt::of(writer.into_inner().map_err(io::IntoInnerError::into_error)?)
    }

    /// Ends the collecting; from here on the runs can be merged, any number of times at once.
    pub fn finish(self) -> io::Result<Sorted> {
        let mut state = std::mem::take(&mut *self.lock());
        let mut pool = std::mem::take(&mut state.pool);
        if !pool.index.is_empty() {
            state.runs.push(self.write_run(&mut pool)?);
        }
        Ok(Sorted { runs: state.runs })
    }
}

fn write_event(writer: &mut impl Write, key: Key, payload: &[u8]) -> io::Result<()> {
    writer.write_all(&key.0.to_le_bytes())?;
    writer.write_all(&key.1.to_le_bytes())?;
    writer.write_all(&key.2.to_le_bytes())?;
    writer.write_all(&key.3.to_le_bytes())?;
    writer.write_all(&key.4.to_le_bytes())?;
    writer.write_all(&(payload.len() as u32).to_le_bytes())?;
    writer.write_all(payload)
}

/// The sorted runs.
pub(super) struct Sorted {
    runs: Vec<FileAt>,
}

impl Sorted {
    /// Every event in order.
    pub fn each(&self, mut each: impl FnMut(Key, &[u8]) -> io::Result<()>) -> io::Result<()> {
        let mut readers: Vec<RunReader> = self.runs.iter().cloned().map(RunReader::new).collect();
        let mut heap = BinaryHeap::new();
        for (index, reader) in readers.iter_mut().enumerate() {
            if let Some(key) = reader.next()? {
                heap.push(Reverse((key, index)));
            }
        }
        while let Some(Reverse((key, index))) = heap.pop() {
            let Some(reader) = readers.get_mut(index) else { continue };
            each(key, &reader.payload)?;
            if let Some(key) = reader.next()? {
                heap.push(Reverse((key, index)));
            }
        }
        Ok(())
    }
}

/// Reads a run from front to back without moving the file's own position, which two merges share.
struct RunReader {
    file: FileAt,
    offset: u64,
    chunk: Vec<u8>,
    used: usize,
    payload: Vec<u8>,
}

impl RunReader {
    fn new(file: FileAt) -> RunReader {
        RunReader { file, offset: 0, chunk: Vec::new(), used: 0, payload: Vec::new() }
    }

    /// The next event's key; its payload is in `self.payload`.
    fn next(&mut self) -> io::Result<Option<Key>> {
        let mut header = [0; HEADER_BYTES];
        if !self.fill(&mut header)? {
            return Ok(None);
        }
        let mut rest = &header[..];
        let key = (
            i64::from_le_bytes(piece(&mut rest)),
            u16::from_le_bytes(piece(&mut rest)),
            u64::from_le_bytes(piece(&mut rest)),
            u64::from_le_bytes(piece(&mut rest)),
            u16::from_le_bytes(piece(&mut rest)),
        );
        let length = u32::from_le_bytes(piece(&mut rest)) as usize;
        let mut payload = std::mem::take(&mut self.payload);
        payload.resize(length, 0);
        self.fill(&mut payload)?;
        self.payload = payload;
        Ok(Some(key))
    }

    fn fill(&mut self, mut into: &mut [u8]) -> io::Result<bool> {
        while !into.is_empty() {
            if self.used == self.chunk.len() {
                self.chunk.resize(READ_BYTES, 0);
                let count = self.file.read_at(self.offset, &mut self.chunk)?;
                self.chunk.truncate(count);
                self.offset += count as u64;
                self.used = 0;
                if count == 0 {
                    return Ok(false);
                }
            }
            let ready = self.chunk.get(self.used..).unwrap_or_default();
            let count = ready.len().min(into.len());
            let (head, tail) = into.split_at_mut(count);
            head.copy_from_slice(&ready[..count]);
            self.used += count;
            into = tail;
        }
        Ok(true)
    }
}

fn piece<const N: usize>(bytes: &mut &[u8]) -> [u8; N] {
    let (head, tail) = bytes.split_first_chunk().expect("the header is as long as its fields together");
    *bytes = tail;
    *head
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_out_in_order_whatever_run_they_were_in() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::new(folder.path());
        let payload = vec![b'x'; 100_000];
        for task in 0..3_u64 {
            let mut buffer = Buffer::default();
            for sequence in 0..400_u64 {
                let time = ((sequence * 7919 + task) % 1000) as i64;
                buffer.push((time, 0, task, sequence, 0), &payload);
                if buffer.is_full() {
                    spool.take(&mut buffer).unwrap();
                }
            }
            spool.take(&mut buffer).unwrap();
        }
        let sorted = spool.finish().unwrap();
        assert!(sorted.runs.len() > 1);
        let mut keys = Vec::new();
        sorted
            .each(|key, bytes| {
                assert_eq!(bytes.len(), payload.len());
                keys.push(key);
                Ok(())
            })
            .unwrap();
        assert_eq!(keys.len(), 1200);
        assert!(keys.is_sorted());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
