use crate::artifact::knowledge::{FILES, columns, query, read};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.knowledge_other",
    title: "Other events in the activity database",
    about: "Notifications, locking, the display, media and sound routes, and streams that only some versions have (little since iOS 16).",
    files: FILES,
    columns: &columns(Moment::Started),
    shows: Trace::Logged,
    line: "{stream} {app} {value} {number}",
    parse: Parse::Database(|database, out| {
        let which = query!("(o.ZSTREAMNAME IS NULL OR o.ZSTREAMNAME NOT GLOB '/app/*' AND o.ZSTREAMNAME <> '/safari/history')");
        read(database, which, out)
    }),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::knowledge::testing::database;
    use crate::artifact::testing::{json, rows, shake};

    #[test]
    fn what_is_neither_an_app_nor_a_page_is_kept() {
        let database = database(
            "(1, '/device/isLocked', NULL, 1, 700000000, 700000060, NULL, NULL, NULL, NULL, NULL),
             (2, '/notification/usage', 'Receive', NULL, NULL, NULL, NULL, NULL, 2, NULL, NULL),
             (3, NULL, 'word https://a.example/', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
             (4, '/audio/inputRoute', 'MicrophoneBuiltIn', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
             (5, '/app/usage', 'org.example.app', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
        );
        assert_eq!(
            rows(&ARTIFACT, &database),
            json!([
                {"started": "2023-03-08T20:26:40.000000+00:00", "ended": "2023-03-08T20:27:40.000000+00:00",
                 "stream": "/device/isLocked", "number": 1, "remote": false, "_line": "/device/isLocked   1"},
                {"stream": "/notification/usage", "app": "Receive", "title": "Title", "remote": false,
                 "other": {"Z_DKNOTIFICATIONUSAGEMETADATAKEY__BUNDLEID": "org.example.chat"},
                 "_line": "/notification/usage Receive  "},
                {"value": "word https://a.example/", "remote": false, "_line": "  word https://a.example/ "},
                {"stream": "/audio/inputRoute", "value": "MicrophoneBuiltIn", "remote": false,
                 "_line": "/audio/inputRoute  MicrophoneBuiltIn "},
            ])
        );
        shake(&ARTIFACT, &database);
    }
}
