use super::tombstones::timestamp;
use crate::artifact::prelude::*;
use crate::artifact::tombstone;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.tombstone_files",
    title: "Files in crashed programs",
    about: "Files that a crashed program had in its memory, on the way to its crash or open.",
    files: &["/data/tombstones/tombstone_*"],
    columns: &[
        // The event itself is told once, with the crash.
        Column { moment: None, ..time("crashed", Epoch::Unix, Moment::Crashed) },
        path("file"),
        // `backtrace`, `mapped` or `open`.
        text("role"),
        boolean("executable"),
        text("program"),
        int("pid"),
    ],
    shows: Trace::Executed,
    line: "{program} [{pid}] had {file} {role} when it crashed",
    parse: Parse::Bytes { most: 64 << 20, parse },
};

fn parse(bytes: &[u8], out: &mut Out<'_>) -> Result<()> {
    // That it is no report is told with the crash.
    let Ok(crash) = tombstone::read(out.path(), bytes) else { return Ok(()) };
    let crashed = crash.timestamp.as_deref().and_then(timestamp);
    for file in &crash.files {
        out.push(
            Place::Offset { offset: 0 },
            [
                crashed.into(),
                file.name.as_str().into(),
                file.role.into(),
                file.executable.into(),
                crash.program().into(),
                crash.pid.into(),
            ],
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::android::tombstones::tests::{TEXT, protobuf};
    use crate::artifact::testing::*;

    fn files(path: &str, bytes: &[u8]) -> Vec<String> {
        let records = rows_at(&ARTIFACT, path, bytes).0;
        let record = |record: &serde_json::Value| format!("{} {} {}", record["role"], record["file"], record["executable"]);
        records.as_array().unwrap().iter().map(|found| record(found).replace('"', "")).collect()
    }

    #[test]
    fn frames_mappings_and_open_files_are_told_apart() {
        assert_eq!(
            files("/data/tombstones/tombstone_00", TEXT.as_bytes()),
            [
                "backtrace /apex/com.android.runtime/lib64/bionic/libc.so true",
                "open /data/a b (deleted) false",
                "backtrace /data/local/tmp/x.so true",
                "mapped /data/local/tmp/x.so false",
                "open /dev/null false",
                "mapped /memfd:jit-cache (deleted) true",
            ]
        );
        assert_eq!(
            files("/data/tombstones/tombstone_00.pb", &protobuf()),
            ["backtrace /data/local/tmp/x.so true", "open /dev/null false", "mapped /memfd:jit-cache (deleted) true"]
        );
        shake(&ARTIFACT, TEXT.as_bytes());
    }
}
