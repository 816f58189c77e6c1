//! Whole logs, written by the fixture writer and resolved.

use std::collections::{BTreeMap, BTreeSet};

use super::writer::{self, Format, Item, Message};
use super::*;
use crate::format::ReadAt;

const DAEMON: u128 = 0xA1;
const PLUGIN: u128 = 0xB2;
const CACHE: u128 = 0xD5;
const IDS: (u64, u32) = (4321, 99);
const SECOND: u64 = 24_000_000;
/// 2024-03-01T08:00:00Z.
const BOOTED_NS: i64 = 1_709_280_000_000_000_000;

struct Files(BTreeMap<u128, Vec<u8>>);

impl StringFiles for Files {
    fn uuidtext(&self, image: Uuid) -> Option<Vec<u8>> {
        self.0.get(&image.0).cloned()
    }

    fn dsc(&self, cache: Uuid) -> Option<Box<dyn ReadAt + '_>> {
        let file = self.0.get(&cache.0)?.clone();
        Some(Box::new(file))
    }
}

fn files() -> Files {
    Files(BTreeMap::from([
        (DAEMON, writer::uuidtext("/usr/libexec/exampled", &[(0x100, &["opened %s after %d ms", "plain"])])),
        (PLUGIN, writer::uuidtext("/private/var/tmp/plugin.dylib", &[(0, &["beacon to %{public}@"])])),
        (
            CACHE,
            writer::dsc(&[
                (0xC1, "/usr/lib/libfirst.dylib", 0, &["x"]),
                (0xC2, "/usr/lib/libnet.dylib", 0x4000, &["host %s"]),
            ]),
        ),
    ]))
}

fn clock() -> Clock {
    let boot = writer::Boot::default().uuid;
    Clock::read(vec![("1.timesync".into(), writer::timesync_boot(boot, (125, 3), BOOTED_NS, -60))])
}

fn daemon() -> writer::Process<'static> {
    writer::Process {
        main: DAEMON,
        dsc: Some(CACHE),
        ids: IDS,
        pid: 321,
        euid: 501,
        images: vec![(PLUGIN, 0x1_0000_0000, 0x4000)],
        subsystems: vec![(7, "com.example.daemon", "network")],
    }
}

fn log(parts: &[Vec<u8>]) -> Vec<u8> {
    [
        writer::header(&writer::Boot::default()),
        writer::catalog(0, &[daemon()], &[]),
        writer::compressed(&parts.concat()),
    ]
    .concat()
}

fn resolve_with(file: &[u8], files: &Files, clock: &Clock) -> (Vec<Entry>, Unresolved) {
    let mut oversize = Oversize::default();
    for_each_decompressed(file, &mut |chunkset| oversize.collect(chunkset.data));
    let strings = Strings::new(files);
    let mut resolver = Resolver::new(&strings, clock, oversize);
    let mut entries = Vec::new();
    for_each_decompressed(file, &mut |chunkset| resolver.entries(chunkset, &mut |entry| entries.push(entry)));
    let unresolved = resolver.finish(&mut |entry| entries.push(entry));
    (entries, unresolved)
}

fn resolve(file: &[u8]) -> (Vec<Entry>, Unresolved) {
    resolve_with(file, &files(), &clock())
}

