use std::collections::HashSet;

use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "sysdiagnose.trace_strings",
    title: "Names in binary traces",
    about: "Names of processes and paths that stand in kernel traces and micro stackshots, which are not read otherwise: leads, no proof.",
    files: &[
        "/sysdiagnose/tailspin-trace.tailspin",
        "/sysdiagnose/microstackshots/**",
        "/private/var/mobile/Library/Logs/CrashReporter/**/*.tailspin",
    ],
    columns: &[
        // Cut to 31 bytes.
        process("name"),
        path("file"),
        caveat("bare", "it stands in a binary trace as bare text: what it says about it was not read"),
    ],
    // A lead: the same text can be an argument or a message.
    shows: Trace::Mentioned,
    line: "a binary trace holds the text {name}{file}",
    parse: Parse::Bytes { most: 256 << 20, parse },
};

/// Names are kept in fields of this size, filled up with zeros.
const FIELD_BYTES: usize = 32;
/// Shorter texts come about by chance.
const SHORTEST_BYTES: usize = 6;
/// A trace longer than this names some process.
const NAMELESS_BYTES: usize = 64 << 10;
const LONGEST_PATH_BYTES: usize = 1024;
/// Different texts of a trace; real ones have some thousands.
const MOST: usize = 50_000;

fn parse(bytes: &[u8], out: &mut Out<'_>) -> Result<()> {
    let mut seen = HashSet::new();
    let mut at = 0;
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        let len = rest.iter().take_while(|byte| matches!(byte, b' '..=b'~')).count();
        let (text, after) = rest.split_at(len);
        let place = Place::Offset { offset: at as u64 };
        at += len + 1;
        if len < SHORTEST_BYTES || after.first() != Some(&0) {
            continue;
        }
        let Ok(text) = std::str::from_utf8(text) else { continue };
        let path = text.starts_with('/') && len <= LONGEST_PATH_BYTES && text.get(1..).is_some_and(|rest| rest.contains('/'));
        if !(path || is_name(text, after)) || !seen.insert(text) {
            continue;
        }
        if seen.len() > MOST {
            out.warn(Some(place), format!("holds more than {MOST} different names; the rest was not read"));
            break;
        }
        let (name, file) = if path { (None, Some(text)) } else { (Some(text), None) };
        out.push(place, [name.into(), file.into(), true.into()]);
    }
    if seen.is_empty() && bytes.len() > NAMELESS_BYTES {
        out.warn(None, "holds no name or path in the open: it may be compressed, and was not searched");
    }
    Ok(())
}

fn is_name(text: &str, after: &[u8]) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b' ');
    let Some(filling) = FIELD_BYTES.checked_sub(text.len()).and_then(|filling| after.get(..filling)) else {
        return false;
    };
    filling.iter().all(|byte| *byte == 0) && text.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    fn field(name: &str) -> Vec<u8> {
        let mut field = name.as_bytes().to_vec();
        field.resize(FIELD_BYTES, 0);
        field
    }

    #[test]
    fn names_in_full_fields_and_paths_are_leads() {
        let trace = [
            b"\x01\x02".to_vec(),
            field("roleaboutd"),
            field("short"),
            field("roleaboutd"),
            b"not a field\0\x01".to_vec(),
            b"/private/var/tmp/x\0".to_vec(),
            field("a=b(c) d"),
            b"unended".to_vec(),
        ]
        .concat();
        assert_eq!(
            rows(&ARTIFACT, &trace),
            json!([
                { "name": "roleaboutd", "bare": true, "_line": "a binary trace holds the text roleaboutd" },
                { "file": "/private/var/tmp/x", "bare": true, "_line": "a binary trace holds the text /private/var/tmp/x" },
            ])
        );
        assert_eq!(rows_at(&ARTIFACT, "/x", &vec![7; NAMELESS_BYTES + 1]).1.len(), 1);
        shake(&ARTIFACT, &trace);
    }

    #[test]
    fn a_trace_made_to_fill_memory_is_bounded_and_says_so() {
        let many: Vec<u8> = (0..=MOST).flat_map(|number| format!("/aa/b{number}\0").into_bytes()).collect();
        let (records, warnings) = rows_at(&ARTIFACT, "/x", &many);
        assert_eq!((records.as_array().unwrap().len(), warnings.len()), (MOST, 1));
    }
}
