use super::app_links::clock;
use crate::artifact::prelude::*;
use crate::artifact::text_log::between;

pub const ARTIFACT: Artifact = Artifact {
    id: "sysdiagnose.security_events",
    title: "Events of trust and networking (security)",
    about: "How checks of certificates and connections to Apple's services went, as the phone counts them for Apple.",
    files: &["/sysdiagnose/security-sysdiagnose.txt"],
    columns: &[
        time("logged", Epoch::Unix, Moment::Logged),
        text("client"),
        text("result"),
        text("event"),
        // Of `MitmDetectionEvent`; 0 where nothing was found.
        int("score"),
        int("error"),
        message("attributes"),
    ],
    shows: Trace::Mentioned,
    line: "{client}: {event} {result} {attributes}",
    parse: Parse::Text(parse),
};

/// Attributes of one event that run over more lines than this are cut.
const LONGEST_ATTRIBUTES_BYTES: usize = 16 << 10;

struct Event {
    line: u64,
    logged: jiff::Timestamp,
    result: String,
    name: String,
    attributes: String,
}

fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    let (mut client, mut known, mut any) = (None::<String>, false, false);
    let mut open: Option<Event> = None;
    while let Some((number, line)) = lines.next()? {
        let line = line.trim_end();
        any |= !line.is_empty();
        let section = ["ccstatus:", "Engine state:", "Analytics sysdiagnose", "All keys and values", "All values in"];
        let named = line.strip_prefix("Client:");
        if named.is_some() || line.ends_with("keychain state:") || section.iter().any(|section| line.starts_with(section)) {
            push(client.as_deref(), open.take(), out);
            client = named.map(|name| name.trim().to_owned());
            known = true;
        } else if client.is_some() {
            if let Some(event) = head(number, line) {
                push(client.as_deref(), open.replace(event), out);
            } else if let Some(event) = &mut open
                && event.attributes.len() + line.len() < LONGEST_ATTRIBUTES_BYTES
            {
                event.attributes.push(' ');
                event.attributes.push_str(line.trim());
            }
        }
    }
    push(client.as_deref(), open, out);
    anyhow::ensure!(known || !any, "holds none of the sections that security writes");
    Ok(())
}

/// `2023-05-24 19:55:51 +0000 EventSoftFailure: OTAPKIEvent - Attributes: {product : iPhone OS, …}`
fn head(line: u64, text: &str) -> Option<Event> {
    let (before, attributes) = text.split_once(" - Attributes: {")?;
    let (before, name) = before.rsplit_once(": ")?;
    let (clock_text, result) = before.rsplit_once(' ')?;
    Some(Event {
        line,
        logged: clock(clock_text)?,
        result: result.to_owned(),
        name: name.to_owned(),
        attributes: attributes.to_owned(),
    })
}

fn push(client: Option<&str>, event: Option<Event>, out: &mut Out<'_>) {
    let (Some(client), Some(event)) = (client, event) else { return };
    let attributes = event.attributes.trim().trim_end_matches('}').trim_end();
    let number = |key: &str| between(attributes, key, &[',', '}']).and_then(|text| text.parse::<i64>().ok());
    out.push(
        Place::Line { line: event.line },
        [
            event.logged.into(),
            client.into(),
            event.result.as_str().into(),
            event.name.as_str().into(),
            number("overallScore :").into(),
            number("errorCode :").into(),
            attributes.into(),
        ],
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const TEXT: &str = "\
HomeKit keychain state:
2023-05-24 19:55:51 +0000 no: event - Attributes: {}
Client: trust
2023-05-24 19:57:58 +0000 EventSoftFailure: MitmDetectionEvent - Attributes: {product : iPhone OS, overallScore : 3, rootUsages : (
 foo, bar
), errorDomain : MITMErrorDomain, errorCode : -1 }
Client: CloudServices
2024-09-06 9:45:15 AM +0000 EventHardFailure: CloudServicesSetConfirmedManifest - Attributes: {product : iPhone OS }
Client: ckks
No data
";

    #[test]
    fn events_keep_their_attributes_over_lines() {
        let (records, warnings) = rows_at(&ARTIFACT, "/x", TEXT.as_bytes());
        assert!(warnings.is_empty(), "{warnings:?}");
        assert_eq!(records.as_array().unwrap().len(), 2);
        assert_eq!(
            [&records[0]["client"], &records[0]["event"], &records[0]["score"], &records[0]["error"]],
            [&json!("trust"), &json!("MitmDetectionEvent"), &json!(3), &json!(-1)]
        );
        assert!(records[0]["attributes"].as_str().unwrap().contains("( foo, bar ), errorDomain"));
        assert_eq!(records[1]["logged"], "2024-09-06T09:45:15.000000+00:00");
        shake(&ARTIFACT, TEXT.as_bytes());
    }
}
