//! SEGB: the files in which Biome keeps its streams, entry by entry, of iOS 15 (version 1) and of iOS 17 (version 2).
//!
//! What an entry holds is a message of its stream; it is left to artifacts.

use anyhow::{Context as _, Result, bail};

use super::numbers::{le_f64, le_i32, le_u32};

const MAGIC: &[u8; 4] = b"SEGB";
const V1_HEADER: usize = 56;
const V1_MAGIC_AT: usize = 52;
const V1_ENTRY_HEADER: usize = 32;
const V2_HEADER: usize = 32;
const V2_ENTRY_HEADER: usize = 8;
const V2_SLOT: usize = 16;
/// A stream of a busy month has some ten thousand entries in a file.
const MOST_ENTRIES: usize = 1_000_000;

/// What has become of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Written,
    /// Its bytes may still be there, in part or whole.
    Deleted,
    /// Another number than those known.
    Other(i32),
}

impl State {
    /// `None` for slots without an entry.
    fn of(number: i32) -> Option<State> {
        match number {
            0 | 4 => None,
            1 => Some(State::Written),
            3 => Some(State::Deleted),
            other => Some(State::Other(other)),
        }
    }
}

/// One entry.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Entry<'a> {
    /// Where its data begins in the file.
    pub offset: u64,
    pub state: State,
    /// Seconds since 2001.
    pub written: f64,
    pub data: &'a [u8],
    /// The data fits the checksum beside it.
    pub intact: bool,
}

/// The entries of a file, and what is wrong with it.
#[derive(Debug, Default)]
pub struct Stream<'a> {
    pub entries: Vec<Entry<'a>>,
    pub problems: Vec<String>,
}

/// True for the bytes of either version.
pub fn is_segb(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC) || is_version_1(bytes)
}

fn is_version_1(bytes: &[u8]) -> bool {
    bytes.get(V1_MAGIC_AT..).is_some_and(|rest| rest.starts_with(MAGIC))
}

/// Reads a file; entries before damage are given.
///
/// # Errors
/// When it is of neither version.
pub fn read(bytes: &[u8]) -> Result<Stream<'_>> {
    let mut stream = Stream::default();
    if bytes.starts_with(MAGIC) {
        version_2(bytes, &mut stream).context("the list of entries is cut off")?;
    } else if is_version_1(bytes) {
        version_1(bytes, &mut stream);
    } else {
        bail!("is no SEGB file");
    }
    Ok(stream)
}

fn version_1<'a>(bytes: &'a [u8], stream: &mut Stream<'a>) {
    let stated = le_u32(bytes, 0).and_then(|end| usize::try_from(end).ok()).unwrap_or(usize::MAX);
    if stated > bytes.len() {
        stream.problems.push(format!("ends early: {} of {stated} bytes", bytes.len()));
    }
    let end = stated.min(bytes.len());
    let mut at = V1_HEADER;
    while at < end && stream.entries.len() < MOST_ENTRIES {
        let Some(next) = entry_1(bytes, at, stream) else {
            stream.problems.push(format!("the entry at {at} is damaged; what follows it is not read"));
            return;
        };
        at = next;
    }
}

/// Reads the entry at a place; gives that of the next.
fn entry_1<'a>(bytes: &'a [u8], at: usize, stream: &mut Stream<'a>) -> Option<usize> {
    let len = usize::try_from(le_i32(bytes, at)?).ok()?;
    let state = le_i32(bytes, at.checked_add(4)?)?;
    let written = le_f64(bytes, at.checked_add(8)?)?;
    let checksum = le_u32(bytes, at.checked_add(24)?)?;
    let start = at.checked_add(V1_ENTRY_HEADER)?;
    let end = start.checked_add(len)?;
    let data = bytes.get(start..end)?;
    if let Some(state) = State::of(state) {
        let intact = crc(data) == checksum;
        stream.entries.push(Entry { offset: start as u64, state, written, data, intact });
    }
    end.checked_next_multiple_of(8)
}

/// A slot of the list at the end of the file.
struct Slot {
    /// Counted from the header's end.
    end: usize,
    state: i32,
    written: f64,
}

