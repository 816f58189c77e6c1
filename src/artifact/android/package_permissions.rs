use crate::artifact::package_dump;
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.package_permissions",
    title: "Permissions of packages",
    about: "What each app declares, was given when it was installed and was given or refused by a user.",
    files: &["/dumpsys/package"],
    columns: &[
        app_id("package_name"),
        text("package_type"),
        text("permission"),
        // `declared`, `install` or `runtime`
        text("type"),
        boolean("granted"),
        // Of declared permissions: what protects them.
        text("flags"),
        int("user_id"),
    ],
    shows: Trace::Installed,
    line: "package {package_name} has permission {permission} ({type}), granted: {granted}",
    parse: Parse::Text(parse),
};

fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    package_dump::each(lines, &mut |package| {
        for permission in &package.permissions {
            out.push(
                Place::Line { line: permission.line },
                [
                    package.name.as_str().into(),
                    if package.hidden { "hidden_system" } else { "active" }.into(),
                    permission.name.as_str().into(),
                    permission.kind.name().into(),
                    permission.granted.into(),
                    (!permission.flags.is_empty()).then_some(permission.flags.as_str()).into(),
                    permission.user.into(),
                ],
            );
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::{package_dump::EXAMPLE, testing::*};

    #[test]
    fn permissions_are_told_apart_by_who_gave_them() {
        assert_eq!(
            rows(&ARTIFACT, EXAMPLE.as_bytes()),
            json!([
                {"package_name": "com.topjohnwu.magisk", "package_type": "active", "permission": "android.permission.INTERNET",
                 "type": "install", "granted": true,
                 "_line": "package com.topjohnwu.magisk has permission android.permission.INTERNET (install), granted: yes"},
                {"package_name": "com.topjohnwu.magisk", "package_type": "active", "permission": "android.permission.CAMERA",
                 "type": "runtime", "granted": false, "flags": "USER_SET|USER_SENSITIVE_WHEN_GRANTED", "user_id": 0,
                 "_line": "package com.topjohnwu.magisk has permission android.permission.CAMERA (runtime), granted: no"},
            ])
        );
        shake(&ARTIFACT, EXAMPLE.as_bytes());
    }

    #[test]
    fn declared_permissions_and_those_of_old_versions_are_read() {
        let text = "Packages:\n  Package [a.b] (1):\n    declared permissions:\n      a.b.X: prot=signature, INSTALLED\n    grantedPermissions:\n      \
                    android.permission.CAMERA\n    disabledComponents:\n      a.b.Y\n";
        let records = rows(&ARTIFACT, text.as_bytes());
        let told: Vec<_> = records.as_array().unwrap().iter().map(|row| [&row["permission"], &row["type"], &row["flags"]]).collect();
        assert_eq!(
            json!(told),
            json!([["a.b.X", "declared", "signature, INSTALLED"], ["android.permission.CAMERA", "install", null]])
        );
    }
}
