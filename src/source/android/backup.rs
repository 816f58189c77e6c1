//! What an Android backup holds, as entries of an acquisition: files of apps at their places on the phone, the rest under `/backup`, and
//! what it says by what is missing.

use super::super::{
    FileKind, Secrets, SourceError,
    container::{COPY, FileAt, below, is_litter},
};
use super::{Android, ab};

impl Android {
    /// Opens a backup file and takes in what is in it; true if it is encrypted.
    pub(super) fn backup_file(
        &mut self,
        name: &str,
        file: &FileAt,
        secrets: &dyn Secrets,
    ) -> Result<bool, SourceError> {
        let opened = ab::open(name, file, secrets, self.max_memory)?;
        opened.problems.iter().for_each(|problem| self.problem(name, problem));
        self.containers.push(opened.members);
        self.backup(self.containers.len() - 1, "", &format!("{name}: "));
        Ok(opened.encrypted)
    }

    /// What was in a backup file.
    pub(super) fn backup(&mut self, number: usize, folder: &str, prefix: &str) {
        let Some(container) = self.containers.get(number).cloned() else { return };
        let (mut members, mut problems) = (Vec::new(), Vec::new());
        let walked =
            container.walk(folder, &mut |member| members.push(member), &mut |error| problems.push(error));
        problems.extend(walked.err());
        problems.iter().for_each(|error| self.problem(prefix.trim_end_matches(": "), error));
        let mut data = false;
        let mut numbered = Vec::new();
        for member in members {
            let Some(name) = below(folder, &member.path).map(str::to_owned) else { continue };
            if member.kind != FileKind::File || is_litter(&name) || name.contains(COPY) {
                continue;
            }
            data |= ab::is_data(&member);
            numbered.extend(chunk_of_messages(&name));
            let path = on_the_phone(&name).unwrap_or_else(|| format!("/backup/{name}"));
            self.member(number, path, prefix, member);
        }
        if let Some(gaps) = ab::gaps(&numbered) {
            self.problem(&format!("{prefix}{MESSAGES}"), gaps);
        }
        let limits = &mut self.device.limits;
        if data {
            limits.push(
                "an Android backup holds no messages of other messengers, no MMS without text, and only apps that allow it".into(),
            );
        } else {
            limits.push(
                "the Android backup holds no app data: it was refused on the phone, or no app allows it"
                    .into(),
            );
        }
    }
}

/// Folders of an app in a backup, and where they are in the app's own folder on the phone.
const FOLDERS: [(&str, &str); 6] = [
    ("db", "databases/"),
    ("f", "files/"),
    ("sp", "shared_prefs/"),
    ("nb", "no_backup/"),
    ("c", "cache/"),
    ("r", ""),
];

/// Where a file of a backup lies on the phone, so that whoever knows that place reads it. What the backup itself made of an app stays
/// under the backup's path: its description, its program, its messages and keys with values.
fn on_the_phone(name: &str) -> Option<String> {
    if let Some(shared) = name.strip_prefix("shared/") {
        let (volume, rest) = shared.split_once('/')?;
        return Some(if volume == "0" {
            format!("/sdcard/{rest}")
        } else {
            format!("/storage/{volume}/{rest}")
        });
    }
    if chunk_of_messages(name).is_some() {
        return None;
    }
    let (package, rest) = name.strip_prefix("apps/")?.split_once('/')?;
    let (folder, rest) = rest.split_once('/')?;
    match folder {
        "ef" => return Some(format!("/sdcard/Android/data/{package}/files/{rest}")),
        "obb" => return Some(format!("/sdcard/Android/obb/{package}/{rest}")),
        _ => {}
    }
    // What the phone can open before its owner unlocks it lies elsewhere.
    let (data, folder) = match folder.strip_prefix("d_") {
        Some(folder) => ("/data/user_de/0", folder),
        None => ("/data/data", folder),
    };
    let (_, place) = FOLDERS.iter().find(|(known, _)| *known == folder)?;
    Some(format!("{data}/{package}/{place}{rest}"))
}

/// Where a phone keeps the messages of a backup.
const MESSAGES: &str = "apps/com.android.providers.telephony/d_f/";

/// The number in the name of a file of messages, and whether it holds MMS.
fn chunk_of_messages(name: &str) -> Option<(u32, bool)> {
    let (number, kind) = name.strip_prefix(MESSAGES)?.split_once('_')?;
    let is_mms = kind == "mms_backup";
    (is_mms || kind == "sms_backup").then_some((number.parse().ok()?, is_mms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_apps_stand_where_they_are_on_the_phone() {
        for (name, path) in [
            ("apps/a.b/db/x.db-wal", Some("/data/data/a.b/databases/x.db-wal")),
            ("apps/a.b/r/app_chrome/Default/History", Some("/data/data/a.b/app_chrome/Default/History")),
            ("apps/a.b/d_sp/x.xml", Some("/data/user_de/0/a.b/shared_prefs/x.xml")),
            ("apps/a.b/ef/x", Some("/sdcard/Android/data/a.b/files/x")),
            ("shared/0/Download/x.apk", Some("/sdcard/Download/x.apk")),
            ("shared/1/x", Some("/storage/1/x")),
            ("apps/a.b/_manifest", None),
            ("apps/a.b/a/base.apk", None),
            ("apps/a.b/k/a.b.data", None),
            ("apps/com.android.providers.telephony/d_f/000000_sms_backup", None),
            (
                "apps/com.android.providers.telephony/d_f/x",
                Some("/data/user_de/0/com.android.providers.telephony/files/x"),
            ),
            ("", None),
        ] {
            assert_eq!(on_the_phone(name).as_deref(), path, "{name}");
        }
    }
}
