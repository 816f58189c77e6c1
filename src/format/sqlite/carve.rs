//! Finding the records of known tables in bytes that no cell claims.
//!
//! A stretch of free space holds what was there before: whole cells, cells whose first four bytes became the header of a freeblock, and
//! pieces. A record is only taken if its lengths agree with each other, its types with the columns of a table, and its texts with the
//! encoding. What that says about the row is left to `recover`.

use std::ops::Range;

use super::pages::Geometry;
use super::record::{Encoding, field_len, varint};
use super::schema::{Column, Table};

/// Kinds of values, as bits.
const NULL: u8 = 1;
const INT: u8 = 2;
const REAL: u8 = 4;
const TEXT: u8 = 8;
const BLOB: u8 = 16;

/// Types decoded for each byte that is searched, at most, so that a hostile page costs no more than its length allows.
const STEPS_PER_BYTE: u64 = 64;
/// How far behind a freeblock's start the header of its record can begin: lengths of up to three bytes and a row id of nine.
const FARTHEST_HEADER: usize = 12;
/// Bytes of a freed cell that the freeblock's own header takes.
const BLOCK_HEADER: usize = 4;
/// A record anywhere, without the lengths before it, must have this many fields to be more than chance.
const FIELDS_ANYWHERE: usize = 6;
/// One whose header is incomplete.
const FIELDS_WITHOUT_HEADER: usize = 3;

/// What the records of a table can look like.
pub(super) struct Shape {
    /// Of each field, the kinds of values it may hold.
    kinds: Vec<u8>,
    /// Rows from before the last columns were added have fewer fields.
    least: usize,
}

impl Shape {
    pub fn of(table: &Table) -> Shape {
        let kinds: Vec<u8> = table.fields().map(kinds).collect();
        let required = table.fields().take(kinds.len()).enumerate();
        let required =
            required.filter(|(_, column)| column.not_null && !column.has_default && !column.is_rowid);
        let least = required.map(|(index, _)| index + 1).max().unwrap_or(0).max(kinds.len().div_ceil(2));
        Shape { kinds, least }
    }

    /// The shape of the schema's own table, whose old rows are no other table's.
    pub fn of_schema() -> Shape {
        Shape { kinds: vec![TEXT, TEXT, TEXT, INT, NULL | TEXT], least: 5 }
    }

    /// Whether a record of these types can be one of the table.
    pub fn fits(&self, types: &[i64]) -> bool {
        types.len() >= self.least
            && types.len() <= self.kinds.len()
            && self.kinds.iter().zip(types).all(|(kinds, one)| kinds & kind(*one) != 0)
    }

    /// Whether SQLite would store a record of these types in the table at all.
    pub fn may_hold(&self, types: &[i64]) -> bool {
        types.len() <= self.kinds.len() && !types.is_empty()
    }

    /// How little chance there is that a record of these types fits: more is surer.
    pub fn strictness(&self, types: &[i64]) -> u32 {
        let excluded = |kinds: &u8| (!kinds & (NULL | INT | REAL | TEXT | BLOB)).count_ones();
        let whole = if types.len() == self.kinds.len() { 1000 } else { 0 };
        whole + self.kinds.iter().take(types.len()).map(excluded).sum::<u32>()
    }
}

/// What a column's values are stored as. Stricter than SQLite, which stores a text in an INTEGER column if it is no number.
fn kinds(column: &Column) -> u8 {
    if column.is_rowid {
        return NULL;
    }
    let stored = match column.affinity {
        "INTEGER" => INT | REAL,
        "REAL" => INT | REAL,
        "NUMERIC" => INT | REAL | TEXT,
        "TEXT" => TEXT,
        _ => INT | REAL | TEXT | BLOB,
    };
    if column.not_null { stored } else { stored | NULL }
}

fn kind(serial_type: i64) -> u8 {
    match serial_type {
        0 => NULL,
        1..=6 | 8 | 9 => INT,
        7 => REAL,
        12.. if serial_type % 2 == 0 => BLOB,
        13.. => TEXT,
        _ => 0,
    }
}

