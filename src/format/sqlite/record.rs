//! Cells and records of table leaf pages, read by hand: for pages that SQLite itself will not reach.

use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, ValueRef};

/// A stored value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Field {
    Null,
    Int(i64),
    Real(f64),
    Text(Vec<u8>),
    Blob(Vec<u8>),
}

impl ToSql for Field {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Field::Null => ValueRef::Null,
            Field::Int(int) => ValueRef::Integer(*int),
            Field::Real(real) => ValueRef::Real(*real),
            Field::Text(bytes) => ValueRef::Text(bytes),
            Field::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

/// How a database writes text (bytes 56 to 59 of its header).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Utf8,
    Utf16Le,
    Utf16Be,
}

/// The integer of up to nine bytes at the start, and what follows it.
pub(super) fn varint(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let mut value: u64 = 0;
    for (index, byte) in bytes.iter().enumerate().take(9) {
        // The ninth byte counts with all its bits.
        if index == 8 {
            return Some(((value << 8 | u64::from(*byte)) as i64, &bytes[9..]));
        }
        value = value << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((value as i64, &bytes[index + 1..]));
        }
    }
    None
}

/// How many bytes a value of this serial type takes. `None`: there is no such type.
pub(super) fn field_len(serial_type: i64) -> Option<usize> {
    Some(match serial_type {
        0 | 8 | 9 => 0,
        1..=4 => serial_type as usize,
        5 => 6,
        6 | 7 => 8,
        12.. => usize::try_from((serial_type - 12) / 2).ok()?,
        // 10 and 11 are SQLite's own, negative ones nobody's.
        _ => return None,
    })
}

/// The values of a record; of one that is cut, those that are there. `None`: not a record.
pub(super) fn fields(record: &[u8], encoding: Encoding) -> Option<Vec<Field>> {
    let (header_len, _) = varint(record)?;
    let (header, mut body) = record.split_at_checked(usize::try_from(header_len).ok()?)?;
    let (_, mut types) = varint(header)?;
    let mut fields = Vec::new();
    while !types.is_empty() {
        let (serial_type, rest) = varint(types)?;
        types = rest;
        let len = field_len(serial_type)?;
        let (bytes, rest) = body.split_at(len.min(body.len()));
        body = rest;
        fields.push(match serial_type {
            8 => Field::Int(0),
            9 => Field::Int(1),
            1..=7 if bytes.len() < len => Field::Null,
            1..=6 => Field::Int(integer(bytes)),
            7 => Field::Real(f64::from_bits(integer(bytes) as u64)),
            12.. if serial_type % 2 == 0 => Field::Blob(bytes.to_vec()),
            12.. => Field::Text(text(bytes, encoding)),
            _ => Field::Null,
        });
    }
    Some(fields)
}

fn integer(bytes: &[u8]) -> i64 {
    let negative = bytes.first().is_some_and(|byte| byte & 0x80 != 0);
    bytes.iter().fold(if negative { -1 } else { 0 }, |value, byte| value << 8 | i64::from(*byte))
}

fn text(bytes: &[u8], encoding: Encoding) -> Vec<u8> {
    let unit: fn([u8; 2]) -> u16 = match encoding {
        Encoding::Utf8 => return bytes.to_vec(),
        Encoding::Utf16Le => u16::from_le_bytes,
        Encoding::Utf16Be => u16::from_be_bytes,
    };
    let (units, _) = bytes.as_chunks::<2>();
    let characters = char::decode_utf16(units.iter().map(|bytes| unit(*bytes)));
    characters.map(|c| c.unwrap_or('\u{fffd}')).collect::<String>().into_bytes()
}
