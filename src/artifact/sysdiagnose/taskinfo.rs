use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "sysdiagnose.taskinfo",
    title: "Running processes (taskinfo)",
    about: "Every task of the kernel when the sysdiagnose was made, listed independently of ps.",
    files: &["/sysdiagnose/taskinfo.txt"],
    columns: &[
        time("seen", Epoch::BeforeSnapshot, Moment::Running),
        time("started", Epoch::BeforeSnapshot, Moment::Started).rounded(Precision::Second),
        process("name"),
        int("pid"),
        int("unique_id"),
        text("image_uuid"),
        real("run_time_s"),
        boolean("app"),
        boolean("suspended"),
        int("threads"),
    ],
    shows: Trace::Executed,
    line: "process {name} [{pid}], running for {run_time_s} s",
    parse: Parse::Text(parse),
};

#[derive(Default)]
struct Task {
    line: u64,
    name: String,
    pid: i64,
    unique_id: Option<i64>,
    image_uuid: Option<String>,
    run_time_s: Option<f64>,
    app: Option<bool>,
    suspended: Option<bool>,
    threads: i64,
}

/// `process: "NAME" [PID] [unique ID: U]`, then `key: value` lines and an indented block for each thread.
fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    let mut task: Option<Task> = None;
    let (mut tasks, mut counted) = (0_i64, None);
    let mut odd = false;
    while let Some((number, line)) = lines.next()? {
        let text = line.trim();
        if let Some(rest) = text.strip_prefix("process:") {
            task.take().into_iter().for_each(|task| push(&task, out));
            task = header(number, rest);
            match task {
                Some(_) => tasks += 1,
                None => out.warn(Some(Place::Line { line: number }), "is no name and number of a task"),
            }
        } else if let Some((key, value)) = text.split_once(':') {
            let value = value.trim();
            match &mut task {
                Some(task) => task.take(key.trim(), value),
                None if key == "num tasks" => counted = value.parse::<i64>().ok(),
                None => odd = true,
            }
        } else if task.is_none() && !text.is_empty() {
            odd = true;
        }
    }
    task.into_iter().for_each(|task| push(&task, out));
    if tasks == 0 && counted.is_none() && odd {
        anyhow::bail!("has neither `num tasks:` nor a `process:` line of taskinfo");
    }
    if let Some(counted) = counted.filter(|counted| *counted != tasks) {
        out.warn(None, format!("states {counted} tasks, but lists {tasks}"));
    }
    Ok(())
}

fn header(line: u64, rest: &str) -> Option<Task> {
    // A name may hold quotes: it ends at the last one before the number.
    let (name, numbers) = rest.trim().strip_prefix('"')?.rsplit_once("\" [")?;
    let (pid, unique) = numbers.split_once(']')?;
    let unique_id = unique.split_once("unique ID:").and_then(|(_, id)| id.trim().trim_end_matches(']').parse().ok());
    Some(Task { line, name: name.to_owned(), pid: pid.trim().parse().ok()?, unique_id, ..Task::default() })
}

impl Task {
    fn take(&mut self, key: &str, value: &str) {
        let yes = || Some(value.eq_ignore_ascii_case("yes"));
        match key {
            // Threads have the same keys for their times, but not this one.
            "run time" if self.run_time_s.is_none() => {
                let seconds = value.split_whitespace().next().unwrap_or_default().trim_end_matches('s');
                self.run_time_s = seconds.parse().ok().filter(|seconds: &f64| seconds.is_finite() && *seconds >= 0.0);
            }
            "executable uuid" => self.image_uuid = Some(value.to_owned()),
            "ios-application" => self.app = yes(),
            "pid suspended" => self.suspended = yes(),
            "thread ID" => self.threads += 1,
            _ => {}
        }
    }
}

fn push(task: &Task, out: &mut Out<'_>) {
    out.push(
        Place::Line { line: task.line },
        [
            0_i64.into(),
            task.run_time_s.map_or(Value::Null, Value::Real),
            task.name.as_str().into(),
            task.pid.into(),
            task.unique_id.into(),
            task.image_uuid.as_deref().into(),
            task.run_time_s.map_or(Value::Null, Value::Real),
            task.app.into(),
            task.suspended.into(),
            task.threads.into(),
        ],
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const TEXT: &str = "num tasks: 2

process: \"launchd\" [1] [unique ID: 1]
architecture: arm64
run time: 3600 s
threads:
\tthread ID: 0x1f9 / 505
\tuser/system time: 1.0 s / 2.0 s
\tthread ID: 0x1fa / 506

process: \"Foo \"Bar\"\" [410] [unique ID: 900]
executable uuid: BDBDD550-2B15-382C-BB61-1798AFD60460
run time: 5.5 s
requested policy
\tios-application: YES
pid suspended: NO
";

    #[test]
    fn tasks_have_their_age_and_their_threads() {
        let (records, warnings) = rows_timed(&ARTIFACT, "/sysdiagnose/taskinfo.txt", TEXT.as_bytes());
        assert!(warnings.is_empty(), "{warnings:?}");
        assert_eq!(
            records[0],
            json!({
                "seen": "2023-05-24T12:00:00.000000+00:00", "started": "2023-05-24T11:00:00.000000+00:00",
                "name": "launchd", "pid": 1, "unique_id": 1, "run_time_s": 3600.0, "threads": 2,
                "_line": "process launchd [1], running for 3600 s",
            })
        );
        assert_eq!((&records[1]["name"], &records[1]["app"]), (&json!("Foo \"Bar\""), &json!(true)));
        assert_eq!(records[1]["image_uuid"], "BDBDD550-2B15-382C-BB61-1798AFD60460");
    }

    #[test]
    fn missing_tasks_and_other_texts_are_reported() {
        let (records, warnings) = rows_at(&ARTIFACT, "/sysdiagnose/taskinfo.txt", b"num tasks: 3\nprocess: \"a\" [x]\n");
        assert_eq!(records, json!([]));
        assert_eq!(warnings, ["is no name and number of a task", "states 3 tasks, but lists 0"]);
        assert_eq!(rows_at(&ARTIFACT, "/sysdiagnose/taskinfo.txt", b"hello\n").1.len(), 1);
    }

    #[test]
    fn broken_text_never_panics() {
        shake(&ARTIFACT, TEXT.as_bytes());
    }
}
