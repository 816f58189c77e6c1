use crate::artifact::links::{Links, text_of};
use crate::artifact::prelude::*;

/// The same columns over whatever joins the schema allows.
macro_rules! query {
    ($($join:literal)*) => {
        concat!(
            "SELECT m.Z_PK, {m.ZTEXT}, {m.ZISFROMME}, {m.ZMESSAGEDATE}, {i.ZMEDIAURL},
                    group_concat(concat_ws(char(10), {d.ZMATCHEDTEXT}, {d.ZCONTENT1}, {d.ZCONTENT2}), char(10)),
                    {m.ZFROMJID}, {m.ZTOJID}, {g.ZMEMBERJID}, {m.ZPUSHNAME}, group_concat({d.ZTITLE}, char(10)),
                    group_concat({d.ZSUMMARY}, char(10)), {i.ZMEDIALOCALPATH}, {i.ZAUTHORNAME}, {m.ZMESSAGETYPE},
                    {m.ZCHATSESSION}, {m.ZSTANZAID}
             FROM ZWAMESSAGE m ", $($join, " ",)*
            // In the order of the row ids the groups need no memory, whatever the number of messages.
            "GROUP BY m.Z_PK ORDER BY m.Z_PK"
        )
    };
}

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.whatsapp",
    title: "WhatsApp messages",
    about: "WhatsApp messages with their links, among them those only in link previews.",
    files: &["/private/var/mobile/Containers/Shared/AppGroup/*/ChatStorage.sqlite"],
    columns: &[
        time("received", Epoch::Mac, Moment::Received),
        time("sent", Epoch::Mac, Moment::Sent),
        direction("direction"),
        text("from"),
        text("to"),
        // Who wrote, where `from` is a group.
        text("member"),
        text("push_name"),
        message("message"),
        url("links"),
        message("preview_title"),
        message("preview_summary"),
        text("media_url"),
        text("media_path"),
        text("media_author"),
        int("message_type"),
        int("chat_session"),
        text("stanza_id"),
    ],
    shows: Trace::Received,
    line: "WhatsApp message {direction}, {from}{to} {member}: {message} {links}",
    parse: Parse::Rows {
        table: "ZWAMESSAGE",
        queries: &[
            query!("LEFT JOIN ZWAMEDIAITEM i ON i.ZMESSAGE = m.Z_PK"
                   "LEFT JOIN ZWAMESSAGEDATAITEM d ON d.ZMESSAGE = m.Z_PK"
                   "LEFT JOIN ZWAGROUPMEMBER g ON g.Z_PK = {m.ZGROUPMEMBER}"),
            query!("LEFT JOIN ZWAMEDIAITEM i ON i.ZMESSAGE = m.Z_PK"
                   "LEFT JOIN ZWAMESSAGEDATAITEM d ON d.ZMESSAGE = m.Z_PK"),
            query!("LEFT JOIN ZWAMEDIAITEM i ON i.ZMESSAGE = m.Z_PK"),
            query!(""),
        ],
        row: message_row,
    },
};

/// Where WhatsApp itself keeps media: every picture has such an address.
const OWN_HOSTS: [&str; 2] = ["https://mmg.whatsapp.net/", "https://mmg-fna.whatsapp.net/"];

