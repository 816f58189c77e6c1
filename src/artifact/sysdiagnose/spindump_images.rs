use std::collections::BTreeMap;

use crate::artifact::image::LONGEST_PATH_BYTES;
use crate::artifact::prelude::*;
use crate::artifact::spindump::{self, Part};

pub const ARTIFACT: Artifact = Artifact {
    id: "sysdiagnose.spindump_images",
    title: "Loaded programs and libraries (spindump)",
    about: "Every program and library that was loaded into a process while the sysdiagnose was made, once with the processes it was in.",
    files: super::spindump_processes::ARTIFACT.files,
    columns: &[
        time("seen", Epoch::Unix, Moment::Running),
        path("image"),
        text("name"),
        text("version"),
        text("image_uuid"),
        // Words for people: each process is matched where it is listed itself.
        text("processes"),
        int("process_count"),
    ],
    shows: Trace::Executed,
    line: "{image} was loaded (processes: {process_count}): {processes}",
    parse: Parse::Text(parse),
};

/// Different images kept of one report; a phone loads a few thousand.
const IMAGES_KEPT: usize = 20_000;
/// Processes named for an image.
const PROCESSES_NAMED: usize = 20;
/// Of a name, which the kernel keeps shorter.
const NAME_BYTES: usize = 256;

struct Loaded {
    line: u64,
    name: String,
    version: Option<String>,
    processes: Vec<String>,
    count: i64,
}

fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    let mut images: BTreeMap<(String, String), Loaded> = BTreeMap::new();
    let (mut seen, mut dropped) = (None, false);
    let result = spindump::read(lines, &mut |part| match part {
        Part::Header(keys) => seen = keys.time("Date/Time"),
        // Rows of the kernel have no path.
        Part::Image(process, image) if image.path.starts_with('/') => {
            let key = (image.path.to_owned(), image.uuid.to_owned());
            let full = images.len() >= IMAGES_KEPT && !images.contains_key(&key);
            if full || image.path.len() > LONGEST_PATH_BYTES {
                dropped = true;
                return;
            }
            let loaded = images.entry(key).or_insert_with(|| Loaded {
                line: image.line,
                name: cut(image.name).to_owned(),
                version: image.version.map(cut).map(str::to_owned),
                processes: Vec::new(),
                count: 0,
            });
            loaded.count += 1;
            if loaded.processes.len() < PROCESSES_NAMED {
                loaded.processes.extend(process.get("Process").map(cut).map(str::to_owned));
            }
        }
        Part::Process(_) | Part::Image(..) => {}
    });
    if dropped {
        out.warn(None, format!("names more than {IMAGES_KEPT} images, or paths that are too long; they were left out"));
    }
    for ((path, uuid), loaded) in &images {
        out.push(
            Place::Line { line: loaded.line },
            [
                seen.into(),
                path.as_str().into(),
                loaded.name.as_str().into(),
                loaded.version.as_deref().into(),
                uuid.as_str().into(),
                loaded.processes.iter().map(String::as_str).collect(),
                loaded.count.into(),
            ],
        );
    }
    result
}

fn cut(name: &str) -> &str {
    name.get(..name.floor_char_boundary(NAME_BYTES)).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::super::spindump_processes::REPORT;
    use super::*;
    use crate::artifact::testing::*;

    #[test]
    fn an_image_is_one_record_with_its_processes() {
        let (records, warnings) = rows_at(&ARTIFACT, "/sysdiagnose/spindump-nosymbols.txt", REPORT.as_bytes());
        assert!(warnings.is_empty(), "{warnings:?}");
        assert_eq!(records.as_array().unwrap().len(), 3);
        assert_eq!(
            records[1],
            json!({
                "seen": "2023-05-24T11:29:17.757000+00:00", "image": "/private/var/tmp/x.dylib", "name": "x.dylib",
                "image_uuid": "33333333-2B15-382C-BB61-1798AFD60460", "processes": ["Foo Bar [410] (suspended)"],
                "process_count": 1,
                "_line": "/private/var/tmp/x.dylib was loaded (processes: 1): Foo Bar [410] (suspended)",
            })
        );
        assert_eq!((&records[2]["image"], &records[2]["process_count"]), (&json!("/usr/lib/dyld"), &json!(2)));
    }

    #[test]
    fn broken_text_never_panics() {
        shake(&ARTIFACT, REPORT.as_bytes());
    }
}
