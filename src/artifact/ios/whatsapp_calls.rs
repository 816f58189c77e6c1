use crate::artifact::core_data::ungroup;
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.whatsapp_calls",
    title: "WhatsApp calls",
    about: "Calls over WhatsApp, answered or not; a call that nobody answered has been enough for an attack.",
    files: &["/private/var/mobile/Containers/Shared/AppGroup/*/CallHistory.sqlite"],
    columns: &[
        time("started", Epoch::Mac, Moment::Called),
        real("duration_s"),
        direction("direction"),
        text("participants"),
        text("group"),
        text("group_creator"),
        // 0 connected; what the others mean is told differently, so the number is kept.
        int("outcome"),
        boolean("missed"),
        int("missed_reason"),
        boolean("video"),
        int("received_bytes"),
        int("sent_bytes"),
        text("call_id"),
        int("aggregate_id"),
    ],
    shows: Trace::Received,
    line: "{direction} WhatsApp call with {participants} {group}, {duration_s} s, outcome {outcome}",
    parse: Parse::Database(calls),
};

const CALLS: &str = "
    SELECT e.Z_PK, {e.ZDATE}, {e.ZDURATION},
           CASE coalesce({a.ZINCOMING}, {e.ZINCOMING}) WHEN 1 THEN 'received' WHEN 0 THEN 'sent' END, {p.people},
           {e.ZGROUPJIDSTRING}, {e.ZGROUPCALLCREATORUSERJIDSTRING}, {e.ZOUTCOME},
           coalesce({a.ZMISSED}, {e.ZMISSED}), {a.ZMISSEDREASON}, coalesce({a.ZVIDEO}, {e.ZVIDEO}),
           {e.ZBYTESRECEIVED}, {e.ZBYTESSENT}, {e.ZCALLIDSTRING}, {e.Z1CALLEVENTS}
    FROM ZWACDCALLEVENT e AGGREGATES PARTICIPANTS ORDER BY e.Z_PK";

/// Calls with the same people in a row are one entry on the screen.
const AGGREGATES: &str = "LEFT JOIN ZWAAGGREGATECALLEVENT a ON a.Z_PK = e.Z1CALLEVENTS";

/// People belong to that entry, not to each call: both columns carry the number of its entity.
const PARTICIPANTS: &str = "
    LEFT JOIN (SELECT Z1PARTICIPANTS AS entry, group_concat(CAST(ZJIDSTRING AS TEXT), char(31)) AS people
               FROM ZWACDCALLEVENTPARTICIPANT GROUP BY Z1PARTICIPANTS) p ON p.entry = e.Z1CALLEVENTS";

/// Of the people in [`CALLS`].
const PEOPLE: usize = 3;

fn calls(database: &Database<'_>, out: &mut Out<'_>) -> Result<()> {
    let query = |aggregates, participants| {
        CALLS.replace("AGGREGATES", aggregates).replace("PARTICIPANTS", participants)
    };
    let queries = [
        query(AGGREGATES, PARTICIPANTS),
        query(AGGREGATES, ""),
        query("", PARTICIPANTS),
        query("", ""),
    ];
    database.prepare(&queries.each_ref().map(String::as_str))?.for_each(&mut |row| {
        out.push_row("ZWACDCALLEVENT", row, |values| ungroup(values, PEOPLE));
        Ok(())
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, rows_at, shake, sqlite};

    #[test]
    fn calls_know_their_direction_and_their_people_from_their_entry() {
        let database = sqlite(
            "CREATE TABLE ZWAAGGREGATECALLEVENT (Z_PK INTEGER PRIMARY KEY, ZINCOMING, ZMISSED, ZVIDEO);
             CREATE TABLE ZWACDCALLEVENT (Z_PK INTEGER PRIMARY KEY, Z1CALLEVENTS, ZDATE, ZDURATION, ZOUTCOME,
                 ZCALLIDSTRING, ZGROUPJIDSTRING);
             CREATE TABLE ZWACDCALLEVENTPARTICIPANT (Z_PK INTEGER PRIMARY KEY, Z1PARTICIPANTS, ZJIDSTRING);
             INSERT INTO ZWAAGGREGATECALLEVENT VALUES (3, 1, 1, 0), (4, 0, 0, 1);
             INSERT INTO ZWACDCALLEVENT VALUES (1, 3, 588816810.5, 0, 1, 'C1', NULL), (2, 4, 588816900, 9.5, 0, 'C2', 'g@g.us'),
                 (5, NULL, NULL, NULL, NULL, NULL, NULL);
             INSERT INTO ZWACDCALLEVENTPARTICIPANT VALUES (1, 3, x'313535353031303040732e77686174736170702e6e6574'),
                 (2, 4, '15550101@s.whatsapp.net'), (3, 4, '15550102@s.whatsapp.net');",
        );
        assert_eq!(
            rows(&ARTIFACT, &database),
            json!([
                {
                    "started": "2019-08-30T00:13:30.500000+00:00",
                    "duration_s": 0,
                    "direction": "received",
                    "participants": "15550100@s.whatsapp.net",
                    "outcome": 1,
                    "missed": true,
                    "video": false,
                    "call_id": "C1",
                    "aggregate_id": 3,
                    "_line": "received WhatsApp call with 15550100@s.whatsapp.net , 0 s, outcome 1",
                },
                {
                    "started": "2019-08-30T00:15:00.000000+00:00",
                    "duration_s": 9.5,
                    "direction": "sent",
                    "participants": ["15550101@s.whatsapp.net", "15550102@s.whatsapp.net"],
                    "group": "g@g.us",
                    "outcome": 0,
                    "missed": false,
                    "video": true,
                    "call_id": "C2",
                    "aggregate_id": 4,
                    "_line": "sent WhatsApp call with 15550101@s.whatsapp.net, 15550102@s.whatsapp.net g@g.us, 9.5 s, outcome 0",
                },
                { "_line": " WhatsApp call with  ,  s, outcome " },
            ])
        );
        shake(&ARTIFACT, &database);
    }

    #[test]
    fn calls_stand_without_their_other_tables_and_another_schema_is_named() {
        let database = sqlite(
            "CREATE TABLE ZWACDCALLEVENT (Z_PK INTEGER PRIMARY KEY, ZDATE, ZINCOMING);
             INSERT INTO ZWACDCALLEVENT VALUES (1, 588816810.5, 1);",
        );
        assert_eq!(rows(&ARTIFACT, &database)[0]["direction"], "received");
        let (records, warnings) = rows_at(&ARTIFACT, "/x", &sqlite("CREATE TABLE other (a);"));
        assert_eq!(records, json!([]));
        assert!(warnings[0].contains("its tables: other"), "{warnings:?}");
    }
}
