//! The catalog chunk: which processes the following chunksets speak of, what they had loaded, and when.

use std::collections::HashMap;
use std::ops::Range;

use super::bytes::{Fields, Uuid, text_to_nul};

/// Values that logd writes where it did not know a process id or a user.
const UNKNOWN: [u32; 2] = [0xAAAA_AAAA, 0xFFFF_FFFF];
/// Offsets inside a catalog have 16 bits; only the spans behind the last one make it longer.
pub(super) const MAX_LEN: u64 = 1 << 20;

/// Processes and time spans of the chunksets that follow in the file.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    /// The earliest continuous time of its messages, in ticks.
    pub earliest: u64,
    pub processes: Vec<Process>,
    pub spans: Vec<Span>,
    /// The chunk's own bytes, behind the preamble.
    pub(super) raw: Vec<u8>,
    names: Range<usize>,
    by_ids: HashMap<(u64, u32), usize>,
}

/// A process as logd knew it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its number in the spans.
    pub index: u16,
    /// What messages call it by: two numbers that are never reused within a boot, unlike the process id.
    pub ids: (u64, u32),
    /// `None` where logd wrote a placeholder.
    pub pid: Option<u32>,
    /// Effective user; `None` where logd wrote a placeholder.
    pub euid: Option<u32>,
    pub main: Option<Uuid>,
    /// The shared cache it ran with.
    pub dsc: Option<Uuid>,
    /// Images outside the shared cache that it had loaded.
    pub images: Vec<Image>,
}

/// An image in the memory of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Image {
    pub uuid: Uuid,
    pub address: u64,
    pub size: u32,
}

/// One chunkset: when its messages were written and by whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// Continuous time of the first message, in ticks.
    pub start: u64,
    /// Continuous time of the last message, in ticks.
    pub end: u64,
    /// Values of [`Process::index`].
    pub processes: Vec<u16>,
}

impl Catalog {
    /// Reads the chunk's bytes behind its preamble. What follows a damaged entry is lost; the second value says so.
    ///
    /// # Errors
    /// If even the table of UUIDs is not there.
    pub(super) fn read(raw: Vec<u8>) -> Result<(Catalog, Option<&'static str>), &'static str> {
        let mut fields = Fields(&raw);
        let mut catalog = Catalog::default();
        let (offsets, body) = Offsets::read(&mut fields).ok_or("is cut short")?;
        catalog.earliest = offsets.earliest;
        let uuids = body.get(..usize::from(offsets.names)).ok_or("has a table of UUIDs that is cut short")?;
        let uuids: Vec<Uuid> = uuids.chunks_exact(16).filter_map(|bytes| Fields(bytes).uuid()).collect();
        let mut damage = catalog.read_entries(&offsets, body, &uuids).err();
        if offsets.processes < offsets.names {
            damage = Some("has its parts out of order");
        }
        let before_body = raw.len() - body.len();
        let names = usize::from(offsets.names)..usize::from(offsets.processes).max(offsets.names.into());
        catalog.names = before_body + names.start..before_body + names.end;
        catalog.raw = raw;
        Ok((catalog, damage))
    }

    fn read_entries(&mut self, offsets: &Offsets, body: &[u8], uuids: &[Uuid]) -> Result<(), &'static str> {
        let mut fields = Fields(body.get(usize::from(offsets.processes)..).unwrap_or_default());
        let mut damage = None;
        for _ in 0..offsets.process_count {
            let Some(process) = Process::read(&mut fields, uuids) else {
                damage = Some("has a process entry that is cut short");
                break;
            };
            self.by_ids.insert(process.ids, self.processes.len());
            self.processes.push(process);
        }
        let mut fields = Fields(body.get(usize::from(offsets.spans)..).unwrap_or_default());
        for _ in 0..offsets.span_count {
            self.spans.push(Span::read(&mut fields).ok_or("has a time span that is cut short")?);
        }
        damage.map_or(Ok(()), Err)
    }

    /// The process that messages call by these two numbers.
    pub fn process(&self, ids: (u64, u32)) -> Option<&Process> {
        self.processes.get(*self.by_ids.get(&ids)?)
    }

    /// The names of subsystems and categories, in no order.
    pub fn names(&self) -> impl Iterator<Item = String> + '_ {
        let names = self.raw.get(self.names.clone()).unwrap_or_default();
        names.split(|byte| *byte == 0).filter(|name| !name.is_empty()).map(text_to_nul)
    }
}

struct Offsets {
    names: u16,
    processes: u16,
    process_count: u16,
    spans: u16,
    span_count: u16,
    earliest: u64,
}

impl Offsets {
    /// The numbers at the front, and the body that the offsets count from.
    fn read<'b>(fields: &mut Fields<'b>) -> Option<(Offsets, &'b [u8])> {
        let (names, processes, process_count) = (fields.u16()?, fields.u16()?, fields.u16()?);
        let (spans, span_count) = (fields.u16()?, fields.u16()?);
        // Since iOS 27 two of these six bytes count personas, which lie between processes and spans.
        fields.bytes(6)?;
        let earliest = fields.u64()?;
        Some((Offsets { names, processes, process_count, spans, span_count, earliest }, fields.0))
    }
}

