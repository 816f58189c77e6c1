use memchr::memmem;
use plist::{Dictionary, Value as Plist};

use crate::artifact::links::{Links, archived, with_links};
use crate::artifact::prelude::*;
use crate::artifact::property_list::{dictionary, items, member, moment, nested};

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.message_edits",
    title: "Edited and retracted messages",
    about: "Every version of messages that were edited, and which parts of messages their senders took back (since iOS 16).",
    files: super::sms::ARTIFACT.files,
    columns: &[
        time("edited", Epoch::Mac, Moment::Modified),
        // Of the first version; the message itself is the event.
        fact_time("written", Epoch::Mac),
        // The message tells of it too.
        fact_time("retracted", Epoch::Mac),
        text("event"),
        direction("direction"),
        email("handle"),
        message("message"),
        url("links"),
        int("part"),
        int("version"),
        text("guid"),
    ],
    shows: Trace::Received,
    line: "message {event}, {handle}: {message}",
    parse: Parse::Database(read),
};

const QUERIES: &[&str] = &[
    "SELECT m.ROWID, m.message_summary_info, {m.is_from_me}, h.id, {m.guid}, {nullif(m.date_retracted, 0)}, {nullif(m.date_edited, 0)}
     FROM message m LEFT JOIN handle h ON h.ROWID = m.handle_id
     WHERE m.message_summary_info IS NOT NULL ORDER BY m.ROWID",
    "SELECT m.ROWID, m.message_summary_info, {m.is_from_me}, NULL, {m.guid}, {nullif(m.date_retracted, 0)}, {nullif(m.date_edited, 0)}
     FROM message m WHERE m.message_summary_info IS NOT NULL ORDER BY m.ROWID",
];

fn read(database: &Database<'_>, out: &mut Out<'_>) -> Result<()> {
    let columns = database.columns("message");
    anyhow::ensure!(!columns.is_empty(), "has no table message; its tables: {}", database.tables().join(", "));
    // Before iOS 8 there was no such column, before iOS 16 nothing to edit.
    if !columns.iter().any(|column| column == "message_summary_info") {
        return Ok(());
    }
    database.prepare(QUERIES)?.for_each(&mut |row| {
        message_row(row, out);
        Ok(())
    })?;
    Ok(())
}

fn message_row(row: &Row<'_>, out: &mut Out<'_>) {
    let Value::Bytes(bytes) = row.value(1) else { return };
    // Most messages have a summary, few a history; reading them all would take longer than the messages.
    if !["ec", "rp"].iter().any(|key| memmem::find(&bytes, key.as_bytes()).is_some()) {
        return;
    }
    let place = Place::row("message", row.value(0).as_int().unwrap_or_default());
    let summary = nested(&bytes);
    let summary = match summary.as_ref().map_err(|error| format!("{error:#}")).and_then(|list| {
        dictionary(list).map_err(|error| format!("{error:#}"))
    }) {
        Ok(summary) => summary,
        Err(error) => return out.warn(Some(place), format!("message_summary_info: {error}")),
    };
    let parts = member(summary, "ec");
    for (part, versions) in parts.into_iter().flatten() {
        let part_number: Value<'_> = part.parse::<i64>().ok().into();
        let versions = versions.as_array().map_or(&[][..], Vec::as_slice);
        for (index, version) in versions.iter().enumerate() {
            let Some(version) = version.as_dictionary() else {
                out.warn(Some(place.clone()), "a version of an edited message is no dictionary");
                continue;
            };
            push(row, &place, Event::Version(index, version), part_number.clone(), out);
        }
    }
    for part in items(summary, "rp") {
        push(row, &place, Event::Retracted, part.as_signed_integer().into(), out);
    }
}

enum Event<'v> {
    Version(usize, &'v Dictionary),
    Retracted,
}

fn push(row: &Row<'_>, place: &Place, event: Event<'_>, part: Value<'_>, out: &mut Out<'_>) {
    const NULL: Value<'static> = Value::Null;
    let from_me = row.value(2).is_true();
    let direction = if from_me { "sent" } else { "received" };
    let (name, [edited, written, retracted], text, links, version) = match event {
        Event::Version(index, version) => {
            let (text, links) = content(version.get("t"), place, out);
            let at = moment(version, "d");
            let times = if index == 0 { [NULL, at, NULL] } else { [at, NULL, NULL] };
            (if index == 0 { "written" } else { "edited" }, times, text, links, Value::from(index as u64))
        }
        Event::Retracted => {
            let at = [row.value(5), row.value(6)].into_iter().find(|time| !time.is_null()).unwrap_or_default();
            ("taken back", [NULL, NULL, at], NULL, NULL, NULL)
        }
    };
    let values = [
        edited,
        written,
        retracted,
        name.into(),
        direction.into(),
        row.value(3),
        text,
        links,
        part,
        version,
        row.value(4),
    ];
    out.push(place.clone(), values);
}

