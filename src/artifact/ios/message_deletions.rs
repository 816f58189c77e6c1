use crate::artifact::links::{Links, archived, text_of, with_links};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.message_deletions",
    title: "Deleted messages",
    about: "What Messages remembers of messages, parts of messages, attachments and conversations that were deleted or are to be (most of it since iOS 16).",
    files: super::sms::ARTIFACT.files,
    columns: &[
        time("deleted", Epoch::Mac, Moment::Deleted),
        text("what"),
        direction("direction"),
        email("handle"),
        email("chat"),
        message("message"),
        url("links"),
        int("message_id"),
        int("part"),
        text("guid"),
        text("record_id"),
    ],
    shows: Trace::Received,
    line: "{what} deleted, {handle} {chat}: {message}",
    parse: Parse::Database(read),
};

/// A table, what its rows stand for and how they are read: row id, time, direction, handle, chat, text, message, part, guid, record.
struct Remains(&'static str, &'static str, &'static [&'static str]);

macro_rules! guids {
    ($table:literal) => {
        &[concat!(
            "SELECT t.rowid, {t.timestamp}, NULL, NULL, NULL, NULL, NULL, NULL, {t.guid}, {t.recordID} FROM ",
            $table,
            " t ORDER BY t.rowid"
        )]
    };
}

