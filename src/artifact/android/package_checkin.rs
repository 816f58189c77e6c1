use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.package_checkin",
    title: "Installed packages (short list)",
    about: "Every package that Android knows, with who installed it, in the short form that is made for statistics.",
    files: &["/dumpstate/CHECKIN PACKAGE"],
    columns: &[
        app_id("package"),
        int("version_code"),
        time("updated", Epoch::Unix, Moment::Updated),
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
    fields: [String; 4],
    installed: Option<bool>,
}

/// `pkg,NAME,VERSION,UPDATED,INSTALLER`, with `pkg-usr,USER,I…` behind it, whose small `i` says that the user does not have it.
fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    let mut open: Option<Package> = None;
    while let Some((number, line)) = lines.next()? {
        if let Some(rest) = line.strip_prefix("pkg,") {
            push(open.take(), out);
            let mut fields = rest.trim().splitn(5, ',').map(str::to_owned);
            let fields = std::array::from_fn(|_| fields.next().unwrap_or_default());
            open = Some(Package { line: number, fields, installed: None });
        } else if let Some(rest) = line.strip_prefix("pkg-usr,")
            && let Some(package) = &mut open
        {
            let has = rest.split(',').nth(1) == Some("I");
            package.installed = Some(package.installed.unwrap_or(false) || has);
        }
    }
    push(open, out);
    Ok(())
}

fn push(package: Option<Package>, out: &mut Out<'_>) {
    let Some(Package { line, fields: [name, version, updated, installer], installed }) = package else { return };
    out.push(
        Place::Line { line },
        [
            name.into(),
            version.parse::<i64>().ok().into(),
            updated.parse::<i64>().ok().filter(|millis| *millis > 1_000_000_000_000).into(),
            Some(installer).filter(|name| !matches!(name.as_str(), "" | "?" | "null")).into(),
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
pkg,org.example.app,12,1684800000000,com.android.vending
pkg-splt,base,0
pkg-usr,0,I,b,su,s,l,ia,v,0,?
pkg,org.example.left,1,0,?
pkg-usr,0,i,b,su,s,l,ia,v,0,?
";

    #[test]
    fn packages_are_told_with_their_installer_and_whether_anybody_has_them() {
        assert_eq!(
            rows(&ARTIFACT, TEXT.as_bytes()),
            json!([
                {"package": "org.example.app", "version_code": 12, "updated": "2023-05-23T00:00:00.000000+00:00",
                 "installer": "com.android.vending", "installed": true,
                 "_line": "package org.example.app was installed or updated by com.android.vending"},
                {"package": "org.example.left", "version_code": 1, "installed": false,
                 "_line": "package org.example.left was installed or updated by "},
            ])
        );
    }

    #[test]
    fn broken_text_never_panics() {
        shake(&ARTIFACT, TEXT.as_bytes());
    }
}
