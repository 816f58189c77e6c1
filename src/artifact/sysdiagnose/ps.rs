use jiff::{ToSpan, civil::DateTime};

use crate::artifact::prelude::*;
use crate::time::{Clock, ascii_digits};

pub const ARTIFACT: Artifact = Artifact {
    id: "sysdiagnose.ps",
    title: "Running processes (ps)",
    about: "Every process that ran when the sysdiagnose was made, with its arguments.",
    files: &["/sysdiagnose/ps.txt"],
    columns: &[
        time("seen", Epoch::BeforeSnapshot, Moment::Running),
        process("executable"),
        message("command"),
        text("user"),
        int("uid"),
        int("pid"),
        int("parent_pid"),
        boolean("zombie"),
        // Relative to the snapshot and in the phone's language: `7:22PM`, `Tue09PM`, `14Jan19`.
        text("started"),
        // Of the first two forms.
        time("started_at", Epoch::Local, Moment::Started).rounded(Precision::Hour),
    ],
    shows: Trace::Executed,
    line: "process {executable} [{pid}] of user {user}, child of {parent_pid}: {command}",
    parse: Parse::Text(parse),
};

/// The header names the columns, of which iOS 16 has two more; the last one keeps its blanks.
fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    let header: Vec<String> = match lines.next()? {
        Some((_, header)) => header.split_whitespace().map(str::to_owned).collect(),
        None => return Ok(()),
    };
    let column = |name: &str| header.iter().position(|word| word == name);
    let (Some(pid), Some(command)) = (column("PID"), column("COMMAND")) else {
        anyhow::bail!("does not begin with the column names of ps")
    };
    let (user, uid, parent, started) = (column("USER"), column("UID"), column("PPID"), column("STARTED"));
    while let Some((number, line)) = lines.next()? {
        if line.trim().is_empty() {
            continue;
        }
        let (fields, rest) = split_columns(&line, command);
        let field = |column: Option<usize>| column.and_then(|column| fields.get(column)).copied();
        let number_in = |column| field(column).and_then(|text| text.parse::<i64>().ok());
        let Some(process) = number_in(Some(pid)).filter(|_| !rest.is_empty()) else {
            out.warn(Some(Place::Line { line: number }), "is no row of ps");
            continue;
        };
        let zombie = rest.starts_with('(') && rest.ends_with(')');
        out.push(
            Place::Line { line: number },
            [
                0_i64.into(),
                executable(rest).into(),
                rest.into(),
                field(user).into(),
                number_in(uid).into(),
                process.into(),
                number_in(parent).into(),
                zombie.into(),
                field(started).into(),
                field(started).and_then(|started| started_at(started, out.clock())).into(),
            ],
        );
    }
    Ok(())
}

/// The first `count` words, and what follows them.
pub(super) fn split_columns(line: &str, count: usize) -> (Vec<&str>, &str) {
    let mut rest = line.trim();
    let mut fields = Vec::with_capacity(count);
    while fields.len() < count {
        let Some((field, after)) = rest.split_once(char::is_whitespace) else { break };
        fields.push(field);
        rest = after.trim_start();
    }
    let rest = if fields.len() == count { rest } else { "" };
    (fields, rest)
}

/// When a process was started by the phone's clock: the last such time of day, or the last such hour of that day of the week.
/// `None` for the form with a date alone, for other languages and where the snapshot's own time is unknown.
fn started_at(text: &str, clock: &Clock) -> Option<DateTime> {
    const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let now = clock.offset?.to_datetime(clock.snapshot?);
    let text = ascii_digits(text);
    let (rest, half) = match (text.strip_suffix("AM"), text.strip_suffix("PM")) {
        (Some(rest), _) => (rest, Some(0)),
        (_, Some(rest)) => (rest, Some(12)),
        _ => (&*text, None),
    };
    let hour_of = |digits: &str| {
        let hour = digits.trim().parse::<i8>().ok()?;
        match half {
            Some(half) => (1..=12).contains(&hour).then_some(hour % 12 + half),
            None => Some(hour),
        }
    };
    if let Some((hour, minute)) = rest.split_once(':') {
        let time = now.date().at(0, 0, 0, 0).with().hour(hour_of(hour)?).minute(minute.parse().ok()?).build().ok()?;
        return if time > now { time.checked_sub(1.day()).ok() } else { Some(time) };
    }
    let (day, hour) = rest.split_at_checked(3)?;
    let day = DAYS.iter().position(|name| *name == day)? as i64;
    let today = i64::from(now.weekday().to_monday_zero_offset());
    let time = now.date().at(0, 0, 0, 0).with().hour(hour_of(hour)?).build().ok()?;
    let days = (today - day).rem_euclid(7);
    let days = if days == 0 && time > now { 7 } else { days };
    time.checked_sub(days.days()).ok()
}

