use crate::artifact::intrusion::{self, address, events, is_nowhere};
use crate::artifact::json::{int as int_of, list, text as text_of, texts};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.dns_events",
    title: "Name lookups (intrusion logs)",
    about: "Each host name that an app looked up, with the answers, as the phone's intrusion logging recorded it.",
    files: intrusion::FILES,
    columns: &[
        time("happened", Epoch::Unix, Moment::NetworkUsed),
        host("hostname"),
        host("ip_addresses"),
        app_id("package_name"),
        int("event_id"),
    ],
    shows: Trace::Resolved,
    line: "{package_name} looked up {hostname} ({ip_addresses})",
    parse: Parse::Text(parse),
};

fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    events(lines, &["dns_event"], out, &mut |_, place, event, out| {
        let written = texts(event, "ip_addresses");
        let answers = written.iter().map(|written| address(written).1).filter(|answer| !is_nowhere(answer));
        let answers: Vec<String> = answers.map(str::to_owned).collect();
        out.push(
            place,
            [
                int_of(event, "event_time").into(),
                text_of(event, "hostname").into(),
                list(answers),
                text_of(event, "package_name").into(),
                int_of(event, "event_id").into(),
            ],
        );
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::intrusion::EXAMPLE;
    use crate::artifact::testing::*;

    #[test]
    fn an_event_told_twice_counts_once_also_across_files() {
        let both = format!("# a.txt\n{EXAMPLE}\n# b/c.txt\n{EXAMPLE}\n");
        let (records, warnings) = rows_at(&ARTIFACT, "/intrusion_logs/all", both.as_bytes());
        assert_eq!(
            records,
            json!([{
                "happened": "2026-01-01T00:00:00.123000+00:00",
                "hostname": "a.example.org",
                "ip_addresses": ["192.0.2.7"],
                "package_name": "com.example.app",
                "event_id": 1,
                "_line": "com.example.app looked up a.example.org (192.0.2.7)",
            }])
        );
        assert_eq!(warnings, [""; 0]);
    }

    #[test]
    fn members_that_are_missing_or_odd_leave_nulls() {
        let text = r#"{"dns_event":{"hostname":5,"ip_addresses":["/0.0.0.0",7],"event_time":"1767225600"}}"#;
        let (records, warnings) = rows_at(&ARTIFACT, "/x", text.as_bytes());
        assert_eq!(records[0]["happened"], "2026-01-01T00:00:00.000000+00:00");
        assert_eq!((&records[0]["ip_addresses"], warnings.len()), (&json!(null), 0));
        shake(&ARTIFACT, EXAMPLE.as_bytes());
    }
}
