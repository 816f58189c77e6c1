use std::collections::BTreeMap;

use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "apple_process_foreign_image",
    title: "Foreign code in one of Apple's programs",
    looks_at: "Programs and libraries in the memory of Apple's own processes, as crash reports list them, whose files lie outside the folders \
        of iOS and of apps and outside the process's own bundle.",
    why_it_matters: "Apple's programs load code from the sealed system and from apps only. A library of another folder in one of them was put \
        there: published implants worked from inside of system processes, with files in folders that can be written to.",
    innocent_causes: "A jailbreak whose tweaks are loaded into every program; then the rule counts for less and says so. Tools of developers lie \
        in folders of their own, keyboards and extensions of apps lie with their apps, and neither is reported. A future iOS may add folders; its own /Library counts for less for that reason.",
    next_check: "Ask about a jailbreak and about a research device. Look for the file in a full acquisition, take its hash, and compare the time of \
        the crash with messages and restarts.",
    references: &[
        "https://www.amnesty.org/en/latest/research/2021/07/forensic-methodology-report-how-to-catch-nso-groups-pegasus/",
        "https://citizenlab.ca/2021/12/pegasus-vs-predator-dissidents-doubly-infected-iphone-reveals-cytrox-mercenary-spyware/",
        "https://developer.apple.com/documentation/xcode/examining-the-fields-in-a-crash-report",
    ],
    // Any artifact with `image`, `process` and `executable` can stand here too.
    reads: &[Reads { artifact: IMAGES, keep }],
    check,
};

const IMAGES: &str = "ios.crash_images";
const STANDARD: &str = include_str!("standard_paths.txt");

/// Where only Apple's own programs lie.
const APPLE: [&str; 7] = [
    "/System/",
    "/usr/",
    "/sbin/",
    "/bin/",
    "/Applications/",
    "/private/preboot/Cryptexes/",
    "/private/var/staged_system_apps/",
];

/// What paths of jailbreaks and of their tweaks contain.
const JAILBREAK: [&str; 9] = [
    "/var/jb/",
    "/jb-",
    "/jb/",
    "substrate",
    "tweakinject",
    "ellekit",
    "libhooker",
    "/frida",
    "/cores/binpack/",
];

fn keep(record: &Record<'_>) -> bool {
    let text = |column| record.value(column).as_text().unwrap_or_default();
    is_apple(text("executable"), text("bundle")) && is_foreign(text("image"), text("executable"))
}

fn is_apple(executable: &str, bundle: &str) -> bool {
    let executable = canonical(executable);
    APPLE.iter().any(|folder| executable.starts_with(folder))
        // Apple's apps that can be removed lie among the others.
        || bundle.starts_with("com.apple.") && executable.starts_with("/private/var/containers/Bundle/")
}

fn is_foreign(image: &str, executable: &str) -> bool {
    if !image.starts_with('/') {
        return false;
    }
    let image = canonical(image);
    let climbs = image.split('/').any(|part| part == "..");
    let mut standard = STANDARD.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let own = bundle_of(executable).is_some_and(|bundle| image.starts_with(&bundle));
    climbs || !own && !standard.any(|folder| image.starts_with(folder))
}

/// `/A/B.app/` of `/A/B.app/B`, the outermost bundle.
fn bundle_of(executable: &str) -> Option<String> {
    let executable = canonical(executable);
    let (before, _) = executable.split_once(".app/")?;
    Some(format!("{before}.app/"))
}

/// `/var` and `/tmp` are links.
fn canonical(path: &str) -> String {
    match path {
        _ if path.starts_with("/var/") => format!("/private{path}"),
        _ if path.starts_with("/tmp/") => format!("/private/var{path}"),
        _ => path.to_owned(),
    }
}

