use plist::Value as Plist;

use crate::artifact::prelude::*;
use crate::artifact::property_list::members;
use crate::format::keyed;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.cache_files",
    title: "Cached web requests",
    about: "What apps and system services loaded from the web, with the answers' headers; the path tells the program.",
    files: &[
        "/private/var/**/Cache.db",
        "/private/var/mobile/Library/nsurlstoraged/**/*.sqlite",
        "/private/var/mobile/Library/Caches/com.apple.nsurlstoraged/**/*.sqlite",
        "/private/var/mobile/Library/com.apple.nsurlstoraged/**/*.sqlite",
        "/private/var/root/Library/Caches/com.apple.nsurlstoraged/**/*.sqlite",
    ],
    columns: &[
        time("recorded", Epoch::Unix, Moment::NetworkUsed).rounded(Precision::Second),
        url("url"),
        int("entry_id"),
        int("version"),
        int("hash_value"),
        int("storage_policy"),
        text("partition"),
        text("method"),
        int("status"),
        // What the answer says it is the address of, and where it sends on to.
        url("answered_url"),
        url("location"),
        url("referer"),
        text("user_agent"),
        text("content_type"),
        message("request_headers"),
        message("response_headers"),
        // In the folder fsCachedData beside the database.
        text("body_file"),
        int("body_bytes"),
    ],
    shows: Trace::Resolved,
    line: "loaded {url} ({status}), sent on to {location}",
    parse: Parse::Database(read),
};

macro_rules! query {
    ($body:literal, $join:literal) => {
        concat!(
            "SELECT r.rowid, {r.time_stamp}, r.request_key, {r.entry_ID}, {r.version}, {r.hash_value}, {r.storage_policy},
                    {r.partition}, ",
            $body,
            " FROM cfurl_cache_response r ", $join, " ORDER BY r.rowid"
        )
    };
}

const QUERIES: [&str; 4] = [
    query!(
        "{b.request_object}, {b.response_object}, {d.isDataOnFS}, iif({d.isDataOnFS}, {d.receiver_data}, NULL), length({d.receiver_data})",
        "LEFT JOIN cfurl_cache_blob_data b ON b.entry_ID = r.entry_ID
         LEFT JOIN cfurl_cache_receiver_data d ON d.entry_ID = r.entry_ID"
    ),
    query!(
        "{b.request_object}, {b.response_object}, NULL, NULL, length({b.receiver_data})",
        "LEFT JOIN cfurl_cache_blob_data b ON b.entry_ID = r.entry_ID"
    ),
    query!(
        "NULL, NULL, {d.isDataOnFS}, iif({d.isDataOnFS}, {d.receiver_data}, NULL), length({d.receiver_data})",
        "LEFT JOIN cfurl_cache_receiver_data d ON d.entry_ID = r.entry_ID"
    ),
    query!("NULL, NULL, NULL, NULL, NULL", ""),
];

fn read(database: &Database<'_>, out: &mut Out<'_>) -> Result<()> {
    // Many apps call a database of their own so.
    if !database.tables().iter().any(|table| table == "cfurl_cache_response") {
        return Ok(());
    }
    database.prepare(&QUERIES)?.for_each(&mut |row| {
        let place = Place::row("cfurl_cache_response", row.value(0).as_int().unwrap_or_default());
        let mut object = |column: usize, name: &str| match row.value(column) {
            Value::Bytes(bytes) if !bytes.is_empty() => keyed::parse(&bytes)
                .map_err(|error| out.warn(Some(place.clone()), format!("the {name} cannot be read: {error:#}")))
                .ok(),
            _ => None,
        };
        let request = Object::of(object(8, "request").as_ref());
        let response = Object::of(object(9, "response").as_ref());
        let recorded = recorded(row.value(1));
        if recorded.is_null() && row.filled(1).is_some() {
            out.warn(Some(place.clone()), "the time of a request cannot be read");
        }
        let on_disk = row.value(10).is_true();
        out.push(
            place,
            [
                recorded,
                row.value(2),
                row.value(3),
                row.value(4),
                row.value(5),
                row.value(6),
                row.value(7),
                request.method.as_deref().into(),
                response.status.into(),
                response.url.as_deref().filter(|url| Some(*url) != row.value(2).as_text()).into(),
                response.header("location").into(),
                request.header("referer").into(),
                request.header("user-agent").into(),
                response.header("content-type").into(),
                request.lines(),
                response.lines(),
                row.value(11),
                if on_disk { Value::Null } else { row.value(12) },
            ],
        );
        Ok(())
    })?;
    Ok(())
}

/// `2023-05-24 11:29:15` in UTC.
fn recorded(value: Value<'_>) -> Value<'static> {
    match value {
        Value::Text(text) => crate::time::zoned(&format!("{}Z", text.trim())).into(),
        other => other.into_owned(),
    }
}

/// What a request or response was archived as: an array whose order changed over the years, so its members are told by their look.
#[derive(Default)]
struct Object {
    url: Option<String>,
    method: Option<String>,
    status: Option<i64>,
    headers: Vec<(String, String)>,
}

/// Headers kept of one side.
const MOST_HEADERS: usize = 500;

impl Object {
    fn of(list: Option<&Plist>) -> Object {
        let mut object = Object::default();
        let Some(list) = list else { return object };
        members(list, &mut |path, value| object.take(path, value));
        object
    }

    fn take(&mut self, path: &str, value: &Plist) {
        let key = path.rsplit('/').next().unwrap_or_default();
        let in_array = key.bytes().all(|byte| byte.is_ascii_digit());
        match value {
            Plist::String(text) if key == "_CFURLString" => _ = self.url.get_or_insert_with(|| text.clone()),
            Plist::String(text) if in_array && is_method(text) => _ = self.method.get_or_insert_with(|| text.clone()),
            Plist::Integer(number) if in_array => {
                let status = number.as_signed().filter(|number| (100..600).contains(number));
                self.status = self.status.or(status);
            }
            // Header names are keys; those of Core Foundation's own begin with an underscore.
            Plist::String(text) if !in_array && !key.starts_with('_') && self.headers.len() < MOST_HEADERS => {
                self.headers.push((key.to_owned(), text.clone()));
            }
            Plist::Array(values) if !in_array && !key.is_empty() && key != "Array" && self.headers.len() < MOST_HEADERS => {
                let texts = values.iter().filter_map(Plist::as_string);
                self.headers.extend(texts.map(|text| (key.to_owned(), text.to_owned())));
            }
            _ => {}
        }
    }

    fn header(&self, name: &str) -> Option<String> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.clone())
    }

    fn lines(&self) -> Value<'static> {
        match self.headers.as_slice() {
            [] => Value::Null,
            headers => headers.iter().map(|(name, value)| format!("{name}: {value}")).collect(),
        }
    }
}

