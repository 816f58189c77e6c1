use std::collections::BTreeMap;

use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "android_mount_root_tool",
    title: "Tools for root rights changed what is mounted",
    looks_at: "Mounts whose source is named by Magisk, KernelSU or APatch, that take files from their folder /data/adb, or that lie over the \
        folders of the system's commands.",
    why_it_matters: "Such tools change the system for every program without writing to it. The phone is rooted: its protections are off.",
    innocent_causes: "The owner rooted the phone, or bought it so.",
    next_check: "Ask the owner. What lies in /data/adb tells which modules were installed.",
    references: &["https://github.com/topjohnwu/Magisk", "https://kernelsu.org/guide/module.html"],
    reads: &[Reads {
        artifact: "android.mounts",
        keep: |record| {
            let text = |name| record.value(name).as_text().unwrap_or_default();
            let columns = ["mount_point", "device", "filesystem", "options", "volume_options", "root"];
            is_of_tool(columns.map(text))
        },
    }],
    check: |kept, findings| {
        let mounts: BTreeMap<&str, &Exhibit> =
            kept.of("android.mounts").iter().rev().map(|mount| (mount.text("mount_point"), mount)).collect();
        let Some(first) = mounts.values().next() else { return };
        let mut named: Vec<&str> = mounts.keys().copied().take(NAMED).collect();
        let more = format!("{} more", mounts.len().saturating_sub(NAMED));
        if mounts.len() > NAMED {
            named.push(&more);
        }
        let message = format!("Tools for root rights changed what is mounted on {}", named.join(", "));
        findings.push(Finding::of_rule(HEURISTIC.id, Level::High, Trace::Tampered, message, first));
    },
};

/// Mounts named in the message.
const NAMED: usize = 8;

fn is_of_tool([point, device, filesystem, options, volume_options, root]: [&str; 6]) -> bool {
    let named = matches!(device, "magisk" | "worker" | "KSU" | "ksu" | "APatch" | "apatch");
    let from_tool = [device, options, volume_options].iter().any(|text| text.contains("/data/adb/"))
        || point.starts_with("/data/adb/")
        // A part of the data volume, where `/data` itself is not named.
        || (root.starts_with("/adb/") && !point.starts_with("/data"));
    let over_commands = filesystem == "tmpfs" && matches!(point, "/system/bin" | "/system/xbin" | "/sbin" | "/debug_ramdisk");
    named || from_tool || over_commands
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heuristic::testing::{json, verdicts};

    #[test]
    fn mounts_of_tools_are_one_finding() {
        let records = [
            ("android.mounts", json!({"mount_point": "/system/bin", "device": "tmpfs", "filesystem": "tmpfs"})),
            ("android.mounts", json!({"mount_point": "/debug_ramdisk", "device": "magisk", "filesystem": "tmpfs"})),
            ("android.mounts", json!({"mount_point": "/system/app", "device": "overlay", "filesystem": "overlay",
                "volume_options": "ro,lowerdir=/data/adb/modules/x"})),
        ];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            ["HIGH Tools for root rights changed what is mounted on /debug_ramdisk, /system/app, /system/bin"]
        );
    }

    #[test]
    fn ordinary_overlays_are_silent() {
        let records = [
            ("android.mounts", json!({"mount_point": "/product/overlay", "device": "overlay", "filesystem": "overlay", "options": "ro,lowerdir=/mnt/x"})),
            ("android.mounts", json!({"mount_point": "/apex", "device": "tmpfs", "filesystem": "tmpfs", "options": "rw"})),
        ];
        assert_eq!(verdicts(&HEURISTIC, &records), [""; 0]);
    }
}
