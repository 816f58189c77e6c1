use std::collections::{BTreeMap, BTreeSet};

use super::super::app_not_from_store::is_store;
use super::super::packages::{Apps, Origin, PACKAGES};
use super::super::programs;
use super::prelude::*;

pub const CORROBORATION: Corroboration = Corroboration {
    id: "app_of_the_same_name",
    title: "An app whose origin is known has the name of a published program",
    looks_at: "Matches of a published program's name, and whether an app on the phone that came from the App Store, from Google Play or another listed store, with the \
        phone, or from a developer's own computer has that name. A record that gives a path outside the folders of apps is never touched.",
    why_it_matters: "Programs are published by their names alone, and some of the names are ordinary words: an app may be called the same. An \
        app that a store checked and delivered is not the implant that had no app.",
    innocent_causes: "This rule looks for the innocent cause: it lowers a match. A record that tells the app's id or folder lowers by two steps, a record that tells \
        only a name, or a developer's signature, by one, since an implant could run beside the app under the same name.",
    next_check: "Open the app on the phone and ask its owner about it. Where the record tells only a name, compare its times with those of the app.",
    false_positives: "Lowers wrongly where an implant bears the name of an app that is really installed: not known from any published case. Spyware that a store \
        delivered is matched by its app id, which this rule leaves alone.",
    references: &["https://github.com/mvt-project/mvt/issues/320"],
    reads: &[
        Reads { artifact: APPLICATIONS, keep: |record| !record.value("bundle_id").is_null() },
        Reads { artifact: INFO, keep: |record| !record.value("bundle_id").is_null() },
        Reads { artifact: INSTALLS, keep: |record| !record.value("bundle_id").is_null() && !record.value("item_id").is_null() },
        Reads { artifact: PROVISIONING, keep: |record| !record.value("bundle_id").is_null() },
        PACKAGES,
    ],
    weigh: |findings, kept, set| weigh(findings, kept, set),
};

const APPLICATIONS: &str = "ios.applications";
const INFO: &str = "ios.app_info";
const INSTALLS: &str = "ios.app_installs";
const PROVISIONING: &str = "ios.app_provisioning";
/// Where iOS keeps apps, each in a folder of its own.
const APPS: &str = "/containers/Bundle/Application/";

/// Where an app came from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    Developer,
    Store,
}

impl Source {
    fn words(self) -> &'static str {
        match self {
            Source::Developer => "was put on the phone by a developer",
            Source::Store => "came from the App Store",
        }
    }
}

/// What is known of the apps of an iPhone.
#[derive(Default)]
struct Known<'a> {
    sources: BTreeMap<&'a str, Source>,
    /// By the name on the screen, the program's name, and the folder.
    named: BTreeMap<&'a str, &'a str>,
    folders: BTreeMap<&'a str, &'a str>,
}

impl<'a> Known<'a> {
    fn of(kept: &'a Kept) -> Known<'a> {
        let mut known = Known::default();
        for app in kept.of(PROVISIONING) {
            // What runs on any phone is how spyware is handed out, too.
            if !app.value("all_devices").is_true() {
                known.sources.insert(app.text("bundle_id"), Source::Developer);
            }
        }
        for app in kept.of(APPLICATIONS) {
            let source = app.text("source_app");
            if !app.value("item_id").is_null() && (source.is_empty() || is_store(source)) {
                known.sources.insert(app.text("bundle_id"), Source::Store);
            }
            known.named.insert(app.text("name"), app.text("bundle_id"));
        }
        for app in kept.of(INSTALLS) {
            known.sources.insert(app.text("bundle_id"), Source::Store);
        }
        for app in kept.of(INFO) {
            let (id, program) = (app.text("bundle_id"), app.text("executable"));
            known.named.insert(app.text("name"), id);
            known.named.insert(program.rsplit('/').next().unwrap_or_default(), id);
            known.folders.extend(folder(&app.path).map(|folder| (folder, id)));
        }
        known.named.remove("");
        known
    }

    /// The app that the record tells, or that has the name, as a reason to lower the match.
    fn innocent(&self, finding: &Finding) -> Option<(String, Weight)> {
        let exhibit = &finding.exhibit;
        let path = [exhibit.text("executable"), exhibit.text("client"), &*finding.value];
        let path = path.into_iter().find(|path| path.starts_with('/'));
        let told = ["bundle_id", "bundle"].iter().map(|column| exhibit.text(column)).find(|id| !id.is_empty());
        let (id, is_told) = match (path, told) {
            (Some(path), _) => {
                let id = folder(&programs::canonical(path)).and_then(|folder| self.folders.get(folder).copied());
                (id?, true)
            }
            (None, Some(id)) => (*self.sources.get_key_value(id)?.0, true),
            // An app's id that equals the name of a program names the app itself.
            (None, None) => match self.sources.get_key_value(&*finding.value) {
                Some((id, _)) => (*id, true),
                None => (*self.named.get(&*finding.matched)?, false),
            },
        };
        let source = *self.sources.get(id)?;
        let weight = if is_told && source == Source::Store { Weight::LowersTwice } else { Weight::Lowers };
        let words = source.words();
        let why = if is_told {
            format!("the record tells the app {id}, which {words}")
        } else {
            format!("the app {id}, which {words}, has that name; the record does not tell which of the two it means")
        };
        Some((why, weight))
    }
}

/// `…/containers/Bundle/Application/UUID` of a path in it.
fn folder(path: &str) -> Option<&str> {
    let start = path.find(APPS)?.checked_add(APPS.len())?;
    let rest = path.get(start..)?;
    path.get(..start.checked_add(rest.find('/')?)?)
}

fn weigh(findings: &mut [Finding], kept: &Kept, _: &IndicatorSet) {
    let known = Known::of(kept);
    let android = Apps::of(kept);
    let is_name = |finding: &&mut Finding| {
        matches!(finding.rule, Rule::Indicator { ioc: Ioc::Process, .. })
            && matches!(finding.trace, Trace::Executed | Trace::Installed)
    };
    for finding in findings.iter_mut().filter(is_name) {
        if let Some((why, weight)) = known.innocent(finding) {
            finding.weigh(CORROBORATION.id, weight, why);
        } else if let Some(package) = package(finding, &android) {
            let why = format!("the app {package} has that name, {}", android.origin_words(&package));
            finding.weigh(CORROBORATION.id, Weight::Lowers, why);
        }
    }
}

/// The package of Android whose process has the name, if its origin speaks for it.
fn package(finding: &Finding, apps: &Apps<'_>) -> Option<String> {
    // A further process of an app has a colon behind the package.
    let names: BTreeSet<&str> = [&*finding.value, &*finding.matched].into_iter().filter_map(|name| name.split(':').next()).collect();
    let known = names.into_iter().find(|name| {
        matches!(apps.origin(name), Some(Origin::Store | Origin::OtherStore(_) | Origin::System))
    });
    known.map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Row, hit, json, levels, weighed};
    use super::*;

