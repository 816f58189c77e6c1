use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "disguised_attachment",
    title: "An attachment is not what its name says",
    looks_at: "The first bytes of the attachment files of Messages, against the ending of their names: images that begin like a PDF or a Photoshop file.",
    why_it_matters: "Messages shows an animated image by handing the file to a program that looks at its content. The FORCEDENTRY exploit \
used with Pegasus in 2021 sent PDF and Photoshop files named .gif to reach that program without a touch of the owner.",
    innocent_causes: "Somebody renamed a document before sending it, or an app exported it under a wrong name. That is rare for .gif.",
    next_check: "Look at who sent it and whether the message still exists, at other attachments of the same hour, and at crashes of IMTranscoderAgent \
in a sysdiagnose. Keep the file; do not open it.",
    references: &[
        "https://citizenlab.ca/2021/09/forcedentry-nso-group-imessage-zero-click-exploit-captured-in-the-wild/",
        "https://googleprojectzero.blogspot.com/2021/12/a-deep-dive-into-nso-zero-click.html",
    ],
    reads: &[Reads { artifact: "ios.attachment_files", keep: |record| level(|name| record.value(name).as_text()).is_some() }],
    check: |kept, findings| {
        for file in kept.of("ios.attachment_files") {
            let Some(level) = level(|name| file.value(name).as_text()) else { continue };
            let message =
                format!("The attachment {} is a {} file in disguise", file.text("file_name"), file.text("content"));
            findings.push(Finding::of_rule("disguised_attachment", level, Trace::Received, message, file));
        }
    },
};

/// What a file deserves, by its `extension` and `content`; `None` for an honest one.
fn level<'a>(value: impl Fn(&str) -> Option<&'a str>) -> Option<Level> {
    let is_document = matches!(value("content")?, "pdf" | "psd");
    match value("extension")? {
        "gif" if is_document => Some(Level::High),
        "png" | "jpg" | "jpeg" | "heic" | "webp" | "tiff" | "bmp" if is_document => Some(Level::Medium),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heuristic::testing::verdicts;
    use serde_json::json;

    fn of(extension: &str, content: &str) -> Vec<String> {
        let file = json!({"file_name": format!("a.{extension}"), "extension": extension, "content": content});
        verdicts(&HEURISTIC, &[("ios.attachment_files", file)])
    }

    #[test]
    fn a_pdf_called_gif_is_high() {
        assert_eq!(of("gif", "pdf"), ["HIGH The attachment a.gif is a pdf file in disguise"]);
        assert_eq!(of("gif", "psd").len(), 1);
    }

    #[test]
    fn images_of_another_kind_and_honest_documents_are_silent() {
        for (extension, content) in [("gif", "gif"), ("gif", "png"), ("pdf", "pdf"), ("jpg", "mp4 or heic")] {
            assert!(of(extension, content).is_empty(), "{extension} {content}");
        }
    }
}
