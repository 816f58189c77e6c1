use std::collections::BTreeMap;

use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "sysdiagnose.runningboard_state",
    title: "Running apps and services (RunningBoard)",
    about: "Apps, daemons and services that were running or held awake when the sysdiagnose was made, by their identity.",
    files: &["/sysdiagnose/RunningBoard/RunningBoard_state*.log"],
    columns: &[
        time("seen", Epoch::BeforeSnapshot, Moment::Running),
        text("kind"),
        app_id("bundle_id"),
        process("service"),
        int("pid"),
        int("mentions"),
    ],
    shows: Trace::Executed,
    line: "{kind} {bundle_id}{service} [{pid}] was running",
    parse: Parse::Text(parse),
};

/// Different processes kept of one file.
const PROCESSES_KEPT: usize = 20_000;

/// `[app<com.example(501)>:12]`, anywhere in the text and one inside another: a service of an app names the app.
fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    let mut processes: BTreeMap<(i64, String, String), (u64, i64)> = BTreeMap::new();
    let mut dropped = 0_u64;
    while let Some((number, line)) = lines.next()? {
        for (kind, name, pid) in identities(&line) {
            let key = (pid, kind.to_owned(), name.to_owned());
            if processes.len() < PROCESSES_KEPT || processes.contains_key(&key) {
                processes.entry(key).or_insert((number, 0)).1 += 1;
            } else {
                dropped += 1;
            }
        }
    }
    for ((pid, kind, name), (line, mentions)) in &processes {
        let is_app = kind.starts_with("app");
        out.push(
            Place::Line { line: *line },
            [
                0_i64.into(),
                kind.as_str().into(),
                Some(name.as_str()).filter(|_| is_app).into(),
                Some(name.as_str()).filter(|_| !is_app).into(),
                (*pid).into(),
                (*mentions).into(),
            ],
        );
    }
    if dropped > 0 {
        out.warn(None, format!("names more than {PROCESSES_KEPT} processes; the others were left out"));
    }
    Ok(())
}

/// Of one line; a line names a few processes.
const BRACKETS_READ: usize = 10_000;

/// Kind, name and number of each identity of a line.
fn identities(line: &str) -> impl Iterator<Item = (&str, &str, i64)> {
    line.match_indices('[').take(BRACKETS_READ).filter_map(|(at, _)| {
        let rest = line.get(at + 1..)?;
        // No kind is longer, and a line may be nothing but brackets.
        let kind = rest.bytes().take(40).take_while(u8::is_ascii_alphanumeric).count();
        let (kind, rest) = rest.split_at_checked(kind)?;
        let rest = rest.strip_prefix('<').filter(|_| !kind.is_empty())?;
        let end = closing(rest)?;
        let pid: String = rest.get(end..)?.strip_prefix(">:")?.chars().take_while(char::is_ascii_digit).collect();
        // Behind the name: the user, the host, what makes one of several services.
        let name = rest.get(..end)?.split(['(', '<', ':']).next()?.trim();
        (!name.is_empty()).then_some((kind, name, pid.parse().ok()?))
    })
}

/// Where the bracket that is already open closes; the search ends after what no identity is longer than.
fn closing(rest: &str) -> Option<usize> {
    let mut depth = 1;
    for (at, byte) in rest.bytes().enumerate().take(600) {
        match byte {
            b'<' => depth += 1,
            b'>' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const TEXT: &str = "\
state of [app<com.example.foo(AABBCCDD-0000)>:410] is running
assertion by [daemon<com.apple.x>:77] for [app<com.example.foo(AABBCCDD-0000)>:410]
[xpcservice<com.apple.WebKit.WebContent([app<com.apple.mobilesafari(1)>:512])(501)>:513] [a<b] [] [x<>:1]
";

    #[test]
    fn identities_are_found_once_and_inside_each_other() {
        let (records, warnings) = rows_timed(&ARTIFACT, "/sysdiagnose/RunningBoard/RunningBoard_state.log", TEXT.as_bytes());
        assert!(warnings.is_empty(), "{warnings:?}");
        let found: Vec<_> = records.as_array().unwrap().iter().map(|record| record["_line"].as_str().unwrap()).collect();
        assert_eq!(
            found,
            [
                "daemon com.apple.x [77] was running",
                "app com.example.foo [410] was running",
                "app com.apple.mobilesafari [512] was running",
                "xpcservice com.apple.WebKit.WebContent [513] was running",
            ]
        );
        assert_eq!((&records[1]["mentions"], &records[1]["bundle_id"]), (&json!(2), &json!("com.example.foo")));
        assert_eq!(records[3]["service"], "com.apple.WebKit.WebContent");
    }

    #[test]
    fn a_line_of_nothing_but_brackets_is_soon_over() {
        assert_eq!(rows(&ARTIFACT, "[a<".repeat(300_000).as_bytes()), json!([]));
    }

    #[test]
    fn broken_text_never_panics() {
        shake(&ARTIFACT, TEXT.as_bytes());
    }
}
