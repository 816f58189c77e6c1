use crate::artifact::property_list::{dictionary, items, moment, text as text_of};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.backup_info",
    title: "Backup information",
    about: "What the computer wrote about the phone when it made the backup.",
    files: &["/backup/Info.plist"],
    columns: &[
        text("device_name"),
        text("display_name"),
        text("product_name"),
        text("product_type"),
        text("product_version"),
        text("build"),
        text("serial_number"),
        text("unique_identifier"),
        text("target_identifier"),
        text("target_type"),
        text("guid"),
        text("iccid"),
        text("iccid_2"),
        text("imei"),
        text("imei_2"),
        text("meid"),
        phone("phone_number"),
        time("last_backup", Epoch::Unix, Moment::BackedUp),
        text("itunes_version"),
        text("macos_version"),
        int("installed_applications"),
        app_id("application_ids"),
    ],
    shows: Trace::Installed,
    line: "backup of {device_name} ({product_type}, iOS {product_version}) with {installed_applications} apps",
    parse: Parse::Plist(parse),
};

fn parse(list: &plist::Value, out: &mut Out<'_>) -> Result<()> {
    let info = dictionary(list)?;
    let field = |key| text_of(info, key);
    let applications = items(info, "Installed Applications");
    let count = info.contains_key("Installed Applications").then_some(applications.len() as i64);
    out.push(
        Place::key("Info.plist"),
        [
            field("Device Name"),
            field("Display Name"),
            field("Product Name"),
            field("Product Type"),
            field("Product Version"),
            field("Build Version"),
            field("Serial Number"),
            field("Unique Identifier"),
            field("Target Identifier"),
            field("Target Type"),
            field("GUID"),
            field("ICCID"),
            field("ICCID 2"),
            field("IMEI"),
            field("IMEI 2"),
            field("MEID"),
            field("Phone Number"),
            moment(info, "Last Backup Date"),
            field("iTunes Version"),
            field("macOS Version"),
            count.into(),
            applications.iter().filter_map(plist::Value::as_string).collect(),
        ],
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, rows_at, shake};

    const INFO: &[u8] = br#"<plist version="1.0"><dict>
        <key>Device Name</key><string>Phone</string>
        <key>Product Type</key><string>iPhone14,5</string>
        <key>Product Version</key><string>17.1</string>
        <key>Phone Number</key><integer>5</integer>
        <key>Last Backup Date</key><date>2024-01-02T03:04:05Z</date>
        <key>Installed Applications</key><array><string>com.example.app</string><true/></array>
    </dict></plist>"#;

    #[test]
    fn one_record_with_what_is_there() {
        assert_eq!(
            rows(&ARTIFACT, INFO),
            json!([{
                "device_name": "Phone",
                "product_type": "iPhone14,5",
                "product_version": "17.1",
                "last_backup": "2024-01-02T03:04:05.000000+00:00",
                "installed_applications": 2,
                "application_ids": ["com.example.app"],
                "_line": "backup of Phone (iPhone14,5, iOS 17.1) with 2 apps",
            }])
        );
        shake(&ARTIFACT, INFO);
    }

    #[test]
    fn a_list_that_is_no_dictionary_is_said_to_be_none() {
        let (records, warnings) = rows_at(&ARTIFACT, "/backup/Info.plist", b"<plist><array/></plist>");
        assert_eq!(records, json!([]));
        assert_eq!(warnings, ["is not a dictionary"]);
    }
}
