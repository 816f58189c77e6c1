//! Unified logs as a phone writes them: `tracev3` with its chunks and records, `uuidtext`, shared-cache strings, `timesync`.
//!
//! Plain functions from values to bytes, so that unit tests and the demo phones share them. UUIDs are numbers, times are ticks.

#![allow(dead_code, reason = "each user needs a part of the functions")]

fn pad(bytes: &mut Vec<u8>, to: usize) {
    bytes.resize(bytes.len().next_multiple_of(to), 0);
}

fn text_field(bytes: &mut Vec<u8>, text: &str, len: usize) {
    let end = bytes.len() + len;
    bytes.extend(text.as_bytes());
    bytes.resize(end, 0);
}

/// A chunk with its preamble, padded to eight bytes.
pub fn chunk(tag: u32, subtag: u32, data: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(tag.to_le_bytes());
    bytes.extend(subtag.to_le_bytes());
    bytes.extend((data.len() as u64).to_le_bytes());
    bytes.extend(data);
    pad(&mut bytes, 8);
    bytes
}

/// What a file says of its boot and its device.
#[derive(Clone, Copy, Debug)]
pub struct Boot<'t> {
    pub uuid: u128,
    pub continuous: u64,
    /// Seconds since 1970.
    pub wall_s: i64,
    pub minutes_west: i32,
    pub build: &'t str,
    pub model: &'t str,
    pub zone: &'t str,
}

impl Default for Boot<'_> {
    fn default() -> Self {
        Boot {
            uuid: 0xB007_0000_0000_0000_0000_0000_0000_0001,
            continuous: 24_000_000,
            wall_s: 1_709_280_000,
            minutes_west: -60,
            build: "21A559",
            model: "iPhone14,2",
            zone: "/var/db/timezone/zoneinfo/Europe/Berlin",
        }
    }
}

/// The first chunk of a file, with the timebase 125/3 of Apple's own processors.
pub fn header(boot: &Boot<'_>) -> Vec<u8> {
    let mut data = Vec::new();
    data.extend(125u32.to_le_bytes());
    data.extend(3u32.to_le_bytes());
    data.extend(boot.continuous.to_le_bytes());
    data.extend(boot.wall_s.to_le_bytes());
    data.extend(500_000u32.to_le_bytes());
    data.extend(boot.minutes_west.to_le_bytes());
    data.extend([0; 8]);
    data.extend(0x6100u32.to_le_bytes());
    data.extend(8u32.to_le_bytes());
    data.extend(boot.continuous.to_le_bytes());
    data.extend(0x6101u32.to_le_bytes());
    data.extend(56u32.to_le_bytes());
    data.extend([0; 8]);
    text_field(&mut data, boot.build, 16);
    text_field(&mut data, boot.model, 32);
    data.extend(0x6102u32.to_le_bytes());
    data.extend(24u32.to_le_bytes());
    data.extend(boot.uuid.to_be_bytes());
    data.extend([0; 8]);
    data.extend(0x6103u32.to_le_bytes());
    data.extend(48u32.to_le_bytes());
    text_field(&mut data, boot.zone, 48);
    chunk(0x1000, 0x11, &data)
}

/// A process entry of a catalog.
#[derive(Clone, Debug, Default)]
pub struct Process<'t> {
    pub main: u128,
    pub dsc: Option<u128>,
    /// What records call it by.
    pub ids: (u64, u32),
    pub pid: u32,
    pub euid: u32,
    /// Loaded images: UUID, address, size.
    pub images: Vec<(u128, u64, u32)>,
    /// Number, subsystem, category.
    pub subsystems: Vec<(u16, &'t str, &'t str)>,
}

/// A time span of a catalog, in ticks, with the positions of its processes.
#[derive(Clone, Debug, Default)]
pub struct Span {
    pub start: u64,
    pub end: u64,
    pub processes: Vec<u16>,
}

fn position<T: PartialEq>(list: &mut Vec<T>, item: T) -> u16 {
    let position = list.iter().position(|known| *known == item).unwrap_or_else(|| {
        list.push(item);
        list.len() - 1
    });
    position as u16
}

