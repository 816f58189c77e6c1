use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "locationd_odd_executable",
    title: "A program in a temporary folder asked for the location",
    looks_at: "Executables of location clients that lie in `/private/var/tmp`, `/private/var/db` or `/private/var/root`.",
    why_it_matters: "iOS starts no programs from these folders. Pegasus and others kept theirs there, because they can be written to.",
    innocent_causes: "A jailbreak that the owner made, or the agent that a forensic tool put on the phone to acquire it. Without either, \
        none is known.",
    next_check: "Ask about a jailbreak and about the tool that made the acquisition. Look for the same name in the usage databases, the crash \
        reports and the file listing.",
    references: &[
        "https://www.amnesty.org/en/latest/research/2021/07/forensic-methodology-report-how-to-catch-nso-groups-pegasus/",
    ],
    reads: &[Reads {
        artifact: "ios.locationd",
        keep: |record| COLUMNS.iter().any(|column| record.value(column).as_text().is_some_and(is_odd)),
    }],
    check: |kept, findings| {
        for client in kept.of("ios.locationd") {
            let Some(column) = COLUMNS.into_iter().find(|column| is_odd(client.text(column))) else { continue };
            let path = client.text(column);
            let message = format!("The program {path} asked for the phone's location");
            let mut finding = Finding::of_rule(HEURISTIC.id, Level::High, Trace::Executed, message, client);
            finding.column = Some(column);
            finding.value = path.to_owned();
            finding.matched = path.to_owned();
            findings.push(finding);
        }
    },
};

/// Where a client names its program.
const COLUMNS: [&str; 3] = ["executable", "registered", "bundle_path"];

fn is_odd(path: &str) -> bool {
    let path = path.strip_prefix("/private").unwrap_or(path);
    ["/var/tmp/", "/var/db/", "/var/root/"].iter().any(|folder| path.starts_with(folder))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{json, judge, verdicts};
    use super::*;

    #[test]
    fn programs_in_writable_system_folders_are_high() {
        let client = json!({ "package": "x", "executable": "/private/var/db/com.apple.xpc.roleaccountd.staging/bh" });
        let findings = judge(&HEURISTIC, &[("ios.locationd", client)]);
        assert_eq!(findings.len(), 1);
        assert_eq!((findings[0].level, findings[0].column), (Level::High, Some("executable")));
        let client = json!({ "package": "x", "registered": "/var/tmp/y" });
        assert_eq!(
            verdicts(&HEURISTIC, &[("ios.locationd", client)]),
            ["HIGH The program /var/tmp/y asked for the phone's location"]
        );
    }

    #[test]
    fn apps_and_system_programs_are_silent() {
        let records = [
            ("ios.locationd", json!({ "executable": "/usr/libexec/locationd" })),
            ("ios.locationd", json!({ "executable": "/private/var/containers/Bundle/Application/U/A.app/A" })),
            ("ios.locationd", json!({ "executable": "/private/var/dbx/a", "is_registered": true })),
            ("ios.locationd", json!({ "bundle_path": "/System/Library/LocationBundles/X.bundle" })),
        ];
        assert_eq!(verdicts(&HEURISTIC, &records), [""; 0]);
    }
}
