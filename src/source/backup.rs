//! An iOS backup, plain or encrypted, in any container.

use std::io::{self, Read as _};
use std::sync::Arc;

use plist::Dictionary;
use unicode_normalization::{UnicodeNormalization, is_nfc};

use super::{
    Detail, Device, FileKind, Secrets, Source, SourceError, VirtualFile,
    container::{Container, Cursor, below, join},
    decrypt::Decrypted,
    device,
    domains::device_path,
    keybag::{ClassKeys, Keybag},
    manifest::{Manifest, Row, SQLITE_MAGIC, id_bytes},
    missing::Missing,
};
use crate::format::ReadAt;

/// Never encrypted; listed as `/backup/Info.plist` and so on.
const ROOT_FILES: [&str; 3] = ["Info.plist", "Manifest.plist", "Status.plist"];
const MAX_LEGACY_MANIFEST: u64 = 512 << 20;
/// Of a payload that can only be read through, this much is decrypted.
const MOST_HELD: u64 = 256 << 20;
/// Payloads looked at to tell whether they are encrypted, where nothing else tells.
const VOTES: usize = 64;

pub(super) struct Backup {
    container: Arc<dyn Container>,
    /// The backup's folder inside the container.
    folder: String,
    manifest: Manifest,
    manifest_key: Option<super::keybag::Key>,
    keys: Option<ClassKeys>,
    present: Present,
    device: Device,
    evidence: String,
}

/// Which payloads there are, so that a listing asks the file system once per folder and not once per file.
#[derive(Default)]
struct Present {
    /// In `00` to `ff`.
    nested: Vec<[u8; 20]>,
    /// In the backup's own folder, up to iOS 9.
    flat: Vec<[u8; 20]>,
}

impl Present {
    fn read(container: &dyn Container, folder: &str) -> Present {
        let ids = |path: &str| {
            let files = container.children(path).into_iter().filter(|(_, kind)| *kind == FileKind::File);
            let mut ids: Vec<_> = files.filter_map(|(name, _)| id_bytes(&name)).collect();
            ids.sort_unstable();
            ids
        };
        let mut present = Present { flat: ids(folder), nested: Vec::new() };
        for prefix in 0..=255u8 {
            let within = ids(&join(folder, &format!("{prefix:02x}")));
            present.nested.extend(within.into_iter().filter(|id| id[0] == prefix));
        }
        present
    }

    /// Relative to the backup, and the position among all payloads.
    fn find(&self, id: &str) -> Option<(String, usize)> {
        let bytes = id_bytes(id)?;
        if let Ok(at) = self.nested.binary_search(&bytes) {
            return Some((format!("{}/{id}", id.get(..2)?), at));
        }
        let at = self.flat.binary_search(&bytes).ok()?;
        Some((id.to_owned(), self.nested.len() + at))
    }

    fn len(&self) -> usize {
        self.nested.len() + self.flat.len()
    }
}

/// The keybag of a backup; the error says what is missing.
pub(super) fn keybag(manifest: Option<&Dictionary>) -> Result<Keybag, SourceError> {
    let manifest =
        manifest.ok_or_else(|| SourceError::Keybag("Manifest.plist is missing or unreadable".into()))?;
    let bag = manifest.get("BackupKeyBag").and_then(plist::Value::as_data);
    Keybag::parse(bag.ok_or_else(|| SourceError::Keybag("Manifest.plist has no BackupKeyBag".into()))?)
}

impl Backup {
    pub fn open(
        container: Arc<dyn Container>,
        folder: String,
        secrets: &dyn Secrets,
    ) -> Result<Backup, SourceError> {
        let at = |name: &str| join(&folder, name);
        let legacy = !container.is_file(&at("Manifest.db"));
        let list = at(if legacy { "Manifest.mbdb" } else { "Manifest.db" });
        let roots: Vec<String> = ROOT_FILES.iter().map(|name| at(name)).collect();
        let wanted: Vec<&str> = roots.iter().map(String::as_str).chain([list.as_str()]).collect();
        container.stage(&wanted)?;
        let [info, plist, status] = ROOT_FILES.map(|name| device::read(&*container, &at(name)));
        let mut backup = Backup {
            manifest: Manifest::none(),
            manifest_key: None,
            keys: None,
            present: Present::read(&*container, &folder),
            device: device::of_backup(info.as_ref(), plist.as_ref(), status.as_ref()),
            evidence: String::new(),
            container,
            folder,
        };
        if legacy {
            backup.manifest = Manifest::legacy(backup.container.read(&list, MAX_LEGACY_MANIFEST)?)?;
            backup.unlock_payloads(plist.as_ref(), secrets)?;
        } else {
            backup.open_database(&list, plist.as_ref(), secrets)?;
        }
        let was_encrypted =
            plist.as_ref().and_then(|plist| plist.get("IsEncrypted")?.as_boolean()).unwrap_or(false);
        backup.note_limits(info.is_some(), was_encrypted, status.as_ref());
        Ok(backup)
    }

