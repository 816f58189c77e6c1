use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "sysdiagnose.radio_status",
    title: "State of Wi-Fi and Bluetooth",
    about: "The network the phone was in and the Bluetooth devices it knew when the sysdiagnose was made.",
    files: &[
        "/sysdiagnose/{WiFi,logs/Bluetooth}/{wifi_status,bluetooth_status}.txt",
        "/sysdiagnose/{wifi_status,bluetooth_status}.txt",
    ],
    columns: &[
        time("seen", Epoch::BeforeSnapshot, Moment::LastSeen),
        text("section"),
        text("entry"),
        message("value"),
    ],
    shows: Trace::Mentioned,
    line: "{section} {entry}: {value}",
    parse: Parse::Text(|lines, out| {
        let mut section = String::new();
        let (mut records, mut any, mut known) = (0, false, false);
        while let Some((number, line)) = lines.next()? {
            any |= !line.trim().is_empty();
            let Some((key, value)) = line.split_once(':') else { continue };
            known = true;
            let (key, value) = (key.trim(), value.trim());
            if value.is_empty() {
                key.clone_into(&mut section);
                continue;
            }
            let telling = value != "None" && value != "<redacted>" && value != "(null)";
            if telling && !key.is_empty() && records < MOST {
                records += 1;
                out.push(Place::Line { line: number }, [0_i64.into(), section.as_str().into(), key.into(), value.into()]);
            }
        }
        anyhow::ensure!(known || !any, "has no line of the form `name: value`");
        Ok(())
    }),
};

/// Entries of a file; real ones have some hundreds.
const MOST: u64 = 20_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    #[test]
    fn entries_have_the_section_they_stand_in() {
        let text = "Network:\n    SSID               : Cafe\n    BSSID : <redacted>\n\nDevices:\n  Name : Alice's headset\n";
        let records = rows(&ARTIFACT, text.as_bytes());
        let told: Vec<_> = records.as_array().unwrap().iter().map(|record| record["_line"].clone()).collect();
        assert_eq!(json!(told), json!(["Network SSID: Cafe", "Devices Name: Alice's headset"]));
        assert_eq!(rows_at(&ARTIFACT, "/x", b"failed\n").1, ["has no line of the form `name: value`"]);
        shake(&ARTIFACT, text.as_bytes());
    }
}
