use serde_json::Value as Json;

use crate::artifact::intrusion::{self, events};
use crate::artifact::json::{self, int as int_of, list, text as text_of, truth};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.security_events",
    title: "Security log (intrusion logs)",
    about: "What Android's security log records: programs that start, apps that come and go, debugging from a computer, certificates, locks, policies.",
    files: intrusion::FILES,
    columns: &[
        time("happened", Epoch::Unix, Moment::Logged),
        int("event_id"),
        text("tag"),
        // Apps that the event names, each part of a process' name and words of a command among them.
        app_id("packages"),
        process("process"),
        int("uid"),
        int("pid"),
        path("paths"),
        message("command"),
        boolean("success"),
        message("subject"),
        text("key_id"),
        text("details"),
    ],
    shows: Trace::Executed,
    line: "security log: {tag} {details}",
    parse: Parse::Text(parse),
};

/// By number from 210001 on, as `android.app.admin.SecurityLog` names them.
const TAGS: [&str; 46] = [
    "adb_shell_interactive",
    "adb_shell_cmd",
    "adb_sync_recv_file",
    "adb_sync_send_file",
    "app_process_start",
    "keyguard_dismissed",
    "keyguard_dismiss_auth_attempt",
    "keyguard_secured",
    "os_startup",
    "os_shutdown",
    "logging_started",
    "logging_stopped",
    "media_mount",
    "media_unmount",
    "log_buffer_size_critical",
    "password_expiration_set",
    "password_complexity_set",
    "password_history_length_set",
    "max_screen_lock_timeout_set",
    "max_password_attempts_set",
    "keyguard_disabled_features_set",
    "remote_lock",
    "wipe_failure",
    "key_generated",
    "key_import",
    "key_destruction",
    "user_restriction_added",
    "user_restriction_removed",
    "cert_authority_installed",
    "cert_authority_removed",
    "crypto_self_test_completed",
    "key_integrity_violation",
    "cert_validation_failure",
    "camera_policy_set",
    "password_complexity_required",
    "password_changed",
    "wifi_connection",
    "wifi_disconnection",
    "bluetooth_connection",
    "bluetooth_disconnection",
    "package_installed",
    "package_updated",
    "package_uninstalled",
    "backup_service_toggled",
    "nfc_enabled",
    "nfc_disabled",
];
/// Members of an event beside the one that is called like its tag.
const COMMON: [&str; 6] = ["event_id", "event_time", "event_type", "timestamp", "tag", "data"];
const FIRST_TAG: i64 = 210_001;

fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    events(lines, &["security_event"], out, &mut |_, place, event, out| push(place, event, out))
}

/// The tag and what belongs to it.
fn tagged(event: &Json) -> Option<(&str, &Json)> {
    let members = event.as_object()?;
    if let Some(number) = int_of(event, "tag") {
        let index = number.checked_sub(FIRST_TAG).and_then(|index| usize::try_from(index).ok());
        let name = index.and_then(|index| TAGS.get(index)).copied().unwrap_or("unknown");
        return Some((name, members.get("data").unwrap_or(&Json::Null)));
    }
    let mut named = members.iter().filter(|(name, _)| !COMMON.contains(&name.as_str()));
    let known = named.clone().find(|(name, _)| TAGS.contains(&name.as_str()));
    known.or_else(|| named.next()).map(|(name, details)| (name.as_str(), details))
}

