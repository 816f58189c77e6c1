use crate::artifact::android_text::{bounded, local, number_after, package_of_process};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.anr_processes",
    title: "Processes when an app did not respond",
    about: "Processes that ran when Android wrote down what each of them did, because an app hung or for the report.",
    files: &[
        "/data/anr/*",
        "/dumpstate/VM TRACES JUST NOW*",
        "/dumpstate/VM TRACES AT LAST ANR*",
        "/dumpstate/ANR FILES*",
    ],
    columns: &[
        time("seen", Epoch::Unix, Moment::Running),
        // Where no zone is written.
        time("seen_local", Epoch::Local, Moment::Running),
        process("process"),
        app_id("package"),
        int("pid"),
        // Why the file was written.
        text("subject"),
    ],
    shows: Trace::Executed,
    line: "process {process} [{pid}] ran",
    parse: Parse::Text(parse),
};

fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    let mut subject: Option<String> = None;
    let mut open: Option<(i64, String)> = None;
    while let Some((number, line)) = lines.next()? {
        if let Some(text) = line.strip_prefix("Subject: ") {
            subject = Some(bounded(text.trim()).to_owned());
        } else if let Some(rest) = line.strip_prefix("----- pid ") {
            let stamp = rest.split_once(" at ").map(|(_, stamp)| stamp.trim().trim_end_matches('-').trim_end());
            open = number_after(&line, "pid ").map(|pid| (pid, bounded(stamp.unwrap_or_default()).to_owned()));
        } else if let Some(command) = line.strip_prefix("Cmd line: ")
            && let Some((pid, stamp)) = open.take()
        {
            let process = command.split_whitespace().next().unwrap_or_default().trim_end_matches('\0');
            let zoned = crate::time::zoned(&stamp).filter(|_| stamp.len() > 20);
            let unzoned = if zoned.is_some() { None } else { local(&stamp) };
            out.push(
                Place::Line { line: number },
                [
                    zoned.into(),
                    unzoned.into(),
                    process.into(),
                    package_of_process(process).into(),
                    pid.into(),
                    subject.as_deref().into(),
                ],
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const TEXT: &str = "\
Subject: Input dispatching timed out

----- pid 1234 at 2023-05-23 11:22:33.123456789+0200 -----
Cmd line: org.example.app:remote
Build fingerprint: 'x'
----- end 1234 -----
----- pid 55 at 2023-05-23 11:22:33 -----
Cmd line: surfaceflinger -x
";

    #[test]
    fn each_process_is_told_with_its_time_with_and_without_a_zone() {
        let (records, _) = rows_timed(&ARTIFACT, "/data/anr/anr_1", TEXT.as_bytes());
        assert_eq!(
            records,
            json!([
                {"seen": "2023-05-23T09:22:33.123456+00:00", "process": "org.example.app:remote", "package": "org.example.app",
                 "pid": 1234, "subject": "Input dispatching timed out", "_line": "process org.example.app:remote [1234] ran"},
                {"seen_local": "2023-05-23T09:22:33.000000+00:00", "process": "surfaceflinger", "pid": 55,
                 "subject": "Input dispatching timed out", "_line": "process surfaceflinger [55] ran"},
            ])
        );
    }

    #[test]
    fn broken_text_never_panics() {
        shake(&ARTIFACT, TEXT.as_bytes());
    }
}
