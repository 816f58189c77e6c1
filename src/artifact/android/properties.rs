use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.properties",
    title: "System properties",
    about: "The settings that the phone was built and started with, and those that programs put beside them.",
    files: &["/getprop"],
    columns: &[property("name"), text("value")],
    shows: Trace::Installed,
    line: "property {name} is {value}",
    parse: Parse::Text(parse),
};

/// What is kept of a value that never ends.
const LONGEST_VALUE_BYTES: usize = 64 << 10;

/// `[name]: [value]`, whose value may go over several lines.
fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    let mut open: Option<(u64, String, String)> = None;
    while let Some((number, line)) = lines.next()? {
        // How long a command took may be printed into the output of another.
        if line.starts_with("------ ") {
            continue;
        }
        let begun = line.trim_start().strip_prefix('[').and_then(|rest| rest.split_once("]: ["));
        if let Some((name, value)) = begun {
            push(open.take(), out);
            open = Some((number, name.to_owned(), value.to_owned()));
        } else if let Some((_, _, value)) = &mut open {
            if value.len() + line.len() < LONGEST_VALUE_BYTES {
                value.push('\n');
                value.push_str(&line);
            }
        } else if !line.trim().is_empty() {
            out.warn(Some(Place::Line { line: number }), "is no `[name]: [value]`");
        }
        if open.as_ref().is_some_and(|(_, _, value)| value.trim_end().ends_with(']')) {
            push(open.take(), out);
        }
    }
    push(open, out);
    Ok(())
}

fn push(property: Option<(u64, String, String)>, out: &mut Out<'_>) {
    let Some((line, name, value)) = property else { return };
    let value = value.trim_end();
    let value = value.strip_suffix(']').unwrap_or(value);
    out.push(Place::Line { line }, [name.into(), value.to_owned().into()]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    #[test]
    fn properties_are_read_over_several_lines_and_odd_ones_reported() {
        let text = "[a.b]: [c]\n[d]: []\n[e]: [one\ntwo]\nnonsense\n[f]: [[x]]\n";
        let (records, warnings) = rows_at(&ARTIFACT, "/getprop", text.as_bytes());
        assert_eq!(
            records,
            json!([
                {"name": "a.b", "value": "c", "_line": "property a.b is c"},
                {"name": "d", "value": "", "_line": "property d is "},
                {"name": "e", "value": "one\ntwo", "_line": "property e is one\ntwo"},
                {"name": "f", "value": "[x]", "_line": "property f is [x]"},
            ])
        );
        assert_eq!(warnings, ["is no `[name]: [value]`"]);
    }

    #[test]
    fn the_history_of_starts_is_one_property() {
        let text = "[ro.build.version.security_patch]: [2020-01-05]\r\n[persist.sys.timezone]: [Europe/Paris]\r\n\
            [persist.sys.boot.reason.history]: [reboot,1700000000\r\n------ 0.1s was the duration of 'X' ------\r\nreboot,ota,1690000000]\r\n[empty]: []\r\n";
        let (records, warnings) = rows_at(&ARTIFACT, "/getprop", text.as_bytes());
        assert!(warnings.is_empty(), "{warnings:?}");
        assert_eq!(records.as_array().unwrap().len(), 4);
        assert_eq!(records[2]["value"], "reboot,1700000000\nreboot,ota,1690000000");
    }

    #[test]
    fn broken_text_never_panics() {
        shake(&ARTIFACT, b"[a]: [b]\n[c]: [d\n");
    }
}
