use std::collections::HashSet;

use serde_json::Value as Json;

use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "sysdiagnose.trusted_devices",
    title: "Devices and addresses of the Apple account",
    about: "Devices that may read the account's encrypted data, and the addresses its messages arrive at.",
    files: &[
        "/sysdiagnose/otctl_status.txt",
        "/sysdiagnose/transparency.log",
        "/sysdiagnose/logs/swtransparency.log",
    ],
    columns: &[
        time("seen", Epoch::BeforeSnapshot, Moment::LastSeen),
        text("model"),
        text("os_version"),
        text("serial"),
        text("name"),
        email("address"),
    ],
    shows: Trace::Mentioned,
    line: "the account has {model} {name} {serial} with {os_version} {address}",
    parse: Parse::Bytes { most: 64 << 20, parse },
};

/// Records of one file; no account has as many.
const RECORDS_MOST: usize = 5_000;

fn parse(bytes: &[u8], out: &mut Out<'_>) -> Result<()> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(());
    }
    // `otctl` may write a line before its object.
    let start = memchr::memchr(b'{', bytes).context("holds no JSON object")?;
    let mut values = serde_json::Deserializer::from_slice(bytes.get(start..).unwrap_or_default()).into_iter::<Json>();
    let root = values.next().context("holds no JSON object")?.context("is no JSON")?;
    let mut found = Found { out, seen: HashSet::new() };
    let mut waiting = vec![("", &root)];
    while let Some((key, value)) = waiting.pop() {
        match value {
            Json::String(text) => found.address(key, text),
            Json::Array(items) => waiting.extend(items.iter().rev().map(|item| (key, item))),
            Json::Object(members) => {
                found.device(key, value);
                members.keys().for_each(|name| found.address(key, name));
                waiting.extend(members.iter().rev().map(|(name, member)| (name.as_str(), member)));
            }
            _ => {}
        }
    }
    Ok(())
}

struct Found<'o, 'a> {
    out: &'o mut Out<'a>,
    /// The same device stands in several lists.
    seen: HashSet<[Option<String>; 5]>,
}

impl Found<'_, '_> {
    fn device(&mut self, key: &str, value: &Json) {
        if let Some([model, os, serial, name]) = device(value) {
            self.push(key, [model, os, serial, name, None]);
        }
    }

    /// `im://mailto:somebody@example.org`, `im://tel:+1555…`
    fn address(&mut self, key: &str, text: &str) {
        let after_scheme = text.split_once("://mailto:").or_else(|| text.split_once("://tel:"));
        if let Some((_, address)) = after_scheme.filter(|(_, address)| !address.is_empty() && address.len() < 320) {
            self.push(key, [None, None, None, None, Some(address)]);
        }
    }

    fn push(&mut self, key: &str, [model, os, serial, name, address]: [Option<&str>; 5]) {
        let texts = [model, os, serial, name, address].map(|text| text.map(str::to_owned));
        if self.seen.len() < RECORDS_MOST && self.seen.insert(texts) {
            self.out.push(
                Place::key(key),
                [0_i64.into(), model.into(), os.into(), serial.into(), name.into(), address.into()],
            );
        }
    }
}

/// Model, iOS version, serial number and name of a peer of Octagon, or of a device of key transparency.
fn device(value: &Json) -> Option<[Option<&str>; 4]> {
    let text = |pointer: &str| value.pointer(pointer).and_then(Json::as_str).filter(|text| !text.is_empty());
    if value.get("permanentInfo").is_some() {
        return Some([
            text("/permanentInfo/model_id"),
            text("/stableInfo/os_version"),
            text("/stableInfo/serial_number"),
            text("/stableInfo/device_name"),
        ]);
    }
    (text("/serial").is_some() && text("/model").is_some()).then(|| [
        text("/model"),
        text("/osVersion"),
        text("/serial"),
        text("/name"),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    #[test]
    fn peers_of_octagon_are_devices() {
        let text = br#"otctl
{"contextDump": {"peers": [
            {"permanentInfo": {"model_id": "iPhone14,5"}, "stableInfo": {"os_version": "iOS 17.3 (21D50)", "serial_number": "AAA", "device_name": "Alice's"}},
            {"permanentInfo": {"model_id": "iPhone14,5"}, "stableInfo": {"os_version": "iOS 17.3 (21D50)", "serial_number": "AAA", "device_name": "Alice's"}}
        ]}, "lastOctagonPush": "x"}"#;
        let (records, warnings) = rows_timed(&ARTIFACT, "/sysdiagnose/otctl_status.txt", text);
        assert!(warnings.is_empty(), "{warnings:?}");
        assert_eq!(
            records,
            json!([{ "seen": "2023-05-24T12:00:00.000000+00:00", "model": "iPhone14,5", "os_version": "iOS 17.3 (21D50)", "serial": "AAA",
                     "name": "Alice's", "_line": "the account has iPhone14,5 Alice's AAA with iOS 17.3 (21D50) " }])
        );
        shake(&ARTIFACT, text);
    }

    #[test]
    fn transparency_names_devices_and_addresses() {
        let text = br#"{"stateMachine": {"devices": [{"serial": "B", "model": "Mac14,2", "osVersion": "macOS", "name": "x"}]},
            "cloudRecords": [{"optIn": {"im://mailto:a@b.example": true, "uri": "im://tel:+15550100"}}]}"#;
        let records = rows(&ARTIFACT, text);
        let told: Vec<_> = records.as_array().unwrap().iter().map(|record| [&record["serial"], &record["address"]]).collect();
        assert_eq!(json!(told), json!([[null, "a@b.example"], [null, "+15550100"], ["B", null]]));
        shake(&ARTIFACT, text);
    }

    #[test]
    fn an_empty_file_is_nothing_and_another_shape_is_said() {
        assert_eq!(rows_at(&ARTIFACT, "/x", b"\n"), (json!([]), vec![]));
        assert_eq!(rows_at(&ARTIFACT, "/x", b"no session\n").1.len(), 1);
    }
}
