//! What a path is, told by content: one ordered function, first match wins, and the reason is kept for `describe`.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use zeroize::Zeroizing;

use super::{
    FileKind, Secrets, Source, SourceError, age,
    android::{self, Android},
    archive,
    backup::{self, Backup},
    container::{Container, FileAt, Folder, join},
    device,
    dump::{self, Dump},
    sysdiagnose::{self, Sysdiagnose},
};
use crate::format::ReadAt;

/// How deep below the given path an acquisition may be: `Cellebrite…/extract/filesystem1`.
const MAX_DEPTH: usize = 3;
/// Folders looked into on the way; more are no wrapper folders.
const MAX_FOLDERS: usize = 4096;

/// What the caller allows.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Bytes that inflated members of an archive may take at one time.
    pub max_memory: u64,
}

impl Default for Options {
    fn default() -> Self {
        Options { max_memory: 256 << 20 }
    }
}

/// Opens the acquisition at `path`, or just above or below it: a backup or a filesystem dump, in a folder or an archive.
///
/// An encrypted backup is unlocked here, so that a wrong password is known before anything else is done.
pub fn open(path: &Path, secrets: &dyn Secrets, options: &Options) -> Result<Box<dyn Source>, SourceError> {
    if let Some(file) = android_backup(path) {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        return Ok(Box::new(Android::of_backup(&name, &file, secrets, options.max_memory)?));
    }
    if let Some(text) = dumpstate(path) {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        return Ok(Box::new(Android::of_text(&name, text, options.max_memory)));
    }
    let (container, found) = find(path, secrets, options)?;
    Ok(match found {
        Found::Backup(folder) => Box::new(Backup::open(container, folder, secrets)?),
        Found::Dump(roots) => Box::new(Dump::open(container, roots)?),
        Found::Sysdiagnose(roots) => Box::new(Sysdiagnose::new(container, roots)),
        Found::AndroidBackup(name) => {
            let file = container.file_at(&name, options.max_memory)?;
            Box::new(Android::of_backup(&name, &file, secrets, options.max_memory)?)
        }
        Found::Android(folder, kind) => {
            Box::new(Android::open(path, container, &folder, kind, secrets, options.max_memory)?)
        }
    })
}

/// The file, if it is the text of a bugreport.
fn dumpstate(path: &Path) -> Option<FileAt> {
    beginning(path, android::is_dumpstate)
}

/// The file, if it is an Android backup.
fn android_backup(path: &Path) -> Option<FileAt> {
    beginning(path, android::is_backup_file)
}

/// The file, if its first bytes are such.
fn beginning(path: &Path, test: fn(&[u8]) -> bool) -> Option<FileAt> {
    if !std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file()) {
        return None;
    }
    let file = FileAt::open(path).ok()?;
    let mut head = [0; 4096];
    let read = file.read_at(0, &mut head).ok()?;
    test(head.get(..read)?).then_some(file)
}

/// The key that the password of an encrypted backup stands for, checked against its keybag.
pub fn derive_key(path: &Path, secrets: &dyn Secrets) -> Result<Zeroizing<[u8; 32]>, SourceError> {
    let (container, found) = find(path, secrets, &Options::default())?;
    let Found::Backup(folder) = found else {
        return Err(not_recognised(path, "it is no backup", "Only encrypted backups have a key."));
    };
    let plist = join(&folder, "Manifest.plist");
    container.stage(&[&plist])?;
    let manifest = device::read(&*container, &plist);
    let plain = manifest.as_ref().is_some_and(|manifest| {
        manifest.get("IsEncrypted").and_then(plist::Value::as_boolean) == Some(false)
            && !manifest.contains_key("ManifestKey")
    });
    if plain {
        return Err(not_recognised(
            path,
            "the backup is not encrypted",
            "There is no key to extract; scan it as it is.",
        ));
    }
    Ok(backup::keybag(manifest.as_ref())?.open(secrets)?.0)
}

enum Found {
    /// The folder in the container.
    Backup(String),
    Dump(Vec<dump::Root>),
    Sysdiagnose(Vec<sysdiagnose::Root>),
    /// The folder in the container.
    Android(String, android::Kind),
    /// The file in the container.
    AndroidBackup(String),
}

fn not_recognised(path: &Path, reason: &str, hint: &str) -> SourceError {
    SourceError::NotRecognised { path: path.display().to_string(), reason: reason.into(), hint: hint.into() }
}

