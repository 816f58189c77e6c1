use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.chrome_favicons",
    title: "Chrome's site icons",
    about: "Pages whose icons Chrome and browsers made from the same code kept; they may stay after the history was cleared.",
    files: &[
        "/private/var/mobile/Containers/Data/Application/*/Library/Application Support/**/Default/Favicons",
        "/private/var/mobile/Containers/Data/Application/*/Library/Application Support/**/Profile */Favicons",
    ],
    columns: &[
        // When the icon was fetched last, else when it was asked for.
        time("stored", Epoch::WebKit, Moment::Visited),
        url("url"),
        url("icon_url"),
        int("icon_id"),
    ],
    shows: Trace::Visited,
    line: "{icon_url} from {url}",
    parse: Parse::Database(|database, out| {
        read_tables(
            database,
            &[
                (
                    "icon_mapping",
                    &[
                        // An icon has a picture for each size.
                        "SELECT m.rowid, ifnull(nullif(b.updated, 0), b.requested), m.page_url, f.url, m.icon_id
                         FROM icon_mapping m LEFT JOIN favicons f ON f.id = m.icon_id
                         LEFT JOIN (SELECT icon_id, max(last_updated) AS updated, max(last_requested) AS requested
                                    FROM favicon_bitmaps GROUP BY icon_id) b ON b.icon_id = m.icon_id ORDER BY m.rowid",
                        "SELECT m.rowid, ifnull(nullif(b.updated, 0), 0), m.page_url, f.url, m.icon_id
                         FROM icon_mapping m LEFT JOIN favicons f ON f.id = m.icon_id
                         LEFT JOIN (SELECT icon_id, max(last_updated) AS updated FROM favicon_bitmaps GROUP BY icon_id) b
                         ON b.icon_id = m.icon_id ORDER BY m.rowid",
                        "SELECT m.rowid, NULL, m.page_url, f.url, m.icon_id
                         FROM icon_mapping m LEFT JOIN favicons f ON f.id = m.icon_id ORDER BY m.rowid",
                    ],
                ),
                (
                    "favicons",
                    &["SELECT f.id, NULL, NULL, f.url, f.id FROM favicons f
                       WHERE f.id NOT IN (SELECT icon_id FROM icon_mapping WHERE icon_id IS NOT NULL) ORDER BY f.id"],
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

    const ICONS: &str = "CREATE TABLE icon_mapping (id INTEGER PRIMARY KEY, page_url, icon_id);
        CREATE TABLE favicons (id INTEGER PRIMARY KEY, url, icon_type);
        INSERT INTO icon_mapping VALUES (1, 'https://a.example/', 5), (2, 'https://b.example/', 6), (3, 'https://c.example/', 99);
        INSERT INTO favicons VALUES (5, 'https://a.example/i.png', 1), (6, 'https://b.example/i.png', 1), (7, 'https://d.example/i.png', 1);";

    #[test]
    fn pages_have_one_row_whatever_the_number_of_pictures() {
        let database = sqlite(&format!(
            "{ICONS} CREATE TABLE favicon_bitmaps (id INTEGER PRIMARY KEY, icon_id, last_updated, last_requested);
             INSERT INTO favicon_bitmaps VALUES (1, 5, 13211595210500000, 0), (2, 5, NULL, 0), (3, 6, 0, 13211595210500000);"
        ));
        let at = "2019-08-29T23:33:30.500000+00:00";
        assert_eq!(
            rows(&ARTIFACT, &database),
            json!([
                {"stored": at, "url": "https://a.example/", "icon_url": "https://a.example/i.png", "icon_id": 5,
                 "_line": "https://a.example/i.png from https://a.example/"},
                {"stored": at, "url": "https://b.example/", "icon_url": "https://b.example/i.png", "icon_id": 6,
                 "_line": "https://b.example/i.png from https://b.example/"},
                {"url": "https://c.example/", "icon_id": 99, "_line": " from https://c.example/"},
                {"icon_url": "https://d.example/i.png", "icon_id": 7, "_line": "https://d.example/i.png from "},
            ])
        );
        shake(&ARTIFACT, &database);
    }

    #[test]
    fn older_tables_have_no_pictures_or_no_requests() {
        assert_eq!(rows(&ARTIFACT, &sqlite(ICONS))[0]["icon_url"], "https://a.example/i.png");
        let database = sqlite(&format!(
            "{ICONS} CREATE TABLE favicon_bitmaps (id INTEGER PRIMARY KEY, icon_id, last_updated);
             INSERT INTO favicon_bitmaps VALUES (1, 5, 13211595210500000);"
        ));
        assert_eq!(rows(&ARTIFACT, &database)[0]["stored"], "2019-08-29T23:33:30.500000+00:00");
    }
}
