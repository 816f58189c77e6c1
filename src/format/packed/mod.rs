//! Packed content, whole files and pieces in the middle of others: how it begins (`pieces`), and unpacking it as a stream.
//!
//! Read are gzip, zlib, zip and the members of broken ones, LZ4 in Apple's and in standard frames, and LZFSE. What bounds the bytes that
//! come out of all of them together is left to the caller.

mod blocks;
mod lz4;
mod lzfse;
mod pieces;
#[cfg(test)]
pub(crate) mod testing;
mod zip;

use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};

use flate2::bufread::{DeflateDecoder, GzDecoder, MultiGzDecoder, ZlibDecoder};

use super::ReadAt;
use blocks::{Blocks, Form};
pub(in crate::format) use blocks::{Broken, Step};
pub(in crate::format) use lz4::apple_block;
pub use pieces::{Finder, is_medium, of_file};
pub use zip::Zip;

/// Bytes that are read of packed content at a time.
const BUFFER: usize = 64 << 10;

/// A way to pack bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    Gzip,
    Zlib,
    /// An archive of members.
    Zip,
    /// One member of a zip, with its own head.
    Member,
    /// Blocks that begin with `bv4`.
    AppleLz4,
    /// A frame as the project LZ4 describes it.
    Lz4,
    /// Blocks that begin with `bvx`, also those of LZVN.
    Lzfse,
}

impl Packing {
    /// As people call it.
    pub fn name(self) -> &'static str {
        match self {
            Packing::Gzip => "gzip",
            Packing::Zlib => "zlib",
            Packing::Zip | Packing::Member => "zip",
            Packing::AppleLz4 | Packing::Lz4 => "LZ4",
            Packing::Lzfse => "LZFSE",
        }
    }
}

/// Packed content as a stream of what it unpacks to. What is no such content gives an error at its first read; what is damaged gives
/// first what stands before the damage.
pub struct Unpacker<R: Read>(Inner<R>);

type Input<R> = BufReader<Counted<R>>;

enum Inner<R: Read> {
    Gzip(GzDecoder<Input<R>>),
    Gzips(MultiGzDecoder<Input<R>>),
    Zlib(ZlibDecoder<Input<R>>),
    Member(Member<R>),
    Blocks(Blocks<Input<R>>),
}

impl<R: Read> Unpacker<R> {
    /// Unpacks a file that is packed as a whole. A zip as a stream gives its first member; [`Zip`] opens all.
    pub fn file(packing: Packing, packed: R) -> Unpacker<R> {
        match packing {
            Packing::Gzip => Unpacker(Inner::Gzips(MultiGzDecoder::new(input(packed)))),
            _ => Unpacker::piece(packing, packed),
        }
    }

    /// Unpacks what begins at the front and ends somewhere in `packed`.
    pub fn piece(packing: Packing, packed: R) -> Unpacker<R> {
        let input = input(packed);
        Unpacker(match packing {
            Packing::Gzip => Inner::Gzip(GzDecoder::new(input)),
            Packing::Zlib => Inner::Zlib(ZlibDecoder::new(input)),
            Packing::Zip | Packing::Member => Inner::Member(Member::Head(Some(input))),
            Packing::AppleLz4 => Inner::Blocks(Blocks::new(input, Some(Form::AppleLz4))),
            Packing::Lz4 => Inner::Blocks(Blocks::new(input, None)),
            Packing::Lzfse => Inner::Blocks(Blocks::new(input, Some(Form::Lzfse))),
        })
    }

    /// Packed bytes that were used so far: after the end, the length of the packed content.
    pub fn used(&self) -> u64 {
        let input = match &self.0 {
            Inner::Gzip(decoder) => decoder.get_ref(),
            Inner::Gzips(decoder) => decoder.get_ref(),
            Inner::Zlib(decoder) => decoder.get_ref(),
            Inner::Member(Member::Head(input)) => match input {
                Some(input) => input,
                None => return 0,
            },
            Inner::Member(Member::Content(decoder)) => decoder.get_ref(),
            Inner::Blocks(blocks) => &blocks.input,
        };
        input.get_ref().count - input.buffer().len() as u64
    }
}

