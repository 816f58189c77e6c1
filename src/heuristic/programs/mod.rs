//! What rules about running programs share: where programs were seen, where those of iOS lie, and what tells that a phone is
//! jailbroken or no phone at all.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::sync::LazyLock;

use super::prelude::*;

/// Artifacts that tell paths of programs that ran, and the column that does. Among the images of the unified log are libraries.
const SOURCES: [(&str, &str); 10] = [
    ("ios.crash_reports", "executable"),
    ("ios.logd_statistics", "process"),
    ("ios.powerlog_media", "executable"),
    ("ios.shutdown_log", "client"),
    ("ios.tcc", "client_path"),
    ("ios.unified_log_images", "image"),
    ("ios.unified_log_processes", "executable"),
    ("sysdiagnose.ps", "executable"),
    ("sysdiagnose.ps_thread", "executable"),
    ("sysdiagnose.spindump_processes", "executable"),
];

/// The records of programs outside the folders of iOS, and those that tell how to judge them.
pub const READS: &[Reads] = &[
    Reads { artifact: "ios.crash_reports", keep },
    Reads { artifact: "ios.logd_statistics", keep },
    Reads { artifact: "ios.powerlog_media", keep },
    Reads { artifact: "ios.shutdown_log", keep },
    Reads { artifact: "ios.tcc", keep },
    Reads { artifact: "ios.unified_log_images", keep },
    Reads { artifact: "ios.unified_log_processes", keep },
    Reads { artifact: "sysdiagnose.mounts", keep },
    Reads { artifact: "sysdiagnose.ps", keep },
    Reads { artifact: "sysdiagnose.ps_thread", keep },
    Reads { artifact: "sysdiagnose.spindump_images", keep },
    Reads { artifact: "sysdiagnose.spindump_processes", keep },
    Reads { artifact: "sysdiagnose.sysctl", keep },
];

pub fn keep(record: &Record<'_>) -> bool {
    let value = |name: &str| record.value(name);
    let path = program_column(record.artifact.id).and_then(|column| value(column).as_text());
    path.is_some_and(|path| folder_of(path) != Folder::Standard) || is_context(record)
}

/// True for records that tell how to judge others: of a Mac, or of a jailbreak.
pub fn is_context(record: &Record<'_>) -> bool {
    let value = |name: &str| record.value(name);
    is_mac(record.artifact.id, &value) || jailbreak_sign(record.artifact.id, &value).is_some()
}

fn program_column(artifact: &str) -> Option<&'static str> {
    SOURCES.iter().find(|(source, _)| *source == artifact).map(|(_, column)| *column)
}

/// The path of the program or library that a record tells of.
pub fn path_in<'r>(record: &'r Record<'_>) -> Option<&'r str> {
    record.value(program_column(record.artifact.id)?).as_text()
}

/// The records of programs by where they were seen.
pub fn seen(kept: &Kept) -> impl Iterator<Item = &Exhibit> {
    SOURCES.iter().flat_map(|(artifact, _)| kept.of(artifact))
}

/// True for what can only be loaded by a program: `x.dylib`, `X.framework/X`.
pub fn is_library(path: &str) -> bool {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    path.ends_with(".dylib") || folder.ends_with(".framework")
}

/// The path of the program that a record tells to have run.
pub fn program(exhibit: &Exhibit) -> Option<&str> {
    exhibit.value(program_column(exhibit.artifact)?).as_text().filter(|path| path.starts_with('/'))
}

/// What kind of folder a program lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Folder {
    Standard,
    Implant,
    Writable,
    /// Where implants ran, but under the name and in the form of Apple's service that prepares updates of iOS: it is staged there.
    Update,
    /// None of those that are known.
    Other,
}

/// Of a name without a path nothing can be said: it counts as standard.
pub fn folder_of(path: &str) -> Folder {
    if !path.starts_with('/') {
        return Folder::Standard;
    }
    let path = canonical(path);
    // `/System/../private/var/tmp/x` only looks like a path of the system.
    if path.split('/').any(|part| part == "..") {
        return Folder::Other;
    }
    if is_update_service(&path) {
        return Folder::Update;
    }
    // The longest folder counts: one inside another says it more exactly.
    let folders = FOLDERS.iter().filter(|(folder, _)| is_below(&path, folder));
    folders.max_by_key(|(folder, _)| folder.len()).map_or(Folder::Other, |(_, kind)| *kind)
}

