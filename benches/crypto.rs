//! Encrypted backups: how long a password takes, and what decryption costs while a file is read.

#![allow(clippy::disallowed_methods, reason = "the bench writes the phone that it opens")]

mod common;
#[path = "../tests/phone/mod.rs"]
mod phone;

use std::path::{Path, PathBuf};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hoofprint::source::{self, SourceError};
use phone::{Content, Form};

const ROUNDS: u32 = 100_000;
const CHUNK_BYTES: usize = 256 << 10;

/// Writes a copy of the phone's keybag with these numbers of rounds. No password fits it any more, which takes as long to find out.
fn with_rounds(phone: &Path, folder: &Path, first: u32, second: u32) -> PathBuf {
    let folder = folder.join(format!("{first}-{second}"));
    std::fs::create_dir(&folder).expect("a folder can be made");
    std::fs::copy(phone.join("Manifest.db"), folder.join("Manifest.db")).expect("a file can be copied");
    let mut manifest = std::fs::read(phone.join("Manifest.plist")).expect("the phone has it");
    for (tag, rounds) in [(b"DPIC", first), (b"ITER", second)] {
        let place = manifest.windows(4).position(|bytes| bytes == tag).expect("the keybag has it") + 8;
        manifest[place..place + 4].copy_from_slice(&rounds.to_be_bytes());
    }
    std::fs::write(folder.join("Manifest.plist"), manifest).expect("a file can be written");
    folder
}

fn key_derivation(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let phone = folder.path().join("phone");
    phone::from_sources("clean-iphone").write(&phone, Form::Encrypted(common::PASSWORD));
    let mut group = criterion.benchmark_group("key derivation");
    group.throughput(Throughput::Elements(ROUNDS.into()));
    for (name, first, second) in [("sha256", ROUNDS, 1), ("sha1", 1, ROUNDS)] {
        let path = with_rounds(&phone, folder.path(), first, second);
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let key = source::derive_key(&path, &common::Password(common::PASSWORD));
                assert!(matches!(key, Err(SourceError::PasswordWrong)));
            });
        });
    }
}

fn reading(criterion: &mut Criterion) {
    let size = if common::measuring() { 64 << 20 } else { 1 << 20 };
    let mut phone = phone::from_sources("clean-iphone");
    let key = ("HomeDomain".to_owned(), "Library/SMS/sms.db".to_owned());
    phone.files.get_mut(&key).expect("the clean phone has it").content =
        Content::Bytes((0..size).map(|index: usize| (index % 251) as u8).collect());
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut group = criterion.benchmark_group("reading a file");
    group.throughput(Throughput::Bytes(size as u64));
    for (name, form) in [("plain", Form::Plain), ("encrypted", Form::Encrypted(common::PASSWORD))] {
        let path = folder.path().join(name);
        phone.write(&path, form);
        let source = common::open(&path);
        let file = common::file(&*source, "/sms.db");
        group.bench_function(name, |bencher| {
            let mut chunk = vec![0; CHUNK_BYTES];
            bencher.iter(|| {
                let bytes = source.open(&file).expect("the file can be opened");
                let mut offset = 0;
                loop {
                    match bytes.read_at(offset, &mut chunk).expect("the file can be read") {
                        0 => break,
                        count => offset += count as u64,
                    }
                }
                assert_eq!(offset, size as u64);
            });
        });
    }
}

criterion_group! { name = benches; config = common::settings(); targets = key_derivation, reading }
criterion_main!(benches);
