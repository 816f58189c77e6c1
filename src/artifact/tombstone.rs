//! Android's reports of native crashes, as text and as protobuf: who crashed, by what, and what was in its memory.
//!
//! <https://android.googlesource.com/platform/system/core/+/refs/heads/main/debuggerd/proto/tombstone.proto>

mod protobuf;
mod text;

use std::collections::BTreeSet;

use anyhow::{Result, bail};

/// A crash, as far as its report says.
#[derive(Default, Debug, PartialEq)]
pub struct Tombstone {
    pub fingerprint: Option<String>,
    pub revision: Option<String>,
    pub architecture: Option<String>,
    /// With its zone: `2023-04-12 12:32:40.518290770+0200`.
    pub timestamp: Option<String>,
    pub uptime_s: Option<i64>,
    /// One text if it is a line, one for each argument in protobuf.
    pub command_line: Vec<String>,
    pub pid: Option<i64>,
    pub tid: Option<i64>,
    /// The name of the crashed thread, cut to 15 characters.
    pub thread: Option<String>,
    pub binary: Option<String>,
    pub uid: Option<i64>,
    pub label: Option<String>,
    pub signal: Option<i64>,
    pub signal_name: Option<String>,
    pub code: Option<i64>,
    pub code_name: Option<String>,
    pub sender_pid: Option<i64>,
    pub sender_uid: Option<i64>,
    pub fault_address: Option<String>,
    pub causes: Vec<String>,
    pub abort_message: Option<String>,
    pub files: BTreeSet<File>,
}

/// A file that the crashed process had to do with.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct File {
    pub name: String,
    pub role: &'static str,
    pub executable: bool,
}

/// Different files kept of one crash.
const FILES_MOST: usize = 20_000;

impl Tombstone {
    fn file(&mut self, name: &str, role: &'static str, executable: bool) {
        let name = name.trim();
        if !name.is_empty() && self.files.len() < FILES_MOST {
            self.files.insert(File { name: name.to_owned(), role, executable });
        }
    }

    /// The program: what the text names in `>>> <<<`, else the first argument.
    pub fn program(&self) -> Option<&str> {
        let first = self.command_line.first().and_then(|command| command.split_whitespace().next());
        self.binary.as_deref().or(first)
    }
}

/// # Errors
/// When it is neither form.
pub fn read(path: &str, bytes: &[u8]) -> Result<Tombstone> {
    let tombstone = if path.ends_with(".pb") { protobuf::read(bytes)? } else { text::read(bytes) };
    if tombstone.pid.is_none() && tombstone.fingerprint.is_none() && tombstone.command_line.is_empty() {
        if bytes.iter().all(|byte| *byte == 0 || byte.is_ascii_whitespace()) {
            bail!("is empty");
        }
        bail!("is no report of a crash");
    }
    Ok(tombstone)
}
