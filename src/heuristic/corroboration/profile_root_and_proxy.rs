use std::collections::BTreeSet;

use jiff::Timestamp;

use super::prelude::*;

pub const CORROBORATION: Corroboration = Corroboration {
    id: "profile_root_and_proxy",
    title: "Profile, trusted root and carried connections come together",
    looks_at: "Configuration profiles of one day, the certificate authorities that the phone trusts beyond those of iOS, and proxies, VPNs, relays and name servers \
        that a profile or a network's settings prescribe. Trusted authorities count that are in one of the profiles or begin within a day of it; what has no time of its own counts with them.",
    why_it_matters: "Each of the three is ordinary. Together they let whoever runs the server read encrypted connections: the profile brings both the authority \
        that vouches and the way past its holder. Targeted interception and stalking of iPhones without a flaw work in this way.",
    innocent_causes: "The employer or school that manages the phone, for which nothing is raised; a debugging proxy that a developer or a laboratory set up; parental \
        control that filters at its own server; a university's profile with its Wi-Fi and VPN, where its authority is not trusted for web sites.",
    next_check: "Ask the owner who installed the profile on that day and why. Note the server's addresses from the finding before anything is removed.",
    false_positives: "Expected on 1 of 2,000 phones: of people who debug apps, and of families with such parental control. Managed phones are left out.",
    references: &[
        "https://support.apple.com/102390",
        "https://blog.talosintelligence.com/2018/07/Mobile-Malware-Campaign-uses-Malicious-MDM.html",
    ],
    reads: &[
        Reads { artifact: PROFILES, keep: |_| true },
        Reads { artifact: ROOTS, keep: |record| record.value("trust").as_text() != Some("denied") },
        Reads { artifact: EXTENSIONS, keep: |record| !record.value("profile").is_null() && !matches!(record.value("enabled"), Value::Bool(false)) },
        Reads {
            artifact: NETWORKS,
            keep: |record| !record.value("proxies").is_null() || !record.value("proxy_script").is_null(),
        },
        Reads { artifact: MANAGEMENT, keep: |record| !record.value("server").is_null() },
    ],
    weigh: |findings, kept, set| weigh(findings, kept, set),
};

const PROFILES: &str = "ios.profiles";
const ROOTS: &str = "ios.trust_store";
const EXTENSIONS: &str = "ios.network_extensions";
const NETWORKS: &str = "ios.network_preferences";
const MANAGEMENT: &str = "ios.management";
const DAY_S: u64 = 86_400;
/// Rules whose findings are about the three.
const MEMBERS: [&str; 3] = ["network_taken_over", "profile_takes_control", "user_trusted_root"];
/// Payloads by which a profile carries or resolves the phone's connections.
const CARRIERS: [&str; 7] = [
    "com.apple.proxy.http.global",
    "com.apple.vpn.managed",
    "com.apple.vpn.managed.applayer",
    "com.apple.dnsSettings.managed",
    "com.apple.dnsProxy.managed",
    "com.apple.relay.managed",
    "com.apple.webcontent-filter",
];

fn near(one: Option<Timestamp>, other: Option<Timestamp>) -> bool {
    one.zip(other).is_some_and(|(one, other)| one.as_second().abs_diff(other.as_second()) <= DAY_S)
}

fn has(list: &Value<'_>, wanted: &dyn Fn(&str) -> bool) -> bool {
    match list {
        Value::List(items) => items.iter().filter_map(Value::as_text).any(wanted),
        one => one.as_text().is_some_and(wanted),
    }
}

/// The records that belong together around one profile.
struct Group<'a> {
    profiles: Vec<&'a Exhibit>,
    roots: Vec<&'a Exhibit>,
    carriers: Vec<&'a Exhibit>,
}

impl<'a> Group<'a> {
    fn of(first: &'a Exhibit, kept: &'a Kept) -> Group<'a> {
        let at = first.time("installed");
        let all = kept.of(PROFILES).iter();
        let profiles: Vec<&Exhibit> =
            all.filter(|one| std::ptr::eq(*one, first) || near(one.time("installed"), at)).collect();
        let ids: BTreeSet<&str> =
            profiles.iter().flat_map(|one| [one.text("identifier"), one.text("uuid")]).filter(|id| !id.is_empty()).collect();
        let is_theirs = |root: &Exhibit| {
            let digest = root.text("sha256");
            let inside = |digests: &Value<'_>| has(digests, &|one| one.eq_ignore_ascii_case(digest));
            near(root.time("valid_from"), at)
                || !digest.is_empty() && profiles.iter().any(|one| inside(one.value("certificate_sha256")))
        };
        let roots = kept.of(ROOTS).iter().filter(|root| is_theirs(root)).collect();
        let carries = |one: &&Exhibit| has(one.value("payload_types"), &|kind| CARRIERS.contains(&kind));
        let mut carriers: Vec<&Exhibit> = profiles.iter().copied().filter(carries).collect();
        carriers.extend(kept.of(EXTENSIONS).iter().filter(|one| ids.contains(one.text("profile"))));
        carriers.extend(kept.of(NETWORKS));
        Group { profiles, roots, carriers }
    }

    fn holds(&self, exhibit: &Exhibit) -> bool {
        let all = self.profiles.iter().chain(&self.roots).chain(&self.carriers);
        all.into_iter().any(|one| one.place == exhibit.place && one.path == exhibit.path && one.artifact == exhibit.artifact)
    }
}

