use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "user_trusted_root",
    title: "A certificate authority was added to the phone",
    looks_at: "Root certificates that the phone trusts beyond those of iOS.",
    why_it_matters: "Whoever holds the key of such a root and stands between the phone and the internet, as a Wi-Fi network, a VPN or a \
        provider does, can read and change encrypted connections without a warning.",
    innocent_causes: "An employer or school that inspects traffic or runs its own servers, an ad blocker or parental control that filters, \
        and debugging proxies (mitmproxy, Charles, Proxyman, Burp) that the owner or a laboratory installed.",
    next_check: "Ask the owner about the name of the authority, and look for the profile that brought it in Settings, General, VPN & Device \
        Management. Look for a VPN, a proxy or a profile that carries the connections at the same time.",
    references: &[
        "https://support.apple.com/102390",
        "https://support.apple.com/guide/deployment/distribute-certificates-depcdc9a6a3f/web",
    ],
    reads: &[
        Reads { artifact: ARTIFACT, keep: |_| true },
        Reads { artifact: MANAGEMENT, keep: |record| !record.value("server").is_null() },
    ],
    check: |kept, findings| {
        let managed = !kept.of(MANAGEMENT).is_empty();
        for root in kept.of(ARTIFACT) {
            findings.push(judge(root, managed));
        }
    },
};

const ARTIFACT: &str = "ios.trust_store";
const MANAGEMENT: &str = "ios.management";

fn judge(root: &Exhibit, managed: bool) -> Finding {
    let (subject, sha256, sha1) = (root.text("subject"), root.text("sha256"), root.text("sha1"));
    let digest = if sha256.is_empty() { sha1 } else { sha256 };
    let name = if subject.is_empty() { "without a readable name" } else { subject };
    let term = match (root.time("valid_from"), root.time("valid_until")) {
        (Some(from), Some(until)) => {
            format!(", good from {} until {}", from.strftime("%Y-%m-%d"), until.strftime("%Y-%m-%d"))
        }
        _ => String::new(),
    };
    // Added, and told not to be trusted for anything.
    if root.text("trust") == "denied" {
        let message = format!("A certificate authority was added and is not trusted: {name} ({digest}){term}");
        return Finding::of_rule(HEURISTIC.id, Level::Informational, Trace::Policy, message, root);
    }
    let message = format!("A certificate authority beyond those of iOS is trusted: {name} ({digest}){term}");
    // Managed phones get their company's roots as a matter of course.
    let level = if managed { Level::Low } else { Level::Medium };
    let mut finding = Finding::of_rule(HEURISTIC.id, level, Trace::Policy, message, root);
    if managed {
        finding.caveats.push("the phone is managed by a server, as employers and schools do".into());
    }
    finding
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heuristic::testing::{json, verdicts};

    #[test]
    fn a_trusted_root_is_told_with_name_digest_and_term() {
        let full = json!({"subject": "CN=Example Proxy", "sha256": "ab01", "valid_from": "2024-01-02T00:00:00Z",
            "valid_until": "2034-01-02T00:00:00Z", "trust": "trusted as a root"});
        assert_eq!(
            verdicts(&HEURISTIC, &[(ARTIFACT, full), (ARTIFACT, json!({"sha1": "ab02"}))]),
            [
                "MEDIUM A certificate authority beyond those of iOS is trusted: CN=Example Proxy (ab01), good from 2024-01-02 until \
                 2034-01-02",
                "MEDIUM A certificate authority beyond those of iOS is trusted: without a readable name (ab02)",
            ]
        );
    }

    #[test]
    fn a_companys_root_on_a_managed_phone_is_low() {
        let records = [(ARTIFACT, json!({"subject": "CN=Example"})), (MANAGEMENT, json!({"server": "https://mdm.example"}))];
        assert!(verdicts(&HEURISTIC, &records)[0].starts_with("LOW "));
    }

    #[test]
    fn one_that_is_denied_is_only_named_and_an_empty_store_is_silent() {
        let denied = json!({"subject": "CN=Example", "sha256": "ab03", "trust": "denied"});
        assert_eq!(
            verdicts(&HEURISTIC, &[(ARTIFACT, denied)]),
            ["INFORMATIONAL A certificate authority was added and is not trusted: CN=Example (ab03)"]
        );
        assert_eq!(verdicts(&HEURISTIC, &[]), [""; 0]);
    }
}
