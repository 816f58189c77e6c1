use std::collections::BTreeMap;

use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "android_redirected_traffic",
    title: "The packet filter redirects connections",
    looks_at: "Rules of the phone's packet filter that send connections elsewhere, outside the chains that Android uses for sharing its \
        connection.",
    why_it_matters: "Only root can set such rules. They can send all names that are looked up, or all connections, through somebody else.",
    innocent_causes: "Firewalls, ad blockers and VPNs on rooted phones; makers' own services on some models.",
    next_check: "See whether the phone is rooted with its owner's knowledge and which app redirects.",
    references: &["https://source.android.com/docs/core/ota/modular-system/tethering"],
    reads: &[Reads {
        artifact: "android.redirections",
        keep: |record| {
            const OWN: [&str; 5] = ["tetherctrl_", "natctrl_", "oem_", "bw_", "st_"];
            record.value("chain").as_text().is_none_or(|chain| !OWN.iter().any(|own| chain.starts_with(own)))
        },
    }],
    check: |kept, findings| {
        let mut chains: BTreeMap<&str, (u64, &Exhibit)> = BTreeMap::new();
        for record in kept.of("android.redirections") {
            chains.entry(record.text("chain")).or_insert((0, record)).0 += 1;
        }
        for (chain, (count, first)) in chains.into_iter().take(20) {
            let message = format!("The packet filter's chain {chain} redirects connections ({count} rules)");
            findings.push(Finding::of_rule(HEURISTIC.id, Level::Low, Trace::Policy, message, first));
        }
    },
};

#[cfg(test)]
mod tests {
    use super::super::testing::{json, verdicts};
    use super::*;

    #[test]
    fn rules_of_one_chain_are_one_finding_and_sharing_is_silent() {
        let records = ["OUTPUT", "OUTPUT", "oem_nat_pre", "tetherctrl_nat_PREROUTING"]
            .map(|chain| ("android.redirections", json!({ "chain": chain, "target": "DNAT" })));
        assert_eq!(verdicts(&HEURISTIC, &records), ["LOW The packet filter's chain OUTPUT redirects connections (2 rules)"]);
    }
}
