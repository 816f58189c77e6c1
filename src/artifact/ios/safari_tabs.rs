use std::io::Read as _;

use crate::artifact::prelude::*;
use crate::format::keyed;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.safari_tabs",
    title: "Safari tabs and their back lists",
    about: "Tabs that were open in Safari, with the pages each had gone through (up to iOS 15, later a leftover).",
    files: &[
        "/private/var/mobile/Library/Safari/BrowserState.db",
        "/private/var/mobile/Library/Safari/Profiles/*/BrowserState.db",
        "/private/var/mobile/Containers/*/*/*/Library/Safari/BrowserState.db",
        "/private/var/mobile/Containers/*/*/*/Library/Safari/Profiles/*/BrowserState.db",
    ],
    columns: &[
        time("last_viewed", Epoch::Safari, Moment::Viewed),
        text("title"),
        url("url"),
        url("visible_url"),
        boolean("private"),
        boolean("opened_from_link"),
        // The back list, in its order.
        url("entry_urls"),
        url("entry_original_urls"),
        text("entry_titles"),
        int("entry_data_bytes"),
        text("uuid"),
    ],
    shows: Trace::Visited,
    line: "Safari tab {title} {url}",
    parse: Parse::Rows {
        table: "tabs",
        queries: &[
            // iOS 12 and later. A session without its tab is of a closed one.
            "SELECT t.rowid, 'tabs', {t.last_viewed_time}, t.title, t.url, {t.user_visible_url},
                    {t.private_browsing}, {t.opened_from_link}, t.uuid, s.session_data
             FROM tabs t LEFT JOIN tab_sessions s ON s.tab_uuid = t.uuid
             UNION ALL
             SELECT s.rowid, NULL, NULL, NULL, NULL, NULL, NULL, NULL, s.tab_uuid, s.session_data
             FROM tab_sessions s LEFT JOIN tabs t ON t.uuid = s.tab_uuid WHERE t.rowid IS NULL",
            "SELECT rowid, 'tabs', {last_viewed_time}, title, url, {user_visible_url}, {private_browsing},
                    {opened_from_link}, {uuid}, {session_data}
             FROM tabs ORDER BY rowid",
        ],
        row,
    },
};

fn row(row: &Row<'_>, out: &mut Out<'_>) -> Result<()> {
    let table = if row.value(1).is_null() { "tab_sessions" } else { "tabs" };
    let place = Place::row(table, row.value(0).as_int().unwrap_or_default());
    let session = row.value(9);
    let mut entries = Entries::default();
    if let Value::Bytes(bytes) = &session
        && !bytes.is_empty()
    {
        match unpacked(bytes) {
            Ok(plist) => entries.collect(&plist),
            Err(error) => out.warn(Some(place.clone()), format!("the tab's session cannot be read: {error:#}")),
        }
        if entries.cut {
            out.warn(Some(place.clone()), format!("only the first {ENTRIES_KEPT} pages of a tab are kept"));
        }
    }
    let list = |items: Vec<Value<'static>>| if items.is_empty() { Value::Null } else { Value::List(items) };
    out.push(
        place,
        [
            row.value(2),
            row.value(3),
            row.value(4),
            row.value(5),
            row.value(6),
            row.value(7),
            list(entries.urls),
            list(entries.original_urls),
            list(entries.titles),
            list(entries.data_bytes),
            row.value(8),
        ],
    );
    Ok(())
}

/// Pages of one tab; Safari itself keeps a few hundred at most.
const ENTRIES_KEPT: usize = 10_000;
/// A session unpacks to some kilobytes.
const LONGEST_SESSION_BYTES: u64 = 32 << 20;

/// The back list of a tab.
#[derive(Default)]
struct Entries {
    urls: Vec<Value<'static>>,
    original_urls: Vec<Value<'static>>,
    titles: Vec<Value<'static>>,
    data_bytes: Vec<Value<'static>>,
    cut: bool,
}

impl Entries {
    fn collect(&mut self, session: &plist::Value) {
        let list = session
            .as_dictionary()
            .and_then(|session| session.get("SessionHistory")?.as_dictionary()?.get("SessionHistoryEntries"));
        let list = list.and_then(plist::Value::as_array).map_or(&[][..], Vec::as_slice);
        self.cut = list.len() > ENTRIES_KEPT;
        for entry in list.iter().take(ENTRIES_KEPT).filter_map(plist::Value::as_dictionary) {
            let text = |key: &str| {
                entry.get(key).and_then(plist::Value::as_string).map(|text| Value::from(text.to_owned()))
            };
            self.urls.extend(text("SessionHistoryEntryURL"));
            self.original_urls.extend(text("SessionHistoryEntryOriginalURL"));
            self.titles.extend(text("SessionHistoryEntryTitle"));
            let data = entry.get("SessionHistoryEntryData").and_then(plist::Value::as_data);
            self.data_bytes.extend(data.map(|data| Value::Int(data.len() as i64)));
        }
    }
}

