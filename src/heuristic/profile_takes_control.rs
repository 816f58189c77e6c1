use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "profile_takes_control",
    title: "A profile governs the phone or its connections",
    looks_at: "Installed configuration profiles that enrol the phone in management, add a trusted certificate, route or filter its \
        connections, or cannot be removed.",
    why_it_matters: "Whoever manages a phone can install apps on it and read where it is; whoever adds a certificate and carries the \
        connections can read them. Some spyware for iPhones works this way, since it needs no flaw.",
    innocent_causes: "Almost always the employer or school that manages the phone; else a VPN, an ad blocker, a DNS service, a mobile \
        operator's settings, an app developer's debugging proxy or an Apple beta programme.",
    next_check: "Ask the owner whether an employer, a school or a known app installed it, and look at issuer and date in Settings, General, \
        VPN & Device Management. If nobody knows it, note its addresses before it is removed.",
    references: &[
        "https://support.apple.com/guide/deployment/intro-to-mdm-profiles-depc0aadd3fe/web",
        "https://blog.talosintelligence.com/2018/07/Mobile-Malware-Campaign-uses-Malicious-MDM.html",
    ],
    reads: &[Reads {
        artifact: "ios.profiles",
        keep: |record| {
            record.value("removal_disallowed").is_true() || !powers_in(record.value("payload_types")).is_empty()
        },
    }],
    check: |kept, findings| {
        let profiles = kept.of("ios.profiles");
        let managed = profiles.iter().any(|profile| powers(profile).iter().any(|power| power.manages));
        for profile in profiles {
            findings.push(judge(profile, managed));
        }
    },
};

struct Power {
    payload: &'static str,
    /// What it does, after "it".
    does: &'static str,
    manages: bool,
    /// Lets somebody else read what is sent.
    reads_traffic: bool,
}

const fn power(payload: &'static str, does: &'static str) -> Power {
    Power { payload, does, manages: false, reads_traffic: false }
}

const POWERS: &[Power] = &[
    Power { manages: true, ..power("com.apple.mdm", "lets a server manage the phone") },
    Power { reads_traffic: true, ..power("com.apple.security.root", "adds a trusted root certificate") },
    Power { reads_traffic: true, ..power("com.apple.security.pkcs1", "adds a certificate") },
    Power { reads_traffic: true, ..power("com.apple.proxy.http.global", "sends all web traffic through a proxy") },
    power("com.apple.vpn.managed", "sets up a VPN"),
    power("com.apple.vpn.managed.applayer", "sets up a VPN for single apps"),
    power("com.apple.dnsSettings.managed", "chooses the DNS server"),
    power("com.apple.dnsProxy.managed", "sends DNS queries through an app"),
    power("com.apple.relay.managed", "sends connections through a relay"),
    power("com.apple.webcontent-filter", "filters web content"),
    power("com.apple.apn.managed", "changes the mobile access point"),
    power("com.apple.cellular", "changes the mobile access point"),
];

fn powers_in(types: &Value<'_>) -> Vec<&'static Power> {
    let Value::List(types) = types else { return Vec::new() };
    POWERS
        .iter()
        .filter(|power| types.iter().any(|kind| kind.as_text() == Some(power.payload)))
        .collect()
}

fn powers(profile: &Exhibit) -> Vec<&'static Power> {
    powers_in(profile.value("payload_types"))
}

fn judge(profile: &Exhibit, managed: bool) -> Finding {
    let powers = powers(profile);
    // Managed phones get their company's certificates and proxies as a matter of course.
    let reads_traffic = powers.iter().any(|power| power.reads_traffic);
    let level = if reads_traffic && !managed { Level::Medium } else { Level::Low };
    let mut deeds: Vec<&str> = powers.iter().map(|power| power.does).collect();
    deeds.dedup();
    if profile.value("removal_disallowed").is_true() {
        deeds.push("cannot be removed by the owner");
    }
    let message = format!("Profile {}: it {}", name_of(profile), deeds.join(", "));
    let mut finding = Finding::of_rule(HEURISTIC.id, level, Trace::Policy, message, profile);
    if managed {
        finding.caveats.push("the phone is managed by a server, as employers and schools do".into());
    }
    if !profile.value("signed").is_true() {
        finding.caveats.push("the profile is not signed, so its stated issuer proves nothing".into());
    } else if let Some(signer) = signer_of(profile) {
        finding.caveats.push(format!("its signer's certificate names {signer}; whether the signature holds was not checked"));
    }
    finding
}

