//! B-tree pages read by hand: their cells, the overflow chains of these, and the trees they make.
//!
//! For pages that SQLite itself will not reach, and for what lies between the cells. The format is section 1.5 and 1.6 of SQLite's
//! `fileformat2`. Nothing here trusts a count, a pointer or a page number.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

use super::image::{Image, MAGIC};
use super::record::{Encoding, Field, fields, varint};
use super::{DatabaseError, MAX_VALUE_LEN};

/// Pages remembered as seen (16 GiB at the usual page size).
pub(super) const MAX_PAGES: usize = 4 << 20;
/// The byte of the file that no page may hold, since locks are taken there.
const LOCK_BYTE: u64 = 1 << 30;

pub(super) const INDEX_INTERIOR: u8 = 0x02;
pub(super) const TABLE_INTERIOR: u8 = 0x05;
pub(super) const INDEX_LEAF: u8 = 0x0a;
pub(super) const TABLE_LEAF: u8 = 0x0d;

/// The big-endian number at a place.
pub(super) fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().copied().map(u32::from_be_bytes)
}

pub(super) fn half(bytes: &[u8], at: usize) -> Option<usize> {
    bytes.get(at..)?.first_chunk().copied().map(|bytes| usize::from(u16::from_be_bytes(bytes)))
}

/// Where the header of a b-tree page begins: the first page has that of the file before it.
pub(super) fn header_at(number: u32) -> usize {
    if number == 1 { 100 } else { 0 }
}

/// What the header of the file says about all its pages.
#[derive(Clone, Copy, Debug)]
pub(super) struct Geometry {
    pub page_size: usize,
    /// Bytes of a page that content may use.
    pub usable: usize,
    pub encoding: Encoding,
    /// Has pointer maps: with auto_vacuum, full or incremental.
    pub auto_vacuum: bool,
    /// The first page of the list of free ones; 0 without any.
    pub free_trunk: u32,
}

/// The start of a cell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Head {
    /// Of the whole record, in bytes.
    pub len: usize,
    /// In tables that have row ids.
    pub rowid: Option<i64>,
    /// Where in the page the record begins, and how much of it is there.
    pub body: usize,
    pub local: usize,
    /// The page on which the rest begins.
    pub overflow: Option<u32>,
}

impl Head {
    /// Where in the page the cell ends.
    pub fn end(&self) -> usize {
        self.body + self.local + if self.overflow.is_some() { 4 } else { 0 }
    }
}

impl Geometry {
    /// `Err`: the first page is not one of a database.
    pub fn of(image: &Image<'_>) -> Result<Geometry, DatabaseError> {
        let mut header = [0; 100];
        if !matches!(image.read(0, &mut header), Ok(100)) || !header.starts_with(MAGIC) {
            return Err(DatabaseError::NotADatabase);
        }
        let encoding = match header[59] {
            2 => Encoding::Utf16Le,
            3 => Encoding::Utf16Be,
            _ => Encoding::Utf8,
        };
        let page_size = image.page_size() as usize;
        Ok(Geometry {
            page_size,
            usable: page_size - usize::from(header[20]),
            encoding,
            auto_vacuum: word(&header, 52) != Some(0),
            free_trunk: word(&header, 32).unwrap_or(0),
        })
    }

    /// How much of a record lies in its cell; the rest is on overflow pages.
    pub fn local_len(&self, len: usize, kind: u8) -> Option<usize> {
        let reserved = self.usable.checked_sub(12)?;
        let most =
            if kind == TABLE_LEAF { self.usable - 35 } else { (reserved * 64 / 255).checked_sub(23)? };
        if len <= most {
            return Some(len);
        }
        let minimum = (reserved * 32 / 255).checked_sub(23)?;
        let fitting = minimum + (len - minimum) % (self.usable - 4);
        Some(if fitting <= most { fitting } else { minimum })
    }

    /// Reads the start of the cell at `at` of a page of this kind. `None`: not a cell that this page can hold, or one without record.
    pub fn head(&self, page: &[u8], at: usize, kind: u8) -> Option<Head> {
        let page = page.get(..self.usable)?;
        let at = if kind == INDEX_INTERIOR { at + 4 } else { at };
        let (len, mut rest) = varint(page.get(at..)?)?;
        let rowid = match kind {
            TABLE_LEAF => {
                let (rowid, after) = varint(rest)?;
                rest = after;
                Some(rowid)
            }
            INDEX_LEAF | INDEX_INTERIOR => None,
            _ => return None,
        };
        let len = usize::try_from(len).ok().filter(|len| *len <= MAX_VALUE_LEN as usize)?;
        let local = self.local_len(len, kind)?;
        let body = page.len() - rest.len();
        let overflow = match rest.get(local..)? {
            _ if local == len => None,
            after => Some(u32::from_be_bytes(*after.first_chunk()?)),
        };
        Some(Head { len, rowid, body, local, overflow })
    }

