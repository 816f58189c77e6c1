use std::collections::HashSet;

use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "sysdiagnose.ledgers",
    title: "Running processes (ltop)",
    about: "The processes whose use of resources the collector listed; of its text only their names are read.",
    files: &["/sysdiagnose/ltop.txt"],
    columns: &[
        time("seen", Epoch::BeforeSnapshot, Moment::Running),
        // Cut to 32 bytes.
        process("name"),
        int("pid"),
    ],
    shows: Trace::Executed,
    line: "process {name} [{pid}]",
    parse: Parse::Text(parse),
};

/// Processes of a phone; real ones have some hundreds.
const MOST: usize = 20_000;
/// What the kernel keeps of a name.
const LONGEST_NAME_BYTES: usize = 32;

fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    let (mut seen, mut any) = (HashSet::new(), false);
    while let Some((number, line)) = lines.next()? {
        any |= !line.trim().is_empty();
        let Some((name, pid)) = named(line.trim()) else { continue };
        // A process stands there once for each of its ledgers.
        if seen.len() < MOST && seen.insert((name.to_owned(), pid)) {
            out.push(Place::Line { line: number }, [0_i64.into(), name.into(), pid.into()]);
        }
    }
    anyhow::ensure!(!any || !seen.is_empty(), "names no process as `name [number]`");
    Ok(())
}

/// `name [number]`, alone on its line or before a colon: elsewhere brackets hold other things.
fn named(line: &str) -> Option<(&str, i64)> {
    let (name, pid) = line.strip_suffix(':').unwrap_or(line).trim_end().strip_suffix(']')?.split_once(" [")?;
    let plain = !name.is_empty() && name.len() <= LONGEST_NAME_BYTES && !name.contains(['[', ']', ':', '=', '/']);
    let digits = !pid.is_empty() && pid.bytes().all(|byte| byte.is_ascii_digit());
    (plain && digits).then(|| Some((name.trim_end(), pid.parse().ok()?))).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const TEXT: &str = "\
launchd [1]
    cpu_time: 5 [ns]
My App [410]:
    limit [3] of 4
launchd [1]
x=y [4]
";

    #[test]
    fn only_lines_that_are_a_name_and_a_number_are_processes() {
        let (records, warnings) = rows_timed(&ARTIFACT, "/sysdiagnose/ltop.txt", TEXT.as_bytes());
        assert!(warnings.is_empty(), "{warnings:?}");
        let seen = "2023-05-24T12:00:00.000000+00:00";
        assert_eq!(
            records,
            json!([
                { "seen": seen, "name": "launchd", "pid": 1, "_line": "process launchd [1]" },
                { "seen": seen, "name": "My App", "pid": 410, "_line": "process My App [410]" },
            ])
        );
        shake(&ARTIFACT, TEXT.as_bytes());
    }

    #[test]
    fn another_text_is_said_to_be_one() {
        assert_eq!(rows_at(&ARTIFACT, "/x", b"PID NAME\n1 launchd\n").1, ["names no process as `name [number]`"]);
        assert_eq!(rows_at(&ARTIFACT, "/x", b"\n").1, [""; 0]);
    }
}