/// The offset of a NUL-terminated name.
fn name_offset(names: &mut Vec<u8>, name: &str) -> u16 {
    let terminated = [name.as_bytes(), b"\0"].concat();
    let offset = names.windows(terminated.len()).position(|window| window == terminated);
    offset.unwrap_or_else(|| {
        names.extend(&terminated);
        names.len() - terminated.len()
    }) as u16
}

/// A catalog; processes are numbered by their position.
pub fn catalog(earliest: u64, processes: &[Process<'_>], spans: &[Span]) -> Vec<u8> {
    let (mut uuids, mut names, mut entries) = (Vec::new(), Vec::new(), Vec::new());
    for (index, process) in processes.iter().enumerate() {
        entries.extend((index as u16).to_le_bytes());
        entries.extend([0; 2]);
        entries.extend(position(&mut uuids, process.main).to_le_bytes());
        let dsc = process.dsc.map_or(0xFFFF, |dsc| position(&mut uuids, dsc));
        entries.extend(dsc.to_le_bytes());
        entries.extend(process.ids.0.to_le_bytes());
        entries.extend(process.ids.1.to_le_bytes());
        entries.extend(process.pid.to_le_bytes());
        entries.extend(process.euid.to_le_bytes());
        entries.extend([0; 4]);
        entries.extend((process.images.len() as u32).to_le_bytes());
        entries.extend([0; 4]);
        for (uuid, address, size) in &process.images {
            entries.extend(size.to_le_bytes());
            entries.extend([0; 4]);
            entries.extend(position(&mut uuids, *uuid).to_le_bytes());
            entries.extend(&address.to_le_bytes()[..6]);
        }
        entries.extend((process.subsystems.len() as u32).to_le_bytes());
        entries.extend([0; 4]);
        let mut subsystems = Vec::new();
        for (number, subsystem, category) in &process.subsystems {
            subsystems.extend(number.to_le_bytes());
            subsystems.extend(name_offset(&mut names, subsystem).to_le_bytes());
            subsystems.extend(name_offset(&mut names, category).to_le_bytes());
        }
        pad(&mut subsystems, 8);
        entries.extend(subsystems);
    }
    pad(&mut names, 8);
    let names_at = uuids.len() * 16;
    let entries_at = names_at + names.len();
    let mut data = Vec::new();
    for number in [names_at, entries_at, processes.len(), entries_at + entries.len(), spans.len(), 0, 0, 0] {
        data.extend((number as u16).to_le_bytes());
    }
    data.extend(earliest.to_le_bytes());
    data.extend(uuids.iter().flat_map(|uuid| uuid.to_be_bytes()));
    data.extend(names);
    data.extend(entries);
    data.extend(spans.iter().flat_map(span));
    chunk(0x600B, 0x11, &data)
}

fn span(span: &Span) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(span.start.to_le_bytes());
    bytes.extend(span.end.to_le_bytes());
    bytes.extend(0u32.to_le_bytes());
    bytes.extend(0x100u32.to_le_bytes());
    bytes.extend((span.processes.len() as u32).to_le_bytes());
    bytes.extend(span.processes.iter().flat_map(|process| process.to_le_bytes()));
    bytes.extend(0u32.to_le_bytes());
    pad(&mut bytes, 8);
    bytes
}

/// A chunkset of one LZ4 block, as most files have them.
pub fn compressed(data: &[u8]) -> Vec<u8> {
    chunk(0x600D, 0x11, &[block_compressed(data), b"bv4$".to_vec()].concat())
}

/// A chunkset of one block as it is, as in `Special`.
pub fn stored(data: &[u8]) -> Vec<u8> {
    chunk(0x600D, 0x11, &[block_stored(data), b"bv4$".to_vec()].concat())
}

pub fn block_stored(data: &[u8]) -> Vec<u8> {
    let mut block = b"bv4-".to_vec();
    block.extend((data.len() as u32).to_le_bytes());
    block.extend(data);
    block
}

pub fn block_compressed(data: &[u8]) -> Vec<u8> {
    let packed = lz4(data);
    let mut block = b"bv41".to_vec();
    block.extend((data.len() as u32).to_le_bytes());
    block.extend((packed.len() as u32).to_le_bytes());
    block.extend(packed);
    block
}

