//! For the tests in artifact files: text becomes a database or property list, records become JSON.

pub use serde_json::json;

use super::{Artifact, Beside, Line, LogPart, Out, Parse, Record, Sink};
use crate::format::sqlite::Database;
use crate::format::text::Lines;
use crate::time::Clock;

/// The bytes of a database made by these statements.
pub fn sqlite(statements: &str) -> Vec<u8> {
    let mut connection = rusqlite::Connection::open_in_memory().unwrap();
    connection.execute_batch(statements).unwrap();
    connection.serialize("main").unwrap().to_vec()
}

struct Collected(Vec<serde_json::Value>);

impl Sink for Collected {
    fn record(&mut self, record: &Record<'_>) {
        let columns = record.artifact.columns.iter().zip(record.values);
        let mut object: serde_json::Map<_, _> = columns
            .filter(|(_, value)| !value.is_null())
            .map(|(column, value)| (column.name.to_owned(), serde_json::to_value(value).unwrap()))
            .collect();
        object.insert("_line".into(), Line::of(record.artifact).fill(record.values).into());
        self.0.push(object.into());
    }
}

/// The records an artifact makes of a file's bytes, as JSON objects without their nulls, with the timeline's `_line`.
pub fn rows(artifact: &'static Artifact, bytes: &[u8]) -> serde_json::Value {
    rows_at(artifact, "/private/var/mobile/test", bytes).0
}

/// [`rows`] of a file at a path, with the warnings.
pub fn rows_at(artifact: &'static Artifact, path: &str, bytes: &[u8]) -> (serde_json::Value, Vec<String>) {
    rows_by(artifact, path, bytes, &[], Clock::NONE)
}

/// [`rows_at`] in an acquisition of 2023-05-24 12:00:00 UTC by a phone two hours east of it.
pub fn rows_timed(artifact: &'static Artifact, path: &str, bytes: &[u8]) -> (serde_json::Value, Vec<String>) {
    let clock = Clock {
        snapshot: crate::time::zoned("2023-05-24T12:00:00Z"),
        offset: crate::time::offset("+0200"),
        ..Clock::NONE
    };
    rows_by(artifact, path, bytes, &[], clock)
}

/// [`rows_at`] with databases beside it, by their paths.
pub fn rows_beside(
    artifact: &'static Artifact,
    path: &str,
    bytes: &[u8],
    beside: &[(&'static str, Vec<u8>)],
) -> (serde_json::Value, Vec<String>) {
    rows_by(artifact, path, bytes, beside, Clock::NONE)
}

fn rows_by(
    artifact: &'static Artifact,
    path: &str,
    bytes: &[u8],
    beside: &[(&'static str, Vec<u8>)],
    clock: Clock,
) -> (serde_json::Value, Vec<String>) {
    let opened = |(path, bytes): &(&'static str, Vec<u8>)| Beside {
        path,
        database: Database::open(Box::new(bytes.clone()), None).unwrap(),
    };
    let beside: Vec<Beside<'_>> = beside.iter().map(opened).collect();
    let mut collected = Collected(Vec::new());
    let mut out = Out::new(artifact, path, &mut collected).with_clock(clock);
    let mut warnings = Vec::new();
    let result = if artifact.parse.is_database() {
        Database::open(Box::new(bytes.to_vec()), None)
            .map_err(anyhow::Error::from)
            .and_then(|database| super::read_database(artifact, &database, &beside, &mut out))
    } else if let Parse::Plist(parse) = artifact.parse {
        crate::format::keyed::parse(bytes).and_then(|value| parse(&value, &mut out))
    } else if let Parse::Head { bytes: count, parse } = artifact.parse {
        parse(&bytes[..count.min(bytes.len())], &mut out);
        Ok(())
    } else if let Parse::Text(parse) = artifact.parse {
        let text = bytes.to_vec();
        Lines::new(&text).map_err(anyhow::Error::from).and_then(|mut lines| parse(&mut lines, &mut out))
    } else if let Parse::Bytes { parse, .. } | Parse::UnifiedLog(LogPart::Image(parse)) = artifact.parse {
        parse(bytes, &mut out)
    } else {
        panic!("a listing has no bytes")
    };
    if let Err(error) = result {
        warnings.push(format!("{error:#}"));
    }
    warnings.extend(out.into_warnings().into_iter().map(|(text, _, _)| text));
    (collected.0.into(), warnings)
}

/// The records an artifact makes of one file of the listing.
pub fn listed(artifact: &'static Artifact, file: &crate::source::VirtualFile) -> serde_json::Value {
    let Parse::Listing(parse) = artifact.parse else { panic!("reads no listing") };
    let mut collected = Collected(Vec::new());
    let mut out = Out::new(artifact, &file.path, &mut collected);
    parse(file, &mut out);
    collected.0.into()
}

/// Runs the artifact over every truncation at a power of two and over seeded bit flips: nothing may panic.
pub fn shake(artifact: &'static Artifact, bytes: &[u8]) {
    let cuts = (0..32).map(|power| 1usize << power).take_while(|cut| *cut < bytes.len());
    for cut in cuts {
        rows(artifact, &bytes[..cut]);
    }
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    for _ in 0..64 {
        let mut broken = bytes.to_vec();
        for _ in 0..4 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let at = (state >> 33) as usize % broken.len().max(1);
            if let Some(byte) = broken.get_mut(at) {
                *byte ^= 1 << (state & 7);
            }
        }
        rows(artifact, &broken);
    }
}
