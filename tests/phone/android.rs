//! Builds demo Android acquisitions: a folder of texts becomes a bugreport, and an AndroidQF acquisition that holds it.
//!
//! `bugreport/dumpstate/TITLE (COMMAND).txt` is what a command wrote, `bugreport/dumpsys/SERVICE.txt` what a service wrote
//! (`CRITICAL SERVICE.txt` in the first round), `bugreport/dumpstate/header.txt` what stands before them; these become one text.
//! Other files below `bugreport/` are members beside it. `backup/` is what the adb backup holds, where `_sms_backup.json` is
//! compressed as the phone does it. Everything else lies in the acquisition's own folder. Placeholders are filled in everywhere.
//!
//! `archive.txt` has one word and its arguments per line: `top` is the folder that holds the acquisition, `report` the name of the
//! bugreport's text, `local` its time on the phone's clock, `time` the moment at which files were written, `dated TIME PATH` says
//! otherwise for one.

use std::collections::BTreeMap;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::android_backup::{self, Wrapping};
use super::expand::expand;
use super::sysdiagnose::{Content, Member, Sysdiagnose as Archive, texts};
use super::times::Time;

/// An acquisition before it is wrapped. Paths are those of the sources.
#[derive(Clone)]
pub struct Android {
    top: String,
    report: String,
    local: String,
    time: i64,
    dated: BTreeMap<String, i64>,
    files: BTreeMap<String, Vec<u8>>,
}

/// The acquisition that a folder of sources describes; panics on sources that make no sense.
pub fn read(folder: &Path) -> Android {
    let mut android = Android {
        top: String::new(),
        report: String::new(),
        local: String::new(),
        time: 0,
        dated: BTreeMap::new(),
        files: BTreeMap::new(),
    };
    let settings = std::fs::read_to_string(folder.join("archive.txt")).expect("archive.txt");
    for line in settings.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (word, rest) = line.split_once(' ').unwrap_or_else(|| panic!("`{line}` is too short"));
        match word {
            "top" => android.top = rest.to_owned(),
            "report" => android.report = rest.to_owned(),
            "local" => android.local = rest.to_owned(),
            "time" => android.time = Time::parse(rest).seconds,
            "dated" => {
                let (time, path) = rest.split_once(' ').expect("a time and a path");
                android.dated.insert(path.to_owned(), Time::parse(time).seconds);
            }
            other => panic!("unknown word `{other}` in archive.txt"),
        }
    }
    for (path, bytes) in texts(folder) {
        let text = String::from_utf8(bytes).expect("sources are UTF-8");
        android.files.insert(path, expand(&text).into_bytes());
    }
    for path in android.dated.keys() {
        assert!(android.files.contains_key(path), "archive.txt names `{path}`, which is not there");
    }
    android
}

impl Android {
    /// Sources below a folder, by their path in it.
    fn below<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = (&'a str, &'a [u8])> {
        let files = self.files.iter();
        files.filter_map(move |(path, bytes)| Some((path.strip_prefix(folder)?, &bytes[..])))
    }

    fn member(&self, path: &str, source: &str, bytes: Vec<u8>) -> Member {
        let modified = self.dated.get(source).copied().unwrap_or(self.time);
        Member { path: path.to_owned(), modified, content: Content::Bytes(bytes) }
    }

    /// The text of the bugreport.
    pub fn text(&self) -> Vec<u8> {
        let mut text = Text::default();
        text.banner(&format!("dumpstate: {}", self.local));
        let header = self.below("bugreport/dumpstate/").find(|(name, _)| *name == "header.txt");
        text.bytes.extend_from_slice(header.expect("a bugreport has a header").1);
        for (name, body) in self.below("bugreport/dumpstate/").filter(|(name, _)| *name != "header.txt") {
            text.command(name.trim_end_matches(".txt"), body);
        }
        for (round, first) in [("DUMPSYS CRITICAL", true), ("DUMPSYS", false)] {
            text.line(&format!("------ {round} (/system/bin/dumpsys) ------"));
            let services = self.below("bugreport/dumpsys/");
            for (name, body) in services.filter(|(name, _)| name.starts_with("CRITICAL ") == first) {
                text.service(name.trim_end_matches(".txt"), body, &self.local);
            }
            text.line(&format!("------ 9.870s was the duration of '{round}' ------"));
        }
        text.banner("dumpstate: done (id 1)");
        text.bytes
    }

