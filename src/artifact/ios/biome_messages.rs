use crate::artifact::biome::{DEVICE, LARGEST_BYTES, NOTED, REMOTE, STATE, STREAM, entries, streams};
use crate::artifact::crash::one_or_list;
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.biome_messages",
    title: "Notifications, messages and mail in the activity streams",
    about: "What notifications said, and messages and mails that Biome kept a copy of; they may be gone from their apps (since iOS 15).",
    files: streams!["Notification" "Notification.Usage" "ProactiveHarvesting.Messages" "ProactiveHarvesting.Mail"],
    columns: &[
        NOTED,
        STREAM,
        STATE,
        REMOTE,
        DEVICE,
        time("received", Epoch::Mac, Moment::Received),
        // Messages of the harvest have no time of their own.
        time("noted", Epoch::Mac, Moment::Logged),
        app_id("app"),
        email("sender"),
        email("handle"),
        message("title"),
        message("message"),
        message("headers"),
        text("unique_id"),
        message("other"),
    ],
    shows: Trace::Received,
    line: "{app} {sender} {title}: {message}",
    parse: Parse::Bytes { most: LARGEST_BYTES, parse },
};

fn parse(bytes: &[u8], out: &mut Out<'_>) -> Result<()> {
    entries(bytes, out, |entry, out| {
        let fields = &entry.message;
        let mut values: [Value<'_>; 9] = std::array::from_fn(|_| Value::Null);
        let [received, noted, app, sender, handle, title, text, headers, id] = &mut values;
        match entry.stream {
            "ProactiveHarvesting.Messages" => {
                (*noted, *id, *handle) = (entry.written(), fields.text(1), fields.text(2));
                (*text, *sender) = (fields.text(10), fields.message(11).text(1));
            }
            "ProactiveHarvesting.Mail" => {
                (*id, *received) = (fields.text(2), fields.double(3));
                (*headers, *title) = (one_or_list(fields.texts(10)), fields.text(11));
            }
            _ => {
                (*received, *title, *app) = (fields.double(2), fields.text(8), fields.text(14));
                *text = one_or_list([fields.texts(9), fields.texts(12)].concat());
            }
        }
        entry.push(values, out);
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows_at, shake};
    use crate::format::protobuf::testing::{bytes, double};
    use crate::format::segb::testing::version_2;

    fn record(stream: &str, entry: &[Vec<u8>]) -> serde_json::Value {
        let path = format!("/private/var/mobile/Library/Biome/streams/restricted/{stream}/local/12");
        let file = version_2(&[(1, 706_615_301.0, entry.concat())]);
        let (records, warnings) = rows_at(&ARTIFACT, &path, &file);
        assert!(warnings.is_empty(), "{warnings:?}");
        shake(&ARTIFACT, &file);
        let mut record = records[0].clone();
        for common in ["written", "stream", "state", "remote"] {
            assert!(record.as_object_mut().unwrap().remove(common).is_some(), "{common}");
        }
        record
    }

    #[test]
    fn notifications_keep_title_text_and_app() {
        let entry = [double(2, 706_615_300.0), bytes(8, "Title"), bytes(9, "More"), bytes(12, "https://a.example/"), bytes(14, "org.example.chat")];
        for stream in ["Notification", "Notification.Usage"] {
            assert_eq!(
                record(stream, &entry),
                json!({"received": "2023-05-24T10:01:40.000000+00:00", "app": "org.example.chat", "title": "Title",
                       "message": ["More", "https://a.example/"],
                       "_line": "org.example.chat  Title: More, https://a.example/"})
            );
        }
    }

    #[test]
    fn harvested_messages_name_their_sender() {
        let entry = [bytes(1, "G-1"), bytes(2, "+15550100"), bytes(10, "hello"), bytes(11, bytes(1, "a@example.org"))];
        assert_eq!(
            record("ProactiveHarvesting.Messages", &entry),
            json!({"noted": "2023-05-24T10:01:41.000000+00:00", "sender": "a@example.org", "handle": "+15550100",
                   "message": "hello", "unique_id": "G-1", "_line": " a@example.org : hello"})
        );
    }

    #[test]
    fn harvested_mails_keep_headers_and_subject() {
        let entry = [bytes(2, "M-1"), double(3, 706_615_300.0), bytes(10, "From: a@example.org"), bytes(11, "Subject")];
        assert_eq!(
            record("ProactiveHarvesting.Mail", &entry),
            json!({"received": "2023-05-24T10:01:40.000000+00:00", "title": "Subject", "headers": "From: a@example.org",
                   "unique_id": "M-1", "_line": "  Subject: "})
        );
    }
}
