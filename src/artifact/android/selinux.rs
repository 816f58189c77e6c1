use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.selinux",
    title: "State of SELinux",
    about: "Whether the rules that keep programs of the phone apart were enforced.",
    files: &["/selinux"],
    columns: &[time("seen", Epoch::BeforeSnapshot, Moment::Logged), text("state")],
    shows: Trace::Policy,
    line: "SELinux is {state}",
    parse: Parse::Text(parse),
};

/// What `getenforce` prints, perhaps behind words of the shell.
fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    let mut other = None;
    while let Some((number, line)) = lines.next()? {
        let state = line.trim().to_owned();
        if ["enforcing", "permissive", "disabled"].contains(&&*state.to_lowercase()) {
            out.push(Place::Line { line: number }, [0_i64.into(), state.into()]);
            return Ok(());
        }
        if !state.is_empty() {
            other = Some(number);
        }
    }
    if let Some(line) = other {
        out.warn(Some(Place::Line { line }), "does not say how SELinux is set");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    #[test]
    fn the_state_is_found_behind_other_words() {
        let (records, warnings) = rows_at(&ARTIFACT, "/selinux", b"* daemon started\r\nPermissive\r\n");
        assert_eq!((records, warnings), (json!([{"state": "Permissive", "_line": "SELinux is Permissive"}]), vec![]));
        assert_eq!(rows_at(&ARTIFACT, "/selinux", b"Permission denied\n").1, ["does not say how SELinux is set"]);
        shake(&ARTIFACT, b"Enforcing\n");
    }
}
