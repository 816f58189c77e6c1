//! Members of a zip. The directory is read by the `zip` crate; the bytes are then read at their places, from any thread.

use std::{io, path::Path};

use jiff::{Timestamp, civil, tz::Offset};
use zip::{CompressionMethod, ExtraField, ZipArchive};

use super::{
    FileKind, SourceError,
    archive::{Index, Place},
    container::{Cursor, FileAt, Member},
    zip_cut::{self, Recovered},
};
use crate::{
    format::ReadAt,
    record::Value,
    time::{Clock, Epoch},
};

pub(super) fn index(path: &Path, file: &FileAt) -> Result<Index, SourceError> {
    let refuse = |reason: String, hint: &str| SourceError::NotRecognised {
        path: path.display().to_string(),
        reason,
        hint: hint.into(),
    };
    let reader = io::BufReader::with_capacity(64 << 10, Cursor { reader: file.clone(), position: 0 });
    let encrypted = || {
        refuse(
            "the zip is encrypted with a password of its own".into(),
            "Unpack it with its password first and give the folder.",
        )
    };
    let mut archive = match ZipArchive::new(reader) {
        // The list of an archive inside of this one, which is the last that was left of it.
        Ok(archive) if archive.offset() > 0 => Err("there is only that of a zip inside of it".to_owned()),
        Ok(archive) => Ok(archive),
        Err(error) => Err(error.to_string()),
    };
    let archive = match &mut archive {
        Ok(archive) => archive,
        Err(why) => {
            return match zip_cut::recover(file, why) {
                Recovered::Members(index) => Ok(index),
                Recovered::Encrypted => Err(encrypted()),
                Recovered::Nothing => Err(refuse(
                    format!("the zip cannot be read: {why}"),
                    "It may be cut short: copy or download it again.",
                )),
            };
        }
    };
    let mut index = Index::default();
    if archive.has_duplicate_names() {
        index.problem("the zip has several members with the same name; the last one counts".into());
    }
    for number in 0..archive.len() {
        match member(archive, number) {
            Ok(Some((name, member, place))) => {
                if let Place::Nowhere = place
                    && member.kind == FileKind::File
                {
                    index.problem(format!("{:?} is compressed in a way that is not supported", member.path));
                }
                if !index.add(&name, member, place) {
                    break;
                }
            }
            Ok(None) => {
                return Err(encrypted());
            }
            Err(error) => index.problem(format!("member {number} of the zip cannot be read: {error}")),
        }
    }
    Ok(index)
}

type Reader = io::BufReader<Cursor<FileAt>>;

/// `None` for an encrypted one.
fn member(
    archive: &mut ZipArchive<Reader>,
    number: usize,
) -> zip::result::ZipResult<Option<(Vec<u8>, Member, Place)>> {
    let entry = archive.by_index_raw(number)?;
    if entry.encrypted() {
        return Ok(None);
    }
    let mode = entry.unix_mode();
    let kind = match mode.map(|mode| mode & 0o170_000) {
        _ if entry.is_dir() => FileKind::Directory,
        Some(0o120_000) => FileKind::Link,
        Some(0 | 0o100_000) | None => FileKind::File,
        Some(0o040_000) => FileKind::Directory,
        Some(_) => FileKind::Other,
    };
    let place = match entry.compression() {
        CompressionMethod::Stored => Place::Zip {
            header: entry.header_start(),
            compressed: entry.compressed_size(),
            deflated: false,
            cut: false,
        },
        CompressionMethod::Deflated => Place::Zip {
            header: entry.header_start(),
            compressed: entry.compressed_size(),
            deflated: true,
            cut: false,
        },
        _ => Place::Nowhere,
    };
    let mut member = Member {
        path: String::from_utf8_lossy(entry.name_raw()).into_owned(),
        size: if kind == FileKind::File { entry.size() } else { 0 },
        kind,
        mode,
        modified: entry.last_modified().and_then(dos_time),
        ..Member::default()
    };
    for field in entry.extra_data_fields() {
        if let ExtraField::ExtendedTimestamp(times) = field {
            // Absolute, unlike the two-second local time of the plain header.
            let decode = |time: Option<u32>| {
                Epoch::Unix.decode(&Value::Int(i64::from(time?)), &Clock::NONE).ok().flatten()
            };
            member.modified = decode(times.mod_time()).or(member.modified);
            member.created = decode(times.cr_time());
        }
    }
    let name = entry.name_raw().to_vec();
    drop(entry);
    if kind == FileKind::Link {
        member.target = link_target(archive, number);
    }
    Ok(Some((name, member, place)))
}

/// A link's target is its content.
fn link_target(archive: &mut ZipArchive<Reader>, number: usize) -> Option<String> {
    use io::Read;
    let mut bytes = Vec::new();
    archive.by_index(number).ok()?.take(4096).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// The plain header has a local time whose zone nobody knows; it is taken as UTC.
pub(super) fn dos_time(time: zip::DateTime) -> Option<Timestamp> {
    // 1980-01-01 stands for "none".
    if (time.year(), time.month(), time.day()) == (1980, 1, 1) {
        return None;
    }
    let small = |part: u8| i8::try_from(part).ok();
    let date = civil::DateTime::new(
        i16::try_from(time.year()).ok()?,
        small(time.month())?,
        small(time.day())?,
        small(time.hour())?,
        small(time.minute())?,
        small(time.second())?,
        0,
    );
    Offset::UTC.to_timestamp(date.ok()?).ok()
}

/// Where the bytes start: behind the local header, whose lengths may differ from the directory's.
pub(super) fn data_start(file: &FileAt, header: u64) -> io::Result<u64> {
    let mut local = [0; 30];
    let read = file.read_at(header, &mut local)?;
    if read < local.len() || !local.starts_with(b"PK\x03\x04") {
        return Err(io::Error::other("its local header is not where the directory says"));
    }
    let length = |at: usize| u64::from(u16::from_le_bytes([local[at], local[at + 1]]));
    Ok(header + 30 + length(26) + length(28))
}
