//! One entry of a log with everything that can be said of it, and the words of `macos-unifiedlogs` turned into facts.

use jiff::Timestamp;
use macos_unifiedlogs::unified_log::{EventType, LogType};

use super::bytes::Uuid;

/// One entry of a log. What could not be found out is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// `None` if no `timesync` file knows the boot.
    pub time: Option<Timestamp>,
    pub boot: Option<Uuid>,
    /// Ticks since boot: the order within a boot even where the wall clock jumps.
    pub continuous: u64,
    /// Path of the process; `/kernel` for the kernel.
    pub process: Option<String>,
    pub process_uuid: Option<Uuid>,
    pub pid: Option<u32>,
    /// Effective user.
    pub euid: Option<u32>,
    /// Path of the image that logged.
    pub library: Option<String>,
    pub library_uuid: Option<Uuid>,
    pub subsystem: Option<String>,
    pub category: Option<String>,
    /// `None` where the format string is lost; its values are in `values` then.
    pub message: Option<String>,
    /// The values of a message whose format string is lost.
    pub values: Vec<String>,
    /// `log`, `activity`, `trace`, `signpost`, `loss`, `simpledump` or `statedump`.
    pub event: &'static str,
    /// `default`, `info`, `debug`, `error`, `fault`, `create`, `useraction`, or the kind of a signpost.
    pub level: &'static str,
    pub activity: u64,
    pub thread: u64,
    /// Where its chunkset begins, in bytes from the start of the file.
    pub offset: u64,
}

pub(super) fn event_name(event: EventType) -> &'static str {
    match event {
        EventType::Log => "log",
        EventType::Activity => "activity",
        EventType::Trace => "trace",
        EventType::Signpost => "signpost",
        EventType::Loss => "loss",
        EventType::Simpledump => "simpledump",
        EventType::Statedump => "statedump",
        EventType::Unknown => "unknown",
    }
}

pub(super) fn level_name(level: LogType) -> &'static str {
    match level {
        LogType::Debug => "debug",
        LogType::Info => "info",
        LogType::Error => "error",
        LogType::Fault => "fault",
        LogType::Create => "create",
        LogType::Useraction => "useraction",
        LogType::ProcessSignpostEvent => "process event",
        LogType::ProcessSignpostStart => "process start",
        LogType::ProcessSignpostEnd => "process end",
        LogType::SystemSignpostEvent => "system event",
        LogType::SystemSignpostStart => "system start",
        LogType::SystemSignpostEnd => "system end",
        LogType::ThreadSignpostEvent => "thread event",
        LogType::ThreadSignpostStart => "thread start",
        LogType::ThreadSignpostEnd => "thread end",
        LogType::Default | LogType::Simpledump | LogType::Statedump | LogType::Loss => "default",
    }
}

/// What the crate writes where it has no format string.
const NO_FORMAT: [&str; 6] = [
    "Unknown shared string message",
    "Error: Invalid shared string offset",
    "Error: Invalid UUID index",
    "Error: Invalid offset ",
    "Failed to get string message from ",
    "Could not extract string",
];

/// Whether a format string is the crate's word for none.
pub(super) fn is_no_format(format: &str) -> bool {
    NO_FORMAT.iter().any(|word| format.starts_with(word))
}

/// A text field of the crate, unless it is empty or the crate's word for a failure.
pub(super) fn known(text: String) -> Option<String> {
    const FAILED: [&str; 4] = [
        "Failed to get path string from UUIDText file",
        "Could not extract string",
        "Cannot extract string",
        "Unknown subsystem",
    ];
    let failed = text.is_empty() || FAILED.iter().any(|word| text.starts_with(word));
    (!failed).then_some(text)
}

/// What stands in a message where a value of it is lost.
pub(super) const LOST_VALUE: &str = "<lost>";

/// Replaces the crate's words for lost values inside a message; whether there were any.
pub(super) fn mark_lost_values(message: &mut String) -> bool {
    const LOST: [&str; 2] = ["<Missing message data>", "[macos-unifiedlogs Could not extract string"];
    let mut found = false;
    for word in LOST {
        if message.contains(word) {
            *message = message.replace(word, LOST_VALUE);
            found = true;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_failures_are_no_values() {
        assert_eq!(known("Failed to get path string from UUIDText file for entry: 00".into()), None);
        assert_eq!(known("/usr/libexec/exampled".into()).as_deref(), Some("/usr/libexec/exampled"));
        assert!(is_no_format("Error: Invalid offset 7 for UUID 0A") && !is_no_format("Error: %s"));
        let mut message = "a <Missing message data> b".to_owned();
        assert!(mark_lost_values(&mut message));
        assert_eq!(message, "a <lost> b");
        assert!(!mark_lost_values(&mut message));
    }
}
