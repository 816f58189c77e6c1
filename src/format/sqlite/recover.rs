//! Rows that were deleted or replaced, from everything a database and its log still hold of them.
//!
//! Where to look is decided here: free pages, free space of the tables' own pages, states of pages that the log replaced or never
//! committed. What a record looks like is `carve`'s business. What is found goes into a database in memory, on which an artifact's own
//! queries run; a row that is live, or differs from a live one in numbers only, is no find.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use rusqlite::Connection;

use super::carve::{Carver, Shape, best};
use super::image::locked;
use super::pages::{
    Geometry, Head, MAX_PAGES, Pages, TABLE_INTERIOR, TABLE_LEAF, cells, header_at, header_len, word,
};
use super::record::{Encoding, Field, field_len, fields, varint};
use super::salvage::{Builder, unbuilt};
use super::schema::{self, Entry, Table};
use super::spot::{Owner, Version, owners};
use super::vfs::Mount;
use super::wal::{FRAME_HEADER_LEN, HEADER_LEN};
use super::{Database, DatabaseError, Folded, configure, fold, quoted};
use crate::format::ReadAt;
use crate::record::{Origin, Place, Recovery};

/// What a find takes in memory beside its bytes.
const FIND_BYTES: u64 = 256;
/// Rows of a copied table from which on its columns of numbers are indexed.
const INDEXED_ROWS: u64 = 1000;
/// The beginning of a text by which rows are found again.
const TEXT_START: usize = 64;

/// How a row was recovered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confidence {
    /// From a whole cell.
    High,
    /// Its cell's first bytes were overwritten; the rest fits the table.
    Medium,
}

/// A recovered row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// [`Origin::Wal`] if it lay in the log, else [`Origin::Freed`].
    pub origin: Origin,
    /// Of its bytes, in that file.
    pub offset: u64,
    /// As it was; unknown where the cell's start is lost.
    pub rowid: Option<i64>,
    pub confidence: Confidence,
    pub recovery: Recovery,
    /// Its end is missing.
    pub cut: bool,
}

impl Found {
    pub fn place(&self, table: Cow<'static, str>) -> Place {
        let Found { origin, offset, rowid: row, recovery: recovered, cut, .. } = *self;
        Place::Recovered { table, row, origin, offset, recovered, cut }
    }
}

/// Rows that are no longer, or not yet, in their tables.
pub struct Recovered {
    /// In memory: the recovered rows, and the live rows of the tables that explain them.
    pub database: Database<'static>,
    /// The recovered rows by table and by row id in `database`; rows that are not among them are live ones.
    pub rows: BTreeMap<String, BTreeMap<i64, Found>>,
    /// Finds that differed from a live row in numbers only.
    pub renumbered: u64,
    /// What could not be kept or searched.
    pub notes: Vec<String>,
}

/// Recovers rows of the tables in `subjects`, and of those that `explains` names together with their live rows, in at most about
/// `budget` bytes of memory.
///
/// A find keeps its row id unless two finds of one table share it, or it is unknown: then it gets one above all others. `None`: nothing
/// was found. `Err`: not a database, or one whose schema is gone.
pub fn recover(
    main: Box<dyn ReadAt + '_>,
    wal: Option<Box<dyn ReadAt + '_>>,
    budget: u64,
    subjects: &[String],
    explains: &dyn Fn(&str) -> bool,
) -> Result<Option<Recovered>, DatabaseError> {
    let files = fold(main, wal, &mut Vec::new())?;
    let geometry = Geometry::of(&files.image)?;
    let entries = schema::entries(&mut Pages::new(&files.image)?);
    let mut search = Search::new(&files, geometry, &entries, subjects, explains, budget / 2);
    search.live_pages();
    search.free_pages();
    search.older_states();
    let mut notes = search.notes();
    let Search { tables, finds: Finds { list: mut finds, .. }, .. } = search;
    let Some(tables) = tables else { return Ok(None) };
    finds.retain(|find| tables.is_wanted(find.table, explains));
    let (most, renumbered) = drop_live(&files, &tables, &mut finds)?;
    if finds.is_empty() {
        return Ok(None);
    }
    let build = Build { files: &files, tables: &tables, encoding: geometry.encoding, explains };
    let (database, rows) = build.database(finds, &most, budget / 2, &mut notes)?;
    Ok(Some(Recovered { database, rows, renumbered, notes }))
}