/// A record that was found.
pub(super) struct Carved {
    /// By its place among the shapes.
    pub shape: usize,
    /// Where in the page its bytes begin, as far as they are left.
    pub at: usize,
    /// Where they end in the page.
    end: usize,
    pub rowid: Option<i64>,
    pub types: Vec<i64>,
    /// The values' bytes that lie in the page.
    pub body: Range<usize>,
    /// The page on which the rest begins.
    pub overflow: Option<u32>,
    /// The type of the first field was worked out.
    pub guessed: bool,
}

impl Carved {
    /// The record as it was stored, as far as it lies in this page, and its whole length.
    pub fn record(&self, page: &[u8]) -> (Vec<u8>, usize) {
        let mut types = Vec::new();
        self.types.iter().for_each(|one| push_varint(&mut types, *one as u64));
        let mut record = Vec::new();
        let own = varint_len(types.len() as u64 + 1);
        push_varint(&mut record, (types.len() + own) as u64);
        record.extend_from_slice(&types);
        let body: usize = self.types.iter().filter_map(|one| field_len(*one)).sum();
        let len = record.len() + body;
        record.extend_from_slice(page.get(self.body.clone()).unwrap_or_default());
        (record, len)
    }
}

pub(super) fn push_varint(out: &mut Vec<u8>, value: u64) {
    let len = varint_len(value);
    if len == 9 {
        out.extend((1..9).rev().map(|group| 0x80 | (value >> (group * 7 + 1)) as u8));
        out.push(value as u8);
        return;
    }
    for group in (0..len).rev() {
        let more = if group > 0 { 0x80 } else { 0 };
        out.push(more | (value >> (group * 7)) as u8 & 0x7f);
    }
}

fn varint_len(value: u64) -> usize {
    (1..9).find(|len| value >> (len * 7) == 0).unwrap_or(9)
}

/// Searches stretches of pages.
pub(super) struct Carver<'s> {
    geometry: Geometry,
    shapes: &'s [Shape],
    types: Vec<i64>,
    steps: u64,
    /// Stretches that were not searched to their end.
    pub given_up: u64,
}

