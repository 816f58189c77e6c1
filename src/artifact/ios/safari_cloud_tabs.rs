use crate::artifact::prelude::*;

macro_rules! query {
    ($device:literal, $join:literal) => {
        concat!(
            "SELECT t.rowid, ", $device, ", {t.title}, {t.url}, 1, {t.is_pinned}, {t.scene_id}, {t.device_uuid}, {t.tab_uuid}
             FROM cloud_tabs t ", $join, " ORDER BY t.rowid"
        )
    };
}

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.safari_cloud_tabs",
    title: "Safari tabs of other devices",
    about: "Pages open on the account's other devices when they last told this phone.",
    files: &[
        "/private/var/mobile/Library/Safari/CloudTabs.db",
        "/private/var/mobile/Library/Safari/Profiles/*/CloudTabs.db",
        "/private/var/mobile/Containers/*/*/*/Library/Safari/CloudTabs.db",
        "/private/var/mobile/Containers/*/*/*/Library/Safari/Profiles/*/CloudTabs.db",
    ],
    columns: &[
        time("device_updated", Epoch::Safari, Moment::LastSeen),
        text("device"),
        text("title"),
        url("url"),
        caveat("other_device", "the page was open on another device of the same account, or was synced from this one"),
        boolean("pinned"),
        text("window"),
        text("device_uuid"),
        text("tab_uuid"),
    ],
    shows: Trace::Visited,
    line: "Safari tab {title} {url} on {device}",
    parse: Parse::Sqlite {
        table: "cloud_tabs",
        queries: &[
            query!(
                "{d.last_modified}, {d.device_name}",
                "LEFT JOIN cloud_tab_devices d ON d.device_uuid = t.device_uuid"
            ),
            query!("NULL, NULL", ""),
        ],
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, shake, sqlite};

    #[test]
    fn a_tab_names_its_device() {
        let database = sqlite(
            "CREATE TABLE cloud_tab_devices (device_uuid TEXT PRIMARY KEY, device_name, last_modified);
             CREATE TABLE cloud_tabs (tab_uuid TEXT PRIMARY KEY, device_uuid, title, url, is_pinned, scene_id, system_fields);
             INSERT INTO cloud_tab_devices VALUES ('D-1', 'Example Mac', 588814410.5);
             INSERT INTO cloud_tabs VALUES ('T-1', 'D-1', 'A', 'https://a.example/', 0, 'S', x'00'),
                 ('T-2', NULL, NULL, x'68747470733a2f2f622e6578616d706c65', NULL, NULL, NULL);",
        );
        assert_eq!(
            rows(&ARTIFACT, &database),
            json!([
                {"device_updated": "2019-08-29T23:33:30.500000+00:00", "device": "Example Mac", "title": "A",
                 "url": "https://a.example/", "other_device": true, "pinned": false, "window": "S", "device_uuid": "D-1",
                 "tab_uuid": "T-1", "_line": "Safari tab A https://a.example/ on Example Mac"},
                {"url": "https://b.example", "other_device": true, "tab_uuid": "T-2", "_line": "Safari tab  https://b.example on "},
            ])
        );
        shake(&ARTIFACT, &database);
    }

    #[test]
    fn tabs_alone_are_enough() {
        let database = sqlite("CREATE TABLE cloud_tabs (url); INSERT INTO cloud_tabs VALUES ('https://a.example')");
        assert_eq!(rows(&ARTIFACT, &database)[0]["url"], "https://a.example");
    }
}