/// The tables of the schema that have row ids.
struct Tables<'e> {
    tables: Vec<(&'e Entry, Table)>,
    shapes: Vec<Shape>,
    /// The subjects are the first.
    subjects: usize,
    /// All of them and the schema's own, which comes last.
    all: Vec<usize>,
}

impl<'e> Tables<'e> {
    fn new(entries: &'e [Entry], wanted: &[bool]) -> Tables<'e> {
        let of = |subject: bool| {
            let chosen = entries
                .iter()
                .zip(wanted)
                .filter(move |(entry, wanted)| entry.is_table && **wanted == subject);
            chosen.filter_map(|(entry, _)| Some((entry, entry.table().ok()?)))
        };
        let mut tables: Vec<(&Entry, Table)> = of(true).collect();
        let subjects = tables.len();
        tables.extend(of(false));
        let mut shapes: Vec<Shape> = tables.iter().map(|(_, table)| Shape::of(table)).collect();
        shapes.push(Shape::of_schema());
        Tables { all: (0..shapes.len()).collect(), tables, shapes, subjects }
    }

    fn is_subject(&self, table: usize) -> bool {
        table < self.subjects
    }

    fn is_wanted(&self, table: usize, explains: &dyn Fn(&str) -> bool) -> bool {
        self.is_subject(table) || self.tables.get(table).is_some_and(|(_, table)| explains(&table.name))
    }

    fn of_root(&self, root: u32) -> Option<usize> {
        self.tables.iter().position(|(entry, _)| entry.root == root)
    }
}

/// A record that may be a row that is gone.
struct Find {
    table: usize,
    record: Vec<u8>,
    /// The first field's type was worked out.
    guessed: bool,
    /// It lay in free space.
    carved: bool,
    found: Found,
}

#[derive(Default)]
struct Finds {
    list: Vec<Find>,
    /// Of what is on the list: a later find of the same texts is the same row, with older numbers.
    known: HashSet<u64>,
    left: u64,
    dropped: u64,
}

impl Finds {
    fn push(&mut self, find: Find) {
        let mut hasher = DefaultHasher::new();
        (find.table, find.found.rowid).hash(&mut hasher);
        values(&find.record).iter().filter(|(one, _)| *one > 12).for_each(|value| value.hash(&mut hasher));
        if texts(&values(&find.record), 0).next().is_none() {
            find.record.hash(&mut hasher);
        }
        let key = hasher.finish();
        if self.known.contains(&key) {
            return;
        }
        match self.left.checked_sub(find.record.len() as u64 + FIND_BYTES) {
            Some(left) => {
                self.left = left;
                self.known.insert(key);
                self.list.push(find);
            }
            None => self.dropped += 1,
        }
    }
}

/// A frame of the log.
struct Frame {
    page: u32,
    /// Of its content.
    offset: u64,
    version: Version,
    /// The last frame of its transaction.
    until: usize,
    salt: [u8; 8],
}

/// Which state of the database a page is of, for following chains.
#[derive(Clone, Copy)]
enum State {
    /// The newest; only chains of free pages are followed.
    Newest,
    /// The file without the log.
    Main,
    /// By number of the frame.
    Frame(usize),
}

/// Looks through the pages.
struct Search<'f, 'a, 'e> {
    files: &'f Folded<'a>,
    geometry: Geometry,
    entries: &'e [Entry],
    subjects: Vec<bool>,
    /// The tables that are searched.
    wanted: Vec<bool>,
    owners: Vec<Owner>,
    /// Made when something is found worth searching: each definition costs a little.
    tables: Option<Tables<'e>>,
    /// By their place among the entries.
    by_entry: Vec<Option<usize>>,
    frames: Vec<Frame>,
    frames_of: HashMap<u32, Vec<usize>>,
    finds: Finds,
    given_up: u64,
    /// Overflow pages that may still be followed: honest chains do not share pages within one state.
    chain_pages: u64,
}

