use std::collections::HashMap;

use crate::artifact::prelude::*;
use crate::format::keyed;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.safari_open_tabs",
    title: "Safari tabs and tab groups",
    about: "Open and recently closed tabs of Safari since iOS 15; tab groups may hold tabs of the account's other devices.",
    files: &[
        "/private/var/mobile/Library/Safari/SafariTabs.db",
        "/private/var/mobile/Library/Safari/Profiles/*/SafariTabs.db",
        "/private/var/mobile/Containers/*/*/*/Library/Safari/SafariTabs.db",
        "/private/var/mobile/Containers/*/*/*/Library/Safari/Profiles/*/SafariTabs.db",
    ],
    columns: &[
        time("last_visited", Epoch::Safari, Moment::Visited),
        time("last_viewed", Epoch::Safari, Moment::Viewed),
        time("closed", Epoch::Safari, Moment::Ended),
        time("modified", Epoch::Safari, Moment::Modified),
        text("title"),
        url("url"),
        boolean("private"),
        boolean("opened_from_link"),
        boolean("deleted"),
        int("type"),
        int("subtype"),
        int("parent"),
        text("uuid"),
    ],
    shows: Trace::Visited,
    line: "Safari tab {title} {url}",
    parse: Parse::Database(read),
};

/// Steps from a tab up to its group, window or the private area.
const DEEPEST: usize = 20;
/// Tabs and folders looked at for the private area.
const PARENTS_KEPT: usize = 1 << 20;

fn read(database: &Database<'_>, out: &mut Out<'_>) -> Result<()> {
    let folders = Folders::of(database, out)?;
    let query = "SELECT id, {parent}, title, url, {type}, {subtype}, {deleted}, {last_modified}, {date_closed},
                        {external_uuid}, {local_attributes}, {extra_attributes}
                 FROM bookmarks WHERE url <> '' ORDER BY id";
    database.prepare(&[query])?.for_each(&mut |row| {
        let place = Place::row("bookmarks", row.value(0).as_int().unwrap_or_default());
        let local = attributes(&row.value(10), &place, out);
        let extra = attributes(&row.value(11), &place, out);
        out.push(
            place,
            [
                attribute(&local, "LastVisitTime"),
                attribute(&extra, "DateLastViewed"),
                row.value(8),
                row.value(7),
                row.value(2),
                row.value(3),
                folders.is_private(row.value(1).as_int()).into(),
                attribute(&local, "OpenedFromLink"),
                row.value(6),
                row.value(4),
                row.value(5),
                row.value(1),
                row.value(9),
            ],
        );
        Ok(())
    })?;
    Ok(())
}

/// For each row its parent, and whether it is the folder of private tabs.
struct Folders(HashMap<i64, (Option<i64>, bool)>);

impl Folders {
    fn of(database: &Database<'_>, out: &mut Out<'_>) -> Result<Folders> {
        let mut folders = HashMap::new();
        let mut cut = false;
        database.prepare(&["SELECT id, {parent}, title FROM bookmarks"])?.for_each(&mut |row| {
            let private = matches!(row.value(2).as_text(), Some("Private" | "privatePinned"));
            match row.value(0).as_int() {
                Some(id) if folders.len() < PARENTS_KEPT => {
                    folders.insert(id, (row.value(1).as_int(), private));
                }
                _ => cut = true,
            }
            Ok(())
        })?;
        if cut {
            out.warn(None, "too many folders to tell every private tab");
        }
        Ok(Folders(folders))
    }

    fn is_private(&self, parent: Option<i64>) -> bool {
        let above = |id: &Option<i64>| id.and_then(|id| self.0.get(&id));
        std::iter::successors(above(&parent), |(parent, _)| above(parent))
            .take(DEEPEST)
            .any(|(_, private)| *private)
    }
}

