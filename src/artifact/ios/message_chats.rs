use crate::artifact::core_data::ungrouped;
use crate::artifact::prelude::*;
use crate::artifact::property_list::{nested, shown};

/// With and without what names the people in it.
macro_rules! query {
    ($participants:literal, $join:literal) => {
        concat!(
            "SELECT c.ROWID, {c.last_read_message_timestamp}, {c.chat_identifier}, ", $participants, ", {c.service_name},
                    {c.display_name}, {c.room_name}, {c.account_login}, {c.last_addressed_handle}, {c.style},
                    {c.is_filtered}, {c.is_blackholed}, {c.is_archived}, {c.guid}, {c.properties}
             FROM chat c ", $join, " ORDER BY c.ROWID"
        )
    };
}

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.message_chats",
    title: "Conversations in Messages",
    about: "Conversations with the people in them; one stays when its messages are gone.",
    files: super::sms::ARTIFACT.files,
    columns: &[
        // The time of the last message that was read, not of the reading.
        fact_time("last_read_message", Epoch::Mac),
        email("chat"),
        email("participants"),
        text("service"),
        text("name"),
        text("room"),
        text("account"),
        text("addressed_as"),
        // 43 a group, 45 one person.
        int("style"),
        caveat("filtered", "Messages had put this conversation under unknown senders or junk"),
        boolean("blackholed"),
        boolean("archived"),
        text("guid"),
        message("properties"),
    ],
    shows: Trace::Received,
    line: "{service} conversation {name} with {chat} {participants}",
    parse: Parse::Rows {
        table: "chat",
        queries: &[
            query!(
                "p.handles",
                "LEFT JOIN (SELECT j.chat_id AS chat, group_concat(CAST(h.id AS TEXT), char(31)) AS handles
                            FROM chat_handle_join j JOIN handle h ON h.ROWID = j.handle_id GROUP BY j.chat_id) p
                 ON p.chat = c.ROWID"
            ),
            query!("NULL", ""),
        ],
        row,
    },
};

fn row(row: &Row<'_>, out: &mut Out<'_>) -> Result<()> {
    let place = Place::row("chat", row.value(0).as_int().unwrap_or_default());
    let properties = match row.value(14) {
        Value::Bytes(bytes) if !bytes.is_empty() => match nested(&bytes) {
            Ok(list) => shown(&list).into(),
            Err(error) => {
                out.warn(Some(place.clone()), format!("properties: {error:#}"));
                Value::Null
            }
        },
        _ => Value::Null,
    };
    let [read, chat, participants, service, name, room, account, addressed, style, filtered, blackholed, archived, guid] =
        std::array::from_fn(|index| row.value(index + 1));
    let participants = ungrouped(participants);
    let values = [
        read,
        chat,
        participants,
        service,
        name,
        room,
        account,
        addressed,
        style,
        filtered,
        blackholed,
        archived,
        guid,
        properties,
    ];
    out.push(place, values);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, rows_at, shake, sqlite};

    #[test]
    fn a_conversation_names_its_people_and_state() {
        let database = sqlite(
            "CREATE TABLE handle (ROWID INTEGER PRIMARY KEY, id TEXT);
             CREATE TABLE chat_handle_join (chat_id INTEGER, handle_id INTEGER);
             CREATE TABLE chat (ROWID INTEGER PRIMARY KEY, guid TEXT, style INTEGER, properties BLOB, chat_identifier TEXT,
                 service_name TEXT, room_name TEXT, account_login TEXT, is_archived INTEGER, last_addressed_handle TEXT,
                 display_name TEXT, is_filtered INTEGER, is_blackholed INTEGER, last_read_message_timestamp INTEGER);
             INSERT INTO handle VALUES (1, 'a@example.org'), (2, '+15550100');
             INSERT INTO chat_handle_join VALUES (7, 1), (7, 2), (8, 1);
             INSERT INTO chat VALUES (7, 'iMessage;+;chat7', 43, CAST('<plist><dict><key>a</key><true/></dict></plist>' AS BLOB),
                 'chat7', 'iMessage', 'chat7', 'E:me@example.org', 0, '+15550199', 'Club', 1, 0, 600000000000000000),
                 (8, NULL, 45, x'00', 'a@example.org', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0);",
        );
        let (records, warnings) = rows_at(&ARTIFACT, "/x", &database);
        assert_eq!(
            records,
            json!([
                {"last_read_message": "2020-01-06T10:40:00.000000+00:00", "chat": "chat7",
                 "participants": ["a@example.org", "+15550100"], "service": "iMessage", "name": "Club", "room": "chat7",
                 "account": "E:me@example.org", "addressed_as": "+15550199", "style": 43, "filtered": true, "blackholed": false,
                 "archived": false, "guid": "iMessage;+;chat7", "properties": "{a: true}",
                 "_line": "iMessage conversation Club with chat7 a@example.org, +15550100"},
                {"chat": "a@example.org", "participants": "a@example.org", "style": 45,
                 "_line": " conversation  with a@example.org a@example.org"},
            ])
        );
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        shake(&ARTIFACT, &database);
    }

    #[test]
    fn conversations_alone_are_enough() {
        let database = sqlite("CREATE TABLE chat (ROWID INTEGER PRIMARY KEY, chat_identifier); INSERT INTO chat VALUES (1, x'2b31')");
        assert_eq!(rows(&ARTIFACT, &database)[0]["chat"], "+1");
    }
}
