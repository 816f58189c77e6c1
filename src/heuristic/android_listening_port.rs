use std::collections::BTreeMap;

use super::prelude::*;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "android_listening_port",
    title: "The phone waits for connections",
    looks_at: "Ports on which apps, the debugging service or a shell wait for connections from the network.",
    why_it_matters: "Debugging over the network gives whoever is near, and holds an accepted key, the same power as a cable. An app that \
        waits for connections may be a door.",
    innocent_causes: "Developers debug without a cable; apps that play on other devices, share files or print wait for connections as a \
        matter of course.",
    next_check: "Ask whether wireless debugging was switched on by purpose, and see which app has the user id.",
    references: &["https://developer.android.com/tools/adb"],
    reads: &[Reads {
        artifact: "android.sockets",
        keep: |record| record.value("state").as_text() == Some("LISTEN") && !is_local(record.value("local").as_text()),
    }],
    check,
};

fn is_local(address: Option<&str>) -> bool {
    address.is_some_and(|address| address.starts_with("127.") || address == "::1")
}

const SHELL: i64 = 2000;
const FIRST_APP: i64 = 10_000;

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    let mut ports: BTreeMap<i64, &Exhibit> = BTreeMap::new();
    let mut adb: Option<(i64, &Exhibit)> = None;
    for socket in kept.of("android.sockets") {
        let Some(port) = socket.value("local_port").as_int() else { continue };
        let uid = socket.value("uid").as_int();
        if socket.text("process") == "adbd" || uid == Some(SHELL) || port == 5555 {
            adb.get_or_insert((port, socket));
        } else if uid.is_some_and(|uid| uid % 100_000 >= FIRST_APP) {
            ports.entry(port).or_insert(socket);
        }
    }
    if let Some((port, socket)) = adb {
        let message = format!("Debugging over the network or a program of the shell waits for connections at port {port}");
        findings.push(Finding::of_rule(HEURISTIC.id, Level::Low, Trace::Policy, message, socket));
    }
    let Some(first) = ports.values().next() else { return };
    let words: Vec<String> = ports
        .iter()
        .map(|(port, socket)| match socket.text("process") {
            "" => format!("{port} (user id {})", socket.value("uid").show()),
            process => format!("{port} ({process}, user id {})", socket.value("uid").show()),
        })
        .collect();
    let message = format!("Apps wait for connections at ports {}", super::packages::named(words.iter().map(String::as_str)));
    findings.push(Finding::of_rule(HEURISTIC.id, Level::Informational, Trace::Executed, message, first));
}

#[cfg(test)]
mod tests {
    use super::super::testing::{json, verdicts};
    use super::*;

    fn listening(local: serde_json::Value, port: i64, uid: i64) -> (&'static str, serde_json::Value) {
        ("android.sockets", json!({ "state": "LISTEN", "local": local, "local_port": port, "uid": uid }))
    }

    #[test]
    fn debugging_is_told_and_apps_are_listed() {
        let records = [listening(json!(null), 5555, 2000), listening(json!("10.0.0.5"), 8080, 10_123)];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            [
                "LOW Debugging over the network or a program of the shell waits for connections at port 5555",
                "INFORMATIONAL Apps wait for connections at ports 8080 (user id 10123)",
            ]
        );
    }

    #[test]
    fn the_phone_itself_and_its_services_are_silent() {
        let records = [listening(json!("127.0.0.1"), 5555, 2000), listening(json!("::1"), 80, 10_123), listening(json!(null), 53, 1052)];
        assert_eq!(verdicts(&HEURISTIC, &records), [""; 0]);
    }
}
