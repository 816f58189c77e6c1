use crate::artifact::core_data::ungroup;
use crate::artifact::prelude::*;

/// The same columns over whatever joins the schema allows. Addresses of identities begin with `mailto:`.
macro_rules! query {
    ($($join:literal)*) => {
        concat!(
            "SELECT e.ROWID, {e.start_date}, {e.end_date}, {e.creation_date}, {e.last_modified}, {o.last_modified},
                    {e.summary}, {e.description}, {e.url}, {e.conference_url}, {e.response_comment},
                    {o.email}, {o.phone_number}, {o.comment}, {o.UUID}, {o.is_self}, {n.address}, {e.organizer_id},
                    {p.emails}, {e.all_day}, {e.hidden}, {e.calendar_id}, {c.title}, {e.external_id}, {e.external_mod_tag},
                    {e.unique_identifier}, {e.UUID}, {e.action}, {e.created_by_id}
             FROM CalendarItem e ", $($join, " ",)* "ORDER BY e.ROWID"
        )
    };
}

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.calendar",
    title: "Calendar",
    about: "Events and reminders with the people who invited and were invited.",
    files: &[
        "/private/var/mobile/Library/Calendar/Calendar.sqlitedb",
        "/private/var/mobile/Containers/Shared/AppGroup/**/Calendar.sqlitedb",
    ],
    columns: &[
        time("starts", Epoch::Mac, Moment::Scheduled),
        time("ends", Epoch::Mac, Moment::Ended),
        time("created", Epoch::Mac, Moment::Created),
        time("modified", Epoch::Mac, Moment::Modified),
        time("organiser_modified", Epoch::Mac, Moment::Updated),
        message("summary"),
        message("description"),
        url("url"),
        url("conference_url"),
        message("response_comment"),
        email("organiser"),
        phone("organiser_phone"),
        message("organiser_comment"),
        text("organiser_uuid"),
        // The owner of the phone is the organiser.
        boolean("organiser_is_self"),
        email("organiser_address"),
        int("organiser_id"),
        email("participants"),
        boolean("all_day"),
        boolean("hidden"),
        int("calendar_id"),
        text("calendar"),
        text("external_id"),
        text("external_mod_tag"),
        text("unique_id"),
        text("uuid"),
        text("action"),
        int("created_by_id"),
    ],
    shows: Trace::Received,
    line: "Calendar event {summary} ({description}), invitation by {organiser}",
    parse: Parse::Rows {
        table: "CalendarItem",
        queries: &[
            query!("LEFT JOIN Participant o ON o.ROWID = e.organizer_id"
                   "LEFT JOIN Identity n ON n.ROWID = {o.identity_id}"
                   "LEFT JOIN Calendar c ON c.ROWID = e.calendar_id"
                   "LEFT JOIN (SELECT owner_id, group_concat(email, char(31)) AS emails FROM Participant GROUP BY owner_id) p
                           ON p.owner_id = e.ROWID"),
            query!("LEFT JOIN Participant o ON o.ROWID = e.organizer_id"
                   "LEFT JOIN (SELECT owner_id, group_concat(email, char(31)) AS emails FROM Participant GROUP BY owner_id) p
                           ON p.owner_id = e.ROWID"),
            query!("LEFT JOIN Participant o ON o.ROWID = e.organizer_id"),
            query!(""),
        ],
        row: |row, out| {
            out.push_row("CalendarItem", row, |values| ungroup(values, PARTICIPANTS));
            Ok(())
        },
    },
};

/// Where the participants stand among the values.
const PARTICIPANTS: usize = 17;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, shake, sqlite};

    const EVENT: &str = "CREATE TABLE CalendarItem (ROWID INTEGER PRIMARY KEY, summary, description, start_date, end_date, all_day,
        calendar_id, organizer_id, url, last_modified, UUID, creation_date);";

    #[test]
    fn organiser_and_participants_are_joined() {
        let database = sqlite(&format!(
            "{EVENT}
             CREATE TABLE Participant (ROWID INTEGER PRIMARY KEY, owner_id, identity_id, UUID, email, is_self, phone_number, comment, last_modified);
             CREATE TABLE Identity (ROWID INTEGER PRIMARY KEY, address);
             CREATE TABLE Calendar (ROWID INTEGER PRIMARY KEY, title);
             INSERT INTO Calendar VALUES (2, 'Work');
             INSERT INTO Identity VALUES (5, 'mailto:ada@example.org');
             INSERT INTO Participant VALUES (8, 3, 5, 'PA-8', 'ada@example.org', 0, NULL, NULL, 600000060),
                                            (9, 3, NULL, 'PA-9', 'me@example.org', 1, NULL, NULL, NULL);
             INSERT INTO CalendarItem VALUES (3, 'Meeting', 'Notes', 600000000, 600003600.0, 0, 2, 8, 'https://a.example', 600000120, 'CI-3', 610000000),
                                             (4, x'48', NULL, NULL, NULL, NULL, NULL, 77, NULL, NULL, NULL, NULL);"
        ));
        assert_eq!(
            rows(&ARTIFACT, &database),
            json!([
                {
                    "starts": "2020-01-06T10:40:00.000000+00:00",
                    "ends": "2020-01-06T11:40:00.000000+00:00",
                    "created": "2020-05-01T04:26:40.000000+00:00",
                    "modified": "2020-01-06T10:42:00.000000+00:00",
                    "organiser_modified": "2020-01-06T10:41:00.000000+00:00",
                    "summary": "Meeting",
                    "description": "Notes",
                    "url": "https://a.example",
                    "organiser": "ada@example.org",
                    "organiser_uuid": "PA-8",
                    "organiser_is_self": false,
                    "organiser_address": "mailto:ada@example.org",
                    "organiser_id": 8,
                    "participants": ["ada@example.org", "me@example.org"],
                    "all_day": false,
                    "calendar_id": 2,
                    "calendar": "Work",
                    "uuid": "CI-3",
                    "_line": "Calendar event Meeting (Notes), invitation by ada@example.org",
                },
                { "summary": "H", "organiser_id": 77, "_line": "Calendar event H (), invitation by " },
            ])
        );
        shake(&ARTIFACT, &database);
    }

    #[test]
    fn participants_without_owner_and_events_alone_are_read() {
        let event = "INSERT INTO CalendarItem (ROWID, summary, organizer_id) VALUES (1, 'A', 2);";
        let old = sqlite(&format!(
            "{EVENT}{event} CREATE TABLE Participant (ROWID INTEGER PRIMARY KEY, email); INSERT INTO Participant VALUES (2, 'a@example.org');"
        ));
        assert_eq!(rows(&ARTIFACT, &old)[0]["organiser"], "a@example.org");
        let alone = sqlite(&format!("{EVENT}{event}"));
        assert_eq!(rows(&ARTIFACT, &alone)[0]["summary"], "A");
    }
}
