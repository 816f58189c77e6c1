use crate::artifact::android_text::{bounded, pair, yearless};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.wifi_connections",
    title: "Wi-Fi connections",
    about: "The last times that the phone connected to a Wi-Fi network, or tried to.",
    files: &["/dumpsys/wifi"],
    columns: &[
        time("at", Epoch::Local, Moment::NetworkUsed),
        text("ssid"),
        text("bssid"),
        int("duration_ms"),
        text("result"),
    ],
    shows: Trace::Mentioned,
    line: "Wi-Fi {ssid} ({bssid}) connected: {result}",
    parse: Parse::Text(parse),
};

/// `startTime=05-03 10:00:00.123, SSID="x", BSSID=02:00:…, durationMillis=99, …, connectionResult=1, …`
fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    while let Some((number, line)) = lines.next()? {
        let Some(rest) = line.trim().strip_prefix("startTime=") else { continue };
        let Some((start, rest)) = rest.split_once(", SSID=") else { continue };
        // A name may hold every sign but ends before the next field.
        let Some((ssid, rest)) = rest.split_once(", BSSID=") else { continue };
        let rest = format!("BSSID={rest}").replace(", ", " ");
        let field = |name| pair(&rest, name).filter(|value| *value != "null");
        out.push(
            Place::Line { line: number },
            [
                yearless(start, out.clock()).into(),
                bounded(ssid.trim_matches('"')).into(),
                field("BSSID").map(bounded).into(),
                field("durationMillis").and_then(|value| value.parse::<i64>().ok()).into(),
                field("connectionResult").map(bounded).into(),
            ],
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const TEXT: &str = "mConnectionEvents:\nstartTime=05-03 10:00:00.123, SSID=\"Home, sweet\", BSSID=02:00:00:00:00:01, durationMillis=99, \
                        roamType=ROAM_NONE, connectionResult=1, level2FailureCode=NONE\nstartTime=            <null>, SSID=null, BSSID=null, durationMillis=0\n";

    #[test]
    fn each_try_is_told_with_its_result() {
        let (records, _) = rows_timed(&ARTIFACT, "/dumpsys/wifi", TEXT.as_bytes());
        assert_eq!(
            records[0],
            json!({"at": "2023-05-03T08:00:00.123000+00:00", "ssid": "Home, sweet", "bssid": "02:00:00:00:00:01", "duration_ms": 99,
                   "result": "1", "_line": "Wi-Fi Home, sweet (02:00:00:00:00:01) connected: 1"})
        );
        assert_eq!(records.as_array().unwrap().len(), 2);
        shake(&ARTIFACT, TEXT.as_bytes());
    }
}