impl Process {
    fn read(fields: &mut Fields<'_>, uuids: &[Uuid]) -> Option<Process> {
        let known = |number: u32| Some(number).filter(|number| !UNKNOWN.contains(number));
        // Nothing was ever loaded from an image of all zeros.
        let uuid_of = |index: u16| uuids.get(usize::from(index)).copied().filter(|uuid| uuid.0 != 0);
        let (index, _) = (fields.u16()?, fields.u16()?);
        let (main, dsc) = (uuid_of(fields.u16()?), uuid_of(fields.u16()?));
        let ids = (fields.u64()?, fields.u32()?);
        let (pid, euid) = (known(fields.u32()?), known(fields.u32()?));
        let (_persona, image_count, _) = (fields.u32()?, fields.u32()?, fields.u32()?);
        let mut images = Vec::new();
        for _ in 0..image_count {
            let (size, _) = (fields.u32()?, fields.u32()?);
            let uuid = uuid_of(fields.u16()?);
            let address = fields.bytes(6)?.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
            images.extend(uuid.map(|uuid| Image { uuid, address, size }));
        }
        let (subsystem_count, _) = (fields.u32()?, fields.u32()?);
        let subsystems = usize::try_from(subsystem_count).ok()?.checked_mul(6)?;
        fields.bytes(subsystems.checked_next_multiple_of(8)?)?;
        Some(Process { index, ids, pid, euid, main, dsc, images })
    }
}

impl Span {
    fn read(fields: &mut Fields<'_>) -> Option<Span> {
        let (start, end) = (fields.u64()?, fields.u64()?);
        let (_uncompressed, _algorithm) = (fields.u32()?, fields.u32()?);
        let count = fields.u32()?;
        let mut processes = Vec::new();
        for _ in 0..count {
            processes.push(fields.u16()?);
        }
        let names = fields.u32()?;
        let used = 8 + 2 * (usize::try_from(count).ok()? + usize::try_from(names).ok()?);
        let tail = 2 * usize::try_from(names).ok()? + (used.next_multiple_of(8) - used);
        // The last entry of a file may lack its padding.
        fields.bytes(tail.min(fields.0.len()))?;
        Some(Span { start, end, processes })
    }
}

#[cfg(test)]
mod tests {
    use super::super::writer;
    use super::*;

    fn sample() -> Vec<u8> {
        let process = writer::Process {
            main: 0xA1,
            dsc: Some(0xD5),
            ids: (321, 9),
            pid: 321,
            euid: 501,
            images: vec![(0xB2, 0x1_0000_4000, 0x2000)],
            subsystems: vec![(1, "com.example.app", "network")],
        };
        let unknown = writer::Process { pid: 0xAAAA_AAAA, euid: 0xFFFF_FFFF, ids: (4, 4), ..process.clone() };
        let bytes = writer::catalog(
            7,
            &[process, unknown],
            &[
                writer::Span { start: 10, end: 20, processes: vec![0] },
                writer::Span { start: 20, end: 30, processes: vec![0, 1, 1] },
            ],
        );
        bytes[16..].to_vec()
    }

    #[test]
    fn processes_images_and_spans_are_read() {
        let (catalog, damage) = Catalog::read(sample()).unwrap();
        assert_eq!(damage, None);
        assert_eq!(catalog.earliest, 7);
        let process = &catalog.processes[0];
        assert_eq!((process.pid, process.euid, process.main), (Some(321), Some(501), Some(Uuid(0xA1))));
        assert_eq!(process.dsc, Some(Uuid(0xD5)));
        assert_eq!(process.images, [Image { uuid: Uuid(0xB2), address: 0x1_0000_4000, size: 0x2000 }]);
        assert_eq!(catalog.spans[1], Span { start: 20, end: 30, processes: vec![0, 1, 1] });
        assert_eq!(catalog.names().collect::<Vec<_>>(), ["com.example.app", "network"]);
    }

    #[test]
    fn placeholders_are_unknown() {
        let (catalog, _) = Catalog::read(sample()).unwrap();
        assert_eq!((catalog.processes[1].pid, catalog.processes[1].euid), (None, None));
        assert_eq!(catalog.process((4, 4)), Some(&catalog.processes[1]));
    }

    #[test]
    fn broken_catalogs_give_what_is_left() {
        let whole = sample();
        for len in 0..whole.len() {
            let _ = Catalog::read(whole[..len].to_vec());
        }
        for bit in 0..whole.len() * 8 {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let _ = Catalog::read(flipped);
        }
        let (cut, damage) = Catalog::read(whole[..whole.len() - 8].to_vec()).unwrap();
        assert_eq!(cut.processes.len(), 2);
        assert!(damage.is_some());
        let mut backwards = whole;
        backwards[2..4].fill(0);
        assert_eq!(Catalog::read(backwards).unwrap().1, Some("has its parts out of order"));
    }
}
