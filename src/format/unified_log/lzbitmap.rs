//! Apple's LZBITMAP, in which iOS 27 packs its logs.
//!
//! After `ZBM` and a byte of flags come chunks: their packed and unpacked lengths (24 bits each, the packed one with this header of six
//! bytes), then either the bytes themselves or three offsets (distances, bitmaps, tokens), the literals, these three streams, and at
//! the end 17 bytes with ten bits for each token from 3 up: a bitmap and how the distance changes. A bitmap is eight bytes of output,
//! low bit first: set for the next literal, clear for the byte at the distance.

pub(super) const MAGIC: &[u8] = b"ZBM";

const FLAG_LARGE: u8 = 1;
/// Tokens do not carry a count of repetitions.
const FLAG_PLAIN_TOKENS: u8 = 4;
/// Set in every stream seen.
const FLAG_ALWAYS: u8 = 8;
const HEADER_LEN: usize = 6;
const TABLE_LEN: usize = 17;

/// The output, the bytes used, and what is wrong with the rest.
pub(super) fn unpack(stream: &[u8], limit: usize) -> (Vec<u8>, usize, Option<&'static str>) {
    let mut data = Vec::new();
    let Some(flags) = stream.get(MAGIC.len()) else { return (data, stream.len(), Some("is cut short")) };
    let mut at = MAGIC.len() + 1;
    if flags & !(FLAG_LARGE | FLAG_PLAIN_TOKENS) != FLAG_ALWAYS {
        return (data, at, Some("is compressed in an unknown way"));
    }
    loop {
        let rest = stream.get(at..).unwrap_or_default();
        match chunk(rest, *flags, &mut data, limit) {
            Ok(0) => return (data, at.saturating_add(HEADER_LEN).min(stream.len()), None),
            Ok(used) => at += used,
            Err(damage) => return (data, at.min(stream.len()), Some(damage)),
        }
    }
}

fn number24(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes = bytes.get(at..at.checked_add(3)?)?;
    Some(bytes.iter().rev().fold(0, |sum, byte| sum << 8 | usize::from(*byte)))
}

/// Unpacks the chunk at the front and says how long it is, 0 at the end of the stream.
fn chunk(bytes: &[u8], flags: u8, data: &mut Vec<u8>, limit: usize) -> Result<usize, &'static str> {
    const CUT: &str = "has a chunk that is cut short";
    const WRONG: &str = "has a chunk that is not LZBITMAP";
    let (packed_len, len) = (number24(bytes, 0).ok_or(CUT)?, number24(bytes, 3).ok_or(CUT)?);
    if len == 0 {
        return Ok(0);
    }
    let most = if flags & FLAG_LARGE == 0 { 0x4000 } else { 0x8000 };
    if len > most || packed_len > len + HEADER_LEN || packed_len < HEADER_LEN {
        return Err(WRONG);
    }
    if data.len() + len > limit {
        return Err("unpacks to more than 64 MiB");
    }
    let packed = bytes.get(..packed_len).ok_or(CUT)?;
    if packed_len == len + HEADER_LEN {
        data.extend_from_slice(packed.get(HEADER_LEN..).unwrap_or_default());
        return Ok(packed_len);
    }
    let before = data.len();
    if Streams::read(packed, flags).and_then(|mut streams| streams.run(data, before + len)).is_none() {
        data.truncate(before);
        return Err(WRONG);
    }
    Ok(packed_len)
}

struct Streams<'b> {
    literals: std::slice::Iter<'b, u8>,
    distances: std::slice::Iter<'b, u8>,
    bitmaps: std::slice::Iter<'b, u8>,
    tokens: &'b [u8],
    /// Half-bytes of `tokens` already read.
    nibbles: usize,
    table: &'b [u8],
    repeats: bool,
}

