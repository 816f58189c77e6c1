//! Core Data stores: join tables whose names and columns carry entity numbers that change from one iOS version to the next.

use crate::format::sqlite::Database;
use crate::record::Value;

/// A many-to-many table: `Z_2INTERACTIONRECIPIENT (Z_3INTERACTIONRECIPIENT, Z_2RECIPIENTS)`.
pub struct JoinTable {
    pub table: String,
    /// In the order asked for.
    pub columns: [String; 2],
}

/// Finds the table `Z_<n><name>` that has both columns `Z_<n><column>`. The names hold only letters, digits and `_`, safe in SQL.
pub fn join_table(database: &Database<'_>, name: &str, columns: [&str; 2]) -> Option<JoinTable> {
    let tables = database.tables().iter().filter(|table| is_numbered(table, name));
    tables.into_iter().find_map(|table| {
        let present = database.columns(table);
        let [first, second] =
            columns.map(|wanted| present.iter().find(|column| is_numbered(column, wanted)).cloned());
        Some(JoinTable { table: table.clone(), columns: [first?, second?] })
    })
}

fn is_numbered(name: &str, suffix: &str) -> bool {
    let digits = name.strip_prefix("Z_").and_then(|rest| rest.strip_suffix(suffix));
    digits.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// What `group_concat(…, char(31))` brought together: nothing, the one text, or the list of them with null for the empty ones.
pub fn ungrouped(value: Value<'_>) -> Value<'static> {
    let Value::Text(text) = value else { return value.into_owned() };
    let mut parts = text.split('\u{1f}').map(|part| (!part.is_empty()).then(|| part.to_owned()));
    match (parts.next(), parts.next()) {
        (Some(only), None) => only.into(),
        _ if text.bytes().all(|byte| byte == 0x1f) => Value::Null,
        _ => text.split('\u{1f}').map(|part| (!part.is_empty()).then(|| part.to_owned())).collect(),
    }
}

/// [`ungrouped`] in its place among the values of a row.
pub fn ungroup(values: &mut [Value<'_>], index: usize) {
    if let Some(value) = values.get_mut(index) {
        *value = ungrouped(std::mem::take(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::sqlite;

    #[test]
    fn join_tables_are_known_by_name_and_columns() {
        let bytes = sqlite(
            "CREATE TABLE Z_4INTERACTIONS (Z_4KEYWORDS, Z_3INTERACTIONS); CREATE TABLE Z_XINTERACTIONS (a);
             CREATE TABLE Z_12INTERACTIONS (Z_3INTERACTIONS, Z_12ATTACHMENTS);",
        );
        let database = Database::open(Box::new(bytes), None).unwrap();
        let found = join_table(&database, "INTERACTIONS", ["ATTACHMENTS", "INTERACTIONS"]).unwrap();
        assert_eq!(
            (found.table.as_str(), found.columns[0].as_str()),
            ("Z_12INTERACTIONS", "Z_12ATTACHMENTS")
        );
        assert!(join_table(&database, "INTERACTIONRECIPIENT", ["A", "B"]).is_none());
    }

    #[test]
    fn groups_come_apart_and_keep_their_gaps() {
        assert_eq!(ungrouped("one".into()), "one".into());
        assert_eq!(ungrouped("a\u{1f}\u{1f}b".into()).show(), "a, , b");
        assert_eq!(ungrouped("\u{1f}".into()), Value::Null);
        assert_eq!(ungrouped("".into()), Value::Null);
        assert_eq!(ungrouped(Value::Null), Value::Null);
    }
}
