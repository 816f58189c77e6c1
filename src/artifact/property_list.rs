//! Type-checked access to property lists from evidence: a key may be missing, and any value may be of any type.
//!
//! A value of another type than asked for is null, never an error: the rest of the record is still worth having.

use std::borrow::Cow;

use anyhow::{Context as _, Result};
use plist::{Dictionary, Value as Plist};
use sha2::{Digest as _, Sha256};

use super::Out;
use crate::format::keyed;
use crate::record::{Place, Value, hex};
use crate::time::from_plist;

/// Text written out for a nested value is cut here; the file itself keeps the rest.
const SHOWN_BYTES: usize = 4096;
/// Levels of nesting written out.
const SHOWN_DEPTH: usize = 16;

/// The dictionary a file or member is expected to be.
///
/// # Errors
/// When it is something else.
pub fn dictionary(value: &Plist) -> Result<&Dictionary> {
    value.as_dictionary().context("is not a dictionary")
}

/// A record an entry of the dictionary: its key, and its value written out.
///
/// # Errors
/// When it is no dictionary.
pub fn each_entry(list: &Plist, out: &mut Out<'_>) -> Result<()> {
    for (key, value) in dictionary(list)? {
        out.push(Place::key(key.as_str()), [key.as_str().into(), shown(value).into()]);
    }
    Ok(())
}

/// The dictionary under a key.
pub fn member<'v>(entries: &'v Dictionary, key: &str) -> Option<&'v Dictionary> {
    entries.get(key).and_then(Plist::as_dictionary)
}

/// The members of the array under a key; none where there is no array.
pub fn items<'v>(entries: &'v Dictionary, key: &str) -> &'v [Plist] {
    entries.get(key).and_then(Plist::as_array).map_or(&[], Vec::as_slice)
}

/// The text under a key. Some writers store text as data, which the column turns into text again.
pub fn text<'v>(entries: &'v Dictionary, key: &str) -> Value<'v> {
    match entries.get(key) {
        Some(Plist::String(text)) => text.as_str().into(),
        Some(Plist::Data(bytes)) => Value::Bytes(bytes.as_slice().into()),
        _ => Value::Null,
    }
}

/// The number under a key: whole, or with a fraction.
pub fn number(entries: &Dictionary, key: &str) -> Value<'static> {
    entries.get(key).map_or(Value::Null, number_of)
}

pub fn number_of(value: &Plist) -> Value<'static> {
    match value {
        Plist::Integer(int) => int.as_signed().map_or_else(|| int.as_unsigned().into(), Value::Int),
        Plist::Real(real) => Value::Real(*real),
        _ => Value::Null,
    }
}

/// The truth under a key; older writers used numbers.
pub fn flag(entries: &Dictionary, key: &str) -> Value<'static> {
    match entries.get(key) {
        Some(Plist::Boolean(flag)) => (*flag).into(),
        Some(value) => number_of(value),
        None => Value::Null,
    }
}

/// The point in time under a key: a date, or a number for the column's epoch to judge.
pub fn moment(entries: &Dictionary, key: &str) -> Value<'static> {
    entries.get(key).map_or(Value::Null, moment_of)
}

pub fn moment_of(value: &Plist) -> Value<'static> {
    match value {
        Plist::Date(date) => from_plist(*date).into(),
        other => number_of(other),
    }
}

/// Gives every dictionary below a value with the keys that lead to it, joined by `/`; an array adds its index.
pub fn dictionaries<'v>(value: &'v Plist, each: &mut dyn FnMut(&str, &'v Dictionary)) {
    members(value, &mut |path, value| {
        if let Some(entries) = value.as_dictionary() {
            each(path, entries);
        }
    });
}

/// Gives every value with the keys that lead to it, joined by `/`: the value itself first.
pub fn members<'v>(value: &'v Plist, each: &mut dyn FnMut(&str, &'v Plist)) {
    walk(value, &mut String::new(), each);
}

/// Property lists are bounded in depth when they are read.
fn walk<'v>(value: &'v Plist, path: &mut String, each: &mut dyn FnMut(&str, &'v Plist)) {
    each(path, value);
    let mut below = |key: &str, value: &'v Plist| {
        let end = path.len();
        // A deep path would repeat its long beginning at every level.
        if end < SHOWN_BYTES {
            path.push_str(if end > 0 { "/" } else { "" });
            path.push_str(beginning(key));
        }
        walk(value, path, each);
        path.truncate(end);
    };
    match value {
        Plist::Dictionary(entries) => entries.iter().for_each(|(key, value)| below(key, value)),
        Plist::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| below(&index.to_string(), item));
        }
        _ => {}
    }
}

