use crate::artifact::prelude::*;

/// Each value goes to the column of its kind: `ABMultiValue.property` 3 is a phone number, 4 an e-mail address, 22 a URL.
macro_rules! query {
    ($($join:literal)*) => {
        concat!(
            "SELECT v.rowid, {p.First}, {p.Middle}, {p.Last}, {p.Organization}, v.property,
                    iif(v.property = 3, v.value, NULL), iif(v.property = 4, v.value, NULL), iif(v.property = 22, v.value, NULL),
                    iif(v.property IN (3, 4, 22), NULL, v.value), {p.CreationDate}, {p.ModificationDate}, v.record_id
             FROM ABMultiValue v ", $($join, " ",)* "WHERE v.value IS NOT NULL ORDER BY v.rowid"
        )
    };
}

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.contacts",
    title: "Contacts",
    about: "The address book: one record for each number, address and link of a person.",
    files: &["/private/var/mobile/Library/AddressBook/AddressBook.sqlitedb"],
    columns: &[
        text("first"),
        text("middle"),
        text("last"),
        text("organisation"),
        // 3 phone, 4 e-mail, 5 address, 13 instant message, 22 URL.
        int("property"),
        phone("phone"),
        email("email"),
        url("url"),
        text("other"),
        // Facts: a person of many numbers would stand in the timeline once for each.
        Column { moment: None, ..time("created", Epoch::Mac, Moment::Created) },
        Column { moment: None, ..time("modified", Epoch::Mac, Moment::Modified) },
        int("person"),
    ],
    shows: Trace::Mentioned,
    line: "Contact {first} {last} {organisation}: {phone}{email}{url}{other}",
    parse: Parse::Sqlite {
        table: "ABMultiValue",
        queries: &[query!("LEFT JOIN ABPerson p ON p.ROWID = v.record_id"), query!("")],
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, shake, sqlite};

    const VALUES: &str = "CREATE TABLE ABMultiValue (UID INTEGER PRIMARY KEY, record_id, property, identifier, label, value);
        INSERT INTO ABMultiValue VALUES (1, 1, 3, 0, 1, '+1 555 0101'), (2, 1, 4, 0, 1, x'61406578616d706c652e6f7267'),
            (3, 9, 22, 0, NULL, 'https://a.example'), (4, 1, 5, 0, 1, NULL), (5, 1, NULL, 0, 1, 'x');";

    #[test]
    fn each_value_goes_to_the_column_of_its_kind() {
        let database = sqlite(&format!(
            "{VALUES} CREATE TABLE ABPerson (ROWID INTEGER PRIMARY KEY, First, Middle, Last, Organization, CreationDate);
             INSERT INTO ABPerson VALUES (1, 'Ada', NULL, x'42ff', 'Engines', 600000000);"
        ));
        let person = json!({"first": "Ada", "last": "B\u{fffd}", "organisation": "Engines", "person": 1,
                            "created": "2020-01-06T10:40:00.000000+00:00"});
        let with = |more: serde_json::Value| {
            let mut record = person.clone();
            record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            record
        };
        assert_eq!(
            rows(&ARTIFACT, &database),
            json!([
                with(json!({"property": 3, "phone": "+1 555 0101", "_line": "Contact Ada B\u{fffd} Engines: +1 555 0101"})),
                with(json!({"property": 4, "email": "a@example.org", "_line": "Contact Ada B\u{fffd} Engines: a@example.org"})),
                {"property": 22, "url": "https://a.example", "person": 9, "_line": "Contact   : https://a.example"},
                with(json!({"other": "x", "_line": "Contact Ada B\u{fffd} Engines: x"})),
            ])
        );
        shake(&ARTIFACT, &database);
    }

    #[test]
    fn values_without_the_table_of_people_are_kept() {
        assert_eq!(rows(&ARTIFACT, &sqlite(VALUES)).as_array().unwrap().len(), 4);
    }
}
