//! Bugreports: the text cut into what services and commands wrote, and the files beside it, in a folder, a zip or a zip of a zip.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use super::super::{
    FileKind, SourceError, VirtualFile,
    archive::{self, Magic},
    container::{COPY, Container, FileAt, below, is_litter, join},
};
use super::{Android, Content, Entry, dumpstate};
use crate::format::{ReadAt, text};
use dumpstate::{Section, SectionKind};

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
/// How deep bugreports may be wrapped: the one of a manufacturer's log archive in an acquisition.
const MAX_NESTED: usize = 3;

/// The text of a bugreport: the one that is named, else the one that is called so.
pub(super) fn main_text(container: &dyn Container, folder: &str) -> Option<String> {
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

impl Android {
    /// A report inside of another acquisition, alone and with its own clock.
    pub(super) fn older_report(
        path: &Path,
        outer: Arc<dyn Container>,
        member: &str,
        max_memory: u64,
    ) -> Result<Android, SourceError> {
        let mut android = Android::empty(max_memory);
        android.kind = "older bugreport";
        android.containers.push(outer);
        if !android.wrapped(path, 0, member, "", 1) {
            let reason = "holds no bugreport".to_owned();
            let nothing = SourceError::File { path: member.to_owned(), reason };
            return Err(android.problems.pop().unwrap_or(nothing));
        }
        android.finish();
        Ok(android)
    }

    /// A bugreport inside of a zip, perhaps wrapped once more; `prefix` stands before the names of its files. True if there was one.
    pub(super) fn wrapped(
        &mut self,
        path: &Path,
        container: usize,
        member: &str,
        prefix: &str,
        depth: usize,
    ) -> bool {
        let Some(outer) = self.containers.get(container).cloned() else { return false };
        let file = match outer.file_at(member, self.max_memory) {
            Ok(file) => file,
            Err(error) => {
                self.problem(member, error);
                return false;
            }
        };
        let mut head = [0; 4096];
        let read = file.read_at(0, &mut head).unwrap_or(0);
        let head = head.get(..read).unwrap_or_default();
        let opened = match Magic::of(head) {
            Some(magic) => archive::open(path, file, magic, self.max_memory, &|_| false),
            None if super::is_dumpstate(head) => {
                self.text(&format!("{prefix}{member}"), file, true);
                return true;
            }
            // A computer that lost the phone leaves its words there.
            None => {
                let words = String::from_utf8_lossy(head).into_owned();
                let words: String = words.lines().next().unwrap_or_default().chars().take(100).collect();
                self.problem(member, format!("is no archive: it begins with {words:?}"));
                return false;
            }
        };
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
            self.bugreport(number, "", prefix);
            return true;
        }
        let children = inner.children("").into_iter().map(|(name, _)| name);
        let mut zips: Vec<String> = children.filter(|name| name.ends_with(".zip")).collect();
        // A manufacturer's wrapper holds the bugreport beside logs of its apps.
        zips.sort_by_key(|name| !(name.contains("bugreport") || name.contains("dumpstate")));
        depth < MAX_NESTED
            && zips.iter().take(8).any(|zip| {
                let prefix = format!("{prefix}{zip}: ");
                self.wrapped(path, number, zip, &prefix, depth + 1)
            })
    }

    /// A bugreport in a folder of a container.
    pub(super) fn bugreport(&mut self, number: usize, folder: &str, prefix: &str) {
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
            self.member(number, device_path, prefix, member);
        }
    }

    /// Cuts a text into what services and commands wrote.
    pub(super) fn text(&mut self, name: &str, text: FileAt, is_report: bool) {
        // Redirected by PowerShell, whatever a phone prints becomes UTF-16.
        let text = match text::of_utf16(&text, self.max_memory) {
            Ok(decoded) => decoded.map_or(text, |decoded| FileAt::of_bytes(decoded.into_bytes())),
            Err(error) => return self.problem(name, error),
        };
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
