use super::packages::{Apps, Origin, PACKAGES};
use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "android_install_session",
    title: "Installations by no store since the last start",
    looks_at: "What the phone noted about each installation since it was started: who asked for it and where the app was downloaded.",
    why_it_matters: "Here stand also apps that are gone again, and the address from which an app came, which nothing else tells.",
    innocent_causes: "Apps from their makers' web sites, installations by a developer or a laboratory over USB, and updates by apps of \
        the system that are in no list.",
    next_check: "Look at the address of origin and the referrer, and whether the app is still there. Ask the owner what they did then.",
    references: &["https://developer.android.com/reference/android/content/pm/PackageInstaller.SessionInfo"],
    reads: &[
        Reads {
            artifact: "android.install_sessions",
            keep: |record| !record.value("package_name").is_null() || !record.value("originating_uri").is_null(),
        },
        PACKAGES,
    ],
    check,
};

/// Of root and of the shell.
const UIDS: [i64; 2] = [0, 2000];

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    let apps = Apps::of(kept);
    for session in kept.of("android.install_sessions") {
        let initiating = session.text("initiating_installer");
        let installer = if initiating.is_empty() { session.text("installer") } else { initiating };
        let uid = session.value("original_installer_uid").as_int().or(session.value("installer_uid").as_int());
        let from_file = matches!(session.text("package_source"), "local file" | "downloaded file");
        let origin = match apps.installer(installer, false) {
            _ if uid.is_some_and(|uid| UIDS.contains(&uid)) => Origin::Shell,
            _ if from_file => Origin::File,
            origin => origin,
        };
        let name = session.text("package_name");
        let app = apps.get(name);
        // Updates of apps of the system are not what this is about.
        if app.is_some_and(super::packages::is_system) {
            continue;
        }
        let how = match origin {
            Origin::File => "from a file".to_owned(),
            Origin::Shell => "by a computer over USB (adb)".to_owned(),
            // Without the list of apps nobody can tell which of them are the system's.
            Origin::App(installer) if !apps.is_empty() => format!("by {installer}, which is no known store"),
            _ => continue,
        };
        let gone = if app.is_none() && !apps.is_empty() && !name.is_empty() { "; it is not there any more" } else { "" };
        let name = if name.is_empty() { "an app" } else { name };
        let message = format!("An installation of {name} was asked for {how}{gone}");
        findings.push(Finding::of_rule(HEURISTIC.id, Level::Medium, Trace::Installed, message, session));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heuristic::testing::{json, verdicts};

    #[test]
    fn files_computers_and_other_apps_are_told_and_stores_are_not() {
        let session = |name: &str, installer: &str, uid: i64, source: &str| {
            let columns = json!({"package_name": name, "installer": installer, "original_installer_uid": uid, "package_source": source});
            ("android.install_sessions", columns)
        };
        let app = |name: &str, system: bool| {
            ("android.packages", json!({"package_name": name, "package_type": "active", "system": system}))
        };
        let records = [
            session("a.file", "com.google.android.packageinstaller", 10088, "downloaded file"),
            session("a.adb", "com.android.shell", 2000, "other"),
            session("a.dropped", "a.dropper", 10100, "unspecified"),
            session("a.play", "com.android.vending", 10050, "store"),
            session("a.stock", "com.android.shell", 2000, "other"),
            app("a.file", false),
            app("a.stock", true),
        ];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            [
                "MEDIUM An installation of a.file was asked for from a file",
                "MEDIUM An installation of a.adb was asked for by a computer over USB (adb); it is not there any more",
                "MEDIUM An installation of a.dropped was asked for by a.dropper, which is no known store; it is not there any more",
            ]
        );
    }
}
