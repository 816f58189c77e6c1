//! Containers to device paths and bytes: the one view that every artifact is written against.
//!
//! A plain or encrypted backup, a filesystem dump, a folder, zip, tar or tar.gz of either: from here on there are only paths on the
//! device and bytes. Which container it was is known to nobody to the right of this module.

mod age;
mod android;
mod archive;
mod backup;
mod container;
mod decrypt;
mod detect;
mod device;
mod domains;
mod dump;
mod evidence;
mod extract;
mod keybag;
mod manifest;
mod mbfile;
mod missing;
mod sysdiagnose;
mod tar;
#[cfg(test)]
mod testing;
mod zip;
mod zip_cut;

use std::io;

use jiff::{
    Timestamp,
    civil::DateTime,
    tz::{Offset, TimeZone},
};
use serde::Serialize;

use crate::format::ReadAt;
use crate::time::Clock;

pub use container::FileAt;
pub use detect::{Options, derive_key, open};
pub use evidence::{Evidence, evidence};
pub use extract::decrypt_to;

/// The family of a phone's system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum System {
    #[default]
    Ios,
    Android,
}

/// The phone an acquisition is of, as far as it says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Device {
    pub system: System,
    pub name: Option<String>,
    /// `iPhone14,5`
    pub product: Option<String>,
    pub os_version: Option<String>,
    pub os_build: Option<String>,
    pub serial: Option<String>,
    pub udid: Option<String>,
    pub acquired: Option<Timestamp>,
    /// The same on the phone's clock, where its zone is not told.
    #[serde(skip)]
    pub acquired_local: Option<DateTime>,
    /// How far the phone's clock was east of UTC then.
    #[serde(serialize_with = "offset_or_null")]
    pub offset: Option<Offset>,
    /// The zone it was set to then.
    #[serde(serialize_with = "zone_or_null")]
    pub zone: Option<TimeZone>,
    /// How far it was east of UTC before, as its own logs show.
    #[serde(skip)]
    pub zones: Option<std::sync::Arc<[crate::time::Stretch]>>,
    /// Facts about the acquisition that limit what it can show, as sentences.
    pub limits: Vec<String>,
}

impl Device {
    /// What times without a zone or a date are read by.
    pub fn clock(&self) -> Clock {
        Clock {
            snapshot: self.acquired,
            local_snapshot: self.acquired_local,
            offset: self.offset,
            zone: self.zone.clone(),
            zones: self.zones.clone(),
        }
    }
}

fn offset_or_null<S: serde::Serializer>(offset: &Option<Offset>, serializer: S) -> Result<S::Ok, S::Error> {
    offset.map(|offset| offset.to_string()).serialize(serializer)
}

fn zone_or_null<S: serde::Serializer>(zone: &Option<TimeZone>, serializer: S) -> Result<S::Ok, S::Error> {
    zone.as_ref().and_then(TimeZone::iana_name).serialize(serializer)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[derive(Default)]
pub enum FileKind {
    #[default]
    File,
    Directory,
    Link,
    Other,
}

/// A file of the device, wherever the container keeps its bytes.
#[derive(Clone, Debug, Default)]
pub struct VirtualFile {
    /// Absolute, on the device: `/private/var/mobile/Library/SMS/sms.db`.
    pub path: String,
    /// In the evidence: `3d/3d0d7e5f…`, or the path in the dump or archive.
    pub stored_as: String,
    pub size: u64,
    pub kind: FileKind,
    pub created: Option<Timestamp>,
    pub modified: Option<Timestamp>,
    /// Change of metadata (`ctime`).
    pub changed: Option<Timestamp>,
    pub mode: Option<u32>,
    pub uid: Option<u32>,
    /// Where a link points to.
    pub target: Option<String>,
    /// Of a backup: the domain and the path inside it.
    pub domain: Option<String>,
    pub relative: Option<String>,
    /// Listed, but its content is not in the acquisition.
    pub missing: bool,
    /// What it holds is listed file by file, or is another acquisition: it is not searched as a whole.
    pub opened: bool,
    /// URLs and other text from extended attributes (where a download came from).
    pub attributes: Vec<String>,
    /// What is odd about the listing itself (a file id that is not the hash of its path).
    pub odd: Option<String>,
}

/// How much a listing says of each file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// What it takes to find and open files: names, kinds and whether the content is there.
    Paths,
    /// Also sizes, times, owners and attributes, which takes much longer for a backup.
    Full,
}

#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// Not an acquisition, or not one that is supported.
    #[error("cannot open `{path}`: {reason}")]
    NotRecognised { path: String, reason: String, hint: String },
    #[error("several acquisitions in `{path}`")]
    Several { path: String, found: Vec<String> },
    #[error("the backup is encrypted and no password was given")]
    PasswordMissing,
    #[error("the password or key is wrong")]
    PasswordWrong,
    #[error("the backup's keybag is damaged: {0}")]
    Keybag(String),
    #[error("cannot read `{path}`: {source}")]
    Read { path: String, source: io::Error },
    /// One file of it, not the acquisition.
    #[error("cannot read `{path}`: {reason}")]
    File { path: String, reason: String },
}

