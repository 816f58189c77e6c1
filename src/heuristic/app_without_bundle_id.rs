use super::app_not_from_store::{is_store, name_of};
use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "app_without_bundle_id",
    title: "Store metadata that names no app",
    looks_at: "Apps that have store metadata in which the bundle id is missing.",
    why_it_matters: "The App Store always writes the id. Metadata without it was made by something else, for instance by a tool that \
        puts an app on the phone past the store.",
    innocent_causes: "Apps that a company distributes to its own people, apps that a developer installed from a computer, and very old \
        purchases. Where the metadata carries a store item number or names the store, it is merely incomplete.",
    next_check: "Look at the app's name, seller and installation time, ask the owner about it, and in a full acquisition read the signature \
        and provisioning profile of the app itself.",
    references: &["https://docs.mvt.re/en/latest/ios/records/"],
    reads: &[Reads {
        artifact: "ios.applications",
        keep: |record| record.value("has_metadata").is_true() && !record.value("names_bundle_id").is_true(),
    }],
    check: |kept, findings| {
        for app in kept.of("ios.applications") {
            let from_store = app.value("item_id").as_int().is_some_and(|item| item > 0) || is_store(app.text("source_app"));
            let level = if from_store { Level::Low } else { Level::Medium };
            let message = format!("The store metadata of the app {} has no bundle id", name_of(app));
            findings.push(Finding::of_rule(HEURISTIC.id, level, Trace::Installed, message, app));
        }
    },
};

#[cfg(test)]
mod tests {
    use super::super::testing::{json, verdicts};
    use super::*;

    #[test]
    fn metadata_without_an_id_and_without_a_store_is_medium() {
        let app = json!({ "name": "Helper", "has_metadata": true, "names_bundle_id": false });
        assert_eq!(
            verdicts(&HEURISTIC, &[("ios.applications", app)]),
            ["MEDIUM The store metadata of the app Helper has no bundle id"]
        );
    }

    #[test]
    fn incomplete_metadata_of_the_store_is_low() {
        let app = json!({ "bundle_id": "a.b", "has_metadata": true, "names_bundle_id": false, "item_id": 5 });
        assert_eq!(
            verdicts(&HEURISTIC, &[("ios.applications", app)]),
            ["LOW The store metadata of the app a.b has no bundle id"]
        );
    }

    #[test]
    fn apps_without_metadata_and_complete_ones_are_silent() {
        let records = [
            ("ios.applications", json!({ "bundle_id": "a", "has_metadata": false, "names_bundle_id": false })),
            ("ios.applications", json!({ "bundle_id": "b", "has_metadata": true, "names_bundle_id": true })),
        ];
        assert_eq!(verdicts(&HEURISTIC, &records), [""; 0]);
    }
}
