use serde_json::Value as Json;

use crate::artifact::json::{boolean as boolean_of, int as int_of, list, objects, text as text_of, texts};
use crate::artifact::links::Links;
use crate::artifact::prelude::*;
use crate::format::zlib;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.sms",
    title: "Messages of an Android backup (SMS and MMS)",
    about: "Text messages with their links. MMS without text are never in such a backup.",
    files: &[
        "/backup/apps/com.android.providers.telephony/d_f/*_sms_backup",
        "/backup/apps/com.android.providers.telephony/d_f/*_mms_backup",
    ],
    columns: &[
        time("received", Epoch::Unix, Moment::Received),
        time("sent", Epoch::Unix, Moment::Sent),
        // By the sender's clock, also of what was received.
        fact_time("date_sent", Epoch::Unix),
        direction("direction"),
        text("service"),
        // Where the phone keeps it; drafts and what could not be sent count as sent.
        text("box"),
        // The other side; missing for what the owner sent to a group.
        email("handle"),
        email("recipients"),
        email("mms_addresses"),
        phone("self_phone"),
        message("subject"),
        message("message"),
        url("links"),
        url("content_location"),
        message("attachments"),
        boolean("read"),
        boolean("archived"),
        int("status"),
        int("message_type"),
    ],
    shows: Trace::Received,
    line: "{direction} {service}, {handle} ({self_phone}): {message}",
    parse: Parse::Bytes { most: 64 << 20, parse },
};

/// Inflated; a file holds at most a thousand messages.
const LARGEST: u64 = 256 << 20;

fn parse(bytes: &[u8], out: &mut Out<'_>) -> Result<()> {
    let inflated = if zlib::is_zlib(bytes) { zlib::inflate(bytes, LARGEST) } else { zlib::Inflated { bytes: bytes.to_vec(), ..zlib::Inflated::default() } };
    if let Some(damage) = &inflated.damage {
        out.warn(None, damage);
    }
    if inflated.too_long {
        out.warn(None, format!("holds more than {LARGEST} bytes; the rest was not read"));
    }
    let text = String::from_utf8_lossy(&inflated.bytes);
    let is_mms = out.path().ends_with("_mms_backup");
    let (messages, whole) = objects(&text);
    if !whole {
        out.warn(None, "the list of messages does not come to its end");
    }
    for (index, message) in messages.into_iter().enumerate() {
        let place = Place::key(format!("message {}", index + 1));
        match serde_json::from_str::<Json>(message) {
            Ok(message) => push(place, &message, is_mms, out),
            Err(error) => out.warn(Some(place), format!("a message cannot be read: {error}")),
        }
    }
    Ok(())
}

/// The name of a box and the direction, from `type` of an SMS or `msg_box` of an MMS.
fn kept_in(number: Option<i64>) -> (Option<&'static str>, Option<&'static str>) {
    match number {
        Some(1) => (Some("inbox"), Some("received")),
        Some(2) => (Some("sent"), Some("sent")),
        Some(3) => (Some("drafts"), Some("sent")),
        Some(4) => (Some("outbox"), Some("sent")),
        Some(5) => (Some("failed"), Some("sent")),
        Some(6) => (Some("queued"), Some("sent")),
        _ => (None, None),
    }
}

fn push(place: Place, message: &Json, is_mms: bool, out: &mut Out<'_>) {
    let (kept_in, direction) = kept_in(int_of(message, if is_mms { "msg_box" } else { "type" }));
    let date = || text_of(message, "date");
    let sent = direction == Some("sent");
    let parts = message.get("mms_addresses").and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
    let addresses: Vec<String> = parts.iter().filter_map(|part| text_of(part, "address")).filter(|one| is_address(one)).collect();
    let from = parts.iter().find(|part| int_of(part, "type") == Some(FROM)).and_then(|part| text_of(part, "address"));
    let recipients: Vec<String> = texts(message, "recipients").into_iter().filter(|one| is_address(one)).collect();
    let only = || match &recipients[..] {
        [only] => Some(only.clone()),
        _ => None,
    };
    let handle = text_of(message, "address").or(from).filter(|one| !sent || !is_mms && is_address(one)).filter(|one| is_address(one)).or_else(only);
    let subject = text_of(message, if is_mms { "sub" } else { "subject" });
    let body = text_of(message, if is_mms { "mms_body" } else { "body" }).or_else(|| text_of(message, "body"));
    let location = text_of(message, "ct_l");
    let attachments = attachments(message);
    let mut links = Links::default();
    for text in [&subject, &body, &location].into_iter().flatten().chain(&attachments) {
        links.find(text);
    }
    let links = links.into_value();
    out.push(
        place,
        [
            date().filter(|_| !sent).into(),
            date().filter(|_| sent).into(),
            text_of(message, "date_sent").into(),
            direction.into(),
            if is_mms { "MMS" } else { "SMS" }.into(),
            kept_in.into(),
            handle.into(),
            list(recipients),
            list(addresses),
            text_of(message, "self_phone").into(),
            subject.clone().into(),
            body.clone().into(),
            links,
            location.clone().into(),
            list(attachments.clone()),
            boolean_of(message, "read").into(),
            boolean_of(message, "archived").into(),
            int_of(message, "status").into(),
            int_of(message, "m_type").into(),
        ],
    );
}

