use std::collections::{BTreeMap, BTreeSet};

use super::packages::{Apps, PACKAGES};
use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "android_surveillance_components",
    title: "Parts of apps that watch",
    looks_at: "Apps that no store installed: which of them are told of messages and calls, offer a keyboard, a VPN, an accessibility service \
        or a reader of notifications, and which start with the phone and have no screen of their own.",
    why_it_matters: "Spyware is told of what it watches by the system. An app that starts with the phone and cannot be opened is one that \
        nobody is meant to see.",
    innocent_causes: "Messengers and telephone apps from their makers' web sites, keyboards and VPNs from open stores' files, add-ons of \
        other apps, which have no screen.",
    next_check: "Ask the owner about the app. Look at whether the service is enabled, at permissions and their use, and at when it was \
        installed.",
    references: &[
        "https://developer.android.com/guide/components/broadcasts",
        "https://docs.mvt.re/en/latest/android/methodology/",
    ],
    reads: &[
        Reads { artifact: "android.receivers", keep: |record| word_of(record).is_some() || is_boot(record) },
        Reads { artifact: "android.services", keep: |record| word_of(record).is_some() },
        Reads { artifact: "android.activities", keep: |record| key(record) == "android.intent.action.MAIN" },
        PACKAGES,
    ],
    check,
};

const BOOT: &str = "android.intent.action.BOOT_COMPLETED";
/// What an app is told of or offers, by the action it answers to.
const ACTIONS: [(&str, &str); 14] = [
    ("android.provider.Telephony.NEW_OUTGOING_SMS", "is told of messages that are sent"),
    ("android.provider.Telephony.SMS_RECEIVED", "is told of messages"),
    ("android.provider.Telephony.SMS_DELIVER", "is told of messages"),
    ("android.provider.Telephony.WAP_PUSH_RECEIVED", "is told of messages"),
    ("android.intent.action.DATA_SMS_RECEIVED", "is told of messages"),
    ("android.intent.action.PHONE_STATE", "is told of calls"),
    ("android.intent.action.NEW_OUTGOING_CALL", "is told of calls"),
    ("android.app.action.DEVICE_ADMIN_ENABLED", "can become an administrator of the phone"),
    ("android.accessibilityservice.AccessibilityService", "offers an accessibility service"),
    ("android.service.notification.NotificationListenerService", "offers a reader of notifications"),
    ("android.net.VpnService", "offers a VPN"),
    ("android.view.InputMethod", "offers a keyboard"),
    ("android.service.voice.VoiceInteractionService", "offers a voice assistant"),
    ("android.provider.Telephony.SMS_CB_RECEIVED", "is told of messages"),
];

fn key<'r>(record: &'r Record<'_>) -> &'r str {
    record.value("key").as_text().unwrap_or_default()
}

fn word_of(record: &Record<'_>) -> Option<&'static str> {
    word(key(record))
}

fn word(key: &str) -> Option<&'static str> {
    ACTIONS.iter().find(|(action, _)| *action == key).map(|(_, word)| *word)
}

fn is_boot(record: &Record<'_>) -> bool {
    key(record) == BOOT
}

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    let apps = Apps::of(kept);
    let mut watched: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut boots: BTreeSet<&str> = BTreeSet::new();
    for entry in kept.of("android.receivers").iter().chain(kept.of("android.services")) {
        let package = entry.text("package_name");
        match word(entry.text("key")) {
            Some(word) => drop(watched.entry(package).or_default().insert(word)),
            None => drop(boots.insert(package)),
        }
    }
    let activities = kept.of("android.activities");
    let opened: BTreeSet<&str> = activities.iter().map(|entry| entry.text("package_name")).collect();
    let names: BTreeSet<&str> = watched.keys().copied().chain(boots.iter().copied()).collect();
    for name in names {
        let Some(app) = apps.get(name).filter(|app| apps.origin_of(app).is_unchecked()) else { continue };
        let words = watched.get(name);
        // Only where the table was printed can a screen be missing.
        let hidden = !activities.is_empty() && boots.contains(name) && !opened.contains(name);
        let mut signs: Vec<&str> = words.into_iter().flatten().copied().collect();
        if hidden {
            signs.push("starts with the phone and has no screen to be opened");
        }
        if signs.is_empty() {
            continue;
        }
        let level = if hidden { Level::Medium } else { Level::Low };
        let message = format!("The app {name}, which no store installed, {}", signs.join(", "));
        findings.push(Finding::of_rule(HEURISTIC.id, level, Trace::Installed, message, app));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heuristic::testing::{json, verdicts};

    type Row = (&'static str, serde_json::Value);

    fn entry(table: &'static str, package: &str, key: &str) -> Row {
        (table, json!({"package_name": package, "key": key, "resolver_type": "non_data_action"}))
    }

    fn app(name: &str, installer: Option<&str>) -> Row {
        let columns = json!({"package_name": name, "package_type": "active", "installer": installer, "installer_stated": true});
        ("android.packages", columns)
    }

    #[test]
    fn what_apps_from_no_store_watch_is_one_finding_each() {
        let sms = "android.provider.Telephony.SMS_RECEIVED";
        let records = [
            entry("android.receivers", "a.spy", sms),
            entry("android.receivers", "a.spy", BOOT),
            entry("android.services", "a.spy", "android.service.notification.NotificationListenerService"),
            entry("android.receivers", "b.chat", sms),
            entry("android.receivers", "b.chat", BOOT),
            entry("android.activities", "b.chat", "android.intent.action.MAIN"),
            entry("android.receivers", "c.store", sms),
            entry("android.receivers", "d.stock", sms),
            app("a.spy", None),
            app("b.chat", Some("com.google.android.packageinstaller")),
            app("c.store", Some("com.android.vending")),
        ];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            [
                "MEDIUM The app a.spy, which no store installed, is told of messages, offers a reader of notifications, starts with the phone and has no screen to be opened",
                "LOW The app b.chat, which no store installed, is told of messages",
            ]
        );
    }
}
