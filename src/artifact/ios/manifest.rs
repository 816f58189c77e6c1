use crate::artifact::prelude::*;
use crate::source::FileKind;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.manifest",
    title: "File listing",
    about: "Every file, folder and link of the acquisition with its times, contents unread.",
    files: &[],
    columns: &[
        path("file"),
        text("domain"),
        text("relative"),
        text("kind"),
        time("created", Epoch::Unix, Moment::Created),
        time("modified", Epoch::Unix, Moment::Modified),
        time("changed", Epoch::Unix, Moment::MetadataChanged),
        text("mode"),
        int("uid"),
        int("size_bytes"),
        path("target"),
        message("attributes"),
        boolean("missing"),
        text("odd"),
    ],
    shows: Trace::Installed,
    line: "{kind} {file}",
    parse: Parse::Listing(list),
};

fn list(file: &VirtualFile, out: &mut Out<'_>) {
    let place = match (&file.domain, &file.relative) {
        (Some(domain), Some(relative)) => Place::key(format!("{domain}::{relative}")),
        _ => Place::key(file.stored_as.as_str()),
    };
    let attributes = match file.attributes.as_slice() {
        [] => Value::Null,
        attributes => attributes.iter().map(String::as_str).collect(),
    };
    out.push(
        place,
        [
            file.path.as_str().into(),
            file.domain.as_deref().into(),
            file.relative.as_deref().into(),
            kind_name(file.kind).into(),
            known(file.created),
            known(file.modified),
            known(file.changed),
            file.mode.map(|mode| format!("0o{mode:o}")).into(),
            file.uid.map(i64::from).into(),
            file.size.into(),
            file.target.as_deref().into(),
            attributes,
            file.missing.into(),
            file.odd.as_deref().into(),
        ],
    );
}

fn kind_name(kind: FileKind) -> &'static str {
    match kind {
        FileKind::File => "file",
        FileKind::Directory => "folder",
        FileKind::Link => "link",
        FileKind::Other => "special file",
    }
}

/// The system volume and containers without times give all their files the first day of 1970, in some time zone: no date at all,
/// and not worth a warning for each of a hundred thousand files.
fn known(time: Option<jiff::Timestamp>) -> Value<'static> {
    const DAY_S: i64 = 86_400;
    time.filter(|time| time.as_second().abs() > DAY_S).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, listed};

    #[test]
    fn a_backup_row_keeps_its_domain_and_times() {
        let at = |second| Some(jiff::Timestamp::from_second(second).unwrap());
        let file = VirtualFile {
            path: "/private/var/mobile/Library/x.plist".into(),
            stored_as: "ab/ab12".into(),
            size: 12,
            created: at(0),
            modified: at(1_600_000_000),
            changed: at(1_600_000_001),
            mode: Some(0o100_644),
            uid: Some(501),
            domain: Some("HomeDomain".into()),
            relative: Some("Library/x.plist".into()),
            attributes: vec!["https://files.example/x".into()],
            missing: true,
            odd: Some("its file id is not the hash of its path".into()),
            ..VirtualFile::default()
        };
        assert_eq!(
            listed(&ARTIFACT, &file),
            json!([{
                "file": "/private/var/mobile/Library/x.plist",
                "domain": "HomeDomain",
                "relative": "Library/x.plist",
                "kind": "file",
                "modified": "2020-09-13T12:26:40.000000+00:00",
                "changed": "2020-09-13T12:26:41.000000+00:00",
                "mode": "0o100644",
                "uid": 501,
                "size_bytes": 12,
                "attributes": ["https://files.example/x"],
                "missing": true,
                "odd": "its file id is not the hash of its path",
                "_line": "file /private/var/mobile/Library/x.plist",
            }])
        );
    }

    #[test]
    fn a_link_of_a_dump_names_its_target() {
        let file = VirtualFile {
            path: "/private/var/db".into(),
            stored_as: "root/private/var/db".into(),
            kind: FileKind::Link,
            target: Some("/private/var/other".into()),
            ..VirtualFile::default()
        };
        assert_eq!(
            listed(&ARTIFACT, &file),
            json!([{
                "file": "/private/var/db",
                "kind": "link",
                "size_bytes": 0,
                "target": "/private/var/other",
                "missing": false,
                "_line": "link /private/var/db",
            }])
        );
    }
}