    fn open_database(
        &mut self,
        list: &str,
        plist: Option<&Dictionary>,
        secrets: &dyn Secrets,
    ) -> Result<(), SourceError> {
        let stored = self.container.open(list)?;
        let mut magic = [0; 16];
        let read = stored.read_at(0, &mut magic);
        read.map_err(|source| SourceError::Read { path: list.into(), source })?;
        if &magic == SQLITE_MAGIC {
            self.evidence = "`Manifest.db` is a plain database".into();
            let log = format!("{list}-wal");
            let log = self.container.is_file(&log).then(|| self.container.open(&log)).transpose()?;
            self.manifest = Manifest::database(stored, log)?;
            // Since iOS 10.2 the manifest is encrypted with everything else: a plain one means a plain or a decrypted backup,
            // whatever the flag in Manifest.plist still says.
            return match plist {
                Some(plist) if plist.contains_key("ManifestKey") => Ok(()),
                _ => self.unlock_payloads(plist, secrets),
            };
        }
        if stored.is_empty() {
            return Err(SourceError::File { path: list.into(), reason: "it is empty".into() });
        }
        let wrapped = plist.and_then(|plist| plist.get("ManifestKey")?.as_data());
        let bag = keybag(plist)?;
        let wrapped =
            wrapped.ok_or_else(|| SourceError::Keybag("Manifest.plist has no ManifestKey".into()))?;
        let (_, keys) = bag.open(secrets)?;
        let key = keys
            .open(wrapped, None)
            .map_err(|reason| SourceError::Keybag(format!("ManifestKey: {reason}")))?;
        self.evidence = "`Manifest.db` is encrypted".into();
        self.keys = Some(keys);
        self.manifest = Manifest::database(decrypted(stored, &key, None, list)?, None)?;
        self.manifest_key = Some(key);
        Ok(())
    }

    /// Before iOS 10.2 the manifest is plain even if the files are encrypted, and a decrypted copy keeps every key and flag: only
    /// the payloads tell.
    fn unlock_payloads(
        &mut self,
        plist: Option<&Dictionary>,
        secrets: &dyn Secrets,
    ) -> Result<(), SourceError> {
        if self.evidence.is_empty() {
            self.evidence = "`Manifest.mbdb` is its list of files".into();
        }
        let (mut encrypted, mut plain) = (0, 0);
        self.manifest.rows(
            true,
            &mut |row| {
                if row.file.key.is_some()
                    && let (Some(size), Some(stored)) = (row.file.size, self.stored_size(&row.id))
                {
                    // Padding always adds 1 to 16 bytes.
                    let padded = size - size % 16 + 16;
                    encrypted += usize::from(stored == padded);
                    plain += usize::from(stored == size || stored % 16 != 0);
                }
                encrypted + plain < VOTES
            },
            &mut |_| {},
        );
        if encrypted > plain {
            self.keys = Some(keybag(plist)?.open(secrets)?.1);
        }
        Ok(())
    }

    fn note_limits(&mut self, info: bool, was_encrypted: bool, status: Option<&Dictionary>) {
        let mut note = |limit: &str| self.device.limits.push(limit.into());
        if self.keys.is_none() && was_encrypted {
            note("this is a decrypted copy of an encrypted backup: the original is the better evidence");
        } else if self.keys.is_none() {
            note(
                "this backup is not encrypted, and phones leave much out of such backups (Safari's history, calls, contacts with people): make an encrypted one to have them checked",
            );
        }
        if let Some(keys) = &self.keys
            && !keys.refused.is_empty()
        {
            let classes: Vec<String> = keys.refused.iter().map(u32::to_string).collect();
            note(&format!(
                "the keys of protection classes {} did not open: files of these classes cannot be read",
                classes.join(", ")
            ));
        }
        let state = status.and_then(|status| status.get("SnapshotState")?.as_string());
        match state {
            Some("finished") => {}
            Some(other) => note(&format!(
                "the backup was not finished (its state is `{other}`): absence of traces means little"
            )),
            None => note(
                "the backup does not say whether it was finished: Status.plist is missing or has no SnapshotState",
            ),
        }
        if !info {
            note("Info.plist is missing: the list of installed apps is not in the backup");
        }
        if self.container.is_directory(&join(&self.folder, "Snapshot")) {
            note("there is a folder `Snapshot` of a newer backup that was interrupted; it was not read");
        }
    }

