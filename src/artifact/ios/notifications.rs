use plist::{Dictionary, Value as Plist};

use crate::artifact::links::Links;
use crate::artifact::prelude::*;
use crate::artifact::property_list::{dictionaries, member, moment, unarchived};
use crate::format::keyed;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.notifications",
    title: "Delivered notifications",
    about: "Notifications still in the notification centre, with texts of messages that may be gone elsewhere.",
    files: &["/private/var/mobile/Library/UserNotifications/*/DeliveredNotifications.plist"],
    columns: &[
        time("received", Epoch::Mac, Moment::Received),
        // Some systems name the folder by a number that a list of its own explains.
        app_id("app"),
        text("title"),
        message("subtitle"),
        message("message"),
        message("summary"),
        url("action_url"),
        url("links"),
        text("identifier"),
        text("thread"),
        text("category"),
    ],
    shows: Trace::Received,
    line: "notification of {app}: {title} {message}",
    parse: Parse::Plist(parse),
};

fn parse(list: &Plist, out: &mut Out<'_>) -> Result<()> {
    let list = unarchived(list)?;
    let path = out.path().to_owned();
    let folder = path.rsplit('/').nth(1).filter(|name| !is_uuid(name));
    dictionaries(&list, &mut |key, facts| {
        if facts.keys().any(|key| key.starts_with("AppNotification")) {
            push(key, folder, facts, out);
        }
    });
    Ok(())
}

fn is_uuid(name: &str) -> bool {
    name.len() == 36 && name.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

fn push(key: &str, app: Option<&str>, facts: &Dictionary, out: &mut Out<'_>) {
    let words = |name: &str| facts.get(name).and_then(said);
    let title = words("AppNotificationTitle");
    let message = words("AppNotificationMessage");
    let mut links = Links::default();
    message.iter().for_each(|text| links.find(text));
    // What the app put beside it for itself.
    let user_info = member(facts, "UNNotificationUserInfo").into_iter().flatten();
    user_info.flat_map(|(_, value)| keyed::strings(value)).for_each(|text| links.find(text));
    for part in ["AppNotificationSubtitle", "AppNotificationSummary"] {
        facts.get(part).into_iter().flat_map(keyed::strings).for_each(|text| links.find(text));
    }
    let first = |names: [&str; 2]| names.into_iter().find_map(words);
    let values = [
        moment(facts, "AppNotificationCreationDate"),
        first(["AppNotificationBundleIdentifier", "BundleIdentifier"]).or(app).into(),
        title.into(),
        words("AppNotificationSubtitle").into(),
        message.into(),
        words("AppNotificationSummary").into(),
        first(["DefaultActionURL", "AppNotificationDefaultActionURL"]).into(),
        links.into_value(),
        first(["AppNotificationIdentifier", "Identifier"]).into(),
        first(["ThreadKey", "AppNotificationThreadIdentifier"]).into(),
        first(["CategoryIdentifier", "AppNotificationCategoryIdentifier"]).into(),
    ];
    out.push(Place::key(key), values);
}

/// A text, or the first of a list that a text in the phone's language is chosen by.
fn said(value: &Plist) -> Option<&str> {
    value.as_string().or_else(|| keyed::strings(value).into_iter().next())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows_at, shake};

    const LIST: &[u8] = b"<plist><array><dict>
        <key>AppNotificationCreationDate</key><date>2024-01-02T03:04:05Z</date><key>AppNotificationTitle</key><string>Ann</string>
        <key>AppNotificationSubtitle</key><string>Sub</string>
        <key>AppNotificationMessage</key><string>see https://a.example/x</string><key>AppNotificationSummary</key><string>Sum</string>
        <key>DefaultActionURL</key><string>https://b.example/y</string><key>AppNotificationIdentifier</key><string>N-1</string>
        <key>ThreadKey</key><string>T</string><key>CategoryIdentifier</key><string>C</string>
        <key>UNNotificationUserInfo</key><dict><key>link</key><string>https://c.example/z</string></dict></dict>
        <string>odd</string></array></plist>";

    #[test]
    fn texts_links_and_time_are_kept() {
        let path = "/private/var/mobile/Library/UserNotifications/com.example.chat/DeliveredNotifications.plist";
        assert_eq!(
            rows_at(&ARTIFACT, path, LIST).0,
            json!([{"received": "2024-01-02T03:04:05.000000+00:00", "app": "com.example.chat", "title": "Ann", "subtitle": "Sub",
                    "message": "see https://a.example/x", "summary": "Sum", "action_url": "https://b.example/y",
                    "links": ["https://a.example/x", "https://c.example/z"], "identifier": "N-1", "thread": "T", "category": "C",
                    "_line": "notification of com.example.chat: Ann see https://a.example/x"}])
        );
        shake(&ARTIFACT, LIST);
    }

    #[test]
    fn a_folder_named_by_a_number_is_no_app() {
        let path = "/private/var/mobile/Library/UserNotifications/0A1B2C3D-0000-4000-8000-000000000001/DeliveredNotifications.plist";
        assert_eq!(rows_at(&ARTIFACT, path, LIST).0[0].get("app"), None);
    }

    #[test]
    fn archives_are_unfolded() {
        let text = |text: &str| Plist::String(text.into());
        let uid = |index| Plist::Uid(plist::Uid::new(index));
        let fields = |pairs: Vec<(&str, Plist)>| {
            Plist::Dictionary(pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
        };
        let archive = fields(vec![
            ("$top", fields(vec![("root", uid(1))])),
            (
                "$objects",
                Plist::Array(vec![
                    text("$null"),
                    fields(vec![("NS.objects", Plist::Array(vec![uid(2)]))]),
                    fields(vec![("NS.keys", Plist::Array(vec![uid(3), uid(6)])), ("NS.objects", Plist::Array(vec![uid(4), uid(5)]))]),
                    text("AppNotificationMessage"),
                    text("Hello"),
                    fields(vec![("NS.time", Plist::Real(588_814_410.5))]),
                    text("AppNotificationCreationDate"),
                ]),
            ),
        ]);
        let mut bytes = Vec::new();
        archive.to_writer_binary(&mut bytes).unwrap();
        let records = rows_at(&ARTIFACT, "/x/com.example.a/DeliveredNotifications.plist", &bytes).0;
        assert_eq!(
            records,
            json!([{"received": "2019-08-29T23:33:30.500000+00:00", "app": "com.example.a", "message": "Hello",
                    "_line": "notification of com.example.a:  Hello"}])
        );
        shake(&ARTIFACT, &bytes);
    }
}
