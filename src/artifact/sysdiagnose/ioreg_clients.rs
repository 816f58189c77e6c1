use std::collections::{BTreeMap, BTreeSet};

use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "sysdiagnose.ioreg_clients",
    title: "Programs connected to drivers",
    about: "Processes that had opened a driver when the sysdiagnose was made, as the kernel names them.",
    files: &["/sysdiagnose/ioreg/*.txt"],
    columns: &[
        time("seen", Epoch::BeforeSnapshot, Moment::Running),
        // Cut to 16 bytes.
        process("process"),
        int("pid"),
        int("connections"),
        text("drivers"),
    ],
    shows: Trace::Executed,
    line: "process {process} [{pid}] had {connections} connections to drivers: {drivers}",
    parse: Parse::Text(parse),
};

/// Different processes kept of one tree, and drivers named for one.
const PROCESSES_KEPT: usize = 20_000;
const DRIVERS_NAMED: usize = 20;
/// Of a name; the kernel's are shorter.
const NAME_BYTES: usize = 256;

#[derive(Default)]
struct Client {
    line: u64,
    connections: i64,
    drivers: BTreeSet<String>,
}

/// `+-o Node  <class …>` and below it `"IOUserClientCreator" = "pid 12, name"`.
fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    let mut clients: BTreeMap<(i64, String), Client> = BTreeMap::new();
    let mut node = String::new();
    let mut dropped = false;
    while let Some((number, line)) = lines.next()? {
        if let Some((_, name)) = line.split_once("+-o ") {
            node = cut(name.split("  <").next().unwrap_or(name).trim()).to_owned();
        } else if let Some((_, value)) = line.split_once("\"IOUserClientCreator\" = \"pid ") {
            let Some((pid, name)) = value.trim_end().trim_end_matches('"').split_once(", ") else { continue };
            let Ok(pid) = pid.parse::<i64>() else { continue };
            let key = (pid, cut(name).to_owned());
            if clients.len() >= PROCESSES_KEPT && !clients.contains_key(&key) {
                dropped = true;
                continue;
            }
            let client = clients.entry(key).or_insert_with(|| Client { line: number, ..Client::default() });
            client.connections += 1;
            if client.drivers.len() < DRIVERS_NAMED && !node.is_empty() {
                client.drivers.insert(node.clone());
            }
        }
    }
    for ((pid, name), client) in &clients {
        out.push(
            Place::Line { line: client.line },
            [
                0_i64.into(),
                name.as_str().into(),
                (*pid).into(),
                client.connections.into(),
                client.drivers.iter().map(String::as_str).collect(),
            ],
        );
    }
    if dropped {
        out.warn(None, format!("names more than {PROCESSES_KEPT} processes; the others were left out"));
    }
    Ok(())
}

fn cut(name: &str) -> &str {
    name.get(..name.floor_char_boundary(NAME_BYTES)).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const TEXT: &str = "\
+-o Root  <class IORegistryEntry, id 0x100000100>
  | +-o AGXDeviceUserClient  <class AGXDeviceUserClient, id 0x1000010bd, !registered>
  | |   {
  | |     \"IOUserClientCreator\" = \"pid 60, backboardd\"
  | |   }
  | +-o IOHIDLibUserClient  <class IOHIDLibUserClient>
  |       \"IOUserClientCreator\" = \"pid 60, backboardd\"
  +-o X  <class X>
        \"IOUserClientCreator\" = \"pid 61, a, b\"
        \"IOUserClientCreator\" = \"pid x\"
";

    #[test]
    fn each_process_is_one_record() {
        let (records, warnings) = rows_timed(&ARTIFACT, "/sysdiagnose/ioreg/IOService.txt", TEXT.as_bytes());
        assert!(warnings.is_empty(), "{warnings:?}");
        assert_eq!(
            records[0],
            json!({
                "seen": "2023-05-24T12:00:00.000000+00:00", "process": "backboardd", "pid": 60, "connections": 2,
                "drivers": ["AGXDeviceUserClient", "IOHIDLibUserClient"],
                "_line": "process backboardd [60] had 2 connections to drivers: AGXDeviceUserClient, IOHIDLibUserClient",
            })
        );
        assert_eq!(records[1]["process"], "a, b");
    }

    #[test]
    fn broken_text_never_panics() {
        shake(&ARTIFACT, TEXT.as_bytes());
    }
}
