//! A phone as large as real ones, for measuring: messages, chats, visits and manifest rows by the hundred thousand around the
//! ordinary files of the clean phone, with a few planted addresses so that a result can be checked.

use std::path::Path;

use rusqlite::{Connection, params};

use super::backup::{Content, DeviceFile, Form, Phone};
use super::{archive, database, from_sources, sources, typedstream};

/// How many rows of each kind to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    pub messages: u32,
    pub whatsapp: u32,
    pub visits: u32,
    pub files: u32,
}

/// The addresses that are planted, each once, wherever the size has room: the first in a message's text, the second only in a
/// message's attributed text, the third in a WhatsApp message, the fourth in a WhatsApp preview, the fifth as an item of
/// Safari's history, which is visited four times.
pub const PLANTED: [&str; 5] = [
    "https://smscentro.com/pK3vQ9",
    "https://redirectnet.net/a81Xe",
    "https://burgerprince.us/t/2210",
    "https://zougla.news/gardens",
    "https://e7fa2.hot-motors.com/xK2",
];

/// The first day of the phone: 2021-08-01, in seconds since 2001 and since 1970.
const FIRST_DAY_MAC: i64 = 649_468_800;
const FIRST_DAY_UNIX: i64 = 1_627_776_000;
/// Rows are spread over three years.
const SPAN_S: i64 = 3 * 365 * 86_400;

/// Writes a backup of that size, encrypted if there is a password.
pub fn write(folder: &Path, size: Size, password: Option<&str>) {
    let form = password.map_or(Form::Plain, Form::Encrypted);
    phone(size).write(folder, form);
}

/// The phone itself.
pub fn phone(size: Size) -> Phone {
    let mut phone = from_sources("clean-iphone");
    phone.page_size = 4096;
    let whatsapp = "AppDomainGroup-group.net.whatsapp.WhatsApp.shared";
    for (domain, path, bytes) in [
        ("HomeDomain", "Library/SMS/sms.db", messages(size.messages)),
        (whatsapp, "ChatStorage.sqlite", chats(size.whatsapp)),
        ("HomeDomain", "Library/Safari/History.db", history(size.visits)),
    ] {
        let key = (domain.to_owned(), path.to_owned());
        phone.files.get_mut(&key).expect("the clean phone has it").content = Content::Bytes(bytes);
    }
    add_files(&mut phone, size.files);
    phone
}

/// Numbers that look random and are always the same (xorshift of 64 bits).
struct Numbers(u64);

impl Numbers {
    fn new(seed: u64) -> Numbers {
        Numbers(seed ^ 0x9e37_79b9_7f4a_7c15)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: i64) -> i64 {
        (self.next() % bound.unsigned_abs()) as i64
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len() as i64) as usize]
    }

    /// A sentence; most are short, some are long.
    fn sentence(&mut self) -> String {
        let words = match self.below(20) {
            0 => 40 + self.below(60),
            1..=4 => 12 + self.below(20),
            _ => 2 + self.below(9),
        };
        let mut text = String::new();
        for place in 0..words {
            if place > 0 {
                text.push(' ');
            }
            text.push_str(self.pick(&WORDS));
        }
        text
    }

    fn link(&mut self) -> String {
        let (host, path) = (self.pick(&HOSTS), self.pick(&WORDS));
        format!("https://{host}/{path}/{:x}", self.below(1 << 32))
    }

    /// A sentence, one in twelve with a link at its end.
    fn message(&mut self) -> (String, Option<String>) {
        let text = self.sentence();
        match self.below(12) {
            0 => {
                let link = self.link();
                (format!("{text} {link}"), Some(link))
            }
            _ => (text, None),
        }
    }
}