fn input<R: Read>(packed: R) -> Input<R> {
    BufReader::with_capacity(BUFFER, Counted { inner: packed, count: 0 })
}

impl<R: Read> Read for Unpacker<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.0 {
            Inner::Gzip(decoder) => decoder.read(buffer),
            Inner::Gzips(decoder) => decoder.read(buffer),
            Inner::Zlib(decoder) => decoder.read(buffer),
            Inner::Member(member) => member.read(buffer),
            Inner::Blocks(blocks) => blocks.read(buffer),
        }
    }
}

/// A member of a zip before and behind its head.
enum Member<R: Read> {
    Head(Option<Input<R>>),
    Content(DeflateDecoder<Input<R>>),
}

impl<R: Read> Read for Member<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Member::Head(input) = self
            && let Some(mut input) = input.take()
        {
            zip::skip_head(&mut input)?;
            *self = Member::Content(DeflateDecoder::new(input));
        }
        match self {
            Member::Head(_) => Ok(0),
            Member::Content(decoder) => decoder.read(buffer),
        }
    }
}

struct Counted<R> {
    inner: R,
    count: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.count += read as u64;
        Ok(read)
    }
}

/// [`ReadAt`] as a stream from a place on.
pub struct From<'a> {
    reader: &'a dyn ReadAt,
    at: u64,
    /// What is read first: most that looks packed is not, and shows that soon.
    first: usize,
}

impl<'a> From<'a> {
    pub fn new(reader: &'a dyn ReadAt, offset: u64) -> From<'a> {
        From { reader, at: offset, first: 4096 }
    }
}

impl Read for From<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = std::mem::replace(&mut self.first, usize::MAX).min(buffer.len());
        let read = self.reader.read_at(self.at, buffer.get_mut(..most).unwrap_or_default())?;
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

/// Passes over `count` bytes.
fn skip(input: &mut impl BufRead, count: u64) -> io::Result<()> {
    let skipped = io::copy(&mut input.take(count), &mut io::sink())?;
    if skipped == count { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

#[cfg(test)]
mod tests {
    use super::testing::{all, gzip, lz4_apple, lz4_frame, lzfse, text, zip, zlib};
    use super::*;

    fn every_packing(text: &[u8]) -> [(Packing, Vec<u8>); 6] {
        [
            (Packing::Gzip, gzip(text)),
            (Packing::Zlib, zlib(text)),
            (Packing::Member, zip("a.txt", text)),
            (Packing::AppleLz4, lz4_apple(text)),
            (Packing::Lz4, lz4_frame(text, 0x44, 4)),
            (Packing::Lzfse, lzfse(text)),
        ]
    }

    #[test]
    fn what_follows_a_piece_is_left_alone() {
        for length in [1, 100, 200_000] {
            let text = text(length);
            for (packing, packed) in every_packing(&text) {
                let bytes = [&packed[..], b" and what follows"].concat();
                let mut unpacker = Unpacker::piece(packing, From::new(&bytes, 0));
                let mut out = Vec::new();
                unpacker.read_to_end(&mut out).unwrap();
                assert!(out == text, "{packing:?} {length}");
                // Behind a zip's member its directory follows.
                assert!(unpacker.used() == packed.len() as u64 || packing == Packing::Member, "{packing:?}");
            }
        }
    }

    #[test]
    fn files_of_several_gzips_are_one() {
        let both = [gzip(b"one "), gzip(b"two")].concat();
        assert_eq!(all(Unpacker::file(Packing::Gzip, &both[..])), (b"one two".to_vec(), None));
        assert_eq!(all(Unpacker::piece(Packing::Gzip, &both[..])).0, b"one ");
    }

    #[test]
    fn a_cut_gives_what_stands_before_it() {
        let text = text(20_000);
        for (packing, packed) in every_packing(&text) {
            for cut in (0..packed.len()).step_by(13) {
                let (out, damage) = all(Unpacker::piece(packing, &packed[..cut]));
                assert!(
                    text.starts_with(&out) && (damage.is_some() || packing == Packing::Member),
                    "{packing:?} {cut}"
                );
            }
        }
    }
}
