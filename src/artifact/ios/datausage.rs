use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.datausage",
    title: "Mobile data usage by process",
    about: "Which programs used the network, since when and how much, as the phone counts it for the settings.",
    files: &["/private/var/wireless/Library/Databases/DataUsage.sqlite"],
    columns: &[
        time("first_seen", Epoch::Mac, Moment::FirstSeen),
        time("last_seen", Epoch::Mac, Moment::LastSeen),
        time("used", Epoch::Mac, Moment::NetworkUsed),
        // `name`, `name/bundle id` or `UUID/bundle id`; cut at 16 characters for daemons.
        process("process"),
        app_id("bundle_id"),
        int("proc_id"),
        int("live_id"),
        int("live_proc_id"),
        real("wifi_in"),
        real("wifi_out"),
        real("wwan_in"),
        real("wwan_out"),
        // 257 marks sums over the other kinds.
        int("kind"),
        text("tag"),
        time("bill_cycle_end", Epoch::Mac, Moment::Scheduled),
    ],
    shows: Trace::Executed,
    line: "{process} ({bundle_id}) used the network: mobile in {wwan_in}, out {wwan_out} bytes",
    parse: Parse::Database(|database, out| {
        read_tables(
            database,
            &[
                (
                    "ZLIVEUSAGE",
                    &["SELECT l.Z_PK, {p.ZFIRSTTIMESTAMP}, {p.ZTIMESTAMP}, {l.ZTIMESTAMP}, p.ZPROCNAME, {p.ZBUNDLENAME},
                              p.Z_PK, l.Z_PK, l.ZHASPROCESS, {l.ZWIFIIN}, {l.ZWIFIOUT}, {l.ZWWANIN}, {l.ZWWANOUT},
                              {l.ZKIND}, {l.ZTAG}, {l.ZBILLCYCLEEND}
                       FROM ZLIVEUSAGE l LEFT JOIN ZPROCESS p ON p.Z_PK = l.ZHASPROCESS ORDER BY l.Z_PK"],
                ),
                (
                    "ZPROCESS",
                    &["SELECT p.Z_PK, {p.ZFIRSTTIMESTAMP}, {p.ZTIMESTAMP}, NULL, p.ZPROCNAME, {p.ZBUNDLENAME}, p.Z_PK,
                              NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
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
    use crate::artifact::testing::{json, rows, shake, sqlite};

    #[test]
    fn usage_without_process_and_process_without_usage_are_both_kept() {
        let database = sqlite(
            "CREATE TABLE ZPROCESS (Z_PK INTEGER PRIMARY KEY, ZFIRSTTIMESTAMP, ZTIMESTAMP, ZBUNDLENAME, ZPROCNAME);
             CREATE TABLE ZLIVEUSAGE (Z_PK INTEGER PRIMARY KEY, ZKIND, ZTAG, ZHASPROCESS, ZTIMESTAMP, ZWIFIIN, ZWIFIOUT,
                                      ZWWANIN, ZWWANOUT);
             INSERT INTO ZPROCESS VALUES (1, 588814400.0, 588814500.0, 'com.a', 'a/com.a'), (2, 588814410.5, NULL, NULL, x'62');
             INSERT INTO ZLIVEUSAGE VALUES (10, 0, '', 1, 588814410.5, 1.0, 2.0, 3.0, 4.5),
                                           (11, 0, NULL, 7, 588814411.0, 0, 0, 5, 6), (12, 257, NULL, NULL, 0, 0, 0, 0, 0);",
        );
        assert_eq!(
            rows(&ARTIFACT, &database),
            json!([
                {"first_seen": "2019-08-29T23:33:20.000000+00:00", "last_seen": "2019-08-29T23:35:00.000000+00:00",
                 "used": "2019-08-29T23:33:30.500000+00:00", "process": "a/com.a", "bundle_id": "com.a", "proc_id": 1,
                 "live_id": 10, "live_proc_id": 1, "wifi_in": 1.0, "wifi_out": 2.0, "wwan_in": 3.0, "wwan_out": 4.5,
                 "kind": 0, "tag": "", "_line": "a/com.a (com.a) used the network: mobile in 3, out 4.5 bytes"},
                {"used": "2019-08-29T23:33:31.000000+00:00", "live_id": 11, "live_proc_id": 7, "wifi_in": 0, "wifi_out": 0,
                 "wwan_in": 5, "wwan_out": 6, "kind": 0, "_line": " () used the network: mobile in 5, out 6 bytes"},
                {"live_id": 12, "wifi_in": 0, "wifi_out": 0, "wwan_in": 0, "wwan_out": 0, "kind": 257,
                 "_line": " () used the network: mobile in 0, out 0 bytes"},
                {"first_seen": "2019-08-29T23:33:30.500000+00:00", "process": "b", "proc_id": 2,
                 "_line": "b () used the network: mobile in , out  bytes"},
            ])
        );
        shake(&ARTIFACT, &database);
    }

    #[test]
    fn newer_schema_without_wifi_counters_is_read() {
        let database = sqlite(
            "CREATE TABLE ZPROCESS (Z_PK INTEGER PRIMARY KEY, ZFIRSTTIMESTAMP, ZTIMESTAMP, ZBUNDLENAME, ZPROCNAME);
             CREATE TABLE ZLIVEUSAGE (Z_PK INTEGER PRIMARY KEY, ZHASPROCESS, ZTIMESTAMP, ZWWANIN, ZWWANOUT);
             INSERT INTO ZPROCESS VALUES (1, 1, 1, NULL, 'bh');
             INSERT INTO ZLIVEUSAGE VALUES (1, 1, 588814410.5, 3.0, 4.0);",
        );
        assert_eq!(rows(&ARTIFACT, &database)[0]["process"], "bh");
        assert_eq!(rows(&ARTIFACT, &database)[0].get("wifi_in"), None);
    }
}
