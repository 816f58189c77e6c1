use crate::artifact::android_text::{bounded, yearless};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.microphone_use",
    title: "Use of the microphone",
    about: "Which app began and ended to record sound when, and from where: the microphone, a call, what the phone plays.",
    files: &["/dumpsys/audio"],
    columns: &[
        time("at", Epoch::Local, Moment::Logged),
        // `start`, `stop`, `update`.
        text("event"),
        app_id("package"),
        text("source"),
        // Android gave it silence instead of sound.
        boolean("silenced"),
        int("uid"),
        int("session"),
    ],
    shows: Trace::Executed,
    line: "recording {event} by {package} from {source}",
    parse: Parse::Text(parse),
};

/// `06-30 11:22:33:123 rec start riid:1 uid:10123 session:9 src:MIC not silenced pack:org.example.app`
fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    while let Some((number, line)) = lines.next()? {
        let Some((stamp, rest)) = line.split_once(" rec ") else { continue };
        let Some(event) = rest.split_whitespace().next().filter(|_| rest.contains("src:")) else { continue };
        let after = |key: &str| {
            let word = rest.split_once(key)?.1.split_whitespace().next()?;
            Some(word.trim_end_matches([',', ';'])).filter(|word| !word.is_empty())
        };
        let int = |key: &str| after(key).and_then(|word| word.parse::<i64>().ok());
        let silenced = rest.contains("silenced").then(|| !rest.contains("not silenced"));
        // An empty package is followed by the next key or nothing.
        let package = rest.split_once("pack:").map(|(_, word)| word.split(' ').next().unwrap_or(word));
        out.push(
            Place::Line { line: number },
            [
                yearless(stamp, out.clock()).into(),
                event.into(),
                package.filter(|package| !package.is_empty()).map(bounded).into(),
                after("src:").map(bounded).into(),
                silenced.into(),
                int(" uid:").into(),
                int(" session:").into(),
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
Events log: recording activity received by AudioService
05-23 11:22:33:123 rec start riid:7 uid:10123 session:9 src:MIC not silenced pack:org.example.spy
05-23 11:23:33:123 rec stop riid:7 uid:10123 session:9 src:VOICE_CALL pack:
05-23 11:23:33:123 something else
";

    #[test]
    fn recordings_are_told_with_their_source() {
        let (records, _) = rows_timed(&ARTIFACT, "/dumpsys/audio", TEXT.as_bytes());
        assert_eq!(
            records,
            json!([
                {"at": "2023-05-23T09:22:33.123000+00:00", "event": "start", "package": "org.example.spy", "source": "MIC",
                 "silenced": false, "uid": 10123, "session": 9, "_line": "recording start by org.example.spy from MIC"},
                {"at": "2023-05-23T09:23:33.123000+00:00", "event": "stop", "source": "VOICE_CALL", "uid": 10123,
                 "session": 9, "_line": "recording stop by  from VOICE_CALL"},
            ])
        );
    }

    #[test]
    fn broken_text_never_panics() {
        shake(&ARTIFACT, TEXT.as_bytes());
    }
}
