//! Lists of JSON records as Android collectors write them: one array, or one object after the other.
//!
//! A list that was cut gives the records before the cut. What a record means is told by the artifacts.

use anyhow::{Context as _, Result};
use serde::de::{Deserializer as _, SeqAccess, Visitor};
use serde_json::{Deserializer, Value as Json};

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

/// A text that is there and not empty.
pub fn text<'j>(record: &'j Json, name: &str) -> Option<&'j str> {
    record.get(name)?.as_str().map(str::trim).filter(|text| !text.is_empty())
}

/// A whole number, also when it is written as text.
pub fn int(record: &Json, name: &str) -> Option<i64> {
    let value = record.get(name)?;
    value.as_i64().or_else(|| value.as_str()?.trim().parse().ok())
}

/// A number of which 0 says that it is unknown.
pub fn known(record: &Json, name: &str) -> Option<i64> {
    int(record, name).filter(|number| *number != 0)
}

pub fn flag(record: &Json, name: &str) -> Option<bool> {
    record.get(name)?.as_bool()
}

#[cfg(test)]
mod tests {
    use super::*;

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
