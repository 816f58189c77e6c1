use crate::artifact::prelude::*;
use crate::artifact::protobuf_stream::messages;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.bugbane_root_binaries",
    title: "Programs of rooted phones (Bugbane)",
    about: "Paths at which programs lie that usually only a rooted phone has.",
    files: &["/androidqf/root_binaries.pb"],
    columns: &[path("binary")],
    shows: Trace::Installed,
    line: "program of rooted phones: {binary}",
    parse: Parse::Bytes { most: 16 << 20, parse },
};

fn parse(bytes: &[u8], out: &mut Out<'_>) -> Result<()> {
    messages(bytes, out, |place, fields, out| {
        // One search may have found several.
        let found = fields.text(1);
        for line in found.as_text().unwrap_or_default().lines().map(str::trim).filter(|line| !line.is_empty()) {
            out.push(place.clone(), [line.into()]);
        }
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;
    use crate::format::protobuf::testing::{bytes, framed};

    #[test]
    fn each_path_is_a_record() {
        let stream = framed(&[bytes(1, "/system/bin/su\n/sbin/su\n")]);
        let (records, warnings) = rows_at(&ARTIFACT, "/androidqf/root_binaries.pb", &stream);
        assert_eq!((&records[0]["binary"], &records[1]["binary"]), (&json!("/system/bin/su"), &json!("/sbin/su")));
        assert_eq!(warnings, [""; 0]);
        shake(&ARTIFACT, &stream);
    }
}
