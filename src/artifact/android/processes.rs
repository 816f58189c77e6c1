use std::collections::HashSet;

use serde_json::Value as Json;

use crate::artifact::json::{each, known, word as text_of};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.processes",
    title: "Running processes",
    about: "Every process that ran when the phone was acquired, as `ps` or the collector saw it.",
    files: &["/processes/ps", "/processes/labels", "/androidqf/processes.json"],
    columns: &[
        time("seen", Epoch::BeforeSnapshot, Moment::Running),
        process("name"),
        app_id("package"),
        message("command"),
        text("label"),
        text("user"),
        int("pid"),
        int("tid"),
        int("parent_pid"),
        text("state"),
        text("cpu_time"),
        path("working_folder"),
        message("environment"),
    ],
    shows: Trace::Executed,
    line: "process {command} [{pid}] of user {user}, child of {parent_pid}",
    parse: Parse::Bytes { most: 256 << 20, parse },
};

/// A process and, where `ps` was asked for them, those of its threads that have other names.
#[derive(Default)]
struct Process<'t> {
    command: &'t str,
    label: Option<&'t str>,
    user: Option<&'t str>,
    pid: Option<i64>,
    tid: Option<i64>,
    parent: Option<i64>,
    state: Option<&'t str>,
    cpu_time: Option<&'t str>,
}

fn parse(bytes: &[u8], out: &mut Out<'_>) -> Result<()> {
    if out.path().ends_with(".json") {
        return each(bytes, |number, process| collected(number, process, out));
    }
    let text = bytes.to_vec();
    listed(&mut Lines::new(&text)?, out)
}

/// Where the fields stand, by the line that names them.
struct Header {
    names: Vec<String>,
    state: usize,
}

impl Header {
    fn of(line: &str) -> Option<Header> {
        let mut names: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        let has = |name: &str| names.iter().any(|word| word == name);
        if !(has("PID") && (has("NAME") || has("CMD") || has("COMMAND") || has("ARGS"))) {
            return None;
        }
        // The one of Android 6 and older prints the state without naming it.
        if !has("S") && !has("STAT") {
            names.insert(names.len() - 1, "S".into());
        }
        let state = names.iter().position(|name| name == "S" || name == "STAT")?;
        Some(Header { names, state })
    }

    fn at(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|known| known == name)
    }

    /// The fields of a row. Where the kernel had nothing to say for `WCHAN`, all that follow stand one place further left.
    fn read<'t>(&self, line: &'t str) -> Option<Process<'t>> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let is_state = |at: usize| {
            let word = words.get(at).copied().unwrap_or_default();
            word.len() <= 3 && word.starts_with(['R', 'S', 'D', 'T', 't', 'Z', 'X', 'x', 'I', 'P', 'W', 'K', 'N'])
        };
        let state = [Some(self.state), self.state.checked_sub(1), self.state.checked_add(1)]
            .into_iter()
            .flatten()
            .find(|at| is_state(*at))?;
        let field = |name: &str| {
            let at = self.at(name)?;
            let at = if at < self.state { at } else { (at + state).checked_sub(self.state)? };
            words.get(at).copied()
        };
        let number = |name: &str| field(name).and_then(|text| text.parse::<i64>().ok());
        let command = rest_of(line, (self.names.len() - 1 + state).checked_sub(self.state)?);
        let command = command.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(command);
        Some(Process {
            command,
            label: field("LABEL"),
            user: field("USER").or_else(|| field("UID")),
            pid: Some(number("PID")?),
            tid: number("TID"),
            parent: number("PPID"),
            state: words.get(state).copied(),
            cpu_time: field("TIME"),
        })
        .filter(|process| !process.command.is_empty())
    }
}

/// What follows the first `count` words.
fn rest_of(line: &str, count: usize) -> &str {
    let mut rest = line.trim();
    for _ in 0..count {
        rest = rest.split_once(char::is_whitespace).map_or("", |(_, rest)| rest.trim_start());
    }
    rest
}

/// Threads of one name are told once for each process.
fn listed(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    let mut header: Option<Header> = None;
    let mut seen = HashSet::new();
    while let Some((number, line)) = lines.next()? {
        if let Some(found) = Header::of(&line) {
            header = Some(found);
            continue;
        }
        let Some(header) = header.as_ref().filter(|_| !line.trim().is_empty() && !line.starts_with("------ ")) else {
            continue;
        };
        let place = Place::Line { line: number };
        let Some(process) = header.read(&line) else {
            out.warn(Some(place), "is no row of ps");
            continue;
        };
        if seen.insert((process.pid, process.command.to_owned())) {
            push(place, &process, [Value::Null, Value::Null], out);
        }
    }
    anyhow::ensure!(header.is_some(), "holds no line with the column names of ps");
    Ok(())
}

/// The collector writes zero for what it could not read, users among it.
fn collected(number: i64, process: &Json, out: &mut Out<'_>) {
    let place = Place::key(format!("[{number}]"));
    let texts = |name: &str| -> Vec<&str> {
        let items = process.get(name).and_then(|items| items.as_array());
        items.into_iter().flatten().filter_map(|item| item.as_str()).collect()
    };
    let arguments = texts("command_line");
    let command = arguments.join(" ");
    let file = text_of(process, "filename").map(|name| name.trim_start_matches('(').trim_end_matches(')'));
    let command = Some(command.trim()).filter(|command| !command.is_empty()).or(text_of(process, "path")).or(file);
    let Some(command) = command else {
        out.warn(Some(place), "is no process");
        return;
    };
    let user = known(process, "uid").map(|uid| uid.to_string());
    let environment = texts("env");
    let environment = if environment.is_empty() { Value::Null } else { environment.into_iter().collect() };
    let folder = text_of(process, "cwd").into();
    let process = Process {
        command,
        label: text_of(process, "context").map(|label| label.trim_end_matches('\0')),
        user: user.as_deref(),
        pid: known(process, "pid"),
        parent: known(process, "ppid"),
        state: text_of(process, "state").filter(|state| *state != "0"),
        ..Process::default()
    };
    push(place, &process, [folder, environment], out);
}

