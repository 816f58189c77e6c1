use crate::artifact::android_text::bounded;
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.package_checkin",
    title: "Installed packages (short list)",
    about: "Every package that Android knows, with who installed it, in the short form that is made for statistics.",
    files: &["/dumpstate/CHECKIN PACKAGE"],
    columns: &[
        app_id("package"),
        int("app_id"),
        int("version_code"),
        time("first_installed", Epoch::Unix, Moment::Installed),
        time("updated", Epoch::Unix, Moment::Updated),
        // System images write the same day of 2008 or 2009 into each of their packages; that is not given as a time.
        boolean("factory_time"),
        app_id("installer"),
        // Some user has it; of a package that nobody has only the data is left.
        boolean("installed"),
    ],
    shows: Trace::Installed,
    line: "package {package} was installed or updated by {installer}",
    parse: Parse::Text(parse),
};

struct Package {
    line: u64,
    text: String,
    installed: Option<bool>,
}

/// 2010-01-01: no phone that can be acquired installed an app before.
const FACTORY_UNTIL_MS: i64 = 1_262_304_000_000;

/// `pkg,NAME,APPID,VERSION,FIRST,UPDATED,INSTALLER`, from Android 13 on without the first time, and `pkg-usr,USER,IbsusL…` behind it, whose
/// small `i` says that the user does not have it.
fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    let mut open: Option<Package> = None;
    while let Some((number, line)) = lines.next()? {
        if let Some(rest) = line.strip_prefix("pkg,") {
            push(open.take(), out);
            open = Some(Package { line: number, text: bounded(rest.trim()).to_owned(), installed: None });
        } else if let Some(rest) = line.strip_prefix("pkg-usr,")
            && let Some(package) = &mut open
        {
            let has = rest.split(',').nth(1).is_some_and(|state| state.starts_with('I'));
            package.installed = Some(package.installed.unwrap_or(false) || has);
        }
    }
    push(open, out);
    Ok(())
}

fn push(package: Option<Package>, out: &mut Out<'_>) {
    let Some(Package { line, text, installed }) = package else { return };
    let fields: Vec<&str> = text.split(',').collect();
    let [name, app_id, version, times @ .., installer] = fields.as_slice() else {
        out.warn(Some(Place::Line { line }), "is no package of the short list");
        return;
    };
    let times: Vec<i64> = times.iter().filter_map(|time| time.parse().ok()).collect();
    let (first, updated) = match times.as_slice() {
        [first, updated, ..] => (Some(*first), Some(*updated)),
        [updated] => (None, Some(*updated)),
        [] => (None, None),
    };
    let event = |time: Option<i64>| time.filter(|millis| *millis >= FACTORY_UNTIL_MS);
    // Which part of the installer it was stands in brackets behind it.
    let installer = installer.split('(').next().unwrap_or(installer);
    out.push(
        Place::Line { line },
        [
            (*name).into(),
            app_id.parse::<i64>().ok().into(),
            version.parse::<i64>().ok().into(),
            event(first).into(),
            event(updated).into(),
            times.iter().any(|millis| (1..FACTORY_UNTIL_MS).contains(millis)).into(),
            Some(installer).filter(|name| !matches!(*name, "" | "?" | "null")).into(),
            installed.into(),
        ],
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const TEXT: &str = "\
vers,1
pkg,org.example.app,10123,12,1684800000000,1684800001000,com.android.vending(part)
pkg-splt,base,0
pkg-usr,0,IbsusLiavpiha,0,?,
pkg,org.example.left,10124,1,1230768000000,?
pkg-usr,0,ibsusLiavpiha,0,?,
pkg,odd
dis,org.example.hidden,1,1,1,?
";

    #[test]
    fn packages_are_told_with_their_installer_and_whether_anybody_has_them() {
        let (records, warnings) = rows_at(&ARTIFACT, "/dumpstate/CHECKIN PACKAGE", TEXT.as_bytes());
        assert_eq!(
            records,
            json!([
                {"package": "org.example.app", "app_id": 10123, "version_code": 12,
                 "first_installed": "2023-05-23T00:00:00.000000+00:00", "updated": "2023-05-23T00:00:01.000000+00:00",
                 "factory_time": false, "installer": "com.android.vending", "installed": true,
                 "_line": "package org.example.app was installed or updated by com.android.vending"},
                {"package": "org.example.left", "app_id": 10124, "version_code": 1, "factory_time": true, "installed": false,
                 "_line": "package org.example.left was installed or updated by "},
            ])
        );
        assert_eq!(warnings, ["is no package of the short list"]);
    }

    #[test]
    fn broken_text_never_panics() {
        shake(&ARTIFACT, TEXT.as_bytes());
    }
}