fn is_jailbreak(image: &str) -> bool {
    let image = image.to_ascii_lowercase();
    JAILBREAK.iter().any(|word| image.contains(word))
}

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    let mut by_image: BTreeMap<&str, Vec<&Exhibit>> = BTreeMap::new();
    for exhibit in kept.of(IMAGES) {
        by_image.entry(exhibit.text("image")).or_default().push(exhibit);
    }
    let jailbroken = by_image.keys().any(|image| is_jailbreak(image));
    for (image, exhibits) in by_image {
        let Some(first) = exhibits.iter().min_by_key(|exhibit| exhibit.at()) else { continue };
        let mut processes: Vec<&str> = exhibits.iter().map(|exhibit| exhibit.text("process")).collect();
        processes.sort_unstable();
        processes.dedup();
        let more = if processes.len() > 3 { format!(" and {} more", processes.len() - 3) } else { String::new() };
        let named: Vec<&str> = processes.into_iter().take(3).collect();
        let message = format!("{image} was loaded into Apple's {}{more}", named.join(", "));
        // The system volume is sealed; what else lies in its /Library is a jailbreak's, or Apple's and not known here.
        let level = if jailbroken || image.starts_with("/Library/") { Level::Medium } else { Level::High };
        let mut finding = Finding::of_rule(HEURISTIC.id, level, Trace::Executed, message, first);
        finding.column = Some("image");
        finding.value = image.to_owned();
        if jailbroken {
            finding.caveats.push("files of a jailbreak or its tweaks were loaded on this phone".into());
        }
        findings.push(finding);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{json, judge, verdicts};
    use super::*;

    const IMAGENT: &str = "/System/Library/PrivateFrameworks/IMCore.framework/imagent.app/imagent";

    fn verdict(executable: &str, image: &str) -> Vec<String> {
        let record = json!({"process": "imagent", "executable": executable, "image": image});
        verdicts(&HEURISTIC, &[(IMAGES, record)])
    }

    #[test]
    fn a_library_from_a_writable_folder_is_one_finding_however_often_it_was_loaded() {
        let loaded = |process: &str| {
            (IMAGES, json!({"process": process, "executable": IMAGENT, "image": "/private/var/tmp/x.dylib"}))
        };
        assert_eq!(
            verdicts(&HEURISTIC, &[loaded("imagent"), loaded("homed"), loaded("imagent")]),
            ["HIGH /private/var/tmp/x.dylib was loaded into Apple's homed, imagent"]
        );
        assert_eq!(verdict(IMAGENT, "/var/db/com.apple.xpc.roleaccountd.staging/x").len(), 1);
        assert_eq!(verdict(IMAGENT, "/System/../private/var/tmp/x").len(), 1);
    }

    #[test]
    fn folders_of_the_system_of_apps_and_of_developers_are_no_finding() {
        for image in [
            "/usr/lib/dyld",
            "/Developer/Library/PrivateFrameworks/DTDDISupport.framework/libViewDebuggerSupport.dylib",
            "/usr/lib/libclang_rt.asan_ios_dynamic.dylib",
            "/System/Developer/usr/lib/libMainThreadChecker.dylib",
            "/var/containers/Bundle/Application/AA/Keyboard.app/PlugIns/Keyboard.appex/Keyboard",
            "/private/preboot/Cryptexes/OS/usr/lib/libx.dylib",
            "/Library/Audio/Plug-Ins/HAL/VirtualAudio.plugin/VirtualAudio",
            "???",
            "",
        ] {
            assert_eq!(verdict(IMAGENT, image), [""; 0], "{image}");
        }
        assert_eq!(verdict("/private/var/containers/Bundle/Application/AA/Game.app/Game", "/private/var/tmp/x"), [""; 0]);
        let own = "/private/var/mobile/Own.app";
        assert!(!is_foreign(&format!("{own}/Frameworks/a.dylib"), &format!("{own}/Own")));
    }

    #[test]
    fn tweaks_of_a_jailbreak_count_for_less() {
        let tweak = "/private/var/jb/usr/lib/TweakInject/A.dylib";
        assert_eq!(verdict(IMAGENT, tweak), [format!("MEDIUM {tweak} was loaded into Apple's imagent")]);
        let record = json!({"process": "imagent", "executable": IMAGENT, "image": tweak});
        assert_eq!(judge(&HEURISTIC, &[(IMAGES, record)])[0].caveats.len(), 1);
        assert!(verdict(IMAGENT, "/Library/Unknown/a.dylib")[0].starts_with("MEDIUM"));
    }
}
