//! A zlib stream that may be cut or damaged: what could be inflated counts.

use std::io::Read;

use flate2::{Decompress, FlushDecompress, Status};

const CHUNK: usize = 64 << 10;

/// What came out of a stream.
#[derive(Debug, Default)]
pub struct Inflated {
    pub bytes: Vec<u8>,
    /// Why the stream did not reach its end.
    pub damage: Option<String>,
    /// There would have been more than was asked for.
    pub too_long: bool,
}

/// True for the first two bytes of a zlib stream.
pub fn is_zlib(head: &[u8]) -> bool {
    matches!(head, [method, flags, ..] if method & 0x0f == 8 && (u16::from(*method) << 8 | u16::from(*flags)).is_multiple_of(31))
}

/// Inflates one stream to at most `most` bytes; what stands behind its end is not looked at.
pub fn inflate(mut stream: impl Read, most: u64) -> Inflated {
    let mut inflated = Inflated::default();
    let mut decoder = Decompress::new(true);
    let mut input = vec![0; CHUNK];
    let mut output = vec![0; CHUNK];
    let (mut start, mut end) = (0, 0);
    loop {
        if start == end {
            start = 0;
            end = match stream.read(&mut input) {
                Ok(0) => {
                    inflated.damage = Some(at("ends early", &inflated.bytes));
                    return inflated;
                }
                Ok(count) => count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    inflated.damage = Some(at(&error.to_string(), &inflated.bytes));
                    return inflated;
                }
            };
        }
        let (taken, given) = (decoder.total_in(), decoder.total_out());
        let pending = input.get(start..end).unwrap_or_default();
        let status = decoder.decompress(pending, &mut output, FlushDecompress::None);
        let count = usize::try_from(decoder.total_out() - given).unwrap_or(CHUNK);
        start += usize::try_from(decoder.total_in() - taken).unwrap_or(CHUNK);
        let room = usize::try_from(most).unwrap_or(usize::MAX).saturating_sub(inflated.bytes.len());
        inflated.bytes.extend_from_slice(output.get(..count.min(room)).unwrap_or_default());
        if count > room {
            inflated.too_long = true;
            return inflated;
        }
        match status {
            Ok(Status::StreamEnd) => return inflated,
            Ok(_) if count == 0 && start < end && decoder.total_in() == taken => {
                inflated.damage = Some(at("does not go on", &inflated.bytes));
                return inflated;
            }
            Ok(_) => {}
            Err(error) => {
                inflated.damage = Some(at(&error.to_string(), &inflated.bytes));
                return inflated;
            }
        }
    }
}

fn at(what: &str, bytes: &[u8]) -> String {
    format!("the compressed data is damaged after {} bytes: {what}", bytes.len())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn deflated(bytes: &[u8]) -> Vec<u8> {
        let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        writer.write_all(bytes).unwrap();
        writer.flush().unwrap();
        writer.finish().unwrap()
    }

    #[test]
    fn whole_streams_come_out_and_what_follows_is_left() {
        let text: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
        let mut stream = deflated(&text);
        stream.extend(b"trailing bytes");
        assert!(is_zlib(&stream));
        let inflated = inflate(&stream[..], 1 << 20);
        assert_eq!((inflated.bytes == text, inflated.damage, inflated.too_long), (true, None, false));
        let inflated = inflate(&stream[..], 1000);
        assert_eq!((inflated.bytes.len(), inflated.too_long), (1000, true));
    }

    #[test]
    fn cut_and_damaged_streams_give_what_was_before() {
        let text: Vec<u8> = (0..2000_u32).flat_map(u32::to_le_bytes).collect();
        let stream = deflated(&text);
        let mut most = 0;
        for end in 0..stream.len() {
            let inflated = inflate(&stream[..end], 1 << 20);
            assert!(inflated.damage.is_some() && text.starts_with(&inflated.bytes));
            most = most.max(inflated.bytes.len());
        }
        assert_eq!(most, text.len());
        for at in 0..stream.len() {
            let mut broken = stream.clone();
            broken[at] ^= 0x10;
            inflate(&broken[..], 1 << 20);
        }
    }
}
