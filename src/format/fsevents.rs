//! FSEvents: what happened to files since the volume was mounted, in order and without times. Names of deleted files stay in it.
//!
//! A file is a chain of gzip members that hold pages; the caller unpacks it ([`unpack`]) and reads the pages ([`read`]).

use std::io::Read as _;

use super::numbers::{le_u32, le_u64};

const PAGE_HEADER: usize = 12;

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// Where it begins in the unpacked pages.
    pub offset: u64,
    /// From the root of the volume, without a leading `/`.
    pub path: &'a [u8],
    /// Grows with every event of the volume.
    pub id: u64,
    pub flags: u32,
    /// The number of the file in its volume.
    pub node: Option<u64>,
}

/// Flags of an event and their words.
const FLAGS: [(u32, &str); 21] = [
    (0x1, "created"),
    (0x2, "removed"),
    (0x4, "inode changed"),
    (0x8, "renamed"),
    (0x10, "modified"),
    (0x20, "exchanged"),
    (0x40, "Finder information changed"),
    (0x80, "folder created"),
    (0x100, "permissions changed"),
    (0x200, "attribute changed"),
    (0x400, "attribute removed"),
    (0x1000, "document revision"),
    (0x4000, "cloned"),
    (0x8_0000, "last hard link removed"),
    (0x10_0000, "hard link"),
    (0x40_0000, "symbolic link"),
    (0x80_0000, "file"),
    (0x100_0000, "folder"),
    (0x200_0000, "mounted"),
    (0x400_0000, "unmounted"),
    (0x2000_0000, "end of transaction"),
];

/// The words of the flags, with the bits that have none as a number.
pub fn words(flags: u32) -> Vec<String> {
    let mut words: Vec<String> =
        FLAGS.iter().filter(|(flag, _)| flags & flag != 0).map(|(_, word)| (*word).to_owned()).collect();
    let known = FLAGS.iter().fold(0, |known, (flag, _)| known | flag);
    if flags & !known != 0 {
        words.push(format!("{:#x}", flags & !known));
    }
    words
}

/// Unpacks all members to at most `most` bytes; the second value says why it is not all.
pub fn unpack(bytes: &[u8], most: u64) -> (Vec<u8>, Option<String>) {
    let mut pages = Vec::new();
    let mut unpacked = flate2::read::MultiGzDecoder::new(bytes).take(most.saturating_add(1));
    let damage = unpacked.read_to_end(&mut pages).err().map(|error| format!("is damaged: {error}"));
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    if pages.len() > most {
        pages.truncate(most);
        return (pages, Some(format!("is longer than {most} bytes: the rest is not read")));
    }
    (pages, damage)
}

/// Gives every event, and as text what could not be read.
pub fn read<'a>(pages: &'a [u8], each: &mut dyn FnMut(Result<Event<'a>, String>)) {
    let mut at = 0;
    while at < pages.len() {
        let Some((version, len)) = page(pages, at) else {
            each(Err(format!("has no page at {at}; what follows is not read")));
            return;
        };
        let end = at.saturating_add(len);
        if end > pages.len() {
            each(Err("the last page is cut off".into()));
        }
        let events = pages.get(..end.min(pages.len())).unwrap_or_default();
        let mut next = at.saturating_add(PAGE_HEADER);
        while next < events.len() {
            let Some((event, behind)) = event(events, next, version) else {
                each(Err("an event is cut off".into()));
                break;
            };
            each(Ok(event));
            next = behind;
        }
        at = end;
    }
}

/// The version of a page, and its length with the header.
fn page(pages: &[u8], at: usize) -> Option<(u8, usize)> {
    let version = match pages.get(at..)? {
        [version @ b'1'..=b'3', b'S', b'L', b'D', ..] => version - b'0',
        _ => return None,
    };
    let len = usize::try_from(le_u32(pages, at.checked_add(8)?)?).ok()?;
    (len > PAGE_HEADER).then_some((version, len))
}

