//! What a folder and an archive have in common: members named by clean relative paths, and their bytes.
//!
//! Whether the members make up a backup or a filesystem dump is decided to the left of the bytes, in `detect`.

use std::{fs::File, io, path::Path, path::PathBuf, sync::Arc, time::SystemTime};

use jiff::Timestamp;
use walkdir::WalkDir;

use super::{FileKind, SourceError};
use crate::format::ReadAt;

/// Members beyond this number are not listed: no phone has as many, a bomb may.
pub(super) const MAX_MEMBERS: usize = 20_000_000;

/// A member of a container, with what the container itself says about it.
#[derive(Clone, Debug, Default)]
pub(super) struct Member {
    /// Relative, clean: `HomeDomain/a`, never `/a`, `a//b` or `..`.
    pub path: String,
    pub size: u64,
    pub kind: FileKind,
    pub created: Option<Timestamp>,
    pub modified: Option<Timestamp>,
    pub changed: Option<Timestamp>,
    pub mode: Option<u32>,
    pub uid: Option<u32>,
    /// What a link points to; a hard link of an archive is a file with a target.
    pub target: Option<String>,
    pub odd: Option<String>,
}

pub(super) type Each<'a> = &'a mut dyn FnMut(Member);
pub(super) type EachWithBytes<'a> = &'a mut dyn FnMut(Member, &mut dyn io::Read);
pub(super) type Problems<'a> = &'a mut dyn FnMut(SourceError);

/// Behind this, a path tells which of several members of the same name is meant; the last one has the plain path.
pub(super) const COPY: char = '\0';

/// The path of a member as it was written, whichever copy it is.
pub(super) fn plain(path: &str) -> &str {
    path.split(COPY).next().unwrap_or(path)
}

/// Members by clean relative path; `""` is the top.
pub(super) trait Container: Send + Sync {
    /// `a folder`, `a zip archive`.
    fn describe(&self) -> &'static str;

    fn kind(&self, path: &str) -> Option<FileKind>;

    /// Stored size of a file, in bytes.
    fn size(&self, path: &str) -> Option<u64>;

    /// Names directly below `path`, sorted, with their kinds.
    fn children(&self, path: &str) -> Vec<(String, FileKind)>;

    /// Everything below `path`, in the container's own stable order.
    fn walk(&self, path: &str, each: Each<'_>, problem: Problems<'_>) -> Result<(), SourceError>;

    fn open(&self, path: &str) -> Result<Box<dyn ReadAt>, SourceError>;

    /// As [`super::Source::read_through`].
    fn read_through(
        &self,
        _each: EachWithBytes<'_>,
        _problem: Problems<'_>,
    ) -> Option<Result<(), SourceError>> {
        None
    }

    /// As [`super::Source::pour`].
    fn pour(&self, _each: EachWithBytes<'_>) -> Option<Result<(), SourceError>> {
        None
    }

    fn streamed(&self) -> bool {
        false
    }

    fn stage(&self, _paths: &[&str]) -> Result<(), SourceError> {
        Ok(())
    }

    fn is_file(&self, path: &str) -> bool {
        self.kind(path) == Some(FileKind::File)
    }

    fn is_directory(&self, path: &str) -> bool {
        self.kind(path) == Some(FileKind::Directory)
    }

    /// A file whose parts are read from any thread: where it lies on disk, else held in memory up to `limit`.
    fn file_at(&self, path: &str, limit: u64) -> Result<FileAt, SourceError> {
        self.read(path, limit).map(FileAt::of_bytes)
    }

    /// A small file whole, e.g. a property list of the backup itself.
    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, SourceError> {
        self.open(path)?
            .read_all(limit)
            .map_err(|error| SourceError::File { path: path.into(), reason: error.to_string() })
    }
}

/// `a/b` from `/a//b/`, `.\a\b`: `None` where the name points outside of its container or cannot be a path.
pub(super) fn clean(name: &str) -> Option<String> {
    let mut clean = String::with_capacity(name.len());
    for part in name.split(['/', '\\']) {
        match part {
            "" | "." => {}
            ".." => return None,
            _ if part.contains('\0') => return None,
            _ => {
                if !clean.is_empty() {
                    clean.push('/');
                }
                clean.push_str(part);
            }
        }
    }
    Some(clean)
}

pub(super) fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.into() } else { format!("{folder}/{name}") }
}

/// The path relative to `folder`, if it is inside it.
pub(super) fn below<'a>(folder: &str, path: &'a str) -> Option<&'a str> {
    if folder.is_empty() { Some(path) } else { path.strip_prefix(folder)?.strip_prefix('/') }
}

/// What macOS leaves in archives and folders, not in phones.
pub(super) fn is_litter(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.starts_with("._") || name == ".DS_Store" || path.starts_with("__MACOSX/")
}

