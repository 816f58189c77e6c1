use crate::artifact::certificates::{all_digests, subjects};
use crate::artifact::prelude::*;
use crate::format::apk;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.apk_certificates",
    title: "Signatures of collected apps",
    about: "The hashes of each app file that was copied from the phone, and who signed it, now and before.",
    files: &["/androidqf/apks/*.apk", "/backup/apps/*/a/*.apk"],
    columns: &[
        text("name"),
        app_id("package"),
        hash("sha256"),
        hash("sha1"),
        hash("md5"),
        text("schemes"),
        hash("certificate_sha256"),
        hash("certificate_sha1"),
        hash("certificate_md5"),
        message("certificate_subjects"),
        hash("past_certificate_sha256"),
        hash("past_certificate_sha1"),
        hash("past_certificate_md5"),
    ],
    shows: Trace::Installed,
    line: "app file {name} signed by {certificate_subjects}",
    parse: Parse::Bytes { most: LARGEST, parse },
};

/// Larger ones are games.
const LARGEST: u64 = 256 << 20;

fn parse(bytes: &[u8], out: &mut Out<'_>) -> Result<()> {
    let path = out.path().to_owned();
    let name = path.rsplit('/').next().unwrap_or_default();
    let [sha256, sha1, md5] = crate::artifact::certificates::hashes(bytes);
    let signing = match apk::signing(bytes) {
        Ok(signing) => signing,
        Err(error) => {
            out.warn(None, format!("{error:#}"));
            apk::Signing::default()
        }
    };
    for problem in &signing.problems {
        out.warn(None, problem);
    }
    let certificates = all_digests(&signing.certificates);
    let past = all_digests(&signing.past);
    let [certificate_sha256, certificate_sha1, certificate_md5] = certificates;
    let [past_sha256, past_sha1, past_md5] = past;
    out.push(
        Place::key(name),
        [
            name.into(),
            package(&path).into(),
            sha256.into(),
            sha1.into(),
            md5.into(),
            signing.schemes.iter().copied().collect(),
            certificate_sha256,
            certificate_sha1,
            certificate_md5,
            subjects(&signing.certificates),
            past_sha256,
            past_sha1,
            past_md5,
        ],
    );
    Ok(())
}

/// The folder in a backup; else the name of the file up to the name of a split, which follows the package after `_`.
fn package(path: &str) -> Option<&str> {
    if let Some(rest) = path.strip_prefix("/backup/apps/") {
        return rest.split('/').next();
    }
    let name = path.rsplit('/').next()?.strip_suffix(".apk")?;
    let split = ["_base", "_split_", "_config."].iter().filter_map(|mark| name.find(mark)).min();
    name.get(..split.unwrap_or(name.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;
    use crate::format::apk::testing::{old, signed};
    use crate::format::certificate::EXAMPLE_HEX;

    #[test]
    fn an_app_is_told_by_its_file_and_its_certificates() {
        let certificate = crate::record::unhex(EXAMPLE_HEX).unwrap();
        let bytes = signed(&certificate, b"past");
        let (records, warnings) = rows_at(&ARTIFACT, "/androidqf/apks/com.example_app_split_x.apk", &bytes);
        let record = &records[0];
        assert_eq!((&record["package"], &record["schemes"]), (&json!("com.example_app"), &json!(["v3"])));
        assert_eq!(record["sha256"].as_str().unwrap().len(), 64);
        assert!(record["certificate_subjects"][0].as_str().unwrap().contains("profiles.example.org"));
        assert_eq!(record["past_certificate_md5"].as_array().unwrap().len(), 1);
        assert_eq!(warnings, [""; 0]);
        let (records, _) = rows_at(&ARTIFACT, "/backup/apps/a.b/a/base.apk", &old(&certificate));
        assert_eq!((&records[0]["package"], &records[0]["schemes"]), (&json!("a.b"), &json!(["v1"])));
    }

    #[test]
    fn what_is_no_app_still_has_its_hashes() {
        let (records, warnings) = rows_at(&ARTIFACT, "/androidqf/apks/a.b.apk", b"not a zip");
        assert_eq!((records.as_array().unwrap().len(), warnings.len()), (1, 1));
        assert_eq!(records[0]["md5"], "f2b55fcb7060df240790710e3d088798");
        shake(&ARTIFACT, &signed(b"certificate", b"past"));
    }
}
