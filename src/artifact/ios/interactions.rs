use std::borrow::Cow;

use crate::artifact::core_data::{JoinTable, join_table, ungroup};
use crate::artifact::links::text_of;
use crate::artifact::prelude::*;
use crate::artifact::whatsapp::{self, People};

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.interactions",
    title: "Interactions with people",
    about: "Messages, mails, calls and shares of all apps as iOS notes them to suggest contacts; outlives deleted messages.",
    files: &["/private/var/mobile/Library/CoreDuet/People/interactionC.db"],
    columns: &[
        time("started", Epoch::Mac, Moment::Started),
        // Null where it is the start, and `created` where it is within an hour of it: they would only double the timeline.
        time("ended", Epoch::Mac, Moment::Ended),
        time("created", Epoch::Mac, Moment::Logged),
        direction("direction"),
        app_id("app"),
        app_id("target_app"),
        email("account"),
        email("domain_identifier"),
        text("group_name"),
        int("mechanism"),
        boolean("is_response"),
        int("recipient_count"),
        url("content_url"),
        text("location_uuid"),
        text("derived_intent_id"),
        text("sender_name"),
        email("sender"),
        text("sender_person_id"),
        email("sender_custom_id"),
        int("sender_row"),
        // One value, or a list in the same order for several recipients or attachments.
        text("recipient_name"),
        email("recipient"),
        text("recipient_person_id"),
        message("content"),
        url("attachment_url"),
        text("attachment_uti"),
        int("attachment_bytes"),
        text("attachment_photo_id"),
        text("attachment_id"),
        text("attachment_cloud_id"),
        // Of WhatsApp, which notes people by addresses that may hide their numbers.
        phone("sender_resolved_phone"),
        text("sender_resolved_name"),
        phone("recipient_resolved_phone"),
        text("recipient_resolved_name"),
        phone("domain_resolved_phone"),
        text("domain_resolved_name"),
    ],
    shows: Trace::Received,
    line: "[{app}] {direction}, account {account}, from {sender_name} {sender} to {recipient_name} {recipient}: {content}",
    parse: Parse::Explained { by: whatsapp::FILES, parse: interactions },
};

/// Where the lists of recipients and attachments begin and end among the values.
const GROUPED: std::ops::Range<usize> = 20..30;

/// Places among the values.
const APP: usize = 4;
const DOMAIN: usize = 7;
const SENDER_ADDRESS: usize = 16;
const SENDER_CUSTOM_ID: usize = 18;
const RECIPIENT: usize = 21;

const WHATSAPP: [&str; 2] = ["net.whatsapp.WhatsApp", "net.whatsapp.WhatsAppSMB"];

const INTERACTIONS: &str = "
    SELECT i.Z_PK, {i.ZSTARTDATE}, {nullif(i.ZENDDATE, i.ZSTARTDATE)},
           {iif(abs(i.ZCREATIONDATE - i.ZSTARTDATE) < 3600, NULL, i.ZCREATIONDATE)},
           CASE {i.ZDIRECTION} WHEN 0 THEN 'received' WHEN 1 THEN 'sent' END,
           {i.ZBUNDLEID}, {i.ZTARGETBUNDLEID}, {i.ZACCOUNT}, {i.ZDOMAINIDENTIFIER}, {i.ZGROUPNAME}, {i.ZMECHANISM},
           {i.ZISRESPONSE}, {i.ZRECIPIENTCOUNT}, {i.ZCONTENTURL}, {i.ZLOCATIONUUID}, {i.ZDERIVEDINTENTIDENTIFIER},
           {s.ZDISPLAYNAME}, {s.ZIDENTIFIER}, {s.ZPERSONID}, {s.ZCUSTOMIDENTIFIER}, {i.ZSENDER},
           {r.names}, {r.identifiers}, {r.person_ids},
           {a.texts}, {a.urls}, {a.utis}, {a.bytes}, {a.photo_ids}, {a.ids}, {a.cloud_ids}
    FROM ZINTERACTIONS i";

const SENDER: &str = " LEFT JOIN ZCONTACTS s ON s.Z_PK = {i.ZSENDER}";

