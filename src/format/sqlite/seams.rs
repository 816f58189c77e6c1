//! The places where a value goes on on another page: what a search of raw bytes cannot see.
//!
//! Only the few bytes around each place are given, joined; reading whole rows is left to queries.

use super::image::Image;
use super::pages::{
    Geometry, INDEX_INTERIOR, INDEX_LEAF, TABLE_LEAF, cells, header_at, header_len, stored_pages,
};
use super::spot::Part;
use super::{DatabaseError, Folded, fold};
use crate::format::ReadAt;

/// A place where a cell goes on on its first overflow page, or one overflow page on the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seam {
    /// The file in which the first of the joined bytes lies, and where.
    pub part: Part,
    pub offset: u64,
    /// How many of the joined bytes lie before the seam.
    pub joint: usize,
}

/// Gives for every seam up to `overlap` bytes before it joined with up to `overlap` bytes after it, and returns how many there were.
///
/// Of a database with its log, the committed state is read, with pages that are free but still hold cells. Each page is read twice at
/// most. Text that spans three pages is only seen if `overlap` reaches no further than a page.
///
/// `Err`: not a database.
pub fn seams(
    main: Box<dyn ReadAt + '_>,
    wal: Option<Box<dyn ReadAt + '_>>,
    overlap: usize,
    each: &mut dyn FnMut(&Seam, &[u8]),
) -> Result<u64, DatabaseError> {
    let Folded { image, .. } = fold(main, wal, &mut Vec::new())?;
    let geometry = Geometry::of(&image)?;
    let count = stored_pages(&image);
    let mut walk = Seams {
        image: &image,
        geometry,
        overlap,
        joined: Vec::new(),
        seen: vec![false; count as usize + 1],
        found: 0,
    };
    let mut page = vec![0; geometry.page_size];
    for number in 1..=count {
        if !geometry.is_pointer_map(number) && image.page(number, &mut page) {
            walk.page(number, &page, each);
        }
    }
    Ok(walk.found)
}

struct Seams<'i, 'a> {
    image: &'i Image<'a>,
    geometry: Geometry,
    overlap: usize,
    joined: Vec<u8>,
    /// Overflow pages whose chain was followed.
    seen: Vec<bool>,
    found: u64,
}

impl Seams<'_, '_> {
    fn page(&mut self, number: u32, page: &[u8], each: &mut dyn FnMut(&Seam, &[u8])) {
        let header = header_at(number);
        let Some(kind @ (TABLE_LEAF | INDEX_LEAF | INDEX_INTERIOR)) = page.get(header).copied() else {
            return;
        };
        let cells = header_len(kind).and_then(|len| cells(page, header, len)).unwrap_or_default();
        for at in cells {
            if let Some(head) = self.geometry.head(page, at, kind)
                && let Some(first) = head.overflow
                && let Some(content) = page.get(head.body..head.body + head.local)
            {
                self.joined.clear();
                self.joined.extend_from_slice(tail(content, self.overlap));
                let end = (head.body + head.local) as u64;
                self.chain(number, end, first, head.len - head.local, each);
            }
        }
    }

    /// Follows a chain whose bytes before it are already in `joined`; these end at `end` of the page `from`.
    fn chain(
        &mut self,
        mut from: u32,
        mut end: u64,
        mut next: u32,
        mut left: usize,
        each: &mut dyn FnMut(&Seam, &[u8]),
    ) {
        let mut page = vec![0; self.geometry.page_size];
        while left > 0
            && let Some(seen) = self.seen.get_mut(next as usize)
            && !std::mem::replace(seen, true)
            && self.image.page(next, &mut page)
            && let Some((link, content)) =
                page.get(..self.geometry.usable).and_then(<[u8]>::split_first_chunk::<4>)
        {
            let content = content.get(..left).unwrap_or(content);
            let joint = self.joined.len();
            self.joined.extend_from_slice(content.get(..self.overlap).unwrap_or(content));
            let (in_log, offset) = self.image.place(from);
            let part = if in_log { Part::Log } else { Part::Main };
            each(&Seam { part, offset: offset + end - joint as u64, joint }, &self.joined);
            self.found += 1;
            self.joined.clear();
            self.joined.extend_from_slice(tail(content, self.overlap));
            left -= content.len();
            end = 4 + content.len() as u64;
            from = next;
            next = u32::from_be_bytes(*link);
        }
    }
}

fn tail(content: &[u8], most: usize) -> &[u8] {
    content.get(content.len().saturating_sub(most)..).unwrap_or(content)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Files, files};
    use super::*;

    fn joined(main: &[u8], wal: &[u8], overlap: usize) -> Vec<(Seam, Vec<u8>)> {
        let mut all = Vec::new();
        let wal: Option<Box<dyn ReadAt>> = (!wal.is_empty()).then(|| Box::new(wal.to_vec()) as _);
        let _ = seams(Box::new(main.to_vec()), wal, overlap, &mut |seam, bytes| {
            all.push((*seam, bytes.to_vec()));
        });
        all
    }

    /// A row whose text has `evilhost.example` at every hundredth byte, so that some lie across each seam.
    fn long(journal: &str) -> Files {
        files(&format!(
            "{journal} CREATE TABLE note (text TEXT); CREATE INDEX by_text ON note (text);
             CREATE TABLE keyed (k TEXT PRIMARY KEY) WITHOUT ROWID;
             WITH RECURSIVE n(i) AS (VALUES(100) UNION ALL SELECT i + 1 FROM n WHERE i < 399)
             INSERT INTO note SELECT group_concat('evilhost.example' || i || '<', '') FROM n;
             INSERT INTO keyed SELECT text FROM note;"
        ))
    }

    #[test]
    fn text_across_every_seam_is_joined() {
        for size in [512, 1024, 4096] {
            for journal in ["", "PRAGMA journal_mode = WAL; PRAGMA auto_vacuum = FULL;"] {
                let Files { main, wal } = long(&format!("PRAGMA page_size = {size}; {journal}"));
                let seams = joined(&main, &wal, 20);
                let pages = 3 * 300 * 20 / size;
                assert!(seams.len() >= pages && seams.len() <= pages + 6, "{} of {pages}", seams.len());
                for (seam, bytes) in seams {
                    let text = String::from_utf8(bytes.clone()).unwrap();
                    // 40 bytes of a text that repeats every 20 hold at least one whole.
                    assert!(text.len() < 40 || text.contains("evilhost.example"), "{text}");
                    let file = if seam.part == Part::Log { &wal } else { &main };
                    assert_eq!(file[seam.offset as usize..][..seam.joint], bytes[..seam.joint]);
                }
            }
        }
    }

    #[test]
    fn broken_chains_end() {
        let Files { main, .. } = long("PRAGMA page_size = 512;");
        for len in (0..main.len()).step_by(97) {
            joined(&main[..len], &[], 64);
        }
        for bit in (0..main.len() * 8).step_by(31) {
            let mut main = main.clone();
            main[bit / 8] ^= 1 << (bit % 8);
            assert!(joined(&main, &[], 600).len() <= main.len() / 512);
        }
    }
}
