use plist::Dictionary;

use crate::artifact::prelude::*;
use crate::artifact::property_list::{member, moment, nested, text as text_of};

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.safari_bookmarks",
    title: "Safari bookmarks and reading list",
    about: "Pages that were kept, with who added those of the reading list; the account's other devices may have added them.",
    files: &[
        "/private/var/mobile/Library/Safari/Bookmarks.db",
        "/private/var/mobile/Library/Safari/Profiles/*/Bookmarks.db",
        "/private/var/mobile/Containers/*/*/*/Library/Safari/Bookmarks.db",
        "/private/var/mobile/Containers/*/*/*/Library/Safari/Profiles/*/Bookmarks.db",
    ],
    columns: &[
        time("added", Epoch::Safari, Moment::Created),
        time("modified", Epoch::Safari, Moment::Modified),
        time("viewed", Epoch::Safari, Moment::Viewed),
        text("title"),
        url("url"),
        boolean("reading_list"),
        app_id("added_by"),
        message("preview"),
        boolean("hidden"),
        boolean("deleted"),
        int("parent"),
        text("uuid"),
    ],
    shows: Trace::Mentioned,
    line: "Safari bookmark {title} {url}",
    parse: Parse::Rows {
        table: "bookmarks",
        queries: &["SELECT id, {last_modified}, {title}, url, {hidden}, {deleted}, {parent}, {external_uuid}, {extra_attributes}
                    FROM bookmarks WHERE url <> '' ORDER BY id"],
        row,
    },
};

fn row(row: &Row<'_>, out: &mut Out<'_>) -> Result<()> {
    let place = Place::row("bookmarks", row.value(0).as_int().unwrap_or_default());
    let attributes = match row.value(8) {
        Value::Bytes(bytes) if !bytes.is_empty() => match nested(&bytes) {
            Ok(list) => list.into_dictionary(),
            Err(error) => {
                out.warn(Some(place.clone()), format!("extra_attributes: {error:#}"));
                None
            }
        },
        _ => None,
    };
    let reading = attributes.as_ref().and_then(|attributes| {
        ["com.apple.ReadingList", "ReadingList"].iter().find_map(|key| member(attributes, key))
    });
    let nothing = Dictionary::new();
    let facts = reading.unwrap_or(&nothing);
    let [modified, title, url, hidden, deleted, parent, uuid] = std::array::from_fn(|index| row.value(index + 1));
    let values = [
        moment(facts, "DateAdded"),
        modified,
        moment(facts, "DateLastViewed"),
        title,
        url,
        reading.map(|_| true).into(),
        text_of(facts, "SourceBundleID"),
        text_of(facts, "PreviewText"),
        hidden,
        deleted,
        parent,
        uuid,
    ];
    out.push(place, values);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows_at, shake, sqlite};

    #[test]
    fn bookmarks_and_entries_of_the_reading_list() {
        let database = sqlite(
            "CREATE TABLE bookmarks (id INTEGER PRIMARY KEY, parent, title, url, hidden, deleted, external_uuid, last_modified,
                                     extra_attributes BLOB);
             INSERT INTO bookmarks VALUES (1, 0, 'Folder', '', 0, 0, NULL, NULL, NULL),
                 (2, 1, 'A', 'https://a.example/', 0, 0, 'U-2', 588814410.5, CAST('<plist><dict><key>com.apple.ReadingList</key><dict>
                  <key>DateAdded</key><date>2024-01-02T03:04:05Z</date><key>DateLastViewed</key><date>2024-01-03T03:04:05Z</date>
                  <key>PreviewText</key><string>Read</string>
                  <key>SourceBundleID</key><string>com.example.reader</string></dict></dict></plist>' AS BLOB)),
                 (3, NULL, NULL, 'https://b.example/', 1, 1, NULL, NULL, x'00');",
        );
        let (records, warnings) = rows_at(&ARTIFACT, "/x", &database);
        assert_eq!(
            records,
            json!([
                {"added": "2024-01-02T03:04:05.000000+00:00", "modified": "2019-08-29T23:33:30.500000+00:00",
                 "viewed": "2024-01-03T03:04:05.000000+00:00", "title": "A", "url": "https://a.example/", "reading_list": true,
                 "added_by": "com.example.reader", "preview": "Read", "hidden": false, "deleted": false, "parent": 1, "uuid": "U-2",
                 "_line": "Safari bookmark A https://a.example/"},
                {"url": "https://b.example/", "hidden": true, "deleted": true, "_line": "Safari bookmark  https://b.example/"},
            ])
        );
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        shake(&ARTIFACT, &database);
    }
}