impl<'s> Carver<'s> {
    pub fn new(geometry: Geometry, shapes: &'s [Shape]) -> Carver<'s> {
        Carver { geometry, shapes, types: Vec::new(), steps: 0, given_up: 0 }
    }

    /// Finds the records of these tables in a stretch of a page. `freed`: the stretch is a freeblock, so it begins with a freed cell.
    pub fn search(
        &mut self,
        page: &[u8],
        stretch: Range<usize>,
        freed: bool,
        tables: &[usize],
    ) -> Vec<Carved> {
        let mut found = Vec::new();
        let Some(page) = page.get(..stretch.end) else { return found };
        self.steps = 4096 + stretch.len() as u64 * STEPS_PER_BYTE;
        let mut at = stretch.start;
        // Where a cell certainly began: its first bytes may be gone.
        let mut begins = freed;
        while at < page.len() {
            let carved = self
                .whole(page, at, tables)
                .or_else(|| begins.then(|| self.beheaded(page, at, stretch.end, tables)).flatten())
                .or_else(|| self.bare(page, at, at, tables, FIELDS_ANYWHERE));
            // What was written into the place of a freed cell shows by its own header.
            let carved = carved.filter(|carved| {
                !(carved.body.start + 1..carved.end).any(|inner| self.is_header(page, inner, tables))
            });
            if self.steps == 0 {
                self.given_up += 1;
                break;
            }
            begins = carved.is_some();
            match carved {
                Some(carved) => {
                    // A record ends behind its start, so the search moves on.
                    at = carved.end.max(at + 1);
                    found.push(carved);
                }
                None => at += 1,
            }
        }
        found
    }

    /// A cell that begins here with all its bytes.
    fn whole(&mut self, page: &[u8], at: usize, tables: &[usize]) -> Option<Carved> {
        let (len, rest) = short_varint(page.get(at..)?)?;
        let (rowid, rest) = varint(rest).filter(|(rowid, _)| *rowid >= 0)?;
        let start = page.len() - rest.len();
        let mut carved = self.bare(page, at, start, tables, 1)?;
        let (_, whole) = carved.record(page);
        carved.rowid = Some(rowid);
        (whole as u64 == len).then_some(carved)
    }

    /// Whether the lengths and types of a cell stand here, of whatever table, and whatever became of its content.
    fn is_header(&mut self, page: &[u8], at: usize, tables: &[usize]) -> bool {
        let Some(here) = page.get(at..) else { return false };
        let lengths = short_varint(here).and_then(|(len, rest)| Some((len, varint(rest)?.1)));
        if lengths.is_some_and(|(len, record)| self.agree(record, len).is_some_and(|types| types >= 2)) {
            return true;
        }
        let types = short_varint(here).and_then(|(header_len, rest)| {
            here.get(here.len() - rest.len()..usize::try_from(header_len).ok()?)
        });
        types.is_some_and(|types| self.read_types(types, None, tables, FIELDS_ANYWHERE).is_some())
    }

    /// How many types there are in the header of a record, if with what they say it is `len` bytes long.
    fn agree(&mut self, record: &[u8], len: u64) -> Option<usize> {
        let (header_len, types) = short_varint(record)?;
        let mut rest = record.get(record.len() - types.len()..usize::try_from(header_len).ok()?)?;
        let (mut sum, mut count) = (header_len, 0);
        while !rest.is_empty() {
            let (one, after) = varint(rest)?;
            self.steps = self.steps.checked_sub(1)?;
            sum = sum.checked_add(field_len(one)? as u64).filter(|sum| *sum <= len)?;
            count += 1;
            rest = after;
        }
        (sum == len).then_some(count)
    }

    /// A record that begins with its own header at `start`; of its cell, `at` is the first byte that counts.
    fn bare(
        &mut self,
        page: &[u8],
        at: usize,
        start: usize,
        tables: &[usize],
        least: usize,
    ) -> Option<Carved> {
        let (header_len, types) = short_varint(page.get(start..)?)?;
        let header_end = start.checked_add(usize::try_from(header_len).ok()?)?;
        let types_at = page.len() - types.len();
        let types = page.get(types_at..header_end).filter(|types| !types.is_empty())?;
        let shape = self.read_types(types, None, tables, least)?;
        self.carved(page, at, header_end, shape, false)
    }

    /// A cell of which the header of a freeblock took the first four bytes.
    fn beheaded(&mut self, page: &[u8], at: usize, end: usize, tables: &[usize]) -> Option<Carved> {
        let rest = at.checked_add(BLOCK_HEADER)?;
        for start in rest..=at + FARTHEST_HEADER {
            if let Some(carved) = self.bare(page, start, start, tables, 1)
                && row_id_fits(start - at, &carved, page)
            {
                return Some(Carved { at, ..carved });
            }
        }
        // The header's length is among what is lost; then it took one byte, as did what was before it, or two.
        for table in tables {
            let single = std::slice::from_ref(table);
            let sure = |carved: &Carved| carved.types.len() >= FIELDS_WITHOUT_HEADER || carved.end + 3 >= end;
            if let Some((types, shape)) = self.all_types(page.get(rest..)?, None, single)
                && let Some(carved) = self.carved(page, at, rest + types, shape, false)
                && carved.record(page).1 < 1 << 14
                && sure(&carved)
            {
                return Some(carved);
            }
            if let Some(carved) = self.first_type_lost(page, at, end, single).filter(sure) {
                return Some(carved);
            }
        }
        None
    }

    /// A cell with lengths of one byte: the fourth that is lost was the first type, or the first byte of it.
    fn first_type_lost(&mut self, page: &[u8], at: usize, end: usize, table: &[usize]) -> Option<Carved> {
        let rest = at.checked_add(BLOCK_HEADER)?;
        let kinds = *self.shapes.get(*table.first()?)?.kinds.first()?;
        let small = |carved: &Carved| carved.record(page).1 < 128;
        if kinds == NULL {
            let (types, shape) = self.all_types(page.get(rest..)?, Some(0), table)?;
            return self.carved(page, at, rest + types, shape, false).filter(small);
        }
        // Of a type of two bytes in so short a record, the first was 0x81.
        let second = i64::from(*page.get(rest)?);
        if second < 0x80
            && kind(128 + second) & kinds != 0
            && let Some((types, shape)) = self.all_types(page.get(rest + 1..)?, Some(128 + second), table)
            && let Some(carved) = self.carved(page, at, rest + 1 + types, shape, false).filter(small)
        {
            return Some(carved);
        }
        // Else the length of the first value is what the others leave of the block, if that held nothing but this cell.
        let (types, _) = self.all_types(page.get(rest..)?, Some(0), table)?;
        let others: usize = self.types.iter().filter_map(|one| field_len(*one)).sum();
        let len = (end - at).checked_sub(BLOCK_HEADER + types + others)?;
        let first = match len {
            0 if kinds & NULL != 0 => 0,
            8 if kinds & INT == 0 && kinds & REAL != 0 => 7,
            1..=4 if kinds & INT != 0 => len as i64,
            6 if kinds & INT != 0 => 5,
            8 if kinds & INT != 0 => 6,
            1..=57 if kinds & TEXT != 0 => 13 + 2 * len as i64,
            _ => return None,
        };
        let (types, shape) = self.all_types(page.get(rest..)?, Some(first), table)?;
        self.carved(page, at, rest + types, shape, true).filter(small)
    }

    /// Reads types from here until all columns of this one table have theirs, and says how many bytes that took.
    fn all_types(&mut self, bytes: &[u8], first: Option<i64>, table: &[usize]) -> Option<(usize, usize)> {
        let index = *table.first()?;
        let count = self.shapes.get(index)?.kinds.len();
        let mut rest = bytes;
        for _ in usize::from(first.is_some())..count {
            let (_, after) = varint(rest)?;
            rest = after;
            self.steps = self.steps.saturating_sub(1);
        }
        let len = bytes.len() - rest.len();
        let shape = self.read_types(bytes.get(..len)?, first, table, count)?;
        // The header's length was one byte.
        (len < 126).then_some((len, shape))
    }

    /// Reads exactly these bytes as the types of a record, and says which table they fit best.
    fn read_types(
        &mut self,
        mut bytes: &[u8],
        first: Option<i64>,
        tables: &[usize],
        least: usize,
    ) -> Option<usize> {
        self.types.clear();
        self.types.extend(first);
        let shapes = self.shapes;
        let fitting = |index: usize, one: i64| {
            let fits = |table: &&usize| {
                shapes
                    .get(**table)
                    .and_then(|shape| shape.kinds.get(index))
                    .is_some_and(|kinds| kinds & kind(one) != 0)
            };
            tables.iter().any(|table| fits(&table))
        };
        if first.is_some_and(|first| !fitting(0, first)) {
            return None;
        }
        while !bytes.is_empty() {
            let (one, rest) = varint(bytes)?;
            self.steps = self.steps.checked_sub(1)?;
            // The usual way out, at the first or second type.
            if !fitting(self.types.len(), one) {
                return None;
            }
            self.types.push(one);
            bytes = rest;
        }
        if self.types.len() < least {
            return None;
        }
        best(self.shapes, tables, &self.types)
    }

    /// The record of the types just read, if its values end where the stretch still goes on and its texts are texts.
    fn carved(&mut self, page: &[u8], at: usize, body: usize, shape: usize, guessed: bool) -> Option<Carved> {
        let content = self.types.iter().try_fold(0_usize, |sum, one| sum.checked_add(field_len(*one)?))?;
        // At least one byte of content: a row of nothing says nothing.
        if content == 0 {
            return None;
        }
        let mut carved = Carved {
            shape,
            at,
            end: 0,
            rowid: None,
            types: self.types.clone(),
            body: body..body,
            overflow: None,
            guessed,
        };
        let (header, len) = carved.record(page);
        let local = self.geometry.local_len(len, super::pages::TABLE_LEAF)?;
        carved.body.end = body.checked_add(local.checked_sub(header.len())?)?;
        carved.end = carved.body.end;
        if local < len {
            carved.overflow = Some(super::pages::word(page, carved.body.end)?);
            carved.end += 4;
        }
        let bytes = page.get(carved.body.clone())?;
        self.steps = self.steps.checked_sub(bytes.len() as u64)?;
        readable(&carved.types, bytes, self.geometry.encoding).then_some(carved)
    }
}

/// The table that a record of these types fits best; of equals, the first.
pub(super) fn best(shapes: &[Shape], tables: &[usize], types: &[i64]) -> Option<usize> {
    let fitting = tables.iter().filter_map(|table| Some((*table, shapes.get(*table)?)));
    let fitting = fitting.filter(|(_, shape)| shape.fits(types));
    // Of equals, the last is the greatest.
    fitting.rev().max_by_key(|(_, shape)| shape.strictness(types)).map(|(table, _)| table)
}

/// A length: of no more bytes than a length of a row can have, and written as short as it can be.
fn short_varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (value, rest) = varint(bytes)?;
    let value = u64::try_from(value).ok().filter(|value| (2..1 << 28).contains(value))?;
    (bytes.len() - rest.len() == varint_len(value)).then_some((value, rest))
}

