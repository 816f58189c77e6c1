//! `uuidtext/dsc/…`: the paths and format strings of all images of a shared cache, 30 to 150 MB a file. Its name is the cache's UUID.
//!
//! Magic, version, counts, then the ranges of strings, the images, the strings and the paths. Versions differ in the width and order
//! of the fields: 1 up to iOS 14, 2 since.

use std::io;

use anyhow::{Context, bail, ensure};

use super::bytes::{Fields, Uuid, text_to_nul};
use crate::format::ReadAt;

const HEADER_LEN: usize = 16;
/// Some 20,000 in real files; messages are looked up by going through all.
const MAX_RANGES: usize = 1 << 18;
const MAX_IMAGES: usize = 1 << 17;
const MAX_PATH_LEN: usize = 1024;

/// The tables of a shared cache; the strings stay where they are.
#[derive(Debug)]
pub struct Tables {
    pub ranges: Vec<Range>,
    pub images: Vec<Image>,
}

/// A stretch of strings of one image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// Where it lies in the cache.
    pub start: u64,
    /// Where it lies in the file.
    pub offset: u32,
    pub size: u32,
    /// The position of its image.
    pub image: usize,
}

/// An image of the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    pub uuid: Uuid,
    /// Its path on the device; empty if the file ends before.
    pub path: String,
}

/// Reads the tables and the paths of a file.
///
/// # Errors
/// If it is not a file of shared-cache strings, its tables are cut short, or it cannot be read.
pub fn read(file: &dyn ReadAt) -> anyhow::Result<Tables> {
    let header = bytes_at(file, 0, HEADER_LEN)?;
    let mut fields = Fields(&header);
    ensure!(fields.bytes(4) == Some(b"hcsd"), "is not a file of shared-cache strings");
    let major = fields.u16().context("is cut short")?;
    fields.u16();
    let (ranges, images) = fields.u32().zip(fields.u32()).context("is cut short")?;
    let (ranges, images) = (usize::try_from(ranges)?, usize::try_from(images)?);
    ensure!(ranges <= MAX_RANGES && images <= MAX_IMAGES, "has {ranges} ranges and {images} images");
    let wide = match major {
        1 => false,
        2 => true,
        _ => bail!("is of the unknown version {major}"),
    };
    let (range_len, image_len) = if wide { (24, 32) } else { (16, 28) };
    let table = bytes_at(file, HEADER_LEN as u64, ranges * range_len + images * image_len)?;
    let mut fields = Fields(&table);
    let mut tables = Tables { ranges: Vec::with_capacity(ranges), images: Vec::with_capacity(images) };
    for _ in 0..ranges {
        tables.ranges.push(range(&mut fields, wide).context("has ranges that are cut short")?);
    }
    for _ in 0..images {
        let (uuid, path) = image(&mut fields, wide).context("has images that are cut short")?;
        tables.images.push(Image { uuid, path: path_at(file, path.into())? });
    }
    Ok(tables)
}

fn range(fields: &mut Fields<'_>, wide: bool) -> Option<Range> {
    if wide {
        let (start, offset, size) = (fields.u64()?, fields.u32()?, fields.u32()?);
        return Some(Range { start, offset, size, image: usize::try_from(fields.u64()?).ok()? });
    }
    let image = usize::try_from(fields.u32()?).ok()?;
    Some(Range { start: fields.u32()?.into(), offset: fields.u32()?, size: fields.u32()?, image })
}

fn image(fields: &mut Fields<'_>, wide: bool) -> Option<(Uuid, u32)> {
    fields.bytes(if wide { 12 } else { 8 })?;
    Some((fields.uuid()?, fields.u32()?))
}

fn path_at(file: &dyn ReadAt, offset: u64) -> anyhow::Result<String> {
    let mut buffer = [0; MAX_PATH_LEN];
    let read = fill(file, offset, &mut buffer)?;
    Ok(text_to_nul(buffer.get(..read).unwrap_or_default()))
}

/// Exactly `len` bytes.
pub(super) fn bytes_at(file: &dyn ReadAt, offset: u64, len: usize) -> anyhow::Result<Vec<u8>> {
    let fits = offset.checked_add(len as u64).is_some_and(|end| end <= file.len());
    ensure!(fits, "is cut short");
    let mut bytes = vec![0; len];
    let read = fill(file, offset, &mut bytes)?;
    ensure!(read == len, "is cut short");
    Ok(bytes)
}

/// Fills as much of `buffer` as the file has.
fn fill(file: &dyn ReadAt, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        let read = file.read_at(offset.saturating_add(filled as u64), rest)?;
        if read == 0 {
            break;
        }
        filled += read;
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::super::writer;
    use super::*;

    fn sample() -> Vec<u8> {
        writer::dsc(&[
            (0xC1, "/usr/lib/libone.dylib", 0x1000, &["one %s"]),
            (0xC2, "/usr/lib/libtwo.dylib", 0x1_8000_0000, &["two %d", "three"]),
        ])
    }

    #[test]
    fn images_and_ranges_are_read() {
        let tables = read(&sample()).unwrap();
        assert_eq!(tables.images[1], Image { uuid: Uuid(0xC2), path: "/usr/lib/libtwo.dylib".into() });
        assert_eq!(
            (tables.ranges[1].start, tables.ranges[1].size, tables.ranges[1].image),
            (0x1_8000_0000, 13, 1)
        );
    }

    #[test]
    fn the_older_version_is_read_too() {
        let mut bytes = b"hcsd\x01\0\0\0\x01\0\0\0\x01\0\0\0".to_vec();
        for number in [0u32, 0x1000, 60, 3] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend([0; 8]);
        bytes.extend(0xC1u128.to_be_bytes());
        bytes.extend(63u32.to_le_bytes());
        bytes.extend(b"%s\0/usr/lib/libold.dylib\0");
        let tables = read(&bytes).unwrap();
        assert_eq!(tables.ranges, [Range { start: 0x1000, offset: 60, size: 3, image: 0 }]);
        assert_eq!(tables.images, [Image { uuid: Uuid(0xC1), path: "/usr/lib/libold.dylib".into() }]);
    }

    #[test]
    fn broken_files_do_not_panic() {
        let whole = sample();
        for len in 0..whole.len() {
            let _ = read(&whole[..len].to_vec());
        }
        for bit in 0..whole.len() * 8 {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let _ = read(&flipped);
        }
    }
}
