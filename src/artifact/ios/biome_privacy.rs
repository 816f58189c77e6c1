use crate::artifact::biome::{DEVICE, LARGEST_BYTES, REMOTE, STATE, STREAM, WRITTEN, entries};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.biome_privacy",
    title: "Accesses to camera, microphone and data",
    about: "Which program used the camera, the microphone, the location, contacts or photos when, as the App Privacy Report has it.",
    files: &["/private/var/mobile/Library/PrivacyAccounting/Biome/*/local/*"],
    columns: &[
        WRITTEN,
        STREAM,
        STATE,
        REMOTE,
        DEVICE,
        text("service"),
        app_id("app"),
        // Programs that are no apps are named by their path.
        process("program"),
        int("client_kind"),
        // Of the beginning and the end of one access.
        text("access_id"),
        int("kind"),
        message("other"),
    ],
    shows: Trace::Executed,
    line: "{app}{program} used {service} ({kind})",
    parse: Parse::Bytes { most: LARGEST_BYTES, parse },
};

fn parse(bytes: &[u8], out: &mut Out<'_>) -> Result<()> {
    entries(bytes, out, |entry, out| {
        let access = entry.message.message(1);
        let client = access.message(1);
        let name = client.text(2);
        let is_path = name.as_text().is_some_and(|name| name.contains('/'));
        let (app, program) = if is_path { (Value::Null, name) } else { (name, Value::Null) };
        let (service, id) = (entry.message.text(2), access.text(2));
        entry.push([service, app, program, client.int(1), id, access.int(3)], out);
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows_at, shake};
    use crate::format::protobuf::testing::{bytes, int};
    use crate::format::segb::testing::version_2;

    #[test]
    fn apps_and_programs_are_told_with_what_they_used() {
        let access = |client: &str| {
            let client = [int(1, 1), bytes(2, client)].concat();
            let access = [bytes(1, client), bytes(2, "AA-1"), int(3, 2)].concat();
            [bytes(1, access), bytes(2, "microphone")].concat()
        };
        let file = version_2(&[
            (1, 706_615_301.0, access("org.example.app")),
            (1, 706_615_302.0, access("/private/var/tmp/x")),
        ]);
        let path = "/private/var/mobile/Library/PrivacyAccounting/Biome/com.apple.privacy.accounting.stream.microphone/local/1";
        let (records, warnings) = rows_at(&ARTIFACT, path, &file);
        assert!(warnings.is_empty(), "{warnings:?}");
        let stream = "com.apple.privacy.accounting.stream.microphone";
        assert_eq!(
            records,
            json!([
                {"written": "2023-05-24T10:01:41.000000+00:00", "stream": stream, "state": "written", "remote": false,
                 "service": "microphone", "app": "org.example.app", "client_kind": 1, "access_id": "AA-1", "kind": 2,
                 "_line": "org.example.app used microphone (2)"},
                {"written": "2023-05-24T10:01:42.000000+00:00", "stream": stream, "state": "written", "remote": false,
                 "service": "microphone", "program": "/private/var/tmp/x", "client_kind": 1, "access_id": "AA-1", "kind": 2,
                 "_line": "/private/var/tmp/x used microphone (2)"},
            ])
        );
        shake(&ARTIFACT, &file);
    }
}
