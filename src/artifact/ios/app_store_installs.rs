use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.app_store_installs",
    title: "Installations by the App Store's daemon",
    about: "Apps that the daemon installed or updated, for whom and from which address, those of management and beta tests too.",
    files: &["/private/var/containers/Data/System/*/Documents/Persistence/storeSystem.db"],
    columns: &[
        // Cocoa or Unix seconds; the value tells.
        time("started", Epoch::Safari, Moment::Started),
        time("installed", Epoch::Safari, Moment::Installed),
        app_id("bundle_id"),
        text("title"),
        text("vendor"),
        text("version"),
        int("item_id"),
        url("url"),
        url("manifest_url"),
        app_id("client"),
        email("account"),
        text("source"),
        text("table"),
    ],
    shows: Trace::Installed,
    line: "app {bundle_id} ({title}) {version} for {client} from {url}, {table}",
    parse: Parse::Database(|database, out| read_telling_tables(database, &TELLING, out, read)),
};

/// Tables change with the version: any with one of these is about apps.
const TELLING: [&str; 5] = ["bundle_id", "bundle_url", "package_url", "manifest_url", "client_id"];

fn read(database: &Database<'_>, table: &str, out: &mut Out<'_>) -> Result<()> {
    let query = format!(
        "SELECT t.rowid, {{t.timestamp}}, {{t.install_finished_timestamp}}, {{t.bundle_id}},
                coalesce({{t.bundle_name}}, {{t.item_name}}, {{t.title}}), coalesce({{t.vendor_name}}, {{t.artist_name}}),
                coalesce({{t.bundle_short_version}}, {{t.bundle_version}}, {{t.version}}), {{t.item_id}},
                coalesce({{t.bundle_url}}, {{t.package_url}}, {{t.url}}), {{t.manifest_url}}, {{t.client_id}},
                coalesce({{t.apple_id}}, {{t.account_identifier}}), {{t.source_type}}
         FROM \"{}\" AS t ORDER BY t.rowid",
        table.replace('"', "\"\"")
    );
    database.prepare(&[&query])?.for_each(&mut |row| {
        out.push_row(table.to_owned(), row, |values| values.push(table.into()));
        Ok(())
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, shake, sqlite};

    #[test]
    fn whatever_table_names_an_app_or_address_is_read() {
        let database = sqlite(
            "CREATE TABLE app_install (pid INTEGER PRIMARY KEY, timestamp, install_finished_timestamp, bundle_id, bundle_name,
                 vendor_name, bundle_version, bundle_url, manifest_url, item_id, client_id, apple_id, source_type);
             CREATE TABLE app_package (pid INTEGER PRIMARY KEY, package_url);
             CREATE TABLE mapi_app_update (bundle_id, timestamp); CREATE TABLE other (x);
             INSERT INTO app_install VALUES (1, 588814410.5, 1567121620.5, 'com.example.a', 'A', 'Example Ltd', '12',
                 'https://a.example/x.ipa', 'https://a.example/m.plist', 7, 'com.example.client', 'a@example.org', 'web');
             INSERT INTO app_package VALUES (4, 'https://b.example/y'); INSERT INTO other VALUES (1);
             INSERT INTO mapi_app_update VALUES ('com.example.c', NULL);",
        );
        assert_eq!(
            rows(&ARTIFACT, &database),
            json!([
                {"started": "2019-08-29T23:33:30.500000+00:00", "installed": "2019-08-29T23:33:40.500000+00:00",
                 "bundle_id": "com.example.a", "title": "A", "vendor": "Example Ltd", "version": "12", "item_id": 7,
                 "url": "https://a.example/x.ipa", "manifest_url": "https://a.example/m.plist", "client": "com.example.client",
                 "account": "a@example.org", "source": "web", "table": "app_install",
                 "_line": "app com.example.a (A) 12 for com.example.client from https://a.example/x.ipa, app_install"},
                {"url": "https://b.example/y", "table": "app_package", "_line": "app  ()  for  from https://b.example/y, app_package"},
                {"bundle_id": "com.example.c", "table": "mapi_app_update",
                 "_line": "app com.example.c ()  for  from , mapi_app_update"},
            ])
        );
        shake(&ARTIFACT, &database);
    }
}
