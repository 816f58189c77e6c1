use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::prelude::*;
use super::programs::{self, Folder, canonical};
use crate::artifact::image::name_and_pid;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "apple_process_foreign_image",
    title: "Foreign code in one of Apple's programs",
    looks_at: "Programs and libraries in the memory of Apple's own processes, as crash reports, the spindump of a sysdiagnose and the unified log \
        list them, whose files lie outside the folders of iOS and of apps and outside the process's own bundle.",
    why_it_matters: "Apple's programs load code from the sealed system and from apps only. A library of another folder in one of them was put \
        there: published implants worked from inside of system processes, with files in folders that can be written to.",
    innocent_causes: "A jailbreak whose tweaks are loaded into every program; then the rule counts for less and says so. Tools of developers lie \
        in folders of their own, keyboards and extensions of apps lie with their apps, and neither is reported. A future iOS may add folders; those outside of the folders for data, and those that iOS downloads its own parts to, count for less for that reason.",
    next_check: "Ask about a jailbreak and about a research device. Look for the file in a full acquisition, take its hash, and compare the time at which \
        it was loaded with messages and restarts.",
    references: &[
        "https://www.amnesty.org/en/latest/research/2021/07/forensic-methodology-report-how-to-catch-nso-groups-pegasus/",
        "https://citizenlab.ca/2021/12/pegasus-vs-predator-dissidents-doubly-infected-iphone-reveals-cytrox-mercenary-spyware/",
        "https://developer.apple.com/documentation/xcode/examining-the-fields-in-a-crash-report",
    ],
    reads: &[
        Reads { artifact: CRASHES, keep: |record| {
            let of = |column| text(record, column);
            is_apple(of("executable"), of("bundle")) && is_foreign(of("image"), of("executable"))
        } },
        Reads { artifact: LOGGED, keep: |record| {
            let executable = text(record, "executable");
            is_apple(executable, "") && texts(record.value("libraries")).any(|library| is_foreign(library, executable))
                || programs::is_context(record)
        } },
        // Names its processes, whose paths the other list tells.
        Reads { artifact: LOADED, keep: |record| is_foreign(text(record, "image"), "") || programs::is_context(record) },
        Reads { artifact: PROCESSES, keep: |record| {
            is_apple(text(record, "executable"), text(record, "bundle_id")) || programs::is_context(record)
        } },
    ],
    check,
};

const CRASHES: &str = "ios.crash_images";
const LOGGED: &str = "ios.unified_log_processes";
const LOADED: &str = "sysdiagnose.spindump_images";
const PROCESSES: &str = "sysdiagnose.spindump_processes";

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

fn text<'r>(record: &'r Record<'_>, column: &str) -> &'r str {
    record.value(column).as_text().unwrap_or_default()
}

/// The text of a value, or of each in a list.
fn texts<'v>(value: &'v Value<'_>) -> impl Iterator<Item = &'v str> {
    let items = if let Value::List(items) = value { items.as_slice() } else { std::slice::from_ref(value) };
    items.iter().filter_map(Value::as_text)
}

fn is_apple(executable: &str, bundle: &str) -> bool {
    let executable = canonical(executable);
    // A Mac's have libraries in more places.
    !executable.contains("/Contents/MacOS/") && APPLE.iter().any(|folder| executable.starts_with(folder))
        // Apple's apps that can be removed lie among the others.
        || bundle.starts_with("com.apple.") && executable.starts_with("/private/var/containers/Bundle/")
}

fn is_foreign(image: &str, executable: &str) -> bool {
    image.starts_with('/')
        && !matches!(programs::folder_of(image), Folder::Standard | Folder::Update)
        && (image.contains("/../") || bundle_of(executable).is_none_or(|bundle| !canonical(image).starts_with(&bundle)))
}

/// `/A/B.app/` of `/A/B.app/B`, the outermost bundle.
fn bundle_of(executable: &str) -> Option<String> {
    let executable = canonical(executable);
    let (before, _) = executable.split_once(".app/")?;
    Some(format!("{before}.app/"))
}

fn is_jailbreak(image: &str) -> bool {
    let lower = image.to_ascii_lowercase();
    programs::of_jailbreak(image) || JAILBREAK.iter().any(|word| lower.contains(word))
}

/// A foreign image and the process of Apple's that it was in.
type Loaded<'a> = (&'a str, &'a str, &'a Exhibit);

fn loaded(kept: &Kept) -> Vec<Loaded<'_>> {
    let mut loaded: Vec<Loaded<'_>> =
        kept.of(CRASHES).iter().map(|exhibit| (exhibit.text("image"), exhibit.text("process"), exhibit)).collect();
    for exhibit in kept.of(LOGGED) {
        let executable = exhibit.text("executable");
        if is_apple(executable, "") {
            let foreign = texts(exhibit.value("libraries")).filter(|library| is_foreign(library, executable));
            loaded.extend(foreign.map(|library| (library, base(executable), exhibit)));
        }
    }
    let of_apple = |process: &Exhibit| is_apple(process.text("executable"), process.text("bundle_id"));
    let running: HashMap<(&str, i64), &str> = kept
        .of(PROCESSES)
        .iter()
        .filter(|process| of_apple(process))
        .filter_map(|process| Some(((&*process.stored_as, process.value("pid").as_int()?), process.text("executable"))))
        .collect();
    for exhibit in kept.of(LOADED) {
        let image = exhibit.text("image");
        for (name, pid, _) in texts(exhibit.value("processes")).filter_map(name_and_pid) {
            let executable = running.get(&(&*exhibit.stored_as, pid));
            if executable.is_some_and(|executable| is_foreign(image, executable)) {
                loaded.push((image, name, exhibit));
            }
        }
    }
    loaded
}

fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    if programs::of_a_mac(kept) {
        return;
    }
    let mut by_image: BTreeMap<String, Vec<Loaded<'_>>> = BTreeMap::new();
    for loaded in loaded(kept) {
        by_image.entry(canonical(loaded.0).into_owned()).or_default().push(loaded);
    }
    let jailbroken = programs::is_jailbroken(kept) || by_image.keys().any(|image| is_jailbreak(image));
    for (image, loaded) in by_image {
        let exhibits = loaded.iter().map(|(.., exhibit)| *exhibit);
        let Some(first) = exhibits.min_by_key(|exhibit| (exhibit.at().is_none(), exhibit.at())) else { continue };
        let processes: BTreeSet<&str> = loaded.iter().map(|(_, process, _)| *process).collect();
        let more = if processes.len() > 3 { format!(" and {} more", processes.len() - 3) } else { String::new() };
        let named: Vec<&str> = processes.into_iter().take(3).collect();
        let message = format!("{image} was loaded into Apple's {}{more}", named.join(", "));
        let level = if jailbroken || !is_of_data(&image) { Level::Medium } else { Level::High };
        let mut finding = Finding::of_rule(HEURISTIC.id, level, Trace::Executed, message, first);
        finding.column = Some(if first.artifact == LOGGED { "libraries" } else { "image" });
        finding.value = image;
        if jailbroken {
            finding.caveats.push("files of a jailbreak or its tweaks were loaded on this phone".into());
        }
        findings.push(finding);
    }
}

/// True for what lies on the volume for data, except where iOS downloads parts of itself to. The system volume is sealed: what is
/// not known there is a jailbreak's, or came with a newer iOS.
fn is_of_data(image: &str) -> bool {
    let climbs = image.split('/').any(|part| part == "..");
    climbs || image.starts_with("/private/var/") && !image.starts_with("/private/var/MobileAsset/")
}

#[cfg(test)]
mod tests {
    use super::super::testing::{json, judge, verdicts};
    use super::*;

    const IMAGENT: &str = "/System/Library/PrivateFrameworks/IMCore.framework/imagent.app/imagent";

    fn verdict(executable: &str, image: &str) -> Vec<String> {
        let record = json!({"process": "imagent", "executable": executable, "image": image});
        verdicts(&HEURISTIC, &[(CRASHES, record)])
    }

    #[test]
    fn a_library_from_a_writable_folder_is_one_finding_however_often_it_was_loaded() {
        let loaded = |process: &str| {
            (CRASHES, json!({"process": process, "executable": IMAGENT, "image": "/private/var/tmp/x.dylib"}))
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
        assert_eq!(judge(&HEURISTIC, &[(CRASHES, record)])[0].caveats.len(), 1);
        assert!(verdict(IMAGENT, "/Library/Unknown/a.dylib")[0].starts_with("MEDIUM"));
    }

    fn running(pid: i64, executable: &str) -> (&'static str, serde_json::Value) {
        (PROCESSES, json!({"name": "x", "pid": pid, "executable": executable}))
    }

    fn loaded(image: &str, processes: &[&str]) -> (&'static str, serde_json::Value) {
        (LOADED, json!({"image": image, "processes": processes}))
    }

    #[test]
    fn images_of_a_spindump_count_in_processes_of_apple_only() {
        let app = "/private/var/containers/Bundle/Application/AA/Game.app/Game";
        let processes = || [running(61, IMAGENT), running(99, app)];
        let judged = |image: &str, names: &[&str]| {
            let mut records = processes().to_vec();
            records.push(loaded(image, names));
            verdicts(&HEURISTIC, &records)
        };
        assert_eq!(
            judged("/private/var/tmp/x.dylib", &["Game [99]", "imagent [61] (suspended)"]),
            ["HIGH /private/var/tmp/x.dylib was loaded into Apple's imagent"]
        );
        assert_eq!(judged("/private/var/tmp/x.dylib", &["Game [99]", "unknown [7]", "imagent"]), [""; 0]);
        assert_eq!(judged("/usr/lib/dyld", &["imagent [61]"]), [""; 0]);
        assert!(judged("/private/var/MobileAsset/AssetsV2/a.bundle/a", &["imagent [61]"])[0].starts_with("MEDIUM"));
        assert!(judged("/private/var/mobile/Media/a.dylib", &["imagent [61]"])[0].starts_with("HIGH"));
    }

    #[test]
    fn libraries_that_the_unified_log_names_count_too() {
        let logged = |executable: &str, libraries: &[&str]| {
            let record = json!({"executable": executable, "libraries": libraries});
            verdicts(&HEURISTIC, &[(LOGGED, record)])
        };
        assert_eq!(
            logged(IMAGENT, &["/usr/lib/a.dylib", "/var/tmp/x.dylib"]),
            ["HIGH /private/var/tmp/x.dylib was loaded into Apple's imagent"]
        );
        assert_eq!(logged(IMAGENT, &["/private/var/containers/Bundle/Application/AA/K.app/PlugIns/K.appex/K"]), [""; 0]);
        assert_eq!(logged("/private/var/containers/Bundle/Application/AA/Game.app/Game", &["/private/var/tmp/x.dylib"]), [""; 0]);
    }

    #[test]
    fn a_mac_has_libraries_elsewhere() {
        let finder = running(5, "/System/Library/CoreServices/Finder.app/Contents/MacOS/Finder");
        let records = [finder, running(6, "/usr/libexec/a"), loaded("/private/var/folders/x.dylib", &["Finder [5]", "a [6]"])];
        assert_eq!(verdicts(&HEURISTIC, &records), [""; 0]);
    }
}
