//! A report about one process, as JSON (iOS 15 and later) or as text (before, and reports about resources).

use std::collections::HashMap;

use serde_json::{Map, Value as Json};

use super::{Report, items, member, moment, moment_of, number, text};
use crate::artifact::Out;
use crate::record::{Place, Value};

/// What a text in a report is cut to.
const SHOWN_BYTES: usize = 16 << 10;
/// Frames of a stack that are kept.
const FRAMES: usize = 40;
/// Images of one report that are kept; a process loads some hundreds.
const MOST_IMAGES: usize = 5_000;

/// What a report says about its process; texts are empty where it says nothing.
#[derive(Default)]
pub struct Crash {
    pub written: Value<'static>,
    pub captured: Value<'static>,
    pub launched: Value<'static>,
    pub process: String,
    pub pid: Option<i64>,
    pub executable: String,
    pub bundle: String,
    pub version: String,
    pub parent: String,
    pub parent_pid: Option<i64>,
    pub responsible: String,
    pub coalition: String,
    pub uid: Option<i64>,
    pub role: String,
    pub exception: String,
    pub codes: String,
    pub termination: String,
    /// What the process and its libraries said last, and why it was ended.
    pub details: String,
    /// The stack that failed: library and symbol or offset, a frame a line.
    pub backtrace: String,
    pub signing_id: String,
    pub team_id: String,
    pub signing_flags: Option<i64>,
    pub signing_category: Option<i64>,
    pub signing_trust: Option<i64>,
    /// What other processes did to its tasks and threads, where they did.
    pub modified: String,
    pub os_version: String,
    pub os_build: String,
    pub release_type: String,
    pub incident: String,
    pub images: Vec<Image>,
    /// Other processes that the report measured as well.
    pub others: Vec<Crash>,
}

/// A library or program in the memory of a process.
pub struct Image {
    pub place: Place,
    pub path: String,
    pub name: String,
    pub uuid: String,
}

impl Crash {
    /// What stands in both parts of a report; what the header alone says where the body cannot be read.
    pub fn of(report: &Report<'_>, out: &mut Out<'_>) -> Crash {
        let header = &report.header;
        let mut crash = match report.json(out) {
            Some(body) => from_json(&body, out),
            None => from_text(report, out),
        };
        crash.written = report.written(out);
        if crash.captured.is_null() {
            crash.captured = crash.written.clone();
        }
        let or = |value: &mut String, keys: &[&str]| {
            if value.is_empty() {
                let stated = keys.iter().find_map(|key| text(header, key));
                *value = stated.unwrap_or_default().to_owned();
            }
        };
        or(&mut crash.process, &["name", "app_name"]);
        or(&mut crash.bundle, &["bundleID"]);
        or(&mut crash.version, &["app_version"]);
        or(&mut crash.incident, &["incident_id"]);
        let (version, build) = system(text(header, "os_version").unwrap_or_default());
        if crash.os_version.is_empty() {
            crash.os_version = version;
        }
        if crash.os_build.is_empty() {
            crash.os_build = build;
        }
        crash
    }
}

