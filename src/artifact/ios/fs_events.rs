use crate::artifact::prelude::*;
use crate::format::fsevents::{read, unpack, words};

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.fs_events",
    title: "Changes of files",
    about: "Files and folders that were created, changed, renamed or removed, in order and without times; names of removed ones stay.",
    files: &["/private/var/.fseventsd/*", "/private/var/mobile/.fseventsd/*", "/.fseventsd/*"],
    columns: &[path("file"), text("events"), int("event_id"), int("node")],
    shows: Trace::Installed,
    line: "{file}: {events}",
    parse: Parse::Bytes { most: 256 << 20, parse },
};

/// A file is closed at some megabytes.
const LARGEST_UNPACKED: u64 = 256 << 20;
const GZIP: [u8; 2] = [0x1f, 0x8b];

fn parse(bytes: &[u8], out: &mut Out<'_>) -> Result<()> {
    let path = out.path().to_owned();
    let (volume, name) = path.split_once("/.fseventsd/").unwrap_or(("", ""));
    // Beside the events lies the UUID of the volume.
    let is_events = name.len() == 16 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    if bytes.is_empty() || !is_events && !bytes.starts_with(&GZIP) {
        return Ok(());
    }
    anyhow::ensure!(bytes.starts_with(&GZIP), "is not compressed as files of events are");
    let (pages, damage) = unpack(bytes, LARGEST_UNPACKED);
    if let Some(damage) = damage {
        out.warn(None, damage);
    }
    read(&pages, &mut |event| match event {
        // Marks between transactions.
        Ok(event) if event.path.is_empty() => {}
        Ok(event) => out.push(
            Place::Offset { offset: event.offset },
            [
                absolute(volume, &String::from_utf8_lossy(event.path)).into(),
                words(event.flags).into_iter().collect(),
                event.id.into(),
                event.node.into(),
            ],
        ),
        Err(problem) => out.warn(None, problem),
    });
    Ok(())
}

/// Paths begin at the root of the volume, some versions write them from the root of all.
fn absolute(volume: &str, path: &str) -> String {
    let path = path.trim_start_matches('/');
    if path.starts_with("private/") || volume.is_empty() { format!("/{path}") } else { format!("{volume}/{path}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows_at, shake};
    use crate::format::fsevents::testing::{packed, page};

    const PATH: &str = "/private/var/.fseventsd/0000000000123456";

    #[test]
    fn events_have_absolute_paths_and_words() {
        let bytes = packed(&page(2, &[("tmp/bh", 5, 0x80_0003), ("private/var/db/x", 6, 0x180), ("", 7, 0x2000_0000)]));
        assert_eq!(
            rows_at(&ARTIFACT, PATH, &bytes),
            (
                json!([
                    {"file": "/private/var/tmp/bh", "events": ["created", "removed", "file"], "event_id": 5, "node": 77,
                     "_line": "/private/var/tmp/bh: created, removed, file"},
                    {"file": "/private/var/db/x", "events": ["folder created", "permissions changed"], "event_id": 6, "node": 77,
                     "_line": "/private/var/db/x: folder created, permissions changed"},
                ]),
                vec![]
            )
        );
        shake(&ARTIFACT, &bytes);
    }

    #[test]
    fn damage_is_told_and_neighbours_are_passed_over() {
        let bytes = packed(&page(1, &[("a", 1, 1)]));
        assert!(!rows_at(&ARTIFACT, PATH, &bytes[..bytes.len() - 6]).1.is_empty());
        assert_eq!(rows_at(&ARTIFACT, PATH, b"hello").1, ["is not compressed as files of events are"]);
        assert_eq!(rows_at(&ARTIFACT, "/private/var/.fseventsd/fseventsd-uuid", b"AA-1"), (json!([]), vec![]));
    }
}
