use crate::artifact::powerlog::{self, Table};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.powerlog_network",
    title: "Network use in the power log",
    about: "Which programs sent and received how much, connections that woke the phone, push messages and background transfers.",
    files: powerlog::FILES,
    columns: &[
        time("logged", Epoch::Unix, Moment::NetworkUsed),
        time("ended", Epoch::Unix, Moment::Ended),
        process("process"),
        process("on_behalf_of"),
        int("pid"),
        app_id("bundle_id"),
        host("remote_address"),
        int("remote_port"),
        host("local_address"),
        host("server"),
        app_id("topic"),
        url("address"),
        text("event"),
        int("wifi_in"),
        int("wifi_out"),
        int("cell_in"),
        int("cell_out"),
        int("bytes_received"),
        int("bytes_sent"),
        text("table"),
    ],
    shows: Trace::Executed,
    line: "process {process} of {bundle_id} used the network: {remote_address} {server} {address} ({table})",
    parse: Parse::Database(|database, out| powerlog::read(TABLES, database, out)),
};

const OF_USAGE: &[(&str, &str)] = &[
    ("process", "ProcessName"),
    ("bundle_id", "BundleName"),
    ("ended", "timestampEnd"),
    ("wifi_in", "WifiIn"),
    ("wifi_out", "WifiOut"),
    ("cell_in", "CellIn"),
    ("cell_out", "CellOut"),
];

const OF_PUSH: &[(&str, &str)] = &[
    ("bundle_id", "BundleID"),
    ("topic", "Topic"),
    ("server", "ServerHostname"),
    ("remote_address", "ServerIP"),
    ("event", "ConnectionType"),
];

pub const TABLES: &[Table] = &[
    Table { name: "PLProcessNetworkAgent_EventInterval_UsageDiff", columns: OF_USAGE },
    Table { name: "PLProcessNetworkAgent_EventBackward_Usage", columns: OF_USAGE },
    Table {
        name: "PLProcessNetworkAgent_EventPoint_Connection",
        columns: &[
            ("process", "ProcessName"),
            ("pid", "ProcessPID"),
            ("remote_address", "RemoteAddress"),
            ("remote_port", "RemotePort"),
            ("local_address", "LocalAddress"),
            ("event", "EventType"),
            ("bytes_received", "RxBytes"),
            ("bytes_sent", "TxBytes"),
        ],
    },
    Table {
        name: "PLNetworkAgent_EventPoint_Wake",
        columns: &[
            ("process", "ProcessName"),
            ("on_behalf_of", "EffectiveProcessName"),
            ("pid", "PID"),
            ("remote_address", "sourceAddress"),
            ("remote_port", "sourcePort"),
            ("local_address", "destinationAddress"),
        ],
    },
    Table {
        name: "PLNetworkAgent_EventPoint_UnattributedWake",
        columns: &[
            ("process", "ProcessName"),
            ("pid", "PID"),
            ("remote_address", "sourceAddress"),
            ("remote_port", "sourcePort"),
            ("local_address", "destinationAddress"),
        ],
    },
    Table {
        name: "PLMDNSAgent_EventPoint_MDNSEvent",
        columns: &[("process", "clientName"), ("pid", "clientPID"), ("event", "eventName"), ("event", "recordType")],
    },
    Table { name: "PLPushAgent_EventPoint_ReceivedPush", columns: OF_PUSH },
    Table { name: "PLPushAgent_EventPoint_SentPush", columns: OF_PUSH },
    Table { name: "PLPushAgent_EventPoint_APSDConnectedEvent", columns: OF_PUSH },
    Table {
        name: "PLXPCAgent_EventPoint_BackgroundTransfer",
        columns: &[
            ("bundle_id", "bundleID"),
            ("address", "errorFailingURL"),
            ("event", "errorDomain"),
            ("bytes_sent", "bytesSent"),
            ("bytes_received", "bytesReceived"),
        ],
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    #[test]
    fn usage_connections_pushes_and_transfers_are_one_list() {
        let database = sqlite(
            "CREATE TABLE PLStorageOperator_EventForward_TimeOffset (ID INTEGER PRIMARY KEY, timestamp REAL, system REAL);
             INSERT INTO PLStorageOperator_EventForward_TimeOffset VALUES (1, 1684900500, -2764800);
             CREATE TABLE PLProcessNetworkAgent_EventInterval_UsageDiff (ID INTEGER PRIMARY KEY, timestamp REAL, timestampEnd REAL,
                 ProcessName TEXT, BundleName TEXT, WifiIn, WifiOut, CellIn, CellOut);
             INSERT INTO PLProcessNetworkAgent_EventInterval_UsageDiff VALUES (1, 1684900000, 1684900060, 'bh', '', 1, 2, 3, 4);
             CREATE TABLE PLProcessNetworkAgent_EventPoint_Connection (ID INTEGER PRIMARY KEY, timestamp REAL, ProcessName TEXT,
                 RemoteAddress TEXT, RemotePort INTEGER);
             INSERT INTO PLProcessNetworkAgent_EventPoint_Connection VALUES (1, 1684900000, 'bh', '203.0.113.5', 443);
             CREATE TABLE PLXPCAgent_EventPoint_BackgroundTransfer (ID INTEGER PRIMARY KEY, timestamp REAL, bundleID, errorFailingURL);
             INSERT INTO PLXPCAgent_EventPoint_BackgroundTransfer VALUES (1, 1684900000, 'com.example.a', 'https://a.example/x');",
        );
        let records = rows(&ARTIFACT, &database);
        assert_eq!(
            records[0],
            json!({"logged": "2023-04-22T03:46:40.000000+00:00", "ended": "2023-04-22T03:47:40.000000+00:00", "process": "bh",
                "bundle_id": "", "wifi_in": 1, "wifi_out": 2, "cell_in": 3, "cell_out": 4,
                "table": "PLProcessNetworkAgent_EventInterval_UsageDiff",
                "_line": "process bh of  used the network:    (PLProcessNetworkAgent_EventInterval_UsageDiff)"})
        );
        assert_eq!((&records[1]["remote_address"], &records[1]["remote_port"]), (&json!("203.0.113.5"), &json!(443)));
        assert_eq!(records[2]["address"], "https://a.example/x");
        shake(&ARTIFACT, &database);
    }
}
