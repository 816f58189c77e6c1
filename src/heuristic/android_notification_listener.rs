use super::packages::{Apps, PACKAGES, SHORT_LIST, named};
use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "android_notification_listener",
    title: "An app may read all notifications",
    looks_at: "Enabled notification listeners that do not come with the phone, and where they were installed from.",
    why_it_matters: "Notifications carry messages of every messenger and codes for logging in; stalkerware reads them there, since it \
        cannot read the messengers themselves.",
    innocent_causes: "Watches and fitness trackers, cars, launchers, apps that keep or sort notifications, and connections to a computer \
        all need it and are common.",
    next_check: "Ask the owner whether each app is known and what it is for; Settings, Notifications, Device & app notifications lists them.",
    references: &[
        "https://developer.android.com/reference/android/service/notification/NotificationListenerService",
        "https://github.com/AssoEchap/stalkerware-indicators",
    ],
    reads: &[
        Reads { artifact: "android.notification_listeners", keep: |record| record.value("enabled").is_true() },
        PACKAGES, SHORT_LIST,
    ],
    check,
};

/// What came past the stores is told one by one; of the others, which most owners of a watch have, there is one list.
fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    let apps = Apps::of(kept);
    let mut usual: Vec<&Exhibit> = Vec::new();
    let mut told: Vec<&str> = Vec::new();
    for listener in kept.of("android.notification_listeners") {
        let package = listener.text("package");
        if apps.is_stock(package) || told.contains(&package) || told.len() >= MOST {
            continue;
        }
        told.push(package);
        if apps.is_from_elsewhere(package) {
            let message = format!("{package}, not from an app store, may read all notifications");
            findings.push(Finding::of_rule(HEURISTIC.id, Level::Medium, Trace::Policy, message, listener));
        } else {
            usual.push(listener);
        }
    }
    let Some(first) = usual.first() else { return };
    let names = named(usual.iter().map(|listener| listener.text("package")));
    let message = format!("Apps that did not come with the phone may read all notifications: {names}");
    // Where nobody said what is installed from where, an app past the stores may be among them.
    let level = if apps.is_empty() { Level::Low } else { Level::Informational };
    findings.push(Finding::of_rule(HEURISTIC.id, level, Trace::Policy, message, first));
}

/// No phone has as many.
const MOST: usize = 200;

#[cfg(test)]
mod tests {
    use super::super::testing::{json, verdicts};
    use super::*;

    fn listener(package: &str) -> (&'static str, serde_json::Value) {
        ("android.notification_listeners", json!({ "package": package, "enabled": true }))
    }

    #[test]
    fn an_app_past_the_stores_is_told_and_a_watch_is_listed() {
        let records = [
            listener("org.example.spy"),
            listener("org.example.watch"),
            listener("com.google.android.gms"),
            ("android.package_checkin", json!({ "package": "org.example.spy", "installer": "com.google.android.packageinstaller" })),
            ("android.package_checkin", json!({ "package": "org.example.watch", "installer": "com.android.vending" })),
        ];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            [
                "MEDIUM org.example.spy, not from an app store, may read all notifications",
                "INFORMATIONAL Apps that did not come with the phone may read all notifications: org.example.watch",
            ]
        );
    }

    #[test]
    fn without_a_list_of_packages_the_level_says_so_and_the_phones_own_are_silent() {
        assert_eq!(
            verdicts(&HEURISTIC, &[listener("org.example.watch")]),
            ["LOW Apps that did not come with the phone may read all notifications: org.example.watch"]
        );
        let off = ("android.notification_listeners", json!({ "package": "org.example.b", "enabled": false }));
        assert_eq!(verdicts(&HEURISTIC, &[listener("com.android.systemui"), off]), [""; 0]);
    }
}
