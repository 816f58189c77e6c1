//! Damaged acquisitions: whatever is cut off or flipped, a scan ends with a case or a typed error, and loss never goes unsaid.

#![allow(clippy::disallowed_methods, reason = "tests damage copies of the demo phones")]

use std::collections::BTreeMap;
use std::path::Path;

use hoofprint::indicator::{Matcher, Platform, load};
use hoofprint::scan::{self, Case, Status, Unwatched};
use hoofprint::source::{self, Secrets, SourceError};
use zeroize::Zeroizing;

use crate::phone;
use crate::run::{copy, files};

/// The key instead of the password: its derivation is slow on purpose.
struct Key(Option<Zeroizing<[u8; 32]>>);

impl Secrets for Key {
    fn password(&self) -> Option<Zeroizing<String>> {
        self.0.is_none().then(|| Zeroizing::new(phone::PASSWORD.to_owned()))
    }

    fn key(&self) -> Option<Zeroizing<[u8; 32]>> {
        self.0.clone()
    }
}

/// A copy of a demo phone that can be damaged and mended.
struct Patient {
    folder: tempfile::TempDir,
    whole: BTreeMap<String, Vec<u8>>,
    secrets: Key,
    matcher: Matcher,
}

impl Patient {
    fn new(name: &str) -> Patient {
        let folder = tempfile::tempdir().unwrap();
        let from = phone::fixture(name);
        copy(&from, folder.path());
        let key = name.ends_with("encrypted").then(|| source::derive_key(&from, &Key(None)).unwrap());
        Patient::in_folder(folder, key)
    }

    /// An unpacked sysdiagnose.
    fn sysdiagnose(name: &str) -> Patient {
        let folder = tempfile::tempdir().unwrap();
        phone::sysdiagnose_from_sources(name).unpack(folder.path());
        Patient::in_folder(folder, None)
    }

    /// An unpacked bugreport, then the folder that a collector wrote.
    fn androids() -> [Patient; 2] {
        let android = phone::android_from_sources("infected-android");
        [android.bugreport(), android.collected(phone::android_backup::Wrapping::Compressed)].map(|archive| {
            let folder = tempfile::tempdir().unwrap();
            phone::sysdiagnose::Sysdiagnose { top: String::new(), ..archive }.unpack(folder.path());
            Patient::in_folder(folder, None)
        })
    }

    fn in_folder(folder: tempfile::TempDir, key: Option<Zeroizing<[u8; 32]>>) -> Patient {
        let list = tempfile::Builder::new().suffix(".txt").tempfile().unwrap();
        std::fs::write(list.path(), "example.net\n").unwrap();
        let set = load(&[list.path().to_owned()], false).unwrap();
        let matcher = Matcher::new(set, Platform::Ios);
        Patient { whole: files(folder.path()), folder, secrets: Key(key), matcher }
    }

    /// Scans with some files changed, then mends them. A panic in a parser or in the listing fails the test.
    fn scan(&self, damage: &BTreeMap<&str, Vec<u8>>) -> Result<Case, SourceError> {
        let at = |path: &str| self.folder.path().join(path);
        damage.iter().for_each(|(path, bytes)| std::fs::write(at(path), bytes).unwrap());
        let case = scan(self.folder.path(), &self.secrets, &self.matcher);
        damage.keys().for_each(|path| std::fs::write(at(path), &self.whole[*path]).unwrap());
        if let Ok(case) = &case {
            let bugs: Vec<_> =
                case.problems.iter().filter(|problem| problem.reason.contains("bug in")).collect();
            assert!(bugs.is_empty(), "{bugs:?}");
        }
        case
    }

    fn payloads(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.whole
            .iter()
            .filter(|(path, _)| path.contains('/'))
            .map(|(path, bytes)| (path.as_str(), &bytes[..]))
    }

    fn own_files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.whole
            .iter()
            .filter(|(path, _)| !path.contains('/'))
            .map(|(path, bytes)| (path.as_str(), &bytes[..]))
    }
}

fn scan(path: &Path, secrets: &Key, matcher: &Matcher) -> Result<Case, SourceError> {
    let source = source::open(path, secrets, &source::Options::default())?;
    let acquisition = [scan::Acquisition { name: String::new(), source: &*source }];
    scan::scan(&acquisition, matcher, &scan::Options::default(), None, &Unwatched).map_err(
        |error| match error {
            scan::ScanError::Source(error) => error,
            other => panic!("one acquisition is of one phone: {other}"),
        },
    )
}

