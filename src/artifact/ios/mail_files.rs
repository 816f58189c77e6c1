use memchr::memmem;

use crate::artifact::links::Links;
use crate::artifact::prelude::*;
use crate::artifact::property_list::{dictionary, moment, nested};
use crate::format::mime::Message;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.mail_files",
    title: "Mails in full",
    about: "Mails with their headers, text and links, as Mail keeps them in files.",
    files: &["/private/var/mobile/Library/Mail/**/*.emlx", "/private/var/mobile/Library/Mail/**/*.emlxpart"],
    columns: &[
        time("received", Epoch::Unix, Moment::Received),
        // As the sender says.
        fact_time("sent", Epoch::Unix),
        email("from"),
        email("reply_to"),
        email("return_path"),
        email("to"),
        email("cc"),
        message("subject"),
        message("text"),
        url("links"),
        text("attachments"),
        message("servers"),
        text("message_id"),
    ],
    shows: Trace::Received,
    line: "mail from {from}: {subject}",
    parse: Parse::Bytes { most: 64 << 20, parse },
};

/// Text kept of a mail; links are sought in all of it.
const TEXT_BYTES: usize = 64 << 10;
/// Servers a mail passed; real ones have fewer than ten.
const SERVERS_KEPT: usize = 50;

fn parse(bytes: &[u8], out: &mut Out<'_>) -> Result<()> {
    let (mail, trailer) = sections(bytes);
    let message = Message::parse(mail);
    anyhow::ensure!(!message.headers.is_empty() || !message.texts.is_empty(), "is no mail");
    if message.cut {
        out.warn(None, "the mail has more parts or text than are read");
    }
    let facts = match trailer.map(nested).transpose() {
        Ok(facts) => facts,
        Err(error) => {
            out.warn(None, format!("what Mail noted behind the mail cannot be read: {error:#}"));
            None
        }
    };
    let received = facts.as_ref().and_then(|facts| dictionary(facts).ok());
    let received = received.map(|facts| moment(facts, "date-received")).unwrap_or_default();
    let addresses = |name: &str| -> Value<'static> {
        let found: Vec<String> = message.header(name).into_iter().flat_map(addresses_in).collect();
        if found.is_empty() { Value::Null } else { found.into_iter().collect() }
    };
    let mut links = Links::default();
    let mut text = String::new();
    for part in &message.texts {
        // In HTML, and in plain text of programs, a link ends before what no link has.
        links.carve(part.text.as_bytes());
        if !part.is_html || text.is_empty() {
            let left = TEXT_BYTES.saturating_sub(text.len());
            text.push_str(part.text.get(..part.text.floor_char_boundary(left)).unwrap_or_default());
        }
    }
    if links.is_full() {
        out.warn(None, "the mail has more links than are listed");
    }
    let servers: Vec<&str> = message
        .headers
        .iter()
        .filter(|(name, _)| name == "received" || name == "x-originating-ip")
        .map(|(_, value)| value.as_str())
        .take(SERVERS_KEPT)
        .collect();
    let attachments = message.attachments.iter().map(String::as_str);
    let values = [
        received,
        message.header("date").and_then(date).into(),
        addresses("from"),
        addresses("reply-to"),
        addresses("return-path"),
        addresses("to"),
        addresses("cc"),
        message.header("subject").into(),
        Some(text.trim()).filter(|text| !text.is_empty()).into(),
        links.into_value(),
        if message.attachments.is_empty() { Value::Null } else { attachments.collect() },
        if servers.is_empty() { Value::Null } else { servers.into_iter().collect() },
        message.header("message-id").into(),
    ];
    out.push(Place::Offset { offset: 0 }, values);
    Ok(())
}

