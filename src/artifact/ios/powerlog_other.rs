use std::net::IpAddr;

use super::{powerlog_apps, powerlog_device, powerlog_media, powerlog_network, powerlog_processes};
use crate::artifact::powerlog::{self, Seen};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.powerlog_other",
    title: "Names in the other tables of the power log",
    about: "Names of programs, apps and servers in the hundreds of tables that no other artifact reads, each once a table.",
    files: powerlog::FILES,
    columns: &[
        time("first_seen", Epoch::Unix, Moment::FirstSeen),
        time("last_seen", Epoch::Unix, Moment::LastSeen),
        text("text"),
        process("name"),
        app_id("bundle_id"),
        host("host"),
        url("url"),
        email("email"),
        int("rows"),
        text("table"),
        text("column"),
    ],
    shows: Trace::Executed,
    line: "{text} stands in {rows} rows of the power log, {table}.{column}",
    parse: Parse::Database(|database, out| powerlog::read_texts(database, is_other, is_name, out, push)),
};

fn is_other(table: &str) -> bool {
    let read = [
        powerlog_apps::TABLES,
        powerlog_device::TABLES,
        powerlog_media::TABLES,
        powerlog_network::TABLES,
        powerlog_processes::TABLES,
    ];
    // Obfuscated tables hold digests of names.
    !table.contains("Obfuscated")
        && !table.starts_with("sqlite_")
        && !read.iter().any(|tables| tables.iter().any(|known| known.name == table))
}

/// Longer texts are no names.
const LONGEST_NAME_BYTES: usize = 512;

/// True for what may be the name of a program, app, server or mailbox: one word that is no number and no id, or a path.
fn is_name(text: &str) -> bool {
    if !(2..=LONGEST_NAME_BYTES).contains(&text.len()) || text.chars().any(char::is_control) {
        return false;
    }
    if text.starts_with('/') {
        return true;
    }
    let is_id = text.len() >= 8 && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    !text.contains(char::is_whitespace)
        && !is_id
        && (text.chars().any(char::is_alphabetic) || text.parse::<IpAddr>().is_ok())
}

/// `com.example.app`
fn is_dotted(text: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
    };
    text.contains('.') && text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.split('.').all(is_label)
}

/// Bundle ids are host names written backwards.
fn is_reversed(text: &str) -> bool {
    const TOP: [&str; 12] = ["com", "org", "net", "io", "co", "me", "de", "uk", "fr", "ru", "cn", "app"];
    text.split('.').next().is_some_and(|first| TOP.contains(&first.to_ascii_lowercase().as_str()))
}

/// Language codes, units and states are short words too: these are names only where the column says so.
const SHORT_BYTES: usize = 5;
const OF_PROGRAMS: [&str; 5] = ["process", "daemon", "client", "executable", "launchd"];

fn may_be_program(column: &str, text: &str) -> bool {
    let column = column.to_ascii_lowercase();
    text.len() >= SHORT_BYTES || OF_PROGRAMS.iter().any(|word| column.contains(word))
}

fn push(place: Place, seen: Seen<'_>, out: &mut Out<'_>) {
    let text = seen.text;
    let when = |is: bool| if is { Value::from(text) } else { Value::Null };
    let is_url = text.contains("://");
    let is_email = !is_url && text.contains('@') && !text.starts_with('/');
    let is_address = text.parse::<IpAddr>().is_ok();
    let is_program = !is_url && !is_email && !is_address;
    if is_program && !may_be_program(seen.column, text) {
        return;
    }
    let is_dotted = is_dotted(text);
    out.push(
        place,
        [
            seen.first,
            seen.last,
            text.into(),
            when(is_program),
            when(is_dotted),
            when(is_address || is_dotted && !is_reversed(text)),
            when(is_url),
            when(is_email),
            seen.rows.into(),
            seen.table.into(),
            seen.column.into(),
        ],
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    #[test]
    fn names_of_unknown_tables_are_told_once_with_their_span() {
        let database = sqlite(
            "CREATE TABLE PLStorageOperator_EventForward_TimeOffset (ID INTEGER PRIMARY KEY, timestamp REAL, system REAL);
             INSERT INTO PLStorageOperator_EventForward_TimeOffset VALUES (1, 1684900000, 0);
             CREATE TABLE PLProcessMonitorAgent_EventBackward_ProcessMonitor (ID INTEGER PRIMARY KEY, timestamp REAL);
             INSERT INTO PLProcessMonitorAgent_EventBackward_ProcessMonitor VALUES (5, 1684900000), (6, 1684900060);
             CREATE TABLE PLProcessMonitorAgent_EventBackward_ProcessMonitor_Dynamic (ID INTEGER PRIMARY KEY, FK_ID INTEGER, ProcessName TEXT, value);
             INSERT INTO PLProcessMonitorAgent_EventBackward_ProcessMonitor_Dynamic VALUES (1, 5, 'bh', 1), (2, 6, 'bh', 2), (3, 9, 'bh', 'x y');
             CREATE TABLE PLNew_EventPoint_X (ID INTEGER PRIMARY KEY, timestamp, a, \"b\"\"c\");
             INSERT INTO PLNew_EventPoint_X VALUES (1, 1684900000, 'com.example.a', 'https://a.example/'), (9, 1, 'bh', NULL),
                 (2, NULL, '0123456789abcdef', '203.0.113.5'), (3, NULL, 12, NULL), (4, NULL, 'a@example.org', '/private/var/tmp/x y');
             CREATE TABLE PLNew_EventPoint_XObfuscated (ID INTEGER PRIMARY KEY, a); INSERT INTO PLNew_EventPoint_XObfuscated VALUES (1, 'secret');",
        );
        let (records, warnings) = rows_at(&ARTIFACT, "", &database);
        assert!(warnings.is_empty(), "{warnings:?}");
        assert_eq!(
            records[0],
            json!({"first_seen": "2023-05-24T03:46:40.000000+00:00", "last_seen": "2023-05-24T03:47:40.000000+00:00", "text": "bh", "name": "bh",
                "rows": 3, "table": "PLProcessMonitorAgent_EventBackward_ProcessMonitor_Dynamic", "column": "ProcessName",
                "_line": "bh stands in 3 rows of the power log, PLProcessMonitorAgent_EventBackward_ProcessMonitor_Dynamic.ProcessName"})
        );
        let found: Vec<_> = records.as_array().unwrap()[1..]
            .iter()
            .map(|row| ["name", "bundle_id", "host", "url", "email"].map(|key| row[key].as_str().unwrap_or("").to_owned()))
            .collect();
        assert_eq!(
            found,
            [
                ["com.example.a", "com.example.a", "", "", ""],
                ["", "", "", "", "a@example.org"],
                ["", "", "", "https://a.example/", ""],
                ["", "", "203.0.113.5", "", ""],
                ["/private/var/tmp/x y", "", "", "", ""],
            ]
        );
        shake(&ARTIFACT, &database);
    }
}
