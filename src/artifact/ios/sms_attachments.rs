use crate::artifact::other::{self, Other};
use crate::artifact::prelude::*;

/// The artifact's columns over whatever joins the schema allows, then those of the table. `~` is the home of the user `mobile`.
macro_rules! query {
    ($($join:literal)*) => {
        concat!(
            "SELECT a.ROWID, {a.created_date}, {a.start_date},
                    iif({a.is_outgoing}, 'sent', 'received'),
                    {h.id}, {m.service},
                    iif(substr({a.filename}, 1, 2) = '~/', '/private/var/mobile' || substr({a.filename}, 2), {a.filename}),
                    {a.transfer_name}, {a.mime_type}, {a.uti}, {a.total_bytes}, {a.transfer_state}, {a.is_sticker},
                    {a.user_info} IS NOT NULL, {a.hide_attachment}, {c.is_filtered}, {a.guid}, {m.guid}, a.*
             FROM attachment a ", $($join, " ",)* "ORDER BY a.ROWID"
        )
    };
}

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.sms_attachments",
    title: "Message attachments",
    about: "Files that came or went with text messages, with the state of their transfer.",
    files: &["/private/var/mobile/Library/SMS/sms.db"],
    columns: &[
        time("created", Epoch::Mac, Moment::Created),
        time("transfer_started", Epoch::Mac, Moment::Started),
        direction("direction"),
        email("handle"),
        text("service"),
        path("file"),
        text("transfer_name"),
        text("mime_type"),
        text("uti"),
        int("total_bytes"),
        // 5 finished, 6 failed, 7 failed and may be tried again.
        int("transfer_state"),
        boolean("is_sticker"),
        boolean("has_user_info"),
        boolean("hidden"),
        caveat("filtered", "Messages had put this conversation under unknown senders or junk"),
        text("guid"),
        text("message_guid"),
        other::COLUMN,
    ],
    shows: Trace::Received,
    line: "{service} attachment {transfer_name} {direction}, {handle}, {total_bytes} bytes: {file}",
    parse: Parse::Database(|database, out| {
        let mut attachments = database.prepare(QUERIES)?;
        let first_other = ARTIFACT.columns.len();
        let other = Other::of(database, "attachment", &attachments, first_other, &NAMED);
        attachments.for_each(&mut |row| {
            let mut values: Vec<Value<'_>> = (1..first_other).map(|index| row.value(index)).collect();
            values.push(other.of_row(row, None));
            out.push_slice(Place::row("attachment", row.value(0).as_int().unwrap_or_default()), &mut values);
            Ok(())
        })?;
        Ok(())
    }),
};

/// Columns of the table that a column of ours stands for.
const NAMED: [&str; 13] = [
    "ROWID",
    "guid",
    "created_date",
    "start_date",
    "filename",
    "uti",
    "mime_type",
    "transfer_state",
    "is_outgoing",
    "transfer_name",
    "total_bytes",
    "is_sticker",
    "hide_attachment",
];

