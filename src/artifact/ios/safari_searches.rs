use crate::artifact::prelude::*;
use crate::artifact::property_list::{dictionary, items, moment, text as text_of};

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.safari_searches",
    title: "Safari searches",
    about: "What was last typed into Safari's search field.",
    files: &[
        "/private/var/mobile/Library/Preferences/com.apple.mobilesafari.plist",
        "/private/var/mobile/Containers/Data/Application/*/Library/Preferences/com.apple.mobilesafari.plist",
    ],
    columns: &[time("searched", Epoch::Mac, Moment::Visited), message("term")],
    shows: Trace::Mentioned,
    line: "searched for {term}",
    parse: Parse::Plist(parse),
};

fn parse(list: &plist::Value, out: &mut Out<'_>) -> Result<()> {
    for (index, search) in items(dictionary(list)?, "RecentWebSearches").iter().enumerate() {
        let place = Place::key(format!("RecentWebSearches/{index}"));
        match search.as_dictionary() {
            Some(search) => out.push(place, [moment(search, "Date"), text_of(search, "SearchString")]),
            None => out.warn(Some(place), "a search is not a dictionary"),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows_at, shake};

    #[test]
    fn searches_have_their_time() {
        let list = b"<plist><dict><key>RecentWebSearches</key><array>
            <dict><key>SearchString</key><string>weather</string><key>Date</key><date>2024-01-02T03:04:05Z</date></dict>
            <string>odd</string></array></dict></plist>";
        let (records, warnings) = rows_at(&ARTIFACT, "/x", list);
        assert_eq!(
            records,
            json!([{"searched": "2024-01-02T03:04:05.000000+00:00", "term": "weather", "_line": "searched for weather"}])
        );
        assert_eq!(warnings, ["a search is not a dictionary"]);
        assert_eq!(rows_at(&ARTIFACT, "/x", b"<plist><dict/></plist>"), (json!([]), vec![]));
        shake(&ARTIFACT, list);
    }
}
