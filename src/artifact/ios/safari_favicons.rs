use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.safari_favicons",
    title: "Safari's site icons",
    about: "Pages whose icons Safari kept or refused; they stay after the history was cleared.",
    files: &[
        "/private/var/mobile/Library/Image Cache/Favicons/Favicons.db",
        "/private/var/mobile/Library/Safari/Favicon Cache/favicons.db",
        "/private/var/mobile/Containers/*/*/*/Library/Image Cache/Favicons/Favicons.db",
        "/private/var/mobile/Containers/*/*/*/Library/Safari/Favicon Cache/favicons.db",
    ],
    columns: &[time("stored", Epoch::Mac, Moment::Visited), url("url"), url("icon_url"), text("kind"), text("uuid")],
    shows: Trace::Visited,
    line: "icon {icon_url} of {url} ({kind})",
    parse: Parse::Database(|database, out| {
        read_tables(
            database,
            &[
                (
                    "page_url",
                    &[
                        "SELECT p.rowid, {i.timestamp}, p.url, {i.url}, 'valid', p.uuid
                         FROM page_url p LEFT JOIN icon_info i ON i.uuid = p.uuid ORDER BY p.rowid",
                        "SELECT rowid, NULL, url, NULL, 'valid', {uuid} FROM page_url ORDER BY rowid",
                    ],
                ),
                (
                    "icon_info",
                    &["SELECT i.rowid, {i.timestamp}, NULL, i.url, 'without page', {i.uuid} FROM icon_info i
                       WHERE i.uuid NOT IN (SELECT uuid FROM page_url WHERE uuid IS NOT NULL) ORDER BY i.rowid"],
                ),
                (
                    "rejected_resources",
                    &["SELECT rowid, {timestamp}, {page_url}, {icon_url}, 'rejected', NULL FROM rejected_resources ORDER BY rowid"],
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

    const PAGES: &str = "CREATE TABLE page_url (url TEXT NOT NULL PRIMARY KEY, uuid TEXT);
        CREATE TABLE icon_info (uuid TEXT PRIMARY KEY, url TEXT, timestamp REAL);
        INSERT INTO page_url VALUES ('https://a.example/', 'U-1'), ('https://b.example/', 'U-9');
        INSERT INTO icon_info VALUES ('U-1', 'https://a.example/i.png', 588814410.25), ('U-2', 'https://c.example/i.png', NULL);";

    #[test]
    fn kept_refused_and_single_icons_are_told() {
        let database = sqlite(&format!(
            "{PAGES} CREATE TABLE rejected_resources (page_url TEXT, icon_url TEXT, timestamp REAL);
             INSERT INTO rejected_resources VALUES ('https://d.example/', 'https://d.example/i.png', 588814410.25);"
        ));
        let at = "2019-08-29T23:33:30.250000+00:00";
        assert_eq!(
            rows(&ARTIFACT, &database),
            json!([
                {"stored": at, "url": "https://a.example/", "icon_url": "https://a.example/i.png", "kind": "valid", "uuid": "U-1",
                 "_line": "icon https://a.example/i.png of https://a.example/ (valid)"},
                {"url": "https://b.example/", "kind": "valid", "uuid": "U-9", "_line": "icon  of https://b.example/ (valid)"},
                {"icon_url": "https://c.example/i.png", "kind": "without page", "uuid": "U-2",
                 "_line": "icon https://c.example/i.png of  (without page)"},
                {"stored": at, "url": "https://d.example/", "icon_url": "https://d.example/i.png", "kind": "rejected",
                 "_line": "icon https://d.example/i.png of https://d.example/ (rejected)"},
            ])
        );
        shake(&ARTIFACT, &database);
    }

    #[test]
    fn a_missing_table_keeps_the_others_from_nothing() {
        let (records, warnings) = rows_at(&ARTIFACT, "/x", &sqlite(PAGES));
        assert_eq!((records.as_array().map(Vec::len), warnings.len()), (Some(3), 1));
    }
}