impl<'b> Streams<'b> {
    fn read(packed: &'b [u8], flags: u8) -> Option<Streams<'b>> {
        let (distances, bitmaps, tokens) =
            (number24(packed, 6)?, number24(packed, 9)?, number24(packed, 12)?);
        let end = packed.len().checked_sub(TABLE_LEN)?;
        Some(Streams {
            literals: packed.get(15..distances)?.iter(),
            distances: packed.get(distances..bitmaps)?.iter(),
            bitmaps: packed.get(bitmaps..tokens)?.iter(),
            tokens: packed.get(tokens..end)?,
            nibbles: 0,
            table: packed.get(end..)?,
            repeats: flags & FLAG_PLAIN_TOKENS == 0,
        })
    }

    fn nibble(&mut self) -> Option<u8> {
        let byte = *self.tokens.get(self.nibbles / 2)?;
        let nibble = if self.nibbles.is_multiple_of(2) { byte & 0xF } else { byte >> 4 };
        self.nibbles += 1;
        Some(nibble)
    }

    /// The bitmap of a token, unless it stands in its own stream, and how the distance changes.
    fn entry(&self, token: u8) -> Option<(Option<u8>, u8)> {
        if token < 3 {
            return Some((None, token));
        }
        let bit = usize::from(token - 3) * 10;
        let pair = self.table.get(bit / 8..bit / 8 + 2)?;
        let value = pair.iter().rev().fold(0u16, |sum, byte| sum << 8 | u16::from(*byte)) >> (bit % 8);
        // Ten bits that begin at bit 6 of a byte end with its neighbour.
        Some((Some(value as u8), (value >> 8 & 3) as u8))
    }

    /// How often the token is meant: a 15 behind it begins a count less four, which goes on after each further 15.
    fn repetitions(&mut self, remaining: usize) -> Option<usize> {
        if !self.repeats || remaining <= 8 || self.peek() != Some(0xF) {
            return Some(1);
        }
        self.nibble()?;
        let mut count = 4;
        loop {
            let nibble = self.nibble()?;
            count += usize::from(nibble);
            if nibble != 0xF {
                return Some(count);
            }
        }
    }

    fn peek(&self) -> Option<u8> {
        let byte = *self.tokens.get(self.nibbles / 2)?;
        Some(if self.nibbles.is_multiple_of(2) { byte & 0xF } else { byte >> 4 })
    }

    fn run(&mut self, data: &mut Vec<u8>, end: usize) -> Option<()> {
        let mut distance = 8;
        while data.len() < end {
            let token = self.nibble()?;
            if self.repeats && token == 0xF {
                return None;
            }
            for _ in 0..self.repetitions(end - data.len())? {
                if data.len() == end {
                    break;
                }
                let (bitmap, change) = self.entry(token)?;
                let bitmap = match bitmap {
                    Some(bitmap) => bitmap,
                    None => *self.bitmaps.next()?,
                };
                match change {
                    0 => {}
                    1 => distance = usize::from(*self.distances.next()?),
                    2 => {
                        let low = usize::from(*self.distances.next()?);
                        distance = usize::from(*self.distances.next()?) << 8 | low;
                    }
                    _ => return None,
                }
                self.eight(bitmap, distance, data, end)?;
            }
        }
        Some(())
    }

    fn eight(&mut self, bitmap: u8, distance: usize, data: &mut Vec<u8>, end: usize) -> Option<()> {
        for bit in 0..8 {
            if data.len() == end {
                break;
            }
            let byte = if bitmap >> bit & 1 == 1 {
                *self.literals.next()?
            } else {
                let from = data.len().checked_sub(distance).filter(|_| distance > 0)?;
                *data.get(from)?
            };
            data.push(byte);
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use macos_unifiedlogs::parser::parse_log;

    use super::super::writer;
    use super::*;

    fn three(number: usize) -> [u8; 3] {
        let [a, b, c, _] = (number as u32).to_le_bytes();
        [a, b, c]
    }

    /// Packs eight bytes a token: as they are (token 3, by the table), or copied from eight bytes before (token 4).
    fn pack(data: &[u8], repeats: bool) -> Vec<u8> {
        let (mut literals, mut tokens) = (Vec::new(), Vec::<u8>::new());
        for (index, group) in data.chunks(8).enumerate() {
            let before = data.get((index * 8).wrapping_sub(8)..).unwrap_or_default();
            if index > 0 && before.starts_with(group) {
                tokens.push(4);
            } else {
                literals.extend(group);
                tokens.push(3);
            }
        }
        if repeats {
            tokens = run_lengths(&tokens);
        }
        let mut table = [0; TABLE_LEN];
        table[0] = 0xFF;
        let (mut body, at) = (literals, 15);
        let distances = at + body.len();
        body.push(0);
        let bitmaps = distances + 1;
        body.extend(tokens.chunks(2).map(|pair| pair[0] | pair.get(1).unwrap_or(&0) << 4));
        body.extend(table);
        let flags = if repeats { 8 } else { 12 };
        let mut stream = [MAGIC, &[flags]].concat();
        stream.extend(three(15 + body.len()));
        stream.extend(three(data.len()));
        stream.extend([three(distances), three(bitmaps), three(bitmaps)].concat());
        stream.extend(body);
        stream.extend([6, 0, 0, 0, 0, 0]);
        stream
    }

    fn run_lengths(tokens: &[u8]) -> Vec<u8> {
        let mut packed = Vec::new();
        for run in tokens.chunk_by(|a, b| a == b) {
            packed.push(run[0]);
            match run.len().checked_sub(4) {
                Some(mut rest) => {
                    packed.push(15);
                    while rest >= 15 {
                        packed.push(15);
                        rest -= 15;
                    }
                    packed.push(rest as u8);
                }
                None => packed.extend(std::iter::repeat_n(run[0], run.len() - 1)),
            }
        }
        packed
    }

    fn part() -> Vec<u8> {
        let text = format!("exited {}", "again!! ".repeat(40));
        writer::simpledump((1, 1), 5, 1, 0xAB, "com.example", &text)
    }

    #[test]
    fn packed_streams_unpack() {
        let data = [part(), b"no multiple".to_vec()].concat();
        for stream in [pack(&data, false), pack(&data, true)] {
            assert!(stream.len() < data.len() / 2);
            assert_eq!(unpack(&stream, 1 << 20), (data.clone(), stream.len(), None));
        }
    }

    #[test]
    fn the_crate_reads_the_same() {
        for repeats in [false, true] {
            let stream = [pack(&part(), repeats), b"end!".to_vec()].concat();
            let file = [writer::catalog(0, &[], &[]), writer::chunk(0x600D, 0x11, &stream)].concat();
            let read = parse_log(file.as_slice(), "").unwrap();
            let message = &read.catalog_data[0].simpledump[0].message_string;
            assert!(message.ends_with("again!! again!! "), "{message}");
        }
    }

    #[test]
    fn chunks_may_hold_their_bytes_as_they_are() {
        let stream = [MAGIC, &[9], &three(10), &three(4), b"text", &three(6), &three(0)].concat();
        assert_eq!(unpack(&stream, 100), (b"text".to_vec(), stream.len(), None));
        assert_eq!(unpack(&stream, 3).2, Some("unpacks to more than 64 MiB"));
    }

    #[test]
    fn broken_streams_do_not_panic() {
        for whole in [pack(&part(), false), pack(&part(), true)] {
            for len in 0..whole.len() {
                let _ = unpack(&whole[..len], 1 << 20);
            }
            for bit in 0..whole.len() * 8 {
                let mut flipped = whole.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                let _ = unpack(&flipped, 1 << 20);
            }
        }
    }
}