/// The artifacts that gave fewer records than the whole phone gives, though nothing says why.
fn lost_silently(whole: &Case, damaged: &Case) -> Vec<&'static str> {
    let pairs = whole.coverage.iter().zip(&damaged.coverage);
    pairs
        // The raw search counts places of indicators, not what could be read.
        .filter(|(before, _)| before.artifact != "sweep")
        .filter(|(before, after)| after.records < before.records && after.status == Status::Read)
        .filter(|(_, after)| !damaged.problems.iter().any(|problem| problem.artifact == Some(after.artifact)))
        .map(|(_, after)| after.artifact)
        .collect()
}

/// The same numbers on every machine (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }

    /// A few flipped bits, early ones more often: headers are where parsers branch.
    fn flip(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut flipped = bytes.to_vec();
        for _ in 0..1 + self.below(8) {
            let within = if self.below(2) == 0 { 256.min(bytes.len()) } else { bytes.len() };
            let (at, bit) = (self.below(within), self.below(8));
            if let Some(byte) = flipped.get_mut(at) {
                *byte ^= 1 << bit;
            }
        }
        flipped
    }
}

const PHONES: [&str; 2] = ["infected-iphone", "infected-iphone-encrypted"];

#[test]
fn stored_files_cut_anywhere_lose_records_but_never_silently() {
    for name in PHONES {
        let patient = Patient::new(name);
        let whole = patient.scan(&BTreeMap::new()).unwrap();
        for length in (0..18).map(|power| 1_usize << power).chain([0]) {
            let cut: BTreeMap<&str, Vec<u8>> = patient
                .payloads()
                .filter(|(_, bytes)| bytes.len() > length)
                .map(|(path, bytes)| (path, bytes[..length].to_vec()))
                .collect();
            let case = patient.scan(&cut).unwrap();
            assert!(cut.is_empty() || !case.problems.is_empty(), "{name} at {length}");
            assert_eq!(lost_silently(&whole, &case), Vec::<&str>::new(), "{name} at {length}");
        }
    }
}

#[test]
fn the_backups_own_files_cut_anywhere_give_a_case_or_an_error() {
    for name in PHONES {
        let patient = Patient::new(name);
        let whole = patient.scan(&BTreeMap::new()).unwrap();
        for (path, bytes) in patient.own_files() {
            for length in
                (0..18).step_by(2).map(|power| 1_usize << power).filter(|length| *length < bytes.len())
            {
                let cut = BTreeMap::from([(path, bytes[..length].to_vec())]);
                if let Ok(case) = patient.scan(&cut) {
                    let said = !case.problems.is_empty() || case.device.limits != whole.device.limits;
                    assert!(said, "{name}: {path} at {length}");
                }
            }
        }
    }
}

#[test]
fn flipped_bits_never_end_a_scan() {
    for name in PHONES {
        let patient = Patient::new(name);
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
        for _ in 0..12 {
            let flipped = patient.payloads().map(|(path, bytes)| (path, dice.flip(bytes))).collect();
            patient.scan(&flipped).unwrap();
        }
        for (path, bytes) in patient.own_files() {
            for _ in 0..6 {
                let _ = patient.scan(&BTreeMap::from([(path, dice.flip(bytes))]));
            }
        }
    }
}

#[test]
fn members_of_a_sysdiagnose_flipped_or_cut_never_end_a_scan() {
    let patient = Patient::sysdiagnose("infected-sysdiagnose");
    let mut dice = Dice(0x51f1_5eed_0000_0001);
    for _ in 0..12 {
        let flipped = patient.payloads().map(|(path, bytes)| (path, dice.flip(bytes))).collect();
        patient.scan(&flipped).unwrap();
    }
    for _ in 0..12 {
        let cut = patient.payloads().map(|(path, bytes)| (path, bytes[..dice.below(bytes.len())].to_vec()));
        patient.scan(&cut.collect()).unwrap();
    }
}

#[test]
fn files_of_an_android_phone_flipped_or_cut_never_end_a_scan() {
    for patient in Patient::androids() {
        // What the acquisition is known by stays whole.
        let known = ["acquisition.json", "main_entry.txt"];
        let files: Vec<(&str, &[u8])> = patient
            .payloads()
            .chain(patient.own_files())
            .filter(|(path, bytes)| !known.contains(path) && !bytes.is_empty())
            .collect();
        let mut dice = Dice(0x0a4d_201d_0000_0001);
        for _ in 0..12 {
            patient.scan(&files.iter().map(|(path, bytes)| (*path, dice.flip(bytes))).collect()).unwrap();
            let cut = files.iter().map(|(path, bytes)| (*path, bytes[..dice.below(bytes.len())].to_vec()));
            patient.scan(&cut.collect()).unwrap();
        }
    }
}
