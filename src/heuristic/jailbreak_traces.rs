use super::prelude::*;
use super::programs;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "jailbreak_traces",
    title: "Traces of a jailbreak",
    looks_at: "A system volume that can be written to, volumes and programs in the folders of known jailbreaks, their libraries in running \
        programs, and arguments that the kernel was started with.",
    why_it_matters: "A jailbroken phone has lost the protections that this report relies on: programs may run from anywhere, and what one \
        tool can change an attacker can change too. Who did not jailbreak the phone should ask who did.",
    innocent_causes: "The owner jailbroke the phone, it is a research phone, or a laboratory did it to acquire the phone in full. Apps that \
        were modified bring libraries of jailbreaks along without one; those in app folders are not counted.",
    next_check: "Ask the owner and whoever made the acquisition. Judge programs outside the folders of iOS by whether the jailbreak brought \
        them; this report lowers them for it, except in the folder that only implants use.",
    references: &[
        "https://github.com/opa334/Dopamine",
        "https://github.com/palera1n/palera1n",
        "https://iphonedev.wiki/Cydia_Substrate",
    ],
    reads: programs::READS,
    check,
};

/// Signs named in the message.
const SIGNS_NAMED: usize = 8;

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    if programs::of_a_mac(kept) {
        return;
    }
    let signs = programs::jailbreak_signs(kept);
    // Arguments of the kernel alone may have other reasons.
    let grave = signs.values().find(|exhibit| exhibit.artifact != "sysdiagnose.sysctl");
    let Some(exhibit) = grave.or_else(|| signs.values().next()) else { return };
    let level = if grave.is_some() { Level::Medium } else { Level::Low };
    let mut named: Vec<&str> = signs.keys().map(String::as_str).take(SIGNS_NAMED).collect();
    let more = format!("{} more signs", signs.len().saturating_sub(SIGNS_NAMED));
    if signs.len() > SIGNS_NAMED {
        named.push(&more);
    }
    let message = format!("The phone may be jailbroken: {}", named.join("; "));
    findings.push(Finding::of_rule(HEURISTIC.id, level, Trace::Installed, message, exhibit));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heuristic::testing::{json, verdicts};

    fn root(options: &str, read_only: bool, sealed: bool) -> (&'static str, serde_json::Value) {
        let mount = json!({"mounted_on": "/", "options": options, "read_only": read_only, "sealed": sealed});
        ("sysdiagnose.mounts", mount)
    }

    fn image(path: &str) -> (&'static str, serde_json::Value) {
        ("sysdiagnose.spindump_images", json!({"image": path}))
    }

    #[test]
    fn signs_are_one_finding() {
        let records = [
            root("apfs, local", false, false),
            image("/usr/lib/libellekit.dylib"),
            ("sysdiagnose.mounts", json!({"mounted_on": "/cores/binpack"})),
            ("sysdiagnose.ps", json!({"executable": "/var/jb/usr/bin/bash"})),
            ("sysdiagnose.ps", json!({"executable": "/var/jb/usr/bin/bash"})),
        ];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            ["MEDIUM The phone may be jailbroken: /usr/lib/libellekit.dylib was loaded; /var/jb/usr/bin/bash ran; a volume is \
              mounted on /cores/binpack; the system volume can be written to"]
        );
    }

    #[test]
    fn arguments_of_the_kernel_alone_are_low() {
        let records = [("sysdiagnose.sysctl", json!({"boot_args": "-v"}))];
        assert_eq!(verdicts(&HEURISTIC, &records), ["LOW The phone may be jailbroken: the kernel was started with `-v`"]);
    }

    #[test]
    fn ordinary_phones_modified_apps_and_macs_are_silent() {
        let app = "/private/var/containers/Bundle/Application/U/A.app/Frameworks";
        let records = [
            root("apfs, sealed, local, read-only", true, true),
            root("apfs, local, nosuid, read-only", true, false),
            ("sysdiagnose.mounts", json!({"mounted_on": "/"})),
            ("sysdiagnose.mounts", json!({"mounted_on": "/Developer", "options": "hfs", "read_only": false})),
            ("sysdiagnose.sysctl", json!({"os_build": "20F66"})),
            image(&format!("{app}/CydiaSubstrate.framework/CydiaSubstrate")),
            image(&format!("{app}/SubstrateSdk.framework/SubstrateSdk")),
            image("/System/Library/Frameworks/UIKit.framework/UIKit"),
        ];
        assert_eq!(verdicts(&HEURISTIC, &records), [""; 0]);
        let mac = ("sysdiagnose.ps", json!({"executable": "/System/Library/CoreServices/Dock.app/Contents/MacOS/Dock"}));
        let arguments = ("sysdiagnose.sysctl", json!({"boot_args": "keepsyms=1"}));
        assert_eq!(verdicts(&HEURISTIC, &[mac, arguments]), [""; 0]);
    }
}