fn weigh(findings: &mut [Finding], kept: &Kept, _: &IndicatorSet) {
    let is_managed = |profile: &Exhibit| has(profile.value("payload_types"), &|kind| kind == "com.apple.mdm");
    if !kept.of(MANAGEMENT).is_empty() || kept.of(PROFILES).iter().any(is_managed) {
        return;
    }
    let mut told = BTreeSet::new();
    for first in kept.of(PROFILES).iter().take(MOST) {
        let group = Group::of(first, kept);
        if group.roots.is_empty() || group.carriers.is_empty() {
            continue;
        }
        let why = why(&group);
        for (index, finding) in findings.iter_mut().enumerate() {
            let Rule::Heuristic(id) = finding.rule else { continue };
            if MEMBERS.contains(&id) && group.holds(&finding.exhibit) && told.insert(index) {
                finding.weigh(CORROBORATION.id, Weight::Raises, why.clone());
            }
        }
    }
}

/// Profiles looked at; a phone has a handful.
const MOST: usize = 100;

fn why(group: &Group<'_>) -> String {
    let names = |exhibits: &[&Exhibit], columns: &[&str]| {
        let name = |one: &&Exhibit| {
            let name = columns.iter().map(|column| one.value(column).show()).find(|name| !name.is_empty());
            name.unwrap_or_else(|| "without a name".into())
        };
        let mut names: Vec<String> = exhibits.iter().map(name).collect();
        names.sort();
        names.dedup();
        names.truncate(3);
        names.join(", ")
    };
    let undated = group.carriers.iter().any(|one| one.artifact == NETWORKS);
    let undated = if undated { "; when the proxy was set is not recorded" } else { "" };
    format!(
        "a profile ({}), a trusted certificate authority ({}) and what carries the connections ({}) belong together{undated}",
        names(&group.profiles, &["display_name", "identifier", "uuid"]),
        names(&group.roots, &["subject", "sha256"]),
        names(&group.carriers, &["service", "name", "display_name", "identifier", "uuid"]),
    )
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Row, json, levels, of_rule, weighed};
    use super::*;

    const AT: &str = "2024-03-01T10:00:00Z";

    fn profile(types: &[&str]) -> Row {
        (PROFILES, json!({"display_name": "Help", "identifier": "org.example.help", "installed": AT, "payload_types": types,
            "certificate_sha256": ["AB01"]}))
    }

    fn root(sha256: &str, from: &str) -> Row {
        (ROOTS, json!({"subject": "CN=Example Help", "sha256": sha256, "valid_from": from, "trust": "trusted as a root"}))
    }

    fn proxy() -> Row {
        (NETWORKS, json!({"service": "Wi-Fi", "proxies": ["203.0.113.5"]}))
    }

    fn findings(records: &[Row]) -> Vec<Finding> {
        let rule = |artifact: &str| match artifact {
            PROFILES => "profile_takes_control",
            ROOTS => "user_trusted_root",
            _ => "network_taken_over",
        };
        let mut found = Vec::new();
        // Rows are numbered by their place among the records.
        let kept = crate::heuristic::testing::kept(CORROBORATION.reads, records);
        for (artifact, row) in records {
            let mut finding = of_rule(rule(artifact), Trace::Policy, Level::Medium, (artifact, row.clone()));
            if let [exhibit] = kept.of(artifact) {
                finding.exhibit = exhibit.clone();
            }
            found.push(finding);
        }
        found
    }

    fn told(records: &[Row]) -> Vec<String> {
        levels(&CORROBORATION, findings(records), records)
    }

    #[test]
    fn the_three_together_raise_each_of_them() {
        let records = [profile(&["com.apple.security.root"]), root("ab01", "2020-01-01T00:00:00Z"), proxy()];
        assert_eq!(told(&records), ["HIGH raised"; 3]);
        let findings = weighed(&CORROBORATION, findings(&records), &records);
        assert_eq!(
            findings[0].weighed[0].why,
            "a profile (Help), a trusted certificate authority (CN=Example Help) and what carries the connections (Wi-Fi) belong \
             together; when the proxy was set is not recorded"
        );
        let fresh = [profile(&["com.apple.vpn.managed"]), root("cd02", "2024-03-01T09:00:00Z")];
        assert_eq!(told(&fresh), ["HIGH raised"; 2]);
        let vpn = (EXTENSIONS, json!({"app": "com.example.vpn", "kinds": ["VPN"], "profile": "org.example.help"}));
        assert_eq!(told(&[profile(&[]), root("ab01", AT), vpn]), ["HIGH raised"; 3]);
    }

    #[test]
    fn two_of_three_another_day_and_a_managed_phone_change_nothing() {
        assert_eq!(told(&[profile(&["com.apple.security.root"]), root("ab01", AT)]), ["MEDIUM"; 2]);
        assert_eq!(told(&[profile(&["com.apple.vpn.managed", "com.apple.security.root"])]), ["MEDIUM"]);
        assert_eq!(told(&[root("ab01", AT), proxy()]), ["MEDIUM"; 2]);
        let old = [profile(&["com.apple.vpn.managed"]), root("cd02", "2019-01-01T00:00:00Z")];
        assert_eq!(told(&old), ["MEDIUM"; 2]);
        let managed = [profile(&["com.apple.mdm", "com.apple.vpn.managed"]), root("ab01", AT)];
        assert_eq!(told(&managed), ["MEDIUM"; 2]);
        let mut foreign = vec![profile(&["com.apple.vpn.managed"]), root("ab01", AT)];
        let alone = findings(&foreign);
        foreign.push((MANAGEMENT, json!({"server": "https://mdm.example.org"})));
        assert_eq!(levels(&CORROBORATION, alone, &foreign), ["MEDIUM"; 2]);
    }
}
