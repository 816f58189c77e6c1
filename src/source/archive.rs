//! What zip and tar have in common: an index of members, made once, and bytes at places.

use std::{
    collections::HashMap,
    io::Read,
    path::Path,
    sync::{Arc, OnceLock, PoisonError, RwLock},
};

use super::{
    FileKind, SourceError,
    container::{
        COPY, Container, Cursor, Each, EachWithBytes, FileAt, MAX_MEMBERS, Member, Problems, Shared, clean,
    },
    tar, zip,
};
use crate::format::ReadAt;

/// A tar.gz that inflates to no more is kept whole, so that it is read through only once.
const SMALL: u64 = 64 << 20;
const MAX_PROBLEMS: usize = 100;
const TAR_GZ: &str = "a tar.gz archive";
/// Deflate cannot do better than this; what claims to is lying about its size.
const MAX_RATIO: u64 = 1100;

/// The archive formats, told by their first bytes.
#[derive(Clone, Copy)]
pub(super) enum Magic {
    Zip,
    Tar,
    Gzip,
}

impl Magic {
    pub fn of(head: &[u8]) -> Option<Magic> {
        if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
            Some(Magic::Zip)
        } else if head.starts_with(b"\x1f\x8b") {
            Some(Magic::Gzip)
        } else if head.get(257..262) == Some(b"ustar") {
            Some(Magic::Tar)
        } else {
            None
        }
    }
}

/// Where a member's bytes are.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    Nowhere,
    /// As they are, from this offset.
    At(u64),
    /// Behind the local header of a zip at this offset.
    Zip {
        header: u64,
        compressed: u64,
        deflated: bool,
        /// The archive ends in the middle of it.
        cut: bool,
    },
    /// The how-manieth member of a stream.
    Nth(usize),
}

/// The members of an archive while they are collected.
#[derive(Default)]
pub(super) struct Index {
    members: Vec<(Member, Place)>,
    hard_links: Vec<(usize, String)>,
    problems: Vec<String>,
    more_problems: usize,
}

impl Index {
    pub fn problem(&mut self, problem: String) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(problem);
        } else {
            self.more_problems += 1;
        }
    }

    /// False once there are too many members.
    pub fn add(&mut self, name: &[u8], member: Member, place: Place) -> bool {
        let text = String::from_utf8_lossy(name);
        match clean(&text) {
            None => {
                let shown: String = text.chars().take(200).collect();
                self.problem(format!(
                    "the member {shown:?} names a place outside of the archive and was not read"
                ));
            }
            Some(path) if path.is_empty() => {}
            Some(path) => {
                let odd = matches!(text, std::borrow::Cow::Owned(_))
                    .then(|| "the name is not UTF-8 and is shown with replacement characters".to_owned());
                self.members.push((Member { path, odd: odd.or(member.odd.clone()), ..member }, place));
            }
        }
        if self.members.len() >= MAX_MEMBERS {
            self.problem(format!("the archive has more than {MAX_MEMBERS} members; the rest was not read"));
            return false;
        }
        true
    }

    /// How many members there are so far.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// The member that was added last, if there were fewer before.
    pub fn added_since(&self, before: usize) -> Option<Member> {
        self.members.get(before).map(|(member, _)| member.clone())
    }

    /// Members and problems so far.
    #[cfg(test)]
    pub fn counted(self) -> (usize, Vec<String>) {
        (self.members.len(), self.problems)
    }

    /// The member added last has the content of another.
    pub fn hard_link(&mut self, target: &[u8]) {
        if let (Some(last), Some(target)) =
            (self.members.len().checked_sub(1), clean(&String::from_utf8_lossy(target)))
        {
            self.hard_links.push((last, target));
        }
    }

    pub fn finish(mut self, label: &'static str, bytes: Bytes, max_memory: u64) -> Archive {
        let mut order: Vec<usize> = (0..self.members.len()).collect();
        let members = &self.members;
        let path_of = |at: &usize| members.get(*at).map_or("", |(member, _)| member.path.as_str());
        order.sort_by(|left, right| path_of(left).cmp(path_of(right)));
        // Of members with the same name the last one is what unpacking would leave. It keeps the plain path.
        let mut doubled = Vec::new();
        for pair in order.windows(2) {
            if let [first, second] = pair
                && path_of(first) == path_of(second)
            {
                doubled.push(*first);
            }
        }
        let mut copies = 0;
        let mut last = String::new();
        for at in doubled {
            let Some((member, _)) = self.members.get_mut(at) else { continue };
            copies = if member.path == last { copies + 1 } else { 1 };
            last.clone_from(&member.path);
            member.path = format!("{last}{COPY}{copies}");
            if member.kind == FileKind::File && copies == 1 {
                self.problem(format!("`{last}` is in the archive more than once"));
            }
        }
        let members = &self.members;
        let path_of = |at: &usize| members.get(*at).map_or("", |(member, _)| member.path.as_str());
        order.retain(|at| members.get(*at).is_some_and(|(member, _)| is_listed(member)));
        order.sort_by(|left, right| path_of(left).cmp(path_of(right)));
        let hard_links = std::mem::take(&mut self.hard_links);
        let mut archive = Archive {
            label,
            members: self.members,
            sorted: order,
            problems: self.problems,
            bytes,
            max_memory,
        };
        for (at, target) in hard_links {
            let found = archive.find(&target).map(|(member, place)| (member.size, *place));
            if let (Some((size, place)), Some((member, own))) = (found, archive.members.get_mut(at)) {
                (member.size, *own) = (size, place);
            }
        }
        if self.more_problems > 0 {
            archive.problems.push(format!("{} more problems of this kind", self.more_problems));
        }
        archive
    }
}