impl<'f, 'a, 'e> Search<'f, 'a, 'e> {
    fn new(
        files: &'f Folded<'a>,
        geometry: Geometry,
        entries: &'e [Entry],
        subjects: &[String],
        explains: &dyn Fn(&str) -> bool,
        budget: u64,
    ) -> Search<'f, 'a, 'e> {
        let named = |entry: &Entry| subjects.iter().any(|name| name.eq_ignore_ascii_case(&entry.name));
        let roots: Vec<u32> = std::iter::once(1).chain(entries.iter().map(|entry| entry.root)).collect();
        let mut search = Search {
            files,
            geometry,
            entries,
            subjects: entries.iter().map(|entry| entry.is_table && named(entry)).collect(),
            wanted: entries
                .iter()
                .map(|entry| entry.is_table && (named(entry) || explains(&entry.name)))
                .collect(),
            owners: owners(&files.image, &geometry, &roots),
            tables: None,
            by_entry: Vec::new(),
            frames: Vec::new(),
            frames_of: HashMap::new(),
            finds: Finds { left: budget, ..Finds::default() },
            given_up: 0,
            chain_pages: 0,
        };
        search.list_frames();
        search.chain_pages = 1000 + 4 * (search.owners.len() + search.frames.len()) as u64;
        search
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.finds.dropped > 0 {
            notes.push(format!(
                "{} rows that may have been deleted are not kept: the memory for them is used up",
                self.finds.dropped
            ));
        }
        if self.given_up > 0 {
            notes.push(format!("{} stretches of free space were not searched to their end", self.given_up));
        }
        notes
    }

    fn tables(&mut self) -> &Tables<'e> {
        if self.tables.is_none() {
            let tables = Tables::new(self.entries, &self.subjects);
            self.by_entry = self.entries.iter().map(|entry| tables.of_root(entry.root)).collect();
            self.tables = Some(tables);
        }
        self.tables.as_ref().expect("made above")
    }

    fn owner(&self, number: u32) -> Owner {
        self.owners.get(number as usize).copied().unwrap_or(Owner::Nobody)
    }

    /// The entry whose page this is. The first tree is the schema's.
    fn entry_of(&self, number: u32) -> Option<usize> {
        match self.owner(number) {
            Owner::Tree(tree) => usize::from(tree).checked_sub(1),
            _ => None,
        }
    }

    fn is_wanted(&self, number: u32) -> bool {
        self.entry_of(number).and_then(|entry| self.wanted.get(entry)).copied().unwrap_or(false)
    }

    fn numbers(&self) -> std::ops::Range<u32> {
        1..u32::try_from(self.owners.len()).unwrap_or(u32::MAX)
    }

    /// Free space in the pages of the wanted tables.
    fn live_pages(&mut self) {
        let mut page = vec![0; self.geometry.page_size];
        for number in self.numbers() {
            if self.is_wanted(number) && self.files.image.page(number, &mut page) {
                let (in_log, offset) = self.files.image.place(number);
                let version = if in_log { Version::Log } else { Version::Current };
                let at = At { number, offset, version, state: State::Newest };
                self.free_space(&page, &at);
            }
        }
    }

    fn free_pages(&mut self) {
        let mut page = vec![0; self.geometry.page_size];
        for number in self.numbers() {
            let owner = self.owner(number);
            if !matches!(owner, Owner::FreeLeaf | Owner::FreeTrunk)
                || !self.files.image.page(number, &mut page)
            {
                continue;
            }
            let (in_log, offset) = self.files.image.place(number);
            let version = if in_log { Version::Log } else { Version::Current };
            let at = At { number, offset, version, state: State::Newest };
            if owner == Owner::FreeLeaf {
                self.whole_page(&page, &at);
                continue;
            }
            // The list has overwritten the start of the page, and with it the pointers to its cells.
            let list = word(&page, 4).map_or(0, |count| (count as usize).saturating_mul(4));
            let start = list.saturating_add(8).min(self.geometry.usable);
            self.stretch(&page, start..self.geometry.usable, false, None, &at);
        }
    }

    /// Pages of the file that the log replaced, and frames that are not the newest of their page.
    fn older_states(&mut self) {
        let mut page = vec![0; self.geometry.page_size];
        for index in (0..self.frames.len()).rev() {
            let Some(frame) = self.frames.get(index).filter(|frame| frame.version != Version::Log) else {
                continue;
            };
            let (number, offset, version) = (frame.page, frame.offset, frame.version);
            if !self.is_interesting(number) {
                continue;
            }
            let Some(log) = &self.files.log else { return };
            let read = locked(&log.file, |file| file.read(offset, &mut page));
            if matches!(read, Ok(read) if read == page.len()) {
                self.whole_page(&page, &At { number, offset, version, state: State::Frame(index) });
            }
        }
        let size = self.geometry.page_size as u64;
        let stored = locked(&self.files.main, |file| file.len()) / size;
        for number in 1..=u32::try_from(stored).unwrap_or(u32::MAX).min(MAX_PAGES as u32) {
            let offset = u64::from(number - 1) * size;
            let replaced = self.files.image.place(number).0 || offset >= self.files.image.size();
            if replaced && self.is_interesting(number) {
                let read = locked(&self.files.main, |file| file.read(offset, &mut page));
                if matches!(read, Ok(read) if read == page.len()) {
                    self.whole_page(
                        &page,
                        &At { number, offset, version: Version::Superseded, state: State::Main },
                    );
                }
            }
        }
    }

    /// An older state of this page could hold rows of a wanted table.
    fn is_interesting(&self, number: u32) -> bool {
        self.is_wanted(number) || !matches!(self.owner(number), Owner::Tree(_))
    }

    fn list_frames(&mut self) {
        let Some(log) = &self.files.log else { return };
        let frame_len = (FRAME_HEADER_LEN + self.geometry.page_size) as u64;
        let len = locked(&log.file, |file| file.len());
        let mut header = [0; HEADER_LEN];
        let read = locked(&log.file, |file| file.read(0, &mut header));
        // Frames of another page size would be read as nonsense.
        if !matches!(read, Ok(HEADER_LEN)) || word(&header, 8) != Some(self.geometry.page_size as u32) {
            return;
        }
        let own_salt = header.get(16..24).and_then(|salt| salt.try_into().ok()).unwrap_or_default();
        let total = len.saturating_sub(HEADER_LEN as u64) / frame_len;
        let mut starts = 0;
        for number in 0..total.min(MAX_PAGES as u64) {
            let start = HEADER_LEN as u64 + number * frame_len;
            let mut header = [0; FRAME_HEADER_LEN];
            let read = locked(&log.file, |file| file.read(start, &mut header));
            let (Ok(FRAME_HEADER_LEN), Some(page @ 1..)) = (read, word(&header, 0)) else { break };
            let offset = start + FRAME_HEADER_LEN as u64;
            let version = log.version(number, page, offset, &header);
            let salt = match version {
                Version::Leftover => {
                    header.get(8..16).and_then(|salt| salt.try_into().ok()).unwrap_or_default()
                }
                _ => own_salt,
            };
            let index = self.frames.len();
            self.frames_of.entry(page).or_default().push(index);
            self.frames.push(Frame { page, offset, version, until: index, salt });
            if word(&header, 4) != Some(0) {
                for frame in self.frames.get_mut(starts..).unwrap_or_default() {
                    frame.until = index;
                }
                starts = index + 1;
            }
        }
    }

    /// A page as it was when its content was valid.
    fn whole_page(&mut self, page: &[u8], at: &At) {
        let header = header_at(at.number);
        if page.get(header) == Some(&TABLE_LEAF) {
            self.cells(page, at);
        }
        if matches!(page.get(header), Some(&(TABLE_LEAF | TABLE_INTERIOR))) {
            self.free_space(page, at);
        }
    }

    /// Every cell of a leaf page, given to the table that most of them fit.
    fn cells(&mut self, page: &[u8], at: &At) {
        let geometry = self.geometry;
        let pointers = cells(page, header_at(at.number), 8).unwrap_or_default();
        let heads =
            pointers.into_iter().filter_map(|cell| Some((cell, geometry.head(page, cell, TABLE_LEAF)?)));
        let heads: Vec<(usize, Head)> = heads.collect();
        let owner = self.entry_of(at.number);
        let tables = self.tables();
        let mut votes: BTreeMap<usize, usize> = BTreeMap::new();
        let mut all_types = Vec::with_capacity(heads.len());
        for (_, head) in &heads {
            let types = page.get(head.body..head.body + head.local).and_then(types).unwrap_or_default();
            if let Some(table) = best(&tables.shapes, &tables.all, &types) {
                *votes.entry(table).or_default() += 1;
            }
            all_types.push(types);
        }
        // Of equals the first, which is a subject if one is.
        let elected = votes.iter().rev().max_by_key(|(_, count)| **count).map(|(table, _)| *table);
        let owner = owner.and_then(|owner| self.by_entry.get(owner).copied().flatten());
        let tables = self.tables();
        let of_owner = |table: usize| {
            let fitting = all_types
                .iter()
                .filter(|types| tables.shapes.get(table).is_some_and(|shape| shape.fits(types)));
            fitting.count() * 2 >= all_types.len()
        };
        let Some(table) = owner.filter(|owner| of_owner(*owner)).or(elected) else { return };
        let known_owner = owner == Some(table);
        if table >= tables.tables.len() {
            return;
        }
        for ((cell, head), types) in heads.into_iter().zip(all_types) {
            let fits = self.tables().shapes.get(table).is_some_and(|shape| {
                // SQLite stores a value as it is given if a column's type cannot take it.
                if known_owner { shape.may_hold(&types) } else { shape.fits(&types) }
            });
            if let Some(start) = page.get(head.body..head.body + head.local).filter(|_| fits) {
                let record = self.chain(start.to_vec(), head.len, head.overflow, at.state);
                self.find(table, head.rowid, record, None, cell, at);
            }
        }
    }

    /// The gap and the freeblocks of a table's page.
    fn free_space(&mut self, page: &[u8], at: &At) {
        let header = header_at(at.number);
        let Some(kind) = page.get(header).filter(|kind| matches!(**kind, TABLE_LEAF | TABLE_INTERIOR)) else {
            return;
        };
        if header_len(*kind).is_none() {
            return;
        }
        let Some(free) = self.geometry.free(page, header) else { return };
        let owner = self.entry_of(at.number);
        for (stretch, freed) in
            std::iter::once((free.gap, false)).chain(free.blocks.into_iter().map(|block| (block, true)))
        {
            // Pages that only ever grew have nothing but zeros there.
            if page.get(stretch.clone()).is_some_and(|bytes| bytes.iter().any(|byte| *byte != 0)) {
                self.stretch(page, stretch, freed, owner, at);
            }
        }
    }

    /// Bytes that no cell claims; `owner` is the entry whose page they are in.
    fn stretch(
        &mut self,
        page: &[u8],
        stretch: std::ops::Range<usize>,
        freed: bool,
        owner: Option<usize>,
        at: &At,
    ) {
        self.tables();
        let Some(tables) = &self.tables else { return };
        let own = owner.and_then(|owner| self.by_entry.get(owner).copied().flatten());
        if owner.is_some() && own.is_none() {
            return;
        }
        let searched = own.as_ref().map_or(&tables.all[..], std::slice::from_ref);
        let mut carver = Carver::new(self.geometry, &tables.shapes);
        let carved = carver.search(page, stretch, freed, searched);
        let storable = tables.tables.len();
        self.given_up += carver.given_up;
        for one in carved.into_iter().filter(|one| one.shape < storable) {
            let (start, len) = one.record(page);
            let record = self.chain(start, len, one.overflow, at.state);
            self.find(one.shape, one.rowid, record, Some(one.guessed), one.at, at);
        }
    }

    /// `carved`: whether the first type was worked out, of what lay in free space.
    fn find(
        &mut self,
        table: usize,
        rowid: Option<i64>,
        (record, cut): (Vec<u8>, bool),
        carved: Option<bool>,
        within: usize,
        at: &At,
    ) {
        let in_log = match at.state {
            State::Frame(_) => true,
            State::Main => false,
            State::Newest => at.version == Version::Log,
        };
        let found = Found {
            origin: if in_log { Origin::Wal } else { Origin::Freed },
            offset: at.offset + within as u64,
            rowid,
            confidence: if rowid.is_some() { Confidence::High } else { Confidence::Medium },
            recovery: match at.version {
                Version::Uncommitted => Recovery::Uncommitted,
                _ => Recovery::Deleted,
            },
            cut,
        };
        self.finds.push(Find {
            table,
            record,
            guessed: carved == Some(true),
            carved: carved.is_some(),
            found,
        });
    }

    /// Adds to the start of a record what its overflow pages held in that state; the second value says that there is less than all.
    fn chain(
        &mut self,
        mut record: Vec<u8>,
        len: usize,
        mut next: Option<u32>,
        state: State,
    ) -> (Vec<u8>, bool) {
        let mut page = vec![0; self.geometry.page_size];
        // Every page adds to the record, so a chain that bites its tail ends too.
        while record.len() < len
            && let Some(number @ 1..) = next
            && let Some(left) = self.chain_pages.checked_sub(1)
            && self.state_of(number, state, &mut page)
            && let Some(content) = page.get(4..self.geometry.usable)
        {
            self.chain_pages = left;
            let wanted = content.len().min(len - record.len());
            next = word(&page, 0);
            // The last page of a chain ends it; another is of another row by now.
            if (next == Some(0)) != (record.len() + wanted == len) {
                break;
            }
            record.extend_from_slice(content.get(..wanted).unwrap_or_default());
        }
        let cut = record.len() < len;
        (record, cut)
    }

    fn state_of(&self, number: u32, state: State, page: &mut [u8]) -> bool {
        let from = match state {
            State::Newest => {
                return self.owner(number) == Owner::FreeLeaf && self.files.image.page(number, page);
            }
            State::Main => None,
            State::Frame(index) => self.frames.get(index).and_then(|frame| {
                let frames = self.frames_of.get(&number)?;
                let before = frames.partition_point(|other| *other <= frame.until);
                let newest = self.frames.get(*frames.get(before.checked_sub(1)?)?)?;
                (newest.salt == frame.salt).then_some(newest.offset)
            }),
        };
        let read = match (from, &self.files.log) {
            (Some(offset), Some(log)) => locked(&log.file, |file| file.read(offset, page)),
            _ => {
                let offset = u64::from(number.saturating_sub(1)) * page.len() as u64;
                locked(&self.files.main, |file| file.read(offset, page))
            }
        };
        matches!(read, Ok(read) if read == page.len())
    }
}

