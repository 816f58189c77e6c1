use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.photo_sources",
    title: "Apps that added photos",
    about: "Which apps put pictures into the photo library, and how many; the pictures are not read.",
    files: &["/private/var/mobile/Media/PhotoData/Photos.sqlite"],
    columns: &[app_id("app"), text("role"), int("pictures")],
    shows: Trace::Installed,
    line: "{app} {role} {pictures} pictures",
    parse: Parse::Database(|database, out| {
        let tables = [
            ("ZADDITIONALASSETATTRIBUTES", IMPORTED),
            ("ZADDITIONALASSETATTRIBUTES", CREATED),
            ("ZGENERICASSET", CREATED_BEFORE),
            ("ZASSET", CREATED_LATER),
        ];
        let held = |table: &str, query: &str| {
            let columns = database.columns(table);
            columns.iter().any(|column| query.contains(&format!("t.{column} ")))
        };
        let present: Vec<(&'static str, &[&str])> = tables
            .iter()
            .filter(|(table, query)| held(table, query))
            .map(|(table, query)| (*table, std::slice::from_ref(query)))
            .collect();
        anyhow::ensure!(
            !present.is_empty() || database.tables().iter().any(|table| table == "ZADDITIONALASSETATTRIBUTES"),
            "is no photo library; its tables: {}",
            database.tables().join(", ")
        );
        read_tables(database, &present, out)
    }),
};

macro_rules! query {
    ($table:literal, $column:literal, $role:literal) => {
        concat!(
            "SELECT min(t.Z_PK), t.", $column, " AS app, '", $role, "', count(*) FROM ", $table, " t WHERE t.", $column,
            " <> '' GROUP BY app ORDER BY app"
        )
    };
}

const IMPORTED: &str = query!("ZADDITIONALASSETATTRIBUTES", "ZIMPORTEDBYBUNDLEIDENTIFIER", "imported");
const CREATED: &str = query!("ZADDITIONALASSETATTRIBUTES", "ZCREATORBUNDLEID", "created");
const CREATED_BEFORE: &str = query!("ZGENERICASSET", "ZCREATORBUNDLEID", "created");
const CREATED_LATER: &str = query!("ZASSET", "ZCREATORBUNDLEID", "created");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, rows_at, shake, sqlite};

    #[test]
    fn each_app_is_counted_once() {
        let database = sqlite(
            "CREATE TABLE ZADDITIONALASSETATTRIBUTES (Z_PK INTEGER PRIMARY KEY, ZIMPORTEDBYBUNDLEIDENTIFIER, ZCREATORBUNDLEID);
             INSERT INTO ZADDITIONALASSETATTRIBUTES VALUES (1, 'com.example.a', NULL), (2, 'com.example.a', 'com.example.b'), (3, '', NULL);",
        );
        assert_eq!(
            rows(&ARTIFACT, &database),
            json!([
                {"app": "com.example.a", "role": "imported", "pictures": 2, "_line": "com.example.a imported 2 pictures"},
                {"app": "com.example.b", "role": "created", "pictures": 1, "_line": "com.example.b created 1 pictures"},
            ])
        );
        shake(&ARTIFACT, &database);
    }

    #[test]
    fn a_library_without_such_columns_is_empty_and_another_schema_is_named() {
        let none = sqlite("CREATE TABLE ZADDITIONALASSETATTRIBUTES (Z_PK INTEGER PRIMARY KEY)");
        assert_eq!(rows_at(&ARTIFACT, "/x", &none), (json!([]), vec![]));
        assert!(rows_at(&ARTIFACT, "/x", &sqlite("CREATE TABLE b (c)")).1[0].contains("its tables: b"));
        let before = sqlite("CREATE TABLE ZGENERICASSET (Z_PK INTEGER PRIMARY KEY, ZCREATORBUNDLEID); INSERT INTO ZGENERICASSET VALUES (1, 'c');");
        assert_eq!(rows(&ARTIFACT, &before)[0]["app"], "c");
    }
}
