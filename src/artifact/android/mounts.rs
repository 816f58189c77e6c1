use std::collections::HashSet;

use crate::artifact::json::each;
use crate::artifact::prelude::*;
use crate::artifact::protobuf_stream::messages;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.mounts",
    title: "Mounted volumes",
    about: "What is mounted where, and whether it can be written to. Processes may see different mounts.",
    files: &["/androidqf/mounts.{json,pb}", "/proc/*/mountinfo"],
    columns: &[
        path("mount_point"),
        path("device"),
        text("filesystem"),
        text("options"),
        // Those of the volume itself; it can only be written to if both allow it.
        text("volume_options"),
        boolean("read_write"),
        // The part of the volume that is mounted.
        text("root"),
        text("device_number"),
        int("pid"),
    ],
    shows: Trace::Installed,
    line: "{device} ({filesystem}) is mounted on {mount_point} with {options}",
    parse: Parse::Bytes { most: 64 << 20, parse },
};

#[derive(Default, PartialEq, Eq, Hash)]
struct Mount {
    point: String,
    device: String,
    filesystem: String,
    options: String,
    volume_options: Option<String>,
    root: Option<String>,
    number: Option<String>,
}

impl Mount {
    fn read_write(&self) -> bool {
        let writes = |options: &str| options.split(',').any(|option| option == "rw");
        writes(&self.options) && self.volume_options.as_deref().is_none_or(writes)
    }
}

fn parse(bytes: &[u8], out: &mut Out<'_>) -> Result<()> {
    // Most stand there twice, as `mount` and as the kernel writes them.
    let mut seen = HashSet::new();
    let mut collected = |place: Place, line: Option<&str>, out: &mut Out<'_>| {
        let Some(mount) = line.and_then(|line| printed(line).or_else(|| of_kernel(line))) else {
            out.warn(Some(place), "is no mount");
            return;
        };
        if seen.insert([mount.point.clone(), mount.device.clone(), mount.read_write().to_string()]) {
            push(place, &mount, None, out);
        }
    };
    if out.path().ends_with(".json") {
        return each(bytes, |number, line| collected(Place::key(format!("[{number}]")), line.as_str(), out));
    }
    // Bugbane's.
    if out.path().ends_with(".pb") {
        messages(bytes, out, |place, fields, out| collected(place, fields.text(1).as_text(), out));
        return Ok(());
    }
    let pid = out.path().split('/').nth(2).and_then(|pid| pid.parse::<i64>().ok());
    let text = bytes.to_vec();
    let mut lines = Lines::new(&text)?;
    while let Some((number, line)) = lines.next()? {
        let place = Place::Line { line: number };
        match mountinfo(&line) {
            Some(mount) => push(place, &mount, pid, out),
            None if line.trim_matches(['\0', ' ']).is_empty() => {}
            None => out.warn(Some(place), "is no mount"),
        }
    }
    Ok(())
}

fn push(place: Place, mount: &Mount, pid: Option<i64>, out: &mut Out<'_>) {
    out.push(
        place,
        [
            mount.point.as_str().into(),
            mount.device.as_str().into(),
            mount.filesystem.as_str().into(),
            mount.options.as_str().into(),
            mount.volume_options.as_deref().into(),
            mount.read_write().into(),
            mount.root.as_deref().into(),
            mount.number.as_deref().into(),
            pid.into(),
        ],
    );
}

/// `DEVICE on POINT type FILESYSTEM (OPTIONS)`
fn printed(line: &str) -> Option<Mount> {
    let (rest, options) = line.trim().strip_suffix(')')?.rsplit_once(" (")?;
    let (rest, filesystem) = rest.rsplit_once(" type ")?;
    let (device, point) = rest.split_once(" on ")?;
    Some(Mount {
        point: unescaped(point),
        device: unescaped(device),
        filesystem: filesystem.to_owned(),
        options: options.to_owned(),
        ..Mount::default()
    })
}

/// `DEVICE POINT FILESYSTEM OPTIONS 0 0`
fn of_kernel(line: &str) -> Option<Mount> {
    let mut words = line.split_whitespace();
    let (device, point, filesystem, options) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let numbers = words.next()?.parse::<u32>().is_ok() && words.next()?.parse::<u32>().is_ok();
    (numbers && point.starts_with('/')).then(|| Mount {
        point: unescaped(point),
        device: unescaped(device),
        filesystem: filesystem.to_owned(),
        options: options.to_owned(),
        ..Mount::default()
    })
}

