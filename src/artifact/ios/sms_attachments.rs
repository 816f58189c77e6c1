use crate::artifact::prelude::*;

/// The same columns over whatever joins the schema allows. `~` is the home of the user `mobile`.
macro_rules! query {
    ($($join:literal)*) => {
        concat!(
            "SELECT a.ROWID, {a.created_date}, {a.start_date},
                    iif({a.is_outgoing}, 'sent', 'received'),
                    {h.id}, {m.service},
                    iif(substr({a.filename}, 1, 2) = '~/', '/private/var/mobile' || substr({a.filename}, 2), {a.filename}),
                    {a.transfer_name}, {a.mime_type}, {a.uti}, {a.total_bytes}, {a.transfer_state}, {a.is_sticker},
                    {a.user_info} IS NOT NULL, {a.hide_attachment}, {c.is_filtered}, {a.guid}, {m.guid}
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
    ],
    shows: Trace::Received,
    line: "{service} attachment {transfer_name} {direction}, {handle}, {total_bytes} bytes: {file}",
    parse: Parse::Sqlite {
        table: "attachment",
        queries: &[
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
        ],
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, shake, sqlite};

    const ATTACHMENT: &str = "CREATE TABLE attachment (ROWID INTEGER PRIMARY KEY, guid TEXT, created_date INTEGER,
        start_date INTEGER, filename TEXT, uti TEXT, mime_type TEXT, transfer_state INTEGER, is_outgoing INTEGER,
        user_info BLOB, transfer_name TEXT, total_bytes INTEGER, is_sticker INTEGER, hide_attachment INTEGER);";

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
