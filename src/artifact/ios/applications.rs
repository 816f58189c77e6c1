use plist::Dictionary;

use crate::artifact::property_list::{dictionary, flag, member, nested, number, sha256, shown, text as text_of};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.applications",
    title: "Installed apps",
    about: "Apps with what the store wrote about them: who sold them, who installed them, when and for which account.",
    files: &["/backup/Info.plist", "/private/var/containers/Bundle/Application/*/iTunesMetadata.plist"],
    columns: &[
        app_id("bundle_id"),
        app_id("store_bundle_id"),
        text("name"),
        text("artist"),
        text("version"),
        text("bundle_version"),
        app_id("source_app"),
        time("purchased", Epoch::Unix, Moment::Installed),
        email("apple_id"),
        int("item_id"),
        text("kind"),
        text("genre"),
        text("released"),
        boolean("custom_business_app"),
        message("distributor"),
        text("icon_sha256"),
        boolean("has_metadata"),
        boolean("names_bundle_id"),
    ],
    shows: Trace::Installed,
    line: "app {name} ({bundle_id}) version {version} by {artist}, installed from {source_app}",
    parse: Parse::Plist(parse),
};

fn parse(list: &plist::Value, out: &mut Out<'_>) -> Result<()> {
    let list = dictionary(list)?;
    // A backup lists its apps in one file; in a dump each app has its own.
    let is_backup = ["Applications", "Installed Applications", "Target Identifier", "Product Version"]
        .iter()
        .any(|key| list.contains_key(key));
    if !is_backup {
        push(Place::key("iTunesMetadata"), None, Some(list), None, out);
        return Ok(());
    }
    for (bundle_id, app) in member(list, "Applications").into_iter().flatten() {
        let place = Place::key(format!("Applications/{bundle_id}"));
        let Some(app) = app.as_dictionary() else {
            out.warn(Some(place), "an app is not a dictionary");
            continue;
        };
        let metadata = match app.get("iTunesMetadata") {
            Some(plist::Value::Data(bytes)) => match nested(bytes) {
                Ok(metadata) => Some(metadata),
                Err(error) => {
                    out.warn(Some(place.clone()), format!("store metadata cannot be read: {error:#}"));
                    None
                }
            },
            other => other.cloned(),
        };
        let metadata = metadata.as_ref().and_then(plist::Value::as_dictionary);
        let icon = app.get("PlaceholderIcon").and_then(plist::Value::as_data);
        push(place, Some(bundle_id), metadata, icon, out);
    }
    Ok(())
}

fn push(
    place: Place,
    bundle_id: Option<&str>,
    metadata: Option<&Dictionary>,
    icon: Option<&[u8]>,
    out: &mut Out<'_>,
) {
    let nothing = Dictionary::new();
    let has_metadata = metadata.is_some();
    let metadata = metadata.unwrap_or(&nothing);
    let field = |key| text_of(metadata, key);
    let download = member(metadata, "com.apple.iTunesStore.downloadInfo").unwrap_or(&nothing);
    let account = member(download, "accountInfo").unwrap_or(&nothing);
    let purchased = purchase_time(download, &place, out);
    let name = match field("itemName") {
        Value::Null => field("title"),
        name => name,
    };
    let apple_id = match text_of(account, "AppleID") {
        Value::Null => field("apple-id"),
        apple_id => apple_id,
    };
    let named = field("softwareVersionBundleId");
    let names_bundle_id = !named.is_null();
    let (bundle_id, store_bundle_id) = match bundle_id {
        // Said twice it would match twice.
        Some(bundle_id) if named.as_text() == Some(bundle_id) => (named, Value::Null),
        Some(bundle_id) => (bundle_id.into(), named),
        None => (named, Value::Null),
    };
    out.push(
        place,
        [
            bundle_id,
            store_bundle_id,
            name,
            field("artistName"),
            field("bundleShortVersionString"),
            field("bundleVersion"),
            field("sourceApp"),
            purchased,
            apple_id,
            number(metadata, "itemId"),
            field("kind"),
            field("genre"),
            field("releaseDate"),
            flag(metadata, "is-b2b-custom-app"),
            metadata.get("distributorInfo").map(shown).into(),
            icon.map(sha256).into(),
            has_metadata.into(),
            names_bundle_id.into(),
        ],
    );
}

