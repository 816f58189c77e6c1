//! Protocol buffers without their schema: the fields of a message by number, and streams of messages with their length in front.

use anyhow::{Context as _, Result, bail};

/// What stands behind a field's number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Field<'a> {
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
    /// Bytes, text or a message.
    Bytes(&'a [u8]),
}

impl<'a> Field<'a> {
    pub fn bytes(self) -> Option<&'a [u8]> {
        match self {
            Field::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// Text that is not UTF-8 is shown with replacement characters.
    pub fn text(self) -> Option<String> {
        self.bytes().map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }

    /// `int32`, `int64`, `uint32`, `uint64`: the bits of the number; negative ones have all upper bits set.
    pub fn int(self) -> Option<i64> {
        match self {
            Field::Varint(number) => Some(number as i64),
            Field::Fixed64(number) => Some(number as i64),
            Field::Fixed32(number) => Some(i64::from(number)),
            Field::Bytes(_) => None,
        }
    }

    pub fn boolean(self) -> Option<bool> {
        self.int().map(|number| number != 0)
    }

    pub fn double(self) -> Option<f64> {
        match self {
            Field::Fixed64(bits) => Some(f64::from_bits(bits)),
            _ => None,
        }
    }
}

/// The fields of a message, front to back; the first that cannot be read is the last.
pub struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub fn new(message: &'a [u8]) -> Fields<'a> {
        Fields { rest: message }
    }

    fn field(&mut self) -> Result<(u64, Field<'a>)> {
        let key = varint(&mut self.rest)?;
        let field = match key & 7 {
            0 => Field::Varint(varint(&mut self.rest)?),
            1 => Field::Fixed64(u64::from_le_bytes(array(&mut self.rest)?)),
            2 => {
                let len = varint(&mut self.rest)?;
                Field::Bytes(take(&mut self.rest, len)?)
            }
            5 => Field::Fixed32(u32::from_le_bytes(array(&mut self.rest)?)),
            kind => bail!("field {} is of kind {kind}, which does not exist", key >> 3),
        };
        Ok((key >> 3, field))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Field<'a>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}

/// The messages of a stream that writes the length of each in front of it, with where they start; a cut one is an error and the last.
pub struct Messages<'a> {
    whole: usize,
    rest: &'a [u8],
}

impl<'a> Messages<'a> {
    pub fn new(stream: &'a [u8]) -> Messages<'a> {
        Messages { whole: stream.len(), rest: stream }
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = Result<(u64, &'a [u8])>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let start = (self.whole - self.rest.len()) as u64;
        let message = varint(&mut self.rest).and_then(|len| take(&mut self.rest, len));
        if message.is_err() {
            self.rest = &[];
        }
        Some(message.map(|message| (start, message)))
    }
}

fn varint(rest: &mut &[u8]) -> Result<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, behind) = rest.split_first().context("ends inside of a number")?;
        *rest = behind;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    bail!("has a number of more than ten bytes")
}

fn take<'a>(rest: &mut &'a [u8], len: u64) -> Result<&'a [u8]> {
    let len = usize::try_from(len).unwrap_or(usize::MAX);
    let (taken, behind) =
        rest.split_at_checked(len).with_context(|| format!("ends before {len} more bytes"))?;
    *rest = behind;
    Ok(taken)
}

fn array<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N]> {
    let (taken, behind) = rest.split_first_chunk::<N>().context("ends inside of a number")?;
    *rest = behind;
    Ok(*taken)
}

/// Messages made for tests.
#[cfg(test)]
pub mod testing {
    pub fn number(mut value: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        loop {
            let byte = (value & 0x7f) as u8;
            value >>= 7;
            bytes.push(if value == 0 { byte } else { byte | 0x80 });
            if value == 0 {
                return bytes;
            }
        }
    }

    pub fn int(field: u64, value: u64) -> Vec<u8> {
        [number(field << 3), number(value)].concat()
    }

    pub fn double(field: u64, value: f64) -> Vec<u8> {
        [number(field << 3 | 1), value.to_le_bytes().to_vec()].concat()
    }

    pub fn bytes(field: u64, value: impl AsRef<[u8]>) -> Vec<u8> {
        [number(field << 3 | 2), number(value.as_ref().len() as u64), value.as_ref().to_vec()].concat()
    }

    /// A message with its length in front.
    pub fn framed(fields: &[Vec<u8>]) -> Vec<u8> {
        let message = fields.concat();
        [number(message.len() as u64), message].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{bytes, double, framed, int};
    use super::*;

    #[test]
    fn fields_of_every_kind_are_read_by_number() {
        let message = [int(1, 300), double(2, 1.5), bytes(3, "text"), vec![4 << 3 | 5, 1, 0, 0, 0]].concat();
        let fields: Vec<_> = Fields::new(&message).collect::<Result<_>>().unwrap();
        assert_eq!(
            fields,
            [
                (1, Field::Varint(300)),
                (2, Field::Fixed64(1.5_f64.to_bits())),
                (3, Field::Bytes(b"text")),
                (4, Field::Fixed32(1)),
            ]
        );
        assert_eq!((fields[1].1.double(), fields[2].1.text()), (Some(1.5), Some("text".into())));
        assert_eq!(Field::Varint(u64::MAX).int(), Some(-1));
    }

    #[test]
    fn a_cut_stream_gives_the_messages_before_the_cut() {
        let stream = [framed(&[int(1, 1)]), framed(&[bytes(1, [7; 200])])].concat();
        assert_eq!(Messages::new(&stream).filter_map(Result::ok).count(), 2);
        let cut: Vec<_> = Messages::new(&stream[..stream.len() - 1]).collect();
        assert_eq!((cut.len(), cut[0].is_ok(), cut[1].is_err()), (2, true, true));
    }

    #[test]
    fn broken_messages_never_panic_and_end() {
        for bytes in [&[0xff; 20][..], &[0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f], &[0x0b], &[0x09, 1], &[0x80]] {
            assert!(Fields::new(bytes).any(|field| field.is_err()));
            let _ = Messages::new(bytes).count();
        }
    }
}
