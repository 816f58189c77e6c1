use super::packages::{Apps, Origin, PACKAGES, root_level};
use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "android_package_from_unknown_installer",
    title: "Apps that no store installed",
    looks_at: "Who installed each app that is not part of the system: who asked for it where the phone noted that, else who is named as \
        its installer, and whether the installer said that it came from a file.",
    why_it_matters: "Most spyware for Android never was in a store. It is installed from a file, over USB by somebody who had the phone in \
        their hands, or by another app that was there first.",
    innocent_causes: "Apps from their makers' web sites such as messengers and VPNs, apps of an employer, of a developer or of an open \
        store, apps that a backup or another phone brought along, and preinstalled apps whose maker noted no installer.",
    next_check: "Ask the owner about each app. Compare its certificate with that of the same app in a store, look when it was installed, and \
        which permissions and services it has.",
    references: &[
        "https://docs.mvt.re/en/latest/android/methodology/",
        "https://developer.android.com/reference/android/content/pm/InstallSourceInfo",
    ],
    reads: &[PACKAGES, Reads { artifact: "android.collected_packages", keep: |_| true }],
    check,
};

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    let apps = Apps::of(kept);
    for app in kept.of("android.packages").iter().filter(|app| app.text("package_type") == "active") {
        let name = app.text("package_name");
        // A rule of their own says more about those.
        if root_level(name).is_some() {
            continue;
        }
        let Some((level, how)) = judged(apps.origin_of(app)) else { continue };
        let message = format!("The app {name} was installed {how}");
        let mut finding = Finding::of_rule(HEURISTIC.id, level, Trace::Installed, message, app);
        let named = app.text("installer");
        if how_differs(app) {
            finding.caveats.push(format!("the app names {named} as its installer, which did not ask for it"));
        }
        findings.push(finding);
    }
    // The collector's list says less; it counts for what the system's does not name.
    for app in kept.of("android.collected_packages") {
        let name = app.text("package");
        if apps.get(name).is_some() || root_level(name).is_some() || app.value("system").is_true() {
            continue;
        }
        let installer = app.text("installer");
        let origin = apps.installer(if installer == "null" { "" } else { installer }, installer == "null");
        // Where the phone could not say it of one, it mostly could not say it of any.
        let Some((level, how)) = judged(origin).filter(|_| origin != Origin::Unstated || app.value("third_party").is_true()) else {
            continue;
        };
        let message = format!("The app {name} was installed {how}");
        findings.push(Finding::of_rule(HEURISTIC.id, level, Trace::Installed, message, app));
    }
}

/// The level and words of an origin; `None` where nobody needs to ask.
fn judged(origin: Origin<'_>) -> Option<(Level, String)> {
    let found = match origin {
        Origin::System | Origin::Store | Origin::Moved => return None,
        Origin::OtherStore(store) => (Level::Informational, format!("by another store, {store}")),
        Origin::SystemApp(installer) => (Level::Informational, format!("by {installer}, an app of the system")),
        Origin::File => (Level::Medium, "from a file".to_owned()),
        Origin::Shell => (Level::Medium, "by a computer over USB (adb)".to_owned()),
        Origin::App(installer) => (Level::Medium, format!("by {installer}, which is no known store")),
        Origin::Nobody => (Level::Medium, "without any installer, as a computer over USB (adb) does it".to_owned()),
        Origin::Unstated => (Level::Low, "by whom the phone does not say".to_owned()),
    };
    Some(found)
}

