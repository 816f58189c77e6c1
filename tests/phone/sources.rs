//! Reads a phone's folder of sources: one text for each file of the device, and `files.txt` for the rest.
//!
//! `<domain>/<path>.sql` becomes a database, `<path>.wal.sql` the write-ahead log beside it, `<path>.xml` a binary property
//! list; any other file is copied. A line `.read schema/sms.sql` of SQL takes in a file of `fixtures/`. In property lists the
//! sign `␀` stands for the character NUL, which XML cannot hold, and a dictionary named `iTunesMetadata` is stored as the bytes
//! of a property list of its own.
//!
//! `files.txt` has one row per line: a word, up to three times (born, modified, changed), a domain and a path.
//! `default` sets the range of times for files not named; `times` dates a file or folder; `empty`, `missing`, `folder` and
//! `link` (with ` -> target`) add a row that has no source.

use std::collections::BTreeMap;
use std::path::Path;

use plist::{Dictionary, Value};

use super::archive::binary;
use super::backup::{Content, DeviceFile, Phone, file_id};
use super::database;
use super::expand::expand;
use super::times::Time;

/// The phone that a folder describes; panics on sources that make no sense.
pub fn read(folder: &Path) -> Phone {
    let mut phone = Phone {
        info: root_plist(folder, "Info.plist"),
        manifest: root_plist(folder, "Manifest.plist"),
        status: root_plist(folder, "Status.plist"),
        files: BTreeMap::new(),
        page_size: 1024,
    };
    let rows = Rows::read(&folder.join("files.txt"));
    let mut logs = Vec::new();
    for (domain, path, source) in list(folder) {
        let bytes = std::fs::read(&source).expect("a source can be read");
        let text = || String::from_utf8(bytes.clone()).expect("sources are UTF-8");
        let (path, content) = if let Some(path) = path.strip_suffix(".wal.sql") {
            logs.push((domain, path.to_owned(), sql(&text())));
            continue;
        } else if let Some(path) = path.strip_suffix(".sql") {
            (path.to_owned(), database::build(&sql(&text())))
        } else if let Some(path) = path.strip_suffix(".xml") {
            (path.to_owned(), binary(&xml(&text())))
        } else {
            (path, bytes)
        };
        phone
            .files
            .insert((domain.clone(), path.clone()), rows.file(&domain, &path, Content::Bytes(content)));
    }
    for (domain, path, sql) in logs {
        let Some(DeviceFile { content: Content::Bytes(database), .. }) =
            phone.files.get(&(domain.clone(), path.clone()))
        else {
            panic!("`{path}` has a log but no database")
        };
        let log = format!("{path}-wal");
        let file = rows.file(&domain, &log, Content::Bytes(database::log(database, &sql)));
        phone.files.insert((domain, log), file);
    }
    rows.apply(&mut phone);
    phone
}

fn root_plist(folder: &Path, name: &str) -> Dictionary {
    let text = std::fs::read_to_string(folder.join(name))
        .unwrap_or_else(|error| panic!("failed to read `{name}`: {error}"));
    xml(&text).into_dictionary().expect("a dictionary")
}

/// Sources below the domain folders: domain, path on the device with the suffix of the source, path here.
fn list(folder: &Path) -> Vec<(String, String, std::path::PathBuf)> {
    let mut found = Vec::new();
    for entry in walkdir::WalkDir::new(folder).min_depth(2).sort_by_file_name() {
        let entry = entry.expect("the sources can be listed");
        if !entry.file_type().is_file() {
            continue;
        }
        let parts = entry.path().strip_prefix(folder).expect("below the folder").components();
        let parts: Vec<&str> = parts.map(|part| part.as_os_str().to_str().expect("UTF-8")).collect();
        found.push((parts[0].to_owned(), parts[1..].join("/"), entry.path().to_owned()));
    }
    found
}

/// SQL with the files it reads and the values of its placeholders.
pub fn sql(text: &str) -> String {
    let mut whole = String::new();
    for line in text.lines() {
        match line.strip_prefix(".read ") {
            Some(path) => {
                let path = super::fixture(path.trim());
                whole.push_str(
                    &std::fs::read_to_string(&path)
                        .unwrap_or_else(|error| panic!("{}: {error}", path.display())),
                );
            }
            None => whole.push_str(line),
        }
        whole.push('\n');
    }
    expand(&whole)
}

