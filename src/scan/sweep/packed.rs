//! Content that is packed inside of files: told by its first bytes, unpacked as it is read.

use std::io::{self, BufReader, Read, Seek, SeekFrom};

use flate2::bufread::{MultiGzDecoder, ZlibDecoder};
use memchr::memmem;
use zip::ZipArchive;

use crate::format::{ReadAt, zlib};

/// A way to pack bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    Gzip,
    Zlib,
    Zip,
}

impl Packing {
    pub fn name(self) -> &'static str {
        match self {
            Packing::Gzip => "gzip",
            Packing::Zlib => "zlib",
            Packing::Zip => "zip",
        }
    }
}

const GZIP: &[u8] = b"\x1f\x8b\x08";
/// Bytes of a deflate stream's first block that are looked at.
const BLOCK: usize = 3;

/// How a file that begins like this is packed as a whole.
pub(super) fn of_file(head: &[u8]) -> Option<Packing> {
    match head {
        _ if head.starts_with(GZIP) => Some(Packing::Gzip),
        _ if head.starts_with(b"PK\x03\x04") => Some(Packing::Zip),
        _ if zlib::is_zlib(head) && begins_a_block(head.get(2..).unwrap_or_default()) => Some(Packing::Zlib),
        _ => None,
    }
}

/// Pictures, films and sounds, which are packed already and in no way of these.
pub(super) fn is_medium(head: &[u8]) -> bool {
    head.starts_with(b"\xff\xd8\xff")
        || head.starts_with(b"\x89PNG")
        || head.get(4..8) == Some(b"ftyp")
        || head.starts_with(b"ID3")
        || head.starts_with(b"OggS")
}

/// Calls `each` with what may be packed content in the middle of a file.
pub(super) fn blobs(bytes: &[u8], from: usize, to: usize, each: &mut dyn FnMut(Packing, usize)) {
    let window = bytes.get(from..to).unwrap_or_default();
    for at in memmem::find_iter(window, GZIP) {
        // Three flag bits are reserved, and a fourth byte of text would be one.
        let flags = bytes.get(from + at + 3).copied().unwrap_or(u8::MAX);
        if flags & 0b1110_0000 == 0 {
            each(Packing::Gzip, from + at);
        }
    }
    for header in [b"\x78\x9c", b"\x78\xda", b"\x78\x01"] {
        for at in memmem::find_iter(window, header) {
            if begins_a_block(bytes.get(from + at + 2..).unwrap_or_default()) {
                each(Packing::Zlib, from + at);
            }
        }
    }
}

/// Whether these bytes can begin a deflate stream with codes of its own, as all but the shortest texts do.
fn begins_a_block(bytes: &[u8]) -> bool {
    let Some([first, second, _]) = bytes.first_chunk::<BLOCK>() else { return false };
    // Dynamic codes; at most 286 of lengths and 30 of distances (RFC 1951, 3.2.7).
    first >> 1 & 3 == 2 && first >> 3 <= 29 && second & 31 <= 29
}

/// The unpacked content from `offset` on. What is no such content gives an error at its first read.
pub(super) fn open(packing: Packing, reader: &dyn ReadAt, offset: u64) -> Box<dyn Read + '_> {
    let packed = BufReader::with_capacity(64 << 10, From { reader, at: offset });
    match packing {
        Packing::Gzip => Box::new(MultiGzDecoder::new(packed)),
        Packing::Zlib => Box::new(ZlibDecoder::new(packed)),
        Packing::Zip => Box::new(io::empty()),
    }
}

/// [`ReadAt`] as a stream.
struct From<'a> {
    reader: &'a dyn ReadAt,
    at: u64,
}

impl Read for From<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read_at(self.at, buffer)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Seek for From<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(back) => self.reader.len().checked_add_signed(back),
            SeekFrom::Current(on) => self.at.checked_add_signed(on),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

/// An archive inside of a file.
pub(super) struct Zip<'a> {
    archive: ZipArchive<BufReader<From<'a>>>,
}

impl<'a> Zip<'a> {
    pub fn open(reader: &'a dyn ReadAt) -> io::Result<Zip<'a>> {
        let from = BufReader::with_capacity(64 << 10, From { reader, at: 0 });
        Ok(Zip { archive: ZipArchive::new(from).map_err(io::Error::other)? })
    }

    pub fn len(&self) -> usize {
        self.archive.len()
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
