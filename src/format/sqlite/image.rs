//! The database as SQLite shall see it: the file's pages with those of the write-ahead log laid over them, fetched on demand.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use super::wal::Wal;
use crate::format::ReadAt;

const CHUNK_LEN: usize = 64 << 10;
/// 1 MiB of read-ahead a file; SQLite's own page cache comes on top.
const CHUNKS: usize = 16;

pub(super) const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// A reader with read-ahead: what lies behind it may decrypt or inflate for every call.
pub(super) struct Chunks<'a> {
    reader: Box<dyn ReadAt + 'a>,
    len: u64,
    chunks: Vec<Chunk>,
    clock: u64,
}

struct Chunk {
    index: u64,
    used: u64,
    bytes: Vec<u8>,
}

impl<'a> Chunks<'a> {
    pub fn new(reader: Box<dyn ReadAt + 'a>) -> Chunks<'a> {
        Chunks { len: reader.len(), reader, chunks: Vec::new(), clock: 0 }
    }

    /// In bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Fills `buffer` from `offset`; fewer bytes only at the end of the file.
    pub fn read(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut done = 0;
        while let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) {
            let position = offset.saturating_add(done as u64);
            let within = (position % CHUNK_LEN as u64) as usize;
            let bytes = self.chunk(position / CHUNK_LEN as u64)?;
            let bytes = bytes.get(within..).unwrap_or(&[]);
            let count = bytes.len().min(rest.len());
            if count == 0 {
                break;
            }
            rest[..count].copy_from_slice(&bytes[..count]);
            done += count;
        }
        Ok(done)
    }

    fn chunk(&mut self, index: u64) -> io::Result<&[u8]> {
        self.clock += 1;
        let slot = match self.chunks.iter().position(|chunk| chunk.index == index) {
            Some(slot) => slot,
            None => self.load(index)?,
        };
        let chunk = &mut self.chunks[slot];
        chunk.used = self.clock;
        Ok(&chunk.bytes)
    }

    fn load(&mut self, index: u64) -> io::Result<usize> {
        let offset = index.saturating_mul(CHUNK_LEN as u64);
        let len = self.len.saturating_sub(offset).min(CHUNK_LEN as u64) as usize;
        let oldest = (0..self.chunks.len()).min_by_key(|slot| self.chunks[*slot].used);
        let slot = match oldest {
            Some(slot) if self.chunks.len() >= CHUNKS => slot,
            _ => {
                self.chunks.push(Chunk { index: u64::MAX, used: 0, bytes: Vec::new() });
                self.chunks.len() - 1
            }
        };
        let chunk = &mut self.chunks[slot];
        // Until the read has succeeded this slot holds nothing.
        chunk.index = u64::MAX;
        chunk.bytes.resize(len, 0);
        let mut done = 0;
        while let Some(rest) = chunk.bytes.get_mut(done..).filter(|rest| !rest.is_empty()) {
            match self.reader.read_at(offset + done as u64, rest)? {
                0 => break,
                count => done += count.min(rest.len()),
            }
        }
        chunk.bytes.truncate(done);
        chunk.index = index;
        Ok(slot)
    }
}

/// A file shared by the image with the log and the image without it.
pub(super) type Shared<'a> = Arc<Mutex<Chunks<'a>>>;

pub(super) fn locked<R>(file: &Mutex<Chunks<'_>>, read: impl FnOnce(&mut Chunks<'_>) -> R) -> R {
    // A panic inside a reader leaves no half-made chunk behind that could be taken for content.
    read(&mut file.lock().unwrap_or_else(PoisonError::into_inner))
}

/// The log's file and what it holds.
pub(super) struct Overlay<'a> {
    pub file: Shared<'a>,
    pub wal: Wal,
}

/// What SQLite is shown as the database file.
pub(super) struct Image<'a> {
    main: Shared<'a>,
    overlay: Option<Arc<Overlay<'a>>>,
    page_size: u64,
    size: u64,
}

/// Why a stretch of the image cannot be given.
#[derive(Debug)]
pub(super) enum ReadError {
    /// The evidence could not be read.
    Source(io::Error),
    /// The database is said to be longer than its file is.
    Missing { page: u64 },
}