/// A folder may be named any number of times; only of files is each copy of interest.
fn is_listed(member: &Member) -> bool {
    member.kind == FileKind::File || !member.path.contains(COPY)
}

/// What the places refer to.
pub(super) enum Bytes {
    File(FileAt),
    Memory(Shared),
    /// A tar.gz: only what was staged is within reach.
    Stream {
        file: FileAt,
        staged: RwLock<HashMap<usize, Shared>>,
    },
}

pub(super) struct Archive {
    label: &'static str,
    members: Vec<(Member, Place)>,
    /// Positions in `members`, by path.
    sorted: Vec<usize>,
    problems: Vec<String>,
    bytes: Bytes,
    max_memory: u64,
}

/// Opens an archive and reads its list of members.
pub(super) fn open(
    path: &Path,
    file: FileAt,
    magic: Magic,
    max_memory: u64,
    streamable: Streamable<'_>,
) -> Result<Arc<dyn Container>, SourceError> {
    Ok(match magic {
        Magic::Zip => {
            Arc::new(zip::index(path, &file)?.finish("a zip archive", Bytes::File(file), max_memory))
        }
        Magic::Tar => {
            Arc::new(tar::index(file.clone()).finish("a tar archive", Bytes::File(file), max_memory))
        }
        Magic::Gzip => open_gzip(file, max_memory, streamable),
    })
}

/// What the first members of a tar.gz look like decides whether it need be listed before it is read.
pub(super) type Streamable<'a> = &'a dyn Fn(&dyn Container) -> bool;

fn open_gzip(file: FileAt, max_memory: u64, streamable: Streamable<'_>) -> Arc<dyn Container> {
    let label = TAR_GZ;
    let limit = SMALL.min(max_memory);
    let mut bytes = Vec::new();
    let read = tar::inflate(&file).take(limit + 1).read_to_end(&mut bytes);
    if bytes.len() as u64 <= limit {
        let memory = Shared::new(bytes);
        let mut index = tar::index(memory.clone());
        if let Err(error) = read {
            index.problem(format!("the gzip stream ends early ({error}); what was before counts"));
        }
        return Arc::new(index.finish(label, Bytes::Memory(memory), max_memory));
    }
    // Its list of members tells what it is; the bytes need not be kept for that.
    let start = tar::index(bytes).finish(label, Bytes::Memory(Shared::default()), max_memory);
    if streamable(&start) {
        return Arc::new(Unlisted { file, max_memory, start, listed: OnceLock::new() });
    }
    drop(start);
    let index = tar::index_stream(&file, &mut |_, _| ());
    Arc::new(index.finish(label, Bytes::Stream { file, staged: RwLock::default() }, max_memory))
}