/// Where the page at hand lies.
struct At {
    number: u32,
    /// Of the page, in its file.
    offset: u64,
    version: Version,
    state: State,
}

/// The types of a record's fields. `None`: they are not all in these bytes.
fn types(record: &[u8]) -> Option<Vec<i64>> {
    let (header_len, _) = varint(record)?;
    let (_, mut rest) = varint(record.get(..usize::try_from(header_len).ok()?)?)?;
    let mut types = Vec::new();
    while !rest.is_empty() {
        let (one, after) = varint(rest)?;
        field_len(one)?;
        types.push(one);
        rest = after;
    }
    Some(types)
}

/// The fields of a record as they are stored; those beyond its end are short.
fn values(record: &[u8]) -> Vec<(i64, &[u8])> {
    let Some(types) = types(record) else { return Vec::new() };
    let header = varint(record).and_then(|(len, _)| usize::try_from(len).ok()).unwrap_or(0);
    let mut body = record.get(header..).unwrap_or_default();
    let take = |one: i64| {
        let (value, rest) = body.split_at(field_len(one).unwrap_or(0).min(body.len()));
        body = rest;
        (one, value)
    };
    types.into_iter().map(take).collect()
}

/// The texts among a row's values, after the first `skip`.
fn texts<'v, 'r>(values: &'v [(i64, &'r [u8])], skip: usize) -> impl Iterator<Item = &'v (i64, &'r [u8])> {
    values.iter().skip(skip).filter(|(one, _)| *one > 13 && one % 2 == 1)
}

