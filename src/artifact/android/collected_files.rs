use crate::artifact::json::{each, int as int_of, word as text_of};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.collected_files",
    title: "File listing (collector)",
    about: "Files of the phone that its shell could see, with owners and times.",
    files: &["/androidqf/files.json"],
    columns: &[
        path("file"),
        int("size_bytes"),
        text("mode"),
        boolean("executable"),
        boolean("set_uid"),
        int("uid"),
        text("user"),
        int("gid"),
        text("group"),
        text("context"),
        // Seconds; listings made by `find` have the second one only.
        time("changed", Epoch::Unix, Moment::MetadataChanged).rounded(Precision::Second),
        time("modified", Epoch::Unix, Moment::Modified).rounded(Precision::Second),
        time("accessed", Epoch::Unix, Moment::Viewed).rounded(Precision::Second),
        hash("md5"),
        hash("sha1"),
        hash("sha256"),
        hash("sha512"),
        text("error"),
    ],
    shows: Trace::Installed,
    line: "file {file} of {user} {uid}, mode {mode}",
    parse: Parse::Bytes { most: 1 << 30, parse },
};

fn parse(bytes: &[u8], out: &mut Out<'_>) -> Result<()> {
    each(bytes, |number, file| {
        let place = Place::key(format!("[{number}]"));
        let Some(path) = text_of(file, "path") else {
            out.warn(Some(place), "is no file");
            return;
        };
        let mode = text_of(file, "mode");
        let rights = mode.map(rights);
        out.push(
            place,
            [
                path.into(),
                int_of(file, "size").into(),
                mode.into(),
                rights.map(|rights| rights.0).into(),
                rights.map(|rights| rights.1).into(),
                int_of(file, "user_id").into(),
                text_of(file, "user_name").into(),
                int_of(file, "group_id").into(),
                text_of(file, "group_name").into(),
                text_of(file, "context").into(),
                date(int_of(file, "changed_time")),
                date(int_of(file, "modified_time")),
                date(int_of(file, "access_time")),
                text_of(file, "md5").into(),
                text_of(file, "sha1").into(),
                text_of(file, "sha256").into(),
                text_of(file, "sha512").into(),
                text_of(file, "error").into(),
            ],
        );
    })
}

/// The system image has 1970 and the like, hundreds of thousand times: no date, and not worth a warning each.
fn date(seconds: Option<i64>) -> Value<'static> {
    seconds.filter(|seconds| *seconds > 315_532_800).into()
}

/// Whether it may be executed, and whether it then runs as its owner: `-rwxr-xr-x`, Go's `urwxr-xr-x`, `644`, `104755`.
fn rights(mode: &str) -> (bool, bool) {
    if let Ok(bits) = u32::from_str_radix(mode, 8) {
        let is_file = matches!(bits & 0o170_000, 0 | 0o100_000);
        return (is_file && bits & 0o111 != 0, is_file && bits & 0o4000 != 0);
    }
    // The kind of the file comes first and may be several letters.
    let split = mode.len().checked_sub(9).and_then(|at| mode.split_at_checked(at));
    let (kind, bits) = split.unwrap_or(("", mode));
    // Folders, links, sockets and devices are none of both.
    if !kind.chars().all(|letter| matches!(letter, '-' | 'u' | 'g' | 't')) {
        return (false, false);
    }
    let owner = bits.get(..3).unwrap_or_default();
    (bits.contains(['x', 's', 't']), kind.contains('u') || owner.contains(['s', 'S']))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const FILES: &str = r#"{"path": "/data/local/tmp/a.sh", "size": 5, "mode": "-rwxr-xr-x", "user_id": 2000, "user_name": "shell", "group_id": 2000, "group_name": "shell",
 "changed_time": 1700000000, "modified_time": 1700000100, "access_time": 1700000100, "error": "", "context": "u:object_r:shell_data_file:s0", "sha256": ""}
{"path": "/data/local/tmp/b.txt", "mode": "644", "changed_time": 0, "modified_time": 1700000200, "access_time": 0}
{"path": "/system/x", "mode": "", "modified_time": 1}
{"size": 1}"#;

    #[test]
    fn times_that_a_listing_lacks_are_no_times() {
        let (records, warnings) = rows_at(&ARTIFACT, "/androidqf/files.json", FILES.as_bytes());
        assert_eq!(warnings, ["is no file"]);
        assert_eq!(
            records,
            json!([
                {"file": "/data/local/tmp/a.sh", "size_bytes": 5, "mode": "-rwxr-xr-x", "executable": true, "set_uid": false, "uid": 2000,
                 "user": "shell", "gid": 2000, "group": "shell", "context": "u:object_r:shell_data_file:s0",
                 "changed": "2023-11-14T22:13:20.000000+00:00", "modified": "2023-11-14T22:15:00.000000+00:00",
                 "accessed": "2023-11-14T22:15:00.000000+00:00", "_line": "file /data/local/tmp/a.sh of shell 2000, mode -rwxr-xr-x"},
                {"file": "/data/local/tmp/b.txt", "mode": "644", "executable": false, "set_uid": false,
                 "modified": "2023-11-14T22:16:40.000000+00:00", "_line": "file /data/local/tmp/b.txt of  , mode 644"},
                {"file": "/system/x", "_line": "file /system/x of  , mode "},
            ])
        );
        shake(&ARTIFACT, FILES.as_bytes());
    }

    #[test]
    fn modes_come_in_letters_and_in_octal() {
        for (mode, expected) in [
            ("urwxr-xr-x", (true, true)),
            ("-rwsr-xr-x", (true, true)),
            ("4755", (true, true)),
            ("100644", (false, false)),
            ("755", (true, false)),
            ("-rw-rw----", (false, false)),
            ("Lrwxrwxrwx", (false, false)),
            ("drwxr-xr-x", (false, false)),
            ("Srwxrwxrwx", (false, false)),
            ("Dcrw-rw-r-x", (false, false)),
            ("040755", (false, false)),
            ("é", (false, false)),
        ] {
            assert_eq!(rights(mode), expected, "{mode}");
        }
    }
}
