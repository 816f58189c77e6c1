use std::collections::{BTreeMap, BTreeSet};

use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "unknown_trusted_device",
    title: "Devices that the Apple account trusts",
    looks_at: "The devices that may read the account's passwords and messages, as the phone knows them.",
    why_it_matters: "Somebody who knows the password of the account and one code can add a device of their own and then read along, without \
        any software on the phone. A device whose model no device of Apple has was made to look like one.",
    innocent_causes: "The owner's other and older devices, also ones sold or broken long ago, devices of the family signed in to the same \
        account, and macOS in a virtual machine of the owner.",
    next_check: "Go through the list with the owner and compare it with Settings, the owner's name, Devices. Remove what nobody knows and \
        change the password, after the acquisition.",
    references: &[
        "https://support.apple.com/guide/personal-safety/welcome/web",
        "https://support.apple.com/guide/security/welcome/web",
    ],
    reads: &[Reads { artifact: ARTIFACT, keep: |record| record.value("model").as_text().is_some() }],
    check,
};

const ARTIFACT: &str = "sysdiagnose.trusted_devices";
/// How the models of Apple's devices begin.
const MODELS: [&str; 11] = [
    "iPhone", "iPad", "iPod", "Mac", "iMac", "Watch", "AppleTV", "AudioAccessory", "RealityDevice", "HomePod", "Xserve",
];
/// Devices seen on accounts of one person, some of them years old.
const USUAL_MOST: usize = 14;
/// Devices named in one finding.
const NAMED: usize = 20;

fn is_apple(model: &str) -> bool {
    MODELS.iter().any(|known| model.starts_with(known))
}

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    // The same device stands in several of the phone's lists, with and without its name.
    let mut devices: BTreeMap<(&str, &str), &Exhibit> = BTreeMap::new();
    for device in kept.of(ARTIFACT) {
        devices.entry((device.text("model"), device.text("serial"))).or_insert(device);
    }
    for ((model, _), device) in devices.iter().filter(|((model, _), _)| !model.is_empty() && !is_apple(model)) {
        let message = format!("The Apple account trusts a device of the model {model}, which Apple does not make");
        findings.push(Finding::of_rule(HEURISTIC.id, Level::Medium, Trace::Policy, message, device));
    }
    let Some(first) = devices.values().next().filter(|_| devices.len() > 1) else { return };
    let models: BTreeSet<&str> = devices.keys().map(|(model, _)| *model).collect();
    let more = if models.len() > NAMED { ", …" } else { "" };
    let models: Vec<&str> = models.into_iter().take(NAMED).collect();
    let level = if devices.len() > USUAL_MOST { Level::Low } else { Level::Informational };
    let message = format!("The Apple account trusts {} devices: {}{more}", devices.len(), models.join(", "));
    findings.push(Finding::of_rule(HEURISTIC.id, level, Trace::Policy, message, first));
}

#[cfg(test)]
mod tests {
    use super::super::testing::{json, verdicts};
    use super::*;

    fn device(model: &str, serial: &str) -> (&'static str, serde_json::Value) {
        (ARTIFACT, json!({ "model": model, "serial": serial }))
    }

    #[test]
    fn a_model_that_apple_does_not_make_is_told() {
        assert_eq!(
            verdicts(&HEURISTIC, &[device("iPhone14,5", "A"), device("VMware7,1", "B")]),
            [
                "MEDIUM The Apple account trusts a device of the model VMware7,1, which Apple does not make",
                "INFORMATIONAL The Apple account trusts 2 devices: VMware7,1, iPhone14,5",
            ]
        );
    }

    #[test]
    fn the_phone_alone_and_an_address_are_silent() {
        let records = [device("iPhone14,5", "A"), device("iPhone14,5", "A"), (ARTIFACT, json!({ "address": "a@b.example" }))];
        assert_eq!(verdicts(&HEURISTIC, &records), [""; 0]);
    }

    #[test]
    fn the_devices_of_a_household_are_only_listed_and_a_crowd_is_told() {
        let household: Vec<_> = (0..USUAL_MOST).map(|n| device("Mac14,2", &n.to_string())).collect();
        assert_eq!(verdicts(&HEURISTIC, &household), ["INFORMATIONAL The Apple account trusts 14 devices: Mac14,2"]);
        let crowd: Vec<_> = (0..=USUAL_MOST).map(|n| device("iMac21,1", &n.to_string())).collect();
        assert_eq!(verdicts(&HEURISTIC, &crowd), ["LOW The Apple account trusts 15 devices: iMac21,1"]);
    }
}
