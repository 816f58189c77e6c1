use crate::artifact::other::{self, Other};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.netusage_routes",
    title: "Networks the phone was on",
    about: "Wi-Fi and mobile networks that the network service remembers, since when, and what went over them.",
    files: super::netusage::ARTIFACT.files,
    columns: &[
        time("first_seen", Epoch::Mac, Moment::FirstSeen),
        time("last_seen", Epoch::Mac, Moment::LastSeen),
        time("used", Epoch::Mac, Moment::NetworkUsed),
        text("network"),
        text("network_kind"),
        int("network_id"),
        int("route_id"),
        int("bytes_in"),
        int("bytes_out"),
        int("packets_in"),
        int("packets_out"),
        int("connect_attempts"),
        int("connect_successes"),
        // Other counters of the route.
        other::COLUMN,
    ],
    shows: Trace::Logged,
    line: "{network_kind} network {network}: in {bytes_in}, out {bytes_out} bytes",
    parse: Parse::Database(read),
};

/// Columns of a route that have columns of their own here.
const NAMED: [&str; 11] = [
    "Z_PK",
    "Z_ENT",
    "Z_OPT",
    "ZTIMESTAMP",
    "ZHASNETWORKATTACHMENT",
    "ZBYTESIN",
    "ZBYTESOUT",
    "ZPACKETSIN",
    "ZPACKETSOUT",
    "ZCONNATTEMPTS",
    "ZCONNSUCCESSES",
];

const NETWORK: &str = "{n.ZFIRSTTIMESTAMP}, {n.ZTIMESTAMP}, USED, n.ZIDENTIFIER,
    CASE {n.ZKIND} WHEN 1 THEN 'Wi-Fi' WHEN 2 THEN 'mobile' ELSE {CAST(n.ZKIND AS TEXT)} END, n.Z_PK";

const ROUTES: &str = "
    SELECT r.Z_PK, NETWORK, r.Z_PK, {r.ZBYTESIN}, {r.ZBYTESOUT}, {r.ZPACKETSIN}, {r.ZPACKETSOUT}, {r.ZCONNATTEMPTS},
           {r.ZCONNSUCCESSES}, r.*
    FROM ZLIVEROUTEPERF r LEFT JOIN ZNETWORKATTACHMENT n ON n.Z_PK = r.ZHASNETWORKATTACHMENT ORDER BY r.Z_PK";

const UNUSED: &str = "
    SELECT n.Z_PK, NETWORK, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM ZNETWORKATTACHMENT n WHERE n.Z_PK NOT IN
           (SELECT ZHASNETWORKATTACHMENT FROM ZLIVEROUTEPERF WHERE ZHASNETWORKATTACHMENT IS NOT NULL) ORDER BY n.Z_PK";

const ALONE: &str = "
    SELECT n.Z_PK, NETWORK, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM ZNETWORKATTACHMENT n ORDER BY n.Z_PK";

/// The first of the route's own columns in the result.
const REST: usize = 14;

fn read(database: &Database<'_>, out: &mut Out<'_>) -> Result<()> {
    let has = |name: &str| database.tables().iter().any(|table| table == name);
    if !has("ZNETWORKATTACHMENT") {
        return Ok(());
    }
    let of = |query: &str, used: &str| query.replace("NETWORK,", &format!("{NETWORK},")).replace("USED", used);
    let mut result = Ok(());
    if has("ZLIVEROUTEPERF") {
        result = push(database, &of(ROUTES, "{r.ZTIMESTAMP}"), "ZLIVEROUTEPERF", out);
    }
    push(database, &of(if result.is_ok() && has("ZLIVEROUTEPERF") { UNUSED } else { ALONE }, "NULL"), "ZNETWORKATTACHMENT", out)?;
    result
}

fn push(database: &Database<'_>, query: &str, table: &'static str, out: &mut Out<'_>) -> Result<()> {
    let mut statement = database.prepare(&[query])?;
    let other = Other::of(database, table, &statement, REST, &NAMED);
    statement.for_each(&mut |row| {
        let mut values: Vec<Value<'_>> = (1..REST).map(|index| row.value(index)).collect();
        values.push(other.of_row(row, None));
        out.push_slice(Place::row(table, row.value(0).as_int().unwrap_or_default()), &mut values);
        Ok(())
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, rows_at, shake, sqlite};

    const NETWORKS: &str = "CREATE TABLE ZNETWORKATTACHMENT (Z_PK INTEGER PRIMARY KEY, ZKIND, ZIDENTIFIER, ZFIRSTTIMESTAMP, ZTIMESTAMP);
        INSERT INTO ZNETWORKATTACHMENT VALUES (1, 1, 'Home-02:00:00:00:00:01', 588814410.25, 588814420), (2, 2, 'Operator', NULL, NULL);";

    #[test]
    fn routes_name_their_network_and_networks_without_routes_are_kept() {
        let database = sqlite(&format!(
            "{NETWORKS} CREATE TABLE ZLIVEROUTEPERF (Z_PK INTEGER PRIMARY KEY, Z_ENT, Z_OPT, ZHASNETWORKATTACHMENT, ZTIMESTAMP,
                 ZBYTESIN, ZBYTESOUT, ZPACKETSIN, ZPACKETSOUT, ZCONNATTEMPTS, ZCONNSUCCESSES, ZRTTAVG);
             INSERT INTO ZLIVEROUTEPERF VALUES (5, 1, 1, 1, 588814430, 10, 20, 1, 2, 3, 4, 0.5), (6, 1, 1, 9, NULL, NULL, NULL, NULL,
                 NULL, NULL, NULL, NULL);"
        ));
        assert_eq!(
            rows(&ARTIFACT, &database),
            json!([
                {"first_seen": "2019-08-29T23:33:30.250000+00:00", "last_seen": "2019-08-29T23:33:40.000000+00:00",
                 "used": "2019-08-29T23:33:50.000000+00:00", "network": "Home-02:00:00:00:00:01", "network_kind": "Wi-Fi",
                 "network_id": 1, "route_id": 5, "bytes_in": 10, "bytes_out": 20, "packets_in": 1, "packets_out": 2,
                 "connect_attempts": 3, "connect_successes": 4, "other": {"ZRTTAVG": 0.5},
                 "_line": "Wi-Fi network Home-02:00:00:00:00:01: in 10, out 20 bytes"},
                {"route_id": 6, "_line": " network : in , out  bytes"},
                {"network": "Operator", "network_kind": "mobile", "network_id": 2,
                 "_line": "mobile network Operator: in , out  bytes"},
            ])
        );
        shake(&ARTIFACT, &database);
    }

    #[test]
    fn networks_alone_are_told_and_stubs_are_passed_over() {
        assert_eq!(rows(&ARTIFACT, &sqlite(NETWORKS)).as_array().map(Vec::len), Some(2));
        assert_eq!(rows_at(&ARTIFACT, "/x", &sqlite("CREATE TABLE other (a);")), (json!([]), vec![]));
    }
}
