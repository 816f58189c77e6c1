use crate::artifact::biome::{DEVICE, LARGEST_BYTES, NOTED, REMOTE, STATE, STREAM, entries, streams};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.biome_web",
    title: "Pages in the activity streams",
    about: "Pages and sites that were opened, as Biome noted them; they stay there after the history was cleared (since iOS 15; page addresses since 18).",
    files: streams!["Safari.Navigations" "App.WebUsage" "_DKEvent.Safari.History" "_DKEvent.App.WebUsage"],
    columns: &[
        NOTED,
        STREAM,
        STATE,
        REMOTE,
        DEVICE,
        time("visited", Epoch::Mac, Moment::Visited),
        // Safari rounds it up to half an hour.
        time("visited_about", Epoch::Unix, Moment::Visited).rounded(Precision::Hour),
        time("left", Epoch::Mac, Moment::Ended),
        url("url"),
        host("host"),
        text("title"),
        app_id("app"),
        text("country"),
        text("unique_id"),
        message("other"),
    ],
    shows: Trace::Visited,
    line: "visit to {url} {host} {app}",
    parse: Parse::Bytes { most: LARGEST_BYTES, parse },
};

/// Field numbers are not published: they were told from streams of known phones.
fn parse(bytes: &[u8], out: &mut Out<'_>) -> Result<()> {
    entries(bytes, out, |entry, out| {
        let message = &entry.message;
        let mut values: [Value<'_>; 9] = std::array::from_fn(|_| Value::Null);
        let [visited, about, left, url, host, title, app, country, id] = &mut values;
        match entry.stream {
            "Safari.Navigations" => {
                (*host, *about) = (message.text(1), message.double(2));
                (*country, *url) = (message.text(5), message.text(8));
            }
            "App.WebUsage" => {
                (*id, *visited, *url) = (message.text(1), message.double(2), message.text(4));
                (*host, *app) = (message.text(5), message.text(6));
            }
            _ => {
                (*visited, *left) = (message.double(2), message.double(3));
                *url = message.message(4).text(3);
                *title = message.message(7).message(2).text(3);
            }
        }
        entry.push(values, out);
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows_at, shake};
    use crate::format::protobuf::testing::{bytes, double};
    use crate::format::segb::testing::{version_1, version_2};

    fn path(stream: &str) -> String {
        format!("/private/var/mobile/Library/Biome/streams/restricted/{stream}/local/12")
    }

    #[test]
    fn navigations_of_safari_are_rounded_and_deleted_ones_are_kept() {
        let entry = |url| {
            [bytes(1, "a.example"), double(2, 1_684_922_400.0), bytes(5, "DE"), bytes(8, url)].concat()
        };
        let file = version_2(&[(1, 706_615_300.5, entry("https://a.example/x")), (3, 706_615_300.5, entry("https://a.example/y"))]);
        let (records, warnings) = rows_at(&ARTIFACT, &path("Safari.Navigations"), &file);
        let record = |url: &str, state: &str| {
            json!({"written": "2023-05-24T10:01:40.500000+00:00", "stream": "Safari.Navigations", "state": state,
                   "remote": false, "visited_about": "2023-05-24T10:00:00.000000+00:00", "url": url, "host": "a.example",
                   "country": "DE", "_line": format!("visit to {url} a.example ")})
        };
        assert_eq!(records, json!([record("https://a.example/x", "written"), record("https://a.example/y", "deleted")]));
        assert!(warnings.is_empty(), "{warnings:?}");
        shake(&ARTIFACT, &file);
    }

    #[test]
    fn web_usage_names_the_app() {
        let entry = [
            bytes(1, "G-1"),
            double(2, 706_615_300.0),
            bytes(4, "https://b.example/"),
            bytes(5, "b.example"),
            bytes(6, "org.example.browser"),
            bytes(9, "https://referrer.example/"),
        ];
        let (records, _) = rows_at(&ARTIFACT, &path("App.WebUsage"), &version_1(&[(1, 706_615_301.0, entry.concat())]));
        assert_eq!(
            records,
            json!([{"written": "2023-05-24T10:01:41.000000+00:00", "stream": "App.WebUsage", "state": "written",
                    "remote": false, "visited": "2023-05-24T10:01:40.000000+00:00", "url": "https://b.example/",
                    "host": "b.example", "app": "org.example.browser", "unique_id": "G-1",
                    "other": "https://referrer.example/",
                    "_line": "visit to https://b.example/ b.example org.example.browser"}])
        );
    }

    #[test]
    fn history_of_another_device_says_so() {
        let entry = [
            double(2, 706_615_300.0),
            double(3, 706_615_360.0),
            bytes(4, bytes(3, "https://c.example/")),
            bytes(7, bytes(2, bytes(3, "C"))),
        ];
        let path = "/private/var/mobile/Library/Biome/streams/public/_DKEvent.Safari.History/remote/AA-1/12";
        let (records, _) = rows_at(&ARTIFACT, path, &version_1(&[(1, 706_615_301.0, entry.concat())]));
        assert_eq!(
            records,
            json!([{"written": "2023-05-24T10:01:41.000000+00:00", "stream": "_DKEvent.Safari.History",
                    "state": "written", "remote": true, "device": "AA-1",
                    "visited": "2023-05-24T10:01:40.000000+00:00", "left": "2023-05-24T10:02:40.000000+00:00",
                    "url": "https://c.example/", "title": "C", "_line": "visit to https://c.example/  "}])
        );
    }

    #[test]
    fn files_that_are_no_streams_are_told_only_if_they_are_called_like_one() {
        assert!(rows_at(&ARTIFACT, "/x/App.WebUsage/local/lock", b"x").1.is_empty());
        assert!(rows_at(&ARTIFACT, "/x/App.WebUsage/local/12", b"").1.is_empty());
        assert_eq!(rows_at(&ARTIFACT, "/x/App.WebUsage/local/12", b"x").1, ["is no SEGB file"]);
    }
}
