//! Android acquisitions: bugreports, AndroidQF and Bugbane folders, adb backups and intrusion logs, in whatever wrapper.
//!
//! Whatever a service or command of the phone wrote stands under one path, so that each parser exists once: `/dumpsys/package`,
//! `/getprop`, `/settings/secure`, `/logcat/system`. Files that were copied from the phone stand where they lay there.

mod ab;
mod backup;
mod dumpstate;
mod intrusion;
mod phone;

use std::{collections::BTreeMap, path::Path, sync::Arc};

use super::{
    Detail, Device, FileKind, Secrets, Source, SourceError, System, VirtualFile,
    archive::{self, Magic},
    container::{COPY, Container, FileAt, Member, below, is_litter, join},
};
use crate::format::ReadAt;
use dumpstate::{Section, SectionKind};
use intrusion::Joined;
pub(super) use intrusion::holds_logs;

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
/// Commands of a bugreport whose output artifacts know by a path of its own.
const COMMANDS: [(&str, &str); 14] = [
    ("SYSTEM PROPERTIES", "/getprop"),
    ("SYSTEM LOG", "/logcat/system"),
    ("EVENT LOG", "/logcat/events"),
    ("RADIO LOG", "/logcat/radio"),
    ("STATS LOG", "/logcat/stats"),
    ("LAST LOGCAT", "/logcat/last"),
    ("KERNEL LOG", "/logcat/kernel"),
    ("KERNEL LOG (dmesg)", "/logcat/kernel"),
    ("LAST KMSG", "/logcat/last-kernel"),
    ("PROCESSES AND THREADS", "/processes/ps"),
    ("PROCESSES", "/processes/ps"),
    ("PROCESSES (SELINUX LABELS)", "/processes/labels"),
    ("LIST OF OPEN FILES", "/processes/open-files"),
    ("DETAILED SOCKET STATE", "/sockets"),
];
/// The same for files of AndroidQF.
const FILES: [(&str, &str); 6] = [
    ("getprop.txt", "/getprop"),
    ("processes.txt", "/processes/ps"),
    ("ps.txt", "/processes/ps"),
    ("logcat.txt", "/logcat/all"),
    ("logcat_old.txt", "/logcat/last"),
    ("selinux.txt", "/selinux"),
];
/// How deep bugreports may be wrapped: the one of a manufacturer's log archive in an acquisition.
const MAX_NESTED: usize = 3;

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
    intrusion: Option<Joined>,
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

/// The text of a bugreport: the one that is named, else the one that is called so.
fn main_text(container: &dyn Container, folder: &str) -> Option<String> {
    for name in ["main_entry.txt", "main-entry.txt"] {
        let entry = join(folder, name);
        // Asked first: opening what is not there would list an archive that is best read through once.
        let named = container.is_file(&entry).then(|| container.read(&entry, 4096).ok()).flatten();
        let named = named.map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned());
        if let Some(path) = named.map(|name| join(folder, &name)).filter(|path| container.is_file(path)) {
            return Some(path);
        }
    }
    let files = container.children(folder).into_iter().filter(|(_, kind)| *kind == FileKind::File);
    let names: Vec<String> = files.map(|(name, _)| name).collect();
    let called = |test: &dyn Fn(&str) -> bool| names.iter().find(|name| test(name));
    let found = called(&|name| name.starts_with("bugreport") && name.ends_with(".txt"))
        .or_else(|| called(&|name| name.starts_with("dumpState_") && name.ends_with(".log")))
        .or_else(|| called(&|name| name.starts_with("dumpstate-") && name.ends_with(".txt")))
        .or_else(|| called(&|name| name == "dumpsys.txt"));
    found.map(|name| join(folder, name))
}

