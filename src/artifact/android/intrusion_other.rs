use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::artifact::intrusion::{self, KINDS};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.intrusion_other",
    title: "Other events (intrusion logs)",
    about: "Events of intrusion logs of kinds that are not known, as they are, so that nothing is lost.",
    files: intrusion::FILES,
    columns: &[text("kind"), message("event")],
    shows: Trace::Logged,
    line: "{kind} {event}",
    parse: Parse::Text(parse),
};

fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    intrusion::lines(lines, &mut |position, line| {
        if let Some(reason) = line.strip_prefix("! ") {
            out.warn(Some(position.place()), format!("the log cannot be read: {reason}"));
            return;
        }
        match serde_json::from_str::<BTreeMap<String, &RawValue>>(line) {
            Err(_) => out.warn(Some(position.place()), "is no event"),
            Ok(events) => {
                for (kind, event) in events.iter().filter(|(kind, _)| !KINDS.contains(&kind.as_str())) {
                    let short: String = kind.chars().take(60).collect();
                    out.warn(Some(position.place()), format!("events of kind {short:?} are not known"));
                    out.push(position.place(), [kind.as_str().into(), event.get().into()]);
                }
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::intrusion::EXAMPLE;
    use crate::artifact::testing::*;

    #[test]
    fn what_is_not_known_is_kept_and_told() {
        let (records, warnings) = rows_at(&ARTIFACT, "/intrusion_logs/all", EXAMPLE.as_bytes());
        assert_eq!(records, json!([{"kind": "other_event", "event": "{\"x\":1}", "_line": "other_event {\"x\":1}"}]));
        assert_eq!(warnings, ["events of kind \"other_event\" are not known", "is no event"]);
        let (_, warnings) = rows_at(&ARTIFACT, "/x", b"# a.txt\n! is damaged\n");
        assert_eq!(warnings, ["the log cannot be read: is damaged"]);
    }

    #[test]
    fn broken_logs_never_panic() {
        shake(&ARTIFACT, EXAMPLE.as_bytes());
    }
}
