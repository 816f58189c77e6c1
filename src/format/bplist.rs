//! Binary property lists, read tolerantly and within bounds.
//!
//! The `plist` crate refuses a whole list for one set, one date that is not a number, or one half of a surrogate pair, and expands
//! shared objects without limit; evidence has all of these. Its `Value` is kept as the common shape.

use std::time::{Duration, UNIX_EPOCH};

use anyhow::{Context, bail, ensure};
use plist::{Dictionary, Uid, Value};

use crate::time::MAC_TO_UNIX_S;

const MAX_DEPTH: usize = 128;
/// Objects after shared ones are repeated at each place that refers to them.
const MAX_OBJECTS: usize = 1_000_000;
/// Bytes of text and data, counted likewise.
const MAX_CONTENT: usize = 128 << 20;
const TRAILER_LEN: usize = 32;

/// Reads a list that begins with `bplist00`. Sets become arrays, null the text `$null`, an impossible date its number of seconds
/// since 2001, an integer beyond 64 bits its digits.
pub(super) fn read(bytes: &[u8]) -> anyhow::Result<Value> {
    let body_len = bytes.len().checked_sub(TRAILER_LEN).filter(|len| *len > 8).context("is cut short")?;
    let (body, trailer) = bytes.split_at(body_len);
    let field = |at: usize| trailer.get(at..at + 8).map_or(u64::MAX, number);
    let (offset_size, reference_size) = (usize::from(trailer[6]), usize::from(trailer[7]));
    ensure!((1..=8).contains(&offset_size) && (1..=8).contains(&reference_size), "has a damaged trailer");
    let count = usize::try_from(field(8)).ok();
    let start = usize::try_from(field(24)).ok();
    let offsets = (|| body.get(start?..start?.checked_add(count?.checked_mul(offset_size)?)?))()
        .context("has a trailer that points outside the file")?;
    let mut reader = Reader {
        body,
        offsets,
        offset_size,
        reference_size,
        path: Vec::new(),
        objects: MAX_OBJECTS,
        content: MAX_CONTENT,
    };
    reader.object(field(16))
}

/// The big-endian number of at most eight bytes.
fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

struct Reader<'b> {
    body: &'b [u8],
    offsets: &'b [u8],
    offset_size: usize,
    reference_size: usize,
    /// The containers around the current object, which must not contain themselves.
    path: Vec<u64>,
    objects: usize,
    content: usize,
}

impl<'b> Reader<'b> {
    fn object(&mut self, index: u64) -> anyhow::Result<Value> {
        self.objects = self.objects.checked_sub(1).context("has too many objects")?;
        let offset = usize::try_from(index)
            .ok()
            .and_then(|index| {
                self.offsets.get(index.checked_mul(self.offset_size)?..)?.get(..self.offset_size)
            })
            .map(number)
            .with_context(|| format!("refers to object {index}, which is not there"))?;
        let at = usize::try_from(offset).ok().filter(|at| *at < self.body.len());
        let at = at.with_context(|| format!("has object {index} outside the file"))?;
        let marker = self.body[at];
        self.typed(index, marker, at + 1).with_context(|| format!("at offset {at}"))
    }

    fn typed(&mut self, index: u64, marker: u8, at: usize) -> anyhow::Result<Value> {
        let low = marker & 15;
        Ok(match marker >> 4 {
            0 => match low {
                8 => Value::Boolean(false),
                9 => Value::Boolean(true),
                _ => Value::String("$null".into()),
            },
            1 if low <= 4 => integer(self.take(at, 1 << low)?),
            2 if low == 2 => Value::Real(f32::from_bits(number(self.take(at, 4)?) as u32).into()),
            2 if low == 3 => Value::Real(f64::from_bits(number(self.take(at, 8)?))),
            3 => date(f64::from_bits(number(self.take(at, 8)?))),
            4 => Value::Data(self.sized(low, at, 1)?.to_vec()),
            5 => Value::String(String::from_utf8_lossy(self.sized(low, at, 1)?).into_owned()),
            6 => {
                let (units, _) = self.sized(low, at, 2)?.as_chunks::<2>();
                let units = units.iter().map(|unit| u16::from_be_bytes(*unit));
                Value::String(char::decode_utf16(units).map(|c| c.unwrap_or('\u{fffd}')).collect())
            }
            8 if low < 8 => Value::Uid(Uid::new(number(self.take(at, usize::from(low) + 1)?))),
            0xa..=0xc => {
                let members = self.sized(low, at, self.reference_size)?;
                Value::Array(self.inside(index, |reader| reader.array(members))?)
            }
            0xd => {
                let members = self.sized(low, at, self.reference_size * 2)?;
                Value::Dictionary(self.inside(index, |reader| reader.dictionary(members))?)
            }
            _ => bail!("unknown object type {marker:#04x}"),
        })
    }