/// What rows of the same texts share, even if the end of one is missing; rows without texts share all their values.
fn key(values: &[(i64, &[u8])], skip: usize) -> u64 {
    let mut hasher = DefaultHasher::new();
    match texts(values, skip).next() {
        Some((_, first)) => {
            texts(values, skip).for_each(|(one, _)| one.hash(&mut hasher));
            first.get(..TEXT_START).unwrap_or(first).hash(&mut hasher);
        }
        None => values.get(skip..).hash(&mut hasher),
    }
    hasher.finish()
}

impl Find {
    /// Whether it holds nothing that a live row does not, numbers aside; without texts, everything counts.
    ///
    /// In free space, what lies behind a text may have been overwritten by a shorter row that is gone too, so blobs say nothing there.
    fn is_same(&self, values: &[(i64, &[u8])], live: &[(i64, &[u8])]) -> bool {
        let skip = usize::from(self.guessed);
        if texts(values, skip).next().is_none() {
            return values.get(skip..) == live.get(skip..);
        }
        let counts = |(one, _): &&(i64, &[u8])| *one > 12 && (one % 2 == 1 || !self.carved);
        let mut found = values.iter().skip(skip).filter(counts);
        let mut whole = live.iter().skip(skip).filter(counts);
        loop {
            match (found.next(), whole.next()) {
                (None, None) => return true,
                (Some((a, found)), Some((b, whole))) if a == b && whole.starts_with(found) => {}
                _ => return false,
            }
        }
    }
}

