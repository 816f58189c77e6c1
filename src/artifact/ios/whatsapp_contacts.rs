use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.whatsapp_contacts",
    title: "WhatsApp contacts",
    about: "People WhatsApp knows, with their about texts and the timers of disappearing messages.",
    files: &["/private/var/mobile/Containers/Shared/AppGroup/*/ContactsV2.sqlite"],
    columns: &[
        time("last_updated", Epoch::Mac, Moment::Updated),
        time("about_changed", Epoch::Mac, Moment::Modified),
        time("about_expires", Epoch::Mac, Moment::Scheduled),
        time("disappearing_set", Epoch::Mac, Moment::Modified),
        text("whatsapp_id"),
        text("lid"),
        phone("phone"),
        phone("localized_phone"),
        text("full_name"),
        text("given_name"),
        text("last_name"),
        text("user_name"),
        text("business_name"),
        message("about"),
        text("about_emoji"),
        message("notes"),
        int("disappearing_s"),
        text("disappearing"),
        int("phone_status"),
        int("sync_policy"),
    ],
    shows: Trace::Mentioned,
    line: "WhatsApp contact {full_name} ({whatsapp_id} {phone}): {about}; disappearing messages {disappearing}",
    parse: Parse::Sqlite {
        table: "ZWAADDRESSBOOKCONTACT",
        queries: &["
            SELECT Z_PK, {ZLASTUPDATED}, {ZABOUTTIMESTAMP}, {ZABOUTEXPIRATIONTIMESTAMP}, {ZDISAPPEARINGMODETIMESTAMP},
                   {ZWHATSAPPID}, {ZLID}, {ZPHONENUMBER}, {ZLOCALIZEDPHONENUMBER}, {ZFULLNAME}, {ZGIVENNAME}, {ZLASTNAME},
                   {ZUSERNAME}, {ZBUSINESSNAME}, {ZABOUTTEXT}, {ZABOUTEMOJI}, {ZNOTES}, {ZDISAPPEARINGMODEDURATION},
                   {CASE coalesce(ZDISAPPEARINGMODEDURATION, 0)
                        WHEN 0 THEN 'off' WHEN 86400 THEN '24 hours' WHEN 604800 THEN '7 days' WHEN 1209600 THEN '14 days'
                        WHEN 2592000 THEN '30 days' WHEN 7776000 THEN '90 days'
                        ELSE ZDISAPPEARINGMODEDURATION || ' seconds' END},
                   coalesce({ZPHONESTATUS}, {ZPHONENUMBERSTATUS}), {ZSYNCPOLICY}
            FROM ZWAADDRESSBOOKCONTACT ORDER BY Z_PK"],
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, shake, sqlite};

    #[test]
    fn timers_have_words_and_names_may_be_blobs() {
        let database = sqlite(
            "CREATE TABLE ZWAADDRESSBOOKCONTACT (Z_PK INTEGER PRIMARY KEY, ZWHATSAPPID, ZFULLNAME, ZABOUTTEXT, ZABOUTTIMESTAMP,
                 ZDISAPPEARINGMODEDURATION, ZDISAPPEARINGMODETIMESTAMP, ZLASTUPDATED, ZPHONENUMBERSTATUS);
             INSERT INTO ZWAADDRESSBOOKCONTACT VALUES (1, '1@s.whatsapp.net', x'416461', 'See https://a.example', 600000000, 604800,
                 600000060, 600000120, 1), (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL), (3, NULL, NULL, NULL, NULL, 5, NULL, NULL, NULL);",
        );
        assert_eq!(
            rows(&ARTIFACT, &database),
            json!([
                {
                    "last_updated": "2020-01-06T10:42:00.000000+00:00",
                    "about_changed": "2020-01-06T10:40:00.000000+00:00",
                    "disappearing_set": "2020-01-06T10:41:00.000000+00:00",
                    "whatsapp_id": "1@s.whatsapp.net",
                    "full_name": "Ada",
                    "about": "See https://a.example",
                    "disappearing_s": 604_800,
                    "disappearing": "7 days",
                    "phone_status": 1,
                    "_line": "WhatsApp contact Ada (1@s.whatsapp.net ): See https://a.example; disappearing messages 7 days",
                },
                { "disappearing": "off", "_line": "WhatsApp contact  ( ): ; disappearing messages off" },
                {
                    "disappearing_s": 5,
                    "disappearing": "5 seconds",
                    "_line": "WhatsApp contact  ( ): ; disappearing messages 5 seconds",
                },
            ])
        );
        shake(&ARTIFACT, &database);
    }

    #[test]
    fn without_timers_nothing_is_said_about_them() {
        let database = sqlite("CREATE TABLE ZWAADDRESSBOOKCONTACT (Z_PK INTEGER PRIMARY KEY, ZLID, ZPHONESTATUS); INSERT INTO ZWAADDRESSBOOKCONTACT VALUES (1, '7@lid', 3);");
        assert_eq!(
            rows(&ARTIFACT, &database),
            json!([{ "lid": "7@lid", "phone_status": 3, "_line": "WhatsApp contact  ( ): ; disappearing messages " }])
        );
    }
}
