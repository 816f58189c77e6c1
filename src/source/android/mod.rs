//! Android acquisitions: bugreports, AndroidQF and Bugbane folders, adb backups and intrusion logs, in whatever wrapper.
//!
//! Whatever a service or command of the phone wrote stands under one path, so that each parser exists once: `/dumpsys/package`,
//! `/getprop`, `/settings/secure`, `/logcat/system`. Files that were copied from the phone stand where they lay there.

mod ab;
mod backup;
mod dumpstate;
mod intrusion;
mod phone;
mod report;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use super::{
    Detail, Device, FileKind, Secrets, Source, SourceError, System, VirtualFile,
    archive::Magic,
    container::{COPY, Container, FileAt, Member, below, is_litter, join},
};
use crate::format::{ReadAt, text};
use intrusion::Joined;
pub(super) use intrusion::holds_logs;
use report::main_text;

/// Where intrusion logs stand, behind one another and each.
const INTRUSION: &str = "/intrusion_logs/";
/// Names by which AndroidQF and Bugbane folders are known.
const COLLECTED: [&str; 14] = [
    "acquisition.json",
    "getprop.txt",
    "dumpsys.txt",
    "packages.json",
    "packages.pb",
    "files.json",
    "files.pb",
    "settings_secure.txt",
    "settings_global.txt",
    "processes.txt",
    "processes.json",
    "root_binaries.json",
    "root_binaries.pb",
    "bugreport.zip",
];
/// Files of AndroidQF that artifacts know by a path of its own.
const FILES: [(&str, &str); 6] = [
    ("getprop.txt", "/getprop"),
    ("processes.txt", "/processes/ps"),
    ("ps.txt", "/processes/ps"),
    ("logcat.txt", "/logcat/all"),
    ("logcat_old.txt", "/logcat/last"),
    ("selinux.txt", "/selinux"),
];
/// Where a collector keeps the reports that were on the phone before.
const OLDER: &str = "old_bugreports/";
/// A phone keeps a handful.
const MOST_OLDER: usize = 100;

/// A file of the acquisition and where its bytes are.
struct Entry {
    file: VirtualFile,
    content: Content,
}

enum Content {
    /// In the container with this number.
    Member(usize, String),
    /// In an opened text.
    Part(FileAt),
    /// The intrusion logs behind one another.
    Intrusion,
}

pub(super) struct Android {
    kind: &'static str,
    containers: Vec<Arc<dyn Container>>,
    entries: Vec<Entry>,
    /// Entries by their path.
    by_path: OnceLock<HashMap<String, Vec<usize>>>,
    intrusion: Option<Joined>,
    /// What was given, and the folder of the first container that holds the acquisition.
    place: (PathBuf, String),
    /// Older reports by their names below that folder, sorted.
    older: Vec<String>,
    problems: Vec<SourceError>,
    device: Device,
    max_memory: u64,
}

/// What lies in a folder of a container.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Collected,
    Bugreport,
    /// What was in a backup file, unpacked.
    Backup,
    Intrusion,
}

/// Tells by the names in it what `folder` is.
pub(super) fn kind(container: &dyn Container, folder: &str) -> Option<Kind> {
    let has = |name: &&str| container.is_file(&join(folder, name));
    if has(&"acquisition.json") || COLLECTED.iter().filter(|name| has(name)).count() >= 2 {
        Some(Kind::Collected)
    } else {
        main_text(container, folder)
            .map(|_| Kind::Bugreport)
            .or_else(|| is_unpacked_backup(container, folder).then_some(Kind::Backup))
    }
}

/// `apps/PACKAGE/_manifest`, which every app of a backup has.
fn is_unpacked_backup(container: &dyn Container, folder: &str) -> bool {
    let apps = join(folder, "apps");
    container.is_directory(&apps)
        && container
            .children(&apps)
            .iter()
            .take(64)
            .any(|(name, _)| container.is_file(&format!("{apps}/{name}/_manifest")))
}

/// True for the beginning of a backup file.
pub(super) fn is_backup_file(head: &[u8]) -> bool {
    ab::is_backup(head)
}

/// True for the beginning of a bugreport's text, whatever it is called.
pub(super) fn is_dumpstate(head: &[u8]) -> bool {
    // A zip that does not compress shows the text of its first member.
    if Magic::of(head).is_some() {
        return false;
    }
    let head = head.get(..4096).unwrap_or(head);
    let decoded = text::decode_utf16(head);
    let head = decoded.as_ref().map_or(head, String::as_bytes);
    memchr::memmem::find(head, b"== dumpstate: ").is_some()
        || memchr::memmem::find(head, b"DUMP OF SERVICE ").is_some()
        || head.starts_with(b"Currently running services:")
}