/// `…staging/exec/com.apple.MobileSoftwareUpdate.UpdateBrainService.16777220.47523.xpc/…Service`: launchd copies services that run
/// for a role account there, and on a phone the update's is the only one.
fn is_update_service(path: &str) -> bool {
    const STAGING: &str = "/private/var/db/com.apple.xpc.roleaccountd.staging/";
    const SERVICE: &str = "com.apple.MobileSoftwareUpdate.UpdateBrainService";
    let Some(rest) = path.strip_prefix(STAGING) else { return false };
    let rest = rest.strip_prefix("exec/").unwrap_or(rest);
    let Some((bundle, inside)) = rest.split_once('/') else { return false };
    let numbers = bundle.strip_prefix(SERVICE).and_then(|rest| rest.strip_suffix(".xpc"));
    let numbered =
        numbers.is_some_and(|numbers| numbers.bytes().all(|byte| byte == b'.' || byte.is_ascii_digit()));
    numbered && inside.strip_prefix("Contents/MacOS/").unwrap_or(inside) == SERVICE
}

/// The path as the data volume has it, without links and doubled slashes.
pub fn canonical(path: &str) -> Cow<'_, str> {
    let mut path = Cow::Borrowed(path);
    while path.contains("//") {
        path = Cow::Owned(path.replace("//", "/"));
    }
    let links =
        [("/var/", "/private/var/"), ("/tmp/", "/private/var/tmp/"), ("/private/tmp/", "/private/var/tmp/")];
    let linked = links.iter().find_map(|(link, to)| Some(format!("{to}{}", path.strip_prefix(link)?)));
    linked.map_or(path, Cow::Owned)
}

fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

static FOLDERS: LazyLock<Vec<(&str, Folder)>> = LazyLock::new(|| {
    let kinds =
        [("standard", Folder::Standard), ("implant", Folder::Implant), ("writable", Folder::Writable)];
    let folder = |(kind, folder)| Some((folder, kinds.iter().find(|(name, _)| *name == kind)?.1));
    table(include_str!("folders.txt")).filter_map(folder).collect()
});

/// The first two words of each line.
fn table(text: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let mut words = line.split_whitespace();
        Some((words.next()?, words.next()?))
    })
}

/// Names of iOS's own programs.
pub fn apple_programs() -> impl Iterator<Item = &'static str> {
    include_str!("apple_programs.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .flat_map(str::split_whitespace)
}

/// True for the name of one of iOS's own programs.
pub fn is_apple_program(name: &str) -> bool {
    static NAMES: LazyLock<HashSet<&str>> = LazyLock::new(|| apple_programs().collect());
    NAMES.contains(name)
}

/// True for what only a Mac has: bundles in the system with a `Contents` folder. Paths of phones do not apply to it.
fn is_mac<'v>(artifact: &str, value: &dyn Fn(&str) -> &'v Value<'v>) -> bool {
    let text = |column: &str| value(column).as_text().unwrap_or_default();
    let program = program_column(artifact).map_or("", text);
    // Of an image only its path is known, not that it ran.
    if artifact == "ios.unified_log_images" {
        return false;
    }
    let system = || artifact == "sysdiagnose.spindump_processes" && text("os").starts_with("mac");
    program.starts_with("/System/") && program.contains("/Contents/MacOS/") || system()
}

/// True where the records are those of a Mac.
pub fn of_a_mac(kept: &Kept) -> bool {
    let mut exhibits = SOURCES.iter().flat_map(|(artifact, _)| kept.of(artifact));
    exhibits.any(|exhibit| is_mac(exhibit.artifact, &|name| exhibit.value(name)))
}

/// What a record tells about a jailbreak, as the end of a sentence.
pub fn jailbreak_sign<'v>(artifact: &str, value: &dyn Fn(&str) -> &'v Value<'v>) -> Option<String> {
    let text = |column: &str| value(column).as_text().unwrap_or_default();
    match artifact {
        "sysdiagnose.mounts" => {
            let folder = text("mounted_on");
            let writable = folder == "/"
                && !value("options").is_null()
                && !value("read_only").is_true()
                && !value("sealed").is_true();
            if writable {
                return Some("the system volume can be written to".into());
            }
            of_jailbreak(folder).then(|| format!("a volume is mounted on {folder}"))
        }
        "sysdiagnose.sysctl" => {
            let arguments = text("boot_args");
            (!arguments.is_empty()).then(|| format!("the kernel was started with `{arguments}`"))
        }
        "sysdiagnose.spindump_images" | "ios.unified_log_images" => {
            let image = text("image");
            let name = image.rsplit('/').next().unwrap_or(image);
            let library = || JAILBREAK.iter().any(|(kind, library)| *kind == "library" && *library == name);
            // Apps that were modified bring such libraries along.
            let of_an_app = || canonical(image).starts_with("/private/var/containers/Bundle/Application/");
            (of_jailbreak(image) || library() && !of_an_app()).then(|| format!("{image} was loaded"))
        }
        _ => {
            let program = text(program_column(artifact)?);
            of_jailbreak(program).then(|| format!("{program} ran"))
        }
    }
}