/// A tar.gz that is listed while its files are read. Until then its beginning tells what it is.
struct Unlisted {
    file: FileAt,
    max_memory: u64,
    start: Archive,
    listed: OnceLock<Archive>,
}

impl Unlisted {
    fn list(&self, each: EachWithBytes<'_>) -> Archive {
        let index = tar::index_stream(&self.file, each);
        let staged = RwLock::default();
        index.finish(TAR_GZ, Bytes::Stream { file: self.file.clone(), staged }, self.max_memory)
    }

    fn listed(&self) -> &Archive {
        self.listed.get_or_init(|| self.list(&mut |_, _| ()))
    }

    /// For questions that the beginning answers.
    fn known(&self) -> &Archive {
        self.listed.get().unwrap_or(&self.start)
    }
}

impl Container for Unlisted {
    fn describe(&self) -> &'static str {
        TAR_GZ
    }

    fn kind(&self, path: &str) -> Option<FileKind> {
        self.known().kind(path)
    }

    fn size(&self, path: &str) -> Option<u64> {
        self.known().size(path)
    }

    fn children(&self, path: &str) -> Vec<(String, FileKind)> {
        self.known().children(path)
    }

    fn walk(&self, path: &str, each: Each<'_>, problem: Problems<'_>) -> Result<(), SourceError> {
        self.listed().walk(path, each, problem)
    }

    fn open(&self, path: &str) -> Result<Box<dyn ReadAt>, SourceError> {
        self.listed().open(path)
    }

    fn read_through(
        &self,
        each: EachWithBytes<'_>,
        problem: Problems<'_>,
    ) -> Option<Result<(), SourceError>> {
        if self.listed.get().is_some() {
            return None;
        }
        let archive = self.list(each);
        for text in &archive.problems {
            problem(refuse("", text));
        }
        // Somebody may have listed it meanwhile: both lists are the same.
        let _ = self.listed.set(archive);
        Some(Ok(()))
    }

    fn streamed(&self) -> bool {
        true
    }

    fn stage(&self, paths: &[&str]) -> Result<(), SourceError> {
        self.listed().stage(paths)
    }
}

impl Archive {
    fn path_at(&self, sorted: usize) -> &str {
        self.members.get(sorted).map_or("", |(member, _)| &member.path)
    }

    fn find(&self, path: &str) -> Option<&(Member, Place)> {
        let at = self.sorted.binary_search_by(|at| self.path_at(*at).cmp(path)).ok()?;
        self.members.get(*self.sorted.get(at)?)
    }

    /// Members whose path starts with `prefix`, sorted.
    fn starting(&self, prefix: &str) -> &[usize] {
        let from = self.sorted.partition_point(|at| self.path_at(*at) < prefix);
        let rest = self.sorted.get(from..).unwrap_or_default();
        let count = rest.partition_point(|at| self.path_at(*at).starts_with(prefix));
        rest.get(..count).unwrap_or_default()
    }

    fn read_from(&self, member: &Member, start: u64, len: u64) -> Result<Box<dyn ReadAt>, SourceError> {
        match &self.bytes {
            Bytes::File(file) => Ok(Box::new(file.part(start, len))),
            Bytes::Memory(memory) => {
                let from = usize::try_from(start).unwrap_or(usize::MAX).min(memory.as_slice().len());
                let count = usize::try_from(len).unwrap_or(usize::MAX).min(memory.as_slice().len() - from);
                Ok(Box::new(memory.get(from..from + count).unwrap_or_default().to_vec()))
            }
            Bytes::Stream { .. } => Err(refuse(&member.path, "has no place in a stream")),
        }
    }

