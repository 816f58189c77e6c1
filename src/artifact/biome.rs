//! Biome: what iOS 15 and later note of the owner's and the system's doings, one folder a stream, one message an entry.
//!
//! Where the streams lie, which entry is whose and what texts a message holds is settled here; which field means what, in the artifacts.

use std::collections::HashSet;

use super::Out;
use super::crash::{Candidate, as_candidate, one_or_list};
use super::protobuf_stream::Message;
use crate::format::keyed;
use crate::format::protobuf::{Field, Fields};
use crate::format::segb::{self, State};
use crate::format::unified_log::text_runs;
use crate::record::{Column, Moment, Place, Value, caveat, fact_time, text, time};
use crate::time::Epoch;

/// A file of a busy stream has a few megabytes.
pub const LARGEST_BYTES: u64 = 128 << 20;
/// Texts kept of an entry.
const MOST_TEXTS: usize = 1_000;
const DEEPEST: usize = 16;
/// Strings carved from bytes are shorter by chance.
const SHORTEST_CARVED: usize = 6;

/// Where these streams lie: written on this phone, or synced from another device of the account.
macro_rules! streams {
    ($($name:literal)*) => {
        &[$(
            concat!("/private/var/mobile/Library/Biome/streams/*/", $name, "/local/*"),
            concat!("/private/var/mobile/Library/Biome/streams/*/", $name, "/remote/*/*"),
            concat!("/private/var/db/biome/streams/*/", $name, "/local/*"),
            concat!("/private/var/db/biome/streams/*/", $name, "/remote/*/*"),
        )*]
    };
}
pub(crate) use streams;

/// The columns that every entry begins with.
pub const WRITTEN: Column = time("written", Epoch::Mac, Moment::Logged);
/// The same where the entry itself tells when what it tells of happened.
pub const NOTED: Column = fact_time("written", Epoch::Mac);
pub const STREAM: Column = text("stream");
pub const STATE: Column = text("state");
pub const REMOTE: Column = caveat("remote", "the entry was synced from another device of the same account");
pub const DEVICE: Column = text("device");

/// One entry with what its file says of it.
pub struct Entry<'a> {
    pub place: Place,
    pub stream: &'a str,
    pub message: Message<'a>,
    /// Every text in it, each once.
    pub texts: Vec<String>,
    written: f64,
    state: State,
    device: Option<&'a str>,
}

