//! Builds demo sysdiagnoses: a folder of texts, one for each member, becomes the archive that a phone would have made.
//!
//! `<path>.sql` becomes a database, `<path>.wal.sql` the write-ahead log beside it, `<path>.gz.sql` a database that is compressed
//! alone, `<path>.xml` a binary property list; any other text is the member itself. Placeholders are filled in everywhere.
//!
//! `archive.txt` has one word and its arguments per line: `top` is the folder that holds everything, `time` the moment at which
//! members were written, `dated TIME PATH` says otherwise for one, `folder PATH` adds an empty one and `sidecar PATH` the
//! AppleDouble file that macOS' tar puts beside a member with attributes.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use super::archive::binary;
use super::database;
use super::expand::expand;
use super::sources;
use super::times::Time;

/// A sysdiagnose, or another folder of files, before it is wrapped.
#[derive(Clone)]
pub struct Sysdiagnose {
    /// The folder that holds all members; empty where somebody packed only what was in it.
    pub top: String,
    pub members: Vec<Member>,
}

#[derive(Clone)]
pub struct Member {
    /// Below the top folder.
    pub path: String,
    /// Seconds since 1970.
    pub modified: i64,
    pub content: Content,
}

#[derive(Clone)]
pub enum Content {
    Bytes(Vec<u8>),
    Folder,
    Link(String),
}

/// The sysdiagnose that a folder of sources describes; panics on sources that make no sense.
pub fn read(folder: &Path) -> Sysdiagnose {
    let settings = Settings::read(&folder.join("archive.txt"));
    let mut files = BTreeMap::new();
    let mut logs = Vec::new();
    for (path, bytes) in texts(folder) {
        let text = || String::from_utf8(bytes.clone()).expect("sources are UTF-8");
        let (path, content) = if let Some(path) = path.strip_suffix(".wal.sql") {
            logs.push((path.to_owned(), sources::sql(&text())));
            continue;
        } else if let Some(path) = path.strip_suffix(".sql") {
            let database = database::build(&sources::sql(&text()));
            let content = if path.ends_with(".gz") { stored_gzip(&database) } else { database };
            (path.to_owned(), content)
        } else if let Some(path) = path.strip_suffix(".xml") {
            (path.to_owned(), binary(&sources::xml(&text())))
        } else {
            (path, expand(&text()).into_bytes())
        };
        files.insert(path, content);
    }
    for (path, sql) in logs {
        let database = files.get(&path).unwrap_or_else(|| panic!("`{path}` has a log but no database"));
        let log = database::log(database, &sql);
        files.insert(format!("{path}-wal"), log);
    }
    settings.apply(files)
}

/// The sources below a folder, without its settings.
pub fn texts(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = walkdir::WalkDir::new(folder).min_depth(1).sort_by_file_name().into_iter();
    let files = entries.map(|entry| entry.expect("the sources can be listed"));
    let files = files.filter(|entry| entry.file_type().is_file() && entry.file_name() != "archive.txt");
    files
        .map(|entry| {
            let parts = entry.path().strip_prefix(folder).expect("below the folder").components();
            let parts: Vec<&str> = parts.map(|part| part.as_os_str().to_str().expect("UTF-8")).collect();
            (parts.join("/"), std::fs::read(entry.path()).expect("a source can be read"))
        })
        .collect()
}

/// What `archive.txt` says.
#[derive(Default)]
struct Settings {
    top: String,
    time: i64,
    dated: BTreeMap<String, i64>,
    folders: Vec<String>,
    sidecars: Vec<String>,
}

impl Settings {
    fn read(path: &Path) -> Settings {
        let mut settings = Settings::default();
        let text = std::fs::read_to_string(path).expect("archive.txt");
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (word, rest) = line.split_once(' ').unwrap_or_else(|| panic!("`{line}` is too short"));
            match word {
                "top" => settings.top = rest.to_owned(),
                "time" => settings.time = Time::parse(rest).seconds,
                "folder" => settings.folders.push(rest.to_owned()),
                "sidecar" => settings.sidecars.push(rest.to_owned()),
                "dated" => {
                    let (time, path) = rest.split_once(' ').expect("a time and a path");
                    settings.dated.insert(path.to_owned(), Time::parse(time).seconds);
                }
                other => panic!("unknown word `{other}` in archive.txt"),
            }
        }
        settings
    }

    fn apply(self, files: BTreeMap<String, Vec<u8>>) -> Sysdiagnose {
        let mut contents: BTreeMap<String, Content> =
            self.folders.into_iter().map(|path| (path, Content::Folder)).collect();
        for path in files.keys() {
            for (end, _) in path.match_indices('/') {
                contents.insert(path[..end].to_owned(), Content::Folder);
            }
        }
        for path in self.dated.keys().chain(&self.sidecars) {
            assert!(files.contains_key(path), "archive.txt names `{path}`, which is not there");
        }
        contents.extend(files.into_iter().map(|(path, bytes)| (path, Content::Bytes(bytes))));
        for path in self.sidecars {
            let (folder, name) =
                path.rsplit_once('/').map_or(("", path.as_str()), |(folder, name)| (folder, name));
            let path = format!("{folder}/._{name}");
            contents.insert(path.trim_start_matches('/').to_owned(), Content::Bytes(apple_double()));
        }
        let member = |(path, content): (String, Content)| {
            let modified = self.dated.get(&path).copied().unwrap_or(self.time);
            Member { path, modified, content }
        };
        Sysdiagnose { top: self.top, members: contents.into_iter().map(member).collect() }
    }
}