    fn inside<T>(
        &mut self,
        index: u64,
        read: impl FnOnce(&mut Self) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        ensure!(!self.path.contains(&index), "object {index} contains itself");
        ensure!(self.path.len() < MAX_DEPTH, "is nested more than {MAX_DEPTH} levels deep");
        self.path.push(index);
        let value = read(self)?;
        self.path.pop();
        Ok(value)
    }

    fn array(&mut self, members: &[u8]) -> anyhow::Result<Vec<Value>> {
        members.chunks_exact(self.reference_size).map(|member| self.object(number(member))).collect()
    }

    fn dictionary(&mut self, members: &[u8]) -> anyhow::Result<Dictionary> {
        let (keys, values) = members.split_at(members.len() / 2);
        let mut dictionary = Dictionary::new();
        for (key, value) in
            keys.chunks_exact(self.reference_size).zip(values.chunks_exact(self.reference_size))
        {
            let key = key_text(self.object(number(key))?);
            let value = self.object(number(value))?;
            dictionary.insert(key, value);
        }
        Ok(dictionary)
    }

    fn take(&self, at: usize, len: usize) -> anyhow::Result<&'b [u8]> {
        at.checked_add(len).and_then(|end| self.body.get(at..end)).context("object is cut short")
    }

    /// The content of an object whose count is in `low`, or in the integer after the marker.
    fn sized(&mut self, low: u8, at: usize, unit: usize) -> anyhow::Result<&'b [u8]> {
        let (count, at) = if low < 15 {
            (u64::from(low), at)
        } else {
            let marker = self.take(at, 1)?[0];
            ensure!(marker >> 4 == 1 && marker & 15 <= 3, "count is not an integer");
            let len = 1 << (marker & 15);
            (number(self.take(at + 1, len)?), at + 1 + len)
        };
        let len = usize::try_from(count).ok().and_then(|count| count.checked_mul(unit));
        let len = len.context("count is too large")?;
        self.content = self.content.checked_sub(len).context("holds too much when expanded")?;
        self.take(at, len)
    }
}

fn integer(bytes: &[u8]) -> Value {
    match bytes.len() {
        16 => {
            let value = bytes.iter().fold(0i128, |value, byte| value << 8 | i128::from(*byte));
            match (i64::try_from(value), u64::try_from(value)) {
                (Ok(value), _) => Value::Integer(value.into()),
                (_, Ok(value)) => Value::Integer(value.into()),
                _ => Value::String(value.to_string()),
            }
        }
        // Only eight bytes carry a sign.
        8 => Value::Integer((number(bytes) as i64).into()),
        _ => Value::Integer(number(bytes).into()),
    }
}

/// Dictionary keys should be text; some writers store them as data, and numbers occur.
pub(super) fn key_text(key: Value) -> String {
    match key {
        Value::String(text) => text,
        Value::Data(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Value::Integer(integer) => integer.to_string(),
        other => format!("{other:?}"),
    }
}

/// Seconds since 2001 as a date; what no calendar holds stays a number.
pub(super) fn date(seconds: f64) -> Value {
    /// The years 1 to 9999, which every consumer can write.
    const YEARS: std::ops::RangeInclusive<f64> = -63_114_076_800.0..=252_423_993_599.0;
    if !YEARS.contains(&seconds) {
        return Value::Real(seconds);
    }
    let unix = seconds + MAC_TO_UNIX_S as f64;
    let distance = Duration::try_from_secs_f64(unix.abs()).unwrap_or_default();
    let time = if unix < 0.0 { UNIX_EPOCH.checked_sub(distance) } else { UNIX_EPOCH.checked_add(distance) };
    time.map_or(Value::Real(seconds), |time| Value::Date(time.into()))
}
