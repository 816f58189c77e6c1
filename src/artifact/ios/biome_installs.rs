use crate::artifact::biome::{DEVICE, LARGEST_BYTES, NOTED, REMOTE, STATE, STREAM, entries, streams};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.biome_installs",
    title: "Installations in the activity streams",
    about: "When apps were installed, as Biome noted it; also apps that were removed since (since iOS 15).",
    files: streams!["App.Install" "_DKEvent.App.Install"],
    columns: &[
        NOTED,
        STREAM,
        STATE,
        REMOTE,
        DEVICE,
        time("installed", Epoch::Mac, Moment::Installed),
        app_id("app"),
        message("other"),
    ],
    shows: Trace::Installed,
    line: "{app} installed",
    parse: Parse::Bytes { most: LARGEST_BYTES, parse },
};

fn parse(bytes: &[u8], out: &mut Out<'_>) -> Result<()> {
    entries(bytes, out, |entry, out| {
        let installed = match entry.message.double(2) {
            Value::Null => entry.message.double(3),
            installed => installed,
        };
        entry.push([installed, entry.message.message(4).text(3)], out);
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows_at, shake};
    use crate::format::protobuf::testing::{bytes, double};
    use crate::format::segb::testing::version_1;

    #[test]
    fn installations_are_told_and_other_fields_too() {
        let entry = |time: Vec<u8>| [time, bytes(4, bytes(3, "org.example.app"))].concat();
        let odd = bytes(6, "org.example.other");
        let file = version_1(&[
            (1, 706_615_301.0, entry(double(2, 706_615_300.0))),
            (1, 706_615_301.0, entry(double(3, 706_615_300.0))),
            (3, 706_615_301.0, odd),
            (3, 706_615_301.0, vec![0; 20]),
        ]);
        let path = "/private/var/mobile/Library/Biome/streams/public/App.Install/local/12";
        let (records, warnings) = rows_at(&ARTIFACT, path, &file);
        let record = json!({"written": "2023-05-24T10:01:41.000000+00:00", "stream": "App.Install", "state": "written",
            "remote": false, "installed": "2023-05-24T10:01:40.000000+00:00", "app": "org.example.app",
            "_line": "org.example.app installed"});
        let deleted = json!({"written": "2023-05-24T10:01:41.000000+00:00", "stream": "App.Install", "state": "deleted",
            "remote": false, "other": "org.example.other", "_line": " installed"});
        assert_eq!(records, json!([record, record, deleted]));
        assert!(warnings.is_empty(), "{warnings:?}");
        shake(&ARTIFACT, &file);
    }
}
