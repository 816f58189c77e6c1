use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.dumpstate_log",
    title: "Log of the bugreport itself",
    about: "What the program that makes bugreports could not collect, and what took too long.",
    files: &["/bugreport/dumpstate_log.txt"],
    columns: &[message("message"), boolean("failure")],
    shows: Trace::Logged,
    line: "dumpstate: {message}",
    parse: Parse::Text(parse),
};

fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    const FAILURES: [&str; 8] =
        ["*** ", "error", "failed", "timed out", "timeout", "can't find", "permission denial", "skipping"];
    while let Some((number, line)) = lines.next()? {
        let message = line.trim();
        if message.is_empty() {
            continue;
        }
        let lower = message.to_lowercase();
        let failure = FAILURES.iter().any(|word| lower.contains(word));
        out.push(Place::Line { line: number }, [message.into(), failure.into()]);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    #[test]
    fn what_failed_is_told_apart() {
        let text = b"Adding main entry\n\n*** command '/system/bin/x' timed out after 10.0s (killing pid 5)\n";
        assert_eq!(
            rows_at(&ARTIFACT, "/bugreport/dumpstate_log.txt", text).0,
            json!([
                {"message": "Adding main entry", "failure": false, "_line": "dumpstate: Adding main entry"},
                {"message": "*** command '/system/bin/x' timed out after 10.0s (killing pid 5)", "failure": true,
                 "_line": "dumpstate: *** command '/system/bin/x' timed out after 10.0s (killing pid 5)"},
            ])
        );
        shake(&ARTIFACT, text);
    }
}