/// The event at a place, and where the next begins.
fn event(pages: &[u8], at: usize, version: u8) -> Option<(Event<'_>, usize)> {
    let rest = pages.get(at..)?;
    let path = rest.get(..memchr::memchr(0, rest)?)?;
    let id_at = at.checked_add(path.len())?.checked_add(1)?;
    let id = le_u64(pages, id_at)?;
    let flags = le_u32(pages, id_at.checked_add(8)?)?;
    let mut next = id_at.checked_add(12)?;
    let node = if version >= 2 { Some(le_u64(pages, next)?) } else { None };
    next = next.checked_add(if version >= 2 { 8 } else { 0 })?;
    if version >= 3 {
        le_u32(pages, next)?;
        next = next.checked_add(4)?;
    }
    Some((Event { offset: at as u64, path, id, flags, node }, next))
}

/// Files made for tests.
#[cfg(test)]
pub mod testing {
    use std::io::Write as _;

    pub fn page(version: u8, events: &[(&str, u64, u32)]) -> Vec<u8> {
        let mut body = Vec::new();
        for (path, id, flags) in events {
            body.extend(path.as_bytes());
            body.push(0);
            body.extend(id.to_le_bytes());
            body.extend(flags.to_le_bytes());
            if version >= 2 {
                body.extend(77_u64.to_le_bytes());
            }
            if version >= 3 {
                body.extend([0; 4]);
            }
        }
        let mut page = vec![b'0' + version, b'S', b'L', b'D', 0, 0, 0, 0];
        page.extend((body.len() as u32 + 12).to_le_bytes());
        page.extend(body);
        page
    }

    pub fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{packed, page};
    use super::*;

    fn all(pages: &[u8]) -> Vec<Result<Event<'_>, String>> {
        let mut all = Vec::new();
        read(pages, &mut |event| all.push(event));
        all
    }

    #[test]
    fn pages_of_every_version_in_several_members_are_read() {
        let packed: Vec<u8> = [
            packed(&page(1, &[("a/b", 1, 0x80_0001)])),
            packed(
                &[page(2, &[("c", 2, 0x80_0002), ("", 3, 0)]), page(3, &[("d", 4, 0x4000_0008)])].concat(),
            ),
        ]
        .concat();
        let (pages, damage) = unpack(&packed, 1 << 20);
        assert_eq!(damage, None);
        let events: Vec<_> = all(&pages).into_iter().collect::<Result<_, _>>().unwrap();
        let told: Vec<_> = events.iter().map(|event| (event.path, event.id, event.node)).collect();
        assert_eq!(
            told,
            [(&b"a/b"[..], 1, None), (b"c", 2, Some(77)), (b"", 3, Some(77)), (b"d", 4, Some(77))]
        );
        assert_eq!(words(events[0].flags), ["created", "file"]);
        assert_eq!(words(events[3].flags), ["renamed", "0x40000000"]);
    }

    #[test]
    fn what_is_cut_or_too_long_is_told() {
        let pages = page(2, &[("a", 1, 1), ("b", 2, 1)]);
        let packed = packed(&pages);
        assert!(unpack(&packed[..packed.len() - 9], 1 << 20).1.is_some());
        assert!(unpack(&packed, 5).1.unwrap().contains("longer than 5"));
        let cut = all(&pages[..pages.len() - 1]);
        assert_eq!(cut.iter().filter(|event| event.is_ok()).count(), 1);
        assert_eq!(cut.iter().filter(|event| event.is_err()).count(), 2);
    }

    #[test]
    fn broken_pages_never_panic_and_end() {
        let pages = [page(1, &[("a", 1, 1)]), page(3, &[("b", 2, 1)])].concat();
        for len in 0..pages.len() {
            all(&pages[..len]);
        }
        for at in 0..pages.len() {
            for bit in [1, 0x10, 0x80, 0xff] {
                let mut broken = pages.clone();
                broken[at] ^= bit;
                all(&broken);
            }
        }
        let packed = packed(&pages);
        for at in 0..packed.len() {
            let mut broken = packed.clone();
            broken[at] ^= 0x55;
            unpack(&broken, 1 << 20);
        }
    }
}