const REMAINS: &[Remains] = &[
    Remains(
        "recoverable_message_part",
        "part of a message",
        &[
            "SELECT p.rowid, p.delete_date, iif(m.is_from_me, 'sent', iif(m.is_from_me = 0, 'received', NULL)), h.id,
                    c.chat_identifier, {p.part_text}, p.message_id, {p.part_index}, m.guid, NULL
             FROM recoverable_message_part p LEFT JOIN message m ON m.ROWID = p.message_id
                  LEFT JOIN handle h ON h.ROWID = m.handle_id LEFT JOIN chat c ON c.ROWID = p.chat_id ORDER BY p.rowid",
            "SELECT p.rowid, {p.delete_date}, NULL, NULL, NULL, {p.part_text}, {p.message_id}, {p.part_index}, NULL, NULL
             FROM recoverable_message_part p ORDER BY p.rowid",
        ],
    ),
    Remains(
        "chat_recoverable_message_join",
        "message",
        // Where the message is still there, it tells the time of its deletion itself.
        &[
            "SELECT j.rowid, j.delete_date, NULL, NULL, c.chat_identifier, NULL, j.message_id, NULL, NULL, NULL
             FROM chat_recoverable_message_join j LEFT JOIN message m ON m.ROWID = j.message_id
                  LEFT JOIN chat c ON c.ROWID = j.chat_id WHERE m.ROWID IS NULL ORDER BY j.rowid",
            "SELECT j.rowid, {j.delete_date}, NULL, NULL, NULL, NULL, {j.message_id}, NULL, NULL, NULL
             FROM chat_recoverable_message_join j ORDER BY j.rowid",
        ],
    ),
    Remains(
        "unsynced_removed_recoverable_messages",
        "message",
        &["SELECT u.rowid, NULL, NULL, NULL, {u.chat_guid}, NULL, NULL, {u.part_index}, {u.message_guid}, NULL
           FROM unsynced_removed_recoverable_messages u ORDER BY u.rowid"],
    ),
    Remains("deleted_messages", "message", guids!("deleted_messages")),
    Remains("sync_deleted_messages", "message", guids!("sync_deleted_messages")),
    Remains("sync_deleted_attachments", "attachment", guids!("sync_deleted_attachments")),
    Remains("sync_deleted_chats", "conversation", guids!("sync_deleted_chats")),
];

fn read(database: &Database<'_>, out: &mut Out<'_>) -> Result<()> {
    let present = |name: &str| database.tables().iter().any(|table| table == name);
    if !REMAINS.iter().any(|remains| present(remains.0)) {
        // An older Messages kept nothing.
        anyhow::ensure!(present("message"), "is no database of Messages; its tables: {}", database.tables().join(", "));
        return Ok(());
    }
    let mut result = Ok(());
    for remains in REMAINS.iter().filter(|remains| present(remains.0)) {
        if let Err(error) = read_table(database, remains, out) {
            match &result {
                Ok(()) => result = Err(error),
                Err(_) => out.warn(None, format!("{}: {error:#}", remains.0)),
            }
        }
    }
    result
}

fn read_table(database: &Database<'_>, Remains(table, what, queries): &Remains, out: &mut Out<'_>) -> Result<()> {
    database.prepare(queries)?.for_each(&mut |row| {
        let place = Place::row(table, row.value(0).as_int().unwrap_or_default());
        let (text, links) = content(row.value(5), &place, out);
        let [deleted, direction, handle, chat] = std::array::from_fn(|index| row.value(index + 1));
        let [message_id, part, guid, record_id] = std::array::from_fn(|index| row.value(index + 6));
        let values =
            [deleted, (*what).into(), direction, handle, chat, text, links, message_id, part, guid, record_id];
        out.push(place, values);
        Ok(())
    })?;
    Ok(())
}

/// The text of a part, archived or plain, and where its links lead.
fn content(part: Value<'_>, place: &Place, out: &mut Out<'_>) -> (Value<'static>, Value<'static>) {
    let (text, links) = match &part {
        Value::Bytes(bytes) if bytes.starts_with(b"\x04\x0b") => archived(bytes, "part_text", place, out),
        _ => (text_of(part).map(|text| text.into_owned()), Links::default()),
    };
    with_links(text, links)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, rows_at, shake, sqlite};

    const HELLO: &str = "040b73747265616d747970656481e803840140848484124e5341747472696275746564537472696e67008484084e534f\
        626a656374008592848484084e53537472696e67019484012b0548656c6c6f86840269490105928484840c4e53446963\
        74696f6e617279009484016901928496961d5f5f6b494d4d657373616765506172744174747269627574654e616d6586\
        92848484084e534e756d626572008484074e5356616c7565009484012a84999900868686";

    #[test]
    fn every_kind_of_remains_is_read() {
        let database = sqlite(&format!(
            "CREATE TABLE handle (ROWID INTEGER PRIMARY KEY, id); CREATE TABLE chat (ROWID INTEGER PRIMARY KEY, chat_identifier);
             CREATE TABLE message (ROWID INTEGER PRIMARY KEY, guid, handle_id, is_from_me);
             CREATE TABLE recoverable_message_part (chat_id, message_id, part_index, delete_date, part_text, ck_sync_state);
             CREATE TABLE chat_recoverable_message_join (chat_id, message_id, delete_date, ck_sync_state);
             CREATE TABLE unsynced_removed_recoverable_messages (chat_guid, message_guid, part_index);
             CREATE TABLE deleted_messages (ROWID INTEGER PRIMARY KEY, guid);
             CREATE TABLE sync_deleted_messages (ROWID INTEGER PRIMARY KEY, guid, recordID);
             CREATE TABLE sync_deleted_attachments (ROWID INTEGER PRIMARY KEY, guid, recordID);
             CREATE TABLE sync_deleted_chats (ROWID INTEGER PRIMARY KEY, guid, recordID, timestamp);
             INSERT INTO handle VALUES (1, 'a@example.org'); INSERT INTO chat VALUES (2, 'chat2');
             INSERT INTO message VALUES (5, 'G-5', 1, 0);
             INSERT INTO recoverable_message_part VALUES (2, 5, 0, 600000000000000000, x'{HELLO}', 0),
                 (NULL, 77, 1, NULL, 'see https://a.example/x', 0), (2, 5, 2, 0, x'040b00', 0);
             INSERT INTO chat_recoverable_message_join VALUES (2, 5, 600000000000000000, 0), (2, 9, 600000060000000000, 0);
             INSERT INTO unsynced_removed_recoverable_messages VALUES ('chat2', 'G-6', 1);
             INSERT INTO deleted_messages VALUES (1, 'G-1'); INSERT INTO sync_deleted_messages VALUES (1, 'G-2', 'R-2');
             INSERT INTO sync_deleted_attachments VALUES (3, 'A-3', NULL);
             INSERT INTO sync_deleted_chats VALUES (4, 'C-4', 'R-4', 600000000);"
        ));
        let (records, warnings) = rows_at(&ARTIFACT, "/x", &database);
        assert_eq!(
            records,
            json!([
                {"deleted": "2020-01-06T10:40:00.000000+00:00", "what": "part of a message", "direction": "received",
                 "handle": "a@example.org", "chat": "chat2", "message": "Hello", "message_id": 5, "part": 0, "guid": "G-5",
                 "_line": "part of a message deleted, a@example.org chat2: Hello"},
                {"what": "part of a message", "message": "see https://a.example/x", "links": ["https://a.example/x"],
                 "message_id": 77, "part": 1, "_line": "part of a message deleted,  : see https://a.example/x"},
                {"what": "part of a message", "direction": "received", "handle": "a@example.org", "chat": "chat2",
                 "message_id": 5, "part": 2, "guid": "G-5", "_line": "part of a message deleted, a@example.org chat2: "},
                {"deleted": "2020-01-06T10:41:00.000000+00:00", "what": "message", "chat": "chat2", "message_id": 9,
                 "_line": "message deleted,  chat2: "},
                {"what": "message", "chat": "chat2", "part": 1, "guid": "G-6", "_line": "message deleted,  chat2: "},
                {"what": "message", "guid": "G-1", "_line": "message deleted,  : "},
                {"what": "message", "guid": "G-2", "record_id": "R-2", "_line": "message deleted,  : "},
                {"what": "attachment", "guid": "A-3", "_line": "attachment deleted,  : "},
                {"deleted": "2020-01-06T10:40:00.000000+00:00", "what": "conversation", "guid": "C-4", "record_id": "R-4",
                 "_line": "conversation deleted,  : "},
            ])
        );
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        shake(&ARTIFACT, &database);
    }

    #[test]
    fn parts_are_read_without_the_tables_that_explain_them() {
        let database = sqlite(
            "CREATE TABLE recoverable_message_part (message_id, part_text); INSERT INTO recoverable_message_part VALUES (1, 'a');",
        );
        assert_eq!(rows(&ARTIFACT, &database)[0]["message"], "a");
    }

    #[test]
    fn an_older_messages_kept_nothing_and_another_schema_is_named() {
        assert_eq!(rows_at(&ARTIFACT, "/x", &sqlite("CREATE TABLE message (a);")), (json!([]), vec![]));
        let (_, warnings) = rows_at(&ARTIFACT, "/x", &sqlite("CREATE TABLE other (a);"));
        assert!(warnings[0].contains("other"), "{warnings:?}");
    }
}
