//! What an Android backup holds, as entries of an acquisition: `/backup/apps/PACKAGE/…`, and what it says by what is missing.

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
            self.member(number, format!("/backup/{name}"), prefix, member);
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

/// Where a phone keeps the messages of a backup.
const MESSAGES: &str = "apps/com.android.providers.telephony/d_f/";

/// The number in the name of a file of messages, and whether it holds MMS.
fn chunk_of_messages(name: &str) -> Option<(u32, bool)> {
    let (number, kind) = name.strip_prefix(MESSAGES)?.split_once('_')?;
    let is_mms = kind == "mms_backup";
    (is_mms || kind == "sms_backup").then_some((number.parse().ok()?, is_mms))
}
