use crate::artifact::android_text::bounded;
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.bluetooth_devices",
    title: "Paired Bluetooth devices",
    about: "Devices that the phone is paired with; newer phones hide most of their addresses.",
    files: &["/dumpsys/bluetooth_manager"],
    columns: &[text("address"), text("name"), text("kind")],
    shows: Trace::Mentioned,
    line: "paired with {name} ({address}, {kind})",
    parse: Parse::Text(parse),
};

/// `XX:XX:XX:XX:00:01 [ DUAL ][ 0x240404 ] Name` below `Bonded devices:`
fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    let mut inside = false;
    while let Some((number, line)) = lines.next()? {
        let line = line.trim();
        if line == "Bonded devices:" {
            inside = true;
            continue;
        }
        let (address, rest) = line.split_once(' ').unwrap_or((line, ""));
        inside &= is_address(address);
        if !inside {
            continue;
        }
        let mut rest = rest.trim_start();
        let mut kind = None;
        while let Some((bracket, after)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            kind = kind.or(Some(bounded(bracket.trim())));
            rest = after.trim_start();
        }
        let name = Some(bounded(rest.trim())).filter(|name| !name.is_empty());
        out.push(Place::Line { line: number }, [address.into(), name.into(), kind.into()]);
    }
    Ok(())
}

/// Six pairs of digits, some hidden behind `XX`.
fn is_address(word: &str) -> bool {
    let pair = |pair: &str| pair.len() == 2 && pair.bytes().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b'X' | b'x'));
    word.split(':').count() == 6 && word.split(':').all(pair)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const TEXT: &str = "\
  Bonded devices:
    02:00:00:00:00:01 [ DUAL ] Somebody's [old] watch
    XX:XX:XX:XX:00:02 [  LE  ][ 0x240404 ] Tag
    XX:XX:XX:XX:00:03 [BR/EDR]
  Scan Mode: 20
    02:00:00:00:00:04 [ DUAL ] no
";

    #[test]
    fn paired_devices_are_told_with_their_kind() {
        assert_eq!(
            rows(&ARTIFACT, TEXT.as_bytes()),
            json!([
                {"address": "02:00:00:00:00:01", "name": "Somebody's [old] watch", "kind": "DUAL",
                 "_line": "paired with Somebody's [old] watch (02:00:00:00:00:01, DUAL)"},
                {"address": "XX:XX:XX:XX:00:02", "name": "Tag", "kind": "LE", "_line": "paired with Tag (XX:XX:XX:XX:00:02, LE)"},
                {"address": "XX:XX:XX:XX:00:03", "kind": "BR/EDR", "_line": "paired with  (XX:XX:XX:XX:00:03, BR/EDR)"},
            ])
        );
    }

    #[test]
    fn broken_text_never_panics() {
        shake(&ARTIFACT, TEXT.as_bytes());
    }
}
