//! Fixed-size fields one after the other, and the UUIDs among them.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// An image or a boot, written as 32 upper-case hexadecimal digits without dashes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uuid(pub u128);

impl fmt::Display for Uuid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:032X}", self.0)
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl Serialize for Uuid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Not 32 hexadecimal digits.
#[derive(Debug, PartialEq, thiserror::Error)]
#[error("is not a UUID")]
pub struct NotUuid;

impl FromStr for Uuid {
    type Err = NotUuid;

    /// Reads either case, with or without dashes: crash reports and TCC write them with.
    fn from_str(text: &str) -> Result<Uuid, NotUuid> {
        let mut digits = 0;
        let mut number = 0u128;
        for character in text.chars().filter(|character| *character != '-') {
            let digit = character.to_digit(16).ok_or(NotUuid)?;
            digits += 1;
            if digits > 32 {
                return Err(NotUuid);
            }
            number = number << 4 | u128::from(digit);
        }
        if digits == 32 { Ok(Uuid(number)) } else { Err(NotUuid) }
    }
}

/// Reads fields from the front; `None` where the bytes end.
#[derive(Clone, Copy)]
pub(super) struct Fields<'b>(pub &'b [u8]);

impl<'b> Fields<'b> {
    pub fn bytes(&mut self, count: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    pub fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub fn i32(&mut self) -> Option<i32> {
        self.array().map(i32::from_le_bytes)
    }

    pub fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    pub fn i64(&mut self) -> Option<i64> {
        self.array().map(i64::from_le_bytes)
    }

    pub fn uuid(&mut self) -> Option<Uuid> {
        self.array().map(u128::from_be_bytes).map(Uuid)
    }

    /// Text in a field of `count` bytes, up to its first NUL.
    pub fn text(&mut self, count: usize) -> Option<String> {
        self.bytes(count).map(text_to_nul)
    }
}

/// The text before the first NUL, or all of it; what is not UTF-8 is replaced.
pub(super) fn text_to_nul(bytes: &[u8]) -> String {
    let end = memchr::memchr(0, bytes).unwrap_or(bytes.len());
    String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_are_read_with_and_without_dashes() {
        let uuid: Uuid = "0b7d3775-f190-3e21-ba13-0447c41b8743".parse().unwrap();
        assert_eq!(uuid.to_string(), "0B7D3775F1903E21BA130447C41B8743");
        assert_eq!(uuid, uuid.to_string().parse().unwrap());
        for wrong in ["", "0b7d", "0B7D3775F1903E21BA130447C41B87433", "XB7D3775F1903E21BA130447C41B8743"] {
            assert_eq!(wrong.parse::<Uuid>(), Err(NotUuid));
        }
    }
}
