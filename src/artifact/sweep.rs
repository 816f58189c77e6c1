//! The search of raw bytes, as an artifact: every file, whatever is in it, and each place in it that holds a published indicator.

use super::prelude::*;

/// How its columns are filled is told in `scan/sweep`.
pub const ARTIFACT: Artifact = Artifact {
    id: "sweep",
    title: "Raw search of every file",
    about: "Every byte of every file, searched for published hosts, addresses, e-mails, app ids, paths, unusual file names and hashes, whether or not the file's format is known",
    files: &["/**"],
    columns: &[
        text("matched"),
        text("inside"),
        text("state"),
        int("offset"),
        message("around"),
        text("holder"),
        caveat(
            "deleted",
            "it stands in what was deleted, superseded or never finished: the program itself no longer shows it",
        ),
        caveat("inner", "it stands in packed or encoded content, which was unpacked to find it"),
    ],
    shows: Trace::Stored,
    line: "raw bytes: {matched} in {inside}",
    parse: Parse::Sweep,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_every_file_of_every_phone() {
        use crate::source::System;
        assert!(ARTIFACT.is_of(System::Ios) && ARTIFACT.is_of(System::Android));
        assert!(matches!(ARTIFACT.parse, Parse::Sweep));
    }
}
