use std::collections::HashSet;

use super::packages::{self, root_level};
use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "android_root_package",
    title: "An app that roots the phone",
    looks_at: "The names of installed apps, compared with those of tools that give root rights, hide them, or only work with them.",
    why_it_matters: "On a rooted phone apps can get around every protection, and spyware that was installed by hand often relies on it. \
        Who did not root the phone should ask who did.",
    innocent_causes: "The owner rooted the phone, or bought it so. Shizuku lends apps the rights of the debugging shell and needs no root.",
    next_check: "Ask the owner. Look when the app was installed and by whom, for root binaries in the list of files, and whether the phone's \
        start was verified (ro.boot.verifiedbootstate).",
    references: &["https://github.com/topjohnwu/Magisk", "https://docs.mvt.re/en/latest/android/methodology/"],
    reads: &[
        Reads {
            artifact: "android.packages",
            keep: |record| record.value("package_name").as_text().is_some_and(|name| root_level(name).is_some()),
        },
        Reads {
            artifact: "android.collected_packages",
            keep: |record| record.value("package").as_text().is_some_and(|name| root_level(name).is_some()),
        },
    ],
    check,
};

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    // The version in the system image says nothing new.
    let told = |app: &&Exhibit| app.text("package_type") != "hidden_system" || packages::is_system(app);
    let listed: Vec<(&str, &Exhibit)> =
        kept.of("android.packages").iter().filter(told).map(|app| (app.text("package_name"), app)).collect();
    let known: HashSet<&str> = listed.iter().map(|(name, _)| *name).collect();
    let collected = kept.of("android.collected_packages").iter().map(|app| (app.text("package"), app));
    for (name, app) in listed.iter().copied().chain(collected.filter(|(name, _)| !known.contains(name))) {
        let Some(level) = root_level(name) else { continue };
        let message = format!("An app that roots the phone or works with root rights is installed: {name}");
        findings.push(Finding::of_rule(HEURISTIC.id, level, Trace::Installed, message, app));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heuristic::testing::{json, verdicts};

    #[test]
    fn known_tools_are_named_and_nothing_that_only_sounds_like_them() {
        let app = |name: &str| ("android.packages", json!({"package_name": name, "package_type": "active"}));
        assert_eq!(
            verdicts(
                &HEURISTIC,
                &[app("com.topjohnwu.magisk"), app("moe.shizuku.privileged.api"), app("com.topjohnwu.magisk2"), app("org.example.app")]
            ),
            [
                "MEDIUM An app that roots the phone or works with root rights is installed: com.topjohnwu.magisk",
                "LOW An app that roots the phone or works with root rights is installed: moe.shizuku.privileged.api",
            ]
        );
    }
    #[test]
    fn an_app_that_both_lists_name_is_told_once() {
        let collected = |name: &str| ("android.collected_packages", json!({"package": name, "installer": "null"}));
        let dumped = ("android.packages", json!({"package_name": "com.topjohnwu.magisk", "package_type": "active"}));
        let records = [dumped, collected("com.topjohnwu.magisk"), collected("me.weishu.kernelsu")];
        assert_eq!(verdicts(&HEURISTIC, &records).len(), 2);
    }
}