    /// What is between the cells of a b-tree page: the gap before the first and the freeblocks. `None`: not such a page.
    pub fn free(&self, page: &[u8], header: usize) -> Option<Free> {
        let page = page.get(..self.usable)?;
        let kind = *page.get(header)?;
        let pointers = header + header_len(kind)?;
        let count = half(page, header + 3)?;
        let gap_start = pointers + count * 2;
        // 0 stands for 65536, which does not fit.
        let gap_end = match half(page, header + 5)? {
            0 => self.usable,
            content => content,
        };
        if gap_start > gap_end || gap_end > self.usable {
            return None;
        }
        let mut blocks = Vec::new();
        let mut next = half(page, header + 1)?;
        // They are in ascending order; a list that is not has been damaged.
        while next >= gap_end
            && let (Some(after), Some(size @ 4..)) = (half(page, next), half(page, next + 2))
            && next + size <= self.usable
        {
            blocks.push(next..next + size);
            if after < next + size {
                break;
            }
            next = after;
        }
        Some(Free { gap: gap_start..gap_end, blocks })
    }

    /// True for a page that maps others to their parents.
    pub fn is_pointer_map(&self, number: u32) -> bool {
        let group = self.usable as u64 / 5 + 1;
        if !self.auto_vacuum || number < 2 {
            return false;
        }
        let number = u64::from(number);
        let place = (number - 2) / group * group + 2;
        // One that would be the lock page moves on by one.
        number == if place == self.lock_page() { place + 1 } else { place }
    }

    /// The page that holds the lock bytes, and nothing else.
    pub fn lock_page(&self) -> u64 {
        LOCK_BYTE / self.page_size as u64 + 1
    }
}

/// Space of a b-tree page that no cell takes.
pub(super) struct Free {
    pub gap: Range<usize>,
    pub blocks: Vec<Range<usize>>,
}

pub(super) fn header_len(kind: u8) -> Option<usize> {
    match kind {
        INDEX_INTERIOR | TABLE_INTERIOR => Some(12),
        INDEX_LEAF | TABLE_LEAF => Some(8),
        _ => None,
    }
}

/// Where the cells of a page begin. `None`: a count that the page cannot hold.
pub(super) fn cells(page: &[u8], header: usize, header_len: usize) -> Option<Vec<usize>> {
    let count = half(page, header + 3)?;
    let start = header + header_len;
    let (pointers, _) = page.get(start..start + count * 2)?.as_chunks::<2>();
    Some(pointers.iter().map(|pointer| usize::from(u16::from_be_bytes(*pointer))).collect())
}

/// The pages below an interior page.
pub(super) fn children(page: &[u8], header: usize) -> Option<Vec<u32>> {
    let mut children: Vec<u32> =
        cells(page, header, 12)?.into_iter().filter_map(|at| word(page, at)).collect();
    children.push(word(page, header + 8)?);
    Some(children)
}

/// Takes a row; false when no more can be taken, `None` if it is no record.
pub(super) type TakeRecord<'t> = &'t mut dyn FnMut(i64, &[u8]) -> Option<bool>;
/// Takes a row; false when no more can be taken.
pub(super) type Take<'t> = &'t mut dyn FnMut(i64, &[Field]) -> bool;

/// The pages of the image, each visited once.
pub(super) struct Pages<'i, 'a> {
    image: &'i Image<'a>,
    pub geometry: Geometry,
    seen: HashSet<u32>,
    pub read: u64,
    pub damaged: u64,
    cut_rows: u64,
    lost_cells: u64,
    /// Pages read beyond this are read for the second time: chains that lead into each other.
    most_reads: u64,
}

impl<'i, 'a> Pages<'i, 'a> {
    pub fn new(image: &'i Image<'a>) -> Result<Pages<'i, 'a>, DatabaseError> {
        let geometry = Geometry::of(image)?;
        Ok(Pages {
            image,
            geometry,
            seen: HashSet::new(),
            read: 0,
            damaged: 0,
            cut_rows: 0,
            lost_cells: 0,
            most_reads: 2 * u64::from(stored_pages(image)) + 1000,
        })
    }

    fn page(&self, number: u32) -> Option<Vec<u8>> {
        let mut page = vec![0; self.geometry.page_size];
        self.image.page(number, &mut page).then_some(page)
    }

    /// Every row of the tree under `root`, as far as its pages are whole. Each page counts for the first tree that reaches it.
    pub fn walk(&mut self, root: u32, take: Take<'_>) {
        let encoding = self.geometry.encoding;
        self.walk_records(root, &mut |rowid, record| Some(take(rowid, &fields(record, encoding)?)));
    }

