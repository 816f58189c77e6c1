use crate::artifact::certificates::{all_digests, subjects};
use crate::artifact::prelude::*;
use crate::record::unhex;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.backup_apps",
    title: "Apps of an Android backup",
    about: "Every app that the backup names, with who installed it and the certificates it was signed with, also where the app allowed no data.",
    files: &["/backup/apps/*/_manifest"],
    columns: &[
        app_id("package"),
        int("version_code"),
        int("sdk_version"),
        app_id("installer"),
        boolean("apk_included"),
        hash("certificate_sha256"),
        hash("certificate_sha1"),
        hash("certificate_md5"),
        message("certificate_subjects"),
    ],
    shows: Trace::Installed,
    line: "app {package} version {version_code}, installed by {installer}",
    parse: Parse::Bytes { most: 1 << 20, parse },
};

/// Real apps have one or two.
const MOST_CERTIFICATES: usize = 64;

/// Lines: version of the list, package, version, release of Android, installer, whether the app itself is there, how many
/// certificates, and these.
fn parse(bytes: &[u8], out: &mut Out<'_>) -> Result<()> {
    let text = String::from_utf8_lossy(bytes);
    let lines: Vec<&str> = text.split('\n').map(str::trim).collect();
    let line = |number: usize| lines.get(number).copied().filter(|line| !line.is_empty());
    let package = line(1).context("is no list of an app's properties")?;
    let number = |at: usize| line(at).and_then(|line| line.parse::<i64>().ok());
    let stated = usize::try_from(number(6).unwrap_or(0)).unwrap_or(0);
    let certificates: Vec<Vec<u8>> =
        lines.iter().skip(7).take(MOST_CERTIFICATES).filter(|line| !line.is_empty()).filter_map(|line| unhex(line)).collect();
    if certificates.len() != stated {
        out.warn(None, format!("names {stated} certificates and holds {}", certificates.len()));
    }
    let [sha256, sha1, md5] = all_digests(&certificates);
    out.push(
        Place::Line { line: 2 },
        [
            package.into(),
            number(2).into(),
            number(3).into(),
            line(4).into(),
            line(5).map(|flag| flag == "1").into(),
            sha256,
            sha1,
            md5,
            subjects(&certificates),
        ],
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;
    use crate::format::certificate::EXAMPLE_HEX;

    const PATH: &str = "/backup/apps/com.example.app/_manifest";

    #[test]
    fn the_certificate_is_told_by_every_published_kind_of_hash() {
        let text = format!("1\ncom.example.app\n42\n34\ncom.android.vending\n0\n1\n{EXAMPLE_HEX}\n");
        let (records, warnings) = rows_at(&ARTIFACT, PATH, text.as_bytes());
        let record = &records[0];
        assert_eq!(record["package"], "com.example.app");
        assert_eq!((&record["version_code"], &record["sdk_version"]), (&json!(42), &json!(34)));
        assert_eq!((&record["installer"], &record["apk_included"]), (&json!("com.android.vending"), &json!(false)));
        let lengths = ["certificate_sha256", "certificate_sha1", "certificate_md5"]
            .map(|name| record[name][0].as_str().unwrap().len());
        assert_eq!(lengths, [64, 40, 32]);
        assert!(record["certificate_subjects"][0].as_str().unwrap().contains("profiles.example.org"));
        assert_eq!(warnings, [""; 0]);
    }

    #[test]
    fn an_app_without_installer_and_with_odd_certificates_is_kept() {
        let (records, warnings) = rows_at(&ARTIFACT, PATH, b"1\na.b\n1\n9\n\n1\n2\n00ff\nzz\n");
        assert_eq!((&records[0]["installer"], &records[0]["apk_included"]), (&json!(null), &json!(true)));
        assert_eq!(records[0]["certificate_md5"], json!(["d07d34efac6328007ad67c7e0a985e00"]));
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        let (records, warnings) = rows_at(&ARTIFACT, PATH, b"");
        assert_eq!((records, warnings.len()), (json!([]), 1));
    }

    #[test]
    fn broken_lists_never_panic() {
        shake(&ARTIFACT, b"1\na.b\n1\n9\n\n1\n1\n00ff\n");
    }
}
