//! Power logs: databases of hundreds of tables whose columns change with every version, with times by a clock of their own.
//!
//! Artifacts declare which columns of which tables are theirs; this reads them, corrects the times and passes over what a version
//! lacks. What the tables mean is left to the artifacts.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use anyhow::{Result, ensure};

use super::Out;
use crate::format::sqlite::{Database, Row};
use crate::record::{Column, Kind, Place, Value};

/// Where power logs lie: below a group folder, up to iOS 9 in the user's library. Rotated ones are in `Archives`, compressed.
pub const FILES: &[&str] = &[
    "/private/var/containers/Shared/SystemGroup/*/Library/BatteryLife/**/*.PLSQL",
    "/private/var/containers/Shared/SystemGroup/*/Library/BatteryLife/**/*.EPSQL",
    "/private/var/containers/Shared/SystemGroup/*/Library/BatteryLife/**/*.BGSQL",
    "/private/var/mobile/Library/BatteryLife/**/*.PLSQL",
];

/// A table and what an artifact takes from it.
pub struct Table {
    pub name: &'static str,
    /// Our column and an SQL expression over theirs; where one of ours is named twice, the first that is there and not NULL.
    pub columns: &'static [(&'static str, &'static str)],
}

/// The column that every artifact of the power log has: the table a record is from.
pub const TABLE: &str = "table";
/// The column that gets the time of the row, or of its parent.
pub const LOGGED: &str = "logged";

/// Pushes the rows of these tables, as far as this version has them.
///
/// # Errors
/// When it is no power log, or the first error of a table; later ones become warnings.
pub fn read(tables: &'static [Table], database: &Database<'_>, out: &mut Out<'_>) -> Result<()> {
    let clock = Offsets::read(database, out)?;
    let mut result = Ok(());
    for table in tables.iter().filter(|table| has(database, table.name)) {
        match (read_table(table, &clock, database, out), &result) {
            (Err(error), Ok(())) => result = Err(error),
            (Err(error), Err(_)) => out.warn(None, format!("{}: {error:#}", table.name)),
            (Ok(()), _) => {}
        }
    }
    clock.note(out);
    result
}

fn read_table(
    table: &'static Table,
    clock: &Offsets,
    database: &Database<'_>,
    out: &mut Out<'_>,
) -> Result<()> {
    let columns = out.columns();
    let selected: Vec<String> = columns.iter().map(|column| selected(table, column, database)).collect();
    let query = format!("SELECT t.rowid, {} FROM {} AS t", selected.join(", "), quoted(table.name));
    let in_own_clock: Vec<bool> = columns.iter().map(|column| is_in_own_clock(table, column)).collect();
    let mut empty = true;
    database.prepare(&[&query])?.for_each(&mut |row| {
        let mut values: Vec<Value<'_>> = (1..row.len()).map(|index| row.value(index)).collect();
        empty &= values.iter().all(Value::is_null);
        for ((value, column), own) in values.iter_mut().zip(columns).zip(&in_own_clock) {
            if column.name == TABLE {
                *value = table.name.into();
            } else if *own {
                clock.correct(value);
            }
        }
        out.push_slice(place(Cow::Borrowed(table.name), row), &mut values);
        Ok(())
    })?;
    if empty && !table.columns.iter().any(|(_, theirs)| has_column_of(database, table.name, theirs)) {
        out.warn(None, format!("{} has none of the columns that are known of it", table.name));
    }
    Ok(())
}

/// The expression for a column of ours; NULL where the table has nothing for it.
fn selected(table: &Table, column: &Column, database: &Database<'_>) -> String {
    if column.name == LOGGED {
        return logged(table.name, database);
    }
    let theirs = table.columns.iter().filter(|(ours, _)| *ours == column.name);
    let mut expressions: Vec<String> = theirs.map(|(_, theirs)| format!("{{{theirs}}}")).collect();
    match expressions.len() {
        0 => "NULL".into(),
        1 => expressions.pop().unwrap_or_default(),
        _ => format!("coalesce({})", expressions.join(", ")),
    }
}

/// The time of a row. A row of a table for lists hangs on a row of its parent, whose time counts; the parent is looked up by its row
/// id, so that no table can multiply another.
fn logged(table: &str, database: &Database<'_>) -> String {
    let has_column = |table: &str, name: &str| {
        database.columns(table).iter().any(|column| column.eq_ignore_ascii_case(name))
    };
    let parent = ["_Dynamic", "_Array_"].iter().find_map(|mark| Some(table.rsplit_once(mark)?.0));
    match parent {
        Some(parent)
            if has(database, parent) && has_column(parent, "timestamp") && has_column(table, "FK_ID") =>
        {
            let parent = quoted(parent);
            format!("coalesce((SELECT timestamp FROM {parent} WHERE rowid = t.FK_ID), {{t.timestamp}})")
        }
        _ => "{t.timestamp}".into(),
    }
}