impl Entry<'_> {
    pub fn written(&self) -> Value<'static> {
        Value::Real(self.written)
    }

    /// The values of the columns that every entry begins with, in their order.
    pub fn head(&self) -> [Value<'_>; 5] {
        let state = match self.state {
            State::Written => "written".into(),
            State::Deleted => "deleted".into(),
            State::Other(number) => format!("state {number}").into(),
        };
        let remote = self.device.is_some();
        [self.written(), self.stream.into(), state, remote.into(), self.device.into()]
    }

    /// One record: what every entry begins with, these values, and the texts of the entry that they do not hold.
    pub fn push<const N: usize>(&self, values: [Value<'_>; N], out: &mut Out<'_>) {
        let other = self.other(&values.each_ref());
        let mut values: Vec<Value<'_>> = self.head().into_iter().chain(values).chain([other]).collect();
        out.push_slice(self.place.clone(), &mut values);
    }

    /// The texts that could name something and that no other column holds.
    fn other(&self, named: &[&Value<'_>]) -> Value<'static> {
        let is_named = |text: &str| named.iter().any(|value| holds(value, text));
        let other = |text: &&String| as_candidate(text).is_some() && !is_named(text);
        one_or_list(self.texts.iter().filter(other).cloned().collect())
    }

    /// False where a deleted entry has nothing left to read.
    fn says_something(&self) -> bool {
        self.state == State::Written || !self.texts.is_empty()
    }
}

fn holds(value: &Value<'_>, text: &str) -> bool {
    match value {
        Value::Text(held) => held.trim() == text,
        Value::List(items) => items.iter().any(|item| holds(item, text)),
        _ => false,
    }
}

/// Gives the entries of a file, as its path says of what stream.
///
/// # Errors
/// When it is no file of a stream although it is called like one.
pub fn entries(
    bytes: &[u8],
    out: &mut Out<'_>,
    mut each: impl FnMut(&Entry<'_>, &mut Out<'_>),
) -> anyhow::Result<()> {
    let path = out.path().to_owned();
    let is_numbered =
        path.rsplit('/').next().is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
    // Locks and indexes lie beside the streams.
    if bytes.is_empty() || !is_numbered && !segb::is_segb(bytes) {
        return Ok(());
    }
    let (stream, device) = stream_of(&path);
    let read = segb::read(bytes)?;
    for problem in read.problems {
        out.warn(None, problem);
    }
    for entry in &read.entries {
        let place = Place::Offset { offset: entry.offset };
        let (message, whole) = Message::read(entry.data);
        if entry.state == State::Written {
            if let Err(error) = whole {
                out.warn(Some(place.clone()), format!("an entry is damaged: {error:#}"));
            } else if !entry.intact {
                out.warn(Some(place.clone()), "an entry does not fit its checksum");
            }
        }
        let texts = texts(entry.data);
        let entry =
            Entry { place, stream, message, texts, written: entry.written, state: entry.state, device };
        if entry.says_something() {
            each(&entry, out);
        }
    }
    Ok(())
}

/// The stream a file is of, and the device it came from: `…/NAME/local/1`, `…/NAME/remote/DEVICE/1`.
pub fn stream_of(path: &str) -> (&str, Option<&str>) {
    let mut parts = path.rsplit('/').skip(1);
    let (last, before) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    match (last, before) {
        ("local", stream) => (stream, None),
        (device, "remote") => (parts.next().unwrap_or_default(), Some(device)),
        _ => (before, None),
    }
}

/// Every text in a message, whatever its schema; of what is no whole message, what looks like text.
pub fn texts(message: &[u8]) -> Vec<String> {
    let mut texts = Texts::default();
    texts.message(message, DEEPEST);
    texts.found
}

#[derive(Default)]
struct Texts {
    found: Vec<String>,
    seen: HashSet<String>,
}

impl Texts {
    fn message(&mut self, message: &[u8], depth: usize) {
        if !self.fields(message, depth) {
            self.carve(message);
        }
    }

    /// False, with nothing taken, where the bytes are no message.
    fn fields(&mut self, message: &[u8], depth: usize) -> bool {
        // Looked through before anything is taken: bytes that are no message often begin like one.
        if depth == 0 || Fields::new(message).any(|field| !matches!(field, Ok((1.., _)))) {
            return false;
        }
        for (_, field) in Fields::new(message).flatten() {
            if let Field::Bytes(bytes) = field {
                self.bytes(bytes, depth - 1);
            }
        }
        true
    }

    fn bytes(&mut self, bytes: &[u8], depth: usize) {
        match std::str::from_utf8(bytes) {
            Ok(text) if !text.contains(|c: char| c.is_control() && !c.is_whitespace()) => {
                // A short message can be readable too: its text begins behind a line feed or tabulator.
                if text.starts_with(|c: char| c.is_control()) && self.fields(bytes, depth) {
                    return;
                }
                self.add(text);
            }
            _ if bytes.starts_with(b"bplist00") => match keyed::parse_unarchived(bytes) {
                Ok(list) => keyed::strings(&list).into_iter().for_each(|text| self.add(text)),
                Err(_) => self.carve(bytes),
            },
            _ => self.message(bytes, depth),
        }
    }

    fn carve(&mut self, bytes: &[u8]) {
        for (_, run) in text_runs(bytes).filter(|(_, run)| run.len() >= SHORTEST_CARVED) {
            self.add(run);
        }
    }

    fn add(&mut self, text: &str) {
        let text = text.trim();
        if !text.is_empty() && self.found.len() < MOST_TEXTS && self.seen.insert(text.to_owned()) {
            self.found.push(text.to_owned());
        }
    }
}

/// Texts sorted by what they could be: paths, bundle ids, and everything else in which links and addresses may stand.
pub fn sorted(texts: &[String]) -> [Value<'static>; 3] {
    let (mut files, mut apps, mut other) = (Vec::new(), Vec::new(), Vec::new());
    for text in texts {
        match as_candidate(text) {
            Some(Candidate::Path) => files.push(text.clone()),
            Some(_) => {
                // `com.example.app` is a host by its look as well.
                if is_bundle_id(text) {
                    apps.push(text.clone());
                }
                other.push(text.clone());
            }
            None => {}
        }
    }
    [files, apps, other].map(one_or_list)
}

fn is_bundle_id(text: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    text.contains('.') && text.split('.').all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::protobuf::testing::{bytes, int};

    #[test]
    fn the_path_tells_stream_and_device() {
        let root = "/private/var/mobile/Library/Biome/streams/restricted";
        assert_eq!(stream_of(&format!("{root}/App.InFocus/local/12")), ("App.InFocus", None));
        assert_eq!(stream_of(&format!("{root}/App.InFocus/remote/AA-1/12")), ("App.InFocus", Some("AA-1")));
        assert_eq!(stream_of("12"), ("", None));
    }

    #[test]
    fn texts_are_found_at_any_depth_and_in_damaged_messages() {
        let inner =
            [bytes(1, "com.example.app"), int(2, 5), bytes(3, [bytes(1, "https://a.example/")].concat())]
                .concat();
        let message =
            [bytes(4, &inner), bytes(5, "two\nlines"), bytes(6, [0xff, 0xfe]), bytes(7, "com.example.app")]
                .concat();
        assert_eq!(texts(&message), ["com.example.app", "https://a.example/", "two\nlines"]);
        let mut zeroed = message.clone();
        zeroed[..4].fill(0);
        assert!(texts(&zeroed).contains(&"com.example.app".to_owned()), "{:?}", texts(&zeroed));
        for len in 0..message.len() {
            texts(&message[..len]);
        }
        let deep = (0..200).fold(bytes(1, "https://a.example/"), |message, _| bytes(1, message));
        texts(&deep);
    }

    #[test]
    fn texts_are_sorted_by_what_they_could_be() {
        let texts = ["/private/var/tmp/x", "com.example.app", "see https://a.example/", "word", "12.5"]
            .map(String::from);
        let [files, apps, other] = sorted(&texts);
        assert_eq!((files.show().as_str(), apps.show().as_str()), ("/private/var/tmp/x", "com.example.app"));
        assert_eq!(other.show(), "com.example.app, see https://a.example/");
    }
}
