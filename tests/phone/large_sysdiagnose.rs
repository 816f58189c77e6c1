//! A sysdiagnose as large as real ones, for measuring: a unified log of millions of entries with its strings, power logs, crash reports and
//! the long texts of the collector, with a few planted traces.

use std::io::{self, Write};
use std::path::Path;

use super::database;
use super::unified_log::{
    self as log, Boot, Format, Item, Message, Process, Span, catalog, firehose, header, message,
    timesync_boot, timesync_sync, uuidtext,
};

const TOP: &str = "sysdiagnose_2023.11.20_09-12-33+0100_iPhone-OS_iPhone_20F66";
const SECOND: u64 = 24_000_000;
const BOOT: u128 = 0x1A26_E000_0000_4000_8000_0000_0000_0001;
const CACHE: u128 = 0x1A26_E000_0000_4000_8000_0000_0000_00CA;
const BOOTED_NS: i64 = 1_700_000_000_000_000_000;
const PROGRAMS: u64 = 300;
/// Entries of one file of the log.
const PER_FILE: u64 = 100_000;
/// Entries of one chunkset: some 64 KiB.
const PER_CHUNKSET: u64 = 600;

/// The traces that are planted: a program, and a host in what another wrote.
pub const PLANTED: [&str; 2] =
    ["/private/var/db/com.apple.xpc.roleaccountd.staging/rolexd", "e7fa2.hot-motors.com"];

/// Writes the archive with about this many entries in its log; the rest follows real proportions. A clean one has no planted trace.
pub fn write(path: &Path, entries: u64, clean: bool) -> io::Result<()> {
    let file = io::BufWriter::new(std::fs::File::create(path)?);
    let encoder = flate2::write::GzEncoder::new(file, flate2::Compression::new(6));
    let mut tar = tar::Builder::new(encoder);
    let mut put = |name: &str, bytes: &[u8]| {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(1_700_467_953);
        tar.append_data(&mut header, format!("{TOP}/{name}"), bytes)
    };
    put("sysdiagnose.log", b"started\n")?;
    put("ps.txt", &processes())?;
    put("spindump-nosymbols.txt", &spindump(3 << 20))?;
    let mut random = Random(0x2545_F491_4F6C_DD1D);
    let files = entries.div_ceil(PER_FILE);
    for number in 0..files {
        let count = PER_FILE.min(entries - number * PER_FILE);
        let name = format!("system_logs.logarchive/Persist/{number:016x}.tracev3");
        put(&name, &trace(number, count, !clean && number == files / 2, &mut random))?;
    }
    put("system_logs.logarchive/timesync/0000000000000001.timesync", &clock(entries))?;
    for number in 0..PROGRAMS {
        let image = format!("{:032X}", program(number));
        let name = format!("system_logs.logarchive/{}/{}", &image[..2], &image[2..]);
        let strings: Vec<String> = (0..800).map(|_| sentence(&mut random, 8)).collect();
        let mut strings: Vec<&str> = strings.iter().map(String::as_str).collect();
        strings.insert(0, "%{public}s: %{public}s");
        put(&name, &uuidtext(&path_of(number, clean), &[(0x100, &strings)]))?;
    }
    // A shared cache's texts are a fifth of a real archive.
    let texts = (0..entries * 40 / 64).map(|_| sentence(&mut random, 8)).collect::<Vec<_>>();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    put(
        &format!("system_logs.logarchive/dsc/{CACHE:032X}"),
        &log::dsc(&[(0xC1, "/usr/lib/libfirst.dylib", 0, &texts)]),
    )?;
    for number in 0..(entries / 10_000).max(1) {
        let name = format!("crashes_and_spins/exampled-2023-11-{:02}-{:06}.ips", 1 + number % 19, number);
        put(&name, &crash(&mut random))?;
    }
    put("logs/powerlogs/powerlog_2023-11-20_09-00_0A0B0C0D.PLSQL", &powerlog(entries / 20, &mut random))?;
    for (name, size) in
        [("taskinfo.txt", 3 << 20), ("security-sysdiagnose.txt", 2 << 20), ("ltop.txt", 3 << 20)]
    {
        let mut text = Vec::with_capacity(size);
        while text.len() < size {
            text.extend(sentence(&mut random, 12).into_bytes());
            text.push(b'\n');
        }
        put(name, &text)?;
    }
    tar.into_inner()?.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?.flush()
}