/// The mail, whose length stands on the first line, and the property list behind it; a part of a mail has neither.
fn sections(bytes: &[u8]) -> (&[u8], Option<&[u8]>) {
    let line = memchr::memchr(b'\n', bytes.get(..32).unwrap_or(bytes));
    let length = line
        .and_then(|end| std::str::from_utf8(bytes.get(..end)?).ok()?.trim().parse::<usize>().ok());
    let (Some(line), Some(length)) = (line, length) else { return (bytes, None) };
    let rest = bytes.get(line + 1..).unwrap_or_default();
    let (mail, behind) = rest.split_at_checked(length).unwrap_or((rest, &[]));
    (mail, memmem::find(behind, b"<").and_then(|start| behind.get(start..)))
}

/// `Ann <a@example.org>, b@example.org`: the addresses, each once.
fn addresses_in(header: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for piece in header.split(|c: char| c.is_whitespace() || "<>,;\"'()".contains(c)) {
        let address = piece.trim_end_matches('.');
        if address.contains('@') && found.len() < 1_000 && !found.iter().any(|known| known == address) {
            found.push(address.to_owned());
        }
    }
    found
}

fn date(text: &str) -> Option<jiff::Timestamp> {
    // `Thu, 29 Aug 2019 23:33:20 +0000 (UTC)`
    let text = text.split('(').next().unwrap_or(text).trim();
    let time = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    // A sender may write any year.
    (315_532_800..4_102_444_800).contains(&time.as_second()).then_some(time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, rows_at, shake};

    fn file(mail: &str, trailer: &str) -> Vec<u8> {
        format!("{}       \n{mail}{trailer}", mail.len()).into_bytes()
    }

    #[test]
    fn headers_text_links_and_servers_are_told() {
        let mail = "Return-Path: <bounce@mail.example>\nReceived: from relay.example (203.0.113.5)\nDate: Thu, 29 Aug 2019 23:33:20 +0000 (UTC)\n\
            From: Ann <a@example.org>\nReply-To: r@example.org\nTo: b@example.org, \"C, D\" <c@example.org>\nCc: d@example.org\n\
            Subject: Hello\nMessage-ID: <1@mail.example>\nContent-Type: multipart/mixed; boundary=b\n\n\
            --b\n\nsee https://a.example/x.\n--b\nContent-Type: text/html\n\n<a href=\"https://b.example/y\">z</a>\n\
            --b\nContent-Type: image/png; name=i.png\n\nxx\n--b--\n";
        let bytes = file(mail, "<?xml version=\"1.0\"?><plist><dict><key>date-received</key><integer>1567121610</integer></dict></plist>");
        assert_eq!(
            rows_at(&ARTIFACT, "/x", &bytes),
            (
                json!([{"received": "2019-08-29T23:33:30.000000+00:00", "sent": "2019-08-29T23:33:20.000000+00:00",
                    "from": ["a@example.org"], "reply_to": ["r@example.org"], "return_path": ["bounce@mail.example"],
                    "to": ["b@example.org", "c@example.org"], "cc": ["d@example.org"], "subject": "Hello",
                    "text": "see https://a.example/x.", "links": ["https://a.example/x.", "https://b.example/y"],
                    "attachments": ["i.png"], "servers": ["from relay.example (203.0.113.5)"], "message_id": "<1@mail.example>",
                    "_line": "mail from a@example.org: Hello"}]),
                vec![]
            )
        );
        shake(&ARTIFACT, &bytes);
    }

    #[test]
    fn a_part_and_a_damaged_length_are_read_as_far_as_they_go() {
        assert_eq!(rows(&ARTIFACT, b"From: a@example.org\n\nx")[0]["from"], json!(["a@example.org"]));
        assert_eq!(rows(&ARTIFACT, b"9999\nFrom: a@example.org\n\nx")[0]["from"], json!(["a@example.org"]));
        let (records, warnings) = rows_at(&ARTIFACT, "/x", &file("From: a@example.org\n\nx", "<odd"));
        assert_eq!((records[0]["text"].as_str(), warnings.len()), (Some("x"), 1));
    }
}
