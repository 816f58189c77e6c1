//! Intrusion logs: the daily files that a phone's owner downloads, in folders and zips of zips, as one text.
//!
//! Daily files overlap, and an event that two of them tell is one event; so parsers get all files behind one another, each after a line
//! with its name.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use super::super::{
    FileKind, SourceError,
    archive::{self, Magic},
    container::{COPY, Container, Member, is_litter, join},
};
use crate::format::ReadAt;

/// Zips inside of zips that are opened.
const MAX_NESTED: usize = 3;
const MAX_ZIPS: usize = 1000;
/// Folders below the given one in which logs are looked for to tell what it is.
const MAX_DEPTH: usize = 4;
const MAX_FOLDERS: usize = 1024;
/// Files looked into to tell what a folder is.
const MAX_PEEKED: usize = 64;
const KINDS: [&[u8]; 3] = [b"dns_event", b"connect_event", b"security_event"];

/// True for the beginning of a log: an object with the name of a kind.
fn is_log(head: &[u8]) -> bool {
    let line = head.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).find(|line| !line.is_empty());
    let name = line.unwrap_or_default().strip_prefix(b"{").map(<[u8]>::trim_ascii_start);
    name.and_then(|name| name.strip_prefix(b"\""))
        .is_some_and(|name| KINDS.iter().any(|kind| name.starts_with(kind)))
}

/// True where a folder or archive holds intrusion logs, some folders down or in zips there.
pub(in crate::source) fn holds_logs(container: &dyn Container, max_memory: u64) -> bool {
    let (mut texts, mut zips) = (Vec::new(), Vec::new());
    let mut level = vec![String::new()];
    for _ in 0..MAX_DEPTH {
        let mut below = Vec::new();
        for folder in &level {
            for (name, kind) in container.children(folder) {
                let path = join(folder, &name);
                match kind {
                    FileKind::Directory if below.len() < MAX_FOLDERS => below.push(path),
                    FileKind::File if is_litter(&path) => {}
                    FileKind::File if is_text(&name) && texts.len() < MAX_PEEKED => texts.push(path),
                    FileKind::File if is_zip(&name) && zips.len() < MAX_PEEKED => zips.push(path),
                    _ => {}
                }
            }
        }
        level = below;
    }
    let in_zip = |path: &String| {
        container.size(path).is_some_and(|size| size <= max_memory)
            && nested(container, path, max_memory).is_ok_and(|inner| holds_logs_flat(&*inner))
    };
    texts.iter().any(|path| head(container, path).is_some_and(|head| is_log(&head)))
        || zips.iter().any(in_zip)
}

/// The same without zips inside.
fn holds_logs_flat(container: &dyn Container) -> bool {
    let mut texts = Vec::new();
    let each = &mut |member: Member| {
        if texts.len() < MAX_PEEKED && is_text(&member.path) {
            texts.push(member.path);
        }
    };
    container.walk("", each, &mut |_| ()).is_ok()
        && texts.iter().any(|path| head(container, path).is_some_and(|head| is_log(&head)))
}

fn head(container: &dyn Container, path: &str) -> Option<Vec<u8>> {
    let mut head = vec![0; 512];
    let read = container.open(path).ok()?.read_at(0, &mut head).ok()?;
    head.truncate(read);
    Some(head)
}

fn is_text(path: &str) -> bool {
    path.to_ascii_lowercase().ends_with(".txt")
}

fn is_zip(path: &str) -> bool {
    path.to_ascii_lowercase().ends_with(".zip")
}

/// A zip that is a member of another container.
fn nested(container: &dyn Container, path: &str, max_memory: u64) -> Result<Arc<dyn Container>, SourceError> {
    archive::open(Path::new(path), container.file_at(path, max_memory)?, Magic::Zip, max_memory, &|_| false)
}

/// A log and where it is.
pub(super) struct Log {
    /// With the zips on the way: `b.zip/2026-01-01.txt`.
    pub name: String,
    pub container: Arc<dyn Container>,
    pub path: String,
    pub size: u64,
}

