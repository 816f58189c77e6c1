use crate::artifact::powerlog::{self, Table};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.powerlog_apps",
    title: "Apps in the power log",
    about: "Apps and plug-ins that are or were on the phone, and when they ran, ended or were removed.",
    files: powerlog::FILES,
    columns: &[
        time("logged", Epoch::Unix, Moment::LastSeen),
        time("deleted", Epoch::Unix, Moment::Removed),
        app_id("bundle_id"),
        process("executable"),
        text("name"),
        text("version"),
        app_id("parent_app"),
        text("app_type"),
        boolean("third_party"),
        boolean("beta"),
        text("vendor_id"),
        text("store_front"),
        int("pid"),
        text("state"),
        text("reason"),
        real("screen_seconds"),
        real("background_seconds"),
        real("location_seconds"),
        text("table"),
    ],
    shows: Trace::Installed,
    line: "app {bundle_id} ({name}, {executable}) in the power log, {table}",
    parse: Parse::Database(|database, out| powerlog::read(TABLES, database, out)),
};

const OF_APP: &[(&str, &str)] = &[
    ("bundle_id", "AppBundleId"),
    ("executable", "AppExecutable"),
    ("name", "AppName"),
    ("version", "AppBundleVersion"),
    ("app_type", "AppType"),
    ("third_party", "AppIs3rdParty"),
    ("beta", "AppIsBeta"),
    ("vendor_id", "AppVendorID"),
    ("store_front", "AppStoreFront"),
    ("deleted", "AppDeletedDate"),
];

const OF_RUN_TIME: &[(&str, &str)] = &[
    ("bundle_id", "BundleID"),
    ("screen_seconds", "ScreenOnTime"),
    ("background_seconds", "BackgroundTime"),
    ("location_seconds", "BackgroundLocationTime"),
];

pub const TABLES: &[Table] = &[
    Table { name: "PLApplicationAgent_EventNone_AllApps", columns: OF_APP },
    Table { name: "PLApplicationAgent_EventNone_AppVersions", columns: OF_APP },
    Table { name: "PLApplicationAgent_EventForward_ApplicationDidUninstall", columns: OF_APP },
    Table {
        name: "PLApplicationAgent_EventNone_AllPlugins",
        columns: &[
            ("bundle_id", "PluginId"),
            ("executable", "PluginExecutableName"),
            ("name", "PluginName"),
            ("version", "PluginVersion"),
            ("parent_app", "PluginParentApp"),
            ("app_type", "PluginType"),
            ("deleted", "PluginDeletedDate"),
        ],
    },
    Table {
        name: "PLApplicationAgent_EventForward_Application",
        columns: &[("bundle_id", "Identifier"), ("pid", "pid"), ("state", "State"), ("reason", "Reason")],
    },
    Table {
        name: "PLApplicationAgent_EventPoint_ApplicationExitReason",
        columns: &[("bundle_id", "Identifier"), ("pid", "pid"), ("reason", "Reason || '/' || Subcode"), ("reason", "Reason")],
    },
    Table { name: "PLAppTimeService_Aggregate_AppRunTime", columns: OF_RUN_TIME },
    Table { name: "PLAppTimeService_Aggregate_AppRunTime_Metrics", columns: OF_RUN_TIME },
    Table { name: "PLCoalitionAgent_Aggregate_NANDStats", columns: &[("bundle_id", "BundleId")] },
    Table {
        name: "PLXPCAgent_EventPoint_CloudKit",
        columns: &[("bundle_id", "bundleIdentifier"), ("parent_app", "sourceAppBundleIdentifier")],
    },
    Table {
        name: "PLXPCAgent_EventForward_AirDrop",
        columns: &[("bundle_id", "bundleId"), ("pid", "pid"), ("state", "State"), ("reason", "Subevent")],
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    #[test]
    fn deleted_apps_keep_their_names_and_their_date_is_the_systems() {
        let database = sqlite(
            "CREATE TABLE PLStorageOperator_EventForward_TimeOffset (ID INTEGER PRIMARY KEY, timestamp REAL, system REAL);
             INSERT INTO PLStorageOperator_EventForward_TimeOffset VALUES (1, 1684900000, 100);
             CREATE TABLE PLApplicationAgent_EventNone_AllApps (ID INTEGER PRIMARY KEY, timestamp REAL, AppBundleId TEXT,
                 AppExecutable TEXT, AppName TEXT, AppDeletedDate REAL, AppIs3rdParty INTEGER, AppIsBeta INTEGER);
             INSERT INTO PLApplicationAgent_EventNone_AllApps VALUES (1, 1684900000, 'com.example.a', 'A', 'An App', 1684800000, 1, 1),
                 (2, 1684900000, x'62', NULL, NULL, 0, NULL, NULL);
             CREATE TABLE PLApplicationAgent_EventPoint_ApplicationExitReason (ID INTEGER PRIMARY KEY, timestamp REAL, Identifier, Reason);
             INSERT INTO PLApplicationAgent_EventPoint_ApplicationExitReason VALUES (1, 1684900000, 'com.example.b', 3);",
        );
        assert_eq!(
            rows(&ARTIFACT, &database),
            json!([
                {"logged": "2023-05-24T03:48:20.000000+00:00", "deleted": "2023-05-23T00:00:00.000000+00:00",
                 "bundle_id": "com.example.a", "executable": "A", "name": "An App", "third_party": true, "beta": true,
                 "table": "PLApplicationAgent_EventNone_AllApps",
                 "_line": "app com.example.a (An App, A) in the power log, PLApplicationAgent_EventNone_AllApps"},
                {"logged": "2023-05-24T03:48:20.000000+00:00", "bundle_id": "b", "table": "PLApplicationAgent_EventNone_AllApps",
                 "_line": "app b (, ) in the power log, PLApplicationAgent_EventNone_AllApps"},
                {"logged": "2023-05-24T03:48:20.000000+00:00", "bundle_id": "com.example.b", "reason": 3,
                 "table": "PLApplicationAgent_EventPoint_ApplicationExitReason",
                 "_line": "app com.example.b (, ) in the power log, PLApplicationAgent_EventPoint_ApplicationExitReason"},
            ])
        );
        shake(&ARTIFACT, &database);
    }
}
