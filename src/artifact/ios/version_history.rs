use crate::artifact::crash::{Report, decoded, text as text_of};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.version_history",
    title: "Versions of iOS over time",
    about: "Which version of iOS the phone ran when, by the journals of its analytics.",
    files: &["/private/var/db/analyticsd/**/Analytics-Journal-*.ips"],
    columns: &[time("recorded", Epoch::Unix, Moment::Logged), text("os_version"), text("build")],
    shows: Trace::Logged,
    line: "the phone ran {os_version}",
    parse: Parse::Head { bytes: HEAD_BYTES, parse },
};

/// Its first line is what counts.
const HEAD_BYTES: usize = 16 << 10;

fn parse(head: &[u8], out: &mut Out<'_>) {
    let text = decoded(head);
    let report = Report::of(&text);
    let place = Place::Line { line: 1 };
    let Some(version) = text_of(&report.header, "os_version") else {
        out.warn(Some(place), "does not begin with the line that tells the version");
        return;
    };
    let recorded = report.written(out);
    // `iPhone OS 16.6 (20G75)`
    let build = version.rsplit_once('(').map(|(_, build)| build.trim_end_matches(')').trim());
    out.push(place, [recorded, version.into(), build.into()]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows_at, shake};

    const JOURNAL: &[u8] = b"{\"bug_type\":\"211\",\"timestamp\":\"2023-05-24 13:29:15.50 +0200\",\"os_version\":\"iPhone OS 16.6 (20G75)\"}\n{\"x\":1}\n";

    #[test]
    fn the_first_line_tells_version_and_time() {
        assert_eq!(
            rows_at(&ARTIFACT, "/x.ips", JOURNAL),
            (
                json!([{"recorded": "2023-05-24T11:29:15.500000+00:00", "os_version": "iPhone OS 16.6 (20G75)", "build": "20G75",
                        "_line": "the phone ran iPhone OS 16.6 (20G75)"}]),
                vec![]
            )
        );
        shake(&ARTIFACT, JOURNAL);
    }

    #[test]
    fn another_file_is_told_and_takes_nothing_else_along() {
        let (records, warnings) = rows_at(&ARTIFACT, "/x.ips", b"hello\n");
        assert_eq!((records, warnings.len()), (json!([]), 1));
    }
}
