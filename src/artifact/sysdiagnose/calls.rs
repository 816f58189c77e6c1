use crate::artifact::prelude::*;
use crate::artifact::text_log::{has_address, is_public_address};

pub const ARTIFACT: Artifact = Artifact {
    id: "sysdiagnose.calls",
    title: "Settings of audio and video calls",
    about: "Lines about FaceTime and other calls that name a participant or an address.",
    files: &["/sysdiagnose/logs/AVConference/*.calldump"],
    columns: &[time("called", Epoch::Local, Moment::Called), message("line")],
    shows: Trace::Received,
    line: "call: {line}",
    parse: Parse::Text(|lines, out| {
        let called = named(out.path());
        while let Some((number, line)) = lines.next()? {
            let line = line.trim();
            let mut words = line.split(|c: char| c.is_whitespace() || ",;=\"()[]".contains(c));
            // An address may stand with its port: `203.0.113.7:16402`.
            let without_port = |word| str::rsplit_once(word, ':').map_or(word, |(address, _)| address);
            if has_address(line) || words.any(|word| is_public_address(word) || is_public_address(without_port(word))) {
                out.push(Place::Line { line: number }, [called.into(), line.into()]);
            }
        }
        Ok(())
    }),
};

/// The call's start from the file's name: `20230524-132915-CallSettings.calldump`.
fn named(path: &str) -> Option<jiff::civil::DateTime> {
    let name = path.rsplit('/').next()?;
    name.match_indices('-').find_map(|(at, _)| {
        let stamp = name.get(at.checked_sub(8)?..at + 7)?;
        jiff::civil::DateTime::strptime("%Y%m%d-%H%M%S", stamp).ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    #[test]
    fn lines_that_name_somebody_are_kept_with_the_time_of_the_call() {
        let text = "132915.000001 remote mailto:a@b.example\nbitrate 5\npeer 203.0.113.7:16402\nlocal 192.168.0.1\n";
        let path = "/sysdiagnose/logs/AVConference/x_20230524-132915-CallSettings.calldump";
        let (records, _) = rows_timed(&ARTIFACT, path, text.as_bytes());
        assert_eq!(
            records,
            json!([
                { "called": "2023-05-24T11:29:15.000000+00:00", "line": "132915.000001 remote mailto:a@b.example",
                  "_line": "call: 132915.000001 remote mailto:a@b.example" },
                { "called": "2023-05-24T11:29:15.000000+00:00", "line": "peer 203.0.113.7:16402", "_line": "call: peer 203.0.113.7:16402" },
            ])
        );
        assert_eq!(named("/x/é-123456-y"), None);
        shake(&ARTIFACT, text.as_bytes());
    }
}