impl Android {
    /// A folder that was recognised.
    pub fn open(
        path: &Path,
        container: Arc<dyn Container>,
        folder: &str,
        kind: Kind,
        secrets: &dyn Secrets,
        max_memory: u64,
    ) -> Result<Android, SourceError> {
        let mut android = Android::empty(max_memory);
        android.containers.push(Arc::clone(&container));
        android.place = (path.to_owned(), folder.to_owned());
        match kind {
            Kind::Collected => android.collected(path, folder, secrets)?,
            Kind::Bugreport => android.bugreport(0, folder, ""),
            Kind::Backup => android.backup(0, folder, ""),
            Kind::Intrusion => {
                let mut odd = Vec::new();
                container.walk(folder, &mut |_| (), &mut |error| odd.push(error))?;
                android.problems.append(&mut odd);
                android.intrusion_logs(&container, folder);
            }
        }
        android.kind = match kind {
            Kind::Collected => "AndroidQF acquisition",
            Kind::Bugreport => "Android bugreport",
            Kind::Backup => "Android backup",
            Kind::Intrusion => "Android intrusion logs",
        };
        android.finish();
        Ok(android)
    }

    /// A backup file alone.
    pub fn of_backup(
        name: &str,
        file: &FileAt,
        secrets: &dyn Secrets,
        max_memory: u64,
    ) -> Result<Android, SourceError> {
        let mut android = Android::empty(max_memory);
        let encrypted = android.backup_file(name, file, secrets)?;
        android.kind = if encrypted { "Android backup, encrypted," } else { "Android backup" };
        android.finish();
        Ok(android)
    }

    /// The text of a bugreport alone.
    pub fn of_text(name: &str, text: FileAt, max_memory: u64) -> Android {
        let mut android = Android::empty(max_memory);
        android.kind = "text of an Android bugreport";
        android.text(name, text, true);
        android.finish();
        android
    }

    fn empty(max_memory: u64) -> Android {
        Android {
            kind: "",
            containers: Vec::new(),
            entries: Vec::new(),
            by_path: OnceLock::new(),
            intrusion: None,
            place: Default::default(),
            older: Vec::new(),
            problems: Vec::new(),
            device: Device { system: System::Android, ..Device::default() },
            max_memory,
        }
    }

    fn problem(&mut self, path: &str, reason: impl std::fmt::Display) {
        self.problems.push(SourceError::File { path: path.to_owned(), reason: reason.to_string() });
    }

    /// What AndroidQF or Bugbane wrote into a folder.
    fn collected(&mut self, path: &Path, folder: &str, secrets: &dyn Secrets) -> Result<(), SourceError> {
        let container = Arc::clone(self.containers.first().expect("the folder lies in the first container"));
        let mut members: Vec<Member> = Vec::new();
        let mut problems = Vec::new();
        container.walk(folder, &mut |member| members.push(member), &mut |error| problems.push(error))?;
        self.problems.append(&mut problems);
        let mut reported = false;
        for member in members.iter().filter(|member| member.kind == FileKind::File) {
            let Some(name) = below(folder, &member.path) else { continue };
            if name == "bugreport.zip" {
                reported |= self.wrapped(path, 0, &member.path, &format!("{name}: "), 1);
            } else if is_older_report(name) && !is_litter(name) && !name.contains(COPY) {
                self.older.push(name.to_owned());
            }
        }
        self.older.sort_unstable();
        if self.older.len() > MOST_OLDER {
            self.problem(
                OLDER,
                format!("only the first {MOST_OLDER} of {} older bugreports were read", self.older.len()),
            );
            self.older.truncate(MOST_OLDER);
        }
        for member in members {
            let Some(name) = below(folder, &member.path).map(str::to_owned) else { continue };
            if member.kind != FileKind::File
                || is_litter(&name)
                || name.contains(COPY)
                || name == "bugreport.zip"
            {
                continue;
            }
            let mut opened = self.older.contains(&name) || collected_path(&name).starts_with(INTRUSION);
            if name == "dumpsys.txt" && !reported {
                opened = true;
                match container.file_at(&member.path, self.max_memory) {
                    Ok(text) => self.text(&member.path, text, false),
                    Err(error) => self.problems.push(error),
                }
            }
            if name.ends_with(".ab") && !name.contains('/') {
                let backup = container
                    .file_at(&member.path, self.max_memory)
                    .and_then(|file| self.backup_file(&member.path, &file, secrets));
                opened = backup.is_ok();
                if let Err(error) = backup {
                    self.problem(&member.path, format!("{error}; the rest of the acquisition was read"));
                }
            }
            self.member(0, collected_path(&name), "", member);
            if let Some(entry) = self.entries.last_mut() {
                entry.file.opened = opened;
            }
        }
        for logs in intrusion_folders(&*container, folder) {
            self.intrusion_logs(&container, &logs);
        }
        if !reported {
            self.device.limits.push("the acquisition holds no bugreport that can be read".into());
        }
        Ok(())
    }

