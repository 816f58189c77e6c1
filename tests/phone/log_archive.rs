//! The log archive of a demo sysdiagnose: a few programs, what they wrote, and the files those entries are read with.

use super::unified_log::{
    self as log, Boot, Format, Item, Message, Process, Span, catalog, compressed, firehose, header, message,
    simpledump, stored, timesync_boot, timesync_sync, uuidtext,
};

const SECOND: u64 = 24_000_000;
const BOOT: u128 = 0x5E55_0000_0000_4000_8000_0000_0000_0001;
const CACHE: u128 = 0xCAC4_E000_0000_4000_8000_0000_0000_0001;
/// 2023-11-18T06:00:00Z, when the demo phone was last started.
const BOOTED_S: i64 = 1_700_287_200;

/// A program of the archive.
struct Program {
    image: u128,
    path: &'static str,
    pid: u32,
    uid: u32,
    /// Libraries outside the shared cache: image and path.
    libraries: &'static [(u128, &'static str)],
    /// Seconds after the start, and what it wrote then.
    wrote: &'static [(u64, &'static str)],
}

const ORDINARY: &[Program] = &[
    Program {
        image: 0x0A00_0000_0000_4000_8000_0000_0000_0001,
        path: "/usr/libexec/nehelper",
        pid: 81,
        uid: 0,
        libraries: &[],
        wrote: &[
            (30, "Received a com.apple.neconfigurationchanged notification"),
            (7_200, "tunnel is not needed"),
        ],
    },
    Program {
        image: 0x0B00_0000_0000_4000_8000_0000_0000_0002,
        path: "/System/Library/Frameworks/WebKit.framework/XPCServices/com.apple.WebKit.Networking.xpc/com.apple.WebKit.Networking",
        pid: 412,
        uid: 501,
        libraries: &[],
        wrote: &[
            (3_600, "loading https://www.example.org/weather"),
            (3_700, "notsmscentro.com.example.org answered"),
        ],
    },
    Program {
        image: 0x0C00_0000_0000_4000_8000_0000_0000_0003,
        path: "/private/var/containers/Bundle/Application/4A1B6E0C-0000-4000-8000-000000000001/Notes.app/Notes",
        pid: 530,
        uid: 501,
        libraries: &[(
            0x0C01_0000_0000_4000_8000_0000_0000_0004,
            "/private/var/containers/Bundle/Application/4A1B6E0C-0000-4000-8000-000000000001/Notes.app/Frameworks/Ink.framework/Ink",
        )],
        wrote: &[(5_000, "opened a note")],
    },
];

/// What the infected phone's log holds beside.
const PLANTED: &[Program] = &[
    Program {
        image: 0x1D00_0000_0000_4000_8000_0000_0000_0005,
        path: "/private/var/db/com.apple.xpc.roleaccountd.staging/rolexd",
        pid: 611,
        uid: 0,
        libraries: &[],
        wrote: &[(90_000, "started"), (90_030, "posted to hot-motors.com port 30833")],
    },
    Program {
        image: 0x0B00_0000_0000_4000_8000_0000_0000_0002,
        path: "/System/Library/Frameworks/WebKit.framework/XPCServices/com.apple.WebKit.Networking.xpc/com.apple.WebKit.Networking",
        pid: 598,
        uid: 501,
        libraries: &[(0x1E00_0000_0000_4000_8000_0000_0000_0006, "/private/var/tmp/hooker")],
        wrote: &[(89_990, "loading https://smscentro.com/open?id=5")],
    },
];

/// The members of `system_logs.logarchive`, by path.
pub fn members(infected: bool) -> Vec<(String, Vec<u8>)> {
    let programs: Vec<&Program> = ORDINARY.iter().chain(PLANTED.iter().filter(|_| infected)).collect();
    let mut members = vec![
        ("Persist/0000000000000a01.tracev3".to_owned(), trace(&programs, true)),
        ("Special/0000000000000a02.tracev3".to_owned(), trace(&programs[..2], false)),
        ("timesync/0000000000000001.timesync".to_owned(), clock()),
        (format!("dsc/{CACHE:032X}"), log::dsc(&[(0xC1, "/usr/lib/libfirst.dylib", 0, &["x"])])),
    ];
    for program in &programs {
        members.push((image_file(program.image), uuidtext(program.path, &[(0x100, &["%{public}s"])])));
        let libraries = program.libraries.iter();
        members.extend(
            libraries.map(|(image, path)| (image_file(*image), uuidtext(path, &[(0, &["hook %s"])]))),
        );
    }
    members.sort();
    members.dedup();
    members
}

fn image_file(image: u128) -> String {
    let name = format!("{image:032X}");
    format!("{}/{}", &name[..2], &name[2..])
}

fn clock() -> Vec<u8> {
    let wall = |seconds: u64| (BOOTED_S + seconds as i64) * 1_000_000_000;
    let syncs = [0, 3_000, 80_000].map(|seconds| timesync_sync(seconds * SECOND, wall(seconds)));
    [timesync_boot(BOOT, (125, 3), wall(0), -60), syncs.concat()].concat()
}

fn trace(programs: &[&Program], packed: bool) -> Vec<u8> {
    let boot = Boot {
        uuid: BOOT,
        continuous: SECOND,
        wall_s: BOOTED_S + 1,
        build: "20F66",
        model: "iPhone14,5",
        ..Boot::default()
    };
    let mut file = header(&boot);
    for (number, program) in programs.iter().enumerate() {
        let ids = (1000 + number as u64, 7);
        let times: Vec<u64> = program.wrote.iter().map(|(seconds, _)| seconds * SECOND).collect();
        let (start, end) = (times[0], times[times.len() - 1]);
        let images = program.libraries.iter().map(|(image, _)| (*image, 0x1_0000_0000, 0x4000)).collect();
        let process = Process {
            main: program.image,
            dsc: Some(CACHE),
            ids,
            pid: program.pid,
            euid: program.uid,
            images,
            subsystems: vec![(1, "com.example.demo", "general")],
        };
        file.extend(catalog(start, &[process], &[Span { start, end, processes: vec![0] }]));
        let mut data = Vec::new();
        for (seconds, text) in program.wrote {
            let items = [Item::Text(text)];
            let record = message(&Message {
                format: Format::Main(0x100),
                subsystem: 1,
                items: &items,
                ..Message::default()
            });
            data.extend(firehose(ids, seconds * SECOND, &[record]));
        }
        let launched = format!("launched {}", program.path.rsplit('/').next().unwrap_or_default());
        data.extend(simpledump(ids, start, 1, program.image, "com.apple.launchd", &launched));
        file.extend(if packed { compressed(&data) } else { stored(&data) });
    }
    file
}