/// A stretch of an opened file, or of one held in memory, read at any place and from any thread without a shared position.
#[derive(Clone)]
pub struct FileAt {
    inner: Inner,
    start: u64,
    len: u64,
}

#[derive(Clone)]
enum Inner {
    Disk(Arc<File>),
    Memory(Shared),
    #[cfg(feature = "age")]
    View(Arc<dyn ReadAt + Sync>),
}

impl FileAt {
    #[expect(clippy::disallowed_methods, reason = "evidence is opened here, read-only, and nowhere else")]
    pub fn open(path: &Path) -> io::Result<FileAt> {
        FileAt::of(File::open(path)?)
    }

    /// The whole of a file that is already open.
    pub fn of(file: File) -> io::Result<FileAt> {
        let len = file.metadata()?.len();
        Ok(FileAt { inner: Inner::Disk(Arc::new(file)), start: 0, len })
    }

    /// A file inside of another, in memory.
    pub(super) fn of_bytes(bytes: Vec<u8>) -> FileAt {
        let len = bytes.len() as u64;
        FileAt { inner: Inner::Memory(Arc::new(bytes)), start: 0, len }
    }

    /// What is decrypted or put together while it is read.
    #[cfg(feature = "age")]
    pub(super) fn of_view(view: Arc<dyn ReadAt + Sync>) -> FileAt {
        let len = view.len();
        FileAt { inner: Inner::View(view), start: 0, len }
    }

    /// `len` bytes from `start`, cut at the end of the file.
    pub fn part(&self, start: u64, len: u64) -> FileAt {
        let start = start.min(self.len);
        FileAt { inner: self.inner.clone(), start: self.start + start, len: len.min(self.len - start) }
    }
}

#[cfg(unix)]
fn read_once(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, offset)
}

#[cfg(windows)]
fn read_once(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, offset)
}

impl ReadAt for FileAt {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.len.saturating_sub(offset)).unwrap_or(usize::MAX).min(buffer.len());
        let buffer = &mut buffer[..wanted];
        let file = match &self.inner {
            Inner::Disk(file) => file,
            Inner::Memory(bytes) => return bytes.read_at(self.start + offset, buffer),
            #[cfg(feature = "age")]
            Inner::View(view) => return view.read_at(self.start + offset, buffer),
        };
        let mut done = 0;
        while done < wanted {
            match read_once(file, &mut buffer[done..], self.start + offset + done as u64) {
                Ok(0) => break,
                Ok(read) => done += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }
}

/// Bytes held in memory and shared by their readers.
pub(super) type Shared = Arc<Vec<u8>>;

/// [`ReadAt`] as the `Read` and `Seek` that archive readers want.
#[derive(Clone)]
pub(super) struct Cursor<R> {
    pub reader: R,
    pub position: u64,
}

impl<R: ReadAt> io::Read for Cursor<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read_at(self.position, buffer)?;
        self.position += read as u64;
        Ok(read)
    }
}

impl<R: ReadAt> io::Seek for Cursor<R> {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        let position = match to {
            io::SeekFrom::Start(position) => Some(position),
            io::SeekFrom::End(delta) => self.reader.len().checked_add_signed(delta),
            io::SeekFrom::Current(delta) => self.position.checked_add_signed(delta),
        };
        self.position = position.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.position)
    }
}

/// A folder on disk. Links are listed and never followed.
pub(super) struct Folder {
    root: PathBuf,
}

impl Folder {
    pub fn new(root: &Path) -> io::Result<Folder> {
        Ok(Folder { root: root.canonicalize()? })
    }

    fn at(&self, path: &str) -> PathBuf {
        let mut full = self.root.clone();
        full.extend(path.split('/').filter(|part| !part.is_empty()));
        full
    }

    /// The place on disk of a listed member; a link on the way may not lead out of the folder.
    fn resolve(&self, path: &str) -> Result<PathBuf, SourceError> {
        let refuse = |reason: &str| SourceError::File { path: path.into(), reason: reason.into() };
        if clean(path).as_deref() != Some(path) {
            return Err(refuse("is not a path inside the acquisition"));
        }
        let full = self.at(path);
        let real = match full.canonicalize() {
            Ok(real) => real,
            Err(error) => {
                match path.contains(char::REPLACEMENT_CHARACTER).then(|| self.by_lossy_name(path)) {
                    Some(Some(real)) => real,
                    _ => return Err(refuse(&error.to_string())),
                }
            }
        };
        if !real.starts_with(&self.root) {
            return Err(refuse("leads out of the acquisition through a link"));
        }
        // A pipe would block whoever opens it.
        if !real.is_file() {
            return Err(refuse("is not a regular file"));
        }
        Ok(real)
    }