fn from_json(body: &Map<String, Json>, out: &mut Out<'_>) -> Crash {
    let own = |object: &Map<String, Json>, key: &str| text(object, key).unwrap_or_default().to_owned();
    let empty = Map::new();
    let inside = |key: &str| member(body, key).unwrap_or(&empty);
    let (bundle, exception, termination) = (inside("bundleInfo"), inside("exception"), inside("termination"));
    let system = inside("osVersion");
    Crash {
        captured: moment(body.get("captureTime"), out),
        launched: moment(body.get("procLaunch"), out),
        process: own(body, "procName"),
        pid: number(body, "pid"),
        executable: own(body, "procPath"),
        bundle: own(bundle, "CFBundleIdentifier"),
        version: own(bundle, "CFBundleShortVersionString"),
        parent: own(body, "parentProc"),
        parent_pid: number(body, "parentPid"),
        responsible: own(body, "responsibleProc"),
        coalition: own(body, "coalitionName"),
        uid: number(body, "userID"),
        role: own(body, "procRole"),
        exception: joined(exception, &["type", "signal", "subtype", "message"], " "),
        codes: own(exception, "codes"),
        termination: ended(termination),
        details: details(body, termination),
        backtrace: backtrace(body),
        signing_id: own(body, "codeSigningID"),
        team_id: own(body, "codeSigningTeamID"),
        signing_flags: number(body, "codeSigningFlags"),
        signing_category: number(body, "codeSigningValidationCategory"),
        signing_trust: number(body, "codeSigningTrustLevel"),
        modified: modified(inside("extMods")),
        os_version: own(system, "train"),
        os_build: own(system, "build"),
        release_type: own(system, "releaseType"),
        incident: own(body, "incident"),
        images: images_of_json(body),
        ..Crash::default()
    }
}

/// The values that are there, as text.
fn joined(object: &Map<String, Json>, keys: &[&str], between: &str) -> String {
    let shown = keys.iter().filter_map(|key| match object.get(*key)? {
        Json::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Json::Number(number) => Some(number.to_string()),
        _ => None,
    });
    shown.collect::<Vec<_>>().join(between)
}

fn ended(termination: &Map<String, Json>) -> String {
    let mut sentence = joined(termination, &["namespace", "code", "indicator"], " ");
    if let Some(by) = text(termination, "byProc") {
        sentence.push_str(&format!(" by {by}"));
        if let Some(pid) = number(termination, "byPid") {
            sentence.push_str(&format!(" [{pid}]"));
        }
    }
    sentence
}

fn details(body: &Map<String, Json>, termination: &Map<String, Json>) -> String {
    let mut lines = Vec::new();
    for (library, messages) in member(body, "asi").into_iter().flatten() {
        let messages = messages.as_array().into_iter().flatten().filter_map(Json::as_str);
        lines.extend(messages.map(|message| format!("{library}: {message}")));
    }
    for (object, key) in
        [(termination, "reasons"), (termination, "details"), (body, "reportNotes"), (body, "report_notes")]
    {
        lines.extend(items(object, key).iter().filter_map(Json::as_str).map(str::to_owned));
        lines.extend(text(object, key).map(str::to_owned));
    }
    lines.extend(text(body, "ktriageinfo").map(str::to_owned));
    shortened(lines.join("\n"))
}

fn shortened(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(SHOWN_BYTES));
    text
}

/// The thread that failed, and where its exception was thrown.
fn backtrace(body: &Map<String, Json>) -> String {
    let threads = items(body, "threads");
    let faulting = number(body, "faultingThread").and_then(|index| threads.get(usize::try_from(index).ok()?));
    let triggered =
        || threads.iter().find(|thread| thread.get("triggered").and_then(Json::as_bool) == Some(true));
    let thread = faulting.or_else(triggered).and_then(Json::as_object);
    let frames = thread.map_or(&[][..], |thread| items(thread, "frames"));
    let images = items(body, "usedImages");
    let frames = items(body, "lastExceptionBacktrace").iter().take(FRAMES).chain(frames.iter().take(FRAMES));
    let lines = frames.filter_map(Json::as_object).map(|frame| {
        let image = number(frame, "imageIndex")
            .and_then(|index| images.get(usize::try_from(index).ok()?)?.as_object())
            .and_then(|image| text(image, "name"))
            .unwrap_or("?");
        match (text(frame, "symbol"), number(frame, "imageOffset")) {
            (Some(symbol), _) => format!("{image} {symbol}"),
            (None, Some(offset)) => format!("{image} + {offset}"),
            (None, None) => image.to_owned(),
        }
    });
    shortened(lines.collect::<Vec<_>>().join("\n"))
}

