use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.firefox_favicons",
    title: "Firefox's site icons",
    about: "Icons of sites that Firefox kept in its former database, with the pages they were shown for.",
    files: &[
        "/private/var/mobile/profile.profile/browser.db",
        "/private/var/mobile/Containers/*/*/*/profile.profile/browser.db",
    ],
    columns: &[
        // Seconds in what is known of it, though its other times are microseconds: the number itself tells.
        time("stored", Epoch::Unix, Moment::Visited),
        url("icon_url"),
        url("url"),
        int("icon_id"),
        int("page_id"),
        int("width"),
        int("height"),
        int("icon_type"),
    ],
    shows: Trace::Visited,
    line: "Firefox icon {icon_url} of {url}",
    parse: Parse::Database(|database, out| {
        // Versions without icons came before and after.
        if !database.tables().iter().any(|table| table == "favicons") {
            return Ok(());
        }
        read_tables(
            database,
            &[(
                "favicons",
                &[
                    "SELECT f.id, {f.date}, f.url, h.url, f.id, h.id, {f.width}, {f.height}, {f.type}
                     FROM favicons f LEFT JOIN favicon_sites s ON s.faviconID = f.id LEFT JOIN history h ON h.id = s.siteID
                     ORDER BY f.id, h.id",
                    "SELECT f.id, {f.date}, f.url, NULL, f.id, NULL, {f.width}, {f.height}, {f.type}
                     FROM favicons f ORDER BY f.id",
                ],
            )],
            out,
        )
    }),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, rows_at, shake, sqlite};

    const ICONS: &str = "CREATE TABLE favicons (id INTEGER PRIMARY KEY, url TEXT, width INTEGER, height INTEGER, type INTEGER, date REAL);
        INSERT INTO favicons VALUES (1, 'https://a.example/i.png', 16, 17, 2, 1567121610.5), (2, 'https://b.example/i.png', NULL,
                                     NULL, NULL, 1567121610500000);";

    #[test]
    fn icons_name_the_pages_they_were_shown_for() {
        let database = sqlite(&format!(
            "{ICONS} CREATE TABLE favicon_sites (id INTEGER PRIMARY KEY, siteID INTEGER, faviconID INTEGER);
             CREATE TABLE history (id INTEGER PRIMARY KEY, url TEXT);
             INSERT INTO favicon_sites VALUES (1, 7, 1); INSERT INTO history VALUES (7, 'https://a.example/');"
        ));
        let at = "2019-08-29T23:33:30.500000+00:00";
        assert_eq!(
            rows(&ARTIFACT, &database),
            json!([
                {"stored": at, "icon_url": "https://a.example/i.png", "url": "https://a.example/", "icon_id": 1, "page_id": 7,
                 "width": 16, "height": 17, "icon_type": 2, "_line": "Firefox icon https://a.example/i.png of https://a.example/"},
                {"stored": at, "icon_url": "https://b.example/i.png", "icon_id": 2,
                 "_line": "Firefox icon https://b.example/i.png of "},
            ])
        );
        shake(&ARTIFACT, &database);
    }

    #[test]
    fn icons_alone_are_told_and_versions_without_them_are_passed_over() {
        assert_eq!(rows(&ARTIFACT, &sqlite(ICONS)).as_array().map(Vec::len), Some(2));
        assert_eq!(rows_at(&ARTIFACT, "/x", &sqlite("CREATE TABLE history (a);")), (json!([]), vec![]));
    }
}
