use crate::artifact::prelude::*;

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

/// The executable of a command line. Paths have blanks: up to the first argument that looks like an option, and else up to the
/// last blank before which a path could end.
pub(super) fn executable(command: &str) -> &str {
    let command = command.strip_prefix('(').and_then(|name| name.strip_suffix(')')).unwrap_or(command);
    let path = command.split(" -").next().unwrap_or(command).trim_end();
    if !path.starts_with('/') {
        return path.split_whitespace().next().unwrap_or(path);
    }
    // The executable of a bundle has the bundle's name: `/A/Foo Bar.app/Foo Bar argument`.
    for ending in [".app/", ".appex/", ".xpc/"] {
        if let Some((bundle, inside)) = path.split_once(ending) {
            let name = bundle.rsplit('/').next().unwrap_or_default();
            let end = bundle.len() + ending.len();
            if inside.starts_with(name) {
                return path.get(..end + name.len()).unwrap_or(path);
            }
            let first = inside.split_whitespace().next().unwrap_or(inside);
            return path.get(..end + first.len()).unwrap_or(path);
        }
    }
    path.split_whitespace().next().unwrap_or(path)
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
                "_line": "process /private/var/containers/Bundle/Application/AA/Foo Bar.app/Foo Bar [410] of user mobile, child of 1: /private/var/containers/Bundle/Application/AA/Foo Bar.app/Foo Bar x y",
            })
        );
        assert_eq!((&records[2]["executable"], &records[2]["zombie"]), (&json!("bh"), &json!(true)));
        assert_eq!(records[3]["executable"], "/usr/libexec/foo");
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