static JAILBREAK: LazyLock<Vec<(&str, &str)>> =
    LazyLock::new(|| table(include_str!("jailbreak.txt")).collect());

/// True for what lies in a folder of a known jailbreak.
pub fn of_jailbreak(path: &str) -> bool {
    let path = canonical(path);
    JAILBREAK.iter().any(|(kind, folder)| *kind == "folder" && is_below(&path, folder))
}

/// The signs of a jailbreak, each once, with the records that show them.
pub fn jailbreak_signs(kept: &Kept) -> BTreeMap<String, &Exhibit> {
    let artifacts = READS.iter().map(|reads| reads.artifact);
    let exhibits = artifacts.flat_map(|artifact| kept.of(artifact));
    let mut signs = BTreeMap::new();
    for exhibit in exhibits {
        if let Some(sign) = jailbreak_sign(exhibit.artifact, &|name| exhibit.value(name)) {
            signs.entry(sign).or_insert(exhibit);
        }
    }
    signs
}

/// Whether something of a jailbreak was there; arguments of the kernel alone may have other reasons.
pub fn is_jailbroken(kept: &Kept) -> bool {
    jailbreak_signs(kept).values().any(|exhibit| exhibit.artifact != "sysdiagnose.sysctl")
}

/// Said with a finding that a jailbreak may explain, and that counts less for it.
pub const JAILBROKEN: &str =
    "the phone shows signs of a jailbreak, whose tools lie outside the folders of iOS too";

/// The programs outside the folders of iOS by their path, without those of a jailbreak; none of a Mac.
pub fn outside(kept: &Kept) -> BTreeMap<String, Vec<&Exhibit>> {
    let mut programs: BTreeMap<String, Vec<&Exhibit>> = BTreeMap::new();
    if of_a_mac(kept) {
        return programs;
    }
    for exhibit in SOURCES.iter().flat_map(|(artifact, _)| kept.of(artifact)) {
        if let Some(path) = program(exhibit)
            && folder_of(path) != Folder::Standard
            && !of_jailbreak(path)
        {
            programs.entry(canonical(path).into_owned()).or_default().push(exhibit);
        }
    }
    programs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_count_at_their_whole_names_and_links_are_followed() {
        for (path, folder) in [
            ("/usr/libexec/nfcd", Folder::Standard),
            ("/kernel", Folder::Standard),
            ("/kernelx", Folder::Other),
            ("/usrx/a", Folder::Other),
            ("/var/containers/Bundle/Application/U/A.app/A", Folder::Standard),
            ("/private/preboot/Cryptexes/OS/usr/libexec/a", Folder::Standard),
            ("/private/preboot/AB/jb-x/a", Folder::Other),
            ("/tmp/a", Folder::Implant),
            ("/private/var//tmp/a", Folder::Implant),
            ("/private/var/tmpx/a", Folder::Other),
            ("/private/var/db/com.apple.xpc.roleaccountd.staging/bh", Folder::Implant),
            ("/private/var/db/a", Folder::Writable),
            (
                "/var/db/com.apple.xpc.roleaccountd.staging/exec/com.apple.MobileSoftwareUpdate.UpdateBrainService.16777220.47523.xpc/\
                 com.apple.MobileSoftwareUpdate.UpdateBrainService",
                Folder::Update,
            ),
            (
                "/private/var/db/com.apple.xpc.roleaccountd.staging/com.apple.MobileSoftwareUpdate.UpdateBrainServicex.xpc/\
                 com.apple.MobileSoftwareUpdate.UpdateBrainService",
                Folder::Implant,
            ),
            (
                "/private/var/db/com.apple.xpc.roleaccountd.staging/com.apple.MobileSoftwareUpdate.UpdateBrainService.xpc/bh",
                Folder::Implant,
            ),
            ("/System/../private/var/tmp/a", Folder::Other),
            ("kernel_task", Folder::Standard),
            ("", Folder::Standard),
        ] {
            assert_eq!(folder_of(path), folder, "{path}");
        }
    }

    #[test]
    fn every_line_of_the_data_has_a_kind_and_a_source() {
        for (text, kinds) in [
            (include_str!("folders.txt"), &["standard", "implant", "writable"][..]),
            (include_str!("jailbreak.txt"), &["folder", "library"][..]),
        ] {
            for line in text.lines().filter(|line| !line.starts_with('#')) {
                let words: Vec<&str> = line.split_whitespace().collect();
                assert_eq!(words.len(), 3, "{line}");
                assert!(kinds.contains(&words[0]) && words[2].starts_with("https://"), "{line}");
                assert!(
                    words[0] == "library" || words[1].starts_with('/') && !words[1].ends_with('/'),
                    "{line}"
                );
            }
        }
        assert!(apple_programs().count() > 300);
    }
}
