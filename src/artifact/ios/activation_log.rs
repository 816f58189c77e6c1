use crate::artifact::install_facts::{COLUMNS, LINE, parse};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.activation_log",
    title: "Log of the phone's activation",
    about: "When iOS was upgraded and the phone activated, on some phones for years back.",
    files: &["/private/var/mobile/Library/Logs/mobileactivationd/mobileactivationd.log*"],
    columns: COLUMNS,
    shows: Trace::Mentioned,
    line: LINE,
    parse: Parse::Text(|lines, out| parse(lines, out, |text| text.contains("Mobile Activation Startup"))),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const LOG: &str = "\
Fri Dec  2 12:11:36 2022 [1] <notice> (0x16afb7000) -[MAX x]: ____________________ Mobile Activation Startup _____________________
build_version: 20A380
Fri Dec  2 12:11:37 2022 [1] <debug> (0x16afb7000) -[MAX x]: Upgrade from 19H307 to 20A380 detected.
Fri Dec  2 12:11:38 2022 [1] <debug> (0x16afb7000) -[MAX x]: nothing to tell
Fri Dec  2 12:11:39 2022 [1] <debug> (0x16afb7000) -[MAX x]: asked https://albert.example/x
";

    #[test]
    fn upgrades_starts_and_addresses_are_kept() {
        let records = rows(&ARTIFACT, LOG.as_bytes());
        let told: Vec<_> =
            records.as_array().unwrap().iter().map(|record| (record["event"].clone(), record["logged"].clone())).collect();
        assert_eq!(
            json!(told),
            json!([
                ["other", "2022-12-02T12:11:36.000000+00:00"],
                ["upgrade", "2022-12-02T12:11:37.000000+00:00"],
                ["other", "2022-12-02T12:11:39.000000+00:00"],
            ])
        );
        assert_eq!(records[1]["version"], "19H307 to 20A380");
        assert!(records[0]["message"].as_str().unwrap().ends_with("build_version: 20A380"));
        shake(&ARTIFACT, LOG.as_bytes());
    }
}
