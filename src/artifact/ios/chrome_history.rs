use crate::artifact::prelude::*;

/// The visits; `$synced` is the expression for "came by sync".
macro_rules! visits {
    ($synced:literal) => {
        concat!(
            "SELECT v.id, v.visit_time, u.url, {u.title}, v.id, v.url, nullif({v.from_visit}, 0),
                    CASE {v.transition & 255} WHEN 0 THEN 'link' WHEN 1 THEN 'typed' WHEN 2 THEN 'bookmark'
                        WHEN 3 THEN 'embedded frame' WHEN 4 THEN 'frame' WHEN 5 THEN 'suggestion'
                        WHEN 6 THEN 'start page' WHEN 7 THEN 'form' WHEN 8 THEN 'reload' WHEN 9 THEN 'keyword'
                        WHEN 10 THEN 'keyword' ELSE {CAST(v.transition & 255 AS TEXT)} END,
                    {v.transition & 2147483648 <> 0}, {v.transition & 1073741824 <> 0}, {u.visit_count}, ",
            $synced,
            ", NULL
             FROM visits v LEFT JOIN urls u ON u.id = v.url ORDER BY v.id"
        )
    };
}

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.chrome_history",
    title: "Chrome history",
    about: "Pages opened in Chrome and in browsers made from the same code, visit by visit.",
    files: &[
        "/private/var/mobile/Containers/Data/Application/*/Library/Application Support/**/Default/History",
        "/private/var/mobile/Containers/Data/Application/*/Library/Application Support/**/Profile */History",
    ],
    columns: &[
        time("visited", Epoch::WebKit, Moment::Visited),
        url("url"),
        text("title"),
        int("visit_id"),
        int("url_id"),
        // The visit this one came from, by link or redirect.
        int("redirect_source"),
        text("transition"),
        boolean("server_redirect"),
        boolean("client_redirect"),
        int("visit_count"),
        caveat("synced", "the visit happened on another device of the same account and was synced to this one"),
        caveat("without_visit", "the page is listed without any visit; the time is that of the last one"),
    ],
    shows: Trace::Visited,
    line: "visit to {url} (visit {visit_id}, from visit {redirect_source})",
    parse: Parse::Database(|database, out| {
        read_tables(
            database,
            &[
                (
                    "visits",
                    // `visit_source` has a row for visits that came by sync (0) or import, none for those made here.
                    &[
                        visits!("v.id IN (SELECT id FROM visit_source WHERE source = 0)"),
                        visits!("NULL"),
                    ],
                ),
                (
                    "urls",
                    &["SELECT u.id, {u.last_visit_time}, u.url, {u.title}, NULL, u.id, NULL, NULL, NULL, NULL,
                              {u.visit_count}, NULL, 1
                       FROM urls u WHERE u.id NOT IN (SELECT url FROM visits WHERE url IS NOT NULL) ORDER BY u.id"],
                ),
            ],
            out,
        )
    }),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, shake, sqlite};

    const TABLES: &str = "CREATE TABLE urls (id INTEGER PRIMARY KEY, url, title, visit_count, last_visit_time);
        CREATE TABLE visits (id INTEGER PRIMARY KEY, url, visit_time, from_visit, transition);
        INSERT INTO urls VALUES (1, 'https://a.example/', 'A', 2, 13211595210500000), (2, 'https://b.example/', NULL, 0, 0);
        INSERT INTO visits VALUES (5, 1, 13211595210500000, 4, 2147483648), (6, 9, 0, 0, NULL);";

    #[test]
    fn visits_name_how_they_came_about() {
        let database =
            sqlite(&format!("{TABLES} CREATE TABLE visit_source (id, source); INSERT INTO visit_source VALUES (5, 0);"));
        assert_eq!(
            rows(&ARTIFACT, &database),
            json!([
                {"visited": "2019-08-29T23:33:30.500000+00:00", "url": "https://a.example/", "title": "A", "visit_id": 5,
                 "url_id": 1, "redirect_source": 4, "transition": "link", "server_redirect": true,
                 "client_redirect": false, "visit_count": 2, "synced": true,
                 "_line": "visit to https://a.example/ (visit 5, from visit 4)"},
                {"visit_id": 6, "url_id": 9, "synced": false, "_line": "visit to  (visit 6, from visit )"},
                {"url": "https://b.example/", "url_id": 2, "visit_count": 0, "without_visit": true,
                 "_line": "visit to https://b.example/ (visit , from visit )"},
            ])
        );
        shake(&ARTIFACT, &database);
    }

    #[test]
    fn negative_transitions_of_a_signed_column_are_redirects_too() {
        let database = sqlite(&format!("{TABLES} UPDATE visits SET transition = -2147483647 WHERE id = 5;"));
        let rows = rows(&ARTIFACT, &database);
        assert_eq!((&rows[0]["transition"], &rows[0]["server_redirect"]), (&json!("typed"), &json!(true)));
        assert_eq!(rows[0].get("synced"), None);
    }
}
