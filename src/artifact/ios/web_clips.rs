use crate::artifact::prelude::*;
use crate::artifact::property_list::{dictionary, flag, text as text_of};

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.web_clips",
    title: "Web clips on the home screen",
    about: "Web pages that stand on the home screen like apps, put there by the owner or by a profile.",
    files: &["/private/var/mobile/Library/WebClips/*.webclip/Info.plist"],
    columns: &[
        text("title"),
        url("url"),
        app_id("application"),
        boolean("full_screen"),
        boolean("removal_disallowed"),
        text("manifest_id"),
    ],
    shows: Trace::Installed,
    line: "web clip {title} {url}",
    parse: Parse::Plist(|list, out| {
        let clip = dictionary(list)?;
        let values = [
            text_of(clip, "Title"),
            text_of(clip, "URL"),
            text_of(clip, "ApplicationBundleIdentifier"),
            flag(clip, "FullScreen"),
            flag(clip, "RemovalDisallowed"),
            text_of(clip, "WebAppManifestID"),
        ];
        out.push(Place::key("Info"), values);
        Ok(())
    }),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, shake};

    #[test]
    fn a_clip_tells_where_it_leads() {
        let list = b"<plist><dict><key>Title</key><string>Bank</string><key>URL</key><string>https://a.example/</string>
            <key>FullScreen</key><true/><key>RemovalDisallowed</key><false/><key>WebAppManifestID</key><string>M</string>
            <key>ApplicationBundleIdentifier</key><string>com.example.a</string></dict></plist>";
        assert_eq!(
            rows(&ARTIFACT, list),
            json!([{"title": "Bank", "url": "https://a.example/", "application": "com.example.a", "full_screen": true,
                    "removal_disallowed": false, "manifest_id": "M", "_line": "web clip Bank https://a.example/"}])
        );
        shake(&ARTIFACT, list);
    }
}
