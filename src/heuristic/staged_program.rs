use std::collections::BTreeMap;

use super::prelude::*;
use super::programs::{self, Folder};

pub const HEURISTIC: Heuristic = Heuristic {
    id: "staged_program",
    title: "A program in a folder where implants unpack themselves",
    looks_at: "Files in /private/var/tmp, in the staging folder of the account service and in the caches of root that begin as programs and \
        libraries do; one finding for each folder.",
    why_it_matters: "iOS keeps its programs on a sealed volume and apps in folders of their own. Pegasus, Reign and Predator ran from these \
        folders, which everything that broke out of its sandbox can write to.",
    innocent_causes: "A full acquisition often brings its own agent along and leaves it there, a jailbreak leaves its tools, and Xcode those \
        of developers. The update service of iOS is staged in one of the folders; it is left out.",
    next_check: "Ask who made the acquisition what it installs. Look the hash up, look at the program's signature, and look for its name in \
        shutdown.log, crash reports and the unified log.",
    references: &[
        "https://securelist.com/shutdown-log-lightweight-ios-malware-detection-method/111734/",
        "https://www.amnesty.org/en/latest/research/2021/07/forensic-methodology-report-how-to-catch-nso-groups-pegasus/",
    ],
    reads: &[Reads {
        artifact: "ios.staged_files",
        keep: |record| {
            let file = record.value("file").as_text().unwrap_or_default();
            !record.value("content").is_null() && programs::folder_of(file) != Folder::Update
        },
    }],
    check,
};

/// Files named in the message.
const NAMED: usize = 10;

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    let mut folders: BTreeMap<&str, BTreeMap<&str, &Exhibit>> = BTreeMap::new();
    for exhibit in kept.of("ios.staged_files") {
        if let Some((folder, name)) = exhibit.text("file").rsplit_once('/') {
            folders.entry(folder).or_default().entry(name).or_insert(exhibit);
        }
    }
    for (folder, files) in folders {
        let Some(first) = files.values().next() else { continue };
        let mut names: Vec<&str> = files.keys().copied().take(NAMED).collect();
        let more = format!("{} more", files.len().saturating_sub(NAMED));
        if files.len() > NAMED {
            names.push(&more);
        }
        let what = if files.len() == 1 { "a program lies" } else { "programs lie" };
        let message = format!("{what} in {folder}, from where implants ran: {}", names.join(", "));
        let mut finding = Finding::of_rule(HEURISTIC.id, Level::Medium, Trace::Installed, message, first);
        finding.column = Some("file");
        finding.value = first.text("file").to_owned();
        finding.caveats.push("the tool that made the acquisition may have left its own program there".into());
        findings.push(finding);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heuristic::testing::{json, verdicts};

    fn file(path: &str, content: Option<&str>) -> (&'static str, serde_json::Value) {
        ("ios.staged_files", json!({"file": path, "content": content}))
    }

    #[test]
    fn programs_of_one_folder_are_one_finding() {
        let records = [file("/private/var/tmp/hooker", Some("Mach-O")), file("/private/var/tmp/bh", Some("Mach-O"))];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            ["MEDIUM programs lie in /private/var/tmp, from where implants ran: bh, hooker"]
        );
    }

    #[test]
    fn other_files_and_the_update_service_are_silent() {
        let update = "/private/var/db/com.apple.xpc.roleaccountd.staging/exec/com.apple.MobileSoftwareUpdate.UpdateBrainService.1.2.xpc/\
                      com.apple.MobileSoftwareUpdate.UpdateBrainService";
        let records = [file("/private/var/tmp/x", None), file(update, Some("Mach-O"))];
        assert_eq!(verdicts(&HEURISTIC, &records), [""; 0]);
    }
}