fn message_row(row: &Row<'_>, out: &mut Out<'_>) -> Result<()> {
    let place = Place::row("ZWAMESSAGE", row.value(0).as_int().unwrap_or_default());
    let [text, media_url, addresses] = [1, 4, 5].map(|column| text_of(row.value(column)));
    let mut links = Links::default();
    for text in [&text, &addresses, &media_url].into_iter().flatten() {
        links.find(text);
    }
    if links.is_full() {
        out.warn(Some(place.clone()), "more links than are listed; the text is searched as a whole");
    }
    let links = links.without(&OWN_HOSTS).into_value();

    let from_me = row.value(2).is_true();
    let (received, sent) = if from_me { (Value::Null, row.value(3)) } else { (row.value(3), Value::Null) };
    out.push(
        place,
        [
            received,
            sent,
            if from_me { "sent" } else { "received" }.into(),
            row.value(6),
            row.value(7),
            row.value(8),
            row.value(9),
            text.as_deref().map_or(Value::Null, Value::from),
            links,
            row.value(10),
            row.value(11),
            media_url.as_deref().map_or(Value::Null, Value::from),
            row.value(12),
            row.value(13),
            row.value(14),
            row.value(15),
            row.value(16),
        ],
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, shake, sqlite};

    const TABLES: &str = "CREATE TABLE ZWAMESSAGE (Z_PK INTEGER PRIMARY KEY, ZISFROMME, ZMESSAGETYPE, ZCHATSESSION, ZGROUPMEMBER,
            ZMESSAGEDATE, ZFROMJID, ZTOJID, ZSTANZAID, ZTEXT, ZPUSHNAME);
        CREATE TABLE ZWAMEDIAITEM (Z_PK INTEGER PRIMARY KEY, ZMESSAGE, ZMEDIAURL, ZAUTHORNAME, ZMEDIALOCALPATH);
        CREATE TABLE ZWAMESSAGEDATAITEM (Z_PK INTEGER PRIMARY KEY, ZMESSAGE, ZCONTENT1, ZCONTENT2, ZMATCHEDTEXT, ZTITLE, ZSUMMARY);
        CREATE TABLE ZWAGROUPMEMBER (Z_PK INTEGER PRIMARY KEY, ZMEMBERJID);";

    #[test]
    fn links_come_from_text_preview_and_media_but_not_from_whatsapp_itself() {
        let database = sqlite(&format!(
            "{TABLES}
             INSERT INTO ZWAMESSAGE (Z_PK, ZISFROMME, ZMESSAGETYPE, ZCHATSESSION, ZGROUPMEMBER, ZMESSAGEDATE, ZFROMJID, ZSTANZAID, ZTEXT)
                VALUES (4, 0, 0, 2, 1, 600000000.25, '15550100-1@g.us', '3EB0', 'An article, https://a.example/1');
             INSERT INTO ZWAMEDIAITEM VALUES (1, 4, 'https://mmg.whatsapp.net/x.enc', NULL, 'Media/x.jpg');
             INSERT INTO ZWAMESSAGEDATAITEM VALUES
                (1, 4, 'https://b.example/2', NULL, 'https://a.example/1', 'News', 'Gardens'),
                (2, 4, x'68747470733a2f2f632e6578616d706c65', 'https://d.example', NULL, NULL, NULL);
             INSERT INTO ZWAGROUPMEMBER VALUES (1, '15550101@s.whatsapp.net');"
        ));
        assert_eq!(
            rows(&ARTIFACT, &database),
            json!([{
                "received": "2020-01-06T10:40:00.250000+00:00",
                "direction": "received",
                "from": "15550100-1@g.us",
                "member": "15550101@s.whatsapp.net",
                "message": "An article, https://a.example/1",
                "links": ["https://a.example/1", "https://b.example/2", "https://c.example", "https://d.example"],
                "preview_title": "News",
                "preview_summary": "Gardens",
                "media_url": "https://mmg.whatsapp.net/x.enc",
                "media_path": "Media/x.jpg",
                "message_type": 0,
                "chat_session": 2,
                "stanza_id": "3EB0",
                "_line": "WhatsApp message received, 15550100-1@g.us 15550101@s.whatsapp.net: An article, https://a.example/1 \
                          https://a.example/1, https://b.example/2, https://c.example, https://d.example",
            }])
        );
        shake(&ARTIFACT, &database);
    }

    #[test]
    fn sent_empty_and_odd_messages_are_kept() {
        let database = sqlite(&format!(
            "{TABLES} INSERT INTO ZWAMESSAGE (Z_PK, ZISFROMME, ZMESSAGEDATE, ZTOJID, ZTEXT) VALUES
                (1, 1, 600000000, '1@s.whatsapp.net', x'6869'), (2, NULL, NULL, NULL, NULL), (3, 'x', 'y', 1, 2.5);"
        ));
        let records = rows(&ARTIFACT, &database);
        assert_eq!(records[0]["sent"], "2020-01-06T10:40:00.000000+00:00");
        assert_eq!((&records[0]["direction"], &records[0]["message"]), (&json!("sent"), &json!("hi")));
        assert_eq!(records[1]["direction"], "received");
        assert_eq!(records[2]["message"], "2.5");
    }

    #[test]
    fn messages_alone_are_enough() {
        let database = sqlite(
            "CREATE TABLE ZWAMESSAGE (Z_PK INTEGER PRIMARY KEY, ZTEXT, ZMESSAGEDATE, ZISFROMME);
             INSERT INTO ZWAMESSAGE VALUES (1, 'http://a.example', 600000000, 0);",
        );
        assert_eq!(rows(&ARTIFACT, &database)[0]["links"], json!(["http://a.example"]));
    }
}