fn is_method(text: &str) -> bool {
    ["GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT", "PROPFIND", "REPORT"].contains(&text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, rows_at, shake, sqlite};

    const RESPONSE: &str = "CREATE TABLE cfurl_cache_response (entry_ID INTEGER PRIMARY KEY AUTOINCREMENT UNIQUE,
        version INTEGER, hash_value INTEGER, storage_policy INTEGER, request_key TEXT UNIQUE, time_stamp, partition TEXT);
        INSERT INTO cfurl_cache_response VALUES (4, 0, 123, 0, 'https://a.example/x', '2023-05-24 11:29:15', 'p');";

    fn object(members: &str) -> String {
        let list = format!("<plist version=\"1.0\"><dict><key>Version</key><integer>1</integer><key>Array</key><array>{members}</array></dict></plist>");
        crate::record::hex(list.as_bytes())
    }

    fn full() -> Vec<u8> {
        let request = object(
            "<false/><dict><key>_CFURLStringType</key><integer>15</integer><key>_CFURLString</key>\
             <string>https://a.example/x</string></dict><real>60</real><string>GET</string>\
             <dict><key>User-Agent</key><string>Music/1</string><key>Referer</key><string>https://r.example/</string>\
             <key>__hhaa__</key><string>blob</string></dict>",
        );
        let response = object(
            "<dict><key>_CFURLString</key><string>https://a.example/y</string></dict><real>706000000.5</real>\
             <integer>302</integer><dict><key>Location</key><string>https://evil.example/</string>\
             <key>Content-Type</key><string>text/html</string></dict><integer>5</integer>",
        );
        sqlite(&format!(
            "{RESPONSE} CREATE TABLE cfurl_cache_blob_data (entry_ID INTEGER PRIMARY KEY, response_object BLOB, request_object BLOB,
                 proto_props BLOB, user_info BLOB);
             CREATE TABLE cfurl_cache_receiver_data (entry_ID INTEGER PRIMARY KEY, isDataOnFS INTEGER, receiver_data BLOB);
             INSERT INTO cfurl_cache_blob_data VALUES (4, x'{response}', x'{request}', NULL, NULL);
             INSERT INTO cfurl_cache_receiver_data VALUES (4, 1, 'AA-1');"
        ))
    }

    #[test]
    fn requests_and_answers_are_taken_apart() {
        assert_eq!(
            rows(&ARTIFACT, &full()),
            json!([{
                "recorded": "2023-05-24T11:29:15.000000+00:00",
                "url": "https://a.example/x",
                "entry_id": 4,
                "version": 0,
                "hash_value": 123,
                "storage_policy": 0,
                "partition": "p",
                "method": "GET",
                "status": 302,
                "answered_url": "https://a.example/y",
                "location": "https://evil.example/",
                "referer": "https://r.example/",
                "user_agent": "Music/1",
                "content_type": "text/html",
                "request_headers": ["User-Agent: Music/1", "Referer: https://r.example/"],
                "response_headers": ["Location: https://evil.example/", "Content-Type: text/html"],
                "body_file": "AA-1",
                "_line": "loaded https://a.example/x (302), sent on to https://evil.example/",
            }])
        );
        shake(&ARTIFACT, &full());
    }

    #[test]
    fn the_response_table_alone_is_enough() {
        let database = sqlite(&format!("{RESPONSE} INSERT INTO cfurl_cache_response VALUES (5, NULL, NULL, NULL, NULL, 'odd', NULL);"));
        let (records, warnings) = rows_at(&ARTIFACT, "/x/Cache.db", &database);
        assert_eq!(records[0]["url"], "https://a.example/x");
        assert_eq!(records[1], json!({"entry_id": 5, "_line": "loaded  (), sent on to "}));
        assert_eq!(warnings, ["the time of a request cannot be read"]);
    }

    #[test]
    fn objects_that_cannot_be_read_are_told_and_lose_nothing_else() {
        let database = sqlite(&format!(
            "{RESPONSE} CREATE TABLE cfurl_cache_blob_data (entry_ID INTEGER PRIMARY KEY, response_object BLOB, request_object BLOB);
             INSERT INTO cfurl_cache_blob_data VALUES (4, x'00', NULL);"
        ));
        let (records, warnings) = rows_at(&ARTIFACT, "/x/Cache.db", &database);
        assert_eq!(records[0]["url"], "https://a.example/x");
        assert!(warnings[0].starts_with("the response cannot be read"), "{warnings:?}");
    }

    #[test]
    fn databases_of_other_programs_are_passed_over() {
        assert_eq!(rows_at(&ARTIFACT, "/x/Cache.db", &sqlite("CREATE TABLE other (a);")), (json!([]), vec![]));
    }
}