/// A property list with the values of its placeholders.
pub fn xml(text: &str) -> Value {
    let text = expand(text);
    let value = Value::from_reader_xml(text.as_bytes()).unwrap_or_else(|error| panic!("{error} in `{text}`"));
    finish(value)
}

/// Puts in what XML cannot say.
fn finish(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(text.replace('␀', "\0")),
        Value::Array(values) => Value::Array(values.into_iter().map(finish).collect()),
        // How XML writes the references of a keyed archive.
        Value::Dictionary(entries) if entries.len() == 1 && entries.contains_key("CF$UID") => {
            let index = entries["CF$UID"].as_unsigned_integer().expect("a reference is a number");
            Value::Uid(plist::Uid::new(index))
        }
        Value::Dictionary(entries) => Value::Dictionary(
            entries
                .into_iter()
                .map(|(key, value)| match (key.as_str(), finish(value)) {
                    ("iTunesMetadata", value) => (key, Value::Data(binary(&value))),
                    (_, value) => (key.replace('␀', "\0"), value),
                })
                .collect(),
        ),
        other => other,
    }
}

/// The lines of `files.txt`.
struct Rows {
    /// The time before which files were born, and the one before which they were last changed.
    born: i64,
    changed: i64,
    rows: Vec<Row>,
}

struct Row {
    word: String,
    times: [i64; 3],
    domain: String,
    path: String,
}

impl Rows {
    fn read(path: &Path) -> Rows {
        let mut rows = Rows { born: 0, changed: 0, rows: Vec::new() };
        let text = std::fs::read_to_string(path).expect("files.txt");
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let mut words = line.splitn(6, ' ');
            let mut next = || words.next().unwrap_or_else(|| panic!("`{line}` is too short"));
            let word = next().to_owned();
            let (born, modified) = (Time::parse(next()).seconds, Time::parse(next()).seconds);
            if word == "default" {
                (rows.born, rows.changed) = (born, modified);
                continue;
            }
            let times = [born, modified, Time::parse(next()).seconds];
            let (domain, path) = (next().to_owned(), words.next().unwrap_or_default().to_owned());
            rows.rows.push(Row { word, times, domain, path });
        }
        rows
    }

    /// A file with its own times, or with times of the range that its name picks.
    fn file(&self, domain: &str, path: &str, content: Content) -> DeviceFile {
        let named =
            self.rows.iter().find(|row| row.word == "times" && row.domain == domain && row.path == path);
        let [born, modified, changed] = named.map(|row| row.times).unwrap_or_else(|| {
            let id = file_id(domain, path);
            let spread = i64::from_str_radix(&id[..6], 16).expect("hexadecimal");
            let modified = self.changed - spread % (4 * 86_400);
            [self.born - spread % (3 * 86_400), modified, modified]
        });
        DeviceFile { content, born, modified, changed }
    }

    fn apply(&self, phone: &mut Phone) {
        for row in &self.rows {
            let [born, modified, changed] = row.times;
            let (path, content) = match row.word.as_str() {
                "times" => continue,
                "empty" => (row.path.as_str(), Content::Bytes(Vec::new())),
                "missing" => (row.path.as_str(), Content::Missing),
                "folder" => (row.path.as_str(), Content::Folder),
                "link" => {
                    let (path, target) = row.path.split_once(" -> ").expect("a link has a target");
                    (path, Content::Link(target.to_owned()))
                }
                other => panic!("unknown word `{other}` in files.txt"),
            };
            let file = DeviceFile { content, born, modified, changed };
            phone.files.insert((row.domain.clone(), path.to_owned()), file);
        }
        phone.add_folders(self.born);
        for row in self.rows.iter().filter(|row| row.word == "times") {
            let file = phone.files.get_mut(&(row.domain.clone(), row.path.clone()));
            let file = file.unwrap_or_else(|| panic!("files.txt dates `{}`, which is not there", row.path));
            [file.born, file.modified, file.changed] = row.times;
        }
    }
}
