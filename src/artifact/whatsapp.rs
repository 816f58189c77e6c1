//! Who stands behind a WhatsApp address, told from the files in which WhatsApp keeps its contacts.
//!
//! Other programs note only the address: a number (`15550100@s.whatsapp.net`) or a linked identity that hides it (`77@lid`).

use std::collections::HashMap;

use anyhow::Result;

use super::links::text_of;
use super::{Beside, Out};
use crate::format::sqlite::Database;

/// The files that tell it.
pub const FILES: &[&str] =
    &["/private/var/mobile/Containers/Shared/AppGroup/*/ContactsV2.sqlite", PAIRS_FILE];
/// The one of them that tells the numbers behind linked identities.
pub const PAIRS_FILE: &str = "/private/var/mobile/Containers/Shared/AppGroup/*/LID.sqlite";
/// Its table, which some versions keep in the database of chats instead.
pub const PAIRS: &str = "ZWAPHONENUMBERLIDPAIR";

/// Contacts and pairs kept of all files together: some ten megabytes as phones have them, and under 150 whatever they hold.
const ENTRIES_KEPT: usize = 100_000;
/// A longer text is no address, number or name.
const LONGEST_BYTES: usize = 256;

/// A phone number and a name, as far as they are known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Person {
    pub phone: Option<String>,
    pub name: Option<String>,
}

/// The people that WhatsApp knows.
#[derive(Default)]
pub struct People {
    people: Vec<Person>,
    /// Into `people`, by the digits of the number.
    by_number: HashMap<String, usize>,
    /// Into `people`, by the digits before `@lid`.
    by_lid: HashMap<String, usize>,
    /// The digits of the number behind a linked identity.
    numbers: HashMap<String, String>,
}

