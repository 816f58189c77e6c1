//! Running an artifact's queries over a database.

use anyhow::Result;

use super::{Artifact, Beside, Out, Parse};
use crate::format::sqlite::{Database, Row};
use crate::record::Place;

/// Pushes the records that this database holds for an artifact; `beside` are the databases that [`Parse::beside`] asks for.
///
/// # Errors
/// When no query fits the schema, or when the database is damaged: rows before the damage have been pushed.
pub fn read_database(
    artifact: &'static Artifact,
    database: &Database<'_>,
    beside: &[Beside<'_>],
    out: &mut Out<'_>,
) -> Result<()> {
    match artifact.parse {
        Parse::Sqlite { table, queries } => read_table(database, table, queries, out)?,
        Parse::Rows { table, queries, row: parse } => {
            database.prepare(queries)?.for_each(&mut |row| {
                if let Err(error) = parse(row, out) {
                    out.warn(Some(row_place(table, row)), format!("{error:#}"));
                }
                Ok(())
            })?;
        }
        Parse::Database(parse) => parse(database, out)?,
        Parse::Explained { parse, .. } => parse(database, beside, out)?,
        _ => anyhow::bail!("is not read from a database"),
    }
    Ok(())
}

/// Pushes the rows of the first of these queries that the schema can answer, as [`Parse::Sqlite`] states them.
fn read_table(
    database: &Database<'_>,
    table: &'static str,
    queries: &[&str],
    out: &mut Out<'_>,
) -> Result<()> {
    database.prepare(queries)?.for_each(&mut |row| {
        out.push_row(table, row, |_| ());
        Ok(())
    })?;
    Ok(())
}

/// [`Parse::Sqlite`] for an artifact whose records lie in several tables, each with its queries: one that cannot be read does not
/// keep the others from being read.
///
/// # Errors
/// The first table's that failed; a later one becomes a warning.
pub fn read_tables(
    database: &Database<'_>,
    tables: &[(&'static str, &[&str])],
    out: &mut Out<'_>,
) -> Result<()> {
    let mut result = Ok(());
    for (table, queries) in tables {
        let outcome = read_table(database, table, queries, out);
        match (&result, outcome) {
            (Ok(()), Err(error)) => result = Err(error),
            (Err(_), Err(error)) => out.warn(None, format!("{error:#}")),
            (_, Ok(())) => {}
        }
    }
    result
}

/// [`read_tables`] for tables that not every version of a database has: those that are there.
///
/// # Errors
/// Also when none of them is there.
pub fn read_present_tables(
    database: &Database<'_>,
    tables: &[(&'static str, &[&str])],
    out: &mut Out<'_>,
) -> Result<()> {
    let is_there = |name: &str| database.tables().iter().any(|table| table == name);
    let present: Vec<_> = tables.iter().filter(|(table, _)| is_there(table)).copied().collect();
    // The error of the first names what is there instead.
    let asked = if present.is_empty() { tables.get(..1).unwrap_or_default() } else { &present };
    read_tables(database, asked, out)
}

/// Reads each table that has one of these columns: where names of tables change with every version, columns tell what a table is about.
/// One that cannot be read does not keep the others from being read.
///
/// # Errors
/// The first table's that failed; a later one becomes a warning.
pub fn read_telling_tables(
    database: &Database<'_>,
    telling: &[&str],
    out: &mut Out<'_>,
    read: fn(&Database<'_>, &str, &mut Out<'_>) -> Result<()>,
) -> Result<()> {
    let mut result = Ok(());
    for table in database.tables() {
        if !database.columns(table).iter().any(|column| telling.contains(&column.as_str())) {
            continue;
        }
        if let Err(error) = read(database, table, out) {
            match &result {
                Ok(()) => result = Err(error),
                Err(_) => out.warn(None, format!("{table}: {error:#}")),
            }
        }
    }
    result
}

/// The place of a row whose first result column is its row id.
fn row_place(table: &'static str, row: &Row<'_>) -> Place {
    Place::row(table, row.value(0).as_int().unwrap_or_default())
}