/// Takes out the finds that are live rows, or were before numbers in them changed. Gives the greatest row id of each table, and how
/// many differed.
fn drop_live(
    files: &Folded<'_>,
    tables: &Tables<'_>,
    finds: &mut Vec<Find>,
) -> Result<(HashMap<usize, i64>, u64), DatabaseError> {
    // A row with its row id says more than the same without.
    let whole: HashSet<(usize, u64)> = finds
        .iter()
        .filter(|find| find.found.rowid.is_some())
        .map(|find| (find.table, key(&values(&find.record), 0)))
        .collect();
    finds.retain(|find| {
        find.found.rowid.is_some() || !whole.contains(&(find.table, key(&values(&find.record), 0)))
    });
    let mut gone = vec![false; finds.len()];
    let mut replaced = vec![false; finds.len()];
    let mut most = HashMap::new();
    let mut renumbered = 0;
    let concerned: BTreeSet<usize> = finds.iter().map(|find| find.table).collect();
    for table in concerned {
        let Some((entry, _)) = tables.tables.get(table) else { continue };
        let mut by_row: HashMap<i64, Vec<usize>> = HashMap::new();
        let mut by_key: HashMap<u64, Vec<usize>> = HashMap::new();
        let mut skips = [false; 2];
        for (index, find) in finds.iter().enumerate().filter(|(_, find)| find.table == table) {
            let skip = usize::from(find.guessed);
            match find.found.rowid {
                Some(row) => by_row.entry(row).or_default().push(index),
                None => {
                    by_key.entry(key(&values(&find.record), skip)).or_default().push(index);
                    skips = if find.guessed { [skips[0], true] } else { [true, skips[1]] };
                }
            }
        }
        let mut greatest = 0;
        Pages::new(&files.image)?.walk_records(entry.root, &mut |row, record| {
            greatest = greatest.max(row);
            let same_row = by_row.get(&row).map_or(&[][..], Vec::as_slice);
            if same_row.is_empty() && by_key.is_empty() {
                return Some(true);
            }
            let live = values(record);
            for index in same_row {
                let Some(find) = finds.get(*index) else { continue };
                if let Some(replaced) = replaced.get_mut(*index) {
                    *replaced = true;
                }
                drop_if_same(find, &live, record, gone.get_mut(*index), &mut renumbered);
            }
            for skip in (0..2).filter(|skip| skips[*skip]) {
                for index in by_key.get(&key(&live, skip)).map_or(&[][..], Vec::as_slice) {
                    let Some(find) = finds.get(*index) else { continue };
                    drop_if_same(find, &live, record, gone.get_mut(*index), &mut renumbered);
                }
            }
            Some(true)
        });
        most.insert(table, greatest);
    }
    let mut index = 0;
    finds.retain_mut(|find| {
        if replaced.get(index) == Some(&true) && find.found.recovery == Recovery::Deleted {
            find.found.recovery = Recovery::Replaced;
        }
        index += 1;
        !gone.get(index - 1).copied().unwrap_or(false)
    });
    Ok((most, renumbered))
}