/// `type` of the sender among an MMS's addresses.
const FROM: i64 = 137;

/// Neither the token for the phone itself nor the words for an unknown sender.
fn is_address(written: &str) -> bool {
    !written.is_empty() && written != "insert-address-token" && !written.contains("UNKNOWN_SENDER!")
}

/// Names and kinds of attachments, and the layout, which names them too.
fn attachments(message: &Json) -> Vec<String> {
    let list = message.get("attachments").and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
    let named = list.iter().map(|one| {
        let words = [text_of(one, "filename"), text_of(one, "mime_type")];
        words.into_iter().flatten().collect::<Vec<_>>().join(" ")
    });
    named.chain(text_of(message, "smil")).filter(|words| !words.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const SMS: &str = "/backup/apps/com.android.providers.telephony/d_f/000000_sms_backup";
    const MMS: &str = "/backup/apps/com.android.providers.telephony/d_f/000001_mms_backup";

    fn deflated(text: &str) -> Vec<u8> {
        let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        std::io::Write::write_all(&mut writer, text.as_bytes()).unwrap();
        writer.finish().unwrap()
    }

    #[test]
    fn a_received_sms_has_its_link_time_and_sender() {
        let text = r#"[{"self_phone":"+10000000001","address":"+10000000002","body":"see https://example.org/a","date":"1700000000000","date_sent":"1699999999000","status":"-1","type":"1","recipients":["+10000000002"],"read":"1"}]"#;
        let (records, warnings) = rows_at(&ARTIFACT, SMS, &deflated(text));
        assert_eq!(
            records,
            json!([{
                "received": "2023-11-14T22:13:20.000000+00:00",
                "date_sent": "2023-11-14T22:13:19.000000+00:00",
                "direction": "received",
                "service": "SMS",
                "box": "inbox",
                "handle": "+10000000002",
                "recipients": ["+10000000002"],
                "self_phone": "+10000000001",
                "message": "see https://example.org/a",
                "links": ["https://example.org/a"],
                "read": true,
                "status": -1,
                "_line": "received SMS, +10000000002 (+10000000001): see https://example.org/a",
            }])
        );
        assert_eq!(warnings, [""; 0]);
    }

    #[test]
    fn an_mms_counts_in_seconds_and_its_direction_is_its_box() {
        let text = r#"[{"date":"1579531789","date_sent":"0","msg_box":"1","m_type":"132","sub":"hi","mms_body":"x http://a.example/","ct_l":"http://mms.example/1",
            "mms_addresses":[{"type":137,"address":"a@example.org","charset":106},{"type":151,"address":"+15550100","charset":106}]},
            {"date":"1579531790","msg_box":"2","mms_body":"y","recipients":["+15550100"],"mms_addresses":[{"type":137,"address":"insert-address-token"}]}]"#;
        let (records, warnings) = rows_at(&ARTIFACT, MMS, text.as_bytes());
        assert_eq!(records[0]["received"], "2020-01-20T14:49:49.000000+00:00");
        assert_eq!((&records[0]["handle"], &records[0]["subject"]), (&json!("a@example.org"), &json!("hi")));
        assert_eq!(records[0]["links"], json!(["http://a.example/", "http://mms.example/1"]));
        assert_eq!((&records[1]["direction"], &records[1]["sent"]), (&json!("sent"), &json!("2020-01-20T14:49:50.000000+00:00")));
        assert_eq!((&records[1]["handle"], &records[1]["mms_addresses"]), (&json!("+15550100"), &json!(null)));
        assert_eq!(warnings, [""; 0]);
    }

    #[test]
    fn one_bad_message_or_a_cut_list_keeps_the_others() {
        let text = r#"[{},{"date":nonsense},{"type":"6","recipients":["ʼUNKNOWN_SENDER!ʼ"],"date":"0"},{"body":"cut"#;
        let (records, warnings) = rows_at(&ARTIFACT, SMS, text.as_bytes());
        assert_eq!(records.as_array().unwrap().len(), 2);
        assert_eq!((&records[1]["box"], &records[1]["handle"], &records[1]["sent"]), (&json!("queued"), &json!(null), &json!(null)));
        assert_eq!(warnings.len(), 2, "{warnings:?}");
        let whole = deflated(r#"[{"body":"https://example.org/"}]"#);
        let (_, warnings) = rows_at(&ARTIFACT, SMS, &whole[..whole.len() - 3]);
        assert!(warnings.concat().contains("damaged after"), "{warnings:?}");
        shake(&ARTIFACT, &whole);
    }
}
