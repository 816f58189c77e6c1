use crate::artifact::json::{boolean as flag_of, each, word as text_of};
use crate::artifact::prelude::*;
use crate::time::zoned;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.collected_package_files",
    title: "Files of packages (collector)",
    about: "The files that each app consists of, their hashes, and who signed them.",
    files: &["/androidqf/packages.json"],
    columns: &[
        app_id("package"),
        path("file"),
        text("local_name"),
        hash("md5"),
        hash("sha1"),
        hash("sha256"),
        hash("sha512"),
        hash("certificate_md5"),
        hash("certificate_sha1"),
        hash("certificate_sha256"),
        message("certificate_subject"),
        message("certificate_issuer"),
        text("certificate_serial"),
        Column { moment: None, ..time("certificate_from", Epoch::Unix, Moment::Created) },
        Column { moment: None, ..time("certificate_until", Epoch::Unix, Moment::Scheduled) },
        boolean("verified_certificate"),
        // One of the makers that the collector knows.
        boolean("trusted_certificate"),
        text("error"),
    ],
    shows: Trace::Installed,
    line: "{package} has the file {file}, signed by {certificate_subject}",
    parse: Parse::Bytes { most: 512 << 20, parse },
};

fn parse(bytes: &[u8], out: &mut Out<'_>) -> Result<()> {
    each(bytes, |number, package| {
        let files = package.get("files").and_then(|files| files.as_array());
        for (file, index) in files.into_iter().flatten().zip(1..) {
            let certificate = file.get("certificate");
            let of_certificate = |name: &str| certificate.and_then(|certificate| text_of(certificate, name));
            // Year 1 stands for none.
            let date = |name: &str| of_certificate(name).and_then(zoned);
            let serial = certificate.and_then(|certificate| certificate.get("SerialNumber"));
            let serial = serial.filter(|serial| !serial.is_null()).map(|serial| serial.to_string());
            let errors: Vec<&str> =
                ["error", "certificate_error"].iter().filter_map(|name| text_of(file, name)).collect();
            out.push(
                Place::key(format!("[{number}].files[{index}]")),
                [
                    text_of(package, "name").into(),
                    text_of(file, "path").into(),
                    text_of(file, "local_name").into(),
                    text_of(file, "md5").into(),
                    text_of(file, "sha1").into(),
                    text_of(file, "sha256").into(),
                    text_of(file, "sha512").into(),
                    of_certificate("Md5").into(),
                    of_certificate("Sha1").into(),
                    of_certificate("Sha256").into(),
                    of_certificate("Subject").into(),
                    of_certificate("Issuer").into(),
                    serial.into(),
                    date("ValidFrom").into(),
                    date("ValidTo").into(),
                    flag_of(file, "verified_certificate").into(),
                    flag_of(file, "trusted_certificate").into(),
                    Some(errors.join("; ")).filter(|errors| !errors.is_empty()).into(),
                ],
            );
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const PACKAGES: &str = r#"[{"name": "org.example.a", "files": [
{"path": "/data/app/a/base.apk", "local_name": "org.example.a.apk", "md5": "d41d8cd98f00b204e9800998ecf8427e", "sha1": "", "sha256": "AB", "error": "",
 "verified_certificate": true, "trusted_certificate": false,
 "certificate": {"Md5": "01", "Sha1": "02", "Sha256": "03", "ValidFrom": "2020-01-02T03:04:05Z", "ValidTo": "0001-01-01T00:00:00Z",
  "Issuer": "CN=i", "Subject": "CN=s", "SerialNumber": 12345678901234567890}},
{"path": "/data/app/a/split.apk", "certificate_error": "not downloaded"}]}, {"name": "org.example.b"}]"#;

    #[test]
    fn each_file_has_its_hashes_and_its_certificate() {
        let (records, warnings) = rows_at(&ARTIFACT, "/androidqf/packages.json", PACKAGES.as_bytes());
        assert!(warnings.is_empty(), "{warnings:?}");
        let first = json!({
            "package": "org.example.a", "file": "/data/app/a/base.apk", "local_name": "org.example.a.apk",
            "md5": "d41d8cd98f00b204e9800998ecf8427e", "sha256": "AB", "certificate_md5": "01", "certificate_sha1": "02",
            "certificate_sha256": "03", "certificate_subject": "CN=s", "certificate_issuer": "CN=i",
            "certificate_serial": "12345678901234567890", "certificate_from": "2020-01-02T03:04:05.000000+00:00",
            "verified_certificate": true, "trusted_certificate": false,
            "_line": "org.example.a has the file /data/app/a/base.apk, signed by CN=s",
        });
        assert_eq!(records[0], first);
        assert_eq!(records[1]["error"], "not downloaded");
        assert_eq!(records.as_array().unwrap().len(), 2);
    }

    #[test]
    fn broken_text_never_panics() {
        shake(&ARTIFACT, PACKAGES.as_bytes());
    }
}
