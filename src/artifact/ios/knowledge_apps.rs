use crate::artifact::knowledge::{FILES, columns, query, read};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.knowledge_apps",
    title: "Apps in the activity database",
    about: "Which app was used when and for what, as the system noted it for its suggestions; also apps that were removed since (little since iOS 16).",
    files: FILES,
    columns: &columns(Moment::Started),
    shows: Trace::Executed,
    line: "{stream} {app} {url}",
    parse: Parse::Database(|database, out| {
        let which = query!("o.ZSTREAMNAME GLOB '/app/*' AND o.ZSTREAMNAME NOT IN ('/app/webUsage', '/app/install')");
        read(database, which, out)
    }),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::knowledge::testing::database;
    use crate::artifact::testing::{json, rows, shake};

    #[test]
    fn use_of_apps_is_told_and_installations_are_not() {
        let database = database(
            "(1, '/app/inFocus', 'org.example.app', 5, 700000000, 700000060, NULL, NULL, NULL, NULL, NULL),
             (2, '/app/install', 'org.example.app', NULL, 700000000, NULL, NULL, NULL, NULL, NULL, NULL),
             (3, '/app/usage', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
        );
        assert_eq!(
            rows(&ARTIFACT, &database),
            json!([
                {"started": "2023-03-08T20:26:40.000000+00:00", "ended": "2023-03-08T20:27:40.000000+00:00",
                 "stream": "/app/inFocus", "app": "org.example.app", "number": 5, "remote": false,
                 "_line": "/app/inFocus org.example.app "},
                {"stream": "/app/usage", "remote": false, "_line": "/app/usage  "},
            ])
        );
        shake(&ARTIFACT, &database);
    }
}
