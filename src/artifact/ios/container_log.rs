use crate::artifact::install_facts::{COLUMNS, LINE, parse};
use crate::artifact::prelude::*;
use crate::artifact::text_log::foreign_app;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.container_log",
    title: "Log of app containers",
    about: "When the phone started, and which apps kept data on it, for months back (iOS 12 to 17).",
    files: &["/private/var/root/Library/Logs/MobileContainerManager/containermanagerd.log*"],
    columns: COLUMNS,
    shows: Trace::Installed,
    line: LINE,
    parse: Parse::Text(|lines, out| parse(lines, out, |text| foreign_app(text).is_some())),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const LOG: &str = "\
Wed May  3 08:00:01 2023 [61] <err> (0x16b) containermanagerd performing first boot initialization
Wed May 10 08:00:01 2023 [61] <notice> (0x16b) -[MCMX x]: Reboot detected.
Wed May 10 08:00:02 2023 [61] <notice> (0x16b) -[MCMX x]: com.apple.mobilemail is fine
Wed May 10 08:00:03 2023 [61] <notice> (0x16b) -[MCMX x]: Last reference to group container group.org.example.app
";

    #[test]
    fn boots_and_apps_are_kept() {
        let (records, warnings) = rows_timed(&ARTIFACT, "/x", LOG.as_bytes());
        assert!(warnings.is_empty(), "{warnings:?}");
        assert_eq!(records.as_array().unwrap().len(), 3);
        assert_eq!(records[0]["event"], "first_boot");
        assert_eq!(records[1]["booted"], "2023-05-10T06:00:01.000000+00:00");
        assert_eq!((&records[2]["event"], &records[2]["bundle_id"]), (&json!("other"), &json!("group.org.example.app")));
        shake(&ARTIFACT, LOG.as_bytes());
    }
}
