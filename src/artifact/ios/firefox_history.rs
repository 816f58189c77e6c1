use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.firefox_history",
    title: "Firefox history",
    about: "Pages opened in Firefox, visit by visit, from its present (places.db) and its former (browser.db) database.",
    files: &[
        "/private/var/mobile/profile.profile/browser.db",
        "/private/var/mobile/profile.profile/places.db",
        "/private/var/mobile/Containers/*/*/*/profile.profile/browser.db",
        "/private/var/mobile/Containers/*/*/*/profile.profile/places.db",
    ],
    columns: &[
        // Milliseconds in places.db, microseconds in browser.db.
        time("visited", Epoch::Unix, Moment::Visited),
        url("url"),
        text("title"),
        int("visit_id"),
        int("page_id"),
        int("redirect_source"),
        text("transition"),
        caveat("synced", "the visit happened on another device of the same account and was synced to this one"),
        caveat("without_visit", "the page is listed without any visit; it may only have been a bookmark"),
    ],
    shows: Trace::Visited,
    line: "Firefox visit to {url} (visit {visit_id})",
    parse: Parse::Database(read),
};

fn read(database: &Database<'_>, out: &mut Out<'_>) -> Result<()> {
    if database.tables().iter().any(|table| table == "moz_places") {
        read_tables(
            database,
            &[
                (
                    "moz_historyvisits",
                    &["SELECT v.id, v.visit_date, p.url, {p.title}, v.id, v.place_id, nullif({v.from_visit}, 0),
                              CASE {v.visit_type} WHEN 1 THEN 'link' WHEN 2 THEN 'typed' WHEN 3 THEN 'bookmark'
                                  WHEN 4 THEN 'embedded' WHEN 5 THEN 'permanent redirect'
                                  WHEN 6 THEN 'temporary redirect' WHEN 7 THEN 'download' WHEN 8 THEN 'framed link'
                                  ELSE {CAST(v.visit_type AS TEXT)} END,
                              {v.is_local = 0}, NULL
                       FROM moz_historyvisits v LEFT JOIN moz_places p ON p.id = v.place_id ORDER BY v.id"],
                ),
                (
                    "moz_places",
                    &["SELECT p.id, nullif(max(ifnull({p.last_visit_date_local}, 0),
                                               ifnull({p.last_visit_date_remote}, 0)), 0),
                              p.url, {p.title}, NULL, p.id, NULL, NULL, NULL, 1
                       FROM moz_places p
                       WHERE p.id NOT IN (SELECT place_id FROM moz_historyvisits WHERE place_id IS NOT NULL)
                       ORDER BY p.id"],
                ),
            ],
            out,
        )
    } else {
        read_tables(
            database,
            &[
                (
                    "visits",
                    &["SELECT v.id, v.date, h.url, {h.title}, v.id, v.siteID, NULL,
                              CASE {v.type} WHEN 1 THEN 'link' WHEN 2 THEN 'typed' WHEN 3 THEN 'bookmark'
                                  WHEN 4 THEN 'embedded' WHEN 5 THEN 'permanent redirect'
                                  WHEN 6 THEN 'temporary redirect' WHEN 7 THEN 'download' WHEN 8 THEN 'framed link'
                                  ELSE {CAST(v.type AS TEXT)} END,
                              {v.is_local = 0}, NULL
                       FROM visits v LEFT JOIN history h ON h.id = v.siteID ORDER BY v.id"],
                ),
                (
                    "history",
                    &["SELECT h.id, NULL, h.url, {h.title}, NULL, h.id, NULL, NULL, NULL, 1
                       FROM history h WHERE h.id NOT IN (SELECT siteID FROM visits WHERE siteID IS NOT NULL)
                       ORDER BY h.id"],
                ),
            ],
            out,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, shake, sqlite};

    #[test]
    fn places_hold_milliseconds_and_pages_without_visits() {
        let database = sqlite(
            "CREATE TABLE moz_places (id INTEGER PRIMARY KEY, url, title, last_visit_date_local, last_visit_date_remote);
             CREATE TABLE moz_historyvisits (id INTEGER PRIMARY KEY, is_local, from_visit, place_id, visit_date, visit_type);
             INSERT INTO moz_places VALUES (1, 'https://a.example/', 'A', 0, 0), (2, 'https://b.example/', NULL, 0, 1567121610500),
                                           (3, 'https://c.example/', NULL, NULL, NULL);
             INSERT INTO moz_historyvisits VALUES (5, 0, 4, 1, 1567121610500, 6), (6, 1, 0, 9, NULL, 99);",
        );
        assert_eq!(
            rows(&ARTIFACT, &database),
            json!([
                {"visited": "2019-08-29T23:33:30.500000+00:00", "url": "https://a.example/", "title": "A", "visit_id": 5,
                 "page_id": 1, "redirect_source": 4, "transition": "temporary redirect", "synced": true,
                 "_line": "Firefox visit to https://a.example/ (visit 5)"},
                {"visit_id": 6, "page_id": 9, "transition": "99", "synced": false, "_line": "Firefox visit to  (visit 6)"},
                {"visited": "2019-08-29T23:33:30.500000+00:00", "url": "https://b.example/", "page_id": 2,
                 "without_visit": true, "_line": "Firefox visit to https://b.example/ (visit )"},
                {"url": "https://c.example/", "page_id": 3, "without_visit": true,
                 "_line": "Firefox visit to https://c.example/ (visit )"},
            ])
        );
        shake(&ARTIFACT, &database);
    }

    #[test]
    fn browser_database_holds_microseconds() {
        let database = sqlite(
            "CREATE TABLE history (id INTEGER PRIMARY KEY, url, title);
             CREATE TABLE visits (id INTEGER PRIMARY KEY, siteID, date, type, is_local);
             INSERT INTO history VALUES (1, 'https://a.example/', 'A'), (2, 'https://b.example/', 'B');
             INSERT INTO visits VALUES (7, 1, 1567121610500000, 1, 1);",
        );
        assert_eq!(
            rows(&ARTIFACT, &database),
            json!([
                {"visited": "2019-08-29T23:33:30.500000+00:00", "url": "https://a.example/", "title": "A", "visit_id": 7,
                 "page_id": 1, "transition": "link", "synced": false,
                 "_line": "Firefox visit to https://a.example/ (visit 7)"},
                {"url": "https://b.example/", "title": "B", "page_id": 2, "without_visit": true,
                 "_line": "Firefox visit to https://b.example/ (visit )"},
            ])
        );
        shake(&ARTIFACT, &database);
    }
}
