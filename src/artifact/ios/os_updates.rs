use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.os_updates",
    title: "Updates of iOS",
    about: "When iOS and its security responses were installed or taken back.",
    files: &["/private/var/containers/Data/System/*/history/installHistory.db"],
    columns: &[
        // Cocoa or Unix seconds; the value tells.
        time("updated", Epoch::Safari, Moment::Updated),
        text("operation"),
        text("name"),
        text("build"),
        text("id"),
    ],
    shows: Trace::Mentioned,
    line: "{operation} of {name} {build}",
    parse: Parse::Sqlite {
        table: "logs",
        queries: &["SELECT rowid, {date}, CASE {operationType} WHEN 303 THEN 'rollback' WHEN 304 THEN 'installation'
                           ELSE CAST({operationType} AS TEXT) END, {name}, {build}, {id} FROM logs ORDER BY rowid"],
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, shake, sqlite};

    #[test]
    fn updates_have_their_time_in_either_epoch() {
        let database = sqlite(
            "CREATE TABLE logs (date, id, operationType, name, build);
             INSERT INTO logs VALUES (588814410.5, 'U-1', 304, 'iOS 17.1', '21B74'), (1567121610.5, NULL, 303, NULL, NULL),
                 (NULL, 5, 7, x'69', NULL);",
        );
        assert_eq!(
            rows(&ARTIFACT, &database),
            json!([
                {"updated": "2019-08-29T23:33:30.500000+00:00", "operation": "installation", "name": "iOS 17.1", "build": "21B74",
                 "id": "U-1", "_line": "installation of iOS 17.1 21B74"},
                {"updated": "2019-08-29T23:33:30.500000+00:00", "operation": "rollback", "_line": "rollback of  "},
                {"operation": "7", "name": "i", "id": 5, "_line": "7 of i "},
            ])
        );
        shake(&ARTIFACT, &database);
    }
}
