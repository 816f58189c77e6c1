use crate::artifact::prelude::*;
use crate::source::FileKind;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.file_times",
    title: "Copied files and their times",
    about: "Files that were copied from the phone: logs, reports of crashes and what lay in the shell's folder, contents unread. Archives \
        keep their times to two seconds; those of a folder may be the times of unpacking.",
    files: &[],
    columns: &[
        path("file"),
        time("modified", Epoch::Unix, Moment::Modified).rounded(Precision::Second),
        time("changed", Epoch::Unix, Moment::MetadataChanged).rounded(Precision::Second),
        int("size_bytes"),
        text("mode"),
        int("uid"),
        text("odd"),
    ],
    shows: Trace::Installed,
    line: "file {file}",
    parse: Parse::Listing(list),
};

/// What is no file of the phone, but the output of a command, a part of the acquisition or of a backup.
const MADE: [&str; 10] = [
    "/androidqf/",
    "/backup/",
    "/bugreport/",
    "/dumpstate/",
    "/dumpsys/",
    "/intrusion_logs/",
    "/logcat/",
    "/processes/",
    "/settings/",
    "/sysdiagnose/",
];
const MADE_WHOLE: [&str; 3] = ["/getprop", "/selinux", "/sockets"];

fn list(file: &VirtualFile, out: &mut Out<'_>) {
    let made = MADE.iter().any(|folder| file.path.starts_with(folder)) || MADE_WHOLE.contains(&&*file.path);
    if made || file.kind != FileKind::File {
        return;
    }
    out.push(
        Place::key(file.stored_as.as_str()),
        [
            file.path.as_str().into(),
            file.modified.into(),
            file.changed.into(),
            file.size.into(),
            file.mode.map(|mode| format!("0o{mode:o}")).into(),
            file.uid.map(i64::from).into(),
            file.odd.as_deref().into(),
        ],
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    #[test]
    fn copied_files_are_listed_and_outputs_of_commands_not() {
        let of = |path: &str| {
            let modified = "2023-11-14T22:13:20Z".parse().ok();
            listed(&ARTIFACT, &VirtualFile { path: path.into(), modified, size: 3, ..VirtualFile::default() })
        };
        assert_eq!(
            of("/data/anr/anr_1"),
            json!([{
                "file": "/data/anr/anr_1", "modified": "2023-11-14T22:13:20.000000+00:00", "size_bytes": 3,
                "_line": "file /data/anr/anr_1",
            }])
        );
        for path in ["/dumpsys/package", "/getprop", "/androidqf/apks/a.apk"] {
            assert_eq!(of(path), json!([]), "{path}");
        }
    }
}
