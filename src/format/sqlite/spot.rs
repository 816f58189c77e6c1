//! What lies at an offset of a database file or of its write-ahead log: the table, the row and the column, and whether they are live.
//!
//! For explaining bytes that were found by a search that knows no format. [`Map`] walks the trees once, from their roots to the parents
//! of their leaves, and reads a leaf when an offset lies in it.

use std::collections::HashMap;
use std::fmt;
use std::sync::OnceLock;

use super::image::{Image, locked};
use super::pages::{
    Geometry, Head, INDEX_INTERIOR, INDEX_LEAF, Pages, TABLE_INTERIOR, TABLE_LEAF, cells, children,
    free_list, header_at, header_len, stored_pages, word,
};
use super::record::varint;
use super::schema::{self, Entry};
use super::wal::{FRAME_HEADER_LEN, HEADER_LEN};
use super::{DatabaseError, Folded, Log, fold, page_size};
use crate::format::ReadAt;
use crate::record::Origin;

/// Overflow pages of which is remembered whose they are.
const MAX_LINKS: usize = 1 << 20;
/// A record's header longer than this is not looked through for a column.
const MAX_RECORD_HEADER: usize = 64 << 10;

/// True if a file that starts so is an SQLite database.
pub fn is_database(head: &[u8]) -> bool {
    page_size(head).is_some()
}

/// True if a file that starts so is a write-ahead log.
pub fn is_log(head: &[u8]) -> bool {
    matches!(word(head, 0), Some(0x377f_0682 | 0x377f_0683)) && word(head, 4) == Some(3_007_000)
}

/// The file an offset is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    Main,
    Log,
}

/// Which state of the page an offset lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// The newest committed one, in the database file.
    Current,
    /// The newest committed one, in the log only.
    Log,
    /// A committed one that a later one replaced.
    Superseded,
    /// In a frame that no commit follows.
    Uncommitted,
    /// In a frame from before the log was started again.
    Leftover,
}

/// What the bytes at an offset are to the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Space {
    /// A cell of a b-tree page.
    Cell,
    /// An overflow page of a cell.
    Overflow,
    /// A freed cell's place.
    Freeblock,
    /// The gap before the first cell, a remainder between cells, or the rest of an overflow page.
    Unallocated,
    /// A page on the list of free ones.
    FreePage,
    /// Headers, pointers and page maps.
    Structure,
    /// A page that nothing leads to.
    Unknown,
}

/// What lies at an offset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    pub version: Version,
    pub space: Space,
    /// Counted from 1; 0 outside of any.
    pub page: u32,
    /// The table, or that of the index.
    pub table: Option<String>,
    pub index: Option<String>,
    pub rowid: Option<i64>,
    pub column: Option<String>,
}

impl Spot {
    fn new(version: Version, space: Space, page: u32) -> Spot {
        Spot { version, space, page, table: None, index: None, rowid: None, column: None }
    }

    /// Whether a record of what lies here would be live.
    pub fn origin(&self) -> Origin {
        match (self.version, self.space) {
            (Version::Current, Space::Cell | Space::Overflow | Space::Structure) => Origin::Live,
            (Version::Log | Version::Uncommitted, Space::Cell | Space::Overflow | Space::Structure) => {
                Origin::Wal
            }
            _ => Origin::Freed,
        }
    }
}

/// `table message, row 5, column text (an overflow page, page 12; only in the write-ahead log)`.
impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut told = Vec::new();
        told.extend(self.index.as_ref().map(|index| format!("index {index}")));
        told.extend(self.table.as_ref().map(|table| match self.index {
            Some(_) => format!("of table {table}"),
            None => format!("table {table}"),
        }));
        told.extend(self.rowid.map(|row| format!("row {row}")));
        told.extend(self.column.as_ref().map(|column| format!("column {column}")));
        let space = match self.space {
            Space::Cell => "a row's own place",
            Space::Overflow => "an overflow page",
            Space::Freeblock => "freed space of a page",
            Space::Unallocated => "unallocated space of a page",
            Space::FreePage => "a free page",
            Space::Structure => "the structure of the file",
            Space::Unknown => "a page that nothing leads to",
        };
        let version = match self.version {
            Version::Current => "",
            Version::Log => "; only in the write-ahead log",
            Version::Superseded => "; an older state of the page",
            Version::Uncommitted => "; written to the log, not committed",
            Version::Leftover => "; left over in the log from an older state",
        };
        if told.is_empty() {
            write!(f, "{space}, page {}{version}", self.page)
        } else {
            write!(f, "{} ({space}, page {}{version})", told.join(", "), self.page)
        }
    }
}

