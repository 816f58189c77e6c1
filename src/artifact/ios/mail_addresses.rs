use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.mail_addresses",
    title: "Addresses, subjects and words of mails",
    about: "Every address that Mail saw, and subjects and first words where they stand apart from their mails.",
    files: &[
        "/private/var/mobile/Library/Mail/Envelope Index",
        "/private/var/mobile/Library/Mail/Protected Index",
        "/private/var/mobile/Library/Mail/*/MailData/Envelope Index",
        "/private/var/mobile/Library/Mail/*/MailData/Protected Index",
    ],
    columns: &[email("address"), text("name"), message("words"), text("table")],
    shows: Trace::Received,
    line: "{table} of Mail: {address} {name} {words}",
    parse: Parse::Database(|database, out| {
        let is_there = |name: &str| database.tables().iter().any(|table| table == name);
        let whole = is_there("messages");
        // Beside their mails, subjects and words stand in those already.
        let wanted = |table: &str| is_there(table) && (table == "addresses" || !whole);
        let present: Vec<_> = TABLES.iter().filter(|(table, _)| wanted(table)).copied().collect();
        if present.is_empty() && whole {
            return Ok(());
        }
        read_present_tables(database, if present.is_empty() { TABLES } else { &present }, out)
    }),
};

const TABLES: &[(&str, &[&str])] = &[
    ("addresses", &["SELECT ROWID, address, {comment}, NULL, 'addresses' FROM addresses ORDER BY ROWID"]),
    ("subjects", &["SELECT ROWID, NULL, NULL, subject, 'subjects' FROM subjects ORDER BY ROWID"]),
    ("summaries", &["SELECT ROWID, NULL, NULL, summary, 'summaries' FROM summaries ORDER BY ROWID"]),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, rows_at, shake, sqlite};

    const PARTS: &str = "CREATE TABLE addresses (address, comment); INSERT INTO addresses VALUES ('a@example.org', 'Ann'), (NULL, NULL);
        CREATE TABLE subjects (subject); INSERT INTO subjects VALUES ('Hello');
        CREATE TABLE summaries (summary); INSERT INTO summaries VALUES (x'68656c6c6f');";

    #[test]
    fn a_half_index_gives_addresses_and_words() {
        let database = sqlite(PARTS);
        assert_eq!(
            rows(&ARTIFACT, &database),
            json!([
                {"address": "a@example.org", "name": "Ann", "table": "addresses", "_line": "addresses of Mail: a@example.org Ann "},
                {"table": "addresses", "_line": "addresses of Mail:   "},
                {"words": "Hello", "table": "subjects", "_line": "subjects of Mail:   Hello"},
                {"words": "hello", "table": "summaries", "_line": "summaries of Mail:   hello"},
            ])
        );
        shake(&ARTIFACT, &database);
    }

    #[test]
    fn a_whole_index_gives_its_addresses_only() {
        let database = sqlite(&format!("{PARTS} CREATE TABLE messages (subject);"));
        assert_eq!(rows(&ARTIFACT, &database).as_array().unwrap().len(), 2);
        assert_eq!(rows_at(&ARTIFACT, "/x", &sqlite("CREATE TABLE messages (sender)")), (json!([]), vec![]));
        assert!(rows_at(&ARTIFACT, "/x", &sqlite("CREATE TABLE b (c)")).1[0].contains("its tables: b"));
    }
}
