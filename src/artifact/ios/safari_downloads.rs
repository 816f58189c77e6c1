use crate::artifact::prelude::*;
use crate::artifact::property_list::{dictionary, items, moment, number, text as text_of, unarchived};

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.safari_downloads",
    title: "Safari downloads",
    about: "Files that Safari downloaded, until the list is cleared.",
    files: &[
        "/private/var/mobile/Library/Safari/Downloads.plist",
        "/private/var/mobile/Library/Safari/Downloads/Downloads.plist",
        "/private/var/mobile/Containers/*/*/*/Library/Safari/Downloads.plist",
        "/private/var/mobile/Containers/*/*/*/Library/Safari/Downloads/Downloads.plist",
    ],
    columns: &[
        time("started", Epoch::Mac, Moment::Started),
        time("ended", Epoch::Mac, Moment::Ended),
        url("url"),
        path("file"),
        int("received_bytes"),
        int("total_bytes"),
        text("identifier"),
    ],
    shows: Trace::Visited,
    line: "Safari download of {url} to {file}",
    parse: Parse::Plist(parse),
};

fn parse(list: &plist::Value, out: &mut Out<'_>) -> Result<()> {
    let list = unarchived(list)?;
    for (index, download) in items(dictionary(&list)?, "DownloadHistory").iter().enumerate() {
        let place = Place::key(format!("DownloadHistory/{index}"));
        let Some(download) = download.as_dictionary() else {
            out.warn(Some(place), "a download is not a dictionary");
            continue;
        };
        let values = [
            moment(download, "DownloadEntryDateAddedKey"),
            moment(download, "DownloadEntryDateFinishedKey"),
            text_of(download, "DownloadEntryURL"),
            text_of(download, "DownloadEntryPath"),
            number(download, "DownloadEntryProgressBytesSoFar"),
            number(download, "DownloadEntryProgressTotalToLoad"),
            text_of(download, "DownloadEntryIdentifier"),
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
    fn downloads_are_told_with_where_they_went() {
        let list = b"<plist><dict><key>DownloadHistory</key><array><dict>
            <key>DownloadEntryURL</key><string>https://a.example/x.zip</string>
            <key>DownloadEntryPath</key><string>/private/var/mobile/Downloads/x.zip</string>
            <key>DownloadEntryDateAddedKey</key><date>2024-01-02T03:04:05Z</date>
            <key>DownloadEntryDateFinishedKey</key><date>2024-01-02T03:04:06Z</date>
            <key>DownloadEntryProgressBytesSoFar</key><integer>5</integer><key>DownloadEntryProgressTotalToLoad</key><integer>6</integer>
            <key>DownloadEntryIdentifier</key><string>D-1</string></dict><true/></array></dict></plist>";
        let (records, warnings) = rows_at(&ARTIFACT, "/x", list);
        assert_eq!(
            records,
            json!([{"started": "2024-01-02T03:04:05.000000+00:00", "ended": "2024-01-02T03:04:06.000000+00:00",
                    "url": "https://a.example/x.zip", "file": "/private/var/mobile/Downloads/x.zip", "received_bytes": 5,
                    "total_bytes": 6, "identifier": "D-1",
                    "_line": "Safari download of https://a.example/x.zip to /private/var/mobile/Downloads/x.zip"}])
        );
        assert_eq!(warnings, ["a download is not a dictionary"]);
        shake(&ARTIFACT, list);
    }
}