const RECIPIENTS: &str = "
    LEFT JOIN (SELECT j.FIRST AS interaction,
                      group_concat(coalesce({c.ZDISPLAYNAME}, ''), char(31)) AS names,
                      group_concat(coalesce({c.ZIDENTIFIER}, ''), char(31)) AS identifiers,
                      group_concat(coalesce({c.ZPERSONID}, ''), char(31)) AS person_ids
               FROM JOINED j LEFT JOIN ZCONTACTS c ON c.Z_PK = j.SECOND GROUP BY j.FIRST) r
           ON r.interaction = i.Z_PK";

const ATTACHMENTS: &str = "
    LEFT JOIN (SELECT j.FIRST AS interaction,
                      group_concat(coalesce({t.ZCONTENTTEXT}, ''), char(31)) AS texts,
                      group_concat(coalesce({t.ZCONTENTURL}, ''), char(31)) AS urls,
                      group_concat(coalesce({t.ZUTI}, ''), char(31)) AS utis,
                      sum({t.ZSIZEINBYTES}) AS bytes,
                      group_concat(coalesce({t.ZPHOTOLOCALIDENTIFIER}, ''), char(31)) AS photo_ids,
                      group_concat(coalesce({hex(t.ZIDENTIFIER)}, ''), char(31)) AS ids,
                      group_concat(coalesce({t.ZCLOUDIDENTIFIER}, ''), char(31)) AS cloud_ids
               FROM JOINED j LEFT JOIN ZATTACHMENT t ON t.Z_PK = j.SECOND GROUP BY j.FIRST) a
           ON a.interaction = i.Z_PK";

fn interactions(database: &Database<'_>, beside: &[Beside<'_>], out: &mut Out<'_>) -> Result<()> {
    let people = People::of(beside, out);
    let has = |name: &str| database.tables().iter().any(|table| table == name);
    let recipients = join_table(database, "INTERACTIONRECIPIENT", ["INTERACTIONRECIPIENT", "RECIPIENTS"]);
    let attachments = join_table(database, "INTERACTIONS", ["INTERACTIONS", "ATTACHMENTS"]);
    let mut query = INTERACTIONS.to_owned();
    if has("ZCONTACTS") {
        query.push_str(SENDER);
        query.extend(recipients.map(|joined| over(RECIPIENTS, &joined)));
    }
    if has("ZATTACHMENT") {
        query.extend(attachments.map(|joined| over(ATTACHMENTS, &joined)));
    }
    query.push_str(" ORDER BY i.Z_PK");
    database.prepare(&[&query])?.for_each(&mut |row| {
        out.push_row("ZINTERACTIONS", row, |values| {
            GROUPED.for_each(|index| ungroup(values, index));
            values.extend(resolved(values, &people));
        });
        Ok(())
    })?;
    Ok(())
}