impl People {
    /// Reads what these files tell; what cannot be read becomes a warning.
    pub fn of(files: &[Beside<'_>], out: &mut Out<'_>) -> People {
        let mut people = People::default();
        for file in files {
            let read =
                if file.path.ends_with("/LID.sqlite") { People::add_pairs } else { People::add_contacts };
            if let Err(error) = read(&mut people, &file.database) {
                out.warn(None, format!("`{}`, which tells who WhatsApp addresses are: {error:#}", file.path));
            }
        }
        people
    }

    fn add_contacts(&mut self, database: &Database<'_>) -> Result<()> {
        let query = "SELECT {ZWHATSAPPID}, {ZLID}, {ZPHONENUMBER}, {ZFULLNAME}, {ZBUSINESSNAME}
                     FROM ZWAADDRESSBOOKCONTACT ORDER BY Z_PK";
        database.prepare(&[query])?.for_each(&mut |row| {
            self.has_room()?;
            let text = |column| text_of(row.value(column)).filter(|text| text.len() <= LONGEST_BYTES);
            let [id, lid, phone] = [0, 1, 2].map(text);
            let number = id.as_deref().filter(|id| id.ends_with(NUMBER)).map(user);
            let number = digits(number.or(phone.as_deref()).unwrap_or_default());
            // A contact may be stored under its linked identity alone.
            let lid = lid.or_else(|| id.filter(|id| id.ends_with(LID)));
            let lid = lid.as_deref().map_or("", user);
            let index = self.people.len();
            self.people.push(Person {
                phone: phone.map(Into::into).or_else(|| international(&number)),
                name: text(3).or_else(|| text(4)).map(Into::into),
            });
            if !lid.is_empty() {
                self.by_lid.entry(lid.to_owned()).or_insert(index);
            }
            if !number.is_empty() {
                self.by_number.entry(number).or_insert(index);
            }
            Ok(())
        })?;
        Ok(())
    }

    /// Adds the pairs that a database holds.
    ///
    /// # Errors
    /// When it does not hold them, is damaged or holds too many: those before have been added.
    pub fn add_pairs(&mut self, database: &Database<'_>) -> Result<()> {
        let query = "SELECT {ZLID}, {ZPHONENUMBER} FROM ZWAPHONENUMBERLIDPAIR ORDER BY Z_PK";
        database.prepare(&[query])?.for_each(&mut |row| {
            let text = |column| text_of(row.value(column)).filter(|text| text.len() <= LONGEST_BYTES);
            let (Some(lid), Some(number)) = (text(0), text(1)) else { return Ok(()) };
            let (lid, number) = (user(&lid), digits(&number));
            self.has_room()?;
            if !lid.is_empty() && !number.is_empty() {
                self.numbers.entry(lid.to_owned()).or_insert(number);
            }
            Ok(())
        })?;
        Ok(())
    }

    fn has_room(&self) -> Result<()> {
        let entries = self.people.len() + self.numbers.len();
        anyhow::ensure!(
            entries < ENTRIES_KEPT,
            "holds more than {ENTRIES_KEPT} people; the others are not looked up"
        );
        Ok(())
    }

    /// The number behind a linked identity; none for every other address.
    pub fn phone_behind(&self, address: &str) -> Option<String> {
        address.ends_with(LID).then(|| self.find(address).phone).flatten()
    }

    /// Who an address stands for; nobody where it is a group's or none of WhatsApp's.
    pub fn find(&self, address: &str) -> Person {
        let of_number = |number: &str| self.by_number.get(number).and_then(|index| self.people.get(*index));
        if address.ends_with(LID) {
            let lid = user(address);
            let contact = self.by_lid.get(lid).and_then(|index| self.people.get(*index));
            let number = self.numbers.get(lid);
            let paired = number.and_then(|number| of_number(number));
            let known = [contact, paired].into_iter().flatten();
            Person {
                phone: known
                    .clone()
                    .find_map(|person| person.phone.clone())
                    .or_else(|| number.and_then(|number| international(number))),
                name: known.clone().find_map(|person| person.name.clone()),
            }
        } else if address.ends_with(NUMBER) {
            let number = digits(user(address));
            let contact = of_number(&number).cloned().unwrap_or_default();
            Person { phone: contact.phone.or_else(|| international(&number)), ..contact }
        } else if address.starts_with('+') {
            // It is the number itself.
            Person { phone: None, name: of_number(&digits(address)).and_then(|person| person.name.clone()) }
        } else {
            Person::default()
        }
    }
}

const LID: &str = "@lid";
const NUMBER: &str = "@s.whatsapp.net";

/// `15550100` of `15550100:3@s.whatsapp.net`, where 3 is one of the person's devices.
fn user(address: &str) -> &str {
    address.split(['@', ':']).next().unwrap_or_default()
}

fn international(number: &str) -> Option<String> {
    (!number.is_empty()).then(|| format!("+{number}"))
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::sqlite;

    fn people(contacts: &str, pairs: &str) -> People {
        let contacts = sqlite(&format!(
            "CREATE TABLE ZWAADDRESSBOOKCONTACT (Z_PK INTEGER PRIMARY KEY, ZWHATSAPPID, ZLID, ZPHONENUMBER, ZFULLNAME); {contacts}"
        ));
        let pairs = sqlite(&format!(
            "CREATE TABLE ZWAPHONENUMBERLIDPAIR (Z_PK INTEGER PRIMARY KEY, ZLID, ZPHONENUMBER); {pairs}"
        ));
        let open = |bytes: Vec<u8>| Database::open(Box::new(bytes), None).unwrap();
        let mut people = People::default();
        people.add_contacts(&open(contacts)).unwrap();
        people.add_pairs(&open(pairs)).unwrap();
        people
    }

    #[test]
    fn broken_files_do_no_harm() {
        let bytes = sqlite(
            "CREATE TABLE ZWAADDRESSBOOKCONTACT (Z_PK INTEGER PRIMARY KEY, ZWHATSAPPID, ZLID, ZPHONENUMBER, ZFULLNAME);
             CREATE TABLE ZWAPHONENUMBERLIDPAIR (Z_PK INTEGER PRIMARY KEY, ZLID, ZPHONENUMBER);
             INSERT INTO ZWAADDRESSBOOKCONTACT VALUES (1, '15550105@s.whatsapp.net', '77@lid', '+1 555 0105', x'ff');
             INSERT INTO ZWAPHONENUMBERLIDPAIR VALUES (1, '77@lid', '15550105');",
        );
        let read = |bytes: &[u8]| {
            let Ok(database) = Database::open(Box::new(bytes.to_vec()), None) else { return };
            let mut people = People::default();
            let _ = (people.add_contacts(&database), people.add_pairs(&database));
            people.find("77@lid");
        };
        for cut in (0..bytes.len()).step_by(97) {
            read(&bytes[..cut]);
            let mut flipped = bytes.clone();
            flipped[cut] ^= 0xff;
            read(&flipped);
        }
    }

    fn found(people: &People, address: &str) -> [String; 2] {
        let person = people.find(address);
        [person.phone, person.name].map(Option::unwrap_or_default)
    }

    #[test]
    fn numbers_and_linked_identities_lead_to_people() {
        let people = people(
            "INSERT INTO ZWAADDRESSBOOKCONTACT VALUES (1, '15550105@s.whatsapp.net', NULL, '+1 555 0105', x'456c696e'),
                 (2, NULL, '77@lid', '+1 555 0106', 'Press office'), (3, '88@lid', NULL, NULL, 'Ada'), (4, NULL, 'odd', NULL, 'Odd'), (5, NULL, '@lid', '-', 'x');",
            "INSERT INTO ZWAPHONENUMBERLIDPAIR VALUES (1, '99@lid', '15550105'), (2, '88', '15550188'), (3, NULL, '1');",
        );
        assert_eq!(found(&people, "15550105@s.whatsapp.net"), ["+1 555 0105", "Elin"]);
        assert_eq!(found(&people, "15550105:3@s.whatsapp.net"), ["+1 555 0105", "Elin"]);
        assert_eq!(found(&people, "15550199@s.whatsapp.net"), ["+15550199", ""]);
        assert_eq!(found(&people, "77@lid"), ["+1 555 0106", "Press office"]);
        assert_eq!(found(&people, "88@lid"), ["+15550188", "Ada"]);
        assert_eq!(found(&people, "99@lid"), ["+1 555 0105", "Elin"]);
        assert_eq!(found(&people, "+1 (555) 0105"), ["", "Elin"]);
        assert_eq!(people.phone_behind("99@lid").as_deref(), Some("+1 555 0105"));
        assert_eq!(people.phone_behind("15550105@s.whatsapp.net"), None);
        for nobody in [
            "15550105-1@g.us",
            "11@lid",
            "other@lid",
            "@lid",
            "@s.whatsapp.net",
            "someone@example.org",
            "+",
            "",
        ] {
            assert_eq!(found(&people, nobody), ["", ""], "{nobody}");
        }
    }
}
