use memchr::memmem;

use crate::artifact::links::{Links, text_of};
use crate::artifact::other::{self, Other};
use crate::artifact::prelude::*;
use crate::format::{keyed, typedstream};

/// The same columns over whatever joins the schema allows; from [`FIRST_OTHER`] on those of the table.
macro_rules! query {
    ($($join:expr)*) => {
        concat!(
            "SELECT m.ROWID, {m.text}, {m.attributedBody}, {m.payload_data}, {m.is_from_me}, {m.date}, {m.date_read},
                    {m.date_delivered}, {m.date_played}, {m.date_edited}, {m.date_retracted}, {r.delete_date}, {h.id},
                    {c.chat_identifier}, {m.service}, {m.account}, {m.subject}, {c.is_filtered}, {m.is_spam}, {m.guid},
                    {m.balloon_bundle_id}, {m.item_type}, m.*
             FROM message m ", $($join, " ",)* "ORDER BY m.ROWID"
        )
    };
}
pub const ARTIFACT: Artifact = Artifact {
    id: "ios.sms",
    title: "Messages (SMS and iMessage)",
    about: "Text messages with their links, among them those only in attributes and link previews.",
    files: &["/private/var/mobile/Library/SMS/sms.db"],
    columns: &[
        time("received", Epoch::Mac, Moment::Received),
        time("sent", Epoch::Mac, Moment::Sent),
        time("read", Epoch::Mac, Moment::Read),
        time("delivered", Epoch::Mac, Moment::Delivered),
        time("played", Epoch::Mac, Moment::Viewed),
        time("edited", Epoch::Mac, Moment::Modified),
        time("retracted", Epoch::Mac, Moment::Deleted),
        time("deleted", Epoch::Mac, Moment::Deleted),
        direction("direction"),
        // The other side: an address or number; missing for what the owner sent to a group.
        email("handle"),
        email("chat"),
        text("service"),
        text("account"),
        message("subject"),
        message("message"),
        url("links"),
        caveat("filtered", "Messages had put this conversation under unknown senders or junk"),
        boolean("spam"),
        text("guid"),
        // Of the app that draws it: link previews, games, payments.
        text("balloon"),
        int("item_type"),
        other::COLUMN,
    ],
    shows: Trace::Received,
    line: "{direction} {service} message, {handle} ({account}): {message}",
    parse: Parse::Database(|database, out| {
        let mut messages = database.prepare(QUERIES)?;
        let other = Other::of(database, "message", &messages, FIRST_OTHER, &NAMED);
        messages.for_each(&mut |row| {
            message_row(row, &other, out);
            Ok(())
        })?;
        Ok(())
    }),
};

const FIRST_OTHER: usize = 22;
/// Columns of the table that a column of ours stands for, and the attributed text, which [`message_row`] weighs.
const NAMED: [&str; 17] = [
    "ROWID",
    "guid",
    "text",
    "attributedBody",
    "subject",
    "service",
    "account",
    "is_from_me",
    "date",
    "date_read",
    "date_delivered",
    "date_played",
    "date_edited",
    "date_retracted",
    "is_spam",
    "balloon_bundle_id",
    "item_type",
];

macro_rules! handle {
    () => {
        "LEFT JOIN handle h ON h.ROWID = m.handle_id"
    };
}
/// iOS 16 and later keep deleted messages for some weeks.
macro_rules! deleted {
    () => {
        "LEFT JOIN (SELECT message_id, max(delete_date) AS delete_date, max(chat_id) AS chat_id
                    FROM chat_recoverable_message_join GROUP BY message_id) r ON r.message_id = m.ROWID"
    };
}
/// Looked up message by message in the index that Messages makes; without it, each would mean reading the whole table.
macro_rules! chat_of_message {
    () => {
        "(SELECT max(j.chat_id) FROM chat_message_join j INDEXED BY chat_message_join_idx_message_id_only
          WHERE j.message_id = m.ROWID)"
    };
}
/// Without the index, SQLite makes a table of all of them in memory.
macro_rules! chats_of_messages {
    () => {
        "LEFT JOIN (SELECT message_id, max(chat_id) AS chat_id
                    FROM chat_message_join GROUP BY message_id) j ON j.message_id = m.ROWID"
    };
}

const QUERIES: &[&str] = &[
    query!(handle!() deleted!() "LEFT JOIN chat c ON c.ROWID = coalesce(" chat_of_message!() ", r.chat_id)"),
    query!(handle!() deleted!() chats_of_messages!() "LEFT JOIN chat c ON c.ROWID = coalesce(j.chat_id, r.chat_id)"),
    query!(handle!() "LEFT JOIN chat c ON c.ROWID = " chat_of_message!()),
    query!(handle!() chats_of_messages!() "LEFT JOIN chat c ON c.ROWID = j.chat_id"),
    query!(handle!()),
    query!(""),
];

