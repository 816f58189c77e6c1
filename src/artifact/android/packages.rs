use jiff::civil::{DateTime, date};

use crate::artifact::package_dump::{self, Package};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.packages",
    title: "Installed packages",
    about: "Every app on the phone: who installed it, when, and what it may do. An updated app of the system stands twice.",
    files: &["/dumpsys/package"],
    columns: &[
        app_id("package_name"),
        // `active`, or `hidden_system` for the version in the system image of an app that was updated.
        text("package_type"),
        // Without the user: the uid is 100000 times the user and this.
        int("app_id"),
        text("shared_user"),
        boolean("system"),
        boolean("updated_system"),
        boolean("debuggable"),
        boolean("test_only"),
        text("version_name"),
        int("version_code"),
        int("min_sdk"),
        int("target_sdk"),
        path("code_path"),
        // The text `null` is null here.
        app_id("installer"),
        boolean("installer_stated"),
        app_id("initiating_installer"),
        app_id("originating_package"),
        app_id("update_owner"),
        text("package_source"),
        text("install_reason"),
        // Short hash codes of Java, which tell apart and identify nothing.
        text("signatures"),
        text("past_signatures"),
        text("flags"),
        text("requested_permissions"),
        text("granted_permissions"),
        // What system images carry instead of a time; those are not given as times.
        boolean("factory_times"),
        time("file_time", Epoch::Local, Moment::Modified).rounded(Precision::Second),
        time("updated", Epoch::Local, Moment::Updated).rounded(Precision::Second),
        time("first_installed", Epoch::Local, Moment::Installed).rounded(Precision::Second),
    ],
    shows: Trace::Installed,
    line: "package {package_name} {version_name} ({package_type}), installed by {installer}",
    parse: Parse::Text(parse),
};

fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    package_dump::each(lines, &mut |package| push(package, out))
}

fn push(package: &Package, out: &mut Out<'_>) {
    let field = |name| package.field(name);
    let known = |name| field(name).filter(|value| !matches!(*value, "null" | ""));
    let system = ["SYSTEM", "UPDATED_SYSTEM_APP"].iter().any(|flag| package.has_flag(flag));
    let flags: Vec<&str> = ["flags", "pkgFlags", "privateFlags", "privatePkgFlags"].iter().filter_map(|name| field(name)).collect();
    let times = ["timeStamp", "lastUpdateTime"].map(|name| field(name).and_then(local));
    // From Android 13 on every user has an own one; the first is the app's.
    let first = package.users.iter().filter_map(|user| user.field("firstInstallTime").and_then(local));
    let first = field("firstInstallTime").and_then(local).or(first.min());
    let factory = [times[0], times[1], first].iter().flatten().any(|time| is_factory(*time));
    let event = |time: Option<DateTime>| time.filter(|time| !is_factory(*time));
    let reason = package.users.first().and_then(|user| user.field("installReason"));
    let (signatures, past) = signatures(field("signatures").unwrap_or_default());
    let granted: Value<'_> = package
        .permissions
        .iter()
        .filter(|permission| permission.granted == Some(true))
        .map(|permission| permission.name.as_str())
        .collect();
    out.push(
        Place::Line { line: package.line },
        [
            package.name.as_str().into(),
            if package.hidden { "hidden_system" } else { "active" }.into(),
            package.int("appId").or_else(|| package.int("userId")).into(),
            field("sharedUser").map(shared_user).into(),
            system.into(),
            package.has_flag("UPDATED_SYSTEM_APP").into(),
            package.has_flag("DEBUGGABLE").into(),
            package.has_flag("TEST_ONLY").into(),
            field("versionName").into(),
            package.int("versionCode").into(),
            package.int("minSdk").into(),
            package.int("targetSdk").into(),
            field("codePath").into(),
            known("installerPackageName").into(),
            field("installerPackageName").is_some().into(),
            known("initiatingPackageName").into(),
            known("originatingPackageName").into(),
            known("updateOwnerPackageName").into(),
            field("packageSource").map(source_word).into(),
            reason.map(reason_word).into(),
            signatures.into(),
            past.into(),
            (!flags.is_empty()).then(|| flags.join(" ")).into(),
            package.requested.iter().map(String::as_str).collect(),
            granted,
            factory.into(),
            event(times[0]).into(),
            event(times[1]).into(),
            event(first).into(),
        ],
    );
}

pub(super) fn local(text: &str) -> Option<DateTime> {
    crate::time::ascii_digits(text).parse().ok()
}

