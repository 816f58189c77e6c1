use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "sysdiagnose.collector",
    title: "What could not be collected",
    about: "How the collector's commands ended: one that failed explains a part that is missing.",
    files: &[
        "/sysdiagnose/taskSummary.csv",
        "/sysdiagnose/summaries/taskSummary.csv",
        "/sysdiagnose/error_log.txt",
        "/sysdiagnose/oslog_archive_error.log",
        "/sysdiagnose/errors/**",
    ],
    // The collector's own commands are no processes of the phone: nothing here is matched.
    columns: &[text("command"), text("outcome"), real("seconds"), real("allowed_seconds"), boolean("failed")],
    shows: Trace::Mentioned,
    line: "the collector ran {command}: {outcome}",
    parse: Parse::Bytes { most: 16 << 20, parse },
};

/// Lines of an error log; a broken archive can repeat itself without end.
const LINES_MOST: usize = 2_000;

fn parse(bytes: &[u8], out: &mut Out<'_>) -> Result<()> {
    if out.path().ends_with(".csv") {
        return commands(bytes, out);
    }
    let name = out.path().rsplit('/').next().unwrap_or_default().to_owned();
    let text = String::from_utf8_lossy(bytes);
    let lines = text.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty());
    for (line, number) in lines.take(LINES_MOST) {
        let line = line.get(..line.floor_char_boundary(2_000)).unwrap_or(line).trim();
        out.push(
            Place::Line { line: number },
            [name.as_str().into(), line.into(), Value::Null, Value::Null, true.into()],
        );
    }
    Ok(())
}

/// `Command, Exit description, Execution Time, Intended Timeout`, with titles of groups and blank lines between.
fn commands(bytes: &[u8], out: &mut Out<'_>) -> Result<()> {
    let mut table = csv::ReaderBuilder::new().flexible(true).has_headers(false).trim(csv::Trim::All).from_reader(bytes);
    let (mut known, mut any) = (false, false);
    for row in table.byte_records() {
        let row = row.context("is no table")?;
        any = true;
        let Some(place) = row.position().map(|position| Place::Line { line: position.line() }) else { continue };
        let field = |index: usize| row.get(index).map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        let (Some(command), Some(outcome)) = (field(0), field(1)) else { continue };
        if command == "Command" {
            known = true;
            continue;
        }
        // A title of a group can hold a comma; a command ran for some time.
        let seconds = |index| field(index).and_then(|text| text.trim_end_matches('s').trim().parse::<f64>().ok());
        let (Some(ran), false) = (seconds(2), command.is_empty() || command == "(null)") else { continue };
        let failed = !outcome.contains("status 0") && !outcome.eq_ignore_ascii_case("success");
        out.push(
            place,
            [command.into(), outcome.into(), Value::Real(ran), seconds(3).map_or(Value::Null, Value::Real), failed.into()],
        );
    }
    anyhow::ensure!(known || !any, "does not begin with the columns of the collector's summary");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    #[test]
    fn failed_commands_are_told_from_others_and_titles_are_none() {
        let text = "\
Command, Exit description, Execution Time, Intended Timeout
Concurrent group with total timeout 60, 2 tasks
\"/bin/ps axwww -o user,pid\", exited with status 0, 0.2, 10

\"/usr/sbin/spindump\", timed out, 60.0, 60
\"(null)\", exited with status 0, 0.0, 0
";
        let (records, warnings) = rows_at(&ARTIFACT, "/sysdiagnose/taskSummary.csv", text.as_bytes());
        assert!(warnings.is_empty(), "{warnings:?}");
        let told: Vec<_> = records.as_array().unwrap().iter().map(|record| [&record["command"], &record["failed"]]).collect();
        assert_eq!(json!(told), json!([["/bin/ps axwww -o user,pid", false], ["/usr/sbin/spindump", true]]));
        assert_eq!(rows_at(&ARTIFACT, "/x.csv", b"a,b,1\n").1.len(), 1);
    }

    #[test]
    fn every_line_of_an_error_log_is_a_failure() {
        let (records, _) = rows_at(&ARTIFACT, "/sysdiagnose/oslog_archive_error.log", b"\nincomplete\n");
        assert_eq!((&records[0]["outcome"], &records[0]["failed"]), (&json!("incomplete"), &json!(true)));
        shake(&ARTIFACT, b"Command,Exit\n\"a\",b,1\n");
    }
}
