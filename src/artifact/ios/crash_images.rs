use crate::artifact::crash::{Crash, FILES, Family, LARGEST_BYTES, Report, decoded, filled};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.crash_images",
    title: "Code loaded by crashed programs",
    about: "Programs and libraries in the memory of a process that crashed, except those that the system shares among all.",
    files: FILES,
    columns: &[
        time("captured", Epoch::Unix, Moment::Crashed),
        path("image"),
        text("name"),
        // As 32 or 36 digits, the uuid of its Mach-O file.
        text("uuid"),
        // Matched in the crash report itself.
        text("process"),
        text("executable"),
        text("bundle"),
        text("incident"),
    ],
    shows: Trace::Executed,
    line: "{process} had loaded {image}{name}",
    parse: Parse::Bytes { most: LARGEST_BYTES, parse },
};

fn parse(bytes: &[u8], out: &mut Out<'_>) -> Result<()> {
    let text = decoded(bytes);
    let report = Report::of(&text);
    if report.family != Family::Process {
        return Ok(());
    }
    let crash = Crash::of(&report, out);
    for image in &crash.images {
        // A name says nothing that its path does not.
        let name = if image.path.is_empty() { filled(&image.name) } else { Value::Null };
        out.push(
            image.place.clone(),
            [
                crash.captured.clone(),
                filled(&image.path),
                name,
                filled(&image.uuid),
                filled(&crash.process),
                filled(&crash.executable),
                filled(&crash.bundle),
                filled(&crash.incident),
            ],
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const JSON: &str = r#"{"bug_type":"309","timestamp":"2023-05-24 13:29:20.00 +0200","incident_id":"A1"}
{"procName":"imagent","procPath":"\/System\/imagent.app\/imagent","sharedCache":{"base":6442450944,"size":4000000000,"uuid":"d"},"usedImages":[
 {"source":"P","base":6898708480,"path":"\/usr\/lib\/system\/libdispatch.dylib"},
 {"source":"P","arch":"arm64e","base":4300000000,"size":16384,"uuid":"AAAAAAAA-1111-2222-3333-444444444444","path":"\/private\/var\/tmp\/x.dylib","name":"x.dylib"},
 {"source":"S","uuid":"b","path":"\/usr\/lib\/libobjc.A.dylib","name":"libobjc.A.dylib"},
 {"source":"A","uuid":"c","name":"???"},
 {"size":0,"source":"A","base":0,"uuid":"00000000-0000-0000-0000-000000000000"}]}"#;

    #[test]
    fn images_of_the_shared_cache_are_left_out() {
        let records = rows(&ARTIFACT, JSON.as_bytes());
        assert_eq!(
            records[0],
            json!({
                "captured": "2023-05-24T11:29:20.000000+00:00",
                "image": "/private/var/tmp/x.dylib",
                "uuid": "aaaaaaaa-1111-2222-3333-444444444444",
                "process": "imagent",
                "executable": "/System/imagent.app/imagent",
                "incident": "A1",
                "_line": "imagent had loaded /private/var/tmp/x.dylib",
            })
        );
        assert_eq!((&records[1]["name"], &records[2]), (&json!("???"), &json!(null)));
    }

    const TEXT: &str = "\
Process:             imagent [61]
Date/Time:           2020-11-02 21:10:09.5 +0100
Binary Images:
0x104f00000 - 0x104f03fff +My Tweak One arm64e  <0123456789ABCDEF0123456789abcdef> /Library/MobileSubstrate/My Tweak.dylib
0x1a0000000 - 0x1a0003fff libobjc.A.dylib arm64e  <1123456789abcdef0123456789abcdef> /usr/lib/libobjc.A.dylib
";

    #[test]
    fn rows_of_text_are_taken_apart_at_the_uuid() {
        let records = rows(&ARTIFACT, TEXT.as_bytes());
        assert_eq!(records[0]["image"], "/Library/MobileSubstrate/My Tweak.dylib");
        assert_eq!(records[0]["uuid"], "0123456789abcdef0123456789abcdef");
        assert_eq!(records[1], json!(null));
    }

    #[test]
    fn broken_reports_never_panic() {
        shake(&ARTIFACT, JSON.as_bytes());
        shake(&ARTIFACT, TEXT.as_bytes());
    }
}