const WORDS: [&str; 48] = [
    "the",
    "a",
    "and",
    "to",
    "we",
    "you",
    "it",
    "is",
    "was",
    "tomorrow",
    "today",
    "late",
    "train",
    "school",
    "home",
    "dinner",
    "please",
    "thanks",
    "sure",
    "later",
    "meeting",
    "coffee",
    "where",
    "when",
    "call",
    "back",
    "found",
    "keys",
    "doctor",
    "weekend",
    "weather",
    "rain",
    "garden",
    "photo",
    "ticket",
    "great",
    "maybe",
    "förmiddag",
    "déjà",
    "привет",
    "明日",
    "👍",
    "kids",
    "work",
    "office",
    "bread",
    "milk",
    "bicycle",
];
const HOSTS: [&str; 10] = [
    "www.example.org",
    "news.example.org",
    "shop.example.com",
    "maps.example.net",
    "video.example.com",
    "docs.example.org",
    "en.wikipedia.org",
    "support.apple.com",
    "smscentro.example.org",
    "notredirectnet.example.net",
];

/// When row `index` of `count` happened, in seconds after the first day.
fn offset(index: u32, count: u32) -> i64 {
    i64::from(index) * SPAN_S / i64::from(count.max(1))
}

fn schema(name: &str) -> String {
    sources::sql(&format!(".read schema/{name}.sql"))
}

fn messages(count: u32) -> Vec<u8> {
    let mut numbers = Numbers::new(1);
    let handles = (count / 500).max(20);
    database::build_with(4096, |connection| {
        connection.execute_batch(&schema("sms"))?;
        people(connection, handles)?;
        let mut insert = connection.prepare(
            "INSERT INTO message (ROWID, guid, text, attributedBody, handle_id, service, account, date, date_read,
                is_from_me, is_read, is_finished) VALUES (?, ?, ?, ?, ?, ?, 'E:sam@example.org', ?, ?, ?, 1, 1)",
        )?;
        let mut join = connection.prepare("INSERT INTO chat_message_join VALUES (?, ?, ?)")?;
        for index in 0..count {
            let (mut text, mut link) = numbers.message();
            let mut bare = numbers.below(3) == 0;
            if let Some(planted) = planted(index, count, &PLANTED[..2]) {
                text = format!("Please look: {planted}");
                link = Some(planted.to_owned());
                bare = planted == PLANTED[1];
            }
            let body = typedstream::message(&text, link.as_deref());
            let handle = 1 + numbers.below(handles.into());
            let date = (FIRST_DAY_MAC + offset(index, count)) * 1_000_000_000 + numbers.below(1_000_000_000);
            let sent = numbers.below(2);
            let row = index + 1;
            let guid =
                format!("{:08X}-{:04X}-4000-8000-{row:012X}", numbers.below(1 << 32), numbers.below(1 << 16));
            let service = if handle % 4 == 0 { "SMS" } else { "iMessage" };
            let read = if sent == 1 { 0 } else { date + 60_000_000_000 };
            insert.execute(params![
                row,
                guid,
                (!bare).then_some(text),
                body,
                handle,
                service,
                date,
                read,
                sent
            ])?;
            join.execute(params![handle, row, date])?;
        }
        Ok(())
    })
}

fn people(connection: &Connection, count: u32) -> rusqlite::Result<()> {
    let mut handle =
        connection.prepare("INSERT INTO handle (ROWID, id, country, service) VALUES (?, ?, 'us', ?)")?;
    let mut chat = connection.prepare(
        "INSERT INTO chat (ROWID, guid, style, state, chat_identifier, service_name) VALUES (?, ?, 45, 3, ?, ?)",
    )?;
    for row in 1..=count {
        let service = if row % 4 == 0 { "SMS" } else { "iMessage" };
        let id = if row % 3 == 0 { format!("person{row}@example.org") } else { format!("+1555{row:07}") };
        handle.execute(params![row, id, service])?;
        chat.execute(params![row, format!("{service};-;{id}"), id, service])?;
        connection.execute("INSERT INTO chat_handle_join VALUES (?1, ?1)", [row])?;
    }
    Ok(())
}

