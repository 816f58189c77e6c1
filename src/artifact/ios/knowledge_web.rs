use crate::artifact::knowledge::{FILES, columns, query, read};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.knowledge_web",
    title: "Pages in the activity database",
    about: "Pages that were opened in Safari and in apps, as the system noted it for its suggestions and for Screen Time (little since iOS 16).",
    files: FILES,
    columns: &columns(Moment::Visited),
    shows: Trace::Visited,
    line: "visit to {url} {host} {app}",
    parse: Parse::Database(|database, out| {
        read(database, query!("o.ZSTREAMNAME IN ('/safari/history', '/app/webUsage')"), out)
    }),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::knowledge::testing::database;
    use crate::artifact::testing::{json, rows, rows_at, shake, sqlite};

    #[test]
    fn pages_of_safari_and_of_apps_are_told_with_their_source() {
        let database = database(
            "(1, '/safari/history', 'https://b.example/', 5, 700000000, 700000060.5, 700000061, 7200, 2, 1, 'U-1'),
             (2, '/app/webUsage', 'org.example.browser', NULL, 700000000, NULL, NULL, NULL, 1, 2, NULL),
             (3, '/app/inFocus', 'org.example.app', NULL, 700000000, NULL, NULL, NULL, NULL, NULL, NULL),
             (4, '/safari/history', x'68747470733a2f2f632e6578616d706c652f', NULL, NULL, NULL, NULL, NULL, 99, 99, NULL)",
        );
        assert_eq!(
            rows(&ARTIFACT, &database),
            json!([
                {"started": "2023-03-08T20:26:40.000000+00:00", "ended": "2023-03-08T20:27:40.500000+00:00",
                 "added": "2023-03-08T20:27:41.000000+00:00", "stream": "/safari/history", "url": "https://b.example/",
                 "title": "Title", "number": 5, "utc_offset_s": 7200, "unique_id": "U-1",
                 "source_app": "org.example.source", "source_device": "D-1", "remote": true, "source_id": "S-1",
                 "other": {"Z_DKNOTIFICATIONUSAGEMETADATAKEY__BUNDLEID": "org.example.chat"},
                 "_line": "visit to https://b.example/  "},
                {"started": "2023-03-08T20:26:40.000000+00:00", "stream": "/app/webUsage", "app": "org.example.browser",
                 "url": "https://a.example/x", "host": "a.example", "remote": false,
                 "_line": "visit to https://a.example/x a.example org.example.browser"},
                {"stream": "/safari/history", "url": "https://c.example/", "remote": false,
                 "_line": "visit to https://c.example/  "},
            ])
        );
        shake(&ARTIFACT, &database);
    }

    #[test]
    fn tables_and_columns_that_a_version_lacks_are_null() {
        let database = sqlite(
            "CREATE TABLE ZOBJECT (Z_PK INTEGER PRIMARY KEY, ZSTREAMNAME, ZVALUESTRING, ZSTARTDATE);
             INSERT INTO ZOBJECT VALUES (1, '/safari/history', 'https://b.example/', '700000000.5');",
        );
        let (records, warnings) = rows_at(&ARTIFACT, "/x", &database);
        assert_eq!(
            records,
            json!([{"started": "2023-03-08T20:26:40.500000+00:00", "stream": "/safari/history",
                    "url": "https://b.example/", "remote": false, "_line": "visit to https://b.example/  "}])
        );
        assert!(warnings.is_empty(), "{warnings:?}");
    }
}