fn content(text: Option<&Plist>, place: &Place, out: &mut Out<'_>) -> (Value<'static>, Value<'static>) {
    let (text, links) = match text {
        Some(Plist::Data(bytes)) => archived(bytes, "an earlier text", place, out),
        Some(Plist::String(text)) => (Some(text.clone()), Links::default()),
        _ => (None, Links::default()),
    };
    with_links(text, links)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, rows_at, shake, sqlite};

    const TABLES: &str = "CREATE TABLE handle (ROWID INTEGER PRIMARY KEY, id); INSERT INTO handle VALUES (1, 'a@example.org');
        CREATE TABLE message (ROWID INTEGER PRIMARY KEY, guid, handle_id, is_from_me, date_edited, date_retracted,
            message_summary_info BLOB);";

    #[test]
    fn every_version_and_what_was_taken_back_is_told() {
        let hello = "BAtzdHJlYW10eXBlZIHoA4QBQISEhBJOU0F0dHJpYnV0ZWRTdHJpbmcAhIQITlNPYmplY3QAhZKEhIQITlNTdHJpbmcBlIQBKwVI\
            ZWxsb4aEAmlJAQWShISEDE5TRGljdGlvbmFyeQCUhAFpAZKElpYdX19rSU1NZXNzYWdlUGFydEF0dHJpYnV0ZU5hbWWGkoSEhAhOU051bWJl\
            cgCEhAdOU1ZhbHVlAJSEASqEmZkAhoaG";
        let summary = format!(
            "<plist><dict><key>ec</key><dict><key>0</key><array>
                <dict><key>d</key><real>600000000</real><key>t</key><data>{hello}</data></dict>
                <dict><key>d</key><real>600000060</real><key>t</key><string>see https://a.example/x</string></dict>
                <dict><key>t</key><data>AAAA</data></dict><string>odd</string>
             </array></dict><key>rp</key><array><integer>1</integer></array></dict></plist>"
        );
        let database = sqlite(&format!(
            "{TABLES} INSERT INTO message VALUES (4, 'G-4', 1, 0, 600000060000000000, 0, CAST('{summary}' AS BLOB)),
                (5, 'G-5', 0, 1, 0, 0, CAST('bplist00 ec' AS BLOB)), (6, NULL, NULL, NULL, NULL, NULL, x'00'), (7, 'G-7', 1, 0, 0, 0, NULL);"
        ));
        let (records, warnings) = rows_at(&ARTIFACT, "/x", &database);
        assert_eq!(
            records,
            json!([
                {"written": "2020-01-06T10:40:00.000000+00:00", "event": "written", "direction": "received",
                 "handle": "a@example.org", "message": "Hello", "part": 0, "version": 0, "guid": "G-4",
                 "_line": "message written, a@example.org: Hello"},
                {"edited": "2020-01-06T10:41:00.000000+00:00", "event": "edited", "direction": "received",
                 "handle": "a@example.org", "message": "see https://a.example/x", "links": ["https://a.example/x"], "part": 0,
                 "version": 1, "guid": "G-4", "_line": "message edited, a@example.org: see https://a.example/x"},
                {"event": "edited", "direction": "received", "handle": "a@example.org", "part": 0, "version": 2, "guid": "G-4",
                 "_line": "message edited, a@example.org: "},
                {"retracted": "2020-01-06T10:41:00.000000+00:00", "event": "taken back", "direction": "received",
                 "handle": "a@example.org", "part": 1, "guid": "G-4", "_line": "message taken back, a@example.org: "},
            ])
        );
        assert_eq!(warnings.len(), 3, "{warnings:?}");
        shake(&ARTIFACT, &database);
    }

    #[test]
    fn older_messages_have_no_history_and_another_schema_is_named() {
        assert_eq!(rows_at(&ARTIFACT, "/x", &sqlite("CREATE TABLE message (a);")), (json!([]), vec![]));
        assert!(rows_at(&ARTIFACT, "/x", &sqlite("CREATE TABLE b (a);")).1[0].contains("its tables: b"));
        let plain = sqlite("CREATE TABLE message (message_summary_info);
            INSERT INTO message VALUES (CAST('<plist><dict><key>rp</key><array><integer>0</integer></array></dict></plist>' AS BLOB))");
        assert_eq!(rows(&ARTIFACT, &plain)[0]["event"], "taken back");
    }
}
