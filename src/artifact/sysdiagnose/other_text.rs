use std::collections::HashSet;

use crate::artifact::prelude::*;
use crate::artifact::text_log::{data_path, foreign_app, has_address};
use crate::format::keyed;

pub const ARTIFACT: Artifact = Artifact {
    id: "sysdiagnose.other_text",
    title: "Texts that nothing else reads",
    about: "Links, addresses, paths and apps named in texts and property lists that no other artifact knows.",
    files: &[
        "/sysdiagnose/{ASPSnapshots,Personalization}/**/*.{csv,json,log,plist,txt}",
        "/sysdiagnose/logs/{CloudSubscriptionFeatures,FDR,GenerativeExperiences,ModelCatalog,ModelManager,NetworkRelay}/**/*.{csv,json,log,plist,txt}",
        "/sysdiagnose/logs/{MSU,MobileSoftwareUpdate,OSEligibility,OTAUpdateLogs,ProtectedApps,Splat,Trial,UnifiedAsset,profile_access,rmd}/**/*.{csv,json,log,plist,txt}",
        "/sysdiagnose/{ckksctl_status,pcsstatus}.txt",
        "/sysdiagnose/**/lsaw.csv",
    ],
    columns: &[app_id("app"), path("file"), message("text")],
    shows: Trace::Mentioned,
    line: "{text}",
    parse: Parse::Bytes { most: 32 << 20, parse },
};

/// Different texts kept of a file.
const TEXTS_MOST: usize = 5_000;
const LONGEST_TEXT_BYTES: usize = 4096;

fn parse(bytes: &[u8], out: &mut Out<'_>) -> Result<()> {
    let mut texts = Texts { out, seen: HashSet::new() };
    let start = bytes.trim_ascii_start();
    if bytes.starts_with(b"bplist") || start.starts_with(b"<?xml") || start.starts_with(b"<plist") {
        let list = keyed::parse(bytes)?;
        for (text, number) in keyed::strings(&list).into_iter().zip(1..) {
            texts.add(Place::key(format!("text {number}")), text);
        }
        return Ok(());
    }
    if start.starts_with(b"{") || start.starts_with(b"[") {
        // A text that only looks like JSON, or a line of JSON after the other, is read line by line.
        if let Ok(json) = serde_json::from_slice::<serde_json::Value>(start) {
            texts.json(&json);
            return Ok(());
        }
    }
    if bytes.iter().take(4096).filter(|byte| **byte == 0).count() > 16 {
        anyhow::bail!("is neither text nor a property list");
    }
    let text = String::from_utf8_lossy(bytes);
    text.lines().zip(1..).for_each(|(line, number)| texts.add(Place::Line { line: number }, line));
    Ok(())
}

struct Texts<'o, 'a> {
    out: &'o mut Out<'a>,
    seen: HashSet<String>,
}

impl Texts<'_, '_> {
    fn add(&mut self, place: Place, text: &str) {
        let text = text.trim();
        let (app, file) = (foreign_app(text), data_path(text));
        if app.is_none() && file.is_none() && !has_address(text) {
            return;
        }
        if self.seen.len() >= TEXTS_MOST {
            let problem = format!("holds more than {TEXTS_MOST} different texts; the rest was not searched");
            self.out.warn(Some(place), problem);
            return;
        }
        if text.len() > LONGEST_TEXT_BYTES {
            let problem = format!("of texts over {LONGEST_TEXT_BYTES} bytes only the beginning was searched");
            self.out.warn(Some(place.clone()), problem);
        }
        let text = text.get(..text.floor_char_boundary(LONGEST_TEXT_BYTES)).unwrap_or(text);
        if self.seen.insert(text.to_owned()) {
            self.out.push(place, [app.into(), file.into(), text.into()]);
        }
    }

    fn json(&mut self, root: &serde_json::Value) {
        use serde_json::Value as Json;
        let mut waiting = vec![("", root)];
        while let Some((key, value)) = waiting.pop() {
            match value {
                Json::String(text) => self.add(Place::key(key), text),
                Json::Array(items) => waiting.extend(items.iter().rev().map(|item| (key, item))),
                Json::Object(members) => {
                    for (name, member) in members.iter().rev() {
                        self.add(Place::key(name.as_str()), name);
                        waiting.push((name, member));
                    }
                }
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    fn texts(bytes: &[u8]) -> serde_json::Value {
        let records = rows(&ARTIFACT, bytes);
        let texts: Vec<_> = records.as_array().unwrap().iter().map(|record| record["text"].clone()).collect();
        json!(texts)
    }

    #[test]
    fn property_lists_json_and_lines_are_searched_alike() {
        let list = b"<plist><dict><key>org.example.app</key><string>plain</string><key>a</key><string>https://a.example</string></dict></plist>";
        assert_eq!(texts(list), json!(["org.example.app", "https://a.example"]));
        assert_eq!(texts(br#"{"a": ["x@b.example", 4, "plain"], "b": "/private/var/tmp/x"}"#), json!(["x@b.example", "/private/var/tmp/x"]));
        assert_eq!(texts(b"{not json} see https://a.example\nsee https://a.example\nnothing\n"), json!(["{not json} see https://a.example", "see https://a.example"]));
        for bytes in [list.as_slice(), br#"{"a": ["x@b.example"]}"#, b"see https://a.example\n"] {
            shake(&ARTIFACT, bytes);
        }
    }

    #[test]
    fn what_is_left_out_is_said() {
        let many: String = (0..TEXTS_MOST + 1).map(|n| format!("https://a{n}.example\n")).collect();
        let (records, warnings) = rows_at(&ARTIFACT, "/x", many.as_bytes());
        assert_eq!((records.as_array().unwrap().len(), warnings.len()), (TEXTS_MOST, 1));
        assert_eq!(rows_at(&ARTIFACT, "/x", &[0; 64]).1, ["is neither text nor a property list"]);
    }
}
