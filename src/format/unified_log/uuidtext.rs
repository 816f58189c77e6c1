//! `uuidtext/XX/…`: the path and the format strings of one image. The file's name is the image's UUID: two digits of folder, thirty of
//! file.
//!
//! Magic, version, count, then as many pairs (where a range of strings lies in the image, its size), the ranges, and the path.

use anyhow::{Context, ensure};

use super::bytes::{Fields, text_to_nul};

const MAGIC: u32 = 0x6677_8899;
/// A handful in real files; messages are looked up by going through all.
const MAX_RANGES: usize = 4096;
const MAX_PATH_LEN: usize = 4096;

/// One image's strings, not yet looked into.
#[derive(Debug)]
pub struct UuidText<'b> {
    /// Where each range lies in the image, and its size, in the order of `strings`.
    pub ranges: Vec<(u32, u32)>,
    /// NUL-terminated format strings.
    pub strings: &'b [u8],
    /// The path of the image on the device; `None` if the file ends before.
    pub path: Option<String>,
}

/// Reads a file of `uuidtext`, or of its beginning what is there.
///
/// # Errors
/// If it is not one, or its table is cut short.
pub fn read(bytes: &[u8]) -> anyhow::Result<UuidText<'_>> {
    let mut fields = Fields(bytes);
    ensure!(fields.u32() == Some(MAGIC), "is not a uuidtext file");
    let (_major, _minor) = (fields.u32(), fields.u32());
    let count = fields.u32().context("is cut short")?;
    let count = usize::try_from(count)?;
    ensure!(count <= MAX_RANGES, "has {count} ranges");
    let mut ranges = Vec::with_capacity(count);
    let mut len = 0usize;
    for _ in 0..count {
        let (start, size) = fields.u32().zip(fields.u32()).context("has a table that is cut short")?;
        len = len.checked_add(usize::try_from(size)?).context("has ranges beyond any file")?;
        ranges.push((start, size));
    }
    let (strings, path) = fields.0.split_at_checked(len).unwrap_or((fields.0, &[]));
    let path = path.get(..MAX_PATH_LEN).unwrap_or(path);
    let path = Some(text_to_nul(path)).filter(|path| !path.is_empty());
    Ok(UuidText { ranges, strings, path })
}

#[cfg(test)]
mod tests {
    use super::super::writer;
    use super::*;

    #[test]
    fn path_and_strings_are_found() {
        let bytes =
            writer::uuidtext("/usr/libexec/exampled", &[(0x100, &["hello %s", "bye"]), (0x900, &["more"])]);
        let text = read(&bytes).unwrap();
        assert_eq!(text.path.as_deref(), Some("/usr/libexec/exampled"));
        assert_eq!(text.ranges, [(0x100, 13), (0x900, 5)]);
        assert_eq!(text.strings, b"hello %s\0bye\0more\0");
    }

    #[test]
    fn broken_files_do_not_panic() {
        let whole = writer::uuidtext("/usr/libexec/exampled", &[(0x100, &["hello %s"])]);
        for len in 0..whole.len() {
            let _ = read(&whole[..len]);
        }
        for bit in 0..whole.len() * 8 {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let _ = read(&flipped);
        }
        assert_eq!(read(&whole[..30]).unwrap().path, None);
    }
}