/// The planted address that belongs in a row, if one does: they lie at equal distances, away from both ends.
fn planted<'a>(index: u32, count: u32, addresses: &[&'a str]) -> Option<&'a str> {
    let step = count / (addresses.len() as u32 + 1);
    let place = (step > 0 && index > 0 && index.is_multiple_of(step)).then(|| (index / step) as usize)?;
    addresses.get(place.checked_sub(1)?).copied()
}

fn chats(count: u32) -> Vec<u8> {
    let mut numbers = Numbers::new(2);
    let sessions = (count / 2_000).max(10);
    database::build_with(4096, |connection| {
        connection.execute_batch(&schema("whatsapp"))?;
        let mut session = connection.prepare(
            "INSERT INTO ZWACHATSESSION (Z_PK, Z_ENT, Z_OPT, ZSESSIONTYPE, ZARCHIVED, ZREMOVED, ZMESSAGECOUNTER,
                ZCONTACTJID, ZPARTNERNAME, ZLASTMESSAGEDATE) VALUES (?, 4, 1, 0, 0, 0, ?, ?, ?, ?)",
        )?;
        for row in 1..=sessions {
            let last = FIRST_DAY_MAC + SPAN_S;
            session.execute(params![
                row,
                count / sessions,
                jid(row.into()),
                format!("Person {row}"),
                last
            ])?;
        }
        let mut insert = connection.prepare(
            "INSERT INTO ZWAMESSAGE (Z_PK, Z_ENT, Z_OPT, ZISFROMME, ZMESSAGETYPE, ZSORT, ZCHATSESSION, ZMESSAGEDATE,
                ZFROMJID, ZTOJID, ZSTANZAID, ZTEXT) VALUES (?, 9, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )?;
        let mut media = connection.prepare(
            "INSERT INTO ZWAMEDIAITEM (Z_ENT, Z_OPT, ZMESSAGE, ZFILESIZE, ZMEDIALOCALPATH, ZMEDIAURL)
                VALUES (8, 1, ?, ?, ?, ?)",
        )?;
        let mut preview = connection.prepare(
            "INSERT INTO ZWAMESSAGEDATAITEM (Z_ENT, Z_OPT, ZINDEX, ZTYPE, ZMESSAGE, ZDATE, ZCONTENT1, ZMATCHEDTEXT, ZTITLE)
                VALUES (10, 1, 0, 1, ?, ?, ?, ?, ?)",
        )?;
        for index in 0..count {
            let row = index + 1;
            let (mut text, mut link) = numbers.message();
            let planted = planted(index, count, &PLANTED[2..4]);
            match planted {
                Some(address) if address == PLANTED[2] => text = format!("Please look: {address}"),
                Some(address) => link = Some(address.to_owned()),
                None => {}
            }
            let session = 1 + numbers.below(sessions.into());
            let date = (FIRST_DAY_MAC + offset(index, count)) as f64 + numbers.below(1_000) as f64 / 1_000.0;
            let picture = numbers.below(8) == 0 && planted.is_none();
            let sent = numbers.below(2) == 1;
            let (from, to) = if sent { (None, Some(jid(session))) } else { (Some(jid(session)), None) };
            let stanza = format!("3EB0{:016X}", numbers.next());
            let kind = u8::from(picture);
            let shown = (!picture || link.is_some()).then_some(text.as_str());
            insert.execute(params![row, sent, kind, row, session, date, from, to, stanza, shown])?;
            if picture {
                let url = format!("https://mmg.whatsapp.net/v/t62.7118-24/{:x}.enc", numbers.next());
                let path = format!("Media/{}/{:x}/{stanza}.jpg", jid(session), row % 16);
                media.execute(params![row, numbers.below(900_000), path, url])?;
            }
            if let Some(link) = link {
                preview.execute(params![row, date, link, link, numbers.sentence()])?;
            }
        }
        Ok(())
    })
}

