use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.safari_history",
    title: "Safari history",
    about: "Pages opened in Safari, visit by visit, with what redirected to what; profiles, since iOS 17, keep a database each.",
    files: &[
        "/private/var/mobile/Library/Safari/History.db",
        "/private/var/mobile/Library/Safari/Profiles/*/History.db",
        "/private/var/mobile/Containers/*/*/*/Library/Safari/History.db",
        "/private/var/mobile/Containers/*/*/*/Library/Safari/Profiles/*/History.db",
    ],
    columns: &[
        time("visited", Epoch::Safari, Moment::Visited),
        url("url"),
        text("title"),
        int("visit_id"),
        int("item_id"),
        // Ids of visits in the same database.
        int("redirect_source"),
        int("redirect_destination"),
        caveat("synced", "the visit happened on another device of the same account and was synced to this one"),
        caveat("load_failed", "Safari noted that the page did not load"),
        boolean("synthesized"),
        boolean("http_non_get"),
        int("status_code"),
        int("visit_count"),
        caveat("without_visit", "the page is listed without any visit, so when and where it was opened is unknown"),
    ],
    shows: Trace::Visited,
    line: "Safari visit to {url} (visit {visit_id})",
    parse: Parse::Database(|database, out| {
        read_tables(
            database,
            &[
                (
                    "history_visits",
                    &["SELECT v.id, v.visit_time, i.url, {v.title}, v.id, v.history_item, {v.redirect_source},
                              {v.redirect_destination}, {v.origin = 1}, {v.load_successful = 0}, {v.synthesized},
                              {v.http_non_get}, {i.status_code}, {i.visit_count}, NULL
                       FROM history_visits v LEFT JOIN history_items i ON i.id = v.history_item ORDER BY v.id"],
                ),
                (
                    "history_items",
                    // Not a join: without an index, and with columns of no declared type, that takes time squared.
                    &["SELECT i.id, NULL, i.url, NULL, NULL, i.id, NULL, NULL, NULL, NULL, NULL, NULL,
                              {i.status_code}, {i.visit_count}, 1
                       FROM history_items i
                       WHERE i.id NOT IN (SELECT history_item FROM history_visits WHERE history_item IS NOT NULL)
                       ORDER BY i.id"],
                ),
            ],
            out,
        )
    }),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, rows_at, shake, sqlite};

    #[test]
    fn visits_carry_their_redirects_and_pages_without_visits_are_kept() {
        let database = sqlite(
            "CREATE TABLE history_items (id INTEGER PRIMARY KEY, url, visit_count, status_code);
             CREATE TABLE history_visits (id INTEGER PRIMARY KEY, history_item, visit_time, title, load_successful,
                 http_non_get, synthesized, redirect_source, redirect_destination, origin);
             INSERT INTO history_items VALUES (1, 'http://a.example/', 2, 302), (2, 'https://b.example/', 0, NULL),
                                              (3, x'687474703a2f2f632e6578616d706c652f', 0, NULL);
             INSERT INTO history_visits VALUES (10, 1, 588814410.25, 'A', 1, 0, 0, NULL, 11, 0),
                                               (11, 2, 1763900000.5, '', 0, 1, 1, 10, NULL, 1),
                                               (12, 99, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);",
        );
        assert_eq!(
            rows(&ARTIFACT, &database),
            json!([
                {"visited": "2019-08-29T23:33:30.250000+00:00", "url": "http://a.example/", "title": "A",
                 "visit_id": 10, "item_id": 1, "redirect_destination": 11, "synced": false, "load_failed": false,
                 "synthesized": false, "http_non_get": false, "status_code": 302, "visit_count": 2,
                 "_line": "Safari visit to http://a.example/ (visit 10)"},
                {"visited": "2025-11-23T12:13:20.500000+00:00", "url": "https://b.example/", "title": "",
                 "visit_id": 11, "item_id": 2, "redirect_source": 10, "synced": true, "load_failed": true,
                 "synthesized": true, "http_non_get": true, "visit_count": 0,
                 "_line": "Safari visit to https://b.example/ (visit 11)"},
                {"visit_id": 12, "item_id": 99, "_line": "Safari visit to  (visit 12)"},
                {"url": "http://c.example/", "item_id": 3, "visit_count": 0, "without_visit": true,
                 "_line": "Safari visit to http://c.example/ (visit )"},
            ])
        );
        shake(&ARTIFACT, &database);
    }

    #[test]
    fn first_schema_lacks_origin_and_redirects() {
        let database = sqlite(
            "CREATE TABLE history_items (id INTEGER PRIMARY KEY, url);
             CREATE TABLE history_visits (id INTEGER PRIMARY KEY, history_item, visit_time);
             INSERT INTO history_items VALUES (1, 'http://a.example/');
             INSERT INTO history_visits VALUES (1, 1, '588814410.25');",
        );
        let (rows, warnings) = rows_at(&ARTIFACT, "/private/var/mobile/Library/Safari/History.db", &database);
        assert_eq!(rows[0]["visited"], "2019-08-29T23:33:30.250000+00:00");
        assert_eq!((rows.as_array().map(Vec::len), warnings), (Some(1), vec![]));
    }

    #[test]
    fn a_long_history_without_indexes_or_types_is_read_in_one_pass() {
        let database = sqlite(
            "CREATE TABLE history_items (id INTEGER PRIMARY KEY, url);
             CREATE TABLE history_visits (id INTEGER PRIMARY KEY, history_item, visit_time);
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
             INSERT INTO history_items SELECT i, 'http://a.example/' FROM n;
             INSERT INTO history_visits SELECT id, 1, 588814410 FROM history_items;",
        );
        // A join by a column of no type has no automatic index: squared, this takes minutes.
        let count = rows(&ARTIFACT, &database).as_array().map(Vec::len);
        assert_eq!(count, Some(20_000 + 19_999));
    }
}
