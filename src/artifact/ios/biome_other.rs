use crate::artifact::biome::{
    DEVICE, LARGEST_BYTES, REMOTE, STATE, STREAM, WRITTEN, entries, sorted, stream_of, streams,
};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.biome_other",
    title: "Other activity streams",
    about: "Links, addresses, paths and apps named in streams of Biome whose fields are not published (since iOS 15).",
    files: streams!["*"],
    columns: &[WRITTEN, STREAM, STATE, REMOTE, DEVICE, path("files"), app_id("apps"), message("texts")],
    shows: Trace::Logged,
    line: "{stream}: {texts} {files}",
    parse: Parse::Bytes { most: LARGEST_BYTES, parse },
};

/// Streams that artifacts of their own read.
const KNOWN: [&[&str]; 5] = [
    super::biome_apps::ARTIFACT.files,
    super::biome_boots::ARTIFACT.files,
    super::biome_installs::ARTIFACT.files,
    super::biome_messages::ARTIFACT.files,
    super::biome_web::ARTIFACT.files,
];

fn parse(bytes: &[u8], out: &mut Out<'_>) -> Result<()> {
    let (stream, _) = stream_of(out.path());
    if KNOWN.iter().any(|files| files.iter().any(|glob| stream_of(glob).0 == stream)) {
        return Ok(());
    }
    entries(bytes, out, |entry, out| {
        let [files, apps, texts] = sorted(&entry.texts);
        if files.is_null() && texts.is_null() {
            return;
        }
        let [written, stream, state, remote, device] = entry.head();
        out.push(entry.place.clone(), [written, stream, state, remote, device, files, apps, texts]);
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows_at, shake};
    use crate::format::protobuf::testing::{bytes, int};
    use crate::format::segb::testing::{version_1, version_2};

    fn file() -> Vec<(i32, f64, Vec<u8>)> {
        let named = [bytes(3, bytes(1, "https://a.example/x")), bytes(4, "org.example.app"), bytes(5, "/private/var/tmp/x")];
        vec![(1, 706_615_301.0, named.concat()), (1, 706_615_302.0, int(1, 5)), (3, 706_615_303.0, b"\0\0gone.example\0".to_vec())]
    }

    #[test]
    fn entries_of_any_stream_that_name_something_are_records() {
        let path = "/private/var/db/biome/streams/public/Some.New.Stream/local/12";
        for file in [version_1(&file()), version_2(&file())] {
            let (records, warnings) = rows_at(&ARTIFACT, path, &file);
            assert!(warnings.is_empty(), "{warnings:?}");
            assert_eq!(
                records,
                json!([
                    {"written": "2023-05-24T10:01:41.000000+00:00", "stream": "Some.New.Stream", "state": "written",
                     "remote": false, "files": "/private/var/tmp/x", "apps": "org.example.app",
                     "texts": ["https://a.example/x", "org.example.app"],
                     "_line": "Some.New.Stream: https://a.example/x, org.example.app /private/var/tmp/x"},
                    {"written": "2023-05-24T10:01:43.000000+00:00", "stream": "Some.New.Stream", "state": "deleted",
                     "remote": false, "apps": "gone.example", "texts": "gone.example",
                     "_line": "Some.New.Stream: gone.example "},
                ])
            );
            shake(&ARTIFACT, &file);
        }
    }

    #[test]
    fn known_streams_are_left_to_their_artifacts() {
        let path = "/private/var/mobile/Library/Biome/streams/restricted/App.InFocus/local/12";
        assert_eq!(rows_at(&ARTIFACT, path, &version_1(&file())).0, json!([]));
    }
}
