use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.interaction_contacts",
    title: "People interacted with",
    about: "Everyone this phone exchanged something with, first and last time; outlives the interactions themselves.",
    files: &["/private/var/mobile/Library/CoreDuet/People/interactionC.db"],
    columns: &[
        time("created", Epoch::Mac, Moment::Logged),
        time("first_incoming_sender", Epoch::Mac, Moment::FirstSeen),
        time("last_incoming_sender", Epoch::Mac, Moment::LastSeen),
        time("first_incoming_recipient", Epoch::Mac, Moment::FirstSeen),
        time("last_incoming_recipient", Epoch::Mac, Moment::LastSeen),
        time("first_outgoing_recipient", Epoch::Mac, Moment::FirstSeen),
        time("last_outgoing_recipient", Epoch::Mac, Moment::LastSeen),
        text("name"),
        email("identifier"),
        email("custom_id"),
        text("person_id"),
        int("incoming_sender_count"),
        int("incoming_recipient_count"),
        int("outgoing_recipient_count"),
    ],
    shows: Trace::Received,
    line: "{name} {identifier}: {incoming_sender_count} interactions from, {outgoing_recipient_count} to",
    parse: Parse::Sqlite {
        table: "ZCONTACTS",
        queries: &["
            SELECT Z_PK, {ZCREATIONDATE}, {ZFIRSTINCOMINGSENDERDATE}, {ZLASTINCOMINGSENDERDATE}, {ZFIRSTINCOMINGRECIPIENTDATE},
                   {ZLASTINCOMINGRECIPIENTDATE}, {ZFIRSTOUTGOINGRECIPIENTDATE}, {ZLASTOUTGOINGRECIPIENTDATE}, {ZDISPLAYNAME},
                   {ZIDENTIFIER}, {ZCUSTOMIDENTIFIER}, {ZPERSONID}, {ZINCOMINGSENDERCOUNT}, {ZINCOMINGRECIPIENTCOUNT},
                   {ZOUTGOINGRECIPIENTCOUNT}
            FROM ZCONTACTS ORDER BY Z_PK"],
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, shake, sqlite};

    #[test]
    fn first_and_last_times_of_a_person() {
        let database = sqlite(
            "CREATE TABLE ZCONTACTS (Z_PK INTEGER PRIMARY KEY, ZDISPLAYNAME, ZIDENTIFIER, ZFIRSTINCOMINGSENDERDATE,
                 ZLASTINCOMINGSENDERDATE, ZINCOMINGSENDERCOUNT, ZOUTGOINGRECIPIENTCOUNT);
             INSERT INTO ZCONTACTS VALUES (1, 'Ada', x'61406578616d706c652e6f7267', 600000000, 600000060, 3, 0),
                                          (2, NULL, NULL, NULL, NULL, NULL, NULL);",
        );
        assert_eq!(
            rows(&ARTIFACT, &database),
            json!([
                {
                    "first_incoming_sender": "2020-01-06T10:40:00.000000+00:00",
                    "last_incoming_sender": "2020-01-06T10:41:00.000000+00:00",
                    "name": "Ada",
                    "identifier": "a@example.org",
                    "incoming_sender_count": 3,
                    "outgoing_recipient_count": 0,
                    "_line": "Ada a@example.org: 3 interactions from, 0 to",
                },
                { "_line": " :  interactions from,  to" },
            ])
        );
        shake(&ARTIFACT, &database);
    }
}
