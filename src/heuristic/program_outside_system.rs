use super::prelude::*;
use super::programs::{self, Folder};

pub const HEURISTIC: Heuristic = Heuristic {
    id: "program_outside_system",
    title: "A program ran from outside the folders of iOS",
    looks_at: "Paths of programs in the shutdown log, the statistics of the system log, the unified log, crash reports, the power log, the \
        privacy permissions and the process lists of a sysdiagnose. iOS \
        starts programs from a known set of folders (its own, apps, updates, developer tools); the rule names those that lie elsewhere.",
    why_it_matters: "iOS runs signed programs from sealed folders only. An implant must put its program where it can write: Pegasus and \
        Reign used `/private/var/db/com.apple.xpc.roleaccountd.staging`, Predator `/private/var/tmp`. The logs keep such paths for months.",
    innocent_causes: "A jailbreak that the owner made, a research or developer phone, tests run from Xcode, the agent of a forensic tool, \
        or a folder that a newer iOS brought and this version does not know. Apps from the App Store never cause it. The service that \
        prepares updates of iOS is staged in the folder that Pegasus used; it is told by its whole path and listed for information.",
    next_check: "Ask about a jailbreak and the tool that made the acquisition. Look for the same path and name in crash reports, usage \
        databases and a full acquisition, and note the first and last time it was seen.",
    references: &[
        "https://securelist.com/shutdown-log-lightweight-ios-malware-detection-method/111734/",
        "https://www.amnesty.org/en/latest/research/2021/07/forensic-methodology-report-how-to-catch-nso-groups-pegasus/",
        "https://citizenlab.ca/2021/12/pegasus-vs-predator-dissidents-doubly-infected-iphone-reveals-cytrox-mercenary-spyware/",
    ],
    reads: programs::READS,
    check,
};

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    let jailbroken = programs::is_jailbroken(kept);
    for (path, exhibits) in programs::outside(kept) {
        let Some(first) = exhibits.iter().min_by_key(|exhibit| (exhibit.at().is_none(), exhibit.at())) else {
            continue;
        };
        let folder = programs::folder_of(&path);
        let staging = path.contains("/com.apple.xpc.roleaccountd.staging/");
        // No jailbreak uses the staging folder.
        let lowered = jailbroken && !staging;
        let level = match (folder, lowered) {
            (Folder::Update, _) => Level::Informational,
            (Folder::Implant, false) => Level::High,
            (Folder::Implant, true) | (_, false) => Level::Medium,
            (_, true) => Level::Low,
        };
        let place = match folder {
            Folder::Implant => "a folder that published implants ran from",
            Folder::Writable => "a folder for data, which iOS starts no programs from",
            Folder::Update => {
                "the folder where iOS stages the service that prepares its updates, and where published implants lay too"
            }
            Folder::Standard | Folder::Other => "none of the folders that iOS starts programs from",
        };
        let times = if exhibits.len() == 1 { "once".to_owned() } else { format!("{} times", exhibits.len()) };
        let what = if programs::is_library(&path) { "library" } else { "program" };
        let message = format!("The {what} {path} ran from {place} (seen {times})");
        let mut finding = Finding::of_rule(HEURISTIC.id, level, Trace::Executed, message, first);
        finding.value.clone_from(&path);
        finding.matched = path;
        if lowered {
            finding.caveats.push(programs::JAILBROKEN.into());
        }
        findings.push(finding);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heuristic::testing::{json, verdicts};

    fn ran(path: &str) -> (&'static str, serde_json::Value) {
        ("sysdiagnose.ps", json!({"executable": path}))
    }

    #[test]
    fn folders_of_implants_are_high_and_others_medium() {
        let staging = "/private/var/db/com.apple.xpc.roleaccountd.staging/rolexd";
        let records = [
            ("ios.shutdown_log", json!({"client": staging})),
            ran(staging),
            ran("/private/var/db/x/a"),
            ("ios.logd_statistics", json!({"process": "/private/var/tmp/UserEventAgent"})),
            ("sysdiagnose.spindump_processes", json!({"executable": "/opt/b"})),
        ];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            [
                "MEDIUM The program /opt/b ran from none of the folders that iOS starts programs from (seen once)",
                "HIGH The program /private/var/db/com.apple.xpc.roleaccountd.staging/rolexd ran from a folder that published \
                 implants ran from (seen 2 times)",
                "MEDIUM The program /private/var/db/x/a ran from a folder for data, which iOS starts no programs from (seen once)",
                "HIGH The program /private/var/tmp/UserEventAgent ran from a folder that published implants ran from (seen once)",
            ]
        );
    }

    #[test]
    fn logs_crash_reports_and_permissions_tell_of_programs_too() {
        let x = "/private/var/tmp/x";
        let records = [
            ("ios.crash_reports", json!({"executable": x})),
            ("ios.powerlog_media", json!({"executable": x})),
            ("ios.tcc", json!({"client_path": x})),
            ("ios.unified_log_processes", json!({"executable": x})),
            ("ios.unified_log_images", json!({"image": "/private/var/db/x.dylib"})),
            ("ios.unified_log_images", json!({"image": "/private/var/containers/Bundle/Application/U/A.app/Frameworks/b.dylib"})),
            ("ios.powerlog_media", json!({"executable": "com.apple.locationd"})),
        ];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            [
                "MEDIUM The library /private/var/db/x.dylib ran from a folder for data, which iOS starts no programs from (seen once)",
                "HIGH The program /private/var/tmp/x ran from a folder that published implants ran from (seen 4 times)",
            ]
        );
    }

    #[test]
    fn programs_of_ios_apps_updates_and_developer_tools_are_silent() {
        let paths = [
            "/usr/libexec/UserEventAgent",
            "/kernel",
            "/Developer/usr/bin/debugserver",
            "/System/Developer/usr/bin/debugserver",
            "/private/var/MobileSoftwareUpdate/MobileAsset/AssetsV2/x/updater",
            "/private/var/containers/Bundle/Application/U/Tests-Runner.app/Tests-Runner",
            "/private/preboot/Cryptexes/OS/System/Library/Frameworks/WebKit.framework/XPCServices/x",
            "/private/var/run/com.apple.security.cryptexd/mnt/com.apple.x/usr/libexec/a",
            "/var/staged_system_apps/Maps.app/Maps",
            "kernel_task",
        ];
        assert_eq!(verdicts(&HEURISTIC, &paths.map(ran)), [""; 0]);
    }

    #[test]
    fn the_service_that_prepares_updates_is_information() {
        let name = "com.apple.MobileSoftwareUpdate.UpdateBrainService";
        let path = format!("/private/var/db/com.apple.xpc.roleaccountd.staging/exec/{name}.16777220.47523.xpc/{name}");
        let found = verdicts(&HEURISTIC, &[ran(&path)]);
        assert!(found.len() == 1 && found[0].starts_with("INFORMATIONAL "), "{found:?}");
    }

    #[test]
    fn a_mac_has_other_folders() {
        let finder = ran("/System/Library/CoreServices/Finder.app/Contents/MacOS/Finder");
        assert_eq!(verdicts(&HEURISTIC, &[finder, ran("/Library/x/y"), ran("/Users/a/b")]), [""; 0]);
        let os = ("sysdiagnose.spindump_processes", json!({"os": "macOS 14.0 (Build 23A344)"}));
        assert_eq!(verdicts(&HEURISTIC, &[os, ran("/opt/homebrew/bin/x")]), [""; 0]);
        // A bundle in that form outside the sealed system silences nothing.
        assert_eq!(verdicts(&HEURISTIC, &[ran("/private/var/tmp/X.app/Contents/MacOS/x")]).len(), 1);
    }

    #[test]
    fn a_jailbreak_lowers_all_but_the_staging_folder() {
        let root = ("sysdiagnose.mounts", json!({"mounted_on": "/", "options": "apfs, local", "read_only": false}));
        let records = [
            root,
            ran("/private/var/tmp/a"),
            ran("/opt/b"),
            ran("/private/var/jb/usr/bin/ssh"),
            ran("/private/var/db/com.apple.xpc.roleaccountd.staging/bh"),
        ];
        let levels: Vec<String> = verdicts(&HEURISTIC, &records)
            .iter()
            .map(|verdict| verdict.split(" ran").next().unwrap().to_owned())
            .collect();
        assert_eq!(
            levels,
            [
                "LOW The program /opt/b",
                "HIGH The program /private/var/db/com.apple.xpc.roleaccountd.staging/bh",
                "MEDIUM The program /private/var/tmp/a",
            ]
        );
    }
}
