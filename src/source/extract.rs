//! A plain copy of a backup, for tools that need one: the only place that writes what was encrypted.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use super::{Detail, FileKind, Source, SourceError, VirtualFile};
use crate::format::ReadAt;

const CHUNK: usize = 1 << 20;
/// Bytes brought within reach at one time from an archive that can only be read through.
const STAGE: u64 = 128 << 20;

/// Writes the backup in `source` to `destination` with the same layout, decrypted, so that [`super::open`] takes it for a plain one.
/// The property lists in its root are copied as they are.
///
/// `destination` must not exist or be empty. `progress` is told of each file once it is written, with its bytes; what could not be
/// written of the acquisition is told to `problem` and does not end the copy.
pub fn decrypt_to(
    source: &dyn Source,
    destination: &Path,
    progress: &mut dyn FnMut(&VirtualFile, u64),
    problem: &mut dyn FnMut(SourceError),
) -> Result<(), SourceError> {
    let manifest = ["Manifest.db", "Manifest.mbdb"].into_iter().find_map(|name| {
        let file =
            VirtualFile { path: format!("/backup/{name}"), stored_as: name.into(), ..VirtualFile::default() };
        source.stage(&[&file]).ok()?;
        // The content is asked for again below; a dump has none under this name.
        let len = source.open(&file).ok()?.len();
        Some(VirtualFile { size: len, ..file })
    });
    let manifest = manifest.ok_or_else(|| SourceError::NotRecognised {
        path: source.describe(),
        reason: "it is not a backup".into(),
        hint: "A filesystem dump is not encrypted; scan it as it is.".into(),
    })?;
    create_private(destination)?;
    write_file(source, &manifest, destination, progress)?;
    let mut copy = Copy { source, destination, waiting: Vec::new(), bytes: 0, failed: None };
    let mut problems = Vec::new();
    source.list(Detail::Full, &mut |file| copy.take(file, progress, &mut problems), &mut |error| {
        problem(error)
    })?;
    copy.flush(progress, &mut problems);
    problems.into_iter().for_each(&mut *problem);
    copy.failed.map_or(Ok(()), Err)
}

struct Copy<'a> {
    source: &'a dyn Source,
    destination: &'a Path,
    waiting: Vec<VirtualFile>,
    bytes: u64,
    /// The destination cannot be written: nothing more is tried.
    failed: Option<SourceError>,
}

impl Copy<'_> {
    fn take(
        &mut self,
        file: VirtualFile,
        progress: &mut dyn FnMut(&VirtualFile, u64),
        problems: &mut Vec<SourceError>,
    ) {
        if self.failed.is_some() || file.kind != FileKind::File || file.missing {
            return;
        }
        self.bytes = self.bytes.saturating_add(file.size);
        self.waiting.push(file);
        if !self.source.streamed() || self.bytes >= STAGE {
            self.flush(progress, problems);
        }
    }

    fn flush(&mut self, progress: &mut dyn FnMut(&VirtualFile, u64), problems: &mut Vec<SourceError>) {
        let waiting = std::mem::take(&mut self.waiting);
        self.bytes = 0;
        if self.failed.is_some() {
            return;
        }
        if let Err(error) = self.source.stage(&waiting.iter().collect::<Vec<_>>()) {
            problems.push(error);
        }
        for file in &waiting {
            match write_file(self.source, file, self.destination, progress) {
                Ok(()) => {}
                Err(error @ SourceError::File { .. }) => problems.push(error),
                Err(error) => {
                    self.failed = Some(error);
                    return;
                }
            }
        }
    }
}

fn destination_error(path: &Path, source: io::Error) -> SourceError {
    SourceError::Read { path: path.display().to_string(), source }
}

/// Refuses what is not empty: a copy is never mixed with something else.
fn create_private(destination: &Path) -> Result<(), SourceError> {
    let failed = |error| destination_error(destination, error);
    match fs::read_dir(destination) {
        Ok(mut entries) => {
            if entries.next().is_some() {
                return Err(SourceError::NotRecognised {
                    path: destination.display().to_string(),
                    reason: "the destination is not empty".into(),
                    hint: "Name a folder that does not exist yet.".into(),
                });
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(destination).map_err(failed)?;
        }
        Err(error) => return Err(failed(error)),
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(destination, fs::Permissions::from_mode(0o700)).map_err(failed)?;
    }
    Ok(())
}

fn write_file(
    source: &dyn Source,
    file: &VirtualFile,
    destination: &Path,
    progress: &mut dyn FnMut(&VirtualFile, u64),
) -> Result<(), SourceError> {
    let unreadable = |reason: String| SourceError::File { path: file.path.clone(), reason };
    let relative = super::container::clean(&file.stored_as)
        .filter(|clean| *clean == file.stored_as)
        .ok_or_else(|| unreadable("its stored name is not a path".into()))?;
    let reader = source.open(file).map_err(|error| unreadable(error.to_string()))?;
    let path = destination.join(&relative);
    let mut partial = path.clone().into_os_string();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(|error| destination_error(parent, error))?;
    }
    let copied = copy(&*reader, &partial).map_err(|failure| match failure {
        Failure::Reading(error) => unreadable(error.to_string()),
        Failure::Writing(error) => destination_error(&partial, error),
    });
    let bytes = match copied {
        Ok(bytes) => bytes,
        Err(error) => {
            // Half a file looks like a whole one to the next tool; the error is already being told.
            let _ = fs::remove_file(&partial);
            return Err(error);
        }
    };
    if let Some(modified) = file.modified.and_then(super::container::system_time)
        && let Ok(opened) = fs::OpenOptions::new().write(true).open(&partial)
    {
        // The time is in the manifest too: a file system that cannot keep it loses nothing.
        let _ = opened.set_modified(modified);
    }
    fs::rename(&partial, &path).map_err(|error| destination_error(&path, error))?;
    progress(file, bytes);
    match reader.damage() {
        Some(damage) => Err(unreadable(format!("was written as far as it can be read: {damage}"))),
        None => Ok(()),
    }
}

enum Failure {
    Reading(io::Error),
    Writing(io::Error),
}

#[expect(clippy::disallowed_methods, reason = "the verb that writes a decrypted copy")]
fn copy(reader: &dyn ReadAt, partial: &Path) -> Result<u64, Failure> {
    let mut out = fs::File::create(partial).map_err(Failure::Writing)?;
    let mut buffer = vec![0; CHUNK];
    let mut at = 0;
    loop {
        let read = reader.read_at(at, &mut buffer).map_err(Failure::Reading)?;
        if read == 0 {
            return Ok(at);
        }
        out.write_all(buffer.get(..read).unwrap_or_default()).map_err(Failure::Writing)?;
        at += read as u64;
    }
}
