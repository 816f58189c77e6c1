//! Queries that adapt to the schema at hand, and rows that lend their values.

use std::borrow::Cow;

use rusqlite::PrepFlags;
use rusqlite::types::ValueRef;

use super::vfs::Watch;
use super::{Database, DatabaseError, TIME_LIMIT, reason};
use crate::record::Value;

impl Database<'_> {
    /// Prepares the first of these queries that the schema can answer: newest schema first.
    ///
    /// `{m.date_edited}` marks a column that not every version has: where it is missing, NULL stands in.
    /// `Err`: none fits; it lists the tables that are there.
    pub fn prepare(&self, queries: &[&str]) -> Result<Statement<'_>, DatabaseError> {
        let mut reasons = Vec::new();
        for (which, query) in queries.iter().enumerate() {
            match self.prepare_one(query) {
                Ok(inner) => return Ok(Statement { inner, watch: self.mount.watch(), which }),
                Err(error) => {
                    let described = DatabaseError::new(&error, self.mount.watch(), 0);
                    if described.is_damage() {
                        return Err(described);
                    }
                    reasons.push(reason(&error));
                }
            }
        }
        reasons.dedup();
        Err(DatabaseError::Schema { reason: reasons.join("; "), tables: self.tables().to_vec() })
    }

    fn prepare_one(&self, query: &str) -> rusqlite::Result<rusqlite::Statement<'_>> {
        let mut pieces = pieces(query);
        loop {
            let sql: String = pieces.iter().map(Piece::sql).collect();
            let flags = PrepFlags::SQLITE_PREPARE_NO_VTAB;
            let error = match self.mount.connection().prepare_with_flags(&sql, flags) {
                Ok(statement) => {
                    let part_of_name = |c: char| c.is_alphanumeric() || c == '_';
                    let words = sql.split(|c| !part_of_name(c)).filter(|word| !word.is_empty());
                    self.asked.borrow_mut().extend(words.map(str::to_lowercase));
                    return Ok(statement);
                }
                Err(error) => error,
            };
            // Every round turns at least one optional piece into NULL, so this ends.
            if !drop_missing(&mut pieces, &reason(&error)) {
                return Err(error);
            }
        }
    }
}

enum Piece<'q> {
    Fixed(&'q str),
    Optional(&'q str),
}

impl Piece<'_> {
    fn sql(&self) -> &str {
        match self {
            Piece::Fixed(sql) | Piece::Optional(sql) => sql,
        }
    }
}

fn pieces(query: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = query;
    while let Some((before, after)) = rest.split_once('{')
        && let Some((optional, after)) = after.split_once('}')
    {
        pieces.extend([Piece::Fixed(before), Piece::Optional(optional)]);
        rest = after;
    }
    pieces.push(Piece::Fixed(rest));
    pieces
}

/// Replaces the optional pieces that name the column SQLite did not find. False if there is none.
fn drop_missing(pieces: &mut [Piece<'_>], message: &str) -> bool {
    let Some((_, column)) = message.split_once("no such column: ") else { return false };
    // SQLite adds a hint after names in double quotes.
    let column = column.split(" - should this be").next().unwrap_or(column).replace('"', "");
    let mut dropped = false;
    for piece in pieces {
        if let Piece::Optional(sql) = piece
            && mentions(&sql.replace('"', ""), &column)
        {
            *piece = Piece::Fixed("NULL");
            dropped = true;
        }
    }
    dropped
}

/// True if `sql` holds `column` as whole words: `{CAST(m.x AS TEXT)}` is as optional as `{m.x}`.
fn mentions(sql: &str, column: &str) -> bool {
    let part_of_name = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
    !column.is_empty()
        && sql.match_indices(column).any(|(at, _)| {
            let (before, after) = (sql.get(..at), sql.get(at + column.len()..));
            !before.is_some_and(|before| before.ends_with(part_of_name))
                && !after.is_some_and(|after| after.starts_with(part_of_name))
        })
}

/// A prepared query.
pub struct Statement<'d> {
    inner: rusqlite::Statement<'d>,
    watch: &'d Watch,
    which: usize,
}

impl Statement<'_> {
    /// Which of the queries given to [`Database::prepare`] this is.
    pub fn which(&self) -> usize {
        self.which
    }

    /// How many columns each row has.
    pub fn column_count(&self) -> usize {
        self.inner.column_count()
    }

    /// Runs the query, giving row by row, and returns how many there were.
    ///
    /// `Err` after the rows before it were given: damage, the time limit, or the caller's own error, which ends the loop.
    pub fn for_each(
        &mut self,
        each: &mut dyn FnMut(&Row<'_>) -> anyhow::Result<()>,
    ) -> Result<u64, DatabaseError> {
        self.watch.allow(TIME_LIMIT);
        let columns = self.inner.column_count();
        let mut count = 0;
        let mut rows = self.inner.query([]).map_err(|error| DatabaseError::new(&error, self.watch, 0))?;
        loop {
            match rows.next() {
                Ok(Some(inner)) => {
                    each(&Row { inner, columns })
                        .map_err(|error| DatabaseError::Stopped { error, rows: count })?;
                    count += 1;
                }
                Ok(None) => return Ok(count),
                Err(error) => return Err(DatabaseError::new(&error, self.watch, count)),
            }
        }
    }
}

/// A row of a running query.
pub struct Row<'r> {
    inner: &'r rusqlite::Row<'r>,
    columns: usize,
}

impl Row<'_> {
    /// How many values it has.
    pub fn len(&self) -> usize {
        self.columns
    }

    pub fn is_empty(&self) -> bool {
        self.columns == 0
    }

    /// The value of a column, borrowed until the next row; NULL beyond the last column.
    ///
    /// Text that is not UTF-8 is decoded with replacement characters; NUL characters inside it are kept.
    pub fn value(&self, column: usize) -> Value<'_> {
        self.inner.get_ref(column).map_or(Value::Null, value_of)
    }

    /// [`Row::value`] where it says something: not NULL, not zero, not empty.
    pub fn filled(&self, column: usize) -> Option<Value<'_>> {
        match self.inner.get_ref(column) {
            Ok(ValueRef::Null | ValueRef::Integer(0) | ValueRef::Real(0.0)) | Err(_) => None,
            Ok(ValueRef::Text([]) | ValueRef::Blob([])) => None,
            Ok(value) => Some(value_of(value)),
        }
    }
}

fn value_of(value: ValueRef<'_>) -> Value<'_> {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(int) => Value::Int(int),
        ValueRef::Real(real) => Value::Real(real),
        ValueRef::Text(bytes) => Value::Text(match std::str::from_utf8(bytes) {
            // Nearly every text is, and this check is much faster than the replacing one.
            Ok(text) => text.into(),
            Err(_) => String::from_utf8_lossy(bytes),
        }),
        ValueRef::Blob(bytes) => Value::Bytes(Cow::Borrowed(bytes)),
    }
}
