use crate::artifact::android_text::yearless;
use crate::artifact::prelude::*;
use crate::artifact::settings::{self, Setting};

pub const ARTIFACT: Artifact = Artifact {
    id: "android.settings",
    title: "Settings",
    about: "The settings of the phone and of each of its users, and which app wrote them.",
    files: &["/dumpsys/settings", "/settings/*"],
    columns: &[
        text("namespace"),
        int("user"),
        text("name"),
        message("value"),
        app_id("written_by"),
        // In those that name apps: accessibility services, keyboards, assistants, VPNs.
        app_id("apps"),
        text("default"),
        boolean("default_by_system"),
        text("tag"),
        boolean("preserved_in_restore"),
        int("setting_id"),
        // The event itself is among the changes.
        Column { moment: None, ..time("last_changed", Epoch::Local, Moment::Modified) },
    ],
    shows: Trace::Policy,
    line: "setting {namespace}/{name} is {value}, written by {written_by}",
    parse: Parse::Text(parse),
};

/// Settings whose value is a list of components or packages. https://developer.android.com/reference/android/provider/Settings.Secure
const NAMING_APPS: [&str; 21] = [
    "always_on_vpn_app",
    "assistant",
    "autofill_service",
    "credential_service",
    "credential_service_primary",
    "default_input_method",
    "default_voice_input_method",
    "device_owner",
    "dialer_default_application",
    "enabled_accessibility_services",
    "enabled_input_methods",
    "enabled_notification_assistant",
    "enabled_notification_listeners",
    "enabled_notification_policy_access_packages",
    "mock_location_app",
    "nfc_payment_default_component",
    "selected_spell_checker",
    "sms_default_application",
    "touch_exploration_granted_accessibility_services",
    "voice_interaction_service",
    "voice_recognition_service",
];

fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    let path = out.path().to_owned();
    settings::read(&path, lines, &mut |setting| push(setting, out))
}

fn push(setting: Setting, out: &mut Out<'_>) {
    let last = setting.history.iter().filter_map(|change| yearless(&change.time, out.clock())).max();
    let value = setting.value.as_deref().unwrap_or_default();
    let apps: Value<'_> = if NAMING_APPS.contains(&&*setting.name) { packages(value).collect() } else { Value::Null };
    let apps = if matches!(&apps, Value::List(apps) if apps.is_empty()) { Value::Null } else { apps };
    out.push(
        Place::Line { line: setting.line },
        [
            setting.namespace.as_str().into(),
            setting.user.into(),
            setting.name.as_str().into(),
            setting.value.as_deref().into(),
            setting.package.as_deref().into(),
            apps,
            setting.default.as_deref().into(),
            setting.default_by_system.into(),
            setting.tag.as_deref().into(),
            setting.preserved.into(),
            setting.number.into(),
            last.into(),
        ],
    );
}

/// The packages in `a.b/.C:d.e/d.e.F` and in a list of keyboards, `a.b/.C;-921088104:d.e/.F`.
fn packages(value: &str) -> impl Iterator<Item = &str> {
    let items = value.split([':', ',', ';', ' ']).map(|item| item.split('/').next().unwrap_or(item).trim());
    items.filter(|item| item.contains('.') && *item != "null")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const DUMP: &str = "\
CONFIG SETTINGS (user 0)
_id:1 name:a/b pkg:com.google.android.gms value:true default:true defaultSystemSet:true

GLOBAL SETTINGS (user 0)
version: 210
_id:5 name:adb_enabled pkg:com.android.shell value:1 default:0 defaultSystemSet:true
_id:6 name:package_verifier_user_consent pkg:com.android.vending value:-1
_id:7 name:device_name pkg:android value:my phone
second line default:x defaultSystemSet:false

SECURE SETTINGS (user 0)
_id:9 name:accessibility_enabled pkg:com.example.tool value:1 tag:null
  History (2):
    time:12-31 23:00:00.000 mode:SET oldValue:0 newValue:1 package:com.example.tool
    time:01-02 08:00:00.000 mode:SET oldValue:1 newValue:1 package:com.example.tool
--------- 0.100s was the duration of dumpsys settings, ending at: 2025-01-03 10:00:00
";

    #[test]
    fn the_dump_of_the_service_keeps_values_of_several_lines_and_the_last_change() {
        let (records, warnings) = rows_timed(&ARTIFACT, "/dumpsys/settings", DUMP.as_bytes());
        assert!(warnings.is_empty(), "{warnings:?}");
        let records = records.as_array().unwrap();
        assert_eq!(records.len(), 5);
        assert_eq!(records[0]["namespace"], "config");
        assert_eq!(records[1]["default"], "0");
        assert_eq!((&records[2]["value"], records[2].get("last_changed")), (&json!("-1"), None));
        assert_eq!((&records[3]["value"], &records[3]["default"]), (&json!("my phone\nsecond line"), &json!("x")));
        assert_eq!(
            records[4],
            json!({
                "namespace": "secure", "user": 0, "name": "accessibility_enabled", "value": "1", "setting_id": 9,
                "written_by": "com.example.tool", "last_changed": "2023-01-02T06:00:00.000000+00:00",
                "_line": "setting secure/accessibility_enabled is 1, written by com.example.tool",
            })
        );
    }

    #[test]
    fn a_list_goes_on_over_lines_without_an_equals_sign() {
        let text = "adb_enabled=1\naccessibility_enabled=1\nfoo=a=b\nbar=one\ntwo\nnull=\n";
        let (records, _) = rows_at(&ARTIFACT, "/settings/secure", text.as_bytes());
        let values: Vec<_> = records.as_array().unwrap().iter().map(|record| &record["value"]).collect();
        assert_eq!(values, ["1", "1", "a=b", "one\ntwo", ""]);
        assert_eq!(records[4]["name"], "null");
    }

    #[test]
    fn apps_that_a_setting_names_are_told_apart() {
        let text = "enabled_accessibility_services=a.b/.C:d.e/d.e.F\nenabled_input_methods=a.b/.C;-921088104:g.h/.I\nfoo=a.b/.C\n\
            enabled_notification_listeners=null\n";
        let (records, _) = rows_at(&ARTIFACT, "/settings/secure", text.as_bytes());
        assert_eq!(records[0]["apps"], json!(["a.b", "d.e"]));
        assert_eq!(records[1]["apps"], json!(["a.b", "g.h"]));
        assert_eq!((records[2].get("apps"), records[3].get("apps")), (None, None));
    }

    #[test]
    fn words_of_the_format_inside_a_value_stay_in_it() {
        let text = "SYSTEM SETTINGS (user 10)\n_id:1 name:a pkg:b.c value:x default:y tag:z default:1 defaultSystemSet:true tag:t isValuePreservedInRestore:true\n\
            _id:2 name:d pkg:b.c value:e notPreservedInRestore\n";
        let (records, _) = rows_at(&ARTIFACT, "/dumpsys/settings", text.as_bytes());
        assert_eq!(records[0]["value"], "x default:y tag:z");
        assert_eq!((&records[0]["user"], &records[0]["preserved_in_restore"]), (&json!(10), &json!(true)));
        assert_eq!((&records[1]["value"], &records[1]["preserved_in_restore"]), (&json!("e"), &json!(false)));
    }

    #[test]
    fn broken_text_never_panics() {
        shake(&ARTIFACT, DUMP.as_bytes());
    }
}
