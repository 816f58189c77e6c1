use serde_json::Value as Json;

use crate::artifact::json;
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.os_restores",
    title: "Log of restores and updates",
    about: "Restores and updates of iOS with the versions before and after.",
    files: &["/private/var/mobile/MobileSoftwareUpdate/restore.log", "/private/var/MobileSoftwareUpdate/restore.log"],
    columns: &[
        time("logged", Epoch::Unix, Moment::Updated),
        text("event"),
        text("version_before"),
        text("version_after"),
        text("build_before"),
        text("build_after"),
        text("result"),
        message("entry"),
    ],
    shows: Trace::Mentioned,
    line: "{event} from {version_before} to {version_after} {result}",
    parse: Parse::Text(parse),
};

fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    while let Some((number, line)) = lines.next()? {
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        let place = Place::Line { line: number };
        let entry: Json = match serde_json::from_str(line) {
            Ok(entry @ Json::Object(_)) => entry,
            _ => {
                out.warn(Some(place), "a line is no JSON object");
                continue;
            }
        };
        let of = |name| json::text(&entry, name);
        let values = [
            entry.get("eventTime").map(json::value).unwrap_or_default(),
            of("event").or_else(|| of("eventType")).into(),
            of("originalOSVersion").into(),
            of("currentOSVersion").into(),
            of("originalBuildVersion").into(),
            of("currentBuildVersion").into(),
            of("result").into(),
            line.to_owned().into(),
        ];
        out.push(place, values);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows_at, shake};

    #[test]
    fn each_line_is_an_event() {
        let log = br#"{"event": "update", "eventTime": 1567121610, "originalOSVersion": "12.4", "currentOSVersion": "12.5", "originalBuildVersion": "16G77", "currentBuildVersion": "16H1", "result": "ok"}

no json
"#;
        let (records, warnings) = rows_at(&ARTIFACT, "/x", log);
        let line = String::from_utf8_lossy(log).lines().next().unwrap().to_owned();
        assert_eq!(
            records,
            json!([{"logged": "2019-08-29T23:33:30.000000+00:00", "event": "update", "version_before": "12.4", "version_after": "12.5",
                    "build_before": "16G77", "build_after": "16H1", "result": "ok", "entry": line,
                    "_line": "update from 12.4 to 12.5 ok"}])
        );
        assert_eq!(warnings, ["a line is no JSON object"]);
        shake(&ARTIFACT, log);
    }
}