/// A property list inside the data of another.
///
/// # Errors
/// When the data is no property list.
pub fn nested(bytes: &[u8]) -> Result<Plist> {
    keyed::parse(bytes)
}

/// What an archive holds; a list that is none as it stands.
///
/// # Errors
/// When the archive is damaged.
pub fn unarchived(list: &Plist) -> Result<Cow<'_, Plist>> {
    let is_archive = list.as_dictionary().is_some_and(|entries| entries.contains_key("$objects"));
    if is_archive { keyed::unarchive(list).map(Cow::Owned) } else { Ok(Cow::Borrowed(list)) }
}

/// The SHA-256 of data, as indicators write it.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Any value as one line for a person, cut where it grows long.
pub fn shown(value: &Plist) -> String {
    let mut line = String::new();
    show(value, &mut line, SHOWN_DEPTH);
    if line.len() > SHOWN_BYTES {
        line.truncate(beginning(&line).len());
        line.push('…');
    }
    line
}

/// As much of a text as is shown, whole characters only.
fn beginning(text: &str) -> &str {
    let end = (0..=SHOWN_BYTES).rev().find(|end| text.is_char_boundary(*end));
    if text.len() <= SHOWN_BYTES { text } else { text.get(..end.unwrap_or(0)).unwrap_or_default() }
}

fn show(value: &Plist, line: &mut String, depth: usize) {
    if line.len() > SHOWN_BYTES {
        return;
    }
    match value {
        Plist::String(text) => {
            line.push_str(beginning(text));
            if text.len() > SHOWN_BYTES {
                line.push('…');
            }
        }
        Plist::Boolean(flag) => line.push_str(if *flag { "true" } else { "false" }),
        Plist::Integer(_) | Plist::Real(_) => number_of(value).show_into(line),
        Plist::Date(date) => match from_plist(*date) {
            Some(time) => crate::time::push_iso(line, time),
            None => line.push_str("impossible date"),
        },
        Plist::Data(bytes) => line.push_str(&format!("{} bytes", bytes.len())),
        Plist::Array(_) | Plist::Dictionary(_) if depth == 0 => line.push('…'),
        Plist::Array(items) => {
            line.push('[');
            for (index, item) in items.iter().enumerate() {
                line.push_str(if index > 0 { ", " } else { "" });
                show(item, line, depth - 1);
                if line.len() > SHOWN_BYTES {
                    return;
                }
            }
            line.push(']');
        }
        Plist::Dictionary(entries) => {
            line.push('{');
            for (index, (key, item)) in entries.iter().enumerate() {
                line.push_str(if index > 0 { ", " } else { "" });
                line.push_str(key);
                line.push_str(": ");
                show(item, line, depth - 1);
                if line.len() > SHOWN_BYTES {
                    return;
                }
            }
            line.push('}');
        }
        _ => line.push('?'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(xml: &str) -> Plist {
        nested(format!("<plist version=\"1.0\">{xml}</plist>").as_bytes()).unwrap()
    }

    #[test]
    fn values_of_another_type_are_null() {
        let value = sample("<dict><key>a</key><integer>5</integer><key>b</key><string>x</string></dict>");
        let entries = dictionary(&value).unwrap();
        assert_eq!(text(entries, "a"), Value::Null);
        assert_eq!(number(entries, "b"), Value::Null);
        assert_eq!(number(entries, "a"), Value::Int(5));
        assert_eq!(moment(entries, "missing"), Value::Null);
        assert!(items(entries, "a").is_empty());
    }

    #[test]
    fn members_are_given_with_the_keys_above_them() {
        let value =
            sample("<dict><key>a</key><array><true/><dict><key>b</key><real>1</real></dict></array></dict>");
        let mut paths = Vec::new();
        members(&value, &mut |path, _| paths.push(path.to_owned()));
        assert_eq!(paths, ["", "a", "a/0", "a/1", "a/1/b"]);
    }

    #[test]
    fn nested_values_are_one_line_and_long_ones_are_cut() {
        let value = sample(
            "<dict><key>a</key><array><true/><real>1.5</real></array><key>b</key><data>AAAA</data></dict>",
        );
        assert_eq!(shown(&value), "{a: [true, 1.5], b: 3 bytes}");
        let long = Plist::Array(vec![Plist::String("ä".repeat(3000)); 100]);
        assert!(shown(&long).len() < SHOWN_BYTES + 8);
    }
}
