use crate::artifact::prelude::*;
use crate::artifact::protobuf_stream::messages;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.bugbane_files",
    title: "Listing of files (Bugbane)",
    about: "Every file that the collector could see on the phone, with its time of change.",
    files: &["/androidqf/files.pb"],
    columns: &[
        path("file"),
        time("modified", Epoch::Unix, Moment::Modified),
        text("mode"),
        int("size"),
        text("user"),
        text("group"),
    ],
    shows: Trace::Installed,
    line: "file {file} ({mode}, {user}) changed",
    parse: Parse::Bytes { most: 256 << 20, parse },
};

fn parse(bytes: &[u8], out: &mut Out<'_>) -> Result<()> {
    messages(bytes, out, |place, fields, out| {
        let modified = fields.double(2);
        out.push(
            place,
            [fields.text(1), modified, fields.text(3), fields.int(4), fields.text(5), fields.text(6)],
        );
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;
    use crate::format::protobuf::testing::{bytes, double, framed, int};

    #[test]
    fn a_file_has_time_mode_and_owner_and_zero_is_no_time() {
        let stream = [
            framed(&[bytes(1, "/sdcard/a"), double(2, 1_700_000_000.5), bytes(3, "644"), int(4, 7), bytes(5, "root"), bytes(6, "shell")]),
            framed(&[bytes(1, "/sdcard/b"), double(2, 0.0)]),
        ]
        .concat();
        let (records, warnings) = rows_at(&ARTIFACT, "/androidqf/files.pb", &stream);
        assert_eq!(
            records[0],
            json!({"file": "/sdcard/a", "modified": "2023-11-14T22:13:20.500000+00:00", "mode": "644", "size": 7, "user": "root",
                   "group": "shell", "_line": "file /sdcard/a (644, root) changed"})
        );
        assert_eq!((&records[1]["modified"], warnings.len()), (&json!(null), 0));
        shake(&ARTIFACT, &stream);
    }
}
