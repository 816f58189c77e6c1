use std::net::IpAddr;

use crate::artifact::android_text::{number_after, package_of_process};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.sockets",
    title: "Connections",
    about: "Network connections that were open when the report was made, and ports on which the phone waited for some.",
    files: &["/sockets", "/dumpstate/NETSTAT"],
    columns: &[
        time("seen", Epoch::BeforeSnapshot, Moment::NetworkUsed),
        text("protocol"),
        text("state"),
        host("remote"),
        int("remote_port"),
        text("local"),
        int("local_port"),
        process("process"),
        app_id("package"),
        int("pid"),
        int("uid"),
    ],
    shows: Trace::Resolved,
    line: "{protocol} {state} from {local} port {local_port} to {remote} port {remote_port} by {process} (user id {uid})",
    parse: Parse::Text(parse),
};

const PROTOCOLS: [&str; 8] = ["tcp", "tcp6", "udp", "udp6", "raw", "raw6", "udpl", "icmp6"];

/// `netstat -nW` has the counters before the addresses and the state behind them, `ss -eionptu` has the state first.
fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    while let Some((number, line)) = lines.next()? {
        let mut words = line.split_whitespace();
        let Some(protocol) = words.next().filter(|word| PROTOCOLS.contains(word)) else { continue };
        let words: Vec<&str> = words.take(5).collect();
        let (state, local, remote) = match words.as_slice() {
            [received, sent, local, remote, rest @ ..] if is_number(received) && is_number(sent) => {
                let state = rest.first().copied().filter(|word| word.bytes().all(|byte| byte.is_ascii_uppercase() || b"_0123456789".contains(&byte)));
                (state, *local, *remote)
            }
            [state, received, sent, local, remote] if is_number(received) && is_number(sent) => (Some(*state), *local, *remote),
            _ => continue,
        };
        let (Some((local, local_port)), Some((remote, remote_port))) = (address(local), address(remote)) else { continue };
        let process = line.split_once("users:((\"").and_then(|(_, rest)| rest.split('"').next());
        out.push(
            Place::Line { line: number },
            [
                0_i64.into(),
                protocol.into(),
                state.filter(|state| !is_number(state)).into(),
                remote.into(),
                remote_port.into(),
                local.into(),
                local_port.into(),
                process.into(),
                process.and_then(package_of_process).into(),
                number_after(&line, "pid=").into(),
                number_after(&line, "uid:").into(),
            ],
        );
    }
    Ok(())
}

fn is_number(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit())
}

/// Address and port; an address of IPv4 that is written as one of IPv6 becomes what it is, "any" becomes nothing.
fn address(word: &str) -> Option<(Option<String>, Option<i64>)> {
    let (host, port) = word.rsplit_once(':')?;
    let host = host.trim_matches(['[', ']']).split('%').next().unwrap_or(host);
    let port = port.parse().ok();
    let host = match host.parse::<IpAddr>() {
        Ok(ip) if ip.is_unspecified() => None,
        Ok(IpAddr::V6(ip)) => Some(ip.to_ipv4_mapped().map_or(ip.to_string(), |ip| ip.to_string())),
        Ok(ip) => Some(ip.to_string()),
        Err(_) if matches!(host, "*" | "::" | "") => None,
        Err(_) => return None,
    };
    Some((host, port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const TEXT: &str = "\
Netid State  Recv-Q Send-Q Local Address:Port Peer Address:Port
tcp   ESTAB  0      0      [::ffff:10.0.0.5]:41234 [::ffff:203.0.113.9]:443 users:((\"org.example.a\",pid=12,fd=3)) uid:10123 ino:1
tcp LISTEN 0 50 *:5555 *:* uid:2000
Proto Recv-Q Send-Q Local Address Foreign Address State
tcp6 0 0 ::ffff:10.0.0.5:4000 ::ffff:203.0.113.9:443 ESTABLISHED
udp 0 0 10.0.0.5%wlan0:68 192.168.1.1:67
tcp nonsense
";

    #[test]
    fn both_commands_name_addresses_without_their_wrapping() {
        let (records, _) = rows_timed(&ARTIFACT, "/sockets", TEXT.as_bytes());
        let told: Vec<&str> = records.as_array().unwrap().iter().map(|record| record["_line"].as_str().unwrap()).collect();
        assert_eq!(
            told,
            [
                "tcp ESTAB from 10.0.0.5 port 41234 to 203.0.113.9 port 443 by org.example.a (user id 10123)",
                "tcp LISTEN from  port 5555 to  port  by  (user id 2000)",
                "tcp6 ESTABLISHED from 10.0.0.5 port 4000 to 203.0.113.9 port 443 by  (user id )",
                "udp  from 10.0.0.5 port 68 to 192.168.1.1 port 67 by  (user id )",
            ]
        );
    }

    #[test]
    fn broken_text_never_panics() {
        shake(&ARTIFACT, TEXT.as_bytes());
    }
}
