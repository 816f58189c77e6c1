use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.account_devices",
    title: "Devices of the Apple account",
    about: "Devices signed in to the owner's Apple account, and devices removed from it.",
    files: &["/private/var/mobile/Library/Application Support/com.apple.akd/devicelist.db"],
    columns: &[
        time("updated", Epoch::Unix, Moment::LastSeen),
        time("removed", Epoch::Unix, Moment::Deleted),
        text("name"),
        text("model"),
        text("os"),
        text("os_version"),
        text("build"),
        text("serial"),
        boolean("trusted"),
        text("reason"),
        text("device_id"),
        text("account_id"),
    ],
    shows: Trace::Mentioned,
    line: "device {name} {model} {serial} with {os} {os_version} of the account",
    parse: Parse::Database(|database, out| {
        read_present_tables(database, &[("device_list", DEVICES), ("deleted_device_list", REMOVED)], out)
    }),
};

const DEVICES: &[&str] = &["
    SELECT d.rowid, {d.last_updated_date}, NULL, {d.name}, {d.model}, {d.os}, {d.os_version}, {d.build_number}, {d.serial_number},
           {d.trusted}, NULL, {d.mid}, {d.altDSID} FROM device_list d ORDER BY d.rowid"];
const REMOVED: &[&str] = &["
    SELECT d.rowid, NULL, {d.deleted_date}, {d.name}, {d.model}, {d.os}, {d.os_version}, {d.build_number}, {d.serial_number},
           {d.trusted}, {d.reason}, {d.mid}, {d.altDSID} FROM deleted_device_list d ORDER BY d.rowid"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, shake, sqlite};

    #[test]
    fn present_and_removed_devices_are_told() {
        let database = sqlite(
            "CREATE TABLE device_list (name, model, os, os_version, build_number, serial_number, trusted, last_updated_date, mid, altDSID);
             CREATE TABLE deleted_device_list (deleted_date, reason, mid, altDSID);
             INSERT INTO device_list VALUES ('Example', 'iPhone14,5', 'iOS', '17.1', '21B74', 'SERIAL1', 1, 1567121610.5, 'M-1', 'D-1'),
                 (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
             INSERT INTO deleted_device_list VALUES (1567121610.5, 'user', 'M-2', 'D-1');",
        );
        assert_eq!(
            rows(&ARTIFACT, &database),
            json!([
                {"updated": "2019-08-29T23:33:30.500000+00:00", "name": "Example", "model": "iPhone14,5", "os": "iOS",
                 "os_version": "17.1", "build": "21B74", "serial": "SERIAL1", "trusted": true, "device_id": "M-1", "account_id": "D-1",
                 "_line": "device Example iPhone14,5 SERIAL1 with iOS 17.1 of the account"},
                {"_line": "device    with   of the account"},
                {"removed": "2019-08-29T23:33:30.500000+00:00", "reason": "user", "device_id": "M-2", "account_id": "D-1",
                 "_line": "device    with   of the account"},
            ])
        );
        shake(&ARTIFACT, &database);
    }
}