/// Numbers that look random and are always the same.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

fn sentence(random: &mut Random, words: usize) -> String {
    const WORDS: [&str; 24] = [
        "connection",
        "session",
        "state",
        "changed",
        "from",
        "to",
        "com.apple.example",
        "request",
        "finished",
        "error",
        "cache",
        "entry",
        "invalidate",
        "task",
        "timer",
        "fired",
        "assertion",
        "acquired",
        "release",
        "path",
        "satisfied",
        "interface",
        "en0",
        "daemon",
    ];
    let mut text = String::with_capacity(words * 9);
    for _ in 0..words {
        let next = random.next();
        text.push_str(WORDS[(next % 24) as usize]);
        text.push_str(&format!(" {:x} ", next >> 44));
    }
    text
}

fn program(number: u64) -> u128 {
    u128::from(number + 1) << 120 | u128::from(number + 1) << 64 | 0x4000_8000
}

fn path_of(number: u64, clean: bool) -> String {
    match number {
        7 if !clean => PLANTED[0].to_owned(),
        _ => format!("/usr/libexec/exampled{number}"),
    }
}

fn processes() -> Vec<u8> {
    let mut text = String::from(
        "USER UID PRSNA PID PPID F %CPU %MEM PRI NI VSZ RSS WCHAN TT STAT STARTED TIME COMMAND\n",
    );
    for number in (0..PROGRAMS).filter(|number| *number != 7) {
        text.push_str(&format!(
            "root 0 - {} 1 4004 0.0 0.1 37 0 407963424 10432 - ?? Ss 7:22PM 0:01.03 {}\n",
            number + 100,
            path_of(number, true)
        ));
    }
    text.into_bytes()
}

fn spindump(size: usize) -> Vec<u8> {
    let mut text = String::from(
        "Date/Time: 2023-11-20 09:12:40.123 +0100\nOS Version: iPhone OS 16.5 (Build 20F66)\n\n",
    );
    for number in (0..PROGRAMS).filter(|number| *number != 7) {
        let path = path_of(number, true);
        text.push_str(&format!("Process:          exampled{number} [{}]\nPath:             {path}\nParent:           launchd [1]\nUID:              0\nTime Since Fork:  1000s\n", number + 100));
        while text.len() < size / PROGRAMS as usize * (number as usize + 1) {
            text.push_str("  10  mach_msg_trap + 8 (libsystem_kernel.dylib + 3500) [0x1b9d05dac]\n");
        }
        text.push_str(&format!("\n  Binary Images:\n           0x100000000 -        0x10000ffff  exampled{number} <{:032X}>  {path}\n\n", program(number)));
    }
    text.into_bytes()
}

fn clock(entries: u64) -> Vec<u8> {
    let syncs = (0..=entries / 10_000).map(|number| {
        let ticks = number * 10_000 * (SECOND / 20);
        timesync_sync(ticks, BOOTED_NS + (ticks / SECOND) as i64 * 1_000_000_000)
    });
    [timesync_boot(BOOT, (125, 3), BOOTED_NS, -60), syncs.collect::<Vec<_>>().concat()].concat()
}

