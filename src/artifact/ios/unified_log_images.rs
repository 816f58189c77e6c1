use crate::artifact::prelude::*;
use crate::format::unified_log::uuidtext;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.unified_log_images",
    title: "Programs and libraries known to the log",
    about: "The images whose texts the log keeps; they stay longer than the entries, so a program may be known here of which no entry is left.",
    files: &["/private/var/db/uuidtext/[0-9A-F][0-9A-F]/*"],
    columns: &[path("image"), text("uuid"), message("texts")],
    shows: Trace::Executed,
    line: "image {image} is known to the log",
    parse: Parse::UnifiedLog(LogPart::Image(parse)),
};

/// Texts of images that are not the system's are kept up to this length: an implant's own messages would be there.
const LONGEST_TEXTS_BYTES: usize = 256 << 10;

fn parse(bytes: &[u8], out: &mut Out<'_>) -> Result<()> {
    let text = uuidtext::read(bytes)?;
    let path = text.path.context("is cut before the path of its image")?;
    let uuid: String = out.path().rsplit('/').take(2).collect::<Vec<_>>().into_iter().rev().collect();
    let texts = (!is_system(&path)).then(|| {
        let strings = text.strings.get(..LONGEST_TEXTS_BYTES).unwrap_or(text.strings);
        let strings = strings.split(|byte| *byte == 0).filter(|string| !string.is_empty());
        strings.map(String::from_utf8_lossy).collect::<Vec<_>>().join("\n")
    });
    let values = [path.as_str().into(), uuid.as_str().into(), texts.filter(|texts| !texts.is_empty()).into()];
    out.push(Place::Offset { offset: 0 }, values);
    Ok(())
}

fn is_system(path: &str) -> bool {
    ["/System/", "/usr/", "/sbin/", "/bin/", "/kernel"].iter().any(|prefix| path.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    fn file(path: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        for word in [0x6677_8899_u32, 2, 1, 1, 0x100, 8] {
            bytes.extend_from_slice(&word.to_le_bytes());
        }
        bytes.extend_from_slice(b"key %s\0\0");
        bytes.extend_from_slice(path.as_bytes());
        bytes.push(0);
        bytes
    }

    #[test]
    fn the_path_comes_from_the_end_and_only_foreign_images_keep_their_texts() {
        let at = "/private/var/db/uuidtext/AB/CDEF";
        let (records, _) = rows_at(&ARTIFACT, at, &file("/private/var/tmp/x"));
        assert_eq!(
            records,
            json!([{"image": "/private/var/tmp/x", "uuid": "ABCDEF", "texts": "key %s",
                "_line": "image /private/var/tmp/x is known to the log"}])
        );
        let (records, _) = rows_at(&ARTIFACT, at, &file("/usr/libexec/x"));
        assert_eq!(records[0].get("texts"), None);
    }

    #[test]
    fn broken_files_never_panic() {
        shake(&ARTIFACT, &file("/private/var/tmp/x"));
    }
}