/// The property list in `session_data`: behind four bytes of header as a rule, sometimes compressed.
fn unpacked(bytes: &[u8]) -> Result<plist::Value> {
    if let Some(list) = property_list(bytes) {
        return keyed::parse(list);
    }
    for packed in [Some(bytes), bytes.get(4..)].into_iter().flatten() {
        let mut plain = Vec::new();
        let inflated = flate2::read::ZlibDecoder::new(packed).take(LONGEST_SESSION_BYTES).read_to_end(&mut plain);
        if inflated.is_ok()
            && let Some(list) = property_list(&plain)
        {
            return keyed::parse(list);
        }
    }
    anyhow::bail!("no property list in {} bytes", bytes.len())
}

fn property_list(bytes: &[u8]) -> Option<&[u8]> {
    [Some(bytes), bytes.get(4..)].into_iter().flatten().find(|bytes| bytes.starts_with(b"bplist"))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::artifact::testing::{json, rows, rows_at, shake, sqlite};
    use crate::record::hex;

    const SESSION: &str = "<plist><dict><key>SessionHistory</key><dict><key>SessionHistoryEntries</key><array>
        <dict><key>SessionHistoryEntryURL</key><string>https://b.example/</string>
              <key>SessionHistoryEntryOriginalURL</key><string>http://a.example/</string>
              <key>SessionHistoryEntryTitle</key><string>B</string>
              <key>SessionHistoryEntryData</key><data>AAAA</data></dict>
        <string>odd</string><dict/></array></dict></dict></plist>";

    fn session() -> Vec<u8> {
        let value = plist::Value::from_reader_xml(SESSION.as_bytes()).unwrap();
        let mut bytes = vec![0, 0, 0, 2];
        value.to_writer_binary(&mut bytes).unwrap();
        bytes
    }

    fn compressed() -> Vec<u8> {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(&session()).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn tabs_come_with_their_sessions_and_neither_is_lost() {
        let database = sqlite(&format!(
            "CREATE TABLE tabs (uuid TEXT, title TEXT, url TEXT, user_visible_url TEXT, last_viewed_time REAL,
                                opened_from_link INT, private_browsing INT);
             CREATE TABLE tab_sessions (tab_uuid TEXT, session_data BLOB);
             INSERT INTO tabs VALUES ('U1', 'B', 'https://b.example/', 'b.example', 588814410.5, 1, 1),
                                     ('U2', NULL, 'https://c.example/', NULL, 0, NULL, 0);
             INSERT INTO tab_sessions VALUES ('U1', x'{}'), ('U9', x'{}');",
            hex(&session()),
            hex(&compressed()),
        ));
        assert_eq!(
            rows(&ARTIFACT, &database),
            json!([
                {"last_viewed": "2019-08-29T23:33:30.500000+00:00", "title": "B", "url": "https://b.example/",
                 "visible_url": "b.example", "private": true, "opened_from_link": true,
                 "entry_urls": ["https://b.example/"], "entry_original_urls": ["http://a.example/"],
                 "entry_titles": ["B"], "entry_data_bytes": [3], "uuid": "U1",
                 "_line": "Safari tab B https://b.example/"},
                {"url": "https://c.example/", "private": false, "uuid": "U2",
                 "_line": "Safari tab  https://c.example/"},
                {"entry_urls": ["https://b.example/"], "entry_original_urls": ["http://a.example/"],
                 "entry_titles": ["B"], "entry_data_bytes": [3], "uuid": "U9", "_line": "Safari tab  "},
            ])
        );
        shake(&ARTIFACT, &database);
    }

    #[test]
    fn before_ios_12_the_session_lies_in_the_tab() {
        let database = sqlite(&format!(
            "CREATE TABLE tabs (uuid TEXT, title TEXT, url TEXT, session_data BLOB);
             INSERT INTO tabs VALUES ('U1', 'B', 'https://b.example/', x'{}'), ('U2', 'C', 'https://c.example/', x'00');",
            hex(&session()),
        ));
        let (rows, warnings) = rows_at(&ARTIFACT, "/private/var/mobile/Library/Safari/BrowserState.db", &database);
        assert_eq!(rows[0]["entry_urls"], json!(["https://b.example/"]));
        assert_eq!(rows[1]["url"], "https://c.example/");
        assert_eq!(warnings, ["the tab's session cannot be read: no property list in 1 bytes"]);
        shake(&ARTIFACT, &database);
    }

    #[test]
    fn broken_sessions_are_refused_without_panic() {
        for whole in [session(), compressed()] {
            for cut in 0..whole.len() {
                let _ = unpacked(&whole[..cut]);
            }
        }
    }
}
