use crate::artifact::prelude::*;
use crate::artifact::text_log::without_team;
use crate::time::{ascii_digits, zoned};

pub const ARTIFACT: Artifact = Artifact {
    id: "sysdiagnose.app_links",
    title: "Web domains that apps claim (swcutil)",
    about: "Domains whose links apps open or whose passwords they fill, as apps declare them; not what was browsed.",
    files: &["/sysdiagnose/swcutil_show.txt"],
    columns: &[
        time("checked", Epoch::Unix, Moment::LookedUp),
        text("service"),
        app_id("app"),
        text("team"),
        host("domain"),
        text("approval"),
        text("error"),
    ],
    shows: Trace::Installed,
    line: "app {app} claims {domain} for {service}",
    parse: Parse::Text(parse),
};

#[derive(Default)]
struct Entry {
    line: u64,
    service: String,
    app: String,
    domain: String,
    approval: String,
    checked: String,
    error: String,
}

/// Entries of `Key: value` lines, parted by lines of dashes, in sections headed by lines of `=`.
fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    let (mut entry, mut any, mut header) = (Entry::default(), false, false);
    while let Some((number, line)) = lines.next()? {
        let line = line.trim();
        header |= line.starts_with("===");
        if line.starts_with("---") || line.starts_with("===") {
            push(std::mem::take(&mut entry), out);
            continue;
        }
        let Some((key, value)) = line.split_once(':') else { continue };
        let value = value.trim();
        let field = match key.trim() {
            "Service" => {
                // An entry begins with it, should its line of dashes be missing.
                push(std::mem::take(&mut entry), out);
                any = true;
                entry.line = number;
                &mut entry.service
            }
            "App ID" => &mut entry.app,
            "Domain" => &mut entry.domain,
            "User Approval" => &mut entry.approval,
            "Last Checked" => &mut entry.checked,
            "Error" => &mut entry.error,
            _ => continue,
        };
        value.clone_into(field);
    }
    push(entry, out);
    anyhow::ensure!(any || header, "holds neither sections nor `Service:` entries of swcutil");
    Ok(())
}

fn push(entry: Entry, out: &mut Out<'_>) {
    if entry.app.is_empty() && entry.domain.is_empty() {
        return;
    }
    let (app, team) = without_team(&entry.app);
    let place = Place::Line { line: entry.line };
    let checked = clock(&entry.checked);
    if checked.is_none() && entry.checked.contains(|c: char| c.is_numeric()) {
        out.warn(Some(place.clone()), "the time of a check has an unknown form");
    }
    out.push(
        place,
        [
            checked.into(),
            entry.service.as_str().into(),
            app.into(),
            team.into(),
            entry.domain.trim_start_matches("*.").into(),
            entry.approval.as_str().into(),
            Some(entry.error.as_str()).filter(|error| !error.is_empty()).into(),
        ],
    );
}

/// `2023-05-24 1:29:15 PM +0200`, also in 24 hours; newer versions write a narrow blank before AM and PM.
pub(super) fn clock(text: &str) -> Option<jiff::Timestamp> {
    let text = ascii_digits(text).replace(['\u{202f}', '\u{a0}'], " ");
    if let Some(time) = zoned(&text) {
        return Some(time);
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    let (date, clock, half, zone) = match *words.as_slice() {
        [date, clock, zone] => (date, clock, "", zone),
        [date, clock, half, zone] => (date, clock, half, zone),
        _ => return None,
    };
    let (hour, rest) = clock.split_once(':')?;
    let hour: u32 = hour.parse().ok()?;
    let hour = match half.to_ascii_uppercase().replace('.', "").as_str() {
        "AM" | "PM" if hour > 12 => return None,
        "AM" => hour % 12,
        "PM" => hour % 12 + 12,
        _ => hour,
    };
    zoned(&format!("{date} {hour:02}:{rest} {zone}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const TEXT: &str = "\
==========================================================================================
DATABASE
==========================================================================================
Service:              applinks
App ID:               AAAAABBBBB.org.example.app
Domain:               *.a.example
User Approval:        unspecified
Last Checked:         2023-05-24 1:29:15\u{202f}PM +0200
--------------------------------------------------------------------------------
Service:              webcredentials
App ID:               com.apple.x
Domain:               b.example
Last Checked:         2023-05-24 13:29:15 +0200
Error:                HTTP 404
--------------------------------------------------------------------------------
==========================================================================================
NETWORK
";

    #[test]
    fn every_claimed_domain_is_a_record_whatever_the_clock_of_the_language() {
        assert_eq!(
            rows(&ARTIFACT, TEXT.as_bytes()),
            json!([
                { "checked": "2023-05-24T11:29:15.000000+00:00", "service": "applinks", "app": "org.example.app", "team": "AAAAABBBBB",
                  "domain": "a.example", "approval": "unspecified", "_line": "app org.example.app claims a.example for applinks" },
                { "checked": "2023-05-24T11:29:15.000000+00:00", "service": "webcredentials", "app": "com.apple.x", "domain": "b.example",
                  "approval": "", "error": "HTTP 404", "_line": "app com.apple.x claims b.example for webcredentials" },
            ])
        );
        assert_eq!(rows_at(&ARTIFACT, "/x", b"usage: swcutil\n").1.len(), 1);
        shake(&ARTIFACT, TEXT.as_bytes());
    }

    #[test]
    fn noon_and_midnight_are_told_apart() {
        for (text, time) in [("2023-05-24 12:00:00 AM +0000", "00:00"), ("2023-05-24 12:00:00 PM +0000", "12:00")] {
            assert_eq!(clock(text).map(|time| time.to_string()), Some(format!("2023-05-24T{time}:00Z")));
        }
        assert_eq!(clock("2023-05-24 99:00:00 PM +0000"), None);
    }
}
