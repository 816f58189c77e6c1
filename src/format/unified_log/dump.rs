//! The parts that are complete in themselves: simpledumps (a message) and statedumps (a state of a process).
//!
//! They are read here rather than by `macos-unifiedlogs`, whose protobuf reader follows nesting without limit and gives keys in no
//! order, and which takes the number of a process in the log for its process id.

use super::bytes::{Fields, Uuid, text_to_nul};
use super::entry::Entry;
use super::text::text_runs;
use crate::format::bplist;

/// States of some 100 KB occur; a message of more helps nobody.
const MAX_STATE_LEN: usize = 4 << 20;

/// A part with what its own bytes say; the process is looked up by `ids`.
pub(super) struct Dump {
    pub ids: (u64, u32),
    pub sender: Option<Uuid>,
    pub entry: Entry,
    /// What of it could not be read.
    pub damage: Option<&'static str>,
}

fn present(uuid: Uuid) -> Option<Uuid> {
    Some(uuid).filter(|uuid| uuid.0 != 0)
}

fn filled(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

/// Reads a simpledump behind its preamble.
pub(super) fn simple(body: &[u8]) -> Option<Dump> {
    let mut fields = Fields(body);
    let ids = (fields.u64()?, fields.u64()? as u32);
    let (continuous, thread) = (fields.u64()?, fields.u64()?);
    fields.bytes(8)?;
    let (sender, _dsc) = (fields.uuid()?, fields.uuid()?);
    fields.u32()?;
    let (subsystem_len, message_len) = (fields.u32()? as usize, fields.u32()? as usize);
    let subsystem = fields.bytes(subsystem_len)?;
    let rest = fields.0;
    let message = rest.get(..message_len);
    let entry = Entry {
        continuous,
        thread,
        subsystem: filled(text_to_nul(subsystem)),
        message: filled(text_to_nul(message.unwrap_or(rest))),
        event: "simpledump",
        level: "default",
        ..Entry::default()
    };
    let damage = message.is_none().then_some("message of a simpledump is cut short");
    Some(Dump { ids, sender: present(sender), entry, damage })
}

/// Reads a statedump behind its preamble.
pub(super) fn state(body: &[u8]) -> Option<Dump> {
    let mut fields = Fields(body);
    let ids = (fields.u64()?, fields.u32()?);
    fields.bytes(4)?;
    let (continuous, activity) = (fields.u64()?, fields.u64()?);
    let sender = fields.uuid()?;
    let (kind, len) = (fields.u32()?, fields.u32()? as usize);
    let (library, class) = (fields.text(64)?, fields.text(64)?);
    let title = fields.text(64)?;
    let whole = fields.0.get(..len);
    let state = whole.unwrap_or(fields.0);
    let (state, too_long) = match state.get(..MAX_STATE_LEN) {
        Some(front) if state.len() > MAX_STATE_LEN => (front, true),
        _ => (state, false),
    };
    let (text, unreadable) = state_text(kind, state);
    let decoder = if kind == 3 { format!(" ({library} {class})") } else { String::new() };
    let entry = Entry {
        continuous,
        activity,
        message: Some(format!("{title}{decoder}\n{text}")),
        event: "statedump",
        level: "default",
        ..Entry::default()
    };
    let damage = match (whole, too_long, unreadable) {
        (None, ..) => Some("state of a statedump is cut short"),
        (_, true, _) => Some("state of a statedump is longer than 4 MiB"),
        (_, _, true) => Some("property list of a statedump is damaged"),
        _ => None,
    };
    Some(Dump { ids, sender: present(sender), entry, damage })
}

/// The readable form of a state, and whether it was damaged: property lists as JSON, text as it is, of other forms the text in them.
fn state_text(kind: u32, state: &[u8]) -> (String, bool) {
    if kind == 1 && state.starts_with(b"bplist") {
        match bplist::read(state).ok().and_then(|value| serde_json::to_string(&value).ok()) {
            Some(json) if json.len() <= 2 * MAX_STATE_LEN => return (json, false),
            _ => return (runs(state), true),
        }
    }
    match std::str::from_utf8(state) {
        Ok(text) if kind == 1 => (text.trim_end_matches('\0').to_owned(), false),
        _ => (runs(state), kind == 1),
    }
}

fn runs(state: &[u8]) -> String {
    text_runs(state).map(|(_, text)| text).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::super::writer;
    use super::*;

    #[test]
    fn simpledumps_carry_their_message() {
        let part = writer::simpledump((9, 8), 70, 3, 0xAB, "com.example.launch", "service exited: 9");
        let dump = simple(&part[16..]).unwrap();
        assert_eq!((dump.ids, dump.sender), ((9, 8), Some(Uuid(0xAB))));
        assert_eq!(dump.entry.message.as_deref(), Some("service exited: 9"));
        assert_eq!(dump.entry.subsystem.as_deref(), Some("com.example.launch"));
        assert_eq!((dump.entry.continuous, dump.entry.thread), (70, 3));
    }

    #[test]
    fn states_become_text() {
        let text = |kind, state: &[u8]| {
            let part = writer::statedump((1, 1), 5, kind, ("lib", "Class"), "a title", state);
            let dump = state_of(&part[16..]);
            (dump.entry.message.unwrap(), dump.damage)
        };
        let mut list = Vec::new();
        let value = plist::Value::Dictionary(
            [("path:/usr/bin/x".to_owned(), plist::Value::from(2))].into_iter().collect(),
        );
        value.to_writer_binary(&mut list).unwrap();
        assert_eq!(text(1, &list), ("a title\n{\"path:/usr/bin/x\":2}".into(), None));
        assert_eq!(text(1, b"<plist/>").0, "a title\n<plist/>");
        assert_eq!(text(2, b"\x0a\x07example\x12\x01\xff").0, "a title\nexample");
        assert_eq!(text(3, b"\0\x01/private/x\0").0, "a title (lib Class)\n/private/x");
        assert!(text(1, b"bplist00example.org").1.is_some());
    }

    fn state_of(body: &[u8]) -> Dump {
        state(body).unwrap()
    }

    #[test]
    fn broken_dumps_do_not_panic() {
        let whole = writer::simpledump((9, 8), 70, 3, 0xAB, "sub", "text");
        let other = writer::statedump((1, 1), 5, 1, ("", ""), "title", b"bplist00\xd0");
        for len in 0..other.len() {
            let _ = (simple(whole.get(..len).unwrap_or_default()), state(&other[..len]));
        }
        for bit in 0..other.len() * 8 {
            let mut flipped = other.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let _ = (state(&flipped), simple(&flipped));
        }
    }
}
