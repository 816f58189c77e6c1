use sha2::Digest as _;

use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.tmp_files",
    title: "Files of the shell's folder",
    about: "Copies of the files in `/data/local/tmp`, where whoever has a computer at the phone can put and run programs.",
    files: &["/data/local/tmp/**"],
    columns: &[path("file"), int("size_bytes"), text("content"), hash("sha256"), hash("sha1")],
    shows: Trace::Installed,
    line: "file {file} of the shell begins like {content}",
    parse: Parse::Bytes { most: 256 << 20, parse },
};

fn parse(bytes: &[u8], out: &mut Out<'_>) -> Result<()> {
    let path = out.path().to_owned();
    out.push(
        Place::Offset { offset: 0 },
        [
            path.into(),
            (bytes.len() as u64).into(),
            content(bytes).into(),
            crate::record::hex(&sha2::Sha256::digest(bytes)).into(),
            crate::record::hex(&sha1::Sha1::digest(bytes)).into(),
        ],
    );
    Ok(())
}

/// The kind of a file that holds code, by its first bytes.
fn content(bytes: &[u8]) -> Option<&'static str> {
    const SIGNATURES: [(&[u8], &str); 6] = [
        (b"\x7fELF", "elf"),
        (b"dex\n", "dex"),
        (b"vdex", "vdex"),
        (b"PK\x03\x04", "zip or apk"),
        (b"#!", "script"),
        (b"SQLite format 3\0", "sqlite"),
    ];
    SIGNATURES.iter().find(|(signature, _)| bytes.starts_with(signature)).map(|(_, kind)| *kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    #[test]
    fn files_are_hashed_and_told_by_their_first_bytes() {
        let path = "/data/local/tmp/wd/fs";
        assert_eq!(
            rows_at(&ARTIFACT, path, b"#!/system/bin/sh\n").0,
            json!([{
                "file": path, "size_bytes": 17, "content": "script",
                "sha256": "0fc5a3d02eeed73d1d78caf4f25a33bdcb8917f946ca9b401a06039bb8387d0f", "sha1": "f7703239c567d24a6258436fec99b98e0025efff",
                "_line": "file /data/local/tmp/wd/fs of the shell begins like script",
            }])
        );
        assert_eq!(rows_at(&ARTIFACT, path, b"hello").0[0].get("content"), None);
        shake(&ARTIFACT, b"\x7fELF\x02\x01\x01");
    }
}
