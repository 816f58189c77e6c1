use crate::artifact::android_text::{bounded, web_address};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.update_log",
    title: "Log of system updates",
    about: "From where updates of the system were loaded and what became of them.",
    files: &["/data/misc/update_engine_log/*"],
    columns: &[text("written"), text("level"), url("url"), text("message")],
    shows: Trace::Resolved,
    line: "system update: {message}",
    parse: Parse::Text(parse),
};

/// `[0302/123456.789012:INFO:main.cc(55)] text`, in newer ones `[2026-01-02T…] [INFO]`: what names an address or a turn of an update.
fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    const TURNS: [&str; 5] =
        ["Update Engine starting", "InstallPlan", "Update successfully applied", "Update failed", "Reporting the error event"];
    while let Some((number, line)) = lines.next()? {
        let (head, message) = line.strip_prefix('[').and_then(|rest| rest.split_once(']')).unwrap_or(("", &line));
        let message = message.trim();
        let address = web_address(message);
        if address.is_none() && !TURNS.iter().any(|turn| message.contains(turn)) {
            continue;
        }
        let level = ["INFO", "WARNING", "ERROR", "FATAL"].into_iter().find(|level| head.contains(level) || message.contains(&format!("[{level}")));
        // A date has digits first; the level alone is none.
        let written = head.split(":INFO").next().filter(|head| head.starts_with(|c: char| c.is_ascii_digit()));
        out.push(
            Place::Line { line: number },
            [written.map(bounded).into(), level.into(), address.map(bounded).into(), bounded(message).into()],
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const TEXT: &str = "\
[0302/123456.789012:INFO:main.cc(55)] Update Engine starting
[0302/123457.789012:INFO:x.cc(1)] nothing of note
[0302/123458.789012:INFO:install_plan.cc(83)] InstallPlan: new_update, payload urls: (https://ota.example.org/p.zip)
";

    #[test]
    fn addresses_and_turns_are_told() {
        let records = rows(&ARTIFACT, TEXT.as_bytes());
        assert_eq!(
            records[0],
            json!({"written": "0302/123456.789012", "level": "INFO", "message": "Update Engine starting",
                   "_line": "system update: Update Engine starting"})
        );
        assert_eq!(records[1]["url"], "https://ota.example.org/p.zip)");
        assert_eq!(records.as_array().unwrap().len(), 2);
        shake(&ARTIFACT, TEXT.as_bytes());
    }
}
