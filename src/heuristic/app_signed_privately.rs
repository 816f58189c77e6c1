use std::collections::BTreeSet;

use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "app_signed_privately",
    title: "Apps signed by a company or developer, not by the App Store",
    looks_at: "Apps that carry a provisioning profile of a developer or an enterprise and have no metadata of the App Store beside them, \
        and profiles of enterprises on the phone that no app has any more; only full acquisitions show them.",
    why_it_matters: "Such an app runs without Apple having seen it. Commercial spyware for iPhones was handed out as enterprise apps, with an \
        invitation to install them.",
    innocent_causes: "Apps that an employer gives to its own people, an app that a developer tests on this phone, and apps that the owner put \
        there past the store with a free developer account.",
    next_check: "Ask the owner about the app and the team that signed it, and who had the phone when it was installed. Keep the app's folder \
        for a laboratory.",
    references: &[
        "https://support.apple.com/guide/deployment/distribute-proprietary-in-house-apps-depce7cefc4d/web",
        "https://blog.google/threat-analysis-group/italian-spyware-vendor-targets-users-in-italy-and-kazakhstan/",
    ],
    reads: &[
        Reads { artifact: "ios.app_provisioning", keep: |_| true },
        Reads { artifact: "ios.applications", keep: |record| record.value("has_metadata").is_true() },
        Reads { artifact: "ios.provisioning_profiles", keep: |record| record.value("all_devices").is_true() },
    ],
    check: |kept, findings| {
        let from_store: BTreeSet<&str> =
            kept.of("ios.applications").iter().filter_map(|app| folder(&app.path)).collect();
        for profile in kept.of("ios.app_provisioning") {
            // The profile lies in the app, the metadata beside it.
            let container = folder(&profile.path).and_then(folder);
            if container.is_none_or(|container| !from_store.contains(container)) {
                findings.push(judge(profile));
            }
        }
        // The phone keeps a copy of the profile that lies in the app.
        let of_apps: BTreeSet<&str> =
            kept.of("ios.app_provisioning").iter().map(|profile| profile.text("uuid")).collect();
        for profile in kept.of("ios.provisioning_profiles") {
            if profile.text("uuid").is_empty() || !of_apps.contains(profile.text("uuid")) {
                findings.push(judge_alone(profile));
            }
        }
    },
};

fn folder(path: &str) -> Option<&str> {
    path.rsplit_once('/').map(|(folder, _)| folder)
}

fn team(profile: &Exhibit) -> String {
    match (profile.text("team_name"), profile.text("team_id")) {
        ("", "") => "an unnamed team".to_owned(),
        ("", id) => id.to_owned(),
        (name, _) => format!("`{name}`"),
    }
}

fn judge_alone(profile: &Exhibit) -> Finding {
    let team = team(profile);
    let message = format!("The phone may run apps that {team} signs as enterprise apps; no app here has this profile");
    Finding::of_rule(HEURISTIC.id, Level::Medium, Trace::Policy, message, profile)
}

fn judge(profile: &Exhibit) -> Finding {
    let app = [profile.text("bundle_id"), profile.text("application_identifier"), profile.text("app_name")];
    let app = app.into_iter().find(|name| !name.is_empty()).unwrap_or("without a name");
    let team = team(profile);
    let reach = if profile.value("all_devices").is_true() {
        "as an enterprise app that runs on any phone".to_owned()
    } else {
        match profile.value("device_count").as_int() {
            Some(1) => "for this phone alone".to_owned(),
            Some(count) => format!("for {count} phones"),
            None => "for phones it does not name".to_owned(),
        }
    };
    let message = format!("The app {app} is not from the App Store: {team} signed it {reach}");
    Finding::of_rule(HEURISTIC.id, Level::Medium, Trace::Installed, message, profile)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heuristic::testing::{json, verdicts};

    type Row = (&'static str, serde_json::Value);
    const FOLDER: &str = "/private/var/containers/Bundle/Application/0F1E";

    fn provisioned(mut columns: serde_json::Value) -> Row {
        columns["_path"] = json!(format!("{FOLDER}/A.app/embedded.mobileprovision"));
        ("ios.app_provisioning", columns)
    }

    fn metadata(folder: &str) -> Row {
        ("ios.applications", json!({"has_metadata": true, "_path": format!("{folder}/iTunesMetadata.plist")}))
    }

    #[test]
    fn enterprise_and_developer_apps_without_store_metadata_are_reported() {
        let enterprise = provisioned(json!({"bundle_id": "a.b", "team_name": "Example Ltd", "all_devices": true}));
        assert_eq!(
            verdicts(&HEURISTIC, &[enterprise, metadata("/private/var/containers/Bundle/Application/0A0B")]),
            ["MEDIUM The app a.b is not from the App Store: `Example Ltd` signed it as an enterprise app that runs on any \
              phone"]
        );
        let own = provisioned(json!({"application_identifier": "T.*", "team_id": "T", "device_count": 3}));
        assert_eq!(verdicts(&HEURISTIC, &[own]), ["MEDIUM The app T.* is not from the App Store: T signed it for 3 phones"]);
    }

    #[test]
    fn an_app_with_store_metadata_beside_it_is_silent() {
        assert_eq!(verdicts(&HEURISTIC, &[provisioned(json!({"bundle_id": "a.b"})), metadata(FOLDER)]), [""; 0]);
    }

    #[test]
    fn a_profile_of_an_enterprise_without_its_app_is_reported() {
        let alone = |uuid: &str, all: bool| {
            ("ios.provisioning_profiles", json!({"team_name": "Example Ltd", "uuid": uuid, "all_devices": all}))
        };
        let of_app = provisioned(json!({"bundle_id": "a.b", "uuid": "U-1"}));
        assert_eq!(
            verdicts(&HEURISTIC, &[of_app, metadata(FOLDER), alone("U-1", true), alone("U-2", true), alone("U-3", false)]),
            ["MEDIUM The phone may run apps that `Example Ltd` signs as enterprise apps; no app here has this profile"]
        );
    }
}