/// Collects the logs below a folder of a container.
pub(super) fn collect(
    container: &Arc<dyn Container>,
    folder: &str,
    max_memory: u64,
    problems: &mut Vec<SourceError>,
) -> Vec<Log> {
    let mut collector = Collector { max_memory, logs: Vec::new(), zips: 0, problems };
    collector.collect(container, folder, "", 0);
    // Days are in the names, and of an event that two files tell the first counts.
    collector.logs.sort_by(|left, right| left.name.cmp(&right.name));
    collector.logs
}

struct Collector<'a> {
    max_memory: u64,
    logs: Vec<Log>,
    zips: usize,
    problems: &'a mut Vec<SourceError>,
}

impl Collector<'_> {
    fn collect(&mut self, container: &Arc<dyn Container>, folder: &str, prefix: &str, depth: usize) {
        let mut members: Vec<Member> = Vec::new();
        let mut odd = Vec::new();
        let walked = container.walk(folder, &mut |member| members.push(member), &mut |error| odd.push(error));
        odd.extend(walked.err());
        // Of the outermost container the caller has told.
        if depth > 0 {
            self.problems.append(&mut odd);
        }
        for member in members {
            let short = super::super::container::below(folder, &member.path).unwrap_or(&member.path);
            let name = join(prefix, &short.replace(COPY, "#"));
            if member.kind != FileKind::File || is_litter(short) {
                continue;
            }
            if is_text(&name) {
                let container = Arc::clone(container);
                self.logs.push(Log { name, container, path: member.path, size: member.size });
            } else if is_zip(&name) && self.zips < MAX_ZIPS {
                self.zips += 1;
                match nested(&**container, &member.path, self.max_memory) {
                    Ok(inner) if depth < MAX_NESTED => self.collect(&inner, "", &name, depth + 1),
                    Ok(_) => self.refuse(&name, "is wrapped in too many zips and was not read"),
                    Err(error) => self.refuse(&name, &error.to_string()),
                }
            }
        }
    }

    fn refuse(&mut self, name: &str, reason: &str) {
        self.problems.push(SourceError::File { path: name.into(), reason: reason.into() });
    }
}

/// All logs behind one another.
pub(super) struct Joined {
    parts: Vec<Part>,
    len: u64,
}

struct Part {
    start: u64,
    /// `# name`, as no event begins.
    title: Vec<u8>,
    log: Log,
}

impl Joined {
    pub fn new(logs: Vec<Log>) -> Joined {
        let mut len = 0_u64;
        let mut parts = Vec::new();
        for log in logs {
            let title = format!("# {}\n", log.name.replace('\n', " ")).into_bytes();
            let start = len;
            // A line end of its own keeps the last event of a file apart from the next title.
            len = len.saturating_add(title.len() as u64).saturating_add(log.size).saturating_add(1);
            parts.push(Part { start, title, log });
        }
        Joined { parts, len }
    }

    pub fn len(&self) -> u64 {
        self.len
    }

    pub fn reader(&self) -> JoinedReader<'_> {
        JoinedReader { joined: self, open: Mutex::new(None) }
    }
}

/// Holds one log open at a time: those of archives are in memory while they are read.
pub(super) struct JoinedReader<'a> {
    joined: &'a Joined,
    open: Mutex<Option<Opened>>,
}

/// The number of a part and its bytes, or why there are none.
type Opened = (usize, Result<Box<dyn ReadAt>, String>);

impl ReadAt for JoinedReader<'_> {
    fn len(&self) -> u64 {
        self.joined.len
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted =
            usize::try_from(self.joined.len.saturating_sub(offset)).unwrap_or(usize::MAX).min(buffer.len());
        let mut done = 0;
        while done < wanted {
            let position = offset + done as u64;
            let number = self.joined.parts.partition_point(|part| part.start <= position).saturating_sub(1);
            let Some(part) = self.joined.parts.get(number) else { break };
            let end = self.joined.parts.get(number + 1).map_or(self.joined.len, |next| next.start);
            let count = usize::try_from(end - position).unwrap_or(usize::MAX).min(wanted - done);
            let Some(target) = buffer.get_mut(done..done + count) else { break };
            self.fill(number, part, position - part.start, target)?;
            done += count;
        }
        Ok(done)
    }
}