/// The first of the signer's certificates is the signer's own.
fn signer_of(profile: &Exhibit) -> Option<&str> {
    match profile.value("signer_subjects") {
        Value::List(subjects) => subjects.iter().find_map(Value::as_text),
        _ => None,
    }
}

/// A profile as its reader sees it in Settings, with what identifies it.
pub(super) fn name_of(profile: &Exhibit) -> String {
    let identifier = match profile.text("identifier") {
        "" => profile.text("uuid"),
        identifier => identifier,
    };
    match (profile.text("display_name"), identifier) {
        ("", "") => "without a name".into(),
        ("", identifier) => identifier.into(),
        (name, "") => format!("`{name}`"),
        (name, identifier) => format!("`{name}` ({identifier})"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{json, judge, verdicts};
    use super::*;

    #[test]
    fn one_finding_a_profile_lists_what_it_does() {
        let profile = json!({
            "display_name": "Help",
            "uuid": "AAAA",
            "payload_types": ["com.apple.security.root", "com.apple.proxy.http.global", "com.apple.wifi.managed"],
            "removal_disallowed": true,
            "signed": true,
        });
        assert_eq!(
            verdicts(&HEURISTIC, &[("ios.profiles", profile)]),
            ["MEDIUM Profile `Help` (AAAA): it adds a trusted root certificate, sends all web traffic through a proxy, \
              cannot be removed by the owner"]
        );
    }

    #[test]
    fn a_companys_certificate_on_a_managed_phone_is_low_and_says_why() {
        let records = [
            ("ios.profiles", json!({ "identifier": "mdm", "payload_types": ["com.apple.mdm"], "signed": true })),
            ("ios.profiles", json!({ "identifier": "ca", "payload_types": ["com.apple.security.root"], "signed": true })),
        ];
        let findings = judge(&HEURISTIC, &records);
        assert_eq!(findings.len(), 2);
        assert!(findings.iter().all(|finding| finding.level == Level::Low && finding.caveats.len() == 1));
    }

    #[test]
    fn the_signer_is_named_as_far_as_it_is_known() {
        let profile = json!({
            "payload_types": ["com.apple.mdm"],
            "signed": true,
            "signer_subjects": [null, "CN=mdm.example.org"],
        });
        let findings = judge(&HEURISTIC, &[("ios.profiles", profile)]);
        let signer = "its signer's certificate names CN=mdm.example.org; whether the signature holds was not checked";
        assert_eq!(findings[0].caveats, ["the phone is managed by a server, as employers and schools do", signer]);
    }

    #[test]
    fn wifi_and_mail_profiles_are_silent() {
        let records = [
            ("ios.profiles", json!({ "payload_types": ["com.apple.wifi.managed", "com.apple.mail.managed"] })),
            ("ios.profiles", json!({ "removal_disallowed": false })),
        ];
        assert_eq!(verdicts(&HEURISTIC, &records), [""; 0]);
    }

    #[test]
    fn an_ad_blockers_dns_profile_is_low() {
        let profile = json!({ "identifier": "dns", "payload_types": ["com.apple.dnsSettings.managed"] });
        let findings = judge(&HEURISTIC, &[("ios.profiles", profile)]);
        assert_eq!(findings[0].level, Level::Low);
        assert_eq!(findings[0].caveats, ["the profile is not signed, so its stated issuer proves nothing"]);
    }
}
