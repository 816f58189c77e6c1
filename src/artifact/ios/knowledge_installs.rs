use crate::artifact::knowledge::{FILES, columns, query, read};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.knowledge_installs",
    title: "Installations in the activity database",
    about: "When apps were installed, as the system noted it for its suggestions; also apps that were removed since (little since iOS 16).",
    files: FILES,
    columns: &columns(Moment::Installed),
    shows: Trace::Installed,
    line: "{app} installed",
    parse: Parse::Database(|database, out| read(database, query!("o.ZSTREAMNAME = '/app/install'"), out)),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::knowledge::testing::database;
    use crate::artifact::testing::{json, rows, shake};

    #[test]
    fn installations_are_told() {
        let database = database(
            "(1, '/app/install', 'org.example.app', NULL, 700000000, NULL, NULL, NULL, NULL, NULL, NULL),
             (2, '/app/inFocus', 'org.example.app', NULL, 700000000, NULL, NULL, NULL, NULL, NULL, NULL)",
        );
        assert_eq!(
            rows(&ARTIFACT, &database),
            json!([{"started": "2023-03-08T20:26:40.000000+00:00", "stream": "/app/install", "app": "org.example.app",
                    "remote": false, "_line": "org.example.app installed"}])
        );
        shake(&ARTIFACT, &database);
    }
}