fn version_2<'a>(bytes: &'a [u8], stream: &mut Stream<'a>) -> Option<()> {
    let count = usize::try_from(le_i32(bytes, 4)?).ok()?;
    let list = count.checked_mul(V2_SLOT).and_then(|len| bytes.len().checked_sub(len))?;
    let body = bytes.get(V2_HEADER..list)?;
    let mut slots: Vec<Slot> =
        bytes.get(list..)?.chunks_exact(V2_SLOT).take(MOST_ENTRIES).filter_map(slot).collect();
    // Of slots with one end the last written says what has become of the entry.
    slots.sort_by(|a, b| a.end.cmp(&b.end).then(a.written.total_cmp(&b.written)));
    let (mut behind, mut behind_filled) = (0, 0);
    for (index, slot) in slots.iter().enumerate() {
        if slots.get(index + 1).is_some_and(|next| next.end == slot.end && next.state != 0) {
            continue;
        }
        let Some(state) = State::of(slot.state) else {
            behind = slot.end;
            continue;
        };
        // Public descriptions leave open whether a slot marked empty has bytes: the checksum tells.
        let candidates = [behind, behind_filled].map(|start| entry_2(body, start, slot));
        (behind, behind_filled) = (slot.end, slot.end);
        let intact = candidates.iter().flatten().find(|(_, _, intact)| *intact);
        match intact.or(candidates.iter().flatten().next()) {
            Some((start, data, intact)) => stream.entries.push(Entry {
                offset: start.saturating_add(V2_HEADER) as u64,
                state,
                written: slot.written,
                data,
                intact: *intact,
            }),
            None if state == State::Written => {
                stream.problems.push(format!("the entry that ends at {} is not there", slot.end));
            }
            None => {}
        }
    }
    Some(())
}

fn slot(bytes: &[u8]) -> Option<Slot> {
    let (state, end) = (le_i32(bytes, 4)?, le_i32(bytes, 0)?);
    let end = usize::try_from(end).ok().filter(|_| state != 0)?;
    Some(Slot { end, state, written: le_f64(bytes, 8)? })
}

/// The data between the end of the entry before and the slot's end, where it begins and whether it fits its checksum.
fn entry_2<'a>(body: &'a [u8], behind: usize, slot: &Slot) -> Option<(usize, &'a [u8], bool)> {
    let start = behind.checked_next_multiple_of(4)?;
    let entry = body.get(start..slot.end)?;
    let data = entry.get(V2_ENTRY_HEADER..)?;
    Some((start.checked_add(V2_ENTRY_HEADER)?, data, le_u32(entry, 0)? == crc(data)))
}

fn crc(data: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(data);
    crc.sum()
}

/// Files made for tests.
#[cfg(test)]
pub mod testing {
    use super::*;

    /// A file of version 1 with these states, times and data.
    pub fn version_1(entries: &[(i32, f64, Vec<u8>)]) -> Vec<u8> {
        let mut bytes = vec![0; V1_HEADER];
        for (state, written, data) in entries {
            bytes.resize(bytes.len().next_multiple_of(8), 0);
            bytes.extend((data.len() as i32).to_le_bytes());
            bytes.extend(state.to_le_bytes());
            bytes.extend(written.to_le_bytes());
            bytes.extend(written.to_le_bytes());
            bytes.extend(crc(data).to_le_bytes());
            bytes.extend([0; 4]);
            bytes.extend(data);
        }
        let end = (bytes.len() as u32).to_le_bytes();
        bytes[..4].copy_from_slice(&end);
        bytes[V1_MAGIC_AT..V1_HEADER].copy_from_slice(MAGIC);
        bytes
    }

