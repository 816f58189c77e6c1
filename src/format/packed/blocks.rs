//! Streams made of blocks that may refer to what the blocks before them gave: LZ4 and LZFSE, as [`Read`].

use std::io::{self, Read};

use super::{lz4, lzfse};

/// How far back a match of any of these may reach.
const WINDOW: usize = 256 << 10;
/// What may stand before the window until it is cut off.
const SLACK: usize = 1 << 20;
/// Bytes that are stored are handed on in pieces of this size.
const PIECE: u64 = 256 << 10;

/// Why a block could not be unpacked. What came out of it before is kept.
#[derive(Debug)]
pub(in crate::format) enum Broken {
    Form(&'static str),
    Read(io::Error),
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Broken {
        Broken::Read(error)
    }
}

impl From<Broken> for io::Error {
    fn from(broken: Broken) -> io::Error {
        match broken {
            Broken::Form(what) => io::Error::new(io::ErrorKind::InvalidData, what),
            Broken::Read(error) => error,
        }
    }
}

/// What the head of a block led to.
#[derive(Debug, PartialEq)]
pub(in crate::format) enum Step {
    /// The block was unpacked.
    Done,
    /// So many bytes follow as they are.
    Stored(u64),
    End,
}

pub(in crate::format) const CUT: Broken = Broken::Form("has a block that is cut short");
pub(in crate::format) const NO_END: Broken = Broken::Form("has no end mark");

/// Appends `count` bytes; false if there are fewer.
pub(super) fn append(input: &mut dyn Read, count: u64, out: &mut Vec<u8>) -> io::Result<bool> {
    Ok(input.take(count).read_to_end(out)? as u64 == count)
}

pub(super) fn array<const N: usize>(input: &mut dyn Read, cut: Broken) -> Result<[u8; N], Broken> {
    let mut bytes = [0; N];
    match input.read_exact(&mut bytes) {
        Ok(()) => Ok(bytes),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(cut),
        Err(error) => Err(error.into()),
    }
}

pub(super) fn u32(input: &mut dyn Read) -> Result<u32, Broken> {
    array(input, CUT).map(u32::from_le_bytes)
}

/// Appends `count` bytes from `distance` back, which may overlap what is being appended.
pub(super) fn repeat(out: &mut Vec<u8>, distance: usize, count: usize) -> Option<()> {
    let from = out.len().checked_sub(distance).filter(|_| distance > 0)?;
    let mut left = count;
    while left > 0 {
        let there = left.min(out.len() - from);
        out.extend_from_within(from..from + there);
        left -= there;
    }
    Some(())
}

/// Which blocks they are.
#[derive(Clone, Copy, Debug)]
pub(super) enum Form {
    AppleLz4,
    Lz4(lz4::Frame),
    Lzfse,
}

pub(super) struct Blocks<R> {
    pub input: R,
    /// Not read yet for LZ4 frames, whose blocks depend on it.
    form: Option<Form>,
    /// Unpacked bytes, of which the first `given` were handed out and stay as what matches refer to.
    out: Vec<u8>,
    given: usize,
    stored: u64,
    end: Option<Result<(), Broken>>,
}

impl<R: Read> Blocks<R> {
    /// `form` is read from the input if it is `None`.
    pub fn new(input: R, form: Option<Form>) -> Blocks<R> {
        Blocks { input, form, out: Vec::new(), given: 0, stored: 0, end: None }
    }

    fn step(&mut self) -> Result<Step, Broken> {
        if self.stored > 0 {
            let count = self.stored.min(PIECE);
            self.stored -= count;
            return if append(&mut self.input, count, &mut self.out)? { Ok(Step::Done) } else { Err(CUT) };
        }
        let form = match self.form {
            Some(form) => form,
            None => *self.form.insert(Form::Lz4(lz4::Frame::read(&mut self.input)?)),
        };
        let step = match form {
            Form::AppleLz4 => lz4::apple_block(&mut self.input, &mut self.out),
            Form::Lz4(frame) => frame.block(&mut self.input, &mut self.out),
            Form::Lzfse => lzfse::block(&mut self.input, &mut self.out),
        }?;
        if let Step::Stored(count) = step {
            self.stored = count;
        }
        Ok(step)
    }
}

impl<R: Read> Read for Blocks<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let ready = self.out.get(self.given..).unwrap_or_default();
            if !ready.is_empty() || buffer.is_empty() {
                let count = ready.len().min(buffer.len());
                if let (Some(to), Some(from)) = (buffer.get_mut(..count), ready.get(..count)) {
                    to.copy_from_slice(from);
                }
                self.given += count;
                return Ok(count);
            }
            match self.end.replace(Ok(())) {
                Some(end) => return end.map(|()| 0).map_err(io::Error::from),
                None => self.end = None,
            }
            if self.out.len() > WINDOW + SLACK {
                self.out.drain(..self.out.len() - WINDOW);
                self.given = self.out.len();
            }
            // What a broken block gave is handed out before its error.
            match self.step() {
                Ok(Step::End) => self.end = Some(Ok(())),
                Ok(_) => {}
                Err(broken) => self.end = Some(Err(broken)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_match_may_overlap_what_it_makes() {
        let mut out = b"xab".to_vec();
        repeat(&mut out, 2, 5).unwrap();
        assert_eq!(out, b"xababab"[..].iter().copied().chain([b'a']).collect::<Vec<_>>());
        assert!(repeat(&mut out, 0, 1).is_none() && repeat(&mut out, 9, 1).is_none());
    }
}
