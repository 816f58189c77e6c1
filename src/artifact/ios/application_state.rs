use plist::Value as Plist;

use crate::artifact::prelude::*;
use crate::artifact::property_list::{dictionaries, moment, moment_of, nested, text as text_of};
use crate::format::keyed;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.application_state",
    title: "State of apps on the home screen",
    about: "Apps the home screen knows, also removed ones: their folders, their snapshots and when they were removed.",
    files: &["/private/var/mobile/Library/FrontBoard/applicationState.db"],
    columns: &[
        time("removed", Epoch::Mac, Moment::Removed),
        time("snapshot_created", Epoch::Mac, Moment::Viewed),
        time("snapshot_used", Epoch::Mac, Moment::LastSeen),
        app_id("app"),
        path("bundle"),
        path("sandbox"),
        path("bundle_container"),
        text("snapshot"),
        text("key"),
    ],
    shows: Trace::Installed,
    line: "{app}: {key} {bundle}",
    parse: Parse::Database(read),
};

/// Keys that say something about the app; the rest is what it looks like.
const KEYS: &str = "('compatibilityInfo', 'XBApplicationSnapshotManifest', '_UninstallDate')";
/// Snapshots of one app; real ones have some dozens.
const SNAPSHOTS_MOST: usize = 1_000;

fn read(database: &Database<'_>, out: &mut Out<'_>) -> Result<()> {
    // An app that none of the keys tells of is still an app that was there.
    let others = format!(
        "SELECT a.id, NULL, NULL, NULL, a.application_identifier, NULL, NULL, NULL, NULL, NULL
         FROM application_identifier_tab a
         WHERE a.id NOT IN (SELECT v.application_identifier FROM kvs v JOIN key_tab k ON k.id = v.key
                            WHERE k.key IN {KEYS} AND v.application_identifier IS NOT NULL) ORDER BY a.id"
    );
    let known = format!(
        "SELECT v.rowid, a.application_identifier, k.key, v.value
         FROM kvs v JOIN key_tab k ON k.id = v.key LEFT JOIN application_identifier_tab a ON a.id = v.application_identifier
         WHERE k.key IN {KEYS} ORDER BY v.rowid"
    );
    database.prepare(&[&known])?.for_each(&mut |row| {
        let place = Place::row("kvs", row.value(0).as_int().unwrap_or_default());
        if let Err(error) = entry(row, &place, out) {
            out.warn(Some(place), format!("{error:#}"));
        }
        Ok(())
    })?;
    read_tables(database, &[("application_identifier_tab", &[&others])], out)
}

fn entry(row: &Row<'_>, place: &Place, out: &mut Out<'_>) -> Result<()> {
    const NULL: Value<'static> = Value::Null;
    let (app, key) = (row.value(1), row.value(2));
    let value = row.value(3);
    let decoded = match &value {
        Value::Bytes(bytes) => unwrapped(bytes),
        _ => Ok(None),
    };
    let name = key.as_text().unwrap_or_default().to_owned();
    let found = decoded.as_ref().ok().and_then(Option::as_ref);
    let mut pushed = false;
    match (name.as_str(), found) {
        ("_UninstallDate", Some(date)) => {
            out.push(place.clone(), [moment_of(date), NULL, NULL, app, NULL, NULL, NULL, NULL, key]);
            pushed = true;
        }
        ("compatibilityInfo", Some(Plist::Dictionary(facts))) => {
            let of = |name| text_of(facts, name);
            let [bundle, sandbox, container] = [of("bundlePath"), of("sandboxPath"), of("bundleContainerPath")];
            // The two names of an app are the same wherever they were seen.
            let app = if app.is_null() { of("bundleIdentifier") } else { app };
            out.push(place.clone(), [NULL, NULL, NULL, app, bundle, sandbox, container, NULL, key]);
            pushed = true;
        }
        (_, Some(manifest)) => {
            let mut snapshots = 0;
            dictionaries(manifest, &mut |_, facts| {
                let times = [moment(facts, "creationDate"), moment(facts, "lastUsedDate")];
                if times.iter().all(Value::is_null) || snapshots >= SNAPSHOTS_MOST {
                    return;
                }
                snapshots += 1;
                let [created, used] = times;
                let snapshot = text_of(facts, "identifier");
                let values = [NULL, created, used, app.clone(), NULL, NULL, NULL, snapshot, key.clone()];
                out.push(place.clone(), values);
            });
            pushed = snapshots > 0;
            if snapshots >= SNAPSHOTS_MOST {
                out.warn(Some(place.clone()), "more snapshots than are listed");
            }
        }
        (_, None) => {}
    }
    if !pushed {
        out.push(place.clone(), [NULL, NULL, NULL, row.value(1), NULL, NULL, NULL, NULL, row.value(2)]);
    }
    decoded.map(|_| ()).with_context(|| name)
}