/// Whose the pages are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Owner {
    Nobody,
    FreeTrunk,
    FreeLeaf,
    /// By its place in the list of trees.
    Tree(u16),
}

/// A table or index.
struct Tree {
    entry: Option<Entry>,
    columns: OnceLock<Vec<String>>,
}

impl Tree {
    /// Of the fields of a record; none for indexes and tables without row ids.
    fn columns(&self) -> &[String] {
        self.columns.get_or_init(|| match &self.entry {
            None => ["type", "name", "tbl_name", "rootpage", "sql"].map(str::to_owned).to_vec(),
            Some(entry) if entry.is_table => entry
                .table()
                .map(|table| table.fields().map(|column| column.name.clone()).collect())
                .unwrap_or_default(),
            Some(_) => Vec::new(),
        })
    }
}

/// An overflow page: the page of its cell, which cell, and how many overflow pages lie between.
#[derive(Clone, Copy)]
struct Link {
    page: u32,
    cell: u16,
    before: u32,
}

/// Explains offsets of a database and its log.
pub struct Map<'a> {
    files: Folded<'a>,
    geometry: Geometry,
    trees: Vec<Tree>,
    /// By page number.
    owners: Vec<Owner>,
    links: OnceLock<HashMap<u32, Link>>,
}

impl<'a> Map<'a> {
    /// Reads the schema and the inner pages of every tree.
    ///
    /// `Err`: not a database, or its first page is gone.
    pub fn new(
        main: Box<dyn ReadAt + 'a>,
        wal: Option<Box<dyn ReadAt + 'a>>,
    ) -> Result<Map<'a>, DatabaseError> {
        let files = fold(main, wal, &mut Vec::new())?;
        let geometry = Geometry::of(&files.image)?;
        let entries = schema::entries(&mut Pages::new(&files.image)?);
        let entries = std::iter::once(None).chain(entries.into_iter().map(Some));
        let trees: Vec<Tree> = entries.map(|entry| Tree { entry, columns: OnceLock::new() }).collect();
        let roots: Vec<u32> =
            trees.iter().map(|tree| tree.entry.as_ref().map_or(1, |entry| entry.root)).collect();
        let owners = owners(&files.image, &geometry, &roots);
        Ok(Map { files, geometry, trees, owners, links: OnceLock::new() })
    }

    /// What lies at `offset` of a file; of a hit of several bytes, where it begins.
    pub fn explain(&self, part: Part, offset: u64) -> Spot {
        match part {
            Part::Main => self.in_main(offset),
            Part::Log => self.in_log(offset),
        }
    }

    fn in_main(&self, offset: u64) -> Spot {
        let size = self.geometry.page_size as u64;
        let number = u32::try_from(offset / size + 1).unwrap_or(u32::MAX);
        let cut_off = (offset / size + 1).saturating_mul(size) > self.files.image.size();
        let version = match self.files.image.place(number) {
            (false, _) if !cut_off => Version::Current,
            _ => Version::Superseded,
        };
        let mut page = vec![0; self.geometry.page_size];
        let start = offset - offset % size;
        let read = locked(&self.files.main, |file| file.read(start, &mut page));
        match read {
            Ok(1..) => self.in_page(&page, number, (offset % size) as usize, version),
            _ => Spot::new(version, Space::Unknown, number),
        }
    }

    fn in_log(&self, offset: u64) -> Spot {
        let nowhere = Spot::new(Version::Leftover, Space::Structure, 0);
        let Some(log) = &self.files.log else { return nowhere };
        let frame_len = (FRAME_HEADER_LEN + self.geometry.page_size) as u64;
        let Some(position) = offset.checked_sub(HEADER_LEN as u64) else { return nowhere };
        let start = HEADER_LEN as u64 + position / frame_len * frame_len;
        let mut frame = vec![0; frame_len as usize];
        if !matches!(locked(&log.file, |file| file.read(start, &mut frame)), Ok(read) if read == frame.len())
        {
            return nowhere;
        }
        let (header, page) = frame.split_at(FRAME_HEADER_LEN);
        let number = word(header, 0).unwrap_or(0);
        let version = log.version(position / frame_len, number, start + FRAME_HEADER_LEN as u64, header);
        match usize::try_from(position % frame_len).ok().and_then(|at| at.checked_sub(FRAME_HEADER_LEN)) {
            Some(within) => self.in_page(page, number, within, version),
            None => Spot::new(version, Space::Structure, number),
        }
    }

    fn owner(&self, number: u32) -> Owner {
        self.owners.get(number as usize).copied().unwrap_or(Owner::Nobody)
    }

    fn in_page(&self, page: &[u8], number: u32, within: usize, version: Version) -> Spot {
        let mut spot = Spot::new(version, Space::Unknown, number);
        let structure = self.geometry.is_pointer_map(number)
            || u64::from(number) == self.geometry.lock_page()
            || number == 1 && within < 100;
        if structure {
            spot.space = Space::Structure;
            return spot;
        }
        let owner = self.owner(number);
        self.name(&mut spot, owner);
        let kind = page.get(header_at(number)).copied().unwrap_or(0);
        match owner {
            Owner::Tree(_) if header_len(kind).is_some() => self.in_tree(&mut spot, page, within),
            Owner::FreeTrunk if version == Version::Current || version == Version::Log => {
                let list =
                    word(page, 4).map_or(0, |count| (count as usize).saturating_mul(4).saturating_add(8));
                spot.space = if within < list { Space::Structure } else { Space::FreePage };
            }
            _ => match self.links().get(&number) {
                Some(link) => self.in_overflow(&mut spot, *link, within),
                // What is free or without an owner can still hold whole cells.
                None if header_len(kind).is_some() => self.in_tree(&mut spot, page, within),
                None => {}
            },
        }
        if matches!(owner, Owner::FreeLeaf | Owner::FreeTrunk) && spot.space != Space::Structure {
            spot.space = Space::FreePage;
        }
        spot
    }

    fn name(&self, spot: &mut Spot, owner: Owner) {
        let Owner::Tree(tree) = owner else { return };
        match self.trees.get(usize::from(tree)).map(|tree| &tree.entry) {
            Some(Some(entry)) => {
                spot.table = Some(entry.table.clone());
                spot.index = (!entry.is_table).then(|| entry.name.clone());
            }
            Some(None) => spot.table = Some("sqlite_schema".into()),
            None => {}
        }
    }

    /// Explains an offset of a b-tree page.
    fn in_tree(&self, spot: &mut Spot, page: &[u8], within: usize) {
        let header = header_at(spot.page);
        spot.space = Space::Structure;
        let Some(kind) = page.get(header).copied() else { return };
        let Some(free) = self.geometry.free(page, header) else { return };
        if free.gap.contains(&within) {
            spot.space = Space::Unallocated;
            return;
        }
        if within < free.gap.start || within >= self.geometry.usable {
            return;
        }
        if free.blocks.iter().any(|block| block.contains(&within)) {
            spot.space = Space::Freeblock;
            return;
        }
        spot.space = Space::Unallocated;
        let cells = header_len(kind).and_then(|len| cells(page, header, len)).unwrap_or_default();
        // The last cell that begins before the offset is the only one it can be in.
        let Some(at) = cells.into_iter().filter(|at| *at <= within).max() else { return };
        if kind == TABLE_INTERIOR {
            // A page number of four bytes and a row id.
            if let Some((row, rest)) = page.get(at + 4..).and_then(varint)
                && within < page.len() - rest.len()
            {
                spot.space = Space::Structure;
                spot.rowid = Some(row);
            }
            return;
        }
        if let Some(cell) = self.geometry.head(page, at, kind)
            && within < cell.end()
        {
            spot.space = Space::Cell;
            spot.rowid = cell.rowid;
            let position = within.checked_sub(cell.body).filter(|position| *position < cell.local);
            self.column(spot, page, cell, position);
        }
    }

    fn in_overflow(&self, spot: &mut Spot, link: Link, within: usize) {
        let mut page = vec![0; self.geometry.page_size];
        let header = header_at(link.page);
        spot.space = Space::Overflow;
        let owner = self.owner(link.page);
        self.name(spot, owner);
        if !self.files.image.page(link.page, &mut page) {
            return;
        }
        let Some(kind) = page.get(header).copied() else { return };
        let cells = header_len(kind).and_then(|len| cells(&page, header, len)).unwrap_or_default();
        let Some(at) = cells.get(usize::from(link.cell)) else { return };
        let Some(cell) = self.geometry.head(&page, *at, kind) else { return };
        let before = cell.local as u64 + u64::from(link.before) * (self.geometry.usable as u64 - 4);
        let position = within.checked_sub(4).map(|within| before + within as u64);
        if within >= self.geometry.usable || position.is_some_and(|position| position >= cell.len as u64) {
            spot.space = Space::Unallocated;
            return;
        }
        spot.rowid = cell.rowid;
        let position = position.and_then(|position| usize::try_from(position).ok());
        self.column(spot, &page, cell, position);
    }

    /// Names the column that a position in a record falls into.
    fn column(&self, spot: &mut Spot, page: &[u8], cell: Head, position: Option<usize>) {
        let owner = match self.owner(spot.page) {
            Owner::Nobody => self.links().get(&spot.page).map_or(Owner::Nobody, |link| self.owner(link.page)),
            owner => owner,
        };
        let Owner::Tree(tree) = owner else { return };
        let columns = self.trees.get(usize::from(tree)).map_or(&[][..], Tree::columns);
        let index = position.and_then(|position| field_at(&self.record_header(page, cell)?, position));
        spot.column = index.and_then(|index| columns.get(index)).cloned();
    }

    /// The header of a record: its length and the types of its fields.
    fn record_header(&self, page: &[u8], cell: Head) -> Option<Vec<u8>> {
        let mut header = page.get(cell.body..cell.body + cell.local)?.to_vec();
        let len = usize::try_from(varint(&header)?.0).ok().filter(|len| *len <= MAX_RECORD_HEADER)?;
        let mut next = cell.overflow;
        let mut overflow = vec![0; self.geometry.page_size];
        while header.len() < len {
            let number = next?;
            if !self.files.image.page(number, &mut overflow) {
                return None;
            }
            header.extend_from_slice(overflow.get(4..self.geometry.usable)?);
            next = word(&overflow, 0);
        }
        header.truncate(len);
        Some(header)
    }

    fn links(&self) -> &HashMap<u32, Link> {
        self.links.get_or_init(|| {
            let mut links = HashMap::new();
            let mut page = vec![0; self.geometry.page_size];
            // A cell that is live says more about a page than one that is not.
            for live in [true, false] {
                for number in 1..u32::try_from(self.owners.len()).unwrap_or(u32::MAX) {
                    let wanted = matches!(self.owner(number), Owner::Tree(_)) == live;
                    if wanted && links.len() < MAX_LINKS && self.files.image.page(number, &mut page) {
                        self.link(number, &page, &mut links);
                    }
                }
            }
            links
        })
    }

    fn link(&self, number: u32, page: &[u8], links: &mut HashMap<u32, Link>) {
        let header = header_at(number);
        let Some(kind @ (TABLE_LEAF | INDEX_LEAF | INDEX_INTERIOR)) = page.get(header).copied() else {
            return;
        };
        if self.geometry.is_pointer_map(number) {
            return;
        }
        let cells = header_len(kind).and_then(|len| cells(page, header, len)).unwrap_or_default();
        let mut overflow = vec![0; self.geometry.page_size];
        for (cell, at) in (0..u16::MAX).zip(cells) {
            let Some(head) = self.geometry.head(page, at, kind) else { continue };
            let mut next = head.overflow;
            let mut before = 0;
            while let Some(linked) = next
                && (linked as usize) < self.owners.len()
                && links.len() < MAX_LINKS
                && u64::from(before) * (self.geometry.usable as u64 - 4) < head.len as u64
                && !links.contains_key(&linked)
                && self.files.image.page(linked, &mut overflow)
            {
                links.insert(linked, Link { page: number, cell, before });
                before += 1;
                next = word(&overflow, 0).filter(|next| *next != 0);
            }
        }
    }
}