    fn read_zip(
        &self,
        member: &Member,
        header: u64,
        compressed: u64,
        deflated: bool,
        cut: bool,
    ) -> Result<Box<dyn ReadAt>, SourceError> {
        let Bytes::File(file) = &self.bytes else {
            return Err(refuse(&member.path, "has no place in the file"));
        };
        let failed = |error: std::io::Error| refuse(&member.path, &error.to_string());
        let start = zip::data_start(file, header).map_err(failed)?;
        let stored = file.part(start, compressed);
        let cut = cut.then(|| "the archive ends in the middle of it".to_owned());
        if !deflated {
            return Ok(match cut {
                Some(damage) => Box::new(Cut { stored, damage }),
                None => Box::new(stored),
            });
        }
        if member.size / MAX_RATIO > compressed {
            return Err(refuse(&member.path, "states a size that its compressed bytes cannot have"));
        }
        if member.size > self.max_memory {
            return Err(refuse(
                &member.path,
                &format!(
                    "inflates to {} bytes, over the memory limit of {}; unpack the archive and give the folder",
                    member.size, self.max_memory
                ),
            ));
        }
        let mut bytes = Vec::new();
        let reader = std::io::BufReader::with_capacity(64 << 10, Cursor { reader: stored, position: 0 });
        let read = flate2::bufread::DeflateDecoder::new(reader).take(member.size + 1).read_to_end(&mut bytes);
        let damage = match read {
            _ if cut.is_some() => cut,
            Err(error) => Some(format!("it is damaged after {} bytes: {error}", bytes.len())),
            Ok(_) if bytes.len() as u64 != member.size => {
                Some("it inflates to another size than stated".into())
            }
            Ok(_) => None,
        };
        Ok(Box::new(Inflated { bytes, damage }))
    }

    fn load(&self, file: &FileAt, wanted: &[usize]) -> Result<HashMap<usize, Shared>, SourceError> {
        tar::load(file, wanted, self.max_memory)
            .map_err(|error| refuse("", &format!("the archive cannot be read through: {error}")))
    }
}

/// A member inflated into memory, as far as that went.
struct Inflated {
    bytes: Vec<u8>,
    damage: Option<String>,
}

impl ReadAt for Inflated {
    fn len(&self) -> u64 {
        ReadAt::len(&self.bytes)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.bytes.read_at(offset, buffer)
    }

    fn damage(&self) -> Option<&str> {
        self.damage.as_deref()
    }
}

/// The beginning of a stored member.
struct Cut {
    stored: FileAt,
    damage: String,
}

impl ReadAt for Cut {
    fn len(&self) -> u64 {
        self.stored.len()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.stored.read_at(offset, buffer)
    }

    fn damage(&self) -> Option<&str> {
        Some(&self.damage)
    }
}

fn refuse(path: &str, reason: &str) -> SourceError {
    SourceError::File { path: path.into(), reason: reason.into() }
}