    const FOLDER: &str = "/private/var/containers/Bundle/Application/6F0C2C0E-0000-4000-8000-000000000001";

    fn named(artifact: &'static str, columns: serde_json::Value) -> Finding {
        hit("bh", Trace::Executed, Level::Critical, (artifact, columns))
    }

    fn used(bundle: Option<&str>) -> Finding {
        named("ios.datausage", json!({"process": "bh", "bundle_id": bundle}))
    }

    fn from_store() -> Row {
        let app = json!({"bundle_id": "com.example.bh", "name": "bh", "item_id": 7, "source_app": "com.apple.AppStore"});
        (APPLICATIONS, app)
    }

    fn lies_there() -> Row {
        let path = format!("{FOLDER}/bh.app/Info.plist");
        (INFO, json!({"_path": path, "bundle_id": "com.example.bh", "name": "Bird Houses", "executable": "bh"}))
    }

    #[test]
    fn an_app_of_the_store_that_the_record_tells_lowers_by_two_steps() {
        let findings = weighed(&CORROBORATION, vec![used(Some("com.example.bh"))], &[from_store()]);
        assert_eq!(findings[0].level, Level::Medium);
        assert_eq!(
            findings[0].weighed[0].why,
            "the record tells the app com.example.bh, which came from the App Store"
        );
        let crashed = named("ios.crash_reports", json!({"process": "bh", "executable": format!("{FOLDER}/bh.app/bh")}));
        assert_eq!(levels(&CORROBORATION, vec![crashed], &[from_store(), lies_there()]), ["MEDIUM lowered"]);
    }

    #[test]
    fn a_name_alone_and_a_developers_app_lower_by_one() {
        assert_eq!(levels(&CORROBORATION, vec![used(None)], &[from_store()]), ["HIGH lowered"]);
        let own = |all| (PROVISIONING, json!({"bundle_id": "com.example.bh", "all_devices": all}));
        let told = || vec![used(Some("com.example.bh"))];
        assert_eq!(levels(&CORROBORATION, told(), &[own(false)]), ["HIGH lowered"]);
        assert_eq!(levels(&CORROBORATION, told(), &[own(true)]), ["CRITICAL"]);
    }

    #[test]
    fn a_program_elsewhere_an_unknown_app_and_other_indicators_keep_their_level() {
        let staged = "/private/var/db/com.apple.xpc.roleaccountd.staging/bh";
        let crashed = named("ios.crash_reports", json!({"process": "bh", "executable": staged}));
        let delayed = named("ios.shutdown_log", json!({"client": staged}));
        let other = used(Some("com.example.other"));
        let visit = hit("evil.example", Trace::Visited, Level::Critical, ("ios.safari_history", json!({})));
        let all = vec![crashed, delayed, other, visit];
        assert_eq!(levels(&CORROBORATION, all, &[from_store(), lies_there()]), ["CRITICAL"; 4]);
        let market = (APPLICATIONS, json!({"bundle_id": "com.example.bh", "name": "bh", "item_id": 7, "source_app": "org.market"}));
        assert_eq!(levels(&CORROBORATION, vec![used(None)], &[market]), ["CRITICAL"]);
    }

    #[test]
    fn androids_stores_lower_and_files_do_not() {
        let ran = || vec![named("android.processes", json!({}))];
        let app = |installer: &str| ("android.packages", json!({"package_name": "bh", "installer": installer, "installer_stated": true}));
        assert_eq!(levels(&CORROBORATION, ran(), &[app("com.android.vending")]), ["HIGH lowered"]);
        assert_eq!(levels(&CORROBORATION, ran(), &[app("com.google.android.packageinstaller")]), ["CRITICAL"]);
    }
}
