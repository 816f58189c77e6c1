//! Bytes to values. No artifact, no container and no indicator is known here.

use std::io;

pub mod apk;
mod bplist;
pub mod certificate;
pub mod cookies;
pub mod fsevents;
pub mod keyed;
mod numbers;
pub mod mime;
pub mod protobuf;
pub mod segb;
pub mod sqlite;
pub mod text;
pub mod tgz;
pub mod typedstream;
pub mod unified_log;
pub mod zlib;

/// Bytes that can be read at any place: a file, a stretch of an archive, a decrypted view. What parsers get instead of paths.
pub trait ReadAt: Send {
    /// Length in bytes.
    fn len(&self) -> u64;

    /// Fills `buffer` from `offset`; fewer bytes only at the end.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;

    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What is wrong with the bytes although they can be read: cut ciphertext, an archive member that stops inflating.
    fn damage(&self) -> Option<&str> {
        None
    }

    /// The whole content, refused beyond `limit` bytes.
    fn read_all(&self, limit: u64) -> io::Result<Vec<u8>> {
        let len = self.len();
        if len > limit {
            return Err(io::Error::other(format!("is {len} bytes long, over the limit of {limit}")));
        }
        let mut bytes = vec![0; len as usize];
        let read = self.read_at(0, &mut bytes)?;
        bytes.truncate(read);
        Ok(bytes)
    }
}

impl ReadAt for Vec<u8> {
    fn len(&self) -> u64 {
        self.as_slice().len() as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = usize::try_from(offset).ok().and_then(|offset| self.get(offset..)).unwrap_or(&[]);
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }
}

impl<T: ReadAt + ?Sized> ReadAt for Box<T> {
    fn len(&self) -> u64 {
        (**self).len()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        (**self).read_at(offset, buffer)
    }

    fn damage(&self) -> Option<&str> {
        (**self).damage()
    }
}

/// Bytes in memory that several readers share.
impl<T: ReadAt + Sync + ?Sized> ReadAt for std::sync::Arc<T> {
    fn len(&self) -> u64 {
        (**self).len()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        (**self).read_at(offset, buffer)
    }

    fn damage(&self) -> Option<&str> {
        (**self).damage()
    }
}

/// [`ReadAt`] from front to back.
pub struct Reader<'a> {
    bytes: &'a dyn ReadAt,
    position: u64,
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a dyn ReadAt) -> Reader<'a> {
        Reader { bytes, position: 0 }
    }
}

impl io::Read for Reader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.bytes.read_at(self.position, buffer)?;
        self.position += count as u64;
        Ok(count)
    }
}
