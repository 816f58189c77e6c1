use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "android_selinux_off",
    title: "The rules that keep programs apart are off",
    looks_at: "Whether SELinux enforces its rules, by the shell's word and by what the kernel was started with.",
    why_it_matters: "With SELinux off a flaw in any program reaches the whole phone. Every phone that is sold enforces it; exploits and root \
        tools switch it off.",
    innocent_causes: "The owner rooted the phone or runs another Android than the maker's; research phones.",
    next_check: "Ask the owner. Look for root binaries, mounts of root tools and the state of the boot loader; restart the phone after the \
        acquisition and look again: an exploit's change would be gone.",
    references: &["https://source.android.com/docs/security/features/selinux"],
    reads: &[
        Reads { artifact: "android.selinux", keep: |record| is_off(record.value("state").as_text()) },
        Reads {
            artifact: "android.properties",
            keep: |record| {
                record.value("name").as_text() == Some("ro.boot.selinux") && is_off(record.value("value").as_text())
            },
        },
    ],
    check: |kept, findings| {
        let found = kept.of("android.selinux").first().or_else(|| kept.of("android.properties").first());
        if let Some(record) = found {
            let state = [record.text("state"), record.text("value")].concat().to_lowercase();
            let message = format!("SELinux does not enforce its rules: {state}");
            findings.push(Finding::of_rule(HEURISTIC.id, Level::High, Trace::Tampered, message, record));
        }
    },
};

fn is_off(state: Option<&str>) -> bool {
    state.is_some_and(|state| ["permissive", "disabled"].contains(&&*state.trim().to_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heuristic::testing::{json, verdicts};

    #[test]
    fn permissive_is_told_and_enforcing_silent() {
        let state = |state: &str| verdicts(&HEURISTIC, &[("android.selinux", json!({ "state": state }))]);
        assert_eq!(state("Permissive"), ["HIGH SELinux does not enforce its rules: permissive"]);
        assert_eq!(state("Enforcing"), [""; 0]);
        let booted = ("android.properties", json!({"name": "ro.boot.selinux", "value": "permissive"}));
        assert_eq!(verdicts(&HEURISTIC, &[booted]).len(), 1);
    }
}
