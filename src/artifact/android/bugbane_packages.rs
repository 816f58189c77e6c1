use crate::artifact::json::list;
use crate::artifact::prelude::*;
use crate::artifact::protobuf_stream::{Message, messages};

pub const ARTIFACT: Artifact = Artifact {
    id: "android.bugbane_packages",
    title: "Installed apps (Bugbane)",
    about: "Every app of the phone with who installed it, the hashes of its files and the certificates it was signed with.",
    files: &["/androidqf/packages.pb"],
    columns: &[
        app_id("name"),
        app_id("installer"),
        int("uid"),
        boolean("disabled"),
        boolean("system"),
        boolean("third_party"),
        path("files"),
        hash("file_hashes"),
        hash("certificate_hashes"),
        message("certificate_issuers"),
        message("certificate_subjects"),
        // The collector's own opinion of a file.
        boolean("suspicious"),
    ],
    shows: Trace::Installed,
    line: "app {name}, installed by {installer}",
    parse: Parse::Bytes { most: 256 << 20, parse },
};

fn parse(bytes: &[u8], out: &mut Out<'_>) -> Result<()> {
    messages(bytes, out, push);
    Ok(())
}

fn push(place: Place, package: &Message<'_>, out: &mut Out<'_>) {
    let (mut paths, mut hashes, mut certificates) = (Vec::new(), Vec::new(), Vec::new());
    let (mut issuers, mut subjects, mut suspicious) = (Vec::new(), Vec::new(), None);
    for file in package.messages(7) {
        paths.extend(file.texts(1));
        hashes.extend((3..=6).flat_map(|number| file.texts(number)));
        suspicious = match file.boolean(7) {
            Value::Bool(this) => Some(this || suspicious == Some(true)),
            _ => suspicious,
        };
        for certificate in file.messages(8) {
            certificates.extend((1..=3).flat_map(|number| certificate.texts(number)));
            issuers.extend(certificate.texts(6));
            subjects.extend(certificate.texts(7));
        }
    }
    for list in [&mut certificates, &mut issuers, &mut subjects] {
        // Each file of an app has the same.
        list.sort();
        list.dedup();
    }
    // `null` stands for none.
    let installer = package.texts(2).into_iter().find(|name| name != "null");
    out.push(
        place,
        [
            package.text(1),
            installer.into(),
            package.int(3),
            package.boolean(4),
            package.boolean(5),
            package.boolean(6),
            list(paths),
            list(hashes),
            list(certificates),
            list(issuers),
            list(subjects),
            suspicious.into(),
        ],
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;
    use crate::format::protobuf::testing::{bytes, framed, int};

    #[test]
    fn an_app_has_its_files_hashes_and_certificates() {
        let certificate = [bytes(1, "aa"), bytes(3, "bb"), bytes(6, "CN=Issuer"), bytes(7, "CN=Subject")].concat();
        let file = [bytes(1, "/data/app/x/base.apk"), bytes(5, "cc"), int(7, 1), bytes(8, &certificate)].concat();
        let stream = framed(&[
            bytes(1, "com.example.app"),
            bytes(2, "null"),
            int(3, 10123),
            int(5, 0),
            int(6, 1),
            bytes(7, &file),
            bytes(7, &file),
        ]);
        let (records, warnings) = rows_at(&ARTIFACT, "/androidqf/packages.pb", &stream);
        assert_eq!(
            records,
            json!([{
                "name": "com.example.app", "uid": 10123, "system": false, "third_party": true,
                "files": ["/data/app/x/base.apk", "/data/app/x/base.apk"], "file_hashes": ["cc", "cc"],
                "certificate_hashes": ["aa", "bb"], "certificate_issuers": ["CN=Issuer"], "certificate_subjects": ["CN=Subject"],
                "suspicious": true, "_line": "app com.example.app, installed by ",
            }])
        );
        assert_eq!(warnings, [""; 0]);
        shake(&ARTIFACT, &stream);
    }
}
