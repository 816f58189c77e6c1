use std::collections::HashMap;

use crate::artifact::links::text_of;
use crate::artifact::prelude::*;
use crate::artifact::whatsapp::{PAIRS, PAIRS_FILE, People};

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.whatsapp_chats",
    title: "WhatsApp chats",
    about: "WhatsApp conversations, with how many messages WhatsApp counted and how many are still stored.",
    files: &["/private/var/mobile/Containers/Shared/AppGroup/*/ChatStorage.sqlite"],
    columns: &[
        time("group_created", Epoch::Mac, Moment::Created),
        time("first_stored_message", Epoch::Mac, Moment::FirstSeen),
        time("last_stored_message", Epoch::Mac, Moment::LastSeen),
        // The chat's own note, which outlives the message.
        time("last_message", Epoch::Mac, Moment::LastSeen),
        text("contact"),
        text("name"),
        phone("phone"),
        int("session_type"),
        boolean("archived"),
        boolean("removed"),
        int("message_counter"),
        int("stored_messages"),
    ],
    shows: Trace::Mentioned,
    line: "WhatsApp chat with {name} ({contact}), {stored_messages} messages stored",
    parse: Parse::Explained { by: &[PAIRS_FILE], parse: chats },
};

const CHATS: &str = "
    SELECT s.Z_PK, {g.ZCREATIONDATE}, {s.ZLASTMESSAGEDATE}, {s.ZCONTACTJID}, {s.ZPARTNERNAME}, {s.ZSESSIONTYPE},
           {s.ZARCHIVED}, {s.ZREMOVED}, {s.ZMESSAGECOUNTER}
    FROM ZWACHATSESSION s LEFT JOIN ZWAGROUPINFO g ON g.Z_PK = s.ZGROUPINFO ORDER BY s.Z_PK";
const CHATS_WITHOUT_GROUPS: &str = "
    SELECT s.Z_PK, NULL, {s.ZLASTMESSAGEDATE}, {s.ZCONTACTJID}, {s.ZPARTNERNAME}, {s.ZSESSIONTYPE},
           {s.ZARCHIVED}, {s.ZREMOVED}, {s.ZMESSAGECOUNTER}
    FROM ZWACHATSESSION s ORDER BY s.Z_PK";

/// The stored messages of a chat, times as stored.
#[derive(Clone, Copy, Default)]
struct Stored {
    count: i64,
    first: Option<f64>,
    last: Option<f64>,
}

fn chats(database: &Database<'_>, beside: &[Beside<'_>], out: &mut Out<'_>) -> Result<()> {
    let mut statement = database.prepare(&[CHATS, CHATS_WITHOUT_GROUPS])?;
    let (stored, counted) = stored_messages(database);
    let mut people = People::of(beside, out);
    if database.tables().iter().any(|table| table == PAIRS)
        && let Err(error) = people.add_pairs(database)
    {
        out.warn(None, format!("phone numbers of linked identities: {error:#}"));
    }
    statement.for_each(&mut |row| {
        let chat = row.value(0).as_int().unwrap_or_default();
        let of_chat = stored.get(&chat).copied().unwrap_or_default();
        let real = |time: Option<f64>| time.map_or(Value::Null, Value::Real);
        let contact = text_of(row.value(3));
        let phone = contact.as_deref().and_then(|contact| people.phone_behind(contact));
        out.push(
            Place::row("ZWACHATSESSION", chat),
            [
                row.value(1),
                real(of_chat.first),
                real(of_chat.last),
                row.value(2),
                contact.as_deref().into(),
                row.value(4),
                phone.into(),
                row.value(5),
                row.value(6),
                row.value(7),
                row.value(8),
                // What could not be counted is not zero.
                if counted.is_ok() { of_chat.count.into() } else { Value::Null },
            ],
        );
        Ok(())
    })?;
    counted
}