/// True for the beginning of a bugreport's text, whatever it is called.
pub(super) fn is_dumpstate(head: &[u8]) -> bool {
    // A zip that does not compress shows the text of its first member.
    if Magic::of(head).is_some() {
        return false;
    }
    let head = head.get(..4096).unwrap_or(head);
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
            intrusion: None,
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
        for member in &members {
            let Some(name) = below(folder, &member.path).map(str::to_owned) else { continue };
            if member.kind == FileKind::File
                && (name == "bugreport.zip" || name.starts_with("old_bugreports/"))
            {
                reported |= self.wrapped(path, 0, &member.path, 1);
            }
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
            if name == "dumpsys.txt" && !reported {
                match container.file_at(&member.path, self.max_memory) {
                    Ok(text) => self.text(&member.path, text, false),
                    Err(error) => self.problems.push(error),
                }
            }
            if name.ends_with(".ab") && !name.contains('/') {
                let opened = container
                    .file_at(&member.path, self.max_memory)
                    .and_then(|file| self.backup_file(&member.path, &file, secrets));
                if let Err(error) = opened {
                    self.problem(&member.path, format!("{error}; the rest of the acquisition was read"));
                }
            }
            self.member(0, collected_path(&name), member);
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
                path: "/intrusion_logs/all".into(),
                stored_as,
                size: joined.len(),
                ..VirtualFile::default()
            },
            content: Content::Intrusion,
        });
        self.intrusion = Some(joined);
    }

    /// A bugreport inside of a zip, perhaps wrapped once more. True if there was one.
    fn wrapped(&mut self, path: &Path, container: usize, member: &str, depth: usize) -> bool {
        let Some(outer) = self.containers.get(container).cloned() else { return false };
        let opened = outer.file_at(member, self.max_memory).and_then(|file| {
            let mut head = [0; 512];
            let read = file.read_at(0, &mut head).unwrap_or(0);
            match Magic::of(head.get(..read).unwrap_or_default()) {
                Some(magic) => archive::open(path, file, magic, self.max_memory, &|_| false),
                // A computer that lost the phone leaves its words there.
                None => {
                    let words = String::from_utf8_lossy(head.get(..read).unwrap_or_default()).into_owned();
                    let words: String = words.lines().next().unwrap_or_default().chars().take(100).collect();
                    Err(SourceError::File {
                        path: member.into(),
                        reason: format!("is no archive: it begins with {words:?}"),
                    })
                }
            }
        });
        let inner = match opened {
            Ok(inner) => inner,
            Err(error) => {
                self.problem(member, error);
                return false;
            }
        };
        self.containers.push(Arc::clone(&inner));
        let number = self.containers.len() - 1;
        if main_text(&*inner, "").is_some() {
            self.bugreport(number, "", &format!("{member}: "));
            return true;
        }
        let children = inner.children("").into_iter().map(|(name, _)| name);
        let mut zips: Vec<String> = children.filter(|name| name.ends_with(".zip")).collect();
        // A manufacturer's wrapper holds the bugreport beside logs of its apps.
        zips.sort_by_key(|name| !(name.contains("bugreport") || name.contains("dumpstate")));
        depth < MAX_NESTED && zips.iter().take(8).any(|zip| self.wrapped(path, number, zip, depth + 1))
    }

    /// A bugreport in a folder of a container.
    fn bugreport(&mut self, number: usize, folder: &str, prefix: &str) {
        let Some(container) = self.containers.get(number).cloned() else { return };
        let text = main_text(&*container, folder);
        if let Some(path) = &text {
            match container.file_at(path, self.max_memory) {
                Ok(file) => self.text(&format!("{prefix}{path}"), file, true),
                Err(error) => self.problems.push(error),
            }
        }
        let mut members = Vec::new();
        let mut problems = Vec::new();
        let walked =
            container.walk(folder, &mut |member| members.push(member), &mut |error| problems.push(error));
        problems.extend(walked.err());
        self.problems.append(&mut problems);
        for member in members {
            let Some(name) = below(folder, &member.path).map(str::to_owned) else { continue };
            if member.kind != FileKind::File
                || is_litter(&name)
                || name.contains(COPY)
                || text.as_ref() == Some(&member.path)
            {
                continue;
            }
            let device_path = name
                .strip_prefix("FS/")
                .map_or_else(|| format!("/bugreport/{name}"), |path| format!("/{path}"));
            self.member(number, device_path, member);
        }
    }

    fn member(&mut self, container: usize, path: String, member: Member) {
        let outside = member.path.clone();
        self.entries.push(Entry {
            file: VirtualFile {
                path,
                size: member.size,
                kind: member.kind,
                modified: member.modified,
                mode: member.mode,
                uid: member.uid,
                odd: member.odd,
                stored_as: member.path,
                ..VirtualFile::default()
            },
            content: Content::Member(container, outside),
        });
    }

    /// Cuts a text into what services and commands wrote.
    fn text(&mut self, name: &str, text: FileAt, is_report: bool) {
        let found = match dumpstate::cut(&text) {
            Ok(found) => found,
            Err(error) => return self.problem(name, error),
        };
        if is_report
            && !found.done
            && found.sections.iter().any(|section| section.kind == SectionKind::Command)
        {
            self.problem(name, "the bugreport does not reach its end: what was before counts");
        }
        if found.too_many {
            self.problem(name, "more sections than any bugreport has; the rest was not read");
        }
        let mut seen: BTreeMap<String, u32> = BTreeMap::new();
        for section in &found.sections {
            let path = section_path(section);
            let number = seen.entry(path.clone()).or_insert(0);
            *number += 1;
            if let Some(why) = &section.cut {
                self.problem(&path, format!("may not be whole: {why}"));
            }
            self.entries.push(Entry {
                file: VirtualFile {
                    path,
                    stored_as: format!("{name}, from line {}", section.line),
                    size: section.len,
                    ..VirtualFile::default()
                },
                content: Content::Part(text.part(section.start, section.len)),
            });
        }
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

fn section_path(section: &Section) -> String {
    match section.kind {
        SectionKind::Header => "/dumpstate/header".into(),
        SectionKind::Service => format!("/dumpsys/{}", section.name),
        SectionKind::Command => {
            let known = COMMANDS.iter().find(|(title, _)| *title == section.name);
            known.map_or_else(|| format!("/dumpstate/{}", section.name), |(_, path)| (*path).to_owned())
        }
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
                rest.map(|path| format!("/intrusion_logs/{path}"))
            };
            copied.or_else(shell).or_else(intrusion).unwrap_or_else(|| format!("/androidqf/{name}"))
        }
    }
}

impl Source for Android {
    fn describe(&self) -> String {
        let first = self.containers.first().filter(|_| !self.kind.starts_with("Android backup,"));
        let place = first.map_or("a file", |container| container.describe());
        format!("{} in {place}", self.kind)
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
        match self.entries.iter().find(same) {
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
    fn an_archive_that_shows_its_text_is_no_text() {
        let text = b"=====\n== dumpstate: 2024-07-01 10:00:00\n=====\n";
        assert!(is_dumpstate(text));
        assert!(!is_dumpstate(&[b"PK\x03\x04", &text[..]].concat()));
    }
}
