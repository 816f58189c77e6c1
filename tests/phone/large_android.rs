//! A bugreport as large as real ones grow, for measuring: the clean demo phone with logs, packages, usage and battery history in bulk.

use std::fmt::Write as _;
use std::io;
use std::path::Path;

use super::android;

/// Packages of other phones have some hundred; a report of this size has more of everything.
const PACKAGES: usize = 1500;
const SYSTEM_LOG: &str = "bugreport/dumpstate/SYSTEM LOG (logcat -v threadtime -v printable -v uid -d).txt";
const EVENT_LOG: &str =
    "bugreport/dumpstate/EVENT LOG (logcat -b events -v threadtime -v printable -v uid -d).txt";
const PACKAGE_DUMP: &str = "bugreport/dumpsys/package.txt";
const USAGE: &str = "bugreport/dumpsys/usagestats.txt";
const BATTERY: &str = "bugreport/dumpsys/batterystats.txt";

/// Writes the bugreport's text with about this many megabytes; how many it got.
pub fn write(file: &Path, megabytes: usize) -> io::Result<u64> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/sources/clean-android");
    let mut phone = android::read(&sources);
    let bulk = megabytes * 1_000_000;
    let small = |number: usize| format!("org.example.app{:04}", number % PACKAGES);
    let clock = |number: usize| {
        format!(
            "06-18 {:02}:{:02}:{:02}.{:03}",
            number / 360_000 % 24,
            number / 6000 % 60,
            number / 100 % 60,
            number % 1000
        )
    };
    let mut grow = |path: &str, share: usize, line: &dyn Fn(usize, &mut String)| {
        let mut text = String::from_utf8(phone.source(path).to_vec()).expect("sources are text");
        let mut number = 0;
        while text.len() < bulk * share / 100 {
            line(number, &mut text);
            number += 1;
        }
        phone.set(path, text.as_bytes());
    };
    grow(SYSTEM_LOG, 45, &|number, text| {
        let (pid, name) = (1000 + number % 9000, small(number));
        let _ = match number % 4 {
            0 => writeln!(
                text,
                "{}    1000 {pid:5} {pid:5} I ActivityManager: Start proc {pid}:{name}/u0a{} for service {{{name}/.sync.SyncService}}",
                clock(number),
                number % 300
            ),
            1 => writeln!(
                text,
                "{}   10145 {pid:5} {pid:5} D NetworkSecurityConfig: No Network Security Config specified, using platform default for {name}",
                clock(number)
            ),
            2 => writeln!(
                text,
                "{}   10145 {pid:5} {pid:5} W OkHttpClient: connection to https://cdn{number}.example.com/v1/items?id={number} was leaked",
                clock(number)
            ),
            _ => writeln!(
                text,
                "{}    1000 {pid:5} {pid:5} I system_server: Background concurrent copying GC freed {number}(2048KB) AllocSpace objects, 12(880KB) LOS",
                clock(number)
            ),
        };
    });
    grow(EVENT_LOG, 20, &|number, text| {
        let (pid, name) = (1000 + number % 9000, small(number));
        let _ = match number % 2 {
            0 => writeln!(
                text,
                "{}    1000  1522  1544 I am_proc_start: [0,{pid},10{:03},{name},service,{{{name}/.sync.SyncService}}]",
                clock(number),
                number % 300
            ),
            _ => writeln!(
                text,
                "{}    1000  1522  1544 I am_pss  : [{pid},10{:03},{name},{number},0,0,0,0,0]",
                clock(number),
                number % 300
            ),
        };
    });
    grow(USAGE, 15, &|number, text| {
        let name = small(number);
        let _ = writeln!(
            text,
            "    time=\"2024-06-{:02} 07:{:02}:{:02}\" type=ACTIVITY_RESUMED package={name} class={name}.MainActivity instanceId={number} flags=0x0",
            1 + number % 17,
            number % 60,
            number / 60 % 60
        );
    });
    grow(BATTERY, 10, &|number, text| {
        let _ = writeln!(
            text,
            "           +{}m2s900ms (2) 090 -job=u0a{}:\"{}/.sync.SyncService\"",
            number % 60,
            number % 300,
            small(number)
        );
    });
    grow(PACKAGE_DUMP, 10, &|number, text| {
        let name = format!("org.example.more{number}");
        let _ = write!(
            text,
            "  Package [{name}] (f{number:x}):\n    appId={}\n    codePath=/data/app/~~x==/{name}-1\n    versionCode={number} minSdk=26 targetSdk=34\n    versionName=1.{number}\n    flags=[ HAS_CODE ALLOW_CLEAR_USER_DATA ]\n    timeStamp=2024-05-01 01:00:00\n    lastUpdateTime=2024-05-01 01:00:00\n    installerPackageName=com.android.vending\n    requested permissions:\n      android.permission.INTERNET\n    install permissions:\n      android.permission.INTERNET: granted=true\n    User 0: ceDataInode={number} installed=true hidden=false suspended=false stopped=false notLaunched=false enabled=0 instant=false virtual=false\n      firstInstallTime=2024-05-01 01:00:00\n",
            10_000 + number
        );
    });
    let text = phone.text();
    std::fs::write(file, &text)?;
    Ok(text.len() as u64)
}
