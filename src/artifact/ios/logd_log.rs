use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.logd_log",
    title: "Diary of the system log's own daemon",
    about: "Starts, shutdowns and changes of the time zone as the daemon that keeps the system log noted them.",
    files: &["/private/var/db/diagnostics/logd.*.log"],
    columns: &[
        time("logged", Epoch::Unix, Moment::Logged).rounded(Precision::Second),
        // The phone's zone then, which dates its local times elsewhere.
        text("zone"),
        int("pid"),
        message("entry"),
    ],
    shows: Trace::Mentioned,
    line: "logd: {entry}",
    parse: Parse::Text(parse),
};

/// `2023-05-24 13:29:15+0200 logd[42]: text`.
fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    let mut understood = false;
    while let Some((number, line)) = lines.next()? {
        let text = line.trim();
        if text.is_empty() {
            continue;
        }
        match entry(text) {
            Some((time, zone, pid, message)) => {
                understood = true;
                out.push(Place::Line { line: number }, [time.into(), zone.into(), pid.into(), message.into()]);
            }
            None if understood => out.warn(Some(Place::Line { line: number }), "is no entry of logd"),
            None => anyhow::bail!("does not begin with an entry of logd, `date time±zone logd[number]: text`"),
        }
    }
    Ok(())
}

fn entry(text: &str) -> Option<(jiff::Timestamp, &str, i64, &str)> {
    let (head, rest) = text.split_once(" logd[")?;
    let (pid, message) = rest.split_once(']')?;
    let zone = head.get(head.rfind(['+', '-'])?..)?;
    let message = message.strip_prefix(':').unwrap_or(message).trim();
    Some((crate::time::zoned(head)?, zone, pid.parse().ok()?, message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const TEXT: &str = "\
2023-05-24 13:29:15+0200 logd[42]: flush for power button
2023-05-24 13:31:00+0300 logd[38]: time zone: changed
odd
";

    #[test]
    fn entries_have_their_zone() {
        let (records, warnings) = rows_at(&ARTIFACT, "/private/var/db/diagnostics/logd.0.log", TEXT.as_bytes());
        assert_eq!(
            records[0],
            json!({
                "logged": "2023-05-24T11:29:15.000000+00:00", "zone": "+0200", "pid": 42,
                "entry": "flush for power button", "_line": "logd: flush for power button",
            })
        );
        assert_eq!((&records[1]["zone"], &records[1]["entry"]), (&json!("+0300"), &json!("time zone: changed")));
        assert_eq!(warnings, ["is no entry of logd"]);
    }

    #[test]
    fn another_text_is_said_to_be_one_and_broken_ones_never_panic() {
        let (_, warnings) = rows_at(&ARTIFACT, "/private/var/db/diagnostics/logd.0.log", b"hello\n");
        assert!(warnings[0].starts_with("does not begin with an entry of logd"), "{warnings:?}");
        shake(&ARTIFACT, TEXT.as_bytes());
    }
}