/// System images and archives carry such days instead of times, in the zone of whoever built them.
pub(super) fn is_factory(time: DateTime) -> bool {
    let day = time.date();
    day.year() < 1980
        || day <= date(1980, 1, 1)
        || (date(2008, 12, 31)..=date(2009, 1, 1)).contains(&day)
}

/// `SharedUserSetting{1a2b android.uid.system/1000}`
fn shared_user(text: &str) -> &str {
    let inside = text.split_once('{').map_or(text, |(_, rest)| rest.trim_end_matches('}'));
    inside.split_whitespace().last().unwrap_or(inside)
}

/// `PackageSignatures{1a2b version:2, signatures:[3c4d], past signatures:[]}`
fn signatures(text: &str) -> (Option<&str>, Option<&str>) {
    let list = |from: &str| {
        let (_, rest) = text.split_once(from)?;
        rest.split(']').next().filter(|codes| !codes.is_empty())
    };
    (list(" signatures:[").filter(|_| !text.starts_with("past")), list("past signatures:["))
}

pub(super) fn source_word(code: &str) -> &str {
    match code.trim() {
        "0" => "unspecified",
        "1" => "other",
        "2" => "store",
        "3" => "local file",
        "4" => "downloaded file",
        other => other,
    }
}

pub(super) fn reason_word(code: &str) -> &str {
    match code.trim() {
        "0" => "unknown",
        "1" => "policy",
        "2" => "device restore",
        "3" => "device setup",
        "4" => "user",
        "5" => "rollback",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::{package_dump::EXAMPLE, testing::*};

    #[test]
    fn both_versions_of_the_dump_and_both_lists_are_read() {
        let (records, warnings) = rows_at(&ARTIFACT, "/dumpsys/package", EXAMPLE.as_bytes());
        assert!(warnings.is_empty(), "{warnings:?}");
        assert_eq!(
            records,
            json!([
                {
                    "package_name": "com.topjohnwu.magisk", "package_type": "active", "app_id": 10123, "system": false,
                    "updated_system": false, "debuggable": false, "test_only": false, "version_name": "27.0", "version_code": 27000,
                    "min_sdk": 23, "target_sdk": 34, "installer": "com.android.shell", "installer_stated": true,
                    "install_reason": "user", "flags": "[ HAS_CODE ALLOW_CLEAR_USER_DATA ]",
                    "requested_permissions": ["android.permission.INTERNET", "android.permission.CAMERA"],
                    "granted_permissions": ["android.permission.INTERNET"], "factory_times": false,
                    "file_time": "2025-03-01T01:02:03.000000+00:00", "updated": "2025-03-01T01:02:04.000000+00:00",
                    "first_installed": "2025-02-01T00:00:00.000000+00:00",
                    "_line": "package com.topjohnwu.magisk 27.0 (active), installed by com.android.shell",
                },
                {
                    "package_name": "com.example.sys", "package_type": "hidden_system", "app_id": 1000, "system": true,
                    "updated_system": false, "debuggable": false, "test_only": false, "version_name": "1", "version_code": 1,
                    "min_sdk": 1, "target_sdk": 30, "installer_stated": false, "flags": "[ SYSTEM HAS_CODE ]",
                    "requested_permissions": [], "granted_permissions": [], "factory_times": true,
                    "_line": "package com.example.sys 1 (hidden_system), installed by ",
                },
            ])
        );
    }

    #[test]
    fn where_a_package_came_from_is_told_and_null_is_none() {
        let text = "Packages:\n  Package [a.b] (1):\n    codePath=/data/app/~~x==/a.b\n    installerPackageName=null\n    initiatingPackageName=c.d\n    \
                    packageSource=3\n    sharedUser=SharedUserSetting{1 android.uid.x/10001}\n    pkgFlags=[ HAS_CODE DEBUGGABLE ]\n    \
                    signatures=PackageSignatures{1 version:3, signatures:[aabbccdd], past signatures:[00112233 flags: 17]}\n";
        let records = rows(&ARTIFACT, text.as_bytes());
        let record = &records[0];
        assert_eq!((record.get("installer"), &record["installer_stated"]), (None, &json!(true)));
        for (column, value) in [
            ("initiating_installer", "c.d"),
            ("package_source", "local file"),
            ("shared_user", "android.uid.x/10001"),
            ("signatures", "aabbccdd"),
            ("past_signatures", "00112233 flags: 17"),
            ("code_path", "/data/app/~~x==/a.b"),
        ] {
            assert_eq!(record[column], value);
        }
        assert_eq!(record["debuggable"], true);
    }

    #[test]
    fn broken_text_never_panics() {
        shake(&ARTIFACT, EXAMPLE.as_bytes());
    }
}