/// The attribute that holds where a link really leads, as its name stands in the archive.
const LINK_ATTRIBUTE: &[u8] = b"LinkAttributeName";

/// What an attributed text takes beyond the text itself if it says nothing more: such a one is not kept as it is, or the records of a
/// phone would be twice as long.
const PLAIN_BODY_BYTES: usize = 256;

fn message_row(row: &Row<'_>, other: &Other, out: &mut Out<'_>) {
    let place = || Place::row("message", row.value(0).as_int().unwrap_or_default());
    let (body, payload) = (row.value(2), row.value(3));
    let mut text = text_of(row.value(1));
    let mut links = Links::default();

    let mut carved: &[u8] = &[];
    let attributed = match &body {
        // Decoding costs more than all the rest of a row: only where it can add something.
        Value::Bytes(bytes) if text.is_none() || memmem::find(bytes, LINK_ATTRIBUTE).is_some() => {
            match typedstream::decode(bytes) {
                Ok(attributed) => {
                    if let Some(reason) = &attributed.incomplete {
                        out.warn(Some(place()), format!("attributedBody is read in part: {reason}"));
                        carved = bytes;
                    }
                    Some(attributed)
                }
                Err(error) => {
                    out.warn(Some(place()), format!("attributedBody: {error:#}"));
                    carved = bytes;
                    None
                }
            }
        }
        _ => None,
    };
    let preview = match &payload {
        Value::Bytes(bytes) => match keyed::parse(bytes) {
            Ok(preview) => Some(preview),
            Err(error) => {
                // Drawings and other apps' balloons are no property lists.
                if bytes.starts_with(b"bplist") {
                    out.warn(Some(place()), format!("payload_data: {error:#}"));
                }
                links.carve(bytes);
                None
            }
        },
        _ => None,
    };

    if let Some(attributed) = &attributed
        && text.is_none()
        && !attributed.text.is_empty()
    {
        text = Some(attributed.text.as_str().into());
    }
    if let Some(text) = &text {
        links.find(text);
    }
    for link in attributed.iter().flat_map(|attributed| &attributed.links) {
        links.add(link.as_str().into());
    }
    links.carve(carved);
    for string in preview.iter().flat_map(keyed::strings) {
        links.find(string);
    }
    if links.is_full() {
        out.warn(Some(place()), "more links than are listed; the text is searched as a whole");
    }

    let plain = match &body {
        Value::Bytes(bytes) => {
            carved.is_empty() && bytes.len() <= text.as_deref().map_or(0, str::len) + PLAIN_BODY_BYTES
        }
        other => other.is_null(),
    };
    let body = (!plain).then(|| ("attributedBody", body.clone()));

    let from_me = row.value(4).is_true();
    let (received, sent) = if from_me { (Value::Null, row.value(5)) } else { (row.value(5), Value::Null) };
    let links = links.into_value();
    let text = text.as_deref().map_or(Value::Null, Value::from);
    out.push(
        place(),
        [
            received,
            sent,
            row.value(6),
            row.value(7),
            row.value(8),
            row.value(9),
            row.value(10),
            row.value(11),
            if from_me { "sent" } else { "received" }.into(),
            row.value(12),
            row.value(13),
            row.value(14),
            row.value(15),
            row.value(16),
            text,
            links,
            row.value(17),
            row.value(18),
            row.value(19),
            row.value(20),
            row.value(21),
            other.of_row(row, body),
        ],
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, rows_at, shake, sqlite};

    const MESSAGE: &str = "CREATE TABLE handle (ROWID INTEGER PRIMARY KEY, id TEXT);
        CREATE TABLE message (ROWID INTEGER PRIMARY KEY, guid TEXT, text TEXT, attributedBody BLOB, payload_data BLOB,
            balloon_bundle_id TEXT, handle_id INTEGER, service TEXT, account TEXT, date INTEGER, date_read INTEGER,
            date_delivered INTEGER, is_from_me INTEGER, subject TEXT);
        INSERT INTO handle VALUES (1, '+15550100');";

    fn with(statements: &str) -> Vec<u8> {
        sqlite(&format!("{MESSAGE}{statements}"))
    }

    #[test]
    fn received_and_sent_messages_of_ios_11_and_later() {
        let database = with("INSERT INTO message (ROWID, guid, text, handle_id, service, account, date, date_read, is_from_me)
             VALUES (4, 'G-4', 'See https://a.example/x now', 1, 'SMS', 'P:+1', 600000000000000000, 600000060000000000, 0),
                    (5, 'G-5', 'No', 1, 'SMS', 'P:+1', 600000120000000000, 0, 1);");
        assert_eq!(
            rows(&ARTIFACT, &database),
            json!([
                {
                    "received": "2020-01-06T10:40:00.000000+00:00",
                    "read": "2020-01-06T10:41:00.000000+00:00",
                    "direction": "received",
                    "handle": "+15550100",
                    "service": "SMS",
                    "account": "P:+1",
                    "message": "See https://a.example/x now",
                    "links": ["https://a.example/x"],
                    "guid": "G-4",
                    "other": { "handle_id": 1 },
                    "_line": "received SMS message, +15550100 (P:+1): See https://a.example/x now",
                },
                {
                    "sent": "2020-01-06T10:42:00.000000+00:00",
                    "direction": "sent",
                    "handle": "+15550100",
                    "service": "SMS",
                    "account": "P:+1",
                    "message": "No",
                    "guid": "G-5",
                    "other": { "handle_id": 1 },
                    "_line": "sent SMS message, +15550100 (P:+1): No",
                },
            ])
        );
        shake(&ARTIFACT, &database);
    }

    #[test]
    fn seconds_of_old_systems_and_missing_senders_are_kept() {
        let database = with("INSERT INTO message (ROWID, text, handle_id, date) VALUES (1, 'a', 0, 400000000), (2, 'b', 77, NULL);");
        assert_eq!(
            rows(&ARTIFACT, &database),
            json!([
                {
                    "received": "2013-09-04T15:06:40.000000+00:00",
                    "direction": "received",
                    "message": "a",
                    "_line": "received  message,  (): a",
                },
                { "direction": "received", "message": "b", "other": { "handle_id": 77 }, "_line": "received  message,  (): b" },
            ])
        );
    }

    #[test]
    fn deleted_messages_keep_their_chat_and_say_when_they_were_deleted() {
        let database = with("CREATE TABLE chat (ROWID INTEGER PRIMARY KEY, chat_identifier, is_filtered);
             CREATE TABLE chat_message_join (chat_id, message_id);
             CREATE TABLE chat_recoverable_message_join (chat_id, message_id, delete_date);
             INSERT INTO chat VALUES (1, 'a@example.org', 1), (2, 'chat7', 0);
             INSERT INTO message (ROWID, text, handle_id, date, is_from_me) VALUES (1, 'a', 0, 600000000000000000, 0),
                                                                               (2, 'b', 0, 600000000000000000, 1);
             INSERT INTO chat_message_join VALUES (2, 2), (1, 2);
             INSERT INTO chat_recoverable_message_join VALUES (1, 1, 600000060000000000);");
        let records = rows(&ARTIFACT, &database);
        assert_eq!(records.as_array().unwrap().len(), 2);
        assert_eq!(records[0]["deleted"], "2020-01-06T10:41:00.000000+00:00");
        assert_eq!((&records[0]["chat"], &records[0]["filtered"]), (&json!("a@example.org"), &json!(true)));
        assert_eq!((&records[1]["chat"], &records[1]["filtered"]), (&json!("chat7"), &json!(false)));
        shake(&ARTIFACT, &database);
    }

    #[test]
    fn every_link_of_a_preview_is_listed() {
        let preview = "<plist version='1.0'><dict><key>$objects</key><array><string>$null</string>
             <dict><key>NS.relative</key><string>https://b.example/y</string></dict><string>A title</string>
             <string>https://b.example/icon.png</string></array></dict></plist>";
        let database = with(&format!(
            "INSERT INTO message (ROWID, handle_id, payload_data) VALUES (1, 1, CAST('{}' AS BLOB))",
            preview.replace('\'', "\"")
        ));
        assert_eq!(
            rows(&ARTIFACT, &database)[0]["links"],
            json!(["https://b.example/y", "https://b.example/icon.png"])
        );
        shake(&ARTIFACT, &database);
    }

    #[test]
    fn what_cannot_be_decoded_is_carved_and_reported() {
        let database = with("INSERT INTO message (ROWID, handle_id, attributedBody, payload_data) VALUES
             (9, 1, CAST('garbage http://a.example/1' AS BLOB), CAST('bplist00 http://b.example/2' AS BLOB)),
             (10, 1, 'no blob', 7)");
        let (records, warnings) = rows_at(&ARTIFACT, "/x", &database);
        assert_eq!(records[0]["links"], json!(["http://b.example/2", "http://a.example/1"]));
        assert_eq!(warnings.len(), 2, "{warnings:?}");
        assert_eq!(records[1]["direction"], "received");
    }

    #[test]
    fn text_of_newer_systems_is_in_the_attributed_body() {
        let hello = "040b73747265616d747970656481e803840140848484124e5341747472696275746564537472696e67008484084e534f\
            626a656374008592848484084e53537472696e67019484012b0548656c6c6f86840269490105928484840c4e53446963\
            74696f6e617279009484016901928496961d5f5f6b494d4d657373616765506172744174747269627574654e616d6586\
            92848484084e534e756d626572008484074e5356616c7565009484012a84999900868686";
        let database = with(&format!(
            "INSERT INTO message (ROWID, text, attributedBody) VALUES (1, NULL, x'{hello}'), (2, 'Other', x'{hello}');"
        ));
        let (records, warnings) = rows_at(&ARTIFACT, "/x", &database);
        assert_eq!((&records[0]["message"], &records[1]["message"]), (&json!("Hello"), &json!("Other")));
        assert_eq!(warnings, [""; 0]);
        shake(&ARTIFACT, &database);
    }

    #[test]
    fn a_text_does_not_hide_where_its_link_leads() {
        // No whole archive, so that the link is carved; the marker alone makes it worth a look.
        let database = with(
            "INSERT INTO message (ROWID, text, attributedBody) VALUES
                 (1, 'Read this', CAST('__kIMLinkAttributeName http://a.example/1' AS BLOB));",
        );
        assert_eq!(rows(&ARTIFACT, &database)[0]["links"], json!(["http://a.example/1"]));
    }

    #[test]
    fn text_stored_as_blob_is_text() {
        let database = with("INSERT INTO message (ROWID, text) VALUES (1, x'6869ff')");
        assert_eq!(rows(&ARTIFACT, &database)[0]["message"], "hi\u{fffd}");
    }

    #[test]
    fn with_an_index_the_chat_of_the_highest_number_wins_too() {
        let database = with("CREATE TABLE chat (ROWID INTEGER PRIMARY KEY, chat_identifier);
             CREATE TABLE chat_message_join (chat_id, message_id);
             CREATE INDEX chat_message_join_idx_message_id_only ON chat_message_join (message_id);
             CREATE TABLE chat_recoverable_message_join (chat_id, message_id, delete_date);
             INSERT INTO chat VALUES (1, 'a@example.org'), (2, 'chat7');
             INSERT INTO message (ROWID, text) VALUES (1, 'a'), (2, 'b'), (3, 'c');
             INSERT INTO chat_message_join VALUES (2, 2), (1, 2);
             INSERT INTO chat_recoverable_message_join VALUES (1, 1, 600000060000000000);");
        let chats = |database: &[u8]| -> Vec<String> {
            let records = rows(&ARTIFACT, database);
            records.as_array().unwrap().iter().map(|record| record["chat"].to_string()).collect()
        };
        assert_eq!(chats(&database), ["\"a@example.org\"", "\"chat7\"", "null"]);
        shake(&ARTIFACT, &database);
    }

    #[test]
    fn an_attributed_text_that_says_more_than_the_text_is_kept_as_it_is() {
        let database = with(
            "INSERT INTO message (ROWID, text, attributedBody) VALUES
                 (1, 'abc', zeroblob(259)), (2, 'abc', zeroblob(260)), (3, NULL, x'0102'), (4, NULL, 'no blob');",
        );
        let records = rows(&ARTIFACT, &database);
        assert_eq!(records[0]["other"], json!(null));
        assert_eq!(records[1]["other"]["attributedBody"].as_str().map(str::len), Some(520));
        // Not understood: whatever it says.
        assert_eq!(records[2]["other"], json!({"attributedBody": "0102"}));
        assert_eq!(records[3]["other"], json!({"attributedBody": "no blob"}));
    }

    #[test]
    fn columns_without_a_name_of_ours_are_kept_under_the_tables() {
        let database = with("ALTER TABLE message ADD COLUMN destination_caller_id TEXT; ALTER TABLE message ADD COLUMN error;
             ALTER TABLE message ADD COLUMN group_title; ALTER TABLE message ADD COLUMN sort_id; ALTER TABLE message ADD COLUMN message_summary_info;
             INSERT INTO message (ROWID, text, message_summary_info, handle_id, is_from_me, destination_caller_id, error, group_title, sort_id)
                 VALUES (1, 'a', x'04aa', 1, 1, '+15550199', 0, '', 1.5), (2, 'b', NULL, 0, 0, NULL, NULL, NULL, NULL);");
        let (records, warnings) = rows_at(&ARTIFACT, "/x", &database);
        assert_eq!(
            records[0]["other"],
            json!({"message_summary_info": "04aa", "handle_id": 1, "destination_caller_id": "+15550199", "sort_id": 1.5})
        );
        assert_eq!((&records[1]["other"], warnings), (&json!(null), vec![]));
        shake(&ARTIFACT, &database);
    }

    #[test]
    fn messages_alone_are_enough() {
        let database = sqlite("CREATE TABLE message (ROWID INTEGER PRIMARY KEY, text); INSERT INTO message VALUES (1, 'a')");
        assert_eq!(rows(&ARTIFACT, &database)[0]["message"], "a");
    }
}