    /// [`Pages::walk`] with the records as they are stored.
    pub fn walk_records(&mut self, root: u32, take: TakeRecord<'_>) {
        let mut waiting = vec![root];
        while let Some(number) = waiting.pop()
            && self.seen.len() < MAX_PAGES
        {
            if !self.seen.insert(number) {
                continue;
            }
            self.read += 1;
            let Some(page) = self.page(number) else {
                self.damaged += 1;
                continue;
            };
            let header = header_at(number);
            match page.get(header) {
                Some(&TABLE_INTERIOR) => match children(&page, header) {
                    Some(mut children) => {
                        // The stack gives the last first.
                        children.reverse();
                        waiting.extend(children);
                    }
                    None => self.damaged += 1,
                },
                Some(&TABLE_LEAF) => {
                    if !self.leaf(&page, header, take) {
                        return;
                    }
                }
                _ => self.damaged += 1,
            }
        }
    }

    /// The rows of a leaf page; false when no more can be taken.
    fn leaf(&mut self, page: &[u8], header: usize, take: TakeRecord<'_>) -> bool {
        let Some(cells) = cells(page, header, 8) else {
            self.damaged += 1;
            return true;
        };
        let lost = self.lost_cells;
        for at in cells {
            let head = self.geometry.head(page, at, TABLE_LEAF);
            let taken = head.and_then(|head| take(head.rowid?, &self.record(page, head)?));
            match taken {
                Some(false) => return false,
                Some(true) => {}
                None => self.lost_cells += 1,
            }
        }
        self.damaged += u64::from(self.lost_cells > lost);
        true
    }

    /// The record of a cell with what its overflow pages hold, as far as they can be read.
    fn record<'p>(&mut self, page: &'p [u8], head: Head) -> Option<Cow<'p, [u8]>> {
        let start = page.get(head.body..head.body + head.local)?;
        let Some(mut next) = head.overflow else { return Some(Cow::Borrowed(start)) };
        let mut record = start.to_vec();
        // Every page of the chain adds to the record, so a chain that bites its tail ends too.
        while record.len() < head.len && next != 0 && self.read < self.most_reads {
            let Some(overflow) = self.page(next) else { break };
            self.seen.insert(next);
            self.read += 1;
            let Some((link, content)) =
                overflow.get(..self.geometry.usable).and_then(<[u8]>::split_first_chunk)
            else {
                break;
            };
            next = u32::from_be_bytes(*link);
            record.extend_from_slice(content.get(..content.len().min(head.len - record.len()))?);
        }
        self.cut_rows += u64::from(record.len() < head.len);
        Some(Cow::Owned(record))
    }

    /// Leaf pages in use that no tree reaches: their parent is damaged.
    pub fn orphans(&mut self, take: Take<'_>) {
        let total = (self.image.size() / self.image.page_size()).saturating_sub(self.image.missing_pages());
        let encoding = self.geometry.encoding;
        let freed = self.freed();
        for number in 2..=u32::try_from(total).unwrap_or(u32::MAX) {
            if self.seen.len() >= MAX_PAGES || freed.contains(&number) || self.seen.contains(&number) {
                continue;
            }
            let Some(page) = self.page(number).filter(|page| page.first() == Some(&TABLE_LEAF)) else {
                continue;
            };
            self.seen.insert(number);
            self.read += 1;
            if !self.leaf(&page, 0, &mut |rowid, record| Some(take(rowid, &fields(record, encoding)?))) {
                return;
            }
        }
    }

    /// The pages on the list of free ones.
    fn freed(&self) -> HashSet<u32> {
        let mut freed = HashSet::new();
        free_list(self.image, &self.geometry, &mut |number, _| {
            freed.len() < MAX_PAGES && freed.insert(number)
        });
        freed
    }

    pub fn describe(&self, notes: &mut Vec<String>) {
        if self.damaged > 0 {
            notes.push(format!("{} of {} pages are damaged", self.damaged, self.read));
        }
        if self.lost_cells > 0 {
            notes.push(format!("{} rows on damaged pages cannot be read", self.lost_cells));
        }
        if self.cut_rows > 0 {
            notes.push(format!("{} rows are cut: their overflow pages are damaged", self.cut_rows));
        }
        if self.seen.len() >= MAX_PAGES {
            notes.push(format!("only the first {MAX_PAGES} pages were read"));
        }
    }
}

/// How many pages of the image are worth asking for.
pub(super) fn stored_pages(image: &Image<'_>) -> u32 {
    let pages = (image.size() / image.page_size()).saturating_sub(image.missing_pages());
    pages.min(MAX_PAGES as u64) as u32
}

/// Gives every page of the list of free ones, and whether it is one of those that hold the list. The caller returns false for a page
/// that it knows already, which ends a list that bites its tail.
pub(super) fn free_list(image: &Image<'_>, geometry: &Geometry, each: &mut dyn FnMut(u32, bool) -> bool) {
    let mut page = vec![0; geometry.page_size];
    let mut trunk = geometry.free_trunk;
    while trunk != 0 && each(trunk, true) && image.page(trunk, &mut page) {
        let (leaves, _) = page.get(8..geometry.usable).unwrap_or_default().as_chunks::<4>();
        for leaf in leaves.iter().take(word(&page, 4).unwrap_or(0) as usize) {
            each(u32::from_be_bytes(*leaf), false);
        }
        trunk = word(&page, 0).unwrap_or(0);
    }
}
