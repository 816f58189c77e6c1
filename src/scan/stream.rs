//! An archive that can only be read through: each file is parsed as it comes, while the next one is inflated.
//!
//! What needs more than its own bytes waits until the end: databases for their write-ahead log, files with local times for the clock,
//! which may be told anywhere in the archive. What does not fit the memory budget is left to be staged, which reads the archive again.

use std::collections::HashMap;
use std::io::Read;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use super::route::{GZIP, Router, Wants};
use super::{Listing, Wanted, source_problem, task};
use crate::artifact;
use crate::finding::Problem;
use crate::format::ReadAt;
use crate::source::{SourceError, VirtualFile};

/// The bytes of a file at hand, and what is wrong with them.
pub(super) struct Held {
    bytes: Vec<u8>,
    damage: Option<String>,
}

impl ReadAt for Held {
    fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.bytes.read_at(offset, buffer)
    }

    fn damage(&self) -> Option<&str> {
        self.damage.as_deref()
    }
}

impl Held {
    /// As many bytes as the archive states, or as there are.
    pub fn read(file: &VirtualFile, content: &mut dyn Read) -> Held {
        // The stated size may be a lie: memory follows the bytes that come.
        let mut bytes = Vec::with_capacity(file.size.min(1 << 20) as usize);
        let damage = match content.take(file.size).read_to_end(&mut bytes) {
            Err(error) => Some(format!("it is cut after {} bytes: {error}", bytes.len())),
            Ok(_) if (bytes.len() as u64) < file.size => {
                Some(format!("it is cut after {} of {} bytes", bytes.len(), file.size))
            }
            Ok(_) => None,
        };
        Held { bytes, damage }
    }

    /// The content of a file that was compressed alone, up to `most` bytes.
    pub fn inflate(compressed: &dyn ReadAt, most: u64) -> std::io::Result<Held> {
        let compressed = compressed.read_all(most)?;
        let mut bytes = Vec::new();
        let read =
            flate2::bufread::MultiGzDecoder::new(compressed.as_slice()).take(most).read_to_end(&mut bytes);
        let damage = match read {
            Err(error) if bytes.is_empty() => return Err(error),
            Err(error) => Some(format!("it stops inflating after {} bytes: {error}", bytes.len())),
            Ok(_) if bytes.len() as u64 == most => Some(format!("only its first {most} bytes were inflated")),
            Ok(_) => None,
        };
        Ok(Held { bytes, damage })
    }
}

/// What a file that was compressed alone inflates to, kept for as long as artifacts are left that want it.
#[derive(Default)]
pub(super) struct Inflated {
    held: Mutex<Option<Arc<Held>>>,
    left: AtomicUsize,
}

impl Inflated {
    pub fn shared_by(tasks: usize) -> Inflated {
        Inflated { held: Mutex::default(), left: AtomicUsize::new(tasks) }
    }

    /// The inflated bytes; whoever wants them at the same time waits instead of inflating them again.
    pub fn get(&self, inflate: impl FnOnce() -> std::io::Result<Held>) -> std::io::Result<Arc<Held>> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = &*held {
            return Ok(Arc::clone(held));
        }
        let inflated = Arc::new(inflate()?);
        if self.left.load(Ordering::Relaxed) > 1 {
            *held = Some(Arc::clone(&inflated));
        }
        Ok(inflated)
    }

    /// Said when a task has ended: the last one lets go of the bytes.
    pub fn done(&self) {
        let before = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        if before == Ok(1) {
            self.held.lock().unwrap_or_else(PoisonError::into_inner).take();
        }
    }
}

/// How many bytes may be waiting for a parser: the reader stops when they are more.
pub(super) struct Gate {
    free: Mutex<u64>,
    changed: Condvar,
    all: u64,
}

impl Gate {
    pub fn new(all: u64) -> Gate {
        Gate { free: Mutex::new(all), changed: Condvar::new(), all }
    }

    pub fn enter(&self, size: u64) -> Inside<'_> {
        let size = size.min(self.all);
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        while *free < size {
            free = self.changed.wait(free).unwrap_or_else(PoisonError::into_inner);
        }
        *free -= size;
        Inside { gate: self, size }
    }
}

/// Gives its share back when it goes.
pub(super) struct Inside<'a> {
    gate: &'a Gate,
    size: u64,
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        *self.gate.free.lock().unwrap_or_else(PoisonError::into_inner) += self.size;
        self.gate.changed.notify_all();
    }
}

/// What is gathered while the archive goes by.
struct Pass {
    listing: Listing,
    logs: HashMap<String, (VirtualFile, Option<Arc<Held>>)>,
    copies: HashMap<String, u32>,
    /// Bytes that may still be held until the end.
    room: u64,
}

impl Pass {
    /// The bytes, if there is room to hold them until the end.
    fn hold(&mut self, file: &VirtualFile, content: &mut dyn Read) -> Option<Arc<Held>> {
        self.room = self.room.checked_sub(file.size)?;
        Some(Arc::new(Held::read(file, content)))
    }
}