    fn intrusion_logs(&mut self, container: &Arc<dyn Container>, folder: &str) {
        let mut problems = Vec::new();
        let logs = intrusion::collect(container, folder, self.max_memory, &mut problems);
        self.problems.append(&mut problems);
        let Some(first) = logs.first() else { return };
        let more = match logs.len() - 1 {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let stored_as = format!("{}{more}", join(folder, &first.name));
        let joined = Joined::new(logs);
        self.entries.push(Entry {
            file: VirtualFile {
                path: format!("{INTRUSION}all"),
                stored_as,
                size: joined.len(),
                ..VirtualFile::default()
            },
            content: Content::Intrusion,
        });
        self.intrusion = Some(joined);
    }

    /// Takes in a member of a container; `prefix` tells containers apart.
    fn member(&mut self, container: usize, path: String, prefix: &str, member: Member) {
        self.entries.push(Entry {
            file: VirtualFile {
                path,
                size: member.size,
                kind: member.kind,
                modified: member.modified,
                mode: member.mode,
                uid: member.uid,
                odd: member.odd,
                stored_as: format!("{prefix}{}", member.path),
                ..VirtualFile::default()
            },
            content: Content::Member(container, member.path),
        });
    }

    fn content(&self, entry: &Entry) -> Result<Box<dyn ReadAt + '_>, SourceError> {
        match &entry.content {
            Content::Intrusion => match &self.intrusion {
                Some(joined) => Ok(Box::new(joined.reader())),
                None => {
                    Err(SourceError::File { path: entry.file.path.clone(), reason: "is not there".into() })
                }
            },
            Content::Part(part) => Ok(Box::new(part.clone())),
            Content::Member(number, path) => match self.containers.get(*number) {
                Some(container) => container.open(path),
                None => Err(SourceError::File { path: path.clone(), reason: "is not there".into() }),
            },
        }
    }
}

/// Folders of a collector that hold intrusion logs, at most two levels down; one below another counts with it.
fn intrusion_folders(container: &dyn Container, folder: &str) -> Vec<String> {
    let mut level = vec![folder.to_owned()];
    for _ in 0..3 {
        let below = level.iter().flat_map(|folder| {
            let folders =
                container.children(folder).into_iter().filter(|(_, kind)| *kind == FileKind::Directory);
            folders.map(|(name, _)| join(folder, &name)).take(64).collect::<Vec<_>>()
        });
        level = below.collect();
        let is_named =
            |path: &&String| ["intrusion_logs", "intrusion-logs"].iter().any(|name| path.ends_with(name));
        let found: Vec<String> = level.iter().filter(is_named).take(1).cloned().collect();
        if !found.is_empty() {
            return found;
        }
    }
    Vec::new()
}

/// True for a report that is not the acquisition's own: those that the phone had before, and copies that somebody put beside it.
fn is_older_report(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let file = lower.rsplit('/').next().unwrap_or(&lower);
    let called = ["bugreport", "dumpstate"].iter().any(|word| file.starts_with(word));
    match name.strip_prefix(OLDER) {
        Some(_) => file.ends_with(".zip") || (called && file.ends_with(".txt")),
        None => name != "bugreport.zip" && called && file == lower && file.ends_with(".zip"),
    }
}

