//! Format strings and image paths by UUID, read when they are asked for and held within a bound.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use macos_unifiedlogs::dsc::{RangeDescriptor, SharedCacheStrings, UUIDDescriptor};
use macos_unifiedlogs::traits::{FileProvider, SourceFile, StringCache};
use macos_unifiedlogs::uuidtext::{UUIDText, UUIDTextEntry};

use super::bytes::Uuid;
use super::{dsc, uuidtext};
use crate::format::ReadAt;

/// A shared cache alone has up to 150 MB.
const DEFAULT_LIMIT: usize = 192 << 20;
const MAX_UUIDTEXT_LEN: usize = 64 << 20;
/// A log that goes back and forth between more strings than fit would be read for days.
const MAX_LOADS: u32 = 16;
/// The longest format strings known are half of that.
const MAX_FORMAT_LEN: usize = 4096;
/// Messages have at most 255 values.
const MAX_SPECIFIERS: usize = 256;
/// Columns that one format string may ask for with widths and precisions.
const MAX_WIDTH: usize = 4096;

/// Where the strings of a log archive come from. Both are asked once per image while its strings are held.
pub trait StringFiles: Sync {
    /// The content of `uuidtext/XX/…`, found by the image's UUID; `None` if there is no such file.
    fn uuidtext(&self, image: Uuid) -> Option<Vec<u8>>;

    /// The file `uuidtext/dsc/…`, found by the cache's UUID; `None` if there is no such file.
    fn dsc(&self, cache: Uuid) -> Option<Box<dyn ReadAt + '_>>;
}

/// Strings of a log archive, shared by all that resolve its files.
pub struct Strings<'f> {
    files: &'f dyn StringFiles,
    limit: usize,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    images: HashMap<Uuid, Slot<UUIDText>>,
    caches: HashMap<Uuid, Slot<SharedCacheStrings>>,
    bytes: usize,
    clock: u64,
    lost: BTreeMap<Uuid, String>,
}

struct Slot<T> {
    strings: Option<Arc<T>>,
    path: Option<String>,
    bytes: usize,
    used: u64,
    loads: u32,
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Slot { strings: None, path: None, bytes: 0, used: 0, loads: 0 }
    }
}