/// The simplest LZ4 that compresses: the last place of each four bytes is remembered.
fn lz4(data: &[u8]) -> Vec<u8> {
    // The last match must begin twelve bytes before the end, and the last five bytes are literals.
    let last_start = data.len().saturating_sub(12);
    let mut places = vec![0usize; 1 << 14];
    let (mut packed, mut literals, mut at) = (Vec::new(), 0, 0);
    while at < last_start {
        let word = u32::from_le_bytes(data[at..at + 4].try_into().expect("four bytes"));
        let slot = (word.wrapping_mul(2_654_435_761) >> 18) as usize;
        let from = places[slot];
        places[slot] = at;
        if from >= at || at - from > 0xFFFF || data[from..from + 4] != data[at..at + 4] {
            at += 1;
            continue;
        }
        let longest = data.len() - 5 - at;
        let len =
            (4..longest).take_while(|len| data[from + len] == data[at + len]).last().map_or(4, |len| len + 1);
        sequence(&mut packed, &data[literals..at], Some((at - from, len)));
        at += len;
        literals = at;
    }
    sequence(&mut packed, &data[literals..], None);
    packed
}

fn sequence(packed: &mut Vec<u8>, literals: &[u8], copy: Option<(usize, usize)>) {
    let copied = copy.map_or(0, |(_, len)| len - 4);
    packed.push((literals.len().min(15) << 4 | copied.min(15)) as u8);
    length(packed, literals.len());
    packed.extend(literals);
    if let Some((distance, _)) = copy {
        packed.extend((distance as u16).to_le_bytes());
        length(packed, copied);
    }
}

fn length(packed: &mut Vec<u8>, len: usize) {
    if let Some(rest) = len.checked_sub(15) {
        packed.extend(std::iter::repeat_n(255, rest / 255));
        packed.push((rest % 255) as u8);
    }
}

/// A value of a message.
#[derive(Clone, Copy, Debug)]
pub enum Item<'t> {
    /// A public string.
    Text(&'t str),
    /// A public object, as its description.
    Object(&'t str),
    Number(i32),
    /// A string that the phone keeps to itself.
    Private,
}

/// Where the format string of a message lies.
#[derive(Clone, Copy, Debug)]
pub enum Format {
    /// In the process's own image, at this place.
    Main(u32),
    /// In the shared cache, at this place.
    Shared(u32),
    /// In the image with this UUID.
    Image(u128, u32),
    /// Nowhere: the message is its one text value.
    Dynamic,
}

/// A message in the log of a process.
#[derive(Clone, Copy, Debug)]
pub struct Message<'t> {
    pub format: Format,
    /// 0 default, 1 info, 2 debug, 0x10 error, 0x11 fault.
    pub level: u8,
    pub thread: u64,
    /// Ticks after the base of its firehose.
    pub delta: u64,
    pub activity: u32,
    /// The number of a subsystem of its process; 0 is none.
    pub subsystem: u16,
    pub items: &'t [Item<'t>],
    /// The values are in the oversize part of this number instead.
    pub oversize: Option<u32>,
}

impl Default for Message<'_> {
    fn default() -> Self {
        let format = Format::Dynamic;
        Message {
            format,
            level: 0,
            thread: 1,
            delta: 0,
            activity: 0,
            subsystem: 0,
            items: &[],
            oversize: None,
        }
    }
}

