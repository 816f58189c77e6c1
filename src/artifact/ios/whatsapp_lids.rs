use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.whatsapp_lids",
    title: "WhatsApp linked identities",
    about: "Which phone number stands behind a WhatsApp identity (LID) that hides it.",
    files: &[
        "/private/var/mobile/Containers/Shared/AppGroup/*/LID.sqlite",
        "/private/var/mobile/Containers/Shared/AppGroup/*/ChatStorage.sqlite",
    ],
    columns: &[time("paired", Epoch::Mac, Moment::Logged), text("lid"), phone("phone")],
    shows: Trace::Mentioned,
    line: "WhatsApp associated {lid} with phone number {phone}",
    parse: Parse::Database(pairs),
};

const TABLE: &str = "ZWAPHONENUMBERLIDPAIR";

fn pairs(database: &Database<'_>, out: &mut Out<'_>) -> Result<()> {
    // The chat database holds the pairs on some versions only.
    if !out.path().ends_with("/LID.sqlite") && !database.tables().iter().any(|table| table == TABLE) {
        return Ok(());
    }
    let query = "SELECT Z_PK, {ZTIMESTAMP}, {ZLID}, {ZPHONENUMBER} FROM ZWAPHONENUMBERLIDPAIR ORDER BY Z_PK";
    database.prepare(&[query])?.for_each(&mut |row| {
        let place = Place::row(TABLE, row.value(0).as_int().unwrap_or_default());
        out.push(place, [row.value(1), row.value(2), row.value(3)]);
        Ok(())
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, rows_at, shake, sqlite};

    #[test]
    fn pairs_with_and_without_time() {
        let database = sqlite(
            "CREATE TABLE ZWAPHONENUMBERLIDPAIR (Z_PK INTEGER PRIMARY KEY, ZTIMESTAMP, ZLID, ZPHONENUMBER);
             INSERT INTO ZWAPHONENUMBERLIDPAIR VALUES (1, 600000000, '77@lid', '15550106'), (2, NULL, x'37', NULL);",
        );
        assert_eq!(
            rows(&ARTIFACT, &database),
            json!([
                {
                    "paired": "2020-01-06T10:40:00.000000+00:00",
                    "lid": "77@lid",
                    "phone": "15550106",
                    "_line": "WhatsApp associated 77@lid with phone number 15550106",
                },
                { "lid": "7", "_line": "WhatsApp associated 7 with phone number " },
            ])
        );
        shake(&ARTIFACT, &database);
    }

    #[test]
    fn a_chat_database_may_lack_them_and_the_identity_database_may_not() {
        let database = sqlite("CREATE TABLE ZWAMESSAGE (a);");
        assert_eq!(rows_at(&ARTIFACT, "/g/ChatStorage.sqlite", &database).1, [""; 0]);
        assert_eq!(rows_at(&ARTIFACT, "/g/LID.sqlite", &database).1.len(), 1);
    }
}