fn find(
    path: &Path,
    secrets: &dyn Secrets,
    options: &Options,
) -> Result<(Arc<dyn Container>, Found), SourceError> {
    let metadata = std::fs::metadata(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => not_recognised(
            path,
            "there is no such file or folder",
            "Check the path; quote it if it has spaces.",
        ),
        _ => read_error(path, error),
    })?;
    // Opening a pipe would wait for whoever writes to it, and it could not be read at places.
    if !metadata.is_dir() && !metadata.is_file() {
        return Err(not_recognised(
            path,
            "it is neither a file nor a folder",
            "Save it to a file first and give that.",
        ));
    }
    if !metadata.is_dir() {
        return find_in_file(path, secrets, options);
    }
    let folder: Arc<dyn Container> = Arc::new(Folder::new(path).map_err(|error| read_error(path, error))?);
    match search(path, &*folder)? {
        Some(found) => Ok((folder, found)),
        None => match above(path)? {
            Some(container) => Ok((Arc::new(container), Found::Backup(String::new()))),
            None => match (other_android(&*folder, options), archive_in(path, &*folder)) {
                (Some(found), _) => Ok((folder, found)),
                (None, Ok(Some(archive))) => find_in_file(&archive, secrets, options),
                (None, Ok(None)) => Err(explain(path, &*folder)),
                (None, Err(error)) => Err(error),
            },
        },
    }
}

/// The one archive that a folder holds, as a download folder does.
fn archive_in(path: &Path, folder: &dyn Container) -> Result<Option<PathBuf>, SourceError> {
    let children = folder.children("").into_iter().filter(|(_, kind)| *kind == FileKind::File);
    let mut archives: Vec<String> = children.map(|(name, _)| name).filter(|name| is_archive(name)).collect();
    match (archives.pop(), archives.is_empty()) {
        (Some(only), true) => Ok(Some(path.join(only))),
        (Some(last), false) => {
            archives.push(last);
            Err(SourceError::Several { path: path.display().to_string(), found: archives })
        }
        (None, _) => Ok(None),
    }
}

fn is_archive(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    [".tar.gz", ".tgz", ".tar", ".zip", ".zip.age"].iter().any(|ending| name.ends_with(ending))
}

fn read_error(path: &Path, source: std::io::Error) -> SourceError {
    SourceError::Read { path: path.display().to_string(), source }
}

fn find_in_file(
    path: &Path,
    secrets: &dyn Secrets,
    options: &Options,
) -> Result<(Arc<dyn Container>, Found), SourceError> {
    let mut file = FileAt::open(path).map_err(|error| read_error(path, error))?;
    let mut bytes = [0; 512];
    let mut read = file.read_at(0, &mut bytes).map_err(|error| read_error(path, error))?;
    if age::is_age(bytes.get(..read).unwrap_or_default()) {
        file = age::open(path, file, secrets)?;
        read = file.read_at(0, &mut bytes).map_err(|error| read_error(path, error))?;
    }
    let head = bytes.get(..read).unwrap_or_default();
    let refuse = |reason: &str, hint: &str| Err(not_recognised(path, reason, hint));
    let container: Arc<dyn Container> = match archive::Magic::of(head) {
        Some(magic) => archive::open(path, file, magic, options.max_memory, &is_sysdiagnose)?,
        None if head.is_empty() => return refuse("it is empty", "Copy or download it again."),
        None => {
            if let Some(folder) = path.parent()
                && is_part_of_backup(path)
            {
                let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
                return find(folder, secrets, options);
            }
            return refuse(
                "it is neither a folder nor a zip, tar or tar.gz, nor an Android backup or the text of a bugreport",
                "Give the folder of the backup or of the filesystem dump, or an archive of it.",
            );
        }
    };
    match search(path, &*container)? {
        Some(found) => Ok((container, found)),
        None => match other_android(&*container, options) {
            Some(found) => Ok((container, found)),
            None => Err(damaged(explain(path, &*container), &*container)),
        },
    }
}

/// With what is wrong with the archive: what was looked for may have been behind a cut.
fn damaged(mut error: SourceError, container: &dyn Container) -> SourceError {
    let mut first = None;
    if !container.streamed() {
        // Nothing else is done with it: what is wrong with the walk itself counts as well.
        let walked = container.walk("", &mut |_| (), &mut |problem| first = first.take().or(Some(problem)));
        first = first.or(walked.err());
    }
    if let (SourceError::NotRecognised { reason, .. }, Some(SourceError::File { reason: damage, .. })) =
        (&mut error, first)
    {
        *reason = format!("{reason}; {damage}");
    }
    error
}

/// What of an Android phone has no layout to know it by: intrusion logs, and a backup file with or without others beside it.
fn other_android(container: &dyn Container, options: &Options) -> Option<Found> {
    if container.streamed() {
        return None;
    }
    if android::holds_logs(container, options.max_memory) {
        return Some(Found::Android(String::new(), android::Kind::Intrusion));
    }
    let mut backups = container.children("").into_iter().filter(|(name, kind)| {
        *kind == FileKind::File && name.ends_with(".ab") && starts_as_backup(container, name)
    });
    let (only, _) = backups.next()?;
    backups.next().is_none().then_some(Found::AndroidBackup(only))
}

fn starts_as_backup(container: &dyn Container, name: &str) -> bool {
    let mut head = [0; 64];
    let read = container.open(name).and_then(|file| {
        file.read_at(0, &mut head).map_err(|source| SourceError::Read { path: name.into(), source })
    });
    read.is_ok_and(|read| android::is_backup_file(head.get(..read).unwrap_or_default()))
}

