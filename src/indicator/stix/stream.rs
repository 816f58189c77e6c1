//! Bundles that are too large to be held: read window by window, each cut behind a whole object.

use std::borrow::Cow;
use std::io::Read;

use super::{Gathered, Part};
use crate::indicator::intake::Intake;
use crate::indicator::journal::Flaw;
use crate::indicator::load::lossy;

const WINDOW_BYTES: usize = 8 << 20;
/// An object, or damage, that is longer ends the reading.
const MAX_WINDOW_BYTES: usize = 64 << 20;

/// Reads a bundle; `start` is what was read of it already. `false` if it does not begin as bundles do, before anything is used.
///
/// # Errors
/// Where `file` cannot be read.
pub(crate) fn read_stream(
    start: &[u8],
    file: &mut impl Read,
    fallback: &str,
    intake: &mut Intake<'_>,
) -> std::io::Result<bool> {
    let Some(list) = beginning(start) else { return Ok(false) };
    let mut gathered = Gathered::default();
    let mut lines = count_lines(start.get(..list).unwrap_or(&[]));
    let mut window = start.get(list..).unwrap_or(&[]).to_vec();
    let mut wanted = WINDOW_BYTES;
    loop {
        let missing = wanted.saturating_sub(window.len()) as u64;
        let is_end = file.by_ref().take(missing).read_to_end(&mut window)? as u64 != missing;
        let cut = cut(&window);
        let used = match cut.places.last() {
            // The end of the file, or a stretch that no object ends in, is looked at as it is.
            _ if is_end || cut.is_whole => window.len(),
            Some((_, end)) => *end,
            None if wanted < MAX_WINDOW_BYTES => {
                wanted *= 2;
                continue;
            }
            None => window.len(),
        };
        let text = lossy(window.get(..used).unwrap_or(&[]));
        if let Cow::Owned(_) = text {
            intake.skip(0, "", "not wholly UTF-8; what could not be read is shown as \u{fffd}");
        }
        let mut part = Part::new(&text, lines, &mut gathered);
        match text {
            Cow::Borrowed(text) => {
                part.objects(&cut.places, intake);
                let behind = cut.places.last().map_or(0, |(_, end)| *end);
                part.walk(text.get(behind..).unwrap_or(""), behind, 1, intake);
            }
            // Replacements have moved the places.
            Cow::Owned(ref text) => part.walk(text, 0, 1, intake),
        }
        if is_end || cut.is_whole {
            break;
        }
        if cut.places.is_empty() {
            intake.tell(Flaw::Damaged, lines, "", "no object ends within 64 MiB; the rest is not read");
            break;
        }
        lines = lines.saturating_add(count_lines(window.get(..used).unwrap_or(&[])));
        window.drain(..used);
        wanted = WINDOW_BYTES.max(window.len() + WINDOW_BYTES / 2);
    }
    gathered.resolve(fallback, intake);
    Ok(true)
}

fn count_lines(bytes: &[u8]) -> u32 {
    u32::try_from(memchr::memchr_iter(b'\n', bytes).count()).unwrap_or(u32::MAX)
}

/// Where the list of objects begins, if nothing but plain texts stands before it.
fn beginning(start: &[u8]) -> Option<usize> {
    let head = start.get(..start.len().min(4096))?;
    let key = memchr::memmem::find(head, b"\"objects\"")?;
    let before = head.get(..key)?;
    let opened = before.iter().filter(|byte| matches!(byte, b'{' | b'[')).count();
    let bytes = head.get(key + 9..)?;
    let open = bytes.iter().position(|byte| !byte.is_ascii_whitespace() && *byte != b':')?;
    let is_list = bytes.get(open) == Some(&b'[');
    (opened == 1 && is_list && before.contains(&b'{')).then_some(key + 9 + open + 1)
}

struct CutWindow {
    /// Beginning and end of each whole object.
    places: Vec<(usize, usize)>,
    /// The list of objects ends within the window.
    is_whole: bool,
}