/// File flags and an empty resource fork, as macOS writes them beside a file.
fn apple_double() -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in [0x0005_1607_u32, 0x0002_0000] {
        bytes.extend_from_slice(&word.to_be_bytes());
    }
    bytes.extend_from_slice(b"Mac OS X        ");
    bytes.extend_from_slice(&2_u16.to_be_bytes());
    for word in [9_u32, 50, 32, 2, 82, 0] {
        bytes.extend_from_slice(&word.to_be_bytes());
    }
    bytes.resize(82, 0);
    bytes
}

/// A gzip file of blocks that are not compressed, so that no compressor has a say in its bytes.
fn stored_gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let mut blocks = bytes.chunks(0xffff).peekable();
    while let Some(block) = blocks.next() {
        gzip.push(u8::from(blocks.peek().is_none()));
        let length = block.len() as u16;
        gzip.extend_from_slice(&length.to_le_bytes());
        gzip.extend_from_slice(&(!length).to_le_bytes());
        gzip.extend_from_slice(block);
    }
    let mut sum = flate2::Crc::new();
    sum.update(bytes);
    gzip.extend_from_slice(&sum.sum().to_le_bytes());
    gzip.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    gzip
}

impl Sysdiagnose {
    /// The path of a member inside the archive.
    fn whole(&self, path: &str) -> String {
        format!("{}/{path}", self.top).trim_matches('/').to_owned()
    }

    fn top_folder(&self) -> Option<Member> {
        let modified = self.members.first()?.modified;
        (!self.top.is_empty()).then(|| Member { path: String::new(), modified, content: Content::Folder })
    }

    /// Adds a member or, under a path that is there already, a second one.
    pub fn add(&mut self, path: &str, bytes: &[u8]) {
        let modified = self.members.first().map_or(0, |member| member.modified);
        self.members.push(Member {
            path: path.to_owned(),
            modified,
            content: Content::Bytes(bytes.to_vec()),
        });
    }

    /// Adds a link; its target may be anything.
    pub fn link(&mut self, path: &str, target: &str) {
        self.members.push(Member {
            path: path.to_owned(),
            modified: 0,
            content: Content::Link(target.to_owned()),
        });
    }

    /// The content of a member.
    pub fn bytes(&self, path: &str) -> &[u8] {
        let member = self.members.iter().find(|member| member.path == path);
        match member.map(|member| &member.content) {
            Some(Content::Bytes(bytes)) => bytes,
            _ => panic!("`{path}` is no file of the sysdiagnose"),
        }
    }

    /// The members as tar entries, without the end of the archive: two of these one after the other are two roots.
    pub fn entries(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for member in self.top_folder().iter().chain(&self.members) {
            let slash = if matches!(member.content, Content::Folder) { "/" } else { "" };
            let path = format!("{}{slash}", self.whole(&member.path));
            entry(&mut bytes, &path, member.modified, &member.content);
        }
        bytes
    }

    /// The same bytes on every machine.
    pub fn tar(&self) -> Vec<u8> {
        ended(self.entries())
    }

    pub fn tar_gz(&self) -> Vec<u8> {
        gzip(&self.tar())
    }

    pub fn zip(&self) -> Vec<u8> {
        self.zip_by(zip::CompressionMethod::Deflated)
    }

    /// The same bytes on every machine.
    pub fn stored_zip(&self) -> Vec<u8> {
        self.zip_by(zip::CompressionMethod::Stored)
    }

