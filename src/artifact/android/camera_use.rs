use crate::artifact::android_text::{bounded, number_after, yearless};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.camera_use",
    title: "Use of the cameras",
    about: "Which app opened and closed which camera when, since the phone was started.",
    files: &["/dumpsys/media.camera"],
    columns: &[
        time("at", Epoch::Local, Moment::Logged),
        // `CONNECT`, `DISCONNECT`, `REJECT`, `EVICT`, `DIED`.
        text("event"),
        app_id("package"),
        text("camera"),
        int("pid"),
        text("detail"),
    ],
    shows: Trace::Executed,
    line: "camera {camera}: {event} {package}",
    parse: Parse::Text(parse),
};

const EVENTS: [&str; 5] = ["CONNECT", "DISCONNECT", "REJECT", "EVICT", "DIED"];

fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    let mut inside = false;
    while let Some((number, line)) = lines.next()? {
        let line = line.trim();
        if line.starts_with("==") {
            inside = line.to_ascii_lowercase().contains("events log");
            continue;
        }
        if !inside {
            continue;
        }
        let Some((stamp, rest)) = line.split_once(" : ") else { continue };
        let Some(event) = EVENTS.into_iter().find(|event| rest.split_whitespace().next() == Some(event)) else { continue };
        let after = |key: &str| rest.split_once(key)?.1.split([' ', ',', ')']).find(|word| !word.is_empty());
        let package = after("package ").or_else(|| after("client for ")).or_else(|| after("client "));
        out.push(
            Place::Line { line: number },
            [
                yearless(stamp, out.clock()).into(),
                event.into(),
                package.into(),
                after("device ").into(),
                number_after(rest, "PID ").into(),
                bounded(line).into(),
            ],
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const TEXT: &str = "\
== Camera service events log (most recent at top): ==
  05-23 11:22:40 : DISCONNECT device 1 client for package org.example.spy (PID 1234)
  05-23 11:22:33 : CONNECT device 1 client for package org.example.spy (PID 1234)
  01-01 00:00:09 : ADD device 0, reason: (camera)
== Camera device 0 ==
  05-23 11:22:33 : CONNECT device 1 client for package org.example.no (PID 1)
";

    #[test]
    fn openings_and_closings_are_told_with_their_app() {
        let (records, _) = rows_timed(&ARTIFACT, "/dumpsys/media.camera", TEXT.as_bytes());
        assert_eq!(records.as_array().unwrap().len(), 2);
        assert_eq!(
            records[1],
            json!({"at": "2023-05-23T09:22:33.000000+00:00", "event": "CONNECT", "package": "org.example.spy", "camera": "1",
                   "pid": 1234, "detail": "05-23 11:22:33 : CONNECT device 1 client for package org.example.spy (PID 1234)",
                   "_line": "camera 1: CONNECT org.example.spy"})
        );
    }

    #[test]
    fn broken_text_never_panics() {
        shake(&ARTIFACT, TEXT.as_bytes());
    }
}