/// Finds the whole objects of a window that begins between two objects.
fn cut(window: &[u8]) -> CutWindow {
    let mut cut = CutWindow { places: Vec::new(), is_whole: false };
    let (mut depth, mut start) = (0_u32, 0);
    let mut in_text = false;
    for at in memchr::memchr3_iter(b'"', b'{', b'}', window) {
        match window.get(at) {
            Some(b'"') => {
                let before = window.get(..at).unwrap_or(&[]);
                let escapes = before.iter().rev().take_while(|byte| **byte == b'\\').count();
                in_text = !in_text || escapes % 2 == 1;
            }
            _ if in_text => {}
            Some(b'{') => {
                if depth == 0 {
                    start = at;
                }
                depth += 1;
            }
            Some(b'}') if depth == 1 => {
                depth = 0;
                cut.places.push((start, at + 1));
            }
            // The end of the bundle itself.
            Some(b'}') if depth == 0 => {
                cut.is_whole = true;
                break;
            }
            _ => depth = depth.saturating_sub(1),
        }
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::indicator::set::{IndicatorSet, Source};

    /// A source that gives a few bytes at a time.
    struct Drops<'b>(&'b [u8]);

    impl Read for Drops<'_> {
        fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
            let (now, rest) = self.0.split_at(self.0.len().min(7).min(to.len()));
            to[..now.len()].copy_from_slice(now);
            self.0 = rest;
            Ok(now.len())
        }
    }

    fn shown(text: &str, read: impl FnOnce(&mut Intake<'_>)) -> (Vec<String>, Vec<String>) {
        let mut set = IndicatorSet::default();
        let mut intake = Intake::new(&mut set, Source::default()).unwrap();
        read(&mut intake);
        intake.finish();
        let name = |it: &crate::indicator::Indicator| set.campaigns[usize::from(it.campaign)].name.clone();
        let values = set.indicators.iter().map(|it| format!("{} {} {}", it.value, name(it), it.stix_id));
        let told = set.skipped.iter().map(|it| format!("{} {}", it.line, it.why));
        assert!(!text.is_empty());
        (values.collect(), told.collect())
    }

    fn bundle() -> String {
        let mut text = String::from("{\"type\":\"bundle\",\n\"id\":\"bundle--1\", \"objects\": [\n");
        let times = r#""created":"2024-01-01T00:00:00Z","modified":"2024-01-01T00:00:00Z""#;
        for number in 0..40 {
            text.push_str(&format!(
                "{{\"type\":\"relationship\",\"id\":\"relationship--{number}\",{times},\"relationship_type\":\"indicates\",\"source_ref\":\"indicator--{number}\",\"target_ref\":\"malware--1\"}},\n"
            ));
            text.push_str(&format!(
                "{{\"type\":\"indicator\",\"id\":\"indicator--{number}\",{times},\"pattern\":\"[file:name='a \\\\\\\\ }} {number}']\",\"pattern_type\":\"stix\",\"valid_from\":\"2024-01-01T00:00:00Z\"}},\n"
            ));
        }
        text.push_str(&format!(
            "{{\"type\":\"malware\",\"id\":\"malware--1\",{times},\"name\":\"Spy \\\"}}\\\" é\",\"is_family\":true}},\n"
        ));
        text.push_str("{\"type\":\"x-thing\",\"id\":\"x-thing--1\"}]}\n");
        text
    }

    #[test]
    fn windows_give_what_the_whole_text_gives() {
        let text = bundle();
        let whole = shown(&text, |intake| super::super::read(&text, "stem", intake));
        assert_eq!(whole.0.len(), 40);
        for cut in [60, 61, 300, text.len()] {
            let (start, rest) = text.as_bytes().split_at(cut);
            let windows = shown(&text, |intake| {
                assert!(read_stream(start, &mut Drops(rest), "stem", intake).unwrap());
            });
            assert_eq!(windows, whole);
        }
    }

    #[test]
    fn cut_and_flipped_files_do_not_panic() {
        let text = bundle();
        for end in (60..text.len()).step_by(7) {
            let mut bytes = text.clone().into_bytes();
            bytes[end] ^= 1;
            for bytes in [&bytes[..], &text.as_bytes()[..end]] {
                shown(&text, |intake| {
                    read_stream(&bytes[..50], &mut Drops(&bytes[50..]), "stem", intake).unwrap();
                });
            }
        }
    }

    #[test]
    fn what_does_not_begin_as_a_bundle_is_left_to_others() {
        for start in
            ["", "[{\"objects\":[", "{\"a\":{\"objects\":[", "{\"objects\":7", "{\"type\":\"bundle\"}"]
        {
            assert_eq!(beginning(start.as_bytes()), None, "{start}");
        }
    }
}