/// `2021-03-04T05:06:07Z`, which is UTC; some versions write a date.
fn purchase_time(download: &Dictionary, place: &Place, out: &mut Out<'_>) -> Value<'static> {
    match download.get("purchaseDate") {
        Some(plist::Value::String(text)) => {
            let time = text.parse::<jiff::Timestamp>().ok();
            if time.is_none() && !text.is_empty() {
                out.warn(Some(place.clone()), format!("purchase date `{}` is no time", text.get(..40).unwrap_or(text)));
            }
            time.into()
        }
        Some(plist::Value::Date(date)) => crate::time::from_plist(*date).into(),
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, rows_at, shake};

    const METADATA: &str = r#"<plist version="1.0"><dict>
        <key>softwareVersionBundleId</key><string>com.example.app</string>
        <key>itemName</key><string>App</string>
        <key>artistName</key><string>Example Ltd</string>
        <key>bundleShortVersionString</key><string>1.2</string>
        <key>sourceApp</key><string>com.apple.AppStore</string>
        <key>itemId</key><integer>5</integer>
        <key>com.apple.iTunesStore.downloadInfo</key><dict>
            <key>purchaseDate</key><string>2021-03-04T05:06:07Z</string>
            <key>accountInfo</key><dict><key>AppleID</key><string>a@b.example</string></dict>
        </dict>
    </dict></plist>"#;

    fn backup(apps: &[(&str, &[u8])]) -> Vec<u8> {
        let mut applications = Dictionary::new();
        for (bundle_id, metadata) in apps {
            let mut app = Dictionary::new();
            app.insert("PlaceholderIcon".into(), plist::Value::Data(vec![1, 2, 3]));
            if !metadata.is_empty() {
                app.insert("iTunesMetadata".into(), plist::Value::Data(metadata.to_vec()));
            }
            applications.insert((*bundle_id).into(), plist::Value::Dictionary(app));
        }
        let mut info = Dictionary::new();
        info.insert("Applications".into(), plist::Value::Dictionary(applications));
        let mut bytes = Vec::new();
        plist::Value::Dictionary(info).to_writer_xml(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn an_app_of_a_dump_has_its_own_file() {
        assert_eq!(
            rows(&ARTIFACT, METADATA.as_bytes()),
            json!([{
                "bundle_id": "com.example.app",
                "name": "App",
                "artist": "Example Ltd",
                "version": "1.2",
                "source_app": "com.apple.AppStore",
                "purchased": "2021-03-04T05:06:07.000000+00:00",
                "apple_id": "a@b.example",
                "item_id": 5,
                "has_metadata": true,
                "names_bundle_id": true,
                "_line": "app App (com.example.app) version 1.2 by Example Ltd, installed from com.apple.AppStore",
            }])
        );
        shake(&ARTIFACT, METADATA.as_bytes());
    }

    #[test]
    fn apps_of_a_backup_are_read_from_nested_lists_and_none_is_lost() {
        let info = backup(&[
            ("com.example.app", METADATA.as_bytes()),
            ("com.example.bare", b""),
            ("com.example.broken", b"bplist00"),
            ("com.example.other", METADATA.as_bytes()),
        ]);
        let (records, warnings) = rows_at(&ARTIFACT, "/backup/Info.plist", &info);
        assert_eq!(records[0]["bundle_id"], "com.example.app");
        assert_eq!(records[0]["store_bundle_id"], json!(null));
        assert_eq!(
            records[1],
            json!({
                "bundle_id": "com.example.bare",
                "icon_sha256": "039058c6f2c0cb492c533b0a4d14ef77cc0f78abccced5287d84a1a2011cfb81",
                "has_metadata": false,
                "names_bundle_id": false,
                "_line": "app  (com.example.bare) version  by , installed from ",
            })
        );
        assert_eq!(records[2]["bundle_id"], "com.example.broken");
        assert_eq!(records[3]["store_bundle_id"], "com.example.app");
        assert_eq!(warnings.len(), 1);
        assert!(warnings[0].starts_with("store metadata cannot be read"), "{warnings:?}");
        shake(&ARTIFACT, &info);
    }

    #[test]
    fn a_backup_without_apps_is_no_app() {
        let info = b"<plist><dict><key>Product Version</key><string>17.1</string></dict></plist>";
        assert_eq!(rows(&ARTIFACT, info), json!([]));
    }

    #[test]
    fn a_purchase_date_that_is_none_is_reported() {
        let metadata = METADATA.replace("2021-03-04T05:06:07Z", "soon");
        let (records, warnings) = rows_at(&ARTIFACT, "", metadata.as_bytes());
        assert_eq!(records[0]["purchased"], json!(null));
        assert_eq!(warnings, ["purchase date `soon` is no time"]);
    }
}
