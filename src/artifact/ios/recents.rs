use crate::artifact::prelude::*;

/// The same columns over whatever joins the schema allows.
macro_rules! query {
    ($contact:literal, $metadata:literal, $($join:literal)*) => {
        concat!(
            "SELECT r.ROWID, {r.last_date}, ", $contact, ", {r.bundle_identifier}, {r.sending_address}, {r.original_source},
                    {r.group_kind}, {r.count}, {r.dates}, ", $metadata, "
             FROM recents r ", $($join, " ",)* "ORDER BY r.ROWID"
        )
    };
}

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.recents",
    title: "People recently written to",
    about: "Addresses that apps offered or used when the owner wrote to or heard from somebody.",
    files: &["/private/var/mobile/Library/Recents/Recents"],
    columns: &[
        time("last_used", Epoch::Unix, Moment::LastSeen),
        email("address"),
        text("kind"),
        text("name"),
        app_id("app"),
        email("own_address"),
        text("source"),
        int("group_kind"),
        int("count"),
        // Earlier uses, in milliseconds since 1970.
        text("dates"),
        message("metadata"),
    ],
    shows: Trace::Mentioned,
    line: "{app} used {address} ({name})",
    parse: Parse::Sqlite {
        table: "recents",
        queries: &[
            query!(
                "c.address, {c.kind}, coalesce({c.display_name}, {r.display_name})", "m.facts",
                "LEFT JOIN contacts c ON c.recent_id = r.ROWID"
                "LEFT JOIN (SELECT recent_id, group_concat(key || ': ' || CAST(value AS TEXT), ', ') AS facts
                            FROM metadata GROUP BY recent_id) m ON m.recent_id = r.ROWID"
            ),
            query!(
                "c.address, {c.kind}, coalesce({c.display_name}, {r.display_name})", "NULL",
                "LEFT JOIN contacts c ON c.recent_id = r.ROWID"
            ),
            query!("NULL, NULL, {r.display_name}", "NULL",),
        ],
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, shake, sqlite};

    const RECENTS: &str = "CREATE TABLE recents (ROWID INTEGER PRIMARY KEY, display_name, bundle_identifier, sending_address,
        original_source, dates, last_date, weight, record_hash, count, group_kind);
        INSERT INTO recents VALUES (1, 'Group', 'com.example.mail', 'me@example.org', 'INBOX', '1567121610500', 1567121610500, 1, 'h', 3, 0),
            (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);";

    #[test]
    fn every_address_of_an_entry_is_a_record() {
        let database = sqlite(&format!(
            "{RECENTS} CREATE TABLE contacts (ROWID INTEGER PRIMARY KEY, recent_id, kind, address, display_name);
             CREATE TABLE metadata (recent_id, key, value);
             INSERT INTO contacts VALUES (1, 1, 'email', 'a@example.org', 'Ann'), (2, 1, 'phone', x'2b31', NULL);
             INSERT INTO metadata VALUES (1, 'subject', 'Hello'), (1, 'kind', x'78');"
        ));
        let base = json!({"last_used": "2019-08-29T23:33:30.500000+00:00", "app": "com.example.mail", "own_address": "me@example.org",
            "source": "INBOX", "group_kind": 0, "count": 3, "dates": "1567121610500", "metadata": "subject: Hello, kind: x"});
        let with = |extra: serde_json::Value| {
            let mut record = base.clone();
            record.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
            record
        };
        assert_eq!(
            rows(&ARTIFACT, &database),
            json!([
                with(json!({"address": "a@example.org", "kind": "email", "name": "Ann", "_line": "com.example.mail used a@example.org (Ann)"})),
                with(json!({"address": "+1", "kind": "phone", "name": "Group", "_line": "com.example.mail used +1 (Group)"})),
                {"_line": " used  ()"},
            ])
        );
        shake(&ARTIFACT, &database);
    }

    #[test]
    fn entries_alone_are_enough() {
        assert_eq!(rows(&ARTIFACT, &sqlite(RECENTS))[0]["name"], "Group");
        let contacts = format!("{RECENTS} CREATE TABLE contacts (recent_id, address); INSERT INTO contacts VALUES (1, 'b@example.org');");
        assert_eq!(rows(&ARTIFACT, &sqlite(&contacts))[0]["address"], "b@example.org");
    }
}
