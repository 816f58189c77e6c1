use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.netusage",
    title: "Network usage by process",
    about: "Which programs used the network, since when and how much, as the network service counts it.",
    files: &["/private/var/networkd/netusage.sqlite", "/private/var/networkd/db/netusage.sqlite"],
    columns: &[
        time("first_seen", Epoch::Mac, Moment::FirstSeen),
        time("last_seen", Epoch::Mac, Moment::LastSeen),
        time("used", Epoch::Mac, Moment::NetworkUsed),
        // As in ios.datausage.
        process("process"),
        app_id("bundle_id"),
        int("proc_id"),
        int("live_id"),
        int("live_proc_id"),
        real("wifi_in"),
        real("wifi_out"),
        real("wwan_in"),
        real("wwan_out"),
        real("wired_in"),
        real("wired_out"),
        int("kind"),
        text("tag"),
    ],
    shows: Trace::Executed,
    line: "{process} ({bundle_id}) used the network: mobile in {wwan_in}, out {wwan_out} bytes",
    parse: Parse::Database(|database, out| {
        // Copies without these tables lie beside the database.
        if !database.tables().iter().any(|table| table == "ZPROCESS" || table == "ZLIVEUSAGE") {
            return Ok(());
        }
        read_tables(
            database,
            &[
                (
                    "ZLIVEUSAGE",
                    &["SELECT l.Z_PK, {p.ZFIRSTTIMESTAMP}, {p.ZTIMESTAMP}, {l.ZTIMESTAMP}, p.ZPROCNAME, {p.ZBUNDLENAME},
                              p.Z_PK, l.Z_PK, l.ZHASPROCESS, {l.ZWIFIIN}, {l.ZWIFIOUT}, {l.ZWWANIN}, {l.ZWWANOUT},
                              {l.ZWIREDIN}, {l.ZWIREDOUT}, {l.ZKIND}, {l.ZTAG}
                       FROM ZLIVEUSAGE l LEFT JOIN ZPROCESS p ON p.Z_PK = l.ZHASPROCESS ORDER BY l.Z_PK"],
                ),
                (
                    "ZPROCESS",
                    &["SELECT p.Z_PK, {p.ZFIRSTTIMESTAMP}, {p.ZTIMESTAMP}, NULL, p.ZPROCNAME, {p.ZBUNDLENAME}, p.Z_PK,
                              NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
                       FROM ZPROCESS p
                       WHERE p.Z_PK NOT IN (SELECT ZHASPROCESS FROM ZLIVEUSAGE WHERE ZHASPROCESS IS NOT NULL)
                       ORDER BY p.Z_PK"],
                ),
            ],
            out,
        )
    }),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, rows_at, shake, sqlite};

    const PROCESSES: &str = "CREATE TABLE ZPROCESS (Z_PK INTEGER PRIMARY KEY, ZFIRSTTIMESTAMP, ZTIMESTAMP, ZBUNDLENAME, ZPROCNAME);
        INSERT INTO ZPROCESS VALUES (1, 588814410.25, 588814420, 'org.example.app', 'app/org.example.app'),
                                    (2, NULL, NULL, NULL, x'62680a');";

    #[test]
    fn usage_of_a_removed_process_and_processes_without_usage_are_kept() {
        let database = sqlite(&format!(
            "{PROCESSES}
             CREATE TABLE ZLIVEUSAGE (Z_PK INTEGER PRIMARY KEY, ZKIND, ZTAG, ZHASPROCESS, ZTIMESTAMP, ZWIFIIN, ZWIFIOUT, ZWWANIN,
                                      ZWWANOUT, ZWIREDIN, ZWIREDOUT);
             INSERT INTO ZLIVEUSAGE VALUES (10, 0, 't', 1, 588814430, 1.5, 2, 3, 4, 5, 6), (11, NULL, NULL, 9, 588814430, NULL,
                                            NULL, NULL, NULL, NULL, NULL), (12, 257, NULL, NULL, NULL, NULL, NULL, 7, 8, NULL, NULL);"
        ));
        assert_eq!(
            rows(&ARTIFACT, &database),
            json!([
                {"first_seen": "2019-08-29T23:33:30.250000+00:00", "last_seen": "2019-08-29T23:33:40.000000+00:00",
                 "used": "2019-08-29T23:33:50.000000+00:00", "process": "app/org.example.app",
                 "bundle_id": "org.example.app", "proc_id": 1, "live_id": 10, "live_proc_id": 1, "wifi_in": 1.5,
                 "wifi_out": 2, "wwan_in": 3, "wwan_out": 4, "wired_in": 5, "wired_out": 6, "kind": 0, "tag": "t",
                 "_line": "app/org.example.app (org.example.app) used the network: mobile in 3, out 4 bytes"},
                {"used": "2019-08-29T23:33:50.000000+00:00", "live_id": 11, "live_proc_id": 9,
                 "_line": " () used the network: mobile in , out  bytes"},
                {"live_id": 12, "kind": 257, "wwan_in": 7, "wwan_out": 8,
                 "_line": " () used the network: mobile in 7, out 8 bytes"},
                {"process": "bh\n", "proc_id": 2, "_line": "bh\n () used the network: mobile in , out  bytes"},
            ])
        );
        shake(&ARTIFACT, &database);
    }

    #[test]
    fn older_tables_lack_wired_traffic_and_stubs_lack_everything() {
        let database = sqlite(&format!(
            "{PROCESSES} CREATE TABLE ZLIVEUSAGE (Z_PK INTEGER PRIMARY KEY, ZHASPROCESS, ZTIMESTAMP, ZWWANIN, ZWWANOUT);
             INSERT INTO ZLIVEUSAGE VALUES (10, 1, 588814430, 3, 4);"
        ));
        assert_eq!(rows(&ARTIFACT, &database)[0]["wwan_out"], 4);
        assert_eq!(rows_at(&ARTIFACT, "/x", &sqlite("CREATE TABLE other (a);")), (json!([]), vec![]));
    }
}