fn push(place: Place, event: &Json, out: &mut Out<'_>) {
    let Some((tag, details)) = tagged(event) else {
        out.warn(Some(place), "a security event has no tag");
        return;
    };
    if !TAGS.contains(&tag) {
        let short: String = tag.chars().take(60).collect();
        out.warn(Some(place.clone()), format!("events with the tag {short:?} are not known"));
    }
    let process = text_of(details, "process").filter(|_| tag == "app_process_start");
    let command = match details {
        Json::String(text) if tag == "adb_shell_cmd" => Some(text.clone()),
        _ => text_of(details, "command"),
    };
    let mut packages: Vec<String> = Vec::new();
    let mut paths: Vec<String> = Vec::new();
    for name in ["package_name", "package", "pkg", "admin_package"] {
        packages.extend(text_of(details, name));
    }
    // `app:service`, `app:sandboxed_process0:class:0`
    packages.extend(process.iter().flat_map(|process| process.split(':')).filter(|part| part.contains('.')).map(str::to_owned));
    for word in command.iter().flat_map(|command| command.split_whitespace()).take(WORDS) {
        let word = word.trim_matches(['"', '\'', ';', '&', '|', '(', ')']);
        if word.starts_with('/') {
            paths.push(word.to_owned());
        } else if is_package(word) {
            packages.push(word.to_owned());
        }
    }
    paths.extend(text_of(details, "path"));
    packages.dedup();
    let success = match details {
        Json::Object(_) => json::boolean(details, "success"),
        scalar => truth(scalar),
    };
    out.push(
        place,
        [
            int_of(event, "event_time").into(),
            int_of(event, "event_id").into(),
            tag.into(),
            list(packages),
            process.into(),
            int_of(details, "uid").into(),
            int_of(details, "pid").into(),
            list(paths),
            command.into(),
            success.into(),
            text_of(details, "subject").into(),
            text_of(details, "key_id").into(),
            json::value(details),
        ],
    );
}

/// Words of a command that are looked at.
const WORDS: usize = 200;

/// `com.example.app`, also before `/.Activity`.
fn is_package(word: &str) -> bool {
    word.split('.').count() > 1
        && word.split('.').all(|part| {
            part.starts_with(|first: char| first.is_ascii_alphabetic())
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::intrusion::EXAMPLE;
    use crate::artifact::testing::*;

    fn read(text: &str) -> (serde_json::Value, Vec<String>) {
        rows_at(&ARTIFACT, "/intrusion_logs/all", text.as_bytes())
    }

    #[test]
    fn the_published_log_gives_five_events() {
        let (records, warnings) = read(EXAMPLE);
        assert_eq!(warnings, [""; 0]);
        assert_eq!(records.as_array().unwrap().len(), 5);
        assert_eq!(
            records[0],
            json!({
                "happened": "2026-01-01T00:00:02.000000+00:00", "event_id": 4, "tag": "app_process_start",
                "packages": ["com.example.app"], "process": "com.example.app:remote", "uid": 10123, "pid": 4321,
                "details": {"pid": 4321, "process": "com.example.app:remote", "uid": 10123},
                "_line": "security log: app_process_start pid: 4321, process: com.example.app:remote, uid: 10123",
            })
        );
        let successes: Vec<_> = (1..3).map(|at| records[at]["success"].clone()).collect();
        assert_eq!(successes, [json!(true), json!(false)]);
        assert_eq!((&records[3]["tag"], &records[3]["happened"]), (&json!("wipe_failure"), &json!(null)));
        assert_eq!(records[4]["packages"], json!(["com.example.bad"]));
    }

    #[test]
    fn numbered_tags_scalars_and_commands_are_understood() {
        let (records, warnings) = read(
            r#"{"security_event":{"tag":210002,"event_time":1767225600000,"data":"pm install '/data/local/tmp/a.apk' com.example.app"}}
{"security_event":{"crypto_self_test_completed":1}}
{"security_event":{"new_thing":{"x":2}}}
{"security_event":7}"#,
        );
        assert_eq!(records[0]["tag"], "adb_shell_cmd");
        assert_eq!(records[0]["happened"], "2026-01-01T00:00:00.000000+00:00");
        assert_eq!((&records[0]["paths"], &records[0]["packages"]), (&json!(["/data/local/tmp/a.apk"]), &json!(["com.example.app"])));
        assert_eq!((&records[1]["success"], &records[2]["tag"]), (&json!(true), &json!("new_thing")));
        assert_eq!(warnings, ["a security event has no tag", "events with the tag \"new_thing\" are not known"]);
    }

    #[test]
    fn broken_logs_never_panic() {
        shake(&ARTIFACT, EXAMPLE.as_bytes());
    }
}