/// A file of the log: twenty entries a second.
fn trace(number: u64, count: u64, planted: bool, random: &mut Random) -> Vec<u8> {
    let step = SECOND / 20;
    let first = number * PER_FILE * step;
    let boot = Boot { uuid: BOOT, continuous: first, build: "20F66", model: "iPhone14,5", ..Boot::default() };
    let mut file = header(&boot);
    let processes: Vec<Process<'_>> = (0..PROGRAMS)
        .map(|number| Process {
            main: program(number),
            dsc: Some(CACHE),
            ids: (1000 + number, 7),
            pid: 100 + number as u32,
            euid: 0,
            images: Vec::new(),
            subsystems: vec![(1, "com.apple.example", "general")],
        })
        .collect();
    let all: Vec<u16> = (0..PROGRAMS as u16).collect();
    let mut written = 0;
    while written < count {
        // Some sixty chunksets a catalog, as on a phone.
        let here = (count - written).min(PER_CHUNKSET * 60);
        let start = first + written * step;
        let spans = [Span { start, end: start + here * step, processes: all.clone() }];
        file.extend(catalog(start, &processes, &spans));
        for from in (0..here).step_by(PER_CHUNKSET as usize) {
            let mut data = Vec::new();
            for at in (from..(from + PER_CHUNKSET).min(here)).step_by(30) {
                let records: Vec<Vec<u8>> = (at..(at + 30).min(here))
                    .map(|entry| {
                        let text = match planted && written == 0 && entry == 1_000 {
                            true => PLANTED[1].to_owned(),
                            false => sentence(random, 4),
                        };
                        let items = [Item::Text("state"), Item::Text(&text)];
                        message(&Message {
                            format: Format::Main(0x100),
                            delta: (entry - at) * step,
                            subsystem: 1,
                            items: &items,
                            ..Message::default()
                        })
                    })
                    .collect();
                data.extend(firehose((1000 + random.next() % PROGRAMS, 7), start + at * step, &records));
            }
            file.extend(packed(&data));
        }
        written += here;
    }
    file
}

/// A chunkset, packed by the crate: the writer for small fixtures takes too long.
fn packed(data: &[u8]) -> Vec<u8> {
    let block = lz4_flex::block::compress(data);
    let mut framed = b"bv41".to_vec();
    framed.extend((data.len() as u32).to_le_bytes());
    framed.extend((block.len() as u32).to_le_bytes());
    framed.extend(block);
    framed.extend(b"bv4$");
    log::chunk(0x600D, 0, &framed)
}

fn crash(random: &mut Random) -> Vec<u8> {
    let header = r#"{"app_name":"exampled","timestamp":"2023-11-19 10:20:30.00 +0100","bug_type":"309","os_version":"iPhone OS 16.5 (20F66)","incident_id":"0A0B0C0D-0000-4000-8000-000000000001","name":"exampled"}"#;
    let images: Vec<String> = (0..300)
        .map(|number| format!(r#"{{"source":"P","arch":"arm64e","base":{},"size":65536,"uuid":"{:032x}","path":"\/usr\/lib\/lib{number}.dylib","name":"lib{number}.dylib"}}"#, random.next() >> 20, random.next()))
        .collect();
    let frames: Vec<String> = (0..500)
        .map(|_| format!(r#"{{"imageOffset":{},"imageIndex":{}}}"#, random.next() >> 40, random.next() % 300))
        .collect();
    format!(
        "{header}\n{{\"procName\":\"exampled\",\"procPath\":\"\\/usr\\/libexec\\/exampled\",\"pid\":812,\"parentProc\":\"launchd\",\"captureTime\":\"2023-11-19 10:20:30.1234 +0100\",\"threads\":[{{\"frames\":[{}]}}],\"usedImages\":[{}]}}",
        frames.join(","),
        images.join(",")
    )
    .into_bytes()
}

fn powerlog(rows: u64, random: &mut Random) -> Vec<u8> {
    database::build_with(4096, |connection| {
        connection.execute_batch(
            "CREATE TABLE PLStorageOperator_EventForward_TimeOffset(ID INTEGER PRIMARY KEY, timestamp REAL, system REAL);
             INSERT INTO PLStorageOperator_EventForward_TimeOffset VALUES (1, 1699000000, -5);
             CREATE TABLE PLProcessNetworkAgent_EventInterval_UsageDiff(ID INTEGER PRIMARY KEY, timestamp REAL, timestampEnd REAL,
                 ProcessName TEXT, BundleName TEXT, WifiIn REAL, WifiOut REAL, CellIn REAL, CellOut REAL);",
        )?;
        let mut insert = connection.prepare(
            "INSERT INTO PLProcessNetworkAgent_EventInterval_UsageDiff VALUES (?, ?, ?, ?, 'com.example.app', ?, ?, 0, 0)",
        )?;
        for row in 0..rows {
            let time = 1_699_900_000.0 + row as f64;
            let name = format!("exampled{}", random.next() % PROGRAMS);
            insert.execute(rusqlite::params![
                row as i64,
                time,
                time + 1.0,
                name,
                (random.next() >> 40) as f64,
                7.0
            ])?;
        }
        Ok(())
    })
}
