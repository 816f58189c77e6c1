//! Members of a tar, by their place in the file or by their number in a stream.

use std::{
    collections::{BTreeSet, HashMap},
    io::{self, BufReader, Read},
    sync::Arc,
};

use flate2::bufread::MultiGzDecoder;
use jiff::Timestamp;
use tar::{Archive, Entry, EntryType};

use super::{
    FileKind,
    archive::{Index, Place},
    container::{Cursor, FileAt, Member, Shared},
};
use crate::{format::ReadAt, record::Value, time::Epoch};

type Inflated = MultiGzDecoder<BufReader<Cursor<FileAt>>>;

pub(super) fn inflate(file: &FileAt) -> Inflated {
    MultiGzDecoder::new(BufReader::with_capacity(256 << 10, Cursor { reader: file.clone(), position: 0 }))
}

/// The members of a tar whose bytes can be read at any place.
pub(super) fn index<R: ReadAt>(reader: R) -> Index {
    let mut index = Index::default();
    let len = reader.len();
    let mut archive = Archive::new(Cursor { reader, position: 0 });
    match archive.entries_with_seek() {
        Ok(entries) => {
            for entry in entries {
                let more = add(&mut index, entry, |entry| Place::At(entry.raw_file_position()), Some(len));
                if !more {
                    break;
                }
            }
        }
        Err(error) => index.problem(ends_early(&error)),
    }
    index
}

/// The members of a tar.gz, read through once.
pub(super) fn index_stream(file: &FileAt) -> Index {
    let mut index = Index::default();
    let mut archive = Archive::new(inflate(file));
    match archive.entries() {
        Ok(entries) => {
            for (number, entry) in entries.enumerate() {
                if !add(&mut index, entry, |_| Place::Nth(number), None) {
                    break;
                }
            }
        }
        Err(error) => index.problem(ends_early(&error)),
    }
    index
}

/// The content of the wanted members, as far as they fit into `budget` bytes together; cut ones are left out.
pub(super) fn load(file: &FileAt, wanted: &[usize], budget: u64) -> io::Result<HashMap<usize, Shared>> {
    let mut wanted: BTreeSet<usize> = wanted.iter().copied().collect();
    let mut loaded = HashMap::new();
    let mut left = budget;
    if wanted.is_empty() {
        return Ok(loaded);
    }
    let mut archive = Archive::new(inflate(file));
    for (number, entry) in archive.entries()?.enumerate() {
        // The listing has told where the stream breaks.
        let Ok(mut entry) = entry else { break };
        if wanted.remove(&number) && entry.size() <= left {
            let size = entry.size();
            let mut bytes = Vec::new();
            let read = (&mut entry).take(size).read_to_end(&mut bytes);
            left -= size;
            if read.is_err() && bytes.is_empty() {
                break;
            }
            loaded.insert(number, Shared(Arc::new(bytes)));
        }
        if wanted.is_empty() {
            break;
        }
    }
    Ok(loaded)
}

fn ends_early(error: &io::Error) -> String {
    format!("the archive ends early ({error}); what was before counts")
}

fn add<R: Read>(
    index: &mut Index,
    entry: io::Result<Entry<'_, R>>,
    place: impl Fn(&Entry<'_, R>) -> Place,
    len: Option<u64>,
) -> bool {
    let mut entry = match entry {
        Ok(entry) => entry,
        Err(error) => {
            index.problem(ends_early(&error));
            return false;
        }
    };
    let header = entry.header();
    let kind = match header.entry_type() {
        EntryType::Regular | EntryType::Continuous | EntryType::Link => FileKind::File,
        EntryType::Directory => FileKind::Directory,
        EntryType::Symlink => FileKind::Link,
        EntryType::XGlobalHeader => return true,
        _ => FileKind::Other,
    };
    let hard_link = header.entry_type() == EntryType::Link;
    let mut member = Member {
        kind,
        mode: header.mode().ok(),
        uid: header.uid().ok().and_then(|uid| u32::try_from(uid).ok()),
        modified: header.mtime().ok().and_then(|time| decode(Value::from(time))),
        size: if kind == FileKind::File { entry.size() } else { 0 },
        ..Member::default()
    };
    let mut place = place(&entry);
    if header.entry_type() == EntryType::GNUSparse {
        place = Place::Nowhere;
        index.problem(format!(
            "the sparse member {:?} was not read",
            String::from_utf8_lossy(&entry.path_bytes()).chars().take(200).collect::<String>()
        ));
    }
    if let (Place::At(start), Some(len)) = (place, len)
        && kind == FileKind::File
        && start.saturating_add(member.size) > len
    {
        member.odd = Some("the archive ends before the end of this file".into());
        member.size = len.saturating_sub(start);
        index.problem(format!(
            "the archive ends inside of {:?}; what was before counts",
            String::from_utf8_lossy(&entry.path_bytes()).chars().take(200).collect::<String>()
        ));
    }
    let link = entry.link_name_bytes().map(|name| name.into_owned());
    if kind == FileKind::Link {
        member.target = link.as_ref().map(|target| String::from_utf8_lossy(target).into_owned());
    }
    if let Ok(Some(extensions)) = entry.pax_extensions() {
        for extension in extensions.flatten() {
            let (Ok(key), Ok(value)) = (extension.key(), extension.value()) else { continue };
            // PAX keeps fractions of a second, the plain header does not.
            let time = || decode(Value::from(value));
            match key {
                "mtime" => member.modified = time().or(member.modified),
                "ctime" => member.changed = time(),
                "LIBARCHIVE.creationtime" => member.created = time(),
                _ => {}
            }
        }
    }
    let more = index.add(&entry.path_bytes(), member, place);
    if hard_link && let Some(target) = link {
        index.hard_link(&target);
    }
    more
}

fn decode(value: Value<'_>) -> Option<Timestamp> {
    Epoch::Unix.decode(&value).ok().flatten()
}