/// Whether between the start of a cell and its record, `before` bytes apart, there is room for its length and a row id.
fn row_id_fits(before: usize, carved: &Carved, page: &[u8]) -> bool {
    let (_, len) = carved.record(page);
    before.checked_sub(varint_len(len as u64)).is_some_and(|rowid| (1..=9).contains(&rowid))
}

/// Whether the texts among the values are texts, as far as they are there.
fn readable(types: &[i64], mut body: &[u8], encoding: Encoding) -> bool {
    for one in types {
        let len = field_len(*one).unwrap_or(0);
        let (bytes, rest) = body.split_at(len.min(body.len()));
        body = rest;
        if kind(*one) == TEXT && !is_text(bytes, bytes.len() < len, encoding) {
            return false;
        }
    }
    true
}

/// `cut`: it may end in the middle of a character.
fn is_text(bytes: &[u8], cut: bool, encoding: Encoding) -> bool {
    let control = |c: char| c < ' ' && !matches!(c, '\t' | '\n' | '\r');
    let unit: fn([u8; 2]) -> u16 = match encoding {
        Encoding::Utf8 => {
            return match std::str::from_utf8(bytes) {
                Ok(text) => !text.contains(control),
                Err(error) => cut && error.error_len().is_none(),
            };
        }
        Encoding::Utf16Le => u16::from_le_bytes,
        Encoding::Utf16Be => u16::from_be_bytes,
    };
    let (units, odd) = bytes.as_chunks::<2>();
    // Read one byte beside its place, ordinary text looks like rare characters.
    let shifted = units.iter().filter(|[a, b]| unit([*b, *a]) < 0x80 && unit([*a, *b]) >= 0x80).count();
    let last = units.len().saturating_sub(1);
    let mut characters = char::decode_utf16(units.iter().map(|bytes| unit(*bytes))).enumerate();
    (cut || odd.is_empty())
        && shifted * 2 <= units.len()
        && characters.all(|(index, character)| match character {
            Ok(c) => !control(c),
            // Pairs count once, so this is the last unit or beyond it only if the rest are single.
            Err(_) => cut && index + 1 >= last,
        })
}
