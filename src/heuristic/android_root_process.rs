use std::collections::BTreeMap;

use super::android_root_binary;
use super::android_tmp_executable::is_tool;
use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "android_root_process",
    title: "A program with root rights, or from the shell's folder, was running",
    looks_at: "Running processes: their programs' folders, their names, and the SELinux domain they run in.",
    why_it_matters: "No program of the phone runs from the folders that apps, owner and shell can write to with the rights of the system or the \
        shell. Domains such as `su` exist on phones that were rooted.",
    innocent_causes: "The owner rooted the phone; developers' tools and apps that get rights over debugging run from the shell's folder. The \
        collector's own program is left out.",
    next_check: "Keep the program named, look at what started it, and ask whether the phone was rooted or connected for debugging.",
    references: &[
        "https://blog.talosintelligence.com/mercenary-intellexa-predator/",
        "https://source.android.com/docs/security/features/selinux/concepts",
    ],
    reads: &[Reads {
        artifact: "android.processes",
        keep: |record| {
            let text = |name| record.value(name).as_text().unwrap_or_default();
            sign(text("name"), text("label"), text("user")).is_some()
        },
    }],
    check: |kept, findings| {
        let mut programs: BTreeMap<&str, (Level, &str, &Exhibit)> = BTreeMap::new();
        for process in kept.of("android.processes") {
            let name = process.text("name");
            let Some((level, how)) = sign(name, process.text("label"), process.text("user")) else { continue };
            let known = programs.entry(name).or_insert((level, how, process));
            if level > known.0 {
                *known = (level, how, process);
            }
        }
        for (name, (level, how, process)) in programs.into_iter().take(MOST) {
            let message = format!("{name} was running {how}");
            findings.push(Finding::of_rule(HEURISTIC.id, level, Trace::Executed, message, process));
        }
    },
};

/// Programs told.
const MOST: usize = 50;

fn sign(name: &str, label: &str, user: &str) -> Option<(Level, &'static str)> {
    // `u:r:su:s0`, of which the third part is the domain.
    if let Some("su" | "magisk" | "ksu" | "kernelsu" | "supersu" | "apatch") = label.split(':').nth(2) {
        return Some((Level::High, "in a domain that only rooted phones have"));
    }
    if let Some(file) = name.strip_prefix("/data/local/tmp/") {
        let own = file == "collector" || file.starts_with("collector_");
        let level = if is_tool(name) { Level::Medium } else { Level::High };
        return (!own).then_some((level, "from the shell's folder"));
    }
    const WRITABLE: [&str; 6] = ["/data/data/", "/data/user/", "/dev/", "/sdcard/", "/storage/", "/data/media/"];
    if matches!(user, "root" | "shell" | "system" | "0" | "1000" | "2000") && WRITABLE.iter().any(|folder| name.starts_with(folder)) {
        return Some((Level::High, "with the rights of the system from a folder that others can write to"));
    }
    let file = name.rsplit('/').next().unwrap_or(name);
    // A name of its own says less than a file: a thread of an app may be called so.
    let level = android_root_binary::level(file).filter(|level| *level == Level::High && !file.contains(':'))?;
    let level = if name.starts_with('/') || user == "root" { level } else { Level::Medium };
    Some((level, "under the name of a program for root rights"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heuristic::testing::{json, verdicts};

    fn process(name: &str, label: &str, user: &str) -> (&'static str, serde_json::Value) {
        ("android.processes", json!({"name": name, "label": label, "user": user}))
    }

    #[test]
    fn folders_domains_and_names_tell() {
        let records = [
            process("/data/local/tmp/wd/fs", "u:r:shell:s0", "shell"),
            process("/data/local/tmp/scrcpy-server", "", "shell"),
            process("sh", "u:r:su:s0", "root"),
            process("magiskd", "", "root"),
            process("/dev/.x", "u:r:init:s0", "root"),
        ];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            [
                "HIGH /data/local/tmp/wd/fs was running from the shell's folder",
                "MEDIUM /data/local/tmp/scrcpy-server was running from the shell's folder",
                "HIGH /dev/.x was running with the rights of the system from a folder that others can write to",
                "HIGH magiskd was running under the name of a program for root rights",
                "HIGH sh was running in a domain that only rooted phones have",
            ]
            .iter()
            .map(|line| (line.split_once(' ').unwrap().1, *line))
            .collect::<BTreeMap<_, _>>()
            .into_values()
            .collect::<Vec<_>>()
        );
    }

    #[test]
    fn the_phones_own_processes_and_the_collector_are_silent() {
        let records = [
            process("init", "u:r:init:s0", "root"),
            process("/system/bin/surfaceflinger", "u:r:surfaceflinger:s0", "system"),
            process("/data/local/tmp/collector", "u:r:shell:s0", "shell"),
            process("/data/data/com.termux/files/usr/bin/bash", "u:r:untrusted_app:s0", "u0_a123"),
            process("com.android.shell", "u:r:shell:s0", "shell"),
            process("su_daemon_of_an_app", "", "u0_a1"),
        ];
        assert_eq!(verdicts(&HEURISTIC, &records), [""; 0]);
    }
}
