//! Who logged: the processes of all catalogs of a file, without looking at a message.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::bytes::Uuid;
use super::catalog::{Catalog, Process};

/// Real stores have some thousands of processes a boot.
const MAX_PROCESSES: usize = 200_000;
const MAX_IMAGES: usize = 2_000;

/// A process that logged, over all catalogs that name it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Logged {
    pub boot: Option<Uuid>,
    pub pid: Option<u32>,
    pub euid: Option<u32>,
    /// The image it was started from.
    pub main: Option<Uuid>,
    /// Continuous time where the first chunkset that names it begins, in ticks.
    pub first: Option<u64>,
    /// Continuous time where the last chunkset that names it ends, in ticks.
    pub last: Option<u64>,
    /// Images outside the shared cache that it had loaded, its own among them.
    pub images: BTreeSet<Uuid>,
}

type Key = (Option<Uuid>, Option<u32>, Option<u32>, Option<Uuid>);

/// The processes of one file or, merged, of several.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    processes: BTreeMap<Key, Logged>,
    /// Entries and images beyond the bounds.
    pub dropped: u64,
}

impl Inventory {
    /// Adds the processes of a catalog; `boot` is that of its file.
    pub fn add(&mut self, boot: Option<Uuid>, catalog: &Catalog) {
        let mut times: BTreeMap<u16, (u64, u64)> = BTreeMap::new();
        for span in &catalog.spans {
            for index in &span.processes {
                let time = times.entry(*index).or_insert((span.start, span.end));
                *time = (time.0.min(span.start), time.1.max(span.end));
            }
        }
        for process in &catalog.processes {
            let time = times.get(&process.index);
            self.add_one(logged(boot, process, time.copied()));
        }
    }

    fn add_one(&mut self, logged: Logged) {
        let key = (logged.boot, logged.pid, logged.euid, logged.main);
        let full = self.processes.len() >= MAX_PROCESSES;
        match self.processes.entry(key) {
            Entry::Occupied(mut known) => self.dropped += known.get_mut().merge(logged),
            Entry::Vacant(_) if full => self.dropped += 1,
            Entry::Vacant(place) => {
                place.insert(logged);
            }
        }
    }

    /// Adds what another file says.
    pub fn merge(&mut self, other: Inventory) {
        self.dropped += other.dropped;
        for logged in other.processes.into_values() {
            self.add_one(logged);
        }
    }

    /// The processes, by boot, process id, user and image.
    pub fn processes(&self) -> impl Iterator<Item = &Logged> {
        self.processes.values()
    }
}

fn logged(boot: Option<Uuid>, process: &Process, time: Option<(u64, u64)>) -> Logged {
    Logged {
        boot,
        pid: process.pid,
        euid: process.euid,
        main: process.main,
        first: time.map(|(first, _)| first),
        last: time.map(|(_, last)| last),
        images: process.images.iter().take(MAX_IMAGES).map(|image| image.uuid).collect(),
    }
}

impl Logged {
    /// Adds another entry of the same process; how many images found no room.
    fn merge(&mut self, other: Logged) -> u64 {
        self.first = [self.first, other.first].into_iter().flatten().min();
        self.last = self.last.max(other.last);
        let mut dropped = 0;
        for image in other.images {
            if self.images.len() < MAX_IMAGES || self.images.contains(&image) {
                self.images.insert(image);
            } else {
                dropped += 1;
            }
        }
        dropped
    }
}

#[cfg(test)]
mod tests {
    use super::super::chunk::{Chunk, Chunks};
    use super::super::writer;
    use super::*;

    fn catalog(process: &writer::Process<'_>, span: (u64, u64)) -> Catalog {
        let spans = [writer::Span { start: span.0, end: span.1, processes: vec![0] }];
        let bytes = writer::catalog(0, std::slice::from_ref(process), &spans);
        match Chunks::new(bytes.as_slice()).next() {
            Some((_, Chunk::Catalog(catalog))) => catalog,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_process_is_one_entry_over_all_catalogs() {
        let process = writer::Process { main: 0xA1, pid: 77, euid: 0, ids: (77, 1), ..Default::default() };
        let loaded = writer::Process { images: vec![(0xB2, 0x1000, 16)], ..process.clone() };
        let other = writer::Process { euid: 501, ..process.clone() };
        let boot = Some(Uuid(1));
        let mut first = Inventory::default();
        first.add(boot, &catalog(&process, (50, 60)));
        let mut second = Inventory::default();
        second.add(boot, &catalog(&loaded, (10, 20)));
        second.add(boot, &catalog(&other, (10, 20)));
        second.add(Some(Uuid(2)), &catalog(&process, (10, 20)));
        first.merge(second);
        let found: Vec<_> = first.processes().cloned().collect();
        assert_eq!(found.len(), 3);
        assert_eq!((found[0].first, found[0].last, found[0].euid), (Some(10), Some(60), Some(0)));
        assert_eq!(found[0].images, BTreeSet::from([Uuid(0xB2)]));
        let text = serde_json::to_string(&found[0]).unwrap();
        assert!(text.contains(r#""main":"000000000000000000000000000000A1""#), "{text}");
    }
}
