use crate::artifact::powerlog::{self, Table};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.powerlog_processes",
    title: "Processes in the power log",
    about: "Programs that the power log saw running, ending or using energy, up to some weeks back.",
    files: powerlog::FILES,
    columns: &[
        time("logged", Epoch::Unix, Moment::Running),
        time("ended", Epoch::Unix, Moment::Ended),
        process("process"),
        app_id("bundle_id"),
        int("pid"),
        int("coalition_id"),
        text("reason"),
        real("cpu_seconds"),
        int("bytes_read"),
        int("bytes_written"),
        text("table"),
    ],
    shows: Trace::Executed,
    line: "process {process} [{pid}] of {bundle_id} in the power log, {table}",
    parse: Parse::Database(|database, out| powerlog::read(TABLES, database, out)),
};

pub const TABLES: &[Table] = &[
    Table {
        name: "PLProcessMonitorAgent_EventForward_ProcessID",
        columns: &[
            ("process", "ProcessName"),
            ("pid", "PID"),
            ("bundle_id", "BundleID"),
            ("coalition_id", "CoalitionID"),
        ],
    },
    Table {
        name: "PLProcessMonitorAgent_EventPoint_ProcessExit",
        columns: &[
            ("process", "ProcessName"),
            ("process", "Process"),
            ("pid", "PID"),
            ("bundle_id", "BundleID"),
            ("reason", "ReasonNamespace || '/' || ReasonCode"),
            ("reason", "ReasonCode"),
        ],
    },
    Table {
        name: "PLProcessMonitorAgent_EventBackward_ProcessExitHistogram",
        columns: &[
            ("process", "ProcessName"),
            ("ended", "timestampEnd"),
            ("reason", "ReasonNamespace || '/' || ReasonCode"),
            ("reason", "ReasonCode"),
        ],
    },
    Table { name: "PLProcessMonitorAgent_EventPoint_FreezerStats", columns: &[("process", "ProcessName"), ("pid", "PID")] },
    Table {
        name: "PLProcessMonitorAgent_EventPoint_FreezerDemotion",
        columns: &[("process", "ProcessName"), ("pid", "PID")],
    },
    Table {
        name: "PLCoalitionAgent_EventInterval_CoalitionInterval",
        columns: &[
            // The label of its job, which is the name of an Apple daemon with a prefix.
            ("process", "LaunchdName"),
            ("bundle_id", "BundleId"),
            ("ended", "timestampEnd"),
            ("coalition_id", "CoalitionID"),
            ("cpu_seconds", "cpu_time"),
            ("bytes_read", "bytesread"),
            ("bytes_written", "byteswritten"),
        ],
    },
    Table {
        name: "PLAccountingOperator_EventNone_Nodes",
        // A process, an app or a part of the phone.
        columns: &[("process", "Name"), ("bundle_id", "iif(instr(Name, '.') > 0, Name, NULL)")],
    },
    Table {
        name: "PLPowerAssertionAgent_EventPoint_TimedOutProcesses",
        columns: &[("process", "ProcessName"), ("pid", "PID")],
    },
    Table {
        name: "PLSleepWakeAgent_EventPoint_ScheduledWake",
        columns: &[("process", "ProcessName"), ("pid", "PID"), ("reason", "WakeReason")],
    },
    Table {
        name: "PLWifiAgent_EventPoint_Wake",
        columns: &[("process", "ProcessName"), ("pid", "PID"), ("reason", "WakeReason")],
    },
    Table { name: "PLXPCAgent_EventPoint_CacheDelete", columns: &[("process", "serviceName")] },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const POWERLOG: &str = "
        CREATE TABLE PLStorageOperator_EventForward_TimeOffset (ID INTEGER PRIMARY KEY, timestamp REAL, system REAL);
        INSERT INTO PLStorageOperator_EventForward_TimeOffset VALUES (1, 1684900000, 10.5), (2, 1684900100, -100);
        CREATE TABLE PLProcessMonitorAgent_EventForward_ProcessID (ID INTEGER PRIMARY KEY, timestamp REAL, ProcessName TEXT, PID INTEGER);
        INSERT INTO PLProcessMonitorAgent_EventForward_ProcessID VALUES (1, 1684900010, 'bh', 410), (2, 1684900200, NULL, NULL);
        CREATE TABLE PLProcessMonitorAgent_EventPoint_ProcessExit (ID INTEGER PRIMARY KEY, timestamp REAL, ProcessName TEXT, ReasonNamespace, ReasonCode);
        INSERT INTO PLProcessMonitorAgent_EventPoint_ProcessExit VALUES (7, 0, 'x', 2, 254);
        CREATE TABLE PLAccountingOperator_EventNone_Nodes (ID INTEGER PRIMARY KEY, timestamp REAL, Name TEXT);
        INSERT INTO PLAccountingOperator_EventNone_Nodes VALUES (1, 1684900010, 'com.example.a'), (2, 1684900010, 'Display');";

    #[test]
    fn times_are_corrected_and_columns_that_are_missing_are_null() {
        assert_eq!(
            rows(&ARTIFACT, &sqlite(POWERLOG)),
            json!([
                {"logged": "2023-05-24T03:47:00.500000+00:00", "process": "bh", "pid": 410,
                 "table": "PLProcessMonitorAgent_EventForward_ProcessID",
                 "_line": "process bh [410] of  in the power log, PLProcessMonitorAgent_EventForward_ProcessID"},
                {"logged": "2023-05-24T03:48:20.000000+00:00", "table": "PLProcessMonitorAgent_EventForward_ProcessID",
                 "_line": "process  [] of  in the power log, PLProcessMonitorAgent_EventForward_ProcessID"},
                {"process": "x", "reason": "2/254", "table": "PLProcessMonitorAgent_EventPoint_ProcessExit",
                 "_line": "process x [] of  in the power log, PLProcessMonitorAgent_EventPoint_ProcessExit"},
                {"logged": "2023-05-24T03:47:00.500000+00:00", "process": "com.example.a", "bundle_id": "com.example.a",
                 "table": "PLAccountingOperator_EventNone_Nodes",
                 "_line": "process com.example.a [] of com.example.a in the power log, PLAccountingOperator_EventNone_Nodes"},
                {"logged": "2023-05-24T03:47:00.500000+00:00", "process": "Display", "table": "PLAccountingOperator_EventNone_Nodes",
                 "_line": "process Display [] of  in the power log, PLAccountingOperator_EventNone_Nodes"},
            ])
        );
        shake(&ARTIFACT, &sqlite(POWERLOG));
    }

    #[test]
    fn a_view_named_like_a_table_does_not_run() {
        let hostile = sqlite(
            "CREATE TABLE PLConfigAgent_EventNone_Config (ID INTEGER PRIMARY KEY, timestamp REAL);
             CREATE VIEW PLProcessMonitorAgent_EventForward_ProcessID AS
                 WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS timestamp, 'x' AS ProcessName FROM n;",
        );
        assert_eq!(rows_at(&ARTIFACT, "", &hostile), (json!([]), vec![]));
    }

    #[test]
    fn a_version_without_offsets_or_known_columns_says_so_and_another_database_is_refused() {
        let bare = sqlite(
            "CREATE TABLE PLProcessMonitorAgent_EventForward_ProcessID (ID INTEGER PRIMARY KEY, Other);
             INSERT INTO PLProcessMonitorAgent_EventForward_ProcessID VALUES (1, 'x');",
        );
        let (records, warnings) = rows_at(&ARTIFACT, "", &bare);
        assert_eq!(records.as_array().unwrap().len(), 1);
        assert_eq!(
            warnings,
            [
                "PLProcessMonitorAgent_EventForward_ProcessID has none of the columns that are known of it",
                "has no clock offsets: its times may be wrong by minutes, in rare cases by weeks",
            ]
        );
        let (_, warnings) = rows_at(&ARTIFACT, "", &sqlite("CREATE TABLE a (b);"));
        assert_eq!(warnings, ["holds none of the tables of a power log"]);
    }
}
