use jiff::{SignedDuration, civil::DateTime};

use crate::artifact::android_text::{dashed_time, duration_ms, is_foreign, local_time};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.battery_history",
    title: "Battery history",
    about: "What apps did since the phone was last charged: jobs, alarms that woke it, what was in front, what was installed or removed.",
    files: &["/dumpsys/batterystats"],
    columns: &[
        time("at", Epoch::Local, Moment::Logged),
        text("time_elapsed"),
        // `start_job`, `end_top`, `wake`, `package_installed` …
        text("event"),
        text("uid"),
        app_id("package_name"),
        text("service"),
        // Of a package that was installed.
        int("version_code"),
    ],
    shows: Trace::Executed,
    line: "{event} of {package_name} {service}",
    parse: Parse::Text(parse),
};

/// Where the clock stood when a line's count stood somewhere.
#[derive(Clone, Copy)]
struct Anchor {
    at: DateTime,
    elapsed_ms: i64,
}

fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    let mut inside = false;
    let mut anchor: Option<Anchor> = None;
    while let Some((number, line)) = lines.next()? {
        if line.starts_with("Battery History") || line.starts_with("  Battery History") {
            (inside, anchor) = (true, None);
            continue;
        }
        if !inside || is_foreign(&line) {
            continue;
        }
        if line.trim().is_empty() {
            inside = false;
            continue;
        }
        let Some((elapsed, rest)) = line.split_once('(') else { continue };
        let Some((_, rest)) = rest.split_once(')') else { continue };
        let elapsed = elapsed.trim();
        let elapsed_ms = duration_ms(elapsed);
        let stated = ["RESET:TIME:", "TIME:"].iter().find_map(|word| rest.split_once(word)).map(|(_, time)| time.trim());
        if let Some(stated) = stated {
            let at = dashed_time(stated.split_whitespace().next().unwrap_or(stated)).or_else(|| unix_local(stated, out));
            anchor = at.zip(elapsed_ms).map(|(at, elapsed_ms)| Anchor { at, elapsed_ms });
            continue;
        }
        let at = match (elapsed_ms, anchor) {
            (Some(elapsed_ms), Some(anchor)) => {
                let since = elapsed_ms.saturating_sub(anchor.elapsed_ms);
                anchor.at.checked_add(SignedDuration::from_millis(since)).ok()
            }
            (Some(_), None) => None,
            (None, _) => local_time(elapsed, out.clock()),
        };
        for word in words(rest) {
            let Some(event) = event(word) else { continue };
            out.push(
                Place::Line { line: number },
                [
                    at.into(),
                    elapsed.into(),
                    event.name.into(),
                    event.uid.into(),
                    event.package.into(),
                    event.service.into(),
                    event.version.into(),
                ],
            );
        }
    }
    Ok(())
}

/// Some builds print Unix milliseconds.
fn unix_local(text: &str, out: &Out<'_>) -> Option<DateTime> {
    let time = jiff::Timestamp::from_millisecond(text.split_whitespace().next()?.parse().ok()?).ok()?;
    Some(out.clock().local(time))
}

/// Words between blanks; quotes keep theirs.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start();
        let mut quoted = false;
        let end = rest.find(|c: char| {
            quoted ^= c == '"';
            c == ' ' && !quoted
        });
        let (word, after) = rest.split_at_checked(end.unwrap_or(rest.len()))?;
        rest = after;
        (!word.is_empty()).then_some(word)
    })
}

struct Event<'a> {
    name: &'static str,
    uid: Option<&'a str>,
    package: Option<&'a str>,
    service: Option<&'a str>,
    version: Option<i64>,
}

/// What is told of each event: its word, and its names with `+`, with `-` and without.
const EVENTS: [(&str, [&str; 3]); 13] = [
    ("job", ["start_job", "end_job", ""]),
    ("top", ["start_top", "end_top", "top"]),
    ("wake_lock", ["wake", "", ""]),
    ("wake_lock_in", ["wake_lock", "end_wake_lock", ""]),
    ("proc", ["start_process", "end_process", "process"]),
    ("fg", ["start_foreground", "end_foreground", "foreground"]),
    ("active", ["start_active", "end_active", "active"]),
    ("conn", ["start_connection", "end_connection", "connection"]),
    ("sync", ["start_sync", "end_sync", "sync"]),
    ("alarm", ["start_alarm", "end_alarm", "alarm"]),
    ("user", ["start_user", "end_user", "user"]),
    ("pkginst", ["", "", "package_installed"]),
    ("pkgunin", ["", "", "package_removed"]),
];
/// States of the phone that tell how to judge what apps did.
const STATES: [(&str, &str); 8] = [
    ("+screen", "screen_on"),
    ("-screen", "screen_off"),
    ("+camera", "camera_on"),
    ("-camera", "camera_off"),
    ("+audio", "audio_on"),
    ("-audio", "audio_off"),
    ("+gps", "gps_on"),
    ("-gps", "gps_off"),
];

