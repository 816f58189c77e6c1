use std::collections::{BTreeMap, BTreeSet};

use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "tcc_client_not_installed",
    title: "Permissions of apps that are not installed",
    looks_at: "Privacy permissions that were given to apps from outside Apple, compared with the list of installed apps where the acquisition \
        has one.",
    why_it_matters: "iOS removes the permissions of an app together with the app. A permission without its app may be what is left of a \
        program that was removed in another way, or that hides from the list.",
    innocent_causes: "An app that was deleted shortly before the backup or offloaded to save space, permissions that a restored backup \
        brought along before its apps were downloaded, extensions and app clips, and a list of apps that is not complete.",
    next_check: "Ask the owner whether they know the app. Look for its id in data usage, in the folders of apps and among the purchases, and \
        at what happened when the permission was given.",
    references: &["https://docs.mvt.re/en/latest/ios/records/#tccjson"],
    reads: &[
        Reads {
            artifact: "ios.tcc",
            keep: |record| {
                let text = |column| record.value(column).as_text().unwrap_or_default();
                let client = text("client_bundle_id");
                matches!(text("access"), "allowed" | "limited")
                    && !client.is_empty()
                    && !client.starts_with("com.apple.")
            },
        },
        Reads { artifact: "ios.applications", keep: |_| true },
        Reads { artifact: "ios.app_info", keep: |_| true },
        Reads { artifact: "ios.backup_info", keep: |record| !record.value("application_ids").is_null() },
    ],
    check,
};

/// Apps named in the message; all of them are in the records.
const NAMED: usize = 30;

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    let installed = installed(kept);
    if installed.is_empty() {
        return;
    }
    let mut clients: BTreeMap<&str, &Exhibit> = BTreeMap::new();
    for grant in kept.of("ios.tcc") {
        let client = grant.text("client_bundle_id");
        if !is_installed(client, &installed) {
            clients.entry(client).or_insert(grant);
        }
    }
    let Some(first) = clients.values().min_by_key(|grant| (grant.at().is_none(), grant.at())) else { return };
    let named: Vec<&str> = clients.keys().copied().take(NAMED).collect();
    let more = match clients.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let count = match clients.len() {
        1 => "An app that is not installed has".to_owned(),
        count => format!("{count} apps that are not installed have"),
    };
    let message = format!("{count} privacy permissions: {}{more}", named.join(", "));
    findings.push(Finding::of_rule(HEURISTIC.id, Level::Low, Trace::Installed, message, first));
}

/// The ids of apps, in small letters, wherever the acquisition lists them.
fn installed(kept: &Kept) -> BTreeSet<String> {
    let listed = kept.of("ios.backup_info").iter().map(|info| info.value("application_ids"));
    let apps = kept
        .of("ios.applications")
        .iter()
        .flat_map(|app| [app.value("bundle_id"), app.value("store_bundle_id")]);
    let described = kept.of("ios.app_info").iter().map(|app| app.value("bundle_id"));
    let mut ids = BTreeSet::new();
    for value in listed.chain(apps).chain(described) {
        match value {
            Value::Text(id) => drop(ids.insert(id.to_lowercase())),
            Value::List(list) => ids.extend(list.iter().filter_map(|id| Some(id.as_text()?.to_lowercase()))),
            _ => {}
        }
    }
    ids.remove("");
    ids
}

/// True also for what belongs to an installed app: its extensions and app clips carry its id with a suffix.
fn is_installed(client: &str, installed: &BTreeSet<String>) -> bool {
    let client = client.to_lowercase();
    let ends = client.match_indices('.').map(|(at, _)| at).chain([client.len()]);
    ends.filter_map(|end| client.get(..end)).any(|id| installed.contains(id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heuristic::testing::{json, verdicts};

    type Row = (&'static str, serde_json::Value);

    fn grant(client: &str, access: &str) -> Row {
        let service = "kTCCServiceMicrophone";
        ("ios.tcc", json!({"client_bundle_id": client, "service": service, "access": access}))
    }

    fn backup() -> Row {
        ("ios.backup_info", json!({"application_ids": ["com.example.App", "org.example.two"]}))
    }

    #[test]
    fn grants_without_their_apps_are_one_finding() {
        let records =
            [grant("com.example.gone", "allowed"), grant("com.example.gone", "limited"), grant("b.c", "allowed"), backup()];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            ["LOW 2 apps that are not installed have privacy permissions: b.c, com.example.gone"]
        );
        let dump = ("ios.applications", json!({"bundle_id": "com.example.app"}));
        assert_eq!(
            verdicts(&HEURISTIC, &[grant("com.example.appx", "allowed"), dump]),
            ["LOW An app that is not installed has privacy permissions: com.example.appx"]
        );
    }

    #[test]
    fn installed_apps_their_extensions_apple_and_refusals_are_silent() {
        let records = [
            grant("com.example.app", "allowed"),
            grant("com.example.app.keyboard", "allowed"),
            grant("com.apple.camera", "allowed"),
            grant("com.example.gone", "denied"),
            grant("com.example.beside.the.store", "allowed"),
            ("ios.app_info", json!({"bundle_id": "com.example.beside.the.store"})),
            backup(),
        ];
        assert_eq!(verdicts(&HEURISTIC, &records), [""; 0]);
    }

    #[test]
    fn without_a_list_of_apps_nothing_is_said() {
        assert_eq!(verdicts(&HEURISTIC, &[grant("com.example.gone", "allowed")]), [""; 0]);
    }
}