fn jid(person: i64) -> String {
    format!("1555{person:07}@s.whatsapp.net")
}

fn history(count: u32) -> Vec<u8> {
    let mut numbers = Numbers::new(3);
    let items = (count / 4).max(1);
    database::build_with(4096, |connection| {
        connection.execute_batch(&schema("safari_history"))?;
        let mut item = connection.prepare(
            "INSERT INTO history_items (id, url, domain_expansion, visit_count, daily_visit_counts,
                should_recompute_derived_visit_counts, visit_count_score) VALUES (?, ?, ?, 4, x'04000000', 0, 400)",
        )?;
        for index in 0..items {
            let url = match planted(index, items, &PLANTED[4..]) {
                Some(address) => address.to_owned(),
                None => format!("{}?p={index}", numbers.link()),
            };
            let expansion =
                url.split('/').nth(2).and_then(|host| host.rsplit_once('.')).map(|(name, _)| name);
            item.execute(params![index + 1, url, expansion])?;
        }
        let mut visit = connection.prepare(
            "INSERT INTO history_visits (id, history_item, visit_time, title, origin) VALUES (?, ?, ?, ?, ?)",
        )?;
        for index in 0..count {
            let time = (FIRST_DAY_MAC + offset(index, count)) as f64 + numbers.below(1_000) as f64 / 1_000.0;
            let title = format!("{} {}", numbers.pick(&WORDS), numbers.pick(&WORDS));
            let origin = u8::from(numbers.below(5) == 0);
            visit.execute(params![index + 1, 1 + index % items, time, title, origin])?;
        }
        Ok(())
    })
}

/// Rows of the manifest as pictures and app files make them; one in ten has a payload, one in ten is absent, and the rest are
/// empty files, so that the backup stays small.
fn add_files(phone: &mut Phone, count: u32) {
    let mut numbers = Numbers::new(4);
    let state =
        archive::binary(&plist::Value::Array(vec![plist::Value::from("state"), plist::Value::from(1)]));
    for index in 0..count {
        let (domain, path) = match numbers.below(4) {
            0 => (
                "CameraRollDomain",
                format!("Media/DCIM/{:03}APPLE/IMG_{index:06}.HEIC", 100 + index / 1_000),
            ),
            1 => (
                "AppDomain-net.whatsapp.WhatsApp",
                format!("Library/Media/{:02x}/{index:08x}.thumb", index % 256),
            ),
            2 => ("HomeDomain", format!("Library/Mail/Parts/{:02x}/{index}.plist", index % 256)),
            _ => (
                "AppDomain-com.google.chrome.ios",
                format!(
                    "Library/WebKit/WebsiteData/LocalStorage/https_h{index}.{}_0.localstorage",
                    numbers.pick(&HOSTS)
                ),
            ),
        };
        let content = match numbers.below(10) {
            0 => Content::Bytes(state.clone()),
            1 => Content::Missing,
            _ => Content::Bytes(Vec::new()),
        };
        let born = FIRST_DAY_UNIX + offset(index, count);
        let modified = born + numbers.below(86_400);
        let file = DeviceFile { content, born, modified, changed: modified };
        phone.files.insert((domain.to_owned(), path), file);
    }
    phone.add_folders(FIRST_DAY_UNIX);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(bytes: &[u8], text: &str) -> bool {
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    }

    #[test]
    fn the_same_size_gives_the_same_bytes_with_every_address_planted() {
        let size = Size { messages: 60, whatsapp: 60, visits: 60, files: 60 };
        let build = || {
            let mut all = Vec::new();
            phone(size).emit(Form::Plain, |path, bytes| all.push((path.to_owned(), bytes.to_vec())));
            all
        };
        let first = build();
        assert!(first == build());
        for address in PLANTED {
            let found = first.iter().filter(|(_, bytes)| contains(bytes, address)).count();
            assert_eq!(found, 1, "{address}");
        }
    }
}
