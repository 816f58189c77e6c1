use std::collections::{BTreeMap, BTreeSet};

use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "tcc_app_not_installed",
    title: "A permission for an app that is not on the phone",
    looks_at: "Apps that may use camera, microphone, photos or contacts, compared with the apps that the backup or the power log lists as \
        installed or removed.",
    why_it_matters: "Permissions go with an app when it is removed. One that is left for an app nobody lists can be the trace of a program \
        that hid itself, or of one that was removed by other means than the owner's.",
    innocent_causes: "An app removed, offloaded or installed around the time of the acquisition, a restore that kept permissions, and \
        extensions or app clips whose app has another id.",
    next_check: "Look for the id in the installation log, in the power log and in the App Store, and ask the owner.",
    references: &["https://docs.mvt.re/en/latest/ios/records/#tccjson"],
    reads: &[
        Reads { artifact: "ios.tcc", keep: is_granted },
        Reads { artifact: "ios.applications", keep: |_| true },
        Reads { artifact: "ios.powerlog_apps", keep: is_listed },
        Reads { artifact: "ios.app_installs", keep: is_listed },
        Reads { artifact: "ios.backup_state", keep: is_listed },
    ],
    check,
};

const SERVICES: &[&str] = &[
    "kTCCServiceCamera",
    "kTCCServiceMicrophone",
    "kTCCServicePhotos",
    "kTCCServicePhotosAdd",
    "kTCCServiceAddressBook",
];

fn is_granted(record: &Record<'_>) -> bool {
    let text = |column| record.value(column).as_text().unwrap_or_default();
    let app = text("client_bundle_id");
    matches!(text("access"), "allowed" | "limited")
        && SERVICES.contains(&text("service"))
        && !app.is_empty()
        && !app.starts_with("com.apple.")
}

fn is_listed(record: &Record<'_>) -> bool {
    let of_usage = |table: &str| !table.ends_with("_AllApps") && !table.ends_with("Uninstall");
    let table = record.value("table").as_text().filter(|_| record.artifact.id == "ios.powerlog_apps");
    !record.value("bundle_id").is_null() && !table.is_some_and(of_usage)
}

/// Apps named in one sentence.
const NAMED: usize = 10;

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    let mut known = BTreeSet::new();
    for reads in HEURISTIC.reads.iter().filter(|reads| reads.artifact != "ios.tcc") {
        for app in kept.of(reads.artifact) {
            known.extend([app.text("bundle_id"), app.text("store_bundle_id")]);
        }
    }
    // Only a backup's own list and the power log hold every app; files of single apps are not there for all.
    let in_backup = kept.of("ios.applications").iter().any(|app| &*app.path == "/backup/Info.plist");
    let in_powerlog =
        kept.of("ios.powerlog_apps").iter().any(|app| !app.text("bundle_id").starts_with("com.apple."));
    if !in_backup && !in_powerlog {
        return;
    }
    let mut missing: BTreeMap<&str, &Exhibit> = BTreeMap::new();
    for permission in kept.of("ios.tcc") {
        let app = permission.text("client_bundle_id");
        if !is_known(app, &known) {
            missing.entry(app).or_insert(permission);
        }
    }
    let Some(first) = missing.values().next() else { return };
    let named: Vec<&str> = missing.keys().take(NAMED).copied().collect();
    let more = match missing.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let message = format!(
        "Allowed to use camera, microphone, photos or contacts, but in no list of apps: {}{more}",
        named.join(", ")
    );
    let mut finding = Finding::of_rule(HEURISTIC.id, Level::Low, Trace::Installed, message, first);
    finding.column = Some("client_bundle_id");
    finding.value = first.text("client_bundle_id").to_owned();
    findings.push(finding);
}

/// The app itself, or the app that an extension's longer id begins with.
fn is_known(app: &str, known: &BTreeSet<&str>) -> bool {
    let mut id = app;
    loop {
        if known.contains(id) {
            return true;
        }
        match id.rsplit_once('.') {
            Some((parent, _)) => id = parent,
            None => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heuristic::testing::{json, verdicts};

    type Row = (&'static str, serde_json::Value);

    fn granted(app: &str) -> Row {
        ("ios.tcc", json!({"client_bundle_id": app, "service": "kTCCServiceMicrophone", "access": "allowed"}))
    }

    fn listed(app: &str, table: &str) -> Row {
        ("ios.powerlog_apps", json!({"bundle_id": app, "table": format!("PLApplicationAgent_{table}")}))
    }

    #[test]
    fn apps_in_no_list_are_one_finding() {
        let records = [
            granted("com.example.b"),
            granted("com.example.b"),
            granted("com.example.a"),
            listed("com.example.c", "EventNone_AllApps"),
        ];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            ["LOW Allowed to use camera, microphone, photos or contacts, but in no list of apps: com.example.a, com.example.b"]
        );
        let backup = ("ios.applications", json!({"bundle_id": "com.example.c", "_path": "/backup/Info.plist"}));
        assert_eq!(verdicts(&HEURISTIC, &[granted("com.example.a"), backup]).len(), 1);
    }

    #[test]
    fn removed_apps_extensions_apples_own_and_phones_without_a_list_are_silent() {
        let records = [
            listed("com.example.a", "EventNone_AllApps"),
            listed("com.example.gone", "EventForward_ApplicationDidUninstall"),
            granted("com.example.a.share"),
            granted("com.example.gone"),
            granted("com.apple.camera"),
        ];
        assert_eq!(verdicts(&HEURISTIC, &records), [""; 0]);
        let one_app = ("ios.applications", json!({"bundle_id": "com.example.c", "_path": "/private/var/x/iTunesMetadata.plist"}));
        assert_eq!(verdicts(&HEURISTIC, &[granted("com.example.a"), one_app]), [""; 0]);
    }
}
