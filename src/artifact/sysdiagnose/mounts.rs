use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "sysdiagnose.mounts",
    title: "Mounted volumes",
    about: "Volumes and images that were mounted when the sysdiagnose was made, and whether they could be written to.",
    files: &["/sysdiagnose/mount.txt", "/sysdiagnose/disks.txt"],
    columns: &[
        time("seen", Epoch::BeforeSnapshot, Moment::LastSeen),
        text("device"),
        path("mounted_on"),
        // Only `mount` tells them.
        text("options"),
        boolean("read_only"),
        boolean("sealed"),
    ],
    shows: Trace::Installed,
    line: "{device} was mounted on {mounted_on} {options}",
    parse: Parse::Text(parse),
};

/// `/dev/disk0s1s1 on / (apfs, sealed, local, read-only)`, or the table of `df`, whose last column is the folder.
fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    let (mut understood, mut any, mut table) = (false, false, false);
    while let Some((number, line)) = lines.next()? {
        let text = line.trim();
        if text.is_empty() {
            continue;
        }
        any = true;
        if text.starts_with("Filesystem") && text.ends_with("Mounted on") {
            (understood, table) = (true, true);
            continue;
        }
        let place = Place::Line { line: number };
        let mount = of_mount(text).map(|(device, folder, options)| (device, folder, Some(options)));
        let df = || of_df(text).filter(|_| table).map(|(device, folder)| (device, folder, None));
        let Some((device, folder, options)) = mount.or_else(df) else {
            if understood {
                out.warn(Some(place), "is no line of mount or df");
            }
            continue;
        };
        understood = true;
        let has = |word: &str| options.map(|options| options.split(',').any(|option| option.trim() == word));
        out.push(
            place,
            [
                0_i64.into(),
                device.into(),
                folder.into(),
                options.into(),
                has("read-only").into(),
                has("sealed").into(),
            ],
        );
    }
    anyhow::ensure!(understood || !any, "has no line of mount or df");
    Ok(())
}

fn of_mount(text: &str) -> Option<(&str, &str, &str)> {
    let (rest, options) = text.strip_suffix(')')?.rsplit_once(" (")?;
    let (device, folder) = rest.split_once(" on /")?;
    let folder = rest.get(rest.len() - folder.len() - 1..)?;
    Some((device, folder, options))
}

/// The folder follows the last percentage; the first word is the device, or `map name`.
fn of_df(text: &str) -> Option<(&str, &str)> {
    let (numbers, folder) = text.rsplit_once('%').filter(|(_, folder)| folder.trim().starts_with('/'))?;
    let device = numbers.split_whitespace().next()?;
    Some((device, folder.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const MOUNT: &str = "\
/dev/disk0s1s1 on / (apfs, sealed, local, nosuid, read-only, journaled, noatime)
devfs on /dev (devfs, local, nosuid, nobrowse)
/dev/disk4s1 on /private/var/a (b) (hfs, local)
";
    const DF: &str = "\
Filesystem     512-blocks   Used Available Capacity iused ifree %iused  Mounted on
/dev/disk0s1s1  250000000 100000  24000000    10%    4000  9000    1%   /
/dev/disk0s1s2  250000000 100000  24000000    10%    4000  9000    1%   /private/var/My Files
";

    #[test]
    fn mounts_have_their_options() {
        let (records, warnings) = rows_timed(&ARTIFACT, "/sysdiagnose/mount.txt", MOUNT.as_bytes());
        assert!(warnings.is_empty(), "{warnings:?}");
        assert_eq!(
            records[0],
            json!({
                "seen": "2023-05-24T12:00:00.000000+00:00", "device": "/dev/disk0s1s1", "mounted_on": "/",
                "options": "apfs, sealed, local, nosuid, read-only, journaled, noatime", "read_only": true, "sealed": true,
                "_line": "/dev/disk0s1s1 was mounted on / apfs, sealed, local, nosuid, read-only, journaled, noatime",
            })
        );
        assert_eq!((&records[2]["mounted_on"], &records[2]["read_only"]), (&json!("/private/var/a (b)"), &json!(false)));
    }

    #[test]
    fn a_table_of_df_tells_folders_only() {
        let (records, warnings) = rows_at(&ARTIFACT, "/sysdiagnose/disks.txt", DF.as_bytes());
        assert!(warnings.is_empty(), "{warnings:?}");
        assert_eq!(records[1]["mounted_on"], "/private/var/My Files");
        assert_eq!(records[1].get("read_only"), None);
    }

    #[test]
    fn another_text_is_said_to_be_one_and_broken_ones_never_panic() {
        assert_eq!(rows_at(&ARTIFACT, "/sysdiagnose/mount.txt", b"hello\n").1, ["has no line of mount or df"]);
        shake(&ARTIFACT, MOUNT.as_bytes());
        shake(&ARTIFACT, DF.as_bytes());
    }
}