/// The executable of a command line. Paths have blanks: up to the first argument that looks like an option, a path or a URL, and
/// else up to where the executable of a bundle must end.
pub(super) fn executable(command: &str) -> &str {
    let command = command.strip_prefix('(').and_then(|name| name.strip_suffix(')')).unwrap_or(command);
    let url = command.find("://").and_then(|at| command.get(..at)?.rfind(' '));
    let path = [" -", " /"].iter().filter_map(|end| command.find(end)).chain(url).min();
    let path = path.and_then(|end| command.get(..end)).unwrap_or(command).trim_end();
    if !path.starts_with('/') {
        return path.split_whitespace().next().unwrap_or(path);
    }
    let mut end = 0;
    // An extension in an app in nothing else: deeper ones are made up.
    for _ in 0..4 {
        let Some((bundle, inside)) = path.get(end..).and_then(bundle) else { break };
        end += bundle.len() - inside.len();
        let name = bundle.get(..bundle.len() - inside.len()).and_then(bundle_name).unwrap_or_default();
        // The executable of a bundle has the bundle's name: `/A/Foo Bar.app/Foo Bar argument`.
        if inside.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(' ')) {
            return path.get(..end + name.len()).unwrap_or(path);
        }
        // A bundle may hold another: `/A/Foo.app/PlugIns/Foo Bar.appex/Foo Bar`.
        if !["PlugIns/", "XPCServices/", "Frameworks/", "Extensions/"].iter().any(|folder| inside.starts_with(folder)) {
            break;
        }
    }
    let first = path.get(end..).unwrap_or_default().split_whitespace().next().unwrap_or_default();
    path.get(..end + first.len()).unwrap_or(path)
}

const BUNDLES: [&str; 5] = [".app/", ".appex/", ".xpc/", ".framework/", ".bundle/"];

/// The text again, and what follows the first bundle in it.
fn bundle(path: &str) -> Option<(&str, &str)> {
    let ends = BUNDLES.iter().filter_map(|ending| Some(path.find(ending)? + ending.len()));
    Some((path, path.get(ends.min()?..)?))
}

