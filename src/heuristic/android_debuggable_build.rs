use super::prelude::*;
use super::property_signs::judge;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "android_debuggable_build",
    title: "The system is a build for developers",
    looks_at: "Properties of the system: by whom it was signed, for whom it was built, whether everything in it may be debugged, and whether \
        the debugging shell has root rights.",
    why_it_matters: "Such a system lets anybody with a cable look into every app and change the system. Makers do not sell phones with it.",
    innocent_causes: "Another Android than the maker's, which the owner installed, a cheap phone whose maker was careless, a developer's or a \
        research phone, an emulator.",
    next_check: "Ask the owner whether they changed the system. Compare the build's fingerprint with those the maker published.",
    references: &["https://source.android.com/docs/setup/build/building#lunch"],
    reads: &[Reads {
        artifact: "android.properties",
        keep: |record| {
            let text = |name| record.value(name).as_text().unwrap_or_default();
            meaning(text("name"), text("value")).is_some()
        },
    }],
    check,
};

fn meaning(name: &str, value: &str) -> Option<(Level, &'static str)> {
    let found = match (name, value.trim()) {
        (_, "") => return None,
        ("ro.build.tags", tags) if !tags.split(',').any(|tag| tag == "release-keys") => {
            (Level::Low, "it is not signed with keys for release")
        }
        ("ro.build.type", kind) if kind != "user" => (Level::Low, "it is not built for users"),
        ("ro.debuggable", "1") => (Level::Medium, "everything may be debugged"),
        ("ro.secure", "0") => (Level::Medium, "the debugging shell has root rights"),
        _ => return None,
    };
    Some(found)
}

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    judge(HEURISTIC.id, "The system is a build for developers", meaning, kept, findings);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heuristic::testing::{json, verdicts};

    fn property(name: &str, value: &str) -> (&'static str, serde_json::Value) {
        ("android.properties", json!({"name": name, "value": value}))
    }

    #[test]
    fn signs_are_one_finding_of_the_gravest_level() {
        let records = [
            property("ro.build.tags", "test-keys"),
            property("ro.build.type", "userdebug"),
            property("ro.debuggable", "1"),
        ];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            ["MEDIUM The system is a build for developers: everything may be debugged; it is not built for users; it is not signed with keys for \
              release"]
        );
        assert!(verdicts(&HEURISTIC, &[property("ro.build.tags", "dev-keys")])[0].starts_with("LOW"));
    }

    #[test]
    fn ordinary_builds_are_silent() {
        let records = [
            property("ro.build.tags", "release-keys"),
            property("ro.build.type", "user"),
            property("ro.debuggable", "0"),
            property("ro.secure", "1"),
            property("ro.build.tags", ""),
        ];
        assert_eq!(verdicts(&HEURISTIC, &records), [""; 0]);
    }
}