    /// Names that are not UTF-8 are listed with replacement characters; this finds them again.
    fn by_lossy_name(&self, path: &str) -> Option<PathBuf> {
        let mut full = self.root.clone();
        for part in path.split('/') {
            let name = std::fs::read_dir(&full)
                .ok()?
                .flatten()
                .map(|entry| entry.file_name())
                .find(|name| name.to_string_lossy() == part)?;
            full.push(name);
        }
        full.canonicalize().ok()
    }

    fn member(&self, entry: &walkdir::DirEntry, path: String) -> io::Result<Member> {
        let metadata = entry.metadata()?;
        let mut member = Member {
            size: if metadata.is_file() { metadata.len() } else { 0 },
            kind: kind_of(metadata.file_type()),
            created: metadata.created().ok().and_then(timestamp),
            modified: metadata.modified().ok().and_then(timestamp),
            odd: path
                .contains(char::REPLACEMENT_CHARACTER)
                .then(|| "the name is not UTF-8 and is shown with replacement characters".into()),
            path,
            ..Member::default()
        };
        if member.kind == FileKind::Link {
            member.target =
                std::fs::read_link(entry.path()).ok().map(|target| target.to_string_lossy().into_owned());
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            member.mode = Some(metadata.mode());
            member.uid = Some(metadata.uid());
            member.changed = u32::try_from(metadata.ctime_nsec())
                .ok()
                .and_then(|nanos| Timestamp::new(metadata.ctime(), nanos as i32).ok());
        }
        Ok(member)
    }
}

fn timestamp(time: SystemTime) -> Option<Timestamp> {
    Timestamp::try_from(time).ok()
}

/// The other way round, where the system's own type is wanted; `None` before 1970.
pub(super) fn system_time(time: Timestamp) -> Option<SystemTime> {
    let since = std::time::Duration::new(
        u64::try_from(time.as_second()).ok()?,
        u32::try_from(time.subsec_nanosecond()).ok()?,
    );
    SystemTime::UNIX_EPOCH.checked_add(since)
}

fn kind_of(kind: std::fs::FileType) -> FileKind {
    if kind.is_file() {
        FileKind::File
    } else if kind.is_dir() {
        FileKind::Directory
    } else if kind.is_symlink() {
        FileKind::Link
    } else {
        FileKind::Other
    }
}

impl Container for Folder {
    fn describe(&self) -> &'static str {
        "a folder"
    }

    fn kind(&self, path: &str) -> Option<FileKind> {
        clean(path)?;
        Some(kind_of(std::fs::symlink_metadata(self.at(path)).ok()?.file_type()))
    }

    fn size(&self, path: &str) -> Option<u64> {
        clean(path)?;
        Some(std::fs::symlink_metadata(self.at(path)).ok()?.len())
    }

    fn children(&self, path: &str) -> Vec<(String, FileKind)> {
        let Ok(entries) = std::fs::read_dir(self.at(path)) else { return Vec::new() };
        let mut children: Vec<_> = entries
            .flatten()
            .take(MAX_MEMBERS)
            .filter_map(|entry| {
                Some((entry.file_name().to_string_lossy().into_owned(), kind_of(entry.file_type().ok()?)))
            })
            .collect();
        children.sort_unstable_by(|left, right| left.0.cmp(&right.0));
        children
    }

    fn walk(&self, path: &str, each: Each<'_>, problem: Problems<'_>) -> Result<(), SourceError> {
        let walk = WalkDir::new(self.at(path)).follow_links(false).sort_by_file_name().min_depth(1);
        for entry in walk.into_iter().take(MAX_MEMBERS) {
            let listed = entry.map_err(|error| {
                let place = error.path().map(|path| path.display().to_string()).unwrap_or_default();
                (place, io::Error::from(error))
            });
            let listed = listed.and_then(|entry| {
                let relative = entry.path().strip_prefix(&self.root).unwrap_or(entry.path());
                let parts: Vec<_> =
                    relative.components().map(|part| part.as_os_str().to_string_lossy()).collect();
                let path = parts.join("/");
                self.member(&entry, path.clone()).map_err(|error| (path, error))
            });
            match listed {
                Ok(member) => each(member),
                Err((path, source)) => problem(SourceError::Read { path, source }),
            }
        }
        Ok(())
    }

    fn open(&self, path: &str) -> Result<Box<dyn ReadAt>, SourceError> {
        Ok(Box::new(self.file_at(path, u64::MAX)?))
    }

    fn file_at(&self, path: &str, _limit: u64) -> Result<FileAt, SourceError> {
        let real = self.resolve(path)?;
        FileAt::open(&real).map_err(|source| SourceError::Read { path: path.into(), source })
    }
}