impl Log<'_> {
    /// What a frame is, by its number from 0 and the place of its content.
    pub(super) fn version(&self, number: u64, page: u32, content: u64, header: &[u8]) -> Version {
        if let Some(overlay) = self.overlay.as_ref().filter(|overlay| number < overlay.wal.frames) {
            let newest = overlay.wal.map.get(&page) == Some(&content) && page <= overlay.wal.pages;
            return if newest { Version::Log } else { Version::Superseded };
        }
        let mut salts = [0; 8];
        let read = locked(&self.file, |file| file.read(16, &mut salts));
        // A transaction that wrote a frame anew leaves salt and checksum of the frames after it empty until it commits.
        let empty = header.get(8..24).is_some_and(|bytes| bytes.iter().all(|byte| *byte == 0));
        if self.belongs && read.is_ok() && (empty || header.get(8..16) == Some(&salts[..])) {
            Version::Uncommitted
        } else {
            Version::Leftover
        }
    }
}

/// Walks every tree, by its root, as far as the parents of its leaves, and the list of free pages.
pub(super) fn owners(image: &Image<'_>, geometry: &Geometry, roots: &[u32]) -> Vec<Owner> {
    let mut owners = vec![Owner::Nobody; stored_pages(image) as usize + 1];
    let mut page = vec![0; geometry.page_size];
    let mut child = vec![0; geometry.page_size];
    for (index, root) in (0..u16::MAX).zip(roots) {
        let mut waiting = vec![*root];
        while let Some(number) = waiting.pop() {
            match owners.get_mut(number as usize) {
                Some(owner @ Owner::Nobody) => *owner = Owner::Tree(index),
                _ => continue,
            }
            let header = header_at(number);
            if !image.page(number, &mut page)
                || !matches!(page.get(header), Some(&(TABLE_INTERIOR | INDEX_INTERIOR)))
            {
                continue;
            }
            let children = children(&page, header).unwrap_or_default();
            // All leaves of a tree have the same depth: one tells what its neighbours are.
            let leaves = children.first().is_some_and(|first| {
                image.page(*first, &mut child) && matches!(child.first(), Some(&(TABLE_LEAF | INDEX_LEAF)))
            });
            if !leaves {
                waiting.extend(children);
                continue;
            }
            for leaf in children {
                if let Some(owner @ Owner::Nobody) = owners.get_mut(leaf as usize) {
                    *owner = Owner::Tree(index);
                }
            }
        }
    }
    free_list(image, geometry, &mut |number, trunk| match owners.get_mut(number as usize) {
        Some(owner @ Owner::Nobody) => {
            *owner = if trunk { Owner::FreeTrunk } else { Owner::FreeLeaf };
            true
        }
        _ => false,
    });
    owners
}

