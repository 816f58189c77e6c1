use crate::artifact::android_text::{bounded, duration_ms, indent, is_package};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.location_requests",
    title: "Requests for the phone's place",
    about: "Which app asked for the place since the phone was started, for how long, and how much of that while it was in front.",
    files: &["/dumpsys/location"],
    columns: &[
        app_id("package"),
        text("tag"),
        int("uid"),
        // `gps`, `network`, `fused`, `passive`
        text("provider"),
        int("requested_ms"),
        int("active_ms"),
        int("foreground_ms"),
        int("places"),
        text("intervals"),
    ],
    shows: Trace::Executed,
    line: "{package} asked {provider} for the place over {requested_ms} ms and was told it {places} times",
    parse: Parse::Text(parse),
};

/// `10123/org.example.app[tag]: min/max interval = 1s/30s, total/active/foreground duration = +1h/+2m/+0, locations = 12` below the provider;
/// up to Android 11 `org.example.app: gps: Interval 1 seconds: Duration requested 2 total, 1 foreground, out of the last 3 minutes: …`.
fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    let mut provider: Option<String> = None;
    let mut within: Option<usize> = None;
    while let Some((number, line)) = lines.next()? {
        let text = line.trim();
        if text.starts_with("Historical Aggregate Location Provider Data:") {
            within = Some(indent(&line));
            continue;
        }
        if within.is_some_and(|heading| indent(&line) <= heading && !text.is_empty()) {
            within = None;
        }
        if let Some((caller, rest)) = text.split_once(": min/max interval = ") {
            let (uid, caller) = caller.split_once('/').unwrap_or(("", caller));
            let (package, tag) = caller.split_once('[').unwrap_or((caller, ""));
            let (intervals, rest) = rest.split_once(", total/active/foreground duration = ").unwrap_or((rest, ""));
            let (durations, places) = rest.split_once(", locations = ").unwrap_or((rest, ""));
            let mut durations = durations.split('/').map(duration_ms);
            let mut next = || durations.next().flatten();
            let tag = tag.trim_end_matches(']');
            out.push(
                Place::Line { line: number },
                [
                    bounded(package).into(),
                    Some(bounded(tag)).filter(|tag| !tag.is_empty()).into(),
                    uid.parse::<i64>().ok().into(),
                    provider.as_deref().into(),
                    next().into(),
                    next().into(),
                    next().into(),
                    places.trim().parse::<i64>().ok().into(),
                    bounded(intervals).into(),
                ],
            );
        } else if let Some((package, rest)) = text.split_once(": ").filter(|(name, _)| is_package(name))
            && let Some((by, rest)) = rest.split_once(": ").filter(|(_, rest)| rest.contains("Duration requested"))
        {
            let minutes = |text: &str| text.split_whitespace().next_back()?.parse::<i64>().ok()?.checked_mul(60_000);
            let durations = rest.split_once("Duration requested ").map_or("", |(_, durations)| durations);
            let of = |word: &str| durations.split_once(word).and_then(|(before, _)| minutes(before.trim_end()));
            out.push(
                Place::Line { line: number },
                [
                    package.into(),
                    Value::Null,
                    Value::Null,
                    bounded(by).into(),
                    of(" total").into(),
                    Value::Null,
                    of(" foreground").into(),
                    Value::Null,
                    bounded(rest).into(),
                ],
            );
        } else if within.is_some()
            && let Some(name) = text.strip_suffix(':')
        {
            provider = Some(bounded(name.trim_end_matches(" provider")).to_owned());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const TEXT: &str = "\
  Historical Aggregate Location Provider Data:
    gps:
      10123/org.example.app[tag]: min/max interval = 0s/1s, total/active/foreground duration = +1h2s/+2m/+0, locations = 163
    network provider:
      1000/android: min/max interval = passive/passive, total/active/foreground duration = +1s/+0/+1s, locations = 0
  GNSS Manager:
    fused:
";

    #[test]
    fn requests_are_told_by_app_and_provider() {
        let (records, warnings) = rows_at(&ARTIFACT, "/dumpsys/location", TEXT.as_bytes());
        assert!(warnings.is_empty(), "{warnings:?}");
        assert_eq!(
            records[0],
            json!({"package": "org.example.app", "tag": "tag", "uid": 10123, "provider": "gps", "requested_ms": 3_602_000,
                   "active_ms": 120_000, "foreground_ms": 0, "places": 163, "intervals": "0s/1s",
                   "_line": "org.example.app asked gps for the place over 3602000 ms and was told it 163 times"})
        );
        assert_eq!((&records[1]["package"], &records[1]["provider"]), (&json!("android"), &json!("network")));
        assert_eq!(records.as_array().unwrap().len(), 2);
    }

    #[test]
    fn android_11_counts_in_minutes() {
        let text = b"  Historical Records by Provider:\n    org.example.app: gps: Interval 1 seconds: Duration requested 2 total, 1 foreground, out of the last 3 minutes: Currently active\n";
        let records = rows(&ARTIFACT, text);
        let record = &records[0];
        assert_eq!((&record["provider"], &record["requested_ms"], &record["foreground_ms"]), (&json!("gps"), &json!(120_000), &json!(60_000)));
        shake(&ARTIFACT, TEXT.as_bytes());
        shake(&ARTIFACT, text);
    }
}
