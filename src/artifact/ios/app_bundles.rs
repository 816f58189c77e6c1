use crate::artifact::property_list::{dictionary, moment, number, shown, text as text_of};
use crate::artifact::prelude::*;
use crate::format::keyed;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.app_bundles",
    title: "Installation of apps",
    about: "What the installer noted beside each app: when it was installed, in which way, and why an installation failed.",
    files: &["/private/var/containers/Bundle/Application/*/BundleMetadata.plist"],
    columns: &[
        time("installed", Epoch::Mac, Moment::Installed),
        // The installer's own numbers, which it does not explain.
        int("install_type"),
        text("install_build"),
        app_id("parent_bundle_id"),
        int("auto_install_override"),
        text("alternate_icon"),
        int("failure_reason"),
        int("failure_source"),
        message("failure"),
    ],
    shows: Trace::Installed,
    line: "app installed, type {install_type}, by iOS build {install_build}",
    parse: Parse::Plist(parse),
};

fn parse(list: &plist::Value, out: &mut Out<'_>) -> Result<()> {
    let archived = keyed::is_archive(list).then(|| keyed::unarchive(list)).transpose()?;
    let metadata = dictionary(archived.as_ref().unwrap_or(list))?;
    out.push(
        Place::key("BundleMetadata"),
        [
            moment(metadata, "installDate"),
            number(metadata, "installType"),
            text_of(metadata, "installBuildVersion"),
            text_of(metadata, "linkedParentBundleID"),
            number(metadata, "autoInstallOverride"),
            text_of(metadata, "alternateIconName"),
            number(metadata, "placeholderFailureReason"),
            number(metadata, "placeholderFailureUnderlyingErrorSource"),
            metadata.get("placeholderFailureUnderlyingError").map(shown).into(),
        ],
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, rows_at, shake};

    #[test]
    fn the_installers_archive_is_unfolded() {
        let uid = |index| plist::Value::Uid(plist::Uid::new(index));
        let dictionary = |entries: &[(&str, plist::Value)]| {
            plist::Value::Dictionary(entries.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect())
        };
        let class = |name: &str| dictionary(&[("$classname", name.into())]);
        let archive = dictionary(&[
            ("$archiver", "NSKeyedArchiver".into()),
            ("$version", 100_000.into()),
            ("$top", dictionary(&[("root", uid(1))])),
            (
                "$objects",
                plist::Value::Array(vec![
                    "$null".into(),
                    dictionary(&[
                        ("$class", uid(2)),
                        ("installDate", uid(3)),
                        ("installType", 1.into()),
                        ("installBuildVersion", uid(5)),
                        ("alternateIconName", uid(0)),
                        ("placeholderFailureReason", 0.into()),
                    ]),
                    class("MIBundleMetadata"),
                    dictionary(&[("$class", uid(4)), ("NS.time", 700_000_000.0.into())]),
                    class("NSDate"),
                    "20A362".into(),
                ]),
            ),
        ]);
        let mut bytes = Vec::new();
        archive.to_writer_binary(&mut bytes).unwrap();
        assert_eq!(
            rows(&ARTIFACT, &bytes),
            json!([{
                "installed": "2023-03-08T20:26:40.000000+00:00",
                "install_type": 1,
                "install_build": "20A362",
                "failure_reason": 0,
                "_line": "app installed, type 1, by iOS build 20A362",
            }])
        );
        shake(&ARTIFACT, &bytes);
    }

    #[test]
    fn a_plain_list_is_read_too_and_another_file_is_reported() {
        let plain = b"<plist><dict><key>installDate</key><date>2024-01-02T03:04:05Z</date></dict></plist>";
        assert_eq!(rows(&ARTIFACT, plain)[0]["installed"], "2024-01-02T03:04:05.000000+00:00");
        let (records, warnings) = rows_at(&ARTIFACT, "/x", b"<plist><array/></plist>");
        assert_eq!((records, warnings.len()), (json!([]), 1));
    }
}
