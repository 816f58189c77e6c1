use crate::artifact::prelude::*;

/// The columns that every version has a way to, over whatever joins the schema allows.
macro_rules! query {
    ($sender:literal, $subject:literal, $summary:literal, $mailbox:literal, $($join:expr),*) => {
        concat!(
            "SELECT m.ROWID, {m.date_received}, {m.date_sent}, {m.date_last_viewed}, ", $sender, ", ", $subject, ", ", $summary, ", ",
            $mailbox, ", {m.read}, {m.flagged}, {m.deleted}, {m.size}, {m._to}, {m.cc}, {m.message_id}, {m.remote_id}
             FROM messages m ", $($join, " ",)* "ORDER BY m.ROWID"
        )
    };
}

macro_rules! sender {
    () => {
        "LEFT JOIN addresses a ON a.ROWID = m.sender"
    };
}
macro_rules! subject {
    () => {
        "LEFT JOIN subjects s ON s.ROWID = m.subject"
    };
}
macro_rules! mailbox {
    () => {
        "LEFT JOIN mailboxes b ON b.ROWID = m.mailbox"
    };
}

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.mail",
    title: "Mail",
    about: "Mails that Mail has fetched: when, from whom, subject and first words.",
    files: super::mail_addresses::ARTIFACT.files,
    columns: &[
        time("received", Epoch::Unix, Moment::Received),
        // As the sender says.
        fact_time("sent", Epoch::Unix),
        time("viewed", Epoch::Unix, Moment::Viewed),
        email("sender"),
        text("sender_name"),
        message("subject"),
        message("summary"),
        text("mailbox"),
        boolean("read"),
        boolean("flagged"),
        boolean("deleted"),
        int("size_bytes"),
        email("to"),
        email("cc"),
        text("message_id"),
        text("remote_id"),
    ],
    shows: Trace::Received,
    line: "mail from {sender}: {subject}",
    parse: Parse::Database(|database, out| {
        let is_there = |name: &str| database.tables().iter().any(|table| table == name);
        // Where the index is split, the other half has no messages.
        if !is_there("messages") && is_there("addresses") {
            return Ok(());
        }
        read_tables(database, &[("messages", QUERIES)], out)
    }),
};

const QUERIES: &[&str] = &[
    query!(
        "{a.address}, {a.comment}", "{s.subject}", "{u.summary}", "{b.url}",
        sender!(), subject!(), "LEFT JOIN summaries u ON u.ROWID = m.summary", mailbox!()
    ),
    query!("{a.address}, {a.comment}", "{s.subject}", "NULL", "{b.url}", sender!(), subject!(), mailbox!()),
    query!("{a.address}, {a.comment}", "{s.subject}", "NULL", "NULL", sender!(), subject!()),
    // Sender and subject themselves, or the numbers they have in the other half.
    query!("{m.sender}, NULL", "{m.subject}", "{m.summary}", "{b.url}", mailbox!()),
    query!("{m.sender}, NULL", "{m.subject}", "{m.summary}", "NULL",),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, rows_at, shake, sqlite};

    const MESSAGES: &str = "CREATE TABLE messages (ROWID INTEGER PRIMARY KEY, message_id, remote_id, sender, subject, summary, date_sent,
            date_received, date_last_viewed, mailbox, read, flagged, deleted, size);
        INSERT INTO messages VALUES (1, 77, '5', 3, 4, 5, 1567121600, 1567121610, 1567121620, 6, 1, 0, 0, 2048),
            (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
        CREATE TABLE addresses (ROWID INTEGER PRIMARY KEY, address, comment); INSERT INTO addresses VALUES (3, 'a@example.org', 'Ann');
        CREATE TABLE subjects (ROWID INTEGER PRIMARY KEY, subject); INSERT INTO subjects VALUES (4, 'Hello');";

    #[test]
    fn a_mail_names_sender_subject_and_first_words() {
        let database = sqlite(&format!(
            "{MESSAGES} CREATE TABLE summaries (ROWID INTEGER PRIMARY KEY, summary); INSERT INTO summaries VALUES (5, 'see https://a.example/x');
             CREATE TABLE mailboxes (ROWID INTEGER PRIMARY KEY, url); INSERT INTO mailboxes VALUES (6, 'imap://me@mail.example/INBOX');"
        ));
        assert_eq!(
            rows(&ARTIFACT, &database),
            json!([
                {"received": "2019-08-29T23:33:30.000000+00:00", "sent": "2019-08-29T23:33:20.000000+00:00",
                 "viewed": "2019-08-29T23:33:40.000000+00:00", "sender": "a@example.org", "sender_name": "Ann", "subject": "Hello",
                 "summary": "see https://a.example/x", "mailbox": "imap://me@mail.example/INBOX", "read": true, "flagged": false,
                 "deleted": false, "size_bytes": 2048, "message_id": 77, "remote_id": "5", "_line": "mail from a@example.org: Hello"},
                {"_line": "mail from : "},
            ])
        );
        shake(&ARTIFACT, &database);
    }

    #[test]
    fn tables_of_other_versions_may_be_missing() {
        let record = &rows(&ARTIFACT, &sqlite(MESSAGES))[0];
        assert_eq!((&record["sender"], &record["mailbox"]), (&json!("a@example.org"), &json!(null)));
        let boxes = format!("{MESSAGES} CREATE TABLE mailboxes (ROWID INTEGER PRIMARY KEY, url); INSERT INTO mailboxes VALUES (6, 'imap://a');");
        assert_eq!(rows(&ARTIFACT, &sqlite(&boxes))[0]["mailbox"], "imap://a");
        let old = "CREATE TABLE messages (message_id, sender, subject, _to, cc); INSERT INTO messages VALUES (1, 'b@example.org', 'Hi', 'c@example.org', 'd@example.org');";
        assert_eq!(
            rows(&ARTIFACT, &sqlite(old)),
            json!([{"sender": "b@example.org", "subject": "Hi", "to": "c@example.org", "cc": "d@example.org", "message_id": 1,
                    "_line": "mail from b@example.org: Hi"}])
        );
        let boxed = format!("{old} CREATE TABLE mailboxes (ROWID INTEGER PRIMARY KEY, url);");
        assert_eq!(rows(&ARTIFACT, &sqlite(&boxed))[0]["sender"], "b@example.org");
    }

    #[test]
    fn half_an_index_has_no_messages_and_another_schema_is_named() {
        assert_eq!(rows_at(&ARTIFACT, "/x", &sqlite("CREATE TABLE addresses (address)")), (json!([]), vec![]));
        assert!(rows_at(&ARTIFACT, "/x", &sqlite("CREATE TABLE b (c)")).1[0].contains("its tables: b"));
    }
}
