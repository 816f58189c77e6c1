use crate::artifact::biome::{DEVICE, LARGEST_BYTES, REMOTE, STATE, STREAM, WRITTEN, entries, streams};
use crate::artifact::prelude::*;
use crate::record::hex;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.biome_boots",
    title: "Starts of the phone in the activity streams",
    about: "When the phone was started and shut down, as Biome noted it (since iOS 15).",
    files: streams!["Device.BootSession"],
    columns: &[WRITTEN, STREAM, STATE, REMOTE, DEVICE, text("boot_uuid"), text("event")],
    shows: Trace::Logged,
    line: "boot {boot_uuid}: {event}",
    parse: Parse::Bytes { most: LARGEST_BYTES, parse },
};

fn parse(bytes: &[u8], out: &mut Out<'_>) -> Result<()> {
    entries(bytes, out, |entry, out| {
        let [written, stream, state, remote, device] = entry.head();
        // Sixteen bytes, or their text.
        let uuid = match entry.message.bytes(1) {
            Some(bytes) if bytes.len() == 16 => hex(bytes).into(),
            _ => entry.message.text(1),
        };
        let event = match entry.message.int(2) {
            Value::Int(1) => "start".into(),
            // A number of zero is not written at all.
            Value::Int(0) | Value::Null => "end".into(),
            other => other.show().into(),
        };
        out.push(entry.place.clone(), [written, stream, state, remote, device, uuid, event]);
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows_at, shake};
    use crate::format::protobuf::testing::{bytes, int};
    use crate::format::segb::testing::version_2;

    #[test]
    fn starts_and_ends_of_boots_are_told() {
        let file = version_2(&[
            (1, 706_615_301.0, [bytes(1, [0xab; 16]), int(2, 1)].concat()),
            (1, 706_615_302.0, bytes(1, "AA-1")),
        ]);
        let path = "/private/var/mobile/Library/Biome/streams/restricted/Device.BootSession/local/12";
        let (records, warnings) = rows_at(&ARTIFACT, path, &file);
        assert!(warnings.is_empty(), "{warnings:?}");
        let uuid = "ab".repeat(16);
        assert_eq!(
            records,
            json!([
                {"written": "2023-05-24T10:01:41.000000+00:00", "stream": "Device.BootSession", "state": "written",
                 "remote": false, "boot_uuid": uuid, "event": "start", "_line": format!("boot {uuid}: start")},
                {"written": "2023-05-24T10:01:42.000000+00:00", "stream": "Device.BootSession", "state": "written",
                 "remote": false, "boot_uuid": "AA-1", "event": "end", "_line": "boot AA-1: end"},
            ])
        );
        shake(&ARTIFACT, &file);
    }
}
