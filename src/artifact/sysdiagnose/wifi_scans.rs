use crate::artifact::prelude::*;
use crate::artifact::text_log::between;

pub const ARTIFACT: Artifact = Artifact {
    id: "sysdiagnose.wifi_scans",
    title: "Wi-Fi networks around",
    about: "The wireless networks in reach when the sysdiagnose was made. Newer versions of iOS hide their names.",
    files: &["/sysdiagnose/WiFi/wifi_scan*.txt"],
    columns: &[
        time("seen", Epoch::BeforeSnapshot, Moment::LastSeen),
        text("ssid"),
        text("bssid"),
        text("security"),
        text("channel"),
        int("rssi"),
    ],
    shows: Trace::Mentioned,
    line: "Wi-Fi network {ssid} ({bssid}) with {security} in reach",
    parse: Parse::Text(parse),
};

fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    while let Some((number, line)) = lines.next()? {
        let line = line.trim();
        if line.is_empty() || line.starts_with("total=") {
            continue;
        }
        let place = Place::Line { line: number };
        let Some((name, fields)) = name(line) else {
            out.warn(Some(place), "is no network of a Wi-Fi scan");
            continue;
        };
        let field = |key: &str| between(fields, key, &[',']);
        let bracketed = between(fields, "channel=[", &[']']).or_else(|| field("channel="));
        let age = field("age=").and_then(|age| age.trim_end_matches("ms").trim().parse::<f64>().ok());
        out.push(
            place,
            [
                age.map_or(0_i64.into(), |age| Value::Real(age / 1000.0)),
                name.into(),
                field("bssid=").into(),
                field("security=").into(),
                bracketed.into(),
                field("rssi=").and_then(|rssi| rssi.parse::<i64>().ok()).into(),
            ],
        );
    }
    Ok(())
}

/// The name of the network and the rest of the line: `NAME - ssid=HEX, …`, `'NAME' (HEX), …`, `'NAME' <HEX>, …`, `<HIDDEN>, …`.
fn name(line: &str) -> Option<(&str, &str)> {
    if let Some((name, fields)) = line.split_once(" - ssid=") {
        return Some((name, fields));
    }
    if let Some(rest) = line.strip_prefix('\'') {
        let end = rest.find("' (").or_else(|| rest.find("' <"))?;
        return rest.split_at_checked(end);
    }
    line.starts_with("<HIDDEN>").then_some(("<HIDDEN>", line))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const TEXT: &str = "\
total=3, 2GHz=1
Cafe, free - ssid=43, bssid=aa:bb:cc:dd:ee:ff, security=wpa2-personal, channel=[2g6/20, x], cc=DE, rssi=-60, age=1500ms
'It's' <49>, bssid=aa:bb:cc:dd:ee:00, security=open, channel=6, rssi=-70, age=0ms
<HIDDEN>, bssid=aa:bb:cc:dd:ee:01, rssi=-80
nonsense
";

    #[test]
    fn networks_of_every_shape_have_their_name_and_age() {
        let (records, warnings) = rows_timed(&ARTIFACT, "/x", TEXT.as_bytes());
        assert_eq!(warnings, ["is no network of a Wi-Fi scan"]);
        let told: Vec<_> =
            records.as_array().unwrap().iter().map(|record| [&record["ssid"], &record["channel"], &record["rssi"]]).collect();
        assert_eq!(
            json!(told),
            json!([["Cafe, free", "2g6/20, x", -60], ["It's", "6", -70], ["<HIDDEN>", null, -80]])
        );
        assert_eq!(records[0]["seen"], "2023-05-24T11:59:58.500000+00:00");
        shake(&ARTIFACT, TEXT.as_bytes());
    }
}