    fn zip_by(&self, method: zip::CompressionMethod) -> Vec<u8> {
        let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        for member in self.top_folder().iter().chain(&self.members) {
            let path = self.whole(&member.path);
            let mut options = zip::write::FullFileOptions::default().compression_method(method);
            // Info-ZIP's extended time stamp: the plain header has only even seconds of a zone nobody knows.
            let time = [&[1], &(member.modified as u32).to_le_bytes()[..]].concat();
            options.add_extra_field(0x5455, time, false).expect("a field of five bytes");
            match &member.content {
                Content::Bytes(bytes) => {
                    zip.start_file(path, options).expect("a zip in memory");
                    zip.write_all(bytes).expect("a zip in memory");
                }
                Content::Folder => zip.add_directory(path, options).expect("a zip in memory"),
                Content::Link(target) => zip.add_symlink(path, target, options).expect("a zip in memory"),
            }
        }
        zip.finish().expect("a zip in memory").into_inner()
    }

    /// Writes files and folders below `folder`, with their times.
    pub fn unpack(&self, folder: &Path) {
        let mut written = Vec::new();
        for member in self.top_folder().iter().chain(&self.members) {
            let path = folder.join(self.whole(&member.path));
            std::fs::create_dir_all(path.parent().expect("below the folder")).expect("a new folder");
            match &member.content {
                Content::Bytes(bytes) => std::fs::write(&path, bytes).expect("a new file"),
                Content::Folder => std::fs::create_dir_all(&path).expect("a new folder"),
                Content::Link(_) => panic!("links are only packed"),
            }
            written.push((path, member.modified));
        }
        for (path, modified) in written {
            let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(modified as u64);
            std::fs::File::open(path).and_then(|file| file.set_modified(time)).expect("a new time");
        }
    }
}

/// Tar entries with the two empty blocks that end an archive.
pub fn ended(mut entries: Vec<u8>) -> Vec<u8> {
    entries.resize(entries.len() + 1024, 0);
    entries
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).expect("a gzip in memory");
    encoder.finish().expect("a gzip in memory")
}

/// One member of a tar, with a pax header before it if its path is too long for the old form.
fn entry(tar: &mut Vec<u8>, path: &str, modified: i64, content: &Content) {
    let name = if path.len() <= 100 {
        path
    } else {
        let record = pax_record(path);
        header(tar, "PaxHeader/long", modified, b'x', "", record.len());
        padded(tar, record.as_bytes());
        &path[path.ceil_char_boundary(path.len() - 100)..]
    };
    match content {
        Content::Bytes(bytes) => {
            header(tar, name, modified, b'0', "", bytes.len());
            padded(tar, bytes);
        }
        Content::Folder => header(tar, name, modified, b'5', "", 0),
        Content::Link(target) => header(tar, name, modified, b'2', target, 0),
    }
}

/// `LENGTH path=PATH`, whose length counts its own digits.
fn pax_record(path: &str) -> String {
    let length = |digits: usize| digits + " path=\n".len() + path.len();
    let digits = (1..8).find(|digits| length(*digits).to_string().len() == *digits).expect("a short path");
    format!("{} path={path}\n", length(digits))
}

fn header(tar: &mut Vec<u8>, name: &str, modified: i64, kind: u8, target: &str, size: usize) {
    let mut block = [0_u8; 512];
    let mut put = |at: usize, text: &str| block[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, name);
    put(100, if kind == b'5' { "000755 \0" } else { "000644 \0" });
    put(108, "000765 \0");
    put(116, "000765 \0");
    put(124, &format!("{size:011o} "));
    put(136, &format!("{modified:011o} "));
    put(148, "        ");
    put(157, target);
    put(257, "ustar\x0000mobile");
    put(297, "mobile");
    block[156] = kind;
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    tar.extend_from_slice(&block);
}

fn padded(tar: &mut Vec<u8>, bytes: &[u8]) {
    tar.extend_from_slice(bytes);
    tar.resize(tar.len().next_multiple_of(512), 0);
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn other_programs_read_the_archive_with_its_long_names() {
        let long = format!("{}/ps.txt", "folder".repeat(20));
        let mut sysdiagnose = Sysdiagnose { top: "top".into(), members: Vec::new() };
        sysdiagnose.add(&long, b"text");
        sysdiagnose.link("link", "../../outside");
        let tar = sysdiagnose.tar();
        let mut archive = tar::Archive::new(&tar[..]);
        let paths: Vec<String> = archive
            .entries()
            .unwrap()
            .map(|entry| entry.unwrap().path().unwrap().to_str().unwrap().to_owned())
            .collect();
        assert_eq!(paths, ["top/".to_owned(), format!("top/{long}"), "top/link".to_owned()]);
    }

    #[test]
    fn what_is_stored_in_gzip_comes_out_again() {
        for length in [1, 0xffff, 0x10000] {
            let bytes = vec![7; length];
            let mut out = Vec::new();
            flate2::read::GzDecoder::new(&stored_gzip(&bytes)[..]).read_to_end(&mut out).unwrap();
            assert_eq!(out, bytes);
        }
    }
}
