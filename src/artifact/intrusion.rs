//! Intrusion logs: an event a line, in files that the source has put behind one another, each after a line `# name`.

use std::collections::HashSet;

use anyhow::Result;
use memchr::memmem;
use serde_json::Value as Json;
use sha2::{Digest as _, Sha256};

use super::Out;
use crate::format::text::Lines;
use crate::record::Place;

pub const FILES: &[&str] = &["/intrusion_logs/all"];
pub const KINDS: [&str; 3] = ["dns_event", "connect_event", "security_event"];

/// Events remembered, so that one told by two files counts once; some hundred megabytes.
const MOST_REMEMBERED: usize = 4_000_000;

/// Where a line stands: in which file, and the how-manieth it is.
pub struct Position {
    file: String,
    line: u64,
}

impl Position {
    pub fn place(&self) -> Place {
        if self.file.is_empty() {
            Place::Line { line: self.line }
        } else {
            Place::key(format!("{}, line {}", self.file, self.line))
        }
    }
}

/// Gives every line of every file with its position.
///
/// # Errors
/// When reading fails; the lines before were good.
pub fn lines(lines: &mut Lines<'_>, each: &mut dyn FnMut(&Position, &str)) -> Result<()> {
    let mut position = Position { file: String::new(), line: 0 };
    while let Some((_, line)) = lines.next()? {
        match line.strip_prefix("# ") {
            Some(file) => position = Position { file: file.to_owned(), line: 0 },
            None => {
                position.line += 1;
                if !line.trim().is_empty() {
                    each(&position, line.trim());
                }
            }
        }
    }
    Ok(())
}

/// Gives every event of these kinds once. Lines that are no event are left to the artifact of what is left over.
///
/// # Errors
/// When reading fails; the events before were good.
pub fn events(
    text: &mut Lines<'_>,
    kinds: &[&str],
    out: &mut Out<'_>,
    each: &mut dyn FnMut(&str, Place, &Json, &mut Out<'_>),
) -> Result<()> {
    let mut seen: HashSet<[u8; 16]> = HashSet::new();
    let mut canonical = Vec::new();
    lines(text, &mut |position, line| {
        let named = |kind: &&&str| memmem::find(line.as_bytes(), kind.as_bytes()).is_some();
        if !kinds.iter().any(|kind| named(&kind)) {
            return;
        }
        let Ok(Json::Object(object)) = serde_json::from_str::<Json>(line) else { return };
        for kind in kinds {
            let Some(event) = object.get(*kind) else { continue };
            canonical.clear();
            write_canonical(event, &mut canonical);
            let digest = Sha256::digest([kind.as_bytes(), &canonical].concat());
            let Some(digest) = digest.first_chunk::<16>() else { continue };
            if seen.len() >= MOST_REMEMBERED && !seen.contains(digest) {
                out.warn(None, "too many events to tell repeated ones; some may count twice");
            } else if !seen.insert(*digest) {
                continue;
            }
            each(kind, position.place(), event, out);
        }
    })
}

/// The same bytes whatever the order of members.
fn write_canonical(json: &Json, bytes: &mut Vec<u8>) {
    match json {
        Json::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by(|left, right| left.0.cmp(right.0));
            bytes.push(b'{');
            for (name, value) in members {
                bytes.extend(Json::String(name.clone()).to_string().into_bytes());
                bytes.push(b':');
                write_canonical(value, bytes);
                bytes.push(b',');
            }
            bytes.push(b'}');
        }
        Json::Array(items) => {
            bytes.push(b'[');
            for item in items {
                write_canonical(item, bytes);
                bytes.push(b',');
            }
            bytes.push(b']');
        }
        scalar => bytes.extend(scalar.to_string().into_bytes()),
    }
}

/// The address of `/192.0.2.7` or `name/2001:db8::1`, and the name; an IPv4 address in IPv6 is written as itself.
pub fn address(written: &str) -> (Option<&str>, &str) {
    let (name, address) = written.rsplit_once('/').unwrap_or(("", written));
    let plain = address.strip_prefix("::ffff:").filter(|inner| inner.parse::<std::net::Ipv4Addr>().is_ok());
    (Some(name).filter(|name| !name.is_empty()), plain.unwrap_or(address))
}

/// True for addresses that are no place in the network.
pub fn is_nowhere(address: &str) -> bool {
    ["", "0.0.0.0", "::", "::1", "127.0.0.1"].contains(&address)
}

/// The published example of a log.
#[cfg(test)]
pub const EXAMPLE: &str = r#"{"dns_event":{"event_id":1,"event_time":1767225600123,"hostname":"a.example.org","ip_addresses":["/192.0.2.7"],"ip_addresses_count":1,"package_name":"com.example.app"}}
{"dns_event":{"ip_addresses_count":1,"event_id":1,"event_time":1767225600123,"hostname":"a.example.org","ip_addresses":["/192.0.2.7"],"package_name":"com.example.app"}}
{"connect_event":{"event_id":2,"event_time":1767225601000,"ip_address":"/192.0.2.7","port":443,"package_name":"com.example.app"}}
{"connect_event":{"event_id":3,"event_time":1767225601000,"ip_address":"ip6-localhost/::1","port":80,"package_name":"com.example.app"}}
{"security_event":{"event_id":4,"event_time":1767225602000000000,"app_process_start":{"process":"com.example.app:remote","uid":10123,"pid":4321}}}
{"security_event":{"event_id":5,"event_time":1767225603000000000,"cert_authority_installed":{"success":true,"subject":"CN=Test CA"}}}
{"security_event":{"event_id":6,"event_time":1767225604000000000,"cert_authority_installed":{"success":0,"subject":"CN=Other"}}}
{"security_event":{"event_id":7,"event_time":0,"wipe_failure":{}}}
{"security_event":{"event_id":8,"event_time":1767225605000000000,"package_installed":{"package_name":"com.example.bad","version_code":1,"user_id":0}}}
not json
{"other_event":{"x":1}}
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lose_their_slash_and_mapping() {
        assert_eq!(address("/192.0.2.7"), (None, "192.0.2.7"));
        assert_eq!(address("ip6-localhost/::1"), (Some("ip6-localhost"), "::1"));
        assert_eq!(address("::ffff:192.0.2.7"), (None, "192.0.2.7"));
        assert_eq!(address(""), (None, ""));
        assert!(is_nowhere("::1") && !is_nowhere("192.0.2.7"));
    }
}