fn push(place: Place, process: &Process<'_>, [folder, environment]: [Value<'_>; 2], out: &mut Out<'_>) {
    let first = process.command.split_whitespace().next().unwrap_or_default();
    let name = if process.command.starts_with('/') { first } else { process.command };
    let is_package = !first.contains(['/', '@']) && first.contains('.') && !first.starts_with('.');
    out.push(
        place,
        [
            0_i64.into(),
            name.into(),
            Some(first).filter(|_| is_package).into(),
            process.command.into(),
            process.label.into(),
            process.user.into(),
            process.pid.into(),
            process.tid.into(),
            process.parent.into(),
            process.state.into(),
            process.cpu_time.into(),
            folder,
            environment,
        ],
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const PS: &str = "\
LABEL                          USER           PID   TID  PPID     VSZ    RSS WCHAN            ADDR S PRI  NI RTPRIO SCH PCY     TIME CMD
u:r:init:s0                    root             1     1     0 10900   8000 do_epoll_wait       0 S  19   0      -   0  fg 00:00:03 init
u:r:kernel:s0                  root             2     2     0     0      0 kthreadd            0 S  19   0      -   0  fg 00:00:00 [kthreadd]
u:r:shell:s0                   shell         4321  4321     1  9000   3000 0                   0 R  19   0      -   0  fg 00:00:01 /data/local/tmp/wd/fs -x
u:r:shell:s0                   shell         4322  4322     1  9000   3000                     0 R  19   0      -   0  fg 00:00:01 lost
";

    #[test]
    fn rows_without_a_wait_channel_are_read_too() {
        let (records, warnings) = rows_timed(&ARTIFACT, "/processes/ps", PS.as_bytes());
        assert!(warnings.is_empty(), "{warnings:?}");
        let records = records.as_array().unwrap();
        assert_eq!(records.len(), 4);
        assert_eq!(records[1]["name"], "kthreadd");
        assert_eq!(
            records[2],
            json!({
                "seen": "2023-05-24T12:00:00.000000+00:00", "name": "/data/local/tmp/wd/fs", "command": "/data/local/tmp/wd/fs -x",
                "label": "u:r:shell:s0", "user": "shell", "pid": 4321, "tid": 4321, "parent_pid": 1, "state": "R", "cpu_time": "00:00:01",
                "_line": "process /data/local/tmp/wd/fs -x [4321] of user shell, child of 1",
            })
        );
        assert_eq!((&records[3]["name"], &records[3]["cpu_time"]), (&json!("lost"), &json!("00:00:01")));
        shake(&ARTIFACT, PS.as_bytes());
    }

    #[test]
    fn other_dialects_and_threads_of_one_name() {
        let shell = "USER PID PPID VSZ RSS WCHAN ADDR S NAME\r\nu0_a94 500 1 9 9 ep_poll 0 S com.example.a:remote\r\nu0_a94 500 1 9 9 ep_poll 0 S com.example.a:remote\r\n";
        let records = rows_at(&ARTIFACT, "/processes/ps", shell.as_bytes()).0;
        assert_eq!(records.as_array().unwrap().len(), 1);
        assert_eq!(records[0]["package"], "com.example.a:remote");
        let toolbox = "USER     PID   PPID  VSIZE  RSS   WCHAN    PC         NAME\nroot 1 0 8 4 ffffffff 00000000 S /init\nnonsense\n";
        let (records, warnings) = rows_at(&ARTIFACT, "/processes/ps", toolbox.as_bytes());
        assert_eq!((&records[0]["name"], &records[0]["state"]), (&json!("/init"), &json!("S")));
        assert_eq!(warnings, ["is no row of ps"]);
        assert_eq!(rows_at(&ARTIFACT, "/processes/ps", b"x\n").1, ["holds no line with the column names of ps"]);
    }

    #[test]
    fn zeros_of_the_collector_are_unknown_and_never_root() {
        let text = r#"[{"pid": 5, "uid": 0, "ppid": 0, "filename": "(fs)", "path": "", "state": "", "context": "u:r:shell:s0", "command_line": ["/data/local/tmp/fs", "-x"],
            "env": ["LD_PRELOAD=/a.so"], "cwd": "/data"}, {"pid": 6, "filename": "(kworker/0:1)", "command_line": null}, {"pid": 7}]"#;
        let (records, warnings) = rows_at(&ARTIFACT, "/androidqf/processes.json", text.as_bytes());
        assert_eq!(warnings, ["is no process"]);
        assert_eq!(
            records[0],
            json!({
                "name": "/data/local/tmp/fs", "command": "/data/local/tmp/fs -x", "label": "u:r:shell:s0", "pid": 5,
                "working_folder": "/data", "environment": ["LD_PRELOAD=/a.so"],
                "_line": "process /data/local/tmp/fs -x [5] of user , child of ",
            })
        );
        assert_eq!(records[1]["name"], "kworker/0:1");
        shake(&ARTIFACT, text.as_bytes());
    }
}
