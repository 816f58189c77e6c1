use super::packages::{is_factory, local, reason_word};
use crate::artifact::package_dump::{self, Package, User};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.package_users",
    title: "Packages by user",
    about: "What each user of the phone, also its work profile and secure folder, has of each app.",
    files: &["/dumpsys/package"],
    columns: &[
        app_id("package_name"),
        text("package_type"),
        boolean("system"),
        int("user_id"),
        boolean("installed"),
        boolean("hidden"),
        boolean("suspended"),
        boolean("stopped"),
        boolean("not_launched"),
        boolean("instant"),
        text("enabled"),
        text("install_reason"),
        text("uninstall_reason"),
        app_id("suspending_package"),
        app_id("disabled_by"),
        // The event of the first user stands with the package.
        fact_time("first_installed", Epoch::Local),
    ],
    shows: Trace::Installed,
    line: "user {user_id} has package {package_name}, installed: {installed}, {enabled}",
    parse: Parse::Text(parse),
};

fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    package_dump::each(lines, &mut |package| package.users.iter().for_each(|user| push(package, user, out)))
}

fn push(package: &Package, user: &User, out: &mut Out<'_>) {
    let of_package = package.field("firstInstallTime").filter(|_| user.id == 0);
    let first_installed = user.field("firstInstallTime").or(of_package).and_then(local);
    out.push(
        Place::Line { line: user.line },
        [
            package.name.as_str().into(),
            if package.hidden { "hidden_system" } else { "active" }.into(),
            (package.has_flag("SYSTEM") || package.has_flag("UPDATED_SYSTEM_APP")).into(),
            user.id.into(),
            user.flag("installed").into(),
            user.flag("hidden").into(),
            user.flag("suspended").into(),
            user.flag("stopped").into(),
            user.flag("notLaunched").into(),
            user.flag("instant").into(),
            user.field("enabled").map(enabled_word).into(),
            user.field("installReason").map(reason_word).into(),
            user.field("uninstallReason").into(),
            user.field("suspendingPackage").into(),
            user.field("lastDisabledCaller").into(),
            first_installed.filter(|time| !is_factory(*time)).into(),
        ],
    );
}

fn enabled_word(code: &str) -> &str {
    match code {
        "0" => "enabled by default",
        "1" => "enabled",
        "2" => "disabled",
        "3" => "disabled by the user",
        "4" => "disabled until used",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::{package_dump::EXAMPLE, testing::*};

    #[test]
    fn each_user_has_an_own_state() {
        let text = "Packages:\n  Package [a.b] (1):\n    firstInstallTime=2020-01-01 00:00:00\n    User 0: installed=false enabled=3\n    \
                    User 10: installed=true stopped=true enabled=0\n      lastDisabledCaller: c.d\n      installReason=1\n";
        assert_eq!(
            rows(&ARTIFACT, text.as_bytes()),
            json!([
                {"package_name": "a.b", "package_type": "active", "system": false, "user_id": 0, "installed": false,
                 "enabled": "disabled by the user", "first_installed": "2020-01-01T00:00:00.000000+00:00",
                 "_line": "user 0 has package a.b, installed: no, disabled by the user"},
                {"package_name": "a.b", "package_type": "active", "system": false, "user_id": 10, "installed": true, "stopped": true,
                 "enabled": "enabled by default", "install_reason": "policy", "disabled_by": "c.d",
                 "_line": "user 10 has package a.b, installed: yes, enabled by default"},
            ])
        );
        shake(&ARTIFACT, EXAMPLE.as_bytes());
    }
}
