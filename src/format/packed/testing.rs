//! Packed content for tests.

use std::io::{Cursor, Read, Write};

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};

/// Everything that can be read, and the error it ends with.
pub(crate) fn all(mut reader: impl Read) -> (Vec<u8>, Option<String>) {
    let mut out = Vec::new();
    let result = reader.read_to_end(&mut out);
    (out, result.err().map(|error| error.to_string()))
}

/// Words that repeat, and numbers that do not.
pub(crate) fn text(length: usize) -> Vec<u8> {
    let lines = (0_u64..).flat_map(|line| {
        let number = line.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        format!("line {line}: the service {number:x} was asked for example.org\n").into_bytes()
    });
    lines.take(length).collect()
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

pub(crate) fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
    zlib.write_all(bytes).unwrap();
    zlib.finish().unwrap()
}

pub(crate) fn zip(name: &str, bytes: &[u8]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
    zip.write_all(bytes).unwrap();
    zip.finish().unwrap().into_inner()
}

pub(crate) fn lz4_apple(bytes: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    for block in bytes.chunks(64 << 10) {
        let packed = lz4_flex::block::compress(block);
        let is_smaller = packed.len() < block.len();
        frame.extend(if is_smaller { b"bv41" } else { b"bv4-" });
        frame.extend((block.len() as u32).to_le_bytes());
        if is_smaller {
            frame.extend((packed.len() as u32).to_le_bytes());
        }
        frame.extend(if is_smaller { &packed } else { block });
    }
    frame.extend(b"bv4$");
    frame
}

/// With checksums of zero, which nobody checks. `size` is from 4 (64 KiB) to 7 (4 MiB).
pub(crate) fn lz4_frame(bytes: &[u8], flags: u8, size: u8) -> Vec<u8> {
    let mut frame = vec![0x04, 0x22, 0x4d, 0x18, flags, size << 4];
    if flags & 8 != 0 {
        frame.extend((bytes.len() as u64).to_le_bytes());
    }
    frame.push(0);
    for block in bytes.chunks(1 << (8 + 2 * size)) {
        let packed = lz4_flex::block::compress(block);
        let is_smaller = packed.len() < block.len();
        let len = if is_smaller { packed.len() as u32 } else { block.len() as u32 | 1 << 31 };
        frame.extend(len.to_le_bytes());
        frame.extend(if is_smaller { &packed } else { block });
        frame.extend(vec![0; if flags & 16 == 0 { 0 } else { 4 }]);
    }
    frame.extend([0; 4]);
    frame.extend(vec![0; if flags & 4 == 0 { 0 } else { 4 }]);
    frame
}

pub(crate) fn lzfse(bytes: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    lzfse_rust::encode_bytes(bytes, &mut packed).unwrap();
    packed
}