fn event(word: &str) -> Option<Event<'_>> {
    if let Some((_, name)) = STATES.iter().find(|(state, _)| *state == word) {
        return Some(Event { name, uid: None, package: None, service: None, version: None });
    }
    let (head, text) = word.split_once('=')?;
    let sign = match head.as_bytes().first()? {
        b'+' => 0,
        b'-' => 1,
        _ => 2,
    };
    let kind = head.trim_start_matches(['+', '-']);
    let name = EVENTS.iter().find(|(known, _)| *known == kind).and_then(|(_, names)| names.get(sign).copied())?;
    let (uid, quoted) = text.split_once(":\"")?;
    let text = quoted.strip_suffix('"').unwrap_or(quoted);
    if name.is_empty() {
        return None;
    }
    let event = Event { name, uid: Some(uid), package: package(text), service: None, version: None };
    Some(match kind {
        // The number stands where others have their uid.
        "pkginst" | "pkgunin" => Event { uid: None, package: Some(text), version: uid.parse().ok(), ..event },
        "job" => {
            let service = service(text);
            let package = package(service).or_else(|| service.split_once('/').map(|(package, _)| package));
            Event { package, service: Some(service), ..event }
        }
        "top" | "fg" | "proc" | "active" => {
            Event { package: event.package.or(Some(text.split(':').next().unwrap_or(text))), ..event }
        }
        _ => Event { service: Some(text), ..event },
    })
}

/// Of `@SyncManager@contacts/com.example:android` the last part that has a slash.
fn service(text: &str) -> &str {
    text.rsplit('@').find(|part| part.contains('/')).unwrap_or(text)
}

/// The package that a name tells of.
fn package(text: &str) -> Option<&str> {
    let text = ["*walarm*:", "*alarm*:"].iter().find_map(|alarm| text.strip_prefix(alarm)).unwrap_or(text);
    let usual = |part: &&str| ["com.", "org.", "net."].iter().any(|begin| part.starts_with(begin));
    if text.contains('/') {
        let found = text.split('/').find(usual);
        if let Some(part) = found {
            return Some(part.split(':').next().unwrap_or(part));
        }
    }
    let mut end = 0;
    let mut count = 0;
    for part in text.split('/').next().unwrap_or(text).split('.') {
        let lower = part.starts_with(|c: char| c.is_ascii_lowercase());
        let clean = part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !lower || !clean {
            break;
        }
        end += part.len() + usize::from(count > 0);
        count += 1;
    }
    text.get(..end).filter(|_| count >= 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const HISTORY: &str = "Battery History (2% used, 100KB used of 4096KB, 12 strings using 400):
                    0 (15) RESET:TIME: 2025-03-04-10-00-00
                    0 (1) 078 status=discharging +wifi top=u0a11:\"com.example.home\"
             +1s500ms (2) 078 +job=u0a94:\"com.example.app/.SyncJob\"
             +2s000ms (2) 078 -job=u0a94:\"com.example.app/.SyncJob\"
          +1m03s250ms (2) 077 +top=u0a95:\"com.example.chat\"
          +1m04s000ms (2) 077 +wake_lock=u0a96:\"*walarm*:com.example.alarm/.A\"
          +1m05s000ms (2) 077 +job=1000:\"@SyncManager@contacts/com.example.acc:android\"
          +1m06s000ms (2) 077 c0500020 -screen pkginst=27:\"com.example.new\"

  +9s (2) 077 +top=u0a95:\"com.example.not\"
";

    #[test]
    fn events_are_timed_from_the_last_statement_of_the_clock() {
        let (records, warnings) = rows_at(&ARTIFACT, "/dumpsys/batterystats", HISTORY.as_bytes());
        assert!(warnings.is_empty(), "{warnings:?}");
        let told: Vec<_> = records
            .as_array()
            .unwrap()
            .iter()
            .map(|row| [&row["at"], &row["event"], &row["uid"], &row["package_name"], &row["service"]])
            .collect();
        assert_eq!(
            json!(told),
            json!([
                ["2025-03-04T10:00:00.000000+00:00", "top", "u0a11", "com.example.home", null],
                ["2025-03-04T10:00:01.500000+00:00", "start_job", "u0a94", "com.example.app", "com.example.app/.SyncJob"],
                ["2025-03-04T10:00:02.000000+00:00", "end_job", "u0a94", "com.example.app", "com.example.app/.SyncJob"],
                ["2025-03-04T10:01:03.250000+00:00", "start_top", "u0a95", "com.example.chat", null],
                ["2025-03-04T10:01:04.000000+00:00", "wake", "u0a96", "com.example.alarm", "*walarm*:com.example.alarm/.A"],
                ["2025-03-04T10:01:05.000000+00:00", "start_job", "1000", "com.example.acc", "contacts/com.example.acc:android"],
                ["2025-03-04T10:01:06.000000+00:00", "screen_off", null, null, null],
                ["2025-03-04T10:01:06.000000+00:00", "package_installed", null, "com.example.new", null],
            ])
        );
        assert_eq!(records[7]["version_code"], 27);
        shake(&ARTIFACT, HISTORY.as_bytes());
    }

    #[test]
    fn times_without_a_year_are_before_the_acquisition() {
        let text = "Battery History [x]:\n  12-31 10:00:00.500 (2) 078 +top=u10a5:\"com.example.a\"\n";
        let (records, _) = rows_timed(&ARTIFACT, "/dumpsys/batterystats", text.as_bytes());
        assert_eq!(records[0]["at"], "2022-12-31T08:00:00.500000+00:00");
    }
}
