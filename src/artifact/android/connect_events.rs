use crate::artifact::intrusion::{self, address, events, is_nowhere};
use crate::artifact::json::{int as int_of, text as text_of, texts};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.connect_events",
    title: "Connections (intrusion logs)",
    about: "Each connection that an app opened, as the phone's intrusion logging recorded it, with the name it had looked up before.",
    files: intrusion::FILES,
    columns: &[
        time("happened", Epoch::Unix, Moment::NetworkUsed),
        // Null for the phone itself.
        host("ip_address"),
        // As far as the log itself names it.
        host("host"),
        // The latest lookup of the same app that was answered with this address.
        text("looked_up_as"),
        int("port"),
        app_id("package_name"),
        int("event_id"),
        text("written"),
    ],
    shows: Trace::Resolved,
    line: "{package_name} connected to {written} port {port} ({looked_up_as})",
    parse: Parse::Text(parse),
};

/// Answers remembered to name addresses.
const MOST_ANSWERS: usize = 500_000;

fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    let mut names: HashMap<(String, String), String> = HashMap::new();
    events(lines, &["dns_event", "connect_event"], out, &mut |kind, place, event, out| {
        let package = text_of(event, "package_name");
        if kind == "dns_event" {
            let Some(hostname) = text_of(event, "hostname") else { return };
            for written in texts(event, "ip_addresses") {
                let key = (package.clone().unwrap_or_default(), address(&written).1.to_owned());
                if names.len() < MOST_ANSWERS || names.contains_key(&key) {
                    names.insert(key, hostname.clone());
                }
            }
            return;
        }
        let written = text_of(event, "ip_address");
        let (name, address) = written.as_deref().map_or((None, ""), address);
        let known = names.get(&(package.clone().unwrap_or_default(), address.to_owned()));
        out.push(
            place,
            [
                int_of(event, "event_time").into(),
                Some(address).filter(|address| !is_nowhere(address)).into(),
                name.filter(|_| !is_nowhere(address)).into(),
                known.map(String::as_str).into(),
                int_of(event, "port").into(),
                package.clone().into(),
                int_of(event, "event_id").into(),
                written.as_deref().map(|written| written.trim_start_matches('/')).into(),
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
    fn connections_have_address_name_and_app() {
        let (records, _) = rows_at(&ARTIFACT, "/intrusion_logs/all", EXAMPLE.as_bytes());
        assert_eq!(
            records,
            json!([
                {"happened": "2026-01-01T00:00:01.000000+00:00", "ip_address": "192.0.2.7", "looked_up_as": "a.example.org",
                 "port": 443, "package_name": "com.example.app", "event_id": 2, "written": "192.0.2.7",
                 "_line": "com.example.app connected to 192.0.2.7 port 443 (a.example.org)"},
                {"happened": "2026-01-01T00:00:01.000000+00:00", "port": 80, "package_name": "com.example.app", "event_id": 3,
                 "written": "ip6-localhost/::1", "_line": "com.example.app connected to ip6-localhost/::1 port 80 ()"},
            ])
        );
    }

    #[test]
    fn broken_logs_never_panic() {
        shake(&ARTIFACT, EXAMPLE.as_bytes());
    }
}
