use std::collections::BTreeMap;

use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "android_launched_url",
    title: "A link to an app file was opened",
    looks_at: "Links in the log's and the activity manager's records of opened screens that lead to an app file, and screens that were \
        opened to install one.",
    why_it_matters: "Apps that do not come from a store come by such links: stalkerware is downloaded that way by whoever holds the phone, \
        and targets are sent there by messages.",
    innocent_causes: "Apps of makers who offer their own download, of free software and of games outside the stores.",
    next_check: "Ask what was downloaded, and look for an app that was installed just after.",
    references: &["https://developer.android.com/distribute/marketing-tools/alternative-distribution"],
    reads: &[
        Reads { artifact: "android.logcat", keep: |record| leads_to_app(record) },
        Reads { artifact: "android.components", keep: |record| leads_to_app(record) },
    ],
    check: |kept, findings| {
        let mut links: BTreeMap<&str, &Exhibit> = BTreeMap::new();
        for record in kept.of("android.logcat").iter().chain(kept.of("android.components")) {
            let key = if record.text("url").is_empty() { record.text("component") } else { record.text("url") };
            links.entry(key).or_insert(record);
        }
        for (link, record) in links.into_iter().take(MOST) {
            let message = match record.text("url") {
                "" => format!("An app file was handed to {link} to install it"),
                url => format!("A link to an app file was opened: {url}"),
            };
            findings.push(Finding::of_rule(HEURISTIC.id, Level::Low, Trace::Visited, message, record));
        }
    },
};

/// Links told.
const MOST: usize = 50;

fn leads_to_app(record: &Record<'_>) -> bool {
    let opened = record.artifact.id != "android.logcat" || record.value("event").as_text() == Some("screen opened");
    let is_file = |url: &str| {
        let path = url.split(['?', '#']).next().unwrap_or(url);
        let path = path.trim_end_matches('/').to_ascii_lowercase();
        [".apk", ".xapk", ".apks", ".apkm"].iter().any(|ending| path.ends_with(ending))
    };
    // Stores install without that screen.
    let handed = || record.value("detail").as_text().is_some_and(|text| text.contains("application/vnd.android.package-archive"));
    opened && (record.value("url").as_text().is_some_and(is_file) || handed())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{json, verdicts};
    use super::*;

    #[test]
    fn links_and_installations_are_told_once() {
        let url = "https://a.example/get.APK?x=1";
        let records = [
            ("android.logcat", json!({ "event": "screen opened", "url": url })),
            ("android.components", json!({ "url": url })),
            ("android.logcat", json!({ "event": "screen opened", "component": "org.example.i/.I", "detail": "START u0 {typ=application/vnd.android.package-archive}" })),
        ];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            [
                "LOW A link to an app file was opened: https://a.example/get.APK?x=1",
                "LOW An app file was handed to org.example.i/.I to install it",
            ]
        );
    }

    #[test]
    fn other_links_and_mere_mentions_are_silent() {
        let records = [
            ("android.logcat", json!({ "event": "screen opened", "url": "https://a.example/apk" })),
            ("android.logcat", json!({ "event": "mentioned", "url": "https://a.example/x.apk" })),
        ];
        assert_eq!(verdicts(&HEURISTIC, &records), [""; 0]);
    }
}