fn items(items: &[Item<'_>]) -> Vec<u8> {
    let (mut heads, mut texts) = (vec![0, items.len() as u8], Vec::<u8>::new());
    for item in items {
        let (kind, text) = match item {
            Item::Number(number) => {
                heads.extend([0x02, 4]);
                heads.extend(number.to_le_bytes());
                continue;
            }
            Item::Text(text) => (0x22, format!("{text}\0")),
            Item::Object(text) => (0x42, format!("{text}\0")),
            Item::Private => (0x21, String::new()),
        };
        heads.extend([kind, 4]);
        heads.extend((texts.len() as u16).to_le_bytes());
        heads.extend((text.len() as u16).to_le_bytes());
        texts.extend(text.as_bytes());
    }
    [heads, texts].concat()
}

/// A record for [`firehose`].
pub fn message(message: &Message<'_>) -> Vec<u8> {
    let (place, offset) = match message.format {
        Format::Main(offset) => (0x2, offset),
        Format::Shared(offset) => (0x4, offset),
        Format::Image(_, offset) => (0xA, offset),
        Format::Dynamic => (0x2, 0x8000_0000),
    };
    let mut flags = place | 0x200;
    let mut data = Vec::new();
    if message.activity != 0 {
        flags |= 0x1;
        data.extend(message.activity.to_le_bytes());
        data.extend(0x8000_0000u32.to_le_bytes());
    }
    data.extend(0x1234u32.to_le_bytes());
    if let Format::Image(uuid, _) = message.format {
        data.extend(uuid.to_be_bytes());
    }
    data.extend(message.subsystem.to_le_bytes());
    if let Some(number) = message.oversize {
        flags |= 0x800;
        data.extend(number.to_le_bytes());
        data.extend([0; 2]);
    } else {
        data.extend(items(message.items));
    }
    let mut record = vec![0x4, message.level];
    record.extend((flags as u16).to_le_bytes());
    record.extend(offset.to_le_bytes());
    record.extend(message.thread.to_le_bytes());
    record.extend((message.delta as u32).to_le_bytes());
    record.extend(((message.delta >> 32) as u16).to_le_bytes());
    record.extend((data.len() as u16).to_le_bytes());
    record.extend(data);
    pad(&mut record, 8);
    record
}

/// The records of one process from one moment, in ticks, on; at most some 65,000 bytes.
pub fn firehose(ids: (u64, u32), base: u64, records: &[Vec<u8>]) -> Vec<u8> {
    let records = records.concat();
    let mut data = Vec::new();
    data.extend(ids.0.to_le_bytes());
    data.extend(ids.1.to_le_bytes());
    data.extend([14, 0, 0, 0]);
    data.extend((records.len() as u16 + 16).to_le_bytes());
    data.extend(0x1000u16.to_le_bytes());
    data.extend([0; 4]);
    data.extend(base.to_le_bytes());
    data.extend(records);
    chunk(0x6001, 0, &data)
}

/// The values of a message that names `number`.
pub fn oversize(ids: (u64, u32), continuous: u64, number: u32, values: &[Item<'_>]) -> Vec<u8> {
    let values = items(values);
    let mut data = Vec::new();
    data.extend(ids.0.to_le_bytes());
    data.extend(ids.1.to_le_bytes());
    data.extend([14, 0, 0, 0]);
    data.extend(continuous.to_le_bytes());
    data.extend(number.to_le_bytes());
    data.extend((values.len() as u16).to_le_bytes());
    data.extend(0u16.to_le_bytes());
    data.extend(values);
    chunk(0x6002, 0, &data)
}

/// A state of a process: `kind` 1 is a property list, 2 a protobuf, 3 a structure that `decoder` (library, type) names.
pub fn statedump(
    ids: (u64, u32),
    continuous: u64,
    kind: u32,
    decoder: (&str, &str),
    title: &str,
    state: &[u8],
) -> Vec<u8> {
    let mut data = Vec::new();
    data.extend(ids.0.to_le_bytes());
    data.extend(ids.1.to_le_bytes());
    data.extend([14, 0, 0, 0]);
    data.extend(continuous.to_le_bytes());
    data.extend([0; 8]);
    data.extend(0u128.to_be_bytes());
    data.extend(kind.to_le_bytes());
    data.extend((state.len() as u32).to_le_bytes());
    text_field(&mut data, decoder.0, 64);
    text_field(&mut data, decoder.1, 64);
    text_field(&mut data, title, 64);
    data.extend(state);
    chunk(0x6003, 0, &data)
}

/// A message complete in itself, as launchd writes them.
pub fn simpledump(
    ids: (u64, u32),
    continuous: u64,
    thread: u64,
    sender: u128,
    subsystem: &str,
    message: &str,
) -> Vec<u8> {
    let mut data = Vec::new();
    data.extend(ids.0.to_le_bytes());
    data.extend(u64::from(ids.1).to_le_bytes());
    data.extend(continuous.to_le_bytes());
    data.extend(thread.to_le_bytes());
    data.extend([0; 8]);
    data.extend(sender.to_be_bytes());
    data.extend(0u128.to_be_bytes());
    data.extend(1u32.to_le_bytes());
    data.extend((subsystem.len() as u32 + 1).to_le_bytes());
    data.extend((message.len() as u32 + 1).to_le_bytes());
    data.extend(format!("{subsystem}\0{message}\0").into_bytes());
    chunk(0x6004, 0, &data)
}

/// The strings of an image: ranges of its memory with the strings in each, and its path.
pub fn uuidtext(path: &str, ranges: &[(u32, &[&str])]) -> Vec<u8> {
    let blobs: Vec<Vec<u8>> = ranges
        .iter()
        .map(|(_, strings)| strings.iter().flat_map(|string| format!("{string}\0").into_bytes()).collect())
        .collect();
    let mut bytes = Vec::new();
    for number in [0x6677_8899, 2, 1, ranges.len() as u32] {
        bytes.extend(number.to_le_bytes());
    }
    for ((start, _), blob) in ranges.iter().zip(&blobs) {
        bytes.extend(start.to_le_bytes());
        bytes.extend((blob.len() as u32).to_le_bytes());
    }
    bytes.extend(blobs.concat());
    bytes.extend(format!("{path}\0").into_bytes());
    bytes
}

/// An image of a shared cache: UUID, path, where its strings lie in the cache, the strings.
pub type Shared<'t> = (u128, &'t str, u64, &'t [&'t str]);

