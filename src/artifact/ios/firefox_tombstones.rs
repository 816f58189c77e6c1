use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.firefox_tombstones",
    title: "Deleted Firefox history",
    about: "What Firefox remembers of deleted pages and visits, so that the deletion reaches the account's other devices, where it may also come from.",
    files: super::firefox_history::ARTIFACT.files,
    columns: &[
        // Only the former database (browser.db) notes when.
        time("deleted", Epoch::Unix, Moment::Deleted),
        time("visited", Epoch::Unix, Moment::Visited),
        text("what"),
        url("url"),
        text("title"),
        int("page_id"),
        text("guid"),
    ],
    shows: Trace::Visited,
    line: "Firefox deleted the {what} {url} {guid}",
    parse: Parse::Database(read),
};

/// The page of a deleted visit is still there while it has other visits or a bookmark.
const VISITS: &str = "
    SELECT t.rowid, NULL, t.visit_date, 'visit', p.url, {p.title}, t.place_id, {p.guid}
    FROM moz_historyvisit_tombstones t LEFT JOIN moz_places p ON p.id = t.place_id ORDER BY t.rowid";

/// Of a page that went altogether only the id under which it was synced is left.
const PAGES: &str = "SELECT guid FROM moz_places_tombstones ORDER BY guid";

const FORMER_PAGES: &str = "
    SELECT h.id, {h.local_modified}, NULL, 'page', {h.url}, {h.title}, h.id, {h.guid}
    FROM history h WHERE h.is_deleted <> 0 ORDER BY h.id";

fn read(database: &Database<'_>, out: &mut Out<'_>) -> Result<()> {
    let has = |name: &str| database.tables().iter().any(|table| table == name);
    let mut tables: Vec<(&'static str, &[&str])> = Vec::new();
    if has("moz_historyvisit_tombstones") {
        tables.push(("moz_historyvisit_tombstones", &[VISITS]));
    }
    if has("history") && !has("moz_places") {
        // Before there was sync nothing was marked as deleted.
        tables.push(("history", &[FORMER_PAGES, "SELECT 1 FROM history WHERE 0"]));
    }
    let result = read_tables(database, &tables, out);
    if has("moz_places_tombstones") {
        database.prepare(&[PAGES])?.for_each(&mut |row| {
            let guid = row.value(0);
            let place = Place::key(format!("moz_places_tombstones/{}", guid.show()));
            out.push(place, [Value::Null, Value::Null, "page".into(), Value::Null, Value::Null, Value::Null, guid]);
            Ok(())
        })?;
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, rows_at, shake, sqlite};

    #[test]
    fn deleted_visits_keep_their_pages_and_deleted_pages_their_ids() {
        let database = sqlite(
            "CREATE TABLE moz_places (id INTEGER PRIMARY KEY, url, title, guid);
             CREATE TABLE moz_historyvisit_tombstones (place_id INTEGER NOT NULL, visit_date INTEGER NOT NULL,
                                                       PRIMARY KEY (place_id, visit_date));
             CREATE TABLE moz_places_tombstones (guid TEXT PRIMARY KEY) WITHOUT ROWID;
             INSERT INTO moz_places VALUES (1, 'https://a.example/', 'A', 'guid-a');
             INSERT INTO moz_historyvisit_tombstones VALUES (1, 1567121610500), (9, 0);
             INSERT INTO moz_places_tombstones VALUES ('guid-gone');",
        );
        assert_eq!(
            rows(&ARTIFACT, &database),
            json!([
                {"visited": "2019-08-29T23:33:30.500000+00:00", "what": "visit", "url": "https://a.example/",
                 "title": "A", "page_id": 1, "guid": "guid-a",
                 "_line": "Firefox deleted the visit https://a.example/ guid-a"},
                {"what": "visit", "page_id": 9, "_line": "Firefox deleted the visit  "},
                {"what": "page", "guid": "guid-gone", "_line": "Firefox deleted the page  guid-gone"},
            ])
        );
        shake(&ARTIFACT, &database);
    }

    #[test]
    fn the_former_database_marks_deleted_pages() {
        let database = sqlite(
            "CREATE TABLE history (id INTEGER PRIMARY KEY, guid, url, title, local_modified, is_deleted);
             INSERT INTO history VALUES (1, 'g1', 'https://a.example/', 'A', 1567121610500, 0),
                                        (2, 'g2', NULL, '', 1567121610500, 1), (3, 'g3', x'61', NULL, NULL, NULL);",
        );
        assert_eq!(
            rows(&ARTIFACT, &database),
            json!([{"deleted": "2019-08-29T23:33:30.500000+00:00", "what": "page", "title": "", "page_id": 2, "guid": "g2",
                    "_line": "Firefox deleted the page  g2"}])
        );
        shake(&ARTIFACT, &database);
    }

    #[test]
    fn a_database_without_tombstones_has_none() {
        for tables in ["CREATE TABLE history (id INTEGER PRIMARY KEY, url);", "CREATE TABLE moz_places (id, url);"] {
            assert_eq!(rows_at(&ARTIFACT, "/x", &sqlite(tables)), (json!([]), vec![]));
        }
    }
}