impl Container for Archive {
    fn describe(&self) -> &'static str {
        self.label
    }

    fn kind(&self, path: &str) -> Option<FileKind> {
        match self.find(path) {
            Some((member, _)) => Some(member.kind),
            // Archives need not list the folders of what they hold.
            None => (!self.starting(&format!("{path}/")).is_empty()).then_some(FileKind::Directory),
        }
    }

    fn size(&self, path: &str) -> Option<u64> {
        Some(self.find(path)?.0.size)
    }

    fn children(&self, path: &str) -> Vec<(String, FileKind)> {
        let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
        let mut rest = self.starting(&prefix);
        let mut children = std::collections::BTreeMap::new();
        while let Some(first) = rest.first() {
            let below = self.path_at(*first).get(prefix.len()..).unwrap_or_default();
            match below.split_once('/') {
                Some((name, _)) => {
                    children.insert(name.to_owned(), FileKind::Directory);
                    let folder = format!("{prefix}{name}/");
                    let skip = rest.partition_point(|at| self.path_at(*at).starts_with(&folder));
                    rest = rest.get(skip.max(1)..).unwrap_or_default();
                }
                None => {
                    let kind = self.members.get(*first).map_or(FileKind::Other, |(member, _)| member.kind);
                    if !below.contains(COPY) {
                        children.entry(below.to_owned()).or_insert(kind);
                    }
                    rest = rest.get(1..).unwrap_or_default();
                }
            }
        }
        children.into_iter().collect()
    }

    fn walk(&self, path: &str, each: Each<'_>, problem: Problems<'_>) -> Result<(), SourceError> {
        for text in &self.problems {
            problem(refuse("", text));
        }
        let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
        for (member, _) in &self.members {
            if member.path.starts_with(&prefix) && is_listed(member) {
                each(member.clone());
            }
        }
        Ok(())
    }

    fn open(&self, path: &str) -> Result<Box<dyn ReadAt>, SourceError> {
        let (member, place) = self.find(path).ok_or_else(|| refuse(path, "is not in the archive"))?;
        if member.kind != FileKind::File {
            return Err(refuse(path, "is not a regular file"));
        }
        match (*place, &self.bytes) {
            (Place::At(start), _) => self.read_from(member, start, member.size),
            (Place::Zip { header, compressed, deflated, cut }, _) => {
                self.read_zip(member, header, compressed, deflated, cut)
            }
            (Place::Nth(number), Bytes::Stream { file, staged }) => {
                let ready = staged.read().unwrap_or_else(PoisonError::into_inner).get(&number).cloned();
                let bytes = match ready {
                    Some(bytes) => Some(bytes),
                    None => self.load(file, &[number])?.remove(&number),
                };
                let bytes = bytes.ok_or_else(|| {
                    refuse(path, &format!("is cut off, or larger than the memory limit of {} bytes; unpack the archive and give the folder", self.max_memory))
                })?;
                Ok(Box::new(bytes))
            }
            _ => Err(refuse(path, "has content of a kind that cannot be read")),
        }
    }

    fn file_at(&self, path: &str, limit: u64) -> Result<FileAt, SourceError> {
        // What is stored as it is need not be held in memory.
        let stored = match (self.find(path), &self.bytes) {
            (Some((member, Place::At(start))), Bytes::File(file)) => Some(file.part(*start, member.size)),
            (Some((_, Place::Zip { header, compressed, deflated: false, .. })), Bytes::File(file)) => {
                zip::data_start(file, *header).ok().map(|start| file.part(start, *compressed))
            }
            _ => None,
        };
        stored.map_or_else(|| self.read(path, limit).map(FileAt::of_bytes), Ok)
    }

    fn pour(&self, each: EachWithBytes<'_>) -> Option<Result<(), SourceError>> {
        let Bytes::Stream { file, .. } = &self.bytes else { return None };
        // What is wrong with it was told when it was listed.
        drop(tar::index_stream(file, each));
        Some(Ok(()))
    }

    fn streamed(&self) -> bool {
        matches!(self.bytes, Bytes::Stream { .. })
    }

    fn stage(&self, paths: &[&str]) -> Result<(), SourceError> {
        let Bytes::Stream { file, staged } = &self.bytes else { return Ok(()) };
        let wanted: Vec<usize> = paths
            .iter()
            .filter_map(|path| match self.find(path)?.1 {
                Place::Nth(number) => Some(number),
                _ => None,
            })
            .collect();
        // What was staged before goes first, or both would be in memory at one time.
        staged.write().unwrap_or_else(PoisonError::into_inner).clear();
        let loaded = self.load(file, &wanted)?;
        *staged.write().unwrap_or_else(PoisonError::into_inner) = loaded;
        Ok(())
    }
}