/// The strings of a shared cache, in the second version of the format.
pub fn dsc(images: &[Shared<'_>]) -> Vec<u8> {
    let (mut ranges, mut uuids, mut strings) = (Vec::new(), Vec::new(), Vec::new());
    let strings_at = 16 + images.len() * (24 + 32);
    for (index, (_, _, start, texts)) in images.iter().enumerate() {
        let data_at = strings_at + strings.len();
        let blob: Vec<u8> = texts.iter().flat_map(|text| format!("{text}\0").into_bytes()).collect();
        ranges.extend(start.to_le_bytes());
        ranges.extend((data_at as u32).to_le_bytes());
        ranges.extend((blob.len() as u32).to_le_bytes());
        ranges.extend((index as u64).to_le_bytes());
        strings.extend(blob);
    }
    for (uuid, path, _, _) in images {
        uuids.extend(0x1000u64.to_le_bytes());
        uuids.extend(0x1000u32.to_le_bytes());
        uuids.extend(uuid.to_be_bytes());
        uuids.extend(((strings_at + strings.len()) as u32).to_le_bytes());
        strings.extend(format!("{path}\0").into_bytes());
    }
    let mut bytes = b"hcsd".to_vec();
    bytes.extend(2u16.to_le_bytes());
    bytes.extend(0u16.to_le_bytes());
    bytes.extend((images.len() as u32).to_le_bytes());
    bytes.extend((images.len() as u32).to_le_bytes());
    [bytes, ranges, uuids, strings].concat()
}

/// The record of a boot in a `timesync` file; the wall clock in nanoseconds since 1970.
pub fn timesync_boot(uuid: u128, timebase: (u32, u32), wall_ns: i64, minutes_west: i32) -> Vec<u8> {
    let mut bytes = vec![0xB0, 0xBB, 48, 0, 0, 0, 0, 0];
    bytes.extend(uuid.to_be_bytes());
    bytes.extend(timebase.0.to_le_bytes());
    bytes.extend(timebase.1.to_le_bytes());
    bytes.extend(wall_ns.to_le_bytes());
    bytes.extend(minutes_west.to_le_bytes());
    bytes.extend([0; 4]);
    bytes
}

/// What the wall clock said at a tick of the boot recorded before it.
pub fn timesync_sync(continuous: u64, wall_ns: i64) -> Vec<u8> {
    let mut bytes = b"Ts \0\0\0\0\0".to_vec();
    bytes.extend(continuous.to_le_bytes());
    bytes.extend(wall_ns.to_le_bytes());
    bytes.extend([0; 8]);
    bytes
}
