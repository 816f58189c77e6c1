//! What `dumpsys adb` tells: who may debug the phone, and whether over the air.

use std::collections::HashMap;

use anyhow::Result;
use md5::{Digest, Md5};

use super::android_text::is_foreign;
use crate::format::text::Lines;

/// The state as far as it was printed.
#[derive(Default)]
pub struct State {
    /// The line on which it begins.
    pub line: u64,
    fields: HashMap<String, String>,
    pub keys: Vec<Key>,
    /// Hardware addresses of the access points where debugging over the air was allowed for good.
    pub networks: Vec<String>,
    /// True if the closing bracket came.
    pub complete: bool,
}

/// A key that may debug the phone.
pub struct Key {
    pub line: u64,
    /// `user_keys`, `system_keys` or `keystore`.
    pub list: &'static str,
    pub key: String,
    /// What the computer calls itself.
    pub user: Option<String>,
    /// Upper-case hexadecimal with colons, as the phone shows it; `None` if the key is no base64.
    pub fingerprint: Option<String>,
    /// Unix milliseconds.
    pub last_connected_ms: Option<i64>,
}

impl State {
    /// A field by its name; those of the part about wireless debugging begin with `adb_wifi.`
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str).filter(|value| !matches!(*value, "null" | ""))
    }
}

/// Keys read of one phone.
const KEYS_MOST: usize = 10_000;
/// A key store is read up to this length.
const LONGEST_BYTES: usize = 4 << 20;
const LISTS: [&str; 3] = ["user_keys", "system_keys", "keystore"];

/// Reads the state; `None` where the phone printed none.
///
/// # Errors
/// When reading fails.
pub fn read(lines: &mut Lines<'_>) -> Result<Option<State>> {
    let mut state: Option<State> = None;
    let mut blocks: Vec<String> = Vec::new();
    let mut list: Option<(u64, &'static str, String)> = None;
    while let Some((number, line)) = lines.next()? {
        if is_foreign(&line) {
            continue;
        }
        let text = line.trim();
        let Some(state) = &mut state else {
            if line.trim_end() == "{" {
                state = Some(State { line: number, ..State::default() });
            }
            continue;
        };
        if let Some((from, name, value)) = &mut list {
            let ends = text.is_empty() || text == "}" || begins_field(text);
            if !ends {
                if value.len() + text.len() < LONGEST_BYTES {
                    value.push('\n');
                    value.push_str(text);
                }
                continue;
            }
            state.take_list(*from, name, value);
            list = None;
        }
        if line.trim_end() == "}" {
            state.complete = true;
            break;
        }
        if text == "}" {
            blocks.pop();
        } else if let Some((name, value)) = text.split_once('=').filter(|_| begins_field(text)) {
            if value == "{" {
                blocks.push(name.to_owned());
            } else if let Some(known) = LISTS.iter().find(|known| **known == name) {
                list = Some((number, known, value.to_owned()));
            } else {
                let wireless = blocks.last().is_some_and(|block| block == "adb_wifi");
                let name = if wireless { format!("adb_wifi.{name}") } else { name.to_owned() };
                state.fields.insert(name, value.to_owned());
            }
        }
    }
    if let (Some(state), Some((from, name, value))) = (&mut state, list) {
        state.take_list(from, name, &value);
    }
    Ok(state)
}

/// `name=…`. Base64 and the attributes of XML have equal signs too.
fn begins_field(text: &str) -> bool {
    text.split_once('=').is_some_and(|(name, value)| {
        (1..=40).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
            && !value.starts_with('"')
    })
}

impl State {
    fn take_list(&mut self, line: u64, list: &'static str, value: &str) {
        if value.contains("<keyStore") || value.contains("<?xml") {
            return self.take_xml(line, value);
        }
        if list == "keystore" {
            return self.take_fragments(line, value);
        }
        for (number, key) in (line..).zip(value.lines()).filter(|(_, key)| !key.trim().is_empty()) {
            if key.trim() != "null" {
                self.add(Key::of(number, list, key.trim()));
            }
        }
    }

    fn take_xml(&mut self, line: u64, xml: &str) {
        for tag in xml.split('<') {
            let attribute = |name: &str| {
                let (_, rest) = tag.split_once(&format!("{name}=\""))?;
                rest.split('"').next()
            };
            if tag.starts_with("adbKey") {
                let mut key = Key::of(line, "keystore", attribute(" key").unwrap_or_default());
                key.last_connected_ms = attribute("lastConnection").and_then(|time| time.parse().ok());
                self.add(key);
            } else if tag.starts_with("wifiAP")
                && let Some(network) = attribute("bssid")
                && self.networks.len() < KEYS_MOST
            {
                self.networks.push(network.to_owned());
            }
        }
    }

    /// Android's binary XML does not survive being written as text; its keys do.
    fn take_fragments(&mut self, line: u64, text: &str) {
        const SHORTEST_KEY: usize = 300;
        let is_base64 = |c: char| c.is_ascii_alphanumeric() || "+/=".contains(c);
        let mut rest = text;
        while let Some(start) = rest.find(is_base64) {
            let from = rest.get(start..).unwrap_or_default();
            let end = from.find(|c| !is_base64(c)).unwrap_or(from.len());
            let (run, after) = from.split_at_checked(end).unwrap_or((from, ""));
            rest = after;
            if run.len() < SHORTEST_KEY {
                continue;
            }
            let user = after.strip_prefix(' ').map(|user| {
                user.split(|c: char| !(c.is_alphanumeric() || "@._-".contains(c))).next().unwrap_or_default()
            });
            let written = match user.filter(|user| user.contains('@')) {
                Some(user) => format!("{run} {user}"),
                None => run.to_owned(),
            };
            self.add(Key::of(line, "keystore", &written));
        }
    }

    fn add(&mut self, key: Key) {
        if self.keys.len() < KEYS_MOST {
            self.keys.push(key);
        }
    }
}

impl Key {
    /// `BASE64 user@host`
    fn of(line: u64, list: &'static str, written: &str) -> Key {
        let (key, user) = match written.split_once(char::is_whitespace) {
            Some((key, user)) => (key, Some(user.trim().to_owned())),
            None => (written, None),
        };
        let fingerprint = decode(key).filter(|bytes| !bytes.is_empty()).map(|bytes| {
            let digits: Vec<String> = Md5::digest(&bytes).iter().map(|byte| format!("{byte:02X}")).collect();
            digits.join(":")
        });
        Key { line, list, key: key.to_owned(), user, fingerprint, last_connected_ms: None }
    }
}

fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let (mut pending, mut bits) = (0_u32, 0_u32);
    for byte in text.trim_end_matches('=').bytes() {
        let sextet = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        pending = (pending << 6 | u32::from(sextet)) & 0xffff;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((pending >> bits & 0xff) as u8);
        }
    }
    Some(bytes)
}

/// The state that the tests of both artifacts share.
#[cfg(test)]
pub const EXAMPLE: &str = "ADB MANAGER STATE (dumpsys adb):
{
  debugging_manager={
    connected_to_adb=true
    last_key_received=AA:BB
    user_keys=QAAAAEFBQUFBQUFB user@host
    QAAAAEJCQkJCQkJC other@host

    keystore=<?xml version='1.0' encoding='utf-8' standalone='yes' ?>
    <keyStore version=\"1\">
    <adbKey key=\"QAAAAEFBQUFBQUFB user@host\" lastConnection=\"1700000000000\" />
    <wifiAP bssid=\"aa:bb:cc:dd:ee:ff\" />
    </keyStore>

    adb_wifi={
      enabled=false
      network_ssid=null
    }
  }
}
";
