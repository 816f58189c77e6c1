use crate::artifact::prelude::*;
use crate::artifact::property_list::{members, unarchived};

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.notification_apps",
    title: "Apps that notify",
    about: "Apps that ever asked to show notifications, and the folders theirs lie in.",
    files: &[
        "/private/var/mobile/Library/UserNotificationsServer/Library.plist",
        "/private/var/mobile/Library/UserNotifications/UserNotificationsServer/Library.plist",
        "/private/var/mobile/Library/UserNotifications/Library.plist",
    ],
    columns: &[app_id("app"), text("folder")],
    shows: Trace::Installed,
    line: "{app} notifies, folder {folder}",
    parse: Parse::Plist(|list, out| {
        let list = unarchived(list)?;
        members(&list, &mut |path, value| {
            // An app's name has dots, other keys have none.
            let key = path.rsplit('/').next().unwrap_or_default();
            if let Some(folder) = value.as_string()
                && key.contains('.')
            {
                out.push(Place::key(path), [key.into(), folder.into()]);
            }
        });
        Ok(())
    }),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, shake};

    #[test]
    fn each_app_has_its_folder() {
        let list = b"<plist><dict><key>com.example.a</key><string>0A1B</string><key>version</key><string>1</string>
            <key>com.example.b</key><integer>1</integer></dict></plist>";
        assert_eq!(
            rows(&ARTIFACT, list),
            json!([{"app": "com.example.a", "folder": "0A1B", "_line": "com.example.a notifies, folder 0A1B"}])
        );
        shake(&ARTIFACT, list);
    }
}
