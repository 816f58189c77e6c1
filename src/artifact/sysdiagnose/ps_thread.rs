use super::ps::{executable, split_columns};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "sysdiagnose.ps_thread",
    title: "Running processes with their threads (ps)",
    about: "Every process that ran when the sysdiagnose was made, listed a second time with its threads.",
    files: &["/sysdiagnose/ps_thread.txt"],
    columns: &[
        time("seen", Epoch::BeforeSnapshot, Moment::Running),
        process("executable"),
        message("command"),
        text("user"),
        int("pid"),
        int("parent_pid"),
        int("threads"),
        text("started"),
    ],
    shows: Trace::Executed,
    line: "process {executable} [{pid}] of user {user}, child of {parent_pid}: {command}",
    parse: Parse::Text(parse),
};

/// Where the columns are: two lists side by side, each of which ends with the command.
struct Layout {
    /// Columns before the first, short command.
    left: usize,
    /// Columns between it and the whole command, with their names.
    right: Vec<String>,
    pid: usize,
}

/// A process begins a line with its user; its threads follow, indented.
fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    let Some((_, header)) = lines.next()? else { return Ok(()) };
    let layout = layout(&header).context("does not begin with the column names of ps -M")?;
    drop(header);
    let mut process: Option<Process> = None;
    while let Some((number, line)) = lines.next()? {
        if line.trim().is_empty() {
            continue;
        }
        if line.starts_with(char::is_whitespace) {
            process.iter_mut().for_each(|process| process.threads += 1);
            continue;
        }
        process.take().into_iter().for_each(|process| process.push(out));
        process = layout.process(number, &line);
        if process.is_none() {
            out.warn(Some(Place::Line { line: number }), "is no row of ps");
        }
    }
    process.into_iter().for_each(|process| process.push(out));
    Ok(())
}

fn layout(header: &str) -> Option<Layout> {
    let names: Vec<&str> = header.split_whitespace().collect();
    let pid = names.iter().position(|name| *name == "PID")?;
    let left = names.iter().position(|name| *name == "COMMAND")?;
    let rest = names.get(left + 1..)?;
    // An older list has one command, at its end.
    let right = rest.iter().position(|name| *name == "COMMAND").and_then(|end| rest.get(..end)).unwrap_or_default();
    (pid < left).then(|| Layout { left, right: right.iter().map(|name| (*name).to_owned()).collect(), pid })
}

struct Process {
    line: u64,
    user: Option<String>,
    pid: i64,
    parent: Option<i64>,
    started: Option<String>,
    command: String,
    threads: i64,
}

impl Layout {
    fn process(&self, line: u64, text: &str) -> Option<Process> {
        let (fields, rest) = split_columns(text, self.left);
        let pid = fields.get(self.pid)?.parse().ok()?;
        let (right, command) = if self.right.is_empty() { (Vec::new(), rest) } else { self.right_of(rest)? };
        let field = |name: &str| right.get(self.right.iter().position(|column| column == name)?).copied();
        (!command.is_empty()).then(|| Process {
            line,
            user: fields.first().map(|user| (*user).to_owned()),
            pid,
            parent: field("PPID").and_then(|parent| parent.parse().ok()),
            started: field("STARTED").map(str::to_owned),
            command: command.to_owned(),
            threads: 1,
        })
    }

    /// What stands behind the short command. That is cut to seven characters and may hold blanks, so the numbers must tell where
    /// it ends.
    fn right_of<'a>(&self, rest: &'a str) -> Option<(Vec<&'a str>, &'a str)> {
        let mut rest = rest;
        for _ in 0..7 {
            rest = rest.split_once(char::is_whitespace)?.1.trim_start();
            let (fields, command) = split_columns(rest, self.right.len());
            let fits = |(name, field): (&String, &&str)| match name.as_str() {
                "PPID" | "VSZ" | "RSS" => field.bytes().all(|byte| byte.is_ascii_digit()),
                // Some languages write the fraction behind a comma.
                "%MEM" => field.contains(['.', ',']) && field.starts_with(|c: char| c.is_ascii_digit()),
                _ => true,
            };
            if fields.len() == self.right.len() && self.right.iter().zip(&fields).all(fits) {
                return Some((fields, command));
            }
        }
        None
    }
}

impl Process {
    fn push(self, out: &mut Out<'_>) {
        out.push(
            Place::Line { line: self.line },
            [
                0_i64.into(),
                executable(&self.command).into(),
                self.command.as_str().into(),
                self.user.into(),
                self.pid.into(),
                self.parent.into(),
                self.threads.into(),
                self.started.into(),
            ],
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const TEXT: &str = "\
USER     PID   TT   %CPU STAT PRI     STIME     UTIME COMMAND  PPID %MEM PRI NI      VSZ    RSS WCHAN  STARTED      TIME COMMAND
root       1   ??    0.0 S    37T   0:01.00   0:00.10 /sbin/l     0  0.5  37  0 40796344  10432 -      14Jan19   1:39.03 /sbin/launchd
           1         0.0 S    37T   0:00.00   0:00.00             0  0.5  37  0 40796344  10432 -      14Jan19   1:39.03
mobile   410   ??    0.0 S    31T   0:01.00   0:00.10 a 5 b c     1  0,5  31  0 40796344  10432 -       7:22PM   0:00.03 /var/containers/Bundle/Application/AA/Foo Bar.app/Foo Bar -x
";

    #[test]
    fn the_whole_command_is_taken_and_threads_are_counted() {
        let (records, warnings) = rows_timed(&ARTIFACT, "/sysdiagnose/ps_thread.txt", TEXT.as_bytes());
        assert!(warnings.is_empty(), "{warnings:?}");
        assert_eq!(
            records[0],
            json!({
                "seen": "2023-05-24T12:00:00.000000+00:00", "executable": "/sbin/launchd", "command": "/sbin/launchd",
                "user": "root", "pid": 1, "parent_pid": 0, "threads": 2, "started": "14Jan19",
                "_line": "process /sbin/launchd [1] of user root, child of 0: /sbin/launchd",
            })
        );
        assert_eq!(records[1]["executable"], "/var/containers/Bundle/Application/AA/Foo Bar.app/Foo Bar");
        assert_eq!((&records[1]["parent_pid"], &records[1]["threads"]), (&json!(1), &json!(1)));
    }

    #[test]
    fn odd_rows_and_other_texts_are_reported() {
        let header = TEXT.lines().next().unwrap();
        let (records, warnings) = rows_at(&ARTIFACT, "/p", format!("{header}\nnonsense\n").as_bytes());
        assert_eq!((records, warnings), (json!([]), vec!["is no row of ps".to_owned()]));
        assert_eq!(rows_at(&ARTIFACT, "/p", b"hello\n").1, ["does not begin with the column names of ps -M"]);
    }

    #[test]
    fn broken_text_never_panics() {
        shake(&ARTIFACT, TEXT.as_bytes());
    }
}
