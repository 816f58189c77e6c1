use crate::artifact::powerlog::{self, Table};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.powerlog_media",
    title: "Microphone, camera and location in the power log",
    about: "Which apps and programs used sound, the camera, the torch or the phone's place, and when.",
    files: powerlog::FILES,
    columns: &[
        time("logged", Epoch::Unix, Moment::Started),
        time("ended", Epoch::Unix, Moment::Ended),
        app_id("bundle_id"),
        process("process"),
        process("executable"),
        int("pid"),
        text("what"),
        text("state"),
        text("table"),
    ],
    shows: Trace::Executed,
    line: "{bundle_id} {process} {executable} used {what}: {state} ({table})",
    parse: Parse::Database(|database, out| powerlog::read(TABLES, database, out)),
};

const OF_LOCATION: &[(&str, &str)] = &[
    ("bundle_id", "BundleId"),
    ("process", "Client"),
    ("executable", "Executable"),
    ("ended", "timestampEnd"),
    ("what", "Type"),
    ("state", "InUseLevel"),
];

pub const TABLES: &[Table] = &[
    Table {
        name: "PLAudioAgent_EventPoint_AudioApp",
        columns: &[
            // The name of an app or of a process.
            ("process", "ApplicationName"),
            ("bundle_id", "iif(instr(ApplicationName, '.') > 0, ApplicationName, NULL)"),
            ("pid", "PID"),
            ("what", "AssertionName"),
            ("what", "AudioRoute"),
            ("state", "Operation"),
        ],
    },
    Table {
        name: "PLAudioAgent_EventForward_Routing",
        columns: &[("pid", "ActivePID"), ("what", "OutputCategory"), ("state", "AudioRoute")],
    },
    Table {
        name: "PLCameraAgent_EventForward_Camera",
        columns: &[("bundle_id", "BundleId"), ("what", "'camera ' || CameraType"), ("what", "'camera'"), ("state", "State")],
    },
    Table {
        name: "PLCameraAgent_EventForward_Torch",
        columns: &[("bundle_id", "BundleId"), ("what", "'torch'"), ("state", "Level")],
    },
    Table { name: "PLLocationAgent_EventForward_ClientStatus", columns: OF_LOCATION },
    Table { name: "PLLocationAgent_EventPoint_ClientStatus", columns: OF_LOCATION },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    #[test]
    fn cameras_sound_and_location_clients_are_one_list() {
        let database = sqlite(
            "CREATE TABLE PLStorageOperator_EventForward_TimeOffset (ID INTEGER PRIMARY KEY, timestamp REAL, system REAL);
             INSERT INTO PLStorageOperator_EventForward_TimeOffset VALUES (1, 1684900000, 0.5);
             CREATE TABLE PLAudioAgent_EventPoint_AudioApp (ID INTEGER PRIMARY KEY, timestamp REAL, ApplicationName TEXT, PID INTEGER, Operation);
             INSERT INTO PLAudioAgent_EventPoint_AudioApp VALUES (1, 1684900000, 'com.example.a', 5, 'StartRecording');
             CREATE TABLE PLCameraAgent_EventForward_Camera (ID INTEGER PRIMARY KEY, timestamp REAL, BundleId TEXT, CameraType, State);
             INSERT INTO PLCameraAgent_EventForward_Camera VALUES (1, 1684900000, 'com.example.b', 'Front', 1);
             CREATE TABLE PLLocationAgent_EventForward_ClientStatus (ID INTEGER PRIMARY KEY, timestamp REAL, Client, Executable, Type);
             INSERT INTO PLLocationAgent_EventForward_ClientStatus VALUES (1, 1684900000, NULL, '/private/var/tmp/x', 'Location');",
        );
        let records = rows(&ARTIFACT, &database);
        assert_eq!(
            records[0],
            json!({"logged": "2023-05-24T03:46:40.500000+00:00", "bundle_id": "com.example.a", "process": "com.example.a", "pid": 5,
                "state": "StartRecording", "table": "PLAudioAgent_EventPoint_AudioApp",
                "_line": "com.example.a com.example.a  used : StartRecording (PLAudioAgent_EventPoint_AudioApp)"})
        );
        assert_eq!(records[1]["what"], "camera Front");
        assert_eq!(records[2]["executable"], "/private/var/tmp/x");
        shake(&ARTIFACT, &database);
    }
}
