use crate::artifact::certificates::hashes;
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.staged_files",
    title: "Files where implants unpack themselves",
    about: "Hashes and kind of the files in folders that programs may write to and that published implants ran from.",
    files: &[
        "/private/var/tmp/**",
        "/private/var/db/com.apple.xpc.roleaccountd.staging/**",
        "/private/var/root/Library/Caches/**",
    ],
    columns: &[path("file"), text("content"), int("size_bytes"), hash("sha256"), hash("sha1"), hash("md5")],
    shows: Trace::Installed,
    line: "{content} {file} ({sha256})",
    parse: Parse::Bytes { most: 64 << 20, parse },
};

fn parse(bytes: &[u8], out: &mut Out<'_>) -> Result<()> {
    let file = out.path().to_owned();
    let [sha256, sha1, md5] = if bytes.is_empty() {
        [const { Value::Null }; 3]
    } else {
        hashes(bytes).map(Value::from)
    };
    out.push(
        Place::Offset { offset: 0 },
        [file.into(), is_program(bytes).then_some("Mach-O").into(), (bytes.len() as u64).into(), sha256, sha1, md5],
    );
    Ok(())
}

/// Programs and libraries, of one kind of processor or several.
fn is_program(bytes: &[u8]) -> bool {
    match bytes {
        [0xcf | 0xce, 0xfa, 0xed, 0xfe, ..] => true,
        // Compiled Java begins the same and has its version, 45 and more, where the count of processors stands.
        [0xca, 0xfe, 0xba, 0xbe | 0xbf, 0, 0, 0, count, ..] => *count < 20,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows_at, shake};

    #[test]
    fn files_are_hashed_and_programs_known_by_their_first_bytes() {
        let bytes = b"\xcf\xfa\xed\xfe and more";
        let (records, warnings) = rows_at(&ARTIFACT, "/private/var/tmp/bh", bytes);
        let [sha256, sha1, md5] = hashes(bytes);
        assert_eq!(
            records,
            json!([{"file": "/private/var/tmp/bh", "content": "Mach-O", "size_bytes": 13, "sha256": sha256, "sha1": sha1,
                    "md5": md5, "_line": format!("Mach-O /private/var/tmp/bh ({sha256})")}])
        );
        assert!(warnings.is_empty(), "{warnings:?}");
        shake(&ARTIFACT, bytes);
    }

    #[test]
    fn compiled_java_and_empty_files_are_no_programs() {
        assert!(is_program(b"\xca\xfe\xba\xbe\0\0\0\x02...") && !is_program(b"\xca\xfe\xba\xbe\0\0\0\x34..."));
        assert_eq!(rows_at(&ARTIFACT, "/x", b"").0, json!([{"file": "/x", "size_bytes": 0, "_line": " /x ()"}]));
    }
}
