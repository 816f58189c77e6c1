//! Zip archives inside of files, and the heads of their members.

use std::io::{self, BufRead, BufReader, Read};

use zip::ZipArchive;

use super::{BUFFER, From, skip};
use crate::format::ReadAt;

/// An archive inside of a file.
pub struct Zip<'a> {
    archive: ZipArchive<BufReader<From<'a>>>,
}

impl<'a> Zip<'a> {
    /// Reads the directory. `Err`: it cannot be found or read.
    pub fn open(reader: &'a dyn ReadAt) -> io::Result<Zip<'a>> {
        let from = BufReader::with_capacity(BUFFER, From::new(reader, 0));
        Ok(Zip { archive: ZipArchive::new(from).map_err(io::Error::other)? })
    }

    pub fn len(&self) -> usize {
        self.archive.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The name and content of a member; `None` for folders and what has a password.
    pub fn member(&mut self, number: usize) -> io::Result<Option<(String, Box<dyn Read + '_>)>> {
        let encrypted = self.archive.by_index_raw(number).map_err(io::Error::other)?.encrypted();
        if encrypted {
            return Ok(None);
        }
        let member = self.archive.by_index(number).map_err(io::Error::other)?;
        let name = String::from_utf8_lossy(member.name_raw()).into_owned();
        Ok((!member.is_dir()).then(|| (name, Box::new(member) as Box<dyn Read>)))
    }
}

/// Before the name of a member stand its mark, version, flags, method, time (4 bytes), checksum (4), sizes (8) and the lengths of its name
/// and further fields.
const HEAD: usize = 30;
pub(super) const MAGIC: &[u8] = b"PK\x03\x04";
/// The method of a member that is packed.
const DEFLATE: u16 = 8;
/// The newest version of the format, 6.3.
const NEWEST: u8 = 63;

fn u16_at(head: &[u8], at: usize) -> Option<u16> {
    head.get(at..)?.first_chunk().map(|bytes| u16::from_le_bytes(*bytes))
}

/// Whether bytes can be the head of a packed member without a password.
pub(super) fn begins_member(head: &[u8]) -> bool {
    let is_known = head.starts_with(MAGIC) && head.get(4).is_some_and(|version| *version <= NEWEST);
    let is_open = u16_at(head, 6).is_some_and(|flags| flags & 1 == 0);
    is_known && is_open && u16_at(head, 8) == Some(DEFLATE) && u16_at(head, 26).is_some_and(|name| name > 0)
}

pub(super) fn skip_head(input: &mut impl BufRead) -> io::Result<()> {
    let mut head = [0; HEAD];
    input.read_exact(&mut head)?;
    if !begins_member(&head) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "is no packed member of a zip"));
    }
    let lengths = u16_at(&head, 26).zip(u16_at(&head, 28)).unwrap_or_default();
    skip(input, u64::from(lengths.0) + u64::from(lengths.1))
}
