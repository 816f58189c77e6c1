use super::app_links::clock;
use crate::artifact::prelude::*;
use crate::artifact::text_log::without_team;

pub const ARTIFACT: Artifact = Artifact {
    id: "sysdiagnose.keychain_items",
    title: "Keychain items (security)",
    about: "For which account and app the keychain holds an item, and since when; no passwords.",
    files: &["/sysdiagnose/security-sysdiagnose.txt"],
    columns: &[
        time("created", Epoch::Unix, Moment::Created),
        time("modified", Epoch::Unix, Moment::Modified),
        text("view"),
        app_id("access_group"),
        email("account"),
        host("server"),
        text("service"),
        text("label"),
    ],
    shows: Trace::Mentioned,
    line: "keychain item of {access_group} in {view}: {service} {label}",
    parse: Parse::Text(parse),
};

fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    let (mut view, mut known, mut any) = (None, false, false);
    while let Some((number, line)) = lines.next()? {
        let line = line.trim_end();
        any |= !line.is_empty();
        if let Some(name) = line.strip_suffix(" keychain state:") {
            (view, known) = (Some(name.to_owned()), true);
        } else if ["ccstatus:", "Engine state:", "Analytics sysdiagnose", "Client:", "All keys and values", "All values in"]
            .iter()
            .any(|section| line.starts_with(section))
        {
            (view, known) = (None, true);
        } else if let (Some(view), Some((_, fields))) = (&view, line.split_once(": ")) {
            push(number, view, &split(fields), out);
        }
    }
    anyhow::ensure!(known || !any, "holds none of the sections that security writes");
    Ok(())
}

fn push(line: u64, view: &str, fields: &[(&str, &str)], out: &mut Out<'_>) {
    let field = |name: &str| {
        let value = fields.iter().find(|(key, _)| *key == name).map(|(_, value)| value.trim());
        value.filter(|value| !value.is_empty() && *value != "(null)")
    };
    let group = field("agrp").map(|group| without_team(group).0);
    if group.is_none() && field("acct").is_none() {
        return;
    }
    let time = |name| field(name).and_then(|text| clock(text.trim_end_matches('}')));
    out.push(
        Place::Line { line },
        [
            time("cdat").into(),
            time("mdat").into(),
            view.into(),
            group.into(),
            field("acct").into(),
            field("srvr").into(),
            field("svce").into(),
            field("labl").into(),
        ],
    );
}

/// `key=value` parted by commas that stand in no braces.
fn split(text: &str) -> Vec<(&str, &str)> {
    let (mut depth, mut start, mut parts) = (0_u32, 0, Vec::new());
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth = depth.saturating_add(1),
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.extend(text.get(start..at));
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.extend(text.get(start..));
    parts.into_iter().filter_map(|part| part.split_once('=')).map(|(key, value)| (key.trim(), value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const TEXT: &str = "\
ccstatus: In Circle (0)
HomeKit keychain state:
item: acct=a@b.example,agrp=AAAAABBBBB.org.example.app,cdat=2023-05-24 19:55:51 +0000,mdat=2023-05-25 19:55:51 +0000,labl={x, y},svce=(null)
other: nothing
Client: trust
2023-05-24 19:55:51 +0000 EventSoftFailure: OTAPKIEvent - Attributes: {acct=no }
";

    #[test]
    fn accounts_and_access_groups_of_items_are_kept() {
        assert_eq!(
            rows(&ARTIFACT, TEXT.as_bytes()),
            json!([{
                "created": "2023-05-24T19:55:51.000000+00:00", "modified": "2023-05-25T19:55:51.000000+00:00",
                "view": "HomeKit", "access_group": "org.example.app", "account": "a@b.example", "label": "{x, y}",
                "_line": "keychain item of org.example.app in HomeKit:  {x, y}",
            }])
        );
        assert_eq!(rows_at(&ARTIFACT, "/x", b"usage: security\n").1.len(), 1);
        shake(&ARTIFACT, TEXT.as_bytes());
    }
}
