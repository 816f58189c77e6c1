//! Events that the keychain and trust services keep for Apple's statistics: `TLSAnalytics.db` and its neighbours.

use std::collections::HashSet;

use anyhow::Result;
use plist::Value as Plist;

use super::Out;
use super::property_list::{members, moment_of, sha256};
use crate::format::keyed;
use crate::format::sqlite::Database;
use crate::record::{Place, Value};

pub const FILES: &[&str] =
    &["/private/var/Keychains/Analytics/*.db", "/private/var/protected/**/Analytics/*.db"];

const TABLES: [&str; 4] = ["hard_failures", "soft_failures", "all_events", "notes"];
/// Different events kept of one database.
const MOST_EVENTS: usize = 500_000;

/// One event.
pub struct Event<'a> {
    pub place: Place,
    pub table: &'static str,
    /// Seconds since 1970.
    pub happened: Value<'a>,
    /// Its values by the keys that lead to them, joined by `/`.
    pub fields: Vec<(String, Value<'static>)>,
}

impl Event<'_> {
    pub fn text(&self, key: &str) -> Option<&str> {
        self.fields.iter().find(|(name, _)| name == key).and_then(|(_, value)| value.as_text())
    }
}

/// Gives the events of all tables; one that stands in several tables once.
///
/// # Errors
/// When a table is damaged; those before it have been read.
pub fn events(
    database: &Database<'_>,
    out: &mut Out<'_>,
    mut each: impl FnMut(Event<'_>, &mut Out<'_>),
) -> Result<()> {
    let mut seen = HashSet::new();
    for table in TABLES {
        if !database.tables().iter().any(|known| known == table) {
            continue;
        }
        let query = format!("SELECT rowid, {{timestamp}}, {{data}} FROM {table} ORDER BY rowid");
        database.prepare(&[&query])?.for_each(&mut |row| {
            let place = Place::row(table, row.value(0).as_int().unwrap_or_default());
            let data = row.value(2);
            let fields = match &data {
                Value::Bytes(bytes) => {
                    let key = format!("{} {}", row.value(1).show(), sha256(bytes));
                    if seen.len() >= MOST_EVENTS {
                        out.warn(None, "has too many events: the rest is not read");
                        return Ok(());
                    }
                    if !seen.insert(key) {
                        return Ok(());
                    }
                    match keyed::parse(bytes) {
                        Ok(list) => leaves(&list),
                        Err(error) => {
                            out.warn(
                                Some(place.clone()),
                                format!("the data of an event cannot be read: {error:#}"),
                            );
                            Vec::new()
                        }
                    }
                }
                _ => Vec::new(),
            };
            if fields.is_empty() && row.filled(1).is_none() {
                return Ok(());
            }
            each(Event { place, table, happened: row.value(1), fields }, out);
            Ok(())
        })?;
    }
    Ok(())
}

fn leaves(list: &Plist) -> Vec<(String, Value<'static>)> {
    let mut fields = Vec::new();
    members(list, &mut |path, value| {
        let value = match value {
            Plist::String(text) => text.clone().into(),
            Plist::Boolean(flag) => (*flag).into(),
            Plist::Data(bytes) => Value::Bytes(bytes.clone().into()),
            Plist::Integer(_) | Plist::Real(_) | Plist::Date(_) => moment_of(value),
            _ => return,
        };
        fields.push((path.to_owned(), value));
    });
    fields
}

/// Databases made for tests.
#[cfg(test)]
pub mod testing {
    use crate::artifact::testing::sqlite;

    pub fn data(members: &str) -> String {
        crate::record::hex(format!("<plist version=\"1.0\"><dict>{members}</dict></plist>").as_bytes())
    }

    pub fn database(rows: &str) -> Vec<u8> {
        sqlite(&format!(
            "CREATE TABLE hard_failures (id INTEGER PRIMARY KEY, timestamp REAL, data BLOB);
             CREATE TABLE soft_failures (id INTEGER PRIMARY KEY, timestamp REAL, data BLOB);
             CREATE TABLE all_events (id INTEGER PRIMARY KEY, timestamp REAL, data BLOB); {rows}"
        ))
    }
}