impl<'a> Image<'a> {
    /// `page_size`: that of the database, or of the log where the file has none of its own.
    pub fn new(main: Shared<'a>, overlay: Option<Arc<Overlay<'a>>>, page_size: u32) -> Image<'a> {
        let mut image =
            Image { size: locked(&main, |file| file.len()), main, overlay, page_size: u64::from(page_size) };
        let pages = match &image.overlay {
            Some(overlay) => u64::from(overlay.wal.pages),
            None => image.pages_in_header(),
        };
        // SQLite refuses a file shorter than its header says as a whole; shown at its full length, only the missing pages fail.
        image.size = image.size.max(pages * image.page_size);
        if image.overlay.is_some() {
            image.size = pages * image.page_size;
        }
        image
    }

    /// In bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    pub fn page_size(&self) -> u64 {
        self.page_size
    }

    /// Pages that the database has but the file does not.
    pub fn missing_pages(&self) -> u64 {
        let stored = locked(&self.main, |file| file.len()).div_ceil(self.page_size);
        let in_log = self.overlay.as_ref().map_or(0, |overlay| {
            let beyond = |page: &&u32| u64::from(**page) > stored && **page <= overlay.wal.pages;
            overlay.wal.map.keys().filter(beyond).count() as u64
        });
        (self.size / self.page_size).saturating_sub(stored).saturating_sub(in_log)
    }

    fn pages_in_header(&self) -> u64 {
        let mut header = [0; 100];
        match locked(&self.main, |file| file.read(0, &mut header)) {
            Ok(100) if header.starts_with(MAGIC) && header[24..28] == header[92..96] => {
                u64::from(u32::from_be_bytes([header[28], header[29], header[30], header[31]]))
            }
            _ => 0,
        }
    }

    fn in_log(&self, page: u64) -> Option<(&Shared<'a>, u64)> {
        let overlay = self.overlay.as_ref()?;
        let offset = overlay.wal.map.get(&u32::try_from(page).ok()?)?;
        Some((&overlay.file, *offset))
    }

    /// Where a page lies: whether in the log, and at which offset of that file.
    pub fn place(&self, page: u32) -> (bool, u64) {
        match self.in_log(u64::from(page)) {
            Some((_, offset)) => (true, offset),
            None => (false, u64::from(page).saturating_sub(1) * self.page_size),
        }
    }

    /// Fills `buffer` with a whole page; false if there is no such page or it cannot be read.
    pub fn page(&self, number: u32, buffer: &mut [u8]) -> bool {
        let Some(index) = u64::from(number).checked_sub(1) else { return false };
        self.read(index * self.page_size, buffer).is_ok_and(|read| read == buffer.len())
    }

    /// Fills `buffer` from `offset`; fewer bytes only at the end of the image.
    pub fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let wanted = self.size.saturating_sub(offset).min(buffer.len() as u64) as usize;
        let mut done = 0;
        while done < wanted {
            let position = offset + done as u64;
            let within = position % self.page_size;
            let count = (self.page_size - within).min((wanted - done) as u64) as usize;
            let Some(target) = buffer.get_mut(done..done + count) else { break };
            self.read_page(position / self.page_size + 1, within, target)?;
            done += count;
        }
        if offset < 100 {
            self.present_header(offset, &mut buffer[..done]);
        }
        Ok(done)
    }

    fn read_page(&self, page: u64, within: u64, target: &mut [u8]) -> Result<(), ReadError> {
        let (file, offset) = match self.in_log(page) {
            Some((file, offset)) => (file, offset + within),
            None => (&self.main, (page - 1) * self.page_size + within),
        };
        let read = locked(file, |file| file.read(offset, target)).map_err(ReadError::Source)?;
        // The last page of a file may be cut; that it is not whole shows in what SQLite reads there.
        if read == 0 {
            return Err(ReadError::Missing { page });
        }
        target[read..].fill(0);
        Ok(())
    }

    /// SQLite would want a `-shm` for a database in WAL mode (2 in bytes 18 and 19), and compares the page count with the file's.
    fn present_header(&self, offset: u64, read: &mut [u8]) {
        let mut set = |position: u64, value: u8| {
            let byte =
                position.checked_sub(offset).and_then(|index| read.get_mut(usize::try_from(index).ok()?));
            if let Some(byte) = byte {
                *byte = value;
            }
        };
        set(18, 1);
        set(19, 1);
        if let Some(overlay) = &self.overlay {
            for (position, byte) in (28..).zip(overlay.wal.pages.to_be_bytes()) {
                set(position, byte);
            }
        }
    }
}