fn record(format: Format, items: &[Item<'_>]) -> Vec<u8> {
    writer::message(&Message { format, items, subsystem: 7, ..Message::default() })
}

fn messages(entries: &[Entry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.message.as_deref().unwrap_or("none")).collect()
}

const OPENED: Format = Format::Main(0x100);

#[test]
fn a_message_is_resolved_in_full() {
    let opened = Message {
        format: OPENED,
        level: 0x10,
        thread: 77,
        delta: SECOND / 2,
        activity: 5,
        subsystem: 7,
        items: &[Item::Text("example.org"), Item::Number(42)],
        oversize: None,
    };
    let (entries, unresolved) =
        resolve(&log(&[writer::firehose(IDS, 10 * SECOND, &[writer::message(&opened)])]));
    assert!(unresolved.counts.is_empty() && unresolved.damages.is_empty(), "{unresolved:?}");
    let header = writer::header(&writer::Boot::default()).len();
    let expected = Entry {
        time: "2024-03-01T08:00:10.5Z".parse().ok(),
        boot: Some(Uuid(writer::Boot::default().uuid)),
        continuous: 10 * SECOND + SECOND / 2,
        process: Some("/usr/libexec/exampled".into()),
        process_uuid: Some(Uuid(DAEMON)),
        pid: Some(321),
        euid: Some(501),
        library: Some("/usr/libexec/exampled".into()),
        library_uuid: Some(Uuid(DAEMON)),
        subsystem: Some("com.example.daemon".into()),
        category: Some("network".into()),
        message: Some("opened example.org after 42 ms".into()),
        values: Vec::new(),
        event: "log",
        level: "error",
        activity: 5,
        thread: 77,
        offset: (header + writer::catalog(0, &[daemon()], &[]).len()) as u64,
    };
    assert_eq!(entries, [expected]);
}

#[test]
fn format_strings_come_from_where_the_record_says() {
    let records = [
        record(Format::Main(0x100 + 22), &[]),
        record(Format::Image(PLUGIN, 0), &[Item::Object("192.0.2.7")]),
        record(Format::Shared(0x4000), &[Item::Text("example.net")]),
        record(Format::Dynamic, &[Item::Text("said as it is")]),
        record(OPENED, &[Item::Private, Item::Number(1)]),
    ];
    let (entries, unresolved) = resolve(&log(&[writer::firehose(IDS, SECOND, &records)]));
    assert_eq!(
        messages(&entries),
        ["plain", "beacon to 192.0.2.7", "host example.net", "said as it is", "opened <private> after 1 ms"]
    );
    let libraries: Vec<_> = entries.iter().map(|entry| entry.library.as_deref().unwrap_or("none")).collect();
    assert_eq!(libraries[1..3], ["/private/var/tmp/plugin.dylib", "/usr/lib/libnet.dylib"]);
    assert!(unresolved.counts.is_empty(), "{unresolved:?}");
}

#[test]
fn long_values_are_found_wherever_they_lie() {
    let long = "long".repeat(2000);
    let cites =
        |number| writer::message(&Message { format: OPENED, oversize: Some(number), ..Message::default() });
    let values = |number| writer::oversize(IDS, SECOND, number, &[Item::Text(&long), Item::Number(3)]);
    let mut file = log(&[values(1), writer::firehose(IDS, SECOND, &[cites(1), cites(2), cites(9)])]);
    file.extend(writer::catalog(1, &[daemon()], &[]));
    file.extend(writer::stored(&values(2)));
    let (entries, unresolved) = resolve(&file);
    let expected = format!("opened {long} after 3 ms");
    assert_eq!(messages(&entries), [&expected, &expected, "opened <lost> after <lost> ms"]);
    assert_eq!(unresolved.counts, BTreeMap::from([("value lost", 1)]));
}

#[test]
fn dumps_have_process_and_time() {
    let file = log(&[
        writer::simpledump(IDS, 2 * SECOND, 5, PLUGIN, "com.example.launch", "exited with 9"),
        writer::statedump(IDS, 3 * SECOND, 1, ("", ""), "sessions", b"<plist/>"),
    ]);
    let (entries, unresolved) = resolve(&file);
    assert!(unresolved.counts.is_empty(), "{unresolved:?}");
    assert_eq!(messages(&entries), ["exited with 9", "sessions\n<plist/>"]);
    for entry in &entries {
        assert_eq!((entry.pid, entry.process.as_deref()), (Some(321), Some("/usr/libexec/exampled")));
    }
    assert_eq!(entries[1].time.unwrap().to_string(), "2024-03-01T08:00:03Z");
    assert_eq!(entries[0].library.as_deref(), Some("/private/var/tmp/plugin.dylib"));
}

#[test]
fn what_is_lost_is_no_value() {
    let records = [
        record(OPENED, &[Item::Text("example.org"), Item::Number(4)]),
        record(Format::Shared(0x4000), &[Item::Text("example.net")]),
        record(Format::Main(0x9999), &[Item::Text("example.com")]),
    ];
    let file = log(&[writer::firehose(IDS, SECOND, &records)]);
    let (entries, unresolved) = resolve_with(&file, &Files(BTreeMap::new()), &Clock::default());
    for (entry, value) in entries.iter().zip(["example.org", "example.net", "example.com"]) {
        assert_eq!(
            (&entry.time, &entry.process, &entry.library, &entry.message),
            (&None, &None, &None, &None)
        );
        assert_eq!((entry.values[0].as_str(), entry.pid), (value, Some(321)));
    }
    assert_eq!(
        unresolved.counts,
        BTreeMap::from([("format string lost", 3), ("no time", 3), ("process not known", 3)])
    );
    let (entries, _) = resolve(&file);
    assert_eq!(messages(&entries), ["opened example.org after 4 ms", "host example.net", "none"]);
}

#[test]
fn a_damaged_record_takes_only_itself() {
    let good = |text| record(OPENED, &[Item::Text(text), Item::Number(1)]);
    let mut unknown_place = good("lost");
    unknown_place[2] &= !0xE;
    let firehose = writer::firehose(IDS, SECOND, &[good("one"), unknown_place, good("two")]);
    let mut too_short = firehose.clone();
    too_short[32..34].copy_from_slice(&3u16.to_le_bytes());
    let (entries, unresolved) = resolve(&log(&[firehose]));
    assert_eq!(messages(&entries), ["opened one after 1 ms", "opened two after 1 ms"]);
    assert_eq!(unresolved.counts, BTreeMap::from([("record cannot be read", 1)]));
    assert_eq!(unresolved.damages.places.len(), 1);
    assert_eq!(resolve(&log(&[too_short])).0.len(), 2);
}

#[test]
fn a_record_the_crate_panics_over_takes_only_itself() {
    let mut files = files();
    files.0.insert(PLUGIN, writer::uuidtext("/plugin", &[(0, &["%.*s"])]));
    let mut records = vec![record(OPENED, &[Item::Text("x"), Item::Number(1)]); 9];
    // A precision without the value it is for: the crate looks beyond the last item.
    let mut precision = record(Format::Image(PLUGIN, 0), &[Item::Number(5)]);
    let item = precision.windows(6).position(|item| item == [2, 4, 5, 0, 0, 0]).unwrap();
    precision[item] = 0x12;
    records[4] = precision;
    let groups = [writer::firehose(IDS, SECOND, &records[..6]), writer::firehose(IDS, SECOND, &records[6..])];
    let (entries, unresolved) = resolve_with(&log(&groups), &files, &clock());
    assert_eq!(messages(&entries), ["opened x after 1 ms"; 8]);
    assert_eq!(unresolved.counts, BTreeMap::from([("record cannot be read", 1)]));
}

#[test]
fn live_data_without_header_has_no_time() {
    let parts = writer::firehose(IDS, SECOND, &[record(OPENED, &[Item::Text("x"), Item::Number(1)])]);
    let file = [writer::catalog(0, &[daemon()], &[]), writer::stored(&parts)].concat();
    let (entries, _) = resolve(&file);
    assert_eq!((entries[0].time, entries[0].boot, entries[0].pid), (None, None, Some(321)));
    let without_catalog = writer::stored(&parts);
    assert_eq!(resolve(&without_catalog).0.len(), 1);
}

#[test]
fn many_chunksets_are_resolved_in_batches() {
    let records = vec![record(OPENED, &[Item::Text("example.org"), Item::Number(1)]); 500];
    let chunkset = writer::compressed(&writer::firehose(IDS, SECOND, &records));
    let mut file = log(&[]);
    for catalog in 0..3 {
        file.extend(writer::catalog(catalog, &[daemon()], &[]));
        file.extend(chunkset.repeat(10));
    }
    let (entries, unresolved) = resolve(&file);
    assert_eq!((entries.len(), unresolved.counts.len()), (15_000, 0));
    let offsets: BTreeSet<u64> = entries.iter().map(|entry| entry.offset).collect();
    assert_eq!(offsets.len(), 30);
    assert!(entries.iter().all(|entry| entry.pid == Some(321) && entry.message.is_some()));
}

#[test]
fn broken_logs_do_not_panic() {
    let records = [
        record(OPENED, &[Item::Text("example.org"), Item::Number(1)]),
        record(Format::Shared(0x4000), &[Item::Object("x"), Item::Private]),
        writer::message(&Message { format: OPENED, oversize: Some(1), ..Message::default() }),
    ];
    let parts = [
        writer::oversize(IDS, SECOND, 1, &[Item::Text("long")]),
        writer::firehose(IDS, SECOND, &records),
        writer::statedump(IDS, SECOND, 3, ("lib", "Class"), "title", &[1, 2, 3]),
        writer::simpledump(IDS, SECOND, 1, 1, "s", "m"),
    ];
    let whole = [
        writer::header(&writer::Boot::default()),
        writer::catalog(0, &[daemon()], &[]),
        writer::stored(&parts.concat()),
    ]
    .concat();
    let (files, clock) = (files(), clock());
    for len in (0..whole.len()).step_by(3) {
        resolve_with(&whole[..len], &files, &clock);
    }
    for at in 0..whole.len() {
        for bit in [0, 3, 7] {
            let mut flipped = whole.clone();
            flipped[at] ^= 1 << bit;
            resolve_with(&flipped, &files, &clock);
        }
    }
}