/// `id parent major:minor root point options [optional fields] - type source volume-options`
fn mountinfo(line: &str) -> Option<Mount> {
    let (left, right) = line.split_once(" - ")?;
    let mut left = left.split_whitespace().skip(2);
    let (number, root, point, options) = (left.next()?, left.next()?, left.next()?, left.next()?);
    let mut right = right.split(' ');
    let (filesystem, device, volume_options) = (right.next()?, right.next()?, right.next()?);
    Some(Mount {
        point: unescaped(point),
        device: unescaped(device),
        filesystem: filesystem.to_owned(),
        options: options.to_owned(),
        volume_options: Some(volume_options.trim_end().to_owned()),
        root: Some(unescaped(root)),
        number: Some(number.to_owned()),
    })
}

/// The kernel writes blanks and the like as `\040`.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let octal = after.get(..3).filter(|digits| *first == b'\\' && digits.iter().all(|c| (b'0'..b'8').contains(c)));
        let value = octal.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok());
        bytes.push(value.unwrap_or(*first));
        rest = if value.is_some() { after.get(3..).unwrap_or_default() } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;
    use crate::format::protobuf::testing::{bytes, framed};

    const INFO: &str = r"25 1 253:4 / / ro,nodev,noatime - ext4 /dev/block/dm-4 ro,seclabel
30 25 253:5 / /vendor rw,noatime shared:3 - ext4 /dev/block/dm-5 rw,seclabel
31 25 0:20 /x /system/app\040x rw,relatime - tmpfs tmpfs rw,size=1k
32 25 253:6 / /product rw,relatime - ext4 /dev/block/dm-6 ro,seclabel
";

    #[test]
    fn a_mount_can_be_written_to_if_its_volume_can() {
        let (records, warnings) = rows_at(&ARTIFACT, "/proc/1/mountinfo", INFO.as_bytes());
        assert!(warnings.is_empty(), "{warnings:?}");
        let writable: Vec<_> = records.as_array().unwrap().iter().map(|record| &record["read_write"]).collect();
        assert_eq!(writable, [false, true, true, false]);
        assert_eq!(
            records[2],
            json!({
                "mount_point": "/system/app x", "device": "tmpfs", "filesystem": "tmpfs", "options": "rw,relatime",
                "volume_options": "rw,size=1k", "read_write": true, "root": "/x", "device_number": "0:20", "pid": 1,
                "_line": "tmpfs (tmpfs) is mounted on /system/app x with rw,relatime",
            })
        );
        shake(&ARTIFACT, INFO.as_bytes());
    }

    #[test]
    fn the_two_forms_of_a_collector_are_one_mount() {
        let text = r#"["/dev/block/dm-9 on /vendor_dlkm type ext4 (rw,noatime)", "/dev/block/dm-4 on /system_ext type ext4 (ro,nodiratime)",
            "/dev/block/dm-5 /vendor ext4 rw,seclabel,noatime 0 0", "/dev/block/dm-4 /system_ext ext4 ro,seclabel,nodiratime 0 0", "mount: no"]"#;
        let (records, warnings) = rows_at(&ARTIFACT, "/androidqf/mounts.json", text.as_bytes());
        let points: Vec<_> = records.as_array().unwrap().iter().map(|record| record["mount_point"].clone()).collect();
        assert_eq!(points, ["/vendor_dlkm", "/system_ext", "/vendor"]);
        assert_eq!(warnings, ["is no mount"]);
        shake(&ARTIFACT, text.as_bytes());
    }

    #[test]
    fn messages_of_bugbane_are_the_same_mounts() {
        let line = |line: &str| framed(&[bytes(1, line)]);
        let stream = [line("/dev/block/dm-4 on / type ext4 (ro)"), line("/dev/block/dm-4 / ext4 ro 0 0"), line("b")].concat();
        let (records, warnings) = rows_at(&ARTIFACT, "/androidqf/mounts.pb", &stream);
        assert_eq!((records.as_array().unwrap().len(), &records[0]["mount_point"]), (1, &json!("/")));
        assert_eq!(warnings, ["is no mount"]);
        for cut in 0..stream.len() {
            rows_at(&ARTIFACT, "/androidqf/mounts.pb", &stream[..cut]);
        }
    }
}
