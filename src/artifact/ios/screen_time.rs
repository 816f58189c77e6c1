use crate::artifact::prelude::*;

/// Whose use it was, as far as the schema tells; behind `b`, a block of time.
macro_rules! whose {
    () => {
        "LEFT JOIN ZUSAGE s ON s.Z_PK = b.ZUSAGE LEFT JOIN ZCOREDEVICE d ON d.Z_PK = s.ZDEVICE
         LEFT JOIN ZCOREUSER o ON o.Z_PK = s.ZUSER"
    };
}

macro_rules! times {
    ($whose:literal, $join:expr) => {
        concat!(
            "SELECT i.Z_PK, {b.ZSTARTDATE}, {i.ZBUNDLEIDENTIFIER}, {i.ZDOMAIN}, {i.ZTOTALTIMEINSECONDS}, NULL, NULL, ", $whose, ",
                    {c.ZIDENTIFIER}, 'ZUSAGETIMEDITEM'
             FROM ZUSAGETIMEDITEM i LEFT JOIN ZUSAGECATEGORY c ON c.Z_PK = i.ZCATEGORY
                  LEFT JOIN ZUSAGEBLOCK b ON b.Z_PK = c.ZBLOCK ", $join, " ORDER BY i.Z_PK"
        )
    };
}

macro_rules! counts {
    ($whose:literal, $join:expr) => {
        concat!(
            "SELECT i.Z_PK, {b.ZSTARTDATE}, {i.ZBUNDLEIDENTIFIER}, NULL, NULL, {i.ZNUMBEROFNOTIFICATIONS}, {i.ZNUMBEROFPICKUPS}, ",
                    $whose, ", NULL, 'ZUSAGECOUNTEDITEM'
             FROM ZUSAGECOUNTEDITEM i LEFT JOIN ZUSAGEBLOCK b ON b.Z_PK = i.ZBLOCK ", $join, " ORDER BY i.Z_PK"
        )
    };
}

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.screen_time",
    title: "Screen Time",
    about: "Apps and web sites in use hour by hour, as Screen Time counts them, of the account's other devices too.",
    files: &["/private/var/mobile/Library/Application Support/com.apple.remotemanagementd/RMAdminStore-*.sqlite"],
    columns: &[
        time("started", Epoch::Mac, Moment::Visited).rounded(Precision::Hour),
        app_id("app"),
        host("domain"),
        int("seconds"),
        int("notifications"),
        int("pickups"),
        text("device"),
        text("user"),
        text("apple_id"),
        text("category"),
        text("table"),
        caveat("shared", "the use was shared between the account's devices and may be another device's"),
    ],
    shows: Trace::Visited,
    line: "{app} {domain} in use for {seconds} s, {notifications} notifications, {device}",
    parse: Parse::Database(read),
};

const TIMES: &[&str] = &[
    times!("{d.ZNAME}, {o.ZGIVENNAME}, {o.ZAPPLEID}", whose!()),
    times!("NULL, NULL, NULL", ""),
    "SELECT i.Z_PK, NULL, {i.ZBUNDLEIDENTIFIER}, {i.ZDOMAIN}, {i.ZTOTALTIMEINSECONDS}, NULL, NULL, NULL, NULL, NULL, NULL, 'ZUSAGETIMEDITEM'
     FROM ZUSAGETIMEDITEM i ORDER BY i.Z_PK",
];
const COUNTS: &[&str] = &[
    counts!("{d.ZNAME}, {o.ZGIVENNAME}, {o.ZAPPLEID}", whose!()),
    counts!("NULL, NULL, NULL", ""),
    "SELECT i.Z_PK, NULL, {i.ZBUNDLEIDENTIFIER}, NULL, NULL, {i.ZNUMBEROFNOTIFICATIONS}, {i.ZNUMBEROFPICKUPS}, NULL, NULL, NULL, NULL,
            'ZUSAGECOUNTEDITEM'
     FROM ZUSAGECOUNTEDITEM i ORDER BY i.Z_PK",
];