/// A property list whose only content is the bytes of another, which is an archive.
fn unwrapped(bytes: &[u8]) -> Result<Option<Plist>> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let mut list = nested(bytes)?;
    // Twice as they are written; once more costs nothing.
    for _ in 0..3 {
        match &list {
            Plist::Data(inner) => list = nested(inner)?,
            other if keyed::is_archive(other) => list = keyed::unarchive(other)?,
            _ => break,
        }
    }
    Ok(Some(list))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows_at, shake, sqlite};
    use crate::record::hex;

    fn binary(list: &Plist) -> Vec<u8> {
        let mut bytes = Vec::new();
        list.to_writer_binary(&mut bytes).unwrap();
        bytes
    }

    fn uid(index: u64) -> Plist {
        Plist::Uid(plist::Uid::new(index))
    }

    fn fields(pairs: Vec<(&str, Plist)>) -> Plist {
        Plist::Dictionary(pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    }

    /// An archive in a property list, as the home screen writes it.
    fn wrapped(objects: Vec<Plist>) -> String {
        let objects = [vec![Plist::String("$null".into())], objects].concat();
        let archive = fields(vec![
            ("$archiver", Plist::String("NSKeyedArchiver".into())),
            ("$top", fields(vec![("root", uid(1))])),
            ("$objects", Plist::Array(objects)),
        ]);
        hex(&binary(&Plist::Data(binary(&archive))))
    }

    #[test]
    fn folders_snapshots_and_removed_apps_are_told() {
        let text = |text: &str| Plist::String(text.into());
        let time = |seconds: f64| fields(vec![("NS.time", Plist::Real(seconds))]);
        let info = wrapped(vec![fields(vec![
            ("bundleIdentifier", text("com.example.a")),
            ("bundlePath", text("/private/var/containers/Bundle/Application/U/A.app")),
            ("sandboxPath", text("/private/var/mobile/Containers/Data/Application/V")),
            ("bundleContainerPath", text("/private/var/containers/Bundle/Application/U")),
        ])]);
        let snapshots = wrapped(vec![
            fields(vec![("groups", uid(2))]),
            fields(vec![("NS.objects", Plist::Array(vec![uid(3), uid(5)]))]),
            fields(vec![("identifier", text("S-1")), ("creationDate", uid(4)), ("lastUsedDate", uid(4))]),
            time(588_814_410.5),
            fields(vec![("identifier", text("no times"))]),
        ]);
        let removed = hex(&binary(&keyed::parse(b"<plist><date>2024-01-02T03:04:05Z</date></plist>").unwrap()));
        let database = sqlite(&format!(
            "CREATE TABLE application_identifier_tab (id INTEGER PRIMARY KEY, application_identifier TEXT);
             CREATE TABLE key_tab (id INTEGER PRIMARY KEY, key TEXT);
             CREATE TABLE kvs (id INTEGER PRIMARY KEY, application_identifier INTEGER, key INTEGER, value BLOB);
             INSERT INTO application_identifier_tab VALUES (1, 'com.example.a'), (2, 'com.example.b'), (3, 'com.example.c');
             INSERT INTO key_tab VALUES (1, 'compatibilityInfo'), (2, 'XBApplicationSnapshotManifest'), (3, '_UninstallDate'), (4, 'x');
             INSERT INTO kvs VALUES (1, 1, 1, x'{info}'), (2, 1, 2, x'{snapshots}'), (3, 2, 3, x'{removed}'), (4, 3, 4, x'00'),
                 (5, 2, 1, x'00'), (6, NULL, 1, NULL);"
        ));
        let (records, warnings) = rows_at(&ARTIFACT, "/x", &database);
        assert_eq!(
            records,
            json!([
                {"app": "com.example.a", "bundle": "/private/var/containers/Bundle/Application/U/A.app",
                 "sandbox": "/private/var/mobile/Containers/Data/Application/V",
                 "bundle_container": "/private/var/containers/Bundle/Application/U", "key": "compatibilityInfo",
                 "_line": "com.example.a: compatibilityInfo /private/var/containers/Bundle/Application/U/A.app"},
                {"snapshot_created": "2019-08-29T23:33:30.500000+00:00", "snapshot_used": "2019-08-29T23:33:30.500000+00:00",
                 "app": "com.example.a", "snapshot": "S-1", "key": "XBApplicationSnapshotManifest",
                 "_line": "com.example.a: XBApplicationSnapshotManifest "},
                {"removed": "2024-01-02T03:04:05.000000+00:00", "app": "com.example.b", "key": "_UninstallDate",
                 "_line": "com.example.b: _UninstallDate "},
                {"app": "com.example.b", "key": "compatibilityInfo", "_line": "com.example.b: compatibilityInfo "},
                {"key": "compatibilityInfo", "_line": ": compatibilityInfo "},
                {"app": "com.example.c", "_line": "com.example.c:  "},
            ])
        );
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        shake(&ARTIFACT, &database);
    }
}