impl<'f> Strings<'f> {
    pub fn new(files: &'f dyn StringFiles) -> Strings<'f> {
        Strings::with_limit(files, DEFAULT_LIMIT)
    }

    /// Holds at most `limit` bytes of strings, or one file if that alone is longer.
    pub fn with_limit(files: &'f dyn StringFiles, limit: usize) -> Strings<'f> {
        Strings { files, limit, held: Mutex::default() }
    }

    /// The path of an image outside the shared cache.
    pub fn image_path(&self, image: Uuid) -> Option<String> {
        let mut held = self.held();
        // The path stays when the strings are given up.
        if let Some(path) = held.images.get(&image).and_then(|slot| slot.path.clone()) {
            return Some(path);
        }
        self.image(&mut held, image);
        held.images.get(&image).and_then(|slot| slot.path.clone())
    }

    /// Images and caches whose strings were asked for in vain, and why.
    pub fn lost(&self) -> BTreeMap<Uuid, String> {
        self.held().lost.clone()
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn image(&self, held: &mut Held, image: Uuid) -> Option<Arc<UUIDText>> {
        held.clock += 1;
        let used = held.clock;
        let slot = held.images.entry(image).or_default();
        slot.used = used;
        if slot.strings.is_some() || !may_load(&mut slot.loads) {
            return slot.strings.clone();
        }
        let read = match self.files.uuidtext(image) {
            Some(bytes) => load_image(&bytes).map_err(|error| format!("{error:#}")),
            None => Err("is not there".to_owned()),
        };
        match read {
            Ok((strings, path)) => {
                let bytes = strings.footer_data.len();
                let strings = Arc::new(strings);
                *slot = Slot { strings: Some(strings.clone()), path, bytes, used, loads: slot.loads };
                held.bytes += bytes;
                self.evict(held);
                Some(strings)
            }
            Err(reason) => {
                slot.loads = MAX_LOADS;
                held.lost.insert(image, reason);
                None
            }
        }
    }

    fn cache(&self, held: &mut Held, cache: Uuid) -> Option<Arc<SharedCacheStrings>> {
        held.clock += 1;
        let used = held.clock;
        let slot = held.caches.entry(cache).or_default();
        slot.used = used;
        if slot.strings.is_some() {
            return slot.strings.clone();
        }
        if !may_load(&mut slot.loads) {
            held.lost.entry(cache).or_insert_with(|| "is asked for too often to be held".to_owned());
            return None;
        }
        let read = match self.files.dsc(cache) {
            Some(file) => load_cache(&*file).map_err(|error| format!("{error:#}")),
            None => Err("is not there".to_owned()),
        };
        match read {
            Ok((strings, bytes)) => {
                let strings = Arc::new(strings);
                *slot = Slot { strings: Some(strings.clone()), path: None, bytes, used, loads: slot.loads };
                held.bytes += bytes;
                self.evict(held);
                Some(strings)
            }
            Err(reason) => {
                slot.loads = MAX_LOADS;
                held.lost.insert(cache, reason);
                None
            }
        }
    }

    /// Gives up what was not used for longest until the rest fits; what was asked for last stays.
    fn evict(&self, held: &mut Held) {
        while held.bytes > self.limit {
            let image = oldest(&held.images, held.clock);
            let cache = oldest(&held.caches, held.clock);
            let freed = match (image, cache) {
                (Some((used, image)), Some((later, _))) if used < later => release(&mut held.images, image),
                (_, Some((_, cache))) => release(&mut held.caches, cache),
                (Some((_, image)), None) => release(&mut held.images, image),
                (None, None) => break,
            };
            held.bytes = held.bytes.saturating_sub(freed);
        }
    }
}

fn may_load(loads: &mut u32) -> bool {
    let may = *loads < MAX_LOADS;
    *loads = loads.saturating_add(1);
    may
}

fn oldest<T>(slots: &HashMap<Uuid, Slot<T>>, now: u64) -> Option<(u64, Uuid)> {
    let held = slots.iter().filter(|(_, slot)| slot.strings.is_some() && slot.used != now);
    held.map(|(uuid, slot)| (slot.used, *uuid)).min()
}

fn release<T>(slots: &mut HashMap<Uuid, Slot<T>>, uuid: Uuid) -> usize {
    let Some(slot) = slots.get_mut(&uuid) else { return 0 };
    slot.strings = None;
    std::mem::take(&mut slot.bytes)
}

/// A file of `uuidtext` in the form the crate looks messages up in. Sizes are made to fit, for the crate adds them up unchecked.
fn load_image(bytes: &[u8]) -> anyhow::Result<(UUIDText, Option<String>)> {
    anyhow::ensure!(bytes.len() <= MAX_UUIDTEXT_LEN, "is longer than 64 MiB");
    let text = uuidtext::read(bytes)?;
    let mut left = text.strings.len() as u32;
    let mut entries = Vec::with_capacity(text.ranges.len());
    for (start, size) in text.ranges {
        let size = size.min(left);
        left -= size;
        entries.push(UUIDTextEntry { range_start_offset: start, entry_size: size });
    }
    let mut strings = text.strings.to_vec();
    strings.truncate(text.strings.len() - left as usize);
    tame(&mut strings);
    strings.extend(text.path.as_deref().unwrap_or_default().as_bytes());
    strings.push(0);
    let image = UUIDText { entry_descriptors: entries, footer_data: strings, ..UUIDText::default() };
    Ok((image, text.path))
}

/// A shared cache in the form the crate looks messages up in, and its bytes. Ranges that overlap could ask for any memory, so all
/// together get no more than the file has.
fn load_cache(file: &dyn ReadAt) -> anyhow::Result<(SharedCacheStrings, usize)> {
    let tables = dsc::read(file)?;
    let mut left = usize::try_from(file.len())?;
    let mut cache = SharedCacheStrings { major_version: 2, ..SharedCacheStrings::default() };
    for range in &tables.ranges {
        let size = range.size as usize;
        let sound = range.start.checked_add(range.size.into()).is_some() && range.image < tables.images.len();
        let (true, Some(after)) = (sound, left.checked_sub(size)) else { continue };
        let Ok(mut strings) = dsc::bytes_at(file, range.offset.into(), size) else { continue };
        left = after;
        tame(&mut strings);
        strings.push(0);
        cache.ranges.push(RangeDescriptor {
            range_offset: range.start,
            data_offset: range.offset,
            range_size: range.size,
            uuid_index: range.image as u64,
            strings,
        });
    }
    let bytes = usize::try_from(file.len())? - left + tables.images.len() * 128;
    cache.uuids = tables
        .images
        .into_iter()
        .map(|image| UUIDDescriptor {
            uuid: image.uuid.to_string(),
            path_string: image.path,
            ..UUIDDescriptor::default()
        })
        .collect();
    Ok((cache, bytes))
}

/// Cuts format strings that no program has, and widths that would make gigabytes of a few bytes.
fn tame(strings: &mut [u8]) {
    let mut at = 0;
    while let Some(rest) = strings.get_mut(at..).filter(|rest| !rest.is_empty()) {
        let end = memchr::memchr(0, rest).unwrap_or(rest.len());
        let next = end.min(MAX_FORMAT_LEN) + 1;
        if end > MAX_FORMAT_LEN
            && let Some(last) = rest.get_mut(MAX_FORMAT_LEN)
        {
            *last = 0;
        }
        if let Some(format) = rest.get_mut(..end.min(MAX_FORMAT_LEN)) {
            tame_widths(format);
        }
        at += next;
    }
}

/// Zeroes the digits of widths and precisions once they sum up to more than any line holds.
fn tame_widths(format: &mut [u8]) {
    let (mut sum, mut at, mut specifiers) = (0, 0, 0);
    while let Some(found) = memchr::memchr(b'%', format.get(at..).unwrap_or_default()) {
        at += found + 1;
        specifiers += 1;
        if specifiers > MAX_SPECIFIERS {
            // The crate copies the rest of the string for each.
            format.get_mut(at - 1..).unwrap_or_default().fill(0);
            return;
        }
        if format.get(at) == Some(&b'{') {
            let rest = format.get(at..).unwrap_or_default();
            at += memchr::memchr(b'}', rest).map_or(0, |end| end + 1);
        }
        while let Some(byte) = format.get_mut(at) {
            match byte {
                b'0'..=b'9' => {
                    let digits = format.get_mut(at..).unwrap_or_default();
                    let len = digits.iter().take_while(|digit| digit.is_ascii_digit()).count();
                    let digits = digits.get_mut(..len).unwrap_or_default();
                    let width = digits.iter().fold(0usize, |width, digit| {
                        width.saturating_mul(10).saturating_add(usize::from(digit - b'0'))
                    });
                    sum = usize::saturating_add(sum, width);
                    if sum > MAX_WIDTH {
                        digits.fill(b'0');
                    }
                    at += len;
                }
                b'-' | b'+' | b'#' | b' ' | b'.' | b'*' => at += 1,
                _ => break,
            }
        }
    }
}

impl StringCache for Strings<'_> {
    fn get_or_load_uuidtext(&self, uuid: &str, _: &impl FileProvider) -> Option<Arc<UUIDText>> {
        self.image(&mut self.held(), uuid.parse().ok()?)
    }

    fn get_or_load_dsc(&self, uuid: &str, _: &impl FileProvider) -> Option<Arc<SharedCacheStrings>> {
        self.cache(&mut self.held(), uuid.parse().ok()?)
    }
}

/// The crate asks the cache for strings and nothing else; its lists of files stay empty.
pub(super) struct NoFiles;

impl SourceFile for NoFiles {
    fn reader(&mut self) -> impl io::Read {
        io::empty()
    }

    fn source_path(&self) -> &str {
        ""
    }
}

impl FileProvider for NoFiles {
    fn tracev3_files(&self) -> impl Iterator<Item = impl SourceFile> {
        std::iter::empty::<NoFiles>()
    }

    fn uuidtext_files(&self) -> impl Iterator<Item = impl SourceFile> {
        std::iter::empty::<NoFiles>()
    }

    fn read_uuidtext(&self, _: &str) -> io::Result<UUIDText> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn dsc_files(&self) -> impl Iterator<Item = impl SourceFile> {
        std::iter::empty::<NoFiles>()
    }

    fn read_dsc_uuid(&self, _: &str) -> io::Result<SharedCacheStrings> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn timesync_files(&self) -> impl Iterator<Item = impl SourceFile> {
        std::iter::empty::<NoFiles>()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::super::writer;
    use super::*;

    #[derive(Default)]
    struct Counting(AtomicU32);

    impl StringFiles for Counting {
        fn uuidtext(&self, image: Uuid) -> Option<Vec<u8>> {
            self.0.fetch_add(1, Ordering::Relaxed);
            (image.0 < 10).then(|| writer::uuidtext(&format!("/image/{image}"), &[(0, &[&"x".repeat(500)])]))
        }

        fn dsc(&self, _: Uuid) -> Option<Box<dyn ReadAt + '_>> {
            None
        }
    }

    #[test]
    fn files_are_read_once_while_they_fit() {
        let files = Counting::default();
        let strings = Strings::new(&files);
        for _ in 0..5 {
            assert!(strings.image_path(Uuid(1)).is_some());
            assert!(strings.image(&mut strings.held(), Uuid(1)).is_some());
            assert_eq!(strings.image_path(Uuid(99)), None);
        }
        assert_eq!(files.0.load(Ordering::Relaxed), 2);
        assert_eq!(strings.lost(), BTreeMap::from([(Uuid(99), "is not there".to_owned())]));
    }

    #[test]
    fn what_was_not_used_for_longest_goes_first() {
        let files = Counting::default();
        let strings = Strings::with_limit(&files, 1200);
        for image in [1, 2, 1, 3, 1, 2] {
            strings.image(&mut strings.held(), Uuid(image));
        }
        // 3 put out 2, and 2 put out 3.
        assert_eq!(files.0.load(Ordering::Relaxed), 4);
        assert!(strings.held().bytes <= 1200);
        assert!(strings.image_path(Uuid(3)).is_some());
        assert_eq!(files.0.load(Ordering::Relaxed), 4, "paths stay");
    }

    #[test]
    fn strings_are_not_read_for_ever() {
        let files = Counting::default();
        let strings = Strings::with_limit(&files, 600);
        for image in [1, 2].repeat(100) {
            strings.image(&mut strings.held(), Uuid(image));
        }
        assert_eq!(files.0.load(Ordering::Relaxed), 2 * MAX_LOADS);
    }

    #[test]
    fn format_strings_are_kept_within_reason() {
        let tamed = |text: &str| {
            let mut bytes = text.as_bytes().to_vec();
            tame(&mut bytes);
            String::from_utf8(bytes).unwrap()
        };
        for sound in ["%s: %-20s %{public}@ %.2f%%", "50% of 99999", "%{private, mask.hash}.16P"] {
            assert_eq!(tamed(sound), sound);
        }
        assert_eq!(tamed("%99999d %{public}.88888f\0%5d"), "%00000d %{public}.00000f\0%5d");
        assert_eq!(tamed(&"%s".repeat(400)).trim_end_matches('\0').len(), 2 * MAX_SPECIFIERS);
        let long = tamed(&format!("{}\0next", "a".repeat(9000)));
        assert!(long.split('\0').all(|format| format.len() <= MAX_FORMAT_LEN));
        assert!(long.ends_with("\0next"));
    }

    #[test]
    fn ranges_of_a_cache_cannot_ask_for_more_than_the_file() {
        let mut bytes = writer::dsc(&[(1, "/a", 0, &["one"]), (2, "/b", 16, &["two"])]);
        let len = bytes.len() as u32;
        for range in [16 + 8, 16 + 24 + 8] {
            bytes[range..range + 4].copy_from_slice(&0u32.to_le_bytes());
            bytes[range + 4..range + 8].copy_from_slice(&len.to_le_bytes());
        }
        assert_eq!(load_cache(&bytes).unwrap().0.ranges.len(), 1);
    }
}