fn bundle_name(bundle: &str) -> Option<&str> {
    let bundle = BUNDLES.iter().find_map(|ending| bundle.strip_suffix(ending))?;
    bundle.rsplit('/').next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const IOS_16: &str = "\
USER    UID PRSNA   PID  PPID        F  %CPU %MEM PRI NI      VSZ    RSS WCHAN    TT  STAT STARTED      TIME COMMAND
root      0     -     1     0     4004   0.0  0.5  37  0 407963424  10432 -        ??  Ss   14Jan19   1:39.03 /sbin/launchd
mobile  501  1000   410     1     4004   0.0  0.5  37  0 407963424  10432 -        ??  Ss   Tue09PM   0:39.03 /private/var/containers/Bundle/Application/AA/Foo Bar.app/Foo Bar x y
mobile  501  1000   411     1     4004   0.0  0.5  37  0 407963424  10432 -        ??  Z     7:22PM   0:00.00 (bh)
mobile  501  1000   412     1     4004   0.0  0.5  37  0 407963424  10432 -        ??  Ss    7:22PM   0:00.00 /usr/libexec/foo --flag https://a.example/
";

    #[test]
    fn the_header_decides_where_columns_are_and_paths_keep_their_blanks() {
        let (records, warnings) = rows_timed(&ARTIFACT, "/sysdiagnose/ps.txt", IOS_16.as_bytes());
        assert!(warnings.is_empty(), "{warnings:?}");
        assert_eq!(
            records[1],
            json!({
                "seen": "2023-05-24T12:00:00.000000+00:00",
                "executable": "/private/var/containers/Bundle/Application/AA/Foo Bar.app/Foo Bar",
                "command": "/private/var/containers/Bundle/Application/AA/Foo Bar.app/Foo Bar x y",
                "user": "mobile", "uid": 501, "pid": 410, "parent_pid": 1, "zombie": false, "started": "Tue09PM",
                "started_at": "2023-05-23T19:00:00.000000+00:00",
                "_line": "process /private/var/containers/Bundle/Application/AA/Foo Bar.app/Foo Bar [410] of user mobile, child of 1: /private/var/containers/Bundle/Application/AA/Foo Bar.app/Foo Bar x y",
            })
        );
        assert_eq!((&records[2]["executable"], &records[2]["zombie"]), (&json!("bh"), &json!(true)));
        assert_eq!(records[3]["executable"], "/usr/libexec/foo");
        // Later than now can only have been yesterday; a date alone has no hour.
        assert_eq!(records[3]["started_at"], "2023-05-23T17:22:00.000000+00:00");
        assert_eq!(records[0].get("started_at"), None);
    }

    #[test]
    fn starts_in_other_languages_and_without_a_clock_stay_text() {
        let clock = Clock { snapshot: crate::time::zoned("2023-05-24T12:00:00Z"), offset: crate::time::offset("+0200"), ..Clock::NONE };
        let of = |text: &str| started_at(text, &clock).map(|time| time.to_string());
        assert_eq!(of("9:05AM").as_deref(), Some("2023-05-24T09:05:00"));
        assert_eq!(of("12:05AM").as_deref(), Some("2023-05-24T00:05:00"));
        assert_eq!(of("13:10").as_deref(), Some("2023-05-24T13:10:00"));
        assert_eq!(of("Wed05PM").as_deref(), Some("2023-05-17T17:00:00"));
        for text in ["Mié09PM", "14Jan19", "25:00", "9:99AM", "", "é", "Wed99PM", ":", "PM"] {
            assert_eq!(of(text), None, "{text}");
        }
        assert_eq!(started_at("9:05AM", &Clock::NONE), None);
    }

    #[test]
    fn the_executable_ends_where_its_bundle_says() {
        for (command, path) in [
            ("/A/Foo.app/PlugIns/Foo Bar.appex/Foo Bar x", "/A/Foo.app/PlugIns/Foo Bar.appex/Foo Bar"),
            ("/A/Foo.app/mussel ZGF0YQ==", "/A/Foo.app/mussel"),
            ("/A/Foo.app/Fooled x", "/A/Foo.app/Fooled"),
            ("/usr/bin/a /B/Foo.app/Foo", "/usr/bin/a"),
            ("/usr/bin/a http://b.example/c.app/d", "/usr/bin/a"),
            ("/S/My Kit.framework/Support/kitd 1", "/S/My Kit.framework/Support/kitd"),
            ("(bh)", "bh"),
            ("/", "/"),
            ("", ""),
        ] {
            assert_eq!(executable(command), path, "{command}");
        }
    }

    #[test]
    fn sixteen_columns_of_older_versions_are_read_and_odd_rows_reported() {
        let text = "\
USER  UID   PID  PPID  %CPU %MEM PRI NI      VSZ    RSS WCHAN    TT  STAT STARTED      TIME COMMAND
root    0     1     0   0.0  0.5  37  0 407963424  10432 -        ??  Ss   14Jan19   1:39.03 /sbin/launchd
nonsense
";
        let (records, warnings) = rows_at(&ARTIFACT, "/sysdiagnose/ps.txt", text.as_bytes());
        assert_eq!((records.as_array().unwrap().len(), &records[0]["pid"]), (1, &json!(1)));
        assert_eq!(records[0].get("seen"), None);
        assert_eq!(warnings, ["is no row of ps"]);
    }

    #[test]
    fn broken_text_never_panics() {
        shake(&ARTIFACT, IOS_16.as_bytes());
    }
}