/// Which field of a record a position falls into; `None` in its header, or beyond its end.
fn field_at(header: &[u8], position: usize) -> Option<usize> {
    let (_, mut types) = varint(header)?;
    let mut start = header.len();
    let mut index = 0;
    while !types.is_empty() {
        let (serial_type, rest) = varint(types)?;
        let end = start.checked_add(super::record::field_len(serial_type)?)?;
        if (start..end).contains(&position) {
            return Some(index);
        }
        (start, types) = (end, rest);
        index += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Files, files};
    use super::*;

    fn map(files: &Files) -> Map<'static> {
        let wal: Option<Box<dyn ReadAt>> = (!files.wal.is_empty()).then(|| Box::new(files.wal.clone()) as _);
        Map::new(Box::new(files.main.clone()), wal).unwrap()
    }

    /// Where a text lies in the files.
    fn places(files: &Files, text: &str) -> Vec<(Part, u64)> {
        let find = |bytes: &[u8], part| {
            let found =
                bytes.windows(text.len()).enumerate().filter(|(_, window)| *window == text.as_bytes());
            found.map(move |(at, _)| (part, at as u64)).collect::<Vec<_>>()
        };
        [find(&files.main, Part::Main), find(&files.wal, Part::Log)].concat()
    }

    fn told(files: &Files, text: &str) -> Vec<String> {
        let map = map(files);
        let places = places(files, text);
        places.into_iter().map(|(part, offset)| map.explain(part, offset).to_string()).collect()
    }

    const SCHEMA: &str = "
        CREATE TABLE other (id INTEGER PRIMARY KEY, name TEXT);
        CREATE TABLE message (ROWID INTEGER PRIMARY KEY, guid TEXT, text TEXT, service TEXT);
        CREATE INDEX by_guid ON message (guid);
        CREATE TABLE keyed (k TEXT PRIMARY KEY, v TEXT) WITHOUT ROWID;
        INSERT INTO message VALUES (1, 'guid-one', 'text-one', 'SMS'), (2, 'guid-two', 'text-two', 'SMS'),
                                   (3, 'guid-three', 'text-three', 'SMS');
        INSERT INTO keyed VALUES ('key-one', 'value-one');";

    #[test]
    fn a_live_value_has_table_row_and_column() {
        let files = files(SCHEMA);
        assert_eq!(
            told(&files, "text-two"),
            ["table message, row 2, column text (a row's own place, page 3)"]
        );
        assert_eq!(
            told(&files, "guid-one"),
            [
                "table message, row 1, column guid (a row's own place, page 3)",
                "index by_guid, of table message (a row's own place, page 4)"
            ]
        );
        assert_eq!(told(&files, "value-one"), ["table keyed (a row's own place, page 5)"]);
        assert_eq!(
            told(&files, "CREATE INDEX by_guid"),
            ["table sqlite_schema, row 3, column sql (a row's own place, page 1)"]
        );
        assert_eq!(told(&files, "SQLite format"), ["the structure of the file, page 1"]);
    }

    #[test]
    fn deleted_values_are_told_by_the_space_they_lie_in() {
        let files = files(&format!(
            "{SCHEMA} DELETE FROM message WHERE ROWID = 2; INSERT INTO other VALUES (1, 'gone-name'); DELETE FROM other;
             CREATE TABLE freed (x TEXT); INSERT INTO freed VALUES ('on-free-page'); DROP TABLE freed;"
        ));
        assert_eq!(told(&files, "text-two"), ["table message (freed space of a page, page 3)"]);
        assert_eq!(told(&files, "gone-name"), ["table other (unallocated space of a page, page 2)"]);
        // The only free page holds the list, whose eight bytes leave the cell whole.
        assert_eq!(told(&files, "on-free-page"), ["a free page, page 6"]);
    }

    #[test]
    fn overflow_pages_lead_back_to_their_row() {
        for vacuum in ["NONE", "FULL", "INCREMENTAL"] {
            let files = files(&format!(
                "PRAGMA page_size = 512; PRAGMA auto_vacuum = {vacuum}; {SCHEMA}
                 INSERT INTO message VALUES (9, hex(zeroblob(300)), hex(zeroblob(900)) || 'needle' || hex(zeroblob(900)), 'late-word');
                 INSERT INTO keyed VALUES (hex(zeroblob(700)) || 'deep-key', '');"
            ));
            for (text, words) in [
                ("needle", "table message, row 9, column text (an overflow page"),
                ("late-word", "table message, row 9, column service (an overflow page"),
                ("deep-key", "table keyed (an overflow page"),
            ] {
                let told = told(&files, text);
                assert!(told.len() == 1 && told[0].starts_with(words), "{vacuum}: {told:?}");
            }
        }
    }

    #[test]
    fn the_log_tells_newest_older_and_left_over_frames_apart() {
        let logged = files(&format!(
            "PRAGMA journal_mode = WAL; {SCHEMA} PRAGMA wal_checkpoint(TRUNCATE);
             UPDATE message SET text = 'first-edit' WHERE ROWID = 2;
             UPDATE message SET text = 'other-edit' WHERE ROWID = 2;
             INSERT INTO message VALUES (4, 'guid-four', 'text-four', 'SMS');"
        ));
        let in_file = &told(&logged, "text-two")[0];
        assert!(in_file.ends_with("page 3; an older state of the page)"), "{in_file}");
        let newest = told(&logged, "text-four");
        assert_eq!(
            newest,
            ["table message, row 4, column text (a row's own place, page 3; only in the write-ahead log)"]
        );
        let edits = told(&logged, "first-edit");
        assert!(
            edits[0].contains("row 2, column text (a row's own place, page 3; an older state"),
            "{edits:?}"
        );
        let restarted = files(&format!(
            "PRAGMA journal_mode = WAL; {SCHEMA} PRAGMA wal_checkpoint(RESTART); INSERT INTO other VALUES (5, 'after');"
        ));
        assert!(told(&restarted, "after")[0].contains("only in the write-ahead log"));
        let old = told(&restarted, "text-three");
        assert!(old.iter().any(|told| told.contains("row 3") && told.contains("left over")), "{old:?}");
    }

    #[test]
    fn origins_follow_from_version_and_space() {
        let spot = |version, space| Spot::new(version, space, 1).origin();
        assert_eq!(spot(Version::Current, Space::Cell), Origin::Live);
        assert_eq!(spot(Version::Log, Space::Overflow), Origin::Wal);
        assert_eq!(spot(Version::Log, Space::Freeblock), Origin::Freed);
        assert_eq!(spot(Version::Superseded, Space::Cell), Origin::Freed);
    }

    #[test]
    fn headers_are_recognised() {
        let files = files(&format!("PRAGMA journal_mode = WAL; {SCHEMA}"));
        assert!(is_database(&files.main) && !is_log(&files.main));
        assert!(is_log(&files.wal) && !is_database(&files.wal));
        assert!(!is_database(b"SQLite format 3\0") && !is_log(b""));
    }

    #[test]
    fn any_offset_of_any_broken_file_is_explained() {
        let files = files(&format!(
            "PRAGMA page_size = 512; PRAGMA auto_vacuum = FULL; PRAGMA journal_mode = WAL; {SCHEMA}
             INSERT INTO message VALUES (9, '', hex(zeroblob(900)), ''); DELETE FROM message WHERE ROWID = 2;
             PRAGMA wal_checkpoint(FULL); UPDATE message SET text = 'x' WHERE ROWID = 1;"
        ));
        let exercise = |files: &Files| {
            let wal: Option<Box<dyn ReadAt>> = Some(Box::new(files.wal.clone()));
            let Ok(map) = Map::new(Box::new(files.main.clone()), wal) else { return };
            for offset in (0..files.main.len() as u64 + 600).step_by(83) {
                let _ = map.explain(Part::Main, offset).to_string();
            }
            for offset in (0..files.wal.len() as u64 + 600).step_by(211) {
                let _ = map.explain(Part::Log, offset).to_string();
            }
            let _ = map.explain(Part::Main, u64::MAX);
            let _ = map.explain(Part::Log, u64::MAX);
        };
        exercise(&files);
        for len in (0..files.main.len()).step_by(131) {
            exercise(&Files { main: files.main[..len].to_vec(), wal: files.wal.clone() });
        }
        for bit in (0..files.main.len() * 8).step_by(73) {
            let mut main = files.main.clone();
            main[bit / 8] ^= 1 << (bit % 8);
            exercise(&Files { main, wal: Vec::new() });
        }
        for bit in (0..files.wal.len() * 8).step_by(523) {
            let mut wal = files.wal.clone();
            wal[bit / 8] ^= 1 << (bit % 8);
            exercise(&Files { main: files.main.clone(), wal });
        }
    }
}