fn attributes(value: &Value<'_>, place: &Place, out: &mut Out<'_>) -> plist::Dictionary {
    let Value::Bytes(bytes) = value else { return plist::Dictionary::new() };
    if bytes.is_empty() {
        return plist::Dictionary::new();
    }
    match keyed::parse(bytes).map(plist::Value::into_dictionary) {
        Ok(Some(attributes)) => attributes,
        Ok(None) => {
            out.warn(Some(place.clone()), "the tab's attributes are no dictionary");
            plist::Dictionary::new()
        }
        Err(error) => {
            out.warn(Some(place.clone()), format!("the tab's attributes cannot be read: {error:#}"));
            plist::Dictionary::new()
        }
    }
}

fn attribute(attributes: &plist::Dictionary, key: &str) -> Value<'static> {
    match attributes.get(key) {
        Some(plist::Value::Real(real)) => Value::Real(*real),
        Some(plist::Value::Integer(int)) => int.as_signed().into(),
        Some(plist::Value::Boolean(flag)) => Value::Bool(*flag),
        Some(plist::Value::Date(date)) => crate::time::from_plist(*date).into(),
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, rows_at, shake, sqlite};
    use crate::record::hex;

    fn bplist(xml: &str) -> String {
        let value = plist::Value::from_reader_xml(xml.as_bytes()).unwrap();
        let mut bytes = Vec::new();
        value.to_writer_binary(&mut bytes).unwrap();
        hex(&bytes)
    }

    const TABLE: &str =
        "CREATE TABLE bookmarks (id INTEGER PRIMARY KEY, parent INT, type INT, subtype INT, title TEXT, url TEXT,
            deleted INT, last_modified REAL, date_closed REAL, external_uuid TEXT, extra_attributes BLOB,
            local_attributes BLOB);";

    #[test]
    fn tabs_know_their_times_and_whether_they_are_private() {
        let local = bplist(
            "<plist><dict><key>LastVisitTime</key><real>588814410.5</real><key>OpenedFromLink</key><true/></dict></plist>",
        );
        let extra =
            bplist("<plist><dict><key>DateLastViewed</key><date>2024-01-02T03:04:05Z</date></dict></plist>");
        let database = sqlite(&format!(
            "{TABLE}
             INSERT INTO bookmarks VALUES (1, NULL, 1, 0, 'Private', NULL, 0, 0, 0, '', NULL, NULL),
                 (2, 1, 1, 0, 'group', '', 0, 0, 0, '', NULL, NULL),
                 (3, 2, 0, 0, 'A', 'https://a.example/', 0, 588814400, 1763900000, 'U3', x'{extra}', x'{local}'),
                 (4, NULL, 0, 0, 'Private', 'https://b.example/', 1, NULL, NULL, NULL, x'00', x'');"
        ));
        let (rows, warnings) = rows_at(&ARTIFACT, "/private/var/mobile/Library/Safari/SafariTabs.db", &database);
        assert_eq!(
            rows,
            json!([
                {"last_visited": "2019-08-29T23:33:30.500000+00:00", "last_viewed": "2024-01-02T03:04:05.000000+00:00",
                 "closed": "2025-11-23T12:13:20.000000+00:00", "modified": "2019-08-29T23:33:20.000000+00:00",
                 "title": "A", "url": "https://a.example/", "private": true, "opened_from_link": true,
                 "deleted": false, "type": 0, "subtype": 0, "parent": 2, "uuid": "U3",
                 "_line": "Safari tab A https://a.example/"},
                {"title": "Private", "url": "https://b.example/", "private": false, "deleted": true, "type": 0,
                 "subtype": 0, "_line": "Safari tab Private https://b.example/"},
            ])
        );
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        shake(&ARTIFACT, &database);
    }

    #[test]
    fn a_folder_inside_itself_ends() {
        let database = sqlite(&format!(
            "{TABLE} INSERT INTO bookmarks (id, parent, title, url) VALUES (1, 2, 'a', NULL), (2, 1, 'b', 'https://a.example');"
        ));
        assert_eq!(rows(&ARTIFACT, &database)[0]["private"], false);
    }
}
