use crate::artifact::core_data::{join_table, ungroup};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.calls",
    title: "Call history",
    about: "Phone, FaceTime and third-party calls, answered or not (since iOS 8 in CallHistory.storedata, before in call_history.db).",
    files: &[
        "/private/var/mobile/Library/CallHistoryDB/CallHistory.storedata",
        "/private/var/mobile/Library/CallHistoryDB/CallHistoryTemp.storedata",
        "/private/var/mobile/Library/CallHistory/call_history.db",
        "/private/var/wireless/Library/CallHistory/call_history.db",
    ],
    columns: &[
        time("started", Epoch::Mac, Moment::Called),
        real("duration_s"),
        email("number"),
        text("provider"),
        direction("direction"),
        boolean("answered"),
        // 0 third-party app, 1 phone, 8 FaceTime video, 16 FaceTime audio.
        int("call_type"),
        text("country"),
        text("location"),
        text("name"),
        email("participants"),
        int("disconnected_cause"),
        int("facetime_data_bytes"),
        boolean("read"),
        text("unique_id"),
    ],
    shows: Trace::Received,
    line: "{direction} call with {number} over {provider}, {duration_s} s",
    parse: Parse::Database(calls),
};

/// iOS 8 and later. A FaceTime address is an e-mail address or a number.
const CALLS: &str = "
    SELECT c.Z_PK, c.ZDATE, c.ZDURATION, c.ZADDRESS, {c.ZSERVICE_PROVIDER},
           CASE {c.ZORIGINATED} WHEN 1 THEN 'sent' WHEN 0 THEN 'received' END, {c.ZANSWERED}, {c.ZCALLTYPE},
           {c.ZISO_COUNTRY_CODE}, {c.ZLOCATION}, {c.ZNAME}, {p.handles}, {c.ZDISCONNECTED_CAUSE},
           {c.ZFACE_TIME_DATA}, {c.ZREAD}, {c.ZUNIQUE_ID}
    FROM ZCALLRECORD c PARTICIPANTS ORDER BY c.Z_PK";

const PARTICIPANTS: &str = "
    LEFT JOIN (SELECT j.CALL AS call, group_concat(CAST(h.ZVALUE AS TEXT), char(31)) AS handles
               FROM JOINED j JOIN ZHANDLE h ON h.Z_PK = j.HANDLE GROUP BY j.CALL) p ON p.call = c.Z_PK";

/// Before: Unix time, brought to the Mac epoch so that one column serves both.
const CALLS_BEFORE_IOS_8: &str = "
    SELECT ROWID, date - 978307200, duration, address, NULL, iif(flags & 1, 'sent', 'received'), NULL, NULL,
           {country_code}, NULL, NULL, NULL, NULL, {face_time_data}, {read}, NULL
    FROM call ORDER BY ROWID";

fn calls(database: &Database<'_>, out: &mut Out<'_>) -> Result<()> {
    let joined =
        join_table(database, "REMOTEPARTICIPANTHANDLES", ["REMOTEPARTICIPANTCALLS", "REMOTEPARTICIPANTHANDLES"]);
    let participants = joined.map_or_else(String::new, |joined| {
        let [call, handle] = &joined.columns;
        PARTICIPANTS
            .replace("j.CALL", &format!("j.{call}"))
            .replace("j.HANDLE", &format!("j.{handle}"))
            .replace("JOINED", &joined.table)
    });
    let queries =
        [CALLS.replace("PARTICIPANTS", &participants), CALLS.replace("PARTICIPANTS", ""), CALLS_BEFORE_IOS_8.to_owned()];
    let mut statement = database.prepare(&queries.each_ref().map(String::as_str))?;
    let table = if statement.which() < 2 { "ZCALLRECORD" } else { "call" };
    statement.for_each(&mut |row| {
        out.push_row(table, row, |values| ungroup(values, 10));
        Ok(())
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, rows_at, shake, sqlite};

    #[test]
    fn number_stored_as_blob_reads_as_text() {
        let database = sqlite(
            "CREATE TABLE ZCALLRECORD (Z_PK INTEGER PRIMARY KEY, ZDATE, ZDURATION, ZADDRESS, ZSERVICE_PROVIDER,
                                       ZORIGINATED, ZANSWERED);
             INSERT INTO ZCALLRECORD VALUES (7, 588816810.5, 12, x'2b3135353530313030', 'com.apple.Telephony', 0, 1);",
        );
        assert_eq!(
            rows(&ARTIFACT, &database),
            json!([{
                "started": "2019-08-30T00:13:30.500000+00:00",
                "duration_s": 12,
                "number": "+15550100",
                "provider": "com.apple.Telephony",
                "direction": "received",
                "answered": true,
                "_line": "received call with +15550100 over com.apple.Telephony, 12 s",
            }])
        );
        shake(&ARTIFACT, &database);
    }

    #[test]
    fn participants_are_found_under_any_entity_number() {
        let database = sqlite(
            "CREATE TABLE ZCALLRECORD (Z_PK INTEGER PRIMARY KEY, ZDATE, ZDURATION, ZADDRESS, ZORIGINATED,
                                       ZDISCONNECTED_CAUSE, ZFACE_TIME_DATA, ZREAD, ZUNIQUE_ID, ZCALLTYPE);
             CREATE TABLE ZHANDLE (Z_PK INTEGER PRIMARY KEY, ZVALUE);
             CREATE TABLE Z_3REMOTEPARTICIPANTHANDLES (Z_3REMOTEPARTICIPANTCALLS, Z_5REMOTEPARTICIPANTHANDLES);
             INSERT INTO ZCALLRECORD VALUES (1, 700000000, 0, 'a@example.org', 1, 6, 2048, 0, 'C-1', 8),
                                            (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
             INSERT INTO ZHANDLE VALUES (1, 'a@example.org'), (2, x'2b31');
             INSERT INTO Z_3REMOTEPARTICIPANTHANDLES VALUES (1, 1), (1, 2);",
        );
        assert_eq!(
            rows(&ARTIFACT, &database),
            json!([
                {
                    "started": "2023-03-08T20:26:40.000000+00:00",
                    "duration_s": 0,
                    "number": "a@example.org",
                    "direction": "sent",
                    "call_type": 8,
                    "participants": ["a@example.org", "+1"],
                    "disconnected_cause": 6,
                    "facetime_data_bytes": 2048,
                    "read": false,
                    "unique_id": "C-1",
                    "_line": "sent call with a@example.org over , 0 s",
                },
                { "_line": " call with  over ,  s" },
            ])
        );
        shake(&ARTIFACT, &database);
    }

    #[test]
    fn calls_of_very_old_systems_are_in_unix_time() {
        let database = sqlite(
            "CREATE TABLE call (ROWID INTEGER PRIMARY KEY, address, date, duration, flags, id);
             INSERT INTO call VALUES (3, '+15550100', 1300000000, 5, 5, -1);",
        );
        assert_eq!(
            rows(&ARTIFACT, &database),
            json!([{
                "started": "2011-03-13T07:06:40.000000+00:00",
                "duration_s": 5,
                "number": "+15550100",
                "direction": "sent",
                "_line": "sent call with +15550100 over , 5 s",
            }])
        );
    }

    #[test]
    fn another_schema_is_named() {
        let (records, warnings) = rows_at(&ARTIFACT, "/x", &sqlite("CREATE TABLE other (a);"));
        assert_eq!(records, json!([]));
        assert!(warnings[0].contains("its tables: other"), "{warnings:?}");
    }
}