    /// The bugreport with what lies beside its text.
    pub fn bugreport(&self) -> Archive {
        let mut members = vec![
            self.member("main_entry.txt", "", self.report.clone().into_bytes()),
            self.member(&self.report, "", self.text()),
        ];
        let parts = ["dumpstate/", "dumpsys/"];
        for (path, bytes) in self.below("bugreport/") {
            if !parts.iter().any(|part| path.starts_with(part)) {
                members.push(self.member(path, &format!("bugreport/{path}"), bytes.to_vec()));
            }
        }
        Archive { top: String::new(), members }
    }

    /// The adb backup.
    pub fn backup(&self, wrapping: Wrapping<'_>) -> Vec<u8> {
        let mut members = Vec::new();
        for (path, bytes) in self.below("backup/") {
            let source = format!("backup/{path}");
            members.push(match path.strip_suffix("_backup.json") {
                Some(name) => {
                    let packed = android_backup::stored_zlib(bytes);
                    self.member(&format!("{name}_backup"), &source, packed)
                }
                None => self.member(path, &source, bytes.to_vec()),
            });
        }
        let tar = Archive { top: String::new(), members }.tar();
        android_backup::write(&tar, wrapping)
    }

    /// What AndroidQF wrote, with the bugreport and the backup in it.
    pub fn collected(&self, wrapping: Wrapping<'_>) -> Archive {
        let mut members = Vec::new();
        for (path, bytes) in self.below("") {
            if !path.starts_with("bugreport/") && !path.starts_with("backup/") {
                members.push(self.member(path, path, bytes.to_vec()));
            }
        }
        // Not compressed, so that no compressor has a say in the bytes of what is packed once more.
        members.push(self.member("bugreport.zip", "", self.bugreport().stored_zip()));
        members.push(self.member("backup.ab", "", self.backup(wrapping)));
        members.sort_by(|one, other| one.path.cmp(&other.path));
        let sums = members.iter().map(|member| {
            let Content::Bytes(bytes) = &member.content else { panic!("only files are collected") };
            let sum: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{},{sum}\n", member.path)
        });
        let sums = sums.collect::<String>();
        members.push(self.member("hashes.csv", "", sums.into_bytes()));
        Archive { top: self.top.clone(), members }
    }

    /// The acquisition as AndroidQF packs it itself: files at the root.
    pub fn packed(&self) -> Archive {
        Archive { top: String::new(), ..self.collected(Wrapping::Plain) }
    }

    /// The same phone at another time on its clock; files are dated as before.
    pub fn made(mut self, local: &str) -> Android {
        self.local = local.to_owned();
        self
    }

    /// A source; empty where there is none.
    pub fn source(&self, path: &str) -> &[u8] {
        self.files.get(path).map_or(&[], Vec::as_slice)
    }

    /// Replaces a source.
    pub fn set(&mut self, path: &str, bytes: &[u8]) {
        self.files.insert(path.to_owned(), bytes.to_vec());
    }
}

/// A text that grows by sections.
#[derive(Default)]
struct Text {
    bytes: Vec<u8>,
    sections: u32,
}

impl Text {
    fn line(&mut self, line: &str) {
        self.bytes.extend_from_slice(line.as_bytes());
        self.bytes.push(b'\n');
    }

    fn banner(&mut self, title: &str) {
        let row = "=".repeat(56);
        self.line(&row);
        self.line(&format!("== {title}"));
        self.line(&row);
    }

    fn body(&mut self, body: &[u8]) {
        self.bytes.extend_from_slice(body);
        if !body.ends_with(b"\n") {
            self.bytes.push(b'\n');
        }
        self.sections += 1;
    }

    fn command(&mut self, name: &str, body: &[u8]) {
        self.line(&format!("------ {name} ------"));
        self.body(body);
        let title = name.split(" (").next().unwrap_or(name);
        let took = self.sections * 7;
        self.line(&format!("------ 0.{took:03}s was the duration of '{title}' ------\n"));
    }

    fn service(&mut self, name: &str, body: &[u8], ended: &str) {
        self.line(&"-".repeat(79));
        self.line(&format!("DUMP OF SERVICE {name}:"));
        self.line("Service host process PID: 1522\nThreads in use: 0/31\nClient PIDs: 12044");
        self.body(body);
        let name = name.trim_start_matches("CRITICAL ");
        let took = self.sections * 3;
        self.line(&format!("--------- 0.{took:03}s was the duration of dumpsys {name}, ending at: {ended}"));
    }
}
