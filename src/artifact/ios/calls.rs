use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.calls",
    title: "Call history",
    about: "Phone, FaceTime and third-party calls, answered or not.",
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
        int("call_type"),
        text("country"),
        text("location"),
    ],
    shows: Trace::Received,
    line: "{direction} call with {number} over {provider}, {duration_s} s",
    parse: Parse::Sqlite {
        table: "ZCALLRECORD",
        queries: &[
            // iOS 8 and later. A FaceTime address is an e-mail address or a number.
            "SELECT Z_PK, ZDATE, ZDURATION, CAST(ZADDRESS AS TEXT), {ZSERVICE_PROVIDER},
                    iif({ZORIGINATED}, 'sent', 'received'), {ZANSWERED}, {ZCALLTYPE}, {ZISO_COUNTRY_CODE},
                    {ZLOCATION}
             FROM ZCALLRECORD ORDER BY Z_PK",
            // Before: Unix time, brought to the Mac epoch so that one column serves both.
            "SELECT ROWID, date - 978307200, duration, address, NULL,
                    iif(flags & 1, 'sent', 'received'), NULL, NULL, {country_code}, NULL
             FROM call ORDER BY ROWID",
        ],
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, shake, sqlite};

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
}
