//! The grammar of spindump reports: a header, then blocks of processes with keys, stacks and loaded images.
//!
//! What is made of them is left to the artifacts; stacks are passed over.

use std::collections::BTreeMap;

use anyhow::Result;
use jiff::Timestamp;

use super::image::{is_uuid, name_and_pid};
use crate::format::text::Lines;

/// Keys kept of one block; a report has some thirty.
const KEYS_KEPT: usize = 100;
/// A value is cut here; the list of keyboards is the longest.
const VALUE_BYTES: usize = 16 << 10;

/// The `Key: value` lines of a block; of keys that repeat the first.
#[derive(Default)]
pub struct Keys {
    line: u64,
    values: BTreeMap<String, String>,
}

impl Keys {
    pub fn line(&self) -> u64 {
        self.line
    }

    pub fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// `launchd [1]` under a key: name and number.
    pub fn process(&self, key: &str) -> Option<(&str, i64, &str)> {
        self.get(key).and_then(name_and_pid)
    }

    /// `97s` under a key, in seconds.
    pub fn seconds(&self, key: &str) -> Option<f64> {
        let number = self.get(key)?.split_whitespace().next()?.trim_end_matches('s');
        number.parse().ok().filter(|seconds: &f64| seconds.is_finite())
    }

    pub fn time(&self, key: &str) -> Option<Timestamp> {
        self.get(key).and_then(crate::time::zoned)
    }

    fn add(&mut self, line: u64, text: &str) {
        let Some((key, value)) = text.split_once(':') else { return };
        if self.values.is_empty() {
            self.line = line;
        }
        if self.values.len() < KEYS_KEPT {
            self.values
                .entry(cut(key.trim(), 100).to_owned())
                .or_insert_with(|| cut(value.trim(), VALUE_BYTES).to_owned());
        }
    }
}

/// A row of `Binary Images:`.
pub struct Image<'a> {
    pub line: u64,
    pub name: &'a str,
    pub version: Option<&'a str>,
    pub uuid: &'a str,
    pub path: &'a str,
}

fn cut(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most)).unwrap_or(text)
}

/// What a report consists of.
pub enum Part<'a> {
    Header(&'a Keys),
    Process(&'a Keys),
    /// With the process it is loaded in.
    Image(&'a Keys, Image<'a>),
}

/// Reads a report; a process follows its header and comes before its images.
///
/// # Errors
/// When the text does not begin like a spindump, or cannot be read.
pub fn read(lines: &mut Lines<'_>, each: &mut dyn FnMut(Part<'_>)) -> Result<()> {
    let mut keys = Keys::default();
    let mut at = At::Header;
    while let Some((number, line)) = lines.next()? {
        let text = line.trim();
        if text.contains("spindump binary format") {
            break;
        }
        if is_process(&line) {
            finish(&at, &keys, each);
            anyhow::ensure!(at != At::Header || keys.get("Date/Time").is_some(), NOT_ONE);
            keys = Keys::default();
            keys.add(number, text);
            at = At::Keys;
        } else if text.starts_with("Binary Images:") {
            finish(&at, &keys, each);
            at = At::Images;
        } else {
            match at {
                At::Header | At::Keys if is_rule(text) || text.starts_with("Thread 0x") || at.ends(text) => {
                    finish(&at, &keys, each);
                    anyhow::ensure!(at != At::Header || keys.get("Date/Time").is_some(), NOT_ONE);
                    at = At::Stacks;
                }
                At::Header | At::Keys => keys.add(number, text),
                At::Images if text.is_empty() => at = At::Stacks,
                At::Images => {
                    if let Some(image) = image(number, text) {
                        each(Part::Image(&keys, image));
                    }
                }
                At::Stacks => {}
            }
        }
    }
    finish(&at, &keys, each);
    anyhow::ensure!(at != At::Header || keys.values.is_empty() || keys.get("Date/Time").is_some(), NOT_ONE);
    Ok(())
}

const NOT_ONE: &str = "does not begin like a spindump, with a `Date/Time:` line";

#[derive(PartialEq)]
enum At {
    Header,
    Keys,
    Stacks,
    Images,
}

impl At {
    /// The keys of a process end at a blank line, those of the header at a line of dashes.
    fn ends(&self, text: &str) -> bool {
        *self == At::Keys && text.is_empty()
    }
}

/// `Process: name [1]`; a report about one process alone says `Command: name` and gives the number on its own line.
fn is_process(line: &str) -> bool {
    line.strip_prefix("Process:").is_some_and(|rest| name_and_pid(rest).is_some())
}

fn is_rule(text: &str) -> bool {
    text.len() > 20 && text.bytes().all(|byte| byte == b'-')
}

fn finish(at: &At, keys: &Keys, each: &mut dyn FnMut(Part<'_>)) {
    match at {
        At::Header if keys.get("Date/Time").is_some() => each(Part::Header(keys)),
        At::Keys => each(Part::Process(keys)),
        _ => {}
    }
}

/// `0x1000 - 0x1fff  name with blanks  (1.2)  <UUID>  /path with blanks`; the UUID is what can be relied on.
fn image(line: u64, text: &str) -> Option<Image<'_>> {
    let (open, uuid) = text.match_indices('<').find_map(|(open, _)| {
        let inside = text.get(open + 1..open + 37)?;
        (is_uuid(inside) && text.as_bytes().get(open + 37) == Some(&b'>')).then_some((open, inside))
    })?;
    let path = text.get(open + uuid.len() + 2..)?.trim();
    let before = text.get(..open)?.trim();
    // Addresses come first: `0x1000 - 0x1fff`, `0x1000 - ???`, `*0xfff…`.
    let mut rest = before;
    while let Some(first) = rest.split_whitespace().next()
        && (first == "-" || first == "???" || first.trim_start_matches('*').starts_with("0x"))
    {
        rest = rest.get(first.len()..).unwrap_or("").trim_start();
    }
    let (name, version) = match rest.strip_suffix(')').and_then(|rest| rest.rsplit_once('(')) {
        Some((name, version)) if !name.trim().is_empty() => (name.trim(), Some(version.trim())),
        _ => (rest.trim(), None),
    };
    Some(Image { line, name, version, uuid, path })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_told_by_their_uuid() {
        let uuid = "BDBDD550-2B15-382C-BB61-1798AFD60460";
        let text = format!("0x102c38000 - ???  My App (dev) (1.2 (3))  <{uuid}>  /a b/My App");
        let image = image(1, &text).unwrap();
        assert_eq!((image.uuid, image.path), (uuid, "/a b/My App"));
        assert!(image.name.starts_with("My App"), "{}", image.name);
        let text = format!("*0xfffffff007004000 - 0xfffffff007ffffff  kernel.release.t8030 <{uuid}>");
        let image = super::image(1, &text).unwrap();
        assert_eq!((image.name, image.version, image.path), ("kernel.release.t8030", None, ""));
        assert!(super::image(1, "0x1 - 0x2 name <no uuid> /x").is_none());
    }
}
