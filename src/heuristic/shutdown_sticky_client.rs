use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::prelude::*;
use super::programs;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "shutdown_sticky_client",
    title: "A program held up the shutdown of the phone",
    looks_at: "The shutdown log: programs that iOS still waited for in several notices of one shutdown, or at several shutdowns, and \
        shutdowns with three notices or more.",
    why_it_matters: "Implants that hide from the system do not end when they are told to, so the log names them at one shutdown after \
        another. It was found so on phones with Pegasus, Reign and Predator, and the log reaches back for months or years.",
    innocent_causes: "Ordinary daemons resist too: updates of iOS, full storage and debugging make shutdowns slow, which by itself is \
        only listed as LOW. Programs outside the folders of iOS are rare, but those of a jailbreak and of developers are among them.",
    next_check: "Compare the dates with iOS updates. For a program outside the folders of iOS look for the same path in the statistics \
        of the system log and in the process lists, and ask about a jailbreak.",
    references: &["https://securelist.com/shutdown-log-lightweight-ios-malware-detection-method/111734/"],
    reads: READS,
    check,
};

const READS: &[Reads] = &[
    Reads { artifact: "ios.shutdown_log", keep: |record| {
        let client = record.value("client").as_text().unwrap_or_default();
        let notices = |column| record.value(column).as_int().unwrap_or(0);
        let mac = client.starts_with("/System/") && client.contains("/Contents/MacOS/");
        programs::folder_of(client) != programs::Folder::Standard || notices("notices") >= MANY_NOTICES || mac
    } },
    Reads { artifact: "sysdiagnose.mounts", keep: is_sign },
    Reads { artifact: "sysdiagnose.spindump_images", keep: is_sign },
    Reads { artifact: "sysdiagnose.sysctl", keep: is_sign },
];

fn is_sign(record: &Record<'_>) -> bool {
    programs::jailbreak_sign(record.artifact.id, &|name| record.value(name)).is_some()
}

/// Kaspersky's tool calls a shutdown with three notices delayed.
const MANY_NOTICES: i64 = 3;
/// Dates and programs named in a message.
const NAMED: usize = 5;

/// A shutdown: its time, as the same log may lie in two archives, and else its place in the file.
type Shutdown<'a> = (Option<Timestamp>, &'a str, i64);

fn shutdown(client: &Exhibit) -> Shutdown<'_> {
    match client.time("shutdown") {
        Some(time) => (Some(time), "", 0),
        None => (None, &client.stored_as, client.value("block").as_int().unwrap_or(0)),
    }
}

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    let jailbroken = programs::is_jailbroken(kept);
    for (path, clients) in programs::outside(kept) {
        // It ends with the shutdown that installs the update.
        if programs::folder_of(&path) == programs::Folder::Update {
            continue;
        }
        findings.extend(sticky(&path, &clients, jailbroken));
    }
    findings.extend(slow(kept.of("ios.shutdown_log")));
}

fn sticky(path: &str, clients: &[&Exhibit], jailbroken: bool) -> Option<Finding> {
    let shutdowns: BTreeSet<Shutdown<'_>> = clients.iter().map(|client| shutdown(client)).collect();
    let notices = clients.iter().filter_map(|client| client.value("client_notices").as_int()).max().unwrap_or(0);
    if shutdowns.len() < 2 && notices < 2 {
        return None;
    }
    let first = clients.iter().min_by_key(|client| (client.at().is_none(), client.at()))?;
    let level = if jailbroken { Level::Medium } else { Level::High };
    let what = match shutdowns.len() {
        1 => format!("in {notices} notices of one shutdown"),
        count => format!("at {count} shutdowns"),
    };
    let message = format!("The program {path}, outside the folders of iOS, held up the phone {what}");
    let mut finding = Finding::of_rule(HEURISTIC.id, level, Trace::Executed, message, first);
    finding.column = Some("client");
    path.clone_into(&mut finding.value);
    path.clone_into(&mut finding.matched);
    if jailbroken {
        finding.caveats.push(programs::JAILBROKEN.into());
    }
    Some(finding)
}