/// `caller task_for_pid 1`: the counters that are not zero.
fn modified(counters: &Map<String, Json>) -> String {
    let sides = counters.iter().filter_map(|(side, counts)| Some((side, counts.as_object()?)));
    let counted = sides.flat_map(|(side, counts)| {
        let counts = counts.iter().filter_map(|(what, count)| Some((what, count.as_i64()?)));
        counts.filter(|(_, count)| *count != 0).map(move |(what, count)| format!("{side} {what} {count}"))
    });
    counted.collect::<Vec<_>>().join(", ")
}

/// Images that the process has for itself. Those of the shared cache are the system's and the same for all: reports of iOS call them
/// `P`, process-private, like the others, and only their addresses tell; `S` is the cache as a whole.
fn images_of_json(body: &Map<String, Json>) -> Vec<Image> {
    let cache = member(body, "sharedCache");
    let cache = cache.and_then(|cache| {
        let start = number(cache, "base")?;
        Some(start..start.checked_add(number(cache, "size")?)?)
    });
    let images = items(body, "usedImages").iter().enumerate().take(MOST_IMAGES);
    let own = images.filter_map(|(index, image)| {
        let image = image.as_object()?;
        let of = |key| text(image, key).unwrap_or_default().to_owned();
        let base = number(image, "base");
        let shared = cache.as_ref().zip(base).is_some_and(|(cache, base)| cache.contains(&base));
        let known = !shared && of("source") != "S" && !(of("path").is_empty() && of("name").is_empty());
        known.then(|| Image {
            place: Place::key(format!("usedImages[{index}]")),
            path: of("path"),
            name: of("name"),
            uuid: of("uuid").to_ascii_lowercase(),
        })
    });
    own.collect()
}

fn from_text(report: &Report<'_>, out: &mut Out<'_>) -> Crash {
    let fields = fields(report.body);
    let field =
        |keys: &[&str]| -> &str { keys.iter().find_map(|key| fields.get(*key)).copied().unwrap_or_default() };
    let pair = |keys: &[&str]| {
        let (name, pid) = named_with_pid(field(keys));
        (name.to_owned(), pid)
    };
    let (process, pid) = pair(&["Process", "Command"]);
    let (parent, parent_pid) = pair(&["Parent Process", "Parent"]);
    let (os_version, os_build) = system(field(&["OS Version"]));
    let exception = [field(&["Exception Type", "Event"]), field(&["Exception Subtype"])];
    let termination = [
        field(&["Termination Signal"]),
        field(&["Termination Reason", "Action taken"]),
        field(&["Terminating Process"]),
    ];
    let filled =
        |words: &[&str]| words.iter().copied().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    Crash {
        captured: moment_of(field(&["Date/Time"]), out),
        launched: moment_of(field(&["Launch Time"]), out),
        process,
        pid: pid.or_else(|| field(&["PID"]).parse().ok()),
        executable: field(&["Path"]).to_owned(),
        bundle: field(&["Identifier"]).to_owned(),
        version: field(&["Version"]).to_owned(),
        parent,
        parent_pid,
        responsible: pair(&["Responsible", "Responsible Process"]).0,
        coalition: pair(&["Coalition", "Resource Coalition"]).0.trim_matches('"').to_owned(),
        uid: field(&["User ID", "UID"]).parse().ok(),
        role: field(&["Role"]).to_owned(),
        exception: filled(&exception),
        codes: field(&["Exception Codes"]).to_owned(),
        termination: filled(&termination),
        details: shortened(section(report.body, |line| {
            line.starts_with("Application Specific Information:")
        })),
        backtrace: shortened(section(report.body, |line| {
            line.starts_with("Thread ") && line.trim_end().ends_with("Crashed:")
        })),
        os_version,
        os_build,
        release_type: field(&["Release Type"]).to_owned(),
        incident: field(&["Incident Identifier"]).to_owned(),
        images: images_of_text(report),
        others: measured(report.body),
        ..Crash::default()
    }
}

