use std::collections::{BTreeMap, BTreeSet};

use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "profile_without_file",
    title: "A configuration profile is named, but its file is not there",
    looks_at: "Profiles in the phone's own lists, hidden ones too, and the profile by which a server manages the phone, that have no file \
        among the installed profiles.",
    why_it_matters: "A profile that governs the phone and cannot be read may have been taken away to hide what it does.",
    innocent_causes: "A profile removed while its server still manages the phone, lists left over after an update of iOS or a restore, and \
        an acquisition that holds the lists but not all files.",
    next_check: "Compare with Settings, General, VPN & Device Management on the phone, with the times of profile events, and ask the \
        employer or school that manages the phone.",
    references: &["https://support.apple.com/guide/deployment/intro-to-mdm-profiles-depc0aadd3fe/web"],
    reads: &[
        Reads {
            artifact: "ios.profile_lists",
            keep: |record| matches!(record.value("list").as_text(), Some("HiddenProfiles" | "OrderedProfiles")),
        },
        Reads { artifact: "ios.management", keep: |record| !record.value("profile").is_null() },
        Reads { artifact: "ios.profiles", keep: |_| true },
    ],
    check,
};

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    let mut there = BTreeSet::new();
    for profile in kept.of("ios.profiles") {
        there.extend([profile.text("identifier"), profile.text("uuid")]);
    }
    let named = ["ios.profile_lists", "ios.management"].into_iter().flat_map(|artifact| kept.of(artifact));
    let mut missing: BTreeMap<&str, &Exhibit> = BTreeMap::new();
    for exhibit in named.filter(|exhibit| !there.contains(exhibit.text("profile"))) {
        // What the server says stands last and says more.
        missing.insert(exhibit.text("profile"), exhibit);
    }
    for (profile, exhibit) in missing {
        let message = match (exhibit.text("list"), exhibit.text("server")) {
            ("HiddenProfiles", _) => format!("The hidden profile {profile} is listed, but its file is not there"),
            ("", server) => {
                format!("The phone is managed by {server} through the profile {profile}, whose file is not there")
            }
            _ => format!("The profile {profile} is listed, but its file is not there"),
        };
        findings.push(Finding::of_rule(HEURISTIC.id, Level::Low, Trace::Policy, message, exhibit));
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{json, verdicts};
    use super::*;

    #[test]
    fn a_hidden_profile_and_a_managing_one_without_file_are_told_once() {
        let records = [
            ("ios.profile_lists", json!({ "profile": "com.example.hidden", "list": "HiddenProfiles" })),
            ("ios.profile_lists", json!({ "profile": "com.example.mdm", "list": "OrderedProfiles" })),
            ("ios.management", json!({ "profile": "com.example.mdm", "server": "https://mdm.example/s" })),
        ];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            [
                "LOW The hidden profile com.example.hidden is listed, but its file is not there",
                "LOW The phone is managed by https://mdm.example/s through the profile com.example.mdm, whose file is not there",
            ]
        );
    }

    #[test]
    fn a_companys_profiles_with_their_files_are_silent() {
        let records = [
            ("ios.profiles", json!({ "identifier": "com.example.mdm", "uuid": "AAAA" })),
            ("ios.profile_lists", json!({ "profile": "com.example.mdm", "list": "OrderedProfiles" })),
            ("ios.profile_lists", json!({ "profile": "AAAA", "list": "HiddenProfiles" })),
            ("ios.management", json!({ "profile": "com.example.mdm", "server": "https://mdm.example/s" })),
            ("ios.profile_lists", json!({ "client": "com.apple.Preferences" })),
        ];
        assert_eq!(verdicts(&HEURISTIC, &records), [""; 0]);
    }
}
