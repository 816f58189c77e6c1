//! Builds demo phones from readable text: SQL, XML property lists and a list of times become a backup folder as a computer
//! would have written it, a sysdiagnose as the iPhone would have packed it, or what AndroidQF would have collected.
//!
//! The same sources give the same bytes on every machine: keys, salts, inode numbers and times are fixed, rows are sorted, and
//! nothing depends on the clock, the locale or the file system. This module does not use the library it is made to test.

#![allow(dead_code, unused_imports, reason = "tests and benches each use a part of the builder")]
#![allow(clippy::disallowed_methods, reason = "building fixtures is reading and writing files")]

pub mod android;
pub mod android_backup;
mod archive;
mod backup;
pub mod database;
mod expand;
mod keybag;
pub mod large;
pub mod large_android;
pub mod large_sysdiagnose;
pub mod log_archive;
mod sources;
pub mod sysdiagnose;
mod times;
mod typedstream;
pub mod unified_log;

pub use backup::{Content, Form, Phone};

use std::path::{Path, PathBuf};

/// The password of every encrypted phone in `fixtures/`.
pub const PASSWORD: &str = "correct horse";

/// A file of `fixtures/`, by its path below that folder.
pub fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(path)
}

/// The phone described by `fixtures/sources/<name>`.
pub fn from_sources(name: &str) -> Phone {
    sources::read(&fixture("sources").join(name))
}

/// The phones that are kept in the repository: folder name, phone, form.
pub fn committed() -> Vec<(&'static str, Phone, Form<'static>)> {
    vec![
        ("infected-iphone", from_sources("infected-iphone"), Form::Decrypted(PASSWORD)),
        ("infected-iphone-encrypted", from_sources("infected-iphone"), Form::Encrypted(PASSWORD)),
        ("clean-iphone", from_sources("clean-iphone"), Form::Plain),
    ]
}

/// The sysdiagnoses that are kept in the repository: file name, content.
pub fn committed_sysdiagnoses() -> Vec<(String, sysdiagnose::Sysdiagnose)> {
    ["infected-sysdiagnose", "clean-sysdiagnose"]
        .into_iter()
        .map(|name| (format!("{name}.tar.gz"), sysdiagnose_from_sources(name)))
        .collect()
}

/// The Android acquisitions that are kept in the repository: file name, content.
pub fn committed_androids() -> Vec<(String, android::Android)> {
    ["infected-android", "clean-android"]
        .into_iter()
        .map(|name| (format!("{name}.zip"), android_from_sources(name)))
        .collect()
}

/// The Android acquisition described by `fixtures/sources/<name>`.
pub fn android_from_sources(name: &str) -> android::Android {
    android::read(&fixture("sources").join(name))
}

/// The sysdiagnose described by `fixtures/sources/<name>`.
pub fn sysdiagnose_from_sources(name: &str) -> sysdiagnose::Sysdiagnose {
    let mut archive = sysdiagnose::read(&fixture("sources").join(name));
    for (path, bytes) in log_archive::members(name.starts_with("infected")) {
        archive.add(&format!("system_logs.logarchive/{path}"), &bytes);
    }
    archive
}