/// The people of an interaction in WhatsApp; nulls where they are not known and for every other app.
fn resolved(values: &[Value<'_>], people: &People) -> [Value<'static>; 6] {
    let text = |column| values.get(column).cloned().and_then(|value| text_of(value).map(Cow::into_owned));
    if !text(APP).is_some_and(|app| WHATSAPP.contains(&app.as_str())) {
        return [const { Value::Null }; 6];
    }
    let both = |address: Option<String>| {
        let person = address.map(|address| people.find(&address)).unwrap_or_default();
        [person.phone.into(), person.name.into()]
    };
    let of_sender = [SENDER_ADDRESS, SENDER_CUSTOM_ID].map(text).map(both);
    let [sender, custom] = of_sender;
    let sender = if sender.iter().all(Value::is_null) { custom } else { sender };
    let recipient = match values.get(RECIPIENT) {
        // As the other columns of several recipients: a list in the same order.
        Some(Value::List(addresses)) => {
            let people: Vec<_> = addresses.iter().map(|one| both(text_of(one.clone()).map(Cow::into_owned))).collect();
            [0, 1].map(|which| list(people.iter().map(|person| person[which].clone())))
        }
        _ => both(text(RECIPIENT)),
    };
    let [[a, b], [c, d], [e, f]] = [sender, recipient, both(text(DOMAIN))];
    [a, b, c, d, e, f]
}

/// The list; null if nothing but nulls would be in it.
fn list(values: impl Iterator<Item = Value<'static>>) -> Value<'static> {
    let values: Vec<_> = values.collect();
    if values.iter().all(Value::is_null) { Value::Null } else { Value::List(values) }
}

fn over(join: &str, joined: &JoinTable) -> String {
    let [interaction, other] = &joined.columns;
    join.replace("FIRST", interaction).replace("SECOND", other).replace("JOINED", &joined.table)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, rows_at, rows_beside, shake, sqlite};

    #[test]
    fn recipients_and_attachments_are_joined_under_any_entity_number() {
        let database = sqlite(
            "CREATE TABLE ZINTERACTIONS (Z_PK INTEGER PRIMARY KEY, ZDIRECTION, ZISRESPONSE, ZSENDER, ZCREATIONDATE, ZSTARTDATE,
                 ZENDDATE, ZACCOUNT, ZBUNDLEID, ZDOMAINIDENTIFIER, ZCONTENTURL);
             CREATE TABLE ZCONTACTS (Z_PK INTEGER PRIMARY KEY, ZDISPLAYNAME, ZIDENTIFIER, ZPERSONID);
             CREATE TABLE ZATTACHMENT (Z_PK INTEGER PRIMARY KEY, ZCONTENTTEXT, ZCONTENTURL, ZUTI, ZSIZEINBYTES, ZIDENTIFIER);
             CREATE TABLE Z_1INTERACTIONS (Z_1ATTACHMENTS, Z_4INTERACTIONS);
             CREATE TABLE Z_3INTERACTIONRECIPIENT (Z_3RECIPIENTS, Z_4INTERACTIONRECIPIENT);
             INSERT INTO ZCONTACTS VALUES (1, 'Ada', 'ada@example.org', 'P-1'), (2, NULL, '+15550102', NULL), (3, 'Bo', x'2b33', 'P-3');
             INSERT INTO ZINTERACTIONS VALUES
                 (1, 0, 0, 1, 600000001, 600000000, 600000000, 'me@example.org', 'com.apple.mobilemail', 'd', 'https://a.example'),
                 (2, 1, NULL, NULL, 600010000, 600000000, 600000060, NULL, 'com.apple.MobileSMS', NULL, NULL),
                 (3, NULL, NULL, 99, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
             INSERT INTO Z_3INTERACTIONRECIPIENT VALUES (2, 2), (3, 2), (2, 1);
             INSERT INTO ZATTACHMENT VALUES (1, 'See http://b.example', 'https://c.example', 'public.url', 7, x'51aa');
             INSERT INTO Z_1INTERACTIONS VALUES (1, 1);",
        );
        assert_eq!(
            rows(&ARTIFACT, &database),
            json!([
                {
                    "started": "2020-01-06T10:40:00.000000+00:00",
                    "direction": "received",
                    "app": "com.apple.mobilemail",
                    "account": "me@example.org",
                    "domain_identifier": "d",
                    "is_response": false,
                    "content_url": "https://a.example",
                    "sender_name": "Ada",
                    "sender": "ada@example.org",
                    "sender_person_id": "P-1",
                    "sender_row": 1,
                    "recipient": "+15550102",
                    "content": "See http://b.example",
                    "attachment_url": "https://c.example",
                    "attachment_uti": "public.url",
                    "attachment_bytes": 7,
                    "attachment_id": "51AA",
                    "_line": "[com.apple.mobilemail] received, account me@example.org, from Ada ada@example.org to  +15550102: \
                              See http://b.example",
                },
                {
                    "started": "2020-01-06T10:40:00.000000+00:00",
                    "ended": "2020-01-06T10:41:00.000000+00:00",
                    "created": "2020-01-06T13:26:40.000000+00:00",
                    "direction": "sent",
                    "app": "com.apple.MobileSMS",
                    "recipient_name": [null, "Bo"],
                    "recipient": ["+15550102", "+3"],
                    "recipient_person_id": [null, "P-3"],
                    "_line": "[com.apple.MobileSMS] sent, account , from   to , Bo +15550102, +3: ",
                },
                { "sender_row": 99, "_line": "[] , account , from   to  : " },
            ])
        );
        shake(&ARTIFACT, &database);
    }

    #[test]
    fn interactions_alone_are_enough() {
        let database = sqlite(
            "CREATE TABLE ZINTERACTIONS (Z_PK INTEGER PRIMARY KEY, ZSTARTDATE, ZBUNDLEID); INSERT INTO ZINTERACTIONS VALUES (1, 600000000, 'a.b')",
        );
        let (records, warnings) = rows_at(&ARTIFACT, "/x", &database);
        assert_eq!((&records[0]["app"], warnings.len()), (&json!("a.b"), 0));
    }

    #[test]
    fn addresses_of_whatsapp_are_resolved_by_its_contacts() {
        let database = sqlite(
            "CREATE TABLE ZINTERACTIONS (Z_PK INTEGER PRIMARY KEY, ZSENDER, ZBUNDLEID, ZDOMAINIDENTIFIER);
             CREATE TABLE ZCONTACTS (Z_PK INTEGER PRIMARY KEY, ZIDENTIFIER, ZCUSTOMIDENTIFIER);
             CREATE TABLE Z_2INTERACTIONRECIPIENT (Z_2RECIPIENTS, Z_3INTERACTIONRECIPIENT);
             INSERT INTO ZCONTACTS VALUES (1, '77@lid', NULL), (2, '+15550106', NULL), (3, 'x', '99@lid'), (4, '15550198@s.whatsapp.net', NULL);
             INSERT INTO ZINTERACTIONS VALUES (1, 1, 'net.whatsapp.WhatsApp', '15550100-1@g.us'), (2, NULL, 'net.whatsapp.WhatsApp', '77@lid'),
                 (3, 3, 'net.whatsapp.WhatsAppSMB', NULL), (4, 1, 'com.apple.MobileSMS', '77@lid');
             INSERT INTO Z_2INTERACTIONRECIPIENT VALUES (2, 2), (2, 3), (4, 3);",
        );
        let contacts = sqlite(
            "CREATE TABLE ZWAADDRESSBOOKCONTACT (Z_PK INTEGER PRIMARY KEY, ZLID, ZPHONENUMBER, ZFULLNAME);
             INSERT INTO ZWAADDRESSBOOKCONTACT VALUES (1, '77@lid', '+15550106', 'Press office');",
        );
        let pairs = sqlite(
            "CREATE TABLE ZWAPHONENUMBERLIDPAIR (Z_PK INTEGER PRIMARY KEY, ZLID, ZPHONENUMBER);
             INSERT INTO ZWAPHONENUMBERLIDPAIR VALUES (1, '99@lid', '15550199');",
        );
        let beside = [("/g/ContactsV2.sqlite", contacts), ("/g/LID.sqlite", pairs)];
        let (records, warnings) = rows_beside(&ARTIFACT, "/x", &database, &beside);
        let of = |row: usize| {
            ["sender", "recipient", "domain"].map(|who| {
                ["phone", "name"].map(|what| records[row][format!("{who}_resolved_{what}")].clone())
            })
        };
        let (null, office) = (json!(null), [json!("+15550106"), json!("Press office")]);
        let nobody = [null.clone(), null.clone()];
        assert_eq!(of(0), [office.clone(), nobody.clone(), nobody.clone()]);
        assert_eq!(of(1), [nobody.clone(), [null.clone(), json!("Press office")], office]);
        let several = [json!([null, "+15550198"]), json!(["Press office", null])];
        assert_eq!(of(2), [[json!("+15550199"), null.clone()], several, nobody.clone()]);
        assert_eq!(of(3), [nobody.clone(), nobody.clone(), nobody.clone()]);
        assert_eq!(warnings, [""; 0]);
        // Without WhatsApp's files an address that holds its number still tells it.
        let alone = rows(&ARTIFACT, &database);
        assert_eq!((&alone[0]["sender_resolved_phone"], &alone[2]["recipient_resolved_phone"]), (&null, &json!([null, "+15550198"])));
    }

    #[test]
    fn a_file_of_another_kind_beside_it_is_reported_and_the_rest_is_read() {
        let database = sqlite("CREATE TABLE ZINTERACTIONS (Z_PK INTEGER PRIMARY KEY); INSERT INTO ZINTERACTIONS VALUES (1)");
        let (records, warnings) =
            rows_beside(&ARTIFACT, "/x", &database, &[("/g/ContactsV2.sqlite", sqlite("CREATE TABLE t (a)"))]);
        assert_eq!(records.as_array().unwrap().len(), 1);
        assert!(warnings[0].contains("ContactsV2.sqlite"), "{warnings:?}");
    }
}
