//! The form for programs, since Android 12. Only the fields that are used are looked at; the others are stepped over.

use anyhow::{Result, bail};

use super::Tombstone;
use crate::format::protobuf::{Field, Fields};

const ARCHITECTURES: [&str; 6] = ["arm", "arm64", "x86", "x86_64", "riscv64", "none"];

pub fn read(bytes: &[u8]) -> Result<Tombstone> {
    let mut tombstone = Tombstone::default();
    let mut threads: Vec<(i64, Thread<'_>)> = Vec::new();
    // proto3 leaves zeros out.
    (tombstone.uid, tombstone.tid) = (Some(0), Some(0));
    let mut architecture = 0;
    let result = each(bytes, &mut |number, field| match (number, field) {
        (1, Field::Varint(value)) => architecture = value,
        (2, Field::Bytes(text)) => tombstone.fingerprint = words(text),
        (3, Field::Bytes(text)) => tombstone.revision = words(text),
        (4, Field::Bytes(text)) => tombstone.timestamp = words(text),
        (5, Field::Varint(value)) => tombstone.pid = i64::try_from(value).ok(),
        (6, Field::Varint(value)) => tombstone.tid = i64::try_from(value).ok(),
        (7, Field::Varint(value)) => tombstone.uid = i64::try_from(value).ok(),
        (8, Field::Bytes(text)) => tombstone.label = words(text),
        (9, Field::Bytes(text)) if tombstone.command_line.len() < REPEATED_MOST => {
            tombstone.command_line.push(String::from_utf8_lossy(text).into_owned());
        }
        (10, Field::Bytes(message)) => signal(message, &mut tombstone),
        (14, Field::Bytes(text)) => tombstone.abort_message = words(text),
        (15, Field::Bytes(message)) if tombstone.causes.len() < REPEATED_MOST => {
            tombstone.causes.extend(text_field(message, 1));
        }
        (16, Field::Bytes(message)) if threads.len() < REPEATED_MOST => threads.extend(thread(message)),
        (17, Field::Bytes(message)) => mapping(message, &mut tombstone),
        (19, Field::Bytes(message)) => {
            let name = text_field(message, 2).unwrap_or_default();
            tombstone.file(&name, "open", false);
        }
        (20, Field::Varint(value)) => tombstone.uptime_s = i64::try_from(value).ok(),
        _ => {}
    });
    if tombstone.pid.is_none() {
        // Nothing of it is known: the zeros above were assumed.
        result?;
        bail!("is no report of a crash");
    }
    let name = usize::try_from(architecture).ok().and_then(|index| ARCHITECTURES.get(index));
    tombstone.architecture = name.map(|name| (*name).to_owned());
    let crashed = threads.iter().find(|(id, _)| Some(*id) == tombstone.tid).map(|(_, thread)| thread);
    if let Some(Thread { name, frames }) = crashed {
        tombstone.thread = name.clone();
        for frame in frames {
            tombstone.file(&text_field(frame, 6).unwrap_or_default(), "backtrace", true);
        }
    }
    Ok(tombstone)
}

/// Threads, frames, arguments and causes kept.
const REPEATED_MOST: usize = 5_000;

struct Thread<'b> {
    name: Option<String>,
    frames: Vec<&'b [u8]>,
}

/// An entry of the map of threads: its key and the thread.
fn thread(entry: &[u8]) -> Option<(i64, Thread<'_>)> {
    let (mut id, mut message) = (0, None);
    let whole = each(entry, &mut |number, field| match (number, field) {
        (1, Field::Varint(value)) => id = value,
        (2, Field::Bytes(value)) => message = Some(value),
        _ => {}
    });
    let mut thread = Thread { name: None, frames: Vec::new() };
    let inside = each(message?, &mut |number, field| match (number, field) {
        (2, Field::Bytes(name)) => thread.name = words(name),
        (4, Field::Bytes(frame)) if thread.frames.len() < REPEATED_MOST => thread.frames.push(frame),
        _ => {}
    });
    // A damaged entry still has what was read before the damage.
    let _ = (whole, inside);
    Some((i64::try_from(id).ok()?, thread))
}

fn signal(message: &[u8], tombstone: &mut Tombstone) {
    (tombstone.signal, tombstone.code) = (Some(0), Some(0));
    let (mut has_sender, mut has_address, mut address) = (false, false, 0);
    let (mut uid, mut pid) = (0, 0);
    let read = each(message, &mut |number, field| match (number, field) {
        (1, Field::Varint(value)) => tombstone.signal = Some(signed(value)),
        (2, Field::Bytes(name)) => tombstone.signal_name = words(name),
        (3, Field::Varint(value)) => tombstone.code = Some(signed(value)),
        (4, Field::Bytes(name)) => tombstone.code_name = words(name),
        (5, Field::Varint(value)) => has_sender = value != 0,
        (6, Field::Varint(value)) => uid = signed(value),
        (7, Field::Varint(value)) => pid = signed(value),
        (8, Field::Varint(value)) => has_address = value != 0,
        (9, Field::Varint(value)) => address = value,
        _ => {}
    });
    let _ = read;
    if has_sender {
        (tombstone.sender_uid, tombstone.sender_pid) = (Some(uid), Some(pid));
    }
    tombstone.fault_address = has_address.then(|| format!("0x{address:x}"));
}

fn mapping(message: &[u8], tombstone: &mut Tombstone) {
    let (mut name, mut executable) = (None, false);
    let read = each(message, &mut |number, field| match (number, field) {
        (6, Field::Varint(value)) => executable = value != 0,
        (7, Field::Bytes(text)) => name = words(text),
        _ => {}
    });
    let _ = read;
    tombstone.file(&name.unwrap_or_default(), "mapped", executable);
}

fn text_field(message: &[u8], wanted: u64) -> Option<String> {
    let mut found = None;
    let read = each(message, &mut |number, field| {
        if let (true, Field::Bytes(text)) = (number == wanted, field) {
            found = words(text);
        }
    });
    let _ = read;
    found
}

/// Negative numbers fill all 64 bits.
fn signed(value: u64) -> i64 {
    i64::from_ne_bytes(value.to_ne_bytes())
}

/// A text without the NUL at the end that labels have; `None` if it is empty.
fn words(bytes: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(bytes);
    Some(text.trim_end_matches('\0').to_owned()).filter(|text| !text.is_empty())
}

/// Gives the fields of a message until the first that cannot be read.
fn each<'b>(message: &'b [u8], take: &mut dyn FnMut(u64, Field<'b>)) -> Result<()> {
    for field in Fields::new(message) {
        let (number, field) = field?;
        take(number, field);
    }
    Ok(())
}
