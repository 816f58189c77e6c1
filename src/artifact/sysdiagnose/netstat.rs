use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "sysdiagnose.netstat",
    title: "Open connections (netstat)",
    about: "Whom the phone was connected to just before and after the sysdiagnose was made.",
    files: &["/sysdiagnose/{logs/Networking,WiFi}/netstat*.txt", "/sysdiagnose/netstat*.txt"],
    columns: &[
        time("seen", Epoch::BeforeSnapshot, Moment::NetworkUsed),
        text("protocol"),
        text("local"),
        host("remote"),
        int("remote_port"),
        text("state"),
        process("process"),
        int("pid"),
    ],
    shows: Trace::Resolved,
    line: "{process} {protocol} {local} to {remote} port {remote_port} {state}",
    parse: Parse::Text(parse),
};

/// The columns are proto, two queues, local and foreign address, state; later versions add `process:pid` somewhere behind.
fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    let (mut known, mut any) = (false, false);
    while let Some((number, line)) = lines.next()? {
        any |= !line.trim().is_empty();
        known |= line.contains("Foreign Address") || line.starts_with("Active ") || line.starts_with("Routing table");
        let words: Vec<&str> = line.split_whitespace().collect();
        let [protocol, received, sent, local, remote, rest @ ..] = words.as_slice() else { continue };
        let is_queue = |word: &str| word.parse::<u64>().is_ok();
        let is_socket = ["tcp", "udp", "icm"].iter().any(|kind| protocol.starts_with(kind));
        if !is_socket || !is_queue(received) || !is_queue(sent) || remote.starts_with('*') {
            continue;
        }
        let (address, port) = remote.rsplit_once('.').unwrap_or((remote, ""));
        let state = rest.first().copied().filter(|word| is_state(word));
        let owner = rest.iter().find_map(|word| {
            let (name, pid) = word.rsplit_once(':')?;
            Some((name, pid.parse::<i64>().ok()?)).filter(|(name, _)| !name.is_empty() && !name.contains(':'))
        });
        out.push(
            Place::Line { line: number },
            [
                0_i64.into(),
                (*protocol).into(),
                (*local).into(),
                address.split('%').next().into(),
                port.parse::<i64>().ok().into(),
                state.into(),
                owner.map(|(name, _)| name).into(),
                owner.map(|(_, pid)| pid).into(),
            ],
        );
    }
    anyhow::ensure!(known || !any, "holds no table of netstat");
    Ok(())
}

/// `ESTABLISHED`, `FIN_WAIT_1`.
fn is_state(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_uppercase())
        && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const TEXT: &str = "\
Active Internet connections (including servers)
Proto Recv-Q Send-Q  Local Address          Foreign Address        (state)      rhiwat shiwat process:pid
tcp4       0      0  192.168.1.5.50001      203.0.113.7.443        ESTABLISHED  131072 131072 apsd:88
tcp6       0      0  fe80::1%en0.50002      2001:db8::7.5223       TIME_WAIT
tcp4       0      0  *.62078                *.*                    LISTEN
udp4       0      0  192.168.1.5.5353       203.0.113.8.53
Active LOCAL (UNIX) domain sockets
abc stream 0 0 0 def 0 0 /var/run/x
";

    #[test]
    fn connections_have_their_address_and_port_apart() {
        let (records, warnings) = rows_timed(&ARTIFACT, "/x", TEXT.as_bytes());
        assert!(warnings.is_empty(), "{warnings:?}");
        let told: Vec<_> = records
            .as_array()
            .unwrap()
            .iter()
            .map(|record| [&record["remote"], &record["remote_port"], &record["state"], &record["process"], &record["pid"]])
            .collect();
        assert_eq!(
            json!(told),
            json!([
                ["203.0.113.7", 443, "ESTABLISHED", "apsd", 88],
                ["2001:db8::7", 5223, "TIME_WAIT", null, null],
                ["203.0.113.8", 53, null, null, null],
            ])
        );
        assert_eq!(rows_at(&ARTIFACT, "/x", b"netstat: illegal option\n").1.len(), 1);
        shake(&ARTIFACT, TEXT.as_bytes());
    }
}