    fn stored_size(&self, id: &str) -> Option<u64> {
        let (path, _) = self.present.find(id)?;
        self.container.size(&join(&self.folder, &path))
    }

    fn file_of(&self, row: Row, found: Option<&str>, detail: Detail) -> VirtualFile {
        let Row { id, domain, relative, flags, file, odd } = row;
        let kind = match flags {
            1 => FileKind::File,
            2 => FileKind::Directory,
            4 => FileKind::Link,
            _ => FileKind::Other,
        };
        let path = device_path(&domain, &relative);
        // A look at every payload costs more than the rest of the row.
        let stored = found.filter(|_| detail == Detail::Full);
        let stored = stored.and_then(|found| self.container.size(&join(&self.folder, found)));
        let encrypted = self.keys.is_some() && file.key.is_some();
        let mut odd = odd;
        let size = match (kind, stored) {
            // The stated size is older than the content of live databases; the payload knows better.
            (FileKind::File, Some(stored)) if encrypted => {
                if stored % 16 != 0 {
                    odd = odd.or_else(|| Some("its ciphertext is cut short".into()));
                }
                let fits = |size: &u64| stored.saturating_sub(16) <= *size && *size < stored.max(1);
                file.size.filter(fits).unwrap_or(stored)
            }
            (FileKind::File, Some(stored)) => stored,
            (FileKind::File, None) => file.size.unwrap_or(0),
            _ => 0,
        };
        if self.keys.is_some() && detail == Detail::Full && file.key.is_none() && size > 0 {
            odd = odd.or_else(|| {
                Some("the backup is encrypted and states no key for it, so it is read as it is".into())
            });
        }
        if id_bytes(&id).is_none() {
            odd = Some("its file id is not 40 hexadecimal digits, so its content is not looked for".into());
        }
        VirtualFile {
            path: if is_nfc(&path) { path } else { path.nfc().collect() },
            stored_as: found
                .map_or_else(|| format!("{}/{id}", id.get(..2).unwrap_or_default()), str::to_owned),
            size,
            kind,
            created: file.created,
            modified: file.modified,
            changed: file.changed,
            mode: file.mode,
            uid: file.uid,
            target: file.target,
            domain: Some(domain),
            relative: Some(relative),
            missing: kind == FileKind::File && found.is_none(),
            opened: false,
            attributes: file.attributes,
            odd,
        }
    }

    /// The file of a payload that goes by; one that is encrypted is held while it is decrypted.
    fn pour_one(
        &self,
        row: Row,
        name: &str,
        content: &mut dyn io::Read,
        each: &mut dyn FnMut(VirtualFile, &mut dyn io::Read),
    ) -> Result<(), SourceError> {
        let (key, class, size) = (row.file.key.clone(), row.file.class, row.file.size);
        let mut file = self.file_of(row, Some(name), Detail::Full);
        let (Some(keys), Some(wrapped)) = (&self.keys, key) else {
            each(file, content);
            return Ok(());
        };
        let refuse = |reason: String| SourceError::File { path: file.path.clone(), reason };
        let mut stored = Vec::new();
        content.take(MOST_HELD).read_to_end(&mut stored).map_err(|error| refuse(error.to_string()))?;
        if !stored.is_empty() {
            let key = keys.open(&wrapped, class).map_err(refuse)?;
            let plain = decrypted(Box::new(stored), &key, size, name)?;
            file.size = plain.len();
            each(file, &mut Cursor { reader: plain, position: 0 });
        }
        Ok(())
    }

    fn list_roots(&self, each: &mut dyn FnMut(VirtualFile)) {
        for name in ROOT_FILES {
            let path = join(&self.folder, name);
            if self.container.is_file(&path) {
                each(VirtualFile {
                    path: format!("/backup/{name}"),
                    stored_as: name.into(),
                    size: self.container.size(&path).unwrap_or(0),
                    ..VirtualFile::default()
                });
            }
        }
    }
}