fn read(database: &Database<'_>, out: &mut Out<'_>) -> Result<()> {
    let shared = out.path().ends_with("-Cloud.sqlite");
    let is_there = |name: &str| database.tables().iter().any(|table| table == name);
    let tables = [("ZUSAGETIMEDITEM", TIMES), ("ZUSAGECOUNTEDITEM", COUNTS)];
    // The error of the first names what is there instead.
    let none = !tables.iter().any(|(table, _)| is_there(table));
    for (table, queries) in tables.into_iter().filter(|(table, _)| none || is_there(table)) {
        database.prepare(queries)?.for_each(&mut |row| {
            out.push_row(table, row, |values| values.push(shared.into()));
            Ok(())
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, rows_at, shake, sqlite};

    const PATH: &str = "/x/RMAdminStore-Cloud.sqlite";

    #[test]
    fn use_is_told_with_hour_device_and_user() {
        let database = sqlite(
            "CREATE TABLE ZCOREDEVICE (Z_PK INTEGER PRIMARY KEY, ZNAME); CREATE TABLE ZCOREUSER (Z_PK INTEGER PRIMARY KEY, ZGIVENNAME, ZAPPLEID);
             CREATE TABLE ZUSAGE (Z_PK INTEGER PRIMARY KEY, ZDEVICE, ZUSER); CREATE TABLE ZUSAGEBLOCK (Z_PK INTEGER PRIMARY KEY, ZSTARTDATE, ZUSAGE);
             CREATE TABLE ZUSAGECATEGORY (Z_PK INTEGER PRIMARY KEY, ZBLOCK, ZIDENTIFIER);
             CREATE TABLE ZUSAGETIMEDITEM (Z_PK INTEGER PRIMARY KEY, ZCATEGORY, ZTOTALTIMEINSECONDS, ZBUNDLEIDENTIFIER, ZDOMAIN);
             CREATE TABLE ZUSAGECOUNTEDITEM (Z_PK INTEGER PRIMARY KEY, ZBLOCK, ZBUNDLEIDENTIFIER, ZNUMBEROFNOTIFICATIONS, ZNUMBEROFPICKUPS);
             INSERT INTO ZCOREDEVICE VALUES (1, 'Example phone'); INSERT INTO ZCOREUSER VALUES (1, 'Ann', 'a@example.org');
             INSERT INTO ZUSAGE VALUES (2, 1, 1); INSERT INTO ZUSAGEBLOCK VALUES (3, 588812400, 2); INSERT INTO ZUSAGECATEGORY VALUES (4, 3, 'DH1');
             INSERT INTO ZUSAGETIMEDITEM VALUES (5, 4, 60, NULL, 'a.example'), (6, NULL, NULL, x'61', NULL);
             INSERT INTO ZUSAGECOUNTEDITEM VALUES (7, 3, 'com.example.a', 2, 1);",
        );
        let (records, warnings) = rows_at(&ARTIFACT, PATH, &database);
        assert_eq!(
            records,
            json!([
                {"started": "2019-08-29T23:00:00.000000+00:00", "domain": "a.example", "seconds": 60, "device": "Example phone",
                 "user": "Ann", "apple_id": "a@example.org", "category": "DH1", "table": "ZUSAGETIMEDITEM", "shared": true,
                 "_line": " a.example in use for 60 s,  notifications, Example phone"},
                {"app": "a", "table": "ZUSAGETIMEDITEM", "shared": true, "_line": "a  in use for  s,  notifications, "},
                {"started": "2019-08-29T23:00:00.000000+00:00", "app": "com.example.a", "notifications": 2, "pickups": 1,
                 "device": "Example phone", "user": "Ann", "apple_id": "a@example.org", "table": "ZUSAGECOUNTEDITEM", "shared": true,
                 "_line": "com.example.a  in use for  s, 2 notifications, Example phone"},
            ])
        );
        assert_eq!(warnings, [""; 0]);
        shake(&ARTIFACT, &database);
    }

    #[test]
    fn use_alone_is_enough_and_another_schema_is_named() {
        let database = sqlite("CREATE TABLE ZUSAGETIMEDITEM (Z_PK INTEGER PRIMARY KEY, ZDOMAIN); INSERT INTO ZUSAGETIMEDITEM VALUES (1, 'a.example');");
        let records = rows(&ARTIFACT, &database);
        assert_eq!((&records[0]["domain"], &records[0]["shared"]), (&json!("a.example"), &json!(false)));
        assert!(rows_at(&ARTIFACT, PATH, &sqlite("CREATE TABLE b (c)")).1[0].contains("its tables: b"));
    }
}
