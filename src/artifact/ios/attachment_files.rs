use crate::artifact::prelude::*;

/// Read of each file: enough for every signature below.
const HEAD_BYTES: usize = 16;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.attachment_files",
    title: "Attachment files of Messages",
    about: "What the files of received and sent attachments begin with, whatever their names say.",
    files: &["/private/var/mobile/Library/SMS/Attachments/**"],
    columns: &[text("file_name"), text("extension"), text("content")],
    shows: Trace::Received,
    line: "attachment file {file_name} begins like {content}",
    parse: Parse::Head { bytes: HEAD_BYTES, parse },
};

fn parse(head: &[u8], out: &mut Out<'_>) {
    let name = out.path().rsplit('/').next().unwrap_or_default().to_owned();
    let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_lowercase());
    out.push(Place::Offset { offset: 0 }, [name.into(), extension.into(), content(head).into()]);
}

/// The kind of a file by its first bytes; `None` for kinds that have no signature or are not told apart here.
fn content(head: &[u8]) -> Option<&'static str> {
    const SIGNATURES: [(usize, &[u8], &str); 12] = [
        (0, b"%PDF", "pdf"),
        (0, b"8BPS", "psd"),
        (0, b"GIF8", "gif"),
        (0, b"\x89PNG", "png"),
        (0, b"\xFF\xD8\xFF", "jpeg"),
        (8, b"WEBP", "webp"),
        (4, b"ftyp", "mp4 or heic"),
        (0, b"PK\x03\x04", "zip"),
        (0, b"caff", "caf"),
        (0, b"bplist0", "property list"),
        (0, b"II*\0", "tiff"),
        (0, b"MM\0*", "tiff"),
    ];
    let found = SIGNATURES
        .iter()
        .find(|(at, signature, _)| head.get(*at..).is_some_and(|rest| rest.starts_with(signature)));
    found.map(|(_, _, kind)| *kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows_at, shake};

    #[test]
    fn the_content_is_told_by_its_first_bytes_and_not_by_its_name() {
        let path = "/private/var/mobile/Library/SMS/Attachments/ab/11/at_0/IMG_1.GIF";
        assert_eq!(
            rows_at(&ARTIFACT, path, b"%PDF-1.3 and more").0,
            json!([{
                "file_name": "IMG_1.GIF",
                "extension": "gif",
                "content": "pdf",
                "_line": "attachment file IMG_1.GIF begins like pdf",
            }])
        );
        shake(&ARTIFACT, b"RIFF\x10\0\0\0WEBPVP8 ");
    }

    #[test]
    fn short_and_unknown_files_are_listed_without_a_kind() {
        assert_eq!(
            rows_at(&ARTIFACT, "/x/note", b"hi").0,
            json!([{"file_name": "note", "_line": "attachment file note begins like "}])
        );
    }
}
