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
    reads: &[Reads {
        artifact: "android.packages",
        keep: |record| record.value("package_name").as_text().is_some_and(|name| root_level(name).is_some()),
    }],
    check,
};

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    for app in kept.of("android.packages") {
        let name = app.text("package_name");
        // The version in the system image says nothing new.
        if app.text("package_type") == "hidden_system" && !packages::is_system(app) {
            continue;
        }
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
}
