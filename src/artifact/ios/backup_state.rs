use crate::artifact::property_list::{dictionary, flag, items, member, moment, number, shown, text as text_of};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.backup_state",
    title: "Backups and restores",
    about: "When the phone was last backed up and from what it was restored, and the apps that a backup would hold.",
    files: &[
        "/private/var/mobile/Library/Preferences/com.apple.MobileBackup.plist",
        "/private/var/root/Library/Preferences/com.apple.MobileBackup.plist",
        "/sysdiagnose/logs/MobileBackup/com.apple.MobileBackup.plist",
    ],
    columns: &[
        time("backed_up", Epoch::Mac, Moment::BackedUp),
        time("restored", Epoch::Mac, Moment::Created),
        boolean("cloud"),
        int("state"),
        message("errors"),
        text("restored_build"),
        text("backup_build"),
        text("restored_from"),
        app_id("bundle_id"),
        int("size_bytes"),
    ],
    shows: Trace::Mentioned,
    line: "backup {backed_up} restore {restored} {bundle_id} {errors}",
    parse: Parse::Plist(parse),
};

fn parse(list: &plist::Value, out: &mut Out<'_>) -> Result<()> {
    let list = dictionary(list)?;
    const NULL: Value<'static> = Value::Null;
    if let Some(backup) = member(list, "BackupStateInfo") {
        let errors: Vec<String> = items(backup, "errors").iter().map(shown).collect();
        let errors = if errors.is_empty() { NULL } else { errors.into_iter().collect() };
        let (date, cloud, state) = (moment(backup, "date"), flag(backup, "isCloud"), number(backup, "state"));
        out.push(Place::key("BackupStateInfo"), [date, NULL, cloud, state, errors, NULL, NULL, NULL, NULL, NULL]);
    }
    if let Some(restore) = member(list, "RestoreInfo") {
        let values = [
            NULL,
            moment(restore, "RestoreDate"),
            flag(restore, "WasCloudRestore"),
            NULL,
            NULL,
            text_of(restore, "DeviceBuildVersion"),
            text_of(restore, "BackupBuildVersion"),
            text_of(restore, "SourceDeviceUDID"),
            NULL,
            NULL,
        ];
        out.push(Place::key("RestoreInfo"), values);
    }
    for (domain, size) in member(list, "PreflightSizing").into_iter().flatten() {
        // `AppDomain-com.example.app`, `AppDomainGroup-group.…`, `HomeDomain`
        if let Some((_, bundle_id)) = domain.split_once('-') {
            let size = crate::artifact::property_list::number_of(size);
            let place = Place::key(format!("PreflightSizing/{domain}"));
            out.push(place, [NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, bundle_id.into(), size]);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, shake};

    #[test]
    fn backup_restore_and_sized_apps_are_records() {
        let list = br#"<plist version="1.0"><dict>
            <key>BackupStateInfo</key><dict><key>date</key><date>2024-01-02T03:04:05Z</date><key>isCloud</key><true/></dict>
            <key>RestoreInfo</key><dict><key>RestoreDate</key><date>2023-01-02T03:04:05Z</date>
                <key>DeviceBuildVersion</key><string>20A362</string><key>BackupBuildVersion</key><string>19H12</string></dict>
            <key>PreflightSizing</key><dict><key>AppDomain-com.example.a</key><integer>5</integer><key>HomeDomain</key><integer>6</integer></dict>
        </dict></plist>"#;
        assert_eq!(
            rows(&ARTIFACT, list),
            json!([
                { "backed_up": "2024-01-02T03:04:05.000000+00:00", "cloud": true,
                  "_line": "backup 2024-01-02T03:04:05.000000+00:00 restore   " },
                { "restored": "2023-01-02T03:04:05.000000+00:00", "restored_build": "20A362", "backup_build": "19H12",
                  "_line": "backup  restore 2023-01-02T03:04:05.000000+00:00  " },
                { "bundle_id": "com.example.a", "size_bytes": 5, "_line": "backup  restore  com.example.a " },
            ])
        );
        shake(&ARTIFACT, list);
    }
}
