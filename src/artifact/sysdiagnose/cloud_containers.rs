use crate::artifact::prelude::*;
use crate::artifact::text_log::{between, without_team};

pub const ARTIFACT: Artifact = Artifact {
    id: "sysdiagnose.cloud_containers",
    title: "Apps that use iCloud Drive (brctl)",
    about: "Which apps keep documents in iCloud Drive, also removed ones, and the versions of iOS the phone has had.",
    files: &["/sysdiagnose/brctl/brctl-{container-list,dump}.txt", "/sysdiagnose/brctl-{container-list,dump}.txt"],
    columns: &[
        text("what"),
        app_id("container"),
        text("name"),
        app_id("apps"),
        // In the phone's language and zone.
        text("date"),
        text("details"),
    ],
    shows: Trace::Installed,
    line: "iCloud {what} {container} {name} of {apps} {details}",
    parse: Parse::Text(|lines, out| {
        let (mut known, mut any) = (false, false);
        while let Some((number, line)) = lines.next()? {
            let line = without_colours(&line);
            let line = line.trim();
            any |= !line.is_empty();
            known |= line.starts_with("dump taken at") || line.starts_with("---");
            known |= container(number, line, out) || library(number, line, out) || boot(number, line, out);
        }
        anyhow::ensure!(known || !any, "is neither a list of containers nor a dump of brctl");
        Ok(())
    }),
};

/// `… id:iCloud.org.example.app localizedName:App documents:… [Public] clients:[org.example.app]`
fn container(line: u64, text: &str, out: &mut Out<'_>) -> bool {
    let Some(id) = between(text, "id:", &[' ', '[', '>', '}']).filter(|_| text.contains("localizedName:")) else {
        return false;
    };
    let clients = between(text, "clients:", &[']']).map(|clients| listed(clients.trim_start().trim_start_matches('['), &[',', ' ']));
    let name = between(text, "localizedName:", &[']', '[']).map(|name| name.split(" documents:").next().unwrap_or(name));
    out.push(
        Place::Line { line },
        ["container".into(), app_of(id).into(), name.into(), clients.unwrap_or_default(), Value::Null, Value::Null],
    );
    true
}

/// `+ app library: <org.example.app[1] ino:2 apps:{a; b} bundles:{c, d} …>`
fn library(line: u64, text: &str, out: &mut Out<'_>) -> bool {
    let Some(id) = between(text, "app library: <", &['[', ' ', '>']) else { return false };
    let of = |key| between(text, key, &['}']).unwrap_or_default();
    let apps = format!("{};{}", of("apps:{"), of("bundles:{"));
    out.push(
        Place::Line { line },
        ["library".into(), app_of(id).into(), Value::Null, listed(&apps, &[';', ',']), Value::Null, Value::Null],
    );
    true
}

/// `[5/24/23, 1:29:15 PM] OS:20F66 CloudDocs:… BirdSchema:… DBSchema:…`
fn boot(line: u64, text: &str, out: &mut Out<'_>) -> bool {
    let Some((date, details)) = text.strip_prefix('[').and_then(|rest| rest.split_once("] OS:")) else { return false };
    if !details.contains("CloudDocs:") {
        return false;
    }
    out.push(
        Place::Line { line },
        ["boot".into(), Value::Null, Value::Null, Value::Null, date.into(), format!("OS:{details}").into()],
    );
    true
}

/// The apps of a list; `[…]` behind one says where it runs.
fn listed(text: &str, between: &[char]) -> Value<'static> {
    let apps: Vec<String> = text
        .split(between)
        .map(|app| app.split('[').next().unwrap_or(app).trim_matches(|c: char| !c.is_ascii_alphanumeric()))
        .filter(|app| app.contains('.'))
        .take(1_000)
        .map(|app| app_of(app).to_owned())
        .collect();
    if apps.is_empty() { Value::Null } else { apps.into_iter().collect() }
}

/// `iCloud.org.example.app` and `TEAM123456.org.example.app` are of `org.example.app`.
fn app_of(container: &str) -> &str {
    without_team(container.strip_prefix("iCloud.").unwrap_or(container)).0
}

fn without_colours(text: &str) -> std::borrow::Cow<'_, str> {
    if !text.contains('\u{1b}') {
        return text.into();
    }
    let mut parts = text.split('\u{1b}');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    parts.for_each(|part| plain.push_str(part.split_once('m').map_or("", |(_, rest)| rest)));
    plain.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    #[test]
    fn containers_libraries_and_boots_are_kept() {
        let text = "\
id:iCloud.org.example.app localizedName:App documents:~/Library/Mobile Documents/x [Public] clients:[org.example.app, AAAAABBBBB.org.example.two]
dump taken at 5/24/23, 1:29:15 PM [account=123] [home=/var/mobile]
boot_history
-----------------------------------------------------
[5/24/23, 1:29:15 PM] OS:20F66 CloudDocs:1 BirdSchema:2 DBSchema:3
\u{1b}[32m+ app library: <org.example.three[4]\u{1b}[0m ino:5 apps:{org.example.three; org.example.four} bundles:{org.example.five}>
";
        let (records, warnings) = rows_at(&ARTIFACT, "/x", text.as_bytes());
        assert!(warnings.is_empty(), "{warnings:?}");
        assert_eq!(
            records,
            json!([
                { "what": "container", "container": "org.example.app", "name": "App", "apps": ["org.example.app", "org.example.two"],
                  "_line": "iCloud container org.example.app App of org.example.app, org.example.two " },
                { "what": "boot", "date": "5/24/23, 1:29:15 PM", "details": "OS:20F66 CloudDocs:1 BirdSchema:2 DBSchema:3",
                  "_line": "iCloud boot   of  OS:20F66 CloudDocs:1 BirdSchema:2 DBSchema:3" },
                { "what": "library", "container": "org.example.three", "apps": ["org.example.three", "org.example.four", "org.example.five"],
                  "_line": "iCloud library org.example.three  of org.example.three, org.example.four, org.example.five " },
            ])
        );
        assert_eq!(rows_at(&ARTIFACT, "/x", b"brctl: failed\n").1.len(), 1);
        shake(&ARTIFACT, text.as_bytes());
    }
}
