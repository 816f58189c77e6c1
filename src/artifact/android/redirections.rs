use crate::artifact::android_text::bounded;
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.redirections",
    title: "Redirected connections",
    about: "Rules of the packet filter that send connections somewhere else than where they were meant to go.",
    files: &["/dumpstate/IPTABLE*NAT*", "/dumpstate/IP6TABLE*NAT*"],
    columns: &[text("chain"), text("target"), host("destination"), text("rule")],
    shows: Trace::Policy,
    line: "packet filter, chain {chain}: {rule}",
    parse: Parse::Text(parse),
};

/// `iptables -t nat -L -nvx`: the target is the third word, or the first without counters.
fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    let mut chain = String::new();
    while let Some((number, line)) = lines.next()? {
        let line = line.trim();
        if let Some(rest) = line.strip_prefix("Chain ") {
            chain = bounded(rest.split_whitespace().next().unwrap_or_default()).to_owned();
            continue;
        }
        let Some(target) = line.split_whitespace().take(3).find(|word| matches!(*word, "REDIRECT" | "DNAT")) else { continue };
        let to = line.split_once(" to:").map(|(_, to)| to.split_whitespace().next().unwrap_or_default());
        out.push(
            Place::Line { line: number },
            [chain.as_str().into(), target.into(), to.filter(|_| target == "DNAT").into(), bounded(line).into()],
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const TEXT: &str = "\
Chain OUTPUT (policy ACCEPT 1 packets, 2 bytes)
    pkts      bytes target     prot opt in     out     source               destination
       0        0 DNAT       tcp  --  *      *       0.0.0.0/0            0.0.0.0/0            tcp dpt:53 to:203.0.113.9:53
       0        0 oem_nat    all  --  *      *       0.0.0.0/0            0.0.0.0/0
";

    #[test]
    fn rules_that_redirect_are_told_with_their_chain() {
        let rule = "0        0 DNAT       tcp  --  *      *       0.0.0.0/0            0.0.0.0/0            tcp dpt:53 to:203.0.113.9:53";
        assert_eq!(
            rows(&ARTIFACT, TEXT.as_bytes()),
            json!([{"chain": "OUTPUT", "target": "DNAT", "destination": "203.0.113.9:53", "rule": rule,
                    "_line": format!("packet filter, chain OUTPUT: {rule}")}])
        );
    }

    #[test]
    fn broken_text_never_panics() {
        shake(&ARTIFACT, TEXT.as_bytes());
    }
}
