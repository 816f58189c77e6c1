use plist::{Dictionary, Value as Plist};

use crate::artifact::crash::one_or_list;
use crate::artifact::prelude::*;
use crate::artifact::property_list::{dictionary, flag, items, moment, text as text_of};

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.webkit_session_log",
    title: "Sites loaded by WebKit, before iOS 14",
    about: "Sites that web views loaded anything from, who led to them and whom they led to; the path tells the app.",
    files: &["/private/var/**/full_browsing_session_resourceLog.plist"],
    columns: &[
        time("last_seen", Epoch::Unix, Moment::LastSeen).rounded(Precision::Hour),
        time("user_interaction", Epoch::Unix, Moment::Visited).rounded(Precision::Hour),
        host("origin"),
        boolean("had_user_interaction"),
        host("redirect_source"),
        host("redirect_destination"),
        host("subframe_under_origin"),
        host("subresource_under_origin"),
    ],
    shows: Trace::Resolved,
    line: "WebKit loaded something from {origin} (from {redirect_source}, on to {redirect_destination})",
    parse: Parse::Plist(|list, out| {
        for (index, statistics) in items(dictionary(list)?, "browsingStatistics").iter().enumerate() {
            let place = Place::key(format!("browsingStatistics/{index}"));
            let Some(statistics) = statistics.as_dictionary() else {
                out.warn(Some(place), "a site is no dictionary");
                continue;
            };
            let sites = |key: &str| one_or_list(origins(statistics, key));
            out.push(
                place,
                [
                    moment(statistics, "lastSeen"),
                    moment(statistics, "mostRecentUserInteraction"),
                    text_of(statistics, "PrevalentResourceOrigin"),
                    flag(statistics, "hadUserInteraction"),
                    sites("topFrameUniqueRedirectsFrom"),
                    sites("topFrameUniqueRedirectsTo"),
                    sites("subframeUnderTopFrameOrigins"),
                    sites("subresourceUnderTopFrameOrigins"),
                ],
            );
        }
        Ok(())
    }),
};

fn origins(statistics: &Dictionary, key: &str) -> Vec<String> {
    let origin = |site: &Plist| match site {
        Plist::String(text) => Some(text.clone()),
        Plist::Dictionary(site) => {
            let text = |key| site.get(key).and_then(Plist::as_string).filter(|text| !text.is_empty());
            text("origin").or_else(|| text("domain")).map(str::to_owned)
        }
        _ => None,
    };
    items(statistics, key).iter().filter_map(origin).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows_at, shake};

    #[test]
    fn sites_name_what_led_to_them_and_what_they_led_to() {
        let list = br#"<plist version="1.0"><dict><key>browsingStatistics</key><array><dict>
            <key>PrevalentResourceOrigin</key><string>a.example</string><key>hadUserInteraction</key><true/>
            <key>lastSeen</key><date>2019-08-29T23:00:00Z</date><key>mostRecentUserInteraction</key><real>1567116000</real>
            <key>topFrameUniqueRedirectsFrom</key><array><dict><key>origin</key><string>b.example</string><key>count</key><integer>1</integer></dict></array>
            <key>topFrameUniqueRedirectsTo</key><array><dict><key>domain</key><string>c.example</string></dict><dict><key>domain</key><string>d.example</string></dict></array>
            <key>subframeUnderTopFrameOrigins</key><array><dict><key>origin</key><string>e.example</string></dict></array>
            <key>subresourceUnderTopFrameOrigins</key><array><dict><key>origin</key><string>f.example</string></dict></array>
            </dict><string>odd</string></array></dict></plist>"#;
        assert_eq!(
            rows_at(&ARTIFACT, "/x", list),
            (
                json!([{"last_seen": "2019-08-29T23:00:00.000000+00:00", "user_interaction": "2019-08-29T22:00:00.000000+00:00",
                        "origin": "a.example", "had_user_interaction": true, "redirect_source": "b.example",
                        "redirect_destination": ["c.example", "d.example"], "subframe_under_origin": "e.example",
                        "subresource_under_origin": "f.example",
                        "_line": "WebKit loaded something from a.example (from b.example, on to c.example, d.example)"}]),
                vec!["a site is no dictionary".to_owned()]
            )
        );
        shake(&ARTIFACT, list);
    }
}
