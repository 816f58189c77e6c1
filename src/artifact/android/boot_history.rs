use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.boot_history",
    title: "Last starts of the phone",
    about: "When the phone was last started and why it had gone down.",
    files: &["/getprop"],
    columns: &[time("started", Epoch::Unix, Moment::Started).rounded(Precision::Second), text("reason")],
    shows: Trace::Mentioned,
    line: "the phone was started after: {reason}",
    parse: Parse::Text(parse),
};

/// One property has them all, `reason,detail,seconds` a line.
fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    let mut inside = false;
    while let Some((number, line)) = lines.next()? {
        let line = line.trim();
        let begun = line.strip_prefix("[persist.sys.boot.reason.history]: [");
        inside |= begun.is_some();
        if !inside {
            continue;
        }
        let entry = begun.unwrap_or(line);
        inside = !entry.ends_with(']');
        let entry = entry.trim_end_matches(']');
        let Some((reason, seconds)) = entry.rsplit_once(',') else { continue };
        let Ok(seconds) = seconds.trim().parse::<i64>() else { continue };
        // Before it knew the time, the phone counted from 1970.
        let seconds = Some(seconds).filter(|seconds| *seconds > 315_532_800);
        out.push(Place::Line { line: number }, [seconds.into(), reason.into()]);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    #[test]
    fn each_start_has_its_reason() {
        let text = b"[a]: [b,1]\n[persist.sys.boot.reason.history]: [reboot,1700000000\nreboot,ota,1690000000\nkernel_panic,12]\n[empty]: []\nx,1700000000\n";
        assert_eq!(
            rows_at(&ARTIFACT, "/getprop", text).0,
            json!([
                {"started": "2023-11-14T22:13:20.000000+00:00", "reason": "reboot", "_line": "the phone was started after: reboot"},
                {"started": "2023-07-22T04:26:40.000000+00:00", "reason": "reboot,ota", "_line": "the phone was started after: reboot,ota"},
                {"reason": "kernel_panic", "_line": "the phone was started after: kernel_panic"},
            ])
        );
        shake(&ARTIFACT, text);
    }
}
