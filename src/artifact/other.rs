//! The columns of a table that no column of an artifact stands for, kept under the table's own names.
//!
//! A table that every system version widens is never listed whole in an artifact; what it does not name goes into one column, [`NAME`].

use std::borrow::Cow;

use crate::format::sqlite::{Database, Row, Statement};
use crate::record::{Column, Value, message};

/// What that column is called. Links and addresses in its texts are found.
pub const NAME: &str = "other";
pub const COLUMN: Column = message(NAME);

/// A longer BLOB gives way to a text that tells its length: archived attributes and link previews have a few kilobytes, and one megabyte
/// in every row would make the records larger than the evidence.
const LONGEST_BLOB_BYTES: usize = 16 << 10;

/// Which result columns of a query they are.
pub struct Other {
    columns: Vec<(usize, String)>,
}

impl Other {
    /// The result columns from `first` on, which are those of `table` (`SELECT …, t.*`), apart from those `named` otherwise.
    pub fn of(
        database: &Database<'_>,
        table: &str,
        statement: &Statement<'_>,
        first: usize,
        named: &[&str],
    ) -> Other {
        // From the schema, since a statement cannot tell names that are not UTF-8.
        let mut names = database.columns(table).into_iter();
        let columns = (first..statement.column_count())
            .map(|index| (index, names.next().unwrap_or_else(|| format!("column {}", index - first + 1))))
            .filter(|(_, name)| !named.iter().any(|named| named.eq_ignore_ascii_case(name)))
            .collect();
        Other { columns }
    }

    /// Those of a row that hold something: not NULL, not zero, not empty; behind them `also`, which its caller has weighed. Null if
    /// none does.
    pub fn of_row<'r>(&'r self, row: &'r Row<'_>, also: Option<(&'static str, Value<'r>)>) -> Value<'r> {
        let mut fields = Vec::new();
        for (index, name) in &self.columns {
            if let Some(value) = row.filled(*index) {
                if fields.is_empty() {
                    fields.reserve(16);
                }
                fields.push((Cow::Borrowed(name.as_str()), bounded(value)));
            }
        }
        fields.extend(also.map(|(name, value)| (name.into(), bounded(value))));
        if fields.is_empty() { Value::Null } else { Value::Object(fields) }
    }
}

fn bounded(value: Value<'_>) -> Value<'_> {
    match value {
        Value::Bytes(bytes) if bytes.len() > LONGEST_BLOB_BYTES => {
            format!("{} bytes, too long to be kept here", bytes.len()).into()
        }
        value => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::sqlite;

    #[test]
    fn what_no_column_stands_for_is_kept_with_its_type() {
        let bytes = sqlite(
            "CREATE TABLE t (ROWID INTEGER PRIMARY KEY, Named, a, b, c, d, e, f, \"odd {name}\");
             INSERT INTO t VALUES (1, 'x', 7, 0.5, 'text', x'00ff', zeroblob(16384), zeroblob(16385), 'y'),
                                  (2, 'x', 0, 0.0, '', x'', NULL, NULL, NULL);",
        );
        let database = Database::open(Box::new(bytes), None).unwrap();
        let mut statement = database.prepare(&["SELECT ROWID, t.* FROM t ORDER BY ROWID"]).unwrap();
        let other = Other::of(&database, "t", &statement, 1, &["rowid", "named"]);
        let mut rows = Vec::new();
        statement
            .for_each(&mut |row| {
                rows.push(other.of_row(row, None).into_owned());
                Ok(())
            })
            .unwrap();
        assert_eq!(
            rows[0].show(),
            "a: 7, b: 0.5, c: text, d: 2 bytes, e: 16384 bytes, f: 16385 bytes, too long to be kept here, odd {name}: y"
        );
        assert_eq!(rows[1], Value::Null);
    }
}
