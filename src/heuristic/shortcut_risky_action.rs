use std::collections::BTreeMap;

use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "shortcut_risky_action",
    title: "Shortcut that fetches from the network or runs commands elsewhere",
    looks_at: "Shortcuts with the actions `downloadurl` (fetch or send data) or `runsshscript` (run a script on another computer).",
    why_it_matters: "A shortcut, above all an automation that runs without asking, can send out location, messages or photos with nothing installed; somebody with the phone in hand can set one up in a minute.",
    innocent_causes: "Most such shortcuts are the owner's own or come from a gallery: weather, home automation, downloading videos, sending a file to a server.",
    next_check: "Go through the named shortcuts and automations with the owner, and ask about each whether they made it and what the address is.",
    references: &["https://support.apple.com/guide/shortcuts/request-your-first-api-apd58d46713f/ios"],
    reads: &[Reads { artifact: "ios.shortcuts", keep }],
    check,
};

const RISKY: &[&str] = &["is.workflow.actions.downloadurl", "is.workflow.actions.runsshscript"];

/// Shortcuts named in the message.
const NAMED: usize = 20;

fn keep(record: &Record<'_>) -> bool {
    let Value::List(actions) = record.value("actions") else { return false };
    actions.iter().filter_map(Value::as_text).any(|action| RISKY.contains(&action))
}

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    let mut databases: BTreeMap<&str, Vec<&Exhibit>> = BTreeMap::new();
    for exhibit in kept.of("ios.shortcuts") {
        databases.entry(&exhibit.stored_as).or_default().push(exhibit);
    }
    for shortcuts in databases.into_values() {
        // One that runs by itself, without asking, is the one to show.
        let silent = |exhibit: &&&Exhibit| *exhibit.value("asks_before_running") == Value::Bool(false);
        let Some(shown) = shortcuts.iter().find(silent).or(shortcuts.first()) else { continue };
        let mut names: Vec<String> =
            shortcuts.iter().take(NAMED).map(|exhibit| format!("“{}”", exhibit.text("name"))).collect();
        if shortcuts.len() > NAMED {
            names.push(format!("{} more", shortcuts.len() - NAMED));
        }
        let message = format!("shortcuts fetch from the network or run commands elsewhere: {}", names.join(", "));
        let mut finding = Finding::of_rule(HEURISTIC.id, Level::Low, Trace::Installed, message, shown);
        finding.column = Some("actions");
        finding.value = shown.value("actions").show();
        if silent(&shown) {
            finding.caveats.push(format!("“{}” runs by itself and without asking", shown.text("name")));
        }
        findings.push(finding);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heuristic::testing::{json, judge, verdicts};

    fn shortcut(name: &str, actions: &[&str], asks: Option<bool>) -> (&'static str, serde_json::Value) {
        ("ios.shortcuts", json!({"name": name, "actions": actions, "asks_before_running": asks}))
    }

    #[test]
    fn shortcuts_with_risky_actions_are_one_finding() {
        let records = [
            shortcut("Weather", &["is.workflow.actions.gettext", "is.workflow.actions.downloadurl"], None),
            shortcut("Timer", &["is.workflow.actions.delay"], None),
            shortcut("Home", &["is.workflow.actions.runsshscript"], Some(false)),
        ];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            ["LOW shortcuts fetch from the network or run commands elsewhere: “Weather”, “Home”"]
        );
        let finding = &judge(&HEURISTIC, &records)[0];
        assert_eq!(finding.exhibit.text("name"), "Home");
        assert_eq!(finding.caveats, ["“Home” runs by itself and without asking"]);
    }

    #[test]
    fn similar_actions_and_empty_shortcuts_are_not() {
        let records = [shortcut("A", &["is.workflow.actions.downloadurls"], None), ("ios.shortcuts", json!({}))];
        assert!(judge(&HEURISTIC, &records).is_empty());
    }
}
