use std::collections::BTreeMap;

use super::packages::named;
use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "android_hidden_code",
    title: "Programs where none belong",
    looks_at: "Files of the listing: code in hidden folders of the shared storage, and files that can be run below /dev, /cache and /mnt.",
    why_it_matters: "Apps keep their code in folders of their own. What is hidden in the shared storage can be exchanged by every app that may \
        write there; what can be run below /dev or /cache was put there by somebody with the rights of the system.",
    innocent_causes: "Advertising and update libraries of ordinary apps hide code in the shared storage, backups and trash folders of file \
        managers hold apps, and root tools work below /dev.",
    next_check: "Keep the files, compare their hashes, and look which app wrote the folder and when.",
    references: &["https://developer.android.com/privacy-and-security/risks/dynamic-code-loading"],
    reads: &[
        Reads { artifact: "android.collected_files", keep: |record| place_of(record).is_some() },
        Reads { artifact: "android.bugbane_files", keep: |record| place_of(record).is_some() },
    ],
    check,
};

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Shared,
    System,
}

const SHARED: [&str; 6] =
    ["/sdcard/", "/storage/", "/data/media/", "/mnt/sdcard/", "/mnt/user/", "/mnt/media_rw/"];

fn place_of(record: &Record<'_>) -> Option<Place> {
    let text = |name| record.value(name).as_text().unwrap_or_default();
    // Of Bugbane's listing the mode alone is kept; of its kinds only files have no letter before the rights.
    let runs = record.value("executable").is_true()
        || (record.artifact.id == "android.bugbane_files" && text("mode").starts_with('-') && text("mode").contains('x'));
    place(text("file"), runs)
}

fn place(file: &str, runs: bool) -> Option<Place> {
    const CODE: [&str; 8] = [".so", ".dex", ".jar", ".apk", ".odex", ".vdex", ".elf", ".ko"];
    if SHARED.iter().any(|folder| file.starts_with(folder)) {
        // All files of a memory card can be run, so the mode says nothing there.
        let hidden = file.split('/').any(|part| part.starts_with('.') && part != "." && part != "..");
        return (hidden && CODE.iter().any(|ending| file.ends_with(ending))).then_some(Place::Shared);
    }
    let odd = ["/dev/", "/cache/", "/data/cache/", "/mnt/"].iter().any(|folder| file.starts_with(folder));
    // Volumes of the system and of apps are mounted again below /mnt.
    let mounted = ["/mnt/vendor/", "/mnt/product/", "/mnt/runtime/", "/mnt/pass_through/", "/mnt/androidwritable/", "/mnt/installer/",
        "/mnt/expand/", "/mnt/asec/", "/mnt/obb/", "/mnt/scratch/"];
    (runs && odd && !mounted.iter().any(|folder| file.starts_with(folder))).then_some(Place::System)
}

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    let mut files: BTreeMap<Place, BTreeMap<&str, &Exhibit>> = BTreeMap::new();
    for record in kept.of("android.collected_files").iter().chain(kept.of("android.bugbane_files")) {
        // Kept for being at one of both places.
        let shared = SHARED.iter().any(|folder| record.text("file").starts_with(folder));
        let place = if shared { Place::Shared } else { Place::System };
        files.entry(place).or_default().entry(record.text("file")).or_insert(record);
    }
    for (place, files) in files {
        let Some(first) = files.values().next() else { continue };
        let (level, what) = match place {
            Place::Shared => (Level::Low, "Code lies in hidden folders of the shared storage"),
            Place::System => (Level::Medium, "Files that can be run lie where none belong"),
        };
        let message = format!("{what}: {}", named(files.keys().copied()));
        findings.push(Finding::of_rule(HEURISTIC.id, level, Trace::Installed, message, first));
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{json, verdicts};
    use super::*;

    fn file(path: &str, executable: bool) -> (&'static str, serde_json::Value) {
        ("android.collected_files", json!({"file": path, "executable": executable}))
    }

    #[test]
    fn hidden_code_and_programs_in_odd_folders_are_told_once_each() {
        let records = [
            file("/sdcard/.sys/a.dex", false),
            file("/storage/emulated/0/.x/lib.so", false),
            file("/dev/.a/run", true),
            ("android.bugbane_files", json!({"file": "/cache/b", "mode": "-rwxr-xr-x"})),
        ];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            [
                "LOW Code lies in hidden folders of the shared storage: /sdcard/.sys/a.dex, /storage/emulated/0/.x/lib.so",
                "MEDIUM Files that can be run lie where none belong: /cache/b, /dev/.a/run",
            ]
        );
    }

    #[test]
    fn pictures_downloads_and_mounted_volumes_are_silent() {
        let records = [
            file("/sdcard/.thumbnails/1.jpg", true),
            file("/sdcard/Download/app.apk", true),
            file("/mnt/vendor/efs/x", true),
            file("/cache/log", false),
            file("/system/bin/sh", true),
            ("android.bugbane_files", json!({"file": "/dev/socket/zygote", "mode": "srwxrwxrwx"})),
        ];
        assert_eq!(verdicts(&HEURISTIC, &records), [""; 0]);
    }
}
