use std::collections::BTreeMap;

use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "sysdiagnose.sysctl",
    title: "State of the kernel",
    about: "When the phone was last started, and with which arguments.",
    files: &["/sysdiagnose/sysctl.txt"],
    columns: &[
        time("booted", Epoch::Unix, Moment::Started),
        text("boot_session"),
        text("os_build"),
        text("boot_args"),
    ],
    shows: Trace::Mentioned,
    line: "the phone was started, build {os_build}, arguments `{boot_args}`",
    parse: Parse::Text(parse),
};

const KEYS: [&str; 4] = ["kern.boottime", "kern.bootsessionuuid", "kern.osversion", "kern.bootargs"];

/// `kern.x: value`, with `=` in some versions.
fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    let mut values: BTreeMap<&str, (u64, String)> = BTreeMap::new();
    let (mut any, mut variables) = (false, 0_u32);
    while let Some((number, line)) = lines.next()? {
        any |= !line.trim().is_empty();
        let Some((key, value)) = line.split_once([':', '=']) else { continue };
        let key = key.trim();
        variables += u32::from(key.starts_with("kern.") || key.starts_with("hw."));
        if let Some(key) = KEYS.into_iter().find(|known| *known == key) {
            values.entry(key).or_insert_with(|| (number, value.trim().to_owned()));
        }
    }
    let value = |key| values.get(key).map(|(_, value)| value.as_str()).filter(|value| !value.is_empty());
    let Some(line) = values.values().map(|(line, _)| *line).min() else {
        anyhow::ensure!(!any || variables > 0, "has no variable of the kernel, `kern.…: value`");
        return Ok(());
    };
    let booted = value("kern.boottime").and_then(seconds);
    if booted.is_none() && values.contains_key("kern.boottime") {
        out.warn(Some(Place::Line { line }), "has a `kern.boottime` that is no time");
    }
    out.push(
        Place::Line { line },
        [
            booted.into(),
            value("kern.bootsessionuuid").into(),
            value("kern.osversion").into(),
            value("kern.bootargs").into(),
        ],
    );
    Ok(())
}

/// `{ sec = 1684900000, usec = 5 } Wed May 24 …` in microseconds since 1970.
fn seconds(value: &str) -> Option<i64> {
    let number = |key: &str| {
        let (_, rest) = value.split_once(key)?;
        let digits: String = rest.trim_start_matches([' ', '=']).chars().take_while(char::is_ascii_digit).collect();
        digits.parse::<i64>().ok()
    };
    number(" sec")?.checked_mul(1_000_000)?.checked_add(number("usec").unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const TEXT: &str = "\
kern.ostype: Darwin
kern.osversion: 20F66
kern.boottime: { sec = 1684900000, usec = 500000 } Wed May 24 05:46:40 2023
kern.bootsessionuuid: 11111111-2222-3333-4444-555555555555
kern.bootargs:
";

    #[test]
    fn the_start_is_told_with_its_arguments() {
        assert_eq!(
            rows(&ARTIFACT, TEXT.as_bytes()),
            json!([{
                "booted": "2023-05-24T03:46:40.500000+00:00", "os_build": "20F66",
                "boot_session": "11111111-2222-3333-4444-555555555555",
                "_line": "the phone was started, build 20F66, arguments ``",
            }])
        );
        assert_eq!(rows(&ARTIFACT, b"kern.bootargs = -v debug=1\n")[0]["boot_args"], "-v debug=1");
    }

    #[test]
    fn odd_times_and_other_texts_are_reported_and_never_panic() {
        assert_eq!(rows_at(&ARTIFACT, "/s", b"kern.boottime: soon\n").1, ["has a `kern.boottime` that is no time"]);
        assert_eq!(rows_at(&ARTIFACT, "/s", b"hw.ncpu: 6\n").1, [""; 0]);
        assert_eq!(rows_at(&ARTIFACT, "/s", b"hello\n").1.len(), 1);
        shake(&ARTIFACT, TEXT.as_bytes());
    }
}
