use std::collections::HashSet;

use crate::artifact::android_text::{bounded, is_package, package_of, package_of_process};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.battery_names",
    title: "Names in the battery statistics",
    about: "Packages, processes, services and jobs that used power since the phone was last charged, in the form made for statistics; also of apps \
        that were removed since.",
    files: &["/dumpstate/CHECKIN BATTERYSTATS"],
    columns: &[
        // `package`, `process`, `service`, `job`, `sync`, `wake lock`, `alarm`, `history`
        text("kind"),
        text("name"),
        app_id("package"),
        process("process"),
        int("uid"),
    ],
    shows: Trace::Executed,
    line: "{kind} {name} of user id {uid} used power",
    parse: Parse::Text(parse),
};

/// Names told apart; no phone has as many.
const MOST: usize = 200_000;

/// `9,0,i,uid,10123,org.example.app`, `9,10123,l,pr,"org.example.app:spy",…`, and `9,hsp,5,10123,"org.example.app/.Service"` of the history.
fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    let mut known: HashSet<(&'static str, String, Option<i64>)> = HashSet::new();
    while let Some((number, line)) = lines.next()? {
        let Some((kind, name, uid, process)) = named(line.trim()) else { continue };
        let service = (kind == "service").then(|| component(name)).flatten();
        let name = bounded(service.as_deref().unwrap_or(name));
        if name.is_empty() || known.len() >= MOST || !known.insert((kind, name.to_owned(), uid)) {
            continue;
        }
        // Names of wake locks and jobs have the package anywhere: `*job*/org.example.app/.Service`.
        let parts = || name.split(['/', '*', '@', ':', ' ']).filter(|part| is_package(part));
        let package = package_of(name).or_else(|| package_of_process(name)).or_else(|| parts().next());
        out.push(
            Place::Line { line: number },
            [kind.into(), name.into(), package.into(), process.then_some(name).into(), uid.into()],
        );
    }
    Ok(())
}

/// The kind, the name, the user id and whether it is the name of a process.
fn named(line: &str) -> Option<(&'static str, &str, Option<i64>, bool)> {
    let (version, rest) = line.split_once(',')?;
    version.parse::<u32>().ok()?;
    if let Some(rest) = rest.strip_prefix("hsp,") {
        let mut fields = rest.splitn(3, ',').skip(1);
        let uid = fields.next()?.parse().ok();
        return Some(("history", fields.next()?.trim_matches('"'), uid, false));
    }
    let mut fields = rest.splitn(4, ',');
    let (uid, _, what, rest) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    if what == "uid" {
        let (uid, name) = rest.split_once(',')?;
        return Some(("package", name.trim_matches('"'), uid.parse().ok(), false));
    }
    let uid = uid.parse().ok();
    // A name in quotes may hold commas.
    let first = match rest.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next()?,
        None => rest.split(',').next()?,
    };
    Some(match what {
        "pr" => ("process", first, uid, true),
        "jb" | "jbc" => ("job", first, uid, false),
        "sy" => ("sync", first, uid, false),
        "wl" => ("wake lock", first, uid, false),
        "wua" => ("alarm", first, uid, false),
        // How often it woke the phone, then the package and its service.
        "apk" => ("service", rest.split_once(',')?.1, uid, false),
        _ => return None,
    })
}

/// `org.example.app,org.example.app.Watch,1,2` as `org.example.app/org.example.app.Watch`
fn component(fields: &str) -> Option<String> {
    let mut fields = fields.split(',').map(|field| field.trim_matches('"'));
    Some(format!("{}/{}", fields.next()?, fields.next()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const TEXT: &str = "\
9,0,i,vers,36,217
9,0,i,uid,10123,org.example.app
9,10123,l,pr,\"org.example.app:spy\",1,2,3
9,10123,l,pr,\"org.example.app:spy\",1,2,3
9,10123,l,apk,0,org.example.app,org.example.app.Watch,1,2
9,10123,l,wl,\"*job*/org.example.app/.Job, x\",0,f
9,hsp,5,10124,\"org.example.gone/.Service\"
9,h,0:RESET:TIME:1700000000000
";

    #[test]
    fn names_are_told_once_with_their_user_id() {
        let records = rows(&ARTIFACT, TEXT.as_bytes());
        assert_eq!(
            records,
            json!([
                {"kind": "package", "name": "org.example.app", "package": "org.example.app", "uid": 10123,
                 "_line": "package org.example.app of user id 10123 used power"},
                {"kind": "process", "name": "org.example.app:spy", "package": "org.example.app", "process": "org.example.app:spy", "uid": 10123,
                 "_line": "process org.example.app:spy of user id 10123 used power"},
                {"kind": "service", "name": "org.example.app/org.example.app.Watch", "package": "org.example.app", "uid": 10123,
                 "_line": "service org.example.app/org.example.app.Watch of user id 10123 used power"},
                {"kind": "wake lock", "name": "*job*/org.example.app/.Job, x", "package": "org.example.app", "uid": 10123,
                 "_line": "wake lock *job*/org.example.app/.Job, x of user id 10123 used power"},
                {"kind": "history", "name": "org.example.gone/.Service", "package": "org.example.gone", "uid": 10124,
                 "_line": "history org.example.gone/.Service of user id 10124 used power"},
            ])
        );
    }

    #[test]
    fn broken_text_never_panics() {
        shake(&ARTIFACT, TEXT.as_bytes());
    }
}
