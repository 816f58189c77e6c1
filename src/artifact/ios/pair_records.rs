use crate::artifact::certificates::digests;
use crate::artifact::prelude::*;
use crate::artifact::property_list::{dictionary, text as text_of};

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.pair_records",
    title: "Computers the phone trusts",
    about: "Computers that somebody let read this phone over a cable or the network; the times of these files tell since when.",
    files: &[
        "/private/var/root/Library/Lockdown/pair_records/*.plist",
        "/private/var/db/lockdown/pair_records/*.plist",
    ],
    columns: &[text("computer"), text("host_id"), text("system_id"), text("wifi_address"), hash("certificate_sha256")],
    shows: Trace::Policy,
    line: "computer {computer} {system_id} is trusted",
    parse: Parse::Plist(|list, out| {
        let record = dictionary(list)?;
        let certificate = record.get("HostCertificate").and_then(plist::Value::as_data);
        let name = out.path().rsplit('/').next().and_then(|name| name.strip_suffix(".plist")).map(str::to_owned);
        let values = [
            name.into(),
            text_of(record, "HostID"),
            text_of(record, "SystemBUID"),
            text_of(record, "WiFiMACAddress"),
            digests(certificate.as_slice()),
        ];
        out.push(Place::key("pair record"), values);
        Ok(())
    }),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows_at, shake};

    #[test]
    fn a_computer_is_named_by_its_ids() {
        let list = b"<plist><dict><key>HostID</key><string>H-1</string><key>SystemBUID</key><string>B-1</string>
            <key>WiFiMACAddress</key><string>0:11</string><key>HostCertificate</key><data>AAAA</data></dict></plist>";
        assert_eq!(
            rows_at(&ARTIFACT, "/private/var/root/Library/Lockdown/pair_records/0A1B.plist", list).0,
            json!([{"computer": "0A1B", "host_id": "H-1", "system_id": "B-1", "wifi_address": "0:11",
                    "certificate_sha256": ["709e80c88487a2411e1ee4dfb9f22a861492d20c4765150c0c794abd70f8147c"],
                    "_line": "computer 0A1B B-1 is trusted"}])
        );
        shake(&ARTIFACT, list);
    }
}
