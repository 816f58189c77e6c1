//! The demo phones, iPhones and Androids, in `fixtures/` are what their sources say. `UPDATE_FIXTURES=1 cargo test --test it fixtures` rewrites them.

#![allow(clippy::disallowed_methods, reason = "fixtures are files")]

use std::collections::BTreeMap;
use std::path::Path;

use crate::phone::{self, Content, Form};

/// All files below a folder, by path.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = walkdir::WalkDir::new(folder).into_iter().filter_map(Result::ok);
    let files = entries.filter(|entry| entry.file_type().is_file());
    files
        .map(|entry| {
            let path = entry.path().strip_prefix(folder).unwrap().components();
            let path: Vec<_> = path.map(|part| part.as_os_str().to_str().unwrap()).collect();
            (path.join("/"), std::fs::read(entry.path()).unwrap())
        })
        .collect()
}

#[test]
fn committed_phones_are_what_their_sources_give() {
    let update = std::env::var_os("UPDATE_FIXTURES").is_some();
    for (name, phone, form) in phone::committed() {
        let folder = phone::fixture(name);
        let mut built = BTreeMap::new();
        phone.emit(form, |path, bytes| {
            built.insert(path.to_owned(), bytes.to_vec());
        });
        if update {
            let _ = std::fs::remove_dir_all(&folder);
            phone.write(&folder, form);
        }
        let found = files(&folder);
        let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&built), names(&found), "the files of {name}");
        for (path, bytes) in &built {
            assert!(
                found[path] == *bytes,
                "{name}/{path} differs from its source; rewrite with UPDATE_FIXTURES=1"
            );
        }
    }
}

/// The tar inside is compared: how well it is compressed is left to the library that does it.
#[test]
fn committed_sysdiagnoses_are_what_their_sources_give() {
    let update = std::env::var_os("UPDATE_FIXTURES").is_some();
    for (name, sysdiagnose) in phone::committed_sysdiagnoses() {
        let path = phone::fixture(&name);
        if update {
            std::fs::write(&path, sysdiagnose.tar_gz()).unwrap();
        }
        let packed = std::fs::read(&path).unwrap();
        assert!(packed.len() < 500_000, "{name} has {} bytes", packed.len());
        let mut found = Vec::new();
        std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&packed[..]), &mut found).unwrap();
        assert!(found == sysdiagnose.tar(), "{name} differs from its source; rewrite with UPDATE_FIXTURES=1");
    }
}

/// The members of a zip, by path.
fn members(zip: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(zip)).unwrap();
    let mut members = BTreeMap::new();
    for index in 0..zip.len() {
        let mut member = zip.by_index(index).unwrap();
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut member, &mut bytes).unwrap();
        members.insert(member.name().unwrap().into_owned(), bytes);
    }
    members
}

/// The members are compared: how well they are compressed is left to the library that does it.
#[test]
fn committed_androids_are_what_their_sources_give() {
    let update = std::env::var_os("UPDATE_FIXTURES").is_some();
    for (name, android) in phone::committed_androids() {
        let path = phone::fixture(&name);
        let built = android.packed().zip();
        if update {
            std::fs::write(&path, &built).unwrap();
        }
        let packed = std::fs::read(&path).unwrap();
        assert!(packed.len() < 500_000, "{name} has {} bytes", packed.len());
        let (built, found) = (members(&built), members(&packed));
        assert_eq!(built.keys().collect::<Vec<_>>(), found.keys().collect::<Vec<_>>(), "the files of {name}");
        for (path, bytes) in &built {
            let same = found[path] == *bytes;
            assert!(same, "{path} of {name} differs from its source; rewrite with UPDATE_FIXTURES=1");
        }
    }
}

#[test]
fn encrypted_and_decrypted_phones_list_the_same_files() {
    let phone = phone::from_sources("infected-iphone");
    let names = |form| {
        let mut names = Vec::new();
        phone.emit(form, |path, _| names.push(path.to_owned()));
        names
    };
    assert_eq!(names(Form::Decrypted(phone::PASSWORD)), names(Form::Encrypted(phone::PASSWORD)));
}

#[test]
fn every_database_is_sound() {
    for name in ["infected-iphone", "clean-iphone"] {
        for ((_, path), file) in &phone::from_sources(name).files {
            let Content::Bytes(bytes) = &file.content else { continue };
            if !bytes.starts_with(b"SQLite format 3\0") {
                continue;
            }
            let folder = tempfile::tempdir().unwrap();
            let copy = folder.path().join("copy.db");
            std::fs::write(&copy, bytes).unwrap();
            let database = rusqlite::Connection::open(&copy).unwrap();
            let verdict: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
            assert_eq!(verdict, "ok", "{name}: {path}");
        }
    }
}

#[test]
fn every_expectation_names_an_artifact_and_a_trace() {
    for name in ["infected-iphone.expected.txt", "infected-sysdiagnose.expected.txt"] {
        let text = std::fs::read_to_string(phone::fixture(name)).unwrap();
        let lines: Vec<&str> =
            text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
        assert!(lines.len() >= 20);
        for line in lines {
            let parts: Vec<&str> = line.split(" | ").collect();
            assert!(parts.len() == 3 && hoofprint::artifact::find(parts[0]).is_some(), "`{line}`");
        }
    }
}