fn decrypted(
    stored: Box<dyn ReadAt>,
    key: &super::keybag::Key,
    size: Option<u64>,
    path: &str,
) -> Result<Box<dyn ReadAt>, SourceError> {
    let view = Decrypted::new(stored, key, size)
        .map_err(|source| SourceError::Read { path: path.into(), source })?;
    Ok(Box::new(view))
}

impl Source for Backup {
    fn describe(&self) -> String {
        let state = if self.keys.is_some() { "encrypted" } else { "not encrypted" };
        let place = if self.folder.is_empty() { String::new() } else { format!(", below `{}`", self.folder) };
        format!("iOS backup, {state}, in {}{place} ({})", self.container.describe(), self.evidence)
    }

    fn device(&self) -> &Device {
        &self.device
    }

    fn list(
        &self,
        detail: Detail,
        each: &mut dyn FnMut(VirtualFile),
        problem: &mut dyn FnMut(SourceError),
    ) -> Result<(), SourceError> {
        self.list_roots(each);
        let mut listed = vec![false; self.present.len()];
        let mut complete = true;
        let mut missing = Missing::default();
        self.manifest.rows(
            detail == Detail::Full,
            &mut |row| {
                let found = if row.flags == 1 { self.present.find(&row.id) } else { None };
                if let Some(seen) = found.as_ref().and_then(|(_, at)| listed.get_mut(*at)) {
                    *seen = true;
                }
                if row.flags == 1 && found.is_none() {
                    missing.count(&row.domain);
                }
                each(self.file_of(row, found.as_ref().map(|(path, _)| path.as_str()), detail));
                true
            },
            &mut |error| {
                complete = false;
                problem(error);
            },
        );
        missing.tell(problem);
        let unlisted = listed.iter().filter(|seen| !**seen).count();
        if complete && unlisted > 0 {
            problem(SourceError::File {
                path: self.folder.clone(),
                reason: format!("{unlisted} stored files are not in the backup's own list and were not read"),
            });
        }
        Ok(())
    }

    fn size(&self, file: &VirtualFile) -> u64 {
        self.container.size(&join(&self.folder, &file.stored_as)).unwrap_or(0)
    }

    fn open(&self, file: &VirtualFile) -> Result<Box<dyn ReadAt + '_>, SourceError> {
        let refuse = |reason: String| SourceError::File { path: file.path.clone(), reason };
        let name = file.stored_as.as_str();
        if ROOT_FILES.contains(&name) || name == "Manifest.mbdb" {
            return self.container.open(&join(&self.folder, name));
        }
        if name == "Manifest.db" {
            let path = join(&self.folder, name);
            let stored = self.container.open(&path)?;
            return match &self.manifest_key {
                Some(key) => Ok(decrypted(stored, key, None, &path)?),
                None => Ok(stored),
            };
        }
        let id = name.rsplit('/').next().unwrap_or(name);
        let (path, _) = self
            .present
            .find(id)
            .ok_or_else(|| refuse("the backup lists it, but its content is not there".into()))?;
        let path = join(&self.folder, &path);
        let Some(keys) = &self.keys else { return self.container.open(&path) };
        let row = self.manifest.row(id)?.ok_or_else(|| refuse("it is not in the backup's list".into()))?;
        let stored = self.container.open(&path)?;
        match row.file.key {
            Some(wrapped) if !stored.is_empty() => {
                let key = keys.open(&wrapped, row.file.class).map_err(refuse)?;
                Ok(decrypted(stored, &key, row.file.size, &path)?)
            }
            _ => Ok(stored),
        }
    }

    fn pour(
        &self,
        each: &mut dyn FnMut(VirtualFile, &mut dyn io::Read),
        problem: &mut dyn FnMut(SourceError),
    ) -> Option<Result<(), SourceError>> {
        self.container.pour(&mut |member, content| {
            let name = below(&self.folder, &member.path).unwrap_or_default();
            let id = name.rsplit('/').next().unwrap_or(name);
            match self.manifest.row(id) {
                Ok(Some(row)) if row.flags == 1 => {
                    if let Err(error) = self.pour_one(row, name, content, each) {
                        problem(error);
                    }
                }
                Ok(_) => {}
                Err(error) => problem(error),
            }
        })
    }

    fn streamed(&self) -> bool {
        self.container.streamed()
    }

    fn stage(&self, files: &[&VirtualFile]) -> Result<(), SourceError> {
        let paths: Vec<String> = files.iter().map(|file| join(&self.folder, &file.stored_as)).collect();
        self.container.stage(&paths.iter().map(String::as_str).collect::<Vec<_>>())
    }
}
