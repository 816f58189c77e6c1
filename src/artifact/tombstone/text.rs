//! The form for people. Versions differ in which lines they have; everything is optional.

use super::Tombstone;

/// What comes after the head of the crashed thread, in order.
#[derive(Clone, Copy, PartialEq)]
enum Part {
    Head,
    Backtrace,
    Maps,
    OpenFiles,
    Other,
}

pub fn read(bytes: &[u8]) -> Tombstone {
    let text = String::from_utf8_lossy(bytes);
    let mut tombstone = Tombstone::default();
    let mut part = Part::Head;
    for line in text.split('\n') {
        let line = line.strip_suffix('\r').unwrap_or(line);
        // Other threads follow behind a row of dashes, logs behind `--------- log main`.
        if line.starts_with("--- --- ---") || line.starts_with("--------- ") {
            part = Part::Other;
        } else if line.starts_with("backtrace:") {
            part = Part::Backtrace;
        } else if line.starts_with("memory map") {
            part = Part::Maps;
        } else if line.starts_with("open files") {
            part = Part::OpenFiles;
        } else {
            match part {
                Part::Head => head(line, &mut tombstone),
                Part::Backtrace => frame(line, &mut tombstone),
                Part::Maps => mapping(line, &mut tombstone),
                Part::OpenFiles => open_file(line, &mut tombstone),
                Part::Other => {}
            }
        }
    }
    tombstone
}

fn head(line: &str, tombstone: &mut Tombstone) {
    if let Some(rest) = line.strip_prefix("signal ") {
        return signal(rest, tombstone);
    }
    let Some((key, value)) = line.split_once(':') else { return };
    let value = value.trim();
    let quoted = || value.strip_prefix('\'').and_then(|value| value.strip_suffix('\'')).unwrap_or(value);
    let text = |value: &str| Some(value.to_owned()).filter(|value| !value.is_empty());
    match key {
        "Build fingerprint" => tombstone.fingerprint = text(quoted()),
        "Revision" => tombstone.revision = text(quoted()),
        "ABI" => tombstone.architecture = text(quoted()),
        "Timestamp" => tombstone.timestamp = text(value),
        "Process uptime" => tombstone.uptime_s = value.trim_end_matches('s').parse().ok(),
        "Cmdline" => tombstone.command_line = text(value).into_iter().collect(),
        "uid" => tombstone.uid = value.parse().ok(),
        "Cause" => tombstone.causes.push(value.to_owned()),
        "Abort message" => tombstone.abort_message = text(quoted()),
        "pid" if tombstone.pid.is_none() => thread(value, tombstone),
        _ => {}
    }
}

/// `700, tid: 712, name: Codec thread  >>> /system/bin/mediaserver <<<`
fn thread(value: &str, tombstone: &mut Tombstone) {
    let (pid, rest) = value.split_once(',').unwrap_or((value, ""));
    tombstone.pid = pid.trim().parse().ok();
    let tid = rest.split_once("tid:").map(|(_, rest)| rest.split(',').next().unwrap_or(rest).trim());
    tombstone.tid = tid.and_then(|tid| tid.parse().ok());
    if let Some((_, rest)) = rest.split_once("name:") {
        let (name, binary) = rest.split_once(">>>").unwrap_or((rest, ""));
        tombstone.thread = Some(name.trim().to_owned()).filter(|name| !name.is_empty());
        let binary = binary.trim().trim_end_matches("<<<").trim();
        tombstone.binary = Some(binary.to_owned()).filter(|binary| !binary.is_empty());
    }
}

/// `11 (SIGSEGV), code 0 (SI_USER from pid 5, uid 0), fault addr 0x0`
fn signal(rest: &str, tombstone: &mut Tombstone) {
    let number = |text: &str| text.split_whitespace().next().and_then(|number| number.parse::<i64>().ok());
    let bracketed = |text: &str| Some(text.split_once('(')?.1.split_once(')')?.0.to_owned());
    let (signal, code) = rest.split_once(", code ").unwrap_or((rest, ""));
    tombstone.signal = number(signal);
    tombstone.signal_name = bracketed(signal);
    tombstone.code = number(code);
    if let Some(name) = bracketed(code) {
        let (name, sender) = name.split_once(" from ").unwrap_or((&name, ""));
        tombstone.code_name = Some(name.to_owned());
        let of =
            |key: &str| sender.split(',').find_map(|part| part.trim().strip_prefix(key)?.trim().parse().ok());
        (tombstone.sender_pid, tombstone.sender_uid) = (of("pid "), of("uid "));
    }
    let address =
        rest.split_once("fault addr ").map(|(_, rest)| rest.split_whitespace().next().unwrap_or(rest));
    tombstone.fault_address = address.filter(|address| !address.starts_with('-')).map(str::to_owned);
}

/// `      #00 pc 000000000004f7e0  /apex/…/libc.so (abort+164) (BuildId: 00)`
fn frame(line: &str, tombstone: &mut Tombstone) {
    let Some((_, rest)) = line.trim_start().strip_prefix('#').and_then(|rest| rest.split_once(" pc ")) else {
        return;
    };
    let Some((_, file)) = rest.trim_start().split_once(char::is_whitespace) else { return };
    let file = file.trim_start();
    let end = [" (", " [", "!"].iter().filter_map(|mark| file.find(mark)).filter(|at| *at > 0).min();
    tombstone.file(end.and_then(|end| file.get(..end)).unwrap_or(file), "backtrace", true);
}

/// `    00000070'1e100000-00000070'1e1fffff rw-         0    100000  /path (BuildId: 00) (load bias 0x1)`
fn mapping(line: &str, tombstone: &mut Tombstone) {
    let line = line.trim_start().trim_start_matches("--->").trim_start();
    let mut rest = line;
    let mut rights = "";
    for index in 0..4 {
        let Some((word, after)) = rest.split_once(char::is_whitespace) else { return };
        if index == 1 {
            rights = word;
        }
        rest = after.trim_start();
    }
    if !line.contains('-')
        || rights.len() != 3
        || !(rest.starts_with(['/', '[']) || rest.starts_with("memfd:"))
    {
        return;
    }
    let end = [" (BuildId", " (load bias"].iter().filter_map(|mark| rest.find(mark)).min();
    tombstone.file(end.and_then(|end| rest.get(..end)).unwrap_or(rest), "mapped", rights.ends_with('x'));
}

/// `    fd 5: /dev/null (unowned)`
fn open_file(line: &str, tombstone: &mut Tombstone) {
    let Some((_, file)) = line.trim_start().strip_prefix("fd ").and_then(|rest| rest.split_once(": ")) else {
        return;
    };
    let end =
        file.rfind(" (").filter(|at| file.get(*at..).is_some_and(|rest| !rest.starts_with(" (deleted)")));
    tombstone.file(end.and_then(|end| file.get(..end)).unwrap_or(file), "open", false);
}
