use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use crate::artifact::android_text::bounded;
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.open_files",
    title: "Open files",
    about: "Files that processes had open or mapped when the report was made; only phones of developers tell them.",
    files: &["/processes/open-files"],
    columns: &[
        time("seen", Epoch::BeforeSnapshot, Moment::Running),
        process("process"),
        path("file"),
        // It was deleted while it was in use.
        boolean("deleted"),
        int("pid"),
    ],
    shows: Trace::Executed,
    line: "process {process} [{pid}] has {file} open",
    parse: Parse::Text(parse),
};

/// Files told apart; beyond this, repetitions are written, too.
const MOST_KNOWN: usize = 500_000;

/// `COMMAND PID USER FD TYPE DEVICE SIZE/OFF NODE NAME`: a file that one process has open several times is told once.
fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    let hasher = RandomState::new();
    let mut known: HashSet<u64> = HashSet::new();
    while let Some((number, line)) = lines.next()? {
        let mut words = line.split_whitespace();
        let (Some(command), Some(pid)) = (words.next(), words.next().and_then(|word| word.parse::<i64>().ok())) else { continue };
        // Other columns hold no slash with a blank before it.
        let Some(at) = line.find(" /") else { continue };
        let name = line.get(at..).unwrap_or_default().trim();
        let (name, deleted) = name.strip_suffix("(deleted)").map_or((name, false), |name| (name.trim_end(), true));
        if known.len() < MOST_KNOWN && !known.insert(hasher.hash_one((pid, name, deleted))) {
            continue;
        }
        out.push(
            Place::Line { line: number },
            [0_i64.into(), command.into(), bounded(name).into(), deleted.into(), pid.into()],
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const TEXT: &str = "\
COMMAND     PID       USER   FD      TYPE             DEVICE  SIZE/OFF       NODE NAME
pred       1234       root  txt       REG              253,1     12345       6789 /data/local/tmp/wd/pred.so (deleted)
pred       1234       root  mem       REG              253,1     12345       6789 /data/local/tmp/wd/pred.so (deleted)
init          1       root    0       CHR                1,3       0t0          3 pipe:[1]
";

    #[test]
    fn files_are_told_once_and_deleted_ones_marked() {
        let (records, _) = rows_timed(&ARTIFACT, "/processes/open-files", TEXT.as_bytes());
        assert_eq!(
            records,
            json!([{"seen": "2023-05-24T12:00:00.000000+00:00", "process": "pred", "file": "/data/local/tmp/wd/pred.so",
                    "deleted": true, "pid": 1234, "_line": "process pred [1234] has /data/local/tmp/wd/pred.so open"}])
        );
    }

    #[test]
    fn broken_text_never_panics() {
        shake(&ARTIFACT, TEXT.as_bytes());
    }
}