impl SourceError {
    /// What to do next, as a sentence; empty where there is nothing to advise.
    pub fn hint(&self) -> &str {
        match self {
            SourceError::NotRecognised { hint, .. } => hint,
            SourceError::Several { .. } => "Name one of them.",
            SourceError::PasswordMissing => {
                "Give the password that was set for encrypted backups in Finder or iTunes, or typed on the phone for an Android backup; it is not the phone's passcode."
            }
            SourceError::PasswordWrong => {
                "Check the keyboard layout and quote the password for the shell; it is the one set for encrypted backups, or typed on the phone for an Android backup, not the phone's passcode."
            }
            SourceError::Keybag(_) => {
                "Copy the backup again from where it was made, with its Manifest.plist."
            }
            SourceError::Read { .. } => {
                "Check that the file is there and may be read, and that the disk is sound."
            }
            SourceError::File { .. } => {
                "Copy the acquisition again if it is damaged; unpack an archive whose files are too large, or allow more with `--max-memory`."
            }
        }
    }
}

/// What opening and reading wants from its caller.
pub trait Secrets: Sync {
    /// The backup password; asked for once, only when the backup is encrypted. `None` if there is none to be had.
    fn password(&self) -> Option<zeroize::Zeroizing<String>>;
    /// The derived key instead of a password (`--key-file`), 32 bytes.
    fn key(&self) -> Option<zeroize::Zeroizing<[u8; 32]>>;
    /// The password of an Android backup or acquisition, where another may have been given for it.
    fn android_password(&self) -> Option<zeroize::Zeroizing<String>> {
        self.password()
    }
    /// Lines of an age identity file, among them `AGE-SECRET-KEY-1…` (`--key-file`).
    fn identity(&self) -> Option<zeroize::Zeroizing<String>> {
        None
    }
    /// Called right before and right after the deliberately slow key derivation.
    fn deriving(&self, _started: bool) {}
}

/// An opened acquisition.
pub trait Source: Sync + Send {
    /// `iOS backup, encrypted, in a folder`, for people; with the evidence for it.
    fn describe(&self) -> String;

    /// Which family the phone is of: known before anything is read.
    fn system(&self) -> System {
        System::Ios
    }

    fn device(&self) -> &Device;

    /// Names of older acquisitions of the same phone that were collected with this one. Each is a moment of its own, with its own clock.
    fn older(&self) -> &[String] {
        &[]
    }

    /// Opens one of [`Source::older`].
    fn open_older(&self, name: &str) -> Result<Box<dyn Source>, SourceError> {
        Err(SourceError::File { path: name.into(), reason: "is not in the acquisition".into() })
    }

    /// Every file, in the container's own stable order. May be called again; the listing is not kept in memory.
    ///
    /// What could not be listed is told through `problem` and does not end the listing.
    fn list(
        &self,
        detail: Detail,
        each: &mut dyn FnMut(VirtualFile),
        problem: &mut dyn FnMut(SourceError),
    ) -> Result<(), SourceError>;

    /// The decrypted, inflated content of a listed file.
    fn open(&self, file: &VirtualFile) -> Result<Box<dyn ReadAt + '_>, SourceError>;

    /// Bytes stored for a listed file, also where the listing was [`Detail::Paths`].
    fn size(&self, file: &VirtualFile) -> u64 {
        file.size
    }

    /// Reads the acquisition once from front to back and gives each file with its bytes as it comes; `None` where files can be opened
    /// in any order, or where nothing is known of a file before all are listed. [`Source::device`] knows everything only afterwards.
    fn read_through(
        &self,
        _each: &mut dyn FnMut(VirtualFile, &mut dyn io::Read),
        _problem: &mut dyn FnMut(SourceError),
    ) -> Option<Result<(), SourceError>> {
        None
    }

    /// Gives every file with its bytes once, in whatever order they lie, where they cannot be opened in any order but were listed
    /// before; `None` elsewhere.
    fn pour(
        &self,
        _each: &mut dyn FnMut(VirtualFile, &mut dyn io::Read),
        _problem: &mut dyn FnMut(SourceError),
    ) -> Option<Result<(), SourceError>> {
        None
    }

    /// True where [`Source::open`] is only cheap for files named to [`Source::stage`] first (a tar.gz can only be read through).
    fn streamed(&self) -> bool {
        false
    }

    /// Brings these files within reach, and lets go of the ones staged before.
    fn stage(&self, _files: &[&VirtualFile]) -> Result<(), SourceError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