/// `Key: value` lines before the stacks, each key's first.
fn fields(body: &str) -> HashMap<&str, &str> {
    let mut fields = HashMap::new();
    let before = body
        .lines()
        .take_while(|line| !line.starts_with("Binary Images") && !line.starts_with("Powerstats for"));
    for line in before.take(400) {
        if let Some((key, value)) = line.split_once(':')
            && key.starts_with(|c: char| c.is_ascii_uppercase())
            && key.len() <= 40
        {
            fields.entry(key.trim_end()).or_insert(value.trim());
        }
    }
    fields
}

/// The lines below a heading, up to the next empty one.
fn section(body: &str, heading: impl Fn(&str) -> bool) -> String {
    let below = body.lines().skip_while(|line| !heading(line)).skip(1);
    let lines = below.take_while(|line| !line.trim().is_empty()).take(FRAMES).map(|line| {
        // Blanks align the columns of a stack.
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// `imagent [123]`, also without a number.
pub fn named_with_pid(text: &str) -> (&str, Option<i64>) {
    let text = text.trim();
    match text.rsplit_once('[') {
        Some((name, inside)) if inside.ends_with(']') && !name.trim().is_empty() => {
            (name.trim_end(), inside.trim_end_matches(']').trim().parse().ok())
        }
        _ => (text, None),
    }
}

/// `iPhone OS 17.2.1 (21C66)`, older `iPhone OS 11.4.1 (Build 15G77)`.
fn system(text: &str) -> (String, String) {
    match text.split_once('(') {
        Some((version, build)) => {
            let build = build.trim_end().trim_end_matches(')').trim_start_matches("Build ");
            (version.trim_end().to_owned(), build.to_owned())
        }
        None => (text.to_owned(), String::new()),
    }
}

/// Rows `0x1000 - 0x1fff name arch <uuid> /path`; the name may have blanks, so the uuid is what the row is taken apart by. Those
/// below `/System/Library/` and `/usr/lib/` are the shared cache's, which text does not tell apart.
fn images_of_text(report: &Report<'_>) -> Vec<Image> {
    let mut images = Vec::new();
    for (line, row) in (report.first_line..).zip(report.body.lines()) {
        let Some((before, after)) = row.split_once('<') else { continue };
        let Some((uuid, path)) = after.split_once('>') else { continue };
        let hex: String = uuid.chars().filter(|c| *c != '-').collect();
        let is_row = before.trim_start().starts_with("0x")
            && hex.len() == 32
            && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
        let path = path.trim();
        if !is_row || path.starts_with("/System/Library/") || path.starts_with("/usr/lib/") {
            continue;
        }
        let words: Vec<&str> = before.split_whitespace().skip(3).collect();
        // Resource reports leave the architecture out.
        let name = match words.split_last() {
            Some((last, name)) if !name.is_empty() && last.starts_with("arm") => name.join(" "),
            _ => words.join(" "),
        };
        if images.len() < MOST_IMAGES {
            let name = name.trim_start_matches('+').to_owned();
            let uuid = hex.to_ascii_lowercase();
            images.push(Image { place: Place::Line { line }, path: path.to_owned(), name, uuid });
        }
    }
    images
}

/// The processes of `Powerstats for: NAME [PID]` sections.
fn measured(body: &str) -> Vec<Crash> {
    let mut processes: Vec<Crash> = Vec::new();
    for line in body.lines() {
        let Some((key, value)) = line.trim().split_once(':') else { continue };
        let value = value.trim();
        if key == "Powerstats for" {
            let (name, pid) = named_with_pid(value);
            processes.push(Crash { process: name.to_owned(), pid, ..Crash::default() });
            if processes.len() >= MOST_IMAGES {
                break;
            }
        }
        let Some(process) = processes.last_mut() else { continue };
        match key {
            "Path" => process.executable = value.to_owned(),
            "Parent" => {
                let (name, pid) = named_with_pid(value);
                (process.parent, process.parent_pid) = (name.to_owned(), pid);
            }
            _ => {}
        }
    }
    processes
}
