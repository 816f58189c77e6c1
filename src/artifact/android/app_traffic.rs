use crate::artifact::android_text::{bounded, pair};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.app_traffic",
    title: "Traffic of apps",
    about: "How much each user id, and so each app, received and sent over which network in the last weeks.",
    files: &["/dumpsys/netstats", "/dumpstate/CHECKIN NETSTATS"],
    columns: &[
        time("first", Epoch::Unix, Moment::NetworkUsed),
        time("last", Epoch::Unix, Moment::NetworkUsed),
        // -4 stands for apps that were removed, -5 for tethering, -1 for all.
        int("uid"),
        text("used_in"),
        text("network"),
        int("received_bytes"),
        int("sent_bytes"),
    ],
    shows: Trace::Executed,
    line: "user id {uid} received {received_bytes} and sent {sent_bytes} bytes ({used_in})",
    parse: Parse::Text(parse),
};

#[derive(Default)]
struct Total {
    line: u64,
    uid: i64,
    used_in: String,
    network: Option<String>,
    first: Option<i64>,
    last: Option<i64>,
    received: i64,
    sent: i64,
}

fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    let mut open: Option<Total> = None;
    let mut tagged = false;
    while let Some((number, line)) = lines.next()? {
        let line = line.trim();
        if line.starts_with("ident=") {
            push(open.take(), out);
            open = begun(number, line).filter(|_| !tagged);
        } else if line.starts_with("st=") {
            let Some(total) = &mut open else { continue };
            let int = |key| pair(line, key).and_then(|value| value.parse::<i64>().ok());
            let start = int("st");
            total.first = total.first.or(start);
            total.last = start.or(total.last);
            total.received = total.received.saturating_add(int("rb").unwrap_or(0).max(0));
            total.sent = total.sent.saturating_add(int("tb").unwrap_or(0).max(0));
        } else if line.ends_with(':') && !line.starts_with("NetworkStatsHistory") {
            push(open.take(), out);
            // What is tagged is counted without its tag, too.
            tagged = line.to_ascii_lowercase().contains("tag");
        }
    }
    push(open, out);
    Ok(())
}

/// `ident=[{type=1, wifiNetworkKey="name"…}] uid=10123 set=DEFAULT tag=0x0`
fn begun(line: u64, text: &str) -> Option<Total> {
    let (identity, rest) = text.rsplit_once(']')?;
    let uid = pair(rest, "uid")?.parse().ok()?;
    if pair(rest, "tag").is_some_and(|tag| tag != "0x0") {
        return None;
    }
    let named = ["wifiNetworkKey=\"", "networkId=\""].into_iter().find_map(|key| {
        let (_, name) = identity.split_once(key)?;
        name.split_once('"').map(|(name, _)| bounded(name).to_owned())
    });
    let used_in = pair(rest, "set").unwrap_or_default().to_ascii_lowercase();
    Some(Total { line, uid, used_in, network: named, ..Total::default() })
}

fn push(total: Option<Total>, out: &mut Out<'_>) {
    let Some(total) = total.filter(|total| total.first.is_some()) else { return };
    out.push(
        Place::Line { line: total.line },
        [
            total.first.into(),
            total.last.into(),
            total.uid.into(),
            total.used_in.into(),
            total.network.into(),
            total.received.into(),
            total.sent.into(),
        ],
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const TEXT: &str = "\
UID stats:
  Pending bytes: 1
  History since boot:
  ident=[{type=1, ratType=COMBINED, wifiNetworkKey=\"Home ]net\"-wpa, metered=false}] uid=10123 set=DEFAULT tag=0x0
    NetworkStatsHistory: bucketDuration=7200
      st=1684800000 rb=100 rp=1 tb=200 tp=2 op=0
      st=1684807200 rb=1 rp=1 tb=2 tp=2 op=0
  ident=[{type=0}] uid=-4 set=FOREGROUND tag=0x0
      st=1684800000 rb=5 rp=1 tb=6 tp=2 op=0
UID tag stats:
  ident=[{type=1}] uid=10123 set=DEFAULT tag=0x1
      st=1684800000 rb=100 rp=1 tb=200 tp=2 op=0
";

    #[test]
    fn buckets_are_summed_for_each_user_id_and_tags_left_out() {
        assert_eq!(
            rows(&ARTIFACT, TEXT.as_bytes()),
            json!([
                {"first": "2023-05-23T00:00:00.000000+00:00", "last": "2023-05-23T02:00:00.000000+00:00", "uid": 10123,
                 "used_in": "default", "network": "Home ]net", "received_bytes": 101, "sent_bytes": 202,
                 "_line": "user id 10123 received 101 and sent 202 bytes (default)"},
                {"first": "2023-05-23T00:00:00.000000+00:00", "last": "2023-05-23T00:00:00.000000+00:00", "uid": -4,
                 "used_in": "foreground", "received_bytes": 5, "sent_bytes": 6,
                 "_line": "user id -4 received 5 and sent 6 bytes (foreground)"},
            ])
        );
    }

    #[test]
    fn broken_text_never_panics() {
        shake(&ARTIFACT, TEXT.as_bytes());
    }
}