fn is_part_of_backup(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    matches!(name, "Manifest.db" | "Manifest.mbdb" | "Manifest.plist" | "Info.plist" | "Status.plist")
}

fn is_backup(container: &dyn Container, folder: &str) -> bool {
    ["Manifest.db", "Manifest.mbdb"].iter().any(|name| container.is_file(&join(folder, name)))
}

/// Told by the first members of an archive: a sysdiagnose can be read while it is listed.
fn is_sysdiagnose(container: &dyn Container) -> bool {
    match search(Path::new(""), container) {
        Ok(Some(Found::Sysdiagnose(roots))) => roots.iter().all(sysdiagnose::Root::is_whole),
        _ => false,
    }
}

/// Level by level, so that what is nearest to the given path wins.
fn search(path: &Path, container: &dyn Container) -> Result<Option<Found>, SourceError> {
    let mut level = vec![String::new()];
    for _ in 0..=MAX_DEPTH {
        let mut backups: Vec<&String> = level.iter().filter(|folder| is_backup(container, folder)).collect();
        match (backups.pop(), backups.is_empty()) {
            (Some(only), true) => return Ok(Some(Found::Backup(only.clone()))),
            (Some(last), false) => {
                backups.push(last);
                let found = backups.iter().map(|folder| device::title(container, folder)).collect();
                return Err(SourceError::Several { path: path.display().to_string(), found });
            }
            (None, _) => {}
        }
        let roots: Vec<_> = level.iter().filter_map(|folder| dump::root(container, folder)).collect();
        if !roots.is_empty() {
            return Ok(Some(Found::Dump(roots)));
        }
        let roots: Vec<_> = level.iter().filter_map(|folder| sysdiagnose::root(container, folder)).collect();
        if !roots.is_empty() {
            return Ok(Some(Found::Sysdiagnose(roots)));
        }
        let mut androids = level
            .iter()
            .filter_map(|folder| Some((folder, android::kind(container, folder)?)))
            .collect::<Vec<_>>();
        match (androids.pop(), androids.is_empty()) {
            (Some((folder, kind)), true) => return Ok(Some(Found::Android(folder.clone(), kind))),
            (Some(last), false) => {
                androids.push(last);
                let found = androids.into_iter().map(|(folder, _)| folder.clone()).collect();
                return Err(SourceError::Several { path: path.display().to_string(), found });
            }
            (None, _) => {}
        }
        let below = level.iter().flat_map(|folder| {
            let folders =
                container.children(folder).into_iter().filter(|(_, kind)| *kind == FileKind::Directory);
            folders.map(|(name, _)| join(folder, &name)).collect::<Vec<_>>()
        });
        level = below.take(MAX_FOLDERS).collect();
    }
    Ok(None)
}

/// A backup of which `path` is a folder inside, such as `00` or `Snapshot`.
fn above(path: &Path) -> Result<Option<Folder>, SourceError> {
    let Ok(real) = path.canonicalize() else { return Ok(None) };
    for parent in real.ancestors().skip(1).take(2) {
        let folder = Folder::new(parent).map_err(|error| read_error(parent, error))?;
        if is_backup(&folder, "") && ["Manifest.plist", "Info.plist"].iter().any(|name| folder.is_file(name))
        {
            return Ok(Some(folder));
        }
    }
    Ok(None)
}

/// Why nothing was recognised, as exactly as a look at the names allows.
fn explain(path: &Path, container: &dyn Container) -> SourceError {
    let mut names: Vec<String> = Vec::new();
    let mut folders = vec![String::new()];
    for _ in 0..2 {
        let mut next = Vec::new();
        for folder in folders.iter().take(64) {
            for (name, kind) in container.children(folder).into_iter().take(MAX_FOLDERS) {
                if kind == FileKind::Directory {
                    next.push(join(folder, &name));
                }
                names.push(name);
            }
        }
        folders = next;
    }
    let has = |wanted: &[&str]| names.iter().any(|name| wanted.contains(&name.as_str()));
    if names.is_empty() {
        return not_recognised(
            path,
            "it is empty",
            "Point at the folder that holds Manifest.db, or make the backup again with enough free space.",
        );
    }
    if has(&["Manifest.plist"]) {
        return not_recognised(
            path,
            "there is a Manifest.plist but no Manifest.db, so the backup is incomplete",
            "Copy the whole backup folder again, or make a new backup; an interrupted backup has no Manifest.db.",
        );
    }
    if let Some(inner) = names.iter().find(|name| is_archive(name)) {
        return not_recognised(
            path,
            &format!("it holds the archive `{inner}`, and archives inside of archives are not opened"),
            "Unpack it and give the archive inside.",
        );
    }
    not_recognised(
        path,
        "it holds neither Manifest.db of a backup nor private/var of a filesystem dump, here or up to three folders below",
        "Backups are in ~/Library/Application Support/MobileSync/Backup on macOS and in Apple\\MobileSync\\Backup of the user's folder on Windows.",
    )
}