const QUERIES: &[&str] = &[
    // Two indexes that Messages makes; without them, SQLite makes tables of all messages in memory.
    query!("LEFT JOIN message m ON m.ROWID =
                (SELECT max(j.message_id) FROM message_attachment_join j INDEXED BY message_attachment_join_idx_attachment_id
                 WHERE j.attachment_id = a.ROWID)"
           "LEFT JOIN handle h ON h.ROWID = m.handle_id"
           "LEFT JOIN chat c ON c.ROWID =
                (SELECT max(j.chat_id) FROM chat_message_join j INDEXED BY chat_message_join_idx_message_id_only
                 WHERE j.message_id = m.ROWID)"),
    query!("LEFT JOIN (SELECT attachment_id, max(message_id) AS message_id
                       FROM message_attachment_join GROUP BY attachment_id) j ON j.attachment_id = a.ROWID"
           "LEFT JOIN message m ON m.ROWID = j.message_id"
           "LEFT JOIN handle h ON h.ROWID = m.handle_id"
           "LEFT JOIN (SELECT message_id, max(chat_id) AS chat_id
                       FROM chat_message_join GROUP BY message_id) k ON k.message_id = m.ROWID"
           "LEFT JOIN chat c ON c.ROWID = k.chat_id"),
    query!("LEFT JOIN (SELECT attachment_id, max(message_id) AS message_id
                       FROM message_attachment_join GROUP BY attachment_id) j ON j.attachment_id = a.ROWID"
           "LEFT JOIN message m ON m.ROWID = j.message_id"
           "LEFT JOIN handle h ON h.ROWID = m.handle_id"),
    query!(""),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, shake, sqlite};

    const ATTACHMENT: &str = "CREATE TABLE attachment (ROWID INTEGER PRIMARY KEY, guid TEXT, created_date INTEGER,
        start_date INTEGER, filename TEXT, uti TEXT, mime_type TEXT, transfer_state INTEGER, is_outgoing INTEGER,
        user_info BLOB, transfer_name TEXT, total_bytes INTEGER, is_sticker INTEGER, hide_attachment INTEGER);";

    #[test]
    fn with_indexes_the_newest_message_and_its_highest_chat_are_joined_and_every_column_is_kept() {
        let database = sqlite(&format!(
            "{ATTACHMENT}
             ALTER TABLE attachment ADD COLUMN ck_record_id;
             CREATE TABLE handle (ROWID INTEGER PRIMARY KEY, id);
             CREATE TABLE message (ROWID INTEGER PRIMARY KEY, guid, handle_id, service);
             CREATE TABLE message_attachment_join (message_id, attachment_id);
             CREATE INDEX message_attachment_join_idx_attachment_id ON message_attachment_join (attachment_id);
             CREATE TABLE chat (ROWID INTEGER PRIMARY KEY, is_filtered);
             CREATE TABLE chat_message_join (chat_id, message_id);
             CREATE INDEX chat_message_join_idx_message_id_only ON chat_message_join (message_id);
             INSERT INTO message VALUES (3, 'M-3', 1, 'SMS'), (4, 'M-4', 1, 'SMS');
             INSERT INTO message_attachment_join VALUES (4, 7), (3, 7);
             INSERT INTO chat VALUES (1, 0), (2, 1);
             INSERT INTO chat_message_join VALUES (2, 4), (1, 4);
             INSERT INTO attachment (ROWID, ck_record_id) VALUES (7, 'C-7'), (8, NULL);"
        ));
        let records = rows(&ARTIFACT, &database);
        assert_eq!((&records[0]["message_guid"], &records[0]["filtered"]), (&json!("M-4"), &json!(true)));
        assert_eq!((&records[0]["other"], &records[1]["other"]), (&json!({"ck_record_id": "C-7"}), &json!(null)));
        shake(&ARTIFACT, &database);
    }

    #[test]
    fn the_home_folder_is_written_out_and_the_sender_joined() {
        let database = sqlite(&format!(
            "{ATTACHMENT}
             CREATE TABLE handle (ROWID INTEGER PRIMARY KEY, id);
             CREATE TABLE message (ROWID INTEGER PRIMARY KEY, guid, handle_id, service);
             CREATE TABLE message_attachment_join (message_id, attachment_id);
             CREATE TABLE chat (ROWID INTEGER PRIMARY KEY, is_filtered);
             CREATE TABLE chat_message_join (chat_id, message_id);
             INSERT INTO handle VALUES (1, 'a@example.org');
             INSERT INTO message VALUES (3, 'M-3', 1, 'iMessage');
             INSERT INTO message_attachment_join VALUES (3, 7);
             INSERT INTO chat VALUES (1, 1);
             INSERT INTO chat_message_join VALUES (1, 3);
             INSERT INTO attachment VALUES (7, 'at_0', 600000000, 600000001.5, '~/Library/SMS/Attachments/3f/15/at_0/a.gif',
                'com.compuserve.gif', 'image/gif', 5, 0, x'00', 'a.gif', 640, 0, 0);"
        ));
        assert_eq!(
            rows(&ARTIFACT, &database),
            json!([{
                "created": "2020-01-06T10:40:00.000000+00:00",
                "transfer_started": "2020-01-06T10:40:01.500000+00:00",
                "direction": "received",
                "handle": "a@example.org",
                "service": "iMessage",
                "file": "/private/var/mobile/Library/SMS/Attachments/3f/15/at_0/a.gif",
                "transfer_name": "a.gif",
                "mime_type": "image/gif",
                "uti": "com.compuserve.gif",
                "total_bytes": 640,
                "transfer_state": 5,
                "is_sticker": false,
                "has_user_info": true,
                "hidden": false,
                "filtered": true,
                "guid": "at_0",
                "message_guid": "M-3",
                "other": { "user_info": "00" },
                "_line": "iMessage attachment a.gif received, a@example.org, 640 bytes: \
                          /private/var/mobile/Library/SMS/Attachments/3f/15/at_0/a.gif",
            }])
        );
        shake(&ARTIFACT, &database);
    }

    #[test]
    fn attachments_without_message_and_with_nothing_else_are_kept() {
        let database = sqlite(&format!("{ATTACHMENT} INSERT INTO attachment (ROWID, is_outgoing, filename) VALUES (1, 1, x'2f61')"));
        assert_eq!(
            rows(&ARTIFACT, &database),
            json!([{
                "direction": "sent",
                "file": "/a",
                "has_user_info": false,
                "_line": " attachment  sent, ,  bytes: /a",
            }])
        );
        shake(&ARTIFACT, &database);
    }
}
