use std::borrow::Cow;

use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.app_installs",
    title: "App Store installations and downloads",
    about: "What the App Store's own databases know of apps bought, updated and downloaded, with the addresses they came from.",
    files: &[
        "/sysdiagnose/logs/appinstallation/*.sqlitedb",
        "/sysdiagnose/logs/itunesstored/*.sqlitedb",
        "/private/var/mobile/**/appstored.sqlitedb",
        "/private/var/mobile/**/AppUpdates.sqlitedb",
        "/private/var/mobile/Library/com.apple.itunesstored/downloads.*.sqlitedb",
    ],
    columns: &[
        time("logged", Epoch::Unix, Moment::Installed),
        time("installed", Epoch::Mac, Moment::Installed),
        app_id("bundle_id"),
        text("title"),
        text("version"),
        int("item_id"),
        app_id("client"),
        email("account"),
        url("url"),
        text("table"),
    ],
    shows: Trace::Installed,
    line: "app {bundle_id} ({title}) for {client} from {url}, {table}",
    parse: Parse::Database(|database, out| read_telling_tables(database, &TELLING, out, read)),
};

/// Table and column names change with nearly every version: any table with one of these is about apps.
const TELLING: [&str; 4] = ["bundle_id", "url", "store_account_name", "client_id"];

fn read(database: &Database<'_>, table: &str, out: &mut Out<'_>) -> Result<()> {
    let query = format!(
        "SELECT t.rowid, {{t.timestamp}}, {{t.install_date}}, {{t.bundle_id}}, coalesce({{t.title}}, {{t.bundle_name}}),
                coalesce({{t.bundle_short_version}}, {{t.bundle_version}}), {{t.item_id}}, {{t.client_id}},
                {{t.store_account_name}}, {{t.url}}, {{t.sinfs_data}}
         FROM \"{}\" AS t ORDER BY t.rowid",
        table.replace('"', "\"\"")
    );
    database.prepare(&[&query])?.for_each(&mut |row| {
        let place = Place::Row {
            table: Cow::Owned(table.to_owned()),
            row: row.value(0).as_int().unwrap_or_default(),
        };
        let [logged, installed, bundle_id, title, version, item, client, account, url, licence] =
            std::array::from_fn(|index| row.value(index + 1));
        let account = if account.is_null() { licensee(&licence).into() } else { account };
        let table = table.into();
        out.push(place, [logged, installed, bundle_id, title, version, item, client, account, url, table]);
        Ok(())
    })?;
    Ok(())
}

/// The account that an app was bought by: a property list holds the licence, and in it stands `name` before the account.
fn licensee(licence: &Value<'_>) -> Option<String> {
    let Value::Bytes(bytes) = licence else { return None };
    let list = crate::format::keyed::parse(bytes).ok()?;
    let mut found = None;
    crate::artifact::property_list::members(&list, &mut |_, value| {
        let data = value.as_data().unwrap_or_default();
        for at in memchr::memmem::find_iter(data, b"name") {
            let rest = data.get(at + 4..).unwrap_or_default();
            let name = rest.split(|byte| *byte == 0).next().unwrap_or_default();
            let plain = (3..=256).contains(&name.len()) && name.iter().all(u8::is_ascii_graphic);
            if found.is_none() && plain && name.contains(&b'@') {
                found = Some(String::from_utf8_lossy(name).into_owned());
            }
        }
    });
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, shake, sqlite};

    #[test]
    fn whatever_table_names_an_app_or_address_is_read() {
        let database = sqlite(
            "CREATE TABLE app_updates (pid INTEGER PRIMARY KEY, bundle_id, install_date, timestamp, store_front);
             INSERT INTO app_updates VALUES (1, 'com.example.a', 588814410.5, 1567121610, 143441), (2, NULL, NULL, NULL, NULL);
             CREATE TABLE asset (pid INTEGER PRIMARY KEY, url); INSERT INTO asset VALUES (4, 'https://a.example/x.ipa');
             CREATE TABLE purchase (bundle_id, store_account_name); INSERT INTO purchase VALUES ('com.example.b', 'a@example.org');
             CREATE TABLE other (x); INSERT INTO other VALUES (1);",
        );
        assert_eq!(
            rows(&ARTIFACT, &database),
            json!([
                {"logged": "2019-08-29T23:33:30.000000+00:00", "installed": "2019-08-29T23:33:30.500000+00:00",
                 "bundle_id": "com.example.a", "table": "app_updates", "_line": "app com.example.a () for  from , app_updates"},
                {"table": "app_updates", "_line": "app  () for  from , app_updates"},
                {"url": "https://a.example/x.ipa", "table": "asset", "_line": "app  () for  from https://a.example/x.ipa, asset"},
                {"bundle_id": "com.example.b", "account": "a@example.org", "table": "purchase",
                 "_line": "app com.example.b () for  from , purchase"},
            ])
        );
        shake(&ARTIFACT, &database);
    }

    #[test]
    fn the_account_of_a_licence_is_read_and_others_are_none() {
        let licence = |data: &str| {
            let data = plist::Value::Data(data.as_bytes().to_vec());
            let list: plist::Dictionary = [("sinf".to_owned(), data)].into_iter().collect();
            let mut bytes = Vec::new();
            plist::Value::Array(vec![plist::Value::Dictionary(list)]).to_writer_xml(&mut bytes).unwrap();
            bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
        };
        let database = sqlite(&format!(
            "CREATE TABLE asset (pid INTEGER PRIMARY KEY, url, sinfs_data);
             INSERT INTO asset VALUES (1, 'https://a.example', x'{}'), (2, 'https://b.example', x'{}'), (3, NULL, x'00');",
            licence("\0name of\0\x01namea@example.org\0\0\0"),
            licence("nothing named here"),
        ));
        let records = rows(&ARTIFACT, &database);
        let accounts: Vec<_> = records.as_array().unwrap().iter().map(|record| &record["account"]).collect();
        assert_eq!(json!(accounts), json!(["a@example.org", null, null]));
    }
}
