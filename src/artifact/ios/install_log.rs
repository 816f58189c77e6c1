use crate::artifact::install_facts::{COLUMNS, LINE, parse};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.install_log",
    title: "Log of app installations",
    about: "What the phone installed and removed, who asked for it and from which file, for weeks to months back.",
    files: &[
        "/private/var/installd/Library/Logs/MobileInstallation/mobile_installation.log*",
        "/private/var/mobile/Library/Logs/AppConduit/AppConduit.log*",
    ],
    columns: COLUMNS,
    shows: Trace::Installed,
    line: LINE,
    parse: Parse::Text(|lines, out| parse(lines, out, |_| false)),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const LOG: &str = r#"Mon Aug 11 14:09:37 2025 [8567] <notice> (0x17002b000) -[MIClientConnection x]: Install of "/private/var/tmp/A B.ipa" type Developer (LSInstallType = 1) requested by installcoordinationd (pid 117 (501/501))
Mon Aug 11 14:09:38 2025 [8567] <notice> (0x17002b000) -[MIInstaller x]: Installing <MIInstallableBundle ID=org.example.app; Version=1, ShortVersion=1.0>
Mon Aug 11 14:09:38 2025 [8567] <notice> (0x17002b000) -[MIX x]: Added pending LS operation <org.example.app>
Mon Aug 11 14:09:38 2025 [8567] <notice> (0x17002b000) -[MIInstaller x]: Install Successful for (Customer:org.example.app); Staging: 0.01s
Tue Aug 12 00:00:00 2025 [8567] <notice> (0x1) -[MIUninstaller x]: Uninstalling identifier org.example.app
Tue Aug 12 00:00:01 2025 [8567] <err> (0x1) copied /private/var/db/odd
"#;

    #[test]
    fn requests_installations_and_removals_are_told_in_their_own_times() {
        let (records, warnings) = rows_timed(&ARTIFACT, "/x/mobile_installation.log.0", LOG.as_bytes());
        assert!(warnings.is_empty(), "{warnings:?}");
        let events: Vec<_> = records.as_array().unwrap().iter().map(|record| record["event"].clone()).collect();
        assert_eq!(json!(events), json!(["install_requested", "install_started", "installed", "removed", "other"]));
        assert_eq!(
            [&records[0]["file"], &records[0]["requested_by"], &records[0]["kind"]],
            [&json!("/private/var/tmp/A B.ipa"), &json!("installcoordinationd"), &json!("Developer")]
        );
        assert_eq!(
            [&records[2]["installed"], &records[2]["bundle_id"], &records[2]["kind"]],
            [&json!("2025-08-11T12:09:38.000000+00:00"), &json!("org.example.app"), &json!("Customer")]
        );
        assert_eq!(records[2].get("logged"), None);
        assert_eq!(records[3]["removed"], "2025-08-11T22:00:00.000000+00:00");
        assert_eq!(records[4]["file"], "/private/var/db/odd");
    }

    #[test]
    fn an_unknown_shape_is_said_and_nothing_panics() {
        let (records, warnings) = rows_at(&ARTIFACT, "/x", b"<log/>\n");
        assert_eq!((records, warnings.len()), (json!([]), 1));
        shake(&ARTIFACT, LOG.as_bytes());
    }
}