/// Whoever installs may name somebody else as the installer.
fn how_differs(app: &Exhibit) -> bool {
    let (initiating, named) = (app.text("initiating_installer"), app.text("installer"));
    !initiating.is_empty() && !named.is_empty() && initiating != named
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heuristic::testing::{json, judge, verdicts};

    type Row = (&'static str, serde_json::Value);

    fn app(name: &str, installer: Option<&str>) -> Row {
        let columns = json!({"package_name": name, "package_type": "active", "installer": installer, "installer_stated": true});
        ("android.packages", columns)
    }

    fn system(name: &str) -> Row {
        ("android.packages", json!({"package_name": name, "package_type": "active", "system": true, "installer_stated": true}))
    }

    #[test]
    fn each_way_of_installing_has_its_level() {
        let records = [
            app("com.topjohnwu.magisk", None),
            app("org.example.store", Some("org.fdroid.fdroid")),
            app("org.example.manual", Some("com.google.android.packageinstaller")),
            app("org.example.adb", None),
            ("android.packages", json!({"package_name": "org.example.empty", "package_type": "active", "installer_stated": false})),
            app("org.example.dropped", Some("org.example.dropper")),
            app("org.example.maker", Some("com.example.maker")),
            system("com.example.maker"),
        ];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            [
                "INFORMATIONAL The app org.example.store was installed by another store, org.fdroid.fdroid",
                "MEDIUM The app org.example.manual was installed from a file",
                "MEDIUM The app org.example.adb was installed without any installer, as a computer over USB (adb) does it",
                "LOW The app org.example.empty was installed by whom the phone does not say",
                "MEDIUM The app org.example.dropped was installed by org.example.dropper, which is no known store",
                "INFORMATIONAL The app org.example.maker was installed by com.example.maker, an app of the system",
            ]
        );
    }

    #[test]
    fn apps_of_stores_of_the_system_and_of_the_last_phone_are_silent() {
        let moved = json!({"package_name": "a.b", "package_type": "active", "installer_stated": true, "install_reason": "device restore"});
        let records = [
            app("org.example.play", Some("com.android.vending")),
            app("org.example.galaxy", Some("com.sec.android.app.samsungapps")),
            system("com.android.shell"),
            ("android.packages", moved),
        ];
        assert_eq!(verdicts(&HEURISTIC, &records), [""; 0]);
    }

    #[test]
    fn an_installer_that_was_only_named_is_not_believed() {
        let forged = json!({"package_name": "a.b", "package_type": "active", "installer": "com.android.vending",
            "initiating_installer": "com.android.shell", "installer_stated": true});
        let findings = judge(&HEURISTIC, &[("android.packages", forged)]);
        assert_eq!((findings[0].level, findings[0].caveats.len()), (Level::Medium, 1));
        let file = json!({"package_name": "a.b", "package_type": "active", "installer": "com.android.vending",
            "package_source": "downloaded file", "installer_stated": true});
        assert_eq!(verdicts(&HEURISTIC, &[("android.packages", file)]), ["MEDIUM The app a.b was installed from a file"]);
    }
    #[test]
    fn a_collectors_list_counts_for_what_the_systems_does_not_name() {
        let collected = |name: &str, installer: &str, system: bool| {
            let columns = json!({"package": name, "installer": installer, "system": system, "third_party": !system});
            ("android.collected_packages", columns)
        };
        let records = [
            app("org.example.known", Some("com.android.vending")),
            collected("org.example.known", "null", false),
            collected("com.topjohnwu.magisk", "null", false),
            collected("org.example.store", "org.fdroid.fdroid", false),
            collected("org.example.manual", "com.google.android.packageinstaller", false),
            collected("org.example.adb", "null", false),
            collected("org.example.empty", "", false),
            collected("com.sec.android.soagent", "null", true),
            collected("org.example.play", "com.android.vending", false),
        ];
        let levels: Vec<String> = verdicts(&HEURISTIC, &records)
            .iter()
            .map(|line| line.split(" was").next().unwrap_or_default().replace("The app ", ""))
            .collect();
        assert_eq!(
            levels,
            [
                "INFORMATIONAL org.example.store",
                "MEDIUM org.example.manual",
                "MEDIUM org.example.adb",
                "LOW org.example.empty",
            ]
        );
    }
}
