use crate::artifact::powerlog::{self, Table};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.powerlog_device",
    title: "Device and clock in the power log",
    about: "Which iOS ran, when the phone was booted, its time zones, and how far the power log's clock was off.",
    files: powerlog::FILES,
    columns: &[
        time("logged", Epoch::Unix, Moment::Logged),
        time("booted", Epoch::Unix, Moment::Started),
        time("backed_up", Epoch::Unix, Moment::BackedUp),
        time("upgraded", Epoch::Unix, Moment::Updated),
        text("build"),
        text("last_build"),
        text("device"),
        text("boot_reasons"),
        text("boot_arguments"),
        text("zone"),
        int("seconds_east"),
        boolean("summer_time"),
        // What was added to correct times from then on.
        real("clock_offset_s"),
        real("kernel_offset_s"),
        text("table"),
    ],
    shows: Trace::Mentioned,
    line: "build {build} of {device} booted {booted}; zone {zone}; clock offset {clock_offset_s} ({table})",
    parse: Parse::Database(|database, out| powerlog::read(TABLES, database, out)),
};

pub const TABLES: &[Table] = &[
    Table {
        name: "PLConfigAgent_EventNone_Config",
        columns: &[
            ("build", "Build"),
            ("last_build", "LastBuild"),
            ("device", "DeviceType"),
            ("device", "Device"),
            ("booted", "DeviceBootTime"),
            ("boot_reasons", "DeviceBootReasons"),
            ("boot_arguments", "BootArgs"),
            ("backed_up", "LastBackupTimestamp"),
            ("upgraded", "LastUpgradeTimestamp"),
        ],
    },
    Table {
        name: "PLLocaleAgent_EventForward_TimeZone",
        columns: &[("zone", "TimeZoneName"), ("seconds_east", "SecondsFromGMT"), ("summer_time", "TimeZoneIsInDST")],
    },
    Table {
        name: "PLStorageOperator_EventForward_TimeOffset",
        columns: &[("clock_offset_s", "system"), ("kernel_offset_s", "kernel")],
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    #[test]
    fn builds_zones_and_offsets_are_told() {
        let database = sqlite(
            "CREATE TABLE PLStorageOperator_EventForward_TimeOffset (ID INTEGER PRIMARY KEY, timestamp REAL, system REAL, kernel REAL);
             INSERT INTO PLStorageOperator_EventForward_TimeOffset VALUES (1, 1684900000, -411, 2);
             CREATE TABLE PLConfigAgent_EventNone_Config (ID INTEGER PRIMARY KEY, timestamp REAL, Build, Device, DeviceBootTime);
             INSERT INTO PLConfigAgent_EventNone_Config VALUES (1, 1684900411, '19H349', 'iPhone14,2', 1684800000);
             CREATE TABLE PLLocaleAgent_EventForward_TimeZone (ID INTEGER PRIMARY KEY, timestamp REAL, SecondsFromGMT, TimeZoneName, TimeZoneIsInDST);
             INSERT INTO PLLocaleAgent_EventForward_TimeZone VALUES (1, 1684900411, 7200, 'Europe/Madrid', 1);",
        );
        let records = rows(&ARTIFACT, &database);
        assert_eq!(
            records[0],
            json!({"logged": "2023-05-24T03:46:40.000000+00:00", "booted": "2023-05-23T00:00:00.000000+00:00", "build": "19H349",
                "device": "iPhone14,2", "table": "PLConfigAgent_EventNone_Config",
                "_line": "build 19H349 of iPhone14,2 booted 2023-05-23T00:00:00.000000+00:00; zone ; clock offset  (PLConfigAgent_EventNone_Config)"})
        );
        assert_eq!((&records[1]["zone"], &records[1]["summer_time"]), (&json!("Europe/Madrid"), &json!(true)));
        assert_eq!(records[2]["clock_offset_s"], -411.0);
        shake(&ARTIFACT, &database);
    }
}