/// Reads the source through and parses what can be parsed on the way. The listing has what is left; `None` if the source wants to be
/// listed first.
pub(super) fn pass(
    engine: &task::Engine<'_>,
    router: &Router,
) -> Result<Option<(Listing, Vec<task::Outcome>)>, SourceError> {
    // A third each: for what is being parsed, for what waits, and for what parsers make of it.
    let budget = engine.max_memory;
    let gate = Gate::new(budget / 3);
    let outcomes = Mutex::new(Vec::new());
    let mut pass =
        Pass { listing: Listing::default(), logs: HashMap::new(), copies: HashMap::new(), room: budget / 3 };
    let mut problems = Vec::new();
    let result = rayon::in_place_scope(|scope| {
        engine.source.read_through(
            &mut |file, content| {
                pass.listing.files += 1;
                let listing = &mut pass.listing;
                router.note_log(&file, &mut listing.log_strings, &mut listing.log_traces);
                let artifacts = match router.wants(&file) {
                    Wants::Nothing => return,
                    Wants::Search if file.size > gate.all => {
                        if engine.search_passing(&file, content) {
                            pass.listing.wanted.extend(router.again(file));
                        }
                        return;
                    }
                    Wants::Search => router.sweep().into_iter().collect(),
                    Wants::Log => {
                        let held = pass.hold(&file, content);
                        pass.logs.insert(file.path.clone(), (file, held));
                        return;
                    }
                    Wants::Artifacts(artifacts) => artifacts,
                };
                let copies = pass.copies.entry(file.path.clone()).or_insert(0);
                let copy = *copies;
                *copies += 1;
                let mut wanted = Wanted { copy: Some(copy), ..Wanted::new(file, artifacts) };
                pass.listing.bytes += wanted.file.size;
                if waits(&wanted) {
                    wanted.bytes = pass.hold(&wanted.file, content);
                } else if wanted.file.size <= gate.all {
                    pass.listing.parsed += wanted.file.size * wanted.artifacts.len() as u64;
                    engine.progress.total(pass.listing.parsed);
                    let inside = gate.enter(wanted.file.size);
                    wanted.bytes = Some(Arc::new(Held::read(&wanted.file, content)));
                    wanted.share();
                    let outcomes = &outcomes;
                    scope.spawn(move |_| {
                        for artifact in &wanted.artifacts {
                            let outcome = engine.run_caught(*artifact, Some(&wanted));
                            outcomes.lock().unwrap_or_else(PoisonError::into_inner).push(outcome);
                        }
                        drop(wanted);
                        drop(inside);
                    });
                    return;
                }
                pass.listing.wanted.push(wanted);
            },
            &mut |error| problems.push(source_problem("", &error)),
        )
    });
    match result {
        None => return Ok(None),
        Some(result) => result?,
    }
    let mut listing = pass.listing;
    listing.problems = problems;
    for wanted in &mut listing.wanted {
        if let Some((file, held)) = pass.logs.remove(&format!("{}-wal", wanted.file.path)) {
            // Of a database that must be staged, the log is staged with it.
            let at_hand = wanted.bytes.is_some();
            if at_hand && held.is_none() && file.size > 0 {
                let reason = "the write-ahead log does not fit into the memory for what waits; its newest rows were not read";
                let mut problem = Problem::new(&*wanted.file.path, reason);
                problem.next = "allow more with `--max-memory`".into();
                listing.problems.push(problem);
                continue;
            }
            wanted.wal_bytes = held.filter(|_| at_hand);
            wanted.wal = Some(file);
        }
    }
    Ok(Some((listing, outcomes.into_inner().unwrap_or_else(PoisonError::into_inner))))
}

/// True where a file can only be read at the end.
fn waits(wanted: &Wanted) -> bool {
    let artifacts = wanted.artifacts.iter().filter_map(|index| artifact::all().get(*index));
    let compressed = wanted.file.path.ends_with(GZIP);
    // What its program compressed has no write-ahead log any more.
    artifacts
        .into_iter()
        .any(|artifact| artifact.needs_clock() || (artifact.parse.is_database() && !compressed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gate_lets_in_what_fits_and_waits_for_what_does_not() {
        let gate = Gate::new(10);
        let first = gate.enter(8);
        std::thread::scope(|scope| {
            let second = scope.spawn(|| gate.enter(100).size);
            assert!(!second.is_finished());
            drop(first);
            assert_eq!(second.join().unwrap(), 10);
        });
        assert_eq!(*gate.free.lock().unwrap(), 10);
    }

    #[test]
    fn cut_members_keep_what_came_and_say_so() {
        let file = VirtualFile { size: 10, ..VirtualFile::default() };
        let held = Held::read(&file, &mut b"abc".as_slice());
        assert_eq!((held.bytes.as_slice(), held.damage.is_some()), (&b"abc"[..], true));
        let held = Held::read(&file, &mut b"0123456789and more".as_slice());
        assert_eq!((held.bytes.as_slice(), held.damage), (&b"0123456789"[..], None));
    }

    #[test]
    fn a_file_is_inflated_once_for_all_that_want_it_and_forgotten_after_the_last() {
        let held = || Ok(Held { bytes: vec![1], damage: None });
        let fail = || Err(std::io::Error::other("inflated again"));
        let shared = Inflated::shared_by(2);
        assert!(shared.get(held).is_ok() && shared.get(fail).is_ok());
        shared.done();
        assert!(shared.get(fail).is_ok());
        shared.done();
        assert!(shared.get(fail).is_err());
        shared.done();
        // For one alone nothing is kept.
        let alone = Inflated::shared_by(1);
        assert!(alone.get(held).is_ok() && alone.get(fail).is_err());
    }

    #[test]
    fn a_compressed_file_is_inflated_as_far_as_it_goes_and_as_far_as_allowed() {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut gzip, &[b'x'; 1000]).unwrap();
        let whole = gzip.finish().unwrap();
        let inflated = Held::inflate(&whole, 4000).unwrap();
        assert_eq!((inflated.bytes.len(), inflated.damage), (1000, None));
        let inflated = Held::inflate(&whole, 500).unwrap();
        assert_eq!((inflated.bytes.len(), inflated.damage.is_some()), (500, true));
        let cut = whole[..whole.len() - 9].to_vec();
        assert!(Held::inflate(&cut, 4000).is_ok_and(|inflated| inflated.damage.is_some()));
        assert!(Held::inflate(&b"not gzip".to_vec(), 4000).is_err());
    }
}
