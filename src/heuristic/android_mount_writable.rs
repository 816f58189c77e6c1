use std::collections::BTreeMap;

use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "android_mount_writable",
    title: "A volume of the system can be written to",
    looks_at: "Where the system's volumes are mounted, whether both mount and volume allow writing, and options that stay behind when a \
        volume was mounted anew.",
    why_it_matters: "The system's volumes are read-only on every phone that is sold. Who made one writable can change the system itself, so \
        that spyware survives a reset.",
    innocent_causes: "The owner rooted the phone or is a developer. Makers lay small volumes of their own over folders of the system, some \
        of which can be written to without changing it.",
    next_check: "Ask the owner whether the phone was rooted. Look for root binaries and whether the phone's start was verified.",
    references: &["https://source.android.com/docs/core/architecture/partitions"],
    reads: &[Reads {
        artifact: "android.mounts",
        keep: |record| {
            let text = |name| record.value(name).as_text().unwrap_or_default();
            let point = Mount { point: text("mount_point"), device: text("device"), filesystem: text("filesystem") };
            sign(&point, text("options"), record.value("read_write").is_true()).is_some()
        },
    }],
    check: |kept, findings| {
        // Every process may tell its mounts.
        let mut mounts: BTreeMap<&str, (Level, &str, &Exhibit)> = BTreeMap::new();
        for mount in kept.of("android.mounts") {
            let point = Mount {
                point: mount.text("mount_point"),
                device: mount.text("device"),
                filesystem: mount.text("filesystem"),
            };
            let signed = sign(&point, mount.text("options"), mount.value("read_write").is_true());
            let Some((level, how)) = signed else { continue };
            let known = mounts.entry(point.point).or_insert((level, how, mount));
            if level > known.0 {
                *known = (level, how, mount);
            }
        }
        for (point, (level, how, mount)) in mounts.into_iter().take(MOST) {
            let message = format!("{point} ({} {}) {how}", mount.text("filesystem"), mount.text("device"));
            findings.push(Finding::of_rule(HEURISTIC.id, level, Trace::Tampered, message, mount));
        }
    },
};

/// Mounts told.
const MOST: usize = 30;

struct Mount<'m> {
    point: &'m str,
    device: &'m str,
    filesystem: &'m str,
}

const VOLUMES: [&str; 8] = [
    "/system", "/vendor", "/product", "/system_ext", "/odm", "/vendor_dlkm", "/system_dlkm", "/odm_dlkm",
];

fn sign(mount: &Mount<'_>, options: &str, read_write: bool) -> Option<(Level, &'static str)> {
    let on_block_device = mount.device.starts_with("/dev/block/") || mount.device == "/dev/root";
    // Phones since Android 10 have the system's volume there.
    if mount.point == "/" {
        return (read_write && on_block_device).then_some((Level::High, "can be written to"));
    }
    let inside = |volume: &&&str| mount.point.strip_prefix(**volume).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let volume = VOLUMES.iter().find(inside)?;
    if read_write {
        let laid_over = matches!(mount.filesystem, "tmpfs" | "overlay" | "sdcardfs" | "fuse" | "vfat");
        return Some(match (mount.point == *volume, laid_over) {
            (true, false) => (Level::High, "can be written to"),
            (true, true) => (Level::Medium, "is laid over the system and can be written to"),
            (false, false) => (Level::Medium, "is mounted inside of the system and can be written to"),
            (false, true) => (Level::Low, "is laid over a folder of the system and can be written to"),
        });
    }
    let mut options = options.split(',');
    options.any(|option| option == "remount").then_some((Level::Low, "was mounted anew"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heuristic::testing::{json, verdicts};

    fn mount(point: &str, device: &str, filesystem: &str, options: &str, read_write: bool) -> (&'static str, serde_json::Value) {
        let columns = json!({"mount_point": point, "device": device, "filesystem": filesystem, "options": options, "read_write": read_write});
        ("android.mounts", columns)
    }

    #[test]
    fn volumes_of_the_system_that_can_be_written_to_are_told_once() {
        let records = [
            mount("/vendor", "/dev/block/dm-5", "ext4", "rw,noatime", true),
            mount("/vendor", "/dev/block/dm-5", "ext4", "rw,noatime", true),
            mount("/system/app x", "tmpfs", "tmpfs", "rw,relatime", true),
            mount("/vendor_dlkm", "/dev/block/dm-9", "ext4", "rw,noatime", true),
            mount("/", "/dev/block/dm-4", "ext4", "rw", true),
        ];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            [
                "HIGH / (ext4 /dev/block/dm-4) can be written to",
                "LOW /system/app x (tmpfs tmpfs) is laid over a folder of the system and can be written to",
                "HIGH /vendor (ext4 /dev/block/dm-5) can be written to",
                "HIGH /vendor_dlkm (ext4 /dev/block/dm-9) can be written to",
            ]
        );
    }

    #[test]
    fn read_only_volumes_and_others_are_silent() {
        let records = [
            mount("/product", "/dev/block/dm-6", "ext4", "rw,relatime", false),
            mount("/system_ext", "/dev/block/dm-4", "ext4", "ro,nodiratime", false),
            mount("/", "rootfs", "rootfs", "rw", true),
            mount("/data", "/dev/block/dm-7", "f2fs", "rw", true),
            mount("/systemic", "/dev/block/dm-7", "f2fs", "rw", true),
        ];
        assert_eq!(verdicts(&HEURISTIC, &records), [""; 0]);
    }
}
