use crate::artifact::biome::{DEVICE, LARGEST_BYTES, NOTED, REMOTE, STATE, STREAM, entries, streams};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.biome_apps",
    title: "Apps in the activity streams",
    about: "Which app was in the foreground when, as Biome noted it; also apps that were removed since (since iOS 15).",
    files: streams!["App.InFocus" "_DKEvent.App.InFocus" "ScreenTime.AppUsage"],
    columns: &[
        NOTED,
        STREAM,
        STATE,
        REMOTE,
        DEVICE,
        time("started", Epoch::Mac, Moment::Started),
        time("ended", Epoch::Mac, Moment::Ended),
        // Usage of the screen time has no time of its own.
        time("noted", Epoch::Mac, Moment::Logged),
        app_id("app"),
        text("version"),
        text("build"),
        text("launch_reason"),
        message("other"),
    ],
    shows: Trace::Executed,
    line: "{app} in the foreground {launch_reason}",
    parse: Parse::Bytes { most: LARGEST_BYTES, parse },
};

fn parse(bytes: &[u8], out: &mut Out<'_>) -> Result<()> {
    entries(bytes, out, |entry, out| {
        let message = &entry.message;
        let mut values: [Value<'_>; 7] = std::array::from_fn(|_| Value::Null);
        let [started, ended, noted, app, version, build, reason] = &mut values;
        match entry.stream {
            "App.InFocus" => {
                // 1 came to the front, 0 went to the back.
                let side = if message.int(3).as_int() == Some(0) { ended } else { started };
                (*side, *app, *reason) = (message.double(4), message.text(6), message.text(1));
                (*version, *build) = (message.text(9), message.text(10));
            }
            "ScreenTime.AppUsage" => (*noted, *app) = (entry.written(), message.text(3)),
            _ => {
                (*started, *ended) = (message.double(2), message.double(3));
                *app = message.message(4).text(3);
            }
        }
        entry.push(values, out);
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows_at, shake};
    use crate::format::protobuf::testing::{bytes, double, int};
    use crate::format::segb::testing::{version_1, version_2};

    fn records(stream: &str, file: &[u8]) -> serde_json::Value {
        let path = format!("/private/var/mobile/Library/Biome/streams/restricted/{stream}/local/12");
        let (records, warnings) = rows_at(&ARTIFACT, &path, file);
        assert!(warnings.is_empty(), "{warnings:?}");
        records
    }

    #[test]
    fn an_app_comes_to_the_front_and_goes() {
        let entry = |state| {
            [bytes(1, "org.example.reason"), int(3, state), double(4, 706_615_300.0), bytes(6, "org.example.app"),
             bytes(9, "1.2"), bytes(10, "3")].concat()
        };
        let file = version_2(&[(1, 706_615_301.0, entry(1)), (1, 706_615_301.0, entry(0))]);
        let record = |column: &str| {
            json!({"written": "2023-05-24T10:01:41.000000+00:00", "stream": "App.InFocus", "state": "written",
                   "remote": false, column: "2023-05-24T10:01:40.000000+00:00", "app": "org.example.app",
                   "version": "1.2", "build": "3", "launch_reason": "org.example.reason",
                   "_line": "org.example.app in the foreground org.example.reason"})
        };
        assert_eq!(records("App.InFocus", &file), json!([record("started"), record("ended")]));
        shake(&ARTIFACT, &file);
    }

    #[test]
    fn the_older_stream_and_screen_time_are_read() {
        let entry = [double(2, 706_615_300.0), double(3, 706_615_360.0), bytes(4, bytes(3, "org.example.app"))].concat();
        let records_before = records("_DKEvent.App.InFocus", &version_1(&[(1, 706_615_361.0, entry)]));
        assert_eq!(records_before[0]["ended"], "2023-05-24T10:02:40.000000+00:00");
        assert_eq!(records_before[0]["app"], "org.example.app");
        let usage = records("ScreenTime.AppUsage", &version_1(&[(1, 706_615_361.0, bytes(3, "org.example.app"))]));
        assert_eq!((&usage[0]["app"], &usage[0]["noted"]), (&json!("org.example.app"), &json!("2023-05-24T10:02:41.000000+00:00")));
    }
}
