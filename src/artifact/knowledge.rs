//! `knowledgeC.db`: what the owner and the system did, by stream, until Biome took most of it over with iOS 16.
//!
//! Which streams are whose is the artifacts'; the columns and the query are the same.

use anyhow::Result;

use super::Out;
use super::other::{self, Other};
use crate::format::sqlite::Database;
use crate::record::{
    Column, Moment, Place, Value, app_id, caveat, fact_time, host, int, message, text, time, url,
};
use crate::time::Epoch;

pub const FILES: &[&str] = &[
    "/private/var/mobile/Library/CoreDuet/Knowledge/knowledgeC.db",
    "/private/var/db/CoreDuet/Knowledge/knowledgeC.db",
];

/// The columns, of streams whose events begin with this.
pub const fn columns(start: Moment) -> [Column; 17] {
    [
        time("started", Epoch::Mac, start),
        time("ended", Epoch::Mac, Moment::Ended),
        fact_time("added", Epoch::Mac),
        text("stream"),
        app_id("app"),
        url("url"),
        host("host"),
        text("title"),
        message("value"),
        int("number"),
        int("utc_offset_s"),
        text("unique_id"),
        app_id("source_app"),
        text("source_device"),
        caveat(
            "remote",
            "the event happened on another device of the same account and was synced to this one",
        ),
        text("source_id"),
        other::COLUMN,
    ]
}

/// The queries, newest schema first, for the streams that this condition on `o.ZSTREAMNAME` is true for.
macro_rules! query {
    ($which:literal) => {
        &[
            crate::artifact::knowledge::query!($which, "LEFT JOIN ZSTRUCTUREDMETADATA m ON m.Z_PK = o.ZSTRUCTUREDMETADATA
                    LEFT JOIN ZSOURCE s ON s.Z_PK = o.ZSOURCE", ", m.*"),
            crate::artifact::knowledge::query!($which, "LEFT JOIN ZSTRUCTUREDMETADATA m ON m.Z_PK = o.ZSTRUCTUREDMETADATA", ", m.*"),
            crate::artifact::knowledge::query!($which, "LEFT JOIN ZSOURCE s ON s.Z_PK = o.ZSOURCE", ""),
            crate::artifact::knowledge::query!($which, "", ""),
        ]
    };
    ($which:literal, $joins:literal, $rest:literal) => {
        concat!(
            "SELECT o.Z_PK, {o.ZSTARTDATE}, {o.ZENDDATE}, {o.ZCREATIONDATE}, o.ZSTREAMNAME, {o.ZVALUESTRING},
                    {m.Z_DKDIGITALHEALTHMETADATAKEY__WEBPAGEURL}, {m.Z_DKDIGITALHEALTHMETADATAKEY__WEBDOMAIN},
                    {m.Z_DKSAFARIHISTORYMETADATAKEY__TITLE}, {o.ZVALUEINTEGER}, {o.ZSECONDSFROMGMT}, {o.ZUUID},
                    {s.ZBUNDLEID}, {s.ZDEVICEID}, {s.ZSOURCEID}",
            $rest,
            " FROM ZOBJECT o ", $joins, " WHERE ", $which, " ORDER BY o.Z_PK"
        )
    };
}
pub(crate) use query;

/// Columns of the metadata that have columns of their own here, and Core Data's.
const NAMED: [&str; 6] = [
    "Z_PK",
    "Z_ENT",
    "Z_OPT",
    "Z_DKDIGITALHEALTHMETADATAKEY__WEBPAGEURL",
    "Z_DKDIGITALHEALTHMETADATAKEY__WEBDOMAIN",
    "Z_DKSAFARIHISTORYMETADATAKEY__TITLE",
];

/// The first column of the metadata in the result.
const METADATA: usize = 15;

/// Pushes the rows that one of these [`query`]s gives.
///
/// # Errors
/// When none fits the schema or the database is damaged.
pub fn read(database: &Database<'_>, queries: &[&str], out: &mut Out<'_>) -> Result<()> {
    let mut statement = database.prepare(queries)?;
    let other = Other::of(database, "ZSTRUCTUREDMETADATA", &statement, METADATA, &NAMED);
    statement.for_each(&mut |row| {
        let stream = row.value(4);
        let [app, url, value] = sorted(stream.as_text().unwrap_or_default(), row.value(5));
        let device = row.filled(13);
        let remote = device.is_some();
        out.push(
            Place::row("ZOBJECT", row.value(0).as_int().unwrap_or_default()),
            [
                row.value(1),
                row.value(2),
                row.value(3),
                row.value(4),
                app,
                row.filled(6).unwrap_or(url),
                row.filled(7).unwrap_or_default(),
                row.value(8),
                value,
                row.value(9),
                row.value(10),
                row.value(11),
                row.value(12),
                device.unwrap_or_default(),
                remote.into(),
                row.value(14),
                other.of_row(row, None),
            ],
        );
        Ok(())
    })?;
    Ok(())
}

/// The text of an event as app, link or anything else: what it is depends on the stream.
fn sorted<'v>(stream: &str, value: Value<'v>) -> [Value<'v>; 3] {
    if stream == "/safari/history" {
        [Value::Null, value, Value::Null]
    } else if ["/app/", "/notification/", "/media/"].iter().any(|start| stream.starts_with(start)) {
        [value, Value::Null, Value::Null]
    } else {
        [Value::Null, Value::Null, value]
    }
}

/// Databases made for tests.
#[cfg(test)]
pub mod testing {
    use crate::artifact::testing::sqlite;

    /// Every table, with these rows of `ZOBJECT`.
    pub fn database(rows: &str) -> Vec<u8> {
        sqlite(&format!(
            "CREATE TABLE ZOBJECT (Z_PK INTEGER PRIMARY KEY, ZSTREAMNAME, ZVALUESTRING, ZVALUEINTEGER, ZSTARTDATE, ZENDDATE,
                 ZCREATIONDATE, ZSECONDSFROMGMT, ZSTRUCTUREDMETADATA, ZSOURCE, ZUUID);
             CREATE TABLE ZSTRUCTUREDMETADATA (Z_PK INTEGER PRIMARY KEY, Z_ENT, Z_OPT,
                 Z_DKDIGITALHEALTHMETADATAKEY__WEBDOMAIN, Z_DKDIGITALHEALTHMETADATAKEY__WEBPAGEURL,
                 Z_DKSAFARIHISTORYMETADATAKEY__TITLE, Z_DKNOTIFICATIONUSAGEMETADATAKEY__BUNDLEID);
             CREATE TABLE ZSOURCE (Z_PK INTEGER PRIMARY KEY, ZBUNDLEID, ZDEVICEID, ZSOURCEID);
             INSERT INTO ZSTRUCTUREDMETADATA VALUES (1, 9, 1, 'a.example', 'https://a.example/x', NULL, NULL),
                                                    (2, 9, 1, NULL, NULL, 'Title', 'org.example.chat');
             INSERT INTO ZSOURCE VALUES (1, 'org.example.source', 'D-1', 'S-1'), (2, NULL, NULL, NULL);
             INSERT INTO ZOBJECT VALUES {rows};"
        ))
    }
}
