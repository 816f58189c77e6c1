//! JSON from evidence: lists of records as Android's collectors write them (one array, or one object after the other), and access to
//! members, which may be missing or of any type.

use anyhow::{Context as _, Result};
use serde::de::{Deserializer as _, SeqAccess, Visitor};
use serde_json::{Deserializer, Value as Json};

use crate::record::Value;

/// Hands each record to `take`, with its number from 1. What shells and `adb` wrote before the first bracket is passed over.
///
/// # Errors
/// When there is no list, or it is damaged: the records before have been handed over.
pub fn each(bytes: &[u8], mut take: impl FnMut(i64, &Json)) -> Result<()> {
    if bytes.trim_ascii().is_empty() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(bytes);
    let start = text.lines().scan(0, |at, line| {
        let begun = *at;
        *at += line.len() + 1;
        Some((begun, line.trim_start_matches('\u{feff}').trim_start()))
    });
    let found = start.filter(|(_, line)| line.starts_with(['[', '{'])).map(|(at, _)| at).next();
    // Carriage returns make the reckoned place too early by some bytes, never too late.
    let text = text.get(found.context("holds no JSON")?..).unwrap_or_default();
    let text = text.get(text.find(['[', '{']).unwrap_or(0)..).unwrap_or_default();
    if text.starts_with('[') {
        return Deserializer::from_str(text)
            .deserialize_seq(Each { take })
            .context("is no list of JSON records");
    }
    for (record, number) in Deserializer::from_str(text).into_iter::<Json>().zip(1..) {
        take(number, &record.context("is no list of JSON records")?);
    }
    Ok(())
}

struct Each<F> {
    take: F,
}

impl<'de, F: FnMut(i64, &Json)> Visitor<'de> for Each<F> {
    type Value = ();

    fn expecting(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        let mut number = 0;
        while let Some(record) = list.next_element::<Json>()? {
            number += 1;
            (self.take)(number, &record);
        }
        Ok(())
    }
}

/// The text of a member; numbers are written out.
pub fn text(object: &Json, name: &str) -> Option<String> {
    match object.get(name)? {
        Json::String(text) => Some(text.clone()),
        number @ Json::Number(_) => Some(number.to_string()),
        _ => None,
    }
}

/// A text that is there and not blank.
pub fn word<'j>(object: &'j Json, name: &str) -> Option<&'j str> {
    object.get(name)?.as_str().map(str::trim).filter(|text| !text.is_empty())
}

/// A whole number, which may be written as text.
pub fn int(object: &Json, name: &str) -> Option<i64> {
    match object.get(name)? {
        Json::Number(number) => number.as_i64(),
        Json::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// A number of which 0 says that it is unknown.
pub fn known(object: &Json, name: &str) -> Option<i64> {
    int(object, name).filter(|number| *number != 0)
}

/// A truth, also where it is a number or text.
pub fn boolean(object: &Json, name: &str) -> Option<bool> {
    truth(object.get(name)?)
}

pub fn truth(value: &Json) -> Option<bool> {
    match value {
        Json::Bool(flag) => Some(*flag),
        Json::Number(number) => number.as_f64().map(|number| number != 0.0),
        Json::String(text) => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

/// The texts of a list; one text counts as a list of it.
pub fn texts(object: &Json, name: &str) -> Vec<String> {
    match object.get(name) {
        Some(Json::Array(items)) => {
            items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()
        }
        Some(Json::String(text)) => vec![text.clone()],
        _ => Vec::new(),
    }
}

/// A list of texts as a value; null where it is empty.
pub fn list(texts: Vec<String>) -> Value<'static> {
    if texts.is_empty() { Value::Null } else { texts.into_iter().collect() }
}

/// Any JSON, as it is.
pub fn value(json: &Json) -> Value<'static> {
    match json {
        Json::Null => Value::Null,
        Json::Bool(flag) => (*flag).into(),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(int), _) => int.into(),
            (None, Some(real)) => Value::Real(real),
            (None, None) => number.to_string().into(),
        },
        Json::String(text) => text.clone().into(),
        Json::Array(items) => Value::List(items.iter().map(value).collect()),
        Json::Object(members) => {
            let mut fields: Vec<_> =
                members.iter().map(|(name, item)| (name.clone().into(), value(item))).collect();
            fields.sort_by(|left: &(std::borrow::Cow<'_, str>, _), right| left.0.cmp(&right.0));
            Value::Object(fields)
        }
    }
}

/// The objects of a list, each as its text, whatever the rest of the list is like; then whether the list comes to its end.
pub fn objects(list: &str) -> (Vec<&str>, bool) {
    let (mut objects, mut start) = (Vec::new(), None);
    let (mut depth, mut in_text, mut escaped) = (0_u32, false, false);
    for (at, byte) in list.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            _ if in_text => {}
            b'{' => {
                if depth == 0 {
                    start = Some(at);
                }
                depth = depth.saturating_add(1);
            }
            b'}' if depth > 0 => {
                depth -= 1;
                if depth == 0 {
                    objects.extend(start.take().and_then(|start| list.get(start..=at)));
                }
            }
            _ => {}
        }
    }
    (objects, depth == 0 && list.trim_end().ends_with(']'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_of_a_cut_list_are_found() {
        let (found, whole) = objects(r#"[{"a":"}\""},{"b":{}}]"#);
        assert_eq!((found, whole), (vec![r#"{"a":"}\""}"#, r#"{"b":{}}"#], true));
        assert_eq!(objects(r#"[{"a":1},{"b":"#), (vec![r#"{"a":1}"#], false));
        assert_eq!(objects("}}]"), (vec![], true));
    }

    #[test]
    fn values_are_taken_in_every_form_that_writers_use() {
        let json = serde_json::json!({"a": "1", "b": 1, "c": true, "d": ["x", 2], "e": "x"});
        assert_eq!((int(&json, "a"), int(&json, "b"), int(&json, "c")), (Some(1), Some(1), None));
        assert_eq!(
            (boolean(&json, "a"), boolean(&json, "b"), boolean(&json, "e")),
            (Some(true), Some(true), None)
        );
        assert_eq!((texts(&json, "d"), texts(&json, "e")), (vec!["x".into()], vec!["x".into()]));
        assert_eq!(value(&json).show(), "a: 1, b: 1, c: yes, d: x, 2, e: x");
    }

    fn read(text: &str) -> (Vec<String>, bool) {
        let mut records = Vec::new();
        let result = each(text.as_bytes(), |number, record| records.push(format!("{number} {record}")));
        (records, result.is_ok())
    }

    #[test]
    fn arrays_and_objects_in_a_row_are_the_same_list() {
        assert_eq!(read("[{\"a\":1},\n 2]"), (vec!["1 {\"a\":1}".into(), "2 2".into()], true));
        assert_eq!(read("{\"a\":1}\n{\"a\":2}\n"), (vec!["1 {\"a\":1}".into(), "2 {\"a\":2}".into()], true));
        assert_eq!(read(" \n"), (vec![], true));
    }

    #[test]
    fn noise_before_is_passed_over_and_a_cut_list_keeps_its_beginning() {
        assert_eq!(read("* daemon [not] running\r\n\r\n[1]"), (vec!["1 1".into()], true));
        assert_eq!(read("\u{feff}[1,2,{\"a\":"), (vec!["1 1".into(), "2 2".into()], false));
        assert_eq!(read("error"), (vec![], false));
    }
}
