use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "file_id_mismatch",
    title: "Files of the backup that stand under a wrong name",
    looks_at: "The name under which each file of a backup is stored, which must be the SHA-1 of its domain and path.",
    why_it_matters: "iOS computes the name; a row where it does not fit was changed by hand or decoded wrongly, and the content may not be \
        the content of that path. It concerns the evidence, not the phone.",
    innocent_causes: "Tools that copy, filter, decrypt or repair backups, and unusual characters in file names that were stored in another \
        form.",
    next_check: "Ask how the backup was made and handled, and make a new one if the phone is at hand.",
    references: &["https://www.richinfante.com/2017/3/16/reverse-engineering-the-ios-backup"],
    reads: &[Reads {
        artifact: "ios.manifest",
        keep: |record| record.value("odd").as_text().is_some_and(|odd| odd.contains("file id")),
    }],
    check: |kept, findings| {
        let files = kept.of("ios.manifest");
        let Some(first) = files.first() else { return };
        let message = match files.len() {
            1 => format!("The backup stores {} under a name that is not its own", first.text("file")),
            count => format!(
                "The backup stores {count} files under names that are not their own, the first is {}",
                first.text("file")
            ),
        };
        findings.push(Finding::of_rule(HEURISTIC.id, Level::Informational, Trace::Tampered, message, first));
    },
};

#[cfg(test)]
mod tests {
    use super::super::testing::{json, verdicts};
    use super::*;

    #[test]
    fn many_rows_are_one_finding() {
        let odd = "its file id is not the hash of its path";
        let records = [
            ("ios.manifest", json!({ "file": "/a", "odd": odd })),
            ("ios.manifest", json!({ "file": "/b", "odd": odd })),
        ];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            ["INFORMATIONAL The backup stores 2 files under names that are not their own, the first is /a"]
        );
        assert_eq!(
            verdicts(&HEURISTIC, &records[..1]),
            ["INFORMATIONAL The backup stores /a under a name that is not its own"]
        );
    }

    #[test]
    fn other_oddities_and_ordinary_files_are_silent() {
        let records = [
            ("ios.manifest", json!({ "file": "/a", "odd": "its ciphertext is cut short" })),
            ("ios.manifest", json!({ "file": "/b" })),
        ];
        assert_eq!(verdicts(&HEURISTIC, &records), [""; 0]);
    }
}
