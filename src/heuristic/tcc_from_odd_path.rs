use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "tcc_from_odd_path",
    title: "Program outside the system that may use camera, microphone or photos",
    looks_at: "Privacy permissions given to the path of a program, instead of to an app, where the path lies outside the folders of iOS (/System, /usr, /Applications, system updates and Xcode's tools) and the permission is for camera, microphone, photos or watching the keys pressed.",
    why_it_matters: "Apps ask for permissions by their bundle id, and Apple's own programs lie in system folders. A program run from elsewhere that was let at camera or microphone is how an implant with rights of its own appears here.",
    innocent_causes: "A jailbreak and tools installed with it, a developer's test program, and the agent some acquisition tools put on the phone.",
    next_check: "Find the program in a full acquisition, take its hash and signature, and ask when and by whom the phone was jailbroken or examined.",
    references: &["https://docs.mvt.re/en/latest/ios/records/#tccjson"],
    reads: &[Reads { artifact: "ios.tcc", keep }],
    check,
};

const SERVICES: &[&str] = &[
    "kTCCServiceCamera",
    "kTCCServiceMicrophone",
    "kTCCServicePhotos",
    "kTCCServicePhotosAdd",
    "kTCCServiceListenEvent",
];

/// Where Apple's programs are; Cryptexes hold system updates that come between versions, /Developer the tools that Xcode mounts.
const SYSTEM_FOLDERS: &[&str] =
    &["/System/", "/usr/", "/Applications/", "/private/preboot/Cryptexes/", "/Developer/"];

fn keep(record: &Record<'_>) -> bool {
    let text = |column| record.value(column).as_text().unwrap_or_default();
    matches!(text("access"), "allowed" | "limited")
        && SERVICES.contains(&text("service"))
        && is_odd(text("client_path"))
}

fn is_odd(path: &str) -> bool {
    // `/System/../var/tmp/x` only looks like a system path.
    let climbs = path.split('/').any(|part| part == "..");
    path.starts_with('/') && (climbs || !SYSTEM_FOLDERS.iter().any(|folder| path.starts_with(folder)))
}

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    for exhibit in kept.of("ios.tcc") {
        let path = exhibit.text("client_path");
        let what = exhibit.text("service").trim_start_matches("kTCCService");
        let message = format!("the program {path}, outside the system's folders, may use: {what}");
        let mut finding = Finding::of_rule(HEURISTIC.id, Level::High, Trace::Installed, message, exhibit);
        finding.column = Some("client_path");
        finding.value = path.to_owned();
        findings.push(finding);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heuristic::testing::{json, verdicts};

    fn verdict(path: &str, service: &str, access: &str) -> Vec<String> {
        let record =
            json!({"client": path, "client_path": path, "service": service, "access": access});
        verdicts(&HEURISTIC, &[("ios.tcc", record)])
    }

    #[test]
    fn a_program_in_a_temporary_folder_with_the_microphone_is_reported() {
        assert_eq!(
            verdict("/private/var/tmp/x", "kTCCServiceMicrophone", "allowed"),
            ["HIGH the program /private/var/tmp/x, outside the system's folders, may use: Microphone"]
        );
        assert_eq!(verdict("/System/../var/x", "kTCCServiceCamera", "limited").len(), 1);
        assert_eq!(verdict("/usrx/bin/a", "kTCCServiceCamera", "allowed").len(), 1);
    }

    #[test]
    fn system_programs_apps_refusals_and_other_permissions_are_not() {
        assert!(verdict("/usr/libexec/x", "kTCCServiceCamera", "allowed").is_empty());
        assert!(verdict("/System/Library/x", "kTCCServiceCamera", "allowed").is_empty());
        assert!(verdict("com.example.app", "kTCCServiceCamera", "allowed").is_empty());
        assert!(verdict("/private/var/tmp/x", "kTCCServiceCamera", "denied").is_empty());
        assert!(verdict("/private/var/tmp/x", "kTCCServiceCalendar", "allowed").is_empty());
    }
}