fn drop_if_same(
    find: &Find,
    live: &[(i64, &[u8])],
    record: &[u8],
    gone: Option<&mut bool>,
    renumbered: &mut u64,
) {
    if let Some(gone @ false) = gone
        && find.is_same(&values(&find.record), live)
    {
        *gone = true;
        *renumbered += u64::from(find.record != record && !find.guessed && !find.found.cut);
    }
}

/// The greatest row id of each table, live or found.
fn above_all(finds: &[Find], most: &HashMap<usize, i64>) -> HashMap<usize, i64> {
    let mut above = most.clone();
    for find in finds {
        let most = above.entry(find.table).or_insert(0);
        *most = (*most).max(find.found.rowid.unwrap_or(0));
    }
    above
}

/// A row id that no other row of the table has.
fn fresh(next: &mut HashMap<usize, i64>, table: usize) -> Option<i64> {
    let next = next.get_mut(&table)?;
    *next = next.checked_add(1)?;
    Some(*next)
}

/// Makes the database in memory.
struct Build<'b, 'a> {
    files: &'b Folded<'a>,
    tables: &'b Tables<'b>,
    encoding: Encoding,
    explains: &'b dyn Fn(&str) -> bool,
}

type Rows = BTreeMap<String, BTreeMap<i64, Found>>;