impl JoinedReader<'_> {
    /// Bytes of one part; what a log lacks of its stated size is empty lines.
    fn fill(&self, number: usize, part: &Part, offset: u64, target: &mut [u8]) -> io::Result<()> {
        let title =
            usize::try_from(offset).ok().and_then(|offset| part.title.get(offset..)).unwrap_or_default();
        let of_title = title.len().min(target.len());
        let (first, rest) = target.split_at_mut(of_title);
        first.copy_from_slice(title.get(..of_title).unwrap_or_default());
        let within = (offset + of_title as u64).saturating_sub(part.title.len() as u64);
        let room =
            usize::try_from(part.log.size.saturating_sub(within)).unwrap_or(usize::MAX).min(rest.len());
        let mut filled = 0;
        if room > 0 {
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            if open.as_ref().is_none_or(|(opened, _)| *opened != number) {
                // The one before goes first, or both would be in memory.
                *open = None;
                *open = Some((
                    number,
                    part.log.container.open(&part.log.path).map_err(|error| error.to_string()),
                ));
            }
            match open.as_ref() {
                Some((_, Ok(log))) => filled = log.read_at(within, &mut rest[..room])?,
                // The line says so where the events would be.
                Some((_, Err(reason))) if within == 0 => {
                    let reason = format!("! {}", reason.replace('\n', " "));
                    filled = reason.len().min(room);
                    rest[..filled].copy_from_slice(reason.as_bytes().get(..filled).unwrap_or_default());
                }
                _ => {}
            }
        }
        rest.get_mut(filled..).unwrap_or_default().fill(b'\n');
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::container::Folder;
    use crate::source::testing::{put, zipped};

    const EVENT: &[u8] = b"\n {\"dns_event\":{}}";

    fn joined(folder: &Path) -> (String, Vec<String>) {
        let container: Arc<dyn Container> = Arc::new(Folder::new(folder).unwrap());
        let mut problems = Vec::new();
        let joined = Joined::new(collect(&container, "", 1 << 20, &mut problems));
        let reader = joined.reader();
        let whole = reader.read_all(1 << 20).unwrap();
        for offset in 0..whole.len() {
            let mut three = [0; 3];
            let read = reader.read_at(offset as u64, &mut three).unwrap();
            assert_eq!(three[..read], whole[offset..(offset + 3).min(whole.len())]);
        }
        assert_eq!(joined.len(), whole.len() as u64);
        (String::from_utf8(whole).unwrap(), problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn logs_of_folders_and_nested_zips_stand_behind_one_another() {
        let inner = tempfile::tempdir().unwrap();
        put(inner.path(), "2026-01-02.txt", b"two");
        let zip = zipped(inner.path());
        let folder = tempfile::tempdir().unwrap();
        put(folder.path(), "phone/2026-01-01.txt", EVENT);
        put(folder.path(), "b.zip", &zip);
        put(folder.path(), "broken.zip", b"PK");
        put(folder.path(), "photo.jpg", b"x");
        let (text, problems) = joined(folder.path());
        assert_eq!(text, "# b.zip/2026-01-02.txt\ntwo\n# phone/2026-01-01.txt\n\n {\"dns_event\":{}}\n");
        assert_eq!(problems.len(), 1);
        let container = Folder::new(folder.path()).unwrap();
        assert!(holds_logs(&container, 1 << 20));
    }

    #[test]
    fn only_events_make_a_log() {
        assert!(is_log(EVENT) && is_log(b"{ \"security_event\" : 1}"));
        for other in [&b""[..], b"{}", b"dns_event", b"{\"a\":\"dns_event\"}", b"{\"dns", &[0xff; 40]] {
            assert!(!is_log(other));
        }
        let folder = tempfile::tempdir().unwrap();
        put(folder.path(), "a.txt", b"notes");
        let zip = zipped(folder.path());
        put(folder.path(), "a.zip", &zip);
        assert!(!holds_logs(&Folder::new(folder.path()).unwrap(), 1 << 20));
    }
}
