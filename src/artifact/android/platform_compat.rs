use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.platform_compat",
    title: "Compatibility overrides",
    about: "Apps for which the system behaves differently. Overrides as they were asked for also name apps that are gone.",
    files: &["/dumpsys/platform_compat"],
    columns: &[
        app_id("package"),
        text("override_value"),
        // Asked for and not in force: the app is not installed, or it may not be overridden.
        boolean("raw_only"),
        int("change_id"),
        text("change_name"),
        boolean("enabled"),
        boolean("overridable"),
    ],
    shows: Trace::Installed,
    line: "{package} has the override {override_value} of {change_name}",
    parse: Parse::Text(parse),
};

/// `ChangeId(1; name=X; disabled; packageOverrides={p=false}; rawOverrides={p=false, q=true}; overridable)`
fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    while let Some((number, line)) = lines.next()? {
        let Some(change) = line.trim().strip_prefix("ChangeId(") else { continue };
        let Some((id, rest)) = change.split_once(';') else { continue };
        let (raw, rest) = braced(rest, "rawOverrides={");
        let (forced, rest) = braced(&rest, "packageOverrides={");
        let rest = rest.trim_end().strip_suffix(')').unwrap_or(&rest).to_owned();
        let mut words = rest.split(';').map(str::trim);
        let name = words.clone().find_map(|word| word.strip_prefix("name="));
        let enabled = words.clone().any(|word| word == "enabled");
        let overridable = words.any(|word| word == "overridable");
        let raw = overrides(&raw);
        let forced = overrides(&forced);
        let unknown = forced.iter().filter(|(package, _)| !raw.iter().any(|(other, _)| other == package));
        for (package, value) in raw.iter().chain(unknown) {
            let raw_only = !forced.iter().any(|(other, _)| other == package);
            out.push(
                Place::Line { line: number },
                [
                    (*package).into(),
                    (*value).into(),
                    raw_only.into(),
                    id.trim().parse::<i64>().ok().into(),
                    name.into(),
                    enabled.into(),
                    overridable.into(),
                ],
            );
        }
    }
    Ok(())
}

/// What stands in the braces that `opening` ends with, and the text without it. Newer systems print objects, which have braces too.
fn braced(text: &str, opening: &str) -> (String, String) {
    let Some((before, behind)) = text.split_once(opening) else { return (String::new(), text.to_owned()) };
    let mut depth = 1_u32;
    for (at, c) in behind.char_indices() {
        match c {
            '{' => depth = depth.saturating_add(1),
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            let (inside, rest) = behind.split_at_checked(at).unwrap_or((behind, ""));
            return (inside.to_owned(), format!("{before}{}", rest.strip_prefix('}').unwrap_or(rest)));
        }
    }
    (behind.to_owned(), before.to_owned())
}

/// Of one change; no phone has as many.
const OVERRIDES_MOST: usize = 2_000;

/// `p=false, q=Override{a=1, b=2}`: a comma inside brackets parts none.
fn overrides(inside: &str) -> Vec<(&str, &str)> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0_u32, 0);
    for (at, c) in inside.char_indices() {
        match c {
            '{' | '(' | '[' => depth = depth.saturating_add(1),
            '}' | ')' | ']' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.extend(inside.get(start..at));
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.extend(inside.get(start..));
    let pairs = parts.into_iter().filter_map(|part| part.split_once('='));
    pairs.map(|(package, value)| (package.trim(), value.trim())).take(OVERRIDES_MOST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const DUMP: &str = "\
ChangeId(168419799; name=DOWNSCALED; disabled; packageOverrides={com.example.gone=false, org.example.b=true}; rawOverrides={com.example.gone=false, org.example.b=true}; overridable)
ChangeId(1; name=X; enableSinceTargetSdk=30)
ChangeId(2; name=Y; enabled; rawOverrides={com.example.z=5})
";

    #[test]
    fn each_override_is_told_once() {
        let records = rows_at(&ARTIFACT, "/dumpsys/platform_compat", DUMP.as_bytes()).0;
        assert_eq!(
            records,
            json!([
                {"package": "com.example.gone", "override_value": "false", "raw_only": false, "change_id": 168_419_799,
                 "change_name": "DOWNSCALED", "enabled": false, "overridable": true,
                 "_line": "com.example.gone has the override false of DOWNSCALED"},
                {"package": "org.example.b", "override_value": "true", "raw_only": false, "change_id": 168_419_799,
                 "change_name": "DOWNSCALED", "enabled": false, "overridable": true,
                 "_line": "org.example.b has the override true of DOWNSCALED"},
                {"package": "com.example.z", "override_value": "5", "raw_only": true, "change_id": 2,
                 "change_name": "Y", "enabled": true, "overridable": false,
                 "_line": "com.example.z has the override 5 of Y"},
            ])
        );
    }

    #[test]
    fn objects_as_values_keep_their_commas() {
        let text = "ChangeId(3; name=Z; disabled; packageOverrides={a.b=true}; rawOverrides={a.b=PackageOverride{min=1, max=2}, c.d=true}; overridable)";
        let records = rows_at(&ARTIFACT, "/dumpsys/platform_compat", text.as_bytes()).0;
        assert_eq!(records[0]["override_value"], "PackageOverride{min=1, max=2}");
        assert_eq!((&records[1]["package"], &records[1]["raw_only"]), (&json!("c.d"), &json!(true)));
    }

    #[test]
    fn broken_text_never_panics() {
        shake(&ARTIFACT, DUMP.as_bytes());
    }
}