/// `timestamp`, `timestampEnd` and the like count by the power log's clock; other times are the system's.
fn is_in_own_clock(table: &Table, column: &Column) -> bool {
    let theirs = table.columns.iter().find(|(ours, _)| *ours == column.name);
    matches!(column.kind, Kind::Time(_))
        && (column.name == LOGGED || theirs.is_some_and(|(_, theirs)| theirs.starts_with("timestamp")))
}

fn has_column_of(database: &Database<'_>, table: &str, expression: &str) -> bool {
    database.columns(table).iter().any(|column| {
        expression
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .any(|word| word.eq_ignore_ascii_case(column))
    })
}

fn has(database: &Database<'_>, table: &str) -> bool {
    database.tables().iter().any(|name| name == table)
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn place(table: Cow<'static, str>, row: &Row<'_>) -> Place {
    Place::Row { table, row: row.value(0).as_int().unwrap_or_default() }
}

/// How far the power log's clock was behind the system's, from when on.
struct Offsets {
    /// By the power log's clock, ascending, in seconds.
    from: Vec<(f64, f64)>,
}

/// A power log of a month has some thousand.
const OFFSETS_KEPT: usize = 1_000_000;

impl Offsets {
    fn read(database: &Database<'_>, out: &mut Out<'_>) -> Result<Offsets> {
        const TABLE: &str = "PLStorageOperator_EventForward_TimeOffset";
        let is_powerlog = |name: &String| name.contains("_Event") || name.contains("_Aggregate");
        ensure!(database.tables().iter().any(is_powerlog), "holds none of the tables of a power log");
        let mut from = Vec::new();
        if has(database, TABLE) {
            let query = format!("SELECT rowid, timestamp, system FROM {TABLE}");
            let read = database.prepare(&[&query]).and_then(|mut statement| {
                statement.for_each(&mut |row| {
                    if let (Some(at), Some(offset)) = (number(&row.value(1)), number(&row.value(2)))
                        && from.len() < OFFSETS_KEPT
                    {
                        from.push((at, offset));
                    }
                    Ok(())
                })
            });
            if let Err(error) = read {
                out.warn(None, format!("its clock offsets cannot all be read: {error}"));
            }
        }
        from.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        from.dedup_by(|later, earlier| later.1 == earlier.1);
        Ok(Offsets { from })
    }

    /// Turns a time by the power log's clock into the system's. "Never" stays never.
    fn correct(&self, value: &mut Value<'_>) {
        let Some(raw) = number(value).filter(|raw| *raw > 0.0) else { return };
        let after = self.from.partition_point(|(from, _)| *from <= raw);
        // What is older than the first offset is nearest to it.
        if let Some((_, offset)) = self.from.get(after.saturating_sub(1)) {
            *value = Value::Real(raw + offset);
        }
    }

    fn note(&self, out: &mut Out<'_>) {
        if self.from.is_empty() && out.records() > 0 {
            out.warn(None, "has no clock offsets: its times may be wrong by minutes, in rare cases by weeks");
        }
    }
}

fn number(value: &Value<'_>) -> Option<f64> {
    let number = match value {
        Value::Int(int) => *int as f64,
        Value::Real(real) => *real,
        Value::Text(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    number.is_finite().then_some(number)
}

/// A text that tables hold, once for each table and column.
pub struct Seen<'a> {
    pub table: &'a str,
    pub column: &'a str,
    pub text: &'a str,
    pub rows: u64,
    pub first: Value<'static>,
    pub last: Value<'static>,
}

/// Different texts of a table kept at a time; beyond them one may be told again.
const TEXTS_KEPT: usize = 100_000;

/// Gives the different texts in the columns of every table that `wanted` names, of those that `is_name` accepts.
///
/// # Errors
/// When it is no power log. A table that cannot be read becomes a warning.
pub fn read_texts(
    database: &Database<'_>,
    wanted: fn(&str) -> bool,
    is_name: fn(&str) -> bool,
    out: &mut Out<'_>,
    each: fn(Place, Seen<'_>, &mut Out<'_>),
) -> Result<()> {
    let clock = Offsets::read(database, out)?;
    for table in database.tables().iter().filter(|table| wanted(table)) {
        let columns: Vec<String> = database
            .columns(table)
            .into_iter()
            // Curly brackets mark optional columns in queries of ours.
            .filter(|column| !is_number_column(column) && !column.contains(['{', '}']))
            .collect();
        if columns.is_empty() {
            continue;
        }
        let names: Vec<String> = columns.iter().map(|column| format!("t.{}", quoted(column))).collect();
        let query = format!(
            "SELECT t.rowid, {}, {} FROM {} AS t",
            logged(table, database),
            names.join(", "),
            quoted(table)
        );
        let mut texts =
            Texts { table, columns: &columns, seen: vec![HashMap::new(); columns.len()], kept: 0 };
        let read = database.prepare(&[&query]).and_then(|mut statement| {
            statement.for_each(&mut |row| {
                texts.add(row, is_name, &clock);
                if texts.kept >= TEXTS_KEPT {
                    texts.give(out, each);
                }
                Ok(())
            })
        });
        texts.give(out, each);
        if let Err(error) = read {
            out.warn(None, format!("{table}: {error}"));
        }
    }
    clock.note(out);
    Ok(())
}

fn is_number_column(name: &str) -> bool {
    name.eq_ignore_ascii_case("ID") || name.eq_ignore_ascii_case("FK_ID") || name.starts_with("timestamp")
}

struct Texts<'a> {
    table: &'a str,
    columns: &'a [String],
    /// Of each column.
    seen: Vec<HashMap<String, Occurrences>>,
    kept: usize,
}

#[derive(Clone)]
struct Occurrences {
    row: i64,
    rows: u64,
    /// By the system's clock, in seconds.
    span: Option<(f64, f64)>,
}

impl Texts<'_> {
    fn add(&mut self, row: &Row<'_>, is_name: fn(&str) -> bool, clock: &Offsets) {
        let mut at = None;
        for (index, seen) in self.seen.iter_mut().enumerate() {
            let value = row.value(index + 2);
            let Some(text) = value.as_text().filter(|text| is_name(text)) else { continue };
            let at = *at.get_or_insert_with(|| {
                let mut at = row.value(1);
                clock.correct(&mut at);
                number(&at).filter(|at| *at > 0.0)
            });
            let within = |(first, last): (f64, f64), at: f64| (first.min(at), last.max(at));
            if let Some(known) = seen.get_mut(text) {
                known.rows += 1;
                known.span = match (known.span, at) {
                    (Some(span), Some(at)) => Some(within(span, at)),
                    (span, at) => span.or(at.map(|at| (at, at))),
                };
            } else {
                let row = row.value(0).as_int().unwrap_or_default();
                seen.insert(text.to_owned(), Occurrences { row, rows: 1, span: at.map(|at| (at, at)) });
                self.kept += 1;
            }
        }
    }

    fn give(&mut self, out: &mut Out<'_>, each: fn(Place, Seen<'_>, &mut Out<'_>)) {
        for (column, seen) in self.columns.iter().zip(&mut self.seen) {
            let sorted: BTreeMap<(i64, String), Occurrences> =
                seen.drain().map(|(text, known)| ((known.row, text), known)).collect();
            for ((row, text), known) in sorted {
                let place = Place::Row { table: Cow::Owned(self.table.to_owned()), row };
                let (first, last) = known.span.unzip();
                let time = |at: Option<f64>| at.map_or(Value::Null, Value::Real);
                let seen = Seen {
                    table: self.table,
                    column,
                    text: &text,
                    rows: known.rows,
                    first: time(first),
                    last: time(last),
                };
                each(place, seen, out);
            }
        }
        self.kept = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_offset_before_a_time_counts_and_before_all_the_first() {
        let clock = Offsets { from: vec![(100.0, -5.0), (200.0, 7.0)] };
        let corrected = |raw: Value<'static>| {
            let mut value = raw;
            clock.correct(&mut value);
            value
        };
        assert_eq!(corrected(Value::Int(50)), Value::Real(45.0));
        assert_eq!(corrected(Value::Real(199.5)), Value::Real(194.5));
        assert_eq!(corrected(Value::Int(200)), Value::Real(207.0));
        assert_eq!(corrected("300".into()), Value::Real(307.0));
        for never in [Value::Int(0), Value::Int(-1), Value::Null, Value::Real(f64::NAN)] {
            assert_eq!(format!("{:?}", corrected(never.clone())), format!("{never:?}"));
        }
    }
}
