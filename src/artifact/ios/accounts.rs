use crate::artifact::prelude::*;

macro_rules! query {
    ($parent:literal, $join:literal) => {
        concat!(
            "SELECT a.Z_PK, {a.ZDATE}, {a.ZUSERNAME}, {a.ZACCOUNTDESCRIPTION}, {a.ZIDENTIFIER}, {a.ZOWNINGBUNDLEID}, {a.ZACTIVE},
                    {a.ZAUTHENTICATED}, {a.ZVISIBLE}, {t.ZACCOUNTTYPEDESCRIPTION}, {t.ZIDENTIFIER}, ", $parent, "
             FROM ZACCOUNT a ", $join, " ORDER BY a.Z_PK"
        )
    };
}

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.accounts",
    title: "Accounts on the phone",
    about: "Accounts for mail, calendars, contacts, iCloud and others that were set up on the phone.",
    files: &[
        "/private/var/mobile/Library/Accounts/Accounts3.sqlite",
        "/private/var/mobile/Library/Accounts/VerifiedBackup/Accounts3.sqlite",
    ],
    columns: &[
        time("added", Epoch::Mac, Moment::Created),
        email("user"),
        message("description"),
        text("identifier"),
        app_id("owner"),
        boolean("active"),
        boolean("authenticated"),
        boolean("visible"),
        text("kind"),
        text("kind_id"),
        email("parent_user"),
    ],
    shows: Trace::Policy,
    line: "account {user} {description} ({kind}) of {owner}",
    parse: Parse::Sqlite {
        table: "ZACCOUNT",
        queries: &[
            query!(
                "p.ZUSERNAME",
                "LEFT JOIN ZACCOUNTTYPE t ON t.Z_PK = a.ZACCOUNTTYPE LEFT JOIN ZACCOUNT p ON p.Z_PK = a.ZPARENTACCOUNT"
            ),
            query!("NULL", "LEFT JOIN ZACCOUNTTYPE t ON t.Z_PK = a.ZACCOUNTTYPE"),
            query!("NULL", ""),
        ],
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, shake, sqlite};

    #[test]
    fn accounts_name_their_kind_and_the_account_they_belong_to() {
        let database = sqlite(
            "CREATE TABLE ZACCOUNTTYPE (Z_PK INTEGER PRIMARY KEY, ZACCOUNTTYPEDESCRIPTION, ZIDENTIFIER);
             CREATE TABLE ZACCOUNT (Z_PK INTEGER PRIMARY KEY, ZACTIVE, ZAUTHENTICATED, ZVISIBLE, ZACCOUNTTYPE, ZPARENTACCOUNT, ZDATE,
                 ZACCOUNTDESCRIPTION, ZIDENTIFIER, ZOWNINGBUNDLEID, ZUSERNAME);
             INSERT INTO ZACCOUNTTYPE VALUES (9, 'CalDAV', 'com.apple.account.CalDAV');
             INSERT INTO ZACCOUNT VALUES (1, 1, 0, 1, 9, 2, 588814410.5, 'Calendar', 'A-1', 'com.example.a', 'a@example.org'),
                 (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, x'6240');",
        );
        assert_eq!(
            rows(&ARTIFACT, &database),
            json!([
                {"added": "2019-08-29T23:33:30.500000+00:00", "user": "a@example.org", "description": "Calendar", "identifier": "A-1",
                 "owner": "com.example.a", "active": true, "authenticated": false, "visible": true, "kind": "CalDAV",
                 "kind_id": "com.apple.account.CalDAV", "parent_user": "b@",
                 "_line": "account a@example.org Calendar (CalDAV) of com.example.a"},
                {"user": "b@", "_line": "account b@  () of "},
            ])
        );
        shake(&ARTIFACT, &database);
    }

    #[test]
    fn accounts_alone_are_enough() {
        let plain = "CREATE TABLE ZACCOUNT (Z_PK INTEGER PRIMARY KEY, ZUSERNAME, ZACCOUNTTYPE); INSERT INTO ZACCOUNT VALUES (1, 'a', 1);";
        assert_eq!(rows(&ARTIFACT, &sqlite(plain))[0]["user"], "a");
        let typed = format!("{plain} CREATE TABLE ZACCOUNTTYPE (Z_PK INTEGER PRIMARY KEY, ZIDENTIFIER); INSERT INTO ZACCOUNTTYPE VALUES (1, 't');");
        assert_eq!(rows(&ARTIFACT, &sqlite(&typed))[0]["kind_id"], "t");
    }
}