/// Shutdowns with many notices, all of them as one finding.
fn slow(clients: &[Exhibit]) -> Option<Finding> {
    let mut shutdowns: BTreeMap<Shutdown<'_>, (i64, &Exhibit)> = BTreeMap::new();
    let mut names: BTreeMap<&str, usize> = BTreeMap::new();
    for client in clients {
        let notices = client.value("notices").as_int().unwrap_or(0);
        if notices < MANY_NOTICES {
            continue;
        }
        shutdowns.entry(shutdown(client)).or_insert((notices, client));
        let path = client.text("client");
        // The kernel is there in every notice.
        if client.value("client_notices").as_int().unwrap_or(0) >= MANY_NOTICES && path != "/kernel" {
            *names.entry(path).or_default() += 1;
        }
    }
    let (_, first) = shutdowns.values().max_by_key(|(notices, _)| *notices)?;
    let dates: Vec<String> = shutdowns.keys().filter_map(|(time, ..)| time.map(crate::time::short)).take(NAMED).collect();
    let dates = if dates.is_empty() { "at unknown times".to_owned() } else { dates.join(", ") };
    let mut named: Vec<(&str, usize)> = names.into_iter().collect();
    named.sort_by_key(|(name, count)| (std::cmp::Reverse(*count), *name));
    let named: Vec<&str> = named.into_iter().map(|(name, _)| name).take(NAMED).collect();
    let waited = if named.is_empty() { String::new() } else { format!("; it waited for {}", named.join(", ")) };
    let count = if shutdowns.len() == 1 { "One shutdown was".into() } else { format!("{} shutdowns were", shutdowns.len()) };
    let message = format!("{count} unusually slow ({dates}){waited}");
    let mut finding = Finding::of_rule(HEURISTIC.id, Level::Low, Trace::Executed, message, first);
    finding.caveats.push("updates of iOS and full storage make shutdowns slow on healthy phones".into());
    Some(finding)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heuristic::testing::{json, verdicts};

    fn client(path: &str, block: i64, notices: i64, client_notices: i64) -> (&'static str, serde_json::Value) {
        let time = format!("2023-11-{:02}T00:00:00Z", block + 1);
        let columns = json!({
            "shutdown": time, "client": path, "block": block, "notices": notices, "client_notices": client_notices,
        });
        ("ios.shutdown_log", columns)
    }

    const UPDATE: &str = "/private/var/db/com.apple.xpc.roleaccountd.staging/\
        com.apple.MobileSoftwareUpdate.UpdateBrainService.1.2.xpc/com.apple.MobileSoftwareUpdate.UpdateBrainService";

    #[test]
    fn a_program_outside_ios_in_several_notices_or_shutdowns_is_high() {
        let records = [client("/private/var/db/a/x", 1, 2, 2), client("/opt/y", 1, 2, 1), client("/opt/y", 2, 1, 1)];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            [
                "HIGH The program /opt/y, outside the folders of iOS, held up the phone at 2 shutdowns",
                "HIGH The program /private/var/db/a/x, outside the folders of iOS, held up the phone in 2 notices of one shutdown",
            ]
        );
    }

    #[test]
    fn the_same_shutdown_in_two_archives_is_one() {
        let records = [client("/opt/y", 1, 1, 1), client("/opt/y", 1, 1, 1)];
        assert_eq!(verdicts(&HEURISTIC, &records), [""; 0]);
    }

    #[test]
    fn slow_shutdowns_are_one_low_finding() {
        let records = [
            client("/kernel", 1, 3, 3),
            client("/usr/libexec/softwareupdated", 1, 3, 3),
            client("/usr/libexec/nfcd", 1, 3, 1),
            client("/usr/libexec/softwareupdated", 2, 4, 3),
        ];
        assert_eq!(
            verdicts(&HEURISTIC, &records),
            ["LOW 2 shutdowns were unusually slow (2023-11-02 00:00:00 UTC, 2023-11-03 00:00:00 UTC); it waited for \
              /usr/libexec/softwareupdated"]
        );
    }

    #[test]
    fn daemons_and_apps_that_linger_a_little_are_silent() {
        let app = "/private/var/containers/Bundle/Application/U/A.app/A";
        let records = [
            client("/usr/libexec/securityd", 1, 2, 2),
            client("/usr/libexec/securityd", 2, 2, 2),
            client(app, 1, 2, 2),
            client(app, 2, 2, 2),
            client("/private/var/MobileSoftwareUpdate/x", 1, 2, 2),
            client(UPDATE, 1, 2, 2),
            client(UPDATE, 2, 2, 2),
        ];
        assert_eq!(verdicts(&HEURISTIC, &records), [""; 0]);
    }

    #[test]
    fn a_jailbreak_lowers_it_and_its_own_programs_are_left_to_its_rule() {
        let jailbreak = client("/private/var/jb/usr/bin/x", 1, 2, 2);
        assert_eq!(verdicts(&HEURISTIC, std::slice::from_ref(&jailbreak)), [""; 0]);
        let verdicts = verdicts(&HEURISTIC, &[jailbreak, client("/opt/y", 1, 2, 2)]);
        assert!(verdicts.len() == 1 && verdicts[0].starts_with("MEDIUM "), "{verdicts:?}");
    }
}