impl Build<'_, '_> {
    fn database(
        &self,
        finds: Vec<Find>,
        most: &HashMap<usize, i64>,
        budget: u64,
        notes: &mut Vec<String>,
    ) -> Result<(Database<'static>, Rows), DatabaseError> {
        let target = Connection::open_in_memory().map_err(|error| unbuilt(&error))?;
        target.execute_batch("PRAGMA journal_mode = OFF; BEGIN;").map_err(|error| unbuilt(&error))?;
        let mut builder = Builder::new(target, budget);
        for (_, table) in &self.tables.tables {
            // A table that cannot be made is one that no query will find.
            let _ = table.create(&builder.target);
        }
        let (subjects, others): (Vec<Find>, Vec<Find>) =
            finds.into_iter().partition(|find| self.tables.is_subject(find.table));
        let mut rows = self.insert_subjects(subjects, most, &mut builder);
        self.copy_live(&mut builder)?;
        self.insert_others(others, most, &mut builder, &mut rows);
        builder.describe(notes);
        let target = builder.target;
        target.execute_batch("COMMIT").and_then(|()| configure(&target)).map_err(|error| unbuilt(&error))?;
        Ok((Database::over(Mount::memory(target), None, Vec::new())?, rows))
    }

    /// The finds, each under a row id of its own.
    fn insert_subjects(&self, finds: Vec<Find>, most: &HashMap<usize, i64>, builder: &mut Builder) -> Rows {
        let mut rows = Rows::new();
        let mut next = above_all(&finds, most);
        for find in finds {
            let Some((_, table)) = self.tables.tables.get(find.table) else { continue };
            let Some(fields) = fields(&find.record, self.encoding) else { continue };
            let taken = rows.entry(table.name.clone()).or_default();
            let free = find.found.rowid.filter(|row| !taken.contains_key(row));
            let row = free.or_else(|| fresh(&mut next, find.table));
            if let Some(row) = row
                && builder.insert(table, row, &fields)
            {
                taken.insert(row, find.found);
            }
        }
        rows
    }

    /// What was deleted of the tables whose live rows are there too; where these took its place, they say more.
    fn insert_others(
        &self,
        finds: Vec<Find>,
        most: &HashMap<usize, i64>,
        builder: &mut Builder,
        rows: &mut Rows,
    ) {
        let mut next = above_all(&finds, most);
        for find in finds {
            let Some((_, table)) = self.tables.tables.get(find.table) else { continue };
            let Some(fields) = fields(&find.record, self.encoding) else { continue };
            let before = builder.rows;
            if let Some(row) = find.found.rowid.or_else(|| fresh(&mut next, find.table))
                && builder.insert(table, row, &fields)
                && builder.rows > before
            {
                rows.entry(table.name.clone()).or_default().insert(row, find.found);
            }
        }
    }

    /// Live rows of the tables that the subjects' rows refer to; with several subjects, these may be each other's.
    fn copy_live(&self, builder: &mut Builder) -> Result<(), DatabaseError> {
        let alone = self.tables.subjects == 1;
        for (index, (entry, table)) in self.tables.tables.iter().enumerate() {
            if alone && self.tables.is_subject(index) || !(self.explains)(&table.name) {
                continue;
            }
            let encoding = self.encoding;
            let before = builder.rows;
            Pages::new(&self.files.image)?.walk_records(entry.root, &mut |row, record| {
                let fields: Vec<Field> = fields(record, encoding)?;
                Some(builder.insert(table, row, &fields))
            });
            if builder.rows - before >= INDEXED_ROWS {
                for column in table
                    .columns
                    .iter()
                    .filter(|column| column.affinity == "INTEGER" && (self.explains)(&column.name))
                {
                    let name = quoted(&column.name);
                    // Without it the queries are slow, not wrong.
                    let _ = builder.target.execute_batch(&format!(
                        "CREATE INDEX {} ON {} ({name})",
                        quoted(&format!("{}.{}", table.name, column.name)),
                        quoted(&table.name)
                    ));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "recover_tests.rs"]
mod tests;
