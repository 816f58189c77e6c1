use crate::artifact::prelude::*;
use crate::artifact::protobuf_stream::messages;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.bugbane_mounts",
    title: "Mounts (Bugbane)",
    about: "The file systems that were mounted, one line each as the phone wrote it.",
    files: &["/androidqf/mounts.pb"],
    columns: &[text("line")],
    shows: Trace::Installed,
    line: "mounted: {line}",
    parse: Parse::Bytes { most: 16 << 20, parse },
};

fn parse(bytes: &[u8], out: &mut Out<'_>) -> Result<()> {
    messages(bytes, out, |place, fields, out| out.push(place, [fields.text(1)]));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;
    use crate::format::protobuf::testing::{bytes, framed};

    #[test]
    fn each_line_is_a_record() {
        let stream = [framed(&[bytes(1, "/dev/block/dm-4 on / type ext4 (ro)")]), framed(&[bytes(1, "b")])].concat();
        let (records, warnings) = rows_at(&ARTIFACT, "/androidqf/mounts.pb", &stream);
        assert_eq!(records[0]["line"], "/dev/block/dm-4 on / type ext4 (ro)");
        assert_eq!((records.as_array().unwrap().len(), warnings.len()), (2, 0));
        shake(&ARTIFACT, &stream);
    }
}