/// One pass in storage order: grouping a million rows in SQL would fetch each by its number.
fn stored_messages(database: &Database<'_>) -> (HashMap<i64, Stored>, Result<()>) {
    let mut chats: HashMap<i64, Stored> = HashMap::new();
    let mut count = || {
        let query = "SELECT {ZCHATSESSION}, {ZMESSAGEDATE} FROM ZWAMESSAGE NOT INDEXED";
        database.prepare(&[query])?.for_each(&mut |row| {
            let Some(chat) = row.value(0).as_int() else { return Ok(()) };
            let stored = chats.entry(chat).or_default();
            stored.count += 1;
            let time = match row.value(1) {
                Value::Int(time) => time as f64,
                Value::Real(time) => time,
                Value::Text(time) => time.trim().parse().unwrap_or_default(),
                _ => 0.0,
            };
            if time.is_finite() && time > 0.0 {
                stored.first = Some(stored.first.map_or(time, |first| first.min(time)));
                stored.last = Some(stored.last.map_or(time, |last| last.max(time)));
            }
            Ok(())
        })?;
        Ok(())
    };
    let counted = count();
    (chats, counted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, rows_at, rows_beside, shake, sqlite};

    const SESSIONS: &str = "CREATE TABLE ZWACHATSESSION (Z_PK INTEGER PRIMARY KEY, ZARCHIVED, ZREMOVED, ZMESSAGECOUNTER, ZSESSIONTYPE,
            ZGROUPINFO, ZLASTMESSAGEDATE, ZCONTACTJID, ZPARTNERNAME);
        CREATE TABLE ZWAMESSAGE (Z_PK INTEGER PRIMARY KEY, ZCHATSESSION, ZMESSAGEDATE);";

    #[test]
    fn stored_messages_are_counted_and_linked_identities_resolved() {
        let database = sqlite(&format!(
            "{SESSIONS}
             CREATE TABLE ZWAGROUPINFO (Z_PK INTEGER PRIMARY KEY, ZCREATIONDATE);
             CREATE TABLE ZWAPHONENUMBERLIDPAIR (Z_PK INTEGER PRIMARY KEY, ZTIMESTAMP, ZLID, ZPHONENUMBER);
             INSERT INTO ZWACHATSESSION VALUES (1, 0, 0, 40, 0, NULL, 600000300, '77@lid', 'Press office'),
                                               (2, 1, 1, 0, 1, 9, NULL, '1-2@g.us', x'4772');
             INSERT INTO ZWAGROUPINFO VALUES (9, 500000000);
             INSERT INTO ZWAPHONENUMBERLIDPAIR VALUES (1, NULL, '77@lid', '15550106');
             INSERT INTO ZWAMESSAGE VALUES (1, 1, 600000120.5), (2, 1, 600000000), (3, 1, NULL), (4, NULL, 5);"
        ));
        assert_eq!(
            rows(&ARTIFACT, &database),
            json!([
                {
                    "first_stored_message": "2020-01-06T10:40:00.000000+00:00",
                    "last_stored_message": "2020-01-06T10:42:00.500000+00:00",
                    "last_message": "2020-01-06T10:45:00.000000+00:00",
                    "contact": "77@lid",
                    "name": "Press office",
                    "phone": "+15550106",
                    "session_type": 0,
                    "archived": false,
                    "removed": false,
                    "message_counter": 40,
                    "stored_messages": 3,
                    "_line": "WhatsApp chat with Press office (77@lid), 3 messages stored",
                },
                {
                    "group_created": "2016-11-05T00:53:20.000000+00:00",
                    "contact": "1-2@g.us",
                    "name": "Gr",
                    "session_type": 1,
                    "archived": true,
                    "removed": true,
                    "message_counter": 0,
                    "stored_messages": 0,
                    "_line": "WhatsApp chat with Gr (1-2@g.us), 0 messages stored",
                },
            ])
        );
        shake(&ARTIFACT, &database);
    }

    #[test]
    fn linked_identities_are_resolved_by_the_file_that_holds_them_too() {
        let database = sqlite(&format!("{SESSIONS} INSERT INTO ZWACHATSESSION (Z_PK, ZCONTACTJID) VALUES (1, '77@lid');"));
        let pairs = sqlite(
            "CREATE TABLE ZWAPHONENUMBERLIDPAIR (Z_PK INTEGER PRIMARY KEY, ZLID, ZPHONENUMBER);
             INSERT INTO ZWAPHONENUMBERLIDPAIR VALUES (1, '77@lid', '15550106');",
        );
        let (records, _) = rows_beside(&ARTIFACT, "/x", &database, &[("/g/LID.sqlite", pairs)]);
        assert_eq!(records[0]["phone"], "+15550106");
    }

    #[test]
    fn what_cannot_be_counted_is_not_zero() {
        let database = sqlite(
            "CREATE TABLE ZWACHATSESSION (Z_PK INTEGER PRIMARY KEY, ZCONTACTJID); INSERT INTO ZWACHATSESSION VALUES (1, 'a');",
        );
        let (records, warnings) = rows_at(&ARTIFACT, "/x", &database);
        assert_eq!(records, json!([{"contact": "a", "_line": "WhatsApp chat with  (a),  messages stored"}]));
        assert!(warnings[0].contains("ZWAMESSAGE"), "{warnings:?}");
    }
}
