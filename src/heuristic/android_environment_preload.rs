use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "android_environment_preload",
    title: "Foreign code is loaded into programs of the shell",
    looks_at: "The variables `LD_PRELOAD` and `LD_LIBRARY_PATH` of the shell, and folders in which it looks for commands.",
    why_it_matters: "A library named there is loaded into every program the shell starts, and a folder that others can write to can stand in \
        for commands: both change what an acquisition sees.",
    innocent_causes: "Developers and root tools set them; some makers preload a library of their system.",
    next_check: "Keep the files named. Repeat the acquisition by another tool, or from a recovery system.",
    references: &["https://man7.org/linux/man-pages/man8/ld.so.8.html"],
    reads: &[Reads {
        artifact: "android.environment",
        keep: |record| {
            let text = |name| record.value(name).as_text().unwrap_or_default();
            !odd_paths(text("name"), text("value")).is_empty()
        },
    }],
    check: |kept, findings| {
        for variable in kept.of("android.environment").iter().take(MOST) {
            let name = variable.text("name");
            let paths = odd_paths(name, variable.text("value"));
            let level = if name == "LD_PRELOAD" { Level::Medium } else { Level::Low };
            let message = format!("{name} of the shell names {}", paths.join(", "));
            findings.push(Finding::of_rule(HEURISTIC.id, level, Trace::Tampered, message, variable));
        }
    },
};

/// Variables told.
const MOST: usize = 10;

/// What a variable names outside the system's image.
fn odd_paths<'v>(name: &str, value: &'v str) -> Vec<&'v str> {
    const IMAGE: [&str; 9] =
        ["/system", "/vendor", "/product", "/odm", "/apex/", "/sbin", "/bin", "/usr/", "/oem"];
    if !matches!(name, "LD_PRELOAD" | "LD_LIBRARY_PATH" | "PATH") {
        return Vec::new();
    }
    let paths = value.split([':', ' ']).filter(|path| path.starts_with('/'));
    paths.filter(|path| !IMAGE.iter().any(|folder| path.starts_with(folder))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heuristic::testing::{json, verdicts};

    #[test]
    fn libraries_and_folders_outside_the_system_are_told() {
        let variable = |name: &str, value: &str| ("android.environment", json!({"name": name, "value": value}));
        let records = [
            variable("LD_PRELOAD", "/data/x.so"),
            variable("PATH", "/data/local/tmp:/system/bin"),
            variable("PATH", "/product/bin:/apex/com.android.runtime/bin:/system_ext/bin:/system/bin:/odm/bin:/vendor/xbin"),
            variable("LD_PRELOAD", "libsigchain.so"),
            variable("HOME", "/data"),
        ];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            ["MEDIUM LD_PRELOAD of the shell names /data/x.so", "LOW PATH of the shell names /data/local/tmp"]
        );
    }
}
