use crate::artifact::prelude::*;
use crate::artifact::text_log::entries;
use crate::time::zoned;

pub const ARTIFACT: Artifact = Artifact {
    id: "sysdiagnose.keyboards",
    title: "Apps with the keyboard (kbdebug)",
    about: "Which apps had the keyboard or were in the foreground shortly before the sysdiagnose was made.",
    files: &["/sysdiagnose/kbdebug.txt", "/sysdiagnose/logs/keyboards/kbdebug*.txt"],
    columns: &[
        time("logged", Epoch::Unix, Moment::Logged),
        text("level"),
        app_id("app"),
        int("pid"),
        message("message"),
    ],
    shows: Trace::Executed,
    line: "keyboard {level}: {message}",
    parse: Parse::Text(|lines, out| {
        entries(lines, "2023-05-24 11:29:15 +0000: Level: message", head, |line, logged, text| {
            let (level, message) = text.split_once(": ").unwrap_or(("", text));
            let client = message.split_once("PID ").and_then(|(_, rest)| rest.split_once(':'));
            let client = client.and_then(|(pid, app)| Some((pid.trim().parse::<i64>().ok()?, app)));
            let app = client.and_then(|(_, app)| app.split_whitespace().next());
            out.push(
                Place::Line { line },
                [
                    logged.into(),
                    level.into(),
                    app.map(|app| app.trim_matches(['<', '>', ',', ';', ')'])).into(),
                    client.map(|(pid, _)| pid).into(),
                    message.into(),
                ],
            );
        })
    }),
};

fn head(line: &str) -> Option<(jiff::Timestamp, &str)> {
    // The zone ends the time: the first colon behind a sign.
    let sign = line.match_indices(['+', '-']).map(|(at, _)| at).find(|at| *at >= 19)?;
    let (_, zone) = line.split_at_checked(sign)?;
    let end = sign + zone.find(": ")?;
    Some((zoned(line.get(..end)?)?, line.get(end + 2..)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    #[test]
    fn the_app_of_an_entry_is_named_by_its_process() {
        let text = "2023-05-24 11:29:15 +0000: Info: PID 410: org.example.app activated\nmore\n2023-05-24 11:29:16 +0000: Error: none\n";
        let (records, warnings) = rows_at(&ARTIFACT, "/x", text.as_bytes());
        assert!(warnings.is_empty(), "{warnings:?}");
        assert_eq!(
            records,
            json!([
                { "logged": "2023-05-24T11:29:15.000000+00:00", "level": "Info", "app": "org.example.app", "pid": 410,
                  "message": "PID 410: org.example.app activated\nmore", "_line": "keyboard Info: PID 410: org.example.app activated\nmore" },
                { "logged": "2023-05-24T11:29:16.000000+00:00", "level": "Error", "message": "none", "_line": "keyboard Error: none" },
            ])
        );
        shake(&ARTIFACT, text.as_bytes());
    }
}