    /// A file of version 2 likewise; the list at its end is backwards, as nothing says it is sorted.
    pub fn version_2(entries: &[(i32, f64, Vec<u8>)]) -> Vec<u8> {
        let (mut body, mut list) = (Vec::new(), Vec::new());
        for (state, written, data) in entries {
            body.resize(usize::next_multiple_of(body.len(), 4), 0);
            body.extend(crc(data).to_le_bytes());
            body.extend([0; 4]);
            body.extend(data);
            list.push(
                [&(body.len() as i32).to_le_bytes()[..], &state.to_le_bytes(), &written.to_le_bytes()]
                    .concat(),
            );
        }
        list.reverse();
        let mut bytes = MAGIC.to_vec();
        bytes.extend((entries.len() as i32).to_le_bytes());
        bytes.extend(700_000_000.0_f64.to_le_bytes());
        bytes.resize(V2_HEADER, 0);
        bytes.extend(body);
        bytes.extend(list.concat());
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries() -> Vec<(i32, f64, Vec<u8>)> {
        vec![
            (1, 1.5, b"hello".to_vec()),
            (4, 2.0, b"empty".to_vec()),
            (3, 2.5, b"gone".to_vec()),
            (9, 3.5, b"unknown".to_vec()),
        ]
    }

    fn told<'a>(stream: &Stream<'a>) -> Vec<(State, f64, &'a [u8], bool)> {
        stream.entries.iter().map(|entry| (entry.state, entry.written, entry.data, entry.intact)).collect()
    }

    #[test]
    fn both_versions_give_written_and_deleted_entries() {
        for bytes in [testing::version_1(&entries()), testing::version_2(&entries())] {
            let stream = read(&bytes).unwrap();
            assert_eq!(
                told(&stream),
                [
                    (State::Written, 1.5, &b"hello"[..], true),
                    (State::Deleted, 2.5, b"gone", true),
                    (State::Other(9), 3.5, b"unknown", true),
                ]
            );
            assert!(stream.problems.is_empty(), "{:?}", stream.problems);
            for entry in &stream.entries {
                assert!(bytes[entry.offset as usize..].starts_with(entry.data));
            }
        }
    }

    #[test]
    fn of_two_slots_with_one_end_the_later_says_the_state() {
        let mut bytes = testing::version_2(&[(1, 1.0, b"hello".to_vec())]);
        let end = (V2_ENTRY_HEADER + 5) as i32;
        bytes.extend([&end.to_le_bytes()[..], &3_i32.to_le_bytes(), &9.0_f64.to_le_bytes()].concat());
        bytes[4] = 2;
        assert_eq!(told(&read(&bytes).unwrap()), [(State::Deleted, 9.0, &b"hello"[..], true)]);
    }

    #[test]
    fn a_slot_marked_empty_may_have_no_bytes() {
        let mut bytes = testing::version_2(&[(1, 1.0, b"abcd".to_vec()), (1, 2.0, b"hello".to_vec())]);
        // An empty slot whose end lies inside the second entry.
        bytes.extend([&16_i32.to_le_bytes()[..], &4_i32.to_le_bytes(), &1.5_f64.to_le_bytes()].concat());
        bytes[4] = 3;
        let stream = read(&bytes).unwrap();
        assert_eq!(told(&stream)[1], (State::Written, 2.0, &b"hello"[..], true));
    }

    #[test]
    fn altered_data_is_told() {
        let mut bytes = testing::version_1(&[(1, 1.0, b"hello".to_vec())]);
        *bytes.last_mut().unwrap() = b'x';
        assert!(!read(&bytes).unwrap().entries[0].intact);
    }

    #[test]
    fn a_cut_file_of_version_1_gives_what_is_before_the_cut() {
        let bytes = testing::version_1(&entries());
        let stream = read(&bytes[..bytes.len() - 1]).unwrap();
        assert_eq!((stream.entries.len(), stream.problems.len()), (2, 2));
    }

    #[test]
    fn broken_files_never_panic() {
        assert!(read(b"").is_err());
        assert!(!is_segb(b"SEG"));
        for bytes in [testing::version_1(&entries()), testing::version_2(&entries())] {
            assert!(is_segb(&bytes));
            for len in 0..bytes.len() {
                let _ = read(&bytes[..len]);
            }
            for at in 0..bytes.len() {
                for bit in [1, 0x10, 0x80, 0xff] {
                    let mut broken = bytes.clone();
                    broken[at] ^= bit;
                    let _ = read(&broken);
                }
            }
        }
    }
}