/// Where a file of AndroidQF's folder belongs.
fn collected_path(name: &str) -> String {
    let name = name.replace('\\', "/");
    if let Some((_, path)) = FILES.iter().find(|(known, _)| *known == name) {
        return (*path).to_owned();
    }
    let settings = name.strip_prefix("settings_").and_then(|rest| rest.strip_suffix(".txt"));
    match settings {
        Some(namespace) => format!("/settings/{namespace}"),
        None => {
            let copied = name.strip_prefix("logs/").map(|path| format!("/{path}"));
            let shell = || name.strip_prefix("tmp/").map(|path| format!("/data/local/tmp/{path}"));
            let intrusion = || {
                let rest =
                    name.strip_prefix("intrusion_logs/").or_else(|| name.strip_prefix("intrusion-logs/"));
                rest.map(|path| format!("{INTRUSION}{path}"))
            };
            copied.or_else(shell).or_else(intrusion).unwrap_or_else(|| format!("/androidqf/{name}"))
        }
    }
}

impl Source for Android {
    fn older(&self) -> &[String] {
        &self.older
    }

    fn open_older(&self, name: &str) -> Result<Box<dyn Source>, SourceError> {
        let (path, folder) = &self.place;
        let outer = self.containers.first().filter(|_| self.older.iter().any(|known| known == name));
        let missing = || SourceError::File { path: name.into(), reason: "is not in the acquisition".into() };
        let outer = outer.cloned().ok_or_else(missing)?;
        Ok(Box::new(Android::older_report(path, outer, &join(folder, name), self.max_memory)?))
    }

    fn describe(&self) -> String {
        let first = self.containers.first().filter(|_| !self.kind.starts_with("Android backup,"));
        let place = first.map_or("a file", |container| container.describe());
        let older = match self.older.len() {
            0 => String::new(),
            1 => ", with an older bugreport".into(),
            count => format!(", with {count} older bugreports"),
        };
        format!("{} in {place}{older}", self.kind)
    }

    fn system(&self) -> System {
        System::Android
    }

    fn device(&self) -> &Device {
        &self.device
    }

    fn list(
        &self,
        _detail: Detail,
        each: &mut dyn FnMut(VirtualFile),
        problem: &mut dyn FnMut(SourceError),
    ) -> Result<(), SourceError> {
        for error in &self.problems {
            problem(SourceError::File { path: String::new(), reason: error.to_string() });
        }
        self.entries.iter().for_each(|entry| each(entry.file.clone()));
        Ok(())
    }

    fn open(&self, file: &VirtualFile) -> Result<Box<dyn ReadAt + '_>, SourceError> {
        let same = |entry: &&Entry| entry.file.path == file.path && entry.file.stored_as == file.stored_as;
        let by_path = self.by_path.get_or_init(|| {
            let mut by_path: HashMap<String, Vec<usize>> = HashMap::new();
            for (at, entry) in self.entries.iter().enumerate() {
                by_path.entry(entry.file.path.clone()).or_default().push(at);
            }
            by_path
        });
        let of_path = by_path.get(&file.path).into_iter().flatten().filter_map(|at| self.entries.get(*at));
        match of_path.into_iter().find(same) {
            Some(entry) => self.content(entry),
            None => {
                Err(SourceError::File { path: file.path.clone(), reason: "is not in the acquisition".into() })
            }
        }
    }
}

#[cfg(test)]
pub(super) mod testing {
    /// The published encrypted backup; its password is that of the tests.
    pub fn encrypted_backup() -> Vec<u8> {
        super::ab::testing::example()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_a_collector_stand_where_their_command_or_place_is() {
        for (name, path) in [
            ("getprop.txt", "/getprop"),
            ("settings_secure.txt", "/settings/secure"),
            ("logs/data/anr/anr_1", "/data/anr/anr_1"),
            ("tmp/wd/pred.so", "/data/local/tmp/wd/pred.so"),
            ("packages.json", "/androidqf/packages.json"),
        ] {
            assert_eq!(collected_path(name), path);
        }
    }

    #[test]
    fn reports_beside_the_acquisitions_own_are_older_ones() {
        for name in ["old_bugreports/a.zip", "old_bugreports/x/bugreport-1.txt", "bugreport-pixel-2024.zip"] {
            assert!(is_older_report(name), "{name}");
        }
        for name in [
            "bugreport.zip",
            "old_bugreports/shot.png",
            "old_bugreports/a.txt",
            "apks/bugreport.zip",
            "a.zip",
        ] {
            assert!(!is_older_report(name), "{name}");
        }
    }

    #[test]
    fn an_archive_that_shows_its_text_is_no_text() {
        let text = b"=====\n== dumpstate: 2024-07-01 10:00:00\n=====\n";
        assert!(is_dumpstate(text));
        assert!(!is_dumpstate(&[b"PK\x03\x04", &text[..]].concat()));
    }
}
